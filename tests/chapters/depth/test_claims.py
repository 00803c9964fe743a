"""Popular claims about depth that chapter 1 corrects, measured again with the course's own code.

What the lesson's text says is asserted in `test_lesson.py`. Here are the golden figures of the popular
notebook's own cell (`np.random.default_rng(0)`), and claims over more seeds, sizes and activations.
"""

import numpy as np
import pytest

from helpers import jacobians, probes, theory
from helpers.initializers import gaussian, he_normal, lecun, orthogonal
from helpers.layers import ReLU, Sigmoid, Tanh
from helpers.network import mlp


def ratio(act, init, depth=20, seed=0, width=128):
    rng = np.random.default_rng(seed)
    net = mlp([width] * (depth + 1), rng, act, init, bias=False, dtype=np.float64)
    net.forward(rng.standard_normal((64, width)))
    net.backward(rng.standard_normal((64, width)))
    norms = probes.gradient_norms(net)
    return norms[0] / norms[-1]


def typical(act, init, depth=20, seeds=7):
    return np.median([ratio(act, init, depth, seed) for seed in range(seeds)])


# Golden: the plain chain of the popular residual cell


def test_the_popular_cells_own_chain_vanishes_though_every_norm_is_above_1():
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((50, 64, 64)) * np.sqrt(0.7 / 64)
    grad = rng.standard_normal((1, 64))
    start = np.linalg.norm(grad)
    for w in weights[::-1]:
        grad = grad @ w.T
    assert start == pytest.approx(7.925, abs=5e-4)
    assert np.linalg.norm(grad) == pytest.approx(8.92e-4, rel=1e-3)
    norms = [np.linalg.norm(w, 2) for w in weights]
    assert min(norms) > 1.5
    assert np.mean(norms) == pytest.approx(2 * np.sqrt(0.7), abs=0.06)  # 1.63; random matrix theory: 1.67


# Bounds


@pytest.mark.parametrize("act", ["ReLU", "tanh", "sigmoid"])
def test_norms_below_1_everywhere_are_enough_to_vanish(act):
    """‖J_k‖ ≤ c for all k gives at most c^L, whatever the gradient (Pascanu et al. 2013)."""

    def just_below(fan_in, fan_out, rng, dtype):
        return orthogonal(fan_in, fan_out, rng, dtype, gain=0.9)

    for seed in range(5):
        assert ratio(act, just_below, depth=40, seed=seed) <= 0.9**40


def test_norms_above_1_allow_both():
    """Gaussian layers have a spectral norm of about 2σ_w. All of these are above 1."""
    ends = {sigma: typical("linear", gaussian(sigma), 40) for sigma in (0.7, 1.0, 1.4)}
    assert ends[0.7] < 1e-5 and 0.2 < ends[1.0] < 3 and ends[1.4] > 1e5


def test_the_bound_is_never_broken():
    for act in ("ReLU", "tanh", "sigmoid", "linear"):
        for seed in range(5):
            rng = np.random.default_rng(seed)
            net = mlp([32] * 13, rng, act, he_normal, dtype=np.float64)
            spectrum = jacobians.spectrum(jacobians.of_layers(net, rng.standard_normal(32)))
            assert spectrum.rms <= spectrum.largest <= spectrum.bound


# Slopes and activations


def test_tanh_and_sigmoid_are_not_the_same_disease():
    assert typical("tanh", lecun) == pytest.approx(0.19, abs=0.03)
    assert typical("sigmoid", lecun) == pytest.approx(2.5e-13, rel=0.15)


def test_tanh_with_xavier_fades_like_a_power_and_not_exponentially():
    """Twice the depth costs less than a half, also at 100 layers."""
    course = {depth: typical("tanh", lecun, depth, seeds=5) for depth in (25, 50, 100)}
    assert 0.5 < course[50] / course[25] < 1 and 0.5 < course[100] / course[50] < 1


def test_a_quarter_per_layer_is_the_slopes_alone():
    """With weights of any size the slope factor E[φ′²] stays below 1/16; σ_w² makes up for it, or not."""
    for sigma_w in (0.5, 1.0, 4.0, 10.15, 16.0):
        predicted = theory.propagate(Sigmoid(), 30, sigma_w)
        assert np.all(predicted.slope2[1:] <= 1 / 16)
        assert (predicted.chi[-1] < 0.9) == (sigma_w < 9)
    assert theory.propagate(Tanh(), 30, 0.1).slope2[-1] == pytest.approx(1, abs=1e-6)


def test_relu_still_multiplies_by_its_weights_and_by_a_half():
    for sigma_w in (0.5, 1.0, 2**0.5, 2.0):
        assert theory.backward_factor(ReLU(), sigma_w) == pytest.approx(sigma_w**2 / 2)
    assert typical("ReLU", lecun) == pytest.approx(2.0**-10, rel=0.4)
    assert typical("ReLU", he_normal) == pytest.approx(1, abs=0.35)


def test_units_silent_at_the_start_are_relus_own_and_grow_with_depth():
    def dead(act, layer, seed):
        rng = np.random.default_rng(seed)
        net = mlp([128] * (layer + 1), rng, act, he_normal, bias=False)
        net.forward(rng.standard_normal((128, 128), dtype=np.float32))
        return probes.dead_share(net.outputs[-1])

    shares = [np.mean([dead("ReLU", layer, seed) for seed in range(4)]) for layer in (1, 10, 50)]
    assert shares[0] < 0.02 < shares[1] < shares[2] < 0.6
    assert all(dead(act, 50, 0) == 0 for act in ("leaky ReLU", "tanh", "sigmoid"))
