"""Questions as data: reading them from the chapters' words.toml, and judging an answer."""

import ast
import difflib
import functools
import itertools
import math
import operator
import re
import unicodedata
from dataclasses import MISSING, dataclass, fields
from html import escape
from typing import NamedTuple

from helpers import contents

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


@dataclass(frozen=True)
class MultipleChoice:
    """A question with options, exactly one of them correct."""

    id: str
    text: str
    options: list[Option]
    lesson: str = ""  # the notebook's name without .ipynb
    section: str = ""  # one of the lesson's headings
    truth: str = ""  # of a prediction: the id of the lesson's cell that shows what is true

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


@dataclass(frozen=True)
class Number:
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
        return f"It is {self.answer:.4g}."

    def near(self, target):
        """The lowest and the highest number that count as `target`: (low, high)."""
        if self.factor != 1:
            return target / self.factor, target * self.factor
        low, high = sorted((target * (1 - self.rtol), target / (1 - self.rtol)))
        return min(low, target - self.atol), max(high, target + self.atol)

    def _near(self, value, target):
        low, high = self.near(target)
        return low <= value <= high


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
                questions[id] = _question(id, entry, lesson)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    return dict(sorted(questions.items(), key=lambda item: item[1].lesson))


def _question(id, table, lesson):
    kinds = {"choice": MultipleChoice, "number": Number}
    if not isinstance(table, dict):
        raise ValueError("it is no table")
    table = dict(table)
    kind = table.pop("kind", None)
    if kind not in kinds:
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(kinds)}")
    return _build(kinds[kind], {**table, "id": id, "lesson": lesson})


def _build(cls, table):
    """An instance of one of the dataclasses above, from a table of the file."""
    if not isinstance(table, dict):
        raise ValueError(f"{table!r} is not a table")
    allowed = {field.name: field for field in fields(cls)}
    values = {}
    for key, value in table.items():
        if key not in allowed:
            raise ValueError(f"unknown key {key!r}; the keys are {', '.join(allowed)}")
        try:
            values[key] = _convert(value, allowed[key].type)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    for key, field in allowed.items():
        if key not in values and field.default is MISSING:
            raise ValueError(f"{key!r} is missing")
    return cls(**values)


def _convert(value, type):
    if type is float:
        return parse_number(str(value))
    if isinstance(value, list) and type in (list[Option], list[WrongNumber]):
        return [_build(type.__args__[0], item) for item in value]
    if type not in (str, bool) or not isinstance(value, type) or value == "":
        raise ValueError(f"{value!r} is not a {type.__name__}, or is empty")
    return value


def _fraction(sign):
    """½ as 1/2."""
    return unicodedata.normalize("NFKC", sign).replace("⁄", "/")


# What mathematics, keyboards and phones write, and what Python writes for it.
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
SPELLINGS = [
    (r"^[\s≈~=×x*+]+|[\s×x]+$", ""),
    (r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda power: f"**({power[0].translate(SUPERSCRIPTS)})"),
    (r"(\d*)([¼-¾⅐-⅞])", lambda mixed: f"({mixed[1] or 0}+{_fraction(mixed[2])})"),
    (r"\s+", " "),
    # Three digits behind a comma are thousands, unless a 0 stands before it: "1,000", but "0,125".
    (r"(?<![\d.,])[1-9]\d{0,2}(([,'’ ])\d{3}(\2\d{3})*)(?![\d,'’])", lambda n: re.sub(r"\D", "", n[0])),
    (r"(?<=\d),(?=\d)", "."),
    (r"√ ?(\d[\d.]*)", r"sqrt(\1)"),
    ("√", "sqrt"),
    ("π", "pi"),
    ("[−–]", "-"),
    ("[×·⋅]|(?<!e)x|x(?!p)", "*"),  # the x of exp is none
    (r"\^", "**"),
    (r"^(.+)%$", r"(\1)/100"),
]
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
NAMES = {"pi": math.pi, "e": math.e}
FUNCTIONS = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "ln": math.log,
    "log10": math.log10,
    "log2": math.log2,
}
UNREAD = "Type a number such as 0.25, 1/8, 2^-25, 3e-8 or sqrt(2/128)."


def parse_number(text):
    """The float that was typed, such as '1/8', '2^-25', '3 x 10⁻⁸', '½', '1,000', '0,125' or '50 %'.

    Raises ValueError with a sentence for the learner if it is not a finite number.
    """
    python = text.casefold()
    for pattern, replacement in SPELLINGS:
        python = re.sub(pattern, replacement, python)
    try:
        # The first check keeps Python's own syntax, and anything long enough to be slow, out.
        if not re.fullmatch(r"([\d.+\-*/() e]|sqrt|exp|log|ln|pi){1,100}", python, re.ASCII):
            raise ValueError(python)
        value = _evaluate(ast.parse(python, mode="eval").body)
        if math.isfinite(value):
            return value
    except (ValueError, SyntaxError, ArithmeticError, LookupError):
        pass
    problem = f"I cannot read {text[:40]!r} as a number. " if text.strip() else ""
    raise ValueError(problem + UNREAD)


def _evaluate(node):
    """The value of an arithmetic expression, in floats, so that no power grows without end."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return NAMES[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](_evaluate(left), _evaluate(right))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
            return FUNCTIONS[name](_evaluate(argument))
    raise ValueError(node)
