"""The learner's answers, in one SQLite file outside the notebooks."""

import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

try:
    import sqlite3

    from helpers.checking.whole_file import WholeFile
except ImportError:  # some versions of Pyodide ship it separately
    sqlite3 = None

KINDS = ("question", "prediction")
SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY, time TEXT NOT NULL, kind TEXT NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL,
    correct INTEGER, confidence INTEGER, misconception TEXT
);
PRAGMA user_version = 1"""

# What a missing, damaged, locked or read-only database raises.
FAILURES = (OSError, *([sqlite3.Error] if sqlite3 else []))


class Answer(NamedTuple):
    """One row of the table; the time is UTC in ISO 8601, correct is 1, 0 or None."""

    time: str
    kind: str
    question: str
    answer: str
    correct: int | None
    confidence: int | None
    misconception: str | None


COLUMNS = ", ".join(Answer._fields)


class Progress:
    """The answers given so far. A database that fails never stops a lesson.

    path: the file; by default progress.sqlite3 in TRAINABLE_DEPTH_HOME or ~/.trainable-depth.
    """

    def __init__(self, path=None):
        self._given_path = path
        self._memory = []  # answers that could not be saved
        self._failure = None
        self._told = False

    @property
    def path(self):
        home = os.environ.get("TRAINABLE_DEPTH_HOME") or "~/.trainable-depth"
        return Path(self._given_path or os.path.expanduser(home + "/progress.sqlite3"))

    def record(self, kind, question, answer, correct=None, confidence=None, misconception=None):
        """Append one answer; True once it is safely on disk, False if it is only in memory.

        kind: 'question' or 'prediction'; correct: True, False or None; confidence: 50..100 or None.
        Raises ValueError for another kind or confidence.
        """
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(KINDS)}")
        if confidence is not None and not 50 <= confidence <= 100:
            raise ValueError(f"confidence is {confidence!r}; it must be None or from 50 to 100")
        correct = None if correct is None else int(correct)
        time = datetime.now(UTC).isoformat(timespec="microseconds")
        row = Answer(time, kind, question, answer, correct, confidence, misconception)
        try:
            with closing(self._connect()) as db:
                db.execute(f"INSERT INTO answers ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            return True
        except FAILURES as error:
            self._memory.append(row)
            self._failure = error
            return False

    def answers(self, question=None):
        """The list of `Answer`s to one question, or to all; newest last."""
        try:
            rows = self._stored() if self.path.exists() else []
        except FAILURES as error:
            rows = []
            self._failure = error
        rows = sorted(rows + self._memory, key=lambda row: row.time)
        return [row for row in rows if question in (None, row.question)]

    def notice(self):
        """Why answers are not being saved, in a sentence, once; otherwise ''."""
        if self._failure is None or self._told:
            return ""
        self._told = True
        return (
            f"Your answers cannot be saved in {self.path} ({self._failure}). The lesson works as "
            "usual, but it remembers them only until this notebook's kernel stops."
        )

    def _connect(self):
        """A connection for one use, which waits while another kernel writes."""
        if sqlite3 is None:
            raise OSError("this Python has no sqlite3")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kind = WholeFile if sys.platform == "emscripten" else sqlite3.Connection
        db = sqlite3.connect(self.path, timeout=5, isolation_level=None, factory=kind)
        try:
            if db.execute("PRAGMA user_version").fetchone() == (0,):
                # In one transaction, so that another kernel never meets half a database.
                db.executescript(f"BEGIN IMMEDIATE; {SCHEMA}; COMMIT")
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _stored(self):
        with closing(self._connect()) as db:
            rows = db.execute(f"SELECT {COLUMNS} FROM answers ORDER BY id").fetchall()
        return [Answer(*row) for row in rows]
