"""What was found in use, each as the case that showed it: the sandbox, points, files, learners."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import __version__
from helpers.checking import exercise
from helpers.checking.calls import in_process
from helpers.checking.judging import judge
from helpers.grading import batch, grader, intake, report, sandbox
from helpers.grading.__main__ import main
from helpers.grading.grader import Settings, grade
from tests.grading import bank
from tests.grading.test_batch import eventually, hand_in, rows_in


def one(row, name="he"):
    return next(item for item in row["exercises"] if item["name"] == name)


# --- No reference can be read, however the course was installed --------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment with an installed copy of the course, as `pip install .` makes it; its Python."""
    place = tmp_path_factory.mktemp("installed") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    ours = Path(pytest.__file__).parent.parent
    for name in ("numpy", "numpy.libs"):  # what the sandbox needs to see
        if (ours / name).exists():
            shutil.copytree(ours / name, packages / name)
    shutil.copytree(bank.ROOT / "helpers", packages / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    (packages / "others.pth").write_text(str(ours))
    return place / "bin" / "python"


STEAL = """
import json, sys
from helpers.grading import sandbox
from helpers.grading.grader import Settings, grade
from tests.grading import bank
theft = '''
import re
from pathlib import Path
for path in Path("/").rglob("exercises.py"):
    found = re.search(r"(?ms)^def he[(].*?(?=^def|^@|^[A-Z])", path.read_text("utf-8"))
    if found:
        made = dict(np=np)
        exec(found[0], made)
        return made["he"](fan_in, fan_out, alpha, rng)
return np.ones((fan_in, fan_out))
'''
if "--open" in sys.argv:
    sandbox._hidden = list
    print(json.dumps(sandbox.isolation()))
else:
    row = grade("eve", bank.data(bank.answer(theft)), Settings(1))
    print(json.dumps([row["status"], row["points"], sandbox.isolation()[0]]))
"""


@pytest.mark.parametrize("imported", ["the installed copy", "a checkout beside it"])
def test_no_reference_can_be_read_from_an_installed_course(imported, installed):
    packages = next(installed.parent.parent.glob("lib/python*/site-packages"))
    path = packages if imported == "the installed copy" else bank.ROOT
    environment = os.environ | {"PYTHONPATH": f"{path}:{bank.ROOT}", "PYTHONSAFEPATH": "1"}
    run = subprocess.run([installed, "-c", STEAL], env=environment, capture_output=True, text=True)
    assert json.loads(run.stdout) == ["graded", bank.WITHOUT_HE, sandbox.BUBBLEWRAP], run.stderr


def test_the_grader_finds_out_by_itself_that_a_reference_can_be_read(installed):
    environment = os.environ | {"PYTHONPATH": str(bank.ROOT), "PYTHONSAFEPATH": "1"}
    run = subprocess.run([installed, "-c", STEAL, "--open"], env=environment, capture_output=True, text=True)
    kind, why = json.loads(run.stdout)
    assert kind == sandbox.NOTHING and "answers can be read in it: /" in why, run.stderr


# --- The sandbox fails closed -------------------------------------------------------------------------


def test_an_interpreter_by_a_crooked_path_has_its_sandbox(installed):
    crooked = installed.parent / ".." / "bin" / ".." / "bin" / "python"
    environment = os.environ | {"PYTHONPATH": str(bank.ROOT)}
    code = "from helpers.grading import sandbox; print(sandbox.isolation()[0])"
    run = subprocess.run([crooked, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stdout.strip() == sandbox.BUBBLEWRAP, run.stderr


@pytest.fixture
def no_sandbox(monkeypatch):
    monkeypatch.setattr(sandbox, "isolation", lambda: (sandbox.NOTHING, "there are no namespaces"))


def test_nothing_runs_without_a_sandbox_unless_somebody_says_so(no_sandbox, tmp_path, capsys):
    trace = tmp_path / "it ran"
    hostile = bank.first(f"open({str(trace)!r}, 'w').close()")
    hand_in(tmp_path / "in", {"eve": (bank.data(hostile), None)})
    arguments = [str(tmp_path / "in"), "--out", str(tmp_path / "g.csv")]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "no namespaces" in said and "--unisolated" in said
    assert not trace.exists() and not (tmp_path / "g.csv").exists()
    assert main([*arguments, "--resume", "--unisolated"]) == 0 and trace.exists()


def test_a_worker_without_a_sandbox_stops_the_batch(no_sandbox):
    with pytest.raises(sandbox.NoSandbox, match="namespaces"):
        grade("eve", bank.data(bank.solved()), Settings(1))
    failing = type("Future", (), {"result": lambda self: sandbox.demand()})()
    with pytest.raises(sandbox.NoSandbox):
        batch._row(failing, "eve", Settings(1))


def test_closing_kills_the_first_process_inside():
    made = sandbox.Sandbox(sandbox.BUBBLEWRAP, 10)
    made.ask({"do": "start"}, 60)
    inside = Path(f"/proc/{made.first}")
    assert inside.exists() and made._threads() >= 1
    made.close()
    assert eventually(lambda: not inside.exists())


# --- Right work loses nothing --------------------------------------------------------------------------

ABSENT = "import a_package_that_is_not_here as sns\n"
ABOVE = {
    "an import of what is not here": ABSENT,
    "a magic for another screen": "%matplotlib widget\n",
    "Colab's drive": "from google.colab import drive\ndrive.mount('/content/drive')\n",
    "a folder of one's own": "import os\nos.chdir('/home/me/course')\n",
    "a file of one's own": "table = open('notes.csv').read()\n",
}


@pytest.mark.parametrize("name", ABOVE)
def test_a_cell_that_fails_at_its_first_line_loses_nothing_else(name, graded):
    notebook = bank.partial()
    imports = bank.cell(notebook, "imports")
    imports.source = ABOVE[name] + imports.source
    row = graded(notebook)
    assert (row["status"], row["points"]) == ("graded", bank.PARTIAL_POINTS)
    assert [cell["cell"] for cell in row["cells"]] == [notebook.cells.index(imports) + 1]


def test_definitions_in_a_try_or_an_if_are_definitions(graded):
    lost = "1 / 0\ntry:\n    import not_here as t\nexcept ImportError:\n    t = None\nif True:\n    two = 2"
    row = graded(bank.first(lost, he=bank.RIGHT.replace("2 /", "two /")))
    assert row["points"] == 100 - bank.LOST_BY_STUB


def test_what_runs_twice_is_not_run_twice(graded):
    """Behind the place of an error only what has not run yet."""
    count = "n = globals().get('n', 0) + 1\n1 / 0\nm = n"
    right = bank.RIGHT.replace("2 /", "2 * (n == m == 1) /")
    assert graded(bank.first(count, he=right))["points"] == 100 - bank.LOST_BY_STUB


def test_points_that_another_cell_may_have_cost_need_a_look_and_name_the_cell(graded):
    notebook = bank.first("two = int(input_from_another_world())", he=bank.RIGHT.replace("2 /", "two /"))
    row = graded(notebook)
    assert row["status"] == "needs review" and "Cell 1 failed" in row["problem"] and "he" in row["problem"]
    table = list(csv.DictReader(io.StringIO(report.table([row]))))
    assert table[0]["failed cells"] == "1"


def test_the_page_names_what_could_not_be_imported(graded):
    row = graded(bank.first(ABSENT))
    assert "a_package_that_is_not_here is not installed where this was graded" in report.feedback(row)


def test_a_cell_has_one_number(graded):
    row = graded(bank.first("x = 1\ndef f(:\n    pass"))
    (error,) = row["cells"]
    assert error["cell"] == 1 and ("cell 1" in error["error"] or "cell" not in error["error"])


def test_what_is_imported_from_the_future_holds_for_the_cells_that_follow(graded):
    late = bank.RIGHT.replace("fan_in,", "fan_in: Unknown,", 1)
    notebook = bank.first("from __future__ import annotations", he=late)
    assert graded(notebook)["points"] == 100 - bank.LOST_BY_STUB


def test_a_slow_notebook_has_its_answers_judged(graded):
    notebook = bank.partial()
    for i in range(14):
        notebook.cells.insert(1, bank.new_cell("import time\ntime.sleep(1.5)", f"training-{i}"))
    row = graded(notebook, seconds=14)
    assert (row["status"], row["points"]) == ("graded", bank.PARTIAL_POINTS)
    assert any("took too long" in remark for remark in row["remarks"])


# --- The second hand-in ---------------------------------------------------------------------------------


def test_a_changed_file_meets_other_inputs(graded):
    first, again = graded(bank.partial()), graded(bank.partial())
    changed = graded(bank.last("# a comment"))
    seeds = [[item["seed"] for item in row["exercises"]] for row in (first, again, changed)]
    assert seeds[0] == seeds[1] and not set(seeds[0]) & set(seeds[2])


def test_an_appeal_repeats_exactly_what_was_tried(graded):
    row = graded(bank.partial())
    page = report.feedback(row)
    for item in row["exercises"]:
        assert f"check({item['name']}, seed={item['seed']})" in page
    names = {}
    exec("import numpy as np\n" + bank.FAN_OUT, names)
    there = judge(exercise.find("he"), in_process(names["he"]), one(row)["seed"])
    assert (there.points, there.wrong.tag) == (one(row)["points"], one(row)["tag"])
    assert __version__ in page


# --- The answer that is meant ---------------------------------------------------------------------------

STUB = "def he(fan_in, fan_out, alpha, rng):\n    "
STUBS = [
    STUB + "raise NotImplementedError  # your code here",
    STUB + '"""The doc."""\n    # a word\n    raise NotImplementedError()',
    STUB + "'''The\n    doc.'''\n\n    raise NotImplementedError  # your code here\n    return 1",
    "def he(fan_in: int, fan_out: dict[str, int] = {1: 2}, *, a=lambda: 3) -> 'x': raise NotImplementedError",
]
FILLED = [
    STUB + "# raise NotImplementedError  # your code here\n    return 1",
    STUB + "return 1  # raise NotImplementedError",
    STUB + "if alpha < 0:\n        raise NotImplementedError('negative')\n    return 1",
    STUB + '"""raise NotImplementedError"""\n    return 1',
    STUB + "text = 'raise NotImplementedError'\n    return text",
    "def other():\n    raise NotImplementedError\n\n" + STUB + "return 1",
    STUB + "return (1",
]


@pytest.mark.parametrize("source", STUBS)
def test_a_stub_is_known(source):
    assert intake.is_stub(source, "he")


@pytest.mark.parametrize("source", FILLED)
def test_what_only_mentions_a_stub_is_none(source):
    assert not intake.is_stub(source, "he")


def test_a_solved_cell_with_the_stubs_comment_wins_over_an_older_draft(graded):
    solved = bank.RIGHT.replace("):\n", "):\n    # raise NotImplementedError  # your code here\n")
    notebook = bank.partial(he=solved)
    notebook.cells.insert(0, bank.new_cell("import numpy as np\n" + bank.FAN_OUT, "draft"))
    row = graded(notebook)
    assert row["points"] == 100 - bank.LOST_BY_STUB
    assert one(row)["also"] == [1]


def test_a_second_definition_is_named_on_the_page_and_in_the_row(graded):
    notebook = bank.last(bank.RIGHT)
    row = graded(notebook)
    number = len(notebook.cells)
    judged = next(i for i, cell in enumerate(notebook.cells, 1) if cell.id == "he")
    (remark,) = [remark for remark in row["remarks"] if remark.startswith("he")]
    assert f"cell {judged} was judged" in remark and f"Cell {number}" in remark
    assert remark in report.feedback(row) and remark in report.table([row])


# --- Nobody vanishes --------------------------------------------------------------------------------------


def test_every_file_has_a_row(tmp_path):
    files = ["ann.ipynb", "bob.IPYNB", ".cy.ipynb", "dee.zip", "eve.py", "fay.json", "g/h.ipynb", "i.pdf"]
    junk = ["._ann.ipynb", ".DS_Store", "__MACOSX/x.ipynb", ".ipynb_checkpoints/ann-checkpoint.ipynb"]
    for name in files + junk:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(bank.BLANK.encode())
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "g.csv")]) == 0
    rows = {row["submission"]: row["status"] for row in rows_in(tmp_path / "g.json")}
    none, good = grader.IGNORED, grader.GRADED
    assert rows == {
        **{"ann": good, "bob": good, ".cy": good, "g/h": good},
        **{"dee.zip": none, "eve.py": none, "fay.json": none, "i.pdf": none},
    }


