"""The prompt for an assistant: it holds what is known, asks for a question, and never has the solution."""

import sys

import numpy as np
import pytest

from helpers import tutor
from helpers.checking import checks, exercise
from helpers.checking.tutor import ASK, code_of, prompt, task
from helpers.progress.record import PROGRESS

ALL = list(exercise.load().values())
each = pytest.mark.parametrize("item", ALL, ids=lambda item: item.name)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))


def he(fan_in, fan_out, alpha, rng):
    return rng.normal(0, np.sqrt(2 / ((1 + alpha**2) * fan_out)), (fan_in, fan_out))


@each
def test_it_has_the_task_and_the_diagnosis_and_never_the_solution(item):
    text = prompt(item, item.wrong[0].function, 3)
    assert text.startswith(ASK) and task(item) in text
    assert item.title in text and "These properties fail:" in text
    assert any(wrong.message in text for wrong in item.wrong)
    assert f"{item.name}(" in text.split("WHAT THE CHECK FOUND")[1]
    lines = [
        line.strip() for line in item.source.splitlines()[2:] if len(line.strip()) > 25 and "#" not in line
    ]
    said = text.replace(code_of(item.name, item.wrong[0].function), "").replace(task(item), "")
    assert [line for line in lines if line in said] == []


@each
def test_the_task_is_that_of_the_workbook(item):
    assert item.title in task(item) and "Return" in task(item) and "](" not in task(item)


def test_it_has_the_code_of_the_cell_and_else_the_functions_own(monkeypatch):
    assert "alpha**2) * fan_out)" in prompt(exercise.find("he"), he, 1)
    main = sys.modules["__main__"]
    cells = ["import numpy as np", "def he(fan_in):\n    return 1  # mine", "he(3)", "the = 3"]
    monkeypatch.setattr(main, "In", cells, raising=False)
    assert code_of("he", he) == cells[1]
    monkeypatch.setattr(main, "In", [*cells, "he = lambda *args: 2"], raising=False)
    assert code_of("he", he) == "he = lambda *args: 2"


def test_it_names_the_mistake_and_the_input():
    text = prompt(exercise.find("he"), he, 3)
    assert "it divides by fan_out" in text and "he(fan_in=" in text and "expected" in text
    assert text == prompt(exercise.find("he"), he, 3)


def test_without_a_failing_check_it_says_so():
    item = exercise.find("he")
    assert "My function passes the check." in prompt(item, item.reference)

    def blank(*args):
        raise NotImplementedError

    assert "still empty" in prompt(item, blank)
    assert "there is no function of this name" in prompt(item, None) and "I have not run any" in prompt(
        item, None
    )


def test_it_is_opened_by_function_or_name_and_records_nothing(monkeypatch):
    widget = tutor(he, seed=3)
    assert widget.text == prompt(exercise.find("he"), he, 3) == widget._about["prompt"]
    assert widget.text in widget.still()["text/plain"]
    assert "there is no function" in tutor("bn_step").text
    seen = []
    monkeypatch.setattr(checks, "display", seen.append)
    assert tutor("bn_stp") is None and "Did you mean: bn_step" in repr(seen[-1])
    assert PROGRESS.attempts() == [] and PROGRESS.hints() == []


def test_without_the_workbook_the_docstring_stands_in(monkeypatch, tmp_path):
    monkeypatch.setattr("helpers.checking.tutor.NOTEBOOKS", tmp_path / "notebooks")
    item = exercise.find("bn_step")
    assert task(item).startswith("def bn_step(x, running_mean, running_var, train):") and "remembers" in task(
        item
    )
