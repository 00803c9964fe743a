"""Skips: growth and paths against simulation, and every measurement against plain numpy."""

from math import comb, exp

import numpy as np
import pytest

from helpers import probes
from helpers.chapters.residual import skips
from helpers.data import load_digits
from helpers.layers import BatchNorm, LayerNorm, Linear, ReLU, Residual
from helpers.losses import softmax_cross_entropy
from helpers.network import Network, plain, residual_v1, residual_v2


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    skips.clear()


# Growth


def test_growth_without_a_norm_is_one_plus_g_squared_to_the_half_depth():
    np.testing.assert_allclose(skips.growth(50, 0.5), 1.25 ** (np.arange(50, -1, -1) / 2))
    assert skips.growth(50, 0.5)[0] == pytest.approx(264.7, abs=0.1)
    np.testing.assert_allclose(skips.growth(50, 0.5, skip=0), 0.5 ** np.arange(50, -1, -1.0))


def test_growth_with_branches_over_root_l_stays_below_its_limit_at_any_depth():
    ends = [skips.growth(depth, depth**-0.5)[0] for depth in (1, 10, 100, 10_000)]
    assert np.all(np.diff(ends) > 0)
    assert ends[-1] == pytest.approx(exp(0.5), rel=1e-3)
    assert ends[-1] < exp(0.5)


def test_a_layer_norm_in_the_branch_turns_exponential_growth_into_a_root():
    """The product of 1 + a/(1 + l a) telescopes to 1 + L a."""
    assert skips.growth(50, 0.7, "LayerNorm")[0] == pytest.approx((1 + 50 * 0.49) ** 0.5)


def test_a_plain_batch_norm_network_explodes_by_yangs_factor_a_relu_layer():
    by_block = skips.growth(40, 1.0, "BatchNorm", relus=2, skip=0, start=skips.KEPT)
    assert (by_block[0]) ** (1 / 80) == pytest.approx((np.pi / (np.pi - 1)) ** 0.5)


def test_growth_takes_one_strength_for_each_block():
    ends = skips.growth(3, np.array([1.0, 0.0, 2.0]))
    np.testing.assert_allclose(ends**2, [10, 5, 5, 1])
    with pytest.raises(ValueError, match=r"strength of shape \(2,\).*3 of them"):
        skips.growth(3, np.ones(2))
    with pytest.raises(ValueError, match="'LayerNorm'"):
        skips.growth(3, 1.0, norm="Layernorm")


def test_growth_of_one_number_is_the_product_of_its_factors():
    np.testing.assert_allclose(skips.scalar_growth(50, 0.1)[0], 1.1**50)
    np.testing.assert_allclose(skips.scalar_growth(50, -0.9)[0], 0.1**50)
    np.testing.assert_allclose(skips.scalar_growth(2, np.array([1.0, -3.0])), [4, 2, 1])


@pytest.mark.parametrize("blocks", ["random matrices", "real network"])
@pytest.mark.parametrize("norm", skips.NORMS)
@pytest.mark.parametrize(("scale", "gain"), [("1", 0.5), ("1", 1.0), ("1/√D", 1.0)])
def test_measured_growth_follows_theory(blocks, norm, scale, gain):
    ratios = []
    for seed in range(5):
        found = skips.flow(blocks, 30, gain, scale, norm, seed)
        ratios.append(found.residual[0] / found.residual_theory[0])
    assert np.exp(np.mean(np.log(ratios))) == pytest.approx(1, abs=0.35)


def test_gradients_through_blocks_are_those_of_a_network_of_residual_layers():
    rng = np.random.default_rng(0)
    branches = [[ReLU(), Linear(6, 6, rng, dtype=np.float64)] for _ in range(4)]
    h, grad = rng.standard_normal((2, 5, 6))
    network = Network([Residual(*branch, scale=0.3) for branch in branches])
    network.forward(h)
    network.backward(grad)
    expected = [np.sqrt(np.mean(g**2)) for g in network.output_grads]
    np.testing.assert_allclose(skips.through_blocks(branches, h, lambda h: grad, 0.3), expected)
    stack = Network([layer for branch in branches for layer in branch])
    stack.forward(h)
    stack.backward(grad)
    expected = [np.sqrt(np.mean(g**2)) for g in stack.output_grads[::2]]
    np.testing.assert_allclose(skips.through_blocks(branches, h, lambda h: grad, skip=0), expected)


@pytest.mark.parametrize("blocks", skips.BLOCKS)
def test_a_gain_rescales_a_plain_network_exactly(blocks):
    one, other = (skips.flow(blocks, 10, gain, "1", "none", 0).plain for gain in (1.0, 0.1))
    np.testing.assert_allclose(other, one * 0.1 ** np.arange(10, -1, -1.0), rtol=1e-9)


