"""Hunt the bug: a known mistake without its name, an input that exposes it, and then its name.

An input exposes a suspect if a property of the exercise's check, measured on it, tells it from the reference.
(Who reads this module finds the suspect's source. That is no secret worth keeping.)
"""

import inspect
from contextlib import suppress
from copy import deepcopy

import numpy as np
from IPython.display import display

from helpers import arguments
from helpers.checking.calls import Printed, in_process, quiet
from helpers.checking.cards import LARGE, Card, Code, call, shown
from helpers.checking.checks import named, show
from helpers.checking.comparing import close, differences, finite, leaves
from helpers.checking.exercise import load
from helpers.checking.judging import measured
from helpers.checking.questions import MultipleChoice, Option
from helpers.checking.reports import ReviewBox
from helpers.checking.values import Phi, Rng, live, plain
from helpers.progress.record import PROGRESS

ROUND = 10  # suspects
OPTIONS = 4
DRAWS = 3  # of an exercise's cases, from which the form of its arguments is read


def hunt(function=None, chapter=None, seed=None):
    """A wrong implementation of an exercise, to be exposed and named; or a round of ten over a chapter.

    function: the exercise's, or its name; chapter: 1 to 5, instead. Without both, a round over all chapters.
    seed: of the choice. Raises ValueError for an unknown exercise or chapter.
    """
    rng = np.random.default_rng(seed)
    if function is not None:
        item, _ = named(function)
        pairs, count = [(item, wrong) for wrong in item.wrong], 1
    else:
        if chapter is not None:
            arguments.one_of("chapter", chapter, sorted({item.chapter for item in load().values()}))
        items = [item for item in load().values() if chapter in (None, item.chapter)]
        pairs, count = [(item, wrong) for item in items for wrong in item.wrong], ROUND
    return Hunt([pairs[i] for i in rng.permutation(len(pairs))[:count]], rng)


class Hunt:
    """One suspect, or a round of them: call it, `submit` an input that exposes it, go on with `next`."""

    def __init__(self, suspects, rng):
        self._suspects, self._rng, self._at = suspects, rng, -1
        self._exposed, self._boxes = set(), {}
        self.next()

    def __call__(self, *args, **kwargs):
        """What the suspect answers. Raises ValueError, in plain words, where it has no answer."""
        outcome = answer(self._wrong.function, self._bound(args, kwargs))
        if outcome.problem:
            raise ValueError(outcome.problem.text) from None
        return outcome.value

    def submit(self, *args, **kwargs):
        """Hand in an input. Where the suspect is wrong there it is exposed, and its name is asked for."""
        try:
            args = self._bound(args, kwargs)
            args = tuple(map(fitted, self._item.parameters, args, self._likes))
            with quiet(Printed()):
                found = self._found(args)
        except (ValueError, TypeError) as error:
            return show(Card("muted", "This is no input of the task.", str(error)))
        if isinstance(found, Card):
            return show(found)
        self._exposed.add(self._at)
        PROGRESS.record("question", self._id, "exposed")
        show(Card("good", "✓ Exposed: on this input it is wrong.", found))
        if self._at not in self._boxes:
            self._boxes[self._at] = Naming(self._question())
        display(self._boxes[self._at])
        return None

    def next(self):
        """Go on to the next suspect of a round."""
        self._at += 1
        if self._at >= len(self._suspects):
            self._at = len(self._suspects) - 1
            named = sum(box.named for box in self._boxes.values())
            text = f"{len(self._exposed)} of {len(self._suspects)} exposed, {named} named at once."
            return show(Card("measured", "The hunt is over", text, "Your points stand in `report()`."))
        self._item, self._wrong = self._suspects[self._at]
        self._id = f"hunt-{self._item.name}-{self._wrong.tag}"
        self._likes = likes(self._item)
        place = f" {self._at + 1} of {len(self._suspects)}" if len(self._suspects) > 1 else ""
        forms = [
            f"{name}: {form(like)}" for name, like in zip(self._item.parameters, self._likes, strict=True)
        ]
        return show(
            Card(
                "measured",
                f"Hunt the bug{place}: {self._item.title}",
                f"There is a mistake in this `{self._item.name}`. Give it a name and call it: "
                f"`suspect({', '.join(self._item.parameters)})`. Where should it answer something else?",
                Code("\n".join(forms)),
                "`suspect.submit(…)` hands in an input on which it is wrong: 1 point. Then say which mistake "
                "it is: 1 point for the right name at once."
                + (" `suspect.next()` goes on." if len(self._suspects) > 1 else ""),
            )
        )

    @property
    def __signature__(self):
        return inspect.signature(self._item.reference)

    def __repr__(self):
        return f"A suspect: {self._item.name}{self.__signature__}"

    def _repr_html_(self):
        return '<span class="td-nothing"></span>'

    def _bound(self, args, kwargs):
        return self.__signature__.bind(*args, **kwargs).args

    def _found(self, args):
        """What both give on an input that exposes the suspect, as Code; or a Card that says why not."""
        right = answer(self._item.reference, args)
        if right.problem:
            raise ValueError(f"The task has no answer here. {right.problem.text}")
        if not finite(right.value):
            raise ValueError("The right answer is not finite here.")
        rows = list(compared(self._item, self._wrong.function, args))
        for prop, got, right in rows:
            if got is None or not close(got, right, prop):
                return both(self._item, prop, args, ("the suspect", got), ("the right function", right))
        if not rows:
            text = "The right function itself cannot be recognised on this input: is it too small?"
            return Card("muted", "This input says too little.", text, Code(call(self._item, args)))
        prop, _, right = rows[0]
        what = f"{prop.quantity}: " if prop.quantity else ""
        return Card(
            "muted",
            "It does not show here.",
            f"On this input both give {what}the same:",
            Code(f"{call(self._item, args)}\n{shown(right)}"),
            "What would an input have to be like, so that a mistake could not hide?",
        )

    def _question(self):
        """Which of four mistakes it is. On some input the others behave otherwise: their answer shows it."""
        options = [Option(_said(self._wrong), "", True)]
        rng = np.random.default_rng(self._rng.integers(2**32))
        with quiet(Printed()):
            inputs = drawn(self._item, rng)
            for i in rng.permutation(len(self._item.wrong)):
                other = self._item.wrong[i]
                apart = other.tag != self._wrong.tag and told_apart(self._item, self._wrong, other, inputs)
                if apart:
                    text = f"With that mistake, this input gives something else. {apart.html()}"
                    options.append(Option(_said(other), text, tag=other.tag))
                if len(options) == OPTIONS:
                    break
        order = rng.permutation(len(options))
        text = "It is exposed. Which mistake is it?"
        return MultipleChoice(
            self._id, text, [options[i] for i in order], self._item.lesson, self._item.section
        )


