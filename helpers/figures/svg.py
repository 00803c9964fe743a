"""A matplotlib figure as SVG in three ways: all of it, its paper, or its ink.

The split is matplotlib's own: an artist made with `animated=True` is ink, all else is paper. It is
blitting, with SVG in place of pixels: the paper (axes, ticks, labels) is sent once, and then only the ink.
Colours become CSS variables, so that the page's theme decides them; text stays text.
"""

import io
import re
from html import escape
from itertools import count

import matplotlib as mpl
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure

from helpers.figures.theme import style, themed

POINTS_PER_INCH = 72  # SVG's unit; a figure of this dpi has the same coordinates in both
_serial = count()


def new_figure(width=8.4, height=3.6):
    """An empty figure, in inches, that belongs to no window and so is freed with its last reference."""
    return Figure(figsize=(width, height), dpi=POINTS_PER_INCH)


def picture(figure, title, description):
    """The whole figure as one SVG string, for a page without a kernel."""
    return _svg(figure, _paper_body(figure) + _ink_body(figure), title, description)


def paper(figure):
    """All that stays. Hidden from screen readers: the ink above it carries the description."""
    return _svg(figure, _paper_body(figure))


def ink(figure, title, description):
    """All that moves, with the figure's title and description as it is now."""
    return _svg(figure, _ink_body(figure), title, description)


def _paper_body(figure):
    with style():
        return _body(figure, figure.draw)


def _ink_body(figure):
    moving = sorted(figure.findobj(lambda artist: artist.get_animated()), key=_z_order)

    def draw(renderer):
        for artist in moving:
            artist.draw(renderer)

    with mpl.rc_context({"svg.fonttype": "none"}):
        return _body(figure, draw)


def _z_order(artist):
    return artist.get_zorder()


def _body(figure, draw):
    """What `draw(renderer)` writes, without matplotlib's header, which would restyle the whole page."""
    page = io.StringIO()
    renderer = RendererSVG(*figure.bbox.size, page, image_dpi=POINTS_PER_INCH)
    start = page.tell()
    draw(renderer)
    renderer.finalize()
    body = page.getvalue()[start:].removesuffix("</svg>\n")
    # Names such as "line2d_1" would stand in every figure of the page; clip paths have unique ones.
    body = re.sub(r'<g id="[^"]*">', "<g>", body)
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 var(--jp-ui-font-family, sans-serif)", body)
    return themed(body)


def _svg(figure, body, title=None, description=""):
    width, height = figure.bbox.size
    if title is None:
        role, words = 'aria-hidden="true"', ""
    else:
        name = f"td{next(_serial)}"
        role = f'role="img" aria-labelledby="{name}-title {name}-desc"'
        words = (
            f'<title id="{name}-title">{escape(title)}</title>'
            f'<desc id="{name}-desc">{escape(description)}</desc>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width:g} {height:g}" {role} '
        f'style="stroke-linejoin:round;stroke-linecap:butt">{words}{body}</svg>'
    )