def test_switched_off_branches_pass_the_gradient_on_untouched():
    for blocks in skips.BLOCKS:
        np.testing.assert_allclose(skips.flow(blocks, 20, 1.0, "0", "none", 0).residual, 1, rtol=1e-6)


def test_learned_scales_start_at_zero_and_move():
    courses = list(skips.learned_flow(8, 1.0, "none", 0))
    assert len(courses) == skips.STAGES + 1
    assert not courses[0].scales.any()
    np.testing.assert_allclose(courses[0].residual, 1, rtol=1e-5)
    assert np.all(courses[-1].scales != 0)
    assert 0.5 < courses[-1].residual[0] / courses[-1].residual_theory[0] < 2


# Paths


def test_path_lengths_are_binomial():
    expected = [comb(10, k) / 2**10 for k in range(11)]
    np.testing.assert_allclose(skips.path_lengths(10), expected)
    uneven = skips.path_lengths(3, [0.5, 0.1, 0.0])
    np.testing.assert_allclose(uneven, [0.45, 0.5, 0.05, 0])
    np.testing.assert_allclose(skips.path_lengths(0), [1])
    with pytest.raises(ValueError, match="share"):
        skips.path_lengths(3, 1.5)


def small(norm=None, depth=8, scale=1.0):
    network = residual_v2(64, 6, depth, 10, np.random.default_rng(0), norm, scale=scale, dtype=np.float64)
    digits = load_digits()
    skips.fix_statistics(network, digits.x_train[:50].astype(np.float64))
    return network, digits.x_train[:4].astype(np.float64), digits.y_train[:4]


@pytest.mark.parametrize("norm", [None, BatchNorm, LayerNorm])
def test_gradients_by_path_length_are_sums_over_subsets_of_blocks(norm):
    """Each path by itself, with the Jacobian of every branch as a matrix."""
    network, x, y = small(norm, scale=0.7)
    found = skips.gradients_by_path_length(network, x, y)
    _, grad = softmax_cross_entropy(network.forward(x, train=False), y)
    network.backward(grad)
    np.testing.assert_allclose(found.sum(axis=0), network.output_grads[1], rtol=1e-9)
    blocks = network.layers[1:4]
    for example in range(2):
        jacobians = []
        for block, h in zip(blocks, network.outputs[1:4], strict=True):
            block.forward(np.repeat(h[example : example + 1], 6, axis=0), train=False)
            jacobians.append(block.backward(np.eye(6)) - np.eye(6))  # row i is the gradient of output i
        top = network.output_grads[4][example]
        by_length = np.zeros((4, 6))
        for subset in range(8):
            path = top
            for i in (2, 1, 0):
                if subset >> i & 1:
                    path = path @ jacobians[i]
            by_length[subset.bit_count()] += path
        np.testing.assert_allclose(found[:, example], by_length, rtol=1e-8, atol=1e-14)


def test_a_network_without_blocks_has_one_path():
    network, x, y = small(depth=2)
    assert skips.gradients_by_path_length(network, x, y).shape == (1, 4, 6)


def test_paths_need_a_pre_activation_network():
    x, y = load_digits().x_train[:4], load_digits().y_train[:4]
    with pytest.raises(ValueError, match="residual blocks in a row"):
        skips.gradients_by_path_length(residual_v1(64, 6, 8, 10, np.random.default_rng(0)), x, y)


def test_at_the_start_the_gradient_takes_the_lengths_that_theory_says():
    digits = load_digits()
    network = residual_v2(64, 32, 42, 10, np.random.default_rng(0), BatchNorm)
    skips.fix_statistics(network, digits.x_train)
    found = skips.gradients_by_path_length(network, digits.x_train[:64], digits.y_train[:64])
    squares = (found.astype(np.float64) ** 2).sum(axis=(1, 2))
    measured = np.arange(21) @ squares / squares.sum()
    start = float(probes.batch_variance(network.layers[0].forward(digits.x_train)))
    parts = skips.branch_parts(20, 1.0, "BatchNorm", relus=2, start=start)
    assert measured == pytest.approx(parts.sum(), rel=0.2)
    assert parts.sum() < 5


def test_parts_without_a_norm_are_those_of_one_plus_g_squared():
    np.testing.assert_allclose(skips.branch_parts(4, 0.5), [0.2] * 4)


# Cuts


def test_a_residual_network_is_cut_by_blocks_and_a_plain_one_by_pairs_of_layers():
    residual = residual_v2(64, 6, 8, 10, np.random.default_rng(0), BatchNorm)
    straight = plain(64, 6, 8, 10, np.random.default_rng(0), BatchNorm)
    assert [list(piece) for piece in skips.pieces(residual)] == [[1], [2], [3]]
    assert [len(piece) for piece in skips.pieces(straight)] == [6, 6, 6]
    for network in (residual, straight):
        shorter = skips.without(network, [1])
        linear = sum(isinstance(one, Linear) for one in skips.every_layer(shorter.layers))
        assert linear == 6
        assert shorter.forward(np.ones((3, 64), np.float32)).shape == (3, 10)
        assert len(skips.lesions(network, np.ones((3, 64), np.float32), np.zeros(3, int))) == 3
    with pytest.raises(ValueError, match="cut=3 is out of range: from 0 to 2"):
        skips.without(residual, [3])


