"""The family of norms: which values share a mean and a variance, and what a batch leaves behind for later.

A block of activations is (N, C, S): examples, channels, and the S = H·W places of a channel. Every norm is
y = γ (x − μ)/√(σ² + ε) + β; they differ in the set of values that μ and σ² are taken over.
"""

from typing import NamedTuple

import numpy as np

from helpers import arguments
from helpers.layers import GROUPS, BatchNorm, GroupNorm, LayerNorm, RMSNorm

# Which values share statistics


def sharing(norm, shape, groups=GROUPS):
    """For each value of a block of `shape` (N, C, S) the number of the set that it shares μ and σ² with.

    BatchNorm: a channel of all examples (Ioffe & Szegedy 2015). LayerNorm and RMSNorm: one example (Ba et
    al. 2016; Zhang & Sennrich 2019). InstanceNorm: a channel of one example (Ulyanov et al. 2016).
    GroupNorm: one of `groups` groups of channels of one example (Wu & He 2018).
    """
    _, channels, _ = shape = tuple(arguments.whole("shape", size) for size in shape)
    n, c, _ = np.indices(shape)
    arguments.one_of("norm", norm, LAYER_OF)
    if norm == "GroupNorm":
        _check_groups(groups, channels)
    return {
        "BatchNorm": c,
        "LayerNorm": n,
        "RMSNorm": n,
        "InstanceNorm": n * channels + c,
        "GroupNorm": n * groups + c * groups // channels,
    }[norm]


def normalize(norm, x, groups=GROUPS):
    """A block x (N, C, S) through the layer of that name in train mode, with γ = 1 and β = 0."""
    arguments.one_of("norm", norm, LAYER_OF)
    return LAYER_OF[norm](np.asarray(x, np.float64), groups)


def _over_the_batch(x, groups):
    examples, channels, places = x.shape
    rows = x.transpose(0, 2, 1).reshape(-1, channels)  # every place of an image counts as an example
    y = BatchNorm(channels, dtype=x.dtype)(rows)
    return y.reshape(examples, places, channels).transpose(0, 2, 1)


def _over_an_example(layer):
    return lambda x, groups: layer(x[0].size, dtype=x.dtype)(x.reshape(len(x), -1)).reshape(x.shape)


LAYER_OF = {
    "BatchNorm": _over_the_batch,
    "LayerNorm": _over_an_example(LayerNorm),
    "InstanceNorm": lambda x, groups: GroupNorm(x.shape[1], x.shape[1], dtype=x.dtype)(x),
    "GroupNorm": lambda x, groups: GroupNorm(groups, x.shape[1], dtype=x.dtype)(x),
    "RMSNorm": _over_an_example(RMSNorm),
}


def _check_groups(groups, channels):
    if channels % arguments.whole("groups", groups, high=channels):
        raise ValueError(f"groups={groups} does not divide {channels} channels")


# What BatchNorm remembers for eval mode


class Convention(NamedTuple):
    """How running statistics follow those of the batches.

    running ← (1 − weight) · running + weight · batch, with the unbiased variance (divided by m − 1, m the
    number of examples: Ioffe & Szegedy 2015, alg. 2) or the biased one (divided by m). `eps` is added to
    either in eval mode.
    """

    weight: float
    unbiased: bool
    eps: float


# The defaults of PyTorch and of Keras 3.
CONVENTIONS = {"PyTorch": Convention(0.1, True, 1e-5), "Keras": Convention(0.01, False, 1e-3)}


def steps_to_arrive(weight, share=0.99):
    """After how many steps a running average has come the given share of its way: 44 and 459 for 99%."""
    arguments.number("weight", weight, above=0, below=1)
    arguments.number("share", share, low=0, below=1)
    return int(np.ceil(np.log(1 - share) / np.log(1 - weight)))


def follow(batch_mean, batch_var, batch, convention):
    """Running mean and variance before the first step and after each one: two arrays.

    `batch_mean` and `batch_var` (biased) are those of one unit at each step, `batch` the number of examples
    they were taken over. They start at 0 and 1. PyTorch refuses a batch of one, whose unbiased variance
    would be 0/0: then nothing is ever stored.
    """
    batch = arguments.whole("batch", batch)
    mean, var = [0.0], [1.0]
    for m, v in zip(batch_mean, batch_var, strict=True):
        if convention.unbiased and batch == 1:
            m, v = mean[-1], var[-1]
        elif convention.unbiased:
            v = v * batch / (batch - 1)
        mean.append((1 - convention.weight) * mean[-1] + convention.weight * m)
        var.append((1 - convention.weight) * var[-1] + convention.weight * v)
    return np.array(mean), np.array(var)


class Unit(NamedTuple):
    """A pre-activation z of one unit in training: N(`mean`, `std`²), where the mean moves with each step."""

    mean: np.ndarray  # at each step, and one more: after the last
    std: float

    @classmethod
    def drifting(cls, steps, drift, start=2.0, std=1.5):
        """The mean starts at `start` and moves by `drift` standard deviations in every 100 steps."""
        return cls(start + std * drift * np.arange(steps + 1) / 100, std)

    def batch_statistics(self, batch, rng):
        """Mean and biased variance of a batch at each step."""
        z = self.mean[:-1, None] + self.std * rng.standard_normal((len(self.mean) - 1, batch))
        return z.mean(axis=1), z.var(axis=1)

    def standardised(self, z):
        """(z − μ)/σ with the mean and the standard deviation after the last step."""
        return (z - self.mean[-1]) / self.std


def among_others(z, others, eps=1e-5):
    """What train mode makes of each z when it stands in a batch with each row of `others`: (rows, z).

    `others` is (rows, batch − 1). With no others at all, z is the batch's own mean, and every output is 0.
    """
    z, batch = np.asarray(z, float), np.shape(others)[1] + 1
    mean = (z + others.sum(axis=1)[:, None]) / batch
    square = (z**2 + (others**2).sum(axis=1)[:, None]) / batch
    return (z - mean) / np.sqrt(np.maximum(square - mean**2, 0) + eps)


def eval_mode(z, running_mean, running_var, eps=1e-5):
    """What eval mode makes of z: the same for whatever else is in the batch."""
    return (np.asarray(z, float) - running_mean) / np.sqrt(running_var + eps)


def rms_gap(u, outputs):
    """The root mean square difference between `outputs` (…, values) and the standardised inputs u (values).

    u is a grid; each of its values counts as often as it occurs in N(0, 1).
    """
    weight = np.exp(-(np.asarray(u) ** 2) / 2)
    return float(np.sqrt(np.mean((outputs - u) ** 2 @ (weight / weight.sum()))))
