"""The signal that instruments ask for: all the reuse in it must be exact."""

import gc
import weakref
from itertools import pairwise

import numpy as np
import pytest

from helpers import jacobians, layers, probes, propagation
from helpers.layers import ACTIVATIONS
from helpers.network import mlp, plain
from helpers.propagation import RandomNetwork

HOMOGENEOUS = ("ReLU", "leaky ReLU", "linear")
RULES = ("normal", "uniform", "orthogonal")
each_rule = pytest.mark.parametrize("rule", RULES)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


def network_of(signal, act, sigma_w, depth):
    """The plain network that a Signal stands for, in float64."""
    width = signal.h[0].shape[1]
    network = mlp([width] * (depth + 1), np.random.default_rng(0), act, bias=False)
    for layer, w in zip(network.layers[::2], signal.weights, strict=False):
        layer.params["weight"] = w.astype(np.float64) * sigma_w / np.sqrt(width)
    return network


def scaled(arrays, exponents):
    """The gradients themselves, of what `Signal.gradients` gives."""
    return [np.ldexp(a, exponent) for a, exponent in zip(arrays, exponents, strict=True)]


@each_rule
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_a_signal_is_what_a_plain_network_of_the_same_weights_computes(act, rule):
    # Moderate weights: in a chaotic net float32 and float64 would part after a few layers.
    width, depth, sigma_w = 48, 30, 0.9
    signal = RandomNetwork(width, act, sigma_w, rule=rule, seed=3).signal()
    network = network_of(signal, act, sigma_w, depth)
    network.forward(signal.h[0].astype(np.float64))
    network.backward(signal.output_grad.astype(np.float64))
    dz, dh = (scaled(arrays, signal.gradients(depth)[2]) for arrays in signal.gradients(depth)[:2])
    for found, expected in [
        (signal.z[1 : depth + 1], network.outputs[1::2]),
        (signal.h[: depth + 1], network.outputs[::2]),
        (dz[1:], network.output_grads[1::2]),
        (dh, network.output_grads[::2]),
    ]:
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == np.float32
            np.testing.assert_allclose(one, other, atol=2e-4 * np.sqrt(np.mean(other**2)))
    np.testing.assert_array_equal(dz[0], dh[0])


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_moments_at_any_sigma_w_equal_a_fresh_pass_at_that_sigma_w(act):
    for sigma_w in (0.3, 1.0, 1.7, 4.0):
        network = RandomNetwork(32, act, sigma_w, seed=5)
        fresh = propagation.Signal(network)
        z, h = network.forward_moments(20)
        dz, dh = network.backward_moments(20)
        *fresh_grads, exponents = fresh.gradients(20)
        fresh_dz, fresh_dh = (scaled(arrays, exponents) for arrays in fresh_grads)
        for moments, arrays in [(z, fresh.z[:21]), (h, fresh.h[:21]), (dz, fresh_dz), (dh, fresh_dh)]:
            direct = probes.Moments.of([a.astype(np.float64) for a in arrays])
            np.testing.assert_allclose(moments.second, direct.second, rtol=1e-3)
            np.testing.assert_allclose(moments.mean, direct.mean, atol=1e-3 * np.sqrt(direct.second).max())


def watch(monkeypatch, note):
    """Have `note(signal, arguments)` called at every forward pass that is really made."""

    class Watched(propagation.Signal):
        def __init__(self, *args):
            note(self, args)
            super().__init__(*args)

    propagation.clear()
    monkeypatch.setattr(propagation, "Signal", Watched)


@pytest.fixture
def passes(monkeypatch):
    """The arguments of every forward pass that is really made."""
    made = []
    watch(monkeypatch, lambda _, args: made.append(args))
    return made


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_one_pass_serves_every_scale_of_a_homogeneous_activation_and_of_no_other(act, passes):
    for sigma_w in (0.3, 1.0, 3.0):
        for depth in (5, 60):
            RandomNetwork(32, act, sigma_w, seed=5).forward_moments(depth)
            RandomNetwork(32, act, sigma_w, seed=5).backward_moments(depth)
    assert len(passes) == (1 if act in HOMOGENEOUS else 3)


def test_moments_far_beyond_float32_are_still_right():
    """N(0, 1) weights at width 256: E[h²] doubles its exponent far beyond what float32 holds."""
    _, h = RandomNetwork(256, "ReLU", 16.0).forward_moments(60)
    assert np.all(np.isfinite(h.second))
    per_layer = np.diff(np.log(h.second))
    assert np.exp(per_layer.mean()) == pytest.approx(128, rel=0.05)
    assert h.second[60] > 1e120


