"""What a workbook calls: `check(fn)`, `hint(fn)`, `solution(fn)`. Each takes the function or its name."""

import sys

import numpy as np
from IPython.display import display

from helpers.checking.calls import Printed, in_process, own_functions, quiet
from helpers.checking.cards import Card, Code, Link, judgement_card
from helpers.checking.exercise import find, load
from helpers.checking.judging import judge
from helpers.progress.record import PROGRESS


def check(function, seed=None):
    """Judge a function on fresh random inputs, show one card, record the attempt; return the points.

    The points are a plain float because nbgrader reads them from the cell's result. seed: of the inputs, to
    see the same ones again. Nothing that the function does raises an error here; the stop button still works.
    """
    with own_functions():
        try:
            exercise, function = _find(function)
            if not callable(function):
                raise ValueError(f"There is no function `{exercise.name}` yet: run its cell first.")
        except ValueError as error:
            return _show(Card("muted", "There is nothing to check.", str(error)), 0.0)
        if seed is None:
            seed = int(np.random.default_rng().integers(10**6))
        try:
            with quiet(Printed()):  # numpy has something to say about wrong answers, too
                judgement = judge(exercise, in_process(function), seed)
        except Exception as error:
            return _show(_our_fault(exercise, seed, error), 0.0)
        if judgement.outcome != "not attempted":
            _record(judgement)
        return _show(judgement_card(judgement), judgement.points)


def hint(function):
    """Show the next of an exercise's two hints, and note that it was taken."""
    try:
        exercise, _ = _find(function)
    except ValueError as error:
        return _show(Card("muted", "There is no hint.", str(error)))
    taken = PROGRESS.hints(exercise.name)
    number = min(len(taken) + 1, len(exercise.hints))
    if len(taken) < len(exercise.hints):
        PROGRESS.record_hint(exercise.name, number)
    title = f"{exercise.title}: hint {number} of {len(exercise.hints)}"
    shown = exercise.hints[:number]
    where = Link("The lesson's section:", exercise.lesson, exercise.section)
    return _show(Card("muted", title, *shown, where))


def solution(function):
    """Show how we wrote it, once the exercise has been passed."""
    try:
        exercise, _ = _find(function)
    except ValueError as error:
        return _show(Card("muted", "There is no solution.", str(error)))
    best = PROGRESS.best().get(exercise.name, 0)
    if best < exercise.points:
        text = f"You have {best:g} of {exercise.points} points. The solution opens when you have them all."
        help = f"Until then there is `hint({exercise.name})`."
        return _show(Card("muted", f"{exercise.title}: not yet", text, help))
    return _show(Card("good", f"{exercise.title}: one way to write it", Code(exercise.source)))


def _find(function):
    """The exercise, and the learner's function, from the function or its name; ValueError in plain words."""
    defined = vars(sys.modules["__main__"])
    if isinstance(function, str):
        return find(function), defined.get(function)
    name = getattr(function, "__name__", None)
    if name not in load():  # a lambda, a partial, a decorated function, an object: by the name it was given
        name = next(
            (other for other in load() if callable(function) and defined.get(other) is function), name
        )
    if name is None:
        raise ValueError(f"A function, or its name, is needed here, not {type(function).__name__}.")
    return find(name), function


def _record(judgement):
    tag = judgement.wrong.tag if judgement.wrong else judgement.problem.kind if judgement.problem else None
    parts = {result.prop.name: result.points for result in judgement.results}
    PROGRESS.record_attempt(judgement.exercise.name, judgement.points, judgement.exercise.points, parts, tag)


def _our_fault(exercise, seed, error):
    text = "Your work is not judged: this is a mistake of the check, not yours. Please report it."
    return Card("muted", f"{exercise.title}: the check failed", text, Code(f"{error!r}, seed {seed}"))


def _show(card, value=None):
    notice = PROGRESS.notice()
    if notice:
        card.paragraphs.append(notice)
    display(card)
    return value
