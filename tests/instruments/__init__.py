"""What the tests of instruments share: reading one as a learner does, and going through its corners.

Each instrument has a module of its own name here. It says what `tests/test_instruments.py` holds every
instrument to: `PROMISES` {preset: the verdict's word, or None}, `BAD` [(setting, value that is not allowed,
what the message says is allowed)] and `DRAWN_AT` {settings in which a new seed draws another picture}.
"""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from itertools import product

from helpers import contents
from helpers.instruments.controls import Slider
from helpers.instruments.frame import Instrument
from helpers.instruments.phrases import plain

SVG = "{http://www.w3.org/2000/svg}"


def class_of(name):
    """The class of an instrument. What stands in it is read from there: making one takes its experiment."""
    module = contents.find(name)
    return next(
        one
        for one in vars(module).values()
        if isinstance(one, type)
        and issubclass(one, Instrument)
        and one.__module__ == module.__name__
        and "controls" in vars(one)  # else it is what several instruments share
    )


def ink(instrument):
    """The ink that is shown, in an SVG element."""
    return f'<svg xmlns="http://www.w3.org/2000/svg">{instrument._frame["ink"]}</svg>'


def press(instrument, name):
    """Do what the button of this name does in the browser."""
    instrument.taken = None
    about = instrument._about
    cases = dict(about["presets"])
    cases |= {name: values for name, _, _, values in about["challenges"]}
    if name in ("Reset", "New seed"):
        {"Reset": instrument.reset, "New seed": instrument.new_seed}[name]()
        return
    if name in {challenge.name for challenge in instrument.challenges}:
        instrument.taken = name
    names = (control["name"] for control in about["controls"])
    instrument.set(**dict(zip(names, cases[name], strict=False)))  # the seed stays, unless it is named


class slider:
    """The slider whose label begins so."""

    def __init__(self, instrument, label):
        (self._control,) = [
            one for one in instrument.controls if isinstance(one, Slider) and one.label.startswith(label)
        ]
        self._instrument = instrument

    @property
    def description(self):
        said = self._instrument._frame.get("values") or {}
        return f"{self._control.label} = {said[self._control.name]}"

    @property
    def value(self):
        return getattr(self._instrument, self._control.name)

    @value.setter
    def value(self, value):
        setattr(self._instrument, self._control.name, value)


def page(instrument):
    """The words of the instrument as they stand on the page, without the figure."""
    frame = instrument._frame
    words = [instrument.title, frame.get("problem", "")]
    for row in (frame.get("verdict", ())[:2], *frame.get("readouts", ()), (plain(instrument.question),)):
        words += row
    return re.sub(r"<[^>]*>", " ", " ".join(words))


def verdict(instrument):
    """The verdict's word."""
    return instrument._frame["verdict"][0]


def drawing(html):
    if image := re.search(r"data:image/svg\+xml;base64,([^\"]*)", html):
        html = b64decode(image[1]).decode()
    return ET.fromstring(html[html.index("<svg") : html.rindex("</svg>") + 6])


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
    assert_it_can_be_drawn(ink(instrument))
    words = page(instrument) + instrument.description
    assert "not a number" not in words, corner
    assert not re.search(r"\bnan\b", words), corner


def corners(instrument):
    """Every combination of all choices and of both ends of every slider, each when it has been shown."""
    assert_it_can_be_drawn(instrument.figure.paper)
    ends = {control.name: control.extremes() for control in instrument.controls}
    for values in product(*ends.values()):
        corner = dict(zip(ends, values, strict=True))
        check_corner(instrument, corner)
        yield corner


def reached(instrument):
    """Has the challenge been solved that was taken?"""
    return instrument.taken in instrument._frame["reached"]
