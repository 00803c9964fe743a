"""The site in a folder: $SITE, or what `make site` writes; served on a free port for the browser."""

import http.server
import os
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tools.lab import chromium

ROOT = Path(__file__).resolve().parents[2]
SAID = []  # lines for the end of the run: what could be run, and what could not


def pytest_terminal_summary(terminalreporter):
    for line in SAID:
        terminalreporter.write_line(line)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """The address under which a folder is served, as any web host would."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def folder():
    folder = Path(os.environ.get("SITE", ROOT / "site"))
    assert (folder / "index.html").exists(), f"there is no site in {folder}: run `make site`"
    return folder


@pytest.fixture(scope="session")
def url(folder):
    with served(folder) as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    with chromium() as browser:
        yield browser