class Naming(ReviewBox):
    """Which mistake it is. The first answer is recorded; earlier ones to the same suspect are not shown."""

    named = False
    answered = False

    def _record(self, row):
        if self.answered:
            return "Noted"
        self.answered, self.named = True, row[3]
        return super()._record(row)


def _said(wrong):
    return wrong.message.replace("`", "")[0].upper() + wrong.message.replace("`", "")[1:]


# --- Comparing --------------------------------------------------------------------------------------


def answer(function, args):
    """The Outcome of a call. (Its arguments may be live: a Generator, any function.)"""
    return in_process(lambda: function(*live(args)))(())


def compared(item, function, args):
    """(Property, got, expected) of each property that the reference has on this input; got may be None."""
    for prop in item.properties:
        right = _measured(prop, item.reference, args)
        if right is not None and prop.expected:
            with suppress(Exception):
                right = expected if close(right, expected := prop.expected(*args), prop) else None
        if right is not None and finite(right):
            yield prop, _measured(prop, function, args), right


def _measured(prop, function, args):
    """What a property measures, or None where it cannot."""
    with suppress(Exception):
        return measured(prop, function, args)


def told_apart(item, one, other, inputs):
    """The Code of the first input on which two mistakes differ, however the other is made; or None."""
    found = []
    for function in (other.function, *other.also):
        for prop, args in inputs:
            a, b = _measured(prop, one.function, args), _measured(prop, function, args)
            if a is not None and b is not None and not close(a, b, prop):
                found.append(both(item, prop, args, ("the suspect", a), ("that mistake", b)))
                break
    return found[0] if len(found) == 1 + len(other.also) else None


def both(item, prop, args, *sides):
    """The Code of a call and of what two sides give there; of large results, where they first differ."""
    (one, a), (other, b) = sides
    lines = [call(item, args), *([f"{prop.quantity}:"] if prop.quantity else [])]
    if a is not None and sum(map(np.size, leaves(b))) > LARGE:
        place, a, b = next(differences(a, b, prop))
        lines.append(f"at {place}:")
    width = max(len(one), len(other)) + 2
    for name, value in ((one, a), (other, b)):
        said = "nothing that can be compared" if value is None else shown(value)
        lines.append(f"  {name:<{width}}" + said.replace("\n", "\n" + " " * (width + 2)))
    return Code("\n".join(lines))


