"""Every number that the text of chapter 1 states, measured again over several seeds.

The names follow the sections of the lesson. Tolerances are what other seeds and machines keep; the texts
round to what these tests hold.
"""

from itertools import pairwise

import numpy as np
import pytest

from helpers import jacobian_spectrum, jacobians, probes, propagation, theory
from helpers.data import load_digits
from helpers.initializers import gaussian, he_normal, lecun, pytorch_default
from helpers.layers import ReLU, Sigmoid, Tanh
from helpers.network import mlp, plain
from helpers.optimizers import SGD
from helpers.training import evaluate, train

SEEDS = range(5)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


def backward(act, init, depth=20, seed=0, width=128):
    rng = np.random.default_rng(seed)
    net = mlp([width] * (depth + 1), rng, act, init, bias=False, dtype=np.float64)
    net.forward(rng.standard_normal((width, width)))
    net.backward(rng.standard_normal((width, width)))
    return net


def by_norm(net):
    norms = probes.gradient_norms(net)
    return norms / norms[-1]


def ratios(act, init, depth=20):
    return np.array([by_norm(backward(act, init, depth, seed))[0] for seed in SEEDS])


def typical(values):
    """The geometric mean: what a product of random factors is compared by."""
    return np.exp(np.mean(np.log(values)))


