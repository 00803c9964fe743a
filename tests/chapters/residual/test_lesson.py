"""Every number that the text of chapter 4 states, measured again over several seeds.

The names follow the sections of the lesson, and `said` reads the number out of its sentence. What the claim
checks say is in test_claims.py. A training is chaotic: what the text says of one is a range, or a median.
"""

import inspect

import numpy as np
import pytest

from helpers import degradation_lab, paths, probes
from helpers.chapters.residual import blocks, degradation, skips
from helpers.chapters.residual.blocks import growth, pre_ln, quiet, sgd, training_error, transformer, v1, v2
from helpers.chapters.residual.paths import KINDS, studied
from helpers.data import load_digits
from helpers.digits import BATCH
from helpers.initializers import orthogonal
from helpers.layers import BatchNorm, Linear, ReLU, Residual, every_layer
from helpers.network import plain, residual_v2
from helpers.optimizers import linear_decay, warmup
from tests.text import asked, lesson

SEEDS = range(5)
LINE = np.linspace(-2, 2, 256)
TEN = range(10)
DIGITS = load_digits()
said = lesson("04_residual_connections")


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    skips.clear()
    degradation.training.cache_clear()
    degradation.single.cache_clear()


def test_play_first_the_lab_as_it_opens():
    r = degradation_lab().result
    assert (r.shallow.loss.shape, r.deep.loss.shape) == ((154, 1), (154, 1))
    assert r.deep.train_error[0] > said("explain-lab", "more than 80%")
    assert r.shallow.train_error[0] == pytest.approx(said("explain-lab", "about a quarter"), abs=0.1)
    assert r.deep.ratio[0, 0] == pytest.approx(said("explain-lab", "some 50,000 times"), rel=0.1)
    assert 0.05 < r.deep.ratio[1, 0] < 20


@pytest.mark.parametrize("scale", [0.0, "learned"])
def test_1_a_block_whose_branch_is_off_is_the_identity_exactly(scale):
    """As the lesson's is with a zero matrix, our layer is with scale 0, and where a learned scale starts."""
    block = Residual(ReLU(), Linear(8, 8, np.random.default_rng(0)), scale=scale)
    h, grad = np.random.default_rng(1).standard_normal((2, 4, 8), dtype=np.float32)
    np.testing.assert_array_equal(block.forward(h), h)
    np.testing.assert_array_equal(block.backward(grad), grad)


def test_1_a_network_whose_branches_are_off_hands_its_gradient_on():
    for build, norm in ((residual_v2, BatchNorm), (residual_v2, None)):
        network = build(64, 32, 22, 10, np.random.default_rng(0), norm, scale=0.0)
        trunk, grads = trunk_gradients(network)
        assert all(np.array_equal(h, trunk[0]) for h in trunk)
        assert all(np.array_equal(grad, grads[-1]) for grad in grads)


def trunk_gradients(network):
    """The trunk in front of each block and behind the last, and the gradients there, for 64 digits."""
    growth(network)
    places = probes.block_places(network)
    places = [*places, places[-1] + 1]
    return [network.outputs[i] for i in places], [network.output_grads[i] for i in places]


def test_1_a_block_that_is_off_can_wake_up():
    """A zero matrix gets a gradient, and both gradients of the lesson's block are those of our layer."""
    rng = np.random.default_rng(0)
    h, grad = rng.standard_normal((2, 4, 8))
    for w in (np.zeros((8, 8)), rng.standard_normal((8, 8))):
        linear = Linear(8, 8, rng, lambda i, o, rng, dtype, w=w: w, bias=False, dtype=np.float64)
        block = Residual(ReLU(), linear)
        block.forward(h)
        np.testing.assert_allclose(block.backward(grad), grad + (grad @ w.T) * (h > 0))
        np.testing.assert_allclose(linear.grads["weight"], np.maximum(h, 0).T @ grad)
        assert linear.grads["weight"].any()


def test_1_fifty_numbers():
    assert skips.scalar_growth(50, 0.1)[0] == pytest.approx(said("explain-scalar", "make **117**"), rel=0.01)
    assert skips.scalar_growth(1, 0.1)[0] == pytest.approx(1 + said("explain-scalar", "adds 10%"))
    assert skips.scalar_growth(1, -0.9, skip=0)[0] == said("explain-scalar", "a factor of 0.9 in size")
    assert skips.scalar_growth(1, -0.9)[0] == pytest.approx(said("explain-scalar", "into 0.1,"))


