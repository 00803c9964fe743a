"""Every number that the text of chapter 2 states, measured again over several seeds.

The names follow the sections of the lesson. Tolerances are what other seeds and processors keep; the texts
round to what these tests hold. `said` reads a number out of the text.
"""

import numpy as np
import pytest

from helpers import init_explorer, probes, propagation, theory
from helpers.chapters.initialization import random_networks
from helpers.chapters.initialization.random_networks import run, sizes
from helpers.chapters.initialization.starts import STEPS, Run
from helpers.initializers import he_normal, he_uniform, lecun, naive, pytorch_default, xavier_uniform
from helpers.layers import LeakyReLU, ReLU, Sigmoid, Tanh
from helpers.network import mlp
from helpers.propagation import RandomNetwork
from tests.text import lesson

SEEDS = range(5)
said = lesson("02_initialization")


def typical(values):
    """The geometric mean: what a product of random factors is compared by."""
    return np.exp(np.mean(np.log(values)))


def test_0_large_weights_mostly_end_in_a_layer_that_is_off():
    """… of the first steps, as the text says: "a whole layer of ReLUs is off for every point"."""
    off = 0
    for seed in range(20):
        run_ = Run("large", 8, 0.2, seed)
        run_.advance(STEPS)
        off += not run_.snapshots[max(run_.snapshots)].signal[1:-1].all()
    assert off > 10


def test_1_naive_layer_gives_256_then_128():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        x, w = rng.standard_normal((1024, 256)), rng.standard_normal((256, 256))
        h = np.maximum(x @ w, 0)
        assert np.mean((x @ w) ** 2) == pytest.approx(
            said("explain-naive-factor", "$E[z^2]$ is about 256"), rel=0.02
        )
        assert np.mean(h**2) == pytest.approx(said("explain-naive-factor", "That leaves **128**"), rel=0.03)


def test_2_factors_per_layer_are_128_a_half_and_1():
    by_128, by_half, by_1 = said("explain-xavier-25", "by 128 each time, Xavier by ½, He by 1.")
    width, summed_up, share = said("summary", "at width 256 with ReLU: ×128 per layer. Xavier with ReLU: ×½")
    for init, factor, same in (
        (naive, by_128, summed_up),
        (lecun, by_half, share),
        (he_normal, by_1, said("summary", "He: ×1 *on average*")),
    ):
        ends = [sizes(run(init, width=int(width), seed=seed))[25] for seed in SEEDS]
        assert typical(ends) ** (1 / 25) == pytest.approx(factor, rel=0.04)
        assert typical(ends) ** (1 / 25) == pytest.approx(same, rel=0.04)


def test_2_naive_reaches_about_1e52():
    assert 51 < np.log10(sizes(run(naive))[25]) < 54


def test_2_xavier_ends_within_a_factor_of_about_two_of_3e_8():
    assert pytest.approx(2.0**-25, rel=0.01) == 3.0e-8
    assert abs(np.log(sizes(run(lecun))[25] / 2.0**-25)) < np.log(2.2)  # the network that the lesson shows
    assert typical([sizes(run(lecun, seed=s))[25] for s in SEEDS]) == pytest.approx(2.0**-25, rel=0.6)


def test_3_relu_halves_the_second_moment_and_takes_the_variance_to_0341():
    for seed in SEEDS:
        z = np.random.default_rng(seed).standard_normal(1_000_000)
        h = np.maximum(z, 0)
        kept = np.mean(h**2) / np.mean(z**2)
        for half in (
            said("explain-relu-halves", r"E[h]^2 = \tfrac12 - \tfrac1")[0],
            *said("explain-recursion", r"= \tfrac12 E[z_l^2] = \tfrac12\,n"),
            said("before-he-var", r"by $\tfrac12\,n"),
            said("choose-the-scale", r"| $\tfrac12 n"),
            said("gain-from-the-mean", "A ReLU leaves ½"),
            said("diagnose-and-repair", r"factors $\tfrac12\,n"),
            said("explain-either-fan", r"$$\tfrac12\,n_{l-1}"),
            said("explain-either-fan", r"condition is $\tfrac12 n_l"),
            said("summary", r"same factor, $\tfrac12 n"),
            said("explain-xavier-25", "Xavier's ½ per layer"),
            *said("explain-medians", r"\frac{\tfrac12\cdot 3}{(\tfrac12)")[::2],
        ):
            assert kept == pytest.approx(half, abs=0.002)
        mean = said("explain-relu-halves", "has moved from 0 to 0.399")[1]
        left = said("explain-relu-halves", r"\pi} = 0.341")
        assert h.var() / z.var() == pytest.approx(left, abs=0.002)
        assert h.var() / z.var() == pytest.approx(said("explain-he-var", "0.341 of that"), abs=0.002)
        assert h.mean() == pytest.approx(mean, abs=0.002)


