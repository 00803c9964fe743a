"""Residual against plain gradient flow: every corner of its controls, and its words."""

from itertools import product

import numpy as np
import pytest

from helpers.chapters.residual import skips
from helpers.instruments import gradient_flow
from tests.instruments import assert_it_can_be_drawn, check_corner, page, verdict


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    skips.clear()


def test_every_corner_of_gradient_flow():
    instrument = gradient_flow()
    assert_it_can_be_drawn(instrument.figure.paper)
    ends = {control.name: control.extremes() for control in instrument.controls}
    for values in product(*ends.values()):
        corner = dict(zip(ends, values, strict=True))
        if corner["scale"] == "learned" and corner["blocks"] == "real network" and corner["depth"] > 1:
            corner["depth"] = 12  # a hundred blocks train for seconds; the next test has them once
        check_corner(instrument, corner)
        r = instrument.result
        curves = (r.plain, r.residual, r.plain_theory, r.residual_theory)
        assert {len(curve) for curve in curves} == {corner["depth"] + 1}, corner
        assert all(curve[-1] == 1 for curve in curves), corner
        assert np.all(np.isfinite(curves)), corner


def test_a_hundred_blocks_of_the_largest_gain_can_learn_their_scales():
    instrument = gradient_flow(blocks="real network", scale="learned", depth=100, factor=1.5)
    assert instrument.problem is None
    assert verdict(instrument) == "BOUNDED"
    assert "learned scales" in page(instrument)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"factor": 0.05}, "BOUNDED"),
        ({"factor": 0.5}, "GROWS"),
        ({"factor": 1.0}, "EXPLODES"),
        ({"factor": 1.5, "scale": "1/√D", "depth": 100}, "BOUNDED"),
        ({"factor": 1.5, "scale": "0"}, "BOUNDED"),
        ({"factor": 1.5, "scale": "learned"}, "BOUNDED"),
        ({"factor": 1.0, "blocks": "one number"}, "EXPLODES"),
        ({"factor": 1.0, "blocks": "one number", "scale": "1/√D", "depth": 100}, "EXPLODES"),
        ({"factor": 1.0, "blocks": "real network", "norm": "BatchNorm"}, "GROWS"),
        ({"factor": 1.0, "blocks": "real network", "norm": "LayerNorm"}, "BOUNDED"),
    ],
)
def test_bounded_means_between_a_tenth_and_ten(settings, word):
    for seed in range(3):
        instrument = gradient_flow(**settings, seed=seed)
        assert verdict(instrument) == word
        assert (word == "BOUNDED") == (0.1 <= instrument.result.residual[0] <= 10)


def test_the_law_beside_the_curves_is_the_theory_of_the_curves():
    for blocks in skips.BLOCKS:
        instrument = gradient_flow(blocks=blocks, factor=0.5, depth=30, norm="LayerNorm")
        found = skips.law(blocks, 30, (0.5,), "1", "LayerNorm", 0)[0]
        assert found == pytest.approx(instrument.result.residual_theory[0])


def test_a_single_number_says_that_it_has_nothing_to_normalise():
    assert "nothing to divide by" in page(gradient_flow(blocks="one number", norm="LayerNorm"))


def test_any_value_in_range_may_be_a_start():
    instrument = gradient_flow(factor=0.7**0.5, depth=37)
    assert instrument.settings.factor == 0.7**0.5
    assert instrument.result.residual_theory[0] == pytest.approx(1.7 ** (37 / 2))