def test_2_the_popular_cell():
    rng = np.random.default_rng(0)
    jacobians = rng.standard_normal((50, 64, 64)) * np.sqrt(0.7 / 64)
    start = plainly = skipping = rng.standard_normal((1, 64))
    for j in jacobians[::-1]:
        plainly, skipping = plainly @ j.T, skipping + skipping @ j.T
    first, last = np.linalg.norm(start), np.linalg.norm(skipping)
    assert (first, last) == pytest.approx(said("explain-matrices", "From 7.9 to **945,000**"), rel=0.01)
    assert last / first == pytest.approx(said("explain-matrices", "factor of 119,000"), rel=0.01)
    assert first / np.linalg.norm(plainly) == pytest.approx(
        said("explain-matrices", "factor of 9,000"), rel=0.05
    )


def test_2_measured_growth_agrees_with_theory_within_about_a_quarter():
    for gain in (0.1, 0.3, 0.5, 0.7, 1.0):
        found = skips.flow("random matrices", 50, gain, "1", "none", 0)
        assert found.residual[0] == pytest.approx((1 + gain**2) ** 25, rel=0.28)
    assert skips.growth(50, 0.5)[0] == pytest.approx(said("explain-growth", "×265"), abs=0.5)
    assert skips.growth(50, 1.0)[0] == pytest.approx(said("explain-growth", "×33 million"), rel=0.02)
    share = skips.path_lengths(50, 0.2)[0]
    assert share == pytest.approx(said("explain-identity-share", "14 millionths"), rel=0.03)


def test_3_one_over_root_l_never_passes_the_root_of_e():
    for depth in (10, 100, 1000, 100_000):
        assert (1 + 1 / depth) ** (depth / 2) < np.e**0.5


@pytest.mark.parametrize(
    ("scale", "norm", "low", "high"),
    [
        ("1", "none", 1e7, 1e9),
        ("1", "BatchNorm", 3, "under 100"),
        ("1", "LayerNorm", 3, "under 100"),
        ("1/√D", "none", 1, "below 2"),
        ("0", "none", 1, 1),
    ],
)
def test_3_three_repairs_of_a_real_network(scale, norm, low, high):
    limits = {"under 100": said("explain-tamed", "under 100"), "below 2": said("explain-tamed", "below 2")}
    for seed in SEEDS:
        flow = skips.flow("real network", 50, 1.0, scale, norm, seed)
        assert low <= flow.residual[0] <= limits.get(high, high)


def test_3_a_learned_scale_starts_where_scale_0_is():
    network = residual_v2(64, 64, 102, 10, np.random.default_rng(0), scale="learned")
    assert growth(network) == pytest.approx(1, abs=1e-5)


# Section 4: trainings of 56 layers


quiet_v1, quiet_pre_ln = quiet(v1, "gamma", 0), quiet(pre_ln, "weight", 27**-0.5)


def test_4_v1_errs_after_154_steps_where_v2_hardly_does_and_a_quiet_start_makes_it_as_good():
    loud, second, silent = (training_error(build, seeds=SEEDS) for build in (v1, v2, quiet_v1))
    assert np.median(loud) == pytest.approx(said("explain-both", "v1 is wrong on about 6%"), abs=0.025)
    assert second.max() <= said("explain-both", "v2 on 1% at most") + 0.004
    assert silent.max() < said("explain-quiet", "less than 2%")
    assert max(second.max(), silent.max()) < loud.min()


def test_4_what_is_trained_and_how_long():
    for build in (v1, v2):
        found = every_layer(build(np.random.default_rng(0)).layers)
        assert sum(isinstance(layer, Linear) for layer in found) == said("two-blocks", "Train 56 layers")
    steps = inspect.signature(training_error).parameters["steps"].default
    assert steps == said("two-blocks", "for 154 steps")
    assert said("explain-root-l", "shown 64 digits") == BATCH
    assert blocks.adam([Linear(1, 1, np.random.default_rng(0))]).lr == said("warm-up", "η = 0.005")