def test_gradients_far_below_float32_are_still_right():
    """A sigmoid net with PyTorch's default weights takes a gradient below 1e-45 within 60 layers."""
    network = RandomNetwork(64, "sigmoid", 3**-0.5, rule="uniform")
    _, dh = network.backward_moments(60)
    assert 1e-110 < dh.second[0] < 1e-95
    predicted = propagation.predict("sigmoid", 60, 3**-0.5).h_gradient2[0]
    assert (
        abs(np.log(dh.second[0] / predicted))
        < 4 * propagation.predict("sigmoid", 60, 3**-0.5).gradient_log_spread(64)[0]
    )


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("sigma_w", [0.5, 1.0, 2.0])
def test_weight_gradients_are_those_of_a_plain_network(act, sigma_w):
    width, depth = 32, 12
    signal = RandomNetwork(width, act, sigma_w, seed=3).signal()
    network = network_of(signal, act, sigma_w, depth)
    network.forward(signal.h[0].astype(np.float64))
    network.backward(signal.output_grad.astype(np.float64))
    expected = [np.linalg.norm(layer.grads["weight"]) for layer in network.layers[::2]]
    found = RandomNetwork(width, act, sigma_w, seed=3).weight_gradient_norms(depth)
    np.testing.assert_allclose(found, expected, rtol=2e-3)


@each_rule
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_a_spectrum_is_that_of_a_plain_network(act, rule):
    width, depth, sigma_w = 32, 8, 1.2
    signal = RandomNetwork(width, act, sigma_w, rule=rule, seed=3).signal()
    network = network_of(signal, act, sigma_w, depth)
    expected = jacobians.spectrum(jacobians.of_layers(network, signal.h[0][0].astype(np.float64)))
    found = RandomNetwork(width, act, sigma_w, rule=rule, seed=3).spectrum(depth)
    big = expected.values > 1e-4 * expected.largest  # float32 weights and slopes
    np.testing.assert_allclose(found.values[big], expected.values[big], rtol=5e-3)
    assert found.bound == pytest.approx(expected.bound, rel=1e-3)
    assert found.passing == expected.passing


