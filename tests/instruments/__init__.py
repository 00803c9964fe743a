"""What the tests of instruments share: reading one as a learner does, and going through its corners.

Each instrument has a module of its own name here. It says what `tests/test_instruments.py` holds every
instrument to: `PROMISES` {preset: the verdict's word, or None}, `SOLUTIONS` {challenge: settings that solve
it, on top of its start}, `BAD` [(setting, value that is not allowed, what the message says is allowed)] and
`DRAWN_AT` {settings in which a new seed draws another picture}.
"""

import re
import xml.etree.ElementTree as ET
from itertools import product

import ipywidgets as widgets

SVG = "{http://www.w3.org/2000/svg}"


def inside(widget, kind):
    """All widgets of a kind within a widget."""
    found = [widget] if isinstance(widget, kind) else []
    return found + [one for child in getattr(widget, "children", ()) for one in inside(child, kind)]


def press(instrument, name):
    (button,) = [one for one in inside(instrument, widgets.Button) if one.description == name]
    button.click()


def slider(instrument, label):
    (found,) = [
        one for one in inside(instrument, widgets.SelectionSlider) if one.description.startswith(label)
    ]
    return found


def page(instrument):
    """The words of the instrument as they stand on the page, without the figure."""
    html = " ".join(one.value for one in inside(instrument, widgets.HTML) if "<svg" not in one.value)
    return re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)


def verdict(instrument):
    """The verdict's word."""
    html = " ".join(one.value for one in inside(instrument, widgets.HTML))
    return re.search(r"td-verdict[^>]*><b>([^<]*)</b>", html)[1]


def drawing(html):
    return ET.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])


def assert_it_can_be_drawn(html):
    for element in drawing(html).iter():
        for name in ("d", "x", "y", "transform", "width", "height", "points"):
            value = element.get(name, "")
            assert not re.search(r"nan|inf", value, re.IGNORECASE), (element.tag, value)


def everything(instrument):
    return vars(instrument.settings).copy()


def check_corner(instrument, corner):
    instrument.set(**corner)
    assert instrument.problem is None, (corner, instrument.problem)
    assert {name: value for name, value in everything(instrument).items() if name != "seed"} == corner
    assert_it_can_be_drawn(instrument.figure.ink.value)
    words = page(instrument) + instrument.figure.description
    assert "not a number" not in words, corner
    assert not re.search(r"\bnan\b", words), corner


def corners(instrument):
    """Every combination of all choices and of both ends of every slider, each when it has been shown."""
    assert_it_can_be_drawn(instrument.figure.paper.value)
    ends = {control.name: control.extremes() for control in instrument.controls}
    for values in product(*ends.values()):
        corner = dict(zip(ends, values, strict=True))
        check_corner(instrument, corner)
        yield corner


def reached(instrument):
    """Has the challenge been solved that was taken?"""
    words = page(instrument)
    assert ("✓ Reached." in words) != ("Goal:" in words)
    return "✓ Reached." in words