def test_3_the_variance_recursion_misses_by_a_third():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        h = np.maximum(rng.standard_normal((4096, 256)), 0)
        w = he_normal(256, 256, rng, dtype=np.float64)
        measured, weights = (h @ w).var(), 256 * w.var()
        assert weights * np.mean(h**2) == pytest.approx(measured, rel=0.12)
        assert weights * h.var() == pytest.approx(measured * 0.68, rel=0.12)


def test_3_he_gives_1_and_068_and_2():
    for seed in SEEDS:
        z, h = probes.forward_moments(run(he_normal, depth=2, seed=seed))
        three = said("explain-he-var", "three answers: 1, 0.68 and, for the next $z$, 2")
        assert (h.second[1], h.variance[1], z.variance[2]) == pytest.approx(three, rel=0.1)
        assert h.second[1] == pytest.approx(three[0], rel=0.03)
        assert h.variance[1] == pytest.approx(1 - 1 / np.pi, rel=0.03)
        assert h.variance[1] == pytest.approx(said("explain-he-var", "that is 0.68"), rel=0.03)
        assert h.variance[1] == pytest.approx(said("explain-he-var", "hovers around 0.7"), rel=0.06)


def test_4_he_for_512_inputs_is_00625():
    fan_in, std = said("explain-he-std", "For 512 inputs that is a standard deviation of 0.0625")
    assert he_normal(int(fan_in), 1000, np.random.default_rng(0)).std() == pytest.approx(std, rel=0.01)


def test_4_bounds_of_even_draws():
    rng = np.random.default_rng(0)
    six = said("xavier-both-fans", r"$a = \sqrt{6/")
    assert (100 + 50) * np.abs(xavier_uniform(100, 50, rng)).max() ** 2 == pytest.approx(six, rel=0.01)
    alike = [he_uniform(100, 500, rng, alpha=5**0.5), pytorch_default(100, 500, rng)]
    assert np.abs(alike[0]).max() == pytest.approx(np.abs(alike[1]).max(), rel=0.001)


def test_4_fan_out_jumps_by_4_and_does_not_run_away():
    def fan_out(fan_in, fan_out, rng, dtype):
        return he_normal(fan_out, fan_in, rng, dtype).T

    jumps, ends = [], []
    wide, narrow = said("either-fan", "widths go 256, 64, 256, 64")[:2]
    for seed in SEEDS:
        net = random_networks.zigzag(fan_out, seed)
        assert [layer.params["weight"].shape for layer in net.layers[:4:2]] == [
            (wide, narrow),
            (narrow, wide),
        ]
        curve = sizes(net)
        jumps.append(curve[1:24:2] / curve[0:23:2])
        ends.append(curve[24])
    assert typical(jumps) == pytest.approx(said("explain-either-fan", "by a factor of 4 into"), rel=0.15)
    assert 0.1 < typical(ends) < 10


def test_5_gains():
    leaky, slope, tanh = said("explain-gains", "1.39 for a leaky ReLU with slope 0.2, 1.59 for tanh")
    assert theory.gain(ReLU()) == pytest.approx(said("explain-gains", r"$\sqrt2 = 1.41$")[1], abs=0.005)
    assert theory.gain(LeakyReLU(slope)) == pytest.approx(leaky, abs=0.005)
    assert theory.gain(Tanh()) == pytest.approx(tanh, abs=0.005)
    for half in (
        said("explain-gains", r"= \tfrac12(1+\alpha^2)\,q")[0],
        said("explain-gains", r"Together that is $\tfrac12(1+\alpha^2)$")[0],
    ):
        assert theory.second_moment_after(LeakyReLU(slope)) == pytest.approx(half * (1 + slope**2))
    left = said("gain-from-the-mean", "tanh leaves 0.394")
    assert theory.second_moment_after(Tanh()) == pytest.approx(left, abs=5e-4)
    assert 1 / tanh**2 == pytest.approx(left, abs=0.002)


