"""Questions as data: reading them from the chapters' words.toml, and judging an answer."""

import difflib
import functools
import itertools
import json
import re
from dataclasses import MISSING, dataclass, field, fields, replace
from html import escape
from typing import NamedTuple

import numpy as np

from helpers import arguments, contents
from helpers.checking.arithmetic import evaluate, parse_number, written

RESERVED = ("lesson", "exercise", "goals")  # the keys of a words.toml that are no questions


class Response(NamedTuple):
    """The judgement of an answer; `reading` is the number it was read as."""

    correct: bool
    feedback: str
    tag: str | None = None
    reading: str | None = None


@dataclass(frozen=True)
class Option:
    """One option of a choice; its text is plain, because buttons show no HTML."""

    text: str
    feedback: str
    correct: bool = False
    tag: str = ""


@dataclass(frozen=True)
class WrongNumber:
    """A wrong number that learners are known to give, and the misconception behind it."""

    value: float
    tag: str
    feedback: str


class Question:
    """What both kinds of question share: the family that they are drawn from.

    A question of a lesson is the first of its family. `draw` holds its numbers by name.
    """

    def drawn(self, rng, seen=()):
        """Another question of the family, with numbers from a Generator, and a choice in another order.

        seen: the `posed` of questions that were asked before, oldest first. One of these comes only when no
        other is left, and then the oldest. Without a family it is the same question again.
        """
        family = self.family
        if not family:
            return self._shuffled(rng)
        last = {posed: when for when, posed in enumerate(seen)}
        known = [None if draw is family.draws[0] else json.dumps(draw) for draw in family.draws]
        order = sorted(
            rng.permutation(len(known)), key=lambda i: (known[i] == self.posed, last.get(known[i], -1))
        )
        for i in order:
            try:
                return family.question(i)._shuffled(rng)
            except ValueError:  # with these numbers a wrong answer is right, too
                continue

    @property
    def posed(self):
        """Its draw as the learner's record keeps it; None for a question as its lesson asks it."""
        return json.dumps(self.draw) if self.family and self.draw != self.family.draws[0] else None

    def as_posed(self, posed):
        """The question of the family that the record calls so. Raises ValueError if the family has none."""
        if posed == self.posed:
            return self
        draws = self.family.draws if self.family else ({},)
        for i, draw in enumerate(draws):
            if posed == (json.dumps(draw) if i else None):
                return self.family.question(i)
        raise ValueError(f"{self.id} was never asked with {posed}")

    def _shuffled(self, rng):
        return self


@dataclass(frozen=True)
class MultipleChoice(Question):
    """A question with options, exactly one of them correct."""

    id: str
    text: str
    options: list[Option]
    lesson: str = ""  # the notebook's name without .ipynb
    section: str = ""  # one of the lesson's headings
    truth: str = ""  # of a prediction: the id of the lesson's cell that shows what is true
    family: "Family | None" = None
    draw: dict = field(default_factory=dict)

    def __post_init__(self):
        if len({option.text for option in self.options}) < len(self.options):
            raise ValueError("two options have the same text")
        if sum(option.correct for option in self.options) != 1:
            raise ValueError("exactly one option must be correct")
        if not all(option.correct or option.tag for option in self.options):
            raise ValueError("a wrong option has no 'tag' for its misconception")

    def judge(self, answer):
        """The Response to the text of an option; ValueError if there is no such option."""
        for option in self.options:
            if option.text == answer:
                return Response(option.correct, option.feedback, option.tag or None)
        raise ValueError("Choose one of the options first.")

    def reveal(self, response):
        """(what is true, why) for an answer that was judged so, as HTML; what it said itself is ""."""
        return "" if response.correct else self.what_is_true, response.feedback

    @property
    def what_is_true(self):
        """What is true, as HTML."""
        right = next(option.text for option in self.options if option.correct)
        return f"The answer is “{escape(right)}”."

    def _shuffled(self, rng):
        return replace(self, options=[self.options[i] for i in rng.permutation(len(self.options))])


@dataclass(frozen=True)
class Number(Question):
    """A question whose answer is a number, right within rtol, atol or, if set, a factor of it.

    The same tolerance recognises the anticipated wrong values.
    """

    id: str
    text: str
    answer: float
    right: str
    too_small: str
    too_large: str
    wrong: list[WrongNumber]
    rtol: float = 0.02
    atol: float = 0.0
    factor: float = 1.0
    unit: str = ""
    lesson: str = ""
    section: str = ""
    truth: str = ""
    family: "Family | None" = None
    draw: dict = field(default_factory=dict)

    def __post_init__(self):
        values = [self.answer, *(wrong.value for wrong in self.wrong)]
        for one, other in itertools.combinations(values, 2):
            if self._near(one, other):
                raise ValueError(f"the tolerance cannot tell {one:g} from {other:g}")

    def judge(self, answer):
        """The Response to what was typed; ValueError (a sentence to show) if it is no number."""
        value = parse_number(answer)
        reading = f"{value:.4g}"
        if self._near(value, self.answer):
            return Response(True, self.right, None, reading)
        for wrong in self.wrong:
            if self._near(value, wrong.value):
                return Response(False, wrong.feedback, wrong.tag, reading)
        feedback = self.too_small if value < self.answer else self.too_large
        return Response(False, feedback, None, reading)

    def reveal(self, response):
        """As of MultipleChoice. A hint at how to find the number gives way to how it is found."""
        why = response.feedback if response.tag else self.right
        return "" if response.reading == f"{self.answer:.4g}" else self.what_is_true, why

    @property
    def what_is_true(self):
        """As of MultipleChoice."""
        return f"It is {written(self.answer)}."

    def near(self, target):
        """The lowest and the highest number that count as `target`: (low, high)."""
        if self.factor != 1:
            return target / self.factor, target * self.factor
        low, high = sorted((target * (1 - self.rtol), target / (1 - self.rtol)))
        return min(low, target - self.atol), max(high, target + self.atol)

    def _near(self, value, target):
        low, high = self.near(target)
        return low <= value <= high


