"""The progress database: nothing acknowledged is lost, and nothing that fails stops a lesson."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helpers.progress import record as module
from helpers.progress.record import Answer, Attempt, Hint, Progress


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))
    return tmp_path


def python(code, **kwargs):
    return subprocess.Popen([sys.executable, "-c", code], text=True, **kwargs)


def record_one(progress, question="q"):
    return progress.record("question", question, "0.5", False, None, "a-tag")


def test_an_answer_is_stored_in_the_home_of_the_course(home):
    before = datetime.now(UTC)
    assert record_one(Progress()) is True
    (row,) = Progress().answers()
    assert row == Answer(row.time, "question", "q", "0.5", 0, None, "a-tag")
    assert before <= datetime.fromisoformat(row.time) <= datetime.now(UTC)
    assert Progress().path == home / "progress.sqlite3"


def test_the_file_carries_its_schema_version(home):
    record_one(Progress())
    with closing(sqlite3.connect(home / "progress.sqlite3")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (module.VERSION,)


def test_a_browser_reads_and_writes_the_file_as_a_whole(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert Progress().answers() == []
    for question in ("a", "b"):
        assert record_one(Progress(), question) is True
    assert [path.name for path in home.iterdir()] == ["progress.sqlite3"]
    assert [row.question for row in Progress().answers()] == ["a", "b"]
    monkeypatch.undo()
    with closing(sqlite3.connect(home / "progress.sqlite3")) as db:
        assert db.execute("SELECT question FROM answers").fetchall() == [("a",), ("b",)]


def test_a_browser_does_not_write_over_a_damaged_file(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "emscripten")
    damaged = b"not a database, but somebody's answers" * 100
    (home / "progress.sqlite3").write_bytes(damaged)
    assert record_one(Progress()) is False
    assert (home / "progress.sqlite3").read_bytes() == damaged


def test_without_the_variable_the_home_directory_is_used(monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", "")
    assert Progress().path.parts[-2:] == (".trainable-depth", "progress.sqlite3")
    assert "~" not in str(Progress().path)


def test_answers_are_newest_last_and_can_be_asked_for_by_question():
    progress = Progress()
    for question in ("a", "b", "a"):
        record_one(progress, question)
    assert [row.question for row in progress.answers()] == ["a", "b", "a"]
    assert [row.question for row in progress.answers("a")] == ["a", "a"]
    assert progress.answers("none") == []
    assert progress.notice() == ""


def test_reading_creates_nothing(home):
    assert Progress().answers() == []
    assert list(home.iterdir()) == []


def test_correct_and_confidence_may_be_unknown_or_given():
    progress = Progress()
    progress.record("prediction", "p", "128", True, 75)
    progress.record("prediction", "p", "256")
    assert [(row.correct, row.confidence) for row in progress.answers()] == [(1, 75), (None, None)]


@pytest.mark.parametrize(
    ("kind", "confidence", "words"),
    [("poem", None, "kind is 'poem'.*question, prediction, guess"), ("prediction", 40, "is 40.*50 to 100")],
)
def test_nonsense_is_refused(kind, confidence, words):
    with pytest.raises(ValueError, match=words):
        Progress().record(kind, "q", "1", confidence=confidence)
    assert Progress().answers() == []


def test_two_kernels_write_at_once():
    code = """
from helpers.progress.record import Progress
progress = Progress()
assert all(progress.record("question", "{}", str(i)) for i in range(200))
"""
    writers = [python(code.format(name)) for name in "ab"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    for name in "ab":
        assert [row.answer for row in Progress().answers(name)] == [str(i) for i in range(200)]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no kill -9")
def test_an_acknowledged_answer_survives_kill_9():
    code = """
from helpers.progress.record import Progress
progress = Progress()
for i in range(10**6):
    if progress.record("question", "q", str(i)):
        print(i, flush=True)
