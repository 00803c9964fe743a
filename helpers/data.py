"""Data for the lessons: handwritten digits that ship with the package, and two spirals. All seeded."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np

from helpers import arguments


@dataclass(frozen=True)
class Split:
    """Inputs x (examples, n) in float32 and targets y, for training and for testing."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_digits(seed=0, train=1437):
    """1,797 handwritten digits of 8 × 8 pixels, `train` of them to train on and the rest to test: a Split.

    x is (examples, 64), standardised pixel by pixel as (x − mean)/(std + 0.1) with the mean and the
    standard deviation of the training set (pixels count from 0 to 16; 0.1 keeps the empty corners small),
    y whole numbers from 0 to 9. `seed` chooses the split. UCI Machine Learning Repository, Optical
    Recognition of Handwritten Digits (Alpaydin & Kaynak 1998), CC BY 4.0: see helpers/digits.txt.
    """
    with np.load(files("helpers") / "digits.npz") as kept:
        images, labels = kept["images"].astype(np.float32), kept["labels"].astype(np.int64)
    train = arguments.whole("train", train, high=len(images) - 1)
    order = np.random.default_rng(arguments.whole("seed", seed, low=0)).permutation(len(images))
    x, y = images[order], labels[order]
    mean, std = x[:train].mean(axis=0), x[:train].std(axis=0)
    x = (x - mean) / (std + np.float32(0.1))
    return Split(x[:train], y[:train], x[train:], y[train:])


@lru_cache(maxsize=1)
def shared_digits():
    """`load_digits()`, loaded once for all who only read it."""
    return load_digits()


def spirals(n=500, seed=0, noise=0.1, turns=1.5):
    """Two spirals that wind around each other: x (n, 2) within about ±1, y of 0 and 1.

    `noise` is the standard deviation of what is added to the radius, in units of the distance between
    the arms; `turns` counts how often an arm goes round.
    """
    n = arguments.whole("n", n, low=2)
    noise, turns = arguments.number("noise", noise, low=0), arguments.number("turns", turns, above=0)
    rng = np.random.default_rng(arguments.whole("seed", seed, low=0))
    y = np.arange(n) % 2
    along = np.sqrt(rng.uniform(0.02, 1, n))  # the root spreads the points evenly over an arm's length
    radius = along + noise * rng.standard_normal(n) / (2 * turns)
    angle = 2 * np.pi * turns * along + np.pi * y
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x.astype(np.float32), y
