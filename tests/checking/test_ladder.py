"""The ladder: made from every long reference, judged by running, marked in the record and the report."""

import ast
import re

import pytest

from helpers import hint, ladder, report
from helpers.checking import checks, exercise
from helpers.checking.ladder import (
    FILLED,
    OPENED,
    ORDERED,
    Ladder,
    body,
    by_the_ladder,
    has_ladder,
    head,
    indented,
    logical,
    run,
)
from helpers.progress.record import PROGRESS

LONG = [item for item in exercise.load().values() if has_ladder(item)]
each = pytest.mark.parametrize("item", LONG, ids=lambda item: item.name)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))


@pytest.fixture
def cards(monkeypatch):
    seen = []
    monkeypatch.setattr(checks, "display", seen.append)
    return seen


def in_order(steps, lines):
    return [steps.lines.index(line) for line in lines]


def gaps(steps, source):
    """What the reference has where the pieces have gaps."""
    found = re.fullmatch(
        "(.+?)".join(re.escape(piece) for piece in steps.pieces if piece), source + "\n", re.DOTALL
    )
    return list(found.groups())


def test_every_reference_of_more_than_six_lines_has_one():
    assert len(LONG) == 12
    for item in exercise.load().values():
        lines = [
            line for line in item.source.splitlines() if line.strip() and not line.strip().startswith("#")
        ]
        assert has_ladder(item) == (len(lines) - 2 > 6), item.name  # the head and the docstring


@each
def test_the_lines_are_the_reference_and_one_or_two_that_are_wrong(item):
    steps, right = Ladder(item), body(item.source)
    more = [line for line in steps.lines if line not in right]
    assert sorted(line for line in steps.lines if line in right) == sorted(right) and len(more) == 2
    assert steps.lines != right
    put_together = "\n".join([head(item), *(indented(*line) for line in right)])
    bare = ast.parse(item.source).body[0]
    bare.body = bare.body[1:]
    assert ast.dump(ast.parse(put_together).body[0]) == ast.dump(bare)
    assert steps.lines == Ladder(item).lines  # the same at every opening


@each
def test_the_right_order_passes_and_every_wrong_line_fails(item):
    steps, right = Ladder(item), body(item.source)
    steps.submit(order=in_order(steps, right)[::-1])
    assert "✗ Not yet." in steps._state["html"] and steps._state["passed"] == []
    for wrong in (line for line in steps.lines if line not in right):
        for i, line in enumerate(right):
            if line[0] == wrong[0]:
                steps.submit(order=in_order(steps, [*right[:i], wrong, *right[i + 1 :]]))
                assert steps._state["look"] == "alarm"
    steps.submit(order=in_order(steps, right))
    assert steps._state["passed"] == [0] and "✓ It passes" in steps._state["html"]


@each
def test_the_gaps_are_filled_with_what_works(item):
    steps = Ladder(item)
    answers = gaps(steps, item.source)
    assert 2 <= len(answers) == len(steps._about["gaps"]) <= 4
    assert [len(text) for text in answers] == steps._about["gaps"]
    steps.submit(gaps=[""] * len(answers))
    assert steps._state["html"] == "A gap is still empty."
    steps.submit(gaps=["1 +"] * len(answers))
    assert "is no expression" in steps._state["html"]
    for i in range(len(answers)):
        steps.submit(gaps=[*answers[:i], "'?'", *answers[i + 1 :]])
        assert steps._state["look"] == "alarm", answers[i]
    steps.submit(gaps=[f" ({text}) " for text in answers])  # another way to write it
    assert steps._state["passed"] == [1]


def test_another_order_that_works_passes():
    item = exercise.find("bn_backward")
    steps, right = Ladder(item), body(item.source)
    dbeta = next(line for line in right if line[1].startswith("dbeta"))
    others = [line for line in right if line != dbeta]
    steps.submit(order=in_order(steps, [dbeta, *others]))
    assert steps._state["passed"] == [0]


