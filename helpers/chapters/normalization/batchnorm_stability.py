"""BatchNorm and training stability: the learning rates that a network tolerates with a norm and without."""

from dataclasses import dataclass

import numpy as np

from helpers.chapters.normalization import stability
from helpers.chapters.normalization.stability import RATES, STEPS, Case
from helpers.digits import DIVERGED, GUESSING, LEARNED, LEARNS, STALLS, Course
from helpers.figures import svg, theme
from helpers.figures.ink import set_beside
from helpers.figures.numbers import short
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Place, Verdict
from helpers.layers import NORMS

DEPTHS, BATCHES = (2, 4, 6, 8, 10, 12, 16, 20), (2, 4, 8, 16, 32, 64)
SIGMA_W = tuple(2.0 ** (k / 2) for k in range(-3, 6))
FIRST_STEPS = 15  # of the run that is shown while a slider moves
BOTTOM, TOP = 0.03, 100  # of both loss axes; a run above is shown as lost


@dataclass(frozen=True)
class Run:
    """One network at the chosen learning rate, and what became of it at the others."""

    course: Course
    finals: np.ndarray  # for each of RATES; NaN where the run overflowed
    trained: np.ndarray  # which of RATES have been tried so far


@dataclass(frozen=True)
class Result:
    """What was found. `without` has no norm, `run` the chosen one (the same network if that is none)."""

    without: Run
    run: Run
    ceilings: dict  # {norm: the largest learning rate that learns or None}, of the norms that are done

    @property
    def settled(self):
        """Has the run that is shown come to its end?"""
        return len(self.run.course.loss) == STEPS


def experiment(s):
    """Settings ↦ Results: first the beginning of a run, then more and more learning rates and norms."""
    sweeps = {
        norm: stability.sweep(Case(norm, s.depth, s.batch, s.sigma_w, s.seed))
        for norm in ("none", s.norm, *NORMS)
    }
    shown = [sweeps["none"], sweeps[s.norm]]
    if not all(sweep.complete for sweep in shown):
        yield _result(s, sweeps, FIRST_STEPS)
    for sweep in sweeps.values():
        while not (sweep.complete if sweep in shown else sweep.has_ceiling):
            sweep.go_on()
            settled = all(sweep.complete for sweep in shown)
            yield None if sweep.under_way else _result(s, sweeps, STEPS if settled else FIRST_STEPS)
    yield _result(s, sweeps)


def _result(s, sweeps, steps=STEPS):
    runs = [_run(s.lr, sweeps[norm], steps) for norm in ("none", s.norm)]
    return Result(*runs, {norm: sweep.ceiling() for norm, sweep in sweeps.items() if sweep.has_ceiling})


def _run(lr, sweep, steps):
    if lr in RATES and sweep.trained[RATES.index(lr)]:
        loss = sweep.losses[:, RATES.index(lr)]
    else:
        loss = stability.losses(sweep.case, (lr,), steps)[:, 0]
    return Run(Course(loss), sweep.finals, sweep.trained)


