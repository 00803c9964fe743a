"""Where a learner stands: `report()`, and what is worth asking again: `review()`."""

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from html import unescape
from math import sqrt
from textwrap import shorten

import numpy as np
from ipywidgets import HTML, VBox

from helpers import contents
from helpers.checking import exercise, questions
from helpers.checking.cards import Card, Link, Table
from helpers.checking.ladder import by_the_ladder
from helpers.checking.settling import unsettled
from helpers.checking.widgets import QuestionBox
from helpers.figures.calibration import calibration
from helpers.figures.numbers import counted
from helpers.progress.record import PROGRESS

BANDS = ((50, 60), (65, 80), (85, 100))  # per cent sure
FEW = 10  # predictions
SHOWN = 8  # misconceptions
NEXT = 2  # exercises of a chapter that are named
STEPS = [timedelta(days=days) for days in (1, 3, 7, 21, 60)]
SURE = 70  # per cent


def report():
    """A card: points by chapter and what is left, how well predictions were judged, what to read again."""
    return Card(
        "measured",
        "Your progress",
        *_points(),
        *_goals(),
        *_hunts(),
        *_calibration(PROGRESS.answers()),
        *_unsettled(PROGRESS.answers()),
        *_misconceptions(),
        "Questions that are due again: run `review()`.",
        PROGRESS.notice(),
    )


def review(chapter=None, count=5):
    """Up to `count` questions that are due again, as widgets.

    First come predictions that were missed with a confidence of 70% or more, the surest first; then the
    questions of the earliest chapters. A missed question is due at once; one answered rightly after 1 day,
    then 3, 7, 21 and 60 days, a step further for each right answer that was due (one given with less than
    70% confidence is no step). Where a question's numbers can be drawn, they are others than before.
    chapter: ask only about the chapters before this one.
    """
    now, known = datetime.now(UTC), questions.load()
    when = {id: due for id, due in due_times(PROGRESS.answers()).items() if id in known}
    sure = confident_misses(PROGRESS.answers())
    if chapter is not None:
        when = {id: due for id, due in when.items() if known[id].lesson < f"{chapter:02}"}
    ready = sorted(
        (id for id in when if when[id] <= now),
        key=lambda id: (-sure.get(id, 0), known[id].lesson, when[id]),
    )
    if ready:
        head = Card("measured", f"Review: {len(ready)} due, {min(len(ready), count)} asked here.")
        return Review([HTML(head._repr_html_()), *(ReviewBox(_anew(known[id])) for id in ready[:count])])
    if not when:
        return Card("muted", "Nothing to review yet", "Questions come back here once you have met them.")
    text = f"The next question comes back on {min(when.values()).astimezone():%d %B %Y}."
    return Card("muted", "Nothing is due", text)


def _anew(question):
    """The question with other numbers than it was asked with before, as long as there are any."""
    return question.drawn(np.random.default_rng(), [row.draw for row in PROGRESS.answers(question.id)])


class Review(VBox):
    """A head and questions under each other; without a kernel, their text."""

    def _repr_mimebundle_(self, **kwargs):
        head, *boxes = self.children
        stills = "".join(box.still()["text/html"] for box in boxes)
        bundle = super()._repr_mimebundle_(**kwargs)
        return {**bundle, "text/html": head.value + stills, "text/plain": "Review"}


class ReviewBox(QuestionBox):
    """A question asked again: the same answer as on another day is a new one."""

    def __init__(self, question):
        self._since = datetime.now(UTC)
        super().__init__(question)

    def _earlier(self, kind):
        return [row for row in super()._earlier(kind) if datetime.fromisoformat(row.time) >= self._since]


def due_times(answers):
    """When each answered question is due again, by its id."""
    due, steps = {}, defaultdict(int)
    for row in answers:
        time = datetime.fromisoformat(row.time)
        if row.correct is None:
            continue
        if not row.correct:
            steps[row.question] = 0
            due[row.question] = time
        elif row.question not in due or time >= due[row.question]:
            due[row.question] = time + STEPS[steps[row.question]]
            sure = row.confidence is None or row.confidence >= SURE
            steps[row.question] = min(steps[row.question] + sure, len(STEPS) - 1)
    return due


def confident_misses(answers):
    """The confidence of each prediction that was missed in spite of 70% or more, and not righted since."""
    missed = {}
    for row in answers:
        if row.correct:
            missed.pop(row.question, None)
        elif row.correct is not None and (row.confidence or 0) >= SURE:
            missed[row.question] = row.confidence
    return missed


def _points():
    best, lessons = PROGRESS.best(), defaultdict(list)
    for item in exercise.load().values():
        lessons[item.lesson].append(item)
    rows = []
    for lesson, items in lessons.items():
        left = [item.title for item in items if best.get(item.name, 0) < item.points]
        got = sum(best.get(item.name, 0) for item in items)
        rest = "; ".join(left[:NEXT]) or "nothing: all done"
        rest += f"; and {len(left) - NEXT} more" if len(left) > NEXT else ""
        helped = sum(best.get(item.name, 0) for item in items if by_the_ladder(item.name))
        said = f", {helped:g} by the ladder" if helped else ""
        rows.append([Link("", lesson), f"{got:g} of {sum(item.points for item in items)}{said}", rest])
    return (Table(["chapter", "points", "left"], rows),) if rows else ()


