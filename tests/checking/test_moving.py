"""A learner takes the answers along, from one home to another."""

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


@pytest.mark.parametrize("content", [None, "[1, 2", '{"answers": [[1]]}'])
def test_a_file_that_is_none_is_said_to_be_none(there_and_here, tmp_path, content):
    there_and_here("tab")
    if content:
        (tmp_path / "wrong.json").write_text(content)
    card = bring("wrong.json")
    assert card.look == "alarm" and "Nothing was brought from wrong.json" in repr(card)
    assert PROGRESS.answers() == []
