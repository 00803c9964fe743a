"""Degradation lab: a shallow and a deep network of one build, trained on the digits, with their gradients."""

from typing import NamedTuple

import numpy as np

from helpers.chapters.residual import degradation
from helpers.chapters.residual.degradation import BUILDS, SCALES, STEPS, Probed
from helpers.figures import svg, theme
from helpers.figures.decades import Decades, Stretched
from helpers.figures.ink import set_band
from helpers.figures.numbers import counted, decades, from_log10, log10, short
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Verdict

SHALLOW, DEEP = (8, 14, 20), (20, 32, 44, 56)
EPOCHS = (1, 2, 4, 7, 14)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
HOPELESS = 0.5  # a training error above which there is nothing to degrade from
GAP = 0.05  # a difference in error that counts
VANISHES, WEAK, STRONG = 1e-3, 0.1, 10  # of a gradient ratio
LOSSES = -3.3, 1.3  # decades that are shown
ERRORS = {"shallow": (0, 1), "deep": (2, 3)}  # where the training and the test error stand


class Pair(NamedTuple):
    """The two courses so far."""

    shallow: Probed
    deep: Probed


def experiment(s):
    """Settings ↦ Pairs, one more epoch of training each."""
    seeds = tuple(range(s.seed, s.seed + s.seeds))
    scale = s.scale if s.build.startswith("residual") else "1"
    both = [degradation.training(s.build, depth, scale, s.lr, seeds) for depth in (s.shallow, s.deep)]
    yield Pair(*(training.course(0) for training in both))
    for epochs in range(1, s.epochs + 1):
        for training in both:
            yield None
            training.course(epochs)
        yield Pair(*(training.course(epochs) for training in both))


class Answers(NamedTuple):
    """The three questions, each on its own: was the deep network worse, and is it for this reason?"""

    degraded: bool
    vanishing: bool
    overfitting: bool


def answers(r):
    """The Answers for a Pair, by the medians of its seeds."""
    shallow, deep = (np.median(course.train_error) for course in r)
    ratio = np.median(r.deep.ratio, axis=1)
    return Answers(
        degraded=bool(deep - shallow > GAP),
        vanishing=bool(np.any(ratio[[0, -1]] < VANISHES)),
        overfitting=bool(deep < GAP and np.median(r.deep.test_error) - deep > GAP),
    )


