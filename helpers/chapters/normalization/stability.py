"""How large a step a network tolerates: one network is trained with many learning rates at once.

They are stacked on the axis of runs, and see the same first weights and the same batches.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from helpers import digits, probes
from helpers.data import shared_digits
from helpers.digits import LEARNS, final, judge
from helpers.initializers import naive
from helpers.measured import measured
from helpers.network import stack

RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
STEPS = 60
TUNED = RATES[2:14:2]  # enough to find a good one
WALK = np.geomspace(0.001, 10, 41)


class Case(NamedTuple):
    """A plain ReLU network on the digits: `depth` layers with weights N(0, σ_w²/fan_in), `norm` in front of
    each ReLU, trained on batches of `batch`."""

    norm: str = "none"  # one of layers.NORMS
    depth: int = 8
    batch: int = 64
    sigma_w: float = 2.0**0.5
    seed: int = 0
    width: int = digits.WIDTH

    def init(self, fan_in, fan_out, rng, dtype):
        """The first weights of a layer."""
        return naive(fan_in, fan_out, rng, dtype) * dtype(self.sigma_w / fan_in**0.5)


def training(case, rates, steps=STEPS):
    """The digits.Training of one network with each of several learning rates."""
    network = digits.Build(case.depth, case.width, case.norm, init=case.init).network(case.seed)
    one = digits.Training(stack([network] * len(rates)), np.array(rates), case.batch)
    return one.begin(steps, case.seed)


@lru_cache(maxsize=512)
def losses(case, rates, steps=STEPS):
    """The training loss at each step for each learning rate: (steps, rates). NaN after a run overflowed."""
    return training(case, rates, steps).finish().loss


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
            self.losses[:, part] = self.under_way.loss
            self.trained[part] = True
            self.waiting, self.under_way = self.waiting[1:], None

    def finish(self):
        while not self.complete:
            self.go_on()
        return self

    @property
    def finals(self):
        """The final loss for each of RATES; NaN where the run overflowed, or was not trained yet."""
        return np.array([final(loss) for loss in self.losses.T])

    def ceiling(self):
        """The largest learning rate that learns, of those that have been trained; None if none does."""
        learns = [judge(loss) == LEARNS for loss in self.losses[:, self.trained].T]
        return max(np.array(RATES)[self.trained][learns], default=None)


@lru_cache(maxsize=60)  # one that is under way holds up to 7 MB
def sweep(case):
    """The Sweep of a case, which is kept."""
    return Sweep(case)


@measured
def ceilings(norm, depth, seeds=5):
    """The largest η that learns, for each seed, at width 64 and batches of 128; nan where none does."""
    cases = [Case(norm, depth, batch=128, seed=seed, width=64) for seed in range(seeds)]
    return np.array([sweep(case).finish().ceiling() for case in cases], float)


@measured
def best_losses(norm, scales, etas=TUNED, seed=0):
    """The final loss for each σ_w of `scales`, at the best of several η; inf where all overflow."""
    ends = (losses(Case(norm, sigma_w=scale, seed=seed), tuple(etas))[-digits.LAST :] for scale in scales)
    return [float(np.nan_to_num(end.mean(axis=0), nan=np.inf).min()) for end in ends]


@measured
def reach(norm, seed=0, steps=STEPS, depth=10):
    """How far along the gradient half of its promise is kept: the largest η, after some training.

    A network of width 64 is trained at η = 0.01; then see `probes.kept_promise`. nan if it is nowhere kept.
    """
    network, data = digits.Build(depth, 64, norm).network(seed), shared_digits()
    digits.Training(network, 0.01, batch=128).begin(steps, seed).finish()
    kept = probes.kept_promise(network, data.x_train[:128], data.y_train[:128], WALK)
    return max(WALK[np.logical_and.accumulate(kept > 0.5)], default=np.nan)


def clear():
    """Forget all that was kept."""
    for kept in (losses, sweep):
        kept.cache_clear()