def _hunts():
    """How many suspects of `hunt` were exposed and named, by chapter; nothing before the first."""
    found, rows = defaultdict(set), []
    for row in PROGRESS.answers():
        if row.question.startswith("hunt-") and row.correct != 0:
            found[row.question].add("named" if row.correct else "exposed")
    by_lesson = defaultdict(list)
    for id, done in found.items():
        item = exercise.load().get(id.split("-")[1])
        if item:
            by_lesson[item.lesson].append(done)
    for lesson, hunts in sorted(by_lesson.items()):
        exposed, named = (sum(word in done for done in hunts) for word in ("exposed", "named"))
        rows.append([Link("", lesson), f"{exposed}", f"{named}", f"{exposed + named}"])
    return (Table(["bugs hunted", "exposed", "named at once", "points"], rows),) if rows else ()


def _goals():
    """What is reached of the goals that a chapter's words.toml lists; nothing before the first."""
    reached, tables = {row.question for row in PROGRESS.answers() if row.correct}, []
    for words in contents.words().values():
        goals = words.get("goals", {"ids": {}})
        left = [name for name, id in goals["ids"].items() if id not in reached]
        done = len(goals["ids"]) - len(left)
        if done:
            rest = ", ".join(left) or f"nothing: all {goals['done']}"
            row = [Link("", words["lesson"]), f"{done} of {len(goals['ids'])}", rest]
            tables.append(Table([goals["title"], goals["done"], "left"], [row]))
        tables += _counted(goals.get("counted", {}), goals.get("done"))
    return tables


def _counted(kinds, done):
    """How many were reached of goals without an end, of which {name: how their ids begin}."""
    rows = []
    for name, beginning in kinds.items():
        met = {
            row.question: row for row in reversed(PROGRESS.answers()) if row.question.startswith(beginning)
        }
        if met:
            rows.append([name, f"{len(met)}", f"{sum(bool(row.correct) for row in met.values())}"])
    return (
        [Table(["capstone", done, "rightly named, with no change too many, at once"], rows)] if rows else []
    )


def _calibration(answers):
    """A table and a picture of stated confidence against share right, and what can be said of it."""
    rated = [row for row in answers if None not in (row.correct, row.confidence) and row.kind == "prediction"]
    judged = list({row.question: row for row in reversed(rated)}.values())
    if not judged:
        return ("Predictions: none settled yet.",)
    bands = []
    for low, high in BANDS:
        band = [row for row in judged if low <= row.confidence <= high]
        if band:
            sure = sum(row.confidence for row in band) / len(band) / 100
            bands.append((sure, sum(row.correct for row in band), len(band)))
    rows = [[f"{sure:.0%}", f"{right} of {count}"] for sure, right, count in bands]
    return Table(["predictions: you were … sure", "right"], rows), calibration(bands), calibrated(judged)


def _unsettled(answers):
    """The predictions whose truth has not been shown: neither right nor wrong yet, and counted nowhere."""
    known = questions.load()
    rows = [
        [f"{row.answer} ({row.confidence}% sure)", Link("", known[id].lesson, known[id].section)]
        for id, (*_, row) in unsettled(answers).items()
        if id in known
    ]
    return (Table(["predicted, and not settled yet", "the truth is shown in"], rows),) if rows else ()


def calibrated(rows):
    """What can be said of predictions with a confidence: too few, no clear difference, or a difference."""
    n = len(rows)
    if n < FEW:
        return f"With {counted(n, 'prediction')} it is too early to say how well you know what you know."
    chances = [row.confidence / 100 for row in rows]
    said, right = sum(chances) / n, sum(row.correct for row in rows) / n
    by_luck = sqrt(sum(p * (1 - p) for p in chances)) / n
    found = f"You were {said:.0%} sure on average, and {right:.0%} were right"
    if abs(said - right) <= 2 * by_luck:
        return f"{found}. A difference of this size can be luck."
    if said > right:
        return f"{found}: you trust your guesses too much."
    return f"{found}: you know more than you think."


def _misconceptions():
    """Those behind the last answer to a question, or the last try of an exercise that is not yet passed."""
    known, items, best = questions.load(), exercise.load(), PROGRESS.best()
    open = []
    for row in {row.question: row for row in PROGRESS.answers()}.values():
        if row.misconception and row.question in known:
            asked = shorten(unescape(re.sub(r"<[^>]*>", "", known[row.question].text)), 60, placeholder=" …")
            open.append((row.time, row.misconception, f"“{asked}”", known[row.question]))
    for row in {row.exercise: row for row in PROGRESS.attempts()}.values():
        item = items.get(row.exercise)
        tags = {wrong.tag for wrong in item.wrong} if item else ()
        if row.tag in tags and best[row.exercise] < item.points:
            open.append((row.time, row.tag, item.title, item))
    if not open:
        return ()
    latest = sorted(open, key=lambda row: row[0], reverse=True)[:SHOWN]
    rows = [
        [tag.replace("-", " "), where, Link("", source.lesson, source.section)]
        for _, tag, where, source in latest
    ]
    return (Table(["worth reading again", "seen in", "section"], rows),)