class DegradationLab(Instrument):
    title = "Degradation lab"
    question = (
        "Two networks of the same build learn the same digits; one is deeper. Is the deep one worse on the "
        "data it was trained on? And if it is: do its gradients vanish, does it overfit, or neither? Choose "
        "a build, predict all three answers, then look."
    )
    controls = (
        Choice("build", "Build", BUILDS, "plain + BN", buttons=True),
        Slider("deep", "Deep: layers", DEEP, 56),
        Slider("shallow", "Shallow: layers", SHALLOW, 20),
        Slider("epochs", "Epochs of training", EPOCHS, 7),
        Slider("lr", "Learning rate η", RATES, 0.03, "{:g}".format),
        Slider("seeds", "Networks (seeds)", (1, 3), 1),
        Choice("scale", "Branch scale", tuple(SCALES), "1", buttons=True),
    )
    first = 2
    presets = {
        "Plain + BN": {"build": "plain + BN"},
        "Plain, small η": {"build": "plain", "lr": 0.003, "epochs": 14},
        "Residual + BN": {"build": "residual + BN"},
        "Residual without a norm": {"build": "residual", "scale": "1"},
        "Residual, scale 1/√D": {"build": "residual", "scale": "1/√D"},
    }
    challenges = (
        Challenge(
            "Save the deep plain network",
            "Plain + BN, 20 against 56 layers, 3 networks: is there a learning rate at which the deep one is "
            "not degraded, while the shallow one's training error is below 50%? You may instead add the "
            "skips, and nothing else.",
            {"build": "plain + BN", "seeds": 3},
            lambda s, r: (
                s.build in ("plain + BN", "residual + BN")
                and (s.shallow, s.deep, s.seeds, len(r.deep.loss) >= 7 * STEPS) == (20, 56, 3, True)
                and np.median(r.shallow.train_error) < 0.5
                and not answers(r).degraded
            ),
            "No learning rate on the slider does it. The same layers with skips do: it was not the rate.",
            {"build": "residual + BN"},
        ),
        Challenge(
            "Without any norm",
            "56 layers without BatchNorm: bring the training error below 5%.",
            {"build": "residual", "scale": "1"},
            lambda s, r: s.build == "residual" and s.deep == 56 and np.median(r.deep.train_error) < GAP,
            "The branches had to be scaled: by 1/√D, or by a learned number that starts at 0.",
            {"scale": "1/√D"},
        ),
    )

    plays = "epochs"

    readings = {2: None}

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        loss, ratio, error = figure.subplots(1, 3, width_ratios=(1.5, 1.3, 1))
        figure.subplots_adjust(left=0.07, right=0.985, bottom=0.235, top=0.92, wspace=0.3)
        moving = {"animated": True}
        looks = {
            "shallow": {**theme.COMPARED_LINE, "markevery": 1},
            "deep": {**theme.MEASURED_LINE, "markevery": 1},
        }
        artists = {"steps": [Stretched(axes) for axes in (loss, ratio)], "ratios": Decades(ratio)}
        artists["healthy"] = ratio.fill_between(
            [0], 0, color=theme.GOOD, label="between 0.1 and 10", **theme.ZONE
        )
        for name, look in looks.items():
            color = look["color"]
            artists[name] = {
                "spread": loss.fill_between([0], 1, color=color, **theme.RANGE),
                "loss": loss.plot([], [], **{**look, "markevery": STEPS})[0],
                "ratio spread": ratio.fill_between([0], 1, color=color, **theme.RANGE),
                "ratio": ratio.plot([], [], label=f"{name} network", **look)[0],
                "errors": error.plot([], [], **{**look, "ls": "", "ms": 7})[0],
                "name": [error.text(x, -0.045, "", ha="center", va="top", **moving) for x in ERRORS[name]],
            }
        powers = range(int(LOSSES[0]), int(LOSSES[1]) + 1)
        loss.set(yscale="log", ylim=10.0 ** np.array(LOSSES), xlabel="step")
        loss.set_yticks([10.0**k for k in powers], decades(powers))
        loss.set_yticks([], minor=True)
        ratio.set_xlabel("step")
        error.set(xlim=(-0.6, 3.6), ylim=(-0.03, 1.03))
        error.set_xticks(sum(ERRORS.values(), ()), [""] * 4)
        error.set_yticks(np.linspace(0, 1, 6), [f"{100 * y:.0f}%" for y in np.linspace(0, 1, 6)])
        error.set_xlabel("train, test · train, test", labelpad=14)
        loss.set_title("Training loss", loc="left")
        ratio.set_title("‖∂L/∂h‖, first / last", loc="left")
        error.set_title("Errors at the end", loc="left")
        figure.legend(*ratio.get_legend_handles_labels(), loc="lower left", ncols=3, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        steps, axis = s.epochs * STEPS, artists["ratios"]
        for one in artists["steps"]:
            one.fit(steps)
        place = artists["steps"][0].place
        ratios = [log10(course.ratio) for course in r]
        axis.fit(*(one.ravel() for one in ratios), 1.5)
        set_band(artists["healthy"], [-1, 2], *([axis.place(np.log10(edge))] * 2 for edge in (WEAK, STRONG)))
        for name, course in zip(("shallow", "deep"), r, strict=True):
            parts = artists[name]
            shown = np.clip(course.loss, 10.0 ** (LOSSES[0] - 1), 10.0 ** (LOSSES[1] + 1))  # nan stays nan
            _draw(parts["loss"], parts["spread"], place(range(len(course.loss))), shown)
            epochs = place(STEPS * np.arange(len(course.ratio)))
            _draw(
                parts["ratio"], parts["ratio spread"], epochs, np.minimum(axis.place(log10(course.ratio)), 2)
            )
            both = (course.train_error, course.test_error)
            x = np.repeat(ERRORS[name], s.seeds)
            parts["errors"].set_data(x, np.concatenate(both))
            for text in parts["name"]:
                text.set_text(str(getattr(s, name)))

    def readouts(self, s, r):
        rows = []
        for depth, course in zip((s.shallow, s.deep), r, strict=True):
            rows.append((f"{depth} layers: training error", _percent(course.train_error)))
            rows.append(("test error", _percent(course.test_error)))
        first, last = _ends(r.deep)
        rows += [
            (f"gradient ratio at {s.deep}", f"{from_log10(first)} at the start, {_or_none(last)} at the end"),
            ("weights moved, first over last hidden", _or_not_finite(r.deep.moved)),
        ]
        return rows

    def verdict(self, s, r):
        word, tone = _word(r)
        found, (first, last) = answers(r), _ends(r.deep)
        ratio = f"{from_log10(first)} at the start, {from_log10(last)} at the end"
        parts = [
            f"After {_epochs(r)}: <i>Degraded?</i> {_yes(found.degraded)}: training error "
            f"{_percent(r.deep.train_error)} at {s.deep} layers, {_percent(r.shallow.train_error)} at "
            f"{s.shallow}.",
            f"<i>Vanishing?</i> {_yes(found.vanishing)}: the gradient at the first layer, divided by that at "
            f"the last, is {ratio}."
            if np.isfinite(last)
            else f"<i>Vanishing?</i> The ratio began at {from_log10(first)}; no gradient is left at the end.",
            f"<i>Overfitting?</i> {_yes(found.overfitting)}: test error {_percent(r.deep.test_error)}.",
        ]
        if r.deep.overflowed.any():
            lost = r.deep.overflowed.sum()
            of = "the deep network" if s.seeds == 1 else f"{lost} of {s.seeds} deep networks"
            parts.append(f"The loss of {of} has left the range of numbers.")
        if s.scale != "1" and s.build.startswith("plain"):
            parts.append("(A plain network has no branches to scale.)")
        return Verdict(word, " ".join(parts), tone)

    def describe(self, s, r):
        first, last = _ends(r.deep)
        return (
            f"Networks of the build {s.build} with {s.shallow} and with {s.deep} layers, {s.seeds} each, "
            f"trained for {_epochs(r)} at η = {s.lr:g}. Left: training loss over steps, "
            f"which ends at {_loss(r.shallow)} for the shallow and {_loss(r.deep)} for the deep one. Middle: "
            f"the gradient at the first layer over that at the last; for the deep one {from_log10(first)} at "
            f"the start and {_or_none(last)} at the end. Right: errors, {_percent(r.shallow.train_error)} "
            f"in training and {_percent(r.shallow.test_error)} in test for the shallow one, "
            f"{_percent(r.deep.train_error)} and {_percent(r.deep.test_error)} for the deep one."
        )


def _draw(line, spread, x, values):
    """The median of the seeds and their range."""
    with np.errstate(invalid="ignore"):
        line.set_data(x, np.median(values, axis=1))
        set_band(spread, x, values.min(axis=1), values.max(axis=1))


def _ends(course):
    """log10 of the median gradient ratio at the start and at the end."""
    return log10(np.median(course.ratio[[0, -1]], axis=1))


def _or_none(log):
    return from_log10(log) if np.isfinite(log) else "none"


def _word(r):
    """The verdict's word and tone."""
    if np.median(r.deep.overflowed) >= 0.5:
        return "DIVERGED", "alarm"
    if answers(r).degraded:
        return "DEGRADED", "alarm"
    if np.median(r.shallow.train_error) > HOPELESS:
        return "BOTH FAIL", "alarm"
    return "NOT DEGRADED", "good"


def _loss(course):
    last = course.loss[-STEPS:]
    return f"{np.median(last):.2g}" if np.isfinite(last).all() and last.size else "no finite number"


def _epochs(r):
    return counted(len(r.deep.ratio) - 1, "epoch")


def _or_not_finite(values):
    value = float(np.median(values))
    return short(value) if np.isfinite(value) else "not finite"


def _percent(errors):
    return f"{np.median(errors):.1%}"


def _yes(answer):
    return "yes" if answer else "no"
