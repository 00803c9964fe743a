"""Judging an exercise: properties on fresh inputs; first the form, then the numbers, then the diagnosis."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import combinations
from time import monotonic

import numpy as np

from helpers.checking.calls import Printed, Problem, in_process, quiet
from helpers.checking.exercise import Property
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


def judge(exercise, call, seed):
    """The Judgement on a function known by its `call` alone (see calls.py). seed: of the fresh inputs."""
    rng = np.random.default_rng(seed)
    probe = Probe(exercise, call)
    results = [_result(exercise, probe, prop, rng) for prop in exercise.properties]
    failed = [result for result in results if not result.passed]
    problem = next((row.problem for result in failed for row in result.rows if row.problem), None)
    if problem and problem.kind == "blank" and probe.begun:  # it is blank on some inputs only
        problem = replace(problem, kind="form")
    # A nan says little, where numbers say which mistake it comes from.
    wrong = None if problem and problem.kind != "nan" else diagnose(exercise, results)
    everywhere = wrong and any(_matches(way, results) for way in (wrong.function, *wrong.also))
    where = failed[0].prop if wrong and not everywhere else None
    problem = None if wrong else problem
    if failed and not problem and not wrong and probe.answers_are_constant():
        text = "The function returns the same for every input. Does it use its arguments?"
        problem = Problem("constant", text)
    if failed and not wrong and (not problem or problem.kind in ("error", "form", "shape", "nan")):
        problem = probe.parts_exchanged() or exchanged(exercise, call, results, problem) or problem
    more = failed and not problem and not wrong
    if more:
        wrong, where = explain_one(exercise, failed)
    pattern = "" if problem or wrong or not failed else probe.of_another_kind() or _pattern(results)
    more = bool(more and wrong)
    return Judgement(exercise, seed, results, problem, wrong, where, pattern, probe.printed, more)


def judged(exercise, function, seed):
    """The Judgement on a function of this process."""
    with quiet(Printed()):  # numpy has something to say about wrong answers, too
        return judge(exercise, in_process(function), seed)


class Probe:
    """The learner's function as a property sees it: a call, with everything wrong about its form raised."""

    def __init__(self, exercise, call):
        self.exercise, self.call = exercise, call
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
        like = plain(self.exercise.reference(*live(args)))
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
                if all(close(got, expected, _NEAR) for got, expected in pairs):
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


class Stop(Exception):
    """Carries a Problem out of a measurement."""

    def __init__(self, problem):
        self.problem = problem


def _result(exercise, probe, prop, rng):
    rows = [_row(exercise, probe, prop, tuple(args)) for args in prop.cases(rng)]
    edges = prop.edges(rng) if prop.edges else []
    return Result(
        prop, rows + [replace(_row(exercise, probe, prop, tuple(args)), edge=True) for args in edges]
    )


def _row(exercise, probe, prop, args):
    """Measure one case on the learner's function and on the reference."""
    expected = prop.expected(*args) if prop.expected else measured(prop, exercise.reference, args)
    probe.part, probe.prop = prop.part, prop.name
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
    if value is None:
        raise Stop(Problem("form", f"{where} is None: it is not there yet."))
    if isinstance(like, dict):
        if not isinstance(value, dict) or not like.keys() <= value.keys():
            raise _misfit(where, value, like)
        inside = where[0].lower() + where[1:]
        return {key: conform(value[key], like[key], f"The part {key!r} of {inside}") for key in like}
    if isinstance(like, list | tuple):
        if not isinstance(value, list | tuple | np.ndarray) or len(value) != len(like):
            raise _misfit(where, value, like)
        pairs = enumerate(zip(value, like, strict=True))
        inside = where[0].lower() + where[1:]
        return [conform(item, ref, f"Item {i} of {inside}") for i, (item, ref) in pairs]
    if isinstance(like, str | bool):
        if type(value) is not type(like):
            raise _misfit(where, value, like)
        return value
    return _numbers(value, np.asarray(like, float), where)


