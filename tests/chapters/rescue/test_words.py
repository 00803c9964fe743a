"""The numbers in the questions of the capstone."""

import numpy as np
import pytest

from helpers import theory
from helpers.chapters.rescue import rescue
from helpers.chapters.rescue.rescue import PATIENTS
from helpers.digits import GUESSING
from helpers.layers import ReLU, Sigmoid
from tests.text import asked


def test_patient_b():
    seen = rescue.symptoms(PATIENTS["B"].design)
    middle = asked("rescue-b", "sits near ½")
    z = np.linspace(-6, 6, 241)
    h = Sigmoid()(z)
    assert h[120] == middle
    assert np.median(seen.signal[1:]) == pytest.approx(asked("rescue-b", "level near 0.25"), abs=0.03)
    assert np.max(h * (1 - h)) == pytest.approx(asked("rescue-b", "factor of ¼"))
    assert np.log10(seen.gradient_ratio) == pytest.approx(np.log10(asked("rescue-b", "With 10⁻³¹")), abs=2)


def test_patient_c():
    blocks = asked("rescue-c", "With 24 blocks")
    assert blocks == rescue.BLOCKS
    assert 2.0**blocks == asked("rescue-c", "that is 2²⁴")


def test_patient_e():
    assert theory.batch_norm_growth(ReLU()) == pytest.approx(asked("rescue-e", "by about 1.21"), abs=0.005)


def test_patients_f_and_g():
    assert asked("rescue-f", "150 steps") == rescue.STEPS
    assert asked("rescue-g", "guessing gives 2.3") == pytest.approx(GUESSING, abs=0.05)
    worst = [np.nanmax([*rescue.training(PATIENTS["G"].design, seed)][-1].loss) for seed in range(5)]
    assert np.median(worst) > asked("rescue-g", "a loss of 100")
