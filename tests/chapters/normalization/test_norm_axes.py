"""Norm axes: every corner of its controls, and what it says about what it shows."""

from itertools import product

import numpy as np
import pytest

from helpers.chapters.normalization.norm_axes import NAMES
from helpers.figures.numbers import counted
from helpers.instruments import norm_axes
from tests.instruments import corners, page, slider, verdict


def test_every_corner_of_the_norm_axes():
    instrument = norm_axes()
    for corner in corners(instrument):
        r = instrument.result
        assert r.shared.shape == (corner["examples"], corner["channels"], corner["size"] ** 2)
        assert r.shared[r.chosen]


@pytest.mark.parametrize("norm", NAMES)
def test_what_is_measured_is_what_is_shaded(norm):
    for examples, size, groups in product((2, 4, 6), (2, 3), (1, 2, 4)):
        settings = {"norm": norm, "examples": examples, "size": size, "groups": groups}
        r = norm_axes(**settings).result
        np.testing.assert_array_equal(r.moved, r.shared)


@pytest.mark.parametrize(
    ("settings", "word", "size"),
    [
        ({}, "ACROSS EXAMPLES", 4 * 9),
        ({"norm": "LayerNorm"}, "WITHIN ONE EXAMPLE", 8 * 9),
        ({"norm": "RMSNorm"}, "WITHIN ONE EXAMPLE", 8 * 9),
        ({"norm": "InstanceNorm"}, "WITHIN ONE EXAMPLE", 9),
        ({"norm": "GroupNorm", "groups": 4}, "WITHIN ONE EXAMPLE", 2 * 9),
        ({"size": 1, "examples": 1}, "REFUSED", 1),
        ({"norm": "InstanceNorm", "size": 1}, "NOTHING LEFT", 1),
    ],
)
def test_known_verdicts(settings, word, size):
    instrument = norm_axes(**settings)
    assert verdict(instrument) == word
    assert instrument.result.size == size
    assert f"= {counted(size, 'value')}." in page(instrument)
    assert f"the {counted(size, 'shaded value')}, those of" in instrument.description


def test_moving_the_groups_chooses_group_norm():
    instrument = norm_axes()
    slider(instrument, "Groups").value = 4
    assert instrument.settings.norm == "GroupNorm"


def test_groups_that_do_not_divide_the_channels_are_said_to_be_impossible():
    instrument = norm_axes(norm="GroupNorm", groups=3)
    assert "groups=3 does not divide 8 channels" in page(instrument)
    instrument.set(groups=2)
    assert instrument.problem is None