# Shattered gradients


@pytest.mark.parametrize(("scale", "norm"), [(None, None), (None, BatchNorm), (0.1, None), (1.0, BatchNorm)])
def test_input_gradients_are_slopes(scale, norm):
    network = skips.line_network(6, 20, np.random.default_rng(0), scale, norm)
    x = np.linspace(-2, 2, 256)
    found = skips.input_gradients(network, x)

    def y(at):
        return network.forward(at[:, None], train=False)[:, 0]

    slopes = (y(x + 1e-7) - y(x - 1e-7)) / 2e-7
    assert np.mean(np.isclose(found, slopes, rtol=1e-4, atol=1e-6)) > 0.98  # but where a ReLU bends


def test_autocorrelation():
    rng = np.random.default_rng(0)
    assert skips.autocorrelation(np.sin(np.linspace(0, 20, 2000)), 1) > 0.99
    assert abs(skips.autocorrelation(rng.standard_normal(2000), 1)) < 0.1
    assert skips.autocorrelation([1, -1] * 50, 1) == pytest.approx(-0.99)
    assert skips.autocorrelation(rng.standard_normal(9), 0) == pytest.approx(1)
    with pytest.raises(ValueError, match="the same everywhere"):
        skips.autocorrelation(np.ones(9), 1)
    with pytest.raises(ValueError, match="lag=9"):
        skips.autocorrelation(np.arange(9), 9)


def test_fixed_statistics_make_eval_mode_what_train_mode_was():
    network = residual_v2(64, 8, 6, 10, np.random.default_rng(0), BatchNorm)
    x = load_digits().x_train[:200]
    skips.fix_statistics(network, x)
    train, fixed = network.forward(x), network.forward(x, train=False)
    np.testing.assert_allclose(train, fixed, rtol=0.05, atol=0.05)  # the stored variance is the unbiased one
    momenta = {layer.momentum for layer in skips.every_layer(network.layers) if isinstance(layer, BatchNorm)}
    assert momenta == {0.1}


# Beyond the skip


def test_doubly_stochastic_matrices_are_closed_under_products():
    rng = np.random.default_rng(0)
    product = np.eye(4)
    for _ in range(60):
        mix = skips.doubly_stochastic(np.exp(rng.standard_normal((4, 4))))
        for axis in (0, 1):
            np.testing.assert_allclose(mix.sum(axis=axis), 1, atol=1e-4)
        assert np.linalg.norm(mix, 2) <= 1 + 1e-4
        product = mix @ product
    np.testing.assert_allclose(product.sum(axis=0), 1, atol=5e-3)
    np.testing.assert_allclose(product.sum(axis=1), 1, atol=5e-3)
    with pytest.raises(ValueError, match="positive"):
        skips.doubly_stochastic(np.zeros((2, 2)))


@pytest.mark.parametrize(("name", "norm"), [("BatchNorm", BatchNorm), ("LayerNorm", LayerNorm)])
def test_theory_starts_from_what_the_first_norm_divides_by(name, norm):
    """Over the batch for BatchNorm, over the features for LayerNorm: of the first layer's output."""
    network = residual_v2(64, 64, 2 + 2 * skips.DEEPEST, 10, np.random.default_rng(0), norm)
    h = network.layers[0].forward(load_digits().x_train[: skips.BATCH])
    size = probes.batch_variance(h) if norm is BatchNorm else probes.second_moment(h)
    expected = skips.growth(20, 1.0, name, relus=2, start=float(size))
    found = skips.flow("real network", 20, 1.0, "1", name, 0)
    np.testing.assert_allclose(found.residual_theory, expected, rtol=1e-6)
    assert probes.batch_variance(h) < 0.99 * probes.second_moment(h)  # so the two can be told apart


def test_the_theory_of_learned_scales_starts_there_too():
    *_, end = skips.learned_flow(5, 1.0, "LayerNorm", 0)
    network = residual_v2(64, 64, 2 + 2 * 5, 10, np.random.default_rng(0), LayerNorm, scale="learned")
    size = float(probes.second_moment(network.layers[0].forward(load_digits().x_train[: skips.BATCH])))
    near = skips.growth(5, end.scales, "LayerNorm", relus=2, start=size)
    far = skips.growth(5, end.scales, "LayerNorm", relus=2, start=1.0)
    assert abs(end.residual_theory[0] - near[0]) < abs(end.residual_theory[0] - far[0])
