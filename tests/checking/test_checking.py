"""check, hint and solution: one card for whatever a learner's function does, and a process that lives on."""

import functools
import importlib
import inspect
import math
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from contextlib import contextmanager
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from IPython.core.interactiveshell import InteractiveShell

from helpers.checking import calls, cards, check, checks, hint, judging, solution
from helpers.checking.calls import Outcome, Problem, in_process
from helpers.checking.cards import judgement_card
from helpers.checking.comparing import Stop, close, conform
from helpers.checking.exercise import Exercise, Property, Wrong, find
from helpers.checking.judging import judge
from helpers.checking.values import Phi, Rng, live, plain
from helpers.progress.record import Progress

EXERCISE = find("predict_h2")
right = EXERCISE.reference


@pytest.fixture(autouse=True)
def shown(tmp_path, monkeypatch):
    """The cards that are shown, with a progress of their own."""
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))
    monkeypatch.setattr(checks, "PROGRESS", Progress())
    cards = []
    monkeypatch.setattr(checks, "display", cards.append)
    return cards


def learner(body, **names):
    """A function predict_h2 with this body, as a cell of a notebook would define it."""
    code = "def predict_h2(x, widths, variances):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ")
    scope = {"np": np, "math": math, **names}
    exec(compile(code, "<cell>", "exec"), scope)
    return scope["predict_h2"]


def judged(body, seed=0, seconds=0.3, **names):
    return judge(EXERCISE, in_process(learner(body, **names), seconds), seed)


# --- Which version is judged ---------------------------------------------------------------------

STUB = "def predict_h2(x, widths, variances):\n    raise NotImplementedError"
WRONG = STUB.replace("raise NotImplementedError", "return 3.0")


@pytest.fixture
def run(monkeypatch):
    """Runs a cell in a notebook's kernel, and returns its value."""
    shell = InteractiveShell()
    monkeypatch.setitem(sys.modules, "__main__", shell.user_module)
    shell.user_ns |= {"check": check, "np": np}
    return lambda cell: shell.run_cell(cell, store_history=True).result


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (WRONG.replace("3.0", "3.0)"), "unmatched ')'"),
        (WRONG.replace("):", ")"), "expected ':'"),
        (WRONG + "\n  x = 1", "unindent does not match"),
        ("import seaborn_of_another_name\n" + WRONG.replace("3", "4"), "stopped with an error before"),
        ("@undefined\n" + WRONG, "stopped with an error before"),
    ],
)
@pytest.mark.parametrize("call", ["check(predict_h2)", "check('predict_h2')"])
def test_an_earlier_version_is_not_judged_in_place_of_one_that_failed(run, shown, last, said, call):
    run(STUB)
    run(WRONG)
    assert run(call) == 0.0 and "not judged" not in repr(shown[-1])
    run(last)
    assert run(call) == 0.0
    assert "not judged" in repr(shown[-1]) and said in repr(shown[-1])
    assert len(checks.PROGRESS.attempts()) == 1
    run(WRONG.replace("3.0", "5.0"))
    assert run(call) == 0.0 and "not judged" not in repr(shown[-1])


@pytest.mark.parametrize(
    "cell",
    [
        "old = predict_h2\npredict_h2 = lambda *a: old(*a)",
        "import functools\npredict_h2 = functools.partial(predict_h2)",
        "def predict_h2_again(x): return (",
        "1/0",
        WRONG,
        "%time 1",
    ],
)
def test_other_cells_keep_no_version_from_being_judged(run, shown, cell):
    run(STUB)
    run(WRONG)
    run(cell)
    run("check('predict_h2')")
    assert "not judged" not in repr(shown[-1]) and len(checks.PROGRESS.attempts()) == 1


# --- The three outcomes -----------------------------------------------------------------------------


def test_a_right_answer_gets_a_card_and_points_that_only_a_program_sees(shown):
    points = check(right)
    assert isinstance(points, float) and points == 10
    data, _ = DisplayFormatter().format(points)
    assert float(data["text/plain"]) == 10  # what nbgrader reads
    assert "10" not in data["text/html"]  # what a notebook prefers
    (card,) = shown
    assert card.look == "good" and "✓" in card.title and "10 of 10" in card.title


@pytest.mark.parametrize("body", ["raise NotImplementedError", "pass", "...", "return ...", "return None"])
def test_a_stub_is_not_attempted_and_not_recorded(shown, body):
    assert check(learner(body)) == 0.0
    assert "not attempted" in shown[0].title and shown[0].look == "muted"
    assert checks.PROGRESS.attempts() == []


def test_a_wrong_answer_is_named_and_recorded_with_its_points_by_property(shown):
    wrong = next(wrong for wrong in EXERCISE.wrong if wrong.tag == "fan-out-for-fan-in")
    wrong.function.__name__ = "predict_h2"
    assert check(wrong.function, seed=3) == 3.0
    (card,) = shown
    assert wrong.message in repr(card) and card.look == "alarm"
    (row,) = checks.PROGRESS.attempts()
    assert (row.points, row.possible, row.tag) == (3.0, 10.0, "fan-out-for-fan-in")
    assert '"one layer": 0' in row.parts


