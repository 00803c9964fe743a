"""Train mode against eval mode: what BatchNorm remembers, and what happens when nobody switches."""

from dataclasses import dataclass

import numpy as np

from helpers.chapters.normalization import norms
from helpers.figures import svg, theme
from helpers.figures.decades import Stretched
from helpers.figures.ink import set_band
from helpers.figures.numbers import hundredths
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Verdict

BATCHES, DRIFTS = (1, 2, 4, 8, 16, 32, 64), (0.0, 0.1, 0.2, 0.5, 1.0, 2.0)
STEPS = (10, 20, 50, 100, 200, 300, 400, 500)
COMPANIONS = 300  # batches in which the same input is looked at
INPUTS = np.linspace(-3, 3, 41)  # in standard deviations from the mean
SMALL, LARGE = 0.1, 0.5  # gaps in standard deviations
HIGHEST = 3.3  # of the left axis, up and down


@dataclass(frozen=True)
class Result:
    """One unit in training and after it. Curves are in true standard deviations from the true mean."""

    batch_mean: np.ndarray  # at each step
    running_mean: np.ndarray  # before the first step and after each
    running_std: np.ndarray  # the same, as a multiple of the true one, minus 1
    evaluated: np.ndarray  # what eval mode makes of INPUTS
    low: np.ndarray  # what train mode makes of them: 5%, median and 95% over the batches they may be in
    middle: np.ndarray
    high: np.ndarray
    eval_gap: float
    train_gap: float
    refused: bool


def experiment(s):
    """Settings ↦ Result."""
    rng = np.random.default_rng(s.seed)
    convention = norms.CONVENTIONS[s.convention]
    unit = norms.Unit.drifting(s.steps, s.drift)
    batch_mean, batch_var = unit.batch_statistics(s.batch, rng)
    mean, var = norms.follow(batch_mean, batch_var, s.batch, convention)
    z = unit.mean[-1] + unit.std * INPUTS
    others = unit.mean[-1] + unit.std * rng.standard_normal((COMPANIONS, s.batch - 1))
    outputs = norms.among_others(z, others, convention.eps)
    evaluated = norms.eval_mode(z, mean[-1], var[-1], convention.eps)
    low, middle, high = np.percentile(outputs, (5, 50, 95), axis=0)
    return Result(
        batch_mean=(batch_mean - unit.mean[:-1]) / unit.std,
        running_mean=(mean - unit.mean) / unit.std,
        running_std=np.sqrt(var) / unit.std - 1,
        evaluated=evaluated,
        low=low,
        middle=middle,
        high=high,
        eval_gap=norms.rms_gap(INPUTS, evaluated),
        train_gap=norms.rms_gap(INPUTS, outputs),
        refused=convention.unbiased and s.batch == 1,
    )


