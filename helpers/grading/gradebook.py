"""Rows of submissions → a class: who handed in what, when, what was changed by hand, and grades to hand on.

Nothing here grades: it is applied to rows when they are reported, so that a regrade loses none of it.
"""

import csv
import hashlib
import io
import math
import re
import tokenize
import tomllib
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from helpers.checking import exercise
from helpers.grading import intake

MISSING = "not handed in"


@dataclass(frozen=True)
class Student:
    """A line of a roster. key: an ID, by which grades are handed on; also: other names in names of files."""

    key: str
    name: str
    also: tuple[str, ...] = ()
    line: dict = field(default_factory=dict, hash=False)


# --- The roster --------------------------------------------------------------------------------------

# What columns are called, by what they hold: in lists of one's own, in Moodle's and in Canvas' exports.
COLUMNS = {
    "key": ("id number", "sis user id", "id", "student id", "matriculation number"),
    "login": ("sis login id", "username", "login", "login id"),
    "email": ("email address", "email", "e-mail"),
    "name": ("student", "name", "full name"),
    "first": ("first name",),
    "last": ("last name", "surname"),
}


def roster(path):
    """The Students of a CSV file with a head: an export of Moodle or Canvas, or a list of one's own.

    It needs a name (or first and last name), and an ID, a login or an e-mail address. ValueError naming what
    is missing, or what stands twice.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    heads = {head.strip().lower(): head for head in (lines[0] if lines else {}) if head}
    at = {part: [heads[name] for name in names if name in heads] for part, names in COLUMNS.items()}
    if not (at["name"] or at["last"]) or not (at["key"] or at["login"] or at["email"]):
        raise ValueError(f"--roster {path}: a head with a name, and an ID or e-mail address, is needed")
    students = []
    for number, line in enumerate(lines, 2):
        cells = {part: [(line[head] or "").strip() for head in found] for part, found in at.items()}
        said = {part: next(filter(None, found), "") for part, found in cells.items()}
        name = said["name"] or f"{said['first']} {said['last']}".strip()
        names = [said[part] for part in ("key", "login", "email") if said[part]]
        if not name or name.lower() in ("points possible", "student, test"):  # Canvas' own lines
            continue
        if not names:
            raise ValueError(f"--roster {path}, line {number}: {name} has no ID and no e-mail address")
        students.append(Student(names[0], name, tuple(names), line))
    twice = {one.key for one in students if [other.key for other in students].count(one.key) > 1}
    if twice or not students:
        raise ValueError(f"--roster {path}: " + (f"twice: {', '.join(sorted(twice))}" if twice else "nobody"))
    return students


def whose(submission, students):
    """The student that a submission's name tells; None if it is nobody, or could be several.

    An ID, login or address counts where it stands as a word of the path; a full name, in either order,
    where it is a part of the path. So downloads from Moodle ("Ada King_123_assignsubmission_file_") and
    Canvas ("kingada_123_456_…") are known. The numbers that these add are not the roster's: where a number
    is one student's and the name another's, nobody is told. The ending of a file that is no notebook is no
    part of a name, unless the name has it.
    """
    found = _told(submission, students) or _told(ENDING.sub("", submission), students)
    return found.pop() if len(found) == 1 else None


ENDING = re.compile(r"\.\w+$")


def _told(submission, students):
    """The students whom a name may mean."""
    words = {_plain(word) for word in re.split(r"[/\\_\s,;()]+", submission)} | {_plain(submission)}
    parts = {_plain(part) for part in re.split(r"[/\\]|_", submission)}
    by_id = {one for one in students if words & {_plain(name) for name in one.also}}
    by_name = {one for one in students if parts & _orders(one.name)}
    return by_id & by_name if by_id and by_name else by_id | by_name


def _orders(name):
    """A full name as one word, in the orders in which platforms write it."""
    last, _, first = name.partition(",")
    words = (f"{first} {last}" if first else name).split()
    return {_plain("".join(words[i:] + words[:i])) for i in range(len(words))} - {""}


def _plain(text):
    """Without case, blanks and accents, which macOS writes in names of files as signs of their own."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in letters if char.isalnum() or char in "@.")


# --- Due dates ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """When a lesson is due, and what lateness costs: a share of the points for each day that has begun."""

    at: datetime
    per_day: float = 0.1
    at_most: float = 0.5
    grace: timedelta = timedelta(0)


