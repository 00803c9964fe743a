"""Trainings of Designs with many seeds at once, as runs of one stacked network, each trained only once."""

import numpy as np

from helpers.chapters.rescue import rescue
from helpers.data import shared_digits
from helpers.digits import BATCH, MOMENTUM
from helpers.network import stack
from helpers.optimizers import SGD, Adam
from helpers.training import DIVERGED, evaluate, train

_known = {}  # several tests ask for the same


def trained(design, seeds=range(5), steps=rescue.STEPS, adam=None):
    """(final losses, nan where one diverged; accuracies on the training digits), one of each a seed.

    As `rescue.training` does it, or with Adam at a learning rate `adam`. Stacked products round in their own
    way: for a training that is sensitive to it, this is one more kernel.
    """
    return trained_each([design], seeds, steps, adam)[design]


def trained_each(designs, seeds=range(5), steps=rescue.STEPS, adam=None):
    """{design: what `trained` says of it}. Those of one build train at once, in half the time."""
    found, alike = {design: (design, seeds, steps, adam) for design in designs}, {}
    for design, key in found.items():
        if key not in _known:
            build = design.act, design.norm, design.skip, design.scale, design.clip
            alike.setdefault(build, []).append(design)
    for several in alike.values():
        ends = _train([(design, seed) for design in several for seed in seeds], steps, adam)
        for i, design in enumerate(several):
            runs = slice(i * len(seeds), (i + 1) * len(seeds))
            _known[found[design]] = tuple(values[runs] for values in ends)
    return {design: _known[key] for design, key in found.items()}


def _train(runs, steps, adam):
    """Final losses and accuracies of (design, seed) pairs that are built and clipped alike."""
    digits, networks = shared_digits(), stack([design.network(seed) for design, seed in runs])
    rates = np.array([design.lr if adam is None else adam for design, _ in runs])
    optimizer = SGD(networks.layers, rates, MOMENTUM) if adam is None else Adam(networks.layers, rates)
    history = train(
        *(networks, optimizer, digits.x_train, digits.y_train, steps, BATCH, [seed for _, seed in runs]),
        max_norm=rescue.CLIPS[runs[0][0].clip],
        measure_every=steps,
        progress=False,
    )
    final = np.where(history.status == DIVERGED, np.nan, history.loss[-rescue.LAST :].mean(axis=0))
    return final, evaluate(networks, digits.x_train, digits.y_train)[1]
