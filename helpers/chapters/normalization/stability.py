"""How large a step a network bears: one network trained with many learning rates at once, on the runs axis.

The data are the digits, the optimizer is SGD with momentum 0.9. All learning rates see the same first
weights and the same batches.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from helpers.data import shared_digits
from helpers.initializers import naive
from helpers.layers import NORMS
from helpers.losses import softmax_cross_entropy
from helpers.network import plain, stack
from helpers.optimizers import SGD
from helpers.training import Training

RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
STEPS, LAST, MOMENTUM = 60, 10, 0.9
CHANCE = float(np.log(10))  # the loss of a network that gives every digit the same probability

LEARNS, STALLS, DIVERGED = "LEARNS", "STALLS", "DIVERGED"


class Case(NamedTuple):
    """A plain ReLU network on the digits: `depth` layers with weights N(0, σ_w²/fan_in), `norm` in front of
    each ReLU, trained on batches of `batch`."""

    norm: str = "none"  # one of layers.NORMS
    depth: int = 8
    batch: int = 64
    sigma_w: float = 2.0**0.5
    seed: int = 0
    width: int = 32


def training(case, rates, steps=STEPS):
    """The Training of one network with each of several learning rates."""
    digits = shared_digits()

    def init(fan_in, fan_out, rng, dtype):
        return naive(fan_in, fan_out, rng, dtype) * dtype(case.sigma_w / fan_in**0.5)

    rng = np.random.default_rng(case.seed)
    network = plain(64, case.width, case.depth, 10, rng, NORMS[case.norm], init=init)
    network = stack([network] * len(rates))
    return Training(
        network,
        SGD(network.layers, np.array(rates), momentum=MOMENTUM),
        *(digits.x_train, digits.y_train, steps, case.batch, case.seed),
        loss=softmax_cross_entropy,
        schedule=None,
        max_norm=None,
        measure_every=steps,
    )


@lru_cache(maxsize=512)
def losses(case, rates, steps=STEPS):
    """The training loss at each step for each learning rate: (steps, rates). NaN after a run overflowed."""
    one = training(case, rates, steps)
    one.advance(steps)
    return _losses(one)


def _losses(one):
    found = one.history().loss
    found = np.where(np.isfinite(found), found, np.nan)
    return np.pad(found, ((0, one.steps - len(found)), (0, 0)), constant_values=np.nan)


class Sweep:
    """The losses of one case for all of RATES, (STEPS, RATES): NaN where a run overflowed.

    As it takes long, it is trained in small portions, and the larger rates come before the smaller ones:
    they tell the ceiling.
    """

    PORTION = 5  # steps
    PARTS = slice(RATES.index(0.1), None), slice(None, RATES.index(0.1))

    def __init__(self, case):
        self.case, self.waiting, self.under_way = case, list(self.PARTS), None
        self.losses = np.full((STEPS, len(RATES)), np.nan)
        self.trained = np.zeros(len(RATES), bool)

    @property
    def complete(self):
        return not self.waiting

    @property
    def has_ceiling(self):
        """Is the ceiling known?"""
        return self.complete or self.ceiling() is not None

    def go_on(self):
        """Train one more portion."""
        part = self.waiting[0]
        self.under_way = self.under_way or training(self.case, RATES[part])
        self.under_way.advance(self.PORTION)
        if self.under_way.ended:
            self.losses[:, part] = _losses(self.under_way)
            self.trained[part] = True
            self.waiting, self.under_way = self.waiting[1:], None

    def finish(self):
        while not self.complete:
            self.go_on()
        return self

    def ceiling(self):
        """The largest learning rate that learns, of those that have been trained; None if none does."""
        learns = [judge(loss) == LEARNS for loss in self.losses[:, self.trained].T]
        return max(np.array(RATES)[self.trained][learns], default=None)


@lru_cache(maxsize=60)  # one that is under way holds up to 7 MB
def sweep(case):
    """The Sweep of a case, which is kept."""
    return Sweep(case)


def final(loss):
    """The mean loss of the last steps; NaN if the run overflowed, or has not come so far."""
    return float(np.mean(loss[-LAST:])) if len(loss) >= LAST else float("nan")


def judge(loss):
    """What became of a run, from its loss at every step.

    DIVERGED: it overflowed, or its final loss is above twice the first. LEARNS: it is below half of the
    first, which counts for no more than chance (large weights begin with a loss of hundreds, and 2.3 is
    then nothing learned). STALLS: neither.
    """
    end, start = final(loss), loss[0]
    if not end <= 2 * start:
        return DIVERGED
    return LEARNS if end < min(start, CHANCE) / 2 else STALLS


def clear():
    """Forget all that was kept."""
    for kept in (losses, sweep):
        kept.cache_clear()