def test_two_files_of_one_name_are_two(tmp_path):
    for name in ("ann.ipynb", "ann.IPYNB"):
        (tmp_path / name).write_text("{}")
    assert set(intake.find(tmp_path)) == {"ann.ipynb", "ann.IPYNB"}
    (tmp_path / "ann.ipynb.ipynb").write_text("{}")
    (tmp_path / "ann").write_text("{}")
    found = intake.find(tmp_path)
    assert sorted(map(str, found.values())) == sorted(map(str, tmp_path.iterdir()))


def test_reports_do_not_lie_among_the_submissions(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--out", str(tmp_path / "reports" / "g.csv")])
    assert "lies among the submissions" in capsys.readouterr().err


def test_a_notebook_of_two_chapters_needs_a_look(graded):
    more = "def rate(ratio, depth):\n    return ratio ** (1 / depth)"
    row = graded(bank.last(more))
    assert row["status"] == "needs review" and "1 of 01_depth_problem" in row["problem"]
    assert row["points"] == bank.PARTIAL_POINTS


def test_of_what_needs_more_time_and_a_look_more_time_comes_first(graded, monkeypatch):
    """So `--resume --seconds` finds it."""
    notebook = bank.last("def rate(ratio, depth):\n    return ratio ** (1 / depth)")
    monkeypatch.setattr(grader.Learner, "late", True, raising=False)
    monkeypatch.setattr(
        grader.Learner,
        "__setattr__",
        lambda self, name, value: None if name == "late" else object.__setattr__(self, name, value),
    )
    row = graded(notebook)
    assert row["status"] == grader.LATE
    assert "used up its time" in row["problem"] and "1 of 01_depth_problem" in row["problem"]


def test_a_wrong_lesson_is_said(graded):
    row = graded(bank.solved(), lesson="03_batch_normalization")
    assert row["status"] == "unreadable" and "none of 03_batch_normalization" in row["problem"]


# --- Names of files ---------------------------------------------------------------------------------------

NAMES = [
    "ann\r\nbob,graded,bubblewrap,100",
    "ann\rforged",
    "=HYPERLINK(1)",
    "\u202egnp.exe",
    "\t=1+1",
    "＝1+1",
    "😀" * 62,
    "a" * 240,
    "x.html/inner",
    "x",
    "x.html",
    "no\udcffutf-8",
]


def test_no_name_of_a_file_harms_the_reports(tmp_path):
    rows = [graded_row(name) for name in NAMES]
    assert report.write(rows, tmp_path / "g.csv", 1) == []
    data = (tmp_path / "g.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf"), "Excel needs it"
    text = data.decode("utf-8-sig")
    assert len(text.split("\n")) == len(NAMES) + 2 and "\r" not in text
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["points"] for row in table] == ["1.0"] * len(NAMES)
    for row in table:
        assert (tmp_path / "g_feedback" / row["page"]).is_file()
        assert not any(cell.strip("\ufffd \t")[:1] in tuple("=+-@＝") for cell in row.values())
        assert not report.UNSEEN.search(row["submission"])
    assert len({row["page"] for row in table}) == len(NAMES)


