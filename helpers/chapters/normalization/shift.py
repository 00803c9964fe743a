"""Internal covariate shift: measured in training, and brought back behind BatchNorm.

It is the change over *time* of what a layer receives (Ioffe & Szegedy 2015). The experiment is that of
Santurkar et al. (2018): noise behind every BatchNorm makes what follows as restless as can be. Does the gain
go with the steadiness? The data are the digits, the optimizer is SGD with momentum 0.9.
"""

import numpy as np

from helpers import arguments
from helpers.data import shared_digits
from helpers.layers import BatchNorm, Layer, ReLU
from helpers.losses import softmax_cross_entropy
from helpers.network import plain
from helpers.optimizers import SGD

KINDS = ("no norm", "BatchNorm", "BatchNorm + noise")
DEPTH, WIDTH, BATCH, MOMENTUM, LAST = 10, 64, 128, 0.9, 10


class Jolt(Layer):
    """y = x eˢ + t, where every unit's s and t are drawn from N(0, size²), anew at each step.

    x is (batch, n). Eval mode hands x on. Raises ValueError for a size below 0.
    """

    def __init__(self, n, rng, size=0.2):
        super().__init__()
        self.n, self.rng = arguments.whole("n", n), rng
        self.size = arguments.number("size", size, low=0)

    def forward(self, x, train=True):
        s, t = (self.size if train else 0.0) * self.rng.standard_normal((2, self.n)).astype(x.dtype)
        self.scale = np.exp(s)
        return x * self.scale + t

    def backward(self, grad):
        return grad * self._remembered("scale", grad[..., 0, :])


def network(kind, seed=0, size=0.2):
    """A plain ReLU network of 10 layers: one of KINDS, its noise of the given size. ValueError for others."""
    arguments.one_of("kind", kind, KINDS)
    rng, noise = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    net = plain(64, WIDTH, DEPTH, 10, rng, None if kind == "no norm" else BatchNorm)
    if kind == "BatchNorm + noise":
        net.layers = [part for layer in net.layers for part in _with_jolt(layer, noise, size)]
    return net


def _with_jolt(layer, rng, size):
    return [layer, Jolt(WIDTH, rng, size)] if isinstance(layer, BatchNorm) else [layer]


def relative_means(net):
    """After `net.forward(x)`: the mean of each unit where a ReLU begins, in standard deviations of its layer.

    An array (ReLUs, units).
    """
    entering = [z for z, layer in zip(net.outputs, net.layers, strict=False) if isinstance(layer, ReLU)]
    return np.array([z.mean(axis=0) / z.std() for z in entering])


def shift_and_loss(kind, eta, seed=0, size=0.2, steps=100):
    """Train one network of a kind: how far its units' means move per step, and its loss at the end.

    The shift is the mean of |change from one step to the next| over all units where a ReLU begins, in
    standard deviations; the loss is the mean of the last 10 steps. Both are nan where it overflows.
    """
    digits, rng, net = shared_digits(), np.random.default_rng(seed), network(kind, seed, size)
    sgd, means, losses = SGD(net.layers, eta, momentum=MOMENTUM), [], []
    with np.errstate(all="ignore"):  # to overflow is a result
        for _ in range(steps):
            rows = rng.choice(len(digits.x_train), BATCH, replace=False)
            loss, grad = softmax_cross_entropy(net.forward(digits.x_train[rows]), digits.y_train[rows])
            means.append(relative_means(net))
            losses.append(loss)
            net.backward(grad)
            sgd.step()
        return float(np.abs(np.diff(means, axis=0)).mean()), float(np.mean(losses[-LAST:]))