class BatchNormStability(Instrument):
    title = "BatchNorm and training stability"
    question = (
        "A small ReLU network (width 32) reads handwritten digits for 60 steps of SGD with momentum 0.9, "
        "once without a norm and once with one in front of every ReLU. Left: the loss at your η. Right: "
        "where the loss ends for every η; the triangles are the largest η that learns. How many times larger "
        "a step does BatchNorm tolerate? Is there an η that kills it, too? And what do its relatives do for "
        "[8 layers](depth=8), and for [4](depth=4)?"
    )
    controls = (
        Choice("norm", "Norm", tuple(NORMS), "BatchNorm", buttons=True),
        Slider("lr", "Learning rate η", RATES, 0.5, text="{:g}".format),
        Slider("depth", "Depth D", DEPTHS, 8),
        Slider("batch", "Batch", BATCHES, 64),
        Slider("sigma_w", "Spread of the first weights", SIGMA_W, 2.0**0.5, text="{:.3g}".format),
    )
    presets = {
        "No norm, η = 0.5": {"norm": "none", "lr": 0.5},
        "BatchNorm, η = 0.5": {"norm": "BatchNorm", "lr": 0.5},
        "BatchNorm, η = 10": {"norm": "BatchNorm", "lr": 10.0},
        "LayerNorm, η = 0.5": {"norm": "LayerNorm", "lr": 0.5},
        "Large weights": {"sigma_w": 4.0},
        "Batch of 4": {"batch": 4, "depth": 2, "lr": 0.01},
        "20 layers": {"depth": 20, "lr": 0.1},
    }
    challenges = (
        Challenge(
            "The last η",
            "BatchNorm, 8 layers, batch 64: set η to the largest value at which it still learns.",
            {"lr": 0.01},
            lambda s, r: (
                (s.norm, s.depth, s.batch, s.sigma_w) == ("BatchNorm", 8, 64, 2.0**0.5)
                and s.lr == r.ceilings.get("BatchNorm")
            ),
            "The range has become much wider, and it still ends. A norm does not make every η safe.",
            {"lr": 1.0},
        ),
        Challenge(
            "Rescue large weights",
            "With large first weights (spread 4 or more) and no norm nothing is learned. Make it learn.",
            {"sigma_w": 4.0, "norm": "none", "lr": 0.02},
            lambda s, r: s.sigma_w >= 4 and r.settled and r.run.course.outcome == LEARNS,
            "A norm divides by the size of what it sees: the size of the weights in front of it drops out.",
            {"norm": "BatchNorm"},
        ),
        Challenge(
            "Make BatchNorm lose",
            "Find settings at which the network learns without a norm, and does not learn with BatchNorm.",
            {"depth": 8, "batch": 64, "lr": 0.5},
            lambda s, r: (
                s.norm == "BatchNorm"
                and r.settled
                and r.run.course.outcome != LEARNS
                and r.without.course.outcome == LEARNS
            ),
            "The mean and the variance of a few examples are mostly noise, and BatchNorm puts that noise "
            "into every layer.",
            {"depth": 2, "batch": 4, "lr": 0.01},
        ),
    )

    first = 3
    places = (Place(1, x="lr"),)

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        course, over = figure.subplots(1, 2, sharey=True)
        figure.subplots_adjust(left=0.07, right=0.985, bottom=0.21, top=0.92, wspace=0.08)
        over.set_xscale("log")
        for axes in (course, over):
            axes.set_yscale("log")
            axes.axhline(GUESSING, label=f"guessing: {GUESSING:.2f}", **theme.TARGET)
            axes.axhline(LEARNED, label=f"learns below {LEARNED:.2f}", **theme.LEARNED)
        every = {"markevery": 1}
        x, ceiling = {"ls": "", "marker": "X", "ms": 6}, {"ls": "", "marker": "^", "ms": 9}
        artists = {
            "without": course.plot([], [], label="no norm", **theme.COMPARED_LINE)[0],
            "with": course.plot([], [], label="with the norm", **theme.MEASURED_LINE)[0],
            "lost": course.plot([], [], **theme.LOST)[0],
            "note": course.text(0, 0, "", color=theme.ALARM, va="center", animated=True),
            "here": over.axvline(1, **theme.SETTING),
            "here_name": over.text(1, BOTTOM * 2.6, "", va="center", animated=True),
            "finals_without": over.plot([], [], **{**theme.COMPARED_LINE, **every})[0],
            "finals_with": over.plot([], [], **{**theme.MEASURED_LINE, **every})[0],
            "overflow_without": over.plot([], [], color=theme.SECOND, animated=True, **x)[0],
            "overflow_with": over.plot([], [], color=theme.MEASURED, animated=True, **x)[0],
            "ceiling_without": over.plot([], [], color=theme.SECOND, animated=True, **ceiling)[0],
            "ceiling_with": over.plot([], [], color=theme.MEASURED, animated=True, **ceiling)[0],
        }
        course.set(xlim=(-1, STEPS + 1), ylim=(BOTTOM, TOP), xlabel="step", ylabel="loss")
        course.set_title("Loss at your η", loc="left")
        over.set(xlim=(RATES[0] / 1.4, RATES[-1] * 1.4), xlabel="learning rate η")
        over.set_title("Loss after 60 steps, for every η", loc="left")
        for axis in (course.yaxis, over.xaxis):
            axis.set_major_formatter("{x:g}")
        course.set_yticks([], minor=True)
        figure.legend(*course.get_legend_handles_labels(), loc="lower left", ncols=4, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        normed = s.norm != "none"
        for name, run in (("without", r.without), ("with", r.run if normed else None)):
            shown = _Shown(run, r.ceilings.get("none" if name == "without" else s.norm))
            artists[name].set_data(*shown.course)
            artists[f"finals_{name}"].set_data(*shown.finals)
            artists[f"ceiling_{name}"].set_data(*shown.ceiling)
            height = TOP * (0.75 if name == "with" else 0.5)
            artists[f"overflow_{name}"].set_data(shown.overflows, [height] * len(shown.overflows))
        artists["here"].set_xdata([s.lr, s.lr])
        left = s.lr > 0.1
        artists["here_name"].set(
            x=s.lr / 1.15 if left else s.lr * 1.15, ha="right" if left else "left", text=f"η = {s.lr:g}"
        )
        lost = {run.course.lost_at for run in (r.without, r.run)} - {None}
        artists["lost"].set_data(list(lost), [BOTTOM * 1.4] * len(lost))
        step = max(lost, default=0)
        note = f"overflows at step {step}" if lost else ""
        set_beside(artists["note"], step, BOTTOM * 1.4, note, -2 if step > STEPS / 2 else 2)

    def readouts(self, s, r):
        rows = [("final loss, no norm", _end(r.without))]
        if s.norm != "none":
            rows.append((f"with {s.norm}", _end(r.run)))
        return rows + [(f"largest η, {_name(norm)}", _ceiling(r.ceilings, norm)) for norm in NORMS]

    def verdict(self, s, r):
        if not r.settled:
            return Verdict(
                "TRAINING", f"the first {len(r.run.course.loss)} of {STEPS} steps are shown.", "muted"
            )
        name = "Without a norm" if s.norm == "none" else f"With {s.norm}"
        sentence = f"{name} at η = {s.lr:g} it {_fate(r.run)}"
        if s.norm != "none":
            sentence += f"; without a norm it {_fate(r.without)}"
        ratio = _ratio(r.ceilings, s.norm)
        if ratio:
            times = "as large as" if ratio == 1 else f"{ratio:.3g} times"
            sentence += f". Its largest η is {times} that without a norm"
        return Verdict(
            r.run.course.outcome, f"{sentence}.", "good" if r.run.course.outcome == LEARNS else "alarm"
        )

    def describe(self, s, r):
        both = f"without a norm it {_fate(r.without)}"
        if s.norm != "none":
            both += f", with {s.norm} it {_fate(r.run)}"
        ceilings = ", ".join(f"{_name(norm)} {_ceiling(r.ceilings, norm)}" for norm in NORMS)
        return (
            f"Left: the loss over {len(r.run.course.loss)} steps at η = {s.lr:g} for a network of {s.depth} "
            f"layers, batch {s.batch}, first weights of spread {s.sigma_w:.3g}: {both}. Guessing has a loss "
            f"of 2.3. Right: the loss after {STEPS} steps for η from {RATES[0]:g} to {RATES[-1]:g}; it is "
            f"lowest between an η that is too small and one that is too large. Largest η that learns: "
            f"{ceilings}."
        )


class _Shown:
    """What the artists of one network show; nothing for no network."""

    def __init__(self, run, ceiling):
        self.course = self.finals = self.ceiling = [], []
        self.overflows = []
        if run is None:
            return
        self.course = range(len(run.course.loss)), _drawn(run.course.loss)
        self.finals = np.array(RATES)[run.trained], _drawn(run.finals[run.trained])
        self.overflows = np.array(RATES)[run.trained & np.isnan(run.finals)]
        if ceiling is not None:
            self.ceiling = [ceiling], [BOTTOM * 1.35]


def _drawn(loss):
    """The losses as the axis can show them: those far above its top lie just above it."""
    return np.clip(loss, BOTTOM / 2, TOP * 100)


def _end(run):
    return short(run.course.final) if run.course.lost_at is None else _fate(run)


def _fate(run):
    if run.course.lost_at is not None:
        return f"overflows at step {run.course.lost_at}"
    verb = {LEARNS: "learns", STALLS: "stalls", DIVERGED: "diverges"}[run.course.outcome]
    return f"{verb}, loss {short(run.course.loss[0])} → {short(run.course.final)}"


def _name(norm):
    return "no norm" if norm == "none" else norm


def _ceiling(ceilings, norm):
    if norm not in ceilings:
        return "…"
    return "no η learns" if ceilings[norm] is None else f"{ceilings[norm]:g}"


def _ratio(ceilings, norm):
    with_, without = ceilings.get(norm), ceilings.get("none")
    return with_ / without if with_ and without and norm != "none" else None