# --- Inputs -----------------------------------------------------------------------------------------


def drawn(item, rng):
    """[(Property, args)]: fresh inputs of a task."""
    return [
        (prop, tuple(args))
        for prop in item.properties
        for make in (prop.cases, prop.edges)
        if make
        for args in make(rng)
    ]


def likes(item):
    """For each parameter the values that the task's own inputs have there."""
    rows = [args for seed in range(DRAWS) for _, args in drawn(item, np.random.default_rng(seed))]
    return list(zip(*rows, strict=True))


def form(values):
    """Of what form a parameter is, in a few words."""
    like = values[0]
    if isinstance(like, Rng | Phi):
        return "a Generator" if isinstance(like, Rng) else "a function of an array"
    if isinstance(like, bool):
        return "True or False"
    if isinstance(like, str):
        return " or ".join(map(repr, sorted({*values})))
    if isinstance(like, np.ndarray):
        axes = sorted({value.ndim for value in values if isinstance(value, np.ndarray)})
        return f"an array with {' or '.join(map(str, axes))} {'axis' if axes == [1] else 'axes'}"
    if isinstance(like, dict):
        return "a dictionary" + (f" with {', '.join(map(repr, like))}" if _same(dict.keys, values) else "")
    if isinstance(like, list | tuple):
        length = f" of {len(like)}" if _same(len, values) else ""
        item = form([item for value in values for item in value])
        return f"a {type(like).__name__}{length}, each item {item}"
    return "a whole number" if all(isinstance(value, int) for value in values) else "a number"


def fitted(name, value, values):
    """An argument as plain data, if it is of the form of the task's own ones; ValueError if it is not."""
    match values[0]:
        case Rng():
            if isinstance(value, np.random.Generator):
                return tagged(value)
        case Phi():
            if callable(value):
                return value
        case bool() | str() as like:
            value = plain(value)
            if type(value) is type(like) and (isinstance(like, bool) or value in values):
                return value
        case dict() as like:
            if isinstance(value, dict) and (value.keys() == like.keys() or not _same(dict.keys, values)):
                return {key: fitted(f"{name}[{key!r}]", value[key], _there(key, values)) for key in value}
        case list() | tuple() as like:
            fixed = _same(len, values)
            if isinstance(value, list | tuple | np.ndarray) and (len(value) == len(like) or not fixed):
                rows = [dict(enumerate(row)) for row in values]
                return type(like)(
                    fitted(f"{name}[{i}]", item, _there(i if fixed else None, rows))
                    for i, item in enumerate(value)
                )
        case like:
            return _number(name, np.array(value) if isinstance(like, np.ndarray) else plain(value), values)
    raise _misfit(name, value, values)


def _there(key, rows):
    """What stands under a key in some of the rows; if it stands in none of them, all that stands there."""
    return [row[key] for row in rows if key in row] or [item for row in rows for item in row.values()]


def _same(of, values):
    """Whether all of them have the same `of`: length, or keys."""
    return all(of(other) == of(values[0]) for other in values)


def _misfit(name, value, values):
    return ValueError(f"{name} is {shown(value)}; it must be {form(values)}.")


def _number(name, value, values):
    """A number or an array, of a sign (and, for a number, below 1) if all of the task's are."""
    known = np.concatenate([np.ravel(np.asarray(other, float)) for other in values])
    whole = all(isinstance(other, int) for other in values)
    given = np.asarray(value)
    right_kind = given.dtype.kind in ("iu" if whole else "iuf")
    if not right_kind or given.ndim not in {np.ndim(other) for other in values} or not given.size:
        raise _misfit(name, value, values)
    if np.all(np.isfinite(known)) and not np.all(np.isfinite(given)):
        raise ValueError(f"{name} must be finite.")
    if np.all(known >= 0) and np.any(given < 0):
        raise ValueError(f"{name} has a number below 0; in this task it has none.")
    if not given.ndim and not whole and np.all((known >= 0) & (known <= 1)) and given > 1:
        raise ValueError(f"{name} is {shown(value)}; in this task it is from 0 to 1.")
    return value


def tagged(rng):
    """The tag of a Generator that draws what this one would: as exactly as its own seed tells."""
    seed = getattr(rng.bit_generator.seed_seq, "entropy", None)
    if isinstance(seed, int) and live(Rng(seed)).bit_generator.state == rng.bit_generator.state:
        return Rng(seed)
    return Rng(int(deepcopy(rng).integers(2**31)))
