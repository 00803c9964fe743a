"""The layers of the course. Each has its forward pass above its backward pass.

Arrays are (batch, features); a leading axis of independent runs is allowed everywhere: x is then
(runs, batch, fan_in) and a weight (runs, fan_in, fan_out). `forward` remembers what `backward` needs.
`backward(grad)` takes ∂L/∂output, returns ∂L/∂input, and fills `grads` under the same keys as `params`.
"""

import numpy as np

from helpers import arguments
from helpers.initializers import he_normal


class Layer:
    """What all layers share: dictionaries `params` and `grads`, and a call that runs `forward`.

    A `frozen` layer passes gradients on but computes none for its own parameters. A `homogeneous`
    activation has φ(cz) = cφ(z) for every c > 0.
    """

    frozen = False
    homogeneous = False

    def __init__(self):
        self.params = {}
        self.grads = {}

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x, train=True):
        raise NotImplementedError

    def backward(self, grad):
        raise NotImplementedError

    def _remembered(self, name, grad, features=None):
        """What `forward` kept as `name`, once `grad` is known to fit: a shape that only broadcasts would give
        a wrong gradient in silence."""
        if not hasattr(self, name):
            raise ValueError(f"{type(self).__name__}.backward was called before forward")
        kept = getattr(self, name)
        fits = kept.shape if features is None else (*kept.shape[:-1], features)
        if np.shape(grad) != fits:
            raise ValueError(f"grad of shape {np.shape(grad)} does not fit: the output had the shape {fits}")
        return kept


class Linear(Layer):
    """z = x W + b (He et al. 2015, eq. 5, written for rows).

    `weight` is (fan_in, fan_out), drawn by `init(fan_in, fan_out, rng, dtype)`; `bias` is (fan_out,) and
    starts at zero, and is left out with `bias=False`. Raises ValueError when an input has not fan_in
    features.
    """

    def __init__(self, fan_in, fan_out, rng, init=he_normal, bias=True, dtype=np.float32):
        super().__init__()
        self.params["weight"] = init(fan_in, fan_out, rng, dtype=dtype)
        if bias:
            self.params["bias"] = np.zeros(fan_out, dtype)

    def forward(self, x, train=True):
        w = self.params["weight"]
        if np.ndim(x) < 2 or x.shape[-1] != w.shape[-2]:
            raise ValueError(f"x of shape {np.shape(x)} does not fit: Linear needs (batch, {w.shape[-2]})")
        self.x = x
        z = x @ w
        if "bias" in self.params:
            z += self.params["bias"][..., None, :]
        return z

    def backward(self, grad):
        w = self.params["weight"]
        x = self._remembered("x", grad, features=w.shape[-1])
        if not self.frozen:
            self.grads["weight"] = _sum_runs(np.swapaxes(x, -1, -2) @ grad, w.ndim)
            if "bias" in self.params:
                self.grads["bias"] = _sum_runs(grad.sum(axis=-2), w.ndim - 1)
        return grad @ np.swapaxes(w, -1, -2)


class Identity(Layer):
    """h = z: a linear network."""

    homogeneous = True
    steepest = 1.0  # the largest slope; probes call a unit saturated when its slope is far below it

    def forward(self, z, train=True):
        return z

    def backward(self, grad):
        return grad


class ReLU(Layer):
    """h = max(z, 0). Its slope at z = 0 is taken as 0."""

    homogeneous = True
    steepest = 1.0

    def forward(self, z, train=True):
        self.h = np.maximum(z, 0)
        return self.h

    def backward(self, grad):
        return grad * (self._remembered("h", grad) > 0)


class LeakyReLU(Layer):
    """h = z for z > 0, else αz, with 0 ≤ α < 1. Its slope at z = 0 is taken as α."""

    homogeneous = True
    steepest = 1.0

    def __init__(self, alpha=0.01):
        super().__init__()
        self.alpha = arguments.number("alpha", alpha, low=0, below=1)

    def forward(self, z, train=True):
        self.z = z
        return np.maximum(z, self.alpha * z)

    def backward(self, grad):
        return np.where(self._remembered("z", grad) > 0, grad, self.alpha * grad)


class Sigmoid(Layer):
    """h = 1/(1 + e⁻ᶻ), slope h(1 − h) ≤ 1/4."""

    steepest = 0.25

    def forward(self, z, train=True):
        # The same function as 1/(1 + exp(-z)), but it cannot overflow.
        self.h = 0.5 * (1 + np.tanh(0.5 * z))
        return self.h

    def backward(self, grad):
        h = self._remembered("h", grad)
        return grad * h * (1 - h)


class Tanh(Layer):
    """h = tanh z, slope 1 − h² ≤ 1."""

    steepest = 1.0

    def forward(self, z, train=True):
        self.h = np.tanh(z)
        return self.h

    def backward(self, grad):
        return grad * (1 - self._remembered("h", grad) ** 2)


def _sum_runs(grad, ndim):
    """The gradient of a parameter that all runs share is the sum of theirs."""
    return grad if grad.ndim == ndim else grad.sum(axis=0)


ACTIVATIONS = {
    "ReLU": ReLU,
    "leaky ReLU": LeakyReLU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "linear": Identity,
}


def activation(name):
    """A new activation layer by its name, one of `ACTIVATIONS`; a layer is handed back as it is."""
    if isinstance(name, Layer):
        return name
    return ACTIVATIONS[arguments.one_of("activation", name, ACTIVATIONS)]()
