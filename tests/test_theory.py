"""Theory against closed forms, against published numbers, and against simulated networks."""

import numpy as np
import pytest

from helpers import probes, theory
from helpers.layers import BatchNorm, Identity, LeakyReLU, ReLU, Sigmoid, Tanh
from helpers.network import plain

RELU, LEAKY, TANH, SIGMOID, LINEAR = ReLU(), LeakyReLU(0.2), Tanh(), Sigmoid(), Identity()
ROOT2 = np.sqrt(2)
QS = [0.01, 1.0, 100.0, 1e4]


def by_name(value):
    return type(value).__name__ if hasattr(value, "backward") else None


@pytest.fixture(scope="module")
def xi():
    return np.random.default_rng(0).standard_normal(1_000_000)


def haar(rng, runs, n):
    q, r = np.linalg.qr(rng.standard_normal((runs, n, n), dtype=np.float32))
    return q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]


def simulate(phi, n, depth, runs, sigma_w, sigma_b=0.0, orthogonal=False, seed=0):
    """E[z²] and E[h²], each (depth + 1, runs), of one input with E[h²] = 1 in `runs` random networks."""
    rng = np.random.default_rng(seed)
    h = rng.standard_normal((runs, 1, n), dtype=np.float32)
    h *= np.sqrt(n) / np.linalg.norm(h, axis=-1, keepdims=True)
    z2, h2 = [np.ones(runs)], [np.ones(runs)]
    for _ in range(depth):
        if orthogonal:
            w = haar(rng, runs, n)
        else:
            w = rng.standard_normal((runs, n, n), dtype=np.float32) / np.float32(np.sqrt(n))
        b = rng.standard_normal((runs, 1, n), dtype=np.float32) if sigma_b else 0
        z = np.float32(sigma_w) * (h @ w) + np.float32(sigma_b) * b
        h = phi.forward(z)
        z2.append((z.astype(np.float64) ** 2).mean((1, 2)))
        h2.append((h.astype(np.float64) ** 2).mean((1, 2)))
    return np.array(z2), np.array(h2)


# Expectations


def test_expectation_of_powers_and_of_a_jump():
    for power, moment in [(0, 1), (1, 0), (2, 1), (4, 3), (6, 15), (8, 105)]:
        assert theory.expectation(lambda x, k=power: x**k) == pytest.approx(moment, rel=1e-8, abs=1e-12)
    assert theory.expectation(lambda x: x > 0) == pytest.approx(0.5, abs=1e-10)
    assert theory.expectation(np.abs) == pytest.approx(np.sqrt(2 / np.pi), abs=1e-10)


@pytest.mark.parametrize("q", QS)
def test_closed_forms(q):
    root = np.sqrt(q / (2 * np.pi))
    assert theory.second_moment_after(RELU, q) == pytest.approx(q / 2, rel=1e-9)
    assert theory.mean_after(RELU, q) == pytest.approx(root, rel=1e-9)
    assert theory.slope_moment(RELU, q) == pytest.approx(0.5, rel=1e-9)
    assert theory.second_moment_after(LEAKY, q) == pytest.approx(1.04 * q / 2, rel=1e-9)
    # Not 0, as is often written: a leaky ReLU is not symmetric.
    assert theory.mean_after(LEAKY, q) == pytest.approx(0.8 * root, rel=1e-9)
    assert theory.slope_moment(LEAKY, q) == pytest.approx(1.04 / 2, rel=1e-9)
    assert theory.second_moment_after(LINEAR, q) == pytest.approx(q, rel=1e-9)
    assert theory.mean_after(LINEAR, q) == pytest.approx(0, abs=1e-9)
    assert theory.slope_moment(LINEAR, q) == pytest.approx(1, rel=1e-9)
    assert theory.mean_after(TANH, q) == pytest.approx(0, abs=1e-9)
    assert theory.mean_after(SIGMOID, q) == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize("q", QS)
