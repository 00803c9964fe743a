"""Judging an exercise: properties on fresh inputs; first the form, then the numbers, then the diagnosis."""

import pickle
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import combinations
from time import monotonic

import numpy as np

from helpers.checking.calls import Printed, Problem, in_process, quiet
from helpers.checking.comparing import (
    NEAR,
    Stop,
    alike,
    are_measures,
    close,
    conform,
    finite,
    leaves,
    pick,
)
from helpers.checking.patterns import in_common
from helpers.checking.values import Rng, live, plain, same


@dataclass(frozen=True)
class Row:
    """One case of a property: the arguments, what was measured, what was expected, and whether they agree."""

    args: tuple
    got: object
    expected: object
    problem: Problem | None
    agrees: bool
    edge: bool = False  # beside a limit that the task states


@dataclass(frozen=True)
class Result:
    """What became of one property."""

    prop: object  # the exercise's Property
    rows: list

    @property
    def passed(self):
        return all(row.agrees for row in self.rows)

    @property
    def points(self):
        return self.prop.points if self.passed else 0

    @property
    def first_failure(self):
        """The smallest input on which it fails: cases are drawn smallest first."""
        return next(row for row in self.rows if not row.agrees)


@dataclass(frozen=True)
class Judgement:
    """What a check found. `problem` comes before numbers; `wrong` is the named misconception.

    where: a Property that `wrong` explains, if it does not explain all that was seen. more: whether others
    fail for another reason.
    """

    exercise: object
    seed: int
    results: list = field(default_factory=list)
    problem: Problem | None = None
    wrong: object = None
    where: object = None
    pattern: str = ""
    printed: str = ""
    more: bool = False

    @property
    def points(self):
        return float(sum(result.points for result in self.results))

    @property
    def outcome(self):
        if self.problem and self.problem.kind == "blank":
            return "not attempted"
        return "correct" if all(result.passed for result in self.results) else "incorrect"

    @property
    def inputs(self):
        """On how many fresh inputs the function was tried."""
        return sum(len(result.rows) for result in self.results)

    @property
    def failure(self):
        """The (Property, Row) to show, or None."""
        failed = [result for result in self.results if not result.passed]
        if self.problem:  # show where it happened
            said = self.problem.text
            here = [r for r in failed if (there := r.first_failure.problem) and there.text == said]
            failed = here or failed
        return (failed[0].prop, failed[0].first_failure) if failed else None


def judge(exercise, call, seed, ours=None):
    """The Judgement on a function known by its `call` alone (see calls.py). seed: of the fresh inputs.

    ours: an Ours, for whoever judges many functions on the same inputs.
    """
    rng, ours = np.random.default_rng(seed), ours or Ours()
    probe = Probe(exercise, call, ours)
    results = [try_property(probe, prop, rng) for prop in exercise.properties]
    failed = [result for result in results if not result.passed]
    problem = next((row.problem for result in failed for row in result.rows if row.problem), None)
    if problem and problem.kind == "blank" and probe.begun:  # it is blank on some inputs only
        problem = replace(problem, kind="form")
    # A nan says little, where numbers say which mistake it comes from.
    wrong = None if problem and problem.kind != "nan" else diagnose(exercise, results, ours)
    everywhere = wrong and any(_matches(way, results, ours) for way in (wrong.function, *wrong.also))
    where = failed[0].prop if wrong and not everywhere else None
    problem = None if wrong else problem
    if failed and not problem and not wrong and probe.answers_are_constant():
        text = "The function returns the same for every input. Does it use its arguments?"
        problem = Problem("constant", text)
    if failed and not wrong and (not problem or problem.kind in ("error", "form", "shape", "nan")):
        problem = probe.parts_exchanged() or exchanged(probe, results, problem) or problem
    more = failed and not problem and not wrong
    if more:
        wrong, where = explain_one(exercise, results, ours)
    pattern = "" if problem or wrong or not failed else probe.of_another_kind() or in_common(results)
    more = bool(more and wrong)
    return Judgement(exercise, seed, results, problem, wrong, where, pattern, probe.printed, more)


def judged(exercise, function, seed):
    """The Judgement on a function of this process."""
    with quiet(Printed()):  # numpy has something to say about wrong answers, too
        return judge(exercise, in_process(function), seed)


class Ours:
    """Functions of ours, the reference and the known mistakes: each is computed once on an input."""

    def __init__(self):
        self.known = {}

    def answer(self, function, args):
        key = function, pickle.dumps(args)
        if key not in self.known:
            self.known[key] = computed(function, args)
        return self.known[key]

    def measured(self, prop, function, args):
        return measured(prop, function, args, self.answer)


