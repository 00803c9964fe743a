"""Questions and predictions in a notebook: `ask(id)` and `predict(id)`."""

from html import escape
from math import inf
from time import monotonic

from ipywidgets import HTML, Button, IntSlider, Layout, Text, ToggleButtons, VBox

from helpers.checking.questions import MultipleChoice, find
from helpers.checking.settling import TRUTHS, unsettled
from helpers.figures.aloud import listen
from helpers.figures.svg import unique_name
from helpers.figures.theme import style_sheet
from helpers.progress.record import PROGRESS

# Options are buttons under each other, of any length. Radio buttons would be the obvious choice, but
# JupyterLab takes the arrow keys that they need and moves to another cell: without a mouse only the first
# could be chosen.


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


class QuestionBox(VBox):
    """One question: its text, a field for the answer, a button and the feedback."""

    kind = "question"
    button_text = "Check"
    sure = None

    def __init__(self, question):
        self.question = question
        self.field = _options(question) if isinstance(question, MultipleChoice) else self._number_field()
        self.button = Button(
            description=self.button_text, layout=Layout(width="auto", align_self="flex-start")
        )
        self.button.on_click(self._on_click)
        self.field.observe(self._on_value, "value")
        self._asked = -inf
        self._aloud = unique_name()
        self.feedback = HTML(f'<div id="{self._aloud}"></div>', layout=Layout(width="auto"))
        super().__init__(self._rows(), layout=Layout(width="auto", max_width="46em"))
        self.add_class("td-ask")
        self._remember()

    def submit(self):
        """Judge the answer in the field, record it unless it repeats the last, and respond."""
        answer = (self.field.value or "").strip()
        try:
            response = self.question.judge(answer)
        except ValueError as error:
            self._show("muted", escape(str(error)))
        else:
            self._respond(answer, response, self._record(self._row(answer, response)))

    def _rows(self):
        """From top to bottom."""
        header = HTML(f"{style_sheet()}{self._header()}{listen(self._aloud)}", layout=Layout(width="auto"))
        return [header, self.field, self.button, self.feedback]

    def _header(self):
        return f"<b>{self.kind.title()}.</b> {self.question.text}"

    def _number_field(self):
        field = Text(
            description=f"Your answer {self.question.unit}".strip(),
            placeholder="such as 1/8 or 3e-8",
            continuous_update=False,
            layout=Layout(width="26em", max_width="100%"),
            style={"description_width": "initial"},
        )
        field.on_msg(self._on_message)
        return field

    # Leaving a field sends its value and no more. Enter sends a message first and the value after
    # it, and when the kernel is busy a click, too, overtakes the value it is about.

    def _on_message(self, _, content, buffers):
        if content.get("event") == "submit":
            self._asked = monotonic()

    def _on_click(self, _):
        self.submit()
        if self.field.value:  # with nothing chosen there is nothing that the value could be late for
            self._asked = monotonic()

    def _on_value(self, _):
        if monotonic() - self._asked < 1:
            self.submit()

    def _remember(self):
        """Show what was answered when the notebook ran before."""
        if earlier := self._earlier("question"):
            verdict = "right" if earlier[-1].correct else "not right yet"
            self._show("muted", f"You answered this before: “{escape(earlier[-1].answer)}”, {verdict}.")

    def _earlier(self, kind):
        rows = PROGRESS.answers(self.question.id)
        return [row for row in rows if row.kind == kind and row.draw == self.question.posed]

    def _row(self, answer, response):
        """What is recorded of an answer: an `Answer` without its time and its draw."""
        return "question", self.question.id, answer, response.correct, None, response.tag

    def _record(self, row):
        """Record the answer, and say in a word what became of it."""
        row = *row, self.question.posed
        if any(last[1:] == row for last in self._earlier(row[0])[-1:]):
            return "Already noted"
        return "Saved" if PROGRESS.record(*row) else "Noted"

    def _respond(self, answer, response, recorded):
        look, mark = ("good", "✓ Right.") if response.correct else ("alarm", "✗ Not yet.")
        self._show(look, f"<b>{mark}</b> {response.feedback}{_as_read(answer, response)}")

    def _show(self, look, html):
        """Put a card with trusted html under the question, and a notice if there is one."""
        card = '<div class="td-card td-{}">{}</div>'
        notice = PROGRESS.notice()
        cards = card.format(look, html) + (card.format("muted", escape(notice)) if notice else "")
        self.feedback.value = f'<div id="{self._aloud}">{cards}</div>'

    def _repr_mimebundle_(self, **kwargs):
        """The widget and, for a page without a kernel, the question as HTML."""
        options = "".join(f"<li>{escape(o.text)}</li>" for o in getattr(self.question, "options", []))
        html = f"<p>{self._header()}</p>" + (f"<ul>{options}</ul>" if options else "")
        return {**super()._repr_mimebundle_(**kwargs), "text/html": html}


