"""Finite differences, shared by the tests of layers, losses and networks."""

import numpy as np


def numeric_gradient(loss, array, step=1e-6):
    """Central differences of `loss()` by every entry of `array`, which is moved in place and put back."""
    gradient = np.empty_like(array)
    for i in np.ndindex(array.shape):
        kept = array[i]
        array[i] = kept + step
        above = loss()
        array[i] = kept - step
        below = loss()
        array[i] = kept
        gradient[i] = (above - below) / (2 * step)
    return gradient


def check_layer(layer, x, rng, train=True, atol=2e-7, before=lambda: None):
    """Compare the gradients of Σ forward(x) · probe by x and by every parameter with finite differences."""
    before()
    probe = rng.standard_normal(layer.forward(x, train).shape) - 0.4

    def loss():
        before()
        return np.sum(layer.forward(x, train) * probe)

    loss()
    dx = layer.backward(probe)
    grads = {name: grad.copy() for name, grad in layer.grads.items()}
    assert grads.keys() == layer.params.keys()
    size = np.abs(dx).max() + 1
    np.testing.assert_allclose(dx, numeric_gradient(loss, x), atol=atol * size)
    for name, param in layer.params.items():
        assert grads[name].shape == param.shape
        size = np.abs(grads[name]).max() + 1
        np.testing.assert_allclose(grads[name], numeric_gradient(loss, param), atol=atol * size, err_msg=name)