def _numbers(value, like, where):
    """An array (or a number) as float64, once it has the right shape and is finite where it should be."""
    try:
        if np.asarray(value).dtype.kind == "U":  # numpy would read a number in it
            raise TypeError
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
    """Says of an expected bool or text no more than that it is one."""
    wanted = (
        "True or False" if isinstance(like, bool) else "a text" if isinstance(like, str) else described(like)
    )
    return Stop(Problem("form", f"{where} should be {wanted}, but the function returns {described(value)}."))


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
    return next(differences(got, expected, prop), None) is None


def differences(got, expected, prop, place=""):
    """(place, got, expected) of all entries that do not agree; the place is written as an index."""
    if isinstance(expected, dict):
        for key in expected:
            yield from differences(got[key], expected[key], prop, f"{place}[{key!r}]")
    elif isinstance(expected, list | tuple):
        if len(got) != len(expected):
            yield place, got, expected
            return
        for i, (one, other) in enumerate(zip(got, expected, strict=True)):
            yield from differences(one, other, prop, f"{place}[{i}]")
    elif isinstance(expected, str | bool):
        if got != expected:
            yield place, got, expected
    else:
        got, expected = np.asarray(got, float), np.asarray(expected, float)
        if got.shape != expected.shape:
            yield place, got, expected
            return
        with np.errstate(invalid="ignore"):  # ∞ − ∞
            gap = np.abs(got - expected)
        near = np.isfinite(expected) & (gap <= prop.atol + prop.rtol * np.abs(expected))
        for index in zip(*np.nonzero(np.atleast_1d(~(near | (got == expected)))), strict=True):
            if not expected.ndim:
                yield place, float(got), float(expected)
            else:
                yield f"{place}[{', '.join(map(str, index))}]", float(got[index]), float(expected[index])


def alike(one, other):
    """Whether two answers to one question are the same, but for rounding."""
    return close(one, other, _ROUNDING)


_ROUNDING = Property("", 0, list, rtol=1e-7, atol=1e-12)
_NEAR = Property("", 0, list)


# --- Diagnosis by behaviour -------------------------------------------------------------------------


def diagnose(exercise, results):
    """The one known wrong answer that does what the learner's function does, or None.

    Those that match it on every case of the failed properties; if these are several, or these properties are
    such that much agrees by chance, those that match it on all cases. Named only when one is left. (It is
    never the reference: that differs on the failed cases.)
    """
    failed = [result for result in results if not result.passed]
    if all(row.agrees or row.problem for result in failed for row in result.rows):
        return None
    matching = _matching(exercise, failed)
    if len(_mistakes(matching)) > 1 or not all(map(_speaks, failed)):
        matching = [pair for pair in matching if _matches(pair[1], results)]
    return _only(matching)


def explain_one(exercise, failed):
    """(wrong, Property): a known mistake that explains one of several failed properties, or (None, None).

    No statistic of random draws: one alone agrees by chance.
    """
    for result in failed if len(failed) > 1 else ():
        if result.prop.expected or len(result.rows) < 2 or not _speaks(result):
            continue
        if wrong := _only(_matching(exercise, [result])):
            return wrong, result.prop
    return None, None


def exchanged(exercise, call, results, problem=None):
    """The Problem of a function that is right as soon as two of its arguments are exchanged, or None."""
    if problem and problem.kind == "shape":  # says more
        return None
    names = exercise.parameters
    cases = [(result.prop, row) for result in results for row in result.rows]
    cases.sort(key=lambda case: case[1].agrees)  # where it fails says most
    end = monotonic() + PATIENCE
    for i, j in combinations(range(len(names)), 2):

        def turned(args, i=i, j=j):
            outcome = call(_exchange(args, i, j))
            return replace(outcome, args=_exchange(outcome.args, i, j))

        probe = Probe(exercise, turned)
        if all(_row(exercise, probe, prop, row.args).agrees for prop, row in cases):
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


def _matching(exercise, failed):
    """(wrong, function) for each known way to make a mistake that explains all of these failures."""
    ways = [(wrong, way) for wrong in exercise.wrong for way in (wrong.function, *wrong.also)]
    return [(wrong, way) for wrong, way in ways if all(_explains(way, result) for result in failed)]


def _mistakes(matching):
    return {wrong.tag: wrong for wrong, _ in matching}


def _only(matching):
    found = list(_mistakes(matching).values())
    return found[0] if len(found) == 1 else None


