"""The numbers in the questions and in the workbook of chapter 3."""

import numpy as np
import pytest

from helpers import theory
from helpers.chapters.normalization.norms import CONVENTIONS
from helpers.checking import exercise
from helpers.layers import BatchNorm, ReLU
from tests.text import asked


def standardised(value, batch):
    return (value - np.mean(batch)) / np.std(batch)


def test_one_unit_and_its_batch():
    batch = asked("predict-bn-element", "batch {2, 2, 6, 6}")
    assert np.mean(batch) == asked("predict-bn-element", "μ = 4")
    assert np.var(batch) == asked("predict-bn-element", "σ² = 4")
    guest = standardised(5, [*asked("bn-frozen", "batch {2, 2, 6, 6}"), 5])
    assert guest == pytest.approx(asked("bn-frozen", "0.436 is"), abs=5e-4)


def test_behind_a_relu():
    assert theory.mean_after(ReLU()) == pytest.approx(asked("predict-bn-after-relu", "= 0.399"), abs=5e-4)
    growth = theory.batch_norm_growth(ReLU())
    assert growth == pytest.approx(asked("bn-forward-only", "1.21 per layer"), abs=0.005)
    assert growth == pytest.approx(asked("predict-bn-gradient", "grows by about 1.2"), abs=0.05)
    layers = asked("bn-forward-only", "over 50 layers")
    assert growth**layers == pytest.approx(asked("predict-bn-gradient", "is about 14,000"), rel=0.04)


def test_what_batch_norm_remembers():
    keeps = asked("predict-bn-running", "keeps 0.99")
    takes = asked("predict-bn-running", "takes 0.01 of the batch's")
    left = 1 - asked("predict-bn-running", "come 99 %")
    assert 1 - keeps == pytest.approx(takes)
    steps = np.log(left) / np.log(keeps)
    assert steps == pytest.approx(asked("predict-bn-running", "k = 458.2"), abs=0.05)
    assert np.ceil(steps) == asked("predict-bn-running", "after 459 steps")
    torch = asked("predict-bn-running", "PyTorch's 0.1 it")
    assert np.ceil(np.log(left) / np.log(1 - torch)) == asked("predict-bn-running", "takes 44.")
    assert BatchNorm(1).momentum == torch


def test_epsilon_and_the_unbiased_variance():
    assert BatchNorm(1).eps == asked("bn-identity", "ε = 1e-5")
    n = asked("bn-unbiased", "N = 64")
    assert n / (n - 1) - 1 == pytest.approx(asked("bn-unbiased", "by 1.6 %"), abs=5e-4)


def test_what_the_checks_say():
    norms_torch, norms_keras = CONVENTIONS["PyTorch"], CONVENTIONS["Keras"]
    assert norms_torch.weight == asked("running_statistics", "PyTorch's 0.1")
    assert 1 - norms_keras.weight == asked("running_statistics", "Keras' 0.99")
    assert tuple(range(6))[-2:] == asked("normalize", "then 3, 4, 5")[-2:]
    step = asked("bn_backward", "by 1e-6")
    x, grad = np.random.default_rng(0).standard_normal((2, 8, 3))
    layer = BatchNorm(3, dtype=np.float64)
    loss = (grad * layer.forward(x)).sum()
    slope = layer.backward(grad)[0, 0]
    x[0, 0] += step
    assert ((grad * layer.forward(x)).sum() - loss) / step == pytest.approx(slope, rel=1e-4)


def test_the_step_of_the_running_average_that_a_hint_writes():
    old, new = asked("bn_step", "0.9 · old + 0.1 · batch")
    assert new == BatchNorm(1).momentum
    assert old == 1 - BatchNorm(1).momentum


def test_the_epsilon_that_a_wrong_answer_adds():
    wrong = {one.tag: one.function for one in exercise.find("bn_forward").wrong}
    x, ones, zeros = 1e-4 * np.random.default_rng(0).standard_normal((8, 3)), np.ones(3), np.zeros(3)

    def normed(eps):
        return pytest.approx(BatchNorm(3, eps=eps, dtype=np.float64).forward(x), rel=1e-6)

    assert wrong["epsilon-too-small"](x, ones, zeros, 0.5) == normed(asked("bn_forward", "its own, 1e-8"))
    assert wrong["epsilon-written-in"](x, ones, zeros, 0.5) == normed(asked("bn_forward", "its own, 1e-5"))
