"""The learner's answers, attempts and hints, in one SQLite file outside the notebooks."""

import json
import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from helpers import arguments

try:
    import sqlite3

    from helpers.progress.whole_file import WholeFile
except ImportError:  # some versions of Pyodide ship it separately
    sqlite3 = None

KINDS = ("question", "prediction", "guess")  # a guess is a curve, drawn before it is seen

# What a missing, damaged, locked or read-only database raises.
FAILURES = (OSError, *([sqlite3.Error] if sqlite3 else []))
BUSY = sqlite3.OperationalError if sqlite3 else ()
SQLITE = b"SQLite format 3\0"  # how such a file begins
PATIENCE = 10.0  # seconds to wait while another kernel writes


class Answer(NamedTuple):
    """One answer to a question; the time is UTC in ISO 8601, correct is 1, 0 or None.

    draw: JSON of the numbers that were drawn for the question; None if it was asked as its lesson asks it.
    """

    time: str
    kind: str
    question: str
    answer: str
    correct: int | None
    confidence: int | None
    misconception: str | None
    draw: str | None = None


class Attempt(NamedTuple):
    """One check of an exercise. parts: JSON, points by property. tag: of the diagnosis, if there is one."""

    time: str
    exercise: str
    points: float
    possible: float
    parts: str
    tag: str | None


class Hint(NamedTuple):
    """One hint taken; number counts from 1."""

    time: str
    exercise: str
    number: int


TABLES = {"answers": Answer, "attempts": Attempt, "hints": Hint}

# STEPS[v] takes a database of version v to version v + 1.
STEPS = (
    """CREATE TABLE answers (
        id INTEGER PRIMARY KEY, time TEXT NOT NULL, kind TEXT NOT NULL,
        question TEXT NOT NULL, answer TEXT NOT NULL,
        correct INTEGER, confidence INTEGER, misconception TEXT
    )""",
    """CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, time TEXT NOT NULL, exercise TEXT NOT NULL,
        points REAL NOT NULL, possible REAL NOT NULL, parts TEXT NOT NULL, tag TEXT
    );
    CREATE TABLE hints (
        id INTEGER PRIMARY KEY, time TEXT NOT NULL, exercise TEXT NOT NULL, number INTEGER NOT NULL
    )""",
    "ALTER TABLE answers ADD COLUMN draw TEXT",
)
VERSION = len(STEPS)