def _speaks(result):
    """Whether it is measures that fail: bools, words and counts agree by chance too easily."""
    return all(_all(_is_measure, row.expected) for row in result.rows)


def _is_measure(leaf):
    return not isinstance(leaf, str | bool | int)


def _all(holds, value):
    """Whether something holds for all leaves of a value."""
    return all(map(holds, leaves(value)))


def leaves(value):
    """What a value consists of, below its dictionaries, lists and tuples."""
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list | tuple) else [value]


def _explains(function, result):
    """Whether a mistake does what the learner's function does in a property, and fails where that fails."""
    for row in result.rows:
        theirs = measured(result.prop, function, row.args)
        if row.problem:
            if row.problem.kind != "nan" or finite(theirs):
                return False
        elif not close(row.got, theirs, result.prop) or (
            not row.agrees and close(theirs, row.expected, result.prop)
        ):
            return False
    return True


def finite(value):
    """Whether all numbers of a plain value are finite."""
    return all(isinstance(leaf, str) or np.all(np.isfinite(leaf)) for leaf in leaves(value))


def _matches(function, results):
    return all(
        row.problem or close(row.got, measured(result.prop, function, row.args), result.prop)
        for result in results
        for row in result.rows
    )


def _all_same(values):
    return all(same(values[0], other) for other in values[1:])


# --- Diagnosis by what the numbers have in common ------------------------------------------------------

VERY_NEAR = 0.03  # relative: what rounding, a coarse step or a loose tolerance can do
RELATIONS = {
    "the negative of": (np.negative, "is a sign wrong?"),
    "one over": (np.reciprocal, "is a quotient upside down?"),
    "the square of": (np.square, "is a root missing?"),
    "the root of": (np.sqrt, "is there a root too many, or a square missing?"),
    "one over the square of": (lambda x: x**-2.0, "is a root missing, and a quotient upside down?"),
    "the logarithm of": (np.log, "is the way back from the logarithm missing?"),
} | {
    f"the power {k:.3f} of": (lambda x, k=k: x**k, "have a logarithm and its way back different bases?")
    for base in (2, 10)
    for k in (np.log(base), 1 / np.log(base))
}


def _pattern(results):
    """What the failures have in common, where no known mistake fits, in a sentence; or nothing."""
    words = {row.expected for result in results for row in result.rows if isinstance(row.expected, str)}
    failed = [result for result in results if not result.passed]
    if untrue := next(_untrue(failed), None):
        return f"This should hold, and does not: {untrue}."
    said = [(_common(result, words), result) for result in failed]
    found = next(((text, result) for text, result in said if text), None)
    if found:
        text, result = found
        return text if len({text for text, _ in said}) == 1 else f"In “{result.prop.name}”: {text}"
    if failed and all(row.edge for result in failed for row in result.rows if not row.agrees):
        return (
            "It goes wrong only near a limit that the task states. "
            "Which number is it, and what belongs to which side of it?"
        )
    if not all(isinstance(row.expected, str | bool) for result in failed for row in result.rows):
        return ""  # a word may follow from a number that is wrong itself
    return next((text for text in map(_too_easily, failed) if text), "")


def _untrue(failed):
    """The statements among what was measured that should be true, and are not."""
    for result in failed:
        for row in result.rows:
            if isinstance(row.expected, dict) and not row.problem:
                for key, right in row.expected.items():
                    if " " in key and right is True and row.got[key] is False:
                        yield key


def _too_easily(result):
    """What is answered where something else is right, if it is always the same; or nothing."""
    wrong = [row for row in result.rows if not row.agrees]
    if any(row.problem or not isinstance(row.got, str | bool) for row in wrong):
        return ""
    given, missed = {row.got for row in wrong}, {row.expected for row in wrong}
    right = {row.got for row in result.rows if row.agrees}
    if len(given) != 1 or given & missed or not (given & right and missed & right):
        return ""
    (word,) = given
    said = word if isinstance(word, bool) else f"“{word}”"
    return (
        f"In “{result.prop.name}”: it says {said} too easily, and never anything else where {said} is right. "
        "Compare its condition with the task's: what is compared, and with which number?"
    )