def test_5_a_sum_over_strips_is_the_mean_over_the_bell_curve():
    """The lesson's own sum, with its coarse strips."""
    xi = np.arange(-6, 6, 0.01)
    share = np.exp(-(xi**2) / 2) / np.sqrt(2 * np.pi) * 0.01
    assert np.sum(share) == pytest.approx(said("gain-from-the-mean", "The shares add up to 1"), abs=1e-6)
    for phi in (np.tanh, ReLU(), lambda z: z):
        assert np.sum(phi(xi) ** 2 * share) == pytest.approx(theory.second_moment_after(phi), abs=1e-6)


def test_5_hermite_says_1000_where_the_truth_is_0949():
    width, nodes, wrong = said("explain-gains", "at width 256, 32 nodes report $E[h^2] = 1.000$")
    truth = said("explain-gains", "The truth is 0.949")
    x, w = np.polynomial.hermite_e.hermegauss(int(nodes))
    w = w / w.sum()
    h2 = 1.0
    for _ in range(60):
        h2 = w @ np.tanh(np.sqrt(width * h2) * x) ** 2
    measured = [sizes(run(naive, act="tanh", seed=seed))[25] for seed in SEEDS]
    assert np.mean(measured) == pytest.approx(truth, abs=0.003)
    assert theory.propagate(Tanh(), 60, width**0.5).h2[-1] == pytest.approx(truth, abs=0.001)
    assert h2 == pytest.approx(wrong, abs=5e-4)


def test_5_tanh_decays_like_one_over_2l_or_settles_at_031():
    slow = [sizes(run(lecun, depth=50, act="tanh", seed=seed))[50] for seed in SEEDS]
    settled = [sizes(run(he_normal, depth=50, act="tanh", seed=seed))[50] for seed in SEEDS]
    end = said("explain-tanh", "about $1/(2l)$ at layer $l$, which is 0.01 at")[-1]
    assert typical(slow) == pytest.approx(end, rel=0.25) and typical(slow) == pytest.approx(1 / 100, rel=0.25)
    assert np.mean(settled) == pytest.approx(said("explain-tanh", "settles at 0.31"), abs=0.01)
    assert theory.propagate(Tanh(), 50, 1.0).h2[50] == pytest.approx(0.0102, abs=1e-4)
    assert theory.propagate(Tanh(), 50, 2**0.5).h2[50] == pytest.approx(0.309, abs=5e-4)


def test_5_a_sigmoid_network_looks_healthy_and_is_not():
    for seed in SEEDS:
        net = run(lecun, depth=20, act="sigmoid", seed=seed)
        assert sizes(net)[5] == pytest.approx(said("explain-sigmoid", "near 0.27"), abs=0.03)
        assert probes.batch_variance(net.outputs[10]) < 1e-6
        left = said("explain-sigmoid", r"at layer 20 about $6\times10^{-26}$")
        assert probes.batch_variance(net.outputs[40]) == pytest.approx(left, rel=0.25)


def test_5_relu_inputs_align_from_032_to_099():
    before, after = said("explain-align", "From 0.32 to 0.99 in 50")[:2]
    for seed in SEEDS:
        net = run(he_normal, depth=50, seed=seed)
        assert probes.cosine_similarity(net.outputs[2]) == pytest.approx(before, abs=0.02)
        assert probes.cosine_similarity(net.outputs[100]) == pytest.approx(after, abs=0.02)
        assert np.all(np.abs(np.log(sizes(net))) < np.log(said("explain-align", "a factor of four")))


def test_6_a_narrow_he_network_fails():
    found = random_networks.final_sizes(16, 200, batch=64)
    assert 1e-4 < np.median(found) < 1 - said("explain-he-width16", "half of them have lost 99.9% of")
    assert np.median(np.log(found)) == pytest.approx(-5 * 50 / (2 * 16), abs=1)
    assert np.log(found).std() == pytest.approx(np.sqrt(5 * 50 / 16), rel=0.25)