@pytest.mark.parametrize(
    ("layer", "phi", "slope"),
    [
        (TANH, np.tanh, lambda z: 1 / np.cosh(np.clip(z, -300, 300)) ** 2),
        (SIGMOID, lambda z: 1 / (1 + np.exp(-z)), lambda z: 0.25 / np.cosh(np.clip(z / 2, -300, 300)) ** 2),
    ],
    ids=["tanh", "sigmoid"],
)
def test_expectations_of_saturating_activations_against_a_million_samples(layer, phi, slope, q, xi):
    z = np.sqrt(q) * xi
    for found, samples in [
        (theory.mean_after(layer, q), phi(z)),
        (theory.second_moment_after(layer, q), phi(z) ** 2),
        (theory.slope_moment(layer, q), slope(z) ** 2),
    ]:
        assert abs(found - samples.mean()) < 5 * samples.std() / 1000


def test_far_into_saturation_only_the_sliver_around_0_has_a_slope():
    """∫tanh′² = 4/3 and ∫σ′² = 1/6, spread over a normal density of height 1/√(2πq)."""
    height = 1 / np.sqrt(2 * np.pi * 1e6)
    assert theory.slope_moment(TANH, 1e6) == pytest.approx(4 / 3 * height, rel=1e-4)
    assert theory.slope_moment(SIGMOID, 1e6) == pytest.approx(height / 6, rel=1e-4)


