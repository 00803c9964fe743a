"""The parts of the grader that need no sandbox: intake, wire and reports; and that nothing imports it."""

import csv
import io
import json
import os
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest

from helpers.checking.values import FUNCTIONS, Phi, Rng, same
from helpers.grading import intake, report, wire
from helpers.grading.grader import Settings, _outcome, failed
from helpers.grading.sandbox import NOTHING, Died
from tests.grading import bank

# --- Intake -----------------------------------------------------------------------------------------


def read(notebook, **more):
    return intake.read("alice", notebook if isinstance(notebook, bytes) else bank.data(notebook), **more)


def source_of(submission, name):
    return next(cell.source for cell in submission.cells if name in cell.answers)


@pytest.mark.parametrize("name", bank.BROKEN)
def test_a_file_that_is_no_notebook_is_a_problem_and_no_error(name):
    found = read(bank.BROKEN[name])
    assert found.problem.endswith(".") and len(found.problem) < 300 and not found.cells


@pytest.mark.parametrize("make", bank.TAMPERED.values(), ids=list(bank.TAMPERED))
def test_answers_are_found_whatever_happened_to_their_cells(make):
    found = read(make())
    assert found.lesson == bank.LESSON and not found.problem
    assert set(found.found) == {item.name for item in report.exercise.load().values() if item.chapter == 2}
    assert "fan_out" in source_of(found, "he")


def test_an_answer_is_known_by_grade_id_then_cell_id_then_name():
    assert read(bank.partial()).found["he"] == "grade_id"
    notebook = bank.partial()
    bank.cell(notebook, "he").metadata = {}
    assert read(notebook).found["he"] == "cell id"
    assert read(bank.stripped()).found["he"] == "function name"


def test_of_several_answers_the_last_with_the_best_mark_counts_and_no_stub():
    def he(text, **ids):
        return {"cell_type": "code", "source": f"def he(a):\n    {text}", **ids}

    marked = {"metadata": {"nbgrader": {"grade_id": "he"}}}
    stub = "raise NotImplementedError"

    def chosen(*cells):
        return source_of(read({"cells": list(cells)}), "he").splitlines()[1].strip()

    assert chosen(he("1"), he("2")) == "2"
    assert chosen(he("1", **marked), he("2")) == "1"
    assert chosen(he("1", id="he"), he("2")) == "1"
    assert chosen(he("1", **marked), he("2", **marked)) == "2"
    assert chosen(he("1"), he(stub, **marked)) == "1"
    assert chosen(he(stub), he(stub, **marked)) == stub


def test_links_pipes_and_large_files_are_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    os.symlink(secret, tmp_path / "link.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "large.ipynb").write_bytes(bytes(intake.LARGEST + 1))
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "old.ipynb").write_text("{}")
    found = intake.find(tmp_path)
    assert set(found) == {"link", "pipe", "folder", "large", "secret"}
    for path in found.values():
        data, problem = intake.load(path)
        assert (data, problem[:3]) == (b"", "It ")


def test_a_folder_without_notebooks_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match="a folder with notebooks"):
            intake.find(folder)


# --- The wire ---------------------------------------------------------------------------------------

VALUES = [
    None,
    ...,
    True,
    -(2**63),
    0.1,
    float("inf"),
    "naïve \ud800",
    [1, [2.5, ()]],
    {"a": (1, "b")},
    np.arange(6.0).reshape(2, 3).T,
    np.zeros((0, 3), np.float32),
    np.array([[True, False]]),
    np.array(7, np.int8),
    Rng(7),
    *(Phi(name, 0.3) for name in FUNCTIONS),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_data_arrives_as_it_was_sent(value):
    body = wire.frame({"value": wire.pack(value)})[wire.HEADER.size :]
    got = wire.unpack(wire.parse(body)["value"])
    assert type(got) is type(value) and same(got, value)
    if isinstance(value, np.ndarray):
        assert got.dtype == value.dtype and got.flags.writeable


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(3), np.bool_(True), np.longdouble(2)], ids=repr)
def test_numpy_scalars_arrive_as_numbers(value):
    assert wire.unpack(wire.pack(value)) == value


