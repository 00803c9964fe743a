"""A small network on a plane of two noisy classes: what weight decay does to its weights and its boundary."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from helpers import arguments
from helpers.data import spirals
from helpers.layers import Linear
from helpers.losses import softmax_cross_entropy
from helpers.network import mlp
from helpers.optimizers import WITH_DECAY
from helpers.training import evaluate

TRAIN, TEST, NOISE, TURNS, FLIPPED = 80, 1000, 0.25, 0.6, 0.15
WIDTH, STEPS, EVERY = 32, 300, 10  # the weights are measured at every EVERY-th step
RATES = {"SGD + L2": 0.1, "Adam + L2": 0.01, "AdamW": 0.01}
GRID = np.linspace(-1.3, 1.3, 53)


@dataclass(frozen=True)
class Points:
    """Training points and test points x (n, 2) with labels 0 and 1; `flipped` marks wrong training labels."""

    x: np.ndarray
    y: np.ndarray
    flipped: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Fit:
    """The training so far. `norms` (‖W‖ over all weights) were measured at `steps`.

    Losses are those of the training points and of the test points, whose labels are just as noisy;
    `surface` is the logit of class 1 minus that of class 0 on GRID × GRID (row: second coordinate).
    """

    steps: np.ndarray
    norms: np.ndarray
    train_loss: float
    test_loss: float
    train_accuracy: float
    test_accuracy: float
    surface: np.ndarray

    @property
    def gap(self):
        return self.test_loss - self.train_loss


@lru_cache(maxsize=8)
def points(seed):
    """Two arms of a spiral; FLIPPED of the labels are wrong, in training and in testing."""
    x, y = spirals(TRAIN + TEST, seed=seed, noise=NOISE, turns=TURNS)
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(len(x))
    wrong = rng.random(len(x)) < FLIPPED
    x, y = x[order], np.where(wrong, 1 - y[order], y[order])
    return Points(x[:TRAIN], y[:TRAIN], wrong[:TRAIN], x[TRAIN:], y[TRAIN:])


def fit(optimizer, weight_decay, gradient_scale=1.0, seed=0, upto=(STEPS,)):
    """Train on all points at once: yields the Fit after upto[0], upto[1], … steps.

    `gradient_scale` multiplies the loss's gradient, as a loss in other units would (the L2 term it leaves
    as it is). Raises ValueError for an unknown optimizer and for a scale that is not above 0.
    """
    make, lr = WITH_DECAY[arguments.one_of("optimizer", optimizer, WITH_DECAY)], RATES[optimizer]
    scale = np.float32(arguments.number("gradient_scale", gradient_scale, above=0))
    data, network = points(seed), mlp([2, WIDTH, WIDTH, 2], np.random.default_rng([seed, 2]), last_act=False)
    network.remember = False
    stepper = make(network.layers, lr=lr, weight_decay=weight_decay)
    norms = [_norm(network)]
    for done, until in pairwise((0, *upto)):
        # A training that diverges is a result. (No yield in here: whoever waits would inherit the setting.)
        with np.errstate(all="ignore"):
            for step in range(done, until):
                _, grad = softmax_cross_entropy(network.forward(data.x), data.y)
                network.backward(scale * grad)
                stepper.step()
                if (step + 1) % EVERY == 0:
                    norms.append(_norm(network))
            found = _fit(network, data, np.array(norms))
        yield found


def decay_alone(optimizer, weight_decay, steps):
    """The share of a weight that decay leaves after `steps` steps if the data say nothing: |1 − ηλ|ᵗ.

    For Adam + L2 there is no such law (the decay passes through the moments): None.
    """
    if optimizer == "Adam + L2":
        return None
    return np.abs(1 - RATES[optimizer] * weight_decay) ** np.asarray(steps)


def _fit(network, data, norms):
    train_loss, train_accuracy = map(float, evaluate(network, data.x, data.y))
    test_loss, test_accuracy = map(float, evaluate(network, data.x_test, data.y_test))
    across, up = np.meshgrid(GRID, GRID)
    logits = network.forward(np.stack([across.ravel(), up.ravel()], 1).astype(np.float32))
    surface = (logits[:, 1] - logits[:, 0]).reshape(across.shape)
    steps = EVERY * np.arange(len(norms))
    return Fit(steps, norms, train_loss, test_loss, train_accuracy, test_accuracy, surface)


def _norm(network):
    weights = (layer.params["weight"] for layer in network.layers if isinstance(layer, Linear))
    return float(np.sqrt(sum(np.square(w, dtype=np.float64).sum() for w in weights)))
