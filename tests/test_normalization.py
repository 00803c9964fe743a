"""BatchNorm, LayerNorm, RMSNorm, GroupNorm, Dropout, Residual: values, gradients, statistics, bad input."""

from copy import deepcopy
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.layers import BatchNorm, Dropout, GroupNorm, LayerNorm, Linear, ReLU, Residual, RMSNorm, Tanh
from helpers.network import Network, stack
from tests.gradients import check_layer

few = settings(max_examples=15, derandomize=True, deadline=None)
f64 = np.float64
NORMS = {
    "BatchNorm": partial(BatchNorm, dtype=f64),
    "LayerNorm": partial(LayerNorm, dtype=f64),
    "RMSNorm": partial(RMSNorm, dtype=f64),
    "GroupNorm": partial(GroupNorm, 2, dtype=f64),
}
each_norm = pytest.mark.parametrize("make", NORMS.values(), ids=NORMS)


def lead(runs, *shape):
    return shape if runs is None else (runs, *shape)


def prepared(make, n, rng, runs=None):
    """A norm with γ ≠ 1, β ≠ 0 and running statistics that are not the start's."""
    layer = make(n)
    for name in layer.params:
        layer.params[name] = rng.uniform(0.5, 2, lead(runs, n))
    if isinstance(layer, BatchNorm):
        layer.running_mean, layer.running_var = rng.uniform(0.5, 2, (2, *lead(runs, n)))
    return layer


@each_norm
@pytest.mark.parametrize("train", [True, False])
@few
@given(
    runs=st.one_of(st.none(), st.integers(1, 3)),
    batch=st.integers(2, 8),
    half=st.integers(1, 3),
    spread=st.sampled_from([1e-2, 1.0, 30.0]),
    seed=st.integers(0, 1000),
)
def test_gradients_of_norms(make, train, runs, batch, half, spread, seed):
    rng = np.random.default_rng(seed)
    n = 2 * half + 2  # never one value to a group
    layer = prepared(make, n, rng, runs)
    layer.eps = 1e-5 if spread > 0.1 else 1e-3  # the difference quotient needs a curvature it can resolve
    x = spread * rng.standard_normal(lead(runs, batch, n)) + 3
    check_layer(layer, x, rng, train, atol=3e-6)


@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("train", [True, False])
def test_gradients_of_group_norm_in_space(runs, groups, train):
    rng = np.random.default_rng(0)
    layer = prepared(partial(GroupNorm, groups, dtype=f64), 4, rng, runs)
    check_layer(layer, rng.standard_normal(lead(runs, 3, 4, 5)) + 2, rng, train)


def test_values_of_the_norms():
    x = np.random.default_rng(0).standard_normal((6, 4)) * 3 + 5
    unit = lambda a, axis: (a - a.mean(axis, keepdims=True)) / np.sqrt(a.var(axis, keepdims=True) + 1e-5)  # noqa: E731
    np.testing.assert_allclose(BatchNorm(4)(x), unit(x, 0), rtol=1e-9)
    np.testing.assert_allclose(LayerNorm(4)(x), unit(x, 1), rtol=1e-9)
    np.testing.assert_allclose(RMSNorm(4)(x), x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-5), rtol=1e-9)
    np.testing.assert_allclose(GroupNorm(2, 4)(x), unit(x.reshape(6, 2, 2), 2).reshape(6, 4), rtol=1e-9)
    np.testing.assert_allclose(GroupNorm(1, 4)(x), LayerNorm(4)(x), rtol=1e-12)
    image = x.reshape(3, 4, 2)
    np.testing.assert_allclose(GroupNorm(4, 4)(image), unit(image, 2), rtol=1e-9)  # InstanceNorm


def test_batch_norm_of_a_batch_worked_by_hand():
    """{2, 2, 6, 6}: mean 4, variance 4. With γ = 2 and β = 1 a 6 becomes 2 · 2/√(4 + ε) + 1."""
    layer = BatchNorm(1, eps=1e-9, dtype=f64)
    layer.params["gamma"][:], layer.params["beta"][:] = 2, 1
    np.testing.assert_allclose(layer.forward(np.array([[2.0], [2], [6], [6]])), [[-1], [-1], [3], [3]])


def test_running_statistics_in_pytorchs_convention():
    rng = np.random.default_rng(0)
    layer = BatchNorm(3, momentum=0.3, dtype=f64)
    mean, var = np.zeros(3), np.ones(3)
    for _ in range(4):
        x = rng.standard_normal((4, 3)) * 2 + 1
        layer.forward(x)
        mean, var = 0.7 * mean + 0.3 * x.mean(0), 0.7 * var + 0.3 * x.var(0, ddof=1)
    np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, var, rtol=1e-12)
    x = rng.standard_normal((5, 3))
    np.testing.assert_allclose(layer.forward(x, train=False), (x - mean) / np.sqrt(var + 1e-5), rtol=1e-12)
    np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-12)  # eval mode leaves them


