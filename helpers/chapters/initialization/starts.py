"""Four starts of one small network, which learns to tell a disc from the ring around it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers import arguments, probes
from helpers.initializers import gaussian, he_normal
from helpers.layers import Linear
from helpers.losses import softmax_cross_entropy
from helpers.network import mlp
from helpers.optimizers import SGD

WIDTH, STEPS = 8, 200
SNAPSHOTS = (0, 1, 2, 3, 4, 6, 8, 10, 15, *range(20, STEPS + 1, 10))  # steps at which a run is looked at
GUESSING = float(np.log(2))  # the loss of a network that gives both classes the same probability


def equal(fan_in, fan_out, rng, dtype=np.float32):
    """Every weight 1/fan_in: each unit is the mean of those before it, and a signal keeps its size."""
    return np.full((fan_in, fan_out), 1 / fan_in, dtype)


STARTS = {
    "small": gaussian(2**0.5 / 4),
    "medium": he_normal,
    "large": gaussian(2**0.5 * 4),
    "all equal": equal,
}


def disc_and_ring(examples=64):
    """Points (examples, 2) with E[x²] = 1, and labels: 0 in the disc, 1 in the ring around it."""
    rng = np.random.default_rng(0)
    labels = np.arange(examples) % 2
    radius = np.where(labels, rng.uniform(1.0, 1.4, examples), rng.uniform(0.0, 0.6, examples))
    angle = rng.uniform(0, 2 * np.pi, examples)
    x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return x / np.sqrt(np.mean(x**2)), labels


@dataclass(frozen=True)
class Snapshot:
    """A network at one step. Layer 0 is the input, the last layer the two outputs."""

    weights: list  # (fan_in, fan_out) of each layer
    units: list  # by layer: √E[h²] of each unit, over the examples
    signal: np.ndarray  # by layer: √E[h²]
    gradient: np.ndarray  # by layer: the length of ∂L/∂h
    right: float  # share of the examples

    @property
    def copies(self):
        """Do the units of every hidden layer have the same weights?"""
        return all(np.ptp(w, axis=1).max() == 0 for w in self.weights[:-1])


class Run:
    """A network of `depth` layers on its way: plain SGD on all examples, STEPS steps."""

    def __init__(self, start, depth, lr, seed):
        init = STARTS[arguments.one_of("start", start, STARTS)]
        widths = [2] + [WIDTH] * (depth - 1) + [2]
        rng = np.random.default_rng(seed)
        self.network = mlp(widths, rng, init=init, last_act=False, dtype=np.float64)
        self.optimizer = SGD(self.network.layers, lr)
        self.x, self.labels = disc_and_ring()
        self.losses, self.snapshots = [], {}  # the loss before each step, {step: Snapshot}
        self._look()

    @property
    def done(self):
        """How many steps have been made."""
        return len(self.losses) - 1

    @property
    def lost(self):
        """Has the loss left the range of numbers? Then no step follows."""
        return not np.isfinite(self.losses[-1])

    def advance(self, steps):
        """Make so many steps more, while there are any."""
        with np.errstate(all="ignore"):  # a start that is too large is a result, not a list of warnings
            for _ in range(min(steps, STEPS - self.done)):
                if self.lost:
                    break
                self.optimizer.step()
                self._look()

    def _look(self):
        """Forward and back: the loss, its gradient, and a snapshot where one is wanted."""
        outputs = self.network.forward(self.x)
        loss, grad = softmax_cross_entropy(outputs, self.labels)
        self.network.backward(grad)
        self.losses.append(float(loss))
        if self.done in SNAPSHOTS and not self.lost:
            self.snapshots[self.done] = self._snapshot(outputs)

    def _snapshot(self, outputs):
        layers = self.network.layers
        h = [self.network.outputs[i] for i, layer in enumerate(layers) if isinstance(layer, Linear)]
        units = [np.sqrt(np.mean(a**2, axis=0)) for a in (*h, outputs)]
        return Snapshot(
            weights=[layer.params["weight"].copy() for layer in layers if isinstance(layer, Linear)],
            units=units,
            signal=np.array([np.sqrt(np.mean(a**2)) for a in units]),
            gradient=probes.gradient_norms(self.network),
            right=float(np.mean(outputs.argmax(axis=1) == self.labels)),
        )


@lru_cache(maxsize=64)
def run(start, depth, lr, seed):
    """The Run of these settings; asked for again, it goes on where it stopped."""
    return Run(start, depth, lr, seed)
