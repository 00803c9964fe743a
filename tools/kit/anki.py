"""Questions as cards for Anki: File → Import takes the text file as it is."""

import csv
import io
from html import escape

from helpers.checking.arithmetic import written
from helpers.checking.questions import MultipleChoice

HEAD = (
    "#separator:tab",
    "#html:true",
    "#notetype:Basic",
    "#columns:Guid\tDeck\tFront\tBack\tTags",
    "#guid column:1",
    "#deck column:2",
    "#tags column:5",
)


def write(lesson):
    """The cards of a chapter, one a question with the lesson's own numbers.

    A card keeps its guid, so that importing again changes the words, and not when it is due.
    """
    file = io.StringIO()
    rows = csv.writer(file, delimiter="\t", lineterminator="\n")
    for question in lesson.questions:
        tags = f"trainable-depth {question.id} chapter-{lesson.number}"
        guid, deck = f"trainable-depth-{question.id}", f"Trainable Depth::{lesson.title}"
        rows.writerow([guid, deck, *map(_line, _sides(question)), tags])
    return "\n".join(HEAD) + "\n" + file.getvalue()


def _sides(question):
    if isinstance(question, MultipleChoice):
        options = "".join(f"<li>{escape(option.text)}</li>" for option in question.options)
        right = next(option for option in question.options if option.correct)
        front = f'{question.text}<ol type="A">{options}</ol>'
        return front, f"<b>{escape(right.text)}</b><br>{right.feedback}"
    unit = f" {question.unit}" if question.unit else ""
    return question.text + unit, f"<b>{written(question.answer)}</b>{unit}<br>{question.right}"


def _line(html):
    return " ".join(html.split())