def test_running_mean_in_kerass_convention():
    """Keras's momentum 0.99 weighs the old value: it is our 0.01. Its variance is the biased one."""
    x = np.random.default_rng(0).standard_normal((4, 2)) + 3
    layer = BatchNorm(2, momentum=1 - 0.99, dtype=f64)
    layer.forward(x)
    np.testing.assert_allclose(layer.running_mean, 0.99 * 0 + 0.01 * x.mean(0), rtol=1e-9)
    biased = (layer.running_var - 0.99) * (4 - 1) / 4 + 0.99
    np.testing.assert_allclose(biased, 0.99 * 1 + 0.01 * x.var(0), rtol=1e-9)


def test_a_batch_of_one_is_refused_in_train_mode_and_changes_nothing():
    layer = BatchNorm(3)
    layer.forward(np.arange(12, dtype=np.float32).reshape(4, 3))
    mean, var = layer.running_mean.copy(), layer.running_var.copy()
    with pytest.raises(ValueError, match=r"\(1, 3\).*at least 2"):
        layer.forward(np.ones((1, 3), np.float32))
    np.testing.assert_array_equal(layer.running_mean, mean)
    np.testing.assert_array_equal(layer.running_var, var)
    assert layer.forward(np.ones((1, 3), np.float32), train=False).shape == (1, 3)


def test_batch_norm_in_float32_survives_a_mean_far_from_zero():
    """E[x²] − E[x]² would lose all digits here."""
    x = np.random.default_rng(0).standard_normal((64, 5)) + 1000
    exact, found = BatchNorm(5, dtype=f64)(x), BatchNorm(5)(x.astype(np.float32))
    np.testing.assert_allclose(found, exact, atol=2e-3)


@each_norm
def test_float32_is_close_to_float64(make):
    rng = np.random.default_rng(0)
    layer, x, probe = make(8), rng.standard_normal((32, 8)) * 2 + 1, rng.standard_normal((32, 8))
    single = deepcopy(layer)
    single.params = {name: p.astype(np.float32) for name, p in layer.params.items()}
    exact = layer.forward(x), layer.backward(probe)
    if isinstance(layer, BatchNorm):
        single.running_mean, single.running_var = np.zeros(8, np.float32), np.ones(8, np.float32)
    found = single.forward(x.astype(np.float32)), single.backward(probe.astype(np.float32))
    for a, b in zip(exact, found, strict=True):
        assert b.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=2e-5)
    assert all(g.dtype == np.float32 for g in single.grads.values())


def test_a_weight_in_front_of_batch_norm_has_no_scale():
    """BN(cW) = BN(W), and its gradient by W is 1/c as large."""
    rng = np.random.default_rng(0)
    network = Network([Linear(4, 5, rng, dtype=f64), BatchNorm(5, eps=1e-12, dtype=f64)])
    x, probe = rng.standard_normal((6, 4)), rng.standard_normal((6, 5))
    y = network.forward(x)
    network.backward(probe)
    grad = network.layers[0].grads["weight"]
    network.layers[0].params["weight"] *= 3
    np.testing.assert_allclose(network.forward(x), y, rtol=1e-8)
    network.backward(probe)
    np.testing.assert_allclose(network.layers[0].grads["weight"], grad / 3, rtol=1e-6, atol=1e-9)


@each_norm
@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 3, 5), (3, 0)])
def test_an_input_that_does_not_fit_a_norm_is_named(make, shape):
    with pytest.raises(ValueError, match=r"x of shape .* does not fit: \w+ needs \(batch, 4\)"):
        make(4).forward(np.ones(shape))


@each_norm
def test_runs_need_parameters_with_runs(make):
    layer = prepared(make, 4, np.random.default_rng(0), runs=2)
    layer.forward(np.random.default_rng(0).standard_normal((2, 3, 4)))
    for shape in [(3, 3, 4), (3, 4)]:
        with pytest.raises(ValueError, match=r"needs \(2, batch, 4\)"):
            layer.forward(np.ones(shape))


def test_bad_settings_of_norms():
    for make in (BatchNorm, LayerNorm, RMSNorm, partial(GroupNorm, 1)):
        for n in (0, -1, 2.5, True, None):
            with pytest.raises(ValueError, match="n="):
                make(n)
        for eps in (0, -1e-5, np.nan, "small"):
            with pytest.raises(ValueError, match="eps="):
                make(4, eps=eps)
    for momentum in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"momentum=.*from 0 to 1"):
            BatchNorm(4, momentum=momentum)
    for groups in (0, 3, 8, 1.0):
        with pytest.raises(ValueError, match=f"groups={groups}"):
            GroupNorm(groups, 4)


def test_instance_norm_needs_an_axis_of_space():
    with pytest.raises(ValueError, match="axis of space"):
        GroupNorm(4, 4).forward(np.ones((3, 4)))


def everything():
    rng = np.random.default_rng(0)
    return [make(4) for make in NORMS.values()] + [Dropout(0.5, rng), Residual(ReLU())]


