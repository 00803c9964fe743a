"""What depth does to a plain network: once there and back through random weights, and a training."""

import numpy as np

from helpers import probes
from helpers.data import load_digits
from helpers.digits import BATCH, MOMENTUM
from helpers.network import mlp, plain
from helpers.optimizers import SGD
from helpers.training import train


def there_and_back(act, init, depth=20, seed=0, width=128):
    """A random Network after a random batch has gone forward, and a random gradient back through it."""
    rng = np.random.default_rng(seed)
    network = mlp([width] * (depth + 1), rng, act, init, bias=False, dtype=np.float64)
    network.forward(rng.standard_normal((width, width)))
    network.backward(rng.standard_normal((width, width)))
    return network


def gradient_lengths(network):
    """‖∂L/∂h‖ at layers 0, 1, …, D after a backward pass, relative to that at layer D."""
    lengths = probes.gradient_norms(network)
    return lengths / lengths[-1]


def learn(act, init, depth=20, lr=0.01, seed=0, steps=300):
    """Train a plain network on the digits: the Network, and by what share its first weights have moved.

    Each step takes BATCH digits; the optimizer is SGD with MOMENTUM.
    """
    digits = load_digits()
    network = plain(64, 64, depth, 10, np.random.default_rng(seed), act=act, init=init)
    first = network.layers[0].params["weight"]
    start = first.copy()
    optimizer = SGD(network.layers, lr, MOMENTUM)
    train(network, optimizer, digits.x_train, digits.y_train, steps, batch=BATCH, seed=seed)
    return network, np.linalg.norm(first - start) / np.linalg.norm(start)