def rules(path):
    """The rules of a TOML file, by (lesson, student's key; None for all).

        ["02_initialization"]
        at = 2027-01-15T23:59:00
        per_day = 0.1           # of the points, for each day that has begun
        at_most = 0.5
        grace_minutes = 15
        [["02_initialization".extensions]]
        student = "1002"
        at = 2027-01-20T23:59:00

    ValueError naming what does not fit.
    """
    found = {}
    lessons = {item.lesson for item in exercise.load().values()}
    for lesson, table in tomllib.loads(Path(path).read_text("utf-8")).items():
        where = f"--due {path}: [{lesson}]"
        if lesson not in lessons:
            raise ValueError(f"{where}; lessons are {', '.join(sorted(lessons))}")
        _known(where, table, ("at", "per_day", "at_most", "grace_minutes", "extensions"))
        shares = {name: table.get(name, getattr(Rule, name)) for name in ("per_day", "at_most")}
        if not all(isinstance(share, int | float) and 0 <= share <= 1 for share in shares.values()):
            raise ValueError(f"{where} {shares}; shares are from 0 to 1")
        grace = table.get("grace_minutes", 0)
        if not isinstance(grace, int | float) or not 0 <= grace < math.inf:
            raise ValueError(f"{where} grace_minutes={grace!r}; a number from 0 is needed")
        rule = Rule(_moment(where, table), **shares, grace=timedelta(minutes=grace))
        found[lesson, None] = rule
        for other in table.get("extensions", ()):
            _known(f"{where} extensions", other, ("student", "at"))
            found[lesson, str(other.get("student"))] = replace(rule, at=_moment(f"{where} extensions", other))
    return found


def _known(where, table, names):
    if not isinstance(table, dict) or table.keys() - {*names}:
        raise ValueError(f"{where} {table}; it has {', '.join(names)} only")


def _moment(where, table):
    if not isinstance(at := table.get("at"), datetime):
        raise ValueError(f"{where} at={at!r}; 2027-01-15T23:59:00 is needed")
    return at


def strangers(due, students):
    """In words, whose extensions are of nobody in the roster, and so of no use."""
    keys = {one.key for one in students}
    found = sorted({key for _, key in due if key is not None and key not in keys})
    if found:
        yield f"--due: nobody in the roster has the ID {' or '.join(found)}, so these extensions do nothing"


