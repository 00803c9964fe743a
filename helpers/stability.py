"""How large a step a network bears: one network trained with many learning rates at once, on the runs axis.

The data are the digits, the optimizer is SGD with momentum 0.9. All learning rates see the same first
weights and the same batches.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from helpers.data import shared_digits
from helpers.initializers import naive
from helpers.network import plain, stack
from helpers.norms import NORMS
from helpers.optimizers import SGD
from helpers.training import train

RATES = (
    *(0.001, 0.0018, 0.003, 0.0056, 0.01, 0.018, 0.03, 0.056, 0.1),
    *(0.18, 0.3, 0.56, 1.0, 1.8, 3.0, 5.6, 10.0, 18.0, 30.0),
)
STEPS, LAST, MOMENTUM = 60, 10, 0.9
CHANCE = float(np.log(10))  # the loss of a network that gives every digit the same probability
PARTS = 3  # of a sweep

LEARNS, STALLS, DIVERGED = "LEARNS", "STALLS", "DIVERGED"


class Case(NamedTuple):
    """A plain ReLU network on the digits: `depth` layers with weights N(0, σ_w²/fan_in), `norm` in front of
    each ReLU, trained on batches of `batch`."""

    norm: str = "none"  # one of norms.NORMS
    depth: int = 8
    batch: int = 64
    sigma_w: float = 2.0**0.5
    seed: int = 0
    width: int = 32


@lru_cache(maxsize=512)
def losses(case, rates, steps=STEPS):
    """The training loss at each step for each learning rate: (steps, rates). NaN after a run overflowed."""
    digits = shared_digits()

    def init(fan_in, fan_out, rng, dtype):
        return naive(fan_in, fan_out, rng, dtype) * dtype(case.sigma_w / fan_in**0.5)

    rng = np.random.default_rng(case.seed)
    network = plain(64, case.width, case.depth, 10, rng, NORMS[case.norm], init=init)
    network = stack([network] * len(rates))
    found = train(
        network,
        SGD(network.layers, np.array(rates), momentum=MOMENTUM),
        *(digits.x_train, digits.y_train, steps, case.batch, case.seed),
        measure_every=steps,
        progress=False,
    ).loss
    found = np.where(np.isfinite(found), found, np.nan)
    return np.pad(found, ((0, steps - len(found)), (0, 0)), constant_values=np.nan)


class Sweep:
    """The losses of one case for all of RATES, (STEPS, RATES). Trained part by part, as it takes long."""

    def __init__(self, case):
        self.case, self.done = case, 0
        self.losses = np.full((STEPS, len(RATES)), np.nan)

    @property
    def complete(self):
        return self.done == PARTS

    @property
    def trained(self):
        """Which of RATES have been trained so far: every third from the first, then the others."""
        return np.arange(len(RATES)) % PARTS < self.done

    def go_on(self):
        """Train the next part."""
        part = slice(self.done, None, PARTS)
        self.losses[:, part] = losses(self.case, RATES[part])
        self.done += 1

    def finish(self):
        while not self.complete:
            self.go_on()
        return self

    def ceiling(self):
        """The largest learning rate that learns, of those that have been trained; None if none does."""
        learns = [judge(loss) == LEARNS for loss in self.losses[:, self.trained].T]
        return max(np.array(RATES)[self.trained][learns], default=None)


@lru_cache(maxsize=256)
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
