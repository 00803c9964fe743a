"""Layer statistics: every corner of its controls, and what it says about what it shows."""

from itertools import product

import numpy as np
import pytest

from helpers import propagation, theory
from helpers.chapters.normalization.layer_statistics import TARGET
from helpers.instruments import layer_statistics
from helpers.layers import ReLU
from tests.instruments import assert_it_can_be_drawn, check_corner, page


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


def test_every_corner_of_the_layer_statistics():
    instrument = layer_statistics(width=16)
    assert_it_can_be_drawn(instrument.figure.paper)
    ends = {control.name: control.extremes() for control in instrument.controls}
    # What is kept for a network serves its depths and places: those come innermost.
    names = ("width", "sigma_w", "norm", "depth", "place")
    for values in product(*(ends[name] for name in names)):
        corner = dict(zip(names, values, strict=True))
        check_corner(instrument, {name: corner[name] for name in ends})
        r = instrument.result
        assert len(r.normed.mean) == len(r.without.std) == corner["depth"] + 1
        assert np.isfinite([r.cosine, r.gradient_ratio]).all()


@pytest.mark.parametrize("place", TARGET)
@pytest.mark.parametrize("seed", range(5))
def test_batch_norm_lies_on_its_theory_line(place, seed):
    for sigma_w in (0.5, 4.0):
        r = layer_statistics(place=place, sigma_w=sigma_w, seed=seed, width=256).result
        mean, std = TARGET[place]
        np.testing.assert_allclose(r.normed.mean[1:], mean, atol=0.05)
        np.testing.assert_allclose(r.normed.std[1:], std, atol=0.04)


def test_the_theory_lines_are_those_of_a_relu():
    assert TARGET["after the ReLU"] == pytest.approx((0.399, 0.584), abs=1e-3)
    assert TARGET["after the ReLU"][0] == pytest.approx(theory.mean_after(ReLU()))


def test_without_a_norm_the_spread_follows_the_recursion():
    """It grows by σ_w/√2 per layer."""
    ratios = [layer_statistics(norm="none", sigma_w=4.0, width=256, seed=s).result.drift for s in range(5)]
    assert np.exp(np.mean(np.log(ratios))) == pytest.approx((4 / 2**0.5) ** 19, rel=0.7)


@pytest.mark.parametrize("seed", range(3))
def test_what_hides_behind_a_level_curve_is_said(seed):
    blind = layer_statistics(norm="LayerNorm", depth=50, seed=seed)
    assert "inputs have become alike" in page(blind)
    storm = layer_statistics(norm="BatchNorm", depth=50, seed=seed)
    assert "the gradient explodes" in page(storm)
    assert "inputs have become alike" not in page(storm)


def test_the_description_has_the_numbers():
    instrument = layer_statistics(norm="none")
    assert "without a norm" in instrument.description
    assert "with none" not in instrument.description + page(instrument)
