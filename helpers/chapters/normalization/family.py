"""The norms compared on the digits: for each, three seeds with three learning rates, trained as one stack."""

from typing import NamedTuple

import numpy as np

from helpers import digits
from helpers.data import shared_digits
from helpers.measured import measured
from helpers.network import stack
from helpers.training import evaluate

ETAS, SEEDS = (0.003, 0.01, 0.03), (0, 1, 2)


class Trained(NamedTuple):
    """What became of plain ReLU networks: arrays with a row for each of SEEDS, a column for each of ETAS."""

    loss: np.ndarray  # of the last ten steps; nan where it overflowed
    accuracy: np.ndarray  # of the test images, in eval mode


def trained(norm, depth, batch, steps):
    """Nine networks of width 32, with a norm of `layers.NORMS` before each ReLU, and what became of them.

    They learn with SGD of momentum 0.9 and see the same batches. Raises ValueError for an unknown norm.
    """
    build = digits.Build(depth, norm=norm)
    network = stack([build.network(seed) for seed in SEEDS for _ in ETAS])
    loss = digits.Training(network, np.tile(ETAS, len(SEEDS)), batch).begin(steps, 0).finish().loss
    _, accuracy = evaluate(network, shared_digits().x_test, shared_digits().y_test)
    found = loss[-digits.LAST :].mean(axis=0), accuracy
    return Trained(*(one.reshape(len(SEEDS), len(ETAS)) for one in found))


@measured
def best_losses(norm, depth=56, batch=64, steps=300):
    """The final loss at the best η, for each seed."""
    return np.nanmin(trained(norm, depth, batch, steps).loss, axis=1)


@measured
def percent_right(norm, batch, depth=6, steps=500):
    """How many test images are right, in percent, at the best η of each seed: the median of the seeds."""
    return 100 * float(np.median(trained(norm, depth, batch, steps).accuracy.max(axis=1)))