def test_a_card_shows_the_smallest_failing_call_with_got_and_expected():
    verdict = judged("return 2 * np.mean(x**2)")
    text = repr(judgement_card(verdict))
    assert "predict_h2(\n" in text and "x=np.array([[" in text
    assert "got  " in text and "expected  " in text
    prop, row = verdict.failure
    assert prop.name == "one layer" and f"{row.expected:.6g}" in text


def test_a_cache_of_arrays_is_explained():
    cached = functools.lru_cache(right)
    assert "lru_cache" in judge(EXERCISE, in_process(cached), 0).problem.text


def test_the_call_on_the_card_can_be_pasted():
    he = find("he")
    verdict = judge(he, in_process(lambda fan_in, fan_out, alpha, rng: rng.normal(size=(fan_in, fan_out))), 0)
    line = next(line for line in repr(judgement_card(verdict)).splitlines() if "he(" in line)
    assert eval(line.strip(), {"np": np, "he": he.reference}).std() < 1
    gain = find("gain")
    assert eval(cards.shown(Phi("tanh", 0.5)), {"np": np})(2.0) == np.tanh(1.0)
    assert gain.reference(live(Phi("relu"))) == pytest.approx(np.sqrt(2), rel=1e-4)


def test_a_dictionary_of_arrays_has_a_line_for_each_and_can_be_typed_in():
    some = {"0.weight": np.arange(4.0).reshape(2, 2), "0.bias": np.ones(2), "last": {"a": 1.5}}
    text = cards.shown(some)
    assert text.splitlines()[:3] == [
        "{'0.weight': np.array([[0., 1.],",
        " " * 23 + "[2., 3.]]),",
        " '0.bias': np.array([1., 1.]),",
    ]
    again = eval(text, {"np": np})
    assert again.keys() == some.keys() and np.array_equal(again["0.weight"], some["0.weight"])
    assert cards.shown({"a": 1.0, "b": 2.0}) == "{'a': 1, 'b': 2}"


def test_a_list_of_matrices_has_a_line_for_each_item():
    text = cards.shown([np.eye(2), np.ones(2), 3.0])
    assert text.splitlines() == [
        "[np.array([[1., 0.],",
        " " * 11 + "[0., 1.]]),",
        " np.array([1., 1.]),",
        " 3]",
    ]
    assert cards.shown([np.ones(2), 3.0]) == "[np.array([1., 1.]), 3]"


def test_the_same_seed_gives_the_same_inputs_and_none_gives_fresh_ones(shown):
    seen = []

    def predict_h2(x, widths, variances):
        seen[-1].append(float(x.sum()))

    for seed in (1, 1, 2, None, None):
        seen.append([])
        check(predict_h2, seed)
    assert seen[0] == seen[1] and len(set(map(tuple, seen))) == 4


def test_a_constant_factor_is_pointed_out():
    verdict = judged("return 3 * right(x, widths, variances)", right=right)
    assert "3 times what is expected" in verdict.pattern
    assert "sign" in judged("return -right(x, widths, variances)", right=right).pattern


def test_one_answer_for_all_is_no_fault_of_form_where_the_right_one_is_the_same_for_all():
    level = Property("level", 1, lambda rng: [(1.0,), (2.0,)])
    verdict = judged_as(lambda x: 7.0, level, reference=lambda x: 5.0)
    assert verdict.problem is None and verdict.outcome == "incorrect"


def test_infinity_is_right_where_it_is_expected_and_only_there():
    level = Property("level", 1, lambda rng: [])
    assert close(np.array([1.0, np.inf]), np.array([1.0, np.inf]), level)
    assert not close(np.array([1.0, np.inf]), np.array([1.0, -np.inf]), level)
    assert not close(np.array([1.0, 2.0]), np.array([1.0, np.inf]), level)


def test_an_expected_infinity_is_no_fault_of_form():
    assert conform(np.array([1.0, np.inf]), np.array([1.0, np.inf])).tolist() == [1.0, np.inf]
    with pytest.raises(Stop):
        conform(np.array([np.inf, np.inf]), np.array([1.0, np.inf]))


def test_a_tolerance_has_a_part_that_does_not_shrink_with_the_number():
    level = Property("level", 1, lambda rng: [], rtol=0.01, atol=1e-3)
    assert close(0.9e-3, 0.0, level) and not close(1.1e-3, 0.0, level)
    assert close(100.9, 100.0, level) and not close(101.1, 100.0, level)


@pytest.mark.parametrize(("like", "secret"), [(True, "be True,"), ("HOLDS", "HOLDS")])
def test_a_fault_of_form_gives_no_answer_away(like, secret):
    with pytest.raises(Stop) as stop:
        conform(1, like)
    assert secret not in stop.value.problem.text