def relu(z):
    return np.maximum(z, 0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_1_powers():
    # In the gain chain's verdict, in the text, and in the window of its first challenge.
    powers = np.array([0.9**50, 1.1**50, 0.007 ** (1 / 30), 10 ** (-3 / 100), 10 ** (3 / 100)])
    np.testing.assert_allclose(powers, [0.00515, 117, 0.848, 0.933, 1.072], rtol=4e-3)


def test_1_there_are_30_layer_networks_with_1_and_with_1e_minus_19():
    assert typical(ratios("ReLU", he_normal, 30)) == pytest.approx(1, abs=0.5)
    assert abs(np.log10(typical(ratios("sigmoid", lecun, 30))) + 19) < 0.5


def test_1_the_bars_are_not_one_network():
    sizes = [1.0, 0.8, 0.02, 0.0001]
    rates = [(b / a) ** (1 / 10) for a, b in pairwise(sizes)]
    np.testing.assert_allclose(rates, [0.98, 0.69, 0.59], atol=0.005)


def test_1_the_table_would_not_overflow():
    growth = (31.2 / 4.7) ** (1 / 5)
    largest = float(np.finfo(np.float32).max)
    assert growth == pytest.approx(1.46, abs=0.005)
    assert 31.2 * growth**10 == pytest.approx(1400, rel=0.03)
    assert (largest / 31.2) ** (1 / 10) == pytest.approx(5000, rel=0.03)
    assert largest ** (1 / 20) == pytest.approx(84, abs=0.5)
    assert (largest**0.5 / 31.2) ** (1 / 10) == pytest.approx(60, abs=0.5)


def test_2_a_nudge_is_the_product_of_weight_times_slope():
    h, product = 0.3, 1.0
    for w in (1.5, -2.0, 0.8):
        h = sigmoid(w * h)
        product *= w * h * (1 - h)
    tiny = lambda x: sigmoid(0.8 * sigmoid(-2.0 * sigmoid(1.5 * x)))  # noqa: E731
    assert (tiny(0.3 + 1e-6) - tiny(0.3)) / 1e-6 == pytest.approx(product, rel=1e-4)
    assert product == pytest.approx(-1 / 40, rel=0.02)


@pytest.mark.parametrize(("phi", "steepest"), [(Sigmoid(), 0.25), (Tanh(), 1.0), (ReLU(), 1.0)])
def test_2_the_largest_slopes(phi, steepest):
    z = np.linspace(-6, 6, 241)
    phi(z)
    assert phi.backward(np.ones_like(z)).max() == pytest.approx(steepest)


def test_2_slopes_at_8():
    """For the question about the tails."""
    assert sigmoid(8) == pytest.approx(0.9997, abs=5e-5)
    assert sigmoid(8) * (1 - sigmoid(8)) == pytest.approx(0.0003, abs=5e-5)
    assert 1 - np.tanh(8) ** 2 == pytest.approx(0.0000005, rel=0.2)
    assert np.tanh(0.1) == pytest.approx(0.0997, abs=5e-5)


def test_3_the_networks_of_the_plot():
    assert by_norm(backward("sigmoid", lecun))[0] == pytest.approx(2.6e-13, rel=0.03)
    assert by_norm(backward("tanh", lecun))[0] == pytest.approx(0.2, abs=0.02)
    assert by_norm(backward("ReLU", he_normal))[0] == pytest.approx(1.5, abs=0.1)


def test_3_five_throws():
    assert typical(ratios("sigmoid", lecun)) == pytest.approx(2.5e-13, rel=0.15)
    assert typical(ratios("tanh", lecun)) == pytest.approx(0.19, abs=0.03)
    assert typical(ratios("ReLU", he_normal)) == pytest.approx(1, abs=0.35)
    assert typical(ratios("sigmoid", lecun)) ** (1 / 20) == pytest.approx(0.234, abs=0.003)


def test_3_hes_weights_climb_a_hundred_times_above_a_quarter_to_the_20():
    slopes_alone, found = 0.25**20, ratios("sigmoid", he_normal)
    assert slopes_alone == pytest.approx(9.1e-13, rel=0.01)
    assert typical(found) == pytest.approx(9e-11, rel=0.15)
    assert typical(found) ** (1 / 20) == pytest.approx(0.31, abs=0.01)
    assert (found / slopes_alone).min() > 70 and (found / slopes_alone).max() < 140


def test_3_the_true_bound_holds():
    """(¼ ‖W‖)^L, with the spectral norms of the very matrices."""
    for init in (lecun, he_normal, gaussian(10.15)):
        net = backward("sigmoid", init)
        norms = [np.linalg.norm(layer.params["weight"], 2) for layer in net.layers[::2]]
        assert by_norm(net)[0] < np.prod(0.25 * np.array(norms))


def test_3_a_sigmoid_neither_vanishes_nor_explodes_near_10():
    per_layer = {s: typical(ratios("sigmoid", gaussian(s), 50)) ** (1 / 50) for s in (1.0, 8.0, 10.15, 16.0)}
    assert per_layer[1.0] == pytest.approx(0.234, abs=0.005)
    assert per_layer[8.0] < 0.93 and per_layer[16.0] > 1.15
    assert per_layer[10.15] == pytest.approx(1, abs=0.02)


def test_3_theory_puts_it_at_1015_and_106_is_above():
    chi = {s: theory.propagate(Sigmoid(), 50, s).chi[-1] for s in (10.15, 10.6)}
    assert chi[10.15] ** 0.5 == pytest.approx(1, abs=0.001)
    assert chi[10.6] ** 0.5 == pytest.approx(1.02, abs=0.002)


def test_3_more_than_half_of_the_units_are_saturated_there():
    for seed in SEEDS:
        net = backward("sigmoid", gaussian(10.15), depth=20, seed=seed)
        assert 0.5 < probes.saturated_share(net.layers[-1], net.outputs[-2]) < 0.65


def test_3_relu_with_xavier_leaves_a_thousandth():
    assert typical(ratios("ReLU", lecun)) == pytest.approx(2.0**-10, rel=0.5)
    assert typical(ratios("ReLU", pytorch_default)) < 1e-7


def test_3_only_relu_units_die():
    shares = [
        probes.dead_share(backward("ReLU", he_normal, depth=50, seed=seed).outputs[-1]) for seed in SEEDS
    ]
    assert np.mean(shares) == pytest.approx(0.4, abs=0.1)
    for act in ("tanh", "leaky ReLU", "sigmoid"):
        assert probes.dead_share(backward(act, he_normal, depth=50).outputs[-1]) == 0


def test_3_weight_gradients_hide_the_vanishing():
    for seed in SEEDS:
        net = backward("ReLU", lecun, seed=seed)
        weights = [np.linalg.norm(layer.grads["weight"]) for layer in net.layers[::2]]
        assert by_norm(net)[1] < 4e-3
        assert 0.5 < weights[0] / weights[-1] < 2
        # The signal shrinks just so on its way up.
        h = probes.forward_moments(net)[1].second
        assert np.sqrt(h[20] / h[0]) == pytest.approx(2.0**-10, rel=0.6)


def test_4_the_order_of_the_product():
    rng = np.random.default_rng(0)
    net = mlp([6] * 6, rng, "tanh", he_normal, dtype=np.float64)
    x, g = rng.standard_normal(6), rng.standard_normal(6)
    j = dict(enumerate(jacobians.of_layers(net, x), start=1))
    net.forward(x[None])
    net.backward(g[None])
    truth = net.output_grads[2 * 2][0]
    np.testing.assert_allclose(g @ j[5] @ j[4] @ j[3], truth, rtol=1e-10)
    assert np.abs(g @ j[3] @ j[4] @ j[5] - truth).max() > 0.1
    assert np.abs(g @ j[5] @ j[4] @ j[3] @ j[2] - truth).max() > 0.1


def test_4_a_jacobian_is_two_lines_of_backward():
    net = mlp([6] * 3, np.random.default_rng(0), "sigmoid", he_normal, dtype=np.float64)
    x, g = np.random.default_rng(1).standard_normal((2, 6))
    net.forward(x[None])
    h, w = net.outputs[-1][0], net.layers[2].params["weight"]
    np.testing.assert_allclose((g * h * (1 - h)) @ w.T, g @ jacobians.of_layers(net, x)[1])


def fifty(seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((50, 64, 64)) * np.sqrt(0.7 / 64), rng.standard_normal(64)


def test_5_the_fifty_matrices_of_the_lesson():
    chain, grad = fifty(0)
    norms = [np.linalg.norm(matrix, 2) for matrix in chain]
    layers = [w.T for w in chain]  # the Jacobians of z = hW
    assert np.linalg.norm(grad) == pytest.approx(7.9, abs=0.05)
    assert np.linalg.norm(grad @ jacobians.product(layers)) == pytest.approx(0.0009, abs=5e-5)
    spectrum = jacobians.spectrum(layers)
    assert 1.5 < min(norms) < max(norms) < 1.75
    assert spectrum.bound == pytest.approx(4e10, rel=0.1)
    assert np.sqrt(0.7) == pytest.approx(0.84, abs=0.005)


def test_5_other_seeds_vanish_too():
    for seed in SEEDS:
        chain, grad = fifty(seed)
        spectrum = jacobians.spectrum([w.T for w in chain])
        for matrix in chain[::-1]:
            grad = grad @ matrix.T
        assert np.linalg.norm(grad) < 0.01
        assert spectrum.bound > 1e9 and spectrum.largest < 0.01
        assert spectrum.rms == pytest.approx(np.sqrt(0.7) ** 50, rel=0.7)


def test_5_a_gaussian_matrix_stretches_by_2_and_on_average_by_1():
    w = np.random.default_rng(0).standard_normal((256, 256)) / 16
    assert np.linalg.norm(w, 2) == pytest.approx(2, rel=0.05)
    assert np.linalg.norm(w) / 16 == pytest.approx(1, rel=0.02)


def test_5_few_directions_take_everything_at_depth_6():
    conditions = [jacobian_spectrum(seed=seed).result.spectrum.condition for seed in SEEDS]
    assert conditions[0] > 1e8
    assert np.median(conditions) > 1e7


def test_6_identity_layers_copy_to_the_last_digit():
    rng = np.random.default_rng(0)
    shallow = relu(rng.standard_normal((100, 64)) @ he_normal(64, 64, rng, np.float64))
    deep = shallow
    for _ in range(18):
        deep = relu(deep @ np.eye(64))
    assert np.array_equal(shallow, deep)


DIGITS = load_digits()


def learn(act, init, depth=20, lr=0.01, seed=0):
    net = plain(64, 64, depth, 10, np.random.default_rng(seed), act=act, init=init)
    first = net.layers[0].params["weight"]
    start = first.copy()
    optimizer = SGD(net.layers, lr, momentum=0.9)
    train(net, optimizer, DIGITS.x_train, DIGITS.y_train, 300, batch=64, seed=seed, progress=False)
    return net, np.linalg.norm(first - start) / np.linalg.norm(start)


def accuracy(net):
    return evaluate(net, DIGITS.x_train, DIGITS.y_train)[1]


def test_6_the_sigmoid_guesses_and_its_first_layer_does_not_move():
    for seed in SEEDS:
        net, moved = learn("sigmoid", lecun, seed=seed)
        assert moved == 0
        assert accuracy(net) < 0.13


def test_6_tanh_learns_the_same_digits():
    for seed in SEEDS:
        net, moved = learn("tanh", lecun, seed=seed)
        assert accuracy(net) == pytest.approx(0.999, abs=0.004)
        assert moved > 0.1


def test_6_ten_sigmoid_layers_learn_from_large_weights_only():
    right = [accuracy(learn("sigmoid", gaussian(10.15), depth=10, lr=0.03, seed=seed)[0]) for seed in SEEDS]
    assert min(right) > 0.65 and np.mean(right) == pytest.approx(0.82, abs=0.07)
    for seed in SEEDS:
        assert accuracy(learn("sigmoid", lecun, depth=10, lr=0.03, seed=seed)[0]) < 0.13


def error(phi, units, seed):
    x = np.linspace(-1, 1, 400)
    wave = np.sin(3 * np.pi * x)
    rng = np.random.default_rng(seed)
    h = phi(x[:, None] * rng.normal(0, 5, units) + rng.uniform(-5, 5, units))
    best = np.linalg.lstsq(h, wave, rcond=None)[0]
    return np.sqrt(np.mean((h @ best - wave) ** 2))


def test_7_width_helps_relu_and_never_a_parabola():
    found = np.array([[error(relu, n, seed) for n in (5, 20, 100, 500)] for seed in SEEDS])
    assert np.all(np.diff(np.median(found, axis=0)) < 0)
    assert np.all(found[:, -1] < 3e-3)
    parabolas = [error(np.square, n, seed) for n in (5, 20, 100, 500) for seed in SEEDS]
    np.testing.assert_allclose(parabolas, 0.682, atol=1e-3)


def test_7_each_tent_doubles_the_pieces():
    y = x = np.linspace(0, 1, 2**12 + 1)
    for layers in range(1, 9):
        y = 2 * relu(y) - 4 * relu(y - 0.5)
        assert 1 + np.count_nonzero(np.diff(np.sign(np.diff(y)))) == 2**layers
    assert len(x) > 2**9


def test_7_one_hidden_layer_of_m_relus_has_at_most_m_plus_1_pieces():
    x = np.linspace(-2, 2, 200_001)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        y = relu(x[:, None] * rng.normal(0, 1, 12) + rng.normal(0, 1, 12)) @ rng.normal(0, 1, 12)
        slopes = np.diff(y) / np.diff(x)
        bends = np.flatnonzero(np.abs(np.diff(slopes)) > 1e-6)
        pieces = 1 + np.count_nonzero(np.diff(bends, prepend=-9) > 2)
        assert pieces <= 13


def readable(net, depth):
    net.forward(DIGITS.x_train, train=False)
    before = net.outputs[0 : 2 * depth : 2]
    net.forward(DIGITS.x_test, train=False)
    pairs = zip(before, net.outputs[0 : 2 * depth : 2], strict=True)
    return np.array([probes.linear_probe(a, DIGITS.y_train, b, DIGITS.y_test) for a, b in pairs])


def test_7_training_makes_later_layers_easier_to_read():
    for seed in SEEDS:
        ten = readable(learn("tanh", lecun, depth=10, seed=seed)[0], 10)
        five = readable(learn("tanh", lecun, depth=5, seed=seed)[0], 5)
        untrained = plain(64, 64, 10, 10, np.random.default_rng(seed), act="tanh", init=lecun)
        before = readable(untrained, 10)
        assert ten[0] == five[0] == before[0] == pytest.approx(0.94, abs=0.01)
        assert ten[-2:].mean() > 0.965 and five[-2:].mean() > 0.96
        assert 0.78 < before[-1] < 0.9
        # The last layers of five read as well as layers 5 and 6 of ten do.
        assert five[3:].mean() > ten[3:5].mean() - 0.015


def test_break_it_a_popular_0007():
    found = ratios("ReLU", gaussian(1.2), 30)
    assert typical(found) == pytest.approx(0.007, rel=0.5)
    assert 1.2 / np.sqrt(2) == pytest.approx(0.849, abs=5e-4)


def test_break_it_a_larger_step_does_not_save_the_first_layer():
    net, _ = learn("sigmoid", lecun, lr=10)
    assert accuracy(net) < 0.2
