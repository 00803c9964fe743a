"""What the tests of exercises share: judging one as a check does.

Each chapter has such a module, `tests/chapters/*/answers.py`. It says, by an exercise's name,
CORRECT {name: unusual functions that must get full points} and WRONG {name: [(function, what is found)]}:
the tag of a misconception, the kind of a problem (calls.Problem), some words of what the failures have in
common, or None where points are lost and no name is given. All are held to 3 seeds in the tests, and to 20 or
200 before a release (`benchmarks/check_proof.py`).
"""

from functools import lru_cache
from importlib import import_module

import numpy as np

from helpers import contents
from helpers.checking import exercise
from helpers.checking.calls import Printed, in_process, quiet
from helpers.checking.judging import Ours, Probe, judge, try_property

MODULES = [import_module(f"tests.chapters.{chapter}.answers") for chapter in contents.exercises()]


def found(verdict):
    """The tag or the kind of problem that a verdict names."""
    return verdict.wrong.tag if verdict.wrong else verdict.problem.kind if verdict.problem else None


def correct_answers():
    """(exercise, function) for all answers that must get full points."""
    given = [
        (name, function) for module in MODULES for name, list in module.CORRECT.items() for function in list
    ]
    references = [(item.name, item.reference) for item in exercise.load().values()]
    return [(exercise.find(name), function) for name, function in references + given]


def wrong_answers():
    """(exercise, function, what must be found) for all answers that must lose points."""
    given = [(name, *pair) for module in MODULES for name, list in module.WRONG.items() for pair in list]
    known = [
        (item.name, way, wrong.tag)
        for item in exercise.load().values()
        for wrong in item.wrong
        for way in (wrong.function, *wrong.also)
    ]
    return [(exercise.find(name), function, finding) for name, function, finding in known + given]


def passes(item, function, seed):
    """Whether an answer gets all points."""
    verdict = judged(item, function, seed)
    return verdict.outcome == "correct" and verdict.points == item.points


def loses(item, function, finding, seed):
    """Whether an answer loses points with the right message."""
    verdict = judged(item, function, seed)
    in_words = finding is not None and " " in finding
    fits = found(verdict) is None and finding in verdict.pattern if in_words else found(verdict) == finding
    return verdict.outcome == "incorrect" and verdict.points < item.points and fits


def judged(item, function, seed):
    with quiet(Printed()):
        return judge(item, in_process(function), seed, ours(item.name, seed))


def accepted(item, function, seed):
    """Whether an answer gets all points; a wrong one is left at the first property that fails."""
    rng = np.random.default_rng(seed)
    with quiet(Printed()):
        probe = Probe(item, in_process(function), ours(item.name, seed))
        return all(try_property(probe, prop, rng).passed for prop in item.properties)


@lru_cache(200)
def ours(name, seed):
    """What the functions of an exercise return on the inputs of a seed: for all answers to it."""
    return Ours()
