"""What helps a learner on: bugs hunted and named, a ladder climbed by mouse and keyboard, a prompt copied."""

import re

import pytest
from playwright.sync_api import expect

from helpers.checking import exercise
from helpers.checking.ladder import Ladder, body
from tools.axe import violations

ITEM = exercise.find("bn_backward")
HUNT = """from helpers import hunt, ladder, report, tutor, check
import numpy as np
from helpers.checking.hunt import drawn
from helpers.checking.values import live
suspect = hunt({!r}, seed=3)"""
SUBMIT = "inputs = drawn(suspect._item, np.random.default_rng(1))\nfor _, args in inputs:\n"
SUBMIT += "    if not suspect._exposed: suspect.submit(*live(args))"
HUNTED = "bn_forward", "he", "two_blocks"
BEGUN = "def bn_backward(x, gamma, eps, grad):\n    return {'dx': grad, 'dgamma': gamma, 'dbeta': gamma}\n"


@pytest.fixture(scope="class")
def bench(lab_light, browser):
    cells = [cell for name in HUNTED for cell in (HUNT.format(name), SUBMIT)]
    with lab_light.page(browser, height=1100) as page:
        page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.open_cells(
            *cells, "report()", BEGUN + "check(bn_backward)", "ladder(bn_backward)", "tutor(bn_backward)"
        )
        page.run_all()
        yield page


@pytest.fixture
def steps(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))
    return Ladder(ITEM)


@pytest.fixture(autouse=True)
def no_problems(bench):
    yield
    assert bench.problems() == []


def run(page, cell):
    cell.locator(".jp-InputPrompt").click()
    page.command("notebook:run-cell")
    page.wait_idle()


class TestWaysOn:
    """In this order: each test goes on where the one before it stopped."""

    @pytest.mark.parametrize("place", range(3), ids=HUNTED)
    def test_a_bug_is_exposed_and_named(self, bench, place):
        expect(bench.cell(2 * place)).to_contain_text("Hunt the bug")
        box = bench.cell(2 * place + 1)
        expect(box).to_contain_text("✓ Exposed: on this input it is wrong.")
        expect(box).to_contain_text("the right function")
        expect(box.locator(".td-choice input")).to_have_count(4)
        said = box.locator(".td-ask [role=status]")
        for option in box.locator(".td-choice label").all():
            option.click()
            box.get_by_role("button", name="Check").click()
            expect(said).to_contain_text(f"You wrote “{option.inner_text()}”")
            if "✓ Right" in said.inner_text():
                return
            expect(said).to_contain_text("that mistake")
        raise AssertionError("none of the four is right")

    def test_the_report_counts_them(self, bench):
        run(bench, bench.cell(6))
        expect(bench.cell(6)).to_contain_text("bugs hunted")

    def test_the_lines_are_put_in_order_by_keyboard(self, bench, steps):
        box = bench.cell(8)
        expect(bench.cell(7)).to_contain_text("0 of")
        box.get_by_role("button", name="Check").click()
        expect(box.get_by_role("status")).to_contain_text("✗ Not yet.")
        for number, line in enumerate(steps.lines):
            if line not in body(ITEM.source):
                box.locator(f"[data-number='{number}']").get_by_role("button", name="Leave out").press(
                    "Space"
                )
        for place, line in enumerate(body(ITEM.source)):
            row = box.locator(f"[data-number='{steps.lines.index(line)}']")
            up = row.get_by_role("button", name="Up")
            up.focus()
            while (at := row.evaluate("line => [...line.parentElement.children].indexOf(line)")) != place:
                bench.page.keyboard.press("ArrowUp" if at % 2 else "Enter")
                expect(up).to_be_focused()
        box.get_by_role("button", name="Check").press("Enter")
        expect(box.get_by_role("status")).to_contain_text("✓ It passes the check.")

    def test_a_line_is_moved_by_mouse(self, bench):
        box = bench.cell(8)
        rows = box.locator(".td-line")
        first = rows.first.get_attribute("data-number")
        rows.first.get_by_role("button", name="Down").click()
        assert rows.nth(1).get_attribute("data-number") == first
        rows.nth(1).locator("pre").drag_to(rows.first.locator("pre"), target_position={"x": 40, "y": 2})
        assert rows.first.get_attribute("data-number") == first
        box.get_by_role("button", name="Check").click()
        expect(box.get_by_role("status")).to_contain_text("✓ It passes the check.")

    def test_the_gaps_are_filled_and_the_last_step_is_one_s_own(self, bench, steps):
        box = bench.cell(8)
        box.get_by_role("button", name="Fill the gaps").click()
        pieces = [piece for piece in steps.pieces if piece]
        texts = re.fullmatch("(.+?)".join(map(re.escape, pieces)), ITEM.source + "\n", re.DOTALL).groups()
        for field, text in zip(box.locator(".td-step input").all(), texts, strict=True):
            field.click()
            bench.page.keyboard.type(text)
        bench.page.keyboard.press("Enter")
        expect(box.get_by_role("status")).to_contain_text("✓ It passes the check.")
        box.get_by_role("button", name="Write it yourself").click()
        expect(box).to_contain_text("in your own cell")

    def test_a_pass_is_marked_in_the_report(self, bench):
        own = bench.cell(7)
        own.locator(".cm-content").click()
        bench.page.keyboard.press("Control+a")
        bench.page.keyboard.insert_text(ITEM.source + "\ncheck(bn_backward)")
        run(bench, own)
        expect(own).to_contain_text(f"{ITEM.points} of {ITEM.points} points")
        run(bench, bench.cell(6))
        expect(bench.cell(6)).to_contain_text(f"{ITEM.points} of 100, {ITEM.points} by the ladder")

    def test_a_screen_reader_finds_no_barrier(self, bench):
        assert violations(bench.page, [".td-ladder", ".td-prompt"]) == []

    def test_the_prompt_is_copied(self, bench):
        box = bench.cell(9)
        box.get_by_role("button", name="Copy").press("Enter")
        expect(box.get_by_role("status")).to_contain_text("Copied.")
        text = bench.page.evaluate("navigator.clipboard.readText()")
        assert text == box.locator("textarea").input_value() and "Never give the solution" in text
        assert "MY CODE" in text and "def bn_backward" in text
