"""Chapter 4 as a learner uses it: the lesson runs, and its three instruments follow the hand."""

import pytest
from playwright.sync_api import expect

from helpers.chapters.residual.degradation_lab import DegradationLab
from helpers.chapters.residual.gradient_flow import GradientFlow
from helpers.chapters.residual.paths import Paths
from tests.browser.instruments import (
    answer,
    assert_shows,
    button,
    card,
    choose,
    computed,
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
    instruments = (GradientFlow, DegradationLab, Paths)

    def test_the_factor_turns_the_verdict_over(self, bench):
        box = reset(bench, GradientFlow)
        expect(verdict(box)).to_have_text("GROWS")
        for gain, word in ((1.5, "EXPLODES"), (0.1, "BOUNDED"), (0.35, "GROWS")):
            move(bench, GradientFlow, box, "factor", gain)
            expect(verdict(box)).to_have_text(word)

    def test_the_branch_scale_tames_every_gain(self, bench):
        box = reset(bench, GradientFlow)
        option(box, "1/√D").click()
        for gain in (1.5, 0.05):
            move(bench, GradientFlow, box, "factor", gain)
            assert_shows(bench, box, computed(GradientFlow, scale="1/√D", factor=gain))
            expect(verdict(box)).to_have_text("BOUNDED")

    def test_skips_undo_the_degradation(self, bench):
        box = reset(bench, DegradationLab)
        expect(verdict(box)).to_have_text("DEGRADED")
        option(box, "residual + BN").click()
        assert_shows(bench, box, computed(DegradationLab, build="residual + BN"))
        expect(verdict(box)).to_have_text("NOT DEGRADED")

    def test_a_trained_network_survives_one_cut_and_not_most(self, bench):
        box = reset(bench, Paths)
        expect(verdict(box)).to_have_text("WHOLE")
        move(bench, Paths, box, "deleted", 5)
        expect(verdict(box)).to_have_text("SURVIVES")
        move(bench, Paths, box, "keep", 0.2)
        expect(verdict(box)).to_have_text("BREAKS")
        option(box, "at the start").click()
        expect(verdict(box)).to_have_text("UNTRAINED")

    def test_a_new_seed_is_shown(self, bench):
        for make in self.instruments:
            box = reset(bench, make)
            button(box, "New seed").click()
            assert_shows(bench, box, computed(make, seed=1))

    # Challenges: a way in which a learner may solve each one

    def test_a_gain_of_1_can_be_tamed(self, bench):
        box = take_challenge(bench, GradientFlow, "Tame a factor of 1")
        option(box, "1/√D").click()
        expect(reached(box)).to_contain_text("1.65")

    def test_the_popular_picture_breaks(self, bench):
        box = take_challenge(bench, GradientFlow, "Where the popular picture breaks")
        move(bench, GradientFlow, box, "factor", 0.35)
        expect(reached(box)).to_contain_text("needs small branches")

    def test_a_norm_fails_without_the_skip(self, bench):
        box = take_challenge(bench, GradientFlow, "A norm that fails without the skip")
        option(box, "BatchNorm").click()
        expect(reached(box)).to_contain_text("1.21 at every ReLU layer")

    def test_the_deep_network_can_be_saved_by_skips(self, bench):
        box = take_challenge(bench, DegradationLab, "Save the deep plain network")
        option(box, "residual + BN").click()
        expect(reached(box)).to_contain_text("it was not the rate")

    def test_no_norm_is_needed_with_scaled_branches(self, bench):
        box = take_challenge(bench, DegradationLab, "Without any norm")
        option(box, "1/√D").click()
        expect(reached(box)).to_contain_text("had to be scaled")

    def test_half_of_the_paths_can_go(self, bench):
        box = take_challenge(bench, Paths, "Half of the paths")
        move(bench, Paths, box, "deleted", 8)
        expect(reached(box)).to_contain_text("one half of the paths")

    def test_it_can_be_broken(self, bench):
        box = take_challenge(bench, Paths, "Break it")
        move(bench, Paths, box, "keep", 0.2)
        expect(reached(box)).to_contain_text("not a heap of independent networks")


class TestLesson04(EveryLesson):
    path = "notebooks/04_residual_connections.ipynb"

    def test_its_first_paths_are_those_of_an_untrained_network(self, lesson):
        box = reset(lesson, Paths, depth=27, network="at the start")
        expect(verdict(box)).to_have_text("UNTRAINED")

    def test_a_number_knows_the_slip(self, lesson):
        box = lesson.page.locator(".td-ask", has_text="A row of 10 residual blocks carries one number")
        answer(box, "1024")
        expect(card(box)).to_contain_text("✗ Not yet.")
        answer(box, "1")
        expect(card(box)).to_contain_text("✓ Right.")

    def test_an_option_knows_the_slip(self, lesson):
        box = lesson.page.locator(".td-ask", has_text="The last weights of the branch F are all zero")
        for text, feedback in (
            ("Nothing: all its gradients are zero", "In a plain network zero weights block everything"),
            ("Start from the identity", "✓ Right."),
        ):
            choose(box, text)
            button(box, "Check").click()
            expect(card(box)).to_contain_text(feedback)
