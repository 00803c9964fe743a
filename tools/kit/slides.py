"""Slides of a lesson: one HTML file that needs no network, and prints one slide a page.

Each section of the core path has what it says in bold, its equations, and its instruments as pictures. Two
questions are put to the vote, those of the lesson that have options; then come claims, to be judged first.
"""

import re
from html import escape

from nbconvert.filters.markdown_mistune import MarkdownWithMath

from helpers import instruments
from helpers.checking.questions import MultipleChoice
from helpers.figures.theme import style_rules
from tools.kit import render
from tools.web.pages import Renderer

VOTES = 2
CLAIMS = 4
POINTS, EQUATIONS = 3, 2  # of a section
NO_SLIDE = ("Opening", "Break it on purpose")


def write(lesson):
    """The slides of a lesson, as HTML."""
    return render("slides.html.j2", title=lesson.title, rules=style_rules(), slides=list(slides(lesson)))


def votes(lesson):
    """The questions put to the vote: of those with options that the core path asks, predictions first."""
    asked = [
        question
        for name in ("predict", "ask")
        for section in lesson.sections
        for question in section.asked(name)
        if isinstance(question, MultipleChoice)
    ]
    return asked[:VOTES]


def slides(lesson):
    """{kind, title, body, notes} of each slide; bodies and notes are HTML."""
    voted = {question.id: question for question in votes(lesson)}
    yield _slide("title", lesson.title, html("\n\n".join(_bold(lesson.sections[0].text)[:1])))
    for section in lesson.sections:
        mine = [question for question in section.asked("predict", "ask") if question.id in voted]
        yield from (_vote(question) for question in mine if question.truth)
        said = [*_bold(section.text)[:POINTS], *_equations(section.text)[:EQUATIONS]]
        if said and section.title not in NO_SLIDE:
            yield _slide("section", section.title, html("\n\n".join(said)), _minutes(section))
        for name, settings in section.instruments:
            yield _picture(name, settings)
        yield from (_vote(question) for question in mine if not question.truth)
    for claim in claims(lesson):
        quote = f"> *“{_line(claim['says'])}”* — {claim['source']}"
        verdict = f"**{claim['verdict'].capitalize()}.** {_line(claim['truth'])}"
        yield _slide("claim", "Right, half right, or wrong?", html(quote), html(verdict))
        yield _slide("claim", claim["verdict"].capitalize(), html(f"{quote}\n\n{_line(claim['truth'])}"))


def claims(lesson):
    """Those that the core path measures, then the others."""
    core = lesson.cells
    return sorted(lesson.claims, key=lambda claim: claim.get("cell") not in core)[:CLAIMS]


def html(markdown):
    """Markdown with mathematics as HTML. A link to a file becomes plain text."""
    return MarkdownWithMath(renderer=Renderer([], "notebooks")).render(markdown)


def _slide(kind, title, body, notes=""):
    return {
        "kind": kind,
        "title": html(title).removeprefix("<p>").rstrip().removesuffix("</p>"),
        "body": body,
        "notes": notes,
    }


def _minutes(section):
    return f"<p>About {max(1, round(section.minutes))} minutes alone.</p>"


def _vote(question):
    options = "".join(f"<li>{escape(option.text)}</li>" for option in question.options)
    why = "".join(
        f"<li>{'<b>Right.</b> ' if option.correct else ''}{option.feedback}</li>"
        for option in question.options
    )
    body = f'<p>{question.text}</p><ol type="A">{options}</ol>'
    return _slide("vote", "Vote", body, f'<ol type="A">{why}</ol>')


def _picture(name, settings):
    """An instrument as it opens in the lesson: its picture now, what it finds in the notes."""
    opened = getattr(instruments, name)(**{key: value for key, value in settings.items() if key != "guess"})
    picture = opened.figure.picture(opened.description).inside()
    word, sentence, _ = opened.verdict(opened.settings, opened.result)
    notes = f"<p>Open <code>{name}</code> in the lesson. <b>{word}</b> {sentence}</p>"
    question = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", opened.question)  # a phrase that makes a setting
    return _slide("picture", opened.title, f"<p>{question}</p>{picture}", notes)


def _bold(markdown):
    """The sentences with something in bold, without tables and quotes."""
    lines = [line for line in markdown.splitlines() if not re.match(r"[|>#`]|\d+\. ", line)]
    text = re.sub(r"\$\$.*?\$\$|```.*?```", "\n\n", "\n".join(lines), flags=re.DOTALL)
    sentences = [
        sentence
        for paragraph in re.split(r"\n\s*\n|\n- ", text)
        for sentence in re.split(r"(?<=[.?!])\s+(?=[A-ZÀ-Þ*“$])", _line(paragraph).removeprefix("- "))
    ]
    # Where bold runs over several sentences, a part of them would be broken.
    return [one for one in sentences if "**" in one and one.count("**") % 2 == 0]


def _equations(markdown):
    return re.findall(r"\$\$.*?\$\$", markdown, re.DOTALL)


def _line(text):
    return " ".join(text.split())
