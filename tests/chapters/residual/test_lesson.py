"""Every number that the text of chapter 4 states, measured again over several seeds.

The names follow the sections of the lesson, and `said` reads the number out of its sentence. What the claim
checks say is in test_claims.py. A training is chaotic: what the text says of one is a range, or a median.
"""

import numpy as np
import pytest

from helpers import degradation_lab, gradient_flow, paths, probes
from helpers.chapters.residual import degradation, skips
from helpers.data import load_digits
from helpers.initializers import orthogonal
from helpers.layers import BatchNorm, LayerNorm, Linear, ReLU, Residual
from helpers.losses import softmax_cross_entropy
from helpers.network import Network, plain, residual_v1, residual_v2, stack
from helpers.optimizers import SGD, Adam, linear_decay, warmup
from helpers.training import evaluate, train
from tests.text import lesson

SEEDS = range(5)
TEN = range(10)
DIGITS = load_digits()
said = lesson("04_residual_connections")


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    skips.clear()
    degradation.training.cache_clear()
    degradation.single.cache_clear()


def test_play_first():
    assert gradient_flow().result.residual[0] == pytest.approx(
        said("reading-the-flow", "almost 300"), rel=0.1
    )
    assert 7 < np.log10(gradient_flow(factor=1.0).result.residual[0]) < 8.2


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
    _, grad = softmax_cross_entropy(network.forward(DIGITS.x_train[:64]), DIGITS.y_train[:64])
    network.backward(grad)
    places = probes.block_places(network)
    places = [*places, places[-1] + 1]
    return [network.outputs[i] for i in places], [network.output_grads[i] for i in places]


def test_1_fifty_numbers():
    assert skips.scalar_growth(50, 0.1)[0] == pytest.approx(said("explain-scalar", "make **117**"), rel=0.01)
    assert skips.scalar_growth(1, 0.1)[0] == pytest.approx(1 + said("explain-scalar", "adds 10 %"))
    assert skips.scalar_growth(1, -0.9, skip=0)[0] == said("explain-minus", "a factor of 0.9 in size")


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
        (1.0, None, 1e7, 1e9),
        (1.0, BatchNorm, 3, "under 100"),
        (1.0, LayerNorm, 3, "under 100"),
        (50**-0.5, None, 1, "below 2"),
        ("learned", None, 1 - 1e-5, 1 + 1e-5),
    ],
)
def test_3_three_repairs_of_a_real_network(scale, norm, low, high):
    limits = {"under 100": said("explain-tamed", "under 100"), "below 2": said("explain-tamed", "below 2")}
    for seed in SEEDS:
        network = residual_v2(64, 64, 102, 10, np.random.default_rng(seed), norm, scale=scale)
        assert low <= growth(network) <= limits.get(high, high)


def growth(network):
    """‖∂L/∂h‖ in front of the first block, over that behind the last, as the lesson's cell takes it."""
    trunk_gradients(network)
    norms = probes.gradient_norms(network, of="z")[1:-1]
    return norms[0] / norms[-1]


# Section 4: trainings of 56 layers


def sgd(layers, lr=0.03):
    return SGD(layers, lr, momentum=0.9)


def training_error(build, seeds=SEEDS, optimizer=sgd, steps=154, schedule=None):
    """The training error of each seed's network."""
    nets = stack([build(np.random.default_rng(seed)) for seed in seeds])
    data = DIGITS.x_train, DIGITS.y_train
    train(nets, optimizer(nets.layers), *data, steps, 64, list(seeds), schedule=schedule, progress=False)
    return 1 - evaluate(nets, *data)[1]


def v1(rng):
    return residual_v1(64, 32, 56, 10, rng, BatchNorm)


def v2(rng, norm=BatchNorm):
    return residual_v2(64, 32, 56, 10, rng, norm)


def quiet(network, name, factor):
    for layer in network.layers:
        if isinstance(layer, Residual):
            layer.layers[-1].params[name] *= np.float32(factor)
    return network


def quiet_v1(rng):
    return quiet(v1(rng), "gamma", 0)


def pre_ln(rng):
    return v2(rng, LayerNorm)


def quiet_pre_ln(rng):
    return quiet(pre_ln(rng), "weight", 27**-0.5)


def test_4_v1_errs_after_154_steps_where_v2_hardly_does_and_a_quiet_start_makes_it_as_good():
    loud, second, silent = (training_error(build) for build in (v1, v2, quiet_v1))
    assert np.median(loud) == pytest.approx(said("explain-both", "v1 is wrong on about 6 %"), abs=0.025)
    assert second.max() <= said("explain-both", "v2 on 1 % at most") + 0.004
    assert silent.max() < said("explain-quiet", "less than 2 %")
    assert max(second.max(), silent.max()) < loud.min()


def test_4_a_quiet_start_helps_in_the_first_epoch():
    loud, silent = (training_error(build, steps=22) for build in (v1, quiet_v1))
    assert np.median(loud) == pytest.approx(said("explain-quiet", "on about 70 %"), abs=0.12)
    assert np.median(silent) == pytest.approx(said("explain-quiet", "on about 17 %"), abs=0.05)
    usual, divided = (training_error(build, steps=22) for build in (pre_ln, quiet_pre_ln))
    assert np.median(divided) < 0.75 * np.median(usual)
    usual, divided = (training_error(build) for build in (pre_ln, quiet_pre_ln))
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
        rng = np.random.default_rng(seed)
        layers = [one for _ in range(50) for one in (Residual(ReLU(), Linear(64, 64, rng)), LayerNorm(64))]
        Network(layers).forward(rng.standard_normal((64, 64), dtype=np.float32))
        factors = [norm.inv_std.mean() for norm in layers[1::2]]
        assert np.median(factors) == pytest.approx(0.5**0.5, abs=0.03)
        assert low <= np.prod(factors) <= 2 * high


