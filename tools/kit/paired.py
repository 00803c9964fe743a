"""A pre-test and a post-test of paired items: two draws of the same families."""

from dataclasses import dataclass
from html import escape

from helpers.checking.arithmetic import written
from helpers.checking.questions import MultipleChoice
from tools.kit import page
from tools.kit.lessons import variants

TESTS = ("pre", "post")
ITEMS = 8


@dataclass(frozen=True)
class Asked:
    """An item of a test. code: such as 2-pre-3, by which answers are reported."""

    code: str
    question: object


def items(lesson):
    """{"pre": [Asked, …], "post": [Asked, …]}: items of the same number are of the same family.

    One of each section of the core path comes first, then the others, up to ITEMS. Neither draw is the
    lesson's.
    """
    sections = [section.title for section in lesson.sections]
    families = [one for one in lesson.questions if one.family]
    pairs = {one.id: variants(one, 2) for one in families}
    ready = [one for one in families if len(pairs[one.id]) == 2 and all(q.posed for q in pairs[one.id])]
    ready.sort(key=lambda one: (one.section not in sections, bool(one.truth)))
    first = list({one.section: one for one in reversed(ready)}.values())[::-1]
    chosen = [*first, *(one for one in ready if one not in first)][:ITEMS]
    chosen.sort(key=lesson.questions.index)
    return {
        test: [
            Asked(f"{lesson.number}-{test}-{i}", pairs[one.id][TESTS.index(test)])
            for i, one in enumerate(chosen, 1)
        ]
        for test in TESTS
    }


def write(lesson):
    """Both tests and their key as one HTML page to print; None for a lesson without families."""
    tests = items(lesson)
    if not tests["pre"]:
        return None
    parts = [part for test in TESTS for part in _sheet(lesson, test, tests[test])]
    parts.append(f"<h1>{escape(lesson.title)}: key</h1>")
    for test in TESTS:
        told = "".join(f"<li>{_key(asked.question)}</li>" for asked in tests[test])
        parts.append(f"<h2>{test.capitalize()}-test</h2><ol>{told}</ol>")
    return page(f"{lesson.title}: pre-test and post-test", parts)


def _sheet(lesson, test, asked):
    yield f'<div class="sheet"><h1>{escape(lesson.title)}: {test}-test</h1>'
    yield '<p>Name: <span class="line"></span></p><ol>'
    for one in asked:
        yield f'<li class="item">{one.question.text} <small>{one.code}</small>{_field(one.question)}</li>'
    yield "</ol></div>"


def _field(question):
    if isinstance(question, MultipleChoice):
        options = "".join(f"<li>{escape(option.text)}</li>" for option in question.options)
        return f'<ol type="A">{options}</ol>'
    return f'<p><span class="line"></span> {question.unit}</p>'


def _key(question):
    if isinstance(question, MultipleChoice):
        right = next(i for i, option in enumerate(question.options) if option.correct)
        return f"<b>{letter(right)}</b> · {escape(question.options[right].text)}"
    low, high = map(written, question.near(question.answer))
    return f"<b>{written(question.answer)}</b> {question.unit} <small>from {low} to {high}</small>"


def letter(i):
    return "ABCDEFGHIJ"[i]