def test_3_ten_layers_by_hand():
    n, std = said("before-he-var", "With 400 units and a standard deviation of 0.05")
    factor, left = n * std**2 / 2, []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        h = rng.standard_normal((256, int(n)))
        for _ in range(10):
            h = np.maximum(h @ rng.normal(0, std, (int(n), int(n))), 0)
        left.append(np.mean(h**2))
    assert typical(left) == pytest.approx(factor**10, rel=0.3)


def test_6_a_wide_he_network_stays_within_a_factor_of_ten():
    found = random_networks.final_sizes(256, 25, batch=64)
    assert np.mean(np.abs(np.log10(found)) < 1) > 0.9
    assert np.log(found).std() == pytest.approx(np.sqrt(5 * 50 / 256), rel=0.35)


def test_6_seed_0_of_the_narrow_explorer_is_an_unlucky_one():
    result = init_explorer(width=16, depth=50).result
    left, share = said(
        "explain-narrow", r"about $3\times10^{-8}$ is left of it, below the band that holds 95%"
    )
    assert result.end == pytest.approx(np.log10(left), abs=0.1)
    assert not result.inside and result.end < result.low[result.last]
    # The band of the theory, against He networks drawn exactly: given |h|², z is N(0, 2|h|²/n).
    z = np.random.default_rng(0).standard_normal((50, 3000, 16))
    ends = np.log(np.prod(2 * np.mean(np.maximum(z, 0) ** 2, axis=2), axis=0))
    low, high = (edge[result.last] * np.log(10) for edge in (result.low, result.high))
    assert np.mean((ends > low) & (ends < high)) == pytest.approx(share, abs=0.05)


def test_6_the_spreads_that_the_text_names():
    spread = {n: propagation.predict("ReLU", 50, 2**0.5).log_spread(n)[50] for n in (16, 64, 256)}
    a, b, c = said("explain-medians", "3.95 at width 16, 1.98 at width 64 and 0.99 at width 256")[::2]
    assert spread == pytest.approx({16: a, 64: b, 256: c}, abs=0.005)


def test_7_pytorchs_default_takes_five_sixths_at_every_layer():
    factors = [sizes(run(pytorch_default, depth=20, seed=seed))[20] ** (1 / 20) for seed in SEEDS]
    one, six = said("summary", "default: ×1/6")
    assert np.mean(factors) == pytest.approx(one / six, rel=0.05)


def test_7_pytorchs_bias_makes_it_level_but_blind():
    floor = said("explain-level-but-blind", r"$1/(5n) = 7.8\times10^{-4}$")[-1]
    assert theory.propagate(ReLU(), 40, 3**-0.5, (3 * 256) ** -0.5).h2[-1] == pytest.approx(floor, rel=0.01)
    for seed in SEEDS:
        net = random_networks.with_bias(seed=seed)
        assert sizes(net)[5:] == pytest.approx(floor, rel=0.6)
        apart = probes.batch_variance(net.outputs[40])
        assert apart == pytest.approx(said("explain-level-but-blind", "about $10^{-16}$ is left"), rel=0.5)


def gradient_ratio(net, seed=0):
    return random_networks.gradient_lengths(net, seed + 1)[0]


def test_7_gradients_over_20_layers():
    he = [gradient_ratio(run(he_normal, depth=20, seed=seed), seed) for seed in SEEDS]
    default = [gradient_ratio(run(pytorch_default, depth=20, seed=seed), seed) for seed in SEEDS]
    biased = [gradient_ratio(random_networks.with_bias(seed=seed), seed) for seed in SEEDS]
    assert he[0] == pytest.approx(said("explain-gradients", "the ratio is 1.1"), abs=0.05)
    assert typical(he) == pytest.approx(1, abs=0.35)
    arrives = said("explain-gradients", r"part arrives, about $2\times10^{-8}$")
    arrives_too = said("explain-level-but-blind", r"bias, at about $2\times10^{-8}$")
    for found, told in ((default, arrives), (biased, arrives_too)):
        assert found[0] == pytest.approx(told, rel=0.25)
        assert typical(found) == pytest.approx(6.0**-10, rel=0.5)


