"""Probes: each statistic against plain numpy on small arrays, with and without an axis of runs."""

from copy import deepcopy

import numpy as np
import pytest

from helpers import probes
from helpers.layers import BatchNorm, Identity, LeakyReLU, Linear, ReLU, Sigmoid, Tanh, every_layer
from helpers.losses import softmax_cross_entropy
from helpers.network import Network, mlp, plain, residual_v1, residual_v2, stack
from helpers.optimizers import SGD

each_lead = pytest.mark.parametrize("lead", [(), (3,), (2, 3)], ids=["alone", "runs", "runs of runs"])


def sample(lead, dtype=np.float64):
    return (np.random.default_rng(0).standard_normal((*lead, 5, 4)) * 2 + 0.7).astype(dtype)


def by_run(f, a):
    """`f` of each (batch, features) array alone."""
    return np.array([f(one) for one in a.reshape(-1, *a.shape[-2:])]).reshape(a.shape[:-2])


@pytest.mark.parametrize("statistic", [probes.second_moment, probes.mean, probes.peak])
def test_one_run_is_still_an_axis_of_runs(statistic):
    assert statistic(np.ones((1, 4, 5), np.float32)).shape == (1,)
    assert type(statistic(np.ones((4, 5), np.float32))) is np.float64


@each_lead
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_of_an_array(lead, dtype):
    a = sample(lead, dtype)
    rtol = 1e-5 if dtype == np.float32 else 1e-12
    for found, expected in [
        (probes.mean(a), by_run(lambda one: sum(one.ravel().tolist()) / 20, a)),
        (probes.second_moment(a), by_run(lambda one: sum(v * v for v in one.ravel().tolist()) / 20, a)),
        (probes.variance(a), by_run(np.var, a.astype(np.float64))),
        (probes.batch_variance(a), by_run(lambda one: np.mean([np.var(c) for c in one.T]), a)),
    ]:
        np.testing.assert_allclose(found, expected, rtol=rtol)
        assert np.shape(found) == lead
        assert np.asarray(found).dtype == np.float64


