"""The patients of the ward: ill, cured by what is listed and nothing else, and named by what is seen."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.chapters.rescue import illness, rescue
from helpers.chapters.rescue.bedside import worded
from helpers.chapters.rescue.rescue import Design
from helpers.chapters.rescue.ward import PATIENTS, SEED
from helpers.checking import report, reports
from helpers.instruments import ward
from tests.instruments import page, verdict
from tools import make_ward


def learns(design, seed=SEED):
    *_, course = rescue.training(design, seed)
    return course.learns


def proved(case, rng, others):
    """Train the patient, everything that is listed as a cure, and some of what is not."""
    assert not learns(case.design)
    for cure in case.cures:
        assert learns(replace(case.design, **cure)), cure
    left = [t for n in range(1, case.budget + 1) for t, _ in illness.treatments(case.design, n)]
    left = [t for t in left if t not in case.cures]
    for i in rng.permutation(len(left))[:others]:
        assert not learns(replace(case.design, **left[i])), left[i]


@pytest.mark.parametrize(("level", "others"), [(1, 3), (2, 100), (3, 3)])
def test_what_is_listed_cures_and_nothing_else_does(level, others):
    """One patient of each level, with all its cures and other treatments: at level 2 all that there are."""
    proved(illness.cases(level)[0], np.random.default_rng(0), others)


@pytest.mark.release
@pytest.mark.parametrize(
    ("level", "patient"),
    [(level, i) for level in illness.LEVELS for i in range(len(illness.cases(level)))[:12]],
)
def test_what_is_listed_cures_and_nothing_else_does_in_dozens_of_patients(level, patient):
    proved(illness.cases(level)[patient], np.random.default_rng(patient), others=100)


@pytest.mark.parametrize("level", illness.LEVELS)
def test_every_level_has_its_patients(level):
    cases = illness.cases(level)
    assert len(cases) >= 9
    assert len({case.design for case in cases}) == len(cases)
    for case in cases:
        assert len(case.diseases) == case.budget == (2 if level == 3 else 1)
        assert level != 1 or len(case.cures) > illness.FEW >= 1
        assert level != 2 or len(case.cures) <= illness.FEW
    assert len({case.diseases for case in cases[:20]}) >= 3  # of many kinds, and soon


def test_no_treatment_is_in_doubt():
    """Every seed says the same of every treatment, with a margin."""
    share = illness.table()["share"]
    assert not np.isnan(share).any()
    for level in illness.LEVELS:
        for case in illness.cases(level)[:PATIENTS]:
            for number in range(1, case.budget + 1):
                for treatment, _ in illness.treatments(case.design, number):
                    found = share[illness.place(replace(case.design, **treatment))]
                    cures = treatment in case.cures
                    assert np.all(found < 1 / illness.SURE) if cures else np.all(found > illness.SURE)


@pytest.mark.parametrize(
    "design",
    [
        Design("He", "ReLU", "none", "on", "1", 0.01),
        Design("PyTorch default", "tanh", "none", "off", "1", 0.1),
        Design("orthogonal", "sigmoid", "BatchNorm", "on", "learned, from 0", 0.0001, "1"),
    ],
)
def test_the_table_holds_what_is_computed_anew(design):
    for seed in range(illness.table()["share"].shape[-1]):
        *_, course = rescue.training(design, seed)
        share = illness.table()["share"][illness.place(design)][seed]
        if course.overflowed:
            assert np.isinf(share)
        else:
            begins = min(course.loss[0], np.log(10)) / 2
            assert course.final / begins == pytest.approx(share, rel=0.05)
    seen = rescue.symptoms(design)
    place = illness.place(design)[:4]
    assert seen.signal[-1] == pytest.approx(illness.table()["signal"][place], rel=0.01)
    assert seen.gradient_ratio == pytest.approx(illness.table()["gradient"][place], rel=0.01)


def test_the_tool_makes_what_the_table_holds():
    """A place with η from far too small to right: there it learns, or does not, on every processor alike."""
    place = 1, 0, 1, 2, 0  # He, ReLU, BatchNorm, skips × 1/√blocks, not clipped
    axes = *make_ward.STARTS.values(), illness.TRUNKS, illness.OPTIONS["clip"]
    values = [axis[i] for axis, i in zip(axes, place, strict=True)]
    made, stored = make_ward.shares(*values), illness.table()["share"][place]
    assert made.shape == stored.shape
    assert np.all(np.abs(np.log(stored)) > np.log(illness.SURE))
    assert np.array_equal(made < 1, stored < 1)
    assert made[:3] == pytest.approx(stored[:3], rel=0.05)
    seen = make_ward.starts(*values[:-1])
    stored = [illness.table()[name][place[:-1]] for name in ("signal", "gradient", "alike")]
    assert seen == pytest.approx(stored, rel=0.01)


def test_what_a_name_promises_is_seen():
    for level in illness.LEVELS:
        for case in illness.cases(level)[:PATIENTS]:
            seen, design = rescue.symptoms(case.design), case.design
            for name in case.diseases:
                if name == illness.WEIGHTS_SMALL:
                    assert seen.signal[-1] < 1e-9 and seen.gradient_ratio < 1e-6
                elif name == illness.SATURATING:
                    assert design.act == "sigmoid" and seen.gradient_ratio < 1e-20
                elif name == illness.LOUD:
                    assert design.skip == "on" and seen.signal[-1] > 100 * seen.signal[1]
                elif name == illness.NORM_ALONE:
                    assert design.norm != "none" and design.skip == "off" and seen.gradient_ratio > 30
                elif name == illness.ALIKE:
                    assert seen.alike[-1] > 0.95
                else:
                    sign = 1 if name == illness.RATE_SMALL else -1
                    moves = [cure["lr"] - design.lr for cure in case.cures if "lr" in cure]
                    assert moves and all(sign * move > 0 for move in moves)


# --- The instrument ---------------------------------------------------------------------------------


def treat(instrument, case, cure, names):
    disease, second = (*names, "none")[:2]
    words = {name: worded(value) for name, value in cure.items()}
    instrument.set(disease=disease, second=second, **words)


@pytest.mark.parametrize("level", [1, 3])
def test_a_patient_named_and_cured_gets_all_points_and_is_noted(level, progress):
    instrument, case = ward(level=level, patient=2), illness.cases(level)[1]
    assert verdict(instrument) in ("STUCK", "DIVERGED") and progress.answers() == []
    treat(instrument, case, case.cures[0], case.diseases)
    assert verdict(instrument) == "SOLVED" and "4 of 4 points" in page(instrument)
    (row,) = progress.answers()
    assert (row.question, row.correct) == (f"rescue-ward-{level}-2", 1)
    assert row.answer.startswith(" + ".join(case.diseases))


def test_what_a_hand_cures_stands_in_the_report(progress, monkeypatch):
    """A hand moves settings and sees frames: nothing calls `set`."""
    monkeypatch.setattr(reports, "PROGRESS", progress)
    instrument = ward()
    for number in (3, 5):
        case = illness.cases(2)[number - 1]
        words = {name: worded(value) for name, value in case.cures[0].items()}
        by_hand(instrument, level=2, patient=number, disease=case.diseases[0], **words)
    rows = [line.split() for line in repr(report()).splitlines() if "ward, level 2" in line]
    assert [row[-2:] for row in rows] == [["2", "2"]]


def by_hand(instrument, **settings):
    """What the browser does: it sends the settings, asks for their frames, and says which it shows."""
    values = instrument.check({**instrument._start, **settings})
    instrument.set_state(dict(values))
    for frame in instrument.frames(values):
        if frame:
            instrument.set_state({"_frame": frame})


def test_a_wrong_name_costs_two_points_and_the_right_one_is_told(progress):
    case = illness.cases(1)[0]
    instrument = ward(level=1, patient=1)
    treat(instrument, case, case.cures[0], ["not named yet"])
    assert verdict(instrument) == "CURED" and "Now name what it had" in page(instrument)
    assert progress.answers() == []
    wrong = next(name for name in illness.DISEASES if name not in case.diseases)
    treat(instrument, case, case.cures[0], [wrong])
    assert verdict(instrument) == "CURED" and "2 of 4 points" in page(instrument)
    assert f"It had: {case.diseases[0]}" in page(instrument)
    assert [row.correct for row in progress.answers()] == [0]


def test_the_next_patient_comes_untreated():
    instrument = ward(level=1, patient=1, clip="1", disease=illness.ALIKE)
    instrument.set(patient=2)
    assert instrument.settings.clip == "as found" and instrument.settings.disease == "not named yet"
    assert instrument.result.changed == ()


def test_the_learning_rate_is_called_so():
    """A capital η is an H."""
    labels = [control.label for control in ward().controls]
    assert "Learning rate η" in labels and "Η" not in labels