def test_a_part_is_called_by_its_name():
    with pytest.raises(Stop) as stop:
        conform({"dx": np.ones(2)}, {"dx": np.ones(3)})
    assert "The part 'dx' of the result" in stop.value.problem.text
    verdict = judge(find("bn_backward"), in_process(lambda x, gamma, eps, grad: {"dx": None}), 0)
    assert "'dx'" in next(r for r in verdict.results if r.prop.part == "dx").rows[0].problem.text


def test_of_a_large_result_the_first_differing_entries_are_shown():
    item = find("bn_forward")

    def off_in_one_place(x, gamma, beta, eps):
        y = item.reference(x, gamma, beta, eps)
        y[-1, -1] += 1.0
        return y

    card = repr(judgement_card(judge(item, in_process(off_in_one_place), 0)))
    assert "expected" in card and "seed=0" in card
    large = Property("large", 1, lambda rng: [(np.ones((6, 7)),)])
    row = judged_as(lambda x: np.where(np.arange(7) == 4, 0, 2) * x, large).failure[1]
    lines = cards._compared("the result", row, large)
    assert "6 of 42 entries" in lines[0] and "[0, 4]" in lines[1] and len(lines) == 4


def test_rows_and_columns_are_suspected_where_they_are_exchanged_only():
    for shape, suspected in (((3, 2), True), ((4, 3), False)):
        with pytest.raises(Stop) as stop:
            conform(np.ones(shape), np.ones((2, 3)))
        assert ("exchanged" in stop.value.problem.text) is suspected


def test_partial_credit_and_an_error_in_a_part_only():
    body = """
        if len(set(widths)) > 1 and len(widths) > 2:
            raise ValueError("too hard")
        return right(x, widths, variances)
    """
    verdict = judged(body, right=right)
    assert verdict.points == 6 and verdict.problem.kind == "error"


@pytest.mark.parametrize("end", ["return None", "raise NotImplementedError", "pass"])
def test_what_is_begun_is_not_called_unattempted(end):
    body = f"""
        if len(set(widths)) == 1 or len(widths) == 2:
            return right(x, widths, variances)
        {end}
    """
    verdict = judged(body, right=right)
    assert (verdict.points, verdict.outcome) == (6, "incorrect")


def test_a_whole_function_without_return_was_begun():
    verdict = judged("h2 = np.mean(x**2)")
    assert (verdict.outcome, verdict.problem.kind) == (
        "incorrect",
        "form",
    ) and "return" in verdict.problem.text


def test_a_first_branch_that_is_missing_costs_its_own_points_only():
    body = """
        if len(widths) == 2:  # what the first property asks
            raise NotImplementedError
        return right(x, widths, variances)
    """
    verdict = judged(body, right=right)
    assert verdict.outcome == "incorrect" and verdict.results[1].points == EXERCISE.properties[1].points


# --- What a pattern, and a name, may say ------------------------------------------------------------


def small_exercise(properties, *wrong, reference=lambda x: 2.0 * x):
    names = list(inspect.signature(reference).parameters)
    return SimpleNamespace(reference=reference, properties=properties, wrong=wrong, parameters=names)


def judged_as(function, *properties, wrong=(), reference=lambda x: 2.0 * x):
    return judge(small_exercise(properties, *wrong, reference=reference), in_process(function, 1), 0)


ONE_SIZE = Property("one size", 1, lambda rng: [(np.ones(3),), (np.full(3, 2.0),), (np.full(3, 5.0),)])
SIZES = Property("sizes", 1, lambda rng: [(np.ones(n),) for n in (1, 2, 5)])


def test_what_is_very_near_is_a_matter_of_precision():
    assert "very near" in judged_as(lambda x: 2.005 * x, SIZES).pattern
    assert "very near" in judged_as(lambda x: (2 + 0.01 * x) * x, ONE_SIZE).pattern


def test_what_is_far_off_elsewhere_is_no_matter_of_precision():
    far = Property("far", 1, lambda rng: [(np.full(n, 9.0),) for n in (1, 2, 5)])
    assert "very near" not in judged_as(lambda x: 2 * x + (0.01 if x[0] < 9 else x), SIZES, far).pattern


def test_no_factor_is_made_up_from_one_size_of_input():
    assert judged_as(lambda x: 3.0 * x, ONE_SIZE).pattern == ""
    assert "1.5 times" in judged_as(lambda x: 3.0 * x, SIZES).pattern


def test_a_noisy_factor_is_called_about():
    noisy = Property("noisy", 1, SIZES.cases, lambda f, x: np.mean(f(x)), expected=lambda x: 2.0, rtol=0.05)
    wobble = lambda x: (3.0 + 0.05 * (len(x) % 2)) * x  # noqa: E731
    assert "about 1.5" in judged_as(wobble, noisy).pattern


def test_capital_letters_are_pointed_out():
    words = Property("words", 1, lambda rng: [(1.0,), (2.0,)])
    verdict = judged_as(lambda x: "holds", words, reference=lambda x: "HOLDS")
    assert "capital letters" in verdict.pattern


def test_a_word_that_the_task_does_not_give_is_pointed_out():
    words = Property("words", 1, lambda rng: [(1.0,), (2.0,)])
    verdict = judged_as(lambda x: "OK", words, reference=lambda x: "HOLDS")
    assert "“OK” is not among the words" in verdict.pattern