@dataclass(frozen=True, eq=False)
class Family:
    """A question whose numbers are drawn: its table in words.toml, and the draws, the lesson's own first."""

    table: dict
    draws: tuple[dict, ...]

    def question(self, i):
        """The question of one draw. Raises ValueError if its tolerance cannot tell its answers apart."""
        return _question(filled(self.table, self.draws[i]), self, self.draws[i])


def draws_of(table):
    """The draws that a question's table lists, {name: number or text} each, that of the lesson first.

    `draw` is a table, {n = [64, 128], p = [0.5, 0.1]}, of which every combination is a draw; or a list of
    tables, [{n = 64, p = 0.5}, {n = 128, p = 0.1}].
    """
    draw = table.get("draw", {})
    if isinstance(draw, dict):
        draw = [dict(zip(draw, row, strict=True)) for row in itertools.product(*draw.values())]
    if len({tuple(row) for row in draw}) != 1:
        raise ValueError("draw: every row must give the same names")
    return tuple(draw)


EXPRESSIONS = ("answer", "value", "rtol", "atol", "factor")
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}:]+)(?::([^{}]*))?\}")


def filled(value, draw, key="", computed=None):
    """A part of a question's table with the numbers of a draw: expressions are evaluated, {…} written out.

    {n} is what is drawn, {2/n} computed from it, {n:form} as `written` says; {{ and }} are braces.
    computed: a list that takes the values of all expressions.
    """
    match value:
        case dict():
            return {k: filled(v, draw, k, computed) for k, v in value.items() if k != "draw"}
        case list():
            return [filled(item, draw, key, computed) for item in value]
        case str() if key in EXPRESSIONS:
            return evaluate(value, draw)
        case str():
            return PLACEHOLDER.sub(lambda found: _placed(found, draw, computed), value)
    return value


def _placed(found, draw, computed):
    expression, form = found.groups()
    if expression is None:
        return found[0][0]
    value = draw.get(expression)
    if isinstance(value, str):
        return value
    if value is None:
        value = evaluate(expression, draw)
        if computed is not None:
            computed.append(value)
    return written(value, form or "")


def exam(chapter, count=10, seed=0):
    """`count` questions of a chapter for an examination: none with the numbers that the lesson has.

    chapter: 1, 2, …; seed: the same one gives the same questions. It has fewer if the chapter has. Raises
    ValueError for a chapter without families of questions.
    """
    families = [q for q in load().values() if q.family and q.lesson.startswith(f"{chapter:02}_")]
    if not families:
        raise ValueError(f"chapter={chapter!r} has no questions whose numbers are drawn")
    rng = np.random.default_rng([arguments.whole("seed", seed, low=0), chapter])
    chosen = rng.permutation(len(families))[: arguments.whole("count", count, low=1)]
    return [families[i].drawn(rng) for i in chosen]


def find(id):
    """The question with this id; ValueError naming the nearest ids if there is none."""
    questions = load()
    if id in questions:
        return questions[id]
    near = difflib.get_close_matches(str(id), questions, n=5, cutoff=0.5) or sorted(questions)
    raise ValueError(f"There is no question {id!r}. Did you mean: {', '.join(near)}?")


@functools.cache
def load():
    """All questions of all chapters, by id.

    Raises ValueError naming the file, the question and what is wrong with it.
    """
    return read(contents.words())


def read(words):
    """The questions, by id, in {chapter: the table of its words.toml}; ValueError as in `load`."""
    questions = {}
    for chapter, table in words.items():
        where = file = f"{chapter}/{contents.WORDS}"
        try:
            if not isinstance(lesson := table.get("lesson"), str):
                raise ValueError("'lesson', the notebook's name, is missing at the top")
            for id, entry in table.items():
                if id in RESERVED:
                    continue
                where = f"{file} [{id}]"
                if id in questions:
                    raise ValueError("another file has a question with this id")
                if not isinstance(entry, dict):
                    raise ValueError("it is no table")
                table = {**entry, "id": id, "lesson": lesson}
                family = Family(table, draws_of(table))
                questions[id] = family.question(0) if "draw" in table else _question(table)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    return dict(sorted(questions.items(), key=lambda item: item[1].lesson))


def _question(table, family=None, draw=None):
    kinds = {"choice": MultipleChoice, "number": Number}
    table = dict(table)
    kind = table.pop("kind", None)
    if kind not in kinds:
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(kinds)}")
    return replace(_build(kinds[kind], table), family=family, draw=draw or {})


def _build(cls, table):
    """An instance of one of the dataclasses above, from a table of the file."""
    if not isinstance(table, dict):
        raise ValueError(f"{table!r} is not a table")
    allowed = {one.name: one for one in fields(cls) if one.name not in ("family", "draw")}
    values = {}
    for key, value in table.items():
        if key not in allowed:
            raise ValueError(f"unknown key {key!r}; the keys are {', '.join(allowed)}")
        try:
            values[key] = _convert(value, allowed[key].type)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    for key, wanted in allowed.items():
        if key not in values and wanted.default is MISSING:
            raise ValueError(f"{key!r} is missing")
    return cls(**values)


def _convert(value, type):
    if type is float:
        return value if isinstance(value, float) else parse_number(str(value))
    if isinstance(value, list) and type in (list[Option], list[WrongNumber]):
        return [_build(type.__args__[0], item) for item in value]
    if type not in (str, bool) or not isinstance(value, type) or value == "":
        raise ValueError(f"{value!r} is not a {type.__name__}, or is empty")
    return value
