"""Numbers that a browser looks up: the same as those that were measured, and never without a word."""

import numpy as np
import pytest

from helpers import measured
from helpers.chapters.normalization import family, shift, stability
from helpers.measured import KEEP_IN

CALLS = [  # the function, its arguments, and others, which were not measured
    (stability.best_losses, ("BatchNorm", [1.0]), {"etas": (0.01, 0.1)}, {"seed": 1}),
    (stability.reach, ("none",), {"steps": 3, "depth": 3}, {"steps": 4}),
    (shift.shift_and_loss, ("no norm", 100.0), {"steps": 12}, {"seed": 1}),  # overflows: nan
    (family.best_losses, ("none",), {"depth": 2, "batch": 16, "steps": 12}, {"batch": 17}),
]


@pytest.fixture
def built(tmp_path, monkeypatch):
    """What the site's build has measured, and a kernel in the browser after it."""
    monkeypatch.setattr(measured, "FILE", tmp_path / "measured.jsonl")
    monkeypatch.setattr(measured, "_known", None)
    monkeypatch.setattr(measured, "_told", False)
    monkeypatch.setenv(KEEP_IN, str(measured.FILE))
    stability.clear()
    found = [function(*args, **named) for function, args, named, _ in CALLS]
    monkeypatch.delenv(KEEP_IN)
    measured._known = None
    stability.clear()
    return found


def test_what_is_looked_up_is_what_was_measured(built, monkeypatch, capsys):
    def train(*_, **__):
        raise AssertionError("nothing is to be trained")

    for module in (stability.digits, family.digits, shift.digits):
        monkeypatch.setattr(module, "Build", train)
    for (function, args, named, other), value in zip(CALLS, built, strict=True):
        again = function(*args, **named)
        np.testing.assert_array_equal(again, value)
        assert isinstance(again, np.ndarray) == isinstance(value, np.ndarray)
        with pytest.raises(AssertionError, match="trained"):
            function(*args, **{**named, **other})
    assert capsys.readouterr().out == measured.LOOKED_UP + "\n"  # once


def test_a_learner_can_have_it_trained(built, monkeypatch, capsys):
    measured.again()
    np.testing.assert_array_equal(stability.reach("none", steps=3, depth=3), built[1])
    assert capsys.readouterr().out == ""


def test_where_nothing_was_measured_all_is_computed():
    assert not measured.FILE.exists()
