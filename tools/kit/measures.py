"""What a class's answers say about the items: difficulty, discrimination, distractors, and gains.

Two kinds of files are read. One is CSV with the columns learner, item, answer, where an item is the code of a
test, such as 2-pre-3, or a question's id (a column `draw` can hold the numbers that it was asked with). The
other is the JSON that `PROGRESS.export(path)` writes, one file a learner, who is called as the file.
"""

import csv
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from helpers.checking import questions
from helpers.checking.questions import MultipleChoice
from tools.kit import lessons, paired

PART = 0.27  # of the class, at the top and at the bottom
CODE = re.compile(rf"(\d+)-({'|'.join(paired.TESTS)})-(\d+)")


@dataclass(frozen=True)
class Answers:
    """Of a class. right[i, j]: 1 or 0, nan if learner i did not answer item j.

    given[j]: what was answered, counted.
    """

    learners: list
    items: list
    right: np.ndarray
    given: list


@dataclass(frozen=True)
class Statistics:
    """Of one item. What cannot be computed is nan."""

    item: str
    answers: int
    difficulty: float
    point_biserial: float
    upper_lower: float
    given: Counter


def read(paths):
    """The Answers in these files. Of several answers of a learner to an item the first one counts.

    Raises ValueError naming the file and what cannot be read in it.
    """
    first = {}
    for path in map(Path, paths):
        for where, learner, item, answer, draw in _rows(path):
            try:
                asked = _question(item, draw)
                if answer.strip():
                    first.setdefault((learner, item), (asked, *_judged(asked, answer.strip())))
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
    if not first:
        raise ValueError("no answers in these files")
    learners = sorted({learner for learner, _ in first})
    items = sorted({item for _, item in first}, key=_order)
    right, given = np.full((len(learners), len(items)), np.nan), [Counter() for _ in items]
    for (learner, item), (_, correct, said) in first.items():
        right[learners.index(learner), items.index(item)] = correct
        given[items.index(item)][said] += 1
    return Answers(learners, items, right, given)


def _rows(path):
    """(where, learner, item, answer, draw) of a file."""
    if path.suffix == ".json":
        try:
            rows = json.loads(path.read_text("utf-8"))["answers"]
            for row in rows:
                if row[2] in questions.load():  # a patient that was cured, or a hunt, is no item
                    yield path, path.stem, row[2], row[3], row[7] if len(row) > 7 else None
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{path} is no export of a learner's progress: {error!r}") from None
        return
    with open(path, newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            if lost := {"learner", "item", "answer"} - row.keys():
                raise ValueError(f"{path} lacks the column {', '.join(sorted(lost))}")
            yield f"{path}, line {number}", row["learner"], row["item"], row["answer"] or "", row.get("draw")


def _question(item, draw):
    """The question that an item is."""
    if found := CODE.fullmatch(item):
        number, test, place = int(found[1]), found[2], int(found[3])
        for lesson in _lessons():
            asked = paired.items(lesson)[test] if lesson.number == number else []
            if place - 1 in range(len(asked)):
                return asked[place - 1].question
        raise ValueError(f"no test has an item {item!r}")
    return questions.find(item).as_posed(draw or None)


@cache
def _lessons():
    return lessons.load()


def _judged(question, answer):
    """(1 or 0, what was answered in a few words)"""
    if isinstance(question, MultipleChoice):
        letters = [paired.letter(i) for i in range(len(question.options))]
        if answer.upper() in letters:
            answer = question.options[letters.index(answer.upper())].text
        response = question.judge(answer)
        return int(response.correct), answer
    response = question.judge(answer)
    side = "too small" if float(response.reading) < question.answer else "too large"
    return int(response.correct), "right" if response.correct else response.tag or side


def _order(item):
    found = CODE.fullmatch(item)
    return (0, int(found[1]), found[2] != "pre", int(found[3])) if found else (1, item)


def statistics(answers):
    """The Statistics of each item, in the order of `answers.items`."""
    return [
        Statistics(
            item,
            int(np.isfinite(answers.right[:, j]).sum()),
            float(np.nanmean(answers.right[:, j])),
            point_biserial(answers.right, j),
            upper_lower(answers.right, j),
            answers.given[j],
        )
        for j, item in enumerate(answers.items)
    ]


def point_biserial(right, j):
    """The correlation of item j with the share of the learner's other items that is right.

    Over the learners who answered j and some other; nan where one of the two does not vary.
    """
    item, others = right[:, j], _share(np.delete(right, j, axis=1))
    both = np.isfinite(item) & np.isfinite(others)
    x, y = item[both], others[both]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def upper_lower(right, j):
    """The share that is right in the best 27% of the class, minus that in the lowest 27%.

    Best by the share of all items. Over the learners who answered j; nan for fewer than 2. Where several
    have the same share, the item's mean of them stands for each: no order among them counts.
    """
    there = np.isfinite(right[:, j])
    item, share = right[there, j], _share(right[there])
    if len(item) < 2:
        return np.nan
    size = max(1, round(PART * len(item)))
    level = np.array([item[np.isclose(share, one)].mean() for one in share])
    order = np.argsort(share, kind="stable")
    return float(level[order[-size:]].mean() - level[order[:size]].mean())


def _share(right):
    """Of each learner, the share of the answered items that is right; nan without any."""
    count = np.isfinite(right).sum(axis=1)
    return np.where(count > 0, np.nansum(right, axis=1) / np.maximum(count, 1), np.nan)


def gains(answers):
    """{chapter: (learners with both tests, share right before, after, normalized gain)} of paired tests.

    The normalized gain is Hake's (1998): what was won, of what could be won. An item without an
    answer is wrong.
    """
    found = {}
    columns = defaultdict(list)
    for j, item in enumerate(answers.items):
        if code := CODE.fullmatch(item):
            columns[int(code[1]), code[2]].append(j)
    for chapter in sorted({chapter for chapter, _ in columns}):
        sides = [answers.right[:, columns[chapter, test]] for test in paired.TESTS]
        both = np.all([np.isfinite(side).any(axis=1) for side in sides], axis=0)
        if both.any():
            items = len(next(paired.items(one)["pre"] for one in _lessons() if one.number == chapter))
            before, after = (float(np.nansum(side[both]) / items / both.sum()) for side in sides)
            gain = (after - before) / (1 - before) if before < 1 else np.nan
            found[chapter] = int(both.sum()), before, after, gain
    return found


def report(answers):
    """All of it as Markdown."""
    lines = [f"{len(answers.learners)} learners, {len(answers.items)} items.", ""]
    lines += ["| item | answers | right | point-biserial | upper − lower | what was answered |"]
    lines += ["|---|---|---|---|---|---|"]
    for one in statistics(answers):
        said = "; ".join(f"{count} × {what}" for what, count in sorted(one.given.items(), key=_most))
        numbers = f"{one.difficulty:.2f} | {_number(one.point_biserial)} | {_number(one.upper_lower)}"
        lines.append(f"| {one.item} | {one.answers} | {numbers} | {said.replace('|', '/')} |")
    if paired_gains := gains(answers):
        lines += ["", "| chapter | learners with both tests | right before | after | normalized gain |"]
        lines += ["|---|---|---|---|---|"]
        for chapter, (count, before, after, gain) in paired_gains.items():
            lines.append(f"| {chapter} | {count} | {before:.2f} | {after:.2f} | {_number(gain)} |")
    return "\n".join(lines) + "\n"


def _most(pair):
    return -pair[1], pair[0]


def _number(value):
    return "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
