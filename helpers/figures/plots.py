"""The still pictures of the lessons. Each takes arrays and the words that describe it, and is a `Picture`."""

import math

import numpy as np
from matplotlib.ticker import Formatter, LogLocator, MaxNLocator, NullFormatter

from helpers import arguments
from helpers.figures import svg
from helpers.figures.numbers import TIMES, decades, power_of_ten, short
from helpers.figures.picture import Picture
from helpers.figures.theme import INK, MEASURED, MUTED, PAPER, SECOND, TARGET, THEORY, style

# Lines differ in dash and marker as well as in colour.
_MARKS = ("o", "s", "^", "D", "v", "P")
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (4, 1.5, 1, 1.5)), (0, (8, 2)), (0, (2, 2)))


def by_layer(curves, ylabel, alt, target=None, band=None, log=True, title=None, xlabel="layer"):
    """Curves over the layers, one for each entry of `curves` {name: values for layers 0 … D}.

    What is counted may be something else than layers, such as blocks: `xlabel` says so.
    `target` draws a dotted level, `band` = (low, high) shades the range of the first curve. A curve that is
    named "theory" is dashed, in the colour of theory. `alt` says in words what is seen.
    Values that are not finite end a line, with a cross at the last one that is.
    """
    with style():
        figure = svg.new_figure(7.6, 3.4)
        ax = figure.add_subplot()
        figure.subplots_adjust(left=0.11, bottom=0.15, top=0.9)
        if log:
            _logarithmic(ax.set_yscale, ax.yaxis)
        if target is not None:
            ax.axhline(target, label=f"target: {target:g}", **TARGET)
        if band is not None:
            name = f"{next(iter(curves))}: range"
            ax.fill_between(np.arange(len(band[0])), *band, color=MEASURED, alpha=0.17, lw=0, label=name)
        for i, (name, values) in enumerate(curves.items()):
            _line(ax, name, np.asarray(values, float), i)
        ax.set(xlabel=xlabel, ylabel=ylabel)
        ax.set_title(title or f"{ylabel} by {xlabel}", loc="left")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        legend = figure.legend(*ax.get_legend_handles_labels(), loc="center right", bbox_to_anchor=(1, 0.55))
        figure.subplots_adjust(right=min(0.74, legend.get_window_extent().x0 / figure.bbox.width - 0.005))
    return Picture(figure, title or f"{ylabel} by {xlabel}", alt)


def curves(x, lines, xlabel, ylabel, alt, bands=None, log="", marks=None, title=None):
    """Lines over any x, such as training curves over steps: `lines` {name: y}, each named at its end.

    `x` is one array for all, and a y may be shorter than it (a training that ended early); None counts from
    0. `bands` {name: (low, high)} shades a range around the line of that name, such as that of several
    seeds; `log` names the logarithmic axes ("", "x", "y" or "xy"); `marks` {name: x} draws dotted verticals.
    A line that is named "theory" is dashed, in the colour of theory. `alt` says in words what is seen. A line
    that ends before its x does, or in values that are not finite, ends with a cross. Raises ValueError for a
    y or a band that does not fit.
    """
    log = arguments.one_of("log", log, ("", "x", "y", "xy"))
    lines = {name: np.asarray(y, float) for name, y in lines.items()}
    x = np.arange(max(map(len, lines.values()))) if x is None else np.asarray(x, float)
    bands = {name: [np.asarray(edge, float) for edge in pair] for name, pair in (bands or {}).items()}
    _check_lines(x, lines, bands)
    right = 1 - (0.09 + 0.0125 * max(map(len, lines)))  # room for the longest name
    with style():
        figure = svg.new_figure(7.6, 3.4)
        ax = figure.add_subplot()
        figure.subplots_adjust(left=0.11, right=right, bottom=0.16, top=0.88)
        for name in log:
            _logarithmic(getattr(ax, f"set_{name}scale"), getattr(ax, f"{name}axis"))
        _mark(ax, marks or {})
        drawn = []
        for i, (name, y) in enumerate(lines.items()):
            drawn.append(_line(ax, name, y, i, x[: len(y)], ended=len(y) < len(x)))
            if name in bands:
                low, high = (_drawable(edge, ax.get_yscale()) for edge in bands[name])
                ax.fill_between(x[: len(y)], low, high, color=drawn[-1].get_color(), alpha=0.17, lw=0)
        ax.set(xlabel=xlabel, ylabel=ylabel)
        ax.set_title(title or f"{ylabel} over {xlabel}", loc="left", pad=18 if marks else 6)
        _name_at_the_end(ax, drawn)
    return Picture(figure, title or f"{ylabel} over {xlabel}", alt)


def _check_lines(x, lines, bands):
    for name, y in lines.items():
        if y.ndim != 1 or len(y) > len(x):
            raise ValueError(f"lines[{name!r}] of shape {y.shape} does not fit x of shape {x.shape}")
    for name, edges in bands.items():
        if name not in lines or any(edge.shape != lines[name].shape for edge in edges):
            shapes = [edge.shape for edge in edges]
            raise ValueError(f"bands[{name!r}] of shapes {shapes}: low and high of a line are needed")


