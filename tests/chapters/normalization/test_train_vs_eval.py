"""Train mode and eval mode: every corner of its controls, and what it says about what it shows."""

import numpy as np
import pytest

from helpers.instruments import train_vs_eval
from tests.instruments import corners, page, verdict


def test_every_corner_of_train_and_eval():
    instrument = train_vs_eval()
    for corner in corners(instrument):
        r = instrument.result
        assert len(r.running_mean) == corner["steps"] + 1
        assert np.all(r.low <= r.middle) and np.all(r.middle <= r.high)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"batch": 64}, "AGREES"),
        ({"convention": "Keras", "batch": 64}, "LARGE GAP"),  # 100 steps: 37% of the way is to go
        ({"convention": "Keras", "batch": 64, "steps": 500}, "AGREES"),
        ({"convention": "Keras", "batch": 64, "steps": 500, "drift": 1.0}, "LARGE GAP"),
        ({"batch": 1}, "REFUSED"),
        ({"convention": "Keras", "batch": 1, "steps": 500}, "LARGE GAP"),
    ],
)
def test_known_verdicts(settings, word, seed):
    assert verdict(train_vs_eval(**settings, seed=seed)) == word


@pytest.mark.parametrize("seed", range(5))
def test_the_challenges_do_what_their_lessons_say(seed):
    def result(**settings):
        return train_vs_eval(**settings, seed=seed).result

    lagging = {"batch": 64, "steps": 500, "drift": 1.0}
    assert result(**lagging).eval_gap < 0.15
    assert result(convention="Keras", **lagging).eval_gap > 0.5
    assert result(batch=64).train_gap < 0.2 < result(batch=8).train_gap
    biased = result(convention="Keras", batch=2, steps=500).running_std[-1]
    assert biased == pytest.approx(0.5**0.5 - 1, abs=0.1)


def test_a_batch_of_one_answers_nothing():
    r = train_vs_eval(batch=1).result
    assert r.refused and not r.low.any() and not r.high.any()
    assert "β for every input" in page(train_vs_eval(batch=1, convention="Keras"))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"convention": "Keras", "batch": 64}, "have not come all the way"),
        ({"convention": "Keras", "batch": 64, "steps": 500, "drift": 2.0}, "lag behind the drift"),
        ({"convention": "Keras", "batch": 2, "steps": 500}, "the variance of small batches was remembered"),
        ({"convention": "Keras", "batch": 1, "steps": 500}, "the variance of a batch of one is 0"),
    ],
)
def test_the_reason_of_a_gap(settings, reason):
    assert reason in page(train_vs_eval(**settings))
