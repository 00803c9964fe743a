"""The network: structure, a gradient check from end to end, and what it remembers."""

import numpy as np
import pytest

from helpers import initializers, layers
from helpers.layers import LeakyReLU, Linear, ReLU, Tanh
from helpers.network import Network, mlp


def small(act="tanh", widths=(3, 5, 4, 2), **kwargs):
    return mlp(widths, np.random.default_rng(0), act, dtype=np.float64, **kwargs)


def shapes(network):
    return [layer.params["weight"].shape for layer in network.layers if isinstance(layer, Linear)]


def test_an_mlp_alternates_linear_layers_and_activations():
    network = mlp([64, 256, 10], np.random.default_rng(0))
    assert [type(layer) for layer in network.layers] == [Linear, ReLU, Linear, ReLU]
    assert shapes(network) == [(64, 256), (256, 10)]
    assert all(set(layer.params) == {"weight", "bias"} for layer in network.layers[::2])
    assert network.layers[1] is not network.layers[3]


def test_an_mlp_as_a_classifier_ends_in_a_linear_layer():
    network = mlp([3, 5, 2], np.random.default_rng(0), last_act=False, bias=False)
    assert [type(layer) for layer in network.layers] == [Linear, ReLU, Linear]
    assert set(network.layers[0].params) == {"weight"}


def test_an_mlp_draws_its_weights_in_order_with_the_rule_and_dtype_it_is_given():
    network = mlp(
        [3, 4, 2], np.random.default_rng(7), init=initializers.xavier_uniform, dtype=np.float64, bias=False
    )
    rng = np.random.default_rng(7)
    for layer, fans in zip(network.layers[::2], [(3, 4), (4, 2)], strict=True):
        expected = initializers.xavier_uniform(*fans, rng, np.float64)
        np.testing.assert_array_equal(layer.params["weight"], expected)
        assert layer.params["weight"].dtype == np.float64


def test_act_may_be_any_function_that_makes_a_layer():
    network = mlp([3, 4, 2], np.random.default_rng(0), act=lambda: LeakyReLU(0.3))
    assert [layer.alpha for layer in network.layers[1::2]] == [0.3, 0.3]


@pytest.mark.parametrize("act", layers.ACTIVATIONS)
@pytest.mark.parametrize("last_act", [True, False])
def test_gradients_from_end_to_end(act, last_act):
    network = small(act, last_act=last_act)
    rng = np.random.default_rng(1)
    for layer in network.layers[::2]:
        layer.params["bias"] += rng.uniform(0.2, 0.5, layer.params["bias"].shape)
    x, probe = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    z_values = network.forward(x), *network.outputs[1::2]
    # Nothing so near a kink that a step could cross it.
    assert min(np.abs(z).min() for z in z_values[1:]) > 1e-3
    dx = network.backward(probe)
    params = [(layer.grads[name], param) for layer in network.layers for name, param in layer.params.items()]
    for gradient, array in [(dx, x), *params]:
        numeric = np.empty_like(array)
        for i in np.ndindex(array.shape):
            kept = array[i]
            array[i] = kept + 1e-6
            above = np.sum(network.forward(x) * probe)
            array[i] = kept - 1e-6
            below = np.sum(network.forward(x) * probe)
            array[i] = kept
            numeric[i] = (above - below) / 2e-6
        np.testing.assert_allclose(gradient, numeric, atol=1e-7)


def test_outputs_are_what_entered_each_layer():
    network = small()
    x = np.random.default_rng(1).standard_normal((4, 3))
    result = network.forward(x)
    assert len(network.outputs) == len(network.layers) + 1
    assert network.outputs[0] is x
    assert network.outputs[-1] is result
    h = x
    for layer, entered in zip(network.layers, network.outputs, strict=False):
        np.testing.assert_array_equal(entered, h)
        h = np.tanh(h) if isinstance(layer, Tanh) else h @ layer.params["weight"] + layer.params["bias"]
    np.testing.assert_allclose(result, h, rtol=1e-12)


def test_output_grads_are_the_gradients_at_each_of_the_outputs():
    network = small()
    rng = np.random.default_rng(1)
    probe = rng.standard_normal((4, 2))
    network.forward(rng.standard_normal((4, 3)))
    dx = network.backward(probe)
    outputs, grads = network.outputs, network.output_grads
    assert len(grads) == len(outputs)
    assert grads[0] is dx
    for i, (value, grad) in enumerate(zip(outputs, grads, strict=True)):
        rest, direction = Network(network.layers[i:]), rng.standard_normal(value.shape)
        ends = [np.sum(rest.forward(value + step * direction) * probe) for step in (1e-6, -1e-6)]
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(np.sum(grad * direction), abs=1e-7)


def test_stacked_runs_go_through_a_network_together():
    rng = np.random.default_rng(0)
    single = [small() for _ in range(3)]
    for network in single:
        for layer in network.layers[::2]:
            layer.params["weight"] = rng.standard_normal(layer.params["weight"].shape)
    stacked = small()
    for i, layer in enumerate(stacked.layers):
        for name in layer.params:
            layer.params[name] = np.stack([network.layers[i].params[name] for network in single])
    x, probe = rng.standard_normal((3, 6, 3)), rng.standard_normal((3, 6, 2))
    y, dx = stacked.forward(x), stacked.backward(probe)
    for run, network in enumerate(single):
        np.testing.assert_allclose(network.forward(x[run]), y[run], rtol=1e-12)
        np.testing.assert_allclose(network.backward(probe[run]), dx[run], rtol=1e-12)


@pytest.mark.parametrize("widths", [[], [3], [3, 0], [0, 3], [3, -1], [3, 2.5], [3, True], ["3", 4]])
def test_bad_widths_are_named(widths):
    with pytest.raises(ValueError, match="widths="):
        mlp(widths, np.random.default_rng(0))


@pytest.mark.parametrize("act", ["Relu", None, 3, Tanh()])
def test_a_bad_activation_is_a_value_error(act):
    # A layer that is made already cannot stand in several places: each place needs its own memory.
    with pytest.raises(ValueError, match="act"):
        mlp([3, 4, 2], np.random.default_rng(0), act=act)


def test_bad_input_to_forward_and_backward():
    network = small()
    with pytest.raises(ValueError, match="backward was called before forward"):
        network.backward(np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"x of shape \(4, 7\)"):
        network.forward(np.ones((4, 7)))
    network.forward(np.ones((4, 3)))
    for shape in [(4, 3), (1, 2), (4,), ()]:
        with pytest.raises(ValueError, match=r"grad of shape .* does not fit the output \(4, 2\)"):
            network.backward(np.ones(shape))
