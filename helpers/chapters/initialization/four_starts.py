"""Four starts: one small network, drawn unit by unit, which learns from some starts and not from others."""

from dataclasses import dataclass

import numpy as np

from helpers.chapters.initialization import starts
from helpers.chapters.initialization.starts import GUESSING, SNAPSHOTS, STARTS, STEPS, WIDTH, Snapshot
from helpers.figures import svg, theme
from helpers.figures.decades import Decades, Stretched
from helpers.figures.numbers import decades, from_log10, log10, short
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Verdict

RATES = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
CHUNK = 20  # steps between two results
LEARNED = GUESSING / 2
LOSSES = -3.2, 4.2  # decades that are shown
# What flows along a connection, |weight| × the size of what enters: it is drawn as wide as its decade says.
FLOWS = {1e-4: 0.15, 1e-3: 0.4, 1e-2: 0.8, 1e-1: 1.5, 1.0: 2.8, 10.0: 4.5, 100.0: 6.0}
# The size of what a unit answers, and of its dot. Below the smallest the circle stays empty.
ANSWERS = {1e-3: 3, 1e-2: 4.5, 1e-1: 6, 1.0: 8, 10.0: 10, 100.0: 12}


@dataclass(frozen=True)
class Result:
    """A network after so many steps."""

    losses: np.ndarray  # before each step so far, and now; infinite or NaN once it left the range
    step: int  # of the snapshot: the last one at or before the step that was asked for
    snapshot: Snapshot

    @property
    def loss(self):
        return float(self.losses[-1])

    @property
    def learns(self):
        return self.loss < LEARNED

    @property
    def silent(self):
        """The first hidden layer whose units are all off, for every example; None if there is none."""
        signal = self.snapshot.signal[1:-1]
        return None if signal.all() else int(np.argmin(signal)) + 1

    @property
    def arrives(self):
        """log10 of what is left of the signal at the last layer, and of the gradient at the first."""
        signal, gradient = self.snapshot.signal, self.snapshot.gradient
        return log10(signal[-1] / signal[0]), log10(gradient[0] / gradient[-1] if gradient[-1] else 0.0)


def experiment(s):
    """Settings ↦ Results, a few steps of training between them."""
    run = starts.run(s.start, s.depth, s.lr, s.seed)
    while run.done < s.step and not run.lost:
        run.advance(min(CHUNK, s.step - run.done))
        if run.done < s.step and not run.lost:
            yield _result(run, run.done)
    yield _result(run, s.step)


def _result(run, step):
    at = max(k for k in run.snapshots if k <= step)
    return Result(np.array(run.losses[: step + 1]), at, run.snapshots[at])


