"""BatchNorm and training stability: the corners of its controls, and what it says about what it shows."""

from itertools import product

import numpy as np
import pytest

from helpers.chapters.normalization import stability
from helpers.chapters.normalization.batchnorm_stability import FIRST_STEPS, BatchNormStability, experiment
from helpers.chapters.normalization.stability import RATES, STEPS
from helpers.digits import DIVERGED, LEARNS, STALLS, judge
from helpers.instruments import batchnorm_stability
from helpers.layers import NORMS
from tests.instruments import assert_it_can_be_drawn, check_corner, page, press, reached, verdict


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    stability.clear()


def test_every_corner_of_the_stability_instrument():
    """Every norm and both ends of every slider. A sweep serves all η and norms, so those come innermost."""
    instrument = batchnorm_stability(depth=2, batch=2)
    assert_it_can_be_drawn(instrument.figure.paper)
    ends = {control.name: control.extremes() for control in instrument.controls}
    # 20 layers and batches of 64 take seconds: once, with the usual weights.
    places = [(2, 2, s) for s in ends["sigma_w"]] + [(2, 64, s) for s in ends["sigma_w"]]
    places += [(20, 2, s) for s in ends["sigma_w"]] + [(20, 64, 2.0**0.5)]
    for (depth, batch, sigma_w), norm, lr in product(places, ends["norm"], ends["lr"]):
        check_corner(instrument, {"norm": norm, "lr": lr, "depth": depth, "batch": batch, "sigma_w": sigma_w})
        r = instrument.result
        assert len(r.run.course.loss) == len(r.without.course.loss) == STEPS
        assert set(r.ceilings) == set(NORMS)
        assert r.run.trained.all()


@pytest.mark.parametrize("seed", range(5))
def test_the_verdicts_that_the_presets_mean(seed):
    def outcome(**settings):
        case = stability.Case(**{"norm": "BatchNorm", "seed": seed, **settings})
        return lambda lr: judge(stability.losses(case, (lr,))[:, 0])

    assert outcome(norm="none")(0.5) in (STALLS, DIVERGED)
    assert outcome()(0.5) == LEARNS
    assert outcome()(10.0) in (STALLS, DIVERGED)
    assert outcome(sigma_w=4.0)(0.5) == LEARNS
    assert outcome(norm="none", sigma_w=4.0)(0.02) != LEARNS
    assert outcome(batch=4, depth=2)(0.01) == STALLS
    assert outcome(norm="none", batch=4, depth=2)(0.01) == LEARNS


def test_a_slider_step_shows_a_beginning_first_and_everything_at_rest():
    settings = batchnorm_stability(depth=4, batch=16).settings
    stability.clear()
    found = list(experiment(settings))
    assert None in found  # a move need not wait for the next result
    results = [result for result in found if result is not None]
    assert found[0] is results[0] and found[-1] is results[-1]
    assert len(results[0].run.course.loss) == len(results[0].without.course.loss) == FIRST_STEPS
    assert results[0].ceilings == {} and not results[0].settled
    assert results[-1].settled and set(results[-1].ceilings) == set(NORMS)
    done = [len(result.ceilings) for result in results]
    assert done == sorted(done)
    # What was trained once is shown at once.
    again = list(experiment(settings))
    assert len(again) == 1 and again[0].settled
    np.testing.assert_array_equal(again[0].run.course.loss, results[-1].run.course.loss)


def test_a_beginning_says_that_it_is_one():
    instrument = batchnorm_stability(depth=4, batch=16)
    settings = instrument.settings
    stability.clear()
    first = next(iter(experiment(settings)))
    assert instrument.verdict(settings, first).word == "TRAINING"
    assert all("…" in value for name, value in instrument.readouts(settings, first) if "largest" in name)


def test_a_rate_between_the_positions_is_trained_too():
    instrument = batchnorm_stability(lr=0.25, depth=2, batch=8)
    assert instrument.problem is None and 0.25 not in RATES
    assert "at η = 0.25" in page(instrument)
    assert len(instrument.result.run.course.loss) == STEPS


def test_words_and_description_agree_with_the_result():
    instrument = batchnorm_stability(lr=1.0, depth=4)
    r = instrument.result
    for norm, ceiling in r.ceilings.items():
        name = "no norm" if norm == "none" else norm
        words = "no η learns" if ceiling is None else f"{ceiling:g}"
        assert f"{name} {words}" in instrument.description
    instrument.set(lr=30.0, norm="none")
    assert verdict(instrument) == DIVERGED
    assert f"overflows at step {instrument.result.run.course.lost_at}" in page(instrument)
    assert "overflows" in instrument.description


def test_without_a_norm_there_is_one_network_only():
    instrument = batchnorm_stability(norm="none", depth=2, batch=8)
    assert instrument.result.run.course.loss is not None
    assert "with none" not in (page(instrument) + instrument.description).lower()
    assert len(instrument.readouts(instrument.settings, instrument.result)) == 1 + len(NORMS)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_last_eta_can_be_found_with_any_seed(seed):
    instrument = batchnorm_stability(seed=seed)
    (challenge,) = [one for one in BatchNormStability.challenges if one.name == "The last η"]
    press(instrument, challenge.name)
    for lr in RATES:
        instrument.set(lr=lr)
        if reached(instrument):
            break
    assert instrument.result.run.course.outcome == LEARNS
    assert lr == instrument.result.ceilings["BatchNorm"]
