"""The numbers in the hints and verdicts of chapter 3's exercises."""

import numpy as np
import pytest

from helpers.chapters.normalization.norms import CONVENTIONS
from helpers.checking import exercise
from helpers.layers import BatchNorm
from tests.text import asked


def test_running_averages():
    assert CONVENTIONS["PyTorch"].weight == asked("running_statistics", "PyTorch's 0.1")
    assert 1 - CONVENTIONS["Keras"].weight == asked("running_statistics", "Keras' 0.99")
    old, new = asked("bn_step", "0.9 · old + 0.1 · batch")
    assert new == BatchNorm(1).momentum
    assert old == 1 - BatchNorm(1).momentum


def test_the_second_of_two_groups_of_three():
    assert np.split(np.arange(6), 2)[1].tolist() == list(asked("normalize", "then 3, 4, 5"))


def test_a_step_that_shows_a_slope():
    step = asked("bn_backward", "by 1e-6")
    x, grad = np.random.default_rng(0).standard_normal((2, 8, 3))
    layer = BatchNorm(3, dtype=np.float64)
    loss = (grad * layer.forward(x)).sum()
    slope = layer.backward(grad)[0, 0]
    x[0, 0] += step
    assert ((grad * layer.forward(x)).sum() - loss) / step == pytest.approx(slope, rel=1e-4)


def test_the_epsilon_that_a_wrong_answer_adds():
    wrong = {one.tag: one.function for one in exercise.find("bn_forward").wrong}
    x, ones, zeros = 1e-4 * np.random.default_rng(0).standard_normal((8, 3)), np.ones(3), np.zeros(3)

    def normed(eps):
        return pytest.approx(BatchNorm(3, eps=eps, dtype=np.float64).forward(x), rel=1e-6)

    assert wrong["epsilon-too-small"](x, ones, zeros, 0.5) == normed(asked("bn_forward", "its own, 1e-8"))
    assert wrong["epsilon-written-in"](x, ones, zeros, 0.5) == normed(1e-5)