def graded_row(name):
    row = grader.failed(name, "", Settings(1, kind=sandbox.NOTHING))
    return row | {"status": "graded", "points": 1.0}


def test_one_bad_page_never_stops_the_report(tmp_path):
    rows = [graded_row("ann"), graded_row("bob")]
    (tmp_path / "g_feedback" / report.page(rows[0])).mkdir(parents=True)
    (problem,) = report.write(rows, tmp_path / "g.csv", 1)
    assert "ann" in problem
    assert (tmp_path / "g.csv").exists() and (tmp_path / "g_feedback" / report.page(rows[1])).exists()


# --- Again --------------------------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path):
    """Three hand-ins that were graded once: (arguments, how often each was graded since)."""
    slow = bank.first("import time\nwhile True: time.sleep(1)")
    hand_in(tmp_path / "in", {"ann": (bank.data(bank.partial()), None), "bob": (b"{", None)})
    hand_in(tmp_path / "in", {"cy": (bank.data(slow), None)})
    arguments = [str(tmp_path / "in"), "--out", str(tmp_path / "g.csv")]
    assert main(arguments) == 0

    def times():
        lines = (tmp_path / "g.journal").read_text().splitlines()[1:]
        names = [json.loads(line)["submission"] for line in lines]
        return [names.count(name) for name in ("ann", "bob", "cy")]

    assert times() == [1, 1, 1]
    return arguments, times


