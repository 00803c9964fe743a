"""The edge of chaos: every corner of its controls, and what it says about what it shows."""

import numpy as np
import pytest

from helpers import propagation
from helpers.figures.numbers import hundredths
from helpers.instruments import edge_of_chaos
from tests.instruments import corners, page, verdict


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


def test_every_corner_of_the_edge_of_chaos():
    instrument = edge_of_chaos()
    for corner in corners(instrument):
        for curve in (instrument.result.measured, instrument.result.predicted):
            assert len(curve) == 31
            assert np.all(np.abs(curve) <= 1 + 1e-5), corner
            assert curve[0] == pytest.approx(corner["correlation"], abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"sigma_w": 0.9}, "ORDERED"),
        ({"sigma_w": 1.0}, "CRITICAL"),
        ({"sigma_w": 2.0}, "CHAOTIC"),
        ({"sigma_w": 2.0, "sigma_b": 2.0}, "ORDERED"),
        ({"activation": "ReLU", "sigma_w": 1.3}, "ORDERED"),
        ({"activation": "ReLU", "sigma_w": 2**0.5}, "CRITICAL"),
        ({"activation": "ReLU", "sigma_w": 2.0}, "UNBOUNDED"),
        ({"activation": "linear", "sigma_w": 1.0}, "CRITICAL"),
        ({"activation": "sigmoid", "sigma_w": 9.0}, "ORDERED"),
        ({"activation": "sigmoid", "sigma_w": 12.0}, "CHAOTIC"),
    ],
)
def test_phases(settings, word):
    instrument = edge_of_chaos(**settings)
    assert verdict(instrument) == word
    phase = {"UNBOUNDED": "unbounded"}.get(word, word.lower())
    assert f"is {phase}" in instrument.description


@pytest.mark.parametrize(
    "settings",
    [
        {"sigma_w": 1.0},
        {"sigma_w": 0.9, "sigma_b": 0.3},
        {"sigma_w": 2.5},
        {"activation": "ReLU", "sigma_w": 2**0.5},
        {"activation": "ReLU", "sigma_w": 0.25},
        {"activation": "linear", "sigma_w": 0.25},
        {"activation": "sigmoid", "sigma_w": 3.0, "sigma_b": 1.0},
    ],
)
def test_a_measured_correlation_follows_theory(settings):
    r = edge_of_chaos(**settings).result
    assert np.abs(r.measured - r.predicted).max() < 0.25
    assert np.mean(np.abs(r.measured - r.predicted)) < 0.12


@pytest.mark.parametrize(
    ("activation", "edge"),
    [("ReLU", 2**0.5), ("leaky ReLU", (2 / 1.04) ** 0.5), ("tanh", 1.0), ("sigmoid", 10.15), ("linear", 1.0)],
)
def test_some_position_of_the_sliders_without_biases_is_critical(activation, edge):
    """A learner who walks along σ_w must be able to stand on the edge."""
    instrument = edge_of_chaos(activation=activation)
    (control,) = [one for one in instrument.controls if one.name == "sigma_w"]
    phases = []
    for value in sorted(control.values, key=lambda value: abs(value - edge))[:2]:
        instrument.set(sigma_w=value)
        phases.append(instrument.result.phase)
    assert "critical" in phases


@pytest.mark.parametrize(
    "settings",
    [
        {"sigma_w": 0.5, "sigma_b": 0.3},
        {"sigma_w": 0.5},  # without biases the signal dies, but the angle between two inputs does not close
        {"sigma_w": 0.5, "activation": "linear"},
        {"sigma_w": 1.0, "activation": "sigmoid"},
    ],
)
def test_inputs_are_said_to_become_alike_only_where_they_do(settings):
    instrument = edge_of_chaos(**settings)
    if "alike" in page(instrument).split("Weights have variance")[0]:
        assert instrument.result.predicted[-1] > 0.9


def test_the_description_of_the_edge_of_chaos_has_the_numbers_of_its_verdict():
    instrument = edge_of_chaos(sigma_w=1.5, sigma_b=0.3)
    for number in map(hundredths, (instrument.result.measured[-1], instrument.settings.correlation)):
        assert number in page(instrument)
        assert number in instrument.description


def test_any_value_in_range_may_be_a_start():
    assert edge_of_chaos(sigma_w=1.23, sigma_b=0.123, correlation=0.321).settings.sigma_b == 0.123
