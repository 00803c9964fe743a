"""What the tests of grading share: no test counts that ran without a sandbox."""

import pytest

from helpers.grading import grader, sandbox
from helpers.grading.grader import Settings, grade
from tests.grading import bank


def pytest_addoption(parser):
    parser.addoption("--size", type=int, default=30, help="students of the class in test_class.py")


@pytest.fixture
def size(request):
    return request.config.getoption("--size")


@pytest.fixture(scope="session", autouse=True)
def a_sandbox():
    kind, why = sandbox.isolation()
    assert kind == sandbox.BUBBLEWRAP, f"these tests need a sandbox: {why}"


@pytest.fixture
def hasty(monkeypatch):
    """Shorter limits, so that what never ends costs a test little."""
    monkeypatch.setattr(grader, "CELL_SECONDS", 2)
    monkeypatch.setattr(grader, "SECONDS", 2)
    monkeypatch.setattr(grader, "GRACE", 2)


@pytest.fixture
def graded():
    """Grade a notebook: `graded(notebook)`, with any of the Settings."""

    def run(notebook, name="alice", **settings):
        given = notebook if isinstance(notebook, bytes) else bank.data(notebook)
        return grade(name, given, Settings(**{"seed": 2015, **settings}))

    return run
