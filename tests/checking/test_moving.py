"""A learner takes the answers along, from one home to another."""

import sqlite3
import sys
from contextlib import closing

import pytest

from helpers import ask, bring, take
from helpers.progress.record import PROGRESS


@pytest.fixture
def there_and_here(tmp_path, monkeypatch):
    """A function that goes to one of two homes."""
    monkeypatch.chdir(tmp_path)

    def go(home):
        monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path / home))

    return go


def test_answers_are_taken_from_one_home_to_another_once(there_and_here, tmp_path):
    there_and_here("tab")
    ask("init-he-std").submit("1/8")
    answers = PROGRESS.answers()
    assert len(answers) == 1 and "my-progress.json" in repr(take())
    there_and_here("lab")
    ask("init-he-std").submit("1/4")
    assert "1 new answers" in repr(bring())
    assert set(answers) < set(PROGRESS.answers()) and len(PROGRESS.answers()) == 2
    assert "0 new answers" in repr(bring())


def test_what_a_browser_keeps_is_brought_as_it_is(there_and_here, tmp_path, monkeypatch):
    """The file in *Download my work*, which needs no Python; it was written as a whole."""
    there_and_here("progress")
    with monkeypatch.context() as browser:
        browser.setattr(sys, "platform", "emscripten")
        ask("init-he-std").submit("1/8")
        answers = PROGRESS.answers()
    file = tmp_path / "progress/progress.sqlite3"
    kept = file.read_bytes()
    there_and_here("lab")
    assert "1 new answers" in repr(bring(file)) and "0 new answers" in repr(bring(file))
    assert PROGRESS.answers() == answers and len(answers) == 1
    assert file.read_bytes() == kept  # it is only read


@pytest.mark.parametrize("damage", ["cut", "another program's", "a later version's"])
def test_a_database_that_is_none_of_ours_is_said_to_be_none(there_and_here, tmp_path, damage):
    there_and_here("tab")
    ask("init-he-std").submit("1/8")
    file = tmp_path / "tab/progress.sqlite3"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    else:
        with closing(sqlite3.connect(file)) as db:
            db.execute(
                "PRAGMA user_version = 0"
                if "program" in damage
                else "ALTER TABLE answers RENAME answer TO said"
            )
            db.commit()
    there_and_here("lab")
    card = bring(file)
    assert card.look == "alarm" and "Nothing was brought from" in repr(card)
    assert PROGRESS.answers() == []


@pytest.mark.parametrize("content", [None, "[1, 2", '{"answers": [[1]]}'])
def test_a_file_that_is_none_is_said_to_be_none(there_and_here, tmp_path, content):
    there_and_here("tab")
    if content:
        (tmp_path / "wrong.json").write_text(content)
    card = bring("wrong.json")
    assert card.look == "alarm" and "Nothing was brought from wrong.json" in repr(card)
    assert PROGRESS.answers() == []
