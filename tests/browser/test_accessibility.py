"""axe-core on lesson 2, as JupyterLab shows it: no serious or critical violation of ours.

Checked is what the course puts on the page: the text of the lesson, and the outputs, widgets included. The
rest of the page is JupyterLab's own, and so is one thing inside: ipywidgets gives the handle of a slider a
role, a range and a value, but no name, and has no setting for one. What the slider is for stands beside it.
"""

import pytest

from tools.axe import violations

OURS = [".jp-RenderedMarkdown", ".jp-OutputArea"]
NAMELESS_HANDLE = "aria-input-field-name"


@pytest.fixture(scope="module", params=["light", "dark"])
def lesson(request, browser):
    """Chapter 2, all of it run, in one of the themes."""
    lab = request.getfixturevalue(f"lab_{request.param}")
    with lab.page(browser) as page:
        page.open("notebooks/02_initialization.ipynb")
        page.run_all(timeout=300)
        yield page


def found(page, include=OURS):
    return [
        problem
        for problem in violations(page, include)
        if not (NAMELESS_HANDLE in problem and 'class="noUi-handle' in problem)
    ]


def test_axe_looks_at_instruments_questions_and_text(lesson):
    ours = lesson.page.locator(", ".join(OURS))
    assert ours.locator(".td-instrument").count() >= 3
    assert ours.locator(".td-ask").count() >= 10
    assert ours.locator("h2").count() >= 9


def test_what_the_course_shows_has_no_violation(lesson):
    assert found(lesson.page) == []


def test_an_answer_and_a_challenge_have_none(lesson):
    """The cards that appear when something was answered, or a challenge was taken."""
    box = lesson.page.locator(".td-ask").first
    box.locator("button.widget-button").last.click()
    instrument = lesson.page.locator(".td-instrument").first
    instrument.locator("button", has_text="Reset").click()
    lesson.wait_idle()
    lesson.page.locator(".td-ask .td-card").first.wait_for()
    assert found(lesson.page, [".td-ask", ".td-instrument"]) == []


def test_axe_finds_what_is_wrong(lesson):
    lesson.page.evaluate(
        "document.querySelector('.td-question').insertAdjacentHTML('beforeend', '<img src=data:, id=bad>')"
    )
    problems = found(lesson.page)
    lesson.page.evaluate("document.getElementById('bad').remove()")
    assert [problem.split()[1] for problem in problems] == ["image-alt"]
