"""A learner's record for each test: what was cured is written into it."""

import pytest

from helpers.chapters.rescue import bedside
from helpers.progress.record import Progress


@pytest.fixture(autouse=True)
def progress(tmp_path, monkeypatch):
    kept = Progress(tmp_path / "progress.sqlite3")
    monkeypatch.setattr(bedside, "PROGRESS", kept)
    return kept
