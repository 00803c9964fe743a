"""The layers of the course. Each has its forward pass above its backward pass.

Arrays are (batch, features); a leading axis of independent runs is allowed everywhere: x is then
(runs, batch, fan_in), a weight (runs, fan_in, fan_out) and a gamma (runs, n). `forward` remembers what
`backward` needs. `backward(grad)` takes ∂L/∂output, returns ∂L/∂input, and fills `grads` under the same
keys as `params`. The dtype of the input and of the parameters decides the dtype of the result.
"""

from functools import partial

import numpy as np

from helpers import arguments
from helpers.fast import column_mean, column_sum, positive_part, row_mean, where_positive
from helpers.initializers import he_normal


class Layer:
    """What all layers share: dictionaries `params` and `grads`, and a call that runs `forward`.

    A `frozen` layer passes gradients on but computes none for its own parameters. A `homogeneous`
    activation has φ(cz) = cφ(z) for every c > 0. `state` names what a layer keeps from step to step beside
    its parameters. `output_shape` is that of the last forward pass: the shape that a gradient must have.
    """

    frozen = False
    homogeneous = False
    state = ()
    output_shape = None

    def __init__(self):
        self.params = {}
        self.grads = {}

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x, train=True):
        raise NotImplementedError

    def backward(self, grad):
        raise NotImplementedError

    def _check(self, grad):
        """Raise ValueError unless `grad` has the shape of what `forward` gave."""
        if self.output_shape is None:
            raise ValueError(f"{type(self).__name__}.backward was called before forward")
        if np.shape(grad) != self.output_shape:
            raise ValueError(f"grad of shape {np.shape(grad)} does not fit the output {self.output_shape}")


class Linear(Layer):
    """z = x W + b (He et al. 2015, eq. 5, written for rows).

    `weight` is (fan_in, fan_out), drawn by `init(fan_in, fan_out, rng, dtype)`; `bias` is (fan_out,) and
    starts at zero, and is left out with `bias=False`. Several runs may share one x of shape (batch,
    fan_in). Raises ValueError when an input has not fan_in features, or has runs and the weight has not.
    """

    def __init__(self, fan_in, fan_out, rng, init=he_normal, bias=True, dtype=np.float32):
        super().__init__()
        self.params["weight"] = init(fan_in, fan_out, rng, dtype=dtype)
        if bias:
            self.params["bias"] = np.zeros(fan_out, dtype)

    def forward(self, x, train=True):
        w = self.params["weight"]
        if not 2 <= np.ndim(x) <= w.ndim or x.shape[-1] != w.shape[-2]:
            raise ValueError(
                f"x of shape {np.shape(x)} does not fit: Linear needs {_needed(w.shape[:-2], w.shape[-2])}"
            )
        z = x @ w
        if "bias" in self.params:
            z += self.params["bias"][..., None, :]
        self.x, self.output_shape = x, z.shape
        return z

    def backward(self, grad):
        self._check(grad)
        w = self.params["weight"]
        if not self.frozen:
            self.grads["weight"] = self.x.swapaxes(-1, -2) @ grad
            if "bias" in self.params:
                self.grads["bias"] = column_sum(grad)
        return grad @ w.swapaxes(-1, -2)


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
        self.h, self.output_shape = positive_part(z), z.shape
        return self.h

    def backward(self, grad):
        self._check(grad)
        return where_positive(grad, self.h)


class LeakyReLU(Layer):
    """h = z for z > 0, else αz, with 0 ≤ α < 1. Its slope at z = 0 is taken as α."""

    homogeneous = True
    steepest = 1.0

    def __init__(self, alpha=0.01):
        super().__init__()
        self.alpha = arguments.number("alpha", alpha, low=0, below=1)

    def forward(self, z, train=True):
        self.z, self.output_shape = z, z.shape
        return np.maximum(z, self.alpha * z)

    def backward(self, grad):
        self._check(grad)
        return np.where(self.z > 0, grad, self.alpha * grad)


class Sigmoid(Layer):
    """h = 1/(1 + e⁻ᶻ), slope h(1 − h) ≤ 1/4."""

    steepest = 0.25

    def forward(self, z, train=True):
        # The same function as 1/(1 + exp(-z)), but it cannot overflow. (In float32 it is 0 below z = −17.)
        self.h, self.output_shape = 0.5 * (1 + np.tanh(0.5 * z)), z.shape
        return self.h

    def backward(self, grad):
        self._check(grad)
        return grad * self.h * (1 - self.h)


