"""What docs/instructors.md shows works as it stands there."""

import csv
import os
import re
import shutil
import subprocess
import sys

import pytest

from helpers.checking import exercise
from helpers.grading import gradebook
from helpers.grading.__main__ import _parser
from tests.grading import bank

GUIDE = (bank.ROOT / "docs" / "instructors.md").read_text("utf-8")
COMMANDS = re.findall(r"python -m helpers\.grading (.*)", GUIDE)


def test_the_checks_of_your_own(graded):
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "PROPERTIES" in block
    ]
    row = graded(bank.solved(), extra=code)
    assert (row["status"], row["points"], row["possible"]) == ("graded", 105, 105)
    row = graded(bank.partial(), extra=code)
    assert (row["points"], row["possible"]) == (bank.PARTIAL_POINTS, 105), "by fan_out they fail"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "class.csv").write_text("name,id\nAda King,1001\n")
    (tmp_path / "secret.txt").write_text("a secret of this term")
    assert _parser().parse_args(command.split()).submissions.name == "submissions"


def test_every_option_is_explained_and_no_other():
    options = {option for action in _parser()._actions for option in action.option_strings}
    told = set(re.findall(r"^\| `(--[a-z-]+)", GUIDE, re.MULTILINE))
    assert told == options - {"-h", "--help", "--out"}


# --- Line by line -------------------------------------------------------------------------------------

# What needs the network, or other machines: tests/grading/test_cluster.py grades on a cluster.
ELSEWHERE = re.compile(r"apt-get|pip install|dask |.*--scheduler")
COURSE = ("helpers", "notebooks", "exercises", "solutions", "tools", "docs", "Makefile", "pyproject.toml")
COURSE += ("requirements.txt", "README.md", "LICENSE", "runtime.txt")


def shell_lines():
    """The lines of all blocks of shell, without those that cannot run here."""
    for block in re.findall(r"^ *```sh\n(.*?)```", GUIDE, re.DOTALL | re.MULTILINE):
        yield from (line.strip() for line in block.splitlines() if not ELSEWHERE.match(line.strip()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The course in an empty folder, as after `make test`, with a class and what it handed in."""
    made = tmp_path_factory.mktemp("course")
    for name in COURSE:
        copy = shutil.copytree if (bank.ROOT / name).is_dir() else shutil.copy
        copy(bank.ROOT / name, made / name)
    (made / ".venv" / "bin").mkdir(parents=True)
    python = made / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    for mark in ("lab.done", "test.done"):
        (made / ".venv" / mark).touch()
    (made / "class.csv").write_text("name,id\nAda King,1001\nEmmy Noether,1002\n")
    (made / "answers.csv").write_text("learner,item,answer\nada,2-pre-1,0.5\nemmy,2-pre-1,2\n")
    (made / "submissions").mkdir()
    for key, notebook in (("1001", bank.solved()), ("1002", bank.partial())):
        (made / "submissions" / f"{key}.ipynb").write_bytes(bank.data(notebook))
    return made


@pytest.mark.release
def test_every_line_of_shell_does_its_work(folder):
    lines = list(shell_lines())
    home = {"TRAINABLE_DEPTH_HOME": str(folder / "home"), "OPENBLAS_NUM_THREADS": "1"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "TRAINABLE_DEPTH_HOME")
    }
    for line in lines:
        again = " --fresh" if (folder / "grades.journal").exists() and "helpers.grading" in line else ""
        done = subprocess.run(
            ["bash", "-c", line + again], cwd=folder, env=kept | home, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert len(lines) >= 7
    written = {path.relative_to(folder).as_posix() for path in folder.glob("*/*")}
    assert {"kit/atlas.html", "workbooks/1001", "workbooks/1002"} <= written
    for file in ("grades.csv", "grades.json", "grades.html", "grades_students.csv"):
        assert (folder / file).exists(), file
    with open(folder / "grades_students.csv", newline="", encoding="utf-8-sig") as file:
        ada, _ = csv.DictReader(file)
    own = sum(item.points for item in exercise.load().values() if item.personal and item.chapter == 2)
    assert float(ada["total"]) == 100 - own, "the last line grades by numbers of their own"


def test_the_file_of_due_dates(tmp_path):
    (text,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "due.toml").write_text(text)
    rules = gradebook.rules(tmp_path / "due.toml")
    assert rules[bank.LESSON, "1002"].at > rules[bank.LESSON, None].at


def test_the_table_of_numbers_of_their_own():
    """Which tasks have one, for how many of the points; the others are named with the reason."""
    items = exercise.load().values()
    rows = re.findall(r"^\| (\d) \| (`.*`) \| (\d+) of (\d+) \|$", GUIDE, re.MULTILINE)
    told = {
        int(chapter): (names.replace("`", "").split(), int(own), int(all))
        for chapter, names, own, all in rows
    }
    for chapter in {item.chapter for item in items}:
        mine = [item for item in items if item.chapter == chapter]
        own = [item for item in mine if item.personal]
        points = [sum(item.points for item in some) for some in (own, mine)]
        assert told[chapter] == ([item.name for item in own], *points)
    (reasons,) = re.findall(r"A task has a number only if.*?\n\n", GUIDE, re.DOTALL)
    assert {item.name for item in items if not item.personal} == set(re.findall(r"`(\w+)`", reasons))
    assert f"There are {len(exercise.TIMES)} numbers in most of the tasks" in GUIDE
    assert "Twenty-two of the tasks" in GUIDE and sum(bool(item.personal) for item in items) == 22
