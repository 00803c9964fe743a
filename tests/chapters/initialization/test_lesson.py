"""Every number that the text of chapter 2 states, measured again over several seeds.

The names follow the sections of the lesson. Tolerances are what other seeds and machines keep; the texts
round to what these tests hold.
"""

import numpy as np
import pytest

from helpers import init_explorer, probes, propagation, theory
from helpers.initializers import he_normal, lecun, naive, pytorch_default
from helpers.layers import LeakyReLU, ReLU, Sigmoid, Tanh
from helpers.network import mlp

SEEDS = range(5)


def run(init, depth=25, width=256, act="ReLU", seed=0, batch=256):
    rng = np.random.default_rng(seed)
    net = mlp([width] * (depth + 1), rng, act, init, bias=False, dtype=np.float64)
    net.forward(rng.standard_normal((batch, width)))
    return net


def sizes(net):
    return probes.forward_moments(net)[1].second


def typical(values):
    """The geometric mean: what a product of random factors is compared by."""
    return np.exp(np.mean(np.log(values)))


def test_1_naive_layer_gives_256_then_128_and_a_variance_of_87():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        x, w = rng.standard_normal((1024, 256)), rng.standard_normal((256, 256))
        h = np.maximum(x @ w, 0)
        assert np.mean((x @ w) ** 2) == pytest.approx(256, rel=0.02)
        assert np.mean(h**2) == pytest.approx(128, rel=0.03)
        assert h.var() == pytest.approx(87.3, rel=0.03)


def test_2_factors_per_layer_are_128_a_half_and_1():
    for init, factor in ((naive, 128), (lecun, 0.5), (he_normal, 1)):
        ends = [sizes(run(init, seed=seed))[25] for seed in SEEDS]
        assert typical(ends) ** (1 / 25) == pytest.approx(factor, rel=0.04)


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
        assert np.mean(h**2) / np.mean(z**2) == pytest.approx(0.5, abs=0.002)
        assert h.var() / z.var() == pytest.approx(0.341, abs=0.002)
        assert h.mean() == pytest.approx(0.399, abs=0.002)


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
        assert h.second[1] == pytest.approx(1, rel=0.03)
        assert h.variance[1] == pytest.approx(1 - 1 / np.pi, rel=0.03)
        assert z.variance[2] == pytest.approx(2, rel=0.1)


def test_4_he_for_128_inputs_is_0125():
    assert he_normal(128, 1000, np.random.default_rng(0)).std() == pytest.approx(0.125, rel=0.01)