def test_the_input_has_a_second_moment_of_exactly_1_for_every_row():
    for width in (16, 100, 512):
        signal = RandomNetwork(width, "ReLU", 1.0).signal()
        np.testing.assert_allclose((signal.h[0] ** 2).mean(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose((signal.output_grad**2).mean(axis=1), 1, rtol=1e-5)
        assert signal.h[0].shape == (propagation.BATCH, width)


def test_a_deeper_network_contains_the_shallower_one():
    network = RandomNetwork(32, "tanh", 1.3)
    deep, shallow = network.forward_moments(60), network.forward_moments(7)
    for one, other in zip(deep, shallow, strict=True):
        assert len(other.second) == 8
        np.testing.assert_array_equal(one.second[:8], other.second)


@pytest.mark.parametrize("rule", ["normal", "uniform"])
def test_a_wider_network_contains_the_weights_of_the_narrower_one(rule):
    wide = RandomNetwork(96, "ReLU", 1.0, rule=rule).signal()
    narrow = RandomNetwork(16, "ReLU", 1.0, rule=rule).signal()
    assert len(narrow.weights) == propagation.DEEPEST
    for w, v in zip(wide.weights, narrow.weights, strict=True):
        assert v.shape == (16, 16)
        np.testing.assert_array_equal(w[:16, :16], v)


@pytest.mark.parametrize(("rule", "kurtosis"), [("normal", 3.0), ("uniform", 1.8)])
def test_weights_have_unit_variance_and_the_shape_of_their_rule(rule, kurtosis):
    w = np.stack(RandomNetwork(64, "ReLU", 1.0, rule=rule).signal().weights).astype(np.float64)
    assert np.mean(w**2) == pytest.approx(1, abs=0.02)
    assert np.mean(w**4) == pytest.approx(kurtosis, rel=0.03)
    assert abs(w.mean()) < 0.01
    assert abs(np.mean(w[1:] * w[:-1])) < 0.01  # layers are independent


def test_orthogonal_weights_are_orthogonal_at_every_width():
    for width in (16, 33):
        for w in RandomNetwork(width, "linear", 1.0, rule="orthogonal").signal().weights[::20]:
            np.testing.assert_allclose(w @ w.T, width * np.eye(width), atol=1e-4 * width)


def test_an_orthogonal_linear_network_keeps_every_length():
    _, h = RandomNetwork(16, "linear", 1.0, rule="orthogonal").forward_moments(60)
    np.testing.assert_allclose(h.second, 1, rtol=1e-4)


@each_rule
def test_the_same_seed_gives_the_same_network_and_another_seed_another(rule):
    one, other = (RandomNetwork(16, "ReLU", 1.4, rule=rule, seed=seed) for seed in (0, 1))
    first = one.forward_moments(10)[1].second
    propagation.clear()
    np.testing.assert_array_equal(one.forward_moments(10)[1].second, first)
    other = other.forward_moments(10)[1].second
    assert not np.allclose(other[1:], first[1:], rtol=1e-3)


def test_cosine_and_saturation_on_arrival():
    network = RandomNetwork(64, "tanh", 4.0)
    h = propagation.Signal(network).h[9].astype(np.float64)
    rows = h / np.linalg.norm(h, axis=1, keepdims=True)
    cosines = (rows @ rows.T)[~np.eye(len(rows), dtype=bool)]
    cosine, saturated = network.cosine(9), network.saturated(9)
    assert cosine == pytest.approx(cosines.mean(), rel=1e-5)
    assert saturated == pytest.approx(np.mean(1 - h**2 < 0.05))


@pytest.mark.parametrize("of_z", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_shape_is_the_histogram_of_one_layer(of_z, backward):
    sigma_w, depth, layer = 0.7, 12, 4
    network = RandomNetwork(64, "ReLU", sigma_w)
    signal = propagation.Signal(network)
    z, h, *_ = signal.gradients(depth) if backward else (signal.z, signal.h)
    values = (z if of_z else h)[layer].astype(np.float64)
    share, zeros = network.shape(depth, layer, of_z, backward)
    edges, values = propagation.BINS, values / np.sqrt(np.mean(values**2))
    direct = [np.mean((values >= low) & (values < high)) for low, high in pairwise(edges)]
    np.testing.assert_allclose(share, direct, atol=1e-3)
    assert zeros == pytest.approx(np.mean(values == 0))
    # Half of ReLU's outputs, and of the gradients that pass its slope, are exactly 0.
    assert zeros == pytest.approx(0.5 if backward == of_z else 0, abs=0.1)


# Two inputs


@pytest.mark.parametrize("c", [-0.5, 0.0, 0.6, 0.99, 1.0])
def test_correlations_start_at_exactly_c(c):
    mean, spread = RandomNetwork(256, "tanh", 1.0).correlations(3, c)
    assert len(mean) == len(spread) == 4
    assert mean[0] == pytest.approx(c, abs=1e-6)
    assert spread[0] < 1e-6


def test_correlations_of_a_linear_network_stay_and_biases_raise_them():
    mean, _ = RandomNetwork(256, "linear", 1.0).correlations(10, 0.4)
    np.testing.assert_allclose(mean, 0.4, atol=0.15)
    biased, _ = RandomNetwork(256, "linear", 1.0, 2.0).correlations(10, 0.4)
    assert biased[10] > 0.9


@pytest.mark.parametrize("act", HOMOGENEOUS)
@pytest.mark.parametrize("sigma_w", [0.25, 16.0])
def test_correlations_do_not_depend_on_the_scale_of_a_homogeneous_activation(act, sigma_w):
    """The angle between two signals does not, also where float32 cannot hold the squares of their values."""
    expected, _ = RandomNetwork(256, act, 1.0).correlations(30, 0.5)
    found, _ = RandomNetwork(256, act, sigma_w).correlations(30, 0.5)
    np.testing.assert_allclose(found, expected, atol=1e-3)


# What is kept


@pytest.fixture
def alive(monkeypatch):
    """A function that counts the signals that are kept of those that were made."""
    made = weakref.WeakSet()
    watch(monkeypatch, lambda signal, _: made.add(signal))

    def count():
        gc.collect()
        return len(made)

    return count


@pytest.fixture
def narrow(monkeypatch):
    """A pool no wider than these tests need, which is drawn in no time."""
    propagation.clear()
    monkeypatch.setattr(propagation, "WIDEST", 16)
    yield
    propagation.clear()


def look_at_everything(seed):
    network = RandomNetwork(16, "ReLU", 1.0, seed=seed)
    network.forward_moments(5)
    network.backward_moments(5)
    network.shape(5, 3)
    network.shape(5, 3, backward=True)
    network.cosine(5)


def test_clear_forgets_everything(narrow, alive, passes):
    look_at_everything(0)
    assert alive() == len(passes) == 1
    look_at_everything(0)
    assert len(passes) == 1
    propagation.clear()
    assert alive() == 0
    look_at_everything(0)
    assert len(passes) == 2


def test_what_is_kept_does_not_grow_with_every_new_seed(narrow, alive):
    """A seed's weights fill 63 MB: “New seed” pressed thirty times must not fill the memory of Binder."""
    for seed in range(8):
        look_at_everything(seed)
    assert 1 <= alive() <= 4


# Bad input


@pytest.mark.parametrize("width", [1, 513, 0, 16.0, True])
def test_a_bad_width_is_named(width):
    with pytest.raises(ValueError, match=f"width={width!r}.*from 2 to 512"):
        RandomNetwork(width, "ReLU", 1.0)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"rule": "normall"}, r"rule='normall'.*Did you mean 'normal'"),
        ({"activation": "relu"}, r"activation='relu'.*Did you mean 'ReLU'"),
        ({"norm": "batchnorm"}, r"norm='batchnorm'.*Did you mean 'BatchNorm'"),
        ({"sigma_w": 0}, "sigma_w=0 "),
        ({"sigma_w": -1}, "sigma_w=-1 "),
        ({"sigma_w": np.nan}, "sigma_w=nan"),
        ({"sigma_b": -0.1}, "sigma_b=-0.1 "),
    ],
)
def test_a_bad_name_or_scale_is_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        RandomNetwork(**{"width": 16, "activation": "ReLU", "sigma_w": 1.0, **wrong})


