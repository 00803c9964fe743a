"""The Jacobian spectrum: every corner, and the order of bound, spectral norm and rms."""

from itertools import product

import numpy as np
import pytest

from helpers import propagation
from helpers.instruments import jacobian_spectrum
from tests.instruments import assert_it_can_be_drawn, check_corner, page, verdict


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


@pytest.mark.parametrize("weights", ["Gaussian", "orthogonal"])
def test_every_corner_of_the_jacobian_spectrum(weights):
    instrument = jacobian_spectrum(weights=weights)
    assert_it_can_be_drawn(instrument.figure.paper)
    ends = {control.name: control.extremes() for control in instrument.controls}
    for sigma_w, activation, depth in product(ends["sigma_w"], ends["activation"], ends["depth"]):
        check_corner(
            instrument, {"weights": weights, "depth": depth, "sigma_w": sigma_w, "activation": activation}
        )
        s = instrument.result.spectrum
        assert len(s.values) == 64 and np.all(np.diff(s.values) <= 0)
        assert 0 < s.rms <= s.largest * (1 + 1e-9)
        assert s.largest <= s.bound * (1 + 1e-6)
        assert np.isfinite([instrument.result.predicted, instrument.result.low, instrument.result.high]).all()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"depth": 1, "weights": "orthogonal"}, "ALL ALIKE"),
        ({"depth": 40, "weights": "orthogonal", "sigma_w": 2.0}, "ALL ALIKE"),
        ({"depth": 6}, "VERY UNEQUAL"),
        ({"depth": 30}, "SINGULAR"),
        ({"activation": "ReLU", "depth": 1}, "SINGULAR"),
        ({"activation": "leaky ReLU", "weights": "orthogonal", "depth": 1}, "UNEQUAL"),
    ],
)
def test_verdicts(settings, word):
    for seed in (0, 1, 2):
        instrument = jacobian_spectrum(**settings, seed=seed)
        assert verdict(instrument) == word
        assert instrument.description


def test_nearly_all_rms_lie_within_the_band(monkeypatch):
    monkeypatch.setattr(propagation, "WIDEST", 64)  # a pool that is drawn in no time
    propagation.clear()
    found = []
    for settings in ({}, {"activation": "ReLU", "sigma_w": 2**0.5}, {"activation": "tanh"}):
        instrument = jacobian_spectrum(**settings)
        for seed in range(25):
            instrument.set(seed=seed)
            r = instrument.result
            found.append(r.low - 0.01 <= np.log10(r.spectrum.rms) <= r.high + 0.01)
    propagation.clear()
    assert np.mean(found) >= 0.85


def test_the_bound_grows_twice_per_layer_while_the_rms_stays():
    """A Gaussian matrix of σ_w = 1 has a spectral norm near 2 and an rms of 1."""
    r = jacobian_spectrum(depth=20).result
    assert r.spectrum.bound ** (1 / 20) == pytest.approx(2, rel=0.06)
    assert r.spectrum.rms ** (1 / 20) == pytest.approx(1, rel=0.1)
    assert r.spectrum.bound > 1e5 * r.spectrum.rms


def test_lost_directions_are_counted_in_words_and_not_drawn():
    instrument = jacobian_spectrum(activation="ReLU", depth=10)
    lost = 64 - instrument.result.spectrum.passing
    assert lost >= 32
    assert f"{lost} of 64 directions are lost" in page(instrument)
