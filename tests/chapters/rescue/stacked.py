"""Trainings of one Design with many seeds at once, as runs of one stacked network."""

import numpy as np

from helpers.chapters.rescue import rescue
from helpers.data import shared_digits
from helpers.digits import BATCH, MOMENTUM
from helpers.network import stack
from helpers.optimizers import SGD, Adam
from helpers.training import DIVERGED, evaluate, train


def trained(design, seeds=range(5), steps=rescue.STEPS, adam=None):
    """(final losses, nan where one diverged; accuracies on the training digits), one of each a seed.

    As `rescue.training` does it, or with Adam at a learning rate `adam`. Stacked products round in their own
    way: for a training that is sensitive to it, this is one more kernel.
    """
    digits, networks = shared_digits(), stack([design.network(seed) for seed in seeds])
    rates = np.full(len(seeds), design.lr if adam is None else adam)
    optimizer = SGD(networks.layers, rates, MOMENTUM) if adam is None else Adam(networks.layers, rates)
    history = train(
        *(networks, optimizer, digits.x_train, digits.y_train, steps, BATCH, list(seeds)),
        max_norm=rescue.CLIPS[design.clip],
        measure_every=steps,
        progress=False,
    )
    final = np.where(history.status == DIVERGED, np.nan, history.loss[-rescue.LAST :].mean(axis=0))
    return final, evaluate(networks, digits.x_train, digits.y_train)[1]
