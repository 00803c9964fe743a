"""Whole batches: all kinds of submissions, interruptions, repeats, an instructor's own checks."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from helpers.checking import exercise
from helpers.grading import batch, report, sandbox
from helpers.grading.__main__ import main
from tests.grading import bank
from tests.grading.test_attacks import running

ITEMS = [item for item in exercise.load().values() if item.lesson == bank.LESSON]


def some_stubs(rng):
    """Solutions with some answers taken out again, and the points that are left."""
    notebook, points = bank.solved(), 100
    for item in ITEMS:
        if rng.random() < 0.3:
            stub = f"def {item.name}({', '.join(item.parameters)}):\n    raise NotImplementedError"
            bank.cell(notebook, item.id).source = stub
            points -= item.points
    return bank.data(notebook), ("graded", points)


def mixed(honest):
    """{name: (bytes, (status, points))}: so many honest ones, and all that are not, shuffled."""
    rng = random.Random(7)
    cases = [(bank.data(make()), ("graded", points)) for make, points in bank.ATTACKS.values()]
    cases += [(bank.data(make()), ("graded", bank.PARTIAL_POINTS)) for make in bank.TAMPERED.values()]
    cases += [(data, ("unreadable", 0)) for data in bank.BROKEN.values()]
    cases += [some_stubs(rng) for _ in range(honest)]
    rng.shuffle(cases)
    return {f"group {i % 3}/learner {i:03}": case for i, case in enumerate(cases)}


def hand_in(folder, submissions):
    for name, (data, _) in submissions.items():
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def rows_in(path):
    """The rows of a JSON report, without what differs from run to run."""
    rows = json.loads(path.read_text())["rows"]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def command(scratch, *arguments):
    """The command line in a process of its own; its sandboxes have `scratch` in their command lines."""
    environment = {**os.environ, "PYTHONPATH": str(bank.ROOT), "TMPDIR": str(scratch)}
    line = [sys.executable, "-m", "helpers.grading", *map(str, arguments)]
    with open(scratch / "said", "wb") as said:
        return subprocess.Popen(
            line, env=environment, stdout=said, stderr=said, preexec_fn=hear_the_stop_button
        )


def hear_the_stop_button():
    """A process started in the background by a shell is deaf to it, and so are its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def eventually(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def nothing_runs(scratch):
    """Whether all sandboxes are gone that have this path in their command lines, and what they started."""
    return not running(str(scratch)) and not running(str(bank.SLEEP))


def test_all_kinds_of_submissions_mixed(tmp_path, hasty, size):
    submissions, out = mixed(size), tmp_path / "grades.csv"
    hand_in(tmp_path / "in", submissions)
    assert main([str(tmp_path / "in"), "--out", str(out), "--jobs", "2"]) == 0
    rows = {row["submission"]: row for row in rows_in(out.with_suffix(".json"))}
    found = {name: (row["status"], row["points"]) for name, row in rows.items()}
    assert found == {name: expected for name, (_, expected) in submissions.items()}
    assert {row["isolation"] for row in rows.values()} == {sandbox.BUBBLEWRAP}
    with open(out, newline="", encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    assert [(row["submission"], float(row["points"])) for row in table] == [
        (name, rows[name]["points"]) for name in sorted(rows)
    ]
    pages = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*_feedback/**/*.html")}
    assert pages == {f"grades_feedback/{report.page(row)}" for row in rows.values()}
    for path in tmp_path.rglob("*.html"):
        assert "<script>alert" not in path.read_text("utf-8")
    for name, (data, _) in submissions.items():
        assert (tmp_path / "in" / f"{name}.ipynb").read_bytes() == data
    assert eventually(lambda: nothing_runs(sandbox._stage()))
    assert not list(tmp_path.rglob("*.part"))


def test_killed_at_a_random_moment_and_resumed(tmp_path):
    rng, folder = random.Random(), tmp_path / "in"
    hand_in(folder, {f"learner {i}": some_stubs(random.Random(i)) for i in range(24)})
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    arguments = [folder, "--seed", "11", "--jobs", "2"]
    assert command(tmp_path, *arguments, "--out", whole).wait() == 0

    journal, enough = parts.with_suffix(".journal"), 1
    for again in ([], ["--resume"]):
        run = command(tmp_path, *arguments, "--out", parts, *again)
        enough += rng.randrange(2, 10)
        assert eventually(lambda: journal.exists() and journal.read_bytes().count(b"\n") > enough, 60)  # noqa: B023
        time.sleep(rng.random() / 2)
        run.kill()
        run.wait()
        assert eventually(lambda: nothing_runs(tmp_path)), "killing the grader kills the sandboxes"
    journal.write_bytes(journal.read_bytes() + b'{"submission": "half a li')
    assert not parts.exists(), "it was not over yet"
    assert command(tmp_path, *arguments, "--out", parts, "--resume").wait() == 0

    assert rows_in(parts.with_suffix(".json")) == rows_in(whole.with_suffix(".json"))
    graded = [json.loads(line)["submission"] for line in journal.read_text().splitlines()[1:]]
    assert sorted(graded) == sorted(set(graded)) and len(graded) == 24, "nothing is graded twice"


def test_the_stop_button_says_how_to_go_on(tmp_path):
    hand_in(tmp_path / "in", {f"learner {i}": some_stubs(random.Random(i)) for i in range(40)})
    run = command(tmp_path, tmp_path / "in", "--out", tmp_path / "grades.csv")
    journal = tmp_path / "grades.journal"
    assert eventually(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 2, 60)
    run.send_signal(signal.SIGINT)
    status, said = run.wait(timeout=20), (tmp_path / "said").read_text()
    assert status == 130 and "--resume" in said and "Traceback" not in said
    assert eventually(lambda: nothing_runs(tmp_path))


def test_resume_grades_what_is_new_or_changed(tmp_path, capsys):
    submissions = {name: some_stubs(random.Random(name)) for name in ("ann", "bob", "cy")}
    hand_in(tmp_path / "in", submissions)
    out, arguments = tmp_path / "grades.csv", [str(tmp_path / "in"), "--out", str(tmp_path / "grades.csv")]
    assert main(arguments) == 0
    before = {row["submission"]: row for row in rows_in(out.with_suffix(".json"))}
    hand_in(tmp_path / "in", {"bob": (bank.SOLVED.encode(), None), "dee": (bank.BLANK.encode(), None)})
    (tmp_path / "in" / "cy.ipynb").unlink()

    assert main(arguments) == 2 and "--resume" in capsys.readouterr().err, "not by mistake"
    assert main([*arguments, "--resume", "--seed", "1"]) == 2, "the seed is the journal's"
    assert main([*arguments, "--resume"]) == 0
    after = {row["submission"]: row for row in rows_in(out.with_suffix(".json"))}
    for rows in (before, after):
        del rows["ann"]["same"]  # it speaks of the others, who changed
    assert after["ann"] == before["ann"] and set(after) == {"ann", "bob", "dee"}
    assert (after["bob"]["points"], after["dee"]["points"]) == (100, 0)
    lines = out.with_suffix(".journal").read_text().splitlines()
    assert len(lines) == 1 + 3 + 2


def test_two_graders_do_not_share_a_journal(tmp_path):
    first = batch.Journal(tmp_path / "j", 1)
    with pytest.raises(ValueError, match="another grader"):
        batch.Journal(tmp_path / "j", 1, resume=True)
    first.close()


def test_seeds_are_secret_fresh_and_repeatable(tmp_path):
    folder = tmp_path / "in"
    hand_in(folder, {name: (bank.data(bank.partial()), None) for name in ("ann", "bob")})
    seeds = []
    for out, more in (("a", ["--seed", "5"]), ("b", ["--seed", "5"]), ("c", []), ("d", [])):
        assert main([str(folder), "--out", str(tmp_path / out / "g.csv"), *more]) == 0
        seeds.append([[i["seed"] for i in row["exercises"]] for row in rows_in(tmp_path / out / "g.json")])
    assert seeds[0] == seeds[1] and seeds[0] not in seeds[2:] and seeds[2] != seeds[3]
    assert len({seed for row in seeds[0] for seed in row}) == 2 * len(ITEMS), "each its own inputs"


EXTRA = """
from helpers.checking.exercise import Property
from helpers.checking.values import Rng

SECRET = "only the lecturer knows this"
PROPERTIES = {
    "he": [Property(SECRET, 5, lambda rng: [(100, 3, 0.0, Rng(1))], lambda f, *args: f(*args).shape[1])],
}
"""
SPY = """
import os
for place in ("/proc/self/environ", "/proc/1/cmdline", "/proc/self/cmdline"):
    if b"lecturer" in open(place, "rb").read():
        SEEN = True
for folder, _, files in os.walk("/grader"):
    if any(b"lecturer" in open(os.path.join(folder, file), "rb").read() for file in files):
        SEEN = True
import gc
words = "only the lect" + "urer knows this"
if any(isinstance(thing, dict) and words in thing.values() for thing in gc.get_objects()):
    SEEN = True
"""


def test_extra_checks_count_and_never_enter_the_sandbox(tmp_path, graded):
    row = graded(bank.last(SPY + "\nif 'SEEN' in globals(): del he, xavier"), extra=EXTRA)
    assert (row["points"], row["possible"]) == (bank.PARTIAL_POINTS + 5, 105)
    he = next(item for item in row["exercises"] if item["name"] == "he")
    assert he["parts"]["only the lecturer knows this"] == 5


@pytest.mark.parametrize("text", ["x = 1", "PROPERTIES = {'hee': []}", "PROPERTIES = {'he': [1]}"])
def test_extra_checks_that_do_not_fit_are_refused_at_once(text, tmp_path, capsys):
    hand_in(tmp_path / "in", {"ann": (bank.SOLVED.encode(), None)})
    (tmp_path / "extra.py").write_text(text)
    out = tmp_path / "g.csv"
    assert main([str(tmp_path / "in"), "--out", str(out), "--extra-checks", str(tmp_path / "extra.py")]) == 2
    assert capsys.readouterr().err.startswith("grading: ") and not out.exists()


def test_without_a_sandbox_every_row_and_page_says_so(tmp_path, capsys):
    hand_in(tmp_path / "in", {"ann": (bank.SOLVED.encode(), None), "bob": (b"{", None)})
    out = tmp_path / "grades.csv"
    assert main([str(tmp_path / "in"), "--out", str(out), "--unisolated"]) == 0
    assert "unisolated" in capsys.readouterr().err
    with open(out, newline="", encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    assert [(row["isolation"], row["points"]) for row in table] == [
        ("unisolated", "100.0"),
        ("unisolated", "0.0"),
    ]
    for page in ("grades.html", f"grades_feedback/{table[0]['page']}"):
        assert "no proof against forgery" in (tmp_path / page).read_text("utf-8")


def test_where_bubblewrap_fails_it_says_why(monkeypatch, graded):
    sandbox.isolation.cache_clear()
    monkeypatch.setattr(
        sandbox, "_command", lambda *a, **k: (["sh", "-c", "echo no namespaces >&2; exit 1"], ())
    )
    try:
        assert sandbox.isolation() == (sandbox.NOTHING, "bubblewrap does not work here: no namespaces")
        sandbox.isolation.cache_clear()
        monkeypatch.setenv("PATH", "/nowhere")
        assert sandbox.isolation()[0] == sandbox.NOTHING and "not installed" in sandbox.isolation()[1]
    finally:
        sandbox.isolation.cache_clear()


def test_a_class_with_its_roster_and_without_names(tmp_path, capsys):
    roster = "name,id\nAda King,u1001\nEmmy Noether,u1002\nSofia Kovalevskaya,u1003\n"
    (tmp_path / "roster.csv").write_text(roster)
    solved = bank.data(bank.solved())
    hand_in(tmp_path / "in", {"u1001": (solved, None), "u1002": (solved, None), "x": (solved, None)})
    arguments = [
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "g.csv"),
        "--roster",
        str(tmp_path / "roster.csv"),
    ]
    assert main([*arguments, "--for", "moodle", "--anonymous"]) == 0
    said = capsys.readouterr().err
    assert "not handed in: Sofia Kovalevskaya" in said and "of nobody in the roster, or of several: x" in said
    key = {row["submission"]: row["learner"] for row in read_csv(tmp_path / "g_key.csv")}
    table = read_csv(tmp_path / "g.csv")
    assert {row["submission"] for row in table} == set(key.values())
    ada = next(row for row in table if row["submission"] == key["u1001"])
    assert key["u1002"] in ada["same as"] and "the published solution" in ada["same as"]
    # A number alone might be a part of a name inside a picture, which is drawn at random.
    assert "u1001" not in (tmp_path / "g.html").read_text("utf-8")
    by_name = {row["name"]: row for row in read_csv(tmp_path / "g_students.csv")}
    assert by_name["Ada King"]["total"] == "100.0"
    assert by_name["Sofia Kovalevskaya"]["not handed in"] == bank.LESSON
    assert [row[bank.LESSON] for row in read_csv(tmp_path / "g_moodle.csv")] == ["100.0", "100.0", "-"]


def read_csv(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))