class Tanh(Layer):
    """h = tanh z, slope 1 − h² ≤ 1."""

    steepest = 1.0

    def forward(self, z, train=True):
        self.h, self.output_shape = np.tanh(z), z.shape
        return self.h

    def backward(self, grad):
        self._check(grad)
        return grad * (1 - self.h**2)


class BatchNorm(Layer):
    """y = γ (x − μ)/√(σ² + ε) + β with μ, σ² of each unit over the batch (Ioffe & Szegedy 2015, alg. 1).

    x is (batch, n). PyTorch's conventions: σ² is the biased variance (divided by N), ε stands inside the
    root, and in train mode the running statistics move by `momentum` towards the batch's:
    running = (1 − momentum) running + momentum · batch, where `running_var` takes the *unbiased* variance
    (divided by N − 1; their alg. 2). Eval mode (`train=False`) uses the running statistics. Keras 3 has
    ε = 1e-3, writes running = m · running + (1 − m) · batch with m = 0.99, and stores the biased variance.
    Raises ValueError for a wrong shape, and for a batch of one in train mode (x − μ would be 0 for every
    input).
    """

    state = ("running_mean", "running_var")

    def __init__(self, n, eps=1e-5, momentum=0.1, dtype=np.float32):
        super().__init__()
        n = arguments.whole("n", n)
        self.eps = arguments.number("eps", eps, above=0)
        self.momentum = arguments.number("momentum", momentum, low=0, high=1)
        self.params = {"gamma": np.ones(n, dtype), "beta": np.zeros(n, dtype)}
        self.running_mean, self.running_var = np.zeros(n, dtype), np.ones(n, dtype)

    def forward(self, x, train=True):
        gamma, beta = self.params["gamma"], self.params["beta"]
        _check_features(self, x, gamma)
        batch = x.shape[-2]
        if train and batch < 2:
            raise ValueError(f"x of shape {x.shape}: BatchNorm needs a batch of at least 2 in train mode")
        if train:
            mean = column_mean(x)
            centred = x - mean[..., None, :]
            var = column_mean(centred * centred)
            m = self.momentum
            self.running_mean = (1 - m) * self.running_mean + m * mean
            self.running_var = (1 - m) * self.running_var + (m * batch / (batch - 1)) * var
        else:
            centred = x - self.running_mean[..., None, :]
            var = self.running_var
        self.centred, self.inv_std, self.train = centred, 1 / np.sqrt(var + self.eps), train
        self.output_shape = x.shape
        y = centred * (gamma * self.inv_std)[..., None, :]
        y += beta[..., None, :]
        return y

    def backward(self, grad):
        self._check(grad)
        centred, gamma = self.centred, self.params["gamma"]
        sum_grad = column_sum(grad)
        sum_grad_xhat = column_sum(grad * centred) * self.inv_std
        self.grads.update(gamma=sum_grad_xhat, beta=sum_grad)
        scale = (gamma * self.inv_std)[..., None, :]
        if not self.train:
            return grad * scale
        # ∂L/∂x = γ/σ (g − mean g − x̂ mean(g x̂)): the last two terms come through μ and through σ².
        batch = grad.shape[-2]
        dx = centred * (sum_grad_xhat * self.inv_std / -batch)[..., None, :]
        dx += grad
        dx -= (sum_grad / batch)[..., None, :]
        dx *= scale
        return dx


class LayerNorm(Layer):
    """y = γ (x − μ)/√(σ² + ε) + β with μ, σ² of each input over its n features (Ba et al. 2016).

    x is (batch, n); γ and β have one entry a feature. Train and eval mode are the same. Raises ValueError
    for a wrong shape.
    """

    def __init__(self, n, eps=1e-5, dtype=np.float32):
        super().__init__()
        n = arguments.whole("n", n)
        self.eps = arguments.number("eps", eps, above=0)
        self.params = {"gamma": np.ones(n, dtype), "beta": np.zeros(n, dtype)}

    def forward(self, x, train=True):
        _check_features(self, x, self.params["gamma"])
        self.xhat, self.inv_std = _standardise(x, self.eps)
        self.output_shape = x.shape
        return self.xhat * self.params["gamma"][..., None, :] + self.params["beta"][..., None, :]

    def backward(self, grad):
        self._check(grad)
        self.grads.update(gamma=column_sum(grad * self.xhat), beta=column_sum(grad))
        return _standardise_backward(grad * self.params["gamma"][..., None, :], self.xhat, self.inv_std)


