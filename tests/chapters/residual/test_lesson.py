"""Every number that the text of chapter 4 states, measured again over several seeds.

The names follow the sections of the lesson. What the claim checks say is in tests/test_claims_residual.py.
"""

import numpy as np
import pytest

from helpers import degradation_lab, gradient_flow, paths, probes
from helpers.chapters.residual import degradation, skips
from helpers.data import load_digits
from helpers.initializers import orthogonal
from helpers.layers import BatchNorm, LayerNorm
from helpers.losses import softmax_cross_entropy
from helpers.network import plain, residual_v1, residual_v2, stack
from helpers.optimizers import SGD
from helpers.training import evaluate, train

SEEDS = range(5)
DIGITS = load_digits()


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    skips.clear()
    degradation.training.cache_clear()
    degradation.single.cache_clear()


def test_play_first():
    assert gradient_flow().result.residual[0] == pytest.approx(290, rel=0.1)
    assert 7 < np.log10(gradient_flow(gain=1.0).result.residual[0]) < 8.2


def test_1_a_block_whose_branch_is_off_is_the_identity_exactly():
    h, grad = np.random.default_rng(0).standard_normal((2, 4, 8))
    zero = np.zeros((8, 8))
    assert np.array_equal(h + np.maximum(h, 0) @ zero, h)
    assert np.array_equal(grad + (grad @ zero.T) * (h > 0), grad)


def test_2_measured_growth_agrees_with_theory_within_about_a_quarter():
    for gain in (0.1, 0.3, 0.5, 0.7, 1.0):
        found = skips.flow("random matrices", 50, gain, "1", "none", 0)
        assert found.residual[0] == pytest.approx((1 + gain**2) ** 25, rel=0.28)
    assert pytest.approx(33e6, rel=0.02) == 2.0**25


def test_3_one_over_root_l_never_passes_the_root_of_e():
    for depth in (10, 100, 1000, 100_000):
        assert (1 + 1 / depth) ** (depth / 2) < np.e**0.5
    assert np.e**0.5 == pytest.approx(1.65, abs=0.002)


@pytest.mark.parametrize(
    ("scale", "norm", "low", "high"),
    [
        (1.0, None, 3e6, 1e9),
        (1.0, BatchNorm, 3, 100),
        (1.0, LayerNorm, 3, 100),
        (50**-0.5, None, 1, 3),
        ("learned", None, 1 - 1e-5, 1 + 1e-5),
    ],
)
def test_3_three_repairs_of_a_real_network(scale, norm, low, high):
    x, y = DIGITS.x_train[:64], DIGITS.y_train[:64]
    for seed in SEEDS:
        network = residual_v2(64, 64, 102, 10, np.random.default_rng(seed), norm, scale=scale)
        _, grad = softmax_cross_entropy(network.forward(x), y)
        network.backward(grad)
        norms = probes.gradient_norms(network, of="z")[1:-1]
        assert len(norms) == 51
        assert low <= norms[0] / norms[-1] <= high


def training_error(networks, lr, seeds):
    nets = stack(networks)
    optimizer = SGD(nets.layers, lr, momentum=0.9)
    train(nets, optimizer, DIGITS.x_train, DIGITS.y_train, 154, 64, seed=list(seeds), progress=False)
    return 1 - evaluate(nets, DIGITS.x_train, DIGITS.y_train)[1]


def test_4_the_second_block_learns_faster():
    v1, v2 = (
        training_error([b(64, 32, 56, 10, np.random.default_rng(s), BatchNorm) for s in SEEDS], 0.03, SEEDS)
        for b in (residual_v1, residual_v2)
    )
    assert np.median(v1) == pytest.approx(0.06, abs=0.03)
    assert v2.max() < 0.015
    assert v2.max() < v1.min()


def test_5_the_lab_as_it_opens():
    r = degradation_lab().result
    assert r.deep.train_error[0] > 0.75
    assert r.shallow.train_error[0] == pytest.approx(0.25, abs=0.1)
    assert r.deep.ratio[0, 0] == pytest.approx(5e4, rel=0.1)
    assert 0.05 < r.deep.ratio[1, 0] < 20


def test_5_errors_and_curves_of_the_comparison():
    found = degradation.compare(["plain + BN", "residual + BN"], [20, 56], seeds=(0, 1, 2))
    last = {name: np.median(course.loss[-22:].mean(axis=0)) for name, course in found.items()}
    assert last["plain + BN, 56"] == pytest.approx(2.2, abs=0.15)
    assert last["plain + BN, 20"] == pytest.approx(0.5, abs=0.25)
    for depth in (20, 56):
        assert last[f"residual + BN, {depth}"] == pytest.approx(0.03, abs=0.025)
        assert np.median(found[f"residual + BN, {depth}"].test_error) == pytest.approx(0.02, abs=0.02)
    assert np.median(found["plain + BN, 56"].moved) > 2000


def test_5_without_bn_and_at_the_labs_rate_plain_56_collapses_and_then_its_gradient_is_gone():
    fast = degradation.compare(["plain"], [56], epochs=7, seeds=SEEDS)["plain, 56"]
    assert fast.train_error.min() > 0.8
    assert np.median(fast.alike) > 0.99
    assert np.all(fast.ratio[0] > 0.01)  # at the start it is there
    assert 1e-7 < np.median(fast.ratio[-1]) < 2e-3
    assert np.all(fast.ratio[-1] < fast.ratio[0] / 10)


def test_6_lengths_and_cuts():
    start = paths(depth=27, network="at the start").result
    assert start.mean_length == pytest.approx(5, abs=0.8)
    assert np.arange(28) @ start.paths == pytest.approx(13.5)
    trained = [paths(depth=27, seed=seed).result.mean_length for seed in range(3)]
    assert np.mean(trained) == pytest.approx(2, abs=0.5)
    for seed in range(3):
        r = paths(depth=9, seed=seed).result
        assert np.median(r.residual.lesions) > 0.9
        assert np.median(r.plain.lesions) < 0.3


def test_8_56_layers_learn_without_skips_and_without_norms():
    nets = [plain(64, 32, 56, 10, np.random.default_rng(s), act="tanh", init=orthogonal) for s in SEEDS]
    assert training_error(nets, 0.01, SEEDS).max() < 0.15


def test_9_free_mixing_grows_and_doubly_stochastic_mixing_does_not():
    ends = {True: [], False: []}
    for seed in range(20):
        for tied in ends:
            rng, product = np.random.default_rng(seed), np.eye(4)
            for _ in range(60):
                h = np.eye(4) + 0.3 * rng.standard_normal((4, 4))
                product = (skips.doubly_stochastic(np.exp(4 * h)) if tied else h) @ product
            ends[tied].append(np.abs(product).sum(axis=1).max())
    assert np.median(ends[False]) > 100 and max(ends[False]) > 1e4
    np.testing.assert_allclose(ends[True], 1, atol=0.05)  # the rows are balanced to this, not exactly