def test_odd_arrays_arrive_with_a_common_type():
    for array in (np.arange(3, dtype=">f8"), np.arange(3, dtype=np.longdouble), np.arange(3, dtype=">i2")):
        assert np.array_equal(wire.unpack(wire.pack(array)), array)


@pytest.mark.parametrize("value", [2**63, 10**400, object(), 1j, b"x"], ids=lambda value: str(value)[:20])
def test_what_is_no_plain_data_is_not_sent(value):
    with pytest.raises(ValueError):
        wire.pack(value)


def nested(depth):
    packed = 1
    for _ in range(depth):
        packed = {"list": [packed]}
    return packed


EIGHT = "AAAAAAAAAAA="  # zeros


@pytest.mark.parametrize(
    "packed",
    [
        [],
        {},
        {"list": 1},
        {"list": [], "tuple": []},
        {"object": []},
        {"dict": [[1, 2]]},
        {"dict": [["a"]]},
        {"dict": [["a" * 201, 1]]},
        {"array": ["|O", [1], EIGHT]},
        {"array": ["<f8", [2], EIGHT]},
        {"array": ["<f8", [-1, -1], EIGHT]},
        {"array": ["<f8", [2**40, 2**40], EIGHT]},
        {"array": ["<f8", [1.0], EIGHT]},
        {"array": ["<f8", [True], EIGHT]},
        {"array": ["<f8", [1] * 9, EIGHT]},
        {"array": ["<f8", [1], "?" + EIGHT]},
        {"array": ["<f8", [1], "é"]},
        {"seed": -1},
        {"seed": True},
        {"phi": ["__import__('os')", 1]},
        {"phi": ["relu", "1); import os"]},
        "x" * 10_001,
        2**63,
        nested(50),
    ],
    ids=lambda packed: str(packed)[:30],
)
def test_what_does_not_add_up_is_refused(packed):
    with pytest.raises(ValueError):
        wire.unpack(packed)


@pytest.mark.parametrize("body", [b"", b"1", b"[]", b"{", b"\xff", b'{"a":' * 10**5, b"9" * 10_000])
def test_a_message_is_an_object(body):
    with pytest.raises(ValueError):
        wire.parse(body)


def test_a_message_has_a_largest_size():
    with pytest.raises(ValueError, match="16 MB"):
        wire.frame({"value": wire.pack(np.zeros(2**21 + 1))})


GOOD = {"value": 1, "args": {"tuple": []}, "printed": "", "problem": None}


@pytest.mark.parametrize(
    "change",
    [
        {"value": {"object": 1}},
        {"args": 5},
        {"printed": None},
        {"printed": 3},
        {"problem": 1},
        {"problem": ["error", "text", 1]},
        {"problem": ["graded", "text", 1, ""]},
        {"problem": ["error", 5, 1, ""]},
        {"problem": ["error", "text", "1", ""]},
        {"problem": [["error"], "text", 1, ""]},
        {"problem": {}},
    ],
    ids=str,
)
def test_an_answer_of_another_form_ends_the_sandbox(change):
    assert _outcome(GOOD).value == 1
    with pytest.raises(Died):
        _outcome(GOOD | change)
    with pytest.raises(Died):
        _outcome({key: GOOD[key] for key in GOOD if key not in change})


# --- Reports ----------------------------------------------------------------------------------------

EVIL = '=cmd|"/c calc"!A1<script>alert(1)</script>'


