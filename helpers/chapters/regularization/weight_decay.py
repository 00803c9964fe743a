"""Weight decay: what λ does to the weights and to the boundary, in three optimizers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers.chapters.regularization import decay
from helpers.figures import svg, theme
from helpers.figures.decades import Decades
from helpers.figures.ink import set_level
from helpers.figures.numbers import log10, short
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Verdict

OPTIMIZERS = tuple(decay.RATES)
LAMBDAS = (0.0, *(m * 10.0**k for k in range(-4, 2) for m in (1, 3)))
SCALES = tuple(m * 10.0**k for k in range(-2, 2) for m in (1, 3)) + (100.0,)
STAGES = (60, 150, decay.STEPS)
DECADES = (*np.log10([2, 4, 10]), 2)  # of ‖W‖ over its start, in the picture
OVERFIT, UNDERFIT = 0.25, 0.6  # of the gap between the losses, and of the training loss (guessing: 0.69)


@dataclass(frozen=True)
class Result:
    """The training so far, the same without decay, and its points."""

    fit: decay.Fit
    free: decay.Fit
    points: decay.Points


def experiment(s):
    """Settings ↦ Results after ever more steps."""
    kind = "SGD + L2" if s.optimizer == "SGD + L2" else "AdamW"  # without decay, the two Adams are one
    free = _free(kind, s.gradient_scale, s.seed)
    for fit in decay.fit(s.optimizer, s.weight_decay, s.gradient_scale, s.seed, STAGES):
        yield Result(fit, free, decay.points(s.seed))


@lru_cache(maxsize=64)
def _free(optimizer, gradient_scale, seed):
    (fit,) = decay.fit(optimizer, 0.0, gradient_scale, seed)
    return fit


def _is(s, optimizer, scale=None):
    return s.optimizer == optimizer and scale in (None, s.gradient_scale)


class WeightDecay(Instrument):
    title = "Weight decay"
    question = (
        "Eighty points of two kinds, 15% of them with the wrong label (ringed). A network that bends "
        "around every wrong one has learned them by heart. Raise λ until it stops, and go on: what do "
        "you lose then? Now multiply [all gradients by 100](gradient_scale=100.0), as a loss in other units "
        "would. For which of the three optimizers must you look for a new λ?"
    )
    controls = (
        Choice("optimizer", "Optimizer", OPTIMIZERS, "AdamW", buttons=True),
        Slider("weight_decay", "Decay λ", LAMBDAS, 0.0, text="{:.4g}".format),
        Slider("gradient_scale", "Gradients ×", SCALES, 1.0, text="{:.4g}".format),
    )
    presets: Mapping = {
        "No decay": {"weight_decay": 0.0},
        "AdamW, λ = 3": {"optimizer": "AdamW", "weight_decay": 3.0},
        "Too much": {"weight_decay": 30.0},
        "Adam + L2, λ = 0.03": {"optimizer": "Adam + L2", "weight_decay": 0.03},
        "… with gradients × 100": {
            "optimizer": "Adam + L2",
            "weight_decay": 0.03,
            "gradient_scale": 100.0,
        },
        "SGD, ηλ > 2": {"optimizer": "SGD + L2", "weight_decay": 30.0},
    }
    challenges = (
        Challenge(
            "Balance AdamW",
            "AdamW, gradients × 1: find a λ at which the verdict is BALANCED.",
            {"optimizer": "AdamW", "weight_decay": 0.01, "gradient_scale": 1.0},
            lambda s, r: _is(s, "AdamW", 1.0) and state(r.fit) == "BALANCED",
            "AdamW wants a λ of 1 or more here: with η = 0.01 and 300 steps, decay alone leaves "
            "e<sup>−ηλt</sup> = e<sup>−3λ</sup>. The usual 0.01 is meant for a hundred times as many steps.",
            {"weight_decay": 3.0},
        ),
        Challenge(
            "Other units",
            "Adam + L2 is balanced at λ = 0.03. Multiply the gradients by 100, and bring the balance back.",
            {"optimizer": "Adam + L2", "weight_decay": 0.03, "gradient_scale": 100.0},
            lambda s, r: _is(s, "Adam + L2", 100.0) and state(r.fit) == "BALANCED",
            "Adam divides the whole gradient by its size, the λW in it too. Gradients × 100 need λ × 100.",
            {"weight_decay": 3.0},
        ),
        Challenge(
            "One λ for both",
            "Find an optimizer that is balanced with gradients × 100 at the same λ as with × 1 (take λ = 3).",
            {"optimizer": "Adam + L2", "weight_decay": 3.0, "gradient_scale": 1.0},
            lambda s, r: (
                _is(s, "AdamW", 100.0) and abs(s.weight_decay - 3) < 1e-9 and state(r.fit) == "BALANCED"
            ),
            "AdamW: its decay never meets the gradients, so their size does not matter to it.",
            {"optimizer": "AdamW", "gradient_scale": 100.0},
        ),
    )

    readings = {1: ("x₁ = {}", "x₂ = {}")}

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.2)
        norms, plane = figure.subplots(1, 2, width_ratios=(1.15, 1))
        figure.subplots_adjust(left=0.085, right=0.985, bottom=0.26, top=0.92, wspace=0.2)
        norms.set(xlim=(-5, decay.STEPS + 5), xlabel="step")
        norms.set_title(r"Length of the weights $\|W\|$, start = 1", loc="left")
        edge = decay.GRID[-1]
        plane.set(xlim=(-edge, edge), ylim=(-edge, edge), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        plane.set(xlabel="$x_1$", ylabel="$x_2$")
        plane.set_title("Training points and boundary", loc="left")
        dots = {"ls": "", "animated": True}
        artists = {
            "free": norms.plot([], [], label="without decay", **theme.LIMIT)[0],
            "alone": norms.plot([], [], label="decay alone, |1 − ηλ|ᵗ", **theme.THEORY_LINE)[0],
            "norms": norms.plot([], [], label="measured", **theme.MEASURED_LINE)[0],
            "axis": Decades(norms, DECADES),
            "boundary": plane.plot([], [], color=theme.INK, lw=2, label="boundary", animated=True)[0],
            # Two discs make a ring: what is inside stays visible.
            "wrong": plane.plot([], [], marker="o", ms=13, color=theme.ALARM, zorder=1.5, **dots)[0],
            "inside": plane.plot([], [], marker="o", ms=10, color=theme.PAPER, zorder=1.6, **dots)[0],
            "zero": plane.plot([], [], marker="o", ms=5, color=theme.MEASURED, label="kind 0", **dots)[0],
            "one": plane.plot([], [], marker="^", ms=6, color=theme.SECOND, label="kind 1", **dots)[0],
        }
        ring = {"ls": "", "marker": "o", "ms": 9, "mfc": "none", "mew": 1.8, "color": theme.ALARM}
        plane.plot([], [], label="wrong label", **ring)
        for axes, place in ((norms, "lower left"), (plane, "lower right")):
            figure.legend(
                *axes.get_legend_handles_labels(), loc=place, ncols=2, fontsize=9, columnspacing=1.2
            )
        return figure, artists

    def move(self, artists, s, r):
        steps, axis = r.free.steps, artists["axis"]
        lengths = {
            name: _log10(fit.norms / fit.norms[0]) for name, fit in (("norms", r.fit), ("free", r.free))
        }
        alone = decay.decay_alone(s.optimizer, s.weight_decay, steps)
        lengths["alone"] = np.empty(0) if alone is None else _log10(alone)
        axis.fit(*lengths.values())
        for name, length in lengths.items():
            artists[name].set_data(steps[: len(length)], length / axis.reach)  # it may leave the figure
        set_level(artists["boundary"], decay.GRID, decay.GRID, r.fit.surface)
        x, y, flipped = r.points.x, r.points.y, r.points.flipped
        for name, which in (("zero", y == 0), ("one", y == 1), ("wrong", flipped), ("inside", flipped)):
            artists[name].set_data(*x[which].T)

    def readouts(self, s, r):
        fit = r.fit
        return [
            ("training loss", _said(fit.train_loss)),
            ("test loss", _said(fit.test_loss)),
            ("right on training points", f"{fit.train_accuracy:.0%}"),
            ("on test points", f"{fit.test_accuracy:.0%}"),
            ("‖W‖", f"× {_said(fit.norms[-1] / fit.norms[0])} after {fit.steps[-1]} steps"),
            ("η", f"{decay.RATES[s.optimizer]:g}"),
        ]

    def verdict(self, s, r):
        word, fit = state(r.fit), r.fit
        losses = f"the loss is {short(fit.train_loss)} in training and {short(fit.test_loss)} in testing"
        if word == "DIVERGED":
            product = decay.RATES[s.optimizer] * s.weight_decay
            return Verdict(
                word, f"the weights have left the range of numbers (ηλ = {short(product)}).", "alarm"
            )
        sentence = {
            "OVERFIT": f"{losses}: it has learned the wrong labels too.",
            "UNDERFIT": f"{losses}; guessing gives 0.69.",
            "BALANCED": f"{losses}: what it learned holds for new points.",
        }[word]
        return Verdict(word, sentence, "good" if word == "BALANCED" else "alarm")

    def describe(self, s, r):
        fit = r.fit
        if state(fit) == "DIVERGED":
            return (
                f"Left: the length of the weights under {s.optimizer} with λ = {s.weight_decay:g}, which "
                f"leaves the picture. Right: {decay.TRAIN} training points; there is no boundary."
            )
        return (
            f"Left: the length of the weights over {fit.steps[-1]} steps of {s.optimizer} with λ = "
            f"{s.weight_decay:g} and gradients × {s.gradient_scale:g}, on a logarithmic scale. It goes "
            f"from 1 to {short(fit.norms[-1] / fit.norms[0])}; without decay it ends at "
            f"{short(r.free.norms[-1] / r.free.norms[0])}. Right: {decay.TRAIN} training points of two "
            f"kinds, {int(r.points.flipped.sum())} with a wrong label, and the network's boundary "
            f"between them, which puts {fit.train_accuracy:.0%} of them on the side of their label."
        )


def state(fit):
    """OVERFIT, UNDERFIT, BALANCED or DIVERGED, by the training loss and the gap to the test loss."""
    if not np.isfinite([fit.train_loss, fit.test_loss, fit.norms[-1]]).all():
        return "DIVERGED"
    if fit.train_loss > UNDERFIT:
        return "UNDERFIT"
    return "OVERFIT" if fit.gap > OVERFIT else "BALANCED"


def _said(value):
    return short(value) if np.isfinite(value) else "not finite"


def _log10(ratios):
    """log10, cut off far outside the picture; what has left the range of numbers lies above it."""
    return np.clip(log10(np.nan_to_num(ratios, nan=np.inf, posinf=np.inf)), -2 * DECADES[-1], 2 * DECADES[-1])
