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


def load_digits(seed=0, train=1437, per_pixel=True):
    """1,797 handwritten digits of 8 × 8 pixels, `train` of them to train on and the rest to test: a Split.

    x is (examples, 64), standardised pixel by pixel as (x − mean)/(std + 0.1) with the mean and the
    standard deviation of the training set (pixels count from 0 to 16; 0.1 keeps the empty corners small),
    or, with per_pixel=False, all pixels alike, so that an image can be shifted. y holds whole numbers from
    0 to 9. `seed` chooses the split. UCI Machine Learning Repository, Optical
    Recognition of Handwritten Digits (Alpaydin & Kaynak 1998), CC BY 4.0: see helpers/digits.txt.
    """
    with np.load(files("helpers") / "digits.npz") as kept:
        images, labels = kept["images"].astype(np.float32), kept["labels"].astype(np.int64)
    train = arguments.whole("train", train, high=len(images) - 1)
    order = np.random.default_rng(arguments.whole("seed", seed, low=0)).permutation(len(images))
    x, y = images[order], labels[order]
    axis = 0 if per_pixel else None
    mean, std = x[:train].mean(axis=axis), x[:train].std(axis=axis)
    x = (x - mean) / (std + np.float32(0.1))
    return Split(x[:train], y[:train], x[train:], y[train:])


def shifted(x, y):
    """Digits, and four copies of each: shifted by one pixel up, down, left and right. Five times x and y.

    x is (examples, 64), as of `load_digits(per_pixel=False)`; what is shifted in is as empty as the
    emptiest pixel.
    """
    images = np.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)), constant_values=x.min())
    corners = [(1, 1), (2, 1), (0, 1), (1, 2), (1, 0)]  # of the 8 × 8 window in the 10 × 10 image
    copies = [images[:, row : row + 8, column : column + 8].reshape(-1, 64) for row, column in corners]
    return np.concatenate(copies), np.tile(y, len(copies))


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
