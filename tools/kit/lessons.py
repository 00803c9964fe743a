"""A lesson as its teacher sees it: the sections of its core path, with all that happens in each."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.checking import exercise, questions
from tools import claims, minutes
from tools.web.life import called

ROOT = Path(__file__).resolve().parents[2]
FOLDED = re.compile(r"<details\b.*?</details>", re.DOTALL)
TO_READ_ALONE = ("References", "Further", "Exercises")  # headings that are no part of a lecture
VARIANTS = 5


@dataclass(frozen=True)
class Section:
    """What stands under one `##` of the core path; what comes before the first is called Opening.

    calls: [(name, arguments, keywords)] of the cells that ask or show an instrument.
    """

    title: str
    cells: list
    calls: list

    @property
    def minutes(self):
        return minutes.effort(self.cells).minutes

    @property
    def text(self):
        """The Markdown that everybody sees, without its headings."""
        sources = [cell.source for cell in self.cells if cell.cell_type == "markdown"]
        return re.sub(r"^#+ .*\n?", "", FOLDED.sub("", "\n\n".join(sources)), flags=re.MULTILINE)

    def asked(self, *names):
        """The questions that its cells of these names (ask, predict) ask."""
        return [questions.find(arguments[0]) for name, arguments, _ in self.calls if name in names]

    @property
    def instruments(self):
        """[(name, settings)]"""
        return [(name, settings) for name, _, settings in self.calls if name not in ("ask", "predict")]


@dataclass(frozen=True)
class Lesson:
    """A lesson with a chapter's number. `name` is the notebook's without .ipynb."""

    name: str
    title: str
    sections: list

    @property
    def number(self):
        return int(self.name[:2])

    @property
    def questions(self):
        """All questions of the chapter, asked in its core path or not."""
        return [one for one in questions.load().values() if one.lesson == self.name]

    @property
    def exercises(self):
        return [one for one in exercise.load().values() if one.lesson == self.name]

    @property
    def claims(self):
        return claims.load().get(self.name, ("", []))[1]

    @property
    def cells(self):
        """The ids of the cells of its core path."""
        return {cell.id for section in self.sections for cell in section.cells}


def load():
    """The Lessons that have questions, in the order of their chapters."""
    names = sorted({one.lesson for one in questions.load().values()})
    return [read(ROOT / "notebooks" / f"{name}.ipynb") for name in names]


def read(path):
    cells, _ = minutes.parts(path)
    title = cells[0].source.splitlines()[0].removeprefix("# ").strip()
    parts = [("Opening", [])]
    for cell in cells:
        heading = re.match("## (.*)", cell.source) if cell.cell_type == "markdown" else None
        if heading:
            parts.append((heading[1].strip(), []))
        parts[-1][1].append(cell)
    return Lesson(
        path.stem,
        title,
        [
            Section(name, inside, [call for call in map(called, inside) if call[0]])
            for name, inside in parts
            if name not in TO_READ_ALONE
        ],
    )


def variants(question, count=VARIANTS, seed=0):
    """Up to `count` questions of a family, no two alike; those with the lesson's own numbers come last.

    A question without a family is the only one.
    """
    if not question.family:
        return [question]
    rng, found = np.random.default_rng([seed, *question.id.encode()]), []
    while len(found) < min(count, len(question.family.draws)):
        one = question.drawn(rng, [None, *(other.posed for other in found)])
        if one.posed in [other.posed for other in found]:
            break  # the others cannot be told apart from their wrong answers
        found.append(one)
    return found