def computed(function, args):
    """What a function of ours returns, as plain data."""
    return plain(function(*live(args)))


def measured(prop, function, args, answer=computed):
    """What a property measures on a function of ours."""
    return prop.measure(lambda *given: pick(answer(function, given), prop.part), *args)


class Probe:
    """The learner's function as a property sees it: a call, with everything wrong about its form raised."""

    def __init__(self, exercise, call, ours):
        self.exercise, self.call, self.ours = exercise, call, ours
        self.part = self.fatal = None
        self.begun = False  # whether anything but nothing was returned
        self.prop = None
        self.asked_twice = {}  # the properties of which it is known whether their answers are always the same
        self.printed = ""
        self.answers = []  # what was returned, and what the reference returns

    def __call__(self, *args):
        if self.fatal:
            raise Stop(self.fatal)
        value = self._answer(args)
        if self.prop not in self.asked_twice and not any(isinstance(arg, Rng) for arg in args):
            self.asked_twice[self.prop] = alike(value, self._answer(args))
        if not self.asked_twice.get(self.prop, True):
            raise Stop(Problem("random", RANDOM))
        return value

    def _answer(self, args):
        """The part asked for of what the function returns, in the form of the reference's."""
        outcome = self.call(args)
        self.printed = self.printed or outcome.printed
        problem = outcome.problem or self._blank(outcome.value)
        self.begun = self.begun or not problem or problem.kind != "blank"
        if problem:
            if problem.kind == "time" and self.answers:
                problem = replace(problem, text=f"{problem.text} {SLOW}")
            self.fatal = problem if problem.fatal else None
            raise Stop(problem)
        if not same(list(args), list(outcome.args)):
            text = (
                "The function changes an array that it was given. Make a new one: the caller needs its own."
            )
            raise Stop(Problem("mutated", text))
        like = self.ours.answer(self.exercise.reference, args)
        self.answers.append((outcome.value, like))
        where = "The result" if self.part is None else f"The part {self.part!r} of the result"
        return conform(pick(outcome.value, self.part), pick(like, self.part), where)

    @staticmethod
    def _blank(value):
        if value is None or value is ...:
            text = "The function returns nothing. If you have written something: is the `return` missing?"
            return Problem("blank", text)

    def of_another_kind(self):
        """What is said of arrays that hold too few digits; nothing if none does."""
        kinds = {leaf.dtype for value, _ in self.answers for leaf in leaves(value) if np.ndim(leaf)}
        return HALF if np.dtype(np.float16) in kinds else WHOLE if {k.kind for k in kinds} & {*"iu"} else ""

    def parts_exchanged(self):
        """The Problem of a result of which two parts have changed places, or None."""
        like = self.answers[0][1] if self.answers else None
        for one, other in combinations(like, 2) if isinstance(like, dict) else ():
            with suppress(Exception):  # no such part, or nothing that can be compared
                pairs = [
                    (value[a], like[b])
                    for value, like in self.answers
                    for a, b in ((one, other), (other, one))
                ]
                if all(close(got, expected, NEAR) for got, expected in pairs):
                    return Problem("order", f"The parts {one!r} and {other!r} of the result are exchanged.")
        return None

    def answers_are_constant(self):
        """Whether a function that should return different things returned one and the same."""
        answers, likes = zip(*self.answers, strict=True)
        return _all_same(answers) and not _all_same(likes)


RANDOM = (
    "Called twice with the same input, the function gives two answers. "
    "Does it draw random numbers, or remember an earlier call?"
)
HALF = "The result is in 16 bits, which hold three digits. Compute in float64, numpy's own, or in float32."
WHOLE = (
    "The result is an array of whole numbers: what was put into it has lost its digits. "
    "`np.zeros(shape)` makes one of floats."
)
SLOW = "It answered smaller inputs, so it may be slow, not endless: how does its work grow with their size?"


def try_property(probe, prop, rng):
    """The Result of one property, on inputs drawn from `rng`."""
    rows = [_row(probe, prop, tuple(args)) for args in prop.cases(rng)]
    edges = prop.edges(rng) if prop.edges else []
    return Result(prop, rows + [replace(_row(probe, prop, tuple(args)), edge=True) for args in edges])


