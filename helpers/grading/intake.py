"""A submitted file → its code cells and where the answers are, whatever state the file is in.

Nothing here runs or compiles what a learner wrote (its stubs are told by their tokens), and nothing raises:
what cannot be read is a Submission with a `problem`.
"""

import io
import json
import os
import re
import stat
import tokenize
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from helpers.checking import exercise

LARGEST = 20 * 2**20  # bytes of a file
MOST_CELLS = 1000
NO_NOTEBOOK = "It is no notebook (.ipynb)."
DEFINED = re.compile(r"^(?:(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(|(\w+)[ \t]*=(?!=))", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A code cell. number: among all cells, from 1. answers: the exercises whose answer it holds."""

    number: int
    source: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """What was found in a file.

    found: exercise → how its answer was recognised (see `_answer`); also: exercise → the other cells that
    define it, by number; elsewhere: how many answers it holds to other lessons, by lesson.
    """

    name: str
    lesson: str | None = None
    cells: tuple[Cell, ...] = ()
    found: dict = field(default_factory=dict)
    also: dict = field(default_factory=dict)
    elsewhere: dict = field(default_factory=dict)
    problem: str = ""


NO_HAND_IN = {
    ".ipynb_checkpoints",
    "__MACOSX",
    "__pycache__",
    ".git",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
}


def find(folder):
    """What was handed in, in a folder, at any depth: {name: path}.

    A notebook's name is its path without .ipynb; another file's, or one that another file could be called by,
    is the whole path: nobody who handed something in is without a row. What systems leave behind is no
    hand-in. ValueError if the folder is none, or holds no notebook.
    """
    folder = Path(folder)
    paths = {path: path.relative_to(folder) for path in sorted(folder.rglob("*"))}
    paths = {
        path: there
        for path, there in paths.items()
        if not NO_HAND_IN & set(there.parts)
        and not there.name.startswith("._")
        and (path.is_symlink() or not path.is_dir() or is_notebook(path))
    }
    if not any(map(is_notebook, paths)):
        raise ValueError(f"submissions={str(folder)!r}: a folder with notebooks (*.ipynb) is needed")
    short = {
        path: str(there.with_suffix("") if is_notebook(path) else there) for path, there in paths.items()
    }
    called = Counter(name for path, there in paths.items() for name in {short[path], str(there)})
    return {name if called[name] == 1 else str(paths[path]): path for path, name in short.items()}


def is_notebook(path):
    """By its name: .ipynb, however it is written."""
    return Path(path).suffix.lower() == ".ipynb"


def load(path):
    """The bytes of a file, and a problem in words if it is not to be read: (bytes, '') or (b'', problem)."""
    if not is_notebook(path):
        return b"", NO_NOTEBOOK
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
    answered = Counter(_answered(cells))
    lesson = lesson or max(answered, key=answered.get, default=None) or _named(name, cells)
    if not lesson:
        return Submission(name, problem="It answers no exercise of the course.")
    found, places, also = {}, {}, {}
    for item in (item for item in exercise.load().values() if item.lesson == lesson):
        if answer := _answer(item, cells):
            number, found[item.name], also[item.name] = answer
            places.setdefault(number, []).append(item.name)
    if not found and answered:
        return Submission(name, problem=f"It answers exercises of {', '.join(answered)}, none of {lesson}.")
    made = tuple(Cell(number, source, tuple(places.get(number, ()))) for number, source, _, _ in cells)
    del answered[lesson]
    return Submission(name, lesson, made, found, {k: v for k, v in also.items() if v}, dict(answered))


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
    """The number of the cell with the answer to an exercise, how it was recognised, and the other cells that
    answer it; None without one.

    Of the cells that define the function: one that is not the stub, then the one with its grade_id, then with
    its cell id, then any; and of several, the last.
    """
    ranked = [
        ((not is_stub(source, item.name), 2 if mark == item.id else 1 if id == item.id else 0), number)
        for number, source, (mark, id), names in cells
        if item.name in names
    ]
    if not ranked:
        return None
    (filled, how), number = max(ranked)
    others = sorted({other for (full, _), other in ranked if full and filled} - {number})
    return number, ("function name", "cell id", "grade_id")[how], others


def is_stub(source, name):
    """Is the function still as the workbook has it: a docstring at most, and `raise NotImplementedError`?

    Comments say nothing, and neither does a branch that raises it. Source that cannot be read is no stub.
    """
    try:
        tokens = [
            token
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.NEWLINE)
        ]
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return False
    words = [token.string for token in tokens]
    at = max((i for i, pair in enumerate(pairwise(words)) if pair == ("def", name)), default=None)
    if at is None:
        return False
    body = _after_the_colon(words, at)
    while body < len(words) and tokens[body].type == tokenize.STRING:
        body += 1
    return words[body : body + 2] == ["raise", "NotImplementedError"]


def _after_the_colon(words, at):
    """Where the body of the `def` at this place begins."""
    depth = 0
    for i in range(at, len(words)):
        depth += (words[i] in tuple("([{")) - (words[i] in tuple(")]}"))
        if words[i] == ":" and depth == 0:
            return i + 1
    return len(words)


def _answered(cells):
    """The lesson of every exercise that a `def` answers, once each: not by its stub."""
    for item in exercise.load().values():
        written = (
            source
            for _, source, _, _ in cells
            if re.search(rf"^(?:async +)?def +{item.name}\b", source, re.M)
        )
        if not all(is_stub(source, item.name) for source in written):
            yield item.lesson


def _named(name, cells):
    """The lesson that most of the defined names belong to, or else the one that the file is named for."""
    defined = {name for _, _, _, names in cells for name in names}
    lessons = Counter(item.lesson for item in exercise.load().values() if item.name in defined)
    named = {item.lesson for item in exercise.load().values() if item.lesson in Path(name).parts}
    return max(lessons, key=lessons.get) if lessons else min(named, default=None)


def _refuse(constant):
    raise ValueError(f"{constant} is no JSON")
