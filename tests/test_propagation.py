"""The signal that instruments ask for: all the reuse in it must be exact."""

import gc
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from helpers import jacobians, layers, probes, propagation
from helpers.network import mlp, plain

# One object for each, as in the instruments: what is remembered is found again by it.
ACTIVATIONS = {
    "ReLU": layers.ReLU,
    "leaky ReLU": partial(layers.LeakyReLU, 0.2),
    "tanh": layers.Tanh,
    "sigmoid": layers.Sigmoid,
    "linear": layers.Identity,
}
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
    width, depth, sigma_w, make = 48, 30, 0.9, ACTIVATIONS[act]
    signal = propagation.Signal(width, make, rule, sigma_w, seed=3)
    network = network_of(signal, make, sigma_w, depth)
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
    make = ACTIVATIONS[act]
    for sigma_w in (0.3, 1.0, 1.7, 4.0):
        asked = 32, make, "normal", sigma_w, 5
        fresh = propagation.Signal(*asked)
        z, h = propagation.forward_moments(asked, 20)
        dz, dh = propagation.backward_moments(asked, 20)
        *fresh_grads, exponents = fresh.gradients(20)
        fresh_dz, fresh_dh = (scaled(arrays, exponents) for arrays in fresh_grads)
        for moments, arrays in [(z, fresh.z[:21]), (h, fresh.h[:21]), (dz, fresh_dz), (dh, fresh_dh)]:
            direct = probes.Moments.of([a.astype(np.float64) for a in arrays])
            np.testing.assert_allclose(moments.second, direct.second, rtol=1e-3)
            np.testing.assert_allclose(moments.mean, direct.mean, atol=1e-3 * np.sqrt(direct.second).max())


@pytest.fixture
def passes(monkeypatch):
    """The arguments of every forward pass that is really made."""
    made = []

    class Counted(propagation.Signal):
        def __init__(self, *args):
            made.append(args)
            super().__init__(*args)

    propagation.clear()
    monkeypatch.setattr(propagation, "Signal", Counted)
    return made


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_one_pass_serves_every_scale_of_a_homogeneous_activation_and_of_no_other(act, passes):
    for sigma_w in (0.3, 1.0, 3.0):
        for depth in (5, 60):
            propagation.forward_moments((32, ACTIVATIONS[act], "normal", sigma_w, 5), depth)
            propagation.backward_moments((32, ACTIVATIONS[act], "normal", sigma_w, 5), depth)
    assert len(passes) == (1 if act in HOMOGENEOUS else 3)


def test_moments_far_beyond_float32_are_still_right():
    """N(0, 1) weights at width 256: E[h²] doubles its exponent far beyond what float32 holds."""
    _, h = propagation.forward_moments((256, layers.ReLU, "normal", 16.0, 0), 60)
    assert np.all(np.isfinite(h.second))
    per_layer = np.diff(np.log(h.second))
    assert np.exp(per_layer.mean()) == pytest.approx(128, rel=0.05)
    assert h.second[60] > 1e120


def test_gradients_far_below_float32_are_still_right():
    """A sigmoid net with PyTorch's default weights takes a gradient below 1e-45 within 60 layers."""
    asked = 64, layers.Sigmoid, "uniform", 3**-0.5, 0
    _, dh = propagation.backward_moments(asked, 60)
    assert 1e-110 < dh.second[0] < 1e-95
    predicted = propagation.predict(layers.Sigmoid, 60, 3**-0.5).h_gradient2[0]
    assert (
        abs(np.log(dh.second[0] / predicted))
        < 4 * propagation.predict(layers.Sigmoid, 60, 3**-0.5).gradient_log_spread(64)[0]
    )


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("sigma_w", [0.5, 1.0, 2.0])
def test_weight_gradients_are_those_of_a_plain_network(act, sigma_w):
    width, depth, make = 32, 12, ACTIVATIONS[act]
    signal = propagation.Signal(width, make, "normal", sigma_w, seed=3)
    network = network_of(signal, make, sigma_w, depth)
    network.forward(signal.h[0].astype(np.float64))
    network.backward(signal.output_grad.astype(np.float64))
    expected = [np.linalg.norm(layer.grads["weight"]) for layer in network.layers[::2]]
    found = propagation.weight_gradient_norms((width, make, "normal", sigma_w, 3), depth)
    np.testing.assert_allclose(found, expected, rtol=2e-3)


