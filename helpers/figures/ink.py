"""The moving artists of a figure as SVG, from their own data and transforms.

matplotlib's renderer would write the same picture in four times the time, because it works out every style
anew at each call. Here an artist's style is written once, and a redraw writes coordinates only. A test holds
the two pictures against each other.
"""

from html import escape
from itertools import chain

import matplotlib as mpl
import numpy as np
from contourpy import contour_generator  # comes with matplotlib
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from helpers.figures.theme import themed

_BASELINE = {"baseline": "alphabetic", "center": "central", "top": "text-before-edge"}
_ANCHOR = {"left": "start", "center": "middle", "right": "end"}
_CAPS = {"o": "round", "s": "square"}  # what a line of no length looks like with these ends
_NONE = np.full((1, 2), np.nan)  # a point that is not drawn
_FAR = 1e4  # coordinates are cut here, far outside any figure: browsers draw huge numbers wrongly


class Ink:
    """The artists of `figure` that were made with `animated=True`, lowest first, ready to be written.

    They may be lines with or without markers, filled areas (`fill_between`, `stairs`) and texts; another kind
    is a ValueError. Their data may change afterwards, and a text's words, place and alignment, but no style.
    """

    def __init__(self, figure):
        artists = sorted(figure.findobj(lambda a: a.get_animated()), key=lambda a: a.get_zorder())
        height = figure.bbox.height
        self.curves = [artist for artist in artists if not isinstance(artist, Text)]
        self._parts = {
            artist: (_writer(artist, height), _window(artist.axes, height) if artist in self.curves else None)
            for artist in artists
        }

    def svg(self, only=None):
        """The artists as they are now, or `only` some. An <svg> in there is the next one of `curves`."""
        parts = self._parts.values() if only is None else [self._parts[a] for a in self._parts if a in only]
        return "".join(f"{window}{write()}</svg>" if window else write() for write, window in parts)


def set_band(area, along, low, high, vertical=False):
    """Give a `fill_between` area new edges (`vertical`: a `fill_betweenx` area)."""
    edge = np.concatenate([np.column_stack([along, low]), np.column_stack([along, high])[::-1]])
    area.set_verts([edge[:, ::-1] if vertical else edge])


def set_level(line, x, y, z, level=0.0):
    """Give a line the course of z = `level` over the grid of x and y (z: a row for each y)."""
    pieces = contour_generator(x, y, np.ma.masked_invalid(z)).lines(level)
    line.set_data(*np.concatenate([np.vstack([piece, [[np.nan, np.nan]]]) for piece in pieces] or [_NONE]).T)


def set_beside(text, x, y, words, gap):
    """Write words to the right of a place, by `gap`; to its left if that is negative."""
    text.set(position=(x + gap, y), ha="left" if gap > 0 else "right", text=words)


def _writer(artist, height):
    """A function without arguments that writes the artist as it is when it is called."""
    if isinstance(artist, Line2D):
        return _line_writer(artist, height)
    if isinstance(artist, PolyCollection | StepPatch):
        return _area_writer(artist, height)
    if isinstance(artist, Text):
        return _text_writer(artist, height)
    raise ValueError(f"animated artist {artist!r} cannot move: use a line, fill_between, stairs or a text")


def _line_writer(line, height):
    width = line.get_linewidth()
    dashes = {"--": "lines.dashed_pattern", ":": "lines.dotted_pattern"}.get(line.get_linestyle())
    drawn = line.get_linestyle() != "None"  # markers alone
    dash = f' stroke-dasharray="{_numbers(np.multiply(mpl.rcParams[dashes], width))}"' if dashes else ""
    stroke = themed(f'stroke="{to_hex(line.get_color())}" stroke-width="{width:g}"{dash}')
    shape, marker_style = _marker(line)

    def write():
        points = _flip(line.get_transform().transform(line.get_xydata()), height)
        svg = f'<path fill="none" {stroke} d="{_polyline(points)}"/>' if drawn else ""
        if shape:
            marks = points[:: line.get_markevery() or 1]
            places = "".join(f"M{x:.2f} {y:.2f}{shape}" for x, y in marks[np.isfinite(marks).all(1)].tolist())
            svg += f'<path {marker_style} d="{places}"/>'
        return svg

    return write


