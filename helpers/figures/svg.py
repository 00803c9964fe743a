"""A matplotlib figure as SVG: all of it, or its paper.

The split is matplotlib's own: an artist made with `animated=True` is ink, all else is paper. It is
blitting, with SVG in place of pixels: the paper (axes, ticks, labels) is sent once, and then only the ink,
which `ink.py` writes. Colours become CSS variables, so that the page's theme decides them; text stays text.
"""

import io
import re
from contextlib import contextmanager
from html import escape, unescape
from itertools import count, groupby
from random import randrange

import matplotlib as mpl
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure

from helpers.figures.theme import FONT, themed

POINTS_PER_INCH = 72  # SVG's unit; a figure of this dpi has the same coordinates in both
_serial = count(1000 * randrange(10**9))  # two notebooks that are open in JupyterLab share one page


def unique_name():
    """A name that nothing else on the page has."""
    return f"td{next(_serial)}"


def new_figure(width=8.4, height=3.6):
    """An empty figure, in inches, that belongs to no window and so is freed with its last reference."""
    return Figure(figsize=(width, height), dpi=POINTS_PER_INCH)


def picture(figure, title, description):
    """The whole figure as one SVG string, for a page without a kernel."""
    moving = sorted(figure.findobj(lambda a: a.get_animated()), key=lambda a: a.get_zorder())

    def draw(renderer):
        figure.draw(renderer)
        for artist in moving:
            artist.draw(renderer)

    return wrap(figure, _body(figure, draw), title, description)


def paper(figure):
    """All that stays. Hidden from screen readers: the ink above it carries the description."""
    return wrap(figure, _body(figure, figure.draw))


@contextmanager
def _text_as_text():
    # mpl.rc_context would do the same, but copies all settings, which takes longer than drawing a curve.
    before = mpl.rcParams["svg.fonttype"]
    mpl.rcParams["svg.fonttype"] = "none"
    try:
        yield
    finally:
        mpl.rcParams["svg.fonttype"] = before


def _body(figure, draw):
    """What `draw(renderer)` writes, without matplotlib's header, which would restyle the whole page."""
    page = io.StringIO()
    renderer = RendererSVG(*figure.bbox.size, page, image_dpi=POINTS_PER_INCH)
    start = page.tell()
    with _text_as_text():
        draw(renderer)
    renderer.finalize()
    body = page.getvalue()[start:].removesuffix("</svg>\n")
    # Names such as "line2d_1" would stand in every figure of the page; clip paths have unique ones.
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"font-family: [^;\"]*", f"font-family: {FONT}", body)
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", rf"font: \1 {FONT}", body)
    return themed(_FORMULA.sub(_flowing, body))


_FORMULA = re.compile(
    r"<text>\s*((?:<tspan [^>]*>[^<]*</tspan>\s*)+)</text>(?!\s*<rect)"
)  # <rect>: a fraction
_GLYPHS = re.compile(r"<tspan ([^>]*)>([^<]*)</tspan>")
_ATTRIBUTES = re.compile(r'(\w+)="([^"]*)"')  # in an order of matplotlib's version


def _flowing(formula):
    """A text with mathematics as one text that flows.

    matplotlib gives every letter its own place, by the widths of a font that the page does not have.
    """
    glyphs = []
    for attributes, letters in _GLYPHS.findall(formula[1]):
        its = dict(_ATTRIBUTES.findall(attributes))
        xs, ys = its["x"].split(), its["y"].split()
        glyphs += [
            (float(x), float(ys[i % len(ys)]), its["style"], letter)
            for i, (x, letter) in enumerate(zip(xs, unescape(letters), strict=True))
        ]
    parts, pen = [], 0.0
    for (y, style), piece in groupby(sorted(glyphs, key=lambda one: one[0]), key=lambda one: one[1:3]):
        words = "".join(letter for *_, letter in piece)
        # A sign that joins two sides has a little room on both; one at the start has only one side.
        joins = r"(?<!\s)([−+=×<>≤≥≈])(?!\s)"
        words = re.sub(joins if parts else f"(?<=.){joins}", "\u2009\\1\u2009", words)
        parts.append(f'<tspan dy="{y - pen:g}" style="{style}">{escape(words)}</tspan>')
        pen = y
    return f'<text style="font-family: {FONT}">{"".join(parts)}</text>'


def wrap(figure, body, title=None, description=""):
    """An SVG element of the figure's size; with a title, a picture for screen readers, else decoration."""
    width, height = figure.bbox.size
    if title is None:
        role, words = 'aria-hidden="true"', ""
    else:
        name = unique_name()
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
