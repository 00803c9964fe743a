"""The numbers in the questions and in the workbook of chapter 1."""

import numpy as np
import pytest

from helpers import jacobians, probes
from helpers.chapters.depth.exercises import critical_sigma, largest_slope, three_sizes
from helpers.checking.questions import find
from helpers.data import load_digits
from helpers.initializers import he_normal, lecun
from helpers.network import mlp
from tests.text import asked, workbook

said = workbook("01_depth_problem")
SEEDS = range(5)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def arriving(init, depth=20):
    """The geometric mean over seeds of what arrives at the input of `depth` sigmoid layers of 128 units."""
    logs = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        net = mlp([128] * (depth + 1), rng, "sigmoid", init, bias=False, dtype=np.float64)
        net.forward(rng.standard_normal((128, 128)))
        net.backward(rng.standard_normal((128, 128)))
        norms = probes.gradient_norms(net)
        logs.append(np.log(norms[0] / norms[-1]))
    return np.exp(np.mean(logs))


def test_powers():
    rate, layers, left = asked("predict-rate-007", "(0.967 multiplied 30 times leaves 0.36.)")
    assert rate == pytest.approx(1 - 0.993 / 30, abs=5e-4)
    assert (1 - 0.993 / 30) ** layers == pytest.approx(left, abs=0.005)
    assert pytest.approx(asked("predict-rate-007", "leaves about 10⁻⁹"), rel=0.3) == (1.007 / 2) ** 30
    assert 56 - asked("depth-degradation", "of 20 layers") == asked("depth-degradation", "let 36 do nothing")
    assert asked("depth-factors", "layers 4, 5") == (3 + 1, 3 + 2)  # the layers behind h₃


def test_slopes():
    z = np.linspace(-6, 6, 241)
    steepest = (sigmoid(z) * (1 - sigmoid(z))).max()
    assert (
        steepest
        == asked("predict-sigmoid-20", "slope of at most 0.25")
        == said("largest-slope-task", "it is 0.25")
    )
    assert steepest**5 == pytest.approx(asked("predict-sigmoid-20", "0.25⁵"))
    assert steepest**5 == pytest.approx(1e-3, rel=0.05)  # "is a thousandth"
    assert np.tanh(0.1) == pytest.approx(asked("predict-tanh-slope", "= 0.0997 much"), abs=5e-5)
    assert abs(np.tanh(0.1) - asked("predict-tanh-slope", "much smaller than 0.1")) < 5e-4
    factor = asked("predict-tanh-slope", "one factor of 2 of")
    np.testing.assert_allclose(factor * sigmoid(factor * z) - 1, np.tanh(z))


def test_slopes_in_the_tail():
    value, slope = sigmoid(8), sigmoid(8) * (1 - sigmoid(8))
    assert value == pytest.approx(asked("depth-slope-in-the-tail", "= 0.99966"), abs=5e-6)
    assert slope == pytest.approx(asked("depth-slope-in-the-tail", "= 0.0003"), abs=5e-5)
    flatter = asked("depth-slope-in-the-tail", "about 5 · 10⁻⁷")
    assert 1 - np.tanh(8) ** 2 == pytest.approx(flatter, rel=0.2)
    assert np.maximum(asked("depth-slope-in-the-tail", "z = −8"), 0) == 0


def test_a_stretched_activation():
    stretch = said("largest-slope-task", r"\tanh(1.3")
    assert largest_slope(lambda z: np.tanh(stretch * z)) == pytest.approx(stretch, rel=1e-6)


def test_what_arrives_through_sigmoids():
    assert arriving(lecun) == pytest.approx(asked("predict-sigmoid-20", "About 2.5 · 10⁻¹³"), rel=0.15)
    found, bound = arriving(he_normal), 0.25**20
    assert found == pytest.approx(asked("predict-above-the-bound", "about 9 · 10⁻¹¹"), rel=0.15)
    assert found ** (1 / 20) == pytest.approx(asked("predict-above-the-bound", "0.31 per layer"), abs=0.01)
    assert found / bound == pytest.approx(asked("predict-above-the-bound", "a hundred times the"), rel=0.15)


