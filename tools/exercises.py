"""The workbooks of exercises/, generated from solutions/.

    python tools/exercises.py                       # all of them: `make exercises`
    python tools/exercises.py 02_initialization     # one chapter

solutions/NN_*.ipynb is the one source. What stands between ### BEGIN SOLUTION and ### END SOLUTION is
replaced by a stub, and cells tagged solutions-only are left out. nbgrader's metadata is derived from the
exercise, in both notebooks: the answer's cell has the exercise's id, and the next one, `id-check`, checks it.
"""

import re
import sys
from copy import deepcopy
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # `tools` is no installed package

from helpers.checking import exercise  # noqa: E402
from tools import notebooks  # noqa: E402

REGION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION$", re.DOTALL | re.MULTILINE)
STUB = r"\1raise NotImplementedError  # your code here"


def stamp(notebook):
    """Write nbgrader's metadata (schema 3) into the cells that belong to an exercise."""
    known = {item.id: item for item in exercise.load().values()}
    for cell in notebook.cells:
        item = known.get(cell.id.removesuffix("-check")) if cell.cell_type == "code" else None
        if cell.id == "imports":
            cell.metadata["nbgrader"] = _nbgrader(cell.id, locked=True)
        elif item and cell.id == item.id:
            cell.metadata["nbgrader"] = _nbgrader(cell.id, solution=True)
        elif item:
            cell.metadata["nbgrader"] = _nbgrader(cell.id, grade=True, locked=True, points=item.points)
        else:
            cell.metadata.pop("nbgrader", None)
    return notebook


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
