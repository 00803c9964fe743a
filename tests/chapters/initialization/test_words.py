"""The numbers in the questions and in the workbook of chapter 2."""

import numpy as np
import pytest

from helpers import theory
from helpers.chapters.initialization.exercises import DIAGNOSE, diagnose
from helpers.checking.questions import find
from helpers.layers import LeakyReLU, ReLU, Sigmoid, Tanh
from tests.text import asked, workbook

said = workbook("02_initialization")


def test_what_a_relu_keeps():
    share = 0.5 - 1 / (2 * np.pi)
    assert share == pytest.approx(asked("init-relu-halves", "Var(h) is 0.341"), abs=5e-4)
    z = np.random.default_rng(0).standard_normal(1_000_000)
    assert np.var(np.maximum(z, 0)) == pytest.approx(asked("init-relu-halves", "further, to 0.341"), abs=2e-3)
    half = asked("init-leaky-variance", "E[h²] = ½")
    assert theory.second_moment_after(LeakyReLU(0.2)) == pytest.approx(half * (1 + 0.2**2))


def test_widths_of_distributions():
    he = 2 / 128
    assert np.sqrt(he) / he == pytest.approx(asked("init-he-std", "weights 8 times too small"))
    uniform = np.random.default_rng(0).uniform(-1, 1, 1_000_000)
    assert 1 / np.std(uniform) == pytest.approx(np.sqrt(asked("init-xavier-bound", "√3 times")), rel=1e-3)
    # kaiming_uniform_(a) multiplies a leaky ReLU's gain, whose square is 2/(1 + a²), with 1/n.
    a2 = asked("predict-pytorch-factor", "a = √5")
    assert 2 / (1 + a2) == pytest.approx(1 / 3)


def test_the_typical_narrow_network():
    drift = -5 * 50 / (2 * 16)
    assert drift == pytest.approx(asked("predict-he-width16", "≈ −8"), abs=0.5)
    rng, ends = np.random.default_rng(0), []
    for _ in range(200):
        h = rng.standard_normal((32, 16))
        for _ in range(50):
            h = np.maximum(h @ rng.normal(0, np.sqrt(2 / 16), (16, 16)), 0)
        ends.append(np.mean(h**2))
    assert 0 < np.median(ends) < asked("predict-he-width16", "About 0.001 or less")


@pytest.mark.parametrize("draw", find("predict-he-width16").family.draws[1:], ids=str)
def test_every_narrow_network_that_may_be_asked(draw):
    rng, ends = np.random.default_rng(0), []
    width = draw["n"]
    for _ in range(100):
        h = rng.standard_normal((8, width))
        for _ in range(draw["D"]):
            h = np.maximum(h @ rng.normal(0, np.sqrt(2 / width), (width, width)), 0)
        ends.append(np.mean(h**2))
    assert 0 < np.median(ends) < 0.001


def test_a_sigmoid_that_says_nothing():
    value, square = asked("predict-sigmoid", "answers 0.5 to everything has E[h²] = 0.25")
    assert Sigmoid()(np.zeros(1))[0] == value
    assert Sigmoid()(np.zeros(1))[0] ** 2 == square
    q = theory.propagate(Sigmoid(), 20, 1.0).z2[-1]
    assert theory.mean_after(Sigmoid(), q) == pytest.approx(
        asked("predict-sigmoid", "sigmoid, about 0.5"), abs=1e-3
    )
    factor = theory.backward_factor(Sigmoid(), 1.0, q) ** 0.5
    assert 0.9 < factor / asked("predict-sigmoid", "less than a quarter in each layer") < 1


def test_identical_units_are_one_unit():
    units = int(asked("init-symmetry", "256 identical units"))
    x = np.random.default_rng(0).standard_normal((10, 8))
    assert np.linalg.matrix_rank(np.maximum(x @ np.full((8, units), 0.1), 0)) == 1


def test_a_network_off_by_one_standard_deviation():
    assert np.exp(0.5) == pytest.approx(asked("init-spread", "≈ 1.6"), abs=0.05)
    spread = theory.propagate(ReLU(), 16, np.sqrt(2)).log_spread(320)[-1]
    assert np.exp(spread) == pytest.approx(asked("init-spread", "≈ 1.6"), abs=0.1)


def test_the_limits_of_the_diagnosis():
    low, high = said("diagnose-task", "less than $10^{-3}$"), said("diagnose-task", "more than $10^3$")
    for total, verdict in (
        (low * 0.99, "VANISHES"),
        (low * 1.01, "HOLDS"),
        (high * 0.99, "HOLDS"),
        (high * 1.01, "EXPLODES"),
    ):
        weight = np.sqrt(2 * total) * np.eye(4) * 2 / np.sqrt(4)  # ½ · 4 · mean square = total
        assert diagnose([weight])["verdict"] == verdict
    tolerances = {p.rtol for p in DIAGNOSE.properties if hasattr(p, "rtol") and p.part}
    assert said("diagnose-task", "off by 2%") in tolerances


def test_what_the_checks_say():
    half = theory.forward_factor(ReLU(), 1.0)
    assert half == pytest.approx(asked("he", "share is ½"))
    assert half == pytest.approx(asked("predict_h2", "without the ½"))
    assert half == pytest.approx(asked("diagnose", "without the ½"))
    assert 0.5 - 1 / (2 * np.pi) == pytest.approx(asked("predict_h2", "by 0.341"), abs=5e-4)
    ratio = 1 / np.mean(np.linspace(-1, 1, 2_000_001) ** 2)  # of a uniform draw: bound² over variance
    for three in (asked("xavier", "so a is √3"), asked("xavier", "must be √3"), asked("he", "bound is √3")):
        assert three == pytest.approx(ratio, rel=1e-5)
    # the whole width over σ, squared
    assert asked("xavier", "its bound is √12") == pytest.approx(4 * ratio, rel=1e-5)
    assert asked("xavier", "(or 6/") == 2 * asked("xavier", "so a is √3")
    loud, quiet = asked("diagnose", "one layer of 4 and one of ¼")
    layers = [np.sqrt(2 * factor / 4) * np.ones((4, 4)) for factor in (loud, quiet)]
    assert diagnose(layers)["factor"] == pytest.approx(1)
    assert 2 / (1 + asked("diagnose", "a = √5")) == pytest.approx(1 / 3)
    above, central = asked("hidden_gradient", "as 1 (or ½)")  # slopes of the ReLU at 0, by differences
    assert np.maximum(1e-3, 0) / 1e-3 == pytest.approx(above)
    assert (np.maximum(1e-3, 0) - np.maximum(-1e-3, 0)) / 2e-3 == pytest.approx(central)


def test_the_sum_that_a_hint_writes():
    low, high, points = asked("gain", "np.linspace(-10, 10, 20001)")
    xi, step = np.linspace(low, high, int(points), retstep=True)
    total = np.sum(np.tanh(xi) ** 2 * np.exp(-(xi**2) / 2) / np.sqrt(2 * np.pi)) * step
    assert 1 / np.sqrt(total) == pytest.approx(theory.gain(Tanh()), rel=1e-9)
