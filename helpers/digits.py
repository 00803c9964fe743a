"""One experiment for the chapters: a network is built, trained on the digits, and judged.

A `Build` makes the network, a `Training` moves it on, stage by stage, and a `Course` is what became of its
loss. Each chapter adds its own question. Several runs may be stacked in one network: seeds, or learning
rates.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers import arguments, training
from helpers.data import shared_digits
from helpers.initializers import he_normal
from helpers.layers import NORMS
from helpers.network import Network, plain, residual_v2
from helpers.optimizers import SGD

WIDTH, BATCH, MOMENTUM = 32, 64, 0.9
LAST = 10  # steps, whose mean loss counts as the final one
GUESSING = float(np.log(10))  # the loss of a network that gives every digit the same probability
LEARNED = GUESSING / 2  # a final loss below this counts as learned, if the first was not lower than guessing

LEARNS, STALLS, DIVERGED = "LEARNS", "STALLS", "DIVERGED"


@dataclass(frozen=True)
class Build:
    """How a network for the digits is built: 64 pixels, `depth` layers of weights, ten classes.

    `norm` is a name of `layers.NORMS`. `scale` is that of the residual branches of `residual_v2`; None: no
    skips, which is `plain`. The rest is as there.
    """

    depth: int
    width: int = WIDTH
    norm: str = "none"
    act: str = "ReLU"
    init: Callable = he_normal
    scale: float | str | None = None

    def network(self, seed):
        """The untrained Network. A seed draws the same weights for builds that need the same."""
        return self.draw(np.random.default_rng(arguments.whole("seed", seed, low=0)))

    def draw(self, rng):
        """The untrained Network, with weights from a Generator."""
        norm = NORMS[arguments.one_of("norm", self.norm, NORMS)]
        parts = 64, self.width, self.depth, 10, rng, norm, self.act, self.init
        return plain(*parts) if self.scale is None else residual_v2(*parts, self.scale)


class Training:
    """A network on its way: SGD with momentum 0.9 on `batch` digits a step, clipped at `max_norm`.

    `lr` may be an array, one a run. `begin` a stage, `advance` it until it has `ended`, begin the next one:
    the network and the optimizer's momentum go on where they stopped.
    """

    def __init__(self, network: Network, lr, batch=BATCH, max_norm=None):
        self.network, self.batch, self.max_norm = network, batch, max_norm
        self.optimizer = SGD(network.layers, lr, MOMENTUM)
        self.stage, self._before = None, []  # the losses of the stages before; a stage holds weights

    def begin(self, steps, order):
        """Begin a stage of so many steps. Its batches are drawn from the seed `order`, or from one a run."""
        self._before = self._losses()
        x, y = shared_digits().x_train, shared_digits().y_train
        how = {"max_norm": self.max_norm, "measure_every": max(steps, 1)}
        self.stage = training.Training(self.network, self.optimizer, x, y, steps, self.batch, order, **how)
        return self

    def advance(self, steps):
        """Train for so many steps more, or until the end of the stage."""
        self.stage.advance(steps)

    def finish(self):
        """Train until the end of the stage."""
        self.advance(self.stage.steps)
        return self

    @property
    def ended(self):
        """Is the stage over: all its steps done, or the loss of every run lost?"""
        return self.stage.ended

    @property
    def loss(self):
        """The loss of every step of all stages: (steps,) or (steps, runs). NaN where it was not finite."""
        runs = self.network.runs
        nothing_yet = np.zeros(0 if runs is None else (0, runs))
        return np.concatenate([nothing_yet, *self._losses()])

    def _losses(self):
        if self.stage is None:
            return []
        loss = self.stage.history().loss
        if self.ended:  # if no run was left, before its last step
            missing = [(0, self.stage.steps - len(loss))] + [(0, 0)] * (loss.ndim - 1)
            loss = np.pad(loss, missing, constant_values=np.nan)
        return [*self._before, np.where(np.isfinite(loss), loss, np.nan)]


@dataclass(frozen=True)
class Course:
    """The loss of every step so far: (steps,), or (steps, runs) for `overflowed` alone. NaN: not finite."""

    loss: np.ndarray
    last: int = LAST

    @property
    def overflowed(self):
        """Has the loss left the range of numbers? A bool, or one a run."""
        return ~np.isfinite(self.loss).all(axis=0)

    @property
    def lost_at(self):
        """The step (0, 1, …) at which the loss was not finite any more, or None."""
        return int(np.argmin(np.isfinite(self.loss))) if self.overflowed else None

    @property
    def final(self):
        return final(self.loss, self.last)

    @property
    def outcome(self):
        return judge(self.loss, self.last)

    @property
    def learns(self):
        return self.outcome == LEARNS


def final(loss, last=LAST):
    """The mean of the last steps; NaN if one of them overflowed, or there is none."""
    return float(np.mean(loss[-last:])) if len(loss) else float("nan")


def judge(loss, last=LAST):
    """What became of a run, from its loss at every step.

    DIVERGED: it overflowed, or its final loss is above twice the first. LEARNS: it is below half of the
    first, which counts for no more than guessing (large weights begin with a loss of hundreds, and 2.3 is
    then nothing learned). STALLS: neither.
    """
    end, start = final(loss, last), loss[0] if len(loss) else float("nan")
    if not end <= 2 * start:
        return DIVERGED
    return LEARNS if end < min(start, GUESSING) / 2 else STALLS
