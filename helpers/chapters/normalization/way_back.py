"""What BatchNorm does to a gradient: in front of it, through many layers of it, and after one step."""

import numpy as np

from helpers import digits, probes
from helpers.data import shared_digits
from helpers.layers import NORMS, BatchNorm, Linear
from helpers.measured import measured
from helpers.network import Network, plain
from helpers.optimizers import SGD
from helpers.training import train


def weights_times(scale, seed=0):
    """Output and ∂L/∂W of a Linear of 5 units in front of a BatchNorm, its first weights times `scale`."""
    rng = np.random.default_rng(seed)
    linear, norm = Linear(20, 5, rng, bias=False), BatchNorm(5)
    linear.params["weight"] *= scale
    network = Network([linear, norm])
    y = network.forward(rng.standard_normal((32, 20)))
    network.backward(rng.standard_normal(y.shape))
    return y, linear.grads["weight"]


def gradient_lengths(norm, depth=50, width=128, batch=128, seed=0):
    """‖∂L/∂h‖ of the layers 0 … depth in an untrained ReLU network with He weights, relative to the last."""
    rng = np.random.default_rng(seed)
    network = plain(width, width, depth + 1, width, rng, NORMS[norm], dtype=np.float64)
    network.layers.pop()  # the last Linear: what is left ends in a ReLU
    network.forward(rng.standard_normal((batch, width)))
    network.backward(rng.standard_normal((batch, width)))
    found = probes.gradient_norms(network)
    return found / found[-1]


def two_steps(eta, seed=0, depth=50):
    """‖∂L/∂W‖ and ‖ΔW‖/‖W‖ of each layer (columns) at the first two steps (rows) with BatchNorm."""
    network, data = digits.Build(depth, 128, "BatchNorm").network(seed), shared_digits()
    sgd = SGD(network.layers, eta)
    how = {"steps": 2, "batch": 128, "seed": seed, "measure_every": 1, "progress": False}
    history = train(network, sgd, data.x_train, data.y_train, **how)
    return history.gradient_norms, history.update_ratios


@measured
def ranges(eta, seeds=5):
    """The largest ÷ the smallest ‖∂L/∂W‖ of all layers, before and after a step of η: medians over seeds."""
    lengths = np.array([two_steps(eta, seed)[0] for seed in range(seeds)])
    return np.median(lengths.max(axis=2) / lengths.min(axis=2), axis=0)
