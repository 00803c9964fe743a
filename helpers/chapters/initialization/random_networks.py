"""Untrained networks, as the lesson sends its signals through them. All are float64 and have one width."""

import numpy as np

from helpers import probes
from helpers.initializers import he_normal, pytorch_default
from helpers.network import mlp

BATCH = 256  # random inputs


def run(init, depth=25, width=256, act="ReLU", seed=0, batch=BATCH, dtype=np.float64):
    """A random Network without biases, after `batch` random inputs N(0, 1) went through it."""
    rng = np.random.default_rng(seed)
    network = mlp([width] * (depth + 1), rng, act, init, bias=False, dtype=dtype)
    network.forward(rng.standard_normal((batch, width)).astype(dtype))
    return network


def with_bias(depth=20, width=256, seed=0):
    """The same with all that `torch.nn.Linear` draws: U(±1/√n), the biases as well."""
    rng = np.random.default_rng(seed)
    network = mlp([width] * (depth + 1), rng, init=pytorch_default, dtype=np.float64)
    for layer in network.layers[::2]:
        layer.params["bias"] = rng.uniform(-1, 1, width) / np.sqrt(width)
    network.forward(rng.standard_normal((BATCH, width)))
    return network


def zigzag(init, seed=0):
    """Widths that go 256, 64, 256, 64, … over 24 layers."""
    rng = np.random.default_rng(seed)
    network = mlp([256, 64] * 12 + [256], rng, init=init, bias=False, dtype=np.float64)
    network.forward(rng.standard_normal((BATCH, 256)))
    return network


def activations(network, layers):
    """h at these layers, (batch, width) each."""
    return [network.outputs[2 * layer] for layer in layers]  # x, z, h, z, h, …


def sizes(network):
    """E[h²] at layers 0, 1, 2, …"""
    return probes.forward_moments(network)[1].second


def final_sizes(width, networks, depth=50, batch=BATCH):
    """E[h²] at the last layer of many He networks, each with a seed of its own."""
    nets = (run(he_normal, depth, width, seed=seed, batch=batch) for seed in range(networks))
    return np.array([probes.second_moment(net.outputs[-1]) for net in nets])


def gradient_lengths(network, seed=1):
    """‖∂L/∂h‖ by layer, over that at the last one, where a random gradient comes in."""
    last = network.outputs[-1]
    network.backward(np.random.default_rng(seed).standard_normal(last.shape))
    lengths = probes.gradient_norms(network)
    return lengths / lengths[-1]