class Progress:
    """What the learner did so far. A database that fails never stops a lesson.

    path: the file; by default progress.sqlite3 in TRAINABLE_DEPTH_HOME or ~/.trainable-depth.
    """

    def __init__(self, path=None):
        self._given_path = path
        self._memory = []  # rows that could not be saved
        self._failure = None
        self._told = False

    @property
    def path(self):
        home = os.environ.get("TRAINABLE_DEPTH_HOME") or "~/.trainable-depth"
        return Path(self._given_path or os.path.expanduser(home + "/progress.sqlite3"))

    def record(self, kind, question, answer, correct=None, confidence=None, misconception=None, draw=None):
        """Append one answer; True once it is safely on disk, False if it is only in memory.

        kind: one of KINDS; correct: True, False or None; confidence: 50..100 or None; draw: the question's
        `posed`, of a guess the settings.
        Raises ValueError for another kind or confidence.
        """
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(KINDS)}")
        if confidence is not None and not 50 <= confidence <= 100:
            raise ValueError(f"confidence is {confidence!r}; it must be None or from 50 to 100")
        correct = None if correct is None else int(correct)
        row = Answer(_now(), kind, question, answer, correct, confidence, misconception, draw)
        return self._append(row)

    def record_attempt(self, exercise, points, possible, parts, tag=None):
        """Append one check of an exercise; returns as `record` does. parts: points by property, a dict."""
        points = arguments.number("points", points, 0, arguments.number("possible", possible, 0))
        return self._append(Attempt(_now(), exercise, points, possible, json.dumps(parts), tag))

    def record_hint(self, exercise, number):
        """Append one hint taken; returns as `record` does."""
        return self._append(Hint(_now(), exercise, arguments.whole("number", number)))

    def answers(self, question=None):
        """The list of `Answer`s to one question, or to all; oldest first."""
        return [row for row in self._rows(Answer) if question in (None, row.question)]

    def attempts(self, exercise=None):
        """The list of `Attempt`s at one exercise, or at all; oldest first."""
        return [row for row in self._rows(Attempt) if exercise in (None, row.exercise)]

    def hints(self, exercise=None):
        """The list of `Hint`s taken for one exercise, or for all; oldest first."""
        return [row for row in self._rows(Hint) if exercise in (None, row.exercise)]

    def best(self):
        """The most points of any attempt, by exercise."""
        found = {}
        for row in self.attempts():
            found[row.exercise] = max(row.points, found.get(row.exercise, 0.0))
        return found

    def export(self, path):
        """Write all rows as JSON to a file, for a backup or another machine."""
        rows = {table: [list(row) for row in self._rows(kind)] for table, kind in TABLES.items()}
        text = json.dumps({"version": VERSION, **rows}, ensure_ascii=False, indent=1)
        Path(path).write_text(text, encoding="utf-8")

    def merge(self, path):
        """Add the new rows of an exported file, or of another progress.sqlite3; return how many.

        Raises ValueError if the file is no export, and OSError or sqlite3.Error if it cannot be read, or
        nothing can be written: then nothing is added.
        """
        rows = _read_export(path)

        def add(db):
            db.execute("BEGIN IMMEDIATE")
            there = {row for kind in TABLES.values() for row in _select(db, kind)}
            new = list(dict.fromkeys(row for row in rows if row not in there))
            for row in new:
                _insert(db, row)
            db.execute("COMMIT")
            return len(new)

        return self._use(add)

    def notice(self):
        """Why answers are not being saved, in a sentence, once; otherwise ''."""
        if self._failure is None or self._told:
            return ""
        self._told = True
        return (
            f"Your answers cannot be saved in {self.path} ({self._failure}). The lesson works as "
            "usual, but it remembers them only until this notebook's kernel stops."
        )

    def _append(self, row):
        try:
            self._use(lambda db: _insert(db, row))
            return True
        except FAILURES as error:
            self._memory.append(row)
            self._failure = error
            return False

    def _rows(self, kind):
        """All rows of one kind, oldest first: those on disk and those in memory."""
        try:
            rows = self._use(lambda db: _select(db, kind), read=True)
        except FileNotFoundError:
            rows = []
        except FAILURES as error:
            rows = []
            self._failure = error
        rows += [row for row in self._memory if isinstance(row, kind)]
        return sorted(rows, key=lambda row: row.time)

    def _use(self, action, read=False):
        """action(connection), again while the database is busy.

        SQLite itself waits for a kernel that writes, but not for one that clears up after a killed one.
        """
        end = monotonic() + PATIENCE
        while True:
            try:
                with closing(self._connect(read)) as db:
                    return action(db)
            except BUSY as error:
                if "locked" not in str(error) or monotonic() > end:
                    raise
            sleep(0.02)

    def _connect(self, read=False):
        """A connection for one use, which waits while another kernel writes.

        It keeps SQLite's own journal and its wait for the disk (no WAL, no `synchronous` setting): what is
        acknowledged is on disk, and the file may lie on a network drive.
        """
        if sqlite3 is None:
            raise OSError("this Python has no sqlite3")
        if read and not self.path.exists():
            raise FileNotFoundError(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kind = WholeFile if sys.platform == "emscripten" else sqlite3.Connection
        db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, factory=kind)
        try:
            if not read and _version(db) < VERSION:
                _migrate(db)
        except BaseException:
            db.close()
            raise
        return db


PROGRESS = Progress()  # the learner's own, which all widgets and checks of a kernel share


def _now():
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _version(db):
    return db.execute("PRAGMA user_version").fetchone()[0]


def _migrate(db):
    """All steps in one transaction, so that another kernel never meets half a database."""
    db.execute("BEGIN IMMEDIATE")
    for version in range(_version(db), VERSION):  # asked again: another kernel may have been faster
        for statement in STEPS[version].split(";"):
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {max(_version(db), VERSION)}")
    db.execute("COMMIT")


def _table(kind):
    return next(table for table, row in TABLES.items() if row is kind)


def _insert(db, row):
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {_table(type(row))} ({', '.join(row._fields)}) VALUES ({marks})", row)


def _select(db, kind):
    """The rows of one kind; none, or without a column, if the database is of a version before it."""
    there = {column[1] for column in db.execute(f"PRAGMA table_info({_table(kind)})")}
    columns = [name for name in kind._fields if name in there]
    if not columns:
        return []
    rows = db.execute(f"SELECT {', '.join(columns)} FROM {_table(kind)} ORDER BY id")
    return [kind(**dict(zip(columns, row, strict=True))) for row in rows]


def _read_database(path):
    """The rows of another progress.sqlite3, which is not changed; ValueError if it is none."""
    with closing(Progress(path)._connect(read=True)) as db:
        if not _version(db):
            raise ValueError(f"{path} is not this course's progress")
        try:
            return [row for kind in TABLES.values() for row in _select(db, kind)]
        except TypeError as error:  # a column that each version has
            raise ValueError(f"{path} is not this course's progress ({error})") from None


def _read_export(path):
    """The rows of an exported file, or of another database; ValueError if it is none."""
    with open(path, "rb") as file:
        if file.read(len(SQLITE)) == SQLITE:
            return _read_database(path)
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        rows = [kind(*row) for table, kind in TABLES.items() for row in data.get(table, [])]
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not an export of this course's progress ({error})") from None
    for row in rows:
        allowed = type(row).__annotations__.values()
        if not all(isinstance(value, type | int) for value, type in zip(row, allowed, strict=True)):
            raise ValueError(f"{path} has a row that does not fit: {row}")
    return rows
