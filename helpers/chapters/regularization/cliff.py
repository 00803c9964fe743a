"""The smallest network whose loss has a cliff: one unit that feeds itself (Pascanu et al. 2013, fig. 6).

x_t = w σ(x_{t−1}) + b for t = 1 … STEPS from x_0 = START, and L = (σ(x_STEPS) − TARGET)². With the same w at
every step it is a network of STEPS layers with shared weights. Between the plateau on which the unit ends
low and the one on which it ends high there is a wall. All functions take arrays of w and b.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from helpers import arguments

STEPS, START, TARGET = 50, 0.5, 0.7
W_RANGE, B_RANGE = (3.0, 7.0), (-4.0, -1.0)  # the region of the lesson, with the wall across it
SOLVED = 1e-3  # a loss below this counts as solved
MODES = ("global norm", "per tensor")


def loss(w, b):
    """L for each pair of w and b."""
    return loss_and_gradient(w, b)[0]


def loss_and_gradient(w, b):
    """L, ∂L/∂w and ∂L/∂b for each pair of w and b (carried forward beside x_t, in float64)."""
    w, b = np.broadcast_arrays(np.asarray(w, np.float64), np.asarray(b, np.float64))
    x, dw, db = np.full(w.shape, START), np.zeros(w.shape), np.zeros(w.shape)
    for _ in range(STEPS):
        s = _sigmoid(x)
        factor = w * s * (1 - s)
        x, dw, db = w * s + b, s + factor * dw, 1 + factor * db
    s = _sigmoid(x)
    error = s - TARGET
    outer = 2 * error * s * (1 - s)
    return error**2, outer * dw, outer * db


def clip(dw, db, max_norm, mode):
    """The gradient (∂L/∂w, ∂L/∂b) after clipping by one of MODES, for arrays of gradients.

    "global norm" scales both by min(1, max_norm/‖(dw, db)‖). "per tensor" does so to each alone, by its own
    size, and may turn the direction. Where max_norm is never reached nothing changes. Raises ValueError for
    max_norm ≤ 0 or another mode.
    """
    arguments.number("max_norm", max_norm, above=0)
    arguments.one_of("mode", mode, MODES)
    if mode == "global norm":
        factor = _shrink(np.hypot(dw, db), max_norm)
        return dw * factor, db * factor
    return dw * _shrink(np.abs(dw), max_norm), db * _shrink(np.abs(db), max_norm)


def turned(dw, db, after_w, after_b):
    """The angle in degrees between each gradient and what clipping made of it."""
    across, along = dw * after_b - db * after_w, dw * after_w + db * after_b
    return np.degrees(np.abs(np.arctan2(across, along)))


@dataclass(frozen=True)
class Descent:
    """Steps of gradient descent, several starts at once: arrays of (steps, starts).

    `w`, `b`, `loss` and `norm` (‖gradient‖ before clipping) are those before each step; `angle` is by how
    many degrees clipping turned that step's gradient, `clipped` whether it did anything.
    """

    w: np.ndarray
    b: np.ndarray
    loss: np.ndarray
    norm: np.ndarray
    angle: np.ndarray
    clipped: np.ndarray

    @property
    def solved(self):
        """Which starts have a loss below SOLVED at the last step."""
        return self.loss[-1] < SOLVED


def descend(w, b, lr, max_norm, mode, steps=(400,)):
    """Gradient descent from each start (w, b): yields the Descent after steps[0], steps[1] … steps."""
    w, b = (np.atleast_1d(np.asarray(a, np.float64)) for a in (w, b))
    lr = arguments.number("lr", lr, above=0)
    rows = []
    for done, until in pairwise((0, *steps)):
        for _ in range(done, until):
            value, dw, db = loss_and_gradient(w, b)
            after = clip(dw, db, max_norm, mode)
            changed = (after[0] != dw) | (after[1] != db)
            rows.append((w, b, value, np.hypot(dw, db), turned(dw, db, *after), changed))
            w, b = w - lr * after[0], b - lr * after[1]
        yield Descent(*(np.array(column) for column in zip(*rows, strict=True)))


def starts(count, seed):
    """Random starting points (w, b) in the region of the lesson: two arrays."""
    rng = np.random.default_rng(seed)
    return rng.uniform(*W_RANGE, count), rng.uniform(*B_RANGE, count)


def _shrink(norm, max_norm):
    return max_norm / np.maximum(norm, max_norm)  # min(1, max_norm/norm), also for a norm of 0


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))