def row(name, points=10.0, tag=None, **more):
    item = {"name": "he", "title": "He", "possible": 10, "found": "function name", "seed": 1}
    outcome = "correct" if points == 10 else "incorrect"
    item |= {"outcome": outcome, "points": points, "parts": {"-a": points}, "tag": tag, "says": EVIL}
    item |= {
        "card": '<div><a href="../notebooks/02_initialization.ipynb#4">Chapter 2</a></div>',
        "problem": "",
    }
    made = failed(name, EVIL, Settings(1, kind=NOTHING))
    cells = [{"cell": 3, "error": EVIL}]
    made |= {"status": "graded", "lesson": bank.LESSON, "points": points, "possible": 10, "cells": cells}
    return made | {"exercises": [item]} | more


ROWS = [
    row(EVIL),
    row("+1", 2.0, "fan-out-for-fan-in"),
    row("ann", 0.0, "shape"),
    failed("@bob", "-x", Settings(1)),
]


def test_no_cell_of_the_table_is_a_formula():
    table = list(csv.reader(io.StringIO(report.table(ROWS))))
    assert all(cell[:1] not in ("=", "+", "-", "@") for line in table for cell in line)
    assert [line[0] for line in table[1:]] == [f"'{EVIL}", "'+1", "ann", "'@bob"]
    assert [report.harmless(cell) for cell in (-1.5, "\t=1", "a=b", " @x")] == [
        -1.5,
        "'\ufffd=1",
        "a=b",
        "' @x",
    ]


def test_nothing_of_a_learner_becomes_html():
    for page in (*(report.feedback(row) for row in ROWS), report.summary(ROWS, "pages")):
        assert "<script" not in page and "javascript" not in page
        assert "&lt;script&gt;" in page or EVIL not in page
        assert "default-src 'none'" in page


def test_links_lead_to_the_course_or_nowhere():
    assert "href" not in report.feedback(ROWS[0])
    linked = report.feedback(ROWS[0], "https://example.org/course/")
    assert 'href="https://example.org/course/notebooks/02_initialization.ipynb#4"' in linked
    assert '"><b>' not in report.feedback(ROWS[0], 'https://e.org/"><b>')


def test_the_summary_names_misconceptions_in_the_exercises_words():
    page = report.summary(ROWS, "pages")
    assert "<b>fan out for fan in</b>: it divides by fan_out" in page and "a result of another shape" in page
    assert "1 (33%)" in page and "on average 40% of the points" in page
    assert "Needs a look" in page and 'role="img"' in page


def test_every_score_is_in_the_distribution():
    alt = report.distribution([0, 0.05, 0.1, 0.3, 0.999, 1.0]).alt
    assert sum(map(int, re.findall(r"%: (\d+)", alt))) == 6
    assert "0 to 10%: 2" in alt and "30 to 40%: 1" in alt and "90 to 100%: 2" in alt


def test_reports_are_written_as_a_whole(tmp_path, monkeypatch):
    out = tmp_path / "grades.csv"
    report.write(ROWS[2:], out, 5)
    rows = json.loads((tmp_path / "grades.json").read_text())
    assert rows["seed"] == 5 and "card" not in rows["rows"][0]["exercises"][0]
    before = out.read_text("utf-8")
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("power cut")))
    assert len(report.write(ROWS[2:3], out, 5)) == 4, "none of four files"
    assert out.read_text("utf-8") == before


# --- The house --------------------------------------------------------------------------------------


def test_the_rest_of_the_course_never_imports_the_grader():
    code = """
import sys, helpers
for name in dir(helpers):
    getattr(helpers, name)
print([name for name in sys.modules if name.startswith("helpers.grading")])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=bank.ROOT)
    assert run.stdout.strip() == "[]", run.stderr
    for path in (bank.ROOT / "helpers").rglob("*.py"):
        if "grading" not in path.parts:
            assert "helpers.grading" not in path.read_text("utf-8"), path


def test_the_bank_is_made_of_valid_notebooks():
    for make in (*bank.TAMPERED.values(), *(make for make, _ in bank.ATTACKS.values())):
        assert intake.read("x", bank.data(make())).problem == ""
    nbformat.validate(bank.solved())