def _row(probe, prop, args):
    """Measure one case on the learner's function and on the reference."""
    reference = probe.exercise.reference
    expected = prop.expected(*args) if prop.expected else probe.ours.measured(prop, reference, args)
    probe.part, probe.prop = prop.part, prop.name
    try:
        got = prop.measure(probe, *args)
    except Stop as stop:
        return Row(args, None, expected, stop.problem, False)
    return Row(args, got, expected, None, close(got, expected, prop))


# --- Diagnosis by behaviour -------------------------------------------------------------------------


def diagnose(exercise, results, ours):
    """The one known wrong answer that does what the learner's function does, or None.

    Those that match it on every case of the failed properties; if these are several, or these properties are
    such that much agrees by chance, those that match it on all cases. Named only when one is left. (It is
    never the reference: that differs on the failed cases.)
    """
    failed = [result for result in results if not result.passed]
    if all(row.agrees or row.problem for result in failed for row in result.rows):
        return None
    matching = _matching(exercise, failed, ours)
    if len(_mistakes(matching)) > 1 or not all(map(_speaks, failed)):
        matching = [pair for pair in matching if _matches(pair[1], results, ours)]
    return _only(matching)


def explain_one(exercise, results, ours):
    """(wrong, Property): a known mistake that explains one of several failed properties, or (None, None).

    If several do, those drop out that fail a property which the answer passes. No statistic of random draws:
    one alone agrees by chance.
    """
    passed, failed = ([result for result in results if result.passed is good] for good in (True, False))
    for result in failed if len(failed) > 1 else ():
        if len(result.rows) < 2 or not _speaks(result):
            continue
        matching = _matching(exercise, [result], ours)
        if len(_mistakes(matching)) > 1:
            matching = [pair for pair in matching if _matches(pair[1], passed, ours)]
        if wrong := _only(matching):
            return wrong, result.prop
    return None, None


def exchanged(probe, results, problem=None):
    """The Problem of a function that is right as soon as two of its arguments are exchanged, or None."""
    if problem and problem.kind == "shape":  # says more
        return None
    names = probe.exercise.parameters
    cases = [(result.prop, row) for result in results for row in result.rows]
    cases.sort(key=lambda case: case[1].agrees)  # where it fails says most
    end = monotonic() + PATIENCE
    for i, j in combinations(range(len(names)), 2):

        def turned(args, i=i, j=j):
            outcome = probe.call(_exchange(args, i, j))
            if outcome.problem:  # a call that did not come back has no arguments
                return outcome
            return replace(outcome, args=_exchange(outcome.args, i, j))

        other = Probe(probe.exercise, turned, probe.ours)
        if all(_row(other, prop, row.args).agrees for prop, row in cases):
            text = (
                f"With `{names[i]}` and `{names[j]}` exchanged your function is right. Are its parameters in "
                "the order of the task, or have the two changed places inside?"
            )
            return Problem("order", text)
        if monotonic() > end:
            return None
    return None


PATIENCE = 1.0  # seconds, after which no other exchange is tried


def _exchange(args, i, j):
    args = list(args)
    args[i], args[j] = args[j], args[i]
    return tuple(args)


def _matching(exercise, failed, ours):
    """(wrong, function) for each known way to make a mistake that explains all of these failures."""
    ways = [(wrong, way) for wrong in exercise.wrong for way in (wrong.function, *wrong.also)]
    return [(wrong, way) for wrong, way in ways if all(_explains(way, result, ours) for result in failed)]


def _mistakes(matching):
    return {wrong.tag: wrong for wrong, _ in matching}


def _only(matching):
    found = list(_mistakes(matching).values())
    return found[0] if len(found) == 1 else None


def _speaks(result):
    """Whether it is measures that fail: bools, words, counts and what is drawn agree by chance too easily."""
    return not result.prop.expected and all(are_measures(row.expected) for row in result.rows)


def _explains(function, result, ours):
    """Whether a mistake does what the learner's function does in a property, and fails where that fails."""
    for row in result.rows:
        theirs = ours.measured(result.prop, function, row.args)
        if row.problem:
            if row.problem.kind != "nan" or finite(theirs):
                return False
        elif not close(row.got, theirs, result.prop) or (
            not row.agrees and close(theirs, row.expected, result.prop)
        ):
            return False
    return True


def _matches(function, results, ours):
    return all(
        row.problem or close(row.got, ours.measured(result.prop, function, row.args), result.prop)
        for result in results
        for row in result.rows
    )


def _all_same(values):
    return all(same(values[0], other) for other in values[1:])
