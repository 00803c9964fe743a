"""Rescue the network: every combination of its toggles, the budget, and what is noted of a cure."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.chapters.rescue import rescue
from helpers.chapters.rescue.rescue_the_network import is_solved
from helpers.instruments import rescue_the_network
from tests.instruments import assert_it_can_be_drawn, check_corner, page, press, verdict


def test_every_network(monkeypatch):
    """Four steps of training each: what counts is that every network can be built, seen and drawn.

    The patient, η and clipping change nothing that is seen of an untrained network: they are drawn at random.
    """
    monkeypatch.setattr(rescue, "STEPS", 4)
    monkeypatch.setattr(rescue, "PIECES", 2)
    instrument, rng = rescue_the_network(), np.random.default_rng(0)
    assert_it_can_be_drawn(instrument.figure.paper)
    skips = [("off", "1"), *(("on", scale) for scale in rescue.SCALES)]
    for init, act, norm, (skip, scale) in product(rescue.INITS, rescue.ACTS, rescue.NORMS, skips):
        patient, clip = (str(rng.choice(list(names))) for names in (rescue.PATIENTS, rescue.CLIPS))
        corner = {"patient": patient, "init": init, "act": act, "norm": norm, "skip": skip, "scale": scale}
        lr = float(rng.choice([rescue.RATES[0], rescue.RATES[-1]]))
        check_corner(instrument, {**corner, "lr": lr, "clip": clip})
        assert instrument.result.finished


@pytest.mark.parametrize("patient", rescue.PATIENTS)
def test_a_patient_comes_as_found_and_is_ill(patient):
    instrument = rescue_the_network(patient=patient)
    found = rescue.PATIENTS[patient].design
    assert {name: getattr(instrument.settings, name) for name in vars(found)} == vars(found)
    assert verdict(instrument) in ("STUCK", "DIVERGED")
    assert instrument.result.changed == ()


def test_choosing_a_patient_by_hand_brings_its_network_too():
    instrument = rescue_the_network()
    instrument.patient = "C"
    assert instrument.settings.skip == "on" and instrument.settings.act == "ReLU"
    instrument.set(patient="E", lr=0.1)
    assert (instrument.settings.norm, instrument.settings.lr) == ("BatchNorm", 0.1)


def test_a_cure_is_counted_named_and_noted_once(progress):
    instrument = rescue_the_network(patient="B")
    assert progress.answers() == []
    instrument.set(norm="BatchNorm")
    assert verdict(instrument) == "SOLVED"
    assert "in 1 change (norm: BatchNorm)" in page(instrument)
    instrument.reset()
    instrument.set(norm="BatchNorm")
    (note,) = progress.answers()
    assert (note.question, note.answer, note.correct) == ("rescue-patient-b", "norm: BatchNorm", 1)


def test_too_many_changes_train_and_do_not_solve(progress):
    instrument = rescue_the_network(patient="B", norm="BatchNorm", skip="on", lr=0.1)
    assert verdict(instrument) == "TRAINS"
    assert "after 3 changes" in page(instrument) and "1 would be enough" in page(instrument)
    assert progress.answers() == []


def test_the_symptoms_come_before_the_training():
    instrument = rescue_the_network()
    results = list(instrument.experiment(instrument.settings))
    assert [len(r.course.loss) for r in results] == [0, *range(15, 151, 15)]
    assert instrument.verdict(instrument.settings, results[0]).word == "TRAINING"
    assert not results[0].finished and results[-1].finished


def test_reset_brings_the_patient_back_as_found():
    instrument = rescue_the_network(patient="D")
    instrument.set(lr=0.01, clip="1")
    press(instrument, "Reset")
    now = instrument.settings
    assert (now.patient, now.lr, now.clip) == ("D", 0.3, "off")


def test_a_sleeping_branch_scale_is_no_change():
    instrument = rescue_the_network(patient="B", norm="BatchNorm", scale="1")
    assert verdict(instrument) == "SOLVED"


@pytest.mark.parametrize(
    ("changes", "solved"), [((), False), (("skip: on",), True), (("skip: on", "η: 0.1"), False)]
)
def test_a_patient_is_solved_by_one_change_at_least_and_its_budget_at_most(changes, solved):
    found = SimpleNamespace(finished=True, course=SimpleNamespace(learns=True), changed=changes)
    assert is_solved(SimpleNamespace(patient="A"), found) == solved


def test_to_look_at_the_healthy_one_cures_nobody(progress):
    """The first cell of the lesson, and the button of that name."""
    instrument = rescue_the_network(patient="healthy")
    assert verdict(instrument) == "HEALTHY" and "0 changes" in page(instrument)
    press(instrument, "A healthy network")
    instrument.set(lr=0.03)
    assert verdict(instrument) == "HEALTHY" and progress.answers() == []


def test_a_loss_that_has_grown_is_not_called_stuck():
    assert verdict(rescue_the_network(patient="A", lr=3.0)) == "DIVERGED"
    assert verdict(rescue_the_network(patient="A")) == "STUCK"


def test_eta_is_written_without_a_loose_point():
    says = {control.name: control for control in rescue_the_network().controls}["lr"].text
    assert [says(lr) for lr in (3.0, 1.0, 0.3, 0.0001)] == ["3", "1", "0.3", "0.0001"]
