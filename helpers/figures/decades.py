"""Axes that rescale while their paper lies still: what moves of them, the tick labels, is ink."""

import numpy as np
from matplotlib.ticker import Formatter
from matplotlib.transforms import ScaledTranslation

from helpers.figures import theme
from helpers.figures.numbers import decades, short

# How far from 1 an axis goes, in decades: from ×2 on, so that the curves fill it.
REACHES = (*np.log10([2, 4, 10]), 2, 3, 4, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 100, 120, 160, 200, 300)
BOTH_SIDES = np.linspace(-1, 1, 5)
LENGTHS = (*range(1, 7), 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 160)
LENGTHS += (200, 250, 300, 320, 400, 500)
STEPS = (1, 2, 5, 10, 20, 50, 100, 40, 80)  # between two ticks of a length: the first that divides it by ≤ 6
ROOM = 0.04  # beyond the ends of an axis of length 2, for a marker that stands there
APART = 5  # points between an axis and its tick labels


class LogFormatter(Formatter):
    """The ticks of an axis on which logarithms stand."""

    def __call__(self, value, pos=None):
        return decades([value])[0]

    def format_ticks(self, values):
        return decades(values)


def _moving(axes, axis, x, y, **place):
    """A tick label of an axis: a text that moves, a little outside the axes."""
    along = getattr(axes, f"get_{axis}axis_transform")()
    away = ScaledTranslation(x / 72, y / 72, axes.figure.dpi_scale_trans)
    return axes.text(0, 0, "", color=theme.MUTED, animated=True, fontsize=10, transform=along + away, **place)


class Decades:
    """The vertical axis of `axes`, for log10 values: `fit` them, then draw what `place` makes of them.

    On paper it goes from −1 to 1, and 1 stands for the `reach`: the smallest of `reaches` that holds what was
    fitted. Both ways alike, because a hand that passes 1 would else turn the whole picture over, and because
    where 1 stands would tell the answer to who is asked to guess. Labels stand at the shares `ticks` of it.
    """

    scale = "log"  # how reading.py makes a value of what stands on the axis, times the unit

    def __init__(self, axes, reaches=REACHES, ticks=BOTH_SIDES):
        axes.set_ylim(-1 - ROOM, 1 + ROOM)
        axes.set_yticks(ticks, [""] * len(ticks))
        self._labels = {tick: _moving(axes, "y", -APART, 0, ha="right", va="center") for tick in ticks}
        for tick, label in self._labels.items():
            label.set_y(tick)
        self.reaches, self.reach = reaches, reaches[0]
        axes.yaxis.rescaled = self

    @property
    def labels(self):
        """Its tick labels: artists."""
        return self._labels.values()

    @property
    def unit(self):
        """What 1 on the axis stands for."""
        return float(self.reach)

    def fit(self, *curves):
        """Take the smallest reach that holds all of the curves, and write the tick labels."""
        values = np.concatenate([np.atleast_1d(curve) for curve in curves])
        farthest = np.abs(values[np.isfinite(values)]).max(initial=0)
        self.reach = next((reach for reach in self.reaches if farthest <= reach), self.reaches[-1])
        for tick, label in self._labels.items():
            label.set_text(self.label(tick))

    def place(self, log10):
        """Where log10 values stand on the axis; −∞ stands at its lower end."""
        return np.maximum(np.asarray(log10) / self.reach, -1)

    def label(self, tick):
        """What is written at a share of the axis: a round number, or nothing."""
        log = tick * self.reach
        if abs(log - round(log)) < 1e-9:
            return decades([round(log), self.reach])[0]
        value = 10.0**log
        return f"{value:.3g}" if self.reach < 1 and abs(value / float(f"{value:.3g}") - 1) < 1e-9 else ""


class Bent(Decades):
    """An axis for values of both signs, bent like arcsinh: straight where it is short, else in decades."""

    scale = "sinh"

    @property
    def unit(self):
        return float(np.arcsinh(self.reach))

    def place(self, values):
        return np.arcsinh(values) / self.unit

    def label(self, tick):
        if self.reach < 10:
            return short(round(np.sinh(tick * np.arcsinh(self.reach)), 2))
        end = decades([np.log10(self.reach)])[0]
        return {-1: f"−{end}", 0: "0", 1: end}.get(tick, "")


class Stretched:
    """The horizontal axis of `axes`, from 0 on: `fit` a length, then draw what `place` makes of it.

    On paper it goes from 0 to 1, and 1 stands for the shortest of LENGTHS that holds what was fitted.
    """

    scale = "linear"

    def __init__(self, axes):
        axes.set(xlim=(-ROOM / 2, 1 + ROOM / 2), xticks=[])
        axes.xaxis.labelpad = 10 + 2 * APART
        self.labels = [_moving(axes, "x", 0, -APART, ha="center", va="top") for _ in range(6)]
        # The last one ends where the axis does. (By its end figure.js knows that an axis has been rescaled.)
        self.labels.append(_moving(axes, "x", 0, -APART, ha="right", va="top"))
        lines = {"marker": "|", "ms": axes.bbox.height, "color": theme.GRID, "mew": 0.8, "zorder": 0.5}
        (self._lines,) = axes.plot(
            [], [], ls="", transform=axes.get_xaxis_transform(), animated=True, **lines
        )
        self.unit = 1.0
        axes.xaxis.rescaled = self

    def fit(self, length):
        """Take the shortest axis that holds the length, and write the tick labels."""
        self.unit = float(next(one for one in LENGTHS if length <= one))
        step = next(step for step in STEPS if self.unit % step == 0 and self.unit / step <= 6)
        ticks = np.arange(0, self.unit, step)
        for i, label in enumerate(self.labels):
            last = label is self.labels[-1]
            at = self.unit if last else ticks[i] if i < len(ticks) else None
            label.set(
                x=0 if at is None else at / self.unit + last * ROOM / 2,
                text="" if at is None else f"{at:.0f}",
            )
        ticks = np.append(ticks, self.unit) / self.unit
        self._lines.set_data(ticks, np.full(len(ticks), 0.5))

    def place(self, values):
        """Where values stand on the axis."""
        return np.asarray(values) / self.unit
