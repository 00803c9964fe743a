"""The course as Colab gets it: one `pip install` beside ipywidgets 7.7 and IPython 7.34, in an empty folder.

A kernel with these versions runs what a learner runs, and what it sends is looked at. Colab's own page cannot
be had: what it makes of that is not tried.
"""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from helpers import instruments

ROOT = Path(__file__).resolve().parents[2]
WIDGET = "application/vnd.jupyter.widget-view+json"
# The slider that a hand finds first, to its other end: another setting, another picture.
DRAG = """
from helpers.instruments.controls import Slider

box = helpers.{name}()
slider = next(control for control in box.every_control() if isinstance(control, Slider))
before, end = box._frame, [value for value in slider.values if value != slider.default][-1]
setattr(box, slider.name, end)
assert "problem" not in before and "problem" not in box._frame
assert getattr(box, slider.name) == end and box._frame["ink"] != before["ink"]
box.set_state({{slider.name: slider.default}})
assert getattr(box, slider.name) == slider.default
box.reset()
assert box._frame["ink"] == before["ink"]
"""


def run(folder, notebook):
    """Execute a notebook in a folder; an error of a cell is raised."""
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook.cells


def only(cell):
    """The data of a cell's one output."""
    (output,) = cell.outputs
    return output["data"]


def test_the_versions_are_colabs():
    assert version("ipywidgets") == "7.7.1" and version("ipython") == "7.34.0"


def test_one_line_brings_all_of_the_package(tmp_path):
    where = "import helpers; print(helpers.__path__[0])"
    done = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    installed = Path(done.stdout.strip())
    assert "site-packages" in installed.parts
    sources = [p for p in (ROOT / "helpers").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert len(sources) > 60
    for path in sources:
        assert (installed / path.relative_to(ROOT / "helpers")).read_bytes() == path.read_bytes(), path


def test_every_instrument_is_shown_and_moves(tmp_path):
    cells = [new_code_cell("import helpers")]
    cells += [new_code_cell(text) for name in instruments.__all__ for text in (DRAG.format(name=name), "box")]
    done = run(tmp_path, new_notebook(cells=cells))
    assert len(instruments.__all__) >= 16
    for name, shown in zip(instruments.__all__, done[2::2], strict=True):
        data = only(shown)
        assert WIDGET in data and '<img class="td-picture"' in data["text/html"], name
        assert len(data["text/plain"]) > 60, name


def test_the_cards_are_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path / "home"))
    cells = [
        "from helpers import ask, check, hint, predict, report, review",
        "box = ask('init-he-std')\nbox.submit('1/8')\nbox",
        "predict('predict-he-var')",
        "def he(fan_in, fan_out, rng):\n    return rng.standard_normal((fan_in, fan_out))",
        "check(he)",
        "hint(he)",
        "report()",
        "review()",
    ]
    done = run(tmp_path, new_notebook(cells=[new_code_cell(source) for source in cells]))
    for cell in done[1:3]:
        assert WIDGET in only(cell), cell.source
    for cell in done[4:8]:
        assert any("td-card" in output.get("data", {}).get("text/html", "") for output in cell.outputs), (
            cell.source
        )


@pytest.mark.parametrize("name", ["00_start_here", "01_depth_problem", "02_initialization"])
def test_a_lesson_opened_alone_runs_to_its_end(tmp_path, monkeypatch, name):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path / "home"))
    cells = run(tmp_path, nbformat.read(ROOT / f"notebooks/{name}.ipynb", 4))
    shown = [
        output for cell in cells for output in cell.get("outputs", ()) if WIDGET in output.get("data", {})
    ]
    assert len(shown) >= 2 and "broken" not in json.dumps(shown)
