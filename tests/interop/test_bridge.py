"""nbgrader with the isolated grader inside: the same scores as the batch, whatever the submissions are like.

Needs the extra [nbgrader], and bubblewrap: it fails without.
"""

import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook

from helpers.grading import bridge, intake, sandbox
from tests.grading import bank
from tests.interop.test_nbgrader import NAME, ROOT, nbgrader

CONFIG = """
from helpers.grading.bridge import configure
c = get_config()
configure(c)
c.IsolatedGrade.seed = 1
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    assert sandbox.isolation()[0] == sandbox.BUBBLEWRAP, sandbox.isolation()[1]
    folder = tmp_path_factory.mktemp("course")
    (folder / "source" / "init").mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / NAME, folder / "source" / "init")
    (folder / "nbgrader_config.py").write_text(CONFIG)
    nbgrader(folder, "generate_assignment", "init", "--create")
    return folder


def submissions():
    """{student: (bytes, points)}: honest ones, every kind of tampering, and attacks on stock nbgrader."""
    made = {"solved": (bank.SOLVED.encode(), 100), "blank": (bank.BLANK.encode(), 0)}
    for name in ("checks deleted", "checks edited", "cells copied", "metadata stripped, cells renumbered"):
        made[name.split(",")[0]] = bank.data(bank.TAMPERED[name]()), bank.PARTIAL_POINTS
    made["all in one cell"] = bank.data(bank.one_cell()), bank.PARTIAL_POINTS
    for name in ("numpy.testing and allclose patched", "AST and input transformers", "os._exit in a cell"):
        make, points = bank.ATTACKS[name]
        made[name] = bank.data(make()), points
    return {name.replace(" ", "-").replace(".", "-"): case for name, case in made.items()}


def test_the_gradebook_has_the_honest_scores(course):
    handed_in = submissions()
    for student, (data, _) in handed_in.items():
        path = course / "submitted" / student / "init" / NAME
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    nbgrader(course, "autograde", "init", "--create")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        found = {student: gradebook.find_submission("init", student).score for student in handed_in}
        he = gradebook.find_grade("he-check", "02_initialization", "init", "checks-deleted")
        assert (he.auto_score, he.max_score) == (2, 10)
    assert found == {student: points for student, (_, points) in handed_in.items()}

    nbgrader(course, "generate_feedback", "init")
    page = next((course / "feedback" / "checks-deleted").rglob("*.html")).read_text("utf-8")
    assert "it divides by fan_out" in page and "td-card" in page
    nbgrader(course, "export", "--to", str(course / "grades.csv"))
    assert (course / "grades.csv").read_text().count("init,") == len(handed_in)


def test_a_broken_file_does_not_stop_the_others(course, tmp_path):
    """nbgrader itself cannot read such a file; it says so, and grades the others."""
    folder = tmp_path / "course"
    shutil.copytree(course, folder, ignore=shutil.ignore_patterns("submitted", "autograded", "feedback"))
    for student, data in {"ann": b'{"cells": [', "bob": bank.SOLVED.encode()}.items():
        path = folder / "submitted" / student / "init" / NAME
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    said = nbgrader(folder, "autograde", "init", fails=True)
    assert "ann" in said
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        assert gradebook.find_submission("init", "bob").score == 100


@pytest.mark.parametrize("make", bank.TAMPERED.values(), ids=list(bank.TAMPERED))
def test_a_rebuilt_notebook_has_our_cells_and_their_answers(make):
    release = nbformat.reads(bank.BLANK, 4)
    data = bank.data(make())
    notebook = nbformat.from_dict(make())
    made = bridge.rebuilt(release, intake.read("ann", data), notebook)
    nbformat.validate(made)
    ours = [cell.metadata["nbgrader"]["grade_id"] for cell in made.cells if "nbgrader" in cell.metadata]
    assert ours == [
        cell.metadata["nbgrader"]["grade_id"] for cell in release.cells if "nbgrader" in cell.metadata
    ]
    assert "fan_out" in bank.cell(made, "xavier").source + bank.cell(made, "he").source
    assert bank.cell(made, "he-check").source == "check(he)"
