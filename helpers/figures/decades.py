"""A logarithmic axis that rescales while its paper lies still: its tick labels are ink."""

import numpy as np

from helpers.figures import theme
from helpers.figures.numbers import power_of_ten

REACHES = (2, 6, 20, 60, 200)  # decades on either side of 1, which stands in the middle
_TICKS = np.linspace(-1, 1, 5)


class Decades:
    """The vertical axis of `axes`, for log10 values: `fit` them, then draw what `place` makes of them."""

    def __init__(self, axes):
        axes.set_ylim(-1, 1)
        axes.set_yticks(_TICKS, [""] * len(_TICKS))
        beside = axes.get_yaxis_transform()  # x as a share of the axes, y as data
        style = {"transform": beside, "ha": "right", "va": "center", "color": theme.MUTED, "animated": True}
        self._labels = [axes.text(-0.02, y, "", **style) for y in _TICKS]
        self.reach = REACHES[0]

    def fit(self, *curves):
        """Take the fewest decades that hold all of the curves, and write the tick labels."""
        values = np.concatenate([np.atleast_1d(curve) for curve in curves])
        farthest = np.abs(values[np.isfinite(values)]).max(initial=0)
        self.reach = next((decades for decades in REACHES if farthest <= decades), REACHES[-1])
        for label, tick in zip(self._labels, _TICKS, strict=True):
            label.set_text(power_of_ten(tick * self.reach))

    def place(self, log10):
        """Where log10 values stand on the axis; −∞ stands at its lower end."""
        return np.maximum(np.asarray(log10) / self.reach, -1)