"""
    with python(code, stdout=subprocess.PIPE) as writer:
        acknowledged = [int(writer.stdout.readline()) for _ in range(20)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout]
    stored = [int(row.answer) for row in Progress().answers()]
    assert stored[: len(acknowledged)] == acknowledged
    assert record_one(Progress()) is True


def assert_kept_in_memory(progress, stored=()):
    assert record_one(progress, "kept") is False
    assert [row.question for row in progress.answers()] == [*stored, "kept"]
    notice = progress.notice()
    assert notice.startswith("Your answers cannot be saved")
    assert str(progress.path) in notice
    assert progress.notice() == ""
    assert record_one(progress, "kept too") is False
    assert progress.notice() == ""


@pytest.mark.parametrize("content", [b"scribble", b"not a database " * 1000])
def test_a_damaged_file_is_left_alone(home, content):
    (home / "progress.sqlite3").write_bytes(content)
    assert_kept_in_memory(Progress())
    assert (home / "progress.sqlite3").read_bytes() == content
    assert [file.name for file in home.iterdir()] == ["progress.sqlite3"]


def test_a_file_damaged_in_the_middle_is_left_alone(home):
    record_one(Progress())
    path = home / "progress.sqlite3"
    damaged = path.read_bytes()[:100] + b"\xff" * 3996
    path.write_bytes(damaged)
    assert_kept_in_memory(Progress())
    assert path.read_bytes() == damaged


@contextmanager
def read_only(folder):
    """Root may write anywhere, so it steps down for a moment."""
    root = os.geteuid() == 0
    folder.chmod(0o555)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other permissions")
@pytest.mark.parametrize("earlier", [[], ["earlier"]])
def test_a_read_only_home(monkeypatch, earlier):
    # pytest's own folders are closed to everyone but their owner.
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TRAINABLE_DEPTH_HOME", folder)
        for question in earlier:
            record_one(Progress(), question)
            Progress().path.chmod(0o444)
        with read_only(Path(folder)):
            assert_kept_in_memory(Progress(), earlier)


def test_a_home_that_cannot_be_made(home, monkeypatch):
    (home / "file").write_text("in the way")
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(home / "file"))
    assert_kept_in_memory(Progress())


def test_a_python_without_sqlite3(home, monkeypatch):
    monkeypatch.setattr(module, "sqlite3", None)
    assert_kept_in_memory(Progress())
    assert list(home.iterdir()) == []


def test_the_module_imports_without_sqlite3():
    code = """
import sys
sys.modules["sqlite3"] = None
from helpers.progress.record import Progress
progress = Progress()
assert progress.record("question", "q", "1") is False
assert [row.answer for row in progress.answers()] == ["1"]
assert "no sqlite3" in progress.notice()
"""
    assert python(code).wait(timeout=60) == 0


def test_an_answer_during_a_long_write_is_kept_and_later_ones_are_saved(home, monkeypatch):
    progress = Progress()
    record_one(progress, "first")
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    with closing(sqlite3.connect(home / "progress.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert record_one(progress, "second") is False
        other.execute("ROLLBACK")
    assert record_one(progress, "third") is True
    assert [row.question for row in progress.answers()] == ["first", "second", "third"]


def test_a_newer_database_is_still_used(home):
    record_one(Progress(), "old")
    with closing(sqlite3.connect(home / "progress.sqlite3")) as db:
        db.execute("CREATE TABLE letters (id INTEGER)")
        db.execute("PRAGMA user_version = 99")
    assert record_one(Progress(), "new") is True
    assert [row.question for row in Progress().answers()] == ["old", "new"]


# --- Attempts, hints, and the way from version 1 ------------------------------------------------------


def test_attempts_and_hints_are_stored():
    progress = Progress()
    assert progress.record_attempt("he", 4.0, 10, {"ReLU": 4, "leaky": 0}, "ignores-leak") is True
    assert progress.record_attempt("he", 10.0, 10, {"ReLU": 4, "leaky": 6}) is True
    assert progress.record_attempt("he", 2.0, 10, {}) is True
    assert progress.record_hint("he", 1) is True
    first, *_ = Progress().attempts("he")
    assert first == Attempt(first.time, "he", 4.0, 10.0, '{"ReLU": 4, "leaky": 0}', "ignores-leak")
    assert Progress().best() == {"he": 10.0}
    (taken,) = Progress().hints("he")
    assert taken == Hint(taken.time, "he", 1)
    assert Progress().attempts("xavier") == Progress().hints("xavier") == Progress().answers() == []


@pytest.mark.parametrize(("points", "possible"), [(11, 10), (-1, 10), (float("nan"), 10), (1, -1), ("3", 10)])
def test_points_that_cannot_be_are_refused(points, possible):
    with pytest.raises(ValueError, match=r"po(ints|ssible)="):
        Progress().record_attempt("he", points, possible, {})


VERSION_1 = """CREATE TABLE answers (
    id INTEGER PRIMARY KEY, time TEXT NOT NULL, kind TEXT NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL,
    correct INTEGER, confidence INTEGER, misconception TEXT
);
INSERT INTO answers VALUES (1, '2025-01-01T00:00:00.000000+00:00', 'question', 'old', '1', 1, NULL, NULL);
PRAGMA user_version = 1"""


@pytest.fixture
def version_1(home):
    with closing(sqlite3.connect(home / "progress.sqlite3")) as db:
        db.executescript(VERSION_1)
    return home / "progress.sqlite3"


def test_a_database_of_version_1_is_read_as_it_is_and_migrated_by_the_first_write(version_1):
    before = version_1.read_bytes()
    assert [(row.question, row.draw) for row in Progress().answers()] == [("old", None)]
    assert Progress().attempts() == Progress().hints() == []
    assert version_1.read_bytes() == before
    assert Progress().record_attempt("he", 1, 10, {}) is True
    assert [row.question for row in Progress().answers()] == ["old"]
    with closing(sqlite3.connect(version_1)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (module.VERSION,)


def test_what_was_drawn_is_kept_in_a_database_of_version_1_too(version_1):
    assert Progress().record("question", "new", "1", True, draw='{"n": 64}')
    assert [(row.question, row.draw) for row in Progress().answers()] == [("old", None), ("new", '{"n": 64}')]


def test_kernels_that_migrate_at_the_same_time_lose_nothing(version_1):
    code = """