@pytest.mark.parametrize("nodes", [20, 32, 64])
def test_why_gauss_hermite_is_not_used(nodes):
    """All of tanh's bend lies between two nodes of the rule when z is as large as N(0, 1) weights make it."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / np.sqrt(2 * np.pi)
    z = np.sqrt(256 * 0.949) * x
    assert abs(w @ np.tanh(z) ** 2 - theory.second_moment_after(TANH, 256 * 0.949)) > 0.04
    assert w @ (1 - np.tanh(z) ** 2) ** 2 < 0.01 * theory.slope_moment(TANH, 256 * 0.949)
    # A network measures 0.949, and so does the graded rule.
    _, h2 = simulate(TANH, 256, 5, 8, sigma_w=16.0)
    assert h2[5].mean() == pytest.approx(0.949, abs=0.002)
    assert theory.propagate(TANH, 5, 16.0).h2[5] == pytest.approx(0.949, abs=0.0005)


# Factors of one layer


def test_gains():
    assert theory.gain(RELU) == pytest.approx(ROOT2, rel=1e-9)
    assert theory.gain(LEAKY) == pytest.approx(np.sqrt(2 / 1.04), rel=1e-9)
    assert theory.gain(LINEAR) == pytest.approx(1, rel=1e-9)
    assert theory.gain(TANH) == pytest.approx(1.5925, abs=5e-5)
    # It holds E[z²] at 1. For ReLU that holds E[h²] too; tanh never reaches 1, and settles at E[h²] = 0.394.
    settled = theory.propagate(TANH, 20, theory.gain(TANH))
    assert settled.z2[-1] == pytest.approx(1, rel=1e-6)
    assert settled.h2[-1] == pytest.approx(0.394, abs=5e-4)


@pytest.mark.parametrize("h2", [1e-6, 1.0, 1e6])
def test_forward_factor_of_the_schemes_under_relu(h2):
    n = 256
    for sigma_w, factor in [
        (np.sqrt(n), n / 2),  # N(0, 1): ×128, not ×256
        (1.0, 1 / 2),  # Xavier
        (ROOT2, 1.0),  # He
        (np.sqrt(1 / 3), 1 / 6),  # PyTorch's Linear
        (0.3, 0.045),
    ]:
        assert theory.forward_factor(RELU, sigma_w, h2) == pytest.approx(factor, rel=1e-9)
    assert theory.forward_factor(LINEAR, 3.0, h2) == pytest.approx(9, rel=1e-9)


def test_a_real_relu_network_multiplies_by_128():
    _, h2 = simulate(RELU, 256, 10, 30, sigma_w=16.0)
    per_layer = np.exp(np.log(h2[10].mean()) / 10)
    assert per_layer == pytest.approx(theory.forward_factor(RELU, 16.0), rel=0.03)


def test_backward_factor():
    assert theory.backward_factor(RELU, ROOT2) == pytest.approx(1, rel=1e-9)
    assert theory.backward_factor(RELU, np.sqrt(1 / 3), q=7.0) == pytest.approx(1 / 6, rel=1e-9)
    assert theory.backward_factor(LEAKY, 1.0) == pytest.approx(0.52, rel=1e-9)
    assert theory.backward_factor(LINEAR, 3.0) == pytest.approx(9, rel=1e-9)
    assert theory.backward_factor(TANH, 1.0, q=1e-8) == pytest.approx(1, rel=1e-6)
    assert theory.backward_factor(SIGMOID, 4.0, q=1e-8) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(("phi", "sigma_w"), [(RELU, 1.2), (TANH, 1.8), (SIGMOID, 5.0)])
def test_backward_factor_against_a_wide_random_layer(phi, sigma_w):
    rng = np.random.default_rng(0)
    n, batch, q = 1500, 40, 2.0
    z = np.sqrt(q) * rng.standard_normal((batch, n), dtype=np.float32)
    grad = rng.standard_normal((batch, n), dtype=np.float32)
    phi.forward(z)
    w = rng.standard_normal((n, n), dtype=np.float32) * np.float32(sigma_w / np.sqrt(n))
    back = phi.backward(grad) @ w.T
    found = np.mean(back**2) / np.mean(grad**2)
    assert found == pytest.approx(theory.backward_factor(phi, sigma_w, q), rel=0.03)


# Through depth


@pytest.mark.parametrize("sigma_b", [0.0, 0.5])
@pytest.mark.parametrize(
    ("phi", "sigma_w"),
    [(RELU, ROOT2), (RELU, 0.8), (LEAKY, 1.3), (TANH, ROOT2), (TANH, 1.0), (SIGMOID, 1.0), (SIGMOID, 8.0)],
    ids=by_name,
)
def test_propagate_against_wide_random_networks(phi, sigma_w, sigma_b):
    depth, n, runs = 8, 256, 16
    z2, h2 = simulate(phi, n, depth, runs, sigma_w, sigma_b)
    predicted = theory.propagate(phi, depth, sigma_w, sigma_b)
    # The standard error of the mean over runs, and 1% for what a width of 256 is off the limit.
    for found, expected in ((z2, predicted.z2), (h2, predicted.h2)):
        error = 4 * found.std(axis=1) / np.sqrt(runs) + 0.01 * expected
        assert np.all(np.abs(found.mean(axis=1) - expected) < error)


def test_propagate_for_relu_is_a_power_of_the_factor():
    predicted = theory.propagate(RELU, 30, 1.2, h2=5.0)
    layers = np.arange(31)
    np.testing.assert_allclose(predicted.h2, 5 * 0.72**layers, rtol=1e-9)
    np.testing.assert_allclose(predicted.z2[1:], 2 * predicted.h2[1:], rtol=1e-9)
    assert predicted.z2[0] == 5
    # Var h is 1 − 1/π of E[h²]: 0.682 when E[h²] is 1.
    np.testing.assert_allclose(predicted.h_variance[1:] / predicted.h2[1:], 1 - 1 / np.pi, rtol=1e-9)
    np.testing.assert_allclose(predicted.chi, np.full(30, 0.72), rtol=1e-9)
    np.testing.assert_allclose(predicted.h_gradient2, 0.72 ** (30 - layers), rtol=1e-9)
    np.testing.assert_allclose(predicted.z_gradient2[1:], 0.5 * 0.72 ** (30 - layers[1:]), rtol=1e-9)


def test_biases_hold_a_relu_net_up_where_its_weights_let_it_fall():
    """q ↦ ½q + ¼ has the solution q_l = ½ + (q_1 − ½) 2^(1−l)."""
    predicted = theory.propagate(RELU, 20, 1.0, sigma_b=0.5, h2=3.0)
    layers = np.arange(1, 21)
    np.testing.assert_allclose(predicted.z2[1:], 0.5 + (3.25 - 0.5) * 2.0 ** (1 - layers), rtol=1e-9)


def test_tanh_with_he_settles_and_with_lecun_falls_like_1_over_2l():
    assert theory.propagate(TANH, 50, ROOT2).h2[50] == pytest.approx(0.309, abs=5e-4)
    lecun = theory.propagate(TANH, 400, 1.0).h2
    assert lecun[50] == pytest.approx(0.0102, abs=5e-5)
    assert lecun[400] == pytest.approx(1 / 800, rel=0.02)


def test_a_network_of_depth_0_is_its_input():
    predicted = theory.propagate(TANH, 0, 1.0, h2=2.0)
    assert predicted.h2 == predicted.z2 == [2.0]
    assert predicted.h_gradient2 == [1.0]
    assert predicted.log_spread(64) == [0.0]


@pytest.mark.parametrize(
    ("phi", "depth", "sigma_w", "log10_h2"),
    [(RELU, 100, 16.0, 210.7), (RELU, 70, 0.1, -161.1), (LINEAR, 60, 1e-2, -240.0)],
)
def test_the_prediction_is_finite_wherever_float64_holds_the_signal(phi, depth, sigma_w, log10_h2):
    # N(0, 1) weights at width 256 over 100 layers: E[h²] fits into float64, its square does not.
    predicted = theory.propagate(phi, depth, sigma_w)
    assert np.log10(predicted.h2[-1]) == pytest.approx(log10_h2, abs=0.1)
    expected = np.sqrt((2 if phi is LINEAR else 5) * depth / 256)
    assert predicted.log_spread(256)[-1] == pytest.approx(expected, rel=1e-6)


# Where the signal settles


def test_fixed_points_of_relu():
    (zero,) = theory.fixed_points(RELU, 2.0)
    assert (zero.q, zero.stable) == (0, False)
    assert zero.slope == pytest.approx(2.0, rel=1e-6)
    (point,) = theory.fixed_points(RELU, 1.0, 0.5)  # q = ½q + ¼
    assert point.q == pytest.approx(0.5, rel=1e-9)
    assert point.slope == pytest.approx(0.5, rel=1e-6)
    assert point.stable
    (zero,) = theory.fixed_points(RELU, 1.0)
    assert (zero.q, zero.stable) == (0, True)
    assert theory.fixed_points(RELU, 1.5, 0.5) == []  # it grows for ever
    (point,) = theory.fixed_points(RELU, ROOT2)  # He: every q is fixed, and none draws others to it
    assert (point.q, point.slope, point.stable) == (1, 1, False)
    assert theory.fixed_points(RELU, ROOT2, 0.1) == []


def test_fixed_points_of_tanh():
    zero, point = theory.fixed_points(TANH, ROOT2)
    assert zero.q == 0
    assert zero.slope == pytest.approx(2, rel=1e-4)
    assert not zero.stable
    assert point.q == pytest.approx(2 * 0.309, abs=1e-3)
    assert point.stable
    assert [point.q for point in theory.fixed_points(TANH, 0.9)] == [0]


@pytest.mark.parametrize("phi", [LINEAR, RELU, TANH, SIGMOID], ids=by_name)
def test_a_fixed_point_at_exactly_1_is_found(phi):
    """q = 1 is a round number: the search must not step over it by landing on it."""
    h2 = theory.second_moment_after(phi, 1.0)
    for sigma_w in np.linspace(0.1, 0.9, 41):
        points = theory.fixed_points(phi, sigma_w, np.sqrt(1 - sigma_w**2 * h2))
        assert [point.q for point in points] == [pytest.approx(1.0, rel=1e-6)]


def test_settled_second_moment():
    assert theory.settled_second_moment(RELU, 2.0) is None
    assert theory.settled_second_moment(RELU, 1.0) == 0
    assert theory.settled_second_moment(RELU, 1.0, 0.5) == pytest.approx(0.5, rel=1e-9)
    assert theory.settled_second_moment(RELU, ROOT2) == 1
    assert theory.settled_second_moment(TANH, 0.9) == 0
    assert theory.settled_second_moment(TANH, ROOT2) == pytest.approx(0.618, abs=1e-3)
    # E[h²] of a LeCun sigmoid settles near 0.265; with σ_w = 1 and no bias that is also E[z²].
    assert theory.settled_second_moment(SIGMOID, 1.0) == pytest.approx(0.265, abs=1e-3)


@pytest.mark.parametrize(("phi", "sigma_w", "sigma_b"), [(TANH, 2.0, 0.3), (SIGMOID, 6.0, 1.0)])
def test_a_deep_network_settles_where_theory_says(phi, sigma_w, sigma_b):
    z2, _ = simulate(phi, 256, 25, 8, sigma_w, sigma_b)
    settled = theory.settled_second_moment(phi, sigma_w, sigma_b)
    assert z2[-5:].mean() == pytest.approx(settled, rel=0.04)


# The edge of chaos


@pytest.mark.parametrize(("phi", "qs"), [(TANH, [1e-3, 0.1, 1.0, 10.0, 300.0]), (SIGMOID, [60.0, 300.0])])
def test_on_the_critical_line_q_is_fixed_and_chi_is_1(phi, qs):
    line = theory.critical_line(phi, qs)
    assert line.shape == (2, len(qs))
    for q, sigma_w, sigma_b in zip(qs, *line, strict=True):
        assert theory.variance_map(phi, q, sigma_w, sigma_b) == pytest.approx(q, rel=1e-9)
        assert theory.backward_factor(phi, sigma_w, q) == pytest.approx(1, rel=1e-9)


def test_the_critical_line_of_tanh_starts_at_1_and_0():
    sigma_w, sigma_b = theory.critical_line(TANH, 1e-6)
    assert sigma_w == pytest.approx([1], abs=1e-5)
    assert sigma_b == pytest.approx([0], abs=1e-5)


@pytest.mark.parametrize(("sigma_w2", "sigma_b2"), [(1.76, 0.05), (1.05, 2.01e-5)])
def test_published_critical_points_of_tanh(sigma_w2, sigma_b2):
    """σ_w² = 1.76 at σ_b² = 0.05 (Schoenholz et al. 2017); 1.05 at 2.01e-5 (Xiao et al. 2018)."""
    q = theory.settled_second_moment(TANH, np.sqrt(sigma_w2), np.sqrt(sigma_b2))
    assert theory.backward_factor(TANH, np.sqrt(sigma_w2), q) == pytest.approx(1, abs=0.005)


def test_the_critical_line_of_homogeneous_activations_is_vertical():
    for phi, sigma_w in ((RELU, ROOT2), (LEAKY, np.sqrt(2 / 1.04)), (LINEAR, 1.0)):
        line = theory.critical_line(phi, [0.01, 1.0, 100.0])
        np.testing.assert_allclose(line, [[sigma_w] * 3, [0.1, 1, 10]], rtol=1e-9)


def test_a_q_that_no_network_can_hold_critically_has_no_point():
    # A sigmoid pushes E[z²] up to about 45 on its own before χ reaches 1.
    assert theory.critical_line(SIGMOID, [1.0, 10.0]).shape == (2, 0)


# Spread over seeds


def test_log_spread_in_closed_form():
    layers = np.arange(31)
    relu, linear = theory.propagate(RELU, 30, ROOT2), theory.propagate(LINEAR, 30, 1.0)
    np.testing.assert_allclose(relu.log_spread(64), np.sqrt(5 * layers / 64), rtol=1e-6)
    np.testing.assert_allclose(linear.log_spread(64), np.sqrt(2 * layers / 64), rtol=1e-6)
    np.testing.assert_allclose(relu.log_spread(64, orthogonal=True), np.sqrt(3 * layers / 64), rtol=1e-6)
    np.testing.assert_allclose(linear.log_spread(64, orthogonal=True), 0, atol=1e-4)
    np.testing.assert_allclose(relu.gradient_log_spread(64), np.sqrt(5 * layers[::-1] / 64), rtol=1e-6)
    np.testing.assert_allclose(linear.gradient_log_spread(64), np.sqrt(2 * layers[::-1] / 64), rtol=1e-6)
    np.testing.assert_allclose(
        relu.gradient_log_spread(64, orthogonal=True), np.sqrt(3 * layers[::-1] / 64), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("phi", "sigma_w", "sigma_b", "orthogonal", "runs"),
    [
        (RELU, ROOT2, 0.0, False, 300),
        (RELU, ROOT2, 0.0, True, 150),
        (LINEAR, 1.0, 0.0, False, 300),
        (TANH, 2.0, 0.0, False, 300),
        (TANH, 2.0, 0.0, True, 150),
        (SIGMOID, 1.0, 0.0, False, 300),
        (RELU, 1.0, 0.5, False, 300),
    ],
    ids=["ReLU", "orthogonal ReLU", "linear", "tanh", "orthogonal tanh", "sigmoid", "ReLU with biases"],
)
def test_log_spread_against_simulated_networks(phi, sigma_w, sigma_b, orthogonal, runs):
    depth = 12
    _, h2 = simulate(phi, 64, depth, runs, sigma_w, sigma_b, orthogonal)
    found = np.log(h2).std(axis=1)
    predicted = theory.propagate(phi, depth, sigma_w, sigma_b).log_spread(64, orthogonal=orthogonal)
    # The error of a standard deviation over 150 runs is 6%.
    np.testing.assert_allclose(found[[1, 2, 4, 8, 12]], predicted[[1, 2, 4, 8, 12]], rtol=0.18)


@pytest.mark.parametrize("orthogonal", [False, True])
def test_gradient_log_spread_against_simulated_networks(orthogonal):
    rng = np.random.default_rng(0)
    runs, n, depth = 200, 64, 12
    h = rng.standard_normal((runs, 1, n), dtype=np.float32)
    weights, acts = [], []
    for _ in range(depth):
        w = haar(rng, runs, n) if orthogonal else rng.standard_normal((runs, n, n), dtype=np.float32) / 8
        weights.append(w * np.float32(ROOT2))
        acts.append(ReLU())
        h = acts[-1].forward(h @ weights[-1])
    grad = rng.standard_normal((runs, 1, n), dtype=np.float32)
    grad /= np.linalg.norm(grad, axis=-1, keepdims=True)
    found = [np.zeros(runs)]
    for w, act in zip(weights[::-1], acts[::-1], strict=True):
        grad = act.backward(grad) @ np.swapaxes(w, 1, 2)
        found.append(np.log((grad**2).sum((1, 2))))
    predicted = theory.propagate(RELU, depth, ROOT2).gradient_log_spread(n, orthogonal)
    np.testing.assert_allclose(np.std(found[::-1], axis=1)[:-1:3], predicted[:-1:3], rtol=0.18)


# Two inputs


@pytest.mark.parametrize("c", [-1.0, -0.7, 0.0, 0.3, 0.9, 0.99, 1.0])
def test_correlation_map_in_closed_form(c):
    arccos = (np.sqrt(1 - c * c) + c * (np.pi - np.arccos(c))) / np.pi  # Cho & Saul 2009
    assert theory.correlation_map(RELU, c, 3.0, ROOT2) == pytest.approx(arccos, abs=5e-4)
    assert theory.correlation_map(LINEAR, c, 3.0, 1.2) == pytest.approx(c, abs=5e-4)
    arcsin = 2 / np.pi * np.arcsin(c)  # tanh is the sign of z when z is huge
    assert theory.correlation_map(TANH, c, 1e4, 10.0) == pytest.approx(arcsin, abs=0.012)
    assert theory.correlation_map(TANH, c, 1e-4, 1.0) == pytest.approx(c, abs=5e-4)


def test_correlation_map_with_biases():
    """They are the same for both inputs: c′ = (σ_w² E[φ(u)φ(v)] + σ_b²)/(σ_w² E[φ²] + σ_b²)."""
    assert theory.correlation_map(LINEAR, 0.2, 2.0, 1.5, 0.7) == pytest.approx(
        (2.25 * 2 * 0.2 + 0.49) / (2.25 * 2 + 0.49), abs=5e-4
    )


@pytest.mark.parametrize("q", [1.0, 30.0])
@pytest.mark.parametrize(("phi", "c"), [(TANH, 0.6), (TANH, -0.4), (SIGMOID, 0.6), (LEAKY, 0.95)])
def test_correlation_map_against_samples(phi, c, q, xi):
    other = np.random.default_rng(1).standard_normal(xi.size)
    u, v = np.sqrt(q) * xi, np.sqrt(q) * (c * xi + np.sqrt(1 - c * c) * other)
    a, b = phi(u), phi(v)
    expected = 2 * np.mean(a * b) / np.mean(a * a + b * b)
    assert theory.correlation_map(phi, c, q, 1.3) == pytest.approx(expected, abs=4e-3)


@pytest.mark.parametrize(
    ("phi", "sigma_w", "sigma_b"),
    [(TANH, 1.0, 0.0), (TANH, 1.5, 0.3), (TANH, 2.5, 0.0), (RELU, ROOT2, 0.0), (SIGMOID, 3.0, 1.0)],
    ids=by_name,
)
def test_propagate_correlation_against_wide_networks(phi, sigma_w, sigma_b):
    rng = np.random.default_rng(0)
    n, pairs, depth, c, runs = 400, 40, 8, 0.8, 4
    found = np.empty((runs, depth))
    for run in range(runs):
        x, y = rng.standard_normal((2, pairs, n))
        y -= x * ((x * y).sum(1, keepdims=True) / (x * x).sum(1, keepdims=True))
        x, y = (a * np.sqrt(n) / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, y))
        h = np.stack([x, c * x + np.sqrt(1 - c * c) * y]).astype(np.float32)
        for layer in range(depth):
            w = rng.standard_normal((n, n), dtype=np.float32) * np.float32(sigma_w / np.sqrt(n))
            z = h @ w + np.float32(sigma_b) * rng.standard_normal(n, dtype=np.float32)
            lengths = np.linalg.norm(z, axis=-1)
            found[run, layer] = np.mean((z[0] * z[1]).sum(1) / (lengths[0] * lengths[1]))
            h = phi.forward(z)
    predicted = theory.propagate_correlation(phi, depth, c, sigma_w, sigma_b)
    assert predicted[0] == c
    assert len(predicted) == depth + 1
    np.testing.assert_allclose(predicted[1:], found.mean(axis=0), atol=0.035)


def test_order_and_chaos():
    ordered = theory.propagate_correlation(TANH, 60, 0.2, 0.9, 0.3)
    assert ordered[-1] == pytest.approx(1, abs=1e-4)
    chaotic = theory.propagate_correlation(TANH, 60, 0.99, 2.5)
    assert chaotic[-1] < 0.1


# Bad input


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda v: theory.variance_map(TANH, 1.0, v), "sigma_w"),
        (lambda v: theory.forward_factor(TANH, v), "sigma_w"),
        (lambda v: theory.backward_factor(TANH, v), "sigma_w"),
        (lambda v: theory.propagate(TANH, 3, v), "sigma_w"),
        (lambda v: theory.correlation_map(TANH, 0.5, 1.0, v), "sigma_w"),
        (lambda v: theory.propagate_correlation(TANH, 1, 0.5, v), "sigma_w"),
        (lambda v: theory.propagate_correlation(TANH, 5, 0.5, v), "sigma_w"),
        (lambda v: theory.fixed_points(TANH, v), "sigma_w"),
        (lambda v: theory.forward_factor(TANH, 1.0, v), "h2"),
        (lambda v: theory.propagate(TANH, 3, 1.0, h2=v), "h2"),
        (lambda v: theory.propagate_correlation(TANH, 3, 0.5, 1.0, h2=v), "h2"),
        (lambda v: theory.propagate(TANH, 3, 1.0).log_spread(v), "width"),
        (lambda v: theory.propagate(TANH, 3, 1.0).gradient_log_spread(v), "width"),
    ],
)
@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "1", None, True])
def test_what_must_be_positive(call, named, value):
    with pytest.raises(ValueError, match=f"{named}={value!r}"):
        call(value)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda v: theory.second_moment_after(TANH, v), "q"),
        (lambda v: theory.mean_after(TANH, v), "q"),
        (lambda v: theory.slope_moment(TANH, v), "q"),
        (lambda v: theory.propagate(TANH, 3, 1.0, v), "sigma_b"),
        (lambda v: theory.propagate_correlation(TANH, 1, 0.5, 1.0, v), "sigma_b"),
        (lambda v: theory.variance_map(TANH, 1.0, 1.0, v), "sigma_b"),
        (lambda v: theory.propagate(TANH, v, 1.0), "depth"),
    ],
)
@pytest.mark.parametrize("value", [-1, np.nan, np.inf, "1", None, True])
def test_what_must_not_be_negative(call, named, value):
    with pytest.raises(ValueError, match=f"{named}={value!r}"):
        call(value)


@pytest.mark.parametrize("c", [-1.01, 1.01, np.nan, "0"])
def test_a_correlation_lies_between_minus_1_and_1(c):
    with pytest.raises(ValueError, match=rf"c={c!r}.*from -1 to 1"):
        theory.correlation_map(TANH, c, 1.0, 1.0)
    with pytest.raises(ValueError, match=rf"c={c!r}.*from -1 to 1"):
        theory.propagate_correlation(TANH, 3, c, 1.0)


def test_two_inputs_that_are_both_zero_have_no_correlation():
    with pytest.raises(ValueError, match="q=0"):
        theory.correlation_map(TANH, 0.5, 0.0, 1.0)


def test_a_plain_function_serves_where_no_slope_is_needed_and_only_there():
    assert theory.second_moment_after(np.tanh, 2.0) == theory.second_moment_after(TANH, 2.0)
    for call in (lambda: theory.slope_moment(np.tanh), lambda: theory.propagate(np.tanh, 3, 1.0)):
        with pytest.raises(ValueError, match=r"phi=.*has no slope"):
            call()


@pytest.mark.parametrize("of", ["z2", "h2", "h_variance"])
@pytest.mark.parametrize("phi", [RELU, TANH, Sigmoid()], ids=lambda phi: type(phi).__name__)
def test_the_spread_of_each_quantity_is_that_of_simulated_networks(phi, of):
    """The band of the explorer holds for what it shows: E[h²], Var h and Var z spread differently."""
    depth, n, found = 12, 64, []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        h = np.ones((1, n))
        for _ in range(depth):
            z = h @ rng.normal(0, 1.3 / np.sqrt(n), (n, n))
            h = phi.forward(z)
        found.append({"z2": np.mean(z**2), "h2": np.mean(h**2), "h_variance": h.var()}[of])
    predicted = theory.propagate(phi, depth, 1.3).log_spread(n, of)[depth]
    assert np.log(found).std() == pytest.approx(predicted, rel=0.3)


# Batch norm


def test_batch_norm_growth_in_closed_form():
    assert theory.batch_norm_growth(RELU) == pytest.approx(np.sqrt(np.pi / (np.pi - 1)))
    assert theory.batch_norm_growth(LINEAR) == pytest.approx(1)
    assert theory.batch_norm_growth(TANH) == pytest.approx(1.085, abs=1e-3)


@pytest.mark.parametrize("phi", [ReLU, Tanh])
def test_batch_norm_growth_is_what_networks_show(phi):
    """A large batch and a wide network, without the first layers, whose inputs are no activations yet."""
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        network = plain(256, 256, 21, 256, rng, BatchNorm, act=phi)
        network.layers.pop()
        network.forward(rng.standard_normal((512, 256), dtype=np.float32))
        network.backward(rng.standard_normal((512, 256), dtype=np.float32))
        norms = probes.gradient_norms(network)
        found.append((norms[2] / norms[20]) ** (1 / 18))
    assert np.mean(found) == pytest.approx(theory.batch_norm_growth(phi()), rel=0.015)


def test_a_fixed_point_that_overshoots_is_not_stable():
    assert theory.FixedPoint(1.0, -0.5).stable
    assert not theory.FixedPoint(1.0, -1.5).stable


def test_95_percent_of_products_of_random_factors_lie_in_the_band():
    rng, spread = np.random.default_rng(0), 0.6
    products = 3.0 * np.exp(spread * rng.standard_normal(100_000) - spread**2 / 2)  # of mean 3
    low, high = theory.log10_band(products.mean(), spread)
    assert np.mean(np.log10(products) < low) == pytest.approx(0.0228, abs=0.002)
    assert np.mean(np.log10(products) > high) == pytest.approx(0.0228, abs=0.002)