def test_one_row_or_the_rows_of_a_status_are_graded_again(course, capsys):
    arguments, times = course
    assert main([*arguments, "--regrade", "ann"]) == 0 and times() == [2, 1, 1]
    assert main([*arguments, "--regrade-status", "unreadable"]) == 0 and times() == [2, 2, 1]
    assert main([*arguments, "--regrade", "nobody"]) == 2 and "'nobody'" in capsys.readouterr().err
    assert times() == [2, 2, 1]


def test_resuming_with_other_seconds_or_checks_grades_what_they_change(course, tmp_path):
    arguments, times = course
    assert main([*arguments, "--resume", "--seconds", "300"]) == 0 and times() == [1, 1, 1]
    extra = tmp_path / "extra.py"
    extra.write_text("PROPERTIES = {}")
    assert main([*arguments, "--resume", "--extra-checks", str(extra)]) == 0 and times() == [2, 2, 2]


def test_more_time_grades_what_had_too_little(tmp_path, monkeypatch):
    hand_in(tmp_path / "in", {"ann": (bank.BLANK.encode(), None)})
    paths, journal = intake.find(tmp_path / "in"), batch.Journal(tmp_path / "j", 1)
    late = grader.failed("ann", "", Settings(1, seconds=5.0)) | {"status": grader.LATE}
    journal.add(late | {"digest": grader.digest(bank.BLANK.encode())})
    assert batch.run(paths, journal, Settings(1, seconds=5.0))[0]["status"] == grader.LATE
    assert batch.run(paths, journal, Settings(1, seconds=6.0))[0]["status"] == grader.GRADED
    journal.close()


