"""A submitted file → its code cells and where the answers are, whatever state the file is in.

Nothing here runs or parses what a learner wrote, and nothing raises: what cannot be read is a Submission with
a `problem`.
"""

import json
import os
import re
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from helpers.checking import exercise

LARGEST = 20 * 2**20  # bytes of a file
MOST_CELLS = 1000
STUB = "raise NotImplementedError"
DEFINED = re.compile(r"^(?:(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(|(\w+)[ \t]*=(?!=))", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A code cell. number: among all cells, from 1. answers: the exercises whose answer it holds."""

    number: int
    source: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """What was found in a file. found: exercise → how its answer was recognised (see `_answers`)."""

    name: str
    lesson: str | None = None
    cells: tuple[Cell, ...] = ()
    found: dict = field(default_factory=dict)
    problem: str = ""


def find(folder):
    """The submissions in a folder, at any depth: {name: path}, where a name is the path without .ipynb.

    ValueError if the folder is none, or holds no notebook.
    """
    folder = Path(folder)
    paths = [
        path
        for path in sorted(folder.rglob("*.ipynb"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not paths:
        raise ValueError(f"submissions={str(folder)!r}: a folder with notebooks (*.ipynb) is needed")
    return {str(path.relative_to(folder).with_suffix("")): path for path in paths}


def load(path):
    """The bytes of a file, and a problem in words if it is not to be read: (bytes, '') or (b'', problem)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return b"", "It is no ordinary file."
            data = file.read(LARGEST + 1)
    except OSError as error:
        return b"", f"It cannot be opened: {error.strerror}."
    if len(data) > LARGEST:
        return b"", f"It is larger than {LARGEST >> 20} MB."
    return data, ""


def read(name, data, lesson=None):
    """The Submission in a notebook's bytes. lesson: the one it should answer; by default whatever it does."""
    try:
        notebook = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
        cells = _code_cells(notebook)
    except (ValueError, RecursionError) as error:  # of decoding, of JSON, or ours
        said = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        return Submission(name, problem=f"It is no notebook: {said}.")
    lesson = lesson or _lesson(name, cells)
    if not lesson:
        return Submission(name, problem="It answers no exercise of the course.")
    found, places = {}, {}
    for item in (item for item in exercise.load().values() if item.lesson == lesson):
        if answer := _answer(item, cells):
            number, found[item.name] = answer
            places.setdefault(number, []).append(item.name)
    made = tuple(Cell(number, source, tuple(places.get(number, ()))) for number, source, _, _ in cells)
    return Submission(name, lesson, made, found)


def _code_cells(notebook):
    """(number, source, its ids, the names it defines) of each code cell; ValueError if there are no cells."""
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("there is no list of cells")
    if len(notebook["cells"]) > MOST_CELLS:
        raise ValueError(f"there are more than {MOST_CELLS} cells")
    cells = []
    for number, cell in enumerate(notebook["cells"], 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = _text(cell.get("source"))
            names = {one or other for one, other in DEFINED.findall(source)}
            cells.append((number, source, (grade_id(cell), cell.get("id")), names))
    return cells


def grade_id(cell):
    """The grade_id that a cell claims to have, or None."""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None


def _text(source):
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _answer(item, cells):
    """The number of the cell with the answer to an exercise, and how it was recognised; None without one.

    Of the cells that define the function: one that is not the stub, then the one with its grade_id, then with
    its cell id, then any; and of several, the last.
    """
    best = None
    for number, source, (mark, id), names in cells:
        if item.name in names:
            how = 2 if mark == item.id else 1 if id == item.id else 0
            rank = (STUB not in source, how)
            if best is None or rank >= best[0]:
                best = rank, number
    return best and (best[1], ("function name", "cell id", "grade_id")[best[0][1]])


def _lesson(name, cells):
    """The lesson that most of the defined functions belong to, or else the one that the file is named for."""
    defined = {name for _, _, _, names in cells for name in names}
    lessons = Counter(item.lesson for item in exercise.load().values() if item.name in defined)
    named = {item.lesson for item in exercise.load().values() if item.lesson in Path(name).parts}
    return max(lessons, key=lessons.get) if lessons else min(named, default=None)


def _refuse(constant):
    raise ValueError(f"{constant} is no JSON")