def deduction(rule, handed_in):
    """The share of the points that lateness costs."""
    late = handed_in - rule.at.astimezone()  # a time without a zone is one of this machine
    if late <= rule.grace:
        return 0.0
    return min(rule.at_most, rule.per_day * -(-late // timedelta(days=1)))


# --- Points by hand ----------------------------------------------------------------------------------


def by_hand(path):
    """Points and comments of a CSV file: {(submission, exercise): (points, comment)}.

    Columns: submission, exercise, points, comment. Without points it is a comment only; without an exercise
    it is about the whole. ValueError naming the line.
    """
    found = {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        for number, line in enumerate(csv.DictReader(file), 2):
            try:
                name, points = line["submission"], line["points"].strip()
                item = line["exercise"].strip() and exercise.find(line["exercise"].strip()).name
                if points and not (item and 0 <= float(points) <= exercise.find(item).points):
                    raise ValueError(f"points={points!r} of {item or 'no exercise'!r}")
            except (KeyError, AttributeError, ValueError) as error:
                raise ValueError(f"--by-hand {path}, line {number}: {error}") from None
            found[name, item] = (float(points) if points else None, line.get("comment") or "")
    return found


def changed(row, marks):
    """A row with the points and comments that were given by hand."""
    said = [
        f"By hand, {name or 'all'}: {'' if points is None else f'{points:g} points. '}{comment}".strip()
        for (submission, name), (points, comment) in marks.items()
        if submission == row["submission"] and name in ("", *(item["name"] for item in row["exercises"]))
    ]
    if not said:
        return row
    items = []
    for item in row["exercises"]:
        points, _ = marks.get((row["submission"], item["name"]), (None, ""))
        items.append(item if points is None else {**item, "points": points, "parts": {}})
    points = sum(item["points"] for item in items)
    return {**row, "exercises": items, "points": points, "remarks": [*row["remarks"], *said]}


def idle(marks, rows):
    """In words, what was given by hand to something that no row has."""
    there = {(row["submission"], item["name"]) for row in rows for item in row["exercises"]}
    there |= {(row["submission"], "") for row in rows}
    for submission, item in marks:
        if (submission, item) not in there:
            what = f"{item} in {submission!r}" if item else repr(submission)
            yield f"--by-hand: {what} was not graded, so its line does nothing"


# --- What looks the same ------------------------------------------------------------------------------


def alike(paths, solutions=None):
    """What is word for word the same, but for comments and blanks: {submission: {exercise: [others]}}.

    paths: {submission: path}; solutions: the folder of the published ones, which are named as such. Short
    answers are alike by chance: only those of at least ALIKE tokens count.
    """
    places = defaultdict(set)  # (exercise, what it says) → names
    for name, data in _notebooks(paths, solutions):
        submission = intake.read(name, data)
        for cell in submission.cells:
            for item in cell.answers:
                if told := _said(cell.source):
                    places[item, told].add(name)
    found = defaultdict(dict)
    for (item, _), names in places.items():
        for name in names - {PUBLISHED} if len(names) > 1 else ():
            found[name][item] = sorted(names - {name})
    return dict(found)


PUBLISHED = "the published solution"
ALIKE = 70


def _notebooks(paths, solutions):
    for name, path in paths.items():
        yield name, intake.load(path)[0]
    for path in sorted(Path(solutions).glob("*.ipynb")) if solutions else ():
        yield PUBLISHED, path.read_bytes()


def _said(source):
    """A hash of the tokens of a cell; None for a short one, or one that cannot be read."""
    kept = (tokenize.NAME, tokenize.OP, tokenize.NUMBER)
    try:
        tokens = [t.string for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type in kept]
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    return hashlib.sha256(" ".join(tokens).encode()).hexdigest() if len(tokens) >= ALIKE else None


# --- The class ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grade:
    """What a student has for a lesson, from the best of what was handed in."""

    points: float
    possible: int
    submission: str
    late: float = 0.0  # the share that lateness took


def grades(rows, students, due, times):
    """({student's key: {lesson: Grade}}, the submissions that are nobody's).

    due: of `rules`; times: {submission: when it was handed in}. Of several hand-ins of a lesson the one that
    brings most counts.
    """
    found, nobodys = defaultdict(dict), []
    for row in rows:
        student = whose(row["submission"], students)
        if student is None:
            nobodys.append(row["submission"])
            continue
        mine = found[student.key]  # also without a grade: something was handed in
        if row["lesson"]:
            rule = due.get((row["lesson"], student.key)) or due.get((row["lesson"], None))
            late = deduction(rule, times[row["submission"]]) if rule else 0.0
            grade = Grade(round(row["points"] * (1 - late), 2), row["possible"], row["submission"], late)
            before = mine.get(row["lesson"])
            if before is None or grade.points > before.points:
                mine[row["lesson"]] = grade
    return dict(found), nobodys


def table(students, graded):
    """One line a student over all chapters, as lists of cells, with a head."""
    lessons = sorted({lesson for by_lesson in graded.values() for lesson in by_lesson})
    yield ["id", "name", *lessons, "total", "possible", "late", MISSING]
    for student in students:
        mine = graded.get(student.key, {})
        points = [mine[lesson].points if lesson in mine else "" for lesson in lessons]
        late = ", ".join(
            f"{lesson} −{mine[lesson].late:.0%}" for lesson in lessons if lesson in mine and mine[lesson].late
        )
        missing = ", ".join(lesson for lesson in lessons if lesson not in mine)
        possible = sum(grade.possible for grade in mine.values())
        yield [student.key, student.name, *points, sum(p for p in points if p != ""), possible, late, missing]


def for_moodle(students, graded):
    """What Moodle's *Grades → Import → CSV file* takes: map `ID number` (or `Email address`) to the user."""
    lessons = sorted({lesson for by_lesson in graded.values() for lesson in by_lesson})
    emails = [next((name for name in one.also if "@" in name), "") for one in students]
    yield ["ID number", "Email address", "Full name", *lessons]
    for student, email in zip(students, emails, strict=True):
        mine = graded.get(student.key, {})
        points = [mine[lesson].points if lesson in mine else "-" for lesson in lessons]  # Moodle's "no grade"
        yield ["" if student.key == email else student.key, email, student.name, *points]


CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def for_canvas(students, graded):
    """What Canvas' *Grades → Import* takes: its own five columns, and a second line with the points possible.

    The roster has to be Canvas' own export, as only that knows Canvas' IDs; ValueError if it is not.
    """
    if not all(column in students[0].line for column in CANVAS):
        raise ValueError(f"for Canvas the roster must be its export, with the columns {', '.join(CANVAS)}")
    lessons = sorted({lesson for by_lesson in graded.values() for lesson in by_lesson})
    possible = {lesson: g.possible for by_lesson in graded.values() for lesson, g in by_lesson.items()}
    yield [*CANVAS, *lessons]
    yield ["    Points Possible", "", "", "", "", *(possible[lesson] for lesson in lessons)]
    for student in students:
        mine = graded.get(student.key, {})
        own = [student.line[column] for column in CANVAS]
        yield [*own, *(mine[lesson].points if lesson in mine else "" for lesson in lessons)]


EXPORTS = {"moodle": for_moodle, "canvas": for_canvas}


def alias(submission, seed):
    """A name that tells nobody whose it is, the same in every report of a batch."""
    return (
        "learner-"
        + hashlib.sha256(f"{seed}/alias/{submission}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    )
