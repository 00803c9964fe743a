"""The norms compared: nine networks of one stack are nine networks alone."""

import numpy as np
import pytest

from helpers import digits
from helpers.chapters.normalization import family
from helpers.data import shared_digits
from helpers.training import evaluate


def test_each_of_the_nine_is_the_network_alone():
    found = family.trained("BatchNorm", depth=3, batch=16, steps=15)
    assert found.loss.shape == found.accuracy.shape == (3, 3)
    network = digits.Build(3, norm="BatchNorm").network(family.SEEDS[2])
    alone = digits.Training(network, family.ETAS[1], batch=16).begin(15, 0).finish()
    assert found.loss[2, 1] == pytest.approx(alone.loss[-10:].mean(), rel=2e-3)
    _, accuracy = evaluate(network, shared_digits().x_test, shared_digits().y_test)
    assert found.accuracy[2, 1] == pytest.approx(accuracy, abs=0.01)


def test_the_best_eta_of_each_seed_counts(monkeypatch):
    loss = np.array([[3.0, 1.0, np.nan], [0.5, 2.0, 2.0], [2.0, 2.0, 1.5]])
    monkeypatch.setattr(family, "trained", lambda *how: family.Trained(loss, loss / 10))
    np.testing.assert_array_equal(family.best_losses("none"), [1.0, 0.5, 1.5])
    monkeypatch.setattr(family, "trained", lambda *how: family.Trained(loss, np.nan_to_num(loss) / 10))
    assert family.percent_right("none", 2) == pytest.approx(20)  # of 30, 20 and 20


def test_an_unknown_norm_is_named():
    with pytest.raises(ValueError, match="norm"):
        family.trained("batchnorm", 2, 16, 1)
