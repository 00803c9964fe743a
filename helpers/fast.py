"""The three tricks that make small networks fast in numpy, each in one place with its reason.

Measured for 128 × 64 values of float32 on one core. All three give the same values as the plain form.
The other gains need no trick: float32, fresh arrays that are let go of early (memory still in the cache
is handed out again), and one long vector for all parameters in `helpers.optimizers`.
"""

from functools import lru_cache

import numpy as np


def positive_part(z):
    """max(z, 0): comparing with an array of zeros takes 1.6 µs, with the number 0 it takes 5."""
    return np.maximum(z, _filled(0, z.shape, z.dtype))


def where_positive(grad, h):
    """grad where h > 0, else 0: a product with the mask takes 5 µs, `np.where` 11, `grad[h <= 0] = 0` 18."""
    return grad * (h > _filled(0, h.shape, h.dtype))


def column_sum(a):
    """The sum over the batch, as the matrix product 1ᵀa: 1.5 µs, where `a.sum(axis=-2)` takes 4."""
    return _filled(1, a.shape[-2:-1], a.dtype) @ a


def column_mean(a):
    """The mean over the batch."""
    return _filled(1 / a.shape[-2], a.shape[-2:-1], a.dtype) @ a


def row_sum(a):
    """The sum over the last axis, as the product of one long matrix with 1.

    For 19 runs of 64 rows of 32 values it takes 7 µs, `a.sum(axis=-1)` 54; in groups of 8 it is 13 and 205.
    """
    n = a.shape[-1]
    return (a.reshape(-1, n) @ _filled(1, (n,), a.dtype)).reshape(a.shape[:-1])


def row_mean(a):
    """The mean over the last axis, which is kept with length 1."""
    return row_sum(a)[..., None] / a.shape[-1]


@lru_cache(maxsize=32)
def _filled(value, shape, dtype):
    constant = np.full(shape, value, dtype)
    constant.flags.writeable = False
    return constant
