"""The patients: ill as they are, cured by their cures, and seen by their symptoms."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from helpers.chapters.rescue import rescue
from helpers.chapters.rescue.rescue import PATIENTS, Design


@cache
def course(design, seed=0):
    *_, end = rescue.training(design, seed)
    return end


CURES = [pytest.param(name, cure, id=f"{name}-{cure}") for name, p in PATIENTS.items() for cure in p.cures]


@pytest.mark.parametrize("name", PATIENTS)
def test_no_patient_learns_whatever_the_seed(name):
    for seed in range(3):
        assert not course(PATIENTS[name].design, seed).learns


@pytest.mark.parametrize(("name", "cure"), CURES)
def test_every_cure_cures_whatever_the_seed_and_within_the_budget(name, cure):
    patient = PATIENTS[name]
    treated = patient.cured_by(cure)
    assert len(patient.design.changes(treated)) <= patient.budget
    for seed in range(2):
        assert course(treated, seed).learns


def test_no_single_change_cures_the_patient_with_two_diseases():
    ill = PATIENTS["G"].design
    options = {
        "init": rescue.INITS,
        "act": rescue.ACTS,
        "norm": rescue.NORMS,
        "skip": rescue.SKIPS,
        "lr": rescue.RATES,
        "clip": rescue.CLIPS,
    }
    for name, values in options.items():
        for value in values:
            assert not course(replace(ill, **{name: value})).learns, (name, value)


def test_patients_with_one_disease_differ_in_their_cures():
    cures = [frozenset(map(str, patient.cures)) for patient in PATIENTS.values()]
    assert len(set(cures)) == len(cures)
    assert len({patient.disease for patient in PATIENTS.values()}) == len(PATIENTS)


def test_changes_are_counted_by_control_and_a_sleeping_branch_scale_does_not_count():
    ill = Design(skip="off")
    assert ill.changes(ill) == []
    assert ill.changes(replace(ill, scale="learned, from 0")) == []
    assert ill.changes(replace(ill, skip="on", scale="learned, from 0")) == ["skip", "scale"]
    assert ill.changes(replace(ill, lr=0.1, clip="1")) == ["lr", "clip"]


@pytest.mark.parametrize(
    ("design", "last"),
    [(Design(), 49), (Design(skip="on"), 49), (Design(norm="BatchNorm"), 49), (Design(act="tanh"), 49)],
)
def test_symptoms_have_a_value_for_every_place_where_a_sum_ends(design, last):
    seen = rescue.symptoms(design)
    assert seen.layers[0] == 0 and seen.layers[-1] == last
    assert np.all(np.diff(seen.layers) > 0)
    assert len(seen.layers) == (26 if design.skip == "on" else 50)
    assert len(seen.signal) == len(seen.gradient) == len(seen.alike) == len(seen.layers)


def test_symptoms_tell_the_patients_apart():
    seen = {name: rescue.symptoms(patient.design) for name, patient in PATIENTS.items()}
    assert seen["A"].signal[-1] < 1e-15 and seen["A"].gradient_ratio < 1e-9
    assert seen["B"].gradient_ratio < 1e-20 and seen["B"].alike[-1] > 0.999
    assert 0.1 < seen["B"].signal[-1] < 0.5
    assert seen["C"].signal[-1] > 1e4 and seen["C"].gradient_ratio > 100
    assert 0.1 < seen["D"].signal[-1] < 10 and 0.1 < seen["D"].gradient_ratio < 10
    assert 0.3 < seen["E"].signal[-1] < 0.7 and 1e3 < seen["E"].gradient_ratio < 1e5
    assert 0.1 < seen["F"].signal[-1] < 10 and 0.1 < seen["F"].gradient_ratio < 10
    np.testing.assert_array_equal(seen["G"].signal, seen["A"].signal)


def test_a_training_that_diverges_ends_early_and_says_so():
    ends = list(rescue.training(PATIENTS["C"].design))
    assert ends[-1].overflowed and len(ends) < rescue.PIECES
    assert np.isnan(ends[-1].final) and not ends[-1].learns


def test_the_final_loss_is_that_of_the_course():
    design = PATIENTS["F"].cured_by({"lr": 0.1})
    assert rescue.final_loss(design, seed=1) == course(design, seed=1).final


def test_pieces_are_so_many_and_belong_together():
    ends = list(rescue.training(PATIENTS["A"].design))
    assert [len(end.loss) for end in ends] == list(range(15, 151, 15))
    np.testing.assert_array_equal(ends[1].loss, ends[2].loss[:30])


@pytest.mark.parametrize("name", ["init", "act", "norm", "skip", "scale", "clip"])
def test_bad_values_are_named(name):
    with pytest.raises(ValueError, match=f"{name}='nothing' is not one of"):
        Design(**{name: "nothing"})
    with pytest.raises(ValueError, match="lr=0"):
        Design(lr=0)