class PredictionBox(QuestionBox):
    """A question with a confidence. Whether the answer is right is shown after the cell that shows the truth.

    An answer after that cell is no prediction: it is judged at once, and recorded as that of a question.
    """

    kind = "prediction"
    button_text = "Commit prediction"

    def __init__(self, question):
        self.confidence = IntSlider(
            value=50, min=50, max=100, step=5, readout=False, description="I am 50 % sure"
        )
        self.confidence.style.description_width = "initial"
        self.confidence.observe(self._on_confidence, "value")
        super().__init__(question)
        if TRUTHS.watch(question, self.settle):
            self.settle()

    def settle(self):
        """Judge what was predicted, and show it beside the truth; without a prediction, show nothing."""
        rows = unsettled(PROGRESS.answers(self.question.id)).get(self.question.id, [])
        for row in dict.fromkeys((*rows[:1], *rows[-1:])):
            try:
                response = self.question.judge(row.answer)
            except ValueError:  # another version of the course had this option
                continue
            PROGRESS.record(*row[1:4], response.correct, row.confidence, response.tag)
        if settled := self._settled():
            self._show(*self._settlement(settled[0], settled[-1]))

    @property
    def sure(self):
        return self.confidence.value

    @property
    def _looked(self):
        """Can the learner have seen the truth?"""
        judged = [row for row in PROGRESS.answers(self.question.id) if row.correct is not None]
        return bool(judged) or self.question.id in TRUTHS.shown

    def _settled(self):
        return [row for row in self._earlier("prediction") if row.correct is not None]

    def _settlement(self, first, last):
        """(look, html): ✓ or ✗, what was said and how surely, what is true, and the diagnosis."""
        try:
            response = self.question.judge(last.answer)
        except ValueError:
            return "muted", f"You answered this before: {_quote(last)}."
        look, mark = ("good", "✓ Right.") if response.correct else ("alarm", "✗ Not so.")
        truth, why = self.question.reveal(response)
        said = f"You said {_said(last, response)}, {last.confidence} % sure."
        counts = ""
        if (first.answer, first.confidence) != (last.answer, last.confidence):
            counts = f"<br>{self._first(first).strip()} It was {'right' if first.correct else 'wrong'}."
        return look, f"<b>{f'{mark} {truth}'.strip()}</b> {said} {why}{counts}"

    def _remember(self):
        if settled := self._settled():
            self._show(*self._settlement(settled[0], settled[-1]))
        elif earlier := self._earlier("prediction"):
            self._show("muted", f"You answered this before: {_quote(earlier[-1])}.{self._changed(earlier)}")
        else:
            super()._remember()

    def _rows(self):
        header, field, button, feedback = super()._rows()
        return [header, field, self.confidence, button, feedback]

    def _on_confidence(self, _):
        self.confidence.description = f"I am {self.sure} % sure"

    def _row(self, answer, response):
        if self._looked:
            return super()._row(answer, response)
        return "prediction", self.question.id, answer, None, self.sure, None

    def _respond(self, answer, response, recorded):
        if self._looked:
            late = "You have seen the truth already, so this does not count as a prediction."
            return super()._respond(
                answer, response._replace(feedback=f"{response.feedback} {late}"), recorded
            )
        earlier = self._earlier("prediction")
        text = f"<b>{recorded}:</b> {_quote(earlier[-1])}.{self._changed(earlier)}"
        read = _as_read(answer, response) if response.reading != answer else ""
        return self._show("muted", f"{text} Run the next cell to see what happens.{read}")

    def _changed(self, earlier):
        return self._first(earlier[0]) if len(earlier) > 1 else ""

    def _first(self, row):
        return f" Your first prediction, {_quote(row)}, is the one that counts."


def _options(question):
    options = [option.text for option in question.options]
    return ToggleButtons(options=options, value=None, layout=Layout(width="auto"))


def _as_read(answer, response):
    """A line that says which number was read; nothing after a choice."""
    if not response.reading:
        return ""
    read = "" if response.reading == answer else f", read as {response.reading}"
    return f"<br><small>You wrote {escape(answer)}{read}.</small>"


def _said(row, response):
    if not response.reading:
        return f"“{escape(row.answer)}”"
    return escape(row.answer) + ("" if response.reading == row.answer else f" (read as {response.reading})")


def _quote(row):
    return f"“{escape(row.answer)}” ({row.confidence} % sure)"
