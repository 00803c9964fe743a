"""The gain chain: every corner, and its arithmetic."""

import numpy as np
import pytest

from helpers import propagation
from helpers.instruments import gain_chain
from helpers.propagation import RandomNetwork
from tests.instruments import corners, slider, verdict


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


def test_every_corner_of_the_gain_chain():
    instrument = gain_chain()
    for corner in corners(instrument):
        assert len(instrument.result.course) == corner["depth"] + 1
        assert instrument.result.course[-1] == 0


@pytest.mark.parametrize(("factor", "depth"), [(0.9, 50), (1.1, 50), (0.5, 100), (1.5, 100), (1.0, 77)])
def test_a_number_multiplies_itself(factor, depth):
    r = gain_chain(factor=factor, depth=depth).result
    assert 10**r.ratio == pytest.approx(factor**depth)
    assert 10**r.rate == pytest.approx(factor)


@pytest.mark.parametrize(("factor", "passes"), [(0.9, 132), (1.1, 145), (0.5, 20), (0.99, None), (1.0, None)])
def test_the_depth_at_which_a_millionth_is_left(factor, passes):
    """The first whole D with factor^D beyond 10⁻⁶ or 10⁶; 0.99 needs 1375 layers, more than are looked at."""
    assert gain_chain(factor=factor).result.lost_at == passes
    if passes:
        assert abs(passes * np.log10(factor)) >= 6 > abs((passes - 1) * np.log10(factor))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"factor": 0.94, "depth": 100}, "HEALTHY"),
        ({"factor": 0.93, "depth": 100}, "VANISHES"),
        ({"factor": 1.07, "depth": 100}, "HEALTHY"),
        ({"factor": 1.08, "depth": 100}, "EXPLODES"),
        ({"activation": "sigmoid", "depth": 20}, "VANISHES"),
        ({"activation": "sigmoid", "sigma_w": 16.0, "depth": 100}, "EXPLODES"),
        ({"activation": "ReLU", "sigma_w": 2**0.5, "depth": 100}, "HEALTHY"),
        ({"activation": "ReLU", "sigma_w": 1.0, "depth": 19}, "HEALTHY"),
        ({"activation": "ReLU", "sigma_w": 1.0, "depth": 20}, "VANISHES"),  # 2⁻¹⁰ = 0.00098
    ],
)
def test_verdicts_turn_at_a_thousand(settings, word):
    assert verdict(gain_chain(**settings)) == word


@pytest.mark.parametrize("activation", ["ReLU", "tanh", "sigmoid", "linear"])
@pytest.mark.parametrize("sigma_w", [1.0, 1.5])
def test_a_random_layer_multiplies_as_a_measured_network_does(activation, sigma_w):
    _, dh = RandomNetwork(256, activation, sigma_w).backward_moments(30)
    chain = gain_chain(activation=activation, sigma_w=sigma_w, depth=30).result.course
    # A sum over 64 inputs and 256 units of one network; theory is the mean over all networks.
    np.testing.assert_allclose(chain, np.log10(dh.second) / 2, atol=0.35)


def test_moving_a_control_says_what_multiplies():
    instrument = gain_chain()
    slider(instrument, "Weights").value = 2.0
    assert instrument.settings.chain == "a random layer"
    assert "sigmoid layer with σ<sub>w</sub> = 2" in instrument._frame["verdict"][1]
    slider(instrument, "Factor").value = 1.1
    assert instrument.settings.chain == "a number"
    instrument.set(activation="tanh")
    assert instrument.settings.chain == "a random layer"