def _common(result, words):
    """What a property's failures have in common. words: those that are right somewhere."""
    rows = [row for row in result.rows if not row.agrees]
    if any(row.problem for row in rows):
        return ""
    if isinstance(rows[0].expected, str | bool):
        return _of_words(result.rows, rows, words)
    return _of_numbers(result.prop, rows) if all(_all(_is_measure, row.expected) for row in rows) else ""


def _of_words(all_rows, rows, words):
    if isinstance(rows[0].expected, str):
        if all(row.got.casefold() == row.expected.casefold() for row in rows):
            return "Every word is right but for its capital letters: write it as the task does."
        if strange := [row.got for row in rows if row.got not in words]:
            return f"“{strange[0][:20]}” is not among the words that the task gives for this case."
    elif len(rows) == len(all_rows) and len({row.got for row in rows}) > 1:
        return (
            "It says True where False is right, and False where True is: is a comparison the wrong way round?"
        )
    return ""


def _of_numbers(prop, rows):
    got, expected = (
        [np.asarray(leaf, float) for row in rows for leaf in leaves(side(row))]
        for side in (lambda row: row.got, lambda row: row.expected)
    )
    if any(one.shape != other.shape for one, other in zip(got, expected, strict=False)):
        return ""
    if len(rows) > 1 and not prop.expected:
        for name, (relation, question) in RELATIONS.items():
            with np.errstate(all="ignore"):
                if close(got, [relation(one) for one in expected], prop):
                    return f"Every number is {name} what is expected: {question}"
        for turned, name in ((lambda a: a[::-1], "order"), (np.transpose, "rows and columns")):
            if close(got, [turned(one) if one.ndim else one for one in expected], prop):
                return f"Every number is right, and in the wrong place: exchange its {name}."
    return _one_line(prop, got, expected) or _ratio(prop, rows)


LINES = {1: ("entry",), 2: ("row", "column")}


def _one_line(prop, got, expected):
    """Says that only the first or the last row, column or entry is wrong, if it is so in several arrays."""
    with np.errstate(invalid="ignore"):
        off = [
            np.abs(one - other) > prop.atol + prop.rtol * np.abs(other)
            for one, other in zip(got, expected, strict=True)
        ]
    off = [one for one in off if one.any()]
    ndims = {one.ndim for one in off}
    if len(off) < 2 or len(ndims) > 1 or not ndims <= LINES.keys():
        return ""
    for axis, line in enumerate(LINES[ndims.pop()]):
        for end, index in (("first", 0), ("last", -1)):
            if all(np.delete(one, index, axis).size and not np.delete(one, index, axis).any() for one in off):
                return f"Only the {end} {line} is wrong. Does a loop, or a slice, leave it out?"
    return ""


def _ratio(prop, rows):
    """What the quotients got/expected say: very near, or one factor on inputs of several sizes."""
    pairs = [(got, wanted) for row in rows for _, got, wanted in differences(row.got, row.expected, prop)]
    if not all(expected for _, expected in pairs):
        return ""
    ratios = np.array([got / expected for got, expected in pairs])
    noise = max(prop.rtol if prop.expected else 0.01, 0.01)
    worst = np.max(np.abs(ratios - 1))
    if worst < max(VERY_NEAR, 0 if noise <= 0.01 else 2 * noise):
        return (
            f"Every wrong number is very near: off by {worst:.1g} of its size at most. "
            "Is it precision: steps, a tolerance, rounding, random draws?"
        )
    sizes = {_size(row.args) for row in rows}
    several = len(rows) >= 3 and (len(sizes) > 1 or sizes == {len(rows[0].args)})  # none has a size
    if not several or not np.allclose(ratios, ratios.mean(), rtol=noise) or abs(ratios.mean()) < 1e-6:
        return ""
    about = "about " if noise > 0.01 else ""
    return f"Every wrong number is {about}{ratios.mean():.3g} times what is expected: a constant factor."


def _size(args):
    """How large an input is: the numbers in it, and the whole numbers that say a size."""
    if isinstance(args, dict):
        args = tuple(args.values())
    if isinstance(args, list | tuple):
        return sum(map(_size, args))
    return args if isinstance(args, int) else np.size(args)
