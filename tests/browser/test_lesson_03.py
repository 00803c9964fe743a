"""Chapter 3 as a learner uses it: the lesson runs, and its four instruments follow the hand."""

import pytest
from playwright.sync_api import expect

from helpers.instruments.batchnorm_stability import BatchNormStability
from helpers.instruments.controls import Slider
from helpers.instruments.layer_statistics import LayerStatistics
from helpers.instruments.norm_axes import NormAxes
from helpers.instruments.train_vs_eval import TrainVsEval
from tests.browser.instruments import (
    answer,
    assert_shows,
    button,
    card,
    computed,
    drag_to_both_ends,
    move,
    option,
    reached,
    reset,
    take_challenge,
    verdict,
)
from tests.browser.lessons import EveryLesson

pytestmark = pytest.mark.usefixtures("nothing_goes_wrong")

INSTRUMENTS = [BatchNormStability, LayerStatistics, NormAxes, TrainVsEval]
SLIDERS = [
    pytest.param(make, control, id=f"{make.__name__}-{control.name}")
    for make in INSTRUMENTS
    for control in make.controls
    if isinstance(control, Slider)
]
TRAINING = 20  # seconds in which a hundred networks are trained


class TestLesson03(EveryLesson):
    path = "notebooks/03_batch_normalization.ipynb"

    @pytest.mark.parametrize(("make", "control"), SLIDERS)
    def test_a_slider_dragged_to_its_ends_shows_both(self, lesson, make, control):
        drag_to_both_ends(lesson, make, control)

    def test_the_norm_decides_whether_a_large_step_learns(self, lesson):
        box = reset(lesson, BatchNormStability)
        expect(verdict(box)).to_have_text("LEARNS")
        option(box, "none").click()
        expect(verdict(box)).to_have_text("STALLS")
        assert_shows(lesson, box, computed(BatchNormStability, norm="none"), within=TRAINING)

    def test_presets_show_their_settings(self, lesson):
        for make in INSTRUMENTS:
            box = reset(lesson, make)
            for name, settings in make.presets.items():
                button(box, name).click()
                assert_shows(lesson, box, computed(make, **settings), within=TRAINING)

    def test_the_last_eta_can_be_found(self, lesson):
        box = take_challenge(lesson, BatchNormStability, "The last η")
        move(lesson, BatchNormStability, box, "lr", 1.0)
        expect(reached(box)).to_contain_text("A norm does not make every η safe", timeout=TRAINING * 1000)

    def test_a_level_curve_can_be_blind(self, lesson):
        box = take_challenge(lesson, LayerStatistics, "Level, but blind")
        option(box, "LayerNorm").click()
        move(lesson, LayerStatistics, box, "depth", 50)
        expect(reached(box)).to_contain_text("no longer from input to input")

    def test_moving_the_groups_makes_it_group_norm(self, lesson):
        box = reset(lesson, NormAxes)
        move(lesson, NormAxes, box, "groups", 4)
        assert_shows(lesson, box, computed(NormAxes, norm="GroupNorm", groups=4))
        expect(verdict(box)).to_have_text("WITHIN ONE EXAMPLE")

    def test_a_batch_of_one_is_refused(self, lesson):
        box = reset(lesson, TrainVsEval)
        move(lesson, TrainVsEval, box, "batch", 1)
        expect(verdict(box)).to_have_text("REFUSED")

    def test_a_question_knows_the_slip(self, lesson):
        box = lesson.page.locator(".td-ask", has_text="Over how many values does BatchNorm take one mean")
        answer(box, "8")
        expect(card(box)).to_contain_text("share the filter")
        answer(box, "800")
        expect(card(box)).to_contain_text("✓ Right.")
