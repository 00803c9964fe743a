"""The numbers that the lesson on initialization says, measured again with the course's own code.

The golden figures are those of the popular notebook's own cell (`np.random.default_rng(0)`).
"""

from statistics import harmonic_mean

import numpy as np
import pytest

from helpers import initializers, probes
from helpers.chapters.initialization import random_networks
from helpers.layers import ReLU, Sigmoid, Tanh
from helpers.network import mlp
from tests.text import lesson

claimed = lesson("claims")

WIDTH, DEPTH, BATCH = 256, 25, 1024


def in_order(rng, std):
    """An initializer that draws as the popular cell does: float64 normals from one generator, times std."""

    def rule(fan_in, fan_out, _, dtype):
        return rng.standard_normal((fan_in, fan_out)) * std

    return rule


def deep(init, rng, depth, width=WIDTH, act="ReLU", dtype=np.float64):
    return mlp([width] * (depth + 1), rng, act, init, bias=False, dtype=dtype)


@pytest.fixture(scope="module")
def golden():
    """z and h moments by scheme, of the popular cell: the input first, then the three networks in turn."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, WIDTH))
    stds = {"naive": 1.0, "Xavier": np.sqrt(1 / WIDTH), "He": np.sqrt(2 / WIDTH)}
    moments = {}
    for name, std in stds.items():
        network = deep(in_order(rng, std), rng, DEPTH)
        network.forward(x)
        moments[name] = probes.forward_moments(network)
    return moments


@pytest.mark.parametrize(
    ("scheme", "printed"),
    [
        ("naive", [1.00, 3.25e10, 1.23e25, 4.72e52]),
        ("Xavier", [1.00, 2.00e-2, 1.78e-4, 2.29e-8]),
        ("He", [1.00, 0.735, 0.719, 0.872]),
    ],
)
def test_golden_variances(golden, scheme, printed):
    _, h = golden[scheme]
    np.testing.assert_allclose(h.variance[[0, 5, 12, 25]], printed, rtol=5e-3)


def test_naive_weights_multiply_by_128_not_by_256(golden):
    _, h = golden["naive"]
    per_layer = (h.second[25] / h.second[0]) ** (1 / 25)
    assert per_layer == pytest.approx(claimed("claim-naive-256", "it is **×128** in"), rel=0.03)
    for linear in (
        claimed("claim-naive-256", "is a factor of 256 per layer"),
        claimed("claim-naive-256", "Without a ReLU it is ×256."),
    ):
        assert per_layer == pytest.approx(linear / 2, rel=0.03)
    # The variance at layer 1 is smaller still, as a ReLU's outputs have a mean: 256 (½ − 1/2π).
    about = claimed("claim-naive-256", "about 87")
    width, half = claimed("claim-naive-256", r"$256\,(\tfrac12 -")
    assert h.variance[1] / h.variance[0] == pytest.approx(width * (half - 1 / (2 * np.pi)), rel=0.03)
    assert h.variance[1] / h.variance[0] == pytest.approx(about, rel=0.03)


def test_he_holds_the_second_moment_and_not_the_variance(golden):
    z, h = golden["He"]
    assert h.second[1] == pytest.approx(1, abs=0.03)
    assert h.variance[1] == pytest.approx(claimed("claim-he-variance", "about 0.68"), abs=0.02)
    assert z.variance[2] == pytest.approx(2, abs=0.1)


def test_xavier_halves_the_second_moment_at_every_relu_layer(golden):
    _, h = golden["Xavier"]
    assert h.second[25] == pytest.approx(3.1e-8, rel=0.1)
    assert h.second[25] == pytest.approx(2.0**-25, rel=0.2)


def test_relu_halves_the_second_moment_but_leaves_0_341_of_the_variance():
    z = np.random.default_rng(0).standard_normal((1000, 1000))
    h = ReLU()(z)
    assert probes.second_moment(h) / probes.second_moment(z) == pytest.approx(0.5, abs=0.002)
    half, left = claimed("claim-relu-halves", r"$\tfrac12 - \tfrac1{2\pi} = 0.341$")[::2]
    assert probes.second_moment(h) / probes.second_moment(z) == pytest.approx(half, abs=0.002)
    assert probes.variance(h) / probes.variance(z) == pytest.approx(left, abs=0.002)


def test_pytorchs_default_divides_by_6_at_every_relu_layer():
    rng = np.random.default_rng(0)
    factors = []
    for _ in range(5):
        network = deep(initializers.pytorch_default, rng, 20)
        network.forward(rng.standard_normal((64, WIDTH)))
        h = probes.forward_moments(network)[1]
        factors.append((h.second[20] / h.second[0]) ** (1 / 20))
    assert np.mean(factors) == pytest.approx(1 / 6, rel=0.03)


# The spread over seeds


def test_he_at_width_16_loses_a_typical_signal_within_50_layers():
    """The median of many networks (stacked into one, a batch of 16 each) is of the order of 1e-3."""
    rng = np.random.default_rng(0)
    runs = 400
    network = deep(initializers.he_normal, rng, 50, width=16)
    for layer in network.layers[::2]:
        stack = [initializers.he_normal(16, 16, rng, np.float64) for _ in range(runs)]
        layer.params["weight"] = np.stack(stack)
    network.forward(rng.standard_normal((runs, 16, 16)))
    ends = probes.forward_moments(network)[1].second[-1]
    assert ends.shape == (runs,)
    assert 2e-4 < np.median(ends) < 2e-3


def test_he_at_width_256_is_known_to_a_factor_of_several_after_50_layers():
    """Of one input, h W is N(0, 2/n |h|²) in every entry: its length can be drawn without the matrix.

    5–95% is exp(−s²/2 ± 1.645 s) with s = √(5 · 50/256): 0.12–3.1. (A batch of 32 measured 0.14–3.0 over
    700 seeds. The 1.84 that is sometimes printed for the upper end comes from too few.)
    """
    rng = np.random.default_rng(0)
    second = np.ones(3000)
    for _ in range(50):
        z = np.sqrt(2 * second)[:, None] * rng.standard_normal((3000, WIDTH), dtype=np.float32)
        second = probes.second_moment(np.maximum(z, 0)[:, None, :])
    low, high = np.percentile(second, [5, 95])
    assert low == pytest.approx(0.12, abs=0.02)
    assert high == pytest.approx(3.1, abs=0.4)
    assert np.mean(second) == pytest.approx(1, abs=0.1)  # what He's rule promises: the mean, no more


# Fans


def test_xavier_is_the_harmonic_mean_of_the_two_rules():
    w = initializers.xavier_normal(100, 300, np.random.default_rng(0), np.float64)
    assert np.mean(w**2) == pytest.approx(harmonic_mean([1 / 100, 1 / 300]), rel=0.03)
    assert np.mean(w**2) == pytest.approx(1 / np.mean([100, 300]), rel=0.03)


def test_either_fan_works_as_the_mismatch_telescopes():
    """He et al. 2015 §2.2: with fan_out the factors n_in/n_out cancel, all but the first and the last."""

    def fan_out_rule(fan_in, fan_out, rng, dtype):
        return initializers.he_normal(fan_out, fan_in, rng, dtype).T

    widths = [128, 512] * 10 + [128]
    ends, middles = {}, {}
    for name, rule in {"fan_in": initializers.he_normal, "fan_out": fan_out_rule}.items():
        ends[name], middles[name] = [], []
        for seed in range(30):
            rng = np.random.default_rng(seed)
            network = mlp(widths, rng, init=rule, bias=False)
            network.forward(rng.standard_normal((4, 128), dtype=np.float32))
            h = probes.forward_moments(network)[1].second
            ends[name].append(h[20])
            middles[name].append(h[1])
    assert 0.6 < np.mean(ends["fan_in"]) < 1.6
    assert 0.6 < np.mean(ends["fan_out"]) < 1.6
    assert np.mean(middles["fan_in"]) == pytest.approx(1, abs=0.15)
    assert np.mean(middles["fan_out"]) == pytest.approx(1 / 4, abs=0.04)


# Gradients


def gradient_ratio(init, act="ReLU", depth=20, width=128):
    """‖∂L/∂h_0‖ / ‖∂L/∂h_L‖, the median of several seeds."""
    ratios = []
    for seed in range(7):
        rng = np.random.default_rng(seed)
        network = deep(init, rng, depth, width, act)
        network.forward(rng.standard_normal((32, width)))
        network.backward(rng.standard_normal((32, width)))
        norms = probes.gradient_norms(network)
        ratios.append(norms[0] / norms[-1])
    return np.median(ratios)


def test_pytorchs_default_is_he_uniform_with_a_root_of_5():
    root = claimed("claim-default-everywhere", r"$a = \sqrt5$") ** 0.5
    rng = np.random.default_rng(0)
    bound = np.abs(initializers.pytorch_default(100, 500, rng)).max()
    assert np.abs(initializers.he_uniform(100, 500, rng, alpha=root)).max() == pytest.approx(bound, rel=1e-3)


def test_he_reaches_farther_than_30_layers():
    for seed in range(3):
        he = random_networks.run(initializers.he_normal, depth=100, seed=seed)
        xavier = random_networks.run(initializers.lecun, depth=100, seed=seed)
        assert 0.1 < random_networks.gradient_lengths(he)[0] < 10
        assert random_networks.gradient_lengths(xavier)[0] < 1e-13


def test_the_20_layer_relu_gradient_vanishes_by_pytorchs_default_and_not_by_depth():
    assert 0.8e-8 < gradient_ratio(initializers.pytorch_default) < 2.5e-8  # 6⁻¹⁰ = 1.7e-8
    assert 0.6 < gradient_ratio(initializers.he_normal) < 1.6


def test_tanh_and_sigmoid_under_xavier_are_worlds_apart():
    assert gradient_ratio(initializers.lecun, "tanh") == pytest.approx(0.19, abs=0.03)
    assert 1.5e-13 < gradient_ratio(initializers.lecun, "sigmoid") < 4e-13


# Looks that deceive


def test_a_sigmoid_network_looks_healthy_and_carries_nothing():
    rng = np.random.default_rng(0)
    network = deep(initializers.lecun, rng, 20, act="sigmoid")
    network.forward(rng.standard_normal((BATCH, WIDTH)))
    _, h = probes.forward_moments(network)
    np.testing.assert_allclose(h.second[5:], 0.265, atol=0.03)
    fifth = network.outputs[2 * 5]
    assert isinstance(network.layers[9], Sigmoid)
    assert 1e-7 < probes.batch_variance(fifth) < 1.5e-6
    assert probes.cosine_similarity(fifth) == pytest.approx(1, abs=5e-4)


def test_he_holds_the_size_while_the_inputs_become_alike():
    rng = np.random.default_rng(0)
    network = deep(initializers.he_normal, rng, 50)
    network.forward(rng.standard_normal((128, WIDTH)))
    cosines = [probes.cosine_similarity(network.outputs[2 * layer]) for layer in (1, 50)]
    assert cosines[0] == pytest.approx(0.32, abs=0.02)
    assert cosines[1] > 0.97
    assert probes.batch_variance(network.outputs[2]) == pytest.approx(0.68, abs=0.03)
    assert probes.batch_variance(network.outputs[100]) < 0.15


def test_tanh_with_lecun_fades_slowly_and_with_he_settles():
    ends = {}
    for name, init in {"lecun": initializers.lecun, "he": initializers.he_normal}.items():
        rng = np.random.default_rng(0)
        network = deep(init, rng, 50, act=Tanh)
        network.forward(rng.standard_normal((64, WIDTH)))
        ends[name] = probes.forward_moments(network)[1].second[50]
    assert ends["lecun"] == pytest.approx(0.0102, rel=0.3)
    assert ends["he"] == pytest.approx(0.309, rel=0.05)


def test_float32_overflows_in_the_values_at_layer_36_and_in_their_variance_at_16():
    rng = np.random.default_rng(0)
    h = rng.standard_normal((BATCH, WIDTH), dtype=np.float32)
    values_lost = variance_lost = None
    network = deep(initializers.naive, rng, 40, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        network.forward(h)
        for layer in range(41):
            h = network.outputs[2 * layer]
            if variance_lost is None and not np.isfinite(h.var()):
                variance_lost = layer
            if values_lost is None and not np.all(np.isfinite(h)):
                values_lost = layer
    assert (variance_lost, values_lost) == (16, 36)
    # The course's own probe keeps counting as long as the values themselves are finite.
    assert np.isfinite(probes.second_moment(network.outputs[2 * 35]))