def test_4_a_quiet_start_helps_in_the_first_epoch():
    loud, silent = (training_error(build, steps=22, seeds=SEEDS) for build in (v1, quiet_v1))
    assert np.median(loud) == pytest.approx(said("explain-quiet", "on about 70%"), abs=0.12)
    assert np.median(silent) == pytest.approx(said("explain-quiet", "on about 17%"), abs=0.05)
    usual, divided = (training_error(build, steps=22, seeds=SEEDS) for build in (pre_ln, quiet_pre_ln))
    assert np.median(divided) < 0.75 * np.median(usual)
    usual, divided = (training_error(build, seeds=SEEDS) for build in (pre_ln, quiet_pre_ln))
    assert max(np.median(usual), np.median(divided)) < 0.01


def test_4_gradients_of_quiet_starts_are_level():
    grown = {
        build: [growth(build(np.random.default_rng(seed))) for seed in TEN]
        for build in (v1, quiet_v1, pre_ln, quiet_pre_ln)
    }
    assert np.median(grown[v1]) == pytest.approx(said("explain-quiet", "a factor of about 30"), rel=0.15)
    assert min(grown[quiet_v1]) > 0.6
    assert max(grown[quiet_v1]) < 1
    assert np.median(grown[pre_ln]) == pytest.approx(said("explain-quiet", "a factor of about 5,"), rel=0.15)
    assert max(grown[quiet_pre_ln]) < 1.05 * 2**0.5
    assert skips.growth(27, 27**-0.5, "LayerNorm")[0] == pytest.approx(2**0.5)


def test_4_post_ln_keeps_no_untouched_copy():
    low, high = said("explain-post-ln", "Some $10^{-8}$ to $10^{-7}$")
    for seed in TEN:
        factor = blocks.identitys_factor(seed=seed)
        assert factor ** (1 / 50) == pytest.approx(0.5**0.5, abs=0.03)
        assert low <= factor <= 2 * high


def test_4_post_ln_needs_warmup_and_pre_ln_does_not():
    def error(norm, schedule=None):
        return training_error(transformer(norm), blocks.adam, schedule=schedule, seeds=TEN)

    constant, warm, both = (
        error("after", schedule) for schedule in (None, warmup(0.3), warmup(0.3, linear_decay))
    )
    pre = error("before")
    medians = [np.median(one) for one in (constant, warm, both, pre)]
    told = [
        said("explain-warmup", "80% wrong"),
        said("explain-warmup", "40% with warmup,"),
        said("explain-warmup", "20% with warmup and decay"),
    ]
    assert medians[:3] == pytest.approx(told, abs=0.1)
    assert medians[3] == pytest.approx(said("explain-warmup", "1% with pre-LN"), abs=0.01)
    assert (warm.min(), warm.max()) == pytest.approx(said("explain-warmup", "from 14 to 67%"), abs=0.2)
    assert np.mean(constant > 2 / 3) >= 0.7
    assert pre.max() < both.min()


def test_4_gradients_near_the_output_are_larger_in_post_ln():
    def last_weights(norm, seed):
        network = transformer(norm)(np.random.default_rng(seed))
        growth(network)
        block = next(layer for layer in network.layers[::-1] if isinstance(layer, Residual))
        return np.linalg.norm(block.layers[-1].grads["weight"])

    ratios = [last_weights("after", seed) / last_weights("before", seed) for seed in TEN]
    assert np.median(ratios) > 3


def test_4_a_decay_slows_small_steps_down():
    lr = said("explain-warmup", "v2 with η = 0.01")
    constant, decayed = (
        training_error(v2, lambda layers: sgd(layers, lr), schedule=schedule, seeds=TEN)
        for schedule in (None, linear_decay)
    )
    assert np.median(constant) == pytest.approx(said("explain-warmup", "about 3%"), abs=0.01)
    assert np.median(decayed) == pytest.approx(said("explain-warmup", "about 10%"), abs=0.03)


# Section 5