def test_8_equal_weights_get_equal_gradients():
    rng = np.random.default_rng(0)
    net = mlp([4, 3, 1], rng, init=lambda n_in, n_out, rng, dtype: np.full((n_in, n_out), 0.5))
    net.forward(rng.standard_normal((8, 4)))
    net.backward(np.ones((8, 1)))
    columns = net.layers[0].grads["weight"].T
    assert np.array_equal(columns[0], columns[1]) and np.array_equal(columns[0], columns[2])
    assert np.any(columns != 0)


def test_8_all_zeros_let_no_gradient_through():
    rng = np.random.default_rng(0)
    net = mlp([4, 3, 1], rng, init=lambda n_in, n_out, rng, dtype: np.zeros((n_in, n_out)))
    net.forward(rng.standard_normal((8, 4)))
    net.backward(np.ones((8, 1)))
    assert not np.any(net.layers[0].grads["weight"])


def test_8_the_first_figures_scales():
    """The same draw at another scale: a quarter a layer, four times a layer, for ReLU without biases."""
    power, about = said("explain-constant", "Over 8 layers that makes $4^8$, about 65,000")[1:]
    for seed in SEEDS:
        small, medium, large = (
            Run(s, 8, 0.2, seed).snapshots[0].signal[8] for s in ("small", "medium", "large")
        )
        assert medium / small == pytest.approx(power) and large / medium == pytest.approx(power)
        assert large / medium == pytest.approx(about, rel=0.01)
    assert Run("medium", 8, 0.2, 0).snapshots[0].weights[3].std() == pytest.approx(0.5, rel=0.25)  # √(2/8)


def test_9_a_sigmoid_reaches_its_edge_only_above_10():
    sigma_w, _ = theory.critical_line(Sigmoid(), np.geomspace(1e-3, 1e3, 400))
    assert sigma_w.min() == pytest.approx(10.15, abs=0.1)
    assert sigma_w.min() == pytest.approx(said("explain-edge", r"only near $\sigma_w = 10$"), abs=0.3)
    slope, alone, saturated = said("explain-edge", "at most ¼ alone asks for 4; saturation makes it 10")
    steepest = theory.slope_moment(Sigmoid(), 1e-12) ** 0.5
    assert steepest == pytest.approx(slope) and 1 / steepest == pytest.approx(alone)
    assert sigma_w.min() == pytest.approx(saturated, abs=0.3)


def test_9_relu_inputs_align_even_where_the_signal_explodes():
    course = theory.propagate_correlation(ReLU(), 60, 0.5, sigma_w=3.0)
    assert np.all(np.diff(course[1:]) > 0) and course[-1] > 0.97


def test_9_chaos_parts_what_order_unites():
    measured = {s: RandomNetwork(256, "tanh", s, 0.3).correlations(30, 0.99)[0][30] for s in (0.5, 3.0)}
    assert measured[0.5] > 0.999 and measured[3.0] < 0.3


def test_break_it_ten_percent_costs_a_factor_of_117():
    def too_large(*args, **kwargs):
        return he_normal(*args, **kwargs) * 1.1

    mistake, depth = said("break-it", "A mistake of 10% in the scale: what does it cost after 25 layers?")
    assert 1 + mistake == pytest.approx(1.1)
    power, cost = said("break-it", r"$1.1^{2 \times 25}$, which is 117")
    ratios = [
        sizes(run(too_large, seed=s))[int(depth)] / sizes(run(he_normal, seed=s))[int(depth)] for s in SEEDS
    ]
    assert ratios == pytest.approx([power] * 5, rel=1e-6)
    assert ratios == pytest.approx([cost] * 5, rel=0.01)


@pytest.mark.filterwarnings("ignore:overflow encountered")  # numpy tells the learner so, too
def test_break_it_float32_ends_where_its_numbers_end():
    rng = np.random.default_rng(0)
    net = mlp([256] * 51, rng, "ReLU", naive, bias=False, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        net.forward(rng.standard_normal((256, 256)).astype(np.float32))
        curve = sizes(net)
    assert np.flatnonzero(~np.isfinite(curve))[0] == pytest.approx(36, abs=1)
    largest = said("break-it", r"no number above $3.4\times10^{38}$")
    assert np.finfo(np.float32).max == pytest.approx(largest, rel=0.01)
    assert largest < curve[35] < largest**2
