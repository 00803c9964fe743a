"""Chapter 2: unusual answers that are right, and wrong ones beside those that the exercises know."""

import numpy as np


def he_uniform(fan_in, fan_out, alpha, rng):
    a = (6 / ((1 + alpha**2) * fan_in)) ** 0.5
    return rng.uniform(-a, a, (fan_in, fan_out))


def he_float32(fan_in, fan_out, alpha, rng):
    w = rng.standard_normal((fan_in, fan_out), dtype=np.float32)
    return w * np.float32((2 / (fan_in * (1 + alpha * alpha))) ** 0.5)


def he_lists(fan_in, fan_out, alpha, rng):
    std = (2 / fan_in) ** 0.5 / (1 + alpha**2) ** 0.5
    return [[float(v) for v in rng.normal(0, std, fan_out)] for _ in range(fan_in)]


def he_truncated(fan_in, fan_out, alpha, rng):
    w = rng.standard_normal((fan_in, fan_out))
    while np.any(outside := np.abs(w) > 2):
        w[outside] = rng.standard_normal(outside.sum())
    return w / 0.87962566 * np.sqrt(2 / (1 + alpha**2) / fan_in)


CORRECT = {
    "he": [he_uniform, he_float32, he_lists, he_truncated],
}

WRONG = {
    "he": [
        (lambda fan_in, fan_out, alpha, rng: rng.normal(0, 0.3, (fan_out, fan_in)), "shape"),
        (lambda fan_in, fan_out, alpha, rng: np.full((fan_in, fan_out), np.sqrt(2 / fan_in)), None),
    ],
}
