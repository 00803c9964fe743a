"""Weight decay on a plane: the exact equivalences, and the three phases from too little to too much."""

import numpy as np
import pytest

from helpers.chapters.regularization import decay


def last(*settings, **more):
    *_, fit = decay.fit(*settings, **more)
    return fit


def test_the_points_have_as_many_wrong_labels_as_they_say():
    share = np.mean([decay.points(seed).flipped.mean() for seed in range(20)])
    assert share == pytest.approx(decay.FLIPPED, abs=0.03)
    data = decay.points(3)
    assert data.x.shape == (decay.TRAIN, 2) and data.x_test.shape == (decay.TEST, 2)


def test_adam_with_l2_sees_only_the_ratio_of_gradients_and_decay():
    small, large = last("Adam + L2", 0.01, 1.0), last("Adam + L2", 1.0, 100.0)
    np.testing.assert_allclose(small.norms, large.norms, rtol=0.03)
    assert small.train_loss == pytest.approx(large.train_loss, rel=0.05)


def test_adamw_does_not_see_the_size_of_the_gradients():
    small, large = last("AdamW", 3.0, 1.0), last("AdamW", 3.0, 100.0)
    np.testing.assert_allclose(small.norms, large.norms, rtol=0.03)


def test_sgd_trades_gradients_for_rate_and_decay(monkeypatch):
    scaled = last("SGD + L2", 0.1, 0.25)
    monkeypatch.setitem(decay.RATES, "SGD + L2", decay.RATES["SGD + L2"] / 4)
    np.testing.assert_allclose(last("SGD + L2", 0.4, 1.0).norms, scaled.norms, rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["SGD + L2", "AdamW"])
def test_where_the_data_hardly_speak_decay_follows_its_law(optimizer):
    fit = last(optimizer, 0.03 if optimizer == "SGD + L2" else 1.0, 0.01)
    law = decay.decay_alone(optimizer, 0.03 if optimizer == "SGD + L2" else 1.0, fit.steps[:4])
    np.testing.assert_allclose(fit.norms[:4] / fit.norms[0], law, rtol=0.04)


def test_adam_with_l2_has_no_law():
    assert decay.decay_alone("Adam + L2", 0.1, [1, 2]) is None


@pytest.mark.parametrize("optimizer", ["Adam + L2", "AdamW"])
def test_from_overfit_to_balanced_to_underfit(optimizer):
    good = {"Adam + L2": 0.03, "AdamW": 3.0}[optimizer]
    for seed in range(5):
        free, balanced, much = (last(optimizer, lam, seed=seed) for lam in (0.0, good, 30.0))
        assert free.gap > 1 and free.train_loss < 0.2
        assert balanced.gap < 0.3 and balanced.test_loss < free.test_loss
        assert balanced.test_accuracy >= free.test_accuracy - 0.01
        assert much.train_loss > 0.6


def test_decay_alone_turns_a_weight_over_when_a_step_takes_more_than_all():
    """1 − 0.1 · 30 = −2: the size doubles, the sign changes."""
    np.testing.assert_allclose(decay.decay_alone("SGD + L2", 30.0, [0, 1, 2, 3]), [1, 2, 4, 8])
    np.testing.assert_allclose(decay.decay_alone("AdamW", 10.0, [0, 1, 2]), [1, 0.9, 0.81])


def test_the_surface_is_above_0_where_class_1_is_named():
    found, points = last("AdamW", 1.0), decay.points(0)
    column, row = np.abs(points.x.T[:, :, None] - decay.GRID).argmin(axis=-1)
    named = found.surface[row, column] > 0
    assert np.mean(named == points.y) == pytest.approx(found.train_accuracy, abs=0.05)


def test_a_fit_goes_on_where_it_was():
    pieces = list(decay.fit("AdamW", 1.0, upto=(20, 50)))
    np.testing.assert_array_equal(pieces[1].norms, last("AdamW", 1.0, upto=(50,)).norms)
    np.testing.assert_array_equal(pieces[0].steps, [0, 10, 20])
    assert pieces[1].surface.shape == (len(decay.GRID),) * 2


def test_a_training_that_is_given_up_leaves_nothing_behind():
    """While a slider moves, most trainings end after their first result; numpy's warnings must stay on."""
    before = np.geterr()
    unfinished = decay.fit("SGD + L2", 30.0, upto=(20, 300))
    next(unfinished)
    assert np.geterr() == before
    unfinished.close()


def test_bad_values_are_named():
    with pytest.raises(ValueError, match="optimizer='Adam' is not one of"):
        next(decay.fit("Adam", 0.1))
    with pytest.raises(ValueError, match="gradient_scale=0"):
        next(decay.fit("AdamW", 0.1, 0))
    with pytest.raises(ValueError, match="weight_decay=-1"):
        next(decay.fit("AdamW", -1))