@pytest.mark.parametrize("value", [1e30, 1e20, 3e15, 1e-15, 1e-20, 1e-25, 1e-40])
def test_moments_of_float32_values_whose_squares_float32_cannot_hold(value):
    a = np.full((2, 3, 4), value, np.float32)
    a[:, :, ::2] *= 3
    exact = a.astype(np.float64)
    np.testing.assert_allclose(probes.second_moment(a), np.mean(exact**2, axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(probes.mean(a), np.mean(exact, axis=(1, 2)), rtol=1e-5)


def test_one_run_out_of_range_does_not_spoil_the_others():
    a = np.ones((3, 2, 4), np.float32)
    a[1] *= 1e30
    a[2] *= 1e-30
    np.testing.assert_allclose(probes.second_moment(a), [1, 1e60, 1e-60], rtol=1e-5)


def test_a_signal_that_overflowed_or_died_is_reported_as_it_is():
    assert probes.second_moment(np.full((2, 2), np.inf, np.float32)) == np.inf
    assert probes.second_moment(np.zeros((2, 2), np.float32)) == 0
    assert np.isnan(probes.second_moment(np.full((2, 2), np.nan, np.float32)))


def test_a_sum_in_float32_stays_exact_enough_over_many_values():
    a = np.random.default_rng(0).standard_normal((1024, 256), dtype=np.float32) + 3
    assert probes.second_moment(a) == pytest.approx(np.mean(a.astype(np.float64) ** 2), rel=1e-6)
    assert probes.variance(a) == pytest.approx(np.var(a.astype(np.float64)), rel=1e-5)


def test_variance_and_batch_variance_tell_two_kinds_of_difference_apart():
    units_differ = np.tile([[1.0, 2.0, 3.0]], (4, 1))
    assert probes.variance(units_differ) == pytest.approx(2 / 3)
    assert probes.batch_variance(units_differ) == 0
    inputs_differ = np.tile([[1.0], [2.0], [3.0]], (1, 4))
    assert probes.batch_variance(inputs_differ) == pytest.approx(2 / 3)


# Cosine


@each_lead
def test_cosine_similarity_is_the_mean_over_pairs_of_different_rows(lead):
    a = sample(lead)

    def direct(one):
        cosines = [
            u @ v / np.sqrt((u @ u) * (v @ v)) for i, u in enumerate(one) for j, v in enumerate(one) if i != j
        ]
        return np.mean(cosines)

    np.testing.assert_allclose(probes.cosine_similarity(a), by_run(direct, a), rtol=1e-12)


@pytest.mark.parametrize(
    ("rows", "cosine"),
    [
        ([[1, 2], [2, 4], [0.5, 1]], 1),
        ([[1, 0], [0, 1]], 0),
        ([[1, 0], [-3, 0]], -1),
        ([[1, 0], [1, 1]], np.sqrt(0.5)),
        ([[1e-30, 0], [1e30, 0]], 1),
    ],
)
def test_cosine_similarity_of_rows_drawn_by_hand(rows, cosine):
    for dtype in (np.float32, np.float64):
        assert probes.cosine_similarity(np.array(rows, dtype)) == pytest.approx(cosine, abs=1e-6)


def test_cosine_similarity_where_units_have_died():
    """A row of zeros has no direction: it counts as 0 and must not make other cosines smaller."""
    assert probes.cosine_similarity(np.zeros((4, 3))) == pytest.approx(0)
    assert probes.cosine_similarity(np.array([[1.0, 0], [0, 0], [1, 0]])) == pytest.approx(1 / 3)


# Shares


def test_dead_share_counts_units_that_are_zero_for_the_whole_batch():
    h = np.array([[0.0, 0, 1, 0], [0, 2, 1, 0], [0, 0, 1, -1e-30]])
    assert probes.dead_share(h) == 0.25
    np.testing.assert_array_equal(probes.dead_share(np.stack([h, h * 0, h + 1])), [0.25, 1, 0])


def test_saturated_share_counts_flat_places():
    # tanh′ = 1 − tanh² falls below 0.05 at |z| = 2.18, σ′ below 0.05 · ¼ at |z| = 4.36.
    z = np.array([[0.0, 2.1, -2.1, 2.3], [-2.3, 4.3, -4.3, 4.5]])
    assert probes.saturated_share(Tanh(), z) == 5 / 8
    assert probes.saturated_share(Sigmoid(), z) == 1 / 8
    assert probes.saturated_share(ReLU(), z) == 4 / 8
    assert probes.saturated_share(LeakyReLU(0.2), z) == 0
    assert probes.saturated_share(Identity(), z) == 0
    assert probes.saturated_share(Tanh(), z, limit=0.5) == 7 / 8
    np.testing.assert_array_equal(probes.saturated_share(Tanh(), np.stack([z, 0 * z])), [5 / 8, 0])


def test_saturated_share_leaves_a_layer_what_it_remembers():
    layer = Tanh()
    h = layer.forward(np.array([[0.5, -1.0]])).copy()
    probes.saturated_share(layer, np.full((3, 4), 9.0))
    np.testing.assert_array_equal(layer.backward(np.ones((1, 2))), 1 - h**2)


# By layer


def network_after_both_passes(lead=(), act="tanh"):
    rng = np.random.default_rng(0)
    network = mlp([4, 6, 5, 3], rng, act, dtype=np.float64)
    for layer in network.layers[::2]:
        layer.params["weight"] = rng.standard_normal((*lead, *layer.params["weight"].shape))
        layer.params["bias"] = rng.standard_normal((*lead, *layer.params["bias"].shape))
    y = network.forward(rng.standard_normal((*lead, 7, 4)))
    network.backward(rng.standard_normal(y.shape))
    return network


@each_lead
def test_forward_moments_are_those_of_z_and_h_at_every_layer(lead):
    network = network_after_both_passes(lead)
    z, h = probes.forward_moments(network)
    h_values = [network.outputs[0]]
    z_values = [network.outputs[0]]
    for layer in network.layers[::2]:
        z_values.append(h_values[-1] @ layer.params["weight"] + layer.params["bias"][..., None, :])
        h_values.append(np.tanh(z_values[-1]))
    for found, values in ((z, z_values), (h, h_values)):
        np.testing.assert_allclose(found.mean, [a.mean((-2, -1)) for a in values], rtol=1e-9)
        np.testing.assert_allclose(found.second, [(a**2).mean((-2, -1)) for a in values], rtol=1e-9)
        np.testing.assert_allclose(found.variance, [a.var((-2, -1)) for a in values], rtol=1e-9)


@each_lead
def test_backward_moments_and_gradient_norms(lead):
    network = network_after_both_passes(lead)
    dz, dh = probes.backward_moments(network)
    dh_values, dz_values = [network.output_grads[-1]], []
    for act, layer in zip(network.layers[:0:-2], network.layers[-2::-2], strict=True):
        dz_values.append(dh_values[-1] * (1 - act.h**2))
        dh_values.append(dz_values[-1] @ np.swapaxes(layer.params["weight"], -1, -2))
    dz_values.append(dh_values[-1])
    np.testing.assert_allclose(dh.second, [(a**2).mean((-2, -1)) for a in dh_values[::-1]], rtol=1e-9)
    np.testing.assert_allclose(dz.second, [(a**2).mean((-2, -1)) for a in dz_values[::-1]], rtol=1e-9)
    norms = [np.sqrt((a**2).sum((-2, -1))) for a in dh_values[::-1]]
    np.testing.assert_allclose(probes.gradient_norms(network), norms, rtol=1e-9)


def test_a_network_that_ends_in_a_linear_layer_has_the_same_last_z_and_h():
    network = mlp([4, 6, 3], np.random.default_rng(0), last_act=False)
    network.forward(np.ones((2, 4), np.float32))
    z, h = probes.forward_moments(network)
    assert len(z.second) == len(h.second) == 3
    assert z.second[-1] == h.second[-1]
    assert z.second[1] != h.second[1]


@pytest.mark.parametrize("size", [1e25, 1e-25])
def test_gradient_norms_of_float32_gradients_whose_squares_float32_cannot_hold(size):
    network = Network([Linear(3, 3, np.random.default_rng(0))])
    network.forward(np.ones((2, 3), np.float32))
    network.backward(np.full((2, 3), size, np.float32))
    np.testing.assert_allclose(probes.gradient_norms(network)[-1], np.sqrt(6) * size, rtol=1e-5)


def test_probes_say_when_a_pass_is_missing():
    network = mlp([4, 6, 3], np.random.default_rng(0))
    with pytest.raises(ValueError, match="run forward"):
        probes.forward_moments(network)
    network.forward(np.ones((2, 4), np.float32))
    with pytest.raises(ValueError, match="backward"):
        probes.backward_moments(network)
    with pytest.raises(ValueError, match="backward"):
        probes.gradient_norms(network)


# Moments


@pytest.mark.parametrize("lead", [(), (2,), (4,)], ids=["alone", "2 runs", "as many runs as layers"])
def test_scaled_moments_are_those_of_scaled_values(lead):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((*lead, 5, 4)) + 0.5 for _ in range(4)]
    factors = np.array([1.0, 3.0, -2.0, 1e-10])
    scaled = probes.Moments.of(arrays).scaled(factors)
    direct = probes.Moments.of([a * c for a, c in zip(arrays, factors, strict=True)])
    np.testing.assert_allclose(scaled.second, direct.second, rtol=1e-12)
    np.testing.assert_allclose(scaled.mean, direct.mean, rtol=1e-12)
    np.testing.assert_allclose(scaled.variance, direct.variance, rtol=1e-9)


def test_upto_keeps_the_layers_0_to_depth():
    moments = probes.Moments(np.arange(10.0) + 90, np.arange(10.0), np.arange(10.0) + 1)
    np.testing.assert_array_equal(moments.upto(3).mean, [0, 1, 2, 3])
    np.testing.assert_array_equal(moments.upto(3).second, [90, 91, 92, 93])
    np.testing.assert_array_equal(moments.upto(0).mean, [0])


# Residual networks


def trained_once(build, norm=BatchNorm, depth=8, scale=0.5):
    rng = np.random.default_rng(0)
    network = build(7, 5, depth, 3, rng, norm, scale=scale, dtype=np.float64)
    network.forward(rng.standard_normal((6, 7)))
    network.backward(rng.standard_normal((6, 3)))
    return network


def test_a_residual_block_counts_as_one_layer():
    network = trained_once(residual_v2)  # Linear, three blocks, norm, ReLU, Linear
    z, h = probes.forward_moments(network)
    assert len(z.second) == len(h.second) == 6
    places = [0, 1, 2, 3, 4, 7]
    np.testing.assert_allclose(z.second, [np.mean(network.outputs[i] ** 2) for i in places])
    expected = [np.linalg.norm(network.output_grads[i]) for i in places]
    np.testing.assert_allclose(probes.gradient_norms(network, of="z"), expected)
    with pytest.raises(ValueError, match="of='F' is not one of"):
        probes.gradient_norms(network, of="F")


def test_of_a_first_generation_block_h_is_behind_its_activation():
    network = trained_once(residual_v1)  # Linear, norm, ReLU, then Residual and ReLU in turn, Linear
    expected = [np.linalg.norm(network.output_grads[i]) for i in (0, 3, 5, 7, 9, 10)]
    np.testing.assert_allclose(probes.gradient_norms(network), expected)


@pytest.mark.parametrize("scale", [0.5, "learned"])
def test_a_branch_can_be_opened_and_probed(scale):
    network = trained_once(residual_v2, scale=scale)
    x, grad = network.outputs[0], network.output_grads[-1]
    for layer in every_layer(network.layers):
        if "scale" in layer.params:
            layer.params["scale"][:] = 0.5
    network.forward(x)
    network.backward(grad)
    opened = probes.branch(network, 1)
    np.testing.assert_allclose(0.5 * opened.outputs[-1], network.outputs[3] - network.outputs[2])
    np.testing.assert_allclose(opened.output_grads[0], network.output_grads[2] - network.output_grads[3])
    grads = [layer.grads["weight"] for layer in network.layers[2].layers if "weight" in layer.params]
    opened_grads = [layer.grads["weight"] for layer in opened.layers if "weight" in layer.params]
    np.testing.assert_allclose(opened_grads, grads)
    assert len(probes.gradient_norms(opened)) == 3
    with pytest.raises(ValueError, match="block=3 is out of range: from 0 to 2"):
        probes.branch(network, 3)
    with pytest.raises(ValueError, match="no residual block"):
        probes.branch(opened, 0)


def test_a_linear_probe_finds_what_straight_lines_can_tell_apart_and_nothing_else():
    rng = np.random.default_rng(0)
    h = rng.standard_normal((400, 2))
    line = (h @ [1.0, -2.0] > 0).astype(int)
    corners = (h[:, 0] * h[:, 1] > 0).astype(int)  # exclusive or
    new = rng.standard_normal((400, 2))
    new_line, new_corners = (new @ [1.0, -2.0] > 0).astype(int), (new[:, 0] * new[:, 1] > 0).astype(int)
    assert probes.linear_probe(h, line, new, new_line) > 0.97
    assert probes.linear_probe(h, corners, new, new_corners) < 0.62
    product, new_product = (np.column_stack([a, a[:, 0] * a[:, 1]]) for a in (h, new))
    assert probes.linear_probe(product, corners, new_product, new_corners) > 0.85
    with pytest.raises(ValueError, match="labels"):
        probes.linear_probe(h, line[:3], new, new_line)


# The promise of the gradient


def _parabola(outputs, y):
    """L = Σ (x W)²/2 for one x: its gradient is W's own."""
    return (outputs**2).sum(axis=(-2, -1)) / 2, outputs


def test_on_a_parabola_the_promise_is_kept_by_half_where_the_loss_is_lowest():
    """L = ‖W‖²/2 has L(W) − L(W − ηW) = (η − η²/2) ‖W‖², of a promised η ‖W‖²: 1 − η/2."""
    network = Network([Linear(1, 3, np.random.default_rng(0), bias=False, dtype=np.float64)])
    rates = np.array([1e-6, 0.5, 1.0, 2.0, 4.0])
    kept = probes.kept_promise(network, np.ones((1, 1)), np.zeros((1, 3)), rates, _parabola)
    np.testing.assert_allclose(kept, 1 - rates / 2, rtol=1e-6, atol=1e-9)


def test_kept_promise_is_the_drop_after_one_step_of_sgd_over_eta_times_the_squared_gradient():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((16, 6)), rng.integers(0, 3, 16)
    network = plain(6, 8, 4, 3, rng, BatchNorm, dtype=np.float64)
    found = probes.kept_promise(deepcopy(network), x, y, (0.01, 0.3))
    for eta, share in zip((0.01, 0.3), found, strict=True):
        one = deepcopy(network)
        before, grad = softmax_cross_entropy(one.forward(x), y)
        one.backward(grad)
        square = sum(np.sum(g**2) for layer in every_layer(one.layers) for g in layer.grads.values())
        SGD(one.layers, eta).step()
        after, _ = softmax_cross_entropy(one.forward(x), y)
        assert share == pytest.approx((before - after) / (eta * square), rel=1e-9)


def test_kept_promise_leaves_the_network_as_it_is_and_survives_a_step_that_overflows():
    rng = np.random.default_rng(0)
    network = plain(6, 8, 3, 3, rng)
    kept_weights = [layer.params["weight"].copy() for layer in network.layers if layer.params]
    x, y = rng.standard_normal((16, 6)).astype(np.float32), rng.integers(0, 3, 16)
    found = probes.kept_promise(network, x, y, (1e-3, 1e30))
    assert found[0] == pytest.approx(1, abs=0.05) and not found[1] > 0
    weights = [layer.params["weight"] for layer in network.layers if layer.params]
    for now, before in zip(weights, kept_weights, strict=True):
        np.testing.assert_array_equal(now, before)
    assert not network.outputs


def test_kept_promise_refuses_rates_that_are_no_steps_and_stacked_networks():
    network = plain(4, 4, 2, 3, np.random.default_rng(0))
    x, y = np.ones((2, 4), np.float32), np.zeros(2, int)
    with pytest.raises(ValueError, match="rates=0"):
        probes.kept_promise(network, x, y, (0.1, 0))
    with pytest.raises(ValueError, match="unstack"):
        probes.kept_promise(stack([network, network]), x, y, (0.1,))