def test_a_comparison_the_wrong_way_round_is_pointed_out():
    above = Property("above", 1, lambda rng: [(1.0,), (2.0,), (5.0,)])
    verdict = judged_as(lambda x: x < 3, above, reference=lambda x: x > 3)
    assert "wrong way round" in verdict.pattern


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y: 1 / y, "one over what"),
        (lambda y: y**2, "the square of"),
        (np.sqrt, "the root of"),
        (np.log, "the logarithm of"),
        (lambda y: -y, "the negative of"),
        (lambda y: y[::-1], "in the wrong place: exchange its order"),
        (lambda y: y.astype(np.float16) * np.float16(1.1), "16 bits"),
        (lambda y: y.round(2), "rounded to 2 decimals"),
    ],
)
def test_what_the_numbers_have_in_common_is_said(change, words):
    arrays = Property("arrays", 1, lambda rng: [(rng.uniform(1.5, 4, n),) for n in (2, 3, 5)])
    assert words in judged_as(lambda x: change(2.0 * x), arrays).pattern


def test_zeros_are_rounded_numbers_only_where_small_ones_are_right():
    large = Property("large", 1, lambda rng: [(np.ones(n),) for n in (2, 3)])
    for size, words in ((2e-7, "is 0 where a small one is right"), (0.02, "")):
        small = Property("small", 1, lambda rng, size=size: [(np.full(n, size),) for n in (2, 3)], atol=0)
        verdict = judged_as(lambda x: 2 * x * (x > 0.5), large, small)
        assert words in verdict.pattern and ("is 0" in verdict.pattern) == bool(words)


def test_what_one_property_has_in_common_is_said_of_it():
    part = {key: Property(key, 1, lambda rng: [(1.5,), (3.0,)], part=key) for key in ("a", "b")}
    verdict = judged_as(
        lambda x: {"a": 1 / x, "b": 7.0 + x**3}, *part.values(), reference=lambda x: {"a": x, "b": x}
    )
    assert verdict.pattern.startswith("In “a”: Every number is one over")


def test_a_mistake_may_be_made_in_several_ways():
    apart = Property("apart", 1, lambda rng: [(1.0,), (2.0,)])
    more = Wrong("more", "it is more.", lambda x: 3 * x, (lambda x: 4 * x, lambda x: 5 * x))
    assert judged_as(lambda x: 5.0 * x, apart, wrong=[more]).wrong is more


def test_a_word_alone_does_not_name_a_mistake_that_differs_elsewhere():
    parts = {key: Property(key, 1, lambda rng: [(1.0,), (9.0,)], part=key) for key in ("size", "word")}
    other = Wrong("other-size", "takes another size.", lambda x: {"size": -x, "word": "low"})
    verdict = judged_as(
        lambda x: {"size": x, "word": "low"},
        *parts.values(),
        wrong=[other],
        reference=lambda x: {"size": x, "word": "low" if x < 3 else "high"},
    )
    assert verdict.wrong is None


def test_a_mistake_that_passes_a_property_does_not_explain_it():
    apart = Property("apart", 1, lambda rng: [(1.0,), (2.0,)], rtol=0.1)
    passes = Wrong("a-bit-more", "is a bit more.", lambda x: 2.15 * x)
    assert judged_as(lambda x: 2.3 * x, apart, wrong=[passes]).wrong is None
    fails = Wrong("more", "is more.", lambda x: 2.35 * x)
    assert judged_as(lambda x: 2.3 * x, apart, wrong=[passes, fails]).wrong is fails


def test_of_two_mistakes_the_one_that_explains_a_property_is_named_with_it():
    part = {key: Property(key, 1, lambda rng: [(1.0,), (3.0,)], part=key) for key in ("a", "b")}
    square = Wrong("square", "squares.", lambda x: {"a": x**2, "b": x})
    verdict = judged_as(
        lambda x: {"a": x**2, "b": -7.0},
        *part.values(),
        wrong=[square],
        reference=lambda x: {"a": 5 * x, "b": x},
    )
    assert (verdict.wrong, verdict.where.name) == (square, "a")


def test_of_several_that_explain_a_property_none_is_named_that_fails_where_the_answer_is_right():
    part = {key: Property(key, 1, lambda rng: [(1.0,), (3.0,)], part=key) for key in ("a", "b", "c")}
    alone = Wrong("alone", "squares a.", lambda x: {"a": x**2, "b": x, "c": x})
    other = Wrong("other", "squares a and b.", lambda x: {"a": x**2, "b": x**2 + 1, "c": x})

    def verdict(b, *wrong):
        answer = lambda x: {"a": x**2, "b": b(x), "c": -7.0}  # noqa: E731
        right = lambda x: {"a": 5 * x, "b": x, "c": x}  # noqa: E731
        return judged_as(answer, *part.values(), wrong=wrong, reference=right)

    assert verdict(lambda x: x, alone, other).wrong == alone
    assert verdict(lambda x: 9 - x, alone, other).wrong is None  # it may be either