def test_4_fan_out_jumps_by_4_and_does_not_run_away():
    def fan_out(fan_in, fan_out, rng, dtype):
        return he_normal(fan_out, fan_in, rng, dtype).T

    jumps, ends = [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        net = mlp([256, 64] * 12 + [256], rng, init=fan_out, bias=False, dtype=np.float64)
        net.forward(rng.standard_normal((256, 256)))
        curve = sizes(net)
        jumps.append(curve[1:24:2] / curve[0:23:2])
        ends.append(curve[24])
    assert typical(jumps) == pytest.approx(4, rel=0.15)
    assert 0.1 < typical(ends) < 10


def test_5_gains():
    assert theory.gain(ReLU()) == pytest.approx(1.414, abs=5e-4)
    assert theory.gain(LeakyReLU(0.2)) == pytest.approx(1.387, abs=5e-4)
    assert theory.gain(Tanh()) == pytest.approx(1.593, abs=5e-4)


def test_5_hermite_says_1000_where_the_truth_is_0949():
    x, w = np.polynomial.hermite_e.hermegauss(32)
    w = w / w.sum()
    h2 = 1.0
    for _ in range(60):
        h2 = w @ np.tanh(np.sqrt(256 * h2) * x) ** 2
    measured = [sizes(run(naive, act="tanh", seed=seed))[25] for seed in SEEDS]
    assert np.mean(measured) == pytest.approx(0.949, abs=0.003)
    assert theory.propagate(Tanh(), 60, 16.0).h2[-1] == pytest.approx(0.949, abs=0.001)
    assert h2 == pytest.approx(1.000, abs=5e-4)


def test_5_tanh_decays_like_one_over_2l_or_settles_at_031():
    slow = [sizes(run(lecun, depth=50, act="tanh", seed=seed))[50] for seed in SEEDS]
    settled = [sizes(run(he_normal, depth=50, act="tanh", seed=seed))[50] for seed in SEEDS]
    assert typical(slow) == pytest.approx(0.01, rel=0.25)
    assert np.mean(settled) == pytest.approx(0.309, abs=0.01)
    assert theory.propagate(Tanh(), 50, 1.0).h2[50] == pytest.approx(0.0102, abs=1e-4)
    assert theory.propagate(Tanh(), 50, 2**0.5).h2[50] == pytest.approx(0.309, abs=5e-4)


def test_5_a_sigmoid_network_looks_healthy_and_is_not():
    for seed in SEEDS:
        net = run(lecun, depth=20, act="sigmoid", seed=seed)
        assert sizes(net)[5] == pytest.approx(0.27, abs=0.03)
        assert probes.batch_variance(net.outputs[10]) < 1e-6


def test_5_relu_inputs_align_from_032_to_099():
    for seed in SEEDS:
        net = run(he_normal, depth=50, seed=seed)
        assert probes.cosine_similarity(net.outputs[2]) == pytest.approx(0.32, abs=0.02)
        assert probes.cosine_similarity(net.outputs[100]) > 0.97
    assert probes.cosine_similarity(run(he_normal, depth=50).outputs[100]) == pytest.approx(0.99, abs=0.01)


def finals(width, networks):
    nets = (run(he_normal, 50, width, seed=seed, batch=64) for seed in range(networks))
    return np.array([probes.second_moment(net.outputs[-1]) for net in nets])


def test_6_a_narrow_he_network_fails():
    found = finals(16, 200)
    assert 1e-4 < np.median(found) < 1e-3
    assert np.log(found).std() == pytest.approx(np.sqrt(5 * 50 / 16), rel=0.25)


def test_6_a_wide_he_network_stays_within_a_factor_of_ten():
    found = finals(256, 25)
    assert np.mean(np.abs(np.log10(found)) < 1) > 0.9
    assert np.log(found).std() == pytest.approx(np.sqrt(5 * 50 / 256), rel=0.35)


def test_6_seed_0_of_the_narrow_explorer_is_an_unlucky_one():
    result = init_explorer(width=16, depth=50).result
    assert -8.5 < result.end < -7
    assert not result.inside


def test_6_the_spreads_that_the_text_names():
    spread = {n: propagation.predict(ReLU, 50, 2**0.5).log_spread(n)[50] for n in (16, 64, 256)}
    assert spread == pytest.approx({16: 3.95, 64: 1.98, 256: 0.99}, abs=0.005)


def test_7_pytorchs_default_takes_five_sixths_at_every_layer():
    factors = [sizes(run(pytorch_default, depth=20, seed=seed))[20] ** (1 / 20) for seed in SEEDS]
    assert np.mean(factors) == pytest.approx(1 / 6, rel=0.05)


def test_7_gradients_over_20_layers():
    def ratio(init, seed):
        net = run(init, depth=20, seed=seed)
        net.backward(np.random.default_rng(seed + 1).standard_normal((256, 256)))
        norms = probes.gradient_norms(net)
        return norms[0] / norms[-1]

    assert ratio(he_normal, 0) == pytest.approx(1.1, abs=0.05)  # the network that the lesson shows
    assert ratio(pytorch_default, 0) == pytest.approx(2e-8, rel=0.1)
    assert typical([ratio(he_normal, seed) for seed in SEEDS]) == pytest.approx(1, abs=0.35)
    assert typical([ratio(pytorch_default, seed) for seed in SEEDS]) == pytest.approx(6.0**-10, rel=0.5)


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


def test_9_a_sigmoid_reaches_its_edge_only_above_10():
    sigma_w, _ = theory.critical_line(Sigmoid(), np.geomspace(1e-3, 1e3, 400))
    assert sigma_w.min() == pytest.approx(10.15, abs=0.1)


def test_9_relu_inputs_align_even_where_the_signal_explodes():
    course = theory.propagate_correlation(ReLU(), 60, 0.5, sigma_w=3.0)
    assert np.all(np.diff(course[1:]) > 0) and course[-1] > 0.97


def test_9_chaos_parts_what_order_unites():
    measured = {s: propagation.correlations(30, Tanh, s, 0.3, 0.99, seed=0)[0][30] for s in (0.5, 3.0)}
    assert measured[0.5] > 0.999 and measured[3.0] < 0.3


def test_break_it_ten_percent_costs_a_factor_of_117():
    def too_large(*args, **kwargs):
        return he_normal(*args, **kwargs) * 1.1

    ratios = [sizes(run(too_large, seed=s))[25] / sizes(run(he_normal, seed=s))[25] for s in SEEDS]
    assert ratios == pytest.approx([1.1**50] * 5, rel=1e-6)


@pytest.mark.filterwarnings("ignore:overflow encountered")  # numpy tells the learner so, too
def test_break_it_float32_ends_where_its_numbers_end():
    rng = np.random.default_rng(0)
    net = mlp([256] * 51, rng, "ReLU", naive, bias=False, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        net.forward(rng.standard_normal((256, 256)).astype(np.float32))
        curve = sizes(net)
    assert np.flatnonzero(~np.isfinite(curve))[0] == pytest.approx(36, abs=1)
