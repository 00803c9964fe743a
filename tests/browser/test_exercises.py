"""A workbook, as a learner uses it: fail an exercise, read why, take a hint, pass, see the report change."""

import re

import nbformat
import pytest
from playwright.sync_api import expect

from helpers.checking import exercise
from tools.lab import THEMES

HE = exercise.find("he")
ANSWER = "def he(fan_in, fan_out, alpha, rng):\n    return rng.normal(0, np.sqrt({}), (fan_in, fan_out))"
FAN_OUT = ANSWER.format("2 / ((1 + alpha**2) * fan_out)")
RIGHT = ANSWER.format("2 / ((1 + alpha**2) * fan_in)")
IDS = [cell.id for cell in nbformat.read("exercises/02_initialization.ipynb", 4).cells]


@pytest.fixture(scope="class")
def workbook(lab_light, browser):
    """Chapter 2's workbook, all of it run, nothing filled in."""
    with lab_light.page(browser) as page:
        page.open("exercises/02_initialization.ipynb")
        page.run_all()
        yield page


@pytest.fixture(autouse=True)
def no_problems(workbook):
    yield
    assert workbook.problems() == []


def cell(page, id):
    return page.cell(IDS.index(id))


def card(page, id):
    return cell(page, id).locator(".td-card[role=status]")


def write(page, cell, code):
    """Replace a cell's code, as somebody does who selects all and pastes, and run it."""
    cell.locator(".cm-content").click()
    page.page.keyboard.press("Control+a")
    page.page.keyboard.insert_text(code)
    run(page, cell)


def run(page, cell):
    cell.locator(".cm-content").click()
    page.page.keyboard.press("Control+Enter")
    page.wait_idle()


def try_answer(page, code):
    write(page, cell(page, "he"), code)
    run(page, cell(page, "he-check"))


class TestExercise22:
    """In this order: each test goes on where the one before it stopped."""

    def test_an_empty_workbook_runs_and_says_that_nothing_was_attempted(self, workbook):
        for item in exercise.load().values():
            if item.chapter == 2:
                expect(card(workbook, f"{item.id}-check")).to_contain_text("not attempted yet")
        expect(card(workbook, "report")).to_contain_text("0 of 100")

    def test_fan_out_is_named(self, workbook):
        try_answer(workbook, FAN_OUT)
        shown = card(workbook, "he-check")
        expect(shown).to_contain_text("✗ He's rule, and the leaky ReLU: 2 of 10 points")
        expect(shown).to_contain_text("it divides by fan_out")
        for word in ("got", "expected", "he(fan_in="):
            expect(shown).to_contain_text(word)

    @pytest.mark.parametrize("theme", THEMES)
    def test_the_card_can_be_read(self, workbook, theme):
        """Text and paper differ by 4.5:1 or more (WCAG 2, AA) in everything that the card says."""
        workbook.set_theme(theme)
        ratios = card(workbook, "he-check").evaluate(CONTRASTS)
        assert len(ratios) > 8 and min(ratios) >= 4.5
        workbook.set_theme("light")

    def test_a_hint_helps(self, workbook):
        run(workbook, cell(workbook, "report"))
        workbook.command("notebook:insert-cell-below")
        new = workbook.cell(len(IDS))
        write(workbook, new, "hint(he)")
        expect(new.locator(".td-card")).to_contain_text(HE.hints[0][:60])

    def test_the_right_answer_passes_and_the_report_changes(self, workbook):
        try_answer(workbook, RIGHT)
        expect(card(workbook, "he-check")).to_contain_text("✓ He's rule, and the leaky ReLU: 10 of 10")
        run(workbook, cell(workbook, "report"))
        expect(card(workbook, "report")).to_contain_text("10 of 100")

    def test_the_link_opens_the_section_of_the_lesson(self, workbook):
        try_answer(workbook, FAN_OUT)
        link = card(workbook, "he-check").locator("a")
        link.click()
        title = workbook.page.get_by_role("heading", name="Chapter 2 · Initialization", exact=True)
        expect(title).to_be_visible(timeout=30_000)
        workbook.wait_idle()
        # JupyterLab scrolls to a cell of a notebook that is open. One that it has to open first, it
        # shows from the top.
        workbook.command("docmanager:open", {"path": "exercises/02_initialization.ipynb"})
        link.click()
        heading = workbook.page.get_by_role("heading", name=re.compile(re.escape(HE.section)))
        expect(heading).to_be_in_viewport(timeout=30_000)


CONTRASTS = """card => {
    const parse = color => color.match(/[0-9.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const paper = element => {
        for (; element; element = element.parentElement) {
            const color = parse(getComputedStyle(element).backgroundColor);
            if (color.length < 4 || color[3] > 0.5) return color;
        }
        return [255, 255, 255];
    };
    const isText = node => node.nodeType === 3 && node.data.trim();
    const texts = [...card.querySelectorAll('*')].filter(
        element => element.tagName !== 'STYLE' && [...element.childNodes].some(isText));
    return texts.map(element => {
        const [a, b] = [light(parse(getComputedStyle(element).color)), light(paper(element))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    });
}"""
