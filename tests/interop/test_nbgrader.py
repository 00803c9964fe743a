"""Stock nbgrader releases, validates and grades a workbook with the true score. Needs the extra [nbgrader].

`make nbgrader` runs this in an environment of its own; it fails where nbgrader is missing.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

ROOT = Path(__file__).resolve().parents[2]
NAME = "02_initialization.ipynb"
WARNS = """\
    import sys
    np.log(np.zeros(3))
    print("to stdout")
    print("to stderr", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder in which the assignment `init` is released from the solutions."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "source" / "init").mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / NAME, folder / "source" / "init")
    nbgrader(folder, "generate_assignment", "init", "--create")
    return folder


def nbgrader(folder, *arguments):
    """Run the command in a course folder; return what it says. It runs with this interpreter's programs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = {"TRAINABLE_DEPTH_HOME": str(folder / "home"), "PATH": path}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | home, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def solve(workbook, change=lambda name, source: source):
    """Fill a workbook in with our solutions, changed by change(id, source)."""
    solutions = {cell.id: cell.source for cell in nbformat.read(ROOT / "solutions" / NAME, 4).cells}
    for cell in workbook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = change(cell.id, re.sub(r" *### \w+ SOLUTION\n?", "", solutions[cell.id]))
    return workbook


def submit(course, student, workbook):
    path = course / "submitted" / student / "init" / NAME
    path.parent.mkdir(parents=True)
    nbformat.write(workbook, path)


def fan_out(name, source):
    return source.replace("kept * fan_in", "kept * fan_out") if name == "he" else source


def noisy(name, source):
    head, body = source.split('"""\n', 1)
    return f'{head}"""\n{WARNS}{body}'


def released(course):
    return nbformat.read(course / "release" / "init" / NAME, 4)


def ours():
    return nbformat.read(ROOT / "exercises" / NAME, 4)


def test_the_release_is_our_workbook_but_for_stubs_and_checksums(course):
    given = {cell.id: cell for cell in released(course).cells}
    for cell in ours().cells:
        theirs = given[cell.id]
        assert theirs.metadata.get("nbgrader", {}).get("points") == cell.metadata.get("nbgrader", {}).get(
            "points"
        )
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            assert theirs.source == cell.source
        assert "SOLUTION" not in theirs.source


def test_validate_accepts_a_solved_workbook_and_refuses_none(course, tmp_path):
    nbformat.write(solve(ours()), tmp_path / NAME)
    assert "Success" in nbgrader(tmp_path, "validate", NAME)


def test_the_true_scores(course):
    submissions = {
        "empty": (released(course), 0),
        "solved": (solve(released(course)), 100),
        "our workbook": (solve(ours()), 100),
        "fan_out": (solve(released(course), fan_out), 92),
        "noisy": (solve(released(course), noisy), 100),
    }
    for student, (workbook, _) in submissions.items():
        submit(course, student.replace(" ", "-"), workbook)
    nbgrader(course, "autograde", "init", "--create")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        found = {
            student: gradebook.find_submission("init", student.replace(" ", "-")).score
            for student in submissions
        }
    assert found == {student: points for student, (_, points) in submissions.items()}
