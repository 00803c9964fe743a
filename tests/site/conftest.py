"""The site in a folder: $SITE, or what `make site` writes; served for the browser.

These tests have an environment of their own (`make site-check`, `make site-browser`); elsewhere there is
nothing to collect.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

collect_ignore_glob = [] if find_spec("jupyterlite_core") else ["test_*.py"]

ROOT = Path(__file__).resolve().parents[2]
_said = []


def pytest_terminal_summary(terminalreporter):
    for line in _said:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def say():
    """A function that writes a line at the end of the run."""
    return _said.append


@pytest.fixture(scope="session")
def folder():
    folder = Path(os.environ.get("SITE", ROOT / "site"))
    assert (folder / "index.html").exists(), f"there is no site in {folder}: run `make site`"
    return folder


@pytest.fixture(scope="session")
def url(folder):
    from tools.web.serving import served

    with served(folder) as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    from tools.lab import chromium

    with chromium() as browser:
        yield browser
