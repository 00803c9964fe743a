"""Networks of two kinds of block and their quiet starts, trained on the digits for comparison."""

import numpy as np

from helpers import probes
from helpers.data import shared_digits
from helpers.digits import BATCH
from helpers.layers import BatchNorm, LayerNorm, Linear, ReLU, Residual
from helpers.losses import softmax_cross_entropy
from helpers.network import Network, residual_v1, residual_v2, stack
from helpers.optimizers import SGD, Adam
from helpers.training import evaluate, train


def v1(rng):
    """56 layers in blocks ReLU(h + F(h)), with BatchNorm (He et al. 2015)."""
    return residual_v1(64, 32, 56, 10, rng, BatchNorm)


def v2(rng, norm=BatchNorm):
    """56 layers in blocks h + F(h), with a norm at the front of F (He et al. 2016)."""
    return residual_v2(64, 32, 56, 10, rng, norm)


def pre_ln(rng):
    """`v2` with LayerNorm, as in most Transformers."""
    return v2(rng, LayerNorm)


def quiet(build, parameter, factor):
    """The same build with a parameter of the last layer of every branch multiplied at the start."""

    def quietly(rng):
        network = build(rng)
        for layer in network.layers:
            if isinstance(layer, Residual):
                layer.layers[-1].params[parameter] *= np.float32(factor)
        return network

    return quietly


def transformer(norm):
    """A build of 20 blocks of two Linear layers; LayerNorm "before" F, or on the trunk "after" the sum."""

    def build(rng):
        layers = [Linear(64, 32, rng), LayerNorm(32)]
        for _ in range(20):
            branch = [Linear(32, 32, rng), ReLU(), Linear(32, 32, rng)]
            before = norm == "before"
            layers += [Residual(LayerNorm(32), *branch)] if before else [Residual(*branch), LayerNorm(32)]
        return Network([*layers, LayerNorm(32), Linear(32, 10, rng)])

    return build


def identitys_factor(blocks=50, width=64, seed=0):
    """The factor of the path through all skips of random post-LN blocks: every norm divides it, too."""
    rng = np.random.default_rng(seed)
    layers = []
    for _ in range(blocks):
        layers += [Residual(ReLU(), Linear(width, width, rng)), LayerNorm(width)]
    Network(layers).forward(rng.standard_normal((64, width), dtype=np.float32))
    return float(np.prod([norm.inv_std.mean() for norm in layers[1::2]]))


def growth(network):
    """‖∂L/∂h‖ before the first block over that after the last, for a batch of digits."""
    digits = shared_digits()
    _, grad = softmax_cross_entropy(network.forward(digits.x_train[:BATCH]), digits.y_train[:BATCH])
    network.backward(grad)
    lengths = probes.gradient_norms(network, of="z")[1:-1]
    return lengths[0] / lengths[-1]


def sgd(layers, lr=0.03):
    return SGD(layers, lr, momentum=0.9)


def adam(layers, lr=0.005):
    return Adam(layers, lr)


def training_error(build, optimizer=sgd, steps=154, schedule=None, seeds=(0, 1, 2)):
    """The share of wrong answers on the training digits after `steps`, of one network a seed."""
    networks = stack([build(np.random.default_rng(seed)) for seed in seeds])
    data = shared_digits().x_train, shared_digits().y_train
    how = {"schedule": schedule, "progress": False}
    train(networks, optimizer(networks.layers), *data, steps, 64, list(seeds), **how)
    return 1 - evaluate(networks, *data)[1]
