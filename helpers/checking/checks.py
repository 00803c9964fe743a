"""What a workbook calls: `check`, `hint`, `ladder`, `solution`. Each takes a function or its name."""

import ast
import linecache
import re
import sys

import numpy as np
from IPython.display import display

from helpers.checking.calls import own_functions
from helpers.checking.cards import Card, Code, Link, judgement_card
from helpers.checking.exercise import find, load
from helpers.checking.judging import judged
from helpers.checking.ladder import Ladder, has_ladder
from helpers.progress.record import PROGRESS


class Points(float):
    """What nbgrader reads from a cell's result, a number in plain text; a notebook shows the card alone."""

    def _repr_html_(self):
        return '<span class="td-nothing"></span>'


def check(function, seed=None):
    """Judge a function on fresh random inputs, show one card, record the attempt; return the points.

    seed: of the inputs, to see the same ones again. Nothing that the function does raises an error here; the
    stop button still works. The learner's last version is judged, or none.
    """
    with own_functions():
        try:
            exercise, function = named(function)
            if not callable(function):
                raise ValueError(f"There is no function `{exercise.name}` yet: run its cell first.")
        except ValueError as error:
            return show(Card("muted", "There is nothing to check.", str(error)), 0.0)
        if why := _out_of_date(exercise.name, function):
            return show(Card("muted", f"{exercise.title}: not judged", *why), 0.0)
        if seed is None:
            seed = int(np.random.default_rng().integers(10**6))
        try:
            judgement = judged(exercise, function, seed)
        except Exception as error:
            return show(_our_fault(exercise, seed, error), 0.0)
        if judgement.outcome != "not attempted":
            _record(judgement)
        return show(judgement_card(judgement), judgement.points)


def hint(function):
    """Show the next of an exercise's two hints, and note that it was taken."""
    try:
        exercise, _ = named(function)
    except ValueError as error:
        return show(Card("muted", "There is no hint.", str(error)))
    taken = [row for row in PROGRESS.hints(exercise.name) if row.number <= len(exercise.hints)]
    number = min(len(taken) + 1, len(exercise.hints))
    if len(taken) < len(exercise.hints):
        PROGRESS.record_hint(exercise.name, number)
    title = f"{exercise.title}: hint {number} of {len(exercise.hints)}"
    shown = exercise.hints[:number]
    where = Link("The lesson's section:", exercise.lesson, exercise.section)
    more = ""
    if len(taken) == len(exercise.hints):
        steps = f"`ladder({exercise.name})` gives its lines to put in order, then gaps to fill. "
        prompt = f"`tutor({exercise.name})` writes a prompt for an assistant."
        more = f"Still stuck? {steps * has_ladder(exercise)}{prompt}"
    return show(Card("muted", title, *shown, where, more))


def ladder(function):
    """The steps between the second hint and a blank function, as a widget, for the longer exercises."""
    try:
        exercise, _ = named(function)
    except ValueError as error:
        return show(Card("muted", "There is no ladder.", str(error)))
    if not has_ladder(exercise):
        text = f"It is too short for steps. There are `hint({exercise.name})` and `tutor({exercise.name})`."
        return show(Card("muted", f"{exercise.title}: no ladder", text))
    return Ladder(exercise)


def solution(function):
    """Show how we wrote it, once the exercise has been passed."""
    try:
        exercise, _ = named(function)
    except ValueError as error:
        return show(Card("muted", "There is no solution.", str(error)))
    best = PROGRESS.best().get(exercise.name, 0)
    if best < exercise.points:
        text = f"You have {best:g} of {exercise.points} points. The solution opens when you have them all."
        help = f"Until then there is `hint({exercise.name})`."
        return show(Card("muted", f"{exercise.title}: not yet", text, help))
    return show(Card("good", f"{exercise.title}: one way to write it", Code(exercise.source)))


def named(function):
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


def _out_of_date(name, function):
    """Why the function is not the one of the last cell that defines it, as paragraphs; () if it is.

    A cell that fails leaves an earlier version behind. Which cells have run is known from IPython's `In`.
    """
    cells = vars(sys.modules["__main__"]).get("In", ())
    cells = [cell.strip() for cell in cells if re.search(rf"^def {name}\b", cell, re.MULTILINE)]
    older = "What Python knows is an earlier version. Correct the cell, run it, and check again."
    if not cells:
        return ()
    try:
        ast.parse(cells[-1])
    except SyntaxError as error:
        line = Code(f"line {error.lineno}:  {(error.text or '').strip()}")
        return f"Python cannot read the last cell with `{name}`: {error.msg}.", line, older
    file = getattr(getattr(function, "__code__", None), "co_filename", "")
    if "".join(linecache.getlines(file)).strip() in {*cells} - {cells[-1]}:
        return f"The last cell with `{name}` stopped with an error before it came to the function.", older
    return ()


def _record(judgement):
    tag = judgement.wrong.tag if judgement.wrong else judgement.problem.kind if judgement.problem else None
    parts = {result.prop.name: result.points for result in judgement.results}
    PROGRESS.record_attempt(judgement.exercise.name, judgement.points, judgement.exercise.points, parts, tag)


def _our_fault(exercise, seed, error):
    text = "Your work is not judged: this is a mistake of the check, not yours. Please report it."
    return Card("muted", f"{exercise.title}: the check failed", text, Code(f"{error!r}, seed {seed}"))


def show(card, value=None):
    """Show a card; return None, or a number as nbgrader reads it."""
    notice = PROGRESS.notice()
    if notice:
        card.paragraphs.append(notice)
    display(card)
    return value if value is None else Points(value)
