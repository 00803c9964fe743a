"""The degradation experiment: shallow and deep networks of one build, trained on the digits, and probed.

Several seeds train as one stacked network. A training goes on where it stopped, so an instrument may ask for
its courses epoch by epoch, and ask again. Everything is seeded.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers import arguments, probes
from helpers.data import load_digits
from helpers.layers import BatchNorm, Linear, Residual, every_layer
from helpers.losses import softmax_cross_entropy
from helpers.network import plain, residual_v2, stack
from helpers.optimizers import SGD
from helpers.progress_bar import ProgressBar
from helpers.training import evaluate, train

WIDTH, BATCH = 32, 64
BUILDS = ("plain", "plain + BN", "residual", "residual + BN")
SCALES = {"1": lambda blocks: 1.0, "1/√L": lambda blocks: blocks**-0.5, "learned": lambda blocks: "learned"}


def build(kind, depth, seed, scale="1"):
    """A network for the digits, `WIDTH` wide, with `depth` layers of weights: one of BUILDS.

    `scale` is that of the branches, one of SCALES (L counts the blocks); a plain network has none.
    """
    arguments.one_of("kind", kind, BUILDS)
    arguments.one_of("scale", scale, SCALES)
    rng = np.random.default_rng(seed)
    norm = BatchNorm if kind.endswith("BN") else None
    if kind.startswith("plain"):
        return plain(64, WIDTH, depth, 10, rng, norm)
    return residual_v2(64, WIDTH, depth, 10, rng, norm, scale=SCALES[scale]((depth - 2) // 2))


@dataclass(frozen=True)
class Course:
    """A training so far. The last axis of every array counts the seeds.

    `loss` has a row for each step: that of its batch, before it. `ratio` has one for each epoch and one for
    the start: `gradient_ratio` on a fixed batch. Errors are shares of all digits, in eval mode. `moved` is
    how far the first weight matrix has come from its start relative to its size, over the same for the last
    hidden one. `alike` is the mean cosine between two inputs in front of the last layer.
    """

    loss: np.ndarray
    ratio: np.ndarray
    train_error: np.ndarray
    test_error: np.ndarray
    moved: np.ndarray
    alike: np.ndarray

    @property
    def diverged(self):
        """Which seeds have a loss that is not finite."""
        return ~np.isfinite(self.loss).all(axis=0)


def gradient_ratio(network, x, y):
    """‖∂L/∂h‖ behind the first layer over that in front of the last, with BatchNorm in train mode.

    With skips h is the trunk. Without, it is what leaves the activation, and so the norm: BatchNorm makes
    the gradient in front of it smaller as the weights grow, which would look like vanishing. Running
    statistics move, as with any batch.
    """
    skips = any(isinstance(layer, Residual) for layer in network.layers)
    with np.errstate(all="ignore"):  # a network that has diverged is a result
        _, grad = softmax_cross_entropy(network.forward(x), y)
        network.backward(grad)
        norms = probes.gradient_norms(network, of="z" if skips else "h")
        return norms[1] / norms[-2]


class Training:
    """One build at one depth, several seeds stacked: SGD with momentum 0.9 on batches of 64 digits."""

    def __init__(self, kind, depth, scale, lr, seeds):
        self.digits, self.seeds = load_digits(), seeds
        self.network = stack([build(kind, depth, seed, scale) for seed in seeds])
        self.optimizer = SGD(self.network.layers, arguments.number("lr", lr, above=0), momentum=0.9)
        linear = [layer for layer in every_layer(self.network.layers) if isinstance(layer, Linear)]
        self.ends = linear[0], linear[-2]
        self.at_start = [layer.params["weight"].copy() for layer in self.ends]
        self.steps = len(self.digits.x_train) // BATCH  # of an epoch
        self.losses, self.ratios, self.courses = [], [], []

    def course(self, epochs):
        """The Course after so many epochs; what has been trained already is not trained again."""
        while len(self.courses) <= epochs:
            if self.courses:
                self._epoch()
            self.courses.append(self._look())
        return self.courses[epochs]

    def _epoch(self):
        d, runs = self.digits, len(self.seeds)
        losses = np.full((self.steps, runs), np.nan)
        if not (self.losses and np.isnan(self.losses[-1][-1]).all()):  # else there is nothing left to train
            orders = [1000 * seed + len(self.courses) for seed in self.seeds]
            with np.errstate(all="ignore"):
                data = d.x_train, d.y_train, self.steps, BATCH, orders
                history = train(self.network, self.optimizer, *data, progress=False)
            losses[: len(history.loss)] = history.loss
        self.losses.append(losses)

    def _look(self):
        d = self.digits
        errors = [_error(self.network, x, y) for x, y in ((d.x_train, d.y_train), (d.x_test, d.y_test))]
        self.ratios.append(gradient_ratio(self.network, d.x_train[:BATCH], d.y_train[:BATCH]))
        with np.errstate(all="ignore"):
            first, last = (
                _size(layer.params["weight"] - start) / _size(start)
                for layer, start in zip(self.ends, self.at_start, strict=True)
            )
            alike = probes.cosine_similarity(self.network.outputs[-2])
            moved = first / last
        loss = np.concatenate(self.losses) if self.losses else np.zeros((0, len(self.seeds)))
        return Course(loss, np.array(self.ratios), *errors, moved, alike)


@lru_cache(maxsize=8)  # a deep one with five seeds takes about 15 MB
def training(kind, depth, scale="1", lr=0.03, seeds=(0,)):
    """The Training of these settings, kept, so that it goes on where it stopped."""
    return Training(kind, depth, scale, lr, seeds)


def compare(kinds, depths, epochs=14, scale="1", lr=0.03, seeds=(0, 1, 2)):
    """Train every kind of build at every depth, with a progress bar: {"kind, depth": Course}."""
    asked = {f"{kind}, {depth}": (kind, depth) for kind in kinds for depth in depths}
    bar = ProgressBar(sum(depth for _, depth in asked.values()) * epochs, "training")
    found, done = {}, 0
    for name, (kind, depth) in asked.items():
        one = training(kind, depth, scale if kind.startswith("residual") else "1", lr, tuple(seeds))
        for epoch in range(1, epochs + 1):
            found[name] = one.course(epoch)
            done += depth
            bar.show(done)
    bar.close()
    return found


@lru_cache(maxsize=4)
def single(kind, depth, seed):
    """A Training of one seed apart from those of `training`, so that its network is as old as asked for."""
    return Training(kind, depth, "1", 0.03, (seed,))


def _error(network, x, y):
    """The share of wrong answers in eval mode. In pieces: every layer remembers what it was given."""
    pieces = [slice(i, i + 256) for i in range(0, len(x), 256)]
    right = sum(evaluate(network, x[piece], y[piece])[1] * len(y[piece]) for piece in pieces)
    return 1 - right / len(x)


def _size(w):
    return np.linalg.norm(w.reshape(len(w), -1), axis=1)
