"""Layers: every gradient against finite differences, alone and stacked over runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import layers
from helpers.layers import Identity, LeakyReLU, Linear, ReLU, Sigmoid, Tanh
from tests.gradients import numeric_gradient

SHAPES = {
    "runs": st.one_of(st.none(), st.integers(1, 3)),
    "batch": st.integers(1, 6),
    "fan_in": st.integers(1, 7),
    "fan_out": st.integers(1, 7),
    "seed": st.integers(0, 1000),
}
few = settings(max_examples=25, derandomize=True, deadline=None)

ACTIVATIONS = [Identity, ReLU, LeakyReLU, lambda: LeakyReLU(0.3), Sigmoid, Tanh]
NAMES = ["Identity", "ReLU", "LeakyReLU", "LeakyReLU(0.3)", "Sigmoid", "Tanh"]


def square_linear():
    return Linear(4, 4, np.random.default_rng(0))


each_with_a_memory = pytest.mark.parametrize("make", [square_linear, ReLU, LeakyReLU, Sigmoid, Tanh])
each_activation = pytest.mark.parametrize("make", ACTIVATIONS, ids=NAMES)


def lead(runs, *shape):
    return shape if runs is None else (runs, *shape)


def away_from_kinks(z):
    """No value within 0.05 of 0, where a finite difference would straddle the kink of a ReLU."""
    return z + np.where(z < 0, -0.05, 0.05)


def linear(runs, fan_in, fan_out, rng, bias=True):
    layer = Linear(fan_in, fan_out, rng, bias=bias, dtype=np.float64)
    layer.params["weight"] = rng.standard_normal(lead(runs, fan_in, fan_out)) + 0.3
    if bias:
        layer.params["bias"] = rng.standard_normal(lead(runs, fan_out))
    return layer


@few
@given(**SHAPES, bias=st.booleans())
def test_linear_gradients_are_those_of_finite_differences(runs, batch, fan_in, fan_out, seed, bias):
    rng = np.random.default_rng(seed)
    layer = linear(runs, fan_in, fan_out, rng, bias)
    x = rng.standard_normal(lead(runs, batch, fan_in)) + 0.7
    probe = rng.standard_normal(lead(runs, batch, fan_out)) - 0.4

    def loss():
        return np.sum(layer.forward(x) * probe)

    layer.forward(x)
    np.testing.assert_allclose(layer.backward(probe), numeric_gradient(loss, x), atol=1e-7)
    assert layer.grads.keys() == layer.params.keys() == ({"weight", "bias"} if bias else {"weight"})
    for name, param in layer.params.items():
        np.testing.assert_allclose(layer.grads[name], numeric_gradient(loss, param), atol=1e-7)


@each_activation
@few
@given(runs=SHAPES["runs"], batch=SHAPES["batch"], width=SHAPES["fan_in"], seed=SHAPES["seed"])
def test_activation_gradients_are_those_of_finite_differences(make, runs, batch, width, seed):
    rng = np.random.default_rng(seed)
    layer = make()
    z = away_from_kinks(2 * rng.standard_normal(lead(runs, batch, width)) + 0.5)
    probe = rng.standard_normal(z.shape) - 0.4
    layer.forward(z)
    found = layer.backward(probe)
    expected = numeric_gradient(lambda: np.sum(layer.forward(z) * probe), z)
    np.testing.assert_allclose(found, expected, atol=1e-8)


@few
@given(**SHAPES)
def test_stacked_runs_are_a_loop_over_runs(runs, batch, fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    runs = runs or 2
    stacked = linear(runs, fan_in, fan_out, rng)
    x = rng.standard_normal((runs, batch, fan_in))
    probe = rng.standard_normal((runs, batch, fan_out))
    z, dx = stacked.forward(x), stacked.backward(probe)
    for run in range(runs):
        single = linear(None, fan_in, fan_out, rng)
        single.params = {name: param[run] for name, param in stacked.params.items()}
        np.testing.assert_allclose(single.forward(x[run]), z[run], rtol=1e-12)
        np.testing.assert_allclose(single.backward(probe[run]), dx[run], rtol=1e-12)
        for name, gradient in single.grads.items():
            np.testing.assert_allclose(gradient, stacked.grads[name][run], rtol=1e-12)


def test_a_weight_shared_by_all_runs_is_refused_or_gets_a_gradient_of_its_own_shape():
    layer = Linear(3, 2, np.random.default_rng(0))
    x = np.ones((4, 5, 3), np.float32)
    try:
        z = layer.forward(x)
    except ValueError:
        return
    layer.backward(np.ones_like(z))
    assert {name: g.shape for name, g in layer.grads.items()} == {"weight": (3, 2), "bias": (2,)}


def test_one_batch_for_all_runs_gives_every_run_its_own_gradient():
    """A sweep sends the same inputs through every run: x (batch, fan_in), weight (runs, fan_in, fan_out)."""
    rng = np.random.default_rng(0)
    layer = linear(4, 3, 2, rng)
    x, probe = rng.standard_normal((5, 3)), rng.standard_normal((4, 5, 2))
    assert layer.forward(x).shape == (4, 5, 2)
    dx = layer.backward(probe)
    for run in range(4):  # the runs have losses of their own, and so has each its ∂L/∂x
        one = numeric_gradient(lambda run=run: np.sum(layer.forward(x)[run] * probe[run]), x)
        np.testing.assert_allclose(dx[run], one, atol=1e-7)


# What each activation computes


def test_values_of_the_activations():
    z = np.array([[-2.0, 0.0, 3.0]])
    np.testing.assert_array_equal(Identity()(z), z)
    np.testing.assert_array_equal(ReLU()(z), [[0, 0, 3]])
    np.testing.assert_allclose(LeakyReLU(0.1)(z), [[-0.2, 0, 3]])
    np.testing.assert_allclose(Sigmoid()(z), 1 / (1 + np.exp(-z)), rtol=1e-14)
    np.testing.assert_allclose(Tanh()(z), (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)), rtol=1e-14)


def test_slopes_at_zero():
    z = np.zeros((1, 1))
    slopes = {}
    for make in (Identity, ReLU, lambda: LeakyReLU(0.3), Sigmoid, Tanh):
        layer = make()
        layer.forward(z)
        slopes[type(layer)] = layer.backward(np.ones((1, 1))).item()
    assert slopes == {Identity: 1, ReLU: 0, LeakyReLU: 0.3, Sigmoid: 0.25, Tanh: 1}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sigmoid_saturates_without_a_warning(dtype):
    layer = Sigmoid()
    z = np.array([[-1e30, -1000, -100, 100, 1000, 1e30]], dtype)
    np.testing.assert_allclose(layer.forward(z), [[0, 0, 0, 1, 1, 1]], atol=1e-40)
    np.testing.assert_allclose(layer.backward(np.ones_like(z)), 0, atol=1e-40)


@each_activation
def test_steepest_is_the_largest_slope(make):
    layer = make()
    z = np.linspace(-8, 8, 4001)[None]
    layer.forward(z)
    assert np.abs(layer.backward(np.ones_like(z))).max() == pytest.approx(layer.steepest, rel=1e-5)


@each_activation
def test_an_activation_called_homogeneous_is_so_and_no_other(make):
    layer = make()
    z = np.linspace(-3, 3, 50)[None]
    scales = all(np.allclose(layer(c * z), c * layer(z), rtol=1e-12) for c in (0.01, 0.5, 7, 1e4))
    assert layer.homogeneous == scales


def test_activation_by_name():
    kinds = {name: type(layers.activation(name)) for name in layers.ACTIVATIONS}
    assert layers.activation("leaky ReLU").alpha == 0.2 and LeakyReLU().alpha == 0.01
    assert kinds == {
        "ReLU": ReLU,
        "leaky ReLU": LeakyReLU,
        "tanh": Tanh,
        "sigmoid": Sigmoid,
        "linear": Identity,
    }
    assert layers.activation("ReLU") is not layers.activation("ReLU")  # each keeps its own memory
    with pytest.raises(ValueError, match=r"'Relu' is not one of .*Did you mean 'ReLU'"):
        layers.activation("Relu")


@pytest.mark.parametrize("alpha", [-0.1, 1, 1.5, np.nan, "0.1", None, True])
def test_a_leaky_relu_needs_a_slope_between_0_and_1(alpha):
    with pytest.raises(ValueError, match=r"alpha=.*from 0 below 1"):
        LeakyReLU(alpha)


# What all layers share


@each_activation
def test_float32_stays_float32_in_an_activation(make):
    layer = make()
    z = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)
    assert layer.forward(z).dtype == np.float32
    assert layer.backward(np.ones_like(z)).dtype == np.float32


def test_float32_stays_float32_in_a_linear_layer():
    layer = Linear(4, 2, np.random.default_rng(0))
    z = layer.forward(np.ones((3, 4), np.float32))
    assert z.dtype == layer.backward(z).dtype == np.float32
    assert {g.dtype for g in layer.grads.values()} == {np.dtype(np.float32)}


def test_a_linear_layer_starts_with_the_rule_it_is_given_and_no_bias():
    def rule(fan_in, fan_out, rng, dtype):
        return np.full((fan_in, fan_out), rng.random(), dtype)

    layer = Linear(4, 2, np.random.default_rng(5), rule)
    np.testing.assert_allclose(layer.params["weight"], np.full((4, 2), np.random.default_rng(5).random()))
    np.testing.assert_array_equal(layer.params["bias"], [0, 0])


@pytest.mark.parametrize("shape", [(3, 5), (3, 1), (5,), (4,), (2, 3, 5)])
def test_an_input_that_does_not_fit_is_named(shape):
    layer = Linear(4, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match=rf"x of shape \({shape[0]}.*batch, 4"):
        layer.forward(np.ones(shape))


@each_with_a_memory
@pytest.mark.parametrize("shape", [(1, 4), (3, 5)])
def test_a_gradient_that_does_not_fit_is_named(make, shape):
    # A shape that merely broadcasts, such as (1, 4), would give a wrong gradient without an error.
    layer = make()
    layer.forward(np.ones((3, 4), np.float32))
    with pytest.raises(ValueError, match="grad"):
        layer.backward(np.ones(shape, np.float32))


@each_with_a_memory
def test_backward_before_forward_says_so(make):
    layer = make()
    with pytest.raises(ValueError, match=f"{type(layer).__name__}.backward was called before forward"):
        layer.backward(np.ones((3, 4)))


def test_a_frozen_layer_passes_the_same_gradient_on_and_keeps_none():
    rng = np.random.default_rng(0)
    layer = linear(None, 4, 3, rng)
    x, probe = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    layer.forward(x)
    free = layer.backward(probe)
    frozen = linear(None, 4, 3, rng)
    frozen.params, frozen.frozen = layer.params, True
    frozen.forward(x)
    np.testing.assert_array_equal(frozen.backward(probe), free)
    assert frozen.grads == {}
    assert Linear.frozen is False
