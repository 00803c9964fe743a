"""Frames of instruments, made when the site is built, so that its pages need no kernel.

A page has what a hand does from a good place: each control moved alone from the start, from every preset,
from every challenge and from each step on the way to its solution; and what the phrases of the question set,
from the start. Of an instrument that trains networks it has less: all controls from the start, elsewhere the
first two and those of the solution.

A file holds the frames of all calls of one instrument in one lesson. Frames differ in little but their
numbers, so it holds what they share once, and of their numbers the differences to the frame before.
"""

import gzip
import hashlib
import inspect
import json
import re
from dataclasses import replace

from helpers import instruments
from helpers.instruments.controls import Seed, Slider
from helpers.instruments.phrases import settings_of

POSITIONS = 48  # of a slider, and
POSITIONS_OF_SLOW = 12  # of one whose instrument trains networks
SEEDS = 4
NUMBER = re.compile(r"(-?\d+\.\d\d)(?!\d)")  # a coordinate, as ink.py writes them


def bake(name, opened):
    """The file of one instrument: `opened` is {cell's id: settings}. Returns (bytes, version)."""
    abouts, frames, paper = {}, {}, None
    for cell, settings in opened.items():
        instrument = getattr(instruments, name)(**settings)
        about = instrument.about()
        paper = about.pop("paper")  # the same for all calls
        slow = inspect.isgeneratorfunction(instrument.experiment)
        cases = list(_cases(instrument, about, slow))
        most = POSITIONS_OF_SLOW if slow else POSITIONS
        controls = {name: _positions(one, most, cases) for name, one in instrument._controls.items()}
        abouts[cell] = {
            **about,
            "controls": [control.about() for control in controls.values()],
            "places": [place.about(instrument, controls) for place in instrument.places],
        }
        for case, moved in cases:
            for state in _states(case, [controls[name] for name in controls if name in moved]):
                values = tuple(state.values())
                if values not in frames:
                    frames[values] = instrument.frame(**state)
    data = {"paper": _named(paper), "calls": abouts, **pack(frames)}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    text = json.dumps({"version": version, **data}, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0), version


def _cases(instrument, about, slow):
    """The places that a hand starts from, and what it moves there: (settings by name, names)."""
    names, start = list(instrument._controls), about["start"]
    few = names[:2] if slow else names

    def case(values):
        return dict(zip(names, [*values, *start[len(values) :]], strict=True))

    yield case(start), names
    for settings in settings_of(instrument.question):
        yield {**case(start), **instrument.check(settings)}, ()
    for _, values in about["presets"]:
        yield case(values), few
    for challenge, (*_, values) in zip(instrument.challenges, about["challenges"], strict=True):
        place, moved = case(values), {*few, *challenge.solution}
        yield place, moved
        for setting, value in challenge.solution.items():
            control = instrument._controls[setting]
            if isinstance(control, Slider):
                value = min(control.values, key=lambda position, to=value: abs(position - to))
            place = {**place, **control.implied(value), setting: value}
            yield place, moved


def _named(paper):
    """The paper with plain names of its parts, where matplotlib's are random; lesson.js makes them unique."""
    names = re.findall(r'\bid="([^"]*)"', paper)
    for i, name in enumerate(names):
        paper = re.sub(rf'(\bid="|#){re.escape(name)}\b', rf"\g<1>td-paper-{i}", paper)
    return paper


def _positions(control, most, cases):
    """The control with the positions that it has on a page: the ends, those of cases, and some between."""
    of_cases = {case[control.name] for case, _ in cases}
    if isinstance(control, Seed):
        return replace(control, highest=max(SEEDS - 1, *of_cases))
    if not isinstance(control, Slider):
        return control
    last = len(control.values) - 1
    gaps = min(most - 1, last)
    even = {control.values[round(i * last / gaps)] for i in range(gaps + 1)}
    return replace(control, values=sorted(even | of_cases))


def _states(case, controls):
    """The case, and each control moved from there, as settings by name: neighbours follow each other."""
    yield case
    for control in controls:
        values = range(control.highest + 1) if isinstance(control, Seed) else control.about()["values"]
        for value in values:
            yield {**case, **control.implied(value), control.name: value}


def pack(frames):
    """Frames by state (the values of all controls) as data for JSON; lesson.js unpacks them.

    `values` has all values of each control, `words` all words, and `shapes` what frames share: the texts
    between their numbers. A frame of a shape is [its values, its words, its numbers], where values and words
    are places in their lists, and numbers are hundredths, less those of the frame before.
    """
    values = [{} for _ in next(iter(frames))]
    words, shapes = {}, {}
    for state, frame in frames.items():
        text = NUMBER.split(frame["ink"])
        numbers = [round(100 * float(number)) for number in text[1::2]]
        before, rows = shapes.setdefault(tuple(text[::2]), ([0] * len(numbers), []))
        said = [frame["says"], *frame["verdict"], *(word for row in frame["readouts"] for word in row)]
        rows.append(
            [
                [_place(value, seen) for value, seen in zip(state, values, strict=True)],
                [_place(word, words) for word in said],
                [frame_has - had for frame_has, had in zip(numbers, before, strict=True)],
                frame["reached"],
                frame["units"],
            ]
        )
        before[:] = numbers
    return {
        "values": [list(seen) for seen in values],
        "words": list(words),
        "shapes": [{"text": text, "frames": rows} for text, (_, rows) in shapes.items()],
    }


def _place(value, seen):
    return seen.setdefault(value, len(seen))