@pytest.mark.parametrize("ask", [lambda one: one.spectrum(3), lambda one: one.correlations(3, 0.5)])
def test_what_is_known_without_a_norm_alone_says_so(ask):
    with pytest.raises(ValueError, match="norm='LayerNorm'"):
        ask(RandomNetwork(16, "ReLU", 1.0, norm="LayerNorm"))


# Networks with norms


@pytest.mark.parametrize("norm", ["none", "BatchNorm", "LayerNorm", "RMSNorm", "GroupNorm"])
def test_a_normed_signal_is_what_a_plain_network_of_the_same_weights_computes(norm):
    width, depth, sigma_w = 32, 12, 1.2
    random = RandomNetwork(width, "ReLU", sigma_w, norm=norm, seed=3)
    x, grad, weights, _ = propagation._draws("normal", width, 3)
    rng = np.random.default_rng(0)
    network = plain(width, width, depth + 1, width, rng, layers.NORMS[norm], dtype=np.float64)
    network.layers.pop()
    linear = [layer for layer in network.layers if isinstance(layer, layers.Linear)]
    for layer, w in zip(linear, weights, strict=False):
        layer.params["weight"] = w.astype(np.float64) * sigma_w / np.sqrt(width)
    network.forward(x.astype(np.float64))
    network.backward(grad.astype(np.float64))
    enters = [
        value
        for value, layer in zip(network.outputs, network.layers, strict=False)
        if isinstance(layer, layers.ReLU)
    ]
    before, after = random.statistics(depth)
    assert before.mean[depth] == pytest.approx(enters[-1].mean(), abs=1e-5)
    assert before.std[depth] == pytest.approx(enters[-1].std(), rel=1e-4)
    assert after.std[depth] == pytest.approx(network.outputs[-1].std(), rel=1e-4)
    assert random.cosine(depth) == pytest.approx(probes.cosine_similarity(network.outputs[-1]), abs=1e-4)
    norms_of = probes.gradient_norms(network)
    _, dh = random.backward_moments(depth)
    found = np.sqrt(dh.second[0] / dh.second[-1])
    assert found == pytest.approx(norms_of[0] / norms_of[-1], rel=1e-3)


def test_the_spread_splits_into_units_and_inputs():
    for statistics in RandomNetwork(32, "ReLU", 2.0).statistics(60):
        np.testing.assert_allclose(
            statistics.std**2, statistics.units_apart**2 + statistics.unit_std**2, rtol=1e-9
        )
        assert len(statistics.upto(7).mean) == 8


def test_batch_norm_pins_every_unit_and_layer_norm_only_the_layer():
    batch, layer = (RandomNetwork(128, "ReLU", 1.0, norm=norm) for norm in ("BatchNorm", "LayerNorm"))
    of_batch, of_layer = batch.statistics(60)[0], layer.statistics(60)[0]
    np.testing.assert_allclose(of_batch.unit_std[1:], 1, atol=1e-3)
    np.testing.assert_allclose(of_batch.mean[1:], 0, atol=1e-5)
    np.testing.assert_allclose(of_layer.std[1:], 1, atol=1e-3)
    assert of_layer.unit_std[50] < 0.25
    assert layer.cosine(50) > 0.95 and batch.cosine(50) < 0.5


def test_statistics_at_any_sigma_w_equal_those_of_a_fresh_pass():
    for sigma_w in (0.5, 2.0):
        network = RandomNetwork(32, "ReLU", sigma_w, seed=5)
        fresh = propagation.Signal(network)
        for found, arrays in zip(network.statistics(20), (fresh.z[:21], fresh.h[:21]), strict=True):
            for curve, direct in vars(propagation.Statistics.of(arrays)).items():
                np.testing.assert_allclose(getattr(found, curve), direct, rtol=1e-3, atol=1e-6)


def test_biases_enter_every_layer():
    network = RandomNetwork(256, "tanh", 1e-3, 0.5)
    z, _ = network.forward_moments(5)
    np.testing.assert_allclose(z.second[1:], 0.25, rtol=0.3)  # the weights are nearly nothing
    assert network.cosine(5) > 0.99
