"""Gradient clipping: every corner of its controls, and what it says about what it shows."""

import sys
from itertools import product

import numpy as np
import pytest

from helpers.chapters.regularization.gradient_clipping import GradientClipping
from helpers.instruments import gradient_clipping
from tests.instruments import assert_it_can_be_drawn, check_corner, page, verdict


def test_every_corner(monkeypatch):
    monkeypatch.setattr(sys.modules[GradientClipping.__module__], "STAGES", (10, 60))
    instrument = gradient_clipping()
    assert_it_can_be_drawn(instrument.figure.paper)
    ends = {control.name: control.extremes() for control in GradientClipping.controls}
    for values in product(*ends.values()):
        check_corner(instrument, dict(zip(ends, values, strict=True)))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({}, "THROWN"),
        ({"max_norm": 1.0}, "SOLVED"),
        ({"max_norm": 0.01}, "NOT THERE"),
        ({"mode": "per tensor", "max_norm": 0.1}, "NOT THERE"),
    ],
)
def test_verdicts(settings, word):
    assert verdict(gradient_clipping(**settings)) == word


def test_the_threshold_is_drawn_only_where_it_acts():
    instrument = gradient_clipping()
    assert len(instrument._artists["tau"].get_xdata()) == 0
    instrument.set(max_norm=0.1)
    np.testing.assert_allclose(instrument._artists["tau"].get_ydata(), -1)


def test_the_start_chooses_the_way_that_is_drawn():
    instrument = gradient_clipping(max_norm=1.0, start=5)
    descent = instrument.result.descent
    np.testing.assert_array_equal(instrument._artists["way"].get_xdata(), descent.w[:, 4])
    assert instrument._artists["ends"].get_xdata().size == 32
    assert "start 5" in page(instrument)


def test_a_first_result_has_taken_fewer_steps_than_the_last():
    instrument = gradient_clipping()
    assert [r.steps for r in instrument.experiment(instrument.settings)] == [40, 150, 400]
