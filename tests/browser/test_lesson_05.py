"""Chapter 5 and the capstone as a learner meets them: run, drag, choose, be thrown, be contained, cure."""

import pytest
from playwright.sync_api import expect

from helpers.instruments.controls import Slider
from helpers.instruments.dropout_masks import DropoutMasks
from helpers.instruments.gradient_clipping import OFF, GradientClipping
from helpers.instruments.rescue_the_network import RescueTheNetwork
from helpers.instruments.weight_decay import WeightDecay
from tests.browser.instruments import (
    assert_shows,
    button,
    computed,
    drag_to_both_ends,
    menu,
    move,
    option,
    reached,
    reset,
    take_challenge,
    verdict,
)
from tests.browser.lessons import EveryLesson

pytestmark = pytest.mark.usefixtures("nothing_goes_wrong")

INSTRUMENTS = [WeightDecay, DropoutMasks, GradientClipping, RescueTheNetwork]
CELLS = [
    "from helpers import weight_decay\nweight_decay()",
    "from helpers import dropout_masks\ndropout_masks()",
    "from helpers import gradient_clipping\ngradient_clipping()",
    "from helpers import rescue_the_network\nrescue_the_network()",
]
SLIDERS = [
    pytest.param(make, control, id=f"{make.__name__}-{control.name}")
    for make in INSTRUMENTS
    for control in make.controls
    if isinstance(control, Slider) and control.name != "max_norm"  # it starts at an end, and has its own test
]


@pytest.fixture(scope="class")
def bench(lab_light, browser):
    """The four instruments with their default settings, one in each cell."""
    with lab_light.page(browser) as page:
        page.open_cells(*CELLS)
        page.run_all()
        yield page


class TestInstruments:
    def test_the_threshold_goes_from_off_to_its_smallest_and_back(self, bench):
        box = reset(bench, GradientClipping)
        slider = bench.slider("Threshold", box)
        for end, value in ((0, 0.01), (1, OFF)):
            bench.drag(slider, end)
            assert_shows(bench, box, computed(GradientClipping, max_norm=value))

    @pytest.mark.parametrize(("make", "control"), SLIDERS)
    def test_a_slider_dragged_to_its_ends_shows_both(self, bench, make, control):
        drag_to_both_ends(bench, make, control)

    @pytest.mark.parametrize("make", INSTRUMENTS)
    def test_presets_show_their_settings(self, bench, make):
        box = reset(bench, make)
        for name, settings in make.presets.items():
            button(box, name).click()
            assert_shows(bench, box, computed(make, **settings))

    def test_decay_goes_from_overfit_to_underfit(self, bench):
        box = reset(bench, WeightDecay)
        expect(verdict(box)).to_have_text("OVERFIT")
        move(bench, WeightDecay, box, "weight_decay", 3.0)
        expect(verdict(box)).to_have_text("BALANCED")
        bench.press(bench.slider("Decay", box), "End")
        expect(verdict(box)).to_have_text("UNDERFIT")

    def test_a_form_of_dropout_is_chosen_by_its_button(self, bench):
        box = reset(bench, DropoutMasks)
        option(box, "not rescaled").click()
        expect(verdict(box)).to_have_text("MEAN SHRINKS")

    def test_clipping_contains_the_start_that_was_thrown(self, bench):
        box = take_challenge(bench, GradientClipping, "All of them")
        expect(verdict(box)).to_have_text("THROWN")
        move(bench, GradientClipping, box, "max_norm", 1.0)
        expect(verdict(box)).to_have_text("SOLVED")
        reached(box)

    def test_a_patient_is_seen_ill_and_cured(self, bench):
        box = reset(bench, RescueTheNetwork)
        option(box, "E").click()
        assert_shows(bench, box, computed(RescueTheNetwork, patient="E"))
        expect(verdict(box)).to_have_text("STUCK")
        menu(box, "Skip").select_option("on")
        assert_shows(bench, box, computed(RescueTheNetwork, patient="E", skip="on"))
        expect(verdict(box)).to_have_text("SOLVED")


class TestLesson05(EveryLesson):
    path = "notebooks/05_regularization.ipynb"


class TestLesson06(EveryLesson):
    path = "notebooks/06_rescue_the_network.ipynb"
