"""The capstone by hand: two patients drawn at random are named and cured, and the report counts them."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from helpers.chapters.rescue import illness
from helpers.chapters.rescue.bedside import worded
from helpers.chapters.rescue.ward import LABELS, PATIENTS, Ward
from tests.browser.instruments import PATIENCE, control, instrument, menu, verdict

LEVEL = 2
DRAWN = np.random.default_rng(4).choice(PATIENTS, 2, replace=False) + 1  # numbers of patients


@pytest.fixture(scope="class")
def ward(lab_light, browser):
    with lab_light.page(browser, height=1100) as page:
        page.open_cells(f"from helpers import report, ward\nward(level={LEVEL})", "report()")
        page.run_all()
        yield page
        assert page.problems() == []


def to(page, box, number):
    """Move the slider to a patient by keyboard."""
    slider = page.slider("Patient", box)
    page.press(slider, "Home", *["ArrowRight"] * (number - 1))
    expect(slider.locator("label")).to_have_text(f"Patient = {number}")


def choose(box, label, option, by_mouse):
    """Choose from a menu as a hand does. (Chromium's open list is no part of the page.)"""
    select = menu(box, label)
    if by_mouse:
        return select.select_option(option)
    select.focus()
    for _ in range(select.locator("option").count()):
        if select.input_value() == option:
            return None
        box.page.keyboard.press("ArrowDown")
    raise AssertionError(f"{label} has no {option}")


@pytest.mark.parametrize("by_mouse", [True, False], ids=["mouse", "keyboard"])
class TestWard:
    """In this order: the second patient is counted beside the first."""

    def test_a_patient_is_cured_and_counted(self, ward, by_mouse):
        number = int(DRAWN[0 if by_mouse else 1])
        case = illness.cases(LEVEL)[(number - 1) % len(illness.cases(LEVEL))]
        box = instrument(ward, Ward)
        to(ward, box, number)
        expect(verdict(box)).to_have_text(re.compile("STUCK|DIVERGED"), timeout=1000 * PATIENCE)
        choose(box, "Disease", case.diseases[0], by_mouse)
        for name, value in case.cures[0].items():
            control(box, LABELS[name])
            choose(box, LABELS[name], worded(value), by_mouse)
        expect(verdict(box)).to_have_text("SOLVED", timeout=1000 * PATIENCE)
        expect(box.locator(".td-verdict")).to_contain_text("4 of 4 points")
        report = ward.cell(1)
        report.locator(".jp-InputPrompt").click()
        ward.command("notebook:run-cell")
        count = "1" if by_mouse else "2"
        row = report.locator("tr", has_text=f"ward, level {LEVEL}")
        expect(row.locator("td")).to_have_text([f"ward, level {LEVEL}", count, count])
