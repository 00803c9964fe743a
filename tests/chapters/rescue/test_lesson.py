"""Every number that the text of the capstone states, and what its files of the patients promise."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.chapters.rescue import rescue
from helpers.chapters.rescue.rescue import PATIENTS, Design


def learns(design, seed=0):
    *_, course = rescue.training(design, seed)
    return course.learns


def treat(name, **changes):
    return replace(PATIENTS[name].design, **changes)


def test_the_ward():
    assert (rescue.DEPTH, rescue.WIDTH, rescue.BATCH, rescue.STEPS, rescue.LAST) == (50, 32, 64, 150, 20)
    assert pytest.approx(2.30, abs=0.005) == rescue.GUESSING
    assert rescue.LEARNS == rescue.GUESSING / 2
    assert [patient.budget for patient in PATIENTS.values()] == [1, 1, 1, 1, 1, 1, 2]


def test_a_healthy_one_stays_within_a_factor_of_ten():
    seen = rescue.symptoms(treat("F", lr=0.1))
    assert np.all(seen.signal > 0.3)
    assert seen.signal.max() == pytest.approx(30, rel=0.2) and seen.signal.argmax() == len(seen.signal) - 2
    assert seen.signal[-1] == pytest.approx(0.5, abs=0.05)
    relative = seen.gradient[1:] / seen.gradient[-1]
    assert np.all((relative > 0.1) & (relative < 10))
    assert learns(treat("F", lr=0.1))


def test_the_file_of_a():
    seen = rescue.symptoms(PATIENTS["A"].design)
    factors = seen.signal[6:40] / seen.signal[5:39]
    assert np.exp(np.mean(np.log(factors))) == pytest.approx(1 / 3, rel=0.15)
    assert np.log10(seen.gradient_ratio) == pytest.approx(-12, abs=1)
    assert learns(treat("A", init="orthogonal")) and learns(treat("A", skip="on"))
    assert not learns(treat("A", init="He"))
    ends = {
        init: [[*rescue.training(treat("A", init=init), seed)][-1].final for seed in range(4)]
        for init in ("orthogonal", "Xavier")
    }
    assert max(ends["orthogonal"]) < min(ends["Xavier"])  # slower …
    assert max(ends["Xavier"]) > rescue.LEARNS  # … and with some seeds too slow


def test_the_file_of_b():
    seen = rescue.symptoms(PATIENTS["B"].design)
    assert np.log10(seen.gradient_ratio) == pytest.approx(-31, abs=2)
    assert seen.alike[-1] == pytest.approx(1, abs=0.005)
    assert learns(treat("B", norm="BatchNorm")) and learns(treat("B", skip="on"))
    for init in rescue.INITS:
        assert not learns(treat("B", init=init)), init


def test_the_file_of_c():
    seen = rescue.symptoms(PATIENTS["C"].design)
    per_block = (seen.signal[-1] / seen.signal[1]) ** (1 / rescue.BLOCKS)
    assert per_block == pytest.approx(2, rel=0.2)
    for cure in ({"scale": "1/√blocks"}, {"scale": "learned, from 0"}, {"norm": "BatchNorm"}):
        assert learns(treat("C", **cure))
    assert learns(treat("C", init="PyTorch default"))
    *_, clipped = rescue.training(treat("C", clip="1"))
    assert np.isfinite(clipped.loss).all() and not clipped.learns
    assert sum(learns(treat("C", clip="1"), seed) for seed in range(5)) <= 2  # mostly not enough
    assert not any(learns(treat("C", lr=lr)) for lr in rescue.RATES)


def test_the_file_of_d():
    *_, course = rescue.training(PATIENTS["D"].design)
    assert course.diverged and len(course.loss) < 40
    for cure in ({"lr": 0.03}, {"clip": "1"}, {"norm": "BatchNorm"}, {"act": "tanh"}):
        assert learns(treat("D", **cure))


def test_the_file_of_e():
    seen = rescue.symptoms(PATIENTS["E"].design)
    assert seen.gradient_ratio ** (1 / 48) == pytest.approx(1.21, abs=0.03)
    assert learns(treat("E", skip="on")) and learns(treat("E", act="sigmoid"))
    for init in rescue.INITS:
        assert not learns(treat("E", init=init)), init
    for lr in rescue.RATES:
        assert not learns(treat("E", lr=lr)), lr
    for clip in rescue.CLIPS:
        assert not learns(treat("E", clip=clip)), clip


def test_the_file_of_f():
    assert not learns(treat("F", lr=0.001))
    for lr in (0.003, 0.01, 0.1, 1.0):
        assert learns(treat("F", lr=lr)), lr


def test_the_file_of_g():
    assert learns(treat("G", init="orthogonal", lr=0.01))
    for lr in (0.01, 0.03, 0.1):
        assert learns(treat("G", skip="on", lr=lr))
    *_, jumps = rescue.training(treat("G", init="orthogonal"))
    *_, flat = rescue.training(treat("G", lr=0.01))
    assert jumps.final > 20 and flat.final == pytest.approx(2.30, abs=0.02)


def test_what_cures_what():
    cured = {
        name: (learns(treat(name, skip="on")), learns(treat(name, norm="BatchNorm"))) for name in "ABCDE"
    }
    assert cured["A"] == (True, False) and cured["B"] == (True, True)
    assert cured["C"][1] and cured["D"][1] and cured["E"][0]
    assert PATIENTS["C"].design.skip == PATIENTS["D"].design.skip == "on"
    assert PATIENTS["E"].design.norm == "BatchNorm"


def test_break_it_the_eighth_patient():
    """BatchNorm and sigmoids, without skips: one that learns, against expectation."""
    assert learns(Design(init="He", act="sigmoid", norm="BatchNorm", lr=0.03))
