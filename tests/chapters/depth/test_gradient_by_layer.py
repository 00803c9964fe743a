"""The gradient by layer: every corner, real backpropagation, and what it says of popular bounds."""

from itertools import cycle, product

import numpy as np
import pytest

from helpers import probes, propagation
from helpers.instruments import gradient_by_layer
from helpers.network import mlp
from helpers.propagation import RandomNetwork
from tests.instruments import assert_it_can_be_drawn, check_corner, page, slider, verdict


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


@pytest.mark.parametrize("width", [16, 256])
def test_every_corner_of_the_gradient_by_layer(width):
    """Every combination of the choices, with the sliders at both ends. (Width first: it takes longest.)"""
    instrument = gradient_by_layer(width=width)
    assert_it_can_be_drawn(instrument.figure.paper)
    ends = {control.name: control.extremes() for control in instrument.controls}
    sigmas = cycle(ends["sigma_w"])
    for scheme, activation, depth in product(ends["scheme"], ends["activation"], ends["depth"]):
        for _ in range(2 if scheme == "custom σ" else 1):
            corner = {"activation": activation, "scheme": scheme, "depth": depth, "width": width}
            check_corner(instrument, corner | {"sigma_w": next(sigmas)})
            r = instrument.result
            assert len(r.h) == len(r.predicted) == len(r.low) == len(r.slopes) == depth + 1
            assert len(r.weight) == depth
            assert r.h[-1] == 0 and r.weight[-1] in (0, -np.inf)
            assert np.all(np.isfinite([r.predicted, r.low, r.high])), corner


@pytest.mark.parametrize("activation", ["ReLU", "tanh", "sigmoid"])
def test_the_curves_are_those_of_a_plain_backward_pass(activation):
    instrument = gradient_by_layer(activation=activation, scheme="custom σ", sigma_w=1.3, width=32, depth=12)
    signal = RandomNetwork(32, activation, 1.3).signal()
    network = mlp([32] * 13, np.random.default_rng(0), activation, bias=False)
    for layer, w in zip(network.layers[::2], signal.weights, strict=False):
        layer.params["weight"] = w.astype(float) * 1.3 / np.sqrt(32)
    network.forward(signal.h[0].astype(float))
    network.backward(signal.output_grad.astype(float))
    norms = probes.gradient_norms(network)
    np.testing.assert_allclose(10**instrument.result.h, norms / norms[-1], rtol=2e-3)
    weights = np.array([np.linalg.norm(layer.grads["weight"]) for layer in network.layers[::2]])
    np.testing.assert_allclose(10**instrument.result.weight, weights / weights[-1], rtol=2e-3)


def test_nearly_all_networks_lie_within_the_band():
    inside = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propagation, "WIDEST", 128)
        propagation.clear()
        for settings in ({"activation": "ReLU", "scheme": "He"}, {"activation": "tanh"}, {}):
            instrument = gradient_by_layer(**settings)
            for seed in range(25):
                instrument.set(seed=seed)
                inside.append(instrument.result.inside)
    propagation.clear()
    assert np.mean(inside) >= 0.85


@pytest.mark.parametrize(
    ("settings", "ratio"),
    [
        ({"activation": "sigmoid"}, 2.5e-13),
        ({"activation": "sigmoid", "scheme": "He"}, 9e-11),
        ({"activation": "tanh"}, 0.19),
        ({"activation": "ReLU"}, 9.8e-4),
        ({"activation": "ReLU", "scheme": "He"}, 1.0),
    ],
)
def test_known_ratios_over_20_layers(settings, ratio):
    """The median of several networks; `measurements` of the same by an independent prototype."""
    instrument, found = gradient_by_layer(**settings), []
    for seed in range(7):
        instrument.set(seed=seed)
        found.append(instrument.result.ratio)
    assert 10 ** np.median(found) == pytest.approx(ratio, rel=0.35)


def test_no_scale_of_relu_weights_shows_in_the_weight_gradients():
    """The gradient of the signal vanishes or explodes; how ∂L/∂W compares by layer does not change."""
    small = gradient_by_layer(activation="ReLU", scheme="custom σ", sigma_w=0.5).result
    large = gradient_by_layer(activation="ReLU", scheme="custom σ", sigma_w=4.0).result
    np.testing.assert_allclose(small.weight, large.weight, atol=1e-6)
    assert small.ratio < -6 and large.ratio > 6
    assert np.abs(small.weight).max() < 0.5


def test_a_sigmoid_can_climb_above_what_some_call_a_bound():
    r = gradient_by_layer(scheme="He").result
    assert r.slopes[0] == pytest.approx(20 * np.log10(0.25))
    assert r.ratio > r.slopes[0] + 1


def test_moving_the_sigma_slider_switches_to_the_custom_scheme():
    instrument = gradient_by_layer()
    slider(instrument, "Custom").value = 8.0
    assert instrument.settings.scheme == "custom σ"
    assert instrument.result.sigma_w == 8.0


def test_a_network_whose_units_all_died_is_called_so():
    instrument = gradient_by_layer(activation="ReLU", scheme="He", width=16, depth=60, seed=131)
    assert verdict(instrument) == "VANISHES"
    assert "all units are off" in page(instrument)
    assert "not a number" not in page(instrument)
