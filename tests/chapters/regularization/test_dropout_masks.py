"""Dropout masks: every corner of its controls, and what it says about what it shows."""

import numpy as np
import pytest

from helpers.instruments import dropout_masks
from tests.instruments import corners, page, verdict


def test_every_corner():
    instrument = dropout_masks()
    for corner in corners(instrument):
        r = instrument.result
        assert r.passes.kept.shape == (corner["passes"], corner["width"])
        assert len(r.passes.mean) == len(r.spread) == corner["passes"]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"p": 0.5}, "MEAN KEPT"),
        ({"p": 0.95}, "MEAN KEPT"),
        ({"form": "not rescaled", "p": 0.05}, "MEAN SHRINKS"),
        ({"form": "p read as keep", "p": 0.1}, "MEAN KEPT"),
    ],
)
def test_verdicts_follow_from_the_form(settings, word):
    assert verdict(dropout_masks(**settings)) == word


def test_what_the_lesson_says_of_the_two_slips():
    assert max(dropout_masks(width=512, passes=256, form="not rescaled").result.ends) < 0.8
    mean, second, after_relu = dropout_masks(width=512, passes=256, form="p read as keep", p=0.2).result.ends
    assert mean == pytest.approx(1, abs=0.05) and min(second, after_relu) > 2


def test_one_pass_is_one_pass():
    instrument = dropout_masks(passes=1)
    assert "over 1 pass, the" in page(instrument)
    assert instrument._artists["kept"].get_xdata().size <= 32


def test_the_picture_shows_the_first_passes_of_the_first_units():
    instrument = dropout_masks(passes=8, width=64)
    kept = instrument.result.passes.kept[:12, :32]
    assert instrument._artists["kept"].get_xdata().size == kept.sum()
    assert instrument._artists["dropped"].get_xdata().size == (~kept).sum()
    assert set(instrument._artists["mean"].get_xdata()) == {1, 2, 4, 8}


def test_the_numbers_of_the_page_are_those_of_the_curves():
    instrument = dropout_masks(p=0.5)
    mean = instrument.result.passes.mean[-1]
    assert f"{mean:.3g}" in page(instrument) and f"{mean:.3g}" in instrument.description
    np.testing.assert_allclose(instrument.result.theory, (1, 2, 2**0.5))