class TrainVsEval(Instrument):
    title = "Train mode and eval mode"
    question = (
        "One unit. Its pre-activations have mean 2 and standard deviation 1.5, and the mean may drift while "
        "the network learns. Left: how far the running averages are from the truth. Right: what becomes of "
        "one input. Eval mode gives it one answer; train mode, if you forget to switch it off, gives it "
        "another answer in every batch (the band). How small must the batch be for the band to swallow the "
        "line? Which convention can follow a drift?"
    )
    controls = (
        Choice("convention", "Convention", tuple(norms.CONVENTIONS), "PyTorch", buttons=True),
        Slider("batch", "Batch", BATCHES, 16),
        Slider("steps", "Training steps", STEPS, 100),
        Slider("drift", "Drift per 100 steps", DRIFTS, 0.0, text="{:g} σ".format),
    )
    presets = {
        "PyTorch, 100 steps": {"convention": "PyTorch", "batch": 64, "steps": 100},
        "Keras, 100 steps": {"convention": "Keras", "batch": 64, "steps": 100},
        "Keras, 500 steps": {"convention": "Keras", "batch": 64, "steps": 500},
        "Keras and a drift": {"convention": "Keras", "batch": 64, "steps": 500, "drift": 1.0},
        "Batch of 2": {"convention": "PyTorch", "batch": 2},
        "Batch of one": {"convention": "PyTorch", "batch": 1},
        "Batch of one, Keras": {"batch": 1, "convention": "Keras", "steps": 500},
    }
    challenges = (
        Challenge(
            "Too slow",
            "Find a drift that PyTorch's averages follow (a gap below 0.15 σ at batch 64 and 500 steps) and "
            "Keras' do not (a gap above 0.5). Set it, with Keras.",
            {"convention": "Keras", "batch": 64, "steps": 500, "drift": 0.0},
            lambda s, r: (
                (s.convention, s.batch, s.steps) == ("Keras", 64, 500)
                and r.eval_gap > 0.5
                and 0 < s.drift <= 1
            ),
            "A running average lags by (1 − weight)/weight steps: 9 steps with weight 0.1, 99 with 0.01.",
            {"drift": 1.0},
        ),
        Challenge(
            "Forgetting is harmless",
            "Find a batch at which forgetting to switch to eval mode costs less than 0.2 σ.",
            {"batch": 4},
            lambda s, r: r.train_gap < 0.2,
            "In a large batch the statistics are nearly those of the truth. That is why the bug hides, "
            "until somebody asks about a few examples, or about one.",
            {"batch": 64},
        ),
        Challenge(
            "Biased for ever",
            "No drift, 400 steps or more, a batch of 2 or more: find settings whose running standard "
            "deviation ends more than 20% too small.",
            {"convention": "PyTorch", "batch": 16, "steps": 500},
            lambda s, r: s.drift == 0 and s.steps >= 400 and s.batch > 1 and r.running_std[-1] < -0.2,
            "The sum of m squares divided by m is (m − 1)/m of the variance, on average. Keras stores that; "
            "PyTorch divides by m − 1 for what it stores.",
            {"convention": "Keras", "batch": 2},
        ),
    )

    plays = "steps"
    readings = {1: "input {} σ from μ"}

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        course, answer = figure.subplots(1, 2, width_ratios=(1.15, 1))
        figure.subplots_adjust(left=0.075, right=0.985, bottom=0.25, top=0.92, wspace=0.2)
        dots = {"ls": "", "marker": "o", "ms": 2.5, "color": theme.MUTED, "animated": True}
        line = {"color": theme.MEASURED, "animated": True}
        forgotten = {"color": theme.SECOND, "ls": "--", "animated": True}
        course.axhline(0, label="truth", **theme.TARGET)
        artists = {
            "batches": course.plot([], [], label="means of the batches", **dots)[0],
            "mean": course.plot([], [], label="running mean − μ, in σ", **line)[0],
            "std": course.plot([], [], label="running std ÷ σ − 1", **{**theme.THIRD_LINE, "markevery": 40})[
                0
            ],
            "band": answer.fill_between(
                [0], 0, color=theme.SECOND, label="train mode: 90% of batches", **theme.RANGE
            ),
            "middle": answer.plot([], [], label="train mode: median", **forgotten)[0],
            "eval": answer.plot([], [], label="eval mode", marker="o", ms=4, markevery=5, **line)[0],
            "steps": Stretched(course),
        }
        answer.plot(INPUTS[[0, -1]], INPUTS[[0, -1]], **theme.TARGET)
        course.set(ylim=(-HIGHEST, HIGHEST), xlabel="training step")
        course.set_title("What is remembered", loc="left")
        answer.set(xlim=(-3.1, 3.1), ylim=(-4.2, 4.2), xlabel="input, in σ from μ")
        answer.set_title("What becomes of one input", loc="left")
        for axes, left in ((course, 0.0), (answer, 0.56)):
            handles, labels = axes.get_legend_handles_labels()
            where = {"loc": "lower left", "bbox_to_anchor": (left, 0)}
            figure.legend(handles, labels, ncols=2, fontsize=8.5, columnspacing=1.2, **where)
        return figure, artists

    def move(self, artists, s, r):
        artists["steps"].fit(s.steps)
        along = artists["steps"].place(range(s.steps + 1))
        artists["batches"].set_data(along[:-1], r.batch_mean)
        artists["mean"].set_data(along, r.running_mean)
        artists["std"].set_data(along, r.running_std)
        set_band(artists["band"], INPUTS, r.low, r.high)
        artists["middle"].set_data(INPUTS, r.middle)
        artists["eval"].set_data(INPUTS, r.evaluated)

    def readouts(self, s, r):
        weight = norms.CONVENTIONS[s.convention].weight
        return [
            ("running mean", f"{hundredths(r.running_mean[-1], sign='+')} σ off"),
            ("running std", f"{1 + r.running_std[-1]:.2f} of σ"),
            ("gap in eval mode", f"{r.eval_gap:.2f} σ"),
            ("gap if you forget eval()", f"{r.train_gap:.2f} σ"),
            ("99% of the way", f"after {norms.steps_to_arrive(weight)} steps"),
        ]

    def verdict(self, s, r):
        forgot = f"If you forget to switch, one input's answer is off by {r.train_gap:.2f} σ"
        forgot += ": it is β for every input." if s.batch == 1 else ", and depends on its batch."
        if r.refused:
            return Verdict(
                "REFUSED",
                "PyTorch raises an error for a batch of one in train mode; nothing has been stored. If it "
                "did not, the answer would be β for every input.",
                "alarm",
            )
        if r.eval_gap < SMALL:
            return Verdict("AGREES", f"eval mode is within {r.eval_gap:.2f} σ of the truth. {forgot}", "good")
        word = "GAP" if r.eval_gap < LARGE else "LARGE GAP"
        return Verdict(word, f"eval mode is off by {r.eval_gap:.2f} σ, {_reason(s, r)}. {forgot}", "alarm")

    def describe(self, s, r):
        forgot = (
            "is 0 for every input" if s.batch == 1 else f"reaches from {r.low[0]:.1f} to {r.high[-1]:.1f}"
        )
        return (
            f"Left: {s.steps} training steps with batches of {s.batch} in {s.convention}'s convention and a "
            f"drift of {s.drift:g} σ per 100 steps. The running mean ends "
            f"{hundredths(r.running_mean[-1], sign='+')} σ from the truth, "
            f"the running standard deviation at {1 + r.running_std[-1]:.2f} of it. Right: output "
            f"over input. Eval mode is a straight line, {r.eval_gap:.2f} σ from the dotted truth on average. "
            f"Train mode, the band, {forgot}."
        )


def _reason(s, r):
    """What is most wrong with the running averages."""
    short = s.steps < norms.steps_to_arrive(norms.CONVENTIONS[s.convention].weight)
    if s.batch == 1:
        return "because the variance of a batch of one is 0, and that was remembered"
    if abs(r.running_mean[-1]) < abs(r.running_std[-1]):
        return "as the variance of small batches was remembered" if not short else _SHORT
    if short:
        return _SHORT
    return "as the averages lag behind the drift" if s.drift else "as the means of small batches are noisy"


_SHORT = "as the averages have not come all the way from 0 and 1"
