"""Gradient clipping: a descent over the cliff of a unit that feeds itself, contained or turned."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers.chapters.regularization import cliff
from helpers.figures import svg, theme
from helpers.figures.decades import LogFormatter
from helpers.figures.numbers import log10, short
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Place, Verdict

STARTS = 32
OFF = 1e6  # a threshold that no gradient here reaches
STAGES = (40, 150, 400)
W_SEEN, B_SEEN = (2.92, 7.08), (-4.06, -0.94)  # a start at the border of the region is seen whole
LEVELS = (0.001, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.4)
NAMED = (3.7, -2.85), (3.5, -2.2), (4.7, -1.3)  # where the lines of 0.4, 0.3 and 0.06 have their names
EDGE = 1.0  # a point this far outside the map counts as thrown


@dataclass(frozen=True)
class Result(cliff.Descent):
    """The descent that is drawn, from one start, as arrays of (steps,); `descent` is that of all starts."""

    descent: cliff.Descent

    @property
    def steps(self):
        return len(self.loss)

    @property
    def thrown(self):
        """The first step whose point lies outside the map, or None."""
        beyond = [
            np.abs(at - np.mean(ends)) > np.ptp(ends) / 2 + EDGE
            for at, ends in ((self.w, cliff.W_RANGE), (self.b, cliff.B_RANGE))
        ]
        outside = np.any(beyond, axis=0)
        return int(outside.argmax()) if outside.any() else None

    @property
    def solved_share(self):
        return float(self.descent.solved.mean())

    @property
    def turn(self):
        """The largest angle, over all starts and steps, by which clipping turned a gradient."""
        return float(self.descent.angle.max())


def experiment(s):
    """Settings ↦ Results after ever more steps."""
    w, b = cliff.starts(STARTS, s.seed)
    for descent in cliff.descend(w, b, s.lr, s.max_norm, s.mode, STAGES):
        yield Result(*(column[:, s.start - 1] for column in vars(descent).values()), descent)


def _threshold(max_norm):
    return "off" if max_norm >= OFF else f"{max_norm:g}"


@lru_cache(maxsize=1)
def _map():
    w, b = np.linspace(*W_SEEN, 161), np.linspace(*B_SEEN, 161)
    return w, b, cliff.loss(*np.meshgrid(w, b))


class GradientClipping(Instrument):
    title = "Gradient clipping"
    question = (
        "One unit feeds itself 50 times: a network of 50 layers with two weights, w and b. The lines on "
        "the left are levels of its loss. Where they run together there is a wall; where they are far "
        "apart, next to no slope. Which start is thrown off the map without clipping? How small may τ be "
        "before clipping only makes you late? And what does clipping each weight by itself do to the "
        "direction?"
    )
    controls = (
        Choice("mode", "Clipping", cliff.MODES, cliff.MODES[0], buttons=True),
        Slider("max_norm", "Threshold τ", (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, OFF), OFF, text=_threshold),
        Slider("lr", "Learning rate η", (0.03, 0.1, 0.3, 1.0, 3.0, 10.0), 1.0, text="{:g}".format),
        Slider("start", "Start", tuple(range(1, STARTS + 1)), 1),
    )
    presets: Mapping = {
        "Thrown": {"mode": cliff.MODES[0], "max_norm": OFF},
        "Contained": {"max_norm": 1.0},
        "τ too small": {"max_norm": 0.01},
        "Turned": {"mode": "per tensor", "max_norm": 0.1},
    }
    challenges = (
        Challenge(
            "All of them",
            "With η = 1, find a clipping that brings every one of the 32 starts to the solution.",
            {"max_norm": OFF},
            lambda s, r: s.lr == 1 and r.solved_share == 1,
            "The global norm with τ near 1: it acts on the wall alone, and leaves the small gradients of the "
            "plateau as they are.",
            {"max_norm": 1.0},
        ),
        Challenge(
            "Too careful",
            "Global norm: find a τ at which fewer than half of the starts arrive in 400 steps.",
            {"max_norm": 1.0},
            lambda s, r: s.mode == "global norm" and s.max_norm < 1 and r.solved_share < 0.5,
            "A threshold below the usual gradient shortens every step: it has become a second learning rate.",
            {"max_norm": 0.01},
        ),
        Challenge(
            "Turn the gradient",
            "Make clipping turn a gradient by more than 30°.",
            {"mode": "per tensor", "max_norm": 1.0},
            lambda s, r: r.turn > 30,
            "Clipping each weight by itself cuts the longer one more. Both at ±τ, the step goes diagonally, "
            "whatever the slope says. The global norm never turns anything.",
            {"max_norm": 0.1},
        ),
    )

    places = (Place(0, x="start", marks=("starts",)), Place(1, y="max_norm", at=math.log10))
    readings = {0: ("w = {}", "b = {}")}

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.2)
        plane, course = figure.subplots(1, 2, width_ratios=(1, 1.1))
        figure.subplots_adjust(left=0.085, right=0.985, bottom=0.26, top=0.92, wspace=0.24)
        w, b, loss = _map()
        lines = plane.contour(w, b, loss, LEVELS, colors=theme.MUTED, linewidths=0.9)
        plane.clabel(lines, fontsize=8, fmt="%g", manual=NAMED)
        plane.set(xlim=W_SEEN, ylim=B_SEEN, xlabel="$w$", ylabel="$b$")
        plane.set_title("Levels of the loss, and the way down", loc="left")
        course.set(xlim=(-8, STAGES[-1] + 8), ylim=(-6.5, 4.5), xlabel="step")
        course.set_yticks(range(-6, 5, 2))
        course.yaxis.set_major_formatter(LogFormatter())
        course.set_title("Loss and gradient, step by step", loc="left")
        way = {"marker": "o", "ms": 3.5, "lw": 1.2, "color": theme.MEASURED, "animated": True}
        point = {"ls": "", "animated": True}
        artists = {
            "ends": plane.plot([], [], marker="D", ms=4, color=theme.THIRD, label="ends of all", **point)[0],
            "way": plane.plot([], [], label="steps", **way)[0],
            "starts": plane.plot([], [], marker="s", ms=3, color=theme.SECOND, label="other starts", **point)[
                0
            ],
            "start": plane.plot([], [], marker="s", ms=8, color=theme.SECOND, label="start", **point)[0],
            "end": plane.plot([], [], marker="X", ms=10, color=theme.INK, label="end", **point)[0],
            "tau": course.plot([], [], label="threshold τ", **theme.SETTING)[0],
            "norm": course.plot(
                [],
                [],
                ls="--",
                color=theme.SECOND,
                label="length of the gradient before clipping",
                animated=True,
            )[0],
            "loss": course.plot(
                [], [], marker="o", ms=4, markevery=25, color=theme.MEASURED, label="loss", animated=True
            )[0],
        }
        for axes, place in ((plane, "lower left"), (course, "lower right")):
            figure.legend(
                *axes.get_legend_handles_labels(), loc=place, ncols=2, fontsize=9, columnspacing=1.2
            )
        return figure, artists

    def move(self, artists, s, r):
        artists["way"].set_data(r.w, r.b)
        artists["starts"].set_data(r.descent.w[0], r.descent.b[0])
        artists["start"].set_data(r.w[:1], r.b[:1])
        artists["end"].set_data(r.w[-1:], r.b[-1:])
        artists["ends"].set_data(r.descent.w[-1], r.descent.b[-1])
        for name, values in (("loss", r.loss), ("norm", r.norm)):
            seen = np.maximum(log10(values), -9)  # a loss of exactly 0 stands just below the picture
            artists[name].set_data(range(r.steps), seen)
        level = np.log10(s.max_norm)
        artists["tau"].set_data(*([], []) if s.max_norm >= OFF else ((-8, STAGES[-1] + 8), (level, level)))

    def readouts(self, s, r):
        return [
            ("loss", f"{short(r.loss[-1])} after {r.steps} steps"),
            ("largest gradient", short(r.norm.max())),
            ("clipped", f"{r.clipped.sum()} of {r.steps} steps"),
            ("turned by at most", f"{r.turn:.0f}°"),
            ("solved", f"{r.descent.solved.sum()} of {STARTS} starts"),
        ]

    def verdict(self, s, r):
        all_starts = f"{r.descent.solved.sum()} of {STARTS} starts are solved"
        if r.solved:
            return Verdict("SOLVED", f"start {s.start} ends at a loss below 0.001; {all_starts}.", "good")
        if r.thrown is not None:
            size = short(r.norm[: r.thrown].max(initial=0))
            return Verdict(
                "THROWN",
                f"step {r.thrown} leaves the map: the gradient at the wall was {size}. {all_starts}.",
                "alarm",
            )
        return Verdict(
            "NOT THERE", f"start {s.start} is still at a loss of {short(r.loss[-1])}; {all_starts}.", "alarm"
        )

    def describe(self, s, r):
        return (
            "Left: a map of w and b with levels of the loss that run together along a diagonal wall, "
            f"and the way of start {s.start} from w = {r.w[0]:.2f}, b = {r.b[0]:.2f} to w = "
            f"{short(r.w[-1])}, b = {short(r.b[-1])}. Right, on a logarithmic scale: its loss goes from "
            f"{short(r.loss[0])} to {short(r.loss[-1])} in {r.steps} steps; the largest gradient is "
            f"{short(r.norm.max())}. Clipping: {s.mode}, τ = {_threshold(s.max_norm)}. "
            f"{r.descent.solved.sum()} of {STARTS} starts arrive."
        )