def test_a_line_too_much_is_named_even_where_it_does_no_harm():
    item = exercise.find("bn_backward")
    steps, right = Ladder(item), body(item.source)
    wrong = next(line for line in steps.lines if line not in right and line[1].startswith("dbeta"))
    at = next(i for i, line in enumerate(right) if line[1].startswith("dbeta"))
    steps.submit(order=in_order(steps, [*right[:at], wrong, *right[at:]]))
    assert "not all of these lines are needed" in steps._state["html"] and steps._state["passed"] == []


def test_lines_that_python_cannot_read_are_named():
    item = exercise.find("bn_step")
    steps, right = Ladder(item), body(item.source)
    lines = [line for line in right if line[1] != "if train:"]
    steps.submit(order=in_order(steps, lines))
    assert (
        "Python cannot read it: unindent" in steps._state["html"] and "line 5:  else:" in steps._state["html"]
    )


def test_an_error_shows_the_line_that_was_put_together():
    item = exercise.find("adamw_step")
    found = run(item, f"{head(item)}\n    return {{'w': w / nothing}}", 3)
    assert found.problem.line == 2 and found.problem.source == "return {'w': w / nothing}"


def test_logical_lines_keep_brackets_and_lose_comments():
    source = """def f(x):
    'Says.'
    # why
    if x:  # so
        y = [
            1,  # one
            # none
            "#2",
        ]
    else:
        y = 3
    return y"""
    assert body(source) == [
        (0, "if x:"),
        (1, 'y = [\n    1,\n    "#2",\n]'),
        (0, "else:"),
        (1, "y = 3"),
        (0, "return y"),
    ]
    assert logical("x = 1")[0] == (0, "x = 1")


# --- Offered, and marked ------------------------------------------------------------------------------


def test_it_is_offered_by_the_third_hint(cards):
    for _ in range(3):
        hint("bn_backward")
        hint("rate")
    texts = list(map(repr, cards))
    assert [("ladder(bn_backward)" in text, "tutor(bn_backward)" in text) for text in texts[::2]] == [
        (False, False),
        (False, False),
        (True, True),
    ]
    assert "ladder" not in texts[-1] and "tutor(rate)" in texts[-1]


def test_it_is_opened_by_name_or_function_and_short_ones_have_none(cards):
    assert isinstance(ladder("bn_backward"), Ladder)
    assert ladder("rate") is None and "no ladder" in repr(cards[-1])
    assert ladder("bn_backwrd") is None and "Did you mean: bn_backward" in repr(cards[-1])


def test_a_ladder_that_was_opened_first_is_no_hint_taken(cards):
    ladder("bn_backward")
    hint("bn_backward")
    assert "hint 1 of 2" in repr(cards[-1])


def test_the_steps_are_in_the_record_once_and_shown_again():
    item = exercise.find("bn_backward")
    for _ in range(2):
        steps = Ladder(item)
        steps.submit(order=in_order(steps, body(item.source)))
        steps.submit(gaps=gaps(steps, item.source))
    assert [row.number for row in PROGRESS.hints("bn_backward")] == [OPENED, ORDERED, FILLED]
    assert Ladder(item)._state["passed"] == [0, 1]


def test_the_ladder_gives_no_points_and_marks_those_that_come_after_it(cards):
    item = exercise.find("bn_backward")
    steps = Ladder(item)
    steps.submit(order=in_order(steps, body(item.source)))
    assert PROGRESS.best() == {} and not by_the_ladder(item.name)
    checks.check(named("bn_backward", item.reference))
    assert f"{item.points} of 100, {item.points} by the ladder" in repr(report())


def test_a_pass_before_the_ladder_stays_unmarked(cards):
    item = exercise.find("bn_backward")
    checks.check(named("bn_backward", item.reference))
    Ladder(item)
    checks.check(named("bn_backward", item.reference))
    assert not by_the_ladder(item.name) and "by the ladder" not in repr(report())


def named(name, function):
    assert function.__name__ == name
    return function


def test_without_a_kernel_its_lines_can_be_read():
    still = Ladder(exercise.find("bn_backward")).still()
    assert "def bn_backward(x, gamma, eps, grad):" in still["text/html"]