def test_5_without_bn_and_at_the_labs_rate_most_of_plain_56_collapse_and_then_the_gradient_is_gone():
    """Of ten networks: one may diverge, and up to three keep some difference between their inputs."""
    fast = degradation.compare(["plain"], [56], epochs=7, seeds=TEN)["plain, 56"]
    assert fast.train_error.min() > 0.6  # those that have not collapsed are no good either
    assert np.median(fast.train_error) == pytest.approx(0.89, abs=0.02)
    assert np.mean(fast.alike > 0.99) >= 0.6  # nan is not
    assert np.all(fast.ratio[0] > 0.01)  # at the start it is there
    finite = ~fast.overflowed
    assert finite.sum() >= 7
    assert np.median(fast.ratio[-1, finite]) < said("explain-larger-rate", "less than a thousandth")


def test_5_inputs_look_alike_before_training():
    alike = {
        depth: np.median(degradation.Epochs("plain", depth, "1", 0.03, tuple(TEN)).course(0).alike)
        for depth in (20, 56)
    }
    assert alike[56] == pytest.approx(said("explain-larger-rate", "a cosine of 0.998"), abs=0.001)
    assert alike[20] == pytest.approx(said("explain-larger-rate", "begins at 0.94"), abs=0.01)


def test_5_six_more_layers_double_the_epochs_and_with_skips_they_cost_nothing():
    def epochs(kind, depth):
        loss = degradation.training(kind, depth, seeds=tuple(SEEDS)).course(24).loss
        below = loss.reshape(24, 22, len(SEEDS)).mean(axis=1) < 0.5
        return np.where(below.any(axis=0), 1 + below.argmax(axis=0), np.inf)

    eight, fourteen, twenty = (epochs("plain + BN", depth) for depth in (8, 14, 20))
    assert np.median(eight) == said("convergence", "takes 3 epochs")
    low, high = said("convergence", "6 or 7")
    assert low - 1 <= np.median(fourteen) <= high
    assert np.median(twenty) == pytest.approx(said("explain-convergence", "about 14 epochs"), abs=3)
    low, high = said("explain-convergence", "11 to 21 in single networks")
    assert low - 3 <= twenty.min()
    assert np.sort(twenty)[-2] <= high + 2
    assert 1.5 < np.median(twenty) / np.median(fourteen) < 3.3
    assert said("explain-convergence", "6 more layers") == 20 - 14
    assert np.median(epochs("residual + BN", 20)) == said("explain-convergence", "With skips it is 3")


# Sections 6 to 9


def test_6_the_answers_of_the_prediction_of_paths():
    start = paths(depth=27, network="at the start").result
    assert 2.0 ** (len(start.paths) - 1) == pytest.approx(
        asked("predict-res-paths", "134 million"), rel=0.005
    )
    assert start.mean_length == pytest.approx(asked("predict-res-paths", "About 5"), abs=0.8)
    trained = [paths(depth=27, seed=seed).result.mean_length for seed in range(5)]
    low, high = asked("predict-res-paths", "between 2 and 3")
    assert low < np.mean(trained) < high


def test_6_lengths_and_cuts():
    start = paths(depth=27, network="at the start").result
    assert start.mean_length == pytest.approx(said("explain-paths", "around 5"), abs=0.8)
    trained = [paths(depth=27, seed=seed).result.mean_length for seed in range(3)]
    assert 1.5 < np.median(trained) < 3.5  # two or three blocks
    assert max(trained) < start.mean_length - 1
    cuts = {kind: [studied(kind, 9, seed, 7) for seed in range(3)] for kind in KINDS}
    residual, cut = cuts["residual + BN"], [net.lesions for net in cuts["plain + BN"]]
    assert np.median([net.lesions for net in residual]) > said("explain-cut", "more than 90%")
    assert np.median([int(np.argmin(net.lesions)) for net in residual]) <= 1
    assert np.median(cut) < 0.2  # guessing, or nearly
    assert np.max(cut) < 0.35


def test_6_two_blocks_by_hand():
    shares = np.convolve([1, said("explain-cut", "with $g^2 = 0.25$")], [1, 1])
    assert list(shares) == [1, 1.25, 0.25]
    assert shares.sum() == said("explain-cut", "The sum is 2.5")
    assert list(shares / shares.sum()) == pytest.approx(said("explain-cut", "are 0.4, 0.5 and 0.1"))
    np.testing.assert_allclose(skips.path_lengths(2, [0.2, 0.5]), shares / shares.sum())


def likeness(depth, seeds, **kind):
    slopes = [skips.slopes(LINE, int(depth), seed=seed, **kind) for seed in range(int(seeds))]
    return np.array([skips.autocorrelation(slope, 4) for slope in slopes])


