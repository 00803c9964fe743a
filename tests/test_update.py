"""`make update`, as a learner does it: with a clone in which a lesson was run, and a course that went on."""

import subprocess
from pathlib import Path

import nbformat
import pytest

from tools import update

ROOT = Path(__file__).parents[1]
LESSON, WORKBOOK = "notebooks/02_initialization.ipynb", "exercises/02_initialization.ipynb"
AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture
def course(tmp_path):
    """The course's own repository."""
    course = tmp_path / "course"
    for name in (LESSON, WORKBOOK, "tools/update.py"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_bytes((ROOT / name).read_bytes())
    update.git(course, "init", "--quiet")
    commit(course)
    return course


@pytest.fixture
def clone(course, tmp_path):
    """What a learner has."""
    update.git(tmp_path, "clone", "--quiet", str(course), "mine, here")
    return tmp_path / "mine, here"


def commit(course):
    update.git(course, "add", "--all")
    update.git(course, *AUTHOR, "commit", "--quiet", "-m", "The course goes on")


def edit(path, words):
    """Run a lesson, or write one: another output, another text."""
    notebook = nbformat.read(path, 4)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text=words)]
    notebook.cells[0].source += f"\n\n{words}"
    nbformat.write(notebook, path)


def test_what_both_changed_is_there_twice(course, clone):
    edit(clone / LESSON, "my own wörds")
    edit(clone / WORKBOOK, "my solutions")
    mine, solutions = (clone / LESSON).read_bytes(), (clone / WORKBOOK).read_bytes()
    edit(course / LESSON, "a better sentence")
    (course / "notebooks/07_new.ipynb").write_text("{}")
    commit(course)
    refused = subprocess.run(["git", "pull", "--quiet"], cwd=clone, capture_output=True, text=True)
    assert "would be overwritten" in refused.stderr  # what a learner meets without it

    ((name, copy),) = update.update(clone)
    assert name == LESSON and ".mine-" in copy
    assert (clone / copy).read_bytes() == mine
    assert (clone / LESSON).read_bytes() == (course / LESSON).read_bytes()
    assert (clone / WORKBOOK).read_bytes() == solutions  # the course did not change it: it stays
    assert (clone / "notebooks/07_new.ipynb").exists()
    assert update.update(clone) == []  # nothing is new


def test_each_update_keeps_another_copy(course, clone):
    for words in ("my apricots", "my plums"):
        edit(clone / LESSON, words)
        edit(course / LESSON, f"a better sentence than {len(words)}")
        commit(course)
        update.update(clone)
    copies = sorted((clone / "notebooks").glob("*.mine-*"))
    assert len(copies) == 2 and {b"my apricots" in copy.read_bytes() for copy in copies} == {True, False}


def test_a_file_of_my_own_that_the_course_has_now_too_is_kept(course, clone):
    (clone / "notebooks/07_new.ipynb").write_text("mine")
    (course / "notebooks/07_new.ipynb").write_text("theirs")
    commit(course)
    ((_, copy),) = update.update(clone)
    assert (clone / copy).read_text() == "mine" and (clone / "notebooks/07_new.ipynb").read_text() == "theirs"


def test_a_lesson_that_the_course_gave_up_is_kept_if_i_worked_in_it(course, clone):
    edit(clone / WORKBOOK, "my solutions")
    (course / WORKBOOK).unlink()
    commit(course)
    ((_, copy),) = update.update(clone)
    assert b"my solutions" in (clone / copy).read_bytes() and not (clone / WORKBOOK).exists()


def test_commits_of_my_own_and_a_folder_without_git_are_left_alone(course, clone, tmp_path):
    edit(clone / LESSON, "mine")
    commit(clone)
    edit(course / LESSON, "theirs")
    commit(course)
    before = (clone / LESSON).read_bytes()
    with pytest.raises(update.NotPossible, match="commits of your own"):
        update.update(clone)
    assert (clone / LESSON).read_bytes() == before
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(update.NotPossible, match="no `git clone`"):
        update.update(tmp_path / "unpacked")
