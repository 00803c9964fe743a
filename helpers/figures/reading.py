"""What a hand can read in a figure: where each axes lies, how a place becomes a value, its curves' names.

All of it comes from matplotlib's artists, and is told to the browser once, with the paper. There a value is
looked up in the ink. The vertical scale of a `Decades` axis moves: its unit comes with every frame.
"""

import re

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from helpers.figures import sound, theme
from helpers.figures.decades import LogFormatter

_OF_SCALE = {
    "linear": "linear",
    "log": "log",
    "function": "square",
}  # "function": the square root, everywhere
_SIGNS = {"|": "‖", "partial": "∂", "sigma": "σ", "cdots": "⋯", "^2": "²"}  # of matplotlib's mathematics


def moving_units(figure):
    """The axes that rescale, in the order in which a frame holds their units."""
    return [axis.rescaled for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) if _rescales(axis)]


def panels(figure, curves, words, backwards=()):
    """A panel for each axes that can be read, as JSON.

    `curves` are the moving artists as the ink has them, without texts. `words` has, by the number of an axes,
    what to say of a place on its horizontal axis, as "layer {}", where the axis's label does not; two such
    texts for a plane, in which the nearest point is read; None for an axes that is not read. A zone
    (`theme.ZONE`) is none of the curves. In the axes numbered in `backwards` a curve is on its way from right
    to left, and is heard so.
    """
    found = []
    for number, axes in enumerate(figure.axes):
        says = words.get(number, _said(plain(axes.get_xlabel())))
        here = [(at, curve) for at, curve in enumerate(curves) if curve.axes is axes]
        named = [[at, plain(name), _kind(curve)] for at, curve in here if (name := _name(curve, curves))]
        if not named:  # then a line needs no name
            lines = (one for one in here if _kind(one[1]) == "bars" or _look(one[1])[1] != "None")
            named = [[at, plain(axes.get_ylabel()), _kind(curve)] for at, curve in lines]
        if not says or not named:
            continue
        plane = not isinstance(says, str)
        heights = _flipped(figure, axes)
        found.append(
            {
                "title": plain(axes.get_title(loc="left")),
                "box": box(figure, axes),
                "words": list(says) if plane else [says],
                "plane": plane,
                "x": _scale(figure, axes.xaxis, axes.get_xlim(), axes.bbox.x0, axes.bbox.x1),
                "y": _scale(figure, axes.yaxis, axes.get_ylim(), *heights),
                "tone": sound.about(*_ends(figure, axes)),
                "backwards": number in backwards,
                "curves": named,
                "main": _main([(at, curves[at]) for at, *_ in named]),
            }
        )
    return found


def _main(here):
    """Which of these (number, curve) is heard before one is chosen: what is measured, or the first line."""
    lines = [(at, curve) for at, curve in here if _kind(curve) != "band"] or here
    measured = [(at, curve) for at, curve in lines if _look(curve)[0] == theme.MEASURED]
    return (measured or lines)[0][0]


def legend(figure, curves):
    """The entries of the figure's legends: where each stands, and which of the curves it names."""
    entries = []
    for one in figure.legends:
        for text in one.get_texts():
            place, key = text.get_window_extent(), 3 * text.get_size()  # the key stands in front of the words
            named = [at for at, curve in enumerate(curves) if _name(curve, curves) == text.get_text()]
            if named:
                top = figure.bbox.height - place.y1
                entries.append(
                    {"box": _rounded(place.x0 - key, top, place.width + key, place.height), "curves": named}
                )
    return entries


def plain(label):
    """A label without matplotlib's mathematics: the gradient at layer $D$ is that at layer D."""

    def signs(formula):
        return re.sub(r"\\([a-z]+|\|) ?|\^2", lambda sign: _SIGNS[sign[1] or sign[0]], formula[1])

    return re.sub(r"\$(.*?)\$", signs, label)


def box(figure, axes):
    """Left, top, width and height of an axes, in the coordinates of the SVG."""
    place = axes.bbox
    return _rounded(place.x0, figure.bbox.height - place.y1, place.width, place.height)


def _flipped(figure, axes):
    return figure.bbox.height - axes.bbox.y0, figure.bbox.height - axes.bbox.y1


def _ends(figure, axes):
    """The heights of the lowest and the highest tone: an axis that rescales has room beyond its ends."""
    ends = (-1, 1) if _rescales(axes.yaxis) else axes.get_ylim()
    x, _ = axes.get_xlim()
    return [float(figure.bbox.height - axes.transData.transform((x, y))[1]) for y in ends]


def _rescales(axis):
    return hasattr(axis, "rescaled")


def _scale(figure, axis, limits, low, high):
    """How a place becomes a value: [the function, a, b] of a + b · place, and the number of its unit."""
    start, end = axis.get_transform().transform(np.asarray(limits, float))
    kind = _OF_SCALE[axis.get_scale()]
    if kind == "log":
        start, end = np.log10(limits)
    if isinstance(axis.get_major_formatter(), LogFormatter):  # the values themselves are logarithms
        kind = "log"
    step = float((end - start) / (high - low))
    start = float(start - step * low)
    if not _rescales(axis):
        return {"scale": [kind, start, step]}
    unit = moving_units(figure).index(axis.rescaled)
    return {"scale": [axis.rescaled.scale, start, step], "unit": unit}


def _said(label):
    """ "layer {}" for an axis that is called so; "gain g = {}" where the label ends in a symbol."""
    name = label.split(",")[0]
    last = name.split(" ")[-1]
    return name and (f"{name} {{}}" if len(last) > 2 and last.isalpha() else f"{name} = {{}}")


def _name(curve, curves):
    """The label of a curve, or of another that looks alike; None for one without, and for a zone."""
    alike = (one for one in (curve, *curves) if _look(one) == _look(curve))
    labels = (one.get_label() for one in alike if one.get_gid() != theme.ZONE["gid"])
    return next((label for label in labels if not label.startswith("_")), None)


def _look(curve):
    if isinstance(curve, Line2D):
        return curve.get_color(), curve.get_linestyle(), curve.get_marker()
    return type(curve), tuple(np.ravel(curve.get_facecolor()))


def _kind(curve):
    return "band" if isinstance(curve, PolyCollection) else "bars" if isinstance(curve, StepPatch) else "line"


def _rounded(*numbers):
    return [round(float(number), 2) for number in numbers]
