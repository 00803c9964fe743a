"""The host of an instrument on a page without a kernel: a file of frames, made beforehand.

What is in it: the start, every preset and every challenge, each control moved from there, and for each
challenge at least one way to solve it. A combination that is not there has no picture.
"""

import gzip
import json
from itertools import product
from time import monotonic

FORMAT = 1  # of the file; the same number stands in instrument.js
SECONDS = 40  # of work for one instrument
SIZE = 12_000_000  # bytes of its frames, before they are packed
THIN = 13  # positions of a slider, where not all of them are kept
ALL = 10**6
DENSE = 61  # the most positions of a slider, from the start


def bake(instrument, seconds=SECONDS, size=SIZE):
    """(The file as bytes, the names of the challenges that cannot be solved with it.)"""
    about = instrument.about()
    frames = Frames(instrument, about["controls"], seconds, size)
    names = [control["name"] for control in about["controls"]]
    start = dict(zip(names, about["start"], strict=True))
    presets = [{**start, **dict(zip(names, values, strict=False))} for _, values in about["presets"]]
    tasks = {
        name: {**start, **dict(zip(names, values, strict=False))}
        for name, _, _, values in about["challenges"]
    }
    for state in (start, *presets, *tasks.values()):
        frames.add(state, always=True)
    unsolved = [name for name, state in tasks.items() if not frames.solve(name, state)]
    for state, most in (
        (start, THIN),
        *((state, 5) for state in (*presets, *tasks.values())),
        (start, DENSE),
    ):
        frames.around(state, most)
    for state in (*presets, *tasks.values()):
        frames.around(state, THIN)
    content = {"format": FORMAT, "about": about, "frames": sorted(frames.made.values(), key=_by_values)}
    packed = gzip.compress(json.dumps(content, ensure_ascii=False).encode(), mtime=0)
    return packed, unsolved


def _by_values(row):
    return [str(value) for value in row[0]]


class Frames:
    """The frames of an instrument that were made, within bounds of time and size."""

    def __init__(self, instrument, controls, seconds, size):
        self.instrument, self.controls, self.made, self.room = instrument, controls, {}, size
        self.until = monotonic() + seconds

    def add(self, state, always=False):
        """The frame of a state; None if it failed, or if there is no more time or room."""
        values = tuple(state.values())
        if values in self.made:
            return self.made[values][1]
        if not always and (self.room < 0 or monotonic() > self.until):
            return None
        try:
            frame = self.instrument.frame(**state)
        except Exception as error:  # the page says what the notebook would say
            frame = self.instrument.failed(error)
        self.made[values] = [list(values), frame]
        self.room -= len(frame.get("ink", ""))
        return frame

    def moves(self, state, most):
        """The states to which one control leads, those of a slider thinned to the ends and some between."""
        for control in self.controls:
            if control["kind"] == "seed":
                yield self._moved(state, "seed", (state["seed"] + 1) % control["highest"])
                continue
            values = control["values"]
            if control["kind"] == "slider":
                count = min(most, len(values))
                values = [values[round(k * (len(values) - 1) / max(count - 1, 1))] for k in range(count)]
            for value in values:
                yield self._moved(state, control["name"], value)

    def _moved(self, state, name, value):
        return {**state, **self.instrument.check({name: value})}

    def around(self, state, most):
        for moved in self.moves(state, most):
            self.add(moved)

    def solve(self, challenge, start):
        """Look for one way to solve a challenge, with one move, then with two. Was it found?"""

        def is_reached(state):
            frame = self.add(state)
            return frame is not None and challenge in frame.get("reached", ())

        for most in (THIN, DENSE, ALL):
            if any(is_reached(state) for state in self.moves(start, most)):
                return True
        for one, other in product(self.moves(start, 7), repeat=2):
            if monotonic() > self.until:
                break
            both = {**one, **{name: value for name, value in other.items() if value != start[name]}}
            if challenge in self.instrument.frame(**both)["reached"]:
                self.add(one)  # the way there
                return is_reached(both)
        return False