def _area_writer(area, height):
    color = to_rgba(np.atleast_2d(area.get_facecolor())[0])
    fill = themed(f'fill="{to_hex(color)}" fill-opacity="{color[3]:g}"')

    def write():
        paths = area.get_paths() if isinstance(area, PolyCollection) else [area.get_path()]
        placed = [area.get_transform().transform_path(path) for path in paths]
        outlines = [outline for path in placed for outline in path.to_polygons(closed_only=False)]
        return f'<path {fill} d="{"".join(_polyline(_flip(o, height)) + "z" for o in outlines)}"/>'

    return write


def _text_writer(text, height):
    style = themed(f'fill="{to_hex(text.get_color())}"') + f' font-size="{text.get_size():g}"'

    def write():
        if not text.get_text():
            return ""
        ((x, y),) = _flip(text.get_transform().transform([text.get_position()]), height).tolist()
        anchor, baseline = _ANCHOR[text.get_ha()], _BASELINE[text.get_va()]
        return (
            f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}" dominant-baseline="{baseline}" {style}>'
            f"{escape(text.get_text())}</text>"
        )

    return write


def _marker(line):
    """The marker relative to its place ("": there is none), and its style.

    A dot or a square in one colour is a line of no length: the outline of a dot would take 200 letters.
    """
    kind, size, edge_width = line.get_marker(), line.get_markersize(), line.get_markeredgewidth()
    face, edge = to_hex(line.get_markerfacecolor()), to_hex(line.get_markeredgecolor())
    if kind in _CAPS and face == edge:
        style = f'stroke="{edge}" stroke-width="{size + edge_width:g}" stroke-linecap="{_CAPS[kind]}"'
        return "h0", themed(style)
    marker = MarkerStyle(kind)
    shape = marker.get_transform().transform_path(marker.get_path())
    outlines = [o * size * (1, -1) for o in shape.to_polygons(closed_only=False)]
    relative = [np.vstack([o[:1], np.diff(o, axis=0)]) for o in outlines]
    # After "z" the pen is where the outline began, not at the marker's place: there can be only one.
    outline = "".join(f"m{_numbers(r[0])}l{_numbers(r[1:].ravel())}z" for r in relative[:1])
    return outline, themed(f'fill="{face}" stroke="{edge}" stroke-width="{edge_width:g}"')


def _polyline(points):
    """SVG's d for a line through these points; points that are not finite break it."""
    points, drawn = np.clip(points, -_FAR, _FAR), np.isfinite(points).all(axis=1)
    pens = np.where(np.append(False, drawn[:-1]), "L", "M")[drawn].tolist()
    rows = "%s%.2f %.2f" * len(pens)  # one format for all takes half the time of one for each
    xs, ys = points[drawn].T.tolist()
    return rows % tuple(chain.from_iterable(zip(pens, xs, ys, strict=True)))


def _flip(points, height):
    """From matplotlib's coordinates, which start at the bottom, to SVG's."""
    return np.asarray(points, float).reshape(-1, 2) * (1, -1) + (0, height)


def _window(axes, height):
    """The start of an SVG element that cuts off what leaves the axes. Unlike a clip path it needs no name."""
    box = axes.bbox
    x, y, wide, high = (f"{v:.2f}" for v in (box.x0, height - box.y1, box.width, box.height))
    return f'<svg x="{x}" y="{y}" width="{wide}" height="{high}" viewBox="{x} {y} {wide} {high}">'


def _numbers(values):
    return " ".join(f"{value:.3g}" for value in values)
