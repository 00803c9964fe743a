"""Jacobians against finite differences, against backpropagation, and the order of their product."""

import numpy as np
import pytest

from helpers import jacobians, layers, theory
from helpers.initializers import he_normal, orthogonal
from helpers.network import Network, mlp


def net(widths, act="tanh", seed=0, init=he_normal, **options):
    return mlp(widths, np.random.default_rng(seed), act, init, dtype=np.float64, **options)


def finite_differences(f, x, step=1e-6):
    """∂f[i]/∂x[j] by central differences."""
    columns = [(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(len(x))]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("act", ["ReLU", "tanh", "sigmoid", "linear", "leaky ReLU"])
def test_the_jacobian_of_a_layer_is_that_of_finite_differences(act):
    network = net([5, 7], act)
    x = np.random.default_rng(1).standard_normal(5)
    (found,) = jacobians.of_layers(network, x)
    assert found.shape == (7, 5)
    expected = finite_differences(lambda v: network.forward(v[None])[0], x)
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_the_product_in_order_is_the_jacobian_of_the_whole_and_in_reverse_it_is_not():
    """Widths that differ would hide a wrong order behind an error of shapes: these are equal."""
    network = net([6, 6, 6, 6])
    x = np.random.default_rng(1).standard_normal(6)
    found = jacobians.of_layers(network, x)
    whole = finite_differences(lambda v: network.forward(v[None])[0], x)
    np.testing.assert_allclose(jacobians.product(found), whole, atol=1e-7)
    assert np.abs(jacobians.product(found[::-1]) - whole).max() > 0.05


def test_a_row_gradient_times_the_product_is_what_backpropagation_gives():
    """EQ N1.2 for every layer l: L − l factors."""
    network, depth = net([4, 6, 5, 3]), 3
    rng = np.random.default_rng(1)
    x, grad = rng.standard_normal(4), rng.standard_normal(3)
    found = jacobians.of_layers(network, x)
    network.forward(x[None])
    network.backward(grad[None])
    for layer in range(depth):
        factors = found[layer:]
        assert len(factors) == depth - layer
        by_product = grad @ jacobians.product(factors)
        np.testing.assert_allclose(by_product, network.output_grads[2 * layer][0], rtol=1e-10)


def test_a_bias_and_a_linear_last_layer_are_understood():
    network = net([4, 5, 2], last_act=False)
    network.layers[0].params["bias"][:] = 0.7
    x = np.random.default_rng(1).standard_normal(4)
    whole = finite_differences(lambda v: network.forward(v[None])[0], x)
    np.testing.assert_allclose(jacobians.product(jacobians.of_layers(network, x)), whole, atol=1e-7)


def test_what_is_no_plain_network_or_no_single_input_is_named():
    with pytest.raises(ValueError, match="BatchNorm is no Linear"):
        jacobians.of_layers(Network([*net([4, 4]).layers, layers.BatchNorm(4)]), np.ones(4))
    with pytest.raises(ValueError, match="x of shape"):
        jacobians.of_layers(net([4, 4]), np.ones((2, 4)))


def test_the_three_sizes_are_ordered_and_the_rms_is_what_random_gradients_meet():
    network = net([32] * 11, "linear", bias=False)
    rng = np.random.default_rng(1)
    found = jacobians.of_layers(network, rng.standard_normal(32))
    spectrum = jacobians.spectrum(found)
    assert spectrum.rms < spectrum.largest < spectrum.bound
    assert spectrum.largest == pytest.approx(np.linalg.norm(jacobians.product(found), 2))
    grads = rng.standard_normal((20_000, 32))
    stretched = np.mean((grads @ jacobians.product(found)) ** 2) / np.mean(grads**2)
    assert np.sqrt(stretched) == pytest.approx(spectrum.rms, rel=0.03)


def test_an_orthogonal_linear_chain_stretches_no_direction():
    network = net([24] * 31, "linear", init=orthogonal, bias=False)
    spectrum = jacobians.spectrum(jacobians.of_layers(network, np.ones(24)))
    np.testing.assert_allclose(spectrum.values, 1, rtol=1e-10)
    assert spectrum.condition == pytest.approx(1) and spectrum.passing == 24
    assert spectrum.bound == pytest.approx(1)


def test_a_relu_loses_the_directions_of_its_closed_units():
    network = net([64, 64], "ReLU", bias=False)
    x = np.random.default_rng(1).standard_normal(64)
    spectrum = jacobians.spectrum(jacobians.of_layers(network, x))
    open_units = int(np.sum(network.forward(x[None]) > 0))
    assert spectrum.passing == open_units
    assert spectrum.condition == np.inf


def test_the_rms_over_many_networks_is_the_root_of_theorys_backward_factor():
    rms2 = []
    for seed in range(60):
        network = net([48] * 6, "ReLU", seed, bias=False)
        x = np.random.default_rng(seed + 1000).standard_normal(48)
        rms2.append(jacobians.spectrum(jacobians.of_layers(network, x)).rms ** 2)
    predicted = theory.propagate(layers.ReLU(), 5, 2**0.5).h_gradient2[0]
    assert np.mean(rms2) == pytest.approx(predicted, rel=0.2)
