"""The claims about residual connections, measured with the course's own code.

The golden figures are those of the popular notebook's own cell (`np.random.default_rng(0)`).
"""

import numpy as np
import pytest

from helpers import probes
from helpers.chapters.residual import degradation, paths, skips
from helpers.data import load_digits
from helpers.layers import BatchNorm, Linear, Residual
from helpers.losses import softmax_cross_entropy
from helpers.network import residual_v1, residual_v2
from tests.text import lesson

SEEDS = range(5)
said = lesson("04_residual_connections")
claimed = lesson("claims")


def typical(values):
    return np.exp(np.mean(np.log(values)))


def popular_cell(seed):
    """Start, plain and residual norm of one gradient through 50 random Jacobians of variance 0.7/64."""
    rng = np.random.default_rng(seed)
    jacobians = rng.standard_normal((50, 64, 64)) * np.sqrt(0.7 / 64)
    start = plain = residual = rng.standard_normal((1, 64))
    for j in jacobians[::-1]:
        plain = plain @ j.T
        residual = residual @ (np.eye(64) + j).T
    return [np.linalg.norm(g) for g in (start, plain, residual)]


def test_golden_numbers_of_the_popular_cell():
    np.testing.assert_allclose(popular_cell(0), [7.925, 8.92e-4, 944_821], rtol=1e-3)


def test_a_skip_does_not_stay_bounded():
    """×119,000 in the popular cell; (1 + 0.7)²⁵ = 577,000 in the root mean square over draws."""
    start, _, end = popular_cell(0)
    assert end / start == pytest.approx(119_000, rel=0.01)
    found = [popular_cell(seed) for seed in range(40)]
    mean_square = np.mean([(end / start) ** 2 for start, _, end in found])
    assert np.sqrt(mean_square) == pytest.approx(1.7**25, rel=0.6)
    assert min(end / start for start, _, end in found) > 1e4


@pytest.mark.parametrize("gain", [0.3, 0.5, 0.7, 1.0])
def test_growth_is_one_plus_g_squared_and_not_one_plus_g(gain):
    ends = [skips.flow("random matrices", 50, gain, "1", "none", seed).residual[0] for seed in SEEDS]
    assert typical(ends) == pytest.approx((1 + gain**2) ** 25, rel=0.35)
    assert typical(ends) < (1 + gain) ** 50 / 50


def test_growth_of_a_half_over_50_blocks_is_265():
    assert skips.growth(50, 0.5)[0] == pytest.approx(265, abs=0.5)


def test_fifty_times_1_1_is_growth_and_minus_nine_tenths_vanishes():
    assert np.prod(np.full(50, 1 + 0.1)) == pytest.approx(117.4, abs=0.05)
    slope = claimed("claim-res-fifty-times", "with $F' = -0.9$")
    assert np.prod(np.full(50, 1 + slope)) == pytest.approx(1e-50)


def test_the_bare_identity_is_there_and_drowns():
    assert skips.path_lengths(50, 0.2)[0] == pytest.approx(1.4e-5, rel=0.02)
    cancelled = Residual(Linear(4, 4, np.random.default_rng(0), lambda i, o, rng, dtype: -np.eye(i)))
    cancelled.forward(np.ones((2, 4)))
    assert not cancelled.backward(np.ones((2, 4))).any()


# 56 layers worse than 20


@pytest.fixture(scope="module")
def trained():
    """Five networks a build; 14 epochs at η = 0.03 as in the lesson, and plain at 0.003."""
    found = degradation.compare(["plain + BN", "residual + BN"], [20, 56], seeds=SEEDS)
    slow = degradation.compare(["plain"], [20, 56], lr=0.003, seeds=SEEDS)
    yield {**found, **slow}
    degradation.training.cache_clear()


def test_plain_56_fits_its_training_data_worse_than_plain_20(trained):
    depths = [int(name.split(", ")[1]) for name in trained if name.startswith("plain + BN")]
    assert (max(depths), min(depths)) == claimed(
        "claim-res-frozen", "56-layer network performed worse than the 20-layer"
    )
    shallow, deep = (trained[f"plain + BN, {depth}"].train_error for depth in (20, 56))
    assert shallow.max() < 0.4 < 0.6 < deep.min()
    assert np.median(shallow) == pytest.approx(0.1, abs=0.06)
    assert np.median(deep) > 0.75