def test_only_beside_a_limit():
    limit = Property("limit", 1, lambda rng: [(0.0,), (9.0,)], edges=lambda rng: [(0.9,), (1.1,)])
    verdict = judged_as(lambda x: bool(x > 2), limit, reference=lambda x: bool(x > 1))
    assert verdict.points == 0 and "near a limit" in verdict.pattern
    assert judged_as(lambda x: bool(x > 1), limit, reference=lambda x: bool(x > 1)).outcome == "correct"


def test_what_is_said_too_easily_is_pointed_out():
    """A limit of 2 for 5: there are cases between them, far from the task's own."""
    limit = Property("large?", 1, lambda rng: [(x,) for x in (0.0, 3.0, 4.0, 9.0)])
    said = judged_as(lambda x: bool(x > 2), limit, reference=lambda x: bool(x > 5)).pattern
    assert "“large?”: it says True too easily" in said
    words = {True: "LARGE", False: "SMALL"}
    said = judged_as(lambda x: words[x > 5], limit, reference=lambda x: words[x > 2]).pattern
    assert "it says “SMALL” too easily" in said
    for other in (lambda x: True, lambda x: bool(x < 5), lambda x: bool(2 < x < 5)):
        assert "too easily" not in judged_as(other, limit, reference=lambda x: bool(x > 5)).pattern


def test_a_statement_that_does_not_hold_is_quoted():
    def measure(f, x):
        return {"it grows": bool(f(x) > x), "it is even": bool(f(x) % 2 == 0)}

    grows = Property("grows", 1, lambda rng: [(1.0,), (3.0,)], measure)
    assert judged_as(lambda x: x + 2, grows).pattern == "This should hold, and does not: it is even."


def test_two_arguments_that_are_exchanged_are_named():
    def right(a, b, c):
        return a - 2 * b + np.sum(c)

    cases = Property("sum", 1, lambda rng: [(1.0, 3.0, np.array([x, 1.0])) for x in (5.0, 7.0)])
    problem = judged_as(lambda b, a, c: right(a, b, c), cases, reference=right).problem
    assert problem.kind == "order" and "`a` and `b` exchanged" in problem.text
    # Where an error hides it, too.
    problem = judged_as(lambda c, b, a: right(a, b, c[:2]), cases, reference=right).problem
    assert problem.kind == "order" and "`a` and `c` exchanged" in problem.text
    assert judged_as(lambda a, b, c: a + b - c.sum(), cases, reference=right).problem is None


def test_a_process_that_ends_when_arguments_are_exchanged_is_no_fault_of_the_check():
    """Another process that ends, or answers too much, gives no arguments back."""
    ended = Outcome(problem=Problem("memory", "Too large."))
    cases = Property("difference", 1, lambda rng: [(1.0, 2.0), (3.0, 5.0)])
    added = in_process(lambda a, b: a + b)

    def call(args):
        return added(args) if args in ((1.0, 2.0), (3.0, 5.0)) else ended

    exercise = small_exercise([cases], reference=lambda a, b: a - b)
    assert judge(exercise, call, 0).outcome == "incorrect"


def test_a_slow_function_is_not_tried_with_all_exchanges(monkeypatch):
    monkeypatch.setattr(judging, "PATIENCE", 0)
    calls = []

    def slow(*args):
        calls.append(args)
        return 0.0

    cases = Property("sum", 1, lambda rng: [tuple(map(float, range(1, 9)))])
    judged_as(slow, cases, reference=lambda a, b, c, d, e, f, g, h: a - b)
    assert len(calls) <= 4  # twice as it is, and twice with one exchange of twenty-eight


def test_two_answers_to_one_question_are_not_believed():
    draws = cycle((0.0, 1e-5))  # two in a row never agree by chance

    def lucky(x):
        return 2.0 * x + next(draws)

    verdict = judged_as(lucky, SIZES, ONE_SIZE)
    assert (verdict.points, verdict.problem.kind) == (0, "random")


def test_a_generator_can_be_one_that_has_been_used():
    fresh, used = np.random.default_rng(3), live(Rng(3, drawn=5))
    fresh.random(5)
    assert fresh.random() == used.random()
    assert eval(repr(Rng(3, drawn=5)), {"np": np}).random() == live(Rng(3, drawn=5)).random()


