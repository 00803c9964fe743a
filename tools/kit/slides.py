"""Slides of a lesson: one HTML file that needs no network, and prints one slide a page.

Each section of the core path has what it says in bold, its tables and equations, the pictures that its cells
draw, and its instruments as pictures. Two questions with options are put to the vote; then come claims, to be
judged before they are measured.
"""

import re
from html import escape

import matplotlib as mpl
from nbconvert.filters.markdown_mistune import MarkdownWithMath

from helpers import instruments
from helpers.checking.questions import MultipleChoice
from helpers.figures.theme import style_rules
from tools.kit import plots, render
from tools.web.pages import Renderer

PICTURE = re.compile(r"\btd\d+\b")
VOTES = 2
CLAIMS = 4
POINTS, WORDS = 4, 70  # of a section: paragraphs, tables, equations; words of a paragraph
FULL = 110  # words of a slide, from which on they are smaller
SUMMARY = "Summary"
NO_SLIDE = ("Opening", "Break it on purpose")


def write(lesson):
    """The slides of a lesson, as HTML."""
    text = render("slides.html.j2", title=lesson.title, rules=style_rules(), slides=list(slides(lesson)))
    # The names inside pictures begin at random, as notebooks that are open together share a page.
    names = {name: f"td{i}" for i, name in enumerate(dict.fromkeys(PICTURE.findall(text)))}
    return PICTURE.sub(lambda found: names[found[0]], text)


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
    promise = re.search(r"\*\*.+?\*\*$", lesson.sections[0].text, re.MULTILINE)
    yield _slide("title", lesson.title, html(promise[0].replace("**", "")) if promise else "")
    for section in lesson.sections:
        mine = [question for question in section.asked("predict", "ask") if question.id in voted]
        yield from (_vote(question) for question in mine if question.truth)
        said = _said(section)
        if said and section.title not in NO_SLIDE:
            kind = "full" if len(" ".join(said).split()) > FULL else "section"
            yield _slide(kind, section.title, html("\n\n".join(said)), _minutes(section))
        for cell in filter(plots.drawn, section.cells):
            yield _plot(lesson, section, cell)
        for name, settings in section.instruments:
            yield _instrument(name, settings)
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


def _plot(lesson, section, cell):
    """What a cell of the lesson draws, with its title in it; in the notes, what can be seen there."""
    words, picture = plots.picture(lesson, cell.id)
    return _slide("picture", section.title, picture, f"<p>{escape(words)}</p>")


def _instrument(name, settings):
    """An instrument as it opens in the lesson: its picture now, what it finds in the notes."""
    opened = getattr(instruments, name)(**{key: value for key, value in settings.items() if key != "guess"})
    with mpl.rc_context({"svg.hashsalt": name}):  # else names inside the picture are drawn at random
        picture = opened.figure.picture(opened.description).inside()
    word, sentence, _ = opened.verdict(opened.settings, opened.result)
    notes = f"<p>Open <code>{name}</code> in the lesson. <b>{word}</b> {sentence}</p>"
    question = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", opened.question)  # a phrase that makes a setting
    return _slide("picture", opened.title, f"<p>{question}</p>{picture}", notes)


def _said(section):
    """What a slide has of a section, in Markdown: all of a summary, else what has something in bold, code,
    tables and equations, as they come. A long paragraph gives its bold sentences, with the one before each.
    """
    blocks = re.findall(r"```.*?```|\S.*?(?=\n\s*\n|\n?```|\Z)", section.text, re.DOTALL)
    if section.title == SUMMARY:
        return blocks
    kept = [block for block in blocks if block.startswith(("|", "$$", "```")) or "**" in block]
    kept = [block for block in kept if not block.startswith(">")]  # claims have slides of their own
    return [block if block.startswith(("|", "$$", "```")) else _short(block) for block in kept[:POINTS]]


def _short(paragraph):
    if len(paragraph.split()) <= WORDS or paragraph.startswith(("- ", "1. ")):
        return paragraph
    sentences = re.split(r"(?<=[.?!])\s+(?=[A-ZÀ-Þ*“$])", _line(paragraph))
    bold = {i for i, one in enumerate(sentences) if "**" in one}
    chosen = [one for i, one in enumerate(sentences) if {i, i + 1} & bold]
    return " ".join(chosen)


def _line(text):
    return " ".join(text.split())