@pytest.mark.parametrize("id", ["predict-sigmoid-20", "predict-above-the-bound"])
def test_what_arrives_through_as_many_sigmoids_as_may_be_asked(id):
    for draw in find(id).family.draws[1:]:
        depth = draw["L"]
        if id == "predict-sigmoid-20":
            found = arriving(lecun, depth)
            assert found < 1e-12 and found == pytest.approx(2.5e-13 ** (depth / 20), rel=0.5)
        else:
            assert arriving(he_normal, depth) > 50 * 0.25**depth


def test_how_far_xavier_lets_a_signal_fall():
    sizes = {"a hundredth": 1e2, "a thousandth": 1e3, "a ten-thousandth": 1e4, "a millionth": 1e6}
    for draw in find("predict-weight-gradients").family.draws:  # a ReLU halves the square
        assert 2 ** (draw["L"] / 2) == pytest.approx(sizes[draw["small"]], rel=0.2)


def test_fifty_matrices():
    rng = np.random.default_rng(0)
    chain, grad = rng.standard_normal((50, 64, 64)) * np.sqrt(0.7 / 64), rng.standard_normal(64)
    norms = [np.linalg.norm(one, 2) for one in chain]
    assert min(norms) > asked("depth-bound", "lengths of 1.5")
    assert np.mean(norms) == pytest.approx(
        asked("predict-norms-above-1", "best direction gets 1.6"), abs=0.05
    )
    assert np.prod(norms) < 10 * asked("predict-norms-above-1", "1.6⁵⁰ would")
    assert np.sqrt(np.mean(chain**2) * 64) == pytest.approx(
        asked("predict-norms-above-1", "multiplies by 0.84"), abs=0.005
    )
    through = np.linalg.norm(grad @ jacobians.product([one.T for one in chain]))
    assert through == pytest.approx(asked("predict-norms-above-1", "0.0009. In"), abs=5e-5)


def test_guessing_and_rounding():
    classes = len(np.unique(load_digits().y_train))
    assert 1 / classes == asked("predict-training", "About 10%")
    assert asked("predict-training", "10⁻¹³ is below") < np.finfo(np.float32).eps / 1e5


def test_the_bound_that_proves_vanishing():
    limit = said("three-sizes-task", "less than 0.001 of")
    for factor, verdict in ((0.999, "vanishes"), (1.001, "undecided")):
        assert three_sizes([np.eye(3) * limit * factor])["verdict"] == verdict


def test_what_the_checks_say():
    assert asked("rate", "back: 10 to") ** np.log10(0.3) == pytest.approx(0.3)
    steepest = sigmoid(0) * (1 - sigmoid(0))
    assert steepest == asked("largest_slope", "it says 0.25")
    assert 1 / steepest == asked("critical_sigma", "it gives 4/a")
    assert sigmoid(0) == asked("critical_sigma", "mean of about 0.5")
    double, single = np.finfo(np.float64), np.finfo(np.float32)
    assert np.log10(double.max) == pytest.approx(np.log10(asked("audit", "about 10³⁰⁸")), abs=0.5)
    assert single.bits == asked("audit", "trained in 32 bits")
    assert single.max == pytest.approx(asked("audit", "is 3.4 · 10³⁸"), rel=0.01)
    limit = asked("three_sizes", "A bound below 0.001")
    assert three_sizes([np.eye(3) * limit * 0.999])["verdict"] == "vanishes"


def step_near(place):
    """A φ with its slope of 20 at one place."""
    return lambda z: np.tanh(20 * (z - place))


def test_where_the_largest_slope_is_looked_for():
    for edge in asked("largest_slope", "between −10 and 10"):
        assert largest_slope(step_near(0.95 * edge)) == pytest.approx(20, rel=1e-3)
        assert largest_slope(step_near(1.2 * edge)) < 1e-6


def test_where_the_critical_sigma_lies():
    most = asked("critical_sigma", "100/a")
    for a in (0.3, 1.0, 3.0):
        assert 1 / a < critical_sigma(a) < most / a