def transformer(rng, post):
    layers = [Linear(64, 32, rng), LayerNorm(32)]
    for _ in range(20):
        branch = [Linear(32, 32, rng), ReLU(), Linear(32, 32, rng)]
        layers += [Residual(*branch), LayerNorm(32)] if post else [Residual(LayerNorm(32), *branch)]
    return Network([*layers, LayerNorm(32), Linear(32, 10, rng)])


def test_4_post_ln_needs_warmup_and_pre_ln_does_not():
    def error(post, schedule=None):
        def build(rng):
            return transformer(rng, post)

        return training_error(build, TEN, lambda layers: Adam(layers, 0.005), schedule=schedule)

    constant, warm, both = (
        error(True, schedule) for schedule in (None, warmup(0.3), warmup(0.3, linear_decay))
    )
    pre = error(False)
    medians = [np.median(one) for one in (constant, warm, both, pre)]
    told = [
        said("explain-warmup", "80 % wrong"),
        said("explain-warmup", "40 % with warmup,"),
        said("explain-warmup", "20 % with warmup and decay"),
    ]
    assert medians[:3] == pytest.approx(told, abs=0.1)
    assert medians[3] == pytest.approx(said("explain-warmup", "1 % with pre-LN"), abs=0.01)
    assert (warm.min(), warm.max()) == pytest.approx(said("explain-warmup", "from 14 to 67 %"), abs=0.2)
    assert np.mean(constant > 2 / 3) >= 0.7
    assert pre.max() < both.min()


def test_4_gradients_near_the_output_are_larger_in_post_ln():
    def last_weights(post, seed):
        network = transformer(np.random.default_rng(seed), post)
        trunk_gradients(network)
        block = next(layer for layer in network.layers[::-1] if isinstance(layer, Residual))
        return np.linalg.norm(block.layers[-1].grads["weight"])

    ratios = [last_weights(True, seed) / last_weights(False, seed) for seed in TEN]
    assert np.median(ratios) > 3


def test_4_a_decay_slows_small_steps_down():
    lr = said("explain-warmup", "v2 with η = 0.01")
    constant, decayed = (
        training_error(v2, TEN, lambda layers: sgd(layers, lr), schedule=schedule)
        for schedule in (None, linear_decay)
    )
    assert np.median(constant) == pytest.approx(said("explain-warmup", "about 3 %"), abs=0.01)
    assert np.median(decayed) == pytest.approx(said("explain-warmup", "about 10 %"), abs=0.03)


# Section 5


def test_5_the_lab_as_it_opens():
    r = degradation_lab().result
    assert r.deep.train_error[0] > said("explain-lab", "more than 80 %")
    assert r.shallow.train_error[0] == pytest.approx(said("explain-lab", "about a quarter"), abs=0.1)
    assert r.deep.ratio[0, 0] == pytest.approx(said("explain-lab", "some 50,000 times"), rel=0.1)
    assert 0.05 < r.deep.ratio[1, 0] < 20


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


def test_6_lengths_and_cuts():
    start = paths(depth=27, network="at the start").result
    assert start.mean_length == pytest.approx(said("explain-paths", "around 5"), abs=0.8)
    trained = [paths(depth=27, seed=seed).result.mean_length for seed in range(3)]
    assert 1.5 < np.median(trained) < 3.5  # two or three blocks
    assert max(trained) < start.mean_length - 1
    cuts = [paths(depth=9, seed=seed).result for seed in range(3)]
    assert np.median([r.residual.lesions for r in cuts]) > said("explain-cut", "more than 90 %")
    dearest = [int(np.argmin(r.residual.lesions)) for r in cuts]
    assert np.median(dearest) <= 1
    assert np.median([r.plain.lesions for r in cuts]) < 0.3


def likeness(depth, seeds, **kind):
    line = np.linspace(-2, 2, 256)
    networks = [skips.line_network(depth, 100, np.random.default_rng(seed), **kind) for seed in range(seeds)]
    return np.array([skips.autocorrelation(skips.input_gradients(one, line), 4) for one in networks])


@pytest.mark.release  # at each change, test_claims.py takes a dozen
def test_7_plain_networks_lose_their_likeness_with_depth():
    deep = likeness(50, 120)
    assert len(deep) == said("explain-autocorrelation", "the median of 120 networks")
    assert np.median(deep) == pytest.approx(said("explain-autocorrelation", "is 0.43,"), abs=0.02)
    dozens = np.median(deep.reshape(-1, 12), axis=1)
    told = said("explain-autocorrelation", "from 0.26 to 0.58")
    assert (dozens.min(), dozens.max()) == pytest.approx(told, abs=0.02)


def test_7_shallow_networks_norms_and_small_branches_keep_their_likeness():
    near = said("explain-autocorrelation", "all are near 0.9.")
    for kind in ({}, {"norm": BatchNorm}, {"scale": 0.1}):
        assert np.median(likeness(2, 12, **kind)) == pytest.approx(near, abs=0.06)
    small = likeness(50, 12, scale=0.1)
    assert np.median(small) == pytest.approx(said("explain-autocorrelation", "it stays near 0.9."), abs=0.06)
    assert abs(np.median(likeness(50, 12, norm=BatchNorm))) < 0.1


def test_8_56_layers_learn_without_skips_and_without_norms():
    def build(rng):
        return plain(64, 32, 56, 10, rng, act="tanh", init=orthogonal)

    assert training_error(build, optimizer=lambda layers: sgd(layers, 0.01)).max() < 0.15


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


def test_break_it_a_guess_costs_the_logarithm_of_ten():
    assert np.log(10) == pytest.approx(said("break-it", "guessing gives 2.3"), abs=0.01)
