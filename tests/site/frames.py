"""What is in a file of frames, read as `lesson.js` reads it."""

import gzip
import json
import re

from helpers import instruments


def unpack(packed):
    """(the file, {state: frame}); a frame as `Instrument.frame` makes it, as far as a page shows it."""
    file, frames = json.loads(gzip.decompress(packed)), {}
    for shape in file["shapes"]:
        numbers = [0] * (len(shape["text"]) - 1)
        for places, said, steps, reached, units in shape["frames"]:
            numbers = [number + step for number, step in zip(numbers, steps, strict=True)]
            written = [f"{number / 100:.2f}" for number in numbers]
            ink = "".join(a + b for a, b in zip(shape["text"], [*written, ""], strict=True))
            says, *words = (file["words"][place] for place in said)
            rows = words[3:]
            frames[tuple(file["values"][i][place] for i, place in enumerate(places))] = {
                "ink": ink,
                "says": says,
                "verdict": words[:3],
                "readouts": [list(row) for row in zip(rows[::2], rows[1::2], strict=True)],
                "reached": reached,
                "units": units,
            }
    return file, frames


def computed(name, about, state):
    """The same frame from a fresh instrument."""
    names = [control["name"] for control in about["controls"]]
    frame = getattr(instruments, name)().frame(**dict(zip(names, state, strict=True)))
    frame["ink"] = re.sub(r"-0\.00(?!\d)", "0.00", frame["ink"])
    return {part: frame[part] for part in ("ink", "says", "verdict", "readouts", "reached", "units")}


def full(about, values):
    """The state of a preset or a challenge, from the start."""
    return (*values, *about["start"][len(values) :])


def way(name, about, challenge):
    """The states on the way to a challenge's solution, from its start."""
    instrument = getattr(instruments, name)
    names = [control["name"] for control in about["controls"]]
    start = next(values for one, _, _, values in about["challenges"] if one == challenge.name)
    state = dict(zip(names, full(about, start), strict=True))
    yield tuple(state.values())
    checked = instrument()
    for setting, value in challenge.solution.items():
        control = about["controls"][names.index(setting)]
        if control["kind"] == "slider":
            value = min(control["values"], key=lambda position, to=value: abs(position - to))
        state |= checked.check({setting: value})
        yield tuple(state.values())