class RMSNorm(Layer):
    """y = γ x/√(mean x² + ε), the mean over an input's n features (Zhang & Sennrich 2019, eq. 4).

    x is (batch, n). The paper has no ε; it stands inside the root, as in PyTorch. No mean is taken off, and
    there is no β. Raises ValueError for a wrong shape.
    """

    def __init__(self, n, eps=1e-5, dtype=np.float32):
        super().__init__()
        self.eps = arguments.number("eps", eps, above=0)
        self.params["gamma"] = np.ones(arguments.whole("n", n), dtype)

    def forward(self, x, train=True):
        _check_features(self, x, self.params["gamma"])
        self.inv_rms = 1 / np.sqrt(row_mean(x * x) + self.eps)
        self.xhat, self.output_shape = x * self.inv_rms, x.shape
        return self.xhat * self.params["gamma"][..., None, :]

    def backward(self, grad):
        self._check(grad)
        self.grads["gamma"] = column_sum(grad * self.xhat)
        g = grad * self.params["gamma"][..., None, :]
        return self.inv_rms * (g - self.xhat * row_mean(g * self.xhat))


class GroupNorm(Layer):
    """LayerNorm within each of `groups` equal groups of channels (Wu & He 2018, eq. 7).

    x is (batch, n), or (batch, n, space) with n channels of several places each; an axis of runs goes in
    front of either, and then γ and β, one entry a channel, have it too. One group is LayerNorm's
    statistics. With groups = n it is InstanceNorm (Ulyanov et al. 2016), which needs the axis of space:
    the only value of a channel minus its mean is 0. Raises ValueError when `groups` does not divide n, and
    for a wrong shape.
    """

    def __init__(self, groups, n, eps=1e-5, dtype=np.float32):
        super().__init__()
        n = arguments.whole("n", n)
        self.groups = arguments.whole("groups", groups, high=n)
        if n % groups:
            raise ValueError(f"groups={groups} does not divide n={n}: allowed are the divisors of n")
        self.eps = arguments.number("eps", eps, above=0)
        self.params = {"gamma": np.ones(n, dtype), "beta": np.zeros(n, dtype)}

    def forward(self, x, train=True):
        gamma = self.params["gamma"]
        lead, n = gamma.ndim - 1, gamma.shape[-1]
        fits = np.ndim(x) in (lead + 2, lead + 3) and x.shape[lead + 1] == n
        if not fits or x.shape[:lead] != gamma.shape[:-1]:
            raise ValueError(
                f"x of shape {np.shape(x)} does not fit: GroupNorm needs {_needed(gamma.shape[:-1], n)}, "
                "or that with an axis of space behind it"
            )
        if x.ndim == lead + 2 and self.groups == n:
            raise ValueError(f"x of shape {x.shape}: with groups = n = {n} there must be an axis of space")
        # A channel's entry of γ and β stands for every input and every place of the channel.
        if x.ndim == lead + 2:
            self.per_channel, self.shared_axes = (..., None, slice(None)), lead
        else:
            self.per_channel, self.shared_axes = (..., None, slice(None), None), (lead, lead + 2)
        self.split = (*x.shape[: lead + 1], self.groups, -1)
        xhat, self.inv_std = _standardise(x.reshape(self.split), self.eps)
        self.xhat, self.output_shape = xhat.reshape(x.shape), x.shape
        return self.xhat * gamma[self.per_channel] + self.params["beta"][self.per_channel]

    def backward(self, grad):
        self._check(grad)
        xhat, gamma = self.xhat, self.params["gamma"]
        self.grads.update(gamma=(grad * xhat).sum(self.shared_axes), beta=grad.sum(self.shared_axes))
        g = (grad * gamma[self.per_channel]).reshape(self.split)
        return _standardise_backward(g, xhat.reshape(self.split), self.inv_std).reshape(grad.shape)


def _standardise(x, eps):
    """x̂ = (x − μ)/√(σ² + ε) over the last axis, and 1/√(σ² + ε)."""
    centred = x - row_mean(x)
    inv_std = 1 / np.sqrt(row_mean(centred * centred) + eps)
    return centred * inv_std, inv_std


def _standardise_backward(g, xhat, inv_std):
    """∂L/∂x from g = ∂L/∂x̂: (g − mean g − x̂ mean(g x̂))/√(σ² + ε)."""
    return inv_std * (g - row_mean(g) - xhat * row_mean(g * xhat))


