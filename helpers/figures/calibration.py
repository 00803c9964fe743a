"""How sure somebody was, against how often they were right: the picture in a learner's report."""

import numpy as np

from helpers.figures import svg
from helpers.figures.picture import Picture
from helpers.figures.theme import INK, MEASURED, MUTED, style


def calibration(bands):
    """A dot for each (mean confidence from 0 to 1, number right, number of predictions), as a `Picture`.

    The bar is the 95% interval of Wilson (1927), which stays honest for one or two predictions: it is wide.
    """
    sure, right, total = np.array(bands, float).T
    low, high = wilson(right, total)
    with style():
        figure = svg.new_figure(5.2, 2.9)
        ax = figure.add_subplot()
        figure.subplots_adjust(left=0.14, right=0.97, bottom=0.19, top=0.9)
        ax.plot([45, 105], [45, 105], color=MUTED, ls=(0, (4, 3)), lw=1.5)
        ax.set_title("dashed: as often right as you were sure", fontsize=9, color=MUTED)
        ax.vlines(100 * sure, 100 * low, 100 * high, color=MEASURED, lw=2.5, alpha=0.6)
        ax.plot(100 * sure, 100 * right / total, "o", ms=7, color=MEASURED)
        for x, top, n in zip(sure, high, total, strict=True):
            above = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center"}
            ax.annotate(f"{n:.0f}", (100 * x, 100 * top), color=INK, **above)
        ax.set(xlim=(45, 105), ylim=(-4, 116), xlabel="how sure you were (%)", ylabel="how often right (%)")
        ax.set_yticks(range(0, 101, 25))
    words = ", ".join(f"{r:.0f} of {n:.0f} at {s:.0%}" for s, r, n in zip(sure, right, total, strict=True))
    alt = f"Right by how sure you were: {words}. The bars, 95% intervals, say how much of that can be luck."
    return Picture(figure, "Calibration of your predictions", alt)


def wilson(right, total, z=1.96):
    """The interval of a share, as two arrays: those chances with which what was seen is no surprise."""
    right, total = np.asarray(right, float), np.asarray(total, float)
    share = right / total
    middle = share + z**2 / (2 * total)
    reach = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return (middle - reach) / (1 + z**2 / total), (middle + reach) / (1 + z**2 / total)
