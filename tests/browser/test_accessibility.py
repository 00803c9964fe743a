"""Does axe-core look at what the course shows, and notice what is wrong?

Every lesson has a test of its own for barriers, in lessons.py.
"""

import pytest
from playwright.sync_api import expect

from helpers.chapters.initialization.init_explorer import InitExplorer
from tests.browser.instruments import button, instrument
from tests.browser.lessons import OURS, barriers


@pytest.fixture(scope="module")
def chapter(lab_light, browser):
    """Chapter 2, all of it run."""
    with lab_light.page(browser) as page:
        page.open("notebooks/02_initialization.ipynb")
        page.run_all(timeout=300)
        yield page


@pytest.fixture(scope="module", params=["light", "dark"])
def lesson(request, chapter):
    """Chapter 2 in one of the themes."""
    chapter.set_theme(request.param)
    return chapter


def test_axe_looks_at_instruments_questions_and_text(lesson):
    ours = lesson.page.locator(", ".join(OURS))
    assert ours.locator(".td-instrument").count() >= 3
    assert ours.locator(".td-ask").count() >= 10
    assert ours.locator("h2").count() >= 9


def test_what_the_course_shows_has_no_violation(lesson):
    assert barriers(lesson) == []


def test_an_answer_and_a_challenge_have_none(lesson):
    """The cards that appear when something was answered, or a challenge was taken."""
    question = lesson.page.locator(".td-ask").first
    question.locator(".td-commit").click()
    expect(question.locator(".td-card")).to_be_visible()
    box = instrument(lesson, InitExplorer)
    button(box, InitExplorer.challenges[0].name).click()
    expect(box.locator(".td-goal")).to_contain_text("Goal:")
    assert barriers(lesson, [".td-ask", ".td-instrument"]) == []


def test_axe_finds_what_is_wrong(lesson):
    lesson.page.evaluate(
        "document.querySelector('.td-title').insertAdjacentHTML('beforeend', '<img src=data:, id=bad>')"
    )
    problems = barriers(lesson, [".td-title"])
    lesson.page.evaluate("document.getElementById('bad').remove()")
    assert [problem.split()[1] for problem in problems] == ["image-alt"]
