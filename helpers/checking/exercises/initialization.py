"""Chapter 2: how large the first weights should be."""

import numpy as np

from helpers.checking.exercise import Exercise, Property, Wrong
from helpers.checking.values import Seed

LESSON = "02_initialization"


# --- 2.2 --------------------------------------------------------------------------------------------


def he(fan_in, fan_out, alpha, rng):
    """Weights of shape (fan_in, fan_out) that hold E[h²] through a leaky ReLU."""
    # Half of the z keeps its square, the other half keeps α² of it.
    kept = (1 + alpha**2) / 2
    # The weights make up for that share. A Generator wants the standard deviation.
    variance = 1 / (kept * fan_in)
    return rng.normal(0, np.sqrt(variance), (fan_in, fan_out))


def _normal_weights(variance):
    """The function that draws N(0, variance(fan_in, fan_out, alpha)): wrong answers differ only in this."""

    def draw(fan_in, fan_out, alpha, rng):
        return rng.normal(0, np.sqrt(variance(fan_in, fan_out, alpha)), (fan_in, fan_out))

    return draw


def _fans(rng):
    """Two fans that differ by a factor of at least 4, with 20,000 weights or more between them."""
    small, large = int(rng.integers(60, 80)), int(rng.integers(350, 450))
    return (small, large) if rng.random() < 0.5 else (large, small)


def _seed(rng):
    return Seed(int(rng.integers(2**31)))


def _scaled_variance(f, fan_in, fan_out, alpha, rng):
    return fan_in * np.mean(np.square(f(fan_in, fan_out, alpha, rng)))


def _sum_of_a_column(f, fan_in, fan_out, alpha, rng):
    """For independent weights of mean 0 the squared sum of a column is about the sum of its squares."""
    w = np.asarray(f(fan_in, fan_out, alpha, rng))
    return np.mean(w.sum(axis=0) ** 2) / np.mean((w**2).sum(axis=0))


HE = Exercise(
    lesson=LESSON,
    section="4 · Choosing the scale: Xavier and He",
    title="He's rule, and the leaky ReLU",
    minutes=10,
    difficulty=1,
    hints=(
        "What share of E[z²] does a leaky ReLU keep? Its positive half passes all of its square, its "
        "negative half is multiplied by α before it is squared. Var(W) has to make up for that share.",
        "The share is ½(1 + α²), so fan_in · Var(W) = 2/(1 + α²). `rng.normal` takes the standard deviation: "
        "the root of the variance.",
    ),
    reference=he,
    properties=[
        Property(
            "ReLU (α = 0): the scale that holds E[h²]",
            4,
            lambda rng: [(*_fans(rng), 0.0, _seed(rng)) for _ in range(3)],
            _scaled_variance,
            quantity="fan_in · E[W²]",
            expected=lambda fan_in, fan_out, alpha, rng: 2.0,
            rtol=0.06,
        ),
        Property(
            "leaky ReLU: the scale with the slope α",
            4,
            lambda rng: [(*_fans(rng), round(a, 2), _seed(rng)) for a in rng.uniform((0.3, 0.6, 0.6), 0.9)],
            _scaled_variance,
            quantity="fan_in · E[W²]",
            expected=lambda fan_in, fan_out, alpha, rng: 2 / (1 + alpha**2),
            rtol=0.06,
        ),
        Property(
            "independent weights around 0",
            2,
            lambda rng: [(400, 400, 0.0, _seed(rng))],
            _sum_of_a_column,
            quantity="mean squared sum of a column / mean sum of its squares (1 when independent)",
            expected=lambda *args: 1.0,
            rtol=0.5,
        ),
    ],
    wrong=[
        Wrong(
            "fan-out-for-fan-in",
            "it divides by fan_out. Either fan would do along a whole network, as He et al. say, but this "
            "exercise asks that E[h²] holds at this layer, and z = hW adds up fan_in terms.",
            _normal_weights(lambda fan_in, fan_out, alpha: 2 / ((1 + alpha**2) * fan_out)),
        ),
        Wrong(
            "xavier-for-he",
            "the variance is 1/fan_in, without the 2. That is the scale for a layer without a ReLU. Here "
            "half of E[z²] is thrown away, and the 2 makes up for it.",
            _normal_weights(lambda fan_in, fan_out, alpha: 1 / fan_in),
        ),
    ],
)

EXERCISES = [HE]
