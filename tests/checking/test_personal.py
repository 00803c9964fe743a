"""Exercises with a number of the learner's own: the reference is right, and no answer to another task is."""

import numpy as np
import pytest

from helpers.checking import checks, exercise
from helpers.checking.calls import Printed, in_process, quiet
from helpers.checking.judging import judge

ALL = [item for item in exercise.load().values() if item.personal]
each = pytest.mark.parametrize("item", ALL, ids=lambda item: item.name)


def judged(item, own, function, seed=0):
    with quiet(Printed()):  # as `check` does
        return judge(exercise.with_number(item, own), in_process(function), seed)


def numbers(item, count):
    """Some of an exercise's numbers; other ones each day would make a test that cannot be repeated."""
    rng = np.random.default_rng(len(item.name))
    return [item.personal.values[int(i)] for i in rng.permutation(len(item.personal.values))[:count]]


def refused(item, own, function, tag, seed=0):
    found = judged(item, own, function, seed)
    return (found.points, found.wrong and found.wrong.tag, found.where) == (0, tag, None)


def all_hold(item, own, seed=0):
    """The right answer passes; those without the number, and with the numbers beside it, get nothing."""
    values = item.personal.values
    at = values.index(own)
    assert judged(item, own, item.personal.under(item.reference, own), seed).outcome == "correct"
    assert refused(item, own, item.reference, exercise.WITHOUT_NUMBER, seed), "the published solution"
    for other in [*values[max(at - 1, 0) : at], *values[at + 1 : at + 2]]:
        theirs = item.personal.under(item.reference, other)
        assert refused(item, own, theirs, exercise.ANOTHER_NUMBER, seed), f"the answer with {other}"


@each
def test_only_the_answer_with_the_own_number_is_right(item):
    for own in numbers(item, 2):
        all_hold(item, own)


@pytest.mark.release
@each
def test_only_the_answer_with_the_own_number_is_right_for_all_numbers(item):
    for seed, own in enumerate(item.personal.values):
        all_hold(item, own, seed)


@each
def test_mistakes_are_known_again_under_the_number(item):
    (own,) = numbers(item, 1)
    found = [judged(item, own, item.personal.under(wrong.function, own)) for wrong in item.wrong]
    assert all(one.outcome == "incorrect" for one in found)
    named = sum(
        one.wrong is not None and one.wrong.tag == wrong.tag
        for one, wrong in zip(found, item.wrong, strict=True)
    )
    assert named >= 0.9 * len(item.wrong)


@each
def test_an_exercise_with_a_number_is_the_same_otherwise(item):
    (own,) = numbers(item, 1)
    made = exercise.with_number(item, own)
    assert (made.id, made.parameters, made.points, made.source) == (
        item.id,
        item.parameters,
        item.points,
        item.source,
    )
    assert made.asked == f"{item.name}, own={own}" and item.asked == item.name
    assert len(set(item.personal.values)) == len(item.personal.values) >= 20
    assert "{own}" in item.yours and exercise.find(item.name) is item


def test_check_in_a_notebook_knows_the_number(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))
    shown = []
    monkeypatch.setattr(checks, "display", shown.append)

    def rate(ratio, depth):
        return (ratio / 2.14) ** (1 / depth)

    assert checks.check(rate, own=2.14) == 10
    assert (checks.check(rate, own=2.59), checks.check(rate)) == (0, 0)
    assert "another number than the one in its last lines" in shown[1].html()
    assert "check(rate, own=2.59, seed=" in shown[1].html()
    assert checks.check(rate, own=2) == 0 and "the numbers of `rate` are" in str(shown[3].paragraphs)


def test_numbers_that_there_are_not():
    for name, own in (("rate", 2.0), ("rate", None), ("spread", 2.14)):
        with pytest.raises(ValueError, match="own is"):
            exercise.with_number(exercise.find(name), own)
