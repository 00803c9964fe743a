"""Chapter 5 and the capstone as a learner meets them: run, drag, choose, be thrown, be contained, cure."""

import pytest
from playwright.sync_api import expect

from helpers.chapters.regularization.dropout_masks import DropoutMasks
from helpers.chapters.regularization.gradient_clipping import GradientClipping
from helpers.chapters.regularization.weight_decay import WeightDecay
from helpers.chapters.rescue.rescue_the_network import RescueTheNetwork
from tests.browser.instruments import (
    assert_shows,
    computed,
    menu,
    move,
    option,
    reached,
    reset,
    take_challenge,
    verdict,
)
from tests.browser.lessons import EveryInstrument, EveryLesson

pytestmark = pytest.mark.usefixtures("nothing_goes_wrong")


class TestInstruments(EveryInstrument):
    instruments = (WeightDecay, DropoutMasks, GradientClipping, RescueTheNetwork)

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
        menu(box, "Skip connections").select_option("on")
        assert_shows(bench, box, computed(RescueTheNetwork, patient="E", skip="on"))
        expect(verdict(box)).to_have_text("SOLVED")


class TestLesson05(EveryLesson):
    path = "notebooks/05_regularization.ipynb"


class TestLesson06(EveryLesson):
    path = "notebooks/06_rescue_the_network.ipynb"
