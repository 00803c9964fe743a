"""Notebooks as text, and back: the way to edit a lesson outside JupyterLab.

    python tools/notebooks.py text notebooks/02_initialization.ipynb > lesson.py    # as a percent script
    python tools/notebooks.py build lesson.py notebooks/02_initialization.ipynb     # and back
    python tools/notebooks.py tidy notebooks/*.ipynb                                # after JupyterLab

The notebook is the source; the text is only for the time of the edit. `build` and `tidy` write the canonical
form that the tests ask for: readable cell ids, no outputs, no counts, no metadata but a cell's tags, that
what is Further is folded, and that the first code cell is `course`, which finds the course, of this version
or a newer one, or says how.
"""

import sys
from pathlib import Path

import jupytext
import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `tools` is no installed package

import helpers
from tools import address

KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT = ("tags", "nbgrader")
FURTHER = "further"  # the cell with which a lesson's core path ends; the parts after it open folded
FOLDED = "jp-MarkdownHeadingCollapsed"
TEXT_FORMAT = "py:percent"

# For a notebook that was opened alone, beside another `helpers`, or beside one of another version. A course
# from before `written_for` is noticed here; a later one notices by itself (helpers/edition.py).
COURSE = """\
try:  # Where the course is, this cell does nothing.
    from helpers import written_for
    written_for("VERSION")
except ImportError as error:
    raise ImportError(f\"""{error}
    The course's own `helpers` is not here, or is older than VERSION (make update).
    Has another file this name? Rename it, and restart the kernel.
    Otherwise WAY\""") from None"""
ALONE = "open this in the course's folder, with: make lab"
INSTALL = "run in a new cell: %pip install {course}"
IN_COLAB = """\
from importlib.util import find_spec
course = "git+ADDRESS"
if "google.colab" in str(get_ipython()) and not find_spec("helpers"):
    get_ipython().run_line_magic("pip", f"install --quiet {course}")
"""


def course(repository):
    """The source of the cell `course`: a clear sentence with the command, or in Colab the command itself."""
    first, way = (IN_COLAB.replace("ADDRESS", repository), INSTALL) if repository else ("", ALONE)
    return first + COURSE.replace("VERSION", helpers.__version__).replace("WAY", way)


def canonical(notebook):
    """A copy of the notebook as it is committed."""
    cells, further = [], False
    title, *others = [cell for cell in notebook.cells if cell.id != "course"]
    finds = nbformat.v4.new_code_cell(course(address.repository()), id="course")
    for cell in (title, finds, *others):
        metadata = {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
        further = further or cell.id == FURTHER
        if further and cell.cell_type == "markdown" and cell.source.startswith("### "):
            metadata[FOLDED] = True
        if cell.id == "course":
            metadata["jupyter"] = {"source_hidden": True}  # of no interest where it does nothing
        new = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
        source = "\n".join(line.rstrip() for line in cell.source.strip().splitlines())
        cells.append(new[cell.cell_type](source, id=cell.id, metadata=metadata))
    return nbformat.v4.new_notebook(cells=cells, metadata=KERNEL)


def serialize(notebook):
    """The bytes of a canonical notebook."""
    return nbformat.writes(canonical(notebook)) + "\n"


def to_text(notebook):
    """A percent script in which every cell carries its id."""
    for cell in notebook.cells:
        cell.metadata["id"] = cell.id
    notebook.metadata["jupytext"] = {"cell_metadata_filter": "id,tags,nbgrader,-all"}
    return jupytext.writes(notebook, fmt=TEXT_FORMAT)


def from_text(text):
    """The notebook that a percent script describes. A cell without an id is an error."""
    notebook = jupytext.reads(text, fmt=TEXT_FORMAT)
    for cell in notebook.cells:
        if "id" not in cell.metadata:
            raise SystemExit(f'this cell needs an id="…" after its %%:\n{cell.source[:200]}')
        cell.id = cell.metadata.pop("id")
    nbformat.validate(canonical(notebook))
    return notebook


def main(verb=None, *paths):
    if verb == "text" and len(paths) == 1:
        print(to_text(nbformat.read(paths[0], 4)), end="")
    elif verb == "build" and len(paths) == 2:
        Path(paths[1]).write_text(serialize(from_text(Path(paths[0]).read_text("utf-8"))), "utf-8")
    elif verb == "tidy" and paths:
        for path in paths:
            Path(path).write_text(serialize(nbformat.read(path, 4)), "utf-8")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
