"""One Chromium and at most two JupyterLabs for the whole run, a fresh page for every test.

A test that takes `page` (light theme) or `dark_page` fails when the browser's console reports an
error, even if the test itself passes, and leaves a screenshot when it fails.
"""

import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error as BrowserError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # `tools` is no installed package

from tools.lab import Lab, LabPage, chromium  # noqa: E402

pytest.register_assert_rewrite("tests.browser.instruments", "tests.browser.lessons")
OUTCOME = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.when == "call":
        item.stash[OUTCOME] = report
    return report


@pytest.fixture(scope="session")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab_light():
    with Lab(ROOT) as lab:
        yield lab


@pytest.fixture(scope="session")
def lab_dark():
    with Lab(ROOT, theme="dark") as lab:
        yield lab


@contextmanager
def _page(lab, browser, request, folder):
    with lab.page(browser) as page:
        yield page
        page.page.wait_for_timeout(50)  # lets messages arrive that are under way
        report = request.node.stash.get(OUTCOME, None)
        if page.console_errors or report is None or report.failed:
            path = folder / "failure.png"
            with suppress(BrowserError):  # a page too broken to be photographed
                page.screenshot(path)
            print(f"\nScreenshot: {path}")
        assert page.console_errors == []


@pytest.fixture
def page(lab_light, browser, request, tmp_path):
    with _page(lab_light, browser, request, tmp_path) as page:
        yield page


@pytest.fixture
def dark_page(lab_dark, browser, request, tmp_path):
    with _page(lab_dark, browser, request, tmp_path) as page:
        yield page


@pytest.fixture(scope="class")
def lesson(request, lab_light, browser):
    """The lesson that the test class names as its `path`, all of it run."""
    with lab_light.page(browser) as page:
        page.open(request.cls.path)
        page.run_all(timeout=300)
        page.command("notebook:expand-all-headings")  # what is Further opens folded
        yield page


@pytest.fixture(scope="class")
def bench(request, lab_light, browser):
    """The `instruments` of the test class with their default settings, one in each cell."""
    names = [make.__module__.rpartition(".")[2] for make in request.cls.instruments]
    with lab_light.page(browser) as page:
        page.open_cells(*(f"from helpers import {name}\n{name}()" for name in names))
        page.run_all(timeout=300)
        yield page


@pytest.fixture
def nothing_goes_wrong(request, tmp_path):
    """Fail a test that leaves a traceback or a console error behind; photograph a failure."""
    failed = request.session.testsfailed
    yield
    page = next((value for value in request.node.funcargs.values() if isinstance(value, LabPage)), None)
    if page is None:
        return
    problems = page.problems()
    page.console_errors.clear()
    page.page.evaluate("window.kernelProblems = []")
    if problems or request.session.testsfailed > failed:
        page.screenshot(tmp_path / "failure.png")
        print(f"\nScreenshot: {tmp_path / 'failure.png'}")
        if "bench" in request.fixturenames:
            page.run_all()  # new instruments for the tests that follow
    assert problems == []
