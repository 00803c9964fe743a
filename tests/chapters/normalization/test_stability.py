"""Sweeps over learning rates: each run of a stack is the run alone, and the rule that judges it."""

import gc
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.chapters.normalization import stability
from helpers.chapters.normalization.stability import RATES, STEPS, Case, Sweep
from helpers.data import load_digits
from helpers.layers import BatchNorm
from helpers.network import plain
from helpers.optimizers import SGD
from helpers.training import train

SMALL = Case("BatchNorm", depth=3, batch=8, seed=1, width=8)


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    yield
    stability.clear()


def test_one_of_many_rates_is_the_training_of_one_network():
    def init(fan_in, fan_out, rng, dtype):
        return rng.standard_normal((fan_in, fan_out), dtype) * dtype((2 / fan_in) ** 0.5)

    digits = load_digits()
    network = plain(64, 8, 3, 10, np.random.default_rng(1), BatchNorm, init=init)
    sgd = SGD(network.layers, 0.1, momentum=0.9)
    alone = train(network, sgd, digits.x_train, digits.y_train, 30, 8, 1, progress=False).loss
    found = stability.losses(SMALL, (0.01, 0.1, 1.0), 30)
    assert found.shape == (30, 3)
    np.testing.assert_allclose(found[:, 1], alone, rtol=2e-3)


def test_a_run_that_overflows_is_nan_from_there_on_and_leaves_the_others_alone():
    found = stability.losses(Case(), (0.01, 30.0))
    assert found.shape == (STEPS, 2)
    assert np.all(np.isfinite(found[:, 0]))
    lost = np.flatnonzero(np.isnan(found[:, 1]))
    assert lost[0] > 0 and len(lost) == STEPS - lost[0]
    # Where every run overflows, training ends early, and the rest is NaN, too.
    assert np.isnan(stability.losses(Case(), (30.0,))[-1, 0])


def test_a_sweep_grows_portion_by_portion_and_is_kept():
    sweep = stability.sweep(SMALL)
    assert stability.sweep(SMALL) is sweep
    assert not sweep.trained.any() and sweep.ceiling() is None and not sweep.has_ceiling
    large = np.array(RATES) >= 0.1
    for _ in range(STEPS // Sweep.PORTION):
        assert not sweep.trained.any()
        sweep.go_on()
    np.testing.assert_array_equal(sweep.trained, large)
    assert np.isfinite(sweep.losses[0, large]).all() and np.isnan(sweep.losses[:, ~large]).all()
    assert sweep.finish() is sweep
    assert sweep.complete and sweep.has_ceiling and sweep.trained.all()
    for at in (2, 7):
        alone = stability.losses(SMALL, (RATES[at],))[:, 0]
        np.testing.assert_allclose(sweep.losses[:, at], alone, rtol=2e-3)


def test_a_sweep_whose_runs_all_overflow_ends():
    sweep = Sweep(Case("none", 2, 8, sigma_w=1e30)).finish()
    assert sweep.trained.all() and np.isnan(sweep.losses[1:]).all()


def test_sweeps_that_were_left_do_not_pile_up():
    """A hand that rests at many settings leaves a training under way at each."""
    for seed in range(100):
        stability.sweep(SMALL._replace(seed=seed)).go_on()
    under_way = [one for one in gc.get_objects() if isinstance(one, Sweep) and one.under_way]
    assert 0 < len(under_way) <= 60


def test_the_ceiling_is_the_largest_rate_that_learns():
    """It is known as soon as one of the large rates learns: the smaller ones need not be tried."""
    sweep = Sweep(SMALL)
    sweep.losses[:] = 2.3
    sweep.losses[-20:, [3, 9]] = 0.5
    sweep.trained[6:] = True
    assert sweep.ceiling() == RATES[9] and sweep.has_ceiling and not sweep.complete
    sweep.losses[-20:, 9] = 2.0
    assert sweep.ceiling() is None and not sweep.has_ceiling
    sweep.trained[:] = True
    assert sweep.ceiling() == RATES[3] and sweep.has_ceiling


def test_no_rate_may_learn():
    sweep = Sweep(Case("none", 20)).finish()
    assert sweep.ceiling() is None and sweep.has_ceiling


def test_ceilings_are_those_of_the_sweeps_and_nan_where_nothing_learns(monkeypatch):
    def swept(case):
        done = SimpleNamespace(ceiling=lambda: (0.5, None)[case.seed])
        return SimpleNamespace(finish=lambda: done)

    monkeypatch.setattr(stability, "sweep", swept)
    np.testing.assert_array_equal(stability.ceilings("none", 4, seeds=2), [0.5, np.nan])


def test_the_best_loss_is_that_of_one_rate_and_infinite_where_all_overflow():
    (best,) = stability.best_losses("BatchNorm", [1.0], etas=(0.01, 0.1))
    found = stability.losses(Case("BatchNorm", sigma_w=1.0), (0.01, 0.1))[-10:].mean(axis=0)
    assert best == pytest.approx(found.min())
    assert stability.best_losses("none", [4.0], etas=(30.0,)) == [np.inf]


def test_how_far_the_promise_is_kept_is_a_place_of_the_walk():
    assert stability.reach("BatchNorm", steps=5, depth=3) in stability.WALK
