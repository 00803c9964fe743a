"""Chapter 1 as a learner uses it: the lesson runs, and its three instruments follow the hand."""

import pytest
from playwright.sync_api import expect

from helpers.chapters.depth.gain_chain import GainChain
from helpers.chapters.depth.gradient_by_layer import GradientByLayer
from helpers.chapters.depth.jacobian_spectrum import JacobianSpectrum
from tests.browser.instruments import (
    answer,
    assert_shows,
    card,
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
    instruments = (GainChain, GradientByLayer, JacobianSpectrum)

    def test_the_factor_turns_the_verdict_over(self, bench):
        box = reset(bench, GainChain)
        expect(verdict(box)).to_have_text("HEALTHY")
        for factor, word in ((0.5, "VANISHES"), (1.5, "EXPLODES"), (1.0, "HEALTHY")):
            move(bench, GainChain, box, "factor", factor)
            expect(verdict(box)).to_have_text(word)

    def test_choosing_an_activation_makes_the_chain_one_of_layers(self, bench):
        box = reset(bench, GainChain)
        menu(box, "Activation").select_option("tanh")
        assert_shows(bench, box, computed(GainChain, activation="tanh"))
        option(box, "a number").click()
        assert_shows(bench, box, computed(GainChain, activation="tanh", chain="a number"))

    def test_the_sigmoid_can_be_rescued(self, bench):
        box = take_challenge(bench, GradientByLayer, "Rescue the sigmoid")
        move(bench, GradientByLayer, box, "sigma_w", 10.15)
        expect(reached(box)).to_contain_text("knife's edge")

    def test_all_directions_can_be_made_alike(self, bench):
        box = take_challenge(bench, JacobianSpectrum, "All directions alike")
        option(box, "orthogonal").click()
        expect(reached(box)).to_contain_text("dynamical isometry")


class TestLesson01(EveryLesson):
    path = "notebooks/01_depth_problem.ipynb"

    def test_a_question_knows_the_slip(self, lesson):
        box = lesson.page.locator(".td-ask", has_text="learning rate 0.1")
        answer(box, "0.9")
        expect(card(box)).to_contain_text("goes along the gradient")
        answer(box, "1.1")
        expect(card(box)).to_contain_text("✓ Right.")
