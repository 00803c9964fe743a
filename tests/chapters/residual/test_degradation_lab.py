"""The degradation lab: its corners at the cheapest settings, its answers, and its time."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.chapters.residual import degradation
from helpers.chapters.residual.degradation import Probed
from helpers.chapters.residual.degradation_lab import EPOCHS, RATES, DegradationLab, Pair, answers
from helpers.digits import Training
from helpers.instruments import degradation_lab
from tests.instruments import assert_it_can_be_drawn, check_corner, page, verdict


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    degradation.training.cache_clear()


@pytest.mark.parametrize("build", degradation.BUILDS)
def test_every_choice_at_both_ends_of_every_slider(build):
    """Every combination of the choices with one epoch; each slider at both ends; the rest cheap."""
    instrument = degradation_lab(build=build, epochs=1, deep=20)
    assert_it_can_be_drawn(instrument.figure.paper)
    for scale, (shallow, deep), lr, seeds in product(
        degradation.SCALES, [(8, 20), (20, 56)], (RATES[0], RATES[-1]), (1, 3)
    ):
        if (deep == 56) != (seeds == 3):
            continue
        corner = {"build": build, "scale": scale, "shallow": shallow, "deep": deep}
        corner |= {"epochs": 1, "lr": lr, "seeds": seeds}
        if build.startswith("plain") and scale == "learned":
            continue  # a plain network has no branches: the settings of "1" in all but name
        check_corner(instrument, corner)
        for course in instrument.result:
            assert course.loss.shape == (22, seeds)
            assert course.ratio.shape == (2, seeds)


def test_the_longest_training():
    instrument = degradation_lab(build="residual + BN", shallow=8, deep=20, epochs=EPOCHS[-1])
    assert instrument.problem is None
    assert len(instrument.result.deep.loss) == EPOCHS[-1] * 22
    assert verdict(instrument) == "NOT DEGRADED"


def course(train=0.1, test=0.1, start=1.0, end=1.0, last_loss=1.0):
    return Probed(
        loss=np.array([[2.3], [last_loss]]),
        ratio=np.array([[start], [end]]),
        train_error=np.array([train]),
        test_error=np.array([test]),
        moved=np.ones(1),
        alike=np.ones(1),
    )


@pytest.mark.parametrize(
    ("deep", "degraded", "vanishing", "overfitting"),
    [
        (course(), False, False, False),
        (course(train=0.8, test=0.8), True, False, False),
        (course(train=0.8, test=0.8, start=1e-4), True, True, False),
        (course(train=0.8, test=0.8, end=1e-4), True, True, False),
        (course(train=0.0, test=0.2), False, False, True),
        (course(train=0.8, test=0.95), True, False, False),  # who cannot learn cannot overfit
    ],
)
def test_three_questions_have_three_answers(deep, degraded, vanishing, overfitting):
    assert answers(Pair(course(), deep)) == (degraded, vanishing, overfitting)


@pytest.mark.parametrize(
    ("shallow", "deep", "word"),
    [
        (course(), course(), "NOT DEGRADED"),
        (course(), course(train=0.8), "DEGRADED"),
        (course(train=0.9), course(train=0.9), "BOTH FAIL"),
        (course(train=0.9), course(train=0.9, last_loss=np.nan), "DIVERGED"),
    ],
)
def test_the_word_of_networks_that_do_not_learn(shallow, deep, word):
    instrument = degradation_lab(build="plain", shallow=8, deep=20, epochs=1)
    assert instrument.verdict(instrument.settings, Pair(shallow, deep)).word == word


def test_a_network_that_diverges_is_said_to():
    assert verdict(degradation_lab(build="residual", epochs=1)) == "DIVERGED"


def test_the_verdict_says_each_answer_with_its_numbers():
    words = page(degradation_lab())
    for question in ("Degraded? yes", "Vanishing? no", "Overfitting? no"):
        assert question in " ".join(words.split())


def test_a_drag_back_trains_nothing_again(monkeypatch):
    instrument = degradation_lab(build="residual + BN", shallow=8, deep=20, epochs=2)
    monkeypatch.setattr(Training, "begin", lambda *a, **k: pytest.fail("trained again"))
    instrument.set(epochs=1)
    instrument.set(epochs=2)
    assert instrument.problem is None


def test_results_come_epoch_by_epoch():
    s = SimpleNamespace(build="plain", scale="1", shallow=8, deep=20, epochs=2, lr=0.01, seeds=1, seed=5)
    results = list(DegradationLab.experiment(s))
    assert results[1::3] == results[2::3] == [None, None]  # a move need not wait for both networks
    assert [len(pair.deep.loss) for pair in results[::3]] == [0, 22, 44]
