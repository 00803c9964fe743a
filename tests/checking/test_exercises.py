"""What holds for every exercise: its texts, its workbook, and what its check finds in answers."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from helpers.checking import checks, exercise
from helpers.checking.cards import address
from tests.chapters.depth.answers import slope_to
from tests.chapters.residual.answers import verdict_of_extremes
from tests.checking.answers import correct_answers, loses, passes, wrong_answers
from tools import exercises as builder
from tools import notebooks

ROOT = Path(__file__).parents[2]
ALL = list(exercise.load().values())
SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))
SEEDS = range(3)  # `make seeds` takes 20

each = pytest.mark.parametrize("item", ALL, ids=lambda item: item.name)
each_workbook = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))


def label(value):
    return getattr(value, "name", None) or getattr(value, "__name__", None) or str(value)


def workbook(path):
    return nbformat.read(ROOT / "exercises" / path.name, 4)


def cell(notebook, id):
    return next(cell for cell in notebook.cells if cell.id == id)


# --- What a check finds ---------------------------------------------------------------------------


@pytest.mark.parametrize(("item", "function"), correct_answers(), ids=label)
def test_right_answers_get_all_points(item, function):
    assert [seed for seed in SEEDS if not passes(item, function, seed)] == []


@pytest.mark.parametrize(
    ("name", "function", "finding"),
    [
        ("largest_slope", slope_to(8), "too-short-a-stretch"),
        ("degradation_verdict", verdict_of_extremes, None),
    ],
)
def test_no_draw_lets_them_pass_that_some_draws_let_pass_once(name, function, finding):
    assert all(loses(exercise.find(name), function, finding, seed) for seed in range(30))


@pytest.mark.parametrize(("item", "function", "finding"), wrong_answers(), ids=label)
def test_wrong_answers_lose_points_with_their_message(item, function, finding):
    assert [seed for seed in SEEDS if not loses(item, function, finding, seed)] == []


# --- Texts ----------------------------------------------------------------------------------------


@each
def test_texts_are_there_and_tags_are_readable(item):
    assert item.difficulty in (1, 2, 3) and 1 <= item.minutes <= 60
    assert len(item.hints) == 2 and all(len(hint) > 30 for hint in item.hints)
    for wrong in item.wrong:
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", wrong.tag)
        assert wrong.message[0].islower() and wrong.message.endswith("."), wrong.tag
    assert len({wrong.tag for wrong in item.wrong}) == len(item.wrong) >= 2
    assert all(prop.points > 0 and prop.points == int(prop.points) for prop in item.properties)


@each
def test_the_lesson_has_the_section(item):
    lesson = nbformat.read(ROOT / "notebooks" / f"{item.lesson}.ipynb", 4)
    headings = re.findall(r"^#+ (.*)$", "\n".join(c.source for c in lesson.cells), re.MULTILINE)
    assert item.section in headings
    assert "exercises/" in "".join(c.source for c in lesson.cells), "the lesson links to its exercises"


@each
def test_inputs_are_fresh_and_follow_from_the_seed(item):
    def drawn(seed):
        rng = np.random.default_rng(seed)
        cases = [prop.cases(rng) for prop in item.properties]
        assert all(len(args) == len(item.parameters) for rows in cases for args in rows) and all(cases)
        return repr(cases)

    assert drawn(1) == drawn(1) != drawn(2)


# --- Workbooks ------------------------------------------------------------------------------------


def test_every_chapter_has_one_workbook_with_100_points():
    assert {item.lesson for item in ALL} == {path.stem for path in SOLUTIONS}
    assert {path.name for path in SOLUTIONS} == {path.name for path in (ROOT / "exercises").glob("*.ipynb")}
    for path in SOLUTIONS:
        assert sum(item.points for item in ALL if item.lesson == path.stem) == 100


@each_workbook
def test_the_workbook_is_generated_from_the_solutions(path):
    solutions = nbformat.read(path, 4)
    remade = builder.stamp(nbformat.read(path, 4))
    assert notebooks.serialize(remade) == path.read_text("utf-8") == notebooks.serialize(solutions)
    written = (ROOT / "exercises" / path.name).read_text("utf-8")
    assert notebooks.serialize(builder.workbook(solutions)) == written


@each_workbook
def test_the_workbook_gives_nothing_away(path):
    text = (ROOT / "exercises" / path.name).read_text("utf-8")
    assert "SOLUTION" not in text and "solutions-only" not in text
    answers = [cell(workbook(path), item.id) for item in ALL if item.lesson == path.stem]
    assert all("raise NotImplementedError" in answer.source for answer in answers)


@each
def test_the_workbook_asks_for_it(item):
    notebook = nbformat.read(ROOT / "exercises" / f"{item.lesson}.ipynb", 4)
    task = cell(notebook, f"{item.id}-task").source
    assert task.startswith(builder.head(item))
    assert f"]({address(item.lesson, item.section)})" in task and "#cell-id=" in task
    for part in ("**Given:**", "**Return:**", "**Allowed:**"):
        assert part in task
    answer, check = cell(notebook, item.id), cell(notebook, f"{item.id}-check")
    assert answer.source.startswith(f"def {item.name}({', '.join(item.parameters)}):\n")
    assert check.source == f"check({item.name})"
    assert check.metadata.nbgrader.points == item.points


@each
def test_the_solution_is_the_reference(item):
    """One text: what `solution` shows, what the notebook holds, and what answers are compared with."""
    notebook = nbformat.read(ROOT / "solutions" / f"{item.lesson}.ipynb", 4)
    source = re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", cell(notebook, item.id).source).rstrip()
    assert source == item.source


def run_notebook(path, monkeypatch):
    """Run the code of a notebook from top to bottom; the points of its checks, and the cards shown."""
    cards, points, scope = [], {}, {}
    monkeypatch.setattr(checks, "display", cards.append)
    for one in nbformat.read(path, 4).cells:
        if one.cell_type == "code" and one.id.endswith("-check"):
            points[one.id] = eval(one.source, scope)
        elif one.cell_type == "code":
            exec(one.source, scope)
    return points, cards


@each_workbook
def test_the_solutions_get_all_points(path, monkeypatch):
    points, cards = run_notebook(path, monkeypatch)
    assert sum(points.values()) == 100, points
    assert {card.look for card in cards} == {"good"}


@each_workbook
def test_an_empty_workbook_runs_to_its_end_and_gets_none(path, monkeypatch):
    points, cards = run_notebook(ROOT / "exercises" / path.name, monkeypatch)
    assert set(points.values()) == {0.0}
    assert all("not attempted" in card.title for card in cards)