class Dropout(Layer):
    """h = x m/(1 − p): each entry of the mask m is 0 with probability p, else 1 (Srivastava et al. 2014).

    `p` is the *drop* probability, in [0, 1). Dividing by 1 − p (the "inverted" form) keeps the mean of x
    and makes E[h²] = E[x²]/(1 − p); eval mode is then the identity. `rng` is a Generator of its own, so
    that dropout changes no other random choice. A stacked layer has a list of them, one a run.
    """

    state = ("rng",)

    def __init__(self, p, rng):
        super().__init__()
        self.p = arguments.number("p", p, low=0, below=1)
        self.rng = arguments.generator("rng", rng)

    def forward(self, x, train=True):
        self.mask = self._draw(x) if train and self.p else np.ones((), x.dtype)
        self.output_shape = x.shape
        return x * self.mask

    def backward(self, grad):
        self._check(grad)
        return grad * self.mask

    def _draw(self, x):
        if isinstance(self.rng, list):
            if x.ndim < 3 or len(x) != len(self.rng):
                raise ValueError(f"x of shape {x.shape} does not fit: Dropout has {len(self.rng)} runs")
            u = np.stack([rng.random(x.shape[1:], np.float32) for rng in self.rng])
        else:
            u = self.rng.random(x.shape, np.float32)
        return (u >= self.p) * np.asarray(1 / (1 - self.p), x.dtype)


class Residual(Layer):
    """y = x + scale · F(x), where F is the layers of `branch` in a row (He et al. 2016a, eq. 1).

    `scale` is a number (1, or such as 1/√D), or "learned": a parameter `scale` that starts at 0 (SkipInit,
    De & Smith 2020; ReZero, Bachlechner et al. 2020). Raises ValueError for an empty branch, and for a
    branch that changes the shape.
    """

    def __init__(self, *branch, scale=1.0):
        super().__init__()
        if not branch or not all(isinstance(layer, Layer) for layer in branch):
            raise ValueError(f"branch={branch!r}: one or more layers are needed")
        self.layers = list(branch)
        if isinstance(scale, str):
            arguments.one_of("scale", scale, ["learned"])
            dtypes = [param.dtype for layer in self.layers for param in layer.params.values()]
            self.params["scale"] = np.zeros(1, np.result_type(*dtypes) if dtypes else np.float32)
        else:
            self.scale = arguments.number("scale", scale)

    def forward(self, x, train=True):
        f = x
        for layer in self.layers:
            f = layer.forward(f, train)
        if f.shape != np.shape(x):
            raise ValueError(f"branch turns x of shape {np.shape(x)} into {f.shape}: Residual needs the same")
        self.f = f if "scale" in self.params else None
        self.output_shape = f.shape
        return x + self.scaled(f)

    def backward(self, grad):
        self._check(grad)
        if self.f is not None:
            one_run = tuple(range(self.params["scale"].ndim - 1, grad.ndim))
            self.grads["scale"] = (grad * self.f).sum(one_run)[..., None]
        branch_grad = self.scaled(grad)
        for layer in reversed(self.layers):
            branch_grad = layer.backward(branch_grad)
        return grad + branch_grad

    def scaled(self, a):
        """scale · a, which may be F(x) on its way out or a gradient on its way in."""
        if "scale" in self.params:
            scale = self.params["scale"]
            return a * scale.reshape(scale.shape[:-1] + (1,) * (a.ndim - scale.ndim + 1))
        return a if self.scale == 1 else a * self.scale


def _check_features(layer, x, gamma):
    """Raise ValueError unless x is (batch, n) for a gamma (n,), or (runs, batch, n) for a gamma (runs, n)."""
    if np.ndim(x) != gamma.ndim + 1 or x.shape[-1] != gamma.shape[-1] or x.shape[:-2] != gamma.shape[:-1]:
        needed = _needed(gamma.shape[:-1], gamma.shape[-1])
        raise ValueError(f"x of shape {np.shape(x)} does not fit: {type(layer).__name__} needs {needed}")


def _needed(runs, features):
    return f"({''.join(f'{run}, ' for run in runs)}batch, {features})"


def every_layer(layers):
    """All layers in forward order, those inside a Residual's branch after the Residual itself."""
    for layer in layers:
        yield layer
        yield from every_layer(getattr(layer, "layers", ()))


ACTIVATIONS = {
    "ReLU": ReLU,
    "leaky ReLU": partial(LeakyReLU, 0.2),  # PyTorch's 0.01 could not be told from ReLU on the screen
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "linear": Identity,
}


def activation(name):
    """A new activation layer by its name, one of `ACTIVATIONS`; a layer is handed back as it is."""
    if isinstance(name, Layer):
        return name
    return ACTIVATIONS[arguments.one_of("activation", name, ACTIVATIONS)]()


GROUPS = 4

# What can stand in front of an activation in a network of dense layers; each is called with a width.
NORMS = {
    "none": None,
    "BatchNorm": BatchNorm,
    "LayerNorm": LayerNorm,
    "RMSNorm": RMSNorm,
    "GroupNorm": partial(GroupNorm, GROUPS),
}