def _name_at_the_end(ax, drawn):
    """Write each line's name, with a piece of the line, right of the axes at the height where it ends."""
    ax.autoscale_view()
    heights = [_end(ax, line) for line in drawn]
    order = np.argsort(heights, kind="stable")
    for i, y in zip(order, _apart(np.sort(heights), 16 / ax.bbox.height), strict=True):
        name, place = drawn[i].get_label(), {"transform": ax.transAxes, "clip_on": False}
        look = {**_look(i, name), "color": drawn[i].get_color()}
        ax.plot([1.015, 1.045, 1.075], [y] * 3, **look, markevery=[1], **place)
        ax.text(1.09, y, name, color=look["color"], va="center", **place)


def _end(ax, line):
    """The height at which a line ends, as a share of the axes."""
    points = line.get_xydata()[np.isfinite(line.get_ydata())]
    to_share = ax.transData + ax.transAxes.inverted()
    return to_share.transform(points[-1])[1] if len(points) else 0.0


def _apart(places, gap):
    """Sorted places in 0 … 1, moved as little as is needed for a `gap` between neighbours."""
    places = np.clip(places, 0, 1)
    for _ in range(100):
        short = np.maximum(gap - np.diff(places), 0) / 2
        places[:-1] -= short
        places[1:] += short
        places += max(0, -places[0])
    return places


def draw_network(values, weights, alt, names=None, title="A small network"):
    """A network, layer beside layer: units as circles with their values, weights as lines between them.

    `values` are the layers' units, each (n,), from the input on; `weights` the matrices between them, each
    (fan_in, fan_out). A line is as wide as its weight is large, and dashed where it is negative; up to 16
    weights are written on their lines. `names` stand above the layers. Raises ValueError for shapes that do
    not fit.
    """
    values, weights = ([np.asarray(a, float) + 0 for a in arrays] for arrays in (values, weights))  # no −0
    names = [""] * len(values) if names is None else names
    _check_network(values, weights, names)
    most = max(map(len, values))
    largest = max(np.abs(w).max() for w in weights) or 1.0
    with style():
        figure = svg.new_figure(7.6, 0.6 + 0.85 * max(most, 2))
        ax = figure.add_axes((0.01, 0.01, 0.98, 0.9))
        height = 7.45 * ax.bbox.height / ax.bbox.width  # one unit of the axes is an inch, both ways
        ax.set(xlim=(0, 7.45), ylim=(0, height), title=title, axisbelow=False)
        ax.axis("off")
        across = np.linspace(0.9, 6.55, len(values))
        at = [
            [(x, (height - 0.3) / 2 - 0.85 * (i - (len(h) - 1) / 2)) for i in range(len(h))]
            for x, h in zip(across, values, strict=True)
        ]
        for left, right, w in zip(at, at[1:], weights, strict=False):
            for (i, j), weight in np.ndenumerate(w):
                _draw_weight(ax, left[i], right[j], weight, largest, written=sum(map(np.size, weights)) <= 16)
        for x, units, h, name in zip(across, at, values, names, strict=True):
            ax.text(x, height - 0.02, name, ha="center", va="top", color=MUTED)
            for place, value in zip(units, h, strict=True):
                ax.plot(*place, "o", ms=42, mfc=PAPER, mec=INK if value else MUTED, mew=1.6)
                ax.text(
                    *place, text := short(value), ha="center", va="center", fontsize=min(11, 54 / len(text))
                )
    return Picture(figure, title, alt)


def _check_network(values, weights, names):
    if len(values) != len(weights) + 1 or len(names) != len(values):
        raise ValueError(
            f"{len(values)} values, {len(weights)} weights, {len(names)} names: of D layers of weights, "
            "values and names are needed for D + 1 layers of units"
        )
    for i, w in enumerate(weights):
        fits = values[i].shape + values[i + 1].shape
        if w.shape != fits:
            raise ValueError(f"weights[{i}] of shape {w.shape} does not join its units: {fits} is needed")


def _draw_weight(ax, start, end, weight, largest, written):
    """One line, with the number near the unit from which it comes: further on the lines cross."""
    color, dash = (MEASURED, "-") if weight >= 0 else (SECOND, (0, (3, 1.5)))
    width = 0.4 + 5 * abs(weight) / largest
    ax.plot(*zip(start, end, strict=True), color=color, ls=dash, lw=width, alpha=0.55, solid_capstyle="butt")
    if written:
        x, y = (0.68 * a + 0.32 * b for a, b in zip(start, end, strict=True))
        ground = {"fc": PAPER, "ec": "none", "pad": 1.5}
        ax.text(x, y, short(weight), ha="center", va="center", fontsize=10, color=color, bbox=ground)


