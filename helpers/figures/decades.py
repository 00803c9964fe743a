"""An axis that rescales while its paper lies still: its tick labels are ink."""

import numpy as np
from matplotlib.ticker import FuncFormatter

from helpers.figures import theme
from helpers.figures.numbers import from_log10, power_of_ten, short

REACHES = (2, 6, 20, 60, 200)  # decades on either side of 1, which stands in the middle
BOTH_SIDES = np.linspace(-1, 1, 5)


class LogFormatter(FuncFormatter):
    """The ticks of an axis on which logarithms stand: powers of ten."""

    def __init__(self):
        super().__init__(lambda value, _: power_of_ten(value))


class Decades:
    """The vertical axis of `axes`, for log10 values: `fit` them, then draw what `place` makes of them.

    On paper it goes from −1 to 1, and 1 stands for the `reach`: the smallest of `reaches` that holds what was
    fitted. Labels stand at the shares `ticks` of it, `beside` the axis by this share of its width.
    """

    scale = "log"  # how reading.py makes a value of what stands on the axis, times the unit

    def __init__(self, axes, reaches=REACHES, ticks=BOTH_SIDES, beside=0.02):
        axes.set_ylim(-1, 1)
        axes.set_yticks(ticks, [""] * len(ticks))
        style = {"ha": "right", "va": "center", "color": theme.MUTED, "animated": True}
        style["transform"] = axes.get_yaxis_transform()  # x as a share of the axes, y as data
        self._labels = {tick: axes.text(-beside, tick, "", **style) for tick in ticks}
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
        """What is written at a share of the axis."""
        return (from_log10 if self.reach < 2 else power_of_ten)(tick * self.reach)


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
        end = power_of_ten(np.log10(self.reach))
        return {-1: f"−{end}", 0: "0", 1: end}.get(tick, "")


class Stretched:
    """A horizontal axis from 0 to 1 for shares of a length that changes, which its tick labels count."""

    scale = "linear"

    def __init__(self, axes, ticks):
        axes.set_xticks(ticks, [""] * len(ticks))
        style = {"ha": "center", "va": "top", "color": theme.MUTED, "animated": True}
        style["transform"] = axes.get_xaxis_transform()
        self._labels = {tick: axes.text(tick, -0.045, "", **style) for tick in ticks}
        self.labels, self.unit = self._labels.values(), 1.0
        axes.xaxis.rescaled = self

    def stretch(self, length):
        """1 on the axis is this length from now on."""
        self.unit = float(length)
        for tick, label in self._labels.items():
            label.set_text(f"{tick * length:.0f}")
