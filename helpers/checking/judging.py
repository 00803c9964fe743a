"""Judging an exercise: properties on fresh inputs; first the form, then the numbers, then the diagnosis."""

from dataclasses import dataclass, field, replace

import numpy as np

from helpers.checking.calls import Problem
from helpers.checking.values import live, plain, same


@dataclass(frozen=True)
class Row:
    """One case of a property: the arguments, what was measured, what was expected, and whether they agree."""

    args: tuple
    got: object
    expected: object
    problem: Problem | None
    agrees: bool


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
    """What a check found. `problem` comes before numbers; `wrong` is the named misconception."""

    exercise: object
    seed: int
    results: list = field(default_factory=list)
    problem: Problem | None = None
    wrong: object = None
    pattern: str = ""
    printed: str = ""

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
            failed = [r for r in failed if r.first_failure.problem is self.problem] or failed
        return (failed[0].prop, failed[0].first_failure) if failed else None


def judge(exercise, call, seed):
    """The Judgement on a function known by its `call` alone (see calls.py). seed: of the fresh inputs."""
    rng = np.random.default_rng(seed)
    probe = Probe(exercise, call)
    results = [_result(exercise, probe, prop, rng) for prop in exercise.properties]
    failed = [result for result in results if not result.passed]
    problem = next((row.problem for result in failed for row in result.rows if row.problem), None)
    wrong = None if problem else diagnose(exercise, results)
    if failed and not problem and not wrong and probe.answers_are_constant():
        text = "The function returns the same for every input. Does it use its arguments?"
        problem = Problem("constant", text)
    pattern = "" if problem or wrong else _pattern(failed)
    return Judgement(exercise, seed, results, problem, wrong, pattern, probe.printed)


class Probe:
    """The learner's function as a property sees it: a call, with everything wrong about its form raised."""

    def __init__(self, exercise, call):
        self.exercise, self.call = exercise, call
        self.part = self.fatal = None
        self.printed = ""
        self.answers = []  # what was returned, and what the reference returns

    def __call__(self, *args):
        if self.fatal:
            raise Stop(self.fatal)
        outcome = self.call(args)
        self.printed = self.printed or outcome.printed
        if problem := outcome.problem or self._blank(outcome.value):
            if problem.kind == "blank" and self.answers:  # begun: the other inputs may be right
                problem = replace(problem, kind="form")
            self.fatal = problem if problem.fatal else None
            raise Stop(problem)
        if not same(list(args), list(outcome.args)):
            text = (
                "The function changes an array that it was given. Make a new one: the caller needs its own."
            )
            raise Stop(Problem("mutated", text))
        like = plain(self.exercise.reference(*live(args)))
        self.answers.append((outcome.value, like))
        return conform(pick(outcome.value, self.part), pick(like, self.part))

    @staticmethod
    def _blank(value):
        if value is None or value is ...:
            text = "The function returns nothing. If you have written something: is the `return` missing?"
            return Problem("blank", text)

    def answers_are_constant(self):
        """Whether a function that should return different things returned one and the same."""
        answers, likes = zip(*self.answers, strict=True)
        return _all_same(answers) and not _all_same(likes)


class Stop(Exception):
    """Carries a Problem out of a measurement."""

    def __init__(self, problem):
        self.problem = problem


def _result(exercise, probe, prop, rng):
    return Result(prop, [_row(exercise, probe, prop, tuple(args)) for args in prop.cases(rng)])


def _row(exercise, probe, prop, args):
    """Measure one case on the learner's function and on the reference."""
    expected = prop.expected(*args) if prop.expected else measured(prop, exercise.reference, args)
    probe.part = prop.part
    try:
        got = prop.measure(probe, *args)
    except Stop as stop:
        return Row(args, None, expected, stop.problem, False)
    return Row(args, got, expected, None, close(got, expected, prop))


def measured(prop, function, args):
    """What a property measures on a function of ours."""
    return prop.measure(lambda *given: pick(plain(function(*live(given))), prop.part), *args)


def pick(value, part):
    """The part of a result that a property looks at; a Stop if there is none."""
    if part is None:
        return value
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        what = f"the key {part!r}" if isinstance(part, str) else f"a part number {part}"
        text = f"The result should have {what}, but the function returns {described(value)}."
        raise Stop(Problem("form", text)) from None