def distribution(groups, xlabel, alt, log=True, title=None, marks=None):
    """Every value of every group as a dot, one row a group, with its median as a bar.

    `groups` {name: values}; `marks` {name: x} draws dotted verticals for what theory says.
    """
    with style():
        figure = svg.new_figure(7.6, 0.62 * len(groups) + 1.5)
        ax = figure.add_subplot()
        left = max(0.2, 0.03 + 0.0105 * max(map(len, groups)))  # room for the longest name
        figure.subplots_adjust(left=left, right=0.97, bottom=0.24, top=0.86)
        if log:
            _logarithmic(ax.set_xscale, ax.xaxis)
        for row, values in enumerate(groups.values()):
            values = np.sort(np.asarray(values, float))
            values = values[~np.isnan(values)]
            spread = 0.28 * np.sin(np.arange(values.size) * 2.4)  # apart, so that no dot hides another
            dots = _drawable(values, ax.get_xscale())
            ax.plot(dots, row + spread, "o", ms=3.5, alpha=0.65, color=MEASURED)
            if values.size:  # zeros count in the median, though a logarithmic axis cannot show them
                median = _drawable(np.median(values), ax.get_xscale())
                ax.plot([median] * 2, [row - 0.36, row + 0.36], color=INK, lw=3)
        _mark(ax, marks or {})
        ax.set(yticks=range(len(groups)), yticklabels=list(groups), xlabel=f"{xlabel} (bar: median)")
        ax.set_ylim(len(groups) - 0.45, -0.55)
        ax.grid(axis="y", visible=False)
        if title:
            ax.set_title(title, loc="left", pad=18 if marks else 6)
    return Picture(figure, title or xlabel, alt)


class _Ticks(LogLocator):
    """Where a logarithmic axis has ticks: powers of ten through 1; over fewer than two, 1, 2, 5 between them.

    Or those `between` the ones with numbers. Our own, as matplotlib's are others with each version.
    """

    def __init__(self, between=False):
        super().__init__()
        self._between = between

    def tick_values(self, vmin, vmax):
        low, high = np.log10(sorted((vmin, vmax)))
        if high - low < 0.7:  # nearly straight
            ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(vmin, vmax)
            return [tick for tick in ticks if not self._between and vmin <= tick <= vmax]
        step = next((step for step in (1, 2, 5, 10, 20, 50) if high - low <= 8 * step), 100)
        multiples = [1, 2, 5] if high - low < 2 else [1]
        if self._between:
            multiples = [n for n in range(2, 10) if n not in multiples and step == 1]
        powers = np.arange(math.floor(low / step) * step, high + 1, step)
        ticks = (powers[:, None] + np.log10(multiples)).ravel()
        return 10.0 ** ticks[(low - 1e-9 <= ticks) & (ticks <= high + 1e-9)]


class _Numbers(Formatter):
    """What stands at the ticks of a logarithmic axis: powers as `decades` writes them, and 0.2, 0.5."""

    def __call__(self, x, pos=None):
        power = round(math.log10(x), 9)
        if power % 1:
            exponent = 0 if 1e-4 < x < 1e4 else math.floor(power)
            return f"{x / 10.0**exponent:.4g}" + (TIMES + power_of_ten(exponent) if exponent else "")
        return decades([power, *np.trunc(np.log10(self.axis.get_view_interval()))])[0]


def _logarithmic(set_scale, axis):
    set_scale("log")
    axis.set_major_locator(_Ticks())
    axis.set_major_formatter(_Numbers())
    axis.set_minor_locator(_Ticks(between=True))
    axis.set_minor_formatter(NullFormatter())


def _mark(ax, marks):
    """A dotted vertical at each x of `marks` {name: x}, named above the axes."""
    for name, x in marks.items():
        ax.axvline(x, **TARGET)
        ax.annotate(name, (x, 1.02), xycoords=("data", "axes fraction"), ha="center", fontsize=9)


def _drawable(values, scale):
    """The values with nan for those that the axis cannot show, its margins included."""
    drawable = np.abs(values) < 1e250
    if scale == "log":
        drawable &= values > 1e-250
    return np.where(drawable, values, np.nan)


def _look(i, name):
    """Marker and dash of the i-th line; its colour comes from the cycle of the style, but for theory."""
    if name == "theory":
        return {"ls": "--", "color": THEORY}
    return {"marker": _MARKS[i % len(_MARKS)], "ls": _DASHES[i % len(_DASHES)], "ms": 4}


def _line(ax, name, values, i, x=None, ended=False):
    """Draw one line of several, and a cross where it ends: in values that cannot be drawn, or if `ended`."""
    x = np.arange(len(values)) if x is None else x
    shown = _drawable(values, ax.get_yscale())
    finite = np.isfinite(shown)
    (line,) = ax.plot(x, shown, **_look(i, name), markevery=max(1, len(values) // 12), label=name)
    if finite.any() and (ended or not finite[-1]):
        last = np.flatnonzero(finite)[-1]
        ax.plot(x[last], values[last], "X", ms=9, color=line.get_color())
    return line
