"""Questions and predictions in a notebook: `ask(id)` and `predict(id)`.

The browser shows a card (`browser/question.js`) and sends what was answered; what is true, and what is said,
is here. A page without a kernel says the same (`tools/web/life.py`).
"""

from html import escape

import numpy as np
from traitlets import Dict

from helpers.browser.notebook import InBrowser
from helpers.checking.questions import MultipleChoice, find
from helpers.checking.settling import TRUTHS, unsettled
from helpers.progress.record import PROGRESS


def ask(id):
    """A quick question with immediate feedback and any number of tries, as a widget.

    id: the question's, such as "init-he-std". Raises ValueError for an unknown one.
    """
    return QuestionBox(find(id))


def predict(id):
    """A prediction with a confidence, as a widget, settled once the cell that shows the truth has run.

    id: the question's, such as "predict-he-var". Raises ValueError for an unknown one.
    """
    return PredictionBox(find(id))


# What a card says, as (look, trusted html): good, alarm or muted. `given` is HTML.


def verdict(response, given, note=""):
    """What is said of an answer to a question."""
    look, mark = ("good", "✓ Right.") if response.correct else ("alarm", "✗ Not yet.")
    return look, f"<b>{mark}</b> {response.feedback}{note}<br><small>You wrote {given}.</small>"


def settlement(question, response, given, sure):
    """✓ or ✗, what is true, what was said and how surely, and the diagnosis."""
    look, mark = ("good", "✓ Right.") if response.correct else ("alarm", "✗ Not so.")
    truth, why = question.reveal(response)
    return look, f"<b>{f'{mark} {truth}'.strip()}</b> You said {given}, {sure}% sure. {why}"


def given(answer, response):
    """An answer as it was given, and the number that it was read as if that is another."""
    if not response.reading:
        return f"“{escape(answer)}”"
    return escape(answer) + ("" if response.reading == answer else f", read as {response.reading}")


def about(question, kind):
    """All of a question's card that does not change, as JSON."""
    number = not isinstance(question, MultipleChoice)
    try:
        question.judge("")
    except ValueError as error:
        missing = str(error)
    return {
        "id": question.id,
        "kind": kind,
        "text": f"<b>{kind.title()}.</b> {question.text}",
        "options": None if number else [option.text for option in question.options],
        "unit": question.unit if number else "",
        "precision": _precision(question) if number else "",
        "missing": missing,
    }


def _precision(question):
    """How near to the truth an answer must be, in words."""
    if question.factor != 1:
        return f"Within a factor of {question.factor:g} counts as right."
    near = [f"{100 * question.rtol:g}%"] if question.rtol else []
    near += [f"{question.atol:g}"] if question.atol else []
    return f"Within {' or '.join(near)} counts as right." if near else "It is exact."


class QuestionBox(InBrowser):
    """One question: its text, a field for the answer, a button, and what is said of the answer."""

    module = "question.js"
    kind = "question"
    _about = Dict().tag(sync=True)
    _state = Dict().tag(sync=True)  # see show() in question.js

    def __init__(self, question):
        self.question = question
        super().__init__(_about=about(question, self.kind))
        self.on_msg(lambda _, content, buffers: self._hear(**content))
        self._remember()

    def _hear(self, another=False, **given):
        self.another() if another else self.submit(**given)

    def another(self):
        """Ask another question of the family, with numbers that were not asked before if there are any."""
        seen = [row.draw for row in PROGRESS.answers(self.question.id)]
        self.question = self.question.drawn(np.random.default_rng(), seen)
        with self.hold_sync():
            self._about = about(self.question, "question")
            self._remember()

    def submit(self, answer, sure=None):
        """Judge an answer, record it unless it repeats the last, and respond.

        sure: of a prediction, in per cent.
        """
        answer = answer.strip()
        try:
            response = self.question.judge(answer)
        except ValueError as error:
            self._show("muted", escape(str(error)), answer, sure)
        else:
            self._respond(answer, sure, response, self._record(self._row(answer, sure, response)))

    @property
    def said(self):
        """What the card says now, as HTML."""
        return "".join(html for _, html in self._state["cards"])

    def _remember(self):
        """Show what was answered when the notebook ran before."""
        if earlier := self._earlier("question"):
            right = "right" if earlier[-1].correct else "not right yet"
            words = f"You answered this before: “{escape(earlier[-1].answer)}”, {right}."
            self._show("muted", words, earlier[-1].answer)
        else:
            self._show("", "")

    def _earlier(self, kind):
        rows = PROGRESS.answers(self.question.id)
        return [row for row in rows if row.kind == kind and row.draw == self.question.posed]

    def _row(self, answer, sure, response):
        """What is recorded of an answer: an `Answer` without its time and its draw."""
        return "question", self.question.id, answer, response.correct, None, response.tag

    def _record(self, row):
        """Record the answer, and say in a word what became of it."""
        row = *row, self.question.posed
        if any(last[1:] == row for last in self._earlier(row[0])[-1:]):
            return "Already noted"
        return "Saved" if PROGRESS.record(*row) else "Noted"

    def _respond(self, answer, sure, response, recorded):
        self._show(*verdict(response, given(answer, response)), answer)

    def _show(self, look, html, answer="", sure=None, settled=False):
        """Show a card with trusted html, and a notice if there is one."""
        notice = html and PROGRESS.notice()
        self._state = {
            "asks": self._asks,
            "answer": answer,
            "sure": sure,
            "cards": [[look, html]] * bool(html) + [["muted", escape(notice)]] * bool(notice),
            "settled": settled,
            # Not after what only was noted, or could not be read.
            "another": bool(self.question.family) and look in ("good", "alarm"),
            "count": self._state.get("count", 0) + 1,  # the same words again are news, too
        }

    @property
    def _asks(self):
        """What an answer would be now."""
        return self.kind

    def still(self):
        """The question in plain HTML, for a page without a kernel."""
        options = "".join(f"<li>{escape(text)}</li>" for text in self._about["options"] or ())
        return {
            "text/html": f"<p>{self._about['text']}</p>" + (f"<ul>{options}</ul>" if options else ""),
            "text/plain": f"{self.kind.title()} {self.question.id}",
        }


