"""Internal covariate shift: measured in training, and brought back after BatchNorm.

It is the change over *time* of what a layer receives (Ioffe & Szegedy 2015). The experiment is that of
Santurkar et al. (2018): noise after every BatchNorm makes what follows as restless as can be. Do large
steps fail again? The data are the digits, the optimizer is SGD with momentum 0.9.
"""

import numpy as np

from helpers import arguments, digits
from helpers.data import shared_digits
from helpers.layers import BatchNorm, Layer, ReLU
from helpers.losses import softmax_cross_entropy
from helpers.measured import measured
from helpers.optimizers import SGD

KINDS = ("no norm", "BatchNorm", "BatchNorm + noise")
DEPTH, WIDTH, BATCH = 10, 64, 128


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
        self.scale, self.output_shape = np.exp(s), x.shape
        return x * self.scale + t

    def backward(self, grad):
        self._check(grad)
        return grad * self.scale


def network(kind, seed=0, size=0.2):
    """A plain ReLU network of 10 layers: one of KINDS, its noise of the given size. ValueError for others."""
    arguments.one_of("kind", kind, KINDS)
    net = digits.Build(DEPTH, WIDTH, "none" if kind == "no norm" else "BatchNorm").network(seed)
    noise = np.random.default_rng([seed, 1])
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


@measured
def shift_and_loss(kind, eta, seed=0, size=0.2, steps=100):
    """Train one network of a kind: how far its units' means move per step, and its loss at the end.

    The shift is the mean of |change from one step to the next| over all units where a ReLU begins, in
    standard deviations; the loss is the mean of the last 10 steps. Both are nan where it overflows.
    """
    data, rng, net = shared_digits(), np.random.default_rng(seed), network(kind, seed, size)
    sgd, means, losses = SGD(net.layers, eta, digits.MOMENTUM), [], []
    with np.errstate(all="ignore"):  # to overflow is a result
        for _ in range(steps):
            rows = rng.choice(len(data.x_train), BATCH, replace=False)
            loss, grad = softmax_cross_entropy(net.forward(data.x_train[rows]), data.y_train[rows])
            means.append(relative_means(net))
            losses.append(loss)
            net.backward(grad)
            sgd.step()
        return float(np.abs(np.diff(means, axis=0)).mean()), digits.final(losses)
