"""Chapter 3 as a learner uses it: the lesson runs, and its four instruments follow the hand."""

import pytest
from playwright.sync_api import expect

from helpers.chapters.normalization.batchnorm_stability import BatchNormStability
from helpers.chapters.normalization.layer_statistics import LayerStatistics
from helpers.chapters.normalization.norm_axes import NormAxes
from helpers.chapters.normalization.train_vs_eval import TrainVsEval
from tests.browser.instruments import (
    answer,
    assert_shows,
    card,
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
    instruments = (BatchNormStability, LayerStatistics, NormAxes, TrainVsEval)

    def test_the_norm_decides_whether_a_large_step_learns(self, bench):
        box = reset(bench, BatchNormStability)
        expect(verdict(box)).to_have_text("LEARNS")
        option(box, "none").click()
        expect(verdict(box)).to_have_text("DIVERGED")
        assert_shows(bench, box, computed(BatchNormStability, norm="none"))

    def test_the_last_eta_can_be_found(self, bench):
        box = take_challenge(bench, BatchNormStability, "The last η")
        move(bench, BatchNormStability, box, "lr", 1.0)
        expect(reached(box)).to_contain_text("A norm does not make every η safe")

    def test_a_level_curve_can_be_blind(self, bench):
        box = take_challenge(bench, LayerStatistics, "Level, but blind")
        option(box, "LayerNorm").click()
        move(bench, LayerStatistics, box, "depth", 50)
        expect(reached(box)).to_contain_text("no longer from input to input")

    def test_moving_the_groups_makes_it_group_norm(self, bench):
        box = reset(bench, NormAxes)
        move(bench, NormAxes, box, "groups", 4)
        assert_shows(bench, box, computed(NormAxes, norm="GroupNorm", groups=4))
        expect(verdict(box)).to_have_text("WITHIN ONE EXAMPLE")

    def test_a_batch_of_one_is_refused(self, bench):
        box = reset(bench, TrainVsEval)
        move(bench, TrainVsEval, box, "batch", 1)
        expect(verdict(box)).to_have_text("REFUSED")


class TestLesson03(EveryLesson):
    path = "notebooks/03_batch_normalization.ipynb"

    def test_a_question_knows_the_slip(self, lesson):
        box = lesson.page.locator(".td-ask", has_text="Over how many values does BatchNorm take one mean")
        answer(box, "8")
        expect(card(box)).to_contain_text("share the filter")
        answer(box, "800")
        expect(card(box)).to_contain_text("✓ Right.")