from helpers.progress.record import Progress
assert Progress().record("question", "new", "1")
"""
    writers = [python(code) for _ in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    assert [row.question for row in Progress().answers()] == ["old"] + ["new"] * 4


def test_a_migration_that_fails_changes_nothing(version_1, monkeypatch):
    before = version_1.read_bytes()
    broken = module.STEPS[1] + "; CREATE TABLE broken ("
    monkeypatch.setattr(module, "STEPS", (module.STEPS[0], broken, *module.STEPS[2:]))
    assert_kept_in_memory(Progress(), ["old"])
    assert version_1.read_bytes() == before


# --- Export and import ------------------------------------------------------------------------------


def fill(progress, name):
    progress.record("prediction", name, "“½”", True, 80, None, '{"n": 64}')
    progress.record_attempt(name, 3, 10, {"part": 3}, "a-tag")
    progress.record_hint(name, 1)


def everything(progress):
    return sorted([*progress.answers(), *progress.attempts(), *progress.hints()], key=lambda row: row.time)


def test_an_export_can_be_merged_and_never_doubles(tmp_path):
    here, there = Progress(tmp_path / "here"), Progress(tmp_path / "there")
    fill(here, "both")
    here.export(tmp_path / "file.json")
    assert there.merge(tmp_path / "file.json") == 3
    assert everything(there) == everything(here)
    fill(here, "here")
    fill(there, "there")
    here.export(tmp_path / "file.json")
    assert there.merge(tmp_path / "file.json") == 3
    assert there.merge(tmp_path / "file.json") == 0
    assert [row.question for row in there.answers()] == ["both", "here", "there"]
    assert there.best() == {"both": 3.0, "here": 3.0, "there": 3.0}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"answers": [[1]]}',
        '{"answers": 3}',
        '{"hints": [["time", "he", "one"]]}',
        '{"hints": [{}]}',
    ],
)
def test_a_file_that_is_no_export_is_refused_as_a_whole(tmp_path, text):
    file = tmp_path / "file.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"file\.json"):
        Progress().merge(file)
    assert everything(Progress()) == []


def test_what_is_only_in_memory_is_exported_too(home, monkeypatch):
    progress = Progress()
    monkeypatch.setattr(module, "sqlite3", None)
    fill(progress, "kept")
    progress.export(home / "file.json")
    monkeypatch.undo()
    assert Progress(home / "other").merge(home / "file.json") == 3


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no kill -9")
def test_an_acknowledged_attempt_survives_kill_9_in_the_middle_of_a_write():
    """Killed at a random moment while two processes write: all that was acknowledged is there."""
    code = """
from helpers.progress.record import Progress
progress = Progress()
for i in range(10**6):
    if progress.record_attempt("{}", 0, i, {{}}):
        print(i, flush=True)
"""
    for round in range(3):
        names = [f"{name}{round}" for name in "ab"]
        with ExitStack() as stack:
            start = lambda name: python(code.format(name), stdout=subprocess.PIPE)  # noqa: E731
            writers = [stack.enter_context(start(name)) for name in names]
            acknowledged = [[int(writer.stdout.readline())] for writer in writers]
            for writer in writers:
                os.kill(writer.pid, signal.SIGKILL)
            for rows, writer in zip(acknowledged, writers, strict=True):
                rows += [int(line) for line in writer.stdout]
        for name, rows in zip(names, acknowledged, strict=True):
            stored = [row.possible for row in Progress().attempts(name)]
            assert stored[: len(rows)] == rows
            assert len(rows) <= len(stored) <= len(rows) + 1
