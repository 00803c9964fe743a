"""The numbers in the questions and in the workbook of chapter 3."""

import numpy as np
import pytest

from helpers import theory
from helpers.layers import BatchNorm, ReLU
from tests.text import asked


def standardised(value, batch):
    return (value - np.mean(batch)) / np.std(batch)


def test_one_unit_and_its_batch():
    batch = asked("predict-bn-element", "batch {2, 2, 6, 6}")
    assert np.mean(batch) == asked("predict-bn-element", "μ = 4")
    assert np.var(batch) == asked("predict-bn-element", "σ² = 4")
    guest = standardised(5, [*asked("bn-frozen", "such as {2, 2, 6, 6}"), 5])
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
    left = 1 - asked("predict-bn-running", "come 99%")
    assert 1 - keeps == pytest.approx(takes)
    steps = np.log(left) / np.log(keeps)
    assert steps == pytest.approx(asked("predict-bn-running", "k = 458.2"), abs=0.05)
    assert np.ceil(steps) == asked("predict-bn-running", "after 459 steps")
    torch = asked("predict-bn-running", "PyTorch's 0.1 it")
    assert np.ceil(np.log(left) / np.log(1 - torch)) == asked("predict-bn-running", "takes 44.")
    assert BatchNorm(1).momentum == torch


def test_epsilon_and_the_unbiased_variance():
    assert BatchNorm(1).eps == asked("bn-identity", "ε = 1e-5")
    n = asked("bn-unbiased", "m = 64")
    assert n / (n - 1) - 1 == pytest.approx(asked("bn-unbiased", "by 1.6%"), abs=5e-4)