class PredictionBox(QuestionBox):
    """A question with a confidence. Whether the answer is right is shown after the cell that shows the truth.

    An answer after that cell is no prediction: it is judged at once, and recorded as that of a question.
    """

    kind = "prediction"

    def __init__(self, question):
        super().__init__(question)
        if TRUTHS.watch(question, self.settle):
            self.settle()

    def settle(self):
        """Judge what was predicted, and show it beside the truth; without a prediction, show nothing new."""
        rows = unsettled(PROGRESS.answers(self.question.id)).get(self.question.id, [])
        for row in dict.fromkeys((*rows[:1], *rows[-1:])):
            try:
                response = self.question.judge(row.answer)
            except ValueError:  # another version of the course had this option
                continue
            PROGRESS.record(*row[1:4], response.correct, row.confidence, response.tag)
        if settled := self._settled():
            self._settlement(settled[0], settled[-1])
        else:
            self._state = {**self._state, "asks": self._asks}

    @property
    def _asks(self):
        """A question, once the learner can have seen the truth."""
        judged = any(row.correct is not None for row in PROGRESS.answers(self.question.id))
        return "question" if judged or self.question.id in TRUTHS.shown else "prediction"

    def _settled(self):
        return [row for row in self._earlier("prediction") if row.correct is not None]

    def _settlement(self, first, last):
        try:
            response = self.question.judge(last.answer)
        except ValueError:
            return self._show("muted", f"You answered this before: {_quote(last)}.", last.answer)
        look, html = settlement(self.question, response, given(last.answer, response), last.confidence)
        if (first.answer, first.confidence) != (last.answer, last.confidence):
            html += f"<br>{self._first(first).strip()} It was {'right' if first.correct else 'wrong'}."
        self._show(look, html, last.answer, last.confidence, settled=True)

    def _remember(self):
        if settled := self._settled():
            self._settlement(settled[0], settled[-1])
        elif earlier := self._earlier("prediction"):
            words = f"You answered this before: {_quote(earlier[-1])}.{self._changed(earlier)}"
            self._show("muted", words, earlier[-1].answer, earlier[-1].confidence)
        else:
            super()._remember()

    def _row(self, answer, sure, response):
        if self._asks == "question":
            return super()._row(answer, sure, response)
        return "prediction", self.question.id, answer, None, sure, None

    def _respond(self, answer, sure, response, recorded):
        said = given(answer, response)
        if self._asks == "question":
            late = " You have seen the truth already, so this does not count as a prediction."
            return self._show(*verdict(response, said, late), answer)
        earlier = self._earlier("prediction")
        text = f"<b>{recorded}:</b> {_quote(earlier[-1])}.{self._changed(earlier)}"
        read = f"<br><small>You wrote {said}.</small>" if response.reading not in (None, answer) else ""
        self._show("muted", f"{text} Run the next cell to see what happens.{read}", answer, sure)

    def _changed(self, earlier):
        return self._first(earlier[0]) if len(earlier) > 1 else ""

    def _first(self, row):
        return f" Your first prediction, {_quote(row)}, is the one that counts."


def _quote(row):
    return f"“{escape(row.answer)}” ({row.confidence}% sure)"