@each_rule
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_a_spectrum_is_that_of_a_plain_network(act, rule):
    width, depth, sigma_w, make = 32, 8, 1.2, ACTIVATIONS[act]
    signal = propagation.Signal(width, make, rule, sigma_w, seed=3)
    network = network_of(signal, make, sigma_w, depth)
    expected = jacobians.spectrum(jacobians.of_layers(network, signal.h[0][0].astype(np.float64)))
    found = propagation.spectrum((width, make, rule, sigma_w, 3), depth)
    big = expected.values > 1e-4 * expected.largest  # float32 weights and slopes
    np.testing.assert_allclose(found.values[big], expected.values[big], rtol=5e-3)
    assert found.bound == pytest.approx(expected.bound, rel=1e-3)
    assert found.passing == expected.passing


def test_the_input_has_a_second_moment_of_exactly_1_for_every_row():
    for width in (16, 100, 512):
        signal = propagation.Signal(width, layers.ReLU, "normal", 1.0, 0)
        np.testing.assert_allclose((signal.h[0] ** 2).mean(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose((signal.output_grad**2).mean(axis=1), 1, rtol=1e-5)
        assert signal.h[0].shape == (propagation.BATCH, width)


def test_a_deeper_network_contains_the_shallower_one():
    asked = 32, layers.Tanh, "normal", 1.3, 0
    deep, shallow = propagation.forward_moments(asked, 60), propagation.forward_moments(asked, 7)
    for one, other in zip(deep, shallow, strict=True):
        assert len(other.second) == 8
        np.testing.assert_array_equal(one.second[:8], other.second)


@pytest.mark.parametrize("rule", ["normal", "uniform"])
def test_a_wider_network_contains_the_weights_of_the_narrower_one(rule):
    wide = propagation.Signal(96, layers.ReLU, rule, 1.0, 0)
    narrow = propagation.Signal(16, layers.ReLU, rule, 1.0, 0)
    assert len(narrow.weights) == propagation.DEEPEST
    for w, v in zip(wide.weights, narrow.weights, strict=True):
        assert v.shape == (16, 16)
        np.testing.assert_array_equal(w[:16, :16], v)


@pytest.mark.parametrize(("rule", "kurtosis"), [("normal", 3.0), ("uniform", 1.8)])
def test_weights_have_unit_variance_and_the_shape_of_their_rule(rule, kurtosis):
    w = np.stack(propagation.Signal(64, layers.ReLU, rule, 1.0, 0).weights).astype(np.float64)
    assert np.mean(w**2) == pytest.approx(1, abs=0.02)
    assert np.mean(w**4) == pytest.approx(kurtosis, rel=0.03)
    assert abs(w.mean()) < 0.01
    assert abs(np.mean(w[1:] * w[:-1])) < 0.01  # layers are independent


def test_orthogonal_weights_are_orthogonal_at_every_width():
    for width in (16, 33):
        for w in propagation.Signal(width, layers.Identity, "orthogonal", 1.0, 0).weights[::20]:
            np.testing.assert_allclose(w @ w.T, width * np.eye(width), atol=1e-4 * width)


def test_an_orthogonal_linear_network_keeps_every_length():
    _, h = propagation.forward_moments((16, layers.Identity, "orthogonal", 1.0, 0), 60)
    np.testing.assert_allclose(h.second, 1, rtol=1e-4)


@each_rule
def test_the_same_seed_gives_the_same_network_and_another_seed_another(rule):
    asked = 16, layers.ReLU, rule, 1.4
    first = propagation.forward_moments((*asked, 0), 10)[1].second
    propagation.clear()
    np.testing.assert_array_equal(propagation.forward_moments((*asked, 0), 10)[1].second, first)
    other = propagation.forward_moments((*asked, 1), 10)[1].second
    assert not np.allclose(other[1:], first[1:], rtol=1e-3)


def test_cosine_and_saturation_on_arrival():
    asked = 64, layers.Tanh, "normal", 4.0, 0
    h = propagation.Signal(*asked).h[9].astype(np.float64)
    rows = h / np.linalg.norm(h, axis=1, keepdims=True)
    cosines = (rows @ rows.T)[~np.eye(len(rows), dtype=bool)]
    cosine, saturated = propagation.arrival(asked, 9)
    assert cosine == pytest.approx(cosines.mean(), rel=1e-5)
    assert saturated == pytest.approx(np.mean(1 - h**2 < 0.05))


@pytest.mark.parametrize("of_z", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_shape_is_the_histogram_of_one_layer(of_z, backward):
    sigma_w, depth, layer = 0.7, 12, 4
    asked = 64, layers.ReLU, "normal", sigma_w, 0
    signal = propagation.Signal(*asked)
    z, h, *_ = signal.gradients(depth) if backward else (signal.z, signal.h)
    values = (z if of_z else h)[layer].astype(np.float64)
    share, zeros = propagation.shape(asked, depth, layer, of_z, backward)
    edges, values = propagation.BINS, values / np.sqrt(np.mean(values**2))
    direct = [np.mean((values >= low) & (values < high)) for low, high in pairwise(edges)]
    np.testing.assert_allclose(share, direct, atol=1e-3)
    assert zeros == pytest.approx(np.mean(values == 0))
    # Half of ReLU's outputs, and of the gradients that pass its slope, are exactly 0.
    assert zeros == pytest.approx(0.5 if backward == of_z else 0, abs=0.1)


# Two inputs


@pytest.mark.parametrize("c", [-0.5, 0.0, 0.6, 0.99, 1.0])
def test_correlations_start_at_exactly_c(c):
    mean, spread = propagation.correlations(3, layers.Tanh, 1.0, 0.0, c, 0)
    assert len(mean) == len(spread) == 4
    assert mean[0] == pytest.approx(c, abs=1e-6)
    assert spread[0] < 1e-6


def test_correlations_of_a_linear_network_stay_and_biases_raise_them():
    mean, _ = propagation.correlations(10, layers.Identity, 1.0, 0.0, 0.4, 0)
    np.testing.assert_allclose(mean, 0.4, atol=0.15)
    biased, _ = propagation.correlations(10, layers.Identity, 1.0, 2.0, 0.4, 0)
    assert biased[10] > 0.9


@pytest.mark.parametrize("act", HOMOGENEOUS)
@pytest.mark.parametrize("sigma_w", [0.25, 16.0])
def test_correlations_do_not_depend_on_the_scale_of_a_homogeneous_activation(act, sigma_w):
    """The angle between two signals does not, also where float32 cannot hold the squares of their values."""
    make = ACTIVATIONS[act]
    expected, _ = propagation.correlations(30, make, 1.0, 0.0, 0.5, 0)
    found, _ = propagation.correlations(30, make, sigma_w, 0.0, 0.5, 0)
    np.testing.assert_allclose(found, expected, atol=1e-3)


# What is kept


def alive():
    gc.collect()
    return sum(isinstance(one, propagation.Signal) for one in gc.get_objects())


@pytest.fixture
def narrow(monkeypatch):
    """A pool no wider than these tests need, which is drawn in no time."""
    propagation.clear()
    monkeypatch.setattr(propagation, "WIDEST", 16)
    yield
    propagation.clear()


def look_at_everything(seed):
    asked = 16, layers.ReLU, "normal", 1.0, seed
    propagation.forward_moments(asked, 5)
    propagation.backward_moments(asked, 5)
    propagation.shape(asked, 5, 3)
    propagation.shape(asked, 5, 3, backward=True)
    propagation.arrival(asked, 5)


def test_clear_forgets_everything(narrow, passes):
    look_at_everything(0)
    assert alive() == len(passes) == 1
    look_at_everything(0)
    assert len(passes) == 1
    propagation.clear()
    assert alive() == 0
    look_at_everything(0)
    assert len(passes) == 2


def test_what_is_kept_does_not_grow_with_every_new_seed(narrow):
    """A seed's weights fill 63 MB: “New seed” pressed thirty times must not fill the memory of Binder."""
    for seed in range(8):
        look_at_everything(seed)
    assert alive() <= 4


# Bad input


@pytest.mark.parametrize("width", [1, 513, 0, 16.0, True])
def test_a_bad_width_is_named(width):
    with pytest.raises(ValueError, match=f"width={width!r}.*from 2 to 512"):
        propagation.forward_moments((width, layers.ReLU, "normal", 1.0, 0), 5)


def test_a_bad_rule_or_scale_is_named():
    with pytest.raises(ValueError, match=r"rule='normall'.*Did you mean 'normal'"):
        propagation.forward_moments((16, layers.ReLU, "normall", 1.0, 0), 5)
    for sigma_w in (0, -1, np.nan):
        with pytest.raises(ValueError, match=f"sigma_w={sigma_w!r}"):
            propagation.forward_moments((16, layers.ReLU, "normal", sigma_w, 0), 5)


# Networks with norms


@pytest.mark.parametrize("norm", ["none", "BatchNorm", "LayerNorm", "RMSNorm", "GroupNorm"])
def test_a_normed_signal_is_what_a_plain_network_of_the_same_weights_computes(norm):
    width, depth, sigma_w = 32, 12, 1.2
    kept = propagation.normed(norm, width, sigma_w, 3)
    assert propagation.normed(norm, width, sigma_w, 3) is kept
    x, grad, weights = propagation._draws("normal", width, 3)
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
    assert kept.before.mean[depth] == pytest.approx(enters[-1].mean(), abs=1e-5)
    assert kept.before.std[depth] == pytest.approx(enters[-1].std(), rel=1e-4)
    assert kept.after.std[depth] == pytest.approx(network.outputs[-1].std(), rel=1e-4)
    assert kept.cosine[depth] == pytest.approx(probes.cosine_similarity(network.outputs[-1]), abs=1e-4)
    norms_of = probes.gradient_norms(network)
    assert kept.gradient_ratio(depth) == pytest.approx(norms_of[0] / norms_of[-1], rel=1e-3)


def test_the_spread_splits_into_units_and_inputs():
    for statistics in (
        propagation.normed("none", 32, 2.0, 0).before,
        propagation.normed("none", 32, 2.0, 0).after,
    ):
        np.testing.assert_allclose(
            statistics.std**2, statistics.units_apart**2 + statistics.unit_std**2, rtol=1e-9
        )
        assert len(statistics.upto(7).mean) == 8


def test_batch_norm_pins_every_unit_and_layer_norm_only_the_layer():
    batch, layer = (propagation.normed(norm, 128, 1.0, 0) for norm in ("BatchNorm", "LayerNorm"))
    np.testing.assert_allclose(batch.before.unit_std[1:], 1, atol=1e-3)
    np.testing.assert_allclose(batch.before.mean[1:], 0, atol=1e-5)
    np.testing.assert_allclose(layer.before.std[1:], 1, atol=1e-3)
    assert layer.before.unit_std[50] < 0.25
    assert layer.cosine[50] > 0.95 and batch.cosine[50] < 0.5