def test_errors_of_the_lessons_comparison(trained):
    error = {name: np.median(course.train_error) for name, course in trained.items()}
    assert error["plain + BN, 20"] == pytest.approx(said("explain-compare", "about 10%"), abs=0.04)
    assert error["plain + BN, 56"] > said("explain-compare", "more than 80%") - 0.01
    assert error["residual + BN, 56"] < said("explain-compare", "under 1%")
    assert np.median(trained["plain + BN, 56"].moved) > 2000


def test_with_skips_depth_costs_nothing(trained):
    depths = 20, 56
    assert min(depths) == claimed("claim-res-twenty-layers", "beyond ~20 layers")
    for depth in depths:
        assert np.median(trained[f"residual + BN, {depth}"].train_error) < 0.01


def test_it_is_not_overfitting(trained):
    deep = trained["plain + BN, 56"]
    assert np.median(deep.test_error - deep.train_error) < 0.1
    assert np.median(deep.train_error) > 0.5


def test_it_is_not_vanishing_gradients(trained):
    """With BatchNorm they explode at the start; without it they stay near 1, and the network still fails."""
    deep = trained["plain + BN, 56"]
    assert deep.ratio[0].min() > 5e3
    assert np.median(deep.ratio[1:]) > 0.05
    assert np.median(deep.moved) > 500  # nothing is frozen
    slow = trained["plain, 56"]
    assert 0.1 < np.median(slow.ratio[0]) < 10
    assert 0.1 < np.median(slow.ratio[-1]) < 10
    assert np.median(slow.train_error) > np.median(trained["plain, 20"].train_error) + 0.2


def test_the_candidates_do_not_separate_failure_from_success():
    """Inputs look alike before training in the plain network of 56 layers, and nearly so in that of 20."""
    shallow, deep = (degradation.Epochs("plain", d, "1", 0.03, tuple(SEEDS)).course(0) for d in (20, 56))
    assert np.median(deep.alike) > 0.99
    assert np.median(shallow.alike) > 0.9


# Blocks


def trunk_ratio(build, norm, seed):
    digits = load_digits()
    x, y = digits.x_train[:64], digits.y_train[:64]
    network = build(64, 32, 56, 10, np.random.default_rng(seed), norm)
    _, grad = softmax_cross_entropy(network.forward(x), y)
    network.backward(grad)
    norms = probes.gradient_norms(network, of="z")
    return norms[1] / norms[-2]


def test_pre_activation_is_the_gentler_block():
    v1, v2 = ([trunk_ratio(build, BatchNorm, s) for s in SEEDS] for build in (residual_v1, residual_v2))
    assert typical(v1) == pytest.approx(30, rel=0.5)
    assert typical(v2) == pytest.approx(14, rel=0.5)
    assert typical(v1) > 1.3 * typical(v2)


def test_without_a_norm_and_without_a_scale_both_blocks_explode():
    for build in (residual_v1, residual_v2):
        assert min(trunk_ratio(build, None, seed) for seed in SEEDS) > 1e3


# Ensembles


def test_the_gradient_takes_short_paths():
    digits = load_digits()
    means = {}
    for epochs in (0, 7):
        found = []
        for seed in range(3):
            network = paths.studied("residual + BN", 27, seed, epochs).network
            parts = skips.gradients_by_path_length(network, digits.x_train[:32], digits.y_train[:32])
            squares = (parts.astype(np.float64) ** 2).sum(axis=(1, 2))
            found.append(np.arange(28) @ squares / squares.sum())
        means[epochs] = found
    assert np.mean(means[0]) == pytest.approx(4.7, abs=0.8)
    assert max(means[7]) < 3.5 < min(means[0])


# Shattered gradients


def likeness(depth, **kind):
    line, found = np.linspace(-2, 2, 256), []
    for seed in range(12):
        network = skips.line_network(depth, 100, np.random.default_rng(seed), **kind)
        found.append(skips.autocorrelation(skips.input_gradients(network, line), 4))
    return np.median(found)


def test_gradients_shatter_with_depth_and_not_with_small_branches():
    plain = [likeness(depth) for depth in (2, 24, 50)]
    assert plain[0] > 0.88
    assert plain[0] - 0.1 > plain[1] > plain[2] > 0.4
    assert likeness(50, scale=0.1) > 0.87
    assert abs(likeness(50, norm=BatchNorm)) < 0.1