@pytest.mark.parametrize("layer", everything(), ids=lambda layer: type(layer).__name__)
def test_backward_needs_a_forward_and_a_gradient_of_its_shape(layer):
    with pytest.raises(ValueError, match=f"{type(layer).__name__}.backward was called before forward"):
        layer.backward(np.ones((3, 4)))
    layer.forward(np.random.default_rng(0).standard_normal((3, 4)))
    for shape in [(1, 4), (3, 5), (4,)]:
        with pytest.raises(ValueError, match="grad of shape"):
            layer.backward(np.ones(shape))


# Dropout


def test_moments_of_dropout():
    """The mean stays, the second moment grows by 1/(1 − p)."""
    x = np.random.default_rng(0).standard_normal((1000, 400)) + 2
    for p in (0.1, 0.5, 0.8):
        h = Dropout(p, np.random.default_rng(1))(x)
        assert h.mean() == pytest.approx(x.mean(), rel=0.01)
        assert (h**2).mean() == pytest.approx((x**2).mean() / (1 - p), rel=0.01)
        assert (h == 0).mean() == pytest.approx(p, abs=0.005)


def test_dropout_draws_a_mask_for_each_entry_and_uses_it_again_in_backward():
    layer = Dropout(0.5, np.random.default_rng(0))
    h = layer(np.ones((50, 20)))
    assert set(np.unique(h)) == {0, 2}
    assert len(np.unique(h, axis=0)) > 40
    np.testing.assert_array_equal(layer.backward(np.ones((50, 20))), h)
    assert not np.array_equal(layer(np.ones((50, 20))), h)


def test_dropout_in_eval_mode_and_with_p_0_is_the_identity():
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    for p, train in ((0.5, False), (0.0, True)):
        layer = Dropout(p, np.random.default_rng(0))
        np.testing.assert_array_equal(layer.forward(x, train), x)
        np.testing.assert_array_equal(layer.backward(x), x)
        assert layer.rng.random() == np.random.default_rng(0).random()  # nothing was drawn


@pytest.mark.parametrize("train", [True, False])
def test_gradients_of_dropout(train):
    layer = Dropout(0.3, np.random.default_rng(0))

    def same_mask():
        layer.rng = np.random.default_rng(5)

    rng = np.random.default_rng(1)
    check_layer(layer, rng.standard_normal((4, 5)), rng, train, before=same_mask)


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, np.nan, "half", None, True])
def test_dropout_needs_a_probability_below_1(p):
    with pytest.raises(ValueError, match=r"p=.*from 0 below 1"):
        Dropout(p, np.random.default_rng(0))


def test_dropout_needs_a_generator():
    with pytest.raises(ValueError, match="rng=0"):
        Dropout(0.5, 0)


# Residual


@pytest.mark.parametrize("scale", [1.0, 0.25, 0, "learned"])
@pytest.mark.parametrize("runs", [None, 3])
@pytest.mark.parametrize("train", [True, False])
def test_gradients_of_a_residual(scale, runs, train):
    rng = np.random.default_rng(0)

    def block():
        branch = [prepared(NORMS["BatchNorm"], 4, rng), Tanh(), Linear(4, 4, rng, dtype=f64)]
        layer = Residual(*branch, scale=scale)
        if scale == "learned":
            layer.params["scale"] += rng.uniform(0.3, 0.6)
        return layer

    layer = block() if runs is None else stack([Network([block()]) for _ in range(runs)]).layers[0]
    x = rng.standard_normal(lead(runs, 5, 4)) + 0.5
    check_layer(layer, x, rng, train)
    probe = rng.standard_normal(x.shape)
    for inner in layer.layers:  # parameters inside the branch
        for name, param in inner.params.items():
            layer.forward(x, train)
            layer.backward(probe)
            grad, kept, direction = inner.grads[name], param.copy(), rng.standard_normal(param.shape)
            ends = []
            for step in (1e-6, -1e-6):
                param[...] = kept + step * direction
                ends.append(np.sum(layer.forward(x, train) * probe))
            param[...] = kept
            slope = (ends[0] - ends[1]) / 2e-6
            assert np.sum(grad * direction) == pytest.approx(slope, abs=1e-6, rel=1e-6)


def test_a_residual_with_scale_0_or_a_fresh_learned_scale_is_the_identity():
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    for scale in (0, "learned"):
        layer = Residual(Linear(4, 4, np.random.default_rng(0)), scale=scale)
        np.testing.assert_array_equal(layer.forward(x), x)
        np.testing.assert_array_equal(layer.backward(x), x)
        assert layer.forward(x).dtype == np.float32
    assert layer.grads["scale"].shape == layer.params["scale"].shape == (1,)
    assert np.any(layer.grads["scale"] != 0)  # it can leave 0


def test_bad_settings_of_a_residual():
    with pytest.raises(ValueError, match="branch="):
        Residual()
    with pytest.raises(ValueError, match="branch="):
        Residual("ReLU")
    for scale in ("learn", np.nan, None):
        with pytest.raises(ValueError, match="scale="):
            Residual(ReLU(), scale=scale)
    with pytest.raises(ValueError, match=r"branch turns x of shape \(2, 4\) into \(2, 3\)"):
        Residual(Linear(4, 3, np.random.default_rng(0))).forward(np.ones((2, 4)))
