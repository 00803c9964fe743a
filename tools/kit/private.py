"""Workbooks with numbers of each student's own, drawn from a secret (helpers/grading/private.py).

A workbook is the published one, with the same cells and ids. Behind a task that has a number stand a few
words about it, and the cell of its check says it.
"""

import re
from copy import deepcopy
from html import escape
from pathlib import Path

import nbformat

from helpers.checking import exercise
from helpers.grading import gradebook, private
from tools import notebooks

ROOT = Path(__file__).resolve().parents[2]


def files(students, secret):
    """All workbooks: {name: text}. ValueError if the grader could not tell by its folder whose one is."""
    chapters = {path.stem: nbformat.read(path, 4) for path in sorted((ROOT / "exercises").glob("*.ipynb"))}
    made = {}
    for student in students:
        folder = re.sub(r"[^\w.@+-]+", "_", student.key).lstrip(".")
        numbers = private.numbers(secret, student.key)
        for lesson, notebook in chapters.items():
            name = f"{folder}/{lesson}.ipynb"
            if gradebook.whose(name, students) != student:
                raise ValueError(f"the ID {student.key} of {student.name} does not tell whose {name} is")
            made[name] = notebooks.serialize(workbook(notebook, student, numbers))
    return made


def workbook(notebook, student, numbers):
    """A student's own copy of a workbook."""
    made = deepcopy(notebook)
    known = {item.id: item for item in exercise.load().values() if item.name in numbers}
    for cell in made.cells:
        item = known.get(cell.id.removesuffix("-task").removesuffix("-check"))
        if cell.id == "title":
            whose = f"{_safe(student.name)} ({_safe(student.key)})"
            cell.source += (
                f"\n\n*This is the workbook of {whose}: some of its tasks have a number of their own.*"
            )
        elif item and cell.id.endswith("-task"):
            own = numbers[item.name]
            cell.source += f"\n\n**Your number: {own}.** {item.yours.replace('{own}', str(own))}"
        elif item and cell.id.endswith("-check"):
            cell.source = private.call(exercise.with_number(item, numbers[item.name]))
    return made


def _safe(text):
    """Text of a roster, as Markdown."""
    return re.sub(r"([\\`*_\[\]$~|])", r"\\\1", escape(" ".join(text.split())))