# --- What comes before the numbers ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("return np.ones(3)", "shape", "should be one number, not an array of shape"),
        ("return {'a': 1}", "form", "dictionary"),
        ("return 'ten'", "form", "the text 'ten'"),
        ("return np.array(['a'])", "form", "an array of <U1"),
        ("return 1j", "form", "a complex"),
        ("return {1, 2}", "form", "a set"),
        ("return float('nan')", "nan", "nan"),
        ("return math.inf", "nan", "infinity"),
        ("return 10**5000", "nan", "infinity"),
        ("return [-(10**400)]", "nan", "infinity"),
        ("return np.array([10**400])", "form", "an array of object"),
        ("x += 1\nreturn np.mean(x**2)", "mutated", "changes"),
        ("variances.append(1)\nreturn 1.0", "mutated", "changes"),
        ("return 7", "constant", "the same for every input"),
        ("return undefined", "error", "NameError: name 'undefined'"),
        ("return x @ x", "error", "ValueError"),
        ("return 1 / 0", "error", "divided by zero"),
        ("return str(np.mean(x**2))", "form", "the text"),
        ("return np.trapz(x)", "error", "`np.trapezoid` is there instead"),
        ("sum = 3.0\nreturn sum(x)", "error", "`sum` or `max`"),
        ("return predict_h2(x, widths, variances)", "error", "calls itself without end"),
        ("raise SystemExit", "exit", "leave Python"),
        ("import sys\nsys.exit(3)", "exit", "SystemExit: 3"),
        ("while True:\n    pass", "time", "0.3 seconds"),
        ("while True:\n    try:\n        pass\n    except Exception:\n        pass", "time", "0.3 seconds"),
        ("while True:\n    try:\n        pass\n    except:\n        pass", "time", "0.3 seconds"),
        ("return np.ones(10**14)", "memory", "more memory"),
    ],
)
def test_a_problem_is_said_in_plain_words(body, kind, words, monkeypatch):
    monkeypatch.delattr(np, "trapz", raising=False)  # an older numpy still has it
    verdict = judged(body)
    assert verdict.problem.kind == kind
    assert words in verdict.problem.text
    assert verdict.outcome == "incorrect" and verdict.points == 0
    text = repr(judgement_card(verdict))
    assert verdict.problem.text in text and "Traceback" not in text and "helpers" not in text


def test_an_exception_points_to_the_learners_own_line(shown):
    source = (
        "def helper(x):\n    return x.shope\n\ndef predict_h2(x, widths, variances):\n    return helper(x)\n"
    )
    scope = {}
    exec(compile(source, "<a cell>", "exec"), scope)
    calls.linecache.cache["<a cell>"] = (len(source), None, source.splitlines(True), "<a cell>")
    check(scope["predict_h2"])
    assert "line 2:  return x.shope" in repr(shown[0])


def test_other_parameters_are_explained():
    verdict = judge(EXERCISE, in_process(lambda x: 1.0), 0)
    assert verdict.problem.kind == "signature"
    assert "(x)" in verdict.problem.text


def test_what_a_learner_wrote_is_escaped(shown):
    check(learner("print('<script>1</script>')\nraise ValueError('<script>2</script>')"))
    check(learner("return '<script>3</script>'"))
    check("<script>")
    for card in shown:
        html = card._repr_html_()
        assert "&lt;script&gt;" in html and "<script>" not in html


def test_cards_are_announced_and_use_the_pages_colours(shown):
    check(right)
    html = shown[0]._repr_html_()
    assert 'role="status"' in html
    assert not re.search(r"#[0-9a-f]{3,6}\b", html.partition("</style>")[2])


# --- What a function may do to the process ----------------------------------------------------------


def still_works():
    return check(right) == 10.0


def test_a_print_flood_is_cut(shown):
    check(learner("for _ in range(100_000):\n    print('flood')\nreturn 0.0"))
    text = repr(shown[0])
    assert "flood" in text and "characters more" in text and len(text) < 4000
    assert still_works()


def test_warnings_and_prints_of_right_code_are_swallowed(shown, capfd):
    body = """
        import sys, warnings
        print("hello"); print("to stderr", file=sys.stderr); warnings.warn("careful")
        np.log(np.zeros(1)); np.array([1e308]) * 10; np.float32(1e38) * np.float32(10)
        return right(x, widths, variances)
    """
    assert check(learner(body, right=right)) == 10.0
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits a process's memory")
def test_a_huge_allocation_in_small_steps_is_stopped(shown):
    assert check(learner("parts = []\nwhile True:\n    parts.append(np.empty(10**7))")) == 0.0
    assert "more memory" in repr(shown[0])
    assert np.ones(10**7).sum() == 1e7
    assert still_works()


def test_what_a_first_call_imports_costs_no_time(tmp_path, monkeypatch):
    """As `torch.optim` does: the function does not say what is imported."""
    (tmp_path / "late_library.py").write_text("import time\ntime.sleep(0.5)\n")
    monkeypatch.syspath_prepend(tmp_path)
    call = in_process(lambda: importlib.import_module("late_library").__name__, 0.3)
    assert call(()).value == "late_library"


BUSY = "import os\nos.sched_setaffinity(0, {{{}}})\nwhile True: pass"


