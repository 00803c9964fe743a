"""The still pictures of the lessons. Each takes arrays and the words that describe it, and is a `Picture`."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from helpers.figures import svg
from helpers.figures.picture import Picture
from helpers.figures.theme import MEASURED, MUTED, THEORY, style

# Lines differ in dash and marker as well as in colour.
_MARKS = ("o", "s", "^", "D", "v", "P")
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (4, 1.5, 1, 1.5)), (0, (8, 2)), (0, (2, 2)))


def by_layer(curves, ylabel, alt, target=None, band=None, log=True, title=None):
    """Curves over the layers, one for each entry of `curves` {name: values for layers 0 … L}.

    `target` draws a dotted level, `band` = (low, high) a shaded range. `alt` says in words what is seen.
    Values that are not finite end a line, with a cross at the last one that is.
    """
    with style():
        figure = svg.new_figure(7.6, 3.4)
        ax = figure.add_subplot()
        figure.subplots_adjust(left=0.11, right=0.74, bottom=0.15, top=0.9)
        if log:
            ax.set_yscale("log")
        if target is not None:
            ax.axhline(target, color=MUTED, ls=(0, (2, 2)), lw=1.5, label=f"target: {target:g}")
        if band is not None:
            ax.fill_between(np.arange(len(band[0])), *band, color=THEORY, alpha=0.18, lw=0, label="band")
        for i, (name, values) in enumerate(curves.items()):
            _line(ax, name, np.asarray(values, float), i)
        ax.set(xlabel="layer", ylabel=ylabel)
        ax.set_title(title or f"{ylabel} by layer", loc="left")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(*ax.get_legend_handles_labels(), loc="center left", bbox_to_anchor=(0.75, 0.55))
    return Picture(figure, title or f"{ylabel} by layer", alt)


def distribution(groups, xlabel, alt, log=True, title=None, marks=None):
    """Every value of every group as a dot, one row a group, with its median as a bar.

    `groups` {name: values}; `marks` {name: x} draws dotted verticals for what theory says.
    """
    with style():
        figure = svg.new_figure(7.6, 0.62 * len(groups) + 1.5)
        ax = figure.add_subplot()
        figure.subplots_adjust(left=0.2, right=0.97, bottom=0.24, top=0.86)
        if log:
            ax.set_xscale("log")
        for row, values in enumerate(groups.values()):
            values = np.sort(np.asarray(values, float))
            values = values[~np.isnan(values)]
            spread = 0.28 * np.sin(np.arange(values.size) * 2.4)  # apart, so that no dot hides another
            dots = _drawable(values, ax.get_xscale())
            ax.plot(dots, row + spread, "o", ms=3.5, alpha=0.65, color=MEASURED)
            if values.size:  # zeros count in the median, though a logarithmic axis cannot show them
                median = _drawable(np.median(values), ax.get_xscale())
                ax.plot([median] * 2, [row - 0.36, row + 0.36], color=THEORY, lw=3)
        for name, x in (marks or {}).items():
            ax.axvline(x, color=MUTED, ls=(0, (2, 2)), lw=1.5)
            ax.annotate(name, (x, 1.02), xycoords=("data", "axes fraction"), ha="center", fontsize=9)
        ax.set(yticks=range(len(groups)), yticklabels=list(groups), xlabel=f"{xlabel} (bar: median)")
        ax.set_ylim(len(groups) - 0.45, -0.55)
        ax.grid(axis="y", visible=False)
        if title:
            ax.set_title(title, loc="left", pad=18 if marks else 6)
    return Picture(figure, title or xlabel, alt)


def _drawable(values, scale):
    """The values with nan for those that the axis cannot show, its margins included."""
    drawable = np.abs(values) < 1e250
    if scale == "log":
        drawable &= values > 1e-250
    return np.where(drawable, values, np.nan)


def _line(ax, name, values, i):
    layers = np.arange(len(values))
    shown = _drawable(values, ax.get_yscale())
    finite = np.isfinite(shown)
    (line,) = ax.plot(
        layers,
        shown,
        marker=_MARKS[i % len(_MARKS)],
        ls=_DASHES[i % len(_DASHES)],
        ms=4,
        markevery=max(1, len(values) // 12),
        label=name,
    )
    if finite.any() and not finite[-1]:
        last = np.flatnonzero(finite)[-1]
        ax.plot(layers[last], values[last], "X", ms=9, color=line.get_color())
