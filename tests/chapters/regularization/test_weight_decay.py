"""Weight decay: every corner of its controls, and what it says about what it shows."""

import numpy as np
import pytest

from helpers.chapters.regularization import decay
from helpers.instruments import weight_decay
from tests.instruments import corners, page, slider, verdict


def test_every_corner():
    instrument = weight_decay()
    for _ in corners(instrument):
        assert len(instrument.result.fit.norms) == len(instrument.result.free.norms) == 31


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"optimizer": "SGD + L2", "weight_decay": 0.03}, "BALANCED"),
        ({"optimizer": "SGD + L2", "weight_decay": 1.0}, "UNDERFIT"),
        ({"optimizer": "SGD + L2", "weight_decay": 30.0}, "DIVERGED"),
        ({"optimizer": "AdamW", "weight_decay": 0.01}, "OVERFIT"),
        ({"optimizer": "AdamW", "weight_decay": 3.0, "gradient_scale": 0.01}, "BALANCED"),
        ({"optimizer": "Adam + L2", "weight_decay": 0.03, "gradient_scale": 0.01}, "UNDERFIT"),
    ],
)
def test_verdicts(settings, word):
    assert verdict(weight_decay(**settings)) == word


def test_a_first_result_has_taken_fewer_steps_than_the_last():
    instrument = weight_decay()
    results = list(instrument.experiment(instrument.settings))
    assert [r.fit.steps[-1] for r in results] == [60, 150, 300]
    assert all(r.free.steps[-1] == 300 for r in results)


def test_the_measured_curve_is_the_one_without_decay_when_there_is_none():
    r = weight_decay(weight_decay=0.0).result
    np.testing.assert_array_equal(r.fit.norms, r.free.norms)


def test_the_law_of_decay_is_drawn_where_there_is_one():
    instrument = weight_decay(weight_decay=1.0)
    assert len(instrument._artists["alone"].get_xdata()) == 31
    instrument.set(optimizer="Adam + L2")
    assert len(instrument._artists["alone"].get_xdata()) == 0


def test_wrong_labels_are_marked_and_counted():
    instrument = weight_decay(seed=3)
    wrong = instrument.result.points.flipped.sum()
    assert instrument._artists["wrong"].get_xdata().size == wrong
    assert f"{wrong} with a wrong label" in instrument.description


def test_the_boundary_lies_where_the_surface_is_zero():
    instrument = weight_decay(weight_decay=3.0)
    x, y = instrument._artists["boundary"].get_data()
    assert np.isfinite(x).sum() > 20
    edge = decay.GRID[-1] * (1 + 1e-12)  # it is interpolated: the last bit may err
    assert np.nanmax(np.abs([x, y])) <= edge


def test_labels_as_a_learner_reads_them():
    instrument = weight_decay(weight_decay=0.03)
    assert slider(instrument, "Decay").description == "Decay λ = 0.03"
    assert slider(instrument, "Gradients").description == "Gradients × = 1"
    assert "in testing" in page(instrument)
