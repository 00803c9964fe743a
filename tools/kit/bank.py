"""Questions as platforms know them: what both formats are written from, and read back to."""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from html import escape, unescape

from helpers.checking.questions import MultipleChoice
from helpers.checking.widgets import about
from tools.kit.lessons import variants

# A name such as &times;, which XML does not know; or the sign & itself; or < where no tag begins.
_ENTITY = re.compile(r"&(#?\w+;)?|<(?![/a-zA-Z])")
HOW_TO_TYPE = "Type a number such as 0.25 or 3e-8."


@dataclass(frozen=True)
class Choice:
    """An option. Its text is plain, its feedback HTML."""

    text: str
    right: bool
    feedback: str


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, which may be infinite. The first range that holds a number judges it."""

    low: float
    high: float
    right: bool
    feedback: str


@dataclass(frozen=True)
class Item:
    """A question with its answers: all Choices, or Ranges that hold every number.

    name: the question's id, and which variant it is. text: HTML that is XML, too. number: the right one.
    """

    name: str
    family: str
    section: str
    text: str
    answers: tuple
    number: float | None = None


def items(lesson):
    """The Items of a chapter: each question, and of a family its variants."""
    return [
        item(one, f"{question.id}-{i}", question)
        for question in lesson.questions
        for i, one in enumerate(variants(question), 1)
    ]


def item(question, name, of):
    """A question as an Item. `of` is the question of the lesson that it is a variant of."""
    if isinstance(question, MultipleChoice):
        answers = [Choice(o.text, o.correct, _xml(o.feedback)) for o in question.options]
        return Item(name, of.id, question.section, _xml(question.text), tuple(answers))
    unit = f" {question.unit}" if question.unit else ""
    precision = about(question, "question")["precision"]
    text = _xml(f"{question.text}{unit} <i>{HOW_TO_TYPE} {precision}</i>")
    return Item(name, of.id, question.section, text, tuple(_ranges(question)), question.answer)


def _ranges(question):
    """The right answer, then the known wrong ones, then what is too small and too large."""
    low, high = question.near(question.answer)
    near = min(question.answer - low, high - question.answer)
    right = _xml(question.right)
    # First around the number itself, as a platform shows the middle of a range as the answer.
    yield Range(question.answer - near, question.answer + near, True, right)
    yield Range(low, high, True, right)
    for wrong in question.wrong:
        yield Range(*question.near(wrong.value), False, _xml(wrong.feedback))
    yield Range(-math.inf, question.answer, False, _xml(question.too_small))
    yield Range(question.answer, math.inf, False, _xml(question.too_large))


def _xml(html):
    """HTML on one line, as XML, which QTI wants. Raises ValueError if its tags do not fit into each other."""
    line = _ENTITY.sub(lambda found: escape(unescape(found[0]), quote=False), " ".join(html.split()))
    try:
        ET.fromstring(f"<p>{line}</p>")
    except ET.ParseError as error:
        raise ValueError(f"{line!r} is no XML: {error}") from None
    return line


def element(tag, text="", **attributes):
    """An XML element, with text."""
    made = ET.Element(tag, attributes)
    made.text = text or None
    return made


def document(root):
    """An XML file, as bytes. Without indents: a blank more would be seen in a text."""
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