# --- Words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", [["--seconds", "nan"], ["--seconds", "0"], ["--seconds", "inf"], ["--out", "x.journal"]]
)
def test_nonsense_on_the_command_line_is_refused(bad, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), *bad])
    assert bad[0] in capsys.readouterr().err


def test_checks_that_do_not_run_are_named(tmp_path, capsys):
    hand_in(tmp_path / "in", {"ann": (bank.SOLVED.encode(), None)})
    for text in ("PROPERTIES = {", "1 / 0"):
        (tmp_path / "extra.py").write_text(text)
        out = str(tmp_path / "g.csv")
        assert (
            main(
                [str(tmp_path / "in"), "--out", out, "--extra-checks", str(tmp_path / "extra.py"), "--fresh"]
            )
            == 2
        )
        said = capsys.readouterr().err
        assert "extra checks: they do not run" in said and "Traceback" not in said


def test_a_file_that_is_no_journal_is_kept(tmp_path, capsys):
    hand_in(tmp_path / "in", {"ann": (bank.SOLVED.encode(), None)})
    precious = tmp_path / "g.journal"
    precious.write_text("my notes")
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "g.csv"), "--resume"]) == 2
    assert precious.read_text() == "my notes" and "no journal" in capsys.readouterr().err


def test_a_journal_counts_what_was_graded(tmp_path):
    journal = batch.Journal(tmp_path / "j", 1)
    for name in ("ann", "bob", "ann"):
        journal.add(graded_row(name))
    assert len(journal.rows) == 2
    journal.close()
