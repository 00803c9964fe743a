"""The degradation experiment: shallow and deep networks of one build, trained on the digits, and probed.

Several seeds train as one stacked network. A training goes on where it stopped, so an instrument may ask for
its courses epoch by epoch, and ask again. Everything is seeded.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers import arguments, digits, probes
from helpers.data import shared_digits
from helpers.digits import BATCH
from helpers.layers import Linear, Residual, every_layer
from helpers.losses import softmax_cross_entropy
from helpers.network import stack
from helpers.progress_bar import ProgressBar
from helpers.training import evaluate

STEPS = 22  # of an epoch: 1,437 digits in batches of 64
BUILDS = ("plain", "plain + BN", "residual", "residual + BN")
SCALES = {"1": lambda blocks: 1.0, "1/√D": lambda blocks: blocks**-0.5, "learned": lambda blocks: "learned"}

ROWS = "train_error", "test_error", "ratio", "moved"  # of a table


def build(kind, depth, seed, scale="1"):
    """A network for the digits with `depth` layers of weights: one of BUILDS.

    `scale` is that of the branches, one of SCALES (D counts the blocks); a plain network has none.
    """
    arguments.one_of("kind", kind, BUILDS)
    arguments.one_of("scale", scale, SCALES)
    norm = "BatchNorm" if kind.endswith("BN") else "none"
    branches = None if kind.startswith("plain") else SCALES[scale]((depth - 2) // 2)
    return digits.Build(depth, norm=norm, scale=branches).network(seed)


@dataclass(frozen=True, kw_only=True)
class Probed(digits.Course):
    """A training so far, and what was seen in it. The last axis of every array counts the seeds.

    `ratio` has a row for each epoch and one for the start: `gradient_ratio` on a fixed batch. Errors are
    shares of all digits, in eval mode. `moved` is how far the first weight matrix has come from its start
    relative to its size, over the same for the last hidden one. `alike` is the mean cosine between two
    inputs before the last layer.
    """

    ratio: np.ndarray
    train_error: np.ndarray
    test_error: np.ndarray
    moved: np.ndarray
    alike: np.ndarray


def gradient_ratio(network, x, y):
    """‖∂L/∂h‖ after the first layer over that before the last, with BatchNorm in train mode.

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


class Epochs:
    """One build at one depth, several seeds stacked: trained epoch by epoch, and looked at after each."""

    def __init__(self, kind, depth, scale, lr, seeds):
        self.seeds = seeds
        self.network = stack([build(kind, depth, seed, scale) for seed in seeds])
        self.training = digits.Training(self.network, arguments.number("lr", lr, above=0))
        linear = [layer for layer in every_layer(self.network.layers) if isinstance(layer, Linear)]
        self.ends = linear[0], linear[-2]
        self.at_start = [layer.params["weight"].copy() for layer in self.ends]
        self.ratios, self.courses = [], []

    def course(self, epochs):
        """What was Probed after so many epochs; what has been trained already is not trained again."""
        while len(self.courses) <= epochs:
            if self.courses:
                orders = [1000 * seed + len(self.courses) for seed in self.seeds]
                self.training.begin(STEPS, orders).finish()
            self.courses.append(self._look())
        return self.courses[epochs]

    def _look(self):
        d = shared_digits()
        errors = [_error(self.network, x, y) for x, y in ((d.x_train, d.y_train), (d.x_test, d.y_test))]
        self.ratios.append(gradient_ratio(self.network, d.x_train[:BATCH], d.y_train[:BATCH]))
        with np.errstate(all="ignore"):
            first, last = (
                _size(layer.params["weight"] - start) / _size(start)
                for layer, start in zip(self.ends, self.at_start, strict=True)
            )
            return Probed(
                self.training.loss,
                ratio=np.array(self.ratios),
                train_error=errors[0],
                test_error=errors[1],
                moved=first / last,
                alike=probes.cosine_similarity(self.network.outputs[-2]),
            )


@lru_cache(maxsize=8)  # a deep one with five seeds takes about 15 MB
def training(kind, depth, scale="1", lr=0.03, seeds=(0,)):
    """The Epochs of these settings, kept, so that they go on where they stopped."""
    return Epochs(kind, depth, scale, lr, seeds)


def compare(kinds, depths, epochs=14, scale="1", lr=0.03, seeds=(0, 1, 2)):
    """Train every kind of build at every depth, with a progress bar: {"kind, depth": Probed}."""
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


def table(found):
    """What `compare` found, as medians over the seeds: {row: one entry a build}."""
    medians = [{name: np.median(getattr(one, name), axis=-1) for name in ROWS} for one in found.values()]
    return {
        "": list(found),
        "training error": [f"{one['train_error']:.1%}" for one in medians],
        "test error": [f"{one['test_error']:.1%}" for one in medians],
        "gradient, first / last layer, start": [one["ratio"][0] for one in medians],
        "at the end": [one["ratio"][-1] for one in medians],
        "first / last weights moved": [one["moved"] for one in medians],
    }


@lru_cache(maxsize=4)
def single(kind, depth, seed):
    """The Epochs of one seed apart from those of `training`, so that its network is as old as asked for."""
    return Epochs(kind, depth, "1", 0.03, (seed,))


def _error(network, x, y):
    """The share of wrong answers in eval mode. In pieces: every layer remembers what it was given."""
    pieces = [slice(i, i + 256) for i in range(0, len(x), 256)]
    right = sum(evaluate(network, x[piece], y[piece])[1] * len(y[piece]) for piece in pieces)
    return 1 - right / len(x)


def _size(w):
    return np.linalg.norm(w.reshape(len(w), -1), axis=1)