def conform(value, like, where="The result"):
    """`value` in the form of `like`, the reference's result; a Stop in plain words where it does not fit."""
    if isinstance(like, dict):
        if not isinstance(value, dict) or not like.keys() <= value.keys():
            raise _misfit(where, value, like)
        return {key: conform(value[key], like[key], f"The part {key!r} of the result") for key in like}
    if isinstance(like, list | tuple):
        if not isinstance(value, list | tuple | np.ndarray) or len(value) != len(like):
            raise _misfit(where, value, like)
        pairs = enumerate(zip(value, like, strict=True))
        return [conform(item, ref, f"Item {i} of the result") for i, (item, ref) in pairs]
    if isinstance(like, str | bool):
        if type(value) is not type(like):
            raise _misfit(where, value, like)
        return value
    return _numbers(value, np.asarray(like, float), where)


def _numbers(value, like, where):
    """An array (or a number) as float64, once it has the right shape and is finite where it should be."""
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        raise _misfit(where, value, like) from None
    if like.ndim == 0 and array.size == 1:
        array = array.reshape(())
    if array.shape != like.shape and like.ndim == 0:
        raise Stop(Problem("shape", f"{where} should be one number, not {described(value)}."))
    if array.shape != like.shape:
        hint = " Are rows and columns exchanged?" if array.shape == like.shape[::-1] else ""
        text = f"{where} has the shape {array.shape}; expected is {like.shape}.{hint}"
        raise Stop(Problem("shape", text))
    if np.any(np.isfinite(like) & ~np.isfinite(array)):
        odd = "nan (not a number)" if np.any(np.isnan(array)) else "infinity"
        raise Stop(Problem("nan", f"{where} contains {odd} where a finite number is expected."))
    return array if array.ndim else float(array)


def _misfit(where, value, like):
    text = f"{where} should be {described(like)}, but the function returns {described(value)}."
    return Stop(Problem("form", text))


def described(value):
    """What a result is, in a few words."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    if isinstance(value, dict):
        return f"a dictionary with the keys {', '.join(map(repr, list(value)[:8]))}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return str(value) if isinstance(value, bool) else "a number"


def close(got, expected, prop):
    """Whether two measured values agree within the property's tolerance."""
    if isinstance(expected, dict):
        return all(close(got[key], expected[key], prop) for key in expected)
    if isinstance(expected, list | tuple):
        return len(got) == len(expected) and all(
            close(g, e, prop) for g, e in zip(got, expected, strict=True)
        )
    if isinstance(expected, str | bool):
        return bool(got == expected)
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    if got.shape != expected.shape:
        return False
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        gap = np.abs(got - expected)
    near = np.isfinite(expected) & (gap <= prop.atol + prop.rtol * np.abs(expected))
    return bool(np.all(near | (got == expected)))


# --- Diagnosis by behaviour -------------------------------------------------------------------------


def diagnose(exercise, results):
    """The one known wrong answer that does what the learner's function does, or None.

    Those that match it on every case of the failed properties; if these are several, those that match it on
    all cases. Named only when one is left. (It is never the reference: that differs on the failed cases.)
    """
    failed = [result for result in results if not result.passed]
    if not failed:
        return None
    matching = [wrong for wrong in exercise.wrong if _matches(wrong, failed)]
    if len(matching) > 1:
        matching = [wrong for wrong in matching if _matches(wrong, results)]
    return matching[0] if len(matching) == 1 else None


def _matches(wrong, results):
    return all(_behaves_as(wrong, result.prop, row) for result in results for row in result.rows)


def _behaves_as(wrong, prop, row):
    return close(row.got, measured(prop, wrong.function, row.args), prop)


def _all_same(values):
    return all(same(values[0], other) for other in values[1:])


def _pattern(failed):
    """What all failed numbers have in common, where no known mistake fits: a factor or a sign."""
    ratios = []
    for result in failed:
        for row in result.rows:
            if isinstance(row.expected, str | bool | list | dict) or row.agrees:
                continue
            got, expected = np.ravel(row.got), np.ravel(row.expected)
            if got.shape == expected.shape and np.all(expected != 0):
                ratios.extend(got / expected)
    if len(ratios) < 2 or not np.allclose(ratios, ratios[0], rtol=0.01) or abs(ratios[0]) < 1e-6:
        return ""
    if abs(ratios[0] + 1) < 0.01:
        return "Every number is right but for its sign."
    return f"Every wrong number is {ratios[0]:.3g} times what is expected: a constant factor."