@contextmanager
def beside(others, one):
    """On one of the processors, this many other programs that are busy."""
    programs = [subprocess.Popen([sys.executable, "-c", BUSY.format(one)]) for _ in range(others)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs a processor that programs share")
@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("on_main_thread", [True, False])
def test_a_busy_machine_takes_no_time_from_a_call(others, on_main_thread):
    """As a right but slow loop on a laptop whose other programs have the processor."""
    allowed, found = os.sched_getaffinity(0), []
    one = min(allowed)

    def works(seconds):
        begun = time.thread_time()
        while time.thread_time() < begun + seconds:
            pass
        return seconds

    def call():
        os.sched_setaffinity(0, {one})
        found.extend(in_process(works, 0.6)((seconds,)) for seconds in (0.4, 30.0))
        os.sched_setaffinity(0, allowed)

    with beside(others, one):
        try:
            if on_main_thread:
                call()
            else:
                thread = threading.Thread(target=call)
                thread.start()
                thread.join(60)
        finally:
            os.sched_setaffinity(0, allowed)
    assert found[0].value == 0.4
    assert found[1].problem.kind == "time"


ROOT = Path(__file__).parents[2]
BEHIND = """
import os, time
from helpers.checking.calls import in_process

def works(seconds):
    begun = time.thread_time()
    while time.thread_time() < begun + seconds:
        pass
    return seconds

os.nice(12)
os.sched_setaffinity(0, {{{}}})
print(in_process(works, 0.3)((0.05,)).value)
"""


@pytest.mark.skipif(
    not os.path.exists("/proc/thread-self/schedstat"), reason="needs Linux, which counts this"
)
def test_who_hardly_gets_the_processor_does_not_sleep():
    """As a right function behind a program that goes first: by the clock it looks as if it waited."""
    one = min(os.sched_getaffinity(0))
    with beside(1, one):
        done = subprocess.run(
            [sys.executable, "-c", BEHIND.format(one)], cwd=ROOT, capture_output=True, text=True, timeout=120
        )
    assert done.stdout == "0.05\n", done.stderr


@pytest.mark.parametrize("on_main_thread", [True, False])
def test_who_sleeps_is_stopped_by_the_clock(on_main_thread):
    def sleeps():
        for _ in range(1000):
            time.sleep(0.01)

    found, start = [], time.monotonic()
    thread = threading.Thread(target=lambda: found.append(in_process(sleeps, 0.3)(())))
    if on_main_thread:
        thread.run()
    else:
        thread.start()
        thread.join(20)
    assert found[0].problem.kind == "time" and time.monotonic() - start < 5


def test_an_endless_loop_costs_one_time_limit_not_one_per_input(shown):
    start = time.monotonic()
    judged("while True: pass")
    assert time.monotonic() - start < 0.3 * 3
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert still_works()


def test_without_signals_the_clock_is_looked_at_on_every_line():
    found = []
    thread = threading.Thread(target=lambda: found.append(judged("while True:\n    pass")))
    thread.start()
    thread.join(20)
    assert found[0].problem.kind == "time" and sys.gettrace() is None


def test_the_stop_button_stops_the_check():
    code = """
        import os, signal, threading
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background is deaf to it
        from helpers.checking import check
        def predict_h2(x, widths, variances):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            while True:
                pass
        try:
            check(predict_h2)
        except KeyboardInterrupt:
            print("stopped", signal.getitimer(signal.ITIMER_REAL))
    """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert out.stdout.strip() == "stopped (0.0, 0.0)", out.stderr


def test_a_replaced_numpy_does_not_fool_the_check_and_is_left_as_it_was(shown, monkeypatch):
    yes = lambda *args, **kwargs: True  # noqa: E731
    for name in ("allclose", "all", "abs", "isfinite", "array_equal", "asarray"):
        monkeypatch.setattr(np, name, yes)
    monkeypatch.setattr(np.random, "default_rng", yes)
    assert check(learner("return -1.0 - x[0, 0]")) == 0.0
    assert np.allclose is yes and np.asarray is yes and np.random.default_rng is yes
    monkeypatch.undo()
    judged("return 1.0")
    assert np.allclose is not yes and calls._replaced == {}, "an earlier check's patches come back"


def test_a_function_that_replaces_numpy_does_not_fool_the_check(shown):
    keep = np.abs, np.mean
    try:
        assert check(learner("np.abs = np.mean = lambda *a, **k: 0.0\nreturn 5.0 + x[0, 0]")) == 0.0
        assert np.mean([1, 2]) == 0.0, "what a learner replaced stays replaced for the learner"
    finally:
        np.abs, np.mean = keep
    assert still_works()


def test_objects_that_are_equal_to_everything_are_not_believed():
    class Yes(float):
        __eq__ = __le__ = __ge__ = lambda self, other: True
        __sub__ = __rsub__ = __abs__ = lambda self, *other: self
        __hash__ = None

    class Same(np.ndarray):
        __eq__ = __le__ = lambda self, other: np.ones(self.shape, bool)

    assert judged("return Yes(1.0)", Yes=Yes).points == 0
    assert judged("return np.ones(1).view(Same)", Same=Same).points == 0


def test_an_exception_that_cannot_be_printed_gets_a_card(shown):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    assert check(learner("raise Mute", Mute=Mute)) == 0.0
    assert "Mute" in repr(shown[0])


def test_a_mistake_of_the_check_is_not_blamed_on_the_learner(shown, monkeypatch):
    def broken(*args):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(checks, "judged", broken)
    assert check(right) == 0.0
    assert "not yours" in repr(shown[0])


# --- Finding the exercise ---------------------------------------------------------------------------


def test_the_name_will_do(shown, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "predict_h2", right, raising=False)
    assert check("predict_h2") == 10.0


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("predict_h", "Did you mean: predict_h2"),
        ("zebra", "xavier"),
        (3, "not int"),
        ("gain", "run its cell first"),
    ],
)
def test_what_is_no_exercise_gets_a_card(shown, what, words):
    assert check(what) == 0.0
    assert words in repr(shown[0])


