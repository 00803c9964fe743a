"""Every attack gets the honest score: no point more, and none less."""

import socket
import threading
from pathlib import Path

import pytest

from helpers.grading import report, sandbox
from helpers.grading.sandbox import BUBBLEWRAP, NOTHING
from tests.grading import bank
from tests.grading.bank import ATTACKS, BROKEN, PARTIAL_POINTS, ROOT, TAMPERED, WITHOUT_HE


def running(word):
    """The command lines of all processes with this word in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if word in line:
            found.append(line)
    return found


def points(row, name="he"):
    return next(item["points"] for item in row["exercises"] if item["name"] == name)


def test_the_notebooks_without_an_attack(graded):
    solved, partial, blank = graded(bank.solved()), graded(bank.partial()), graded(bank.BLANK.encode())
    assert (solved["status"], solved["points"], solved["possible"]) == ("graded", 100, 100)
    assert (partial["status"], partial["points"]) == ("graded", PARTIAL_POINTS)
    assert (blank["status"], blank["points"], blank["possible"]) == ("graded", 0, 100)
    assert {item["outcome"] for item in blank["exercises"]} == {"not attempted"}
    tags = {item["name"]: item["tag"] for item in partial["exercises"]}
    assert (tags["he"], tags["gain"], tags["xavier"]) == ("fan-out-for-fan-in", "blank", None)
    assert {row["isolation"] for row in (solved, partial, blank)} == {BUBBLEWRAP}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_notebook_that_was_tampered_with(name, graded):
    row = graded(TAMPERED[name]())
    assert (row["status"], row["points"], row["possible"]) == ("graded", PARTIAL_POINTS, 100), row


@pytest.mark.parametrize("name", ATTACKS)
def test_code_that_attacks(name, graded, hasty):
    notebook, honest = ATTACKS[name]
    row = graded(notebook())
    assert (row["status"], row["points"], row["possible"]) == ("graded", honest, 100), row
    assert running(str(bank.SLEEP)) == [] and not Path("/tmp/pickle-was-read").exists()
    assert "<script>alert" not in report.feedback(row)


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_notebook(name, graded):
    row = graded(BROKEN[name])
    assert (row["status"], row["points"]) == ("unreadable", 0)
    assert row["problem"] and len(row["problem"]) < 300


# Attacks that work without a sandbox: this shows that they are real ones, and what the stamp warns of.


@pytest.mark.parametrize(("kind", "honest"), [(BUBBLEWRAP, WITHOUT_HE), (NOTHING, WITHOUT_HE + 10)])
def test_reading_the_solutions_from_disk(kind, honest, graded):
    theft = f"""
import json
from pathlib import Path
text = Path({str(ROOT / "solutions" / f"{bank.LESSON}.ipynb")!r}).read_text("utf-8")
found = next(c for c in json.loads(text)["cells"] if c["id"] == "he")["source"]
made = dict(np=np)
exec("".join(found), made)
return made["he"](fan_in, fan_out, alpha, rng)
"""
    row = graded(bank.answer(theft), kind=kind)
    assert (row["points"], row["isolation"]) == (honest, kind)


@pytest.mark.parametrize(("kind", "honest"), [(BUBBLEWRAP, WITHOUT_HE), (NOTHING, WITHOUT_HE + 10)])
def test_asking_the_network_for_an_answer(kind, honest, graded):
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = threading.Thread(target=accept_all, args=(server,), daemon=True)
        listener.start()
        ask = f"import socket\nsocket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 1)\n"
        row = graded(bank.answer(ask + bank.RIGHT.strip().splitlines()[-1].strip()), kind=kind)
    assert row["points"] == honest


def accept_all(server):
    try:
        while True:
            server.accept()[0].close()
    except OSError:
        pass


@pytest.mark.parametrize("kind", [BUBBLEWRAP, NOTHING])
def test_changing_another_submission_and_the_database(kind, graded, tmp_path):
    others = [tmp_path / "bob.ipynb", tmp_path / "progress.sqlite3"]
    for path in others:
        path.write_text("as it was")
    attack = "\n".join(f"try: open({str(path)!r}, 'w').write('x')\nexcept OSError: pass" for path in others)
    assert graded(bank.first(attack), kind=kind)["points"] == PARTIAL_POINTS
    kept = [path.read_text() == "as it was" for path in others]
    assert kept == ([True, True] if kind == BUBBLEWRAP else [False, False])


def test_what_the_sandbox_shows(graded, monkeypatch):
    """Nothing of the course, other processes or the environment, and nothing to write but scratch."""
    monkeypatch.setenv("SECRET_TOKEN", "sesame")
    look = f"""
import os
seen = []
if os.path.exists({str(ROOT / "helpers")!r}) or os.path.exists({str(ROOT / "solutions")!r}):
    seen.append("the course")
if any(name.isdigit() and int(name) > 20 for name in os.listdir("/proc")):
    seen.append("processes")
if "sesame" in str(os.environ) or any("sesame" in open(f"/proc/{{p}}/environ").read() for p in (1, "self")):
    seen.append("the environment")
for path in ("/x", "/usr/x", "/dev/x", "/grader/x", "/etc/passwd", os.path.expanduser("~root/x")):
    try:
        open(path, "a").close()
        seen.append(path)
    except OSError:
        pass
for name in os.listdir("/grader/helpers/checking"):
    if name not in ("__init__.py", "calls.py", "values.py"):
        seen.append(name)
return " ".join(["seen:", *seen])
"""
    row = graded(bank.answer(look))
    he = next(item for item in row["exercises"] if item["name"] == "he")
    assert "seen:" in he["says"] and "'seen:'" in he["says"], he["says"]


def test_a_sandbox_that_does_not_start_is_no_learners_fault(graded, monkeypatch):
    monkeypatch.setattr(sandbox, "_command", lambda *a, **k: (["false"], ()))
    row = graded(bank.solved())
    assert (row["status"], row["points"]) == ("needs review", 0) and "does not start" in row["problem"]


def test_a_submission_that_uses_up_its_time(graded):
    row = graded(bank.answer("import time; time.sleep(60)"), seconds=4)
    assert row["status"] == "timed out" and row["seconds"] < 10
    assert next(item["tag"] for item in row["exercises"] if item["name"] == "he") == "time"


def test_a_check_that_fails_flags_for_review_and_the_others_count(graded, monkeypatch):
    from helpers.grading import grader

    judge = grader.judge
    monkeypatch.setattr(grader, "judge", lambda item, *a: 1 / 0 if item.name == "xavier" else judge(item, *a))
    row = graded(bank.solved())
    assert (row["status"], row["points"]) == ("needs review", 90) and "xavier" in row["problem"]
