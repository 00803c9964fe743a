"""The atlas of misconceptions: what each looks like, how common it is in a class, and what to say."""

import json
from collections import defaultdict
from dataclasses import dataclass
from html import escape
from pathlib import Path

from helpers.checking import exercise, questions
from helpers.checking.arithmetic import written
from helpers.checking.cards import prose
from tools.kit import page


@dataclass(frozen=True)
class Sight:
    """A place where a misconception shows: the question, the answer that shows it, and what to say."""

    lesson: str
    place: str
    asked: str
    answer: str
    say: str


def sights():
    """{tag: its Sights, in the order of the lessons}"""
    found = defaultdict(list)
    for one in questions.load().values():
        wrong = getattr(one, "options", None)
        if wrong is not None:
            pairs = [
                (option.tag, escape(option.text), option.feedback) for option in wrong if not option.correct
            ]
        else:
            pairs = [(known.tag, written(known.value), known.feedback) for known in one.wrong]
        for tag, answer, say in pairs:
            found[tag].append(Sight(one.lesson, one.id, one.text, answer, say))
    for item in exercise.load().values():
        for wrong in item.wrong:
            say = prose(wrong.message)
            found[wrong.tag].append(Sight(item.lesson, item.name, f"Exercise: {escape(item.title)}", "", say))
    return {tag: sorted(found[tag], key=lambda sight: sight.lesson) for tag in sorted(found)}


def counted(path):
    """How many submissions of a grader's grades.json show a tag: ({(exercise, tag): count}, {exercise: all}).

    Only attempts count. Raises ValueError if the file is none of the grader's.
    """
    try:
        rows = json.loads(Path(path).read_text("utf-8"))["rows"]
        items = [item for row in rows for item in row["exercises"]]
        found, tried = defaultdict(int), defaultdict(int)
        for item in items:
            tried[item["name"]] += item["outcome"] != "not attempted"
            if item["tag"] and item["outcome"] == "incorrect":
                found[item["name"], item["tag"]] += 1
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no grades.json of the grader: {error!r}") from None
    return dict(found), dict(tried)


def write(grades=None):
    """The atlas as HTML. grades: a grades.json of the grader, for the counts."""
    found, tried = counted(grades) if grades else ({}, {})
    every = sights()
    common = lambda tag: -sum(found.get((sight.place, tag), 0) for sight in every[tag])  # noqa: E731
    parts = [
        "<h1>Atlas of misconceptions</h1>",
        f"<p>{len(every)} slips that learners of this subject are known to make. Each one stands with the "
        "places where it shows, and with what the course says to whoever makes it.</p>",
        "<p>Most common first, by the class's file.</p>"
        if grades
        else '<p class="why">Give <code>--grades grades.json</code> of the batch grader, and each says how '
        "common it is in your class.</p>",
    ]
    for tag in sorted(every, key=lambda tag: (common(tag), tag)):
        parts.append(f'<div class="item"><h3 id="{escape(tag)}">{escape(tag.replace("-", " "))}</h3>')
        parts += [_shown(sight, tag, found, tried) for sight in every[tag]]
        parts.append("</div>")
    return page("Atlas of misconceptions", parts)


def _shown(sight, tag, found, tried):
    chapter = f"chapter {int(sight.lesson[:2])}"
    answer = f" Answer: <b>{sight.answer}</b>." if sight.answer else ""
    count = ""
    if sight.place in tried:
        share = found.get((sight.place, tag), 0)
        count = f" <b>{share} of {tried[sight.place]}</b> in your class."
    say = sight.say if sight.answer else f"Your function does exactly this: {sight.say}"
    where = f"<small>{chapter}, <code>{escape(sight.place)}</code></small>"
    return f"<blockquote>{sight.asked}{answer}{count}<br>{where}<br><i>Say:</i> {say}</blockquote>"
