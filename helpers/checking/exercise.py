"""What an exercise is: its words, its reference, the wrong answers it knows, and the properties it checks.

An exercise has two halves in its chapter's folder. What it computes is a `Check` in the list EXERCISES of
`exercises.py`; what it says is the table [exercise.NAME] of `words.toml`. `load` puts them together. Some can
have a number of the learner's own: `with_number` gives the exercise with it.
"""

import difflib
import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from helpers import contents


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that learners are known to give, as a function.

    tag: the misconception, as in words.toml. message: what it is, and why it is tempting.
    also: functions that make the same mistake in other ways.
    """

    tag: str
    message: str
    function: Callable
    also: Sequence[Callable] = ()


@dataclass(frozen=True)
class Property:
    """One thing that a correct function does, worth `points`.

    In a Check, `name` is the key of its words: of `properties` and, where it has a quantity, of `quantities`.
    cases(rng) draws a list of arguments, smallest first: fresh at every check, and such that wrong answers
    differ from the right one. edges(rng) draws further ones, beside the limits that the task states: on each
    side of every number. measure(f, *args) is what is compared, got with expected: by default the result
    f(*args); it may also be a statistic of it, or come from several calls. `quantity` names it in words.
    `part` is the key of a dictionary (or the index of a tuple) that f returns, where a property looks at this
    part alone. `expected(*args)` is what is expected where measuring the reference would not be exact.
    Equal means |got − expected| ≤ atol + rtol |expected|.
    """

    name: str
    points: int
    cases: Callable
    measure: Callable = lambda f, *args: f(*args)
    quantity: str = ""
    part: str | int | None = None
    expected: Callable | None = None
    rtol: float = 1e-3
    atol: float = 1e-5
    edges: Callable | None = None


# Numbers to multiply by, each of them and 1 so far apart that every property tells the functions apart.
TIMES = tuple(float(f"{1.1**k:.3g}") for k in (*range(-12, -1), *range(2, 18)))


@dataclass(frozen=True)
class Personal:
    """A number of the learner's own in a task: the answer without it, or with another one, is wrong.

    under(f, own) makes a function of the changed task from one of the task as it stands: from the reference,
    and from the known mistakes. given(args, own): what becomes of drawn inputs, where they must change with
    the number to test what they were drawn for. values: what the number is drawn from.
    """

    under: Callable
    given: Callable = lambda args, own: args
    values: Sequence[float] = TIMES


@dataclass(frozen=True)
class Check:
    """The half of an exercise that is code. mistakes: by tag, a function that makes the mistake, or several.

    `reference` has the name of the learner's function, which is the exercise's name.
    """

    reference: Callable
    properties: Sequence[Property]
    mistakes: Mapping[str, Callable | tuple[Callable, ...]]
    personal: Personal | None = None


@dataclass(frozen=True)
class Exercise:
    """A graded exercise. `reference` has the name of the learner's function, which is the exercise's name.

    lesson: the notebook's name without .ipynb; section: one of its headings, without the #.
    taught: the ids of the lesson's cells that explain what it needs; "NN_chapter#id" for another lesson's.
    difficulty: 1, 2 or 3. hints: two, the second says more.
    personal: how a number of the learner's own changes it; yours: what the task then says, with {own} for the
    number; own: that number, in an exercise that has been changed.
    """

    lesson: str
    section: str
    taught: tuple[str, ...]
    title: str
    minutes: int
    difficulty: int
    hints: tuple[str, str]
    reference: Callable
    properties: Sequence[Property]
    wrong: Sequence[Wrong]
    personal: Personal | None = None
    yours: str = ""
    own: float | None = None

    @property
    def name(self):
        return self.reference.__name__

    @property
    def id(self):
        """The id of the answer's cell, and nbgrader's grade_id."""
        return self.name.replace("_", "-")

    @property
    def chapter(self):
        return int(self.lesson[:2])

    @property
    def points(self):
        return sum(item.points for item in self.properties)

    @property
    def facts(self):
        """The line under the title in the workbook."""
        stars = "★" * self.difficulty + "☆" * (3 - self.difficulty)
        return f"{self.points} points · about {self.minutes} minutes · difficulty {stars}"

    @property
    def asked(self):
        """What stands between the brackets of `check(…)`."""
        return self.name if self.own is None else f"{self.name}, own={self.own!r}"

    @property
    def parameters(self):
        return list(inspect.signature(self.reference).parameters)

    @property
    def source(self):
        """The reference as text."""
        return textwrap.dedent(inspect.getsource(self.reference)).rstrip()


@functools.cache
def load():
    """All exercises by name, in the order of the chapters; ValueError as in `read`."""
    return read(contents.words(), contents.exercises())


def read(words, checks):
    """The exercises, by name, of {chapter: the table of its words} and {chapter: its list of Checks}.

    Raises ValueError naming the file, the exercise, and the words that are missing or that nothing uses.
    """
    found = {}
    for chapter in {**words, **checks}:
        file, table = f"{chapter}/{contents.WORDS}", words.get(chapter, {})
        known = {check.reference.__name__: check for check in checks.get(chapter, [])}
        spoken = _paired(file, "exercise", table.get("exercise", {}), known)
        for name, check in known.items():
            where = f"{file} [exercise.{name}]"
            if name in found:
                raise ValueError(f"{where}: another chapter has an exercise of this name")
            said = {"lesson": table.get("lesson"), "quantities": {}, "taught": [], "yours": ""}
            found[name] = _exercise(where, said | spoken[name], check)
    return dict(sorted(found.items(), key=lambda item: item[1].lesson))


# Of what type the words of an exercise are. The first are those of an Exercise, as they stand.
PLAIN = {"lesson": str, "section": str, "title": str, "minutes": int, "difficulty": int}
TYPES = {**PLAIN, "taught": list, "hints": list, "properties": dict, "quantities": dict, "mistakes": dict}
TYPES |= {"yours": str}


def _exercise(where, words, check):
    _paired(where, "key", words, TYPES)
    for key, type in TYPES.items():
        if not isinstance(words[key], type):
            raise ValueError(f"{where}: {key} is {words[key]!r}; it must be of type {type.__name__}")
    names = _paired(where, "property", words["properties"], [prop.name for prop in check.properties])
    messages = _paired(where, "mistake", words["mistakes"], check.mistakes)
    quantities = _paired(where, "quantity", words["quantities"], names.keys() & words["quantities"].keys())
    if bool(check.personal) != ("{own}" in words["yours"]):
        raise ValueError(f"{where}: yours must have {{own}} in it, for a check that is personal and no other")
    return Exercise(
        **{key: words[key] for key in PLAIN},
        taught=tuple(words["taught"]),
        hints=tuple(map(_line, words["hints"])),
        reference=check.reference,
        properties=[
            replace(prop, name=_line(names[prop.name]), quantity=_line(quantities.get(prop.name, "")))
            for prop in check.properties
        ],
        wrong=[_wrong(tag, messages[tag], ways) for tag, ways in check.mistakes.items()],
        personal=check.personal,
        yours=_line(words["yours"]),
    )


def _wrong(tag, message, ways):
    first, *also = ways if isinstance(ways, tuple) else (ways,)
    return Wrong(tag, _line(message), first, tuple(also))


def _paired(where, kind, words, code):
    """The words, if they have the same keys as the code; ValueError naming those that only one side has."""
    for one, other, lacks in ((code, words, "there are no words for"), (words, code, "there is no")):
        if lost := [key for key in one if key not in other]:
            raise ValueError(f"{where}: {lacks} {kind} {', '.join(map(repr, lost))}")
    return words


def _line(text):
    """In words.toml a line ends where it is long enough: its end is a space."""
    return " ".join(text.split())


def find(name):
    """The exercise with this name; ValueError, naming the nearest ones, if there is none."""
    if name in load():
        return load()[name]
    near = difflib.get_close_matches(str(name), load(), n=3, cutoff=0.5) or list(load())
    raise ValueError(f"There is no exercise named {name!r}. Did you mean: {', '.join(near)}?")


# --- With a number of the learner's own -------------------------------------------------------------

WITHOUT_NUMBER, ANOTHER_NUMBER = "without-your-number", "another-number"
NOT_YOURS = {
    WITHOUT_NUMBER: "it answers the task as published. Your number, in the task's last lines, is not in it.",
    ANOTHER_NUMBER: "it answers the task with another number than the one in its last lines.",
}


def with_number(item, own):
    """The exercise with a learner's own number in it; ValueError if it is none of the exercise's.

    Everything comes from the exercise as it stands: the reference, the inputs, and the mistakes, to which two
    are added: the answer without the number, and the answers with another one.
    """
    if item.personal is None or own not in item.personal.values:
        numbers = item.personal.values if item.personal else ("none",)
        raise ValueError(f"own is {own!r}; the numbers of `{item.name}` are {', '.join(map(str, numbers))}.")
    made = functools.partial(_under, item.personal)
    reference = made(item.reference, own)
    others = [made(item.reference, other) for other in item.personal.values if other != own]
    foreign = {WITHOUT_NUMBER: item.reference, ANOTHER_NUMBER: tuple(others)}
    wrong = [
        replace(one, function=made(one.function, own), also=[made(way, own) for way in one.also])
        for one in item.wrong
    ]
    return replace(
        item,
        reference=reference,
        # Measuring the reference is exact enough for the exercises that have a number.
        properties=[
            replace(
                prop,
                cases=_given(item.personal, prop.cases, own),
                edges=prop.edges and _given(item.personal, prop.edges, own),
                expected=None,
            )
            for prop in item.properties
        ],
        wrong=[*wrong, *(_wrong(tag, NOT_YOURS[tag], ways) for tag, ways in foreign.items())],
        own=own,
    )


def _under(personal, function, own):
    """A function of the task, changed; it keeps its name, its parameters and its source."""
    return functools.wraps(function)(personal.under(function, own))


def _given(personal, cases, own):
    return lambda rng: [tuple(personal.given(tuple(args), own)) for args in cases(rng)]