def test_7_the_median_of_the_table_is_over_12_networks():
    assert skips.likeness(LINE, 24, lag=4) == np.median(
        likeness(24, said("explain-autocorrelation", "Medians of 12 networks"))
    )


def test_7_the_slope_carried_along_is_that_of_the_backward_pass():
    """The lesson's rule for d = ∂h/∂x, against `input_gradients`."""
    network = skips.line_network(10, 20, np.random.default_rng(0), scale=0.3)
    first, *rest, last = network.layers
    h = np.outer(LINE, first.params["weight"]) + first.params["bias"]
    d = np.tile(first.params["weight"], (len(LINE), 1))
    for block in rest:
        w = block.layers[-1].params["weight"]
        h, d = h + 0.3 * np.maximum(h, 0) @ w, d + 0.3 * (d * (h > 0)) @ w
    np.testing.assert_allclose(d @ last.params["weight"][:, 0], skips.input_gradients(network, LINE))


def test_7_shallow_networks_norms_and_small_branches_keep_their_likeness():
    near = said("explain-autocorrelation", "all are near 0.9.")
    for kind in ({}, {"norm": BatchNorm}, {"scale": 0.1}):
        assert np.median(likeness(2, 12, **kind)) == pytest.approx(near, abs=0.06)
    small = likeness(50, 12, scale=0.1)
    assert np.median(small) == pytest.approx(said("explain-autocorrelation", "it stays near 0.9"), abs=0.06)
    assert abs(np.median(likeness(50, 12, norm=BatchNorm))) < 0.1


def test_8_56_layers_learn_without_skips_and_without_norms():
    def build(rng):
        return plain(64, 32, 56, 10, rng, act="tanh", init=orthogonal)

    assert training_error(build, lambda layers: sgd(layers, 0.01), seeds=SEEDS).max() < 0.15


def test_further_free_mixing_grows_and_doubly_stochastic_mixing_does_not():
    free, tied = (
        np.array([skips.largest_row_sums(tie, seed) for seed in range(20)]) for tie in (False, True)
    )
    assert free.shape[1] == said("beyond", "problem: 60 blocks") == said("beyond", "product of 60 such")
    assert np.median(free[:, -1]) > 100 and free[:, -1].max() > 1e4
    np.testing.assert_allclose(tied, 1, atol=0.05)  # the rows are balanced to this, not exactly


def test_break_it_1_a_minus_grows_as_well():
    rng = np.random.default_rng(0)
    jacobians = rng.standard_normal((50, 64, 64)) * np.sqrt(0.7 / 64)
    start = minus = plus = rng.standard_normal((1, 64))
    for j in jacobians[::-1]:
        minus, plus = minus - minus @ j.T, plus + plus @ j.T
    grown, usual = (np.linalg.norm(v) / np.linalg.norm(start) for v in (minus, plus))
    assert grown == pytest.approx(said("break-it", "a factor of 466,000"), rel=0.01)
    assert usual == pytest.approx(said("break-it", "instead of 119,000"), rel=0.01)


def test_break_it_2_a_loud_skip_shatters_in_part():
    deep = likeness(said("break-it", "likeness at 50 layers"), 24, scale=1.0)
    assert len(deep) == 24
    assert np.median(deep) == pytest.approx(said("break-it", "is about 0.6"), abs=0.08)
    assert np.median(likeness(50, 24, scale=0.1)) == pytest.approx(said("break-it", "of 0.9:"), abs=0.05)


def test_break_it_3_without_a_norm_the_branches_need_a_scale():
    assert np.log(10) == pytest.approx(said("break-it", "guessing gives 2.3"), abs=0.01)
    loud, silent = (
        degradation.compare(["residual"], [56], epochs=3, scale=scale, seeds=SEEDS)["residual, 56"]
        for scale in ("1", "1/√D")
    )
    assert loud.loss[0].min() > 200 and loud.loss[0].max() < 1e5
    assert np.median(loud.train_error) > 0.85
    low, high = said("break-it", "begins at 3 to 5")
    assert low < silent.loss[0].min() and silent.loss[0].max() < high
    assert silent.train_error.max() < said("break-it", "less than 8%")