# --- Hints and solutions ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lambda", "decorated", "partial", "object"])
def test_whatever_the_name_is_bound_to_is_checked(shown, monkeypatch, kind):
    def general(x, widths, variances, factor=1.0):
        return factor * right(x, widths, variances)

    def decorator(function):
        return lambda *args: function(*args)

    class Layer:
        def __call__(self, x, widths, variances):
            return right(x, widths, variances)

    made = {
        "lambda": lambda x, widths, variances: right(x, widths, variances),
        "decorated": decorator(right),
        "partial": functools.partial(general, factor=1.0),
        "object": Layer(),
    }[kind]
    monkeypatch.setattr(sys.modules["__main__"], "predict_h2", made, raising=False)
    assert check(made) == check("predict_h2") == 10.0


def test_hints_come_one_by_one_and_are_recorded(shown):
    for _ in range(3):
        hint("predict_h2")
    first, second, third = map(repr, shown)
    assert EXERCISE.hints[0] in first and EXERCISE.hints[1] not in first
    assert EXERCISE.hints[1] in second and EXERCISE.hints[1] in third
    assert [row.number for row in checks.PROGRESS.hints("predict_h2")] == [1, 2]
    assert hint("zebra") is None and "no hint" in repr(shown[-1])


def test_the_solution_opens_with_full_points(shown):
    solution(right)
    assert "0 of 10 points" in repr(shown[-1]) and "def " not in repr(shown[-1])
    check(right)
    solution(right)
    assert "def predict_h2(x, widths, variances):" in repr(shown[-1])
    solution("zebra")
    assert "no solution" in repr(shown[-1])


def test_everything_works_where_nothing_can_be_saved(shown, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("in the way")
    assert check(right) == 10.0
    assert "cannot be saved" in repr(shown[0])
    hint(right)
    solution(right)
    assert "def predict_h2" in repr(shown[-1])


# --- Plain data, and diagnosis ----------------------------------------------------------------------


def test_a_generator_and_an_activation_travel_as_tags():
    given = live((Rng(3), [Phi("leaky_relu", 0.2)], {"a": np.ones(2)}))
    assert given[0].standard_normal() == np.random.default_rng(3).standard_normal()
    assert given[1][0](np.array([-1.0, 2.0])).tolist() == [-0.2, 2.0]
    with pytest.raises(ValueError, match=r"name='sine'.*sin"):
        Phi("sine")


def test_a_library_may_be_imported_inside(tmp_path, monkeypatch):
    (tmp_path / "large_library.py").write_text(
        "import resource\nlimit = resource.getrlimit(resource.RLIMIT_AS)"
    )
    monkeypatch.syspath_prepend(tmp_path)
    free = __import__("resource").getrlimit(__import__("resource").RLIMIT_AS)
    seen = judged("import large_library\nreturn float(large_library.limit == free)", free=free)
    assert seen.results[0].rows[0].got == 1.0, "it is imported before the memory is limited"


def test_what_is_returned_is_turned_into_plain_data():
    assert plain(Decimal("0.25")) == 0.25
    value = plain({"a": (np.float32(1), [np.int64(2), np.bool_(True)]), 3: np.ones((2, 1), np.float16)})
    assert value["a"] == (1.0, [2, True]) and type(value["a"][1][1]) is bool and value["3"].shape == (2, 1)
    deep = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(TypeError, match="deep"):
        plain(deep)


def test_the_judge_needs_nothing_but_the_call():
    """As a grader uses it: the function lives elsewhere."""
    verdict = judge(EXERCISE, lambda args: calls.Outcome(plain(right(*live(args))), args), 0)
    assert verdict.outcome == "correct"


def test_a_mistake_is_named_only_when_one_is_left():
    def toy(a):
        return a

    twins = [Wrong(f"twin-{i}", "it adds one.", lambda a: a + 1) for i in range(2)]
    prop = Property("value", 1, lambda rng: [(rng.random(),)])
    texts = ("02_initialization", "section", (), "title", 1, 1, ("", ""))
    both, one = (Exercise(*texts, toy, [prop], known) for known in (twins, twins[:1]))
    call = in_process(lambda a: a + 1)
    assert judge(both, call, 0).wrong is None
    assert judge(one, call, 0).wrong is twins[0]


def test_nothing_is_left_behind_in_the_process():
    before = warnings.filters[:], np.geterr(), signal.getsignal(signal.SIGALRM), sys.stdout, os.getcwd()
    judged("raise SystemExit")
    judged("while True: pass")
    assert before == (
        warnings.filters[:], np.geterr(), signal.getsignal(signal.SIGALRM), sys.stdout, os.getcwd()
    )  # fmt: skip