class FourStarts(Instrument):
    title = "Four starts of one network"
    question = (
        "This network gets two numbers, the place of a point, and has to say whether the point lies in a "
        "disc or in the ring around it. Every line is a weight: the wider, the more it carries. The dots "
        "show how large a unit's answers are. Take one step of training after another, up to "
        f"{STEPS}. From which starts does it learn? And what do you see in the drawing of the others?"
    )
    controls = (
        Choice("start", "First weights", tuple(STARTS), "medium", buttons=True),
        Slider("step", "Step", SNAPSHOTS, 0),
        Slider("depth", "Layers D", tuple(range(2, 11)), 8),
        # Before the first step a rate has done nothing: a move of it shows the end of the training.
        Slider("lr", "Learning rate η", RATES, 0.2, text="{:g}".format, implies={"step": STEPS}),
    )
    first = 2
    plays = "step"
    presets = {
        "Small weights, large steps": {"start": "small", "lr": 2.0, "step": STEPS},
        "Large weights, tiny steps": {"start": "large", "lr": 0.001, "step": STEPS},
    }
    challenges = (
        Challenge(
            "Rescue the small weights",
            f"Start from small weights: make the network learn within {STEPS} steps.",
            {"start": "small", "step": STEPS, "depth": 8, "lr": 0.2},
            lambda s, r: s.start == "small" and r.learns,
            "No learning rate helped the deep network. Two or three layers have too few factors to lose "
            "much: it is the depth that turns a poor start into a hopeless one.",
            {"depth": 3},
        ),
    )

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        grid = figure.add_gridspec(2, 2, width_ratios=(1.55, 1))
        net, loss, sizes = (figure.add_subplot(grid[where]) for where in ((slice(2), 0), (0, 1), (1, 1)))
        figure.subplots_adjust(left=0.01, right=0.985, bottom=0.2, top=0.93, wspace=0.19, hspace=0.75)
        net.set(xlim=(-0.04, 1.04), ylim=(-0.6, WIDTH - 0.4))
        net.set_axis_off()
        for x, name in ((0, "a point"), (1, "disc or ring?")):
            net.text(x, -0.06, name, transform=net.transAxes, ha="right" if x else "left", va="top")
        moving = {"animated": True}
        artists = {
            "weights": [
                [
                    net.plot([], [], "-", color=color, lw=width, zorder=2, **moving)[0]
                    for width in FLOWS.values()
                ]
                for color in (theme.MEASURED, theme.SECOND)
            ],
            "units": net.plot(
                [], [], "o", ms=12, mfc=theme.PAPER, mec=theme.MUTED, mew=1, zorder=3, **moving
            )[0],
            "answers": [
                net.plot([], [], "o", ms=size, color=theme.INK, zorder=4, **moving)[0]
                for size in ANSWERS.values()
            ],
            "loss": loss.plot([], [], color=theme.MEASURED, label="loss", **moving)[0],
            "now": loss.plot([], [], "o", ms=7, color=theme.MEASURED, **moving)[0],
            "lost": loss.plot([], [], **theme.LOST)[0],
            "signal": sizes.plot([], [], "-o", ms=5, color=theme.INK, label="signal →", **moving)[0],
            "gradient": sizes.plot([], [], "--^", ms=5, color=theme.THIRD, label="← gradient", **moving)[0],
            "decades": Decades(sizes, ticks=(-1, 0, 1)),
            "layers": Stretched(sizes),
        }
        for color, name in ((theme.MEASURED, "positive weight"), (theme.SECOND, "negative weight")):
            net.plot([], [], "-", color=color, lw=2.8, label=name)
        loss.axhline(GUESSING, **theme.TARGET)
        loss.text(STEPS / 2, GUESSING * 1.8, "guessing", fontsize=9)
        sizes.axhline(0, **theme.TARGET)
        loss.set(yscale="log", ylim=10.0 ** np.array(LOSSES))
        loss.set_yticks([1e-3, 1, 1e3], decades([-3, 0, 3]))
        loss.set_yticks([], minor=True)
        loss.set(xlim=(-4, STEPS + 4), xlabel="step")
        loss.set_title("Loss", loc="left")
        sizes.set_xlabel("layer")
        sizes.set_title("Size of signal and gradient", loc="left")
        figure.legend(*net.get_legend_handles_labels(), loc="lower left", ncols=2, fontsize=9)
        figure.legend(*sizes.get_legend_handles_labels(), loc="lower right", ncols=2, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        places = _places(s.depth)
        _draw_weights(artists["weights"], places, r.snapshot)
        every, answers = np.concatenate(places), np.concatenate(r.snapshot.units)
        artists["units"].set_data(*every.T)
        of = _decade(answers, ANSWERS)
        for size, artist in enumerate(artists["answers"]):
            artist.set_data(*every[of == size].T)
        steps, losses = np.arange(len(r.losses)), _within(r.losses)
        artists["loss"].set_data(steps, losses)
        finite = bool(np.isfinite(r.loss))
        artists["now"].set_data(steps[-1:], losses[-1:] if finite else [np.nan])
        artists["lost"].set_data(steps[-1:], [np.nan] if finite else [10.0 ** (LOSSES[1] - 0.6)])
        signal, gradient = r.snapshot.signal, r.snapshot.gradient
        sizes = log10(signal / signal[0]), log10(gradient / (gradient[-1] or 1.0))
        axis, layers = artists["decades"], artists["layers"]
        layers.fit(s.depth)
        axis.fit(*sizes)
        for name, size in zip(("signal", "gradient"), sizes, strict=True):
            artists[name].set_data(layers.place(range(s.depth + 1)), axis.place(size))

    def readouts(self, s, r):
        signal, gradient = r.arrives
        return [
            ("loss", _number(r.loss)),
            ("points it gets right", f"{r.snapshot.right:.0%}"),
            ("signal at the last layer", f"× {from_log10(signal)}"),
            ("gradient at the input", f"× {from_log10(gradient)}"),
        ]

    def verdict(self, s, r):
        signal, gradient = r.arrives
        course = f"loss {_number(r.losses[0])} → {_number(r.loss)} (guessing: {GUESSING:.2f})."
        arrives = (
            f"What arrives of the signal: × {from_log10(signal)}, of the gradient: × {from_log10(gradient)}."
        )
        if len(r.losses) == 1:
            return Verdict("NOT TRAINED YET", f"loss {_number(r.loss)}. {arrives}", "muted")
        if not np.isfinite(r.loss):
            return Verdict(
                "DIVERGED", f"at step {len(r.losses) - 1} the loss leaves the range of numbers.", "alarm"
            )
        if r.silent is not None:
            return Verdict(
                "DEAD", f"{course} All units of layer {r.silent} are off: no gradient passes.", "alarm"
            )
        if r.learns:
            return Verdict("LEARNS", f"{course} {arrives}", "good")
        if r.snapshot.copies:
            arrives += f" But the {WIDTH} units of a layer are copies of one another."
        if len(r.losses) <= STEPS:
            return Verdict("TRAINING", f"{course} {arrives}", "muted")
        return Verdict("STUCK", f"{course} {arrives}", "alarm")

    def describe(self, s, r):
        signal, gradient = r.arrives
        alike = ", which are copies of one another" if r.snapshot.copies else ""
        return (
            f"Left: a network with {s.depth} layers, two inputs, {WIDTH} units in a hidden layer{alike}, and "
            f"two outputs, after {len(r.losses) - 1} steps from {s.start} weights; the wider a line, the "
            f"more it carries. Top right: the loss over the steps, from {_number(r.losses[0])} to "
            f"{_number(r.loss)}. Bottom right, by layer: the signal, which arrives × {from_log10(signal)}, "
            f"and the gradient, which arrives at the input × {from_log10(gradient)}."
        )


def _places(depth):
    """Where the units stand: (units, 2) for each layer."""
    counts = [2] + [WIDTH] * (depth - 1) + [2]
    return [
        np.column_stack([np.full(n, layer / depth), (WIDTH - 1) / 2 + (np.arange(n) - (n - 1) / 2)])
        for layer, n in enumerate(counts)
    ]


def _draw_weights(artists, places, snapshot):
    """Give every connection to the line of its sign and of the decade of what it carries."""
    ends, flows, signs = [], [], []
    for layer, w in enumerate(snapshot.weights):
        a, b = np.broadcast_arrays(places[layer][:, None], places[layer + 1][None])
        ends.append(np.stack([a, b, np.full_like(a, np.nan)], axis=2).reshape(-1, 3, 2))
        flows.append((np.abs(w) * snapshot.units[layer][:, None]).ravel())
        signs.append((w < 0).ravel())
    ends, of, signs = np.concatenate(ends), _decade(np.concatenate(flows), FLOWS), np.concatenate(signs)
    for sign, lines in enumerate(artists):
        for size, line in enumerate(lines):
            line.set_data(*ends[(of == size) & (signs == sign)].reshape(-1, 2).T)


def _decade(values, sizes):
    """The class of each value: how many of the limits it has passed, less one; −1 below the first."""
    return np.searchsorted(list(sizes), np.abs(values), side="right") - 1


def _within(losses):
    """The losses as the axis can show them: those beyond an end lie just outside."""
    with np.errstate(invalid="ignore"):
        return np.clip(losses, 10.0 ** (LOSSES[0] - 1), 10.0 ** (LOSSES[1] + 1))


def _number(loss):
    if not np.isfinite(loss):
        return "no number"
    return short(loss) if loss < 1000 else from_log10(np.log10(loss))
