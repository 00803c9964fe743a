"""The workbooks of exercises/, generated from solutions/.

    python tools/exercises.py                       # all of them: `make exercises`
    python tools/exercises.py 02_initialization     # one chapter

solutions/NN_*.ipynb is the one source. A code cell whose id is that of an exercise gets the reference,
word for word, its body between ### BEGIN SOLUTION and ### END SOLUTION; with -task or -check behind that
id, a cell gets its heading, points and link, and nbgrader's metadata. In the workbook a stub stands for
what is between the two lines, and cells tagged solutions-only are left out.
"""

import ast
import functools
import re
import sys
from copy import deepcopy
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # `tools` is no installed package

from helpers.checking import exercise  # noqa: E402
from helpers.checking.cards import address  # noqa: E402
from tools import notebooks  # noqa: E402

HEAD = re.compile(r"\A(## .*\n+)?(\*\d+ points · .*\*\n+)?(\*What you need is in .*\*\n+)?")
REGION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION$", re.DOTALL | re.MULTILINE)
STUB = r"\1raise NotImplementedError  # your code here"


def stamp(notebook):
    """Write what follows from the exercise: the head of its task, the answer, nbgrader's schema 3."""
    known = {item.id: item for item in exercise.load().values()}
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.id.removesuffix("-task") in known:
            cell.source = head(known[cell.id.removesuffix("-task")]) + HEAD.sub("", cell.source)
        item = known.get(cell.id.removesuffix("-check")) if cell.cell_type == "code" else None
        if cell.id == "imports":
            cell.metadata["nbgrader"] = _nbgrader(cell.id, locked=True)
        elif item and cell.id == item.id:
            cell.source = answer(item)
            cell.metadata["nbgrader"] = _nbgrader(cell.id, solution=True)
        elif item:
            cell.metadata["nbgrader"] = _nbgrader(cell.id, grade=True, locked=True, points=item.points)
        else:
            cell.metadata.pop("nbgrader", None)
    return notebook


def head(item):
    """Number and title of an exercise, its points, and links to what the lesson says about it."""
    chapter = [other.id for other in exercise.load().values() if other.lesson == item.lesson]
    number = f"{item.chapter}.{chapter.index(item.id) + 1}"
    link = f"[Lesson: {item.section}]({address(item.lesson, item.section)})"
    taught = f"*What you need is in {_explained(item)}.*\n\n" if item.taught else ""
    return f"## {number} · {item.title}\n\n*{item.facts} · {link}*\n\n{taught}"


def _explained(item):
    """Links to the cells that explain what an exercise needs: those of a section behind its name."""
    sections = {}
    for place in item.taught:
        lesson, _, cell = place.rpartition("#")
        section, words = _places(lesson or item.lesson)[cell]
        address = f"(../notebooks/{lesson or item.lesson}.ipynb#cell-id={cell})"
        name, inside = sections.setdefault(section, [section, []])
        if words:
            inside.append(f"[{words}]{address}")
        else:
            sections[section][0] = f"[{name}]{address}"
    return "; ".join(
        name + (f" ({', '.join(inside)})" if inside else "") for name, inside in sections.values()
    )


@functools.cache
def _places(lesson):
    """The section that each cell of a lesson is in, and what the cell is called there ("": its heading)."""
    found, section = {}, ""
    for cell in nbformat.read(ROOT / f"notebooks/{lesson}.ipynb", 4).cells:
        words = ""
        if cell.cell_type == "code":
            words = f"`{cell.source.splitlines()[0]}`"
        elif heading := re.match(r"#+ (?:(\d+) · )?(.*)", cell.source):
            section = f"section {heading[1]}" if heading[1] else f"“{heading[2]}”"
        else:
            fold = re.match(r"<details[^>]*><summary><b>(.*?)</b>", cell.source)
            words = f"“{fold[1] if fold else _beginning(cell.source)}”"
        found[cell.id] = section, words
    return found


def _beginning(text):
    """The first words of a text: its first sentence, if that is short. A formula stays whole.

    A sentence that begins with a number says little by its beginning: then another one's words are taken.
    """
    sentences = re.split(r"(?<=[.?!]) +|\n+", text.replace("*", ""))
    beginnings = [re.findall(r"\$.*?\$\S*|\S+", sentence)[:8] for sentence in sentences if sentence.strip()]
    words = next((one for one in beginnings if not re.search(r"[\d½¼¾⅓⅔⅛]", " ".join(one))), beginnings[0])
    return " ".join(words if len(words) < 8 else [*words[:7], "…"])


def answer(item):
    """The reference, with the lines around its body: all that follows the signature and the docstring."""
    lines = item.source.splitlines()
    (function,) = ast.parse(item.source).body
    begin = function.body[0].end_lineno  # of the docstring
    return "\n".join([*lines[:begin], "    ### BEGIN SOLUTION", *lines[begin:], "    ### END SOLUTION"])


def workbook(solutions):
    """The learner's notebook."""
    made = deepcopy(solutions)
    made.cells = [cell for cell in made.cells if "solutions-only" not in cell.metadata.get("tags", [])]
    for cell in made.cells:
        cell.source = REGION.sub(STUB, cell.source)
    return made


def _nbgrader(id, grade=False, solution=False, locked=False, **points):
    return {
        "grade": grade,
        "grade_id": id,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
        **points,
    }


def main(*chapters):
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        if not chapters or path.stem in chapters:
            solutions = stamp(nbformat.read(path, 4))
            path.write_text(notebooks.serialize(solutions), "utf-8")
            (ROOT / "exercises" / path.name).write_text(notebooks.serialize(workbook(solutions)), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
