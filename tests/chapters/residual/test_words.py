"""The numbers in the questions and in the workbook of chapter 4."""

import numpy as np
import pytest

from helpers.chapters.residual.exercises import EXERCISES, degradation_verdict, predict_growth
from helpers.checking.questions import find
from tests.text import asked, notebook, workbook

said = workbook("04_residual_connections")


def test_growth():
    rng = np.random.default_rng(0)
    jacobians = rng.standard_normal((50, 64, 64)) * np.sqrt(0.7 / 64)
    start = grad = rng.standard_normal((1, 64))
    for j in jacobians[::-1]:
        grad = grad + grad @ j.T
    draw = np.linalg.norm(grad) / np.linalg.norm(start)
    assert draw == pytest.approx(asked("predict-res-matrices", "gives 119,000"), rel=0.005)
    assert draw > asked("predict-res-matrices", "About 100,000 or more")
    law = (1 + 0.7) ** 25
    assert law == pytest.approx(asked("predict-res-matrices", "1.3⁵⁰"), rel=0.2)
    assert law == pytest.approx(asked("predict-res-matrices", "of the order of 600,000"), rel=0.2)


def test_growth_through_as_many_blocks_as_may_be_asked():
    for draw in find("predict-res-matrices").family.draws:
        grown = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            start = grad = rng.standard_normal((1, 64))
            for _ in range(draw["D"]):
                grad = grad + grad @ (rng.standard_normal((64, 64)) * np.sqrt(draw["s"] / 64))
            grown.append(np.linalg.norm(grad) / np.linalg.norm(start))
        assert min(grown) > float(draw["many"].replace(",", "")) / 2


def test_scales():
    many = asked("predict-res-root-l", "D = 1000")
    assert (1 + 1 / many) ** (many / 2) == pytest.approx(np.exp(0.5), rel=1e-3)
    assert predict_growth([1.0] * 64, 1.0)["residual"] == pytest.approx(asked("res-scale", "grows by 2³²"))


def test_the_number_before_the_last():
    assert 2 ** asked("res-paths", "has 6 blocks") == asked("res-paths", "64 is the number before")


def test_the_lesson_trained_56_layers_without_skips():
    section = notebook("notebooks", "04_residual_connections")["explain-deep-without-skips"]
    assert asked("res-records", "trained 56 layers") in section.literals


def test_the_limit_of_bounded_growth():
    limit = said("predict-growth-task", "is at most 10,")
    for factor, bounded in ((0.99, True), (1.01, False)):
        gain = np.sqrt((limit * factor) ** 2 - 1)  # one block of this gain grows so much
        assert predict_growth([gain], 1.0)["bounded"] is bounded


def runs(shallow=0.1, deep=0.1, deep_test=0.1, residual=0.1, ratio=1.0):
    def one(train, test):
        return {
            "train_error": np.array([train]),
            "test_error": np.array([test]),
            "gradients": np.array([[ratio, 1.0]]),
        }

    return {
        "shallow": one(shallow, shallow),
        "deep": one(deep, deep_test),
        "residual": one(residual, residual),
    }


def test_the_limits_of_the_verdict():
    degraded = said(
        "degradation-verdict-task", "`True` if the deep network's training error is more than 0.05"
    )
    overfits = said("degradation-verdict-task", "`True` if the deep network's test error is more than 0.05")
    repaired = said("degradation-verdict-task", "training error is at most 0.05")
    vanishes = said("degradation-verdict-task", "less than $10^{-3}$")
    for more in (-1e-3, 1e-3):
        assert degradation_verdict(runs(deep=0.1 + degraded + more))["degraded"] is (more > 0)
        assert degradation_verdict(runs(deep_test=0.1 + overfits + more))["overfitting"] is (more > 0)
        found = degradation_verdict(runs(deep=0.9, residual=0.1 + repaired + more))
        assert found["repaired"] is (more < 0)
        assert degradation_verdict(runs(ratio=vanishes * (1 + more)))["vanishing"] is (more < 0)


def drawn(name):
    """Arguments of an exercise's checks, as several learners get them."""
    exercise = next(one for one in EXERCISES if one.reference.__name__ == name)
    for seed in range(5):
        for one in exercise.properties:
            yield from one.cases(np.random.default_rng(seed))


def test_no_error_is_nearer_to_a_limit_than_it_says():
    nearest = said("degradation-verdict-task", "closer than 0.01")
    for (given,) in drawn("degradation_verdict"):
        train = {name: np.median(run["train_error"]) for name, run in given.items()}
        test = np.median(given["deep"]["test_error"])
        for gap in (
            train["deep"] - train["shallow"],
            test - train["deep"],
            train["residual"] - train["shallow"],
        ):
            assert abs(gap - 0.05) > nearest * 0.999


def test_there_are_never_more_blocks_than_it_says():
    most = said("path-lengths-task", "up to 40")
    assert max(len(gains) for (gains,) in drawn("path_lengths")) <= most


def test_what_the_checks_say():
    limit = asked("predict_growth", "Beyond 10,")
    assert not predict_growth([np.sqrt((limit * 1.01) ** 2 - 1)], 1.0)["bounded"]
    gains, alpha = np.array([0.5, 1.5]), 0.7
    growth = np.exp(asked("branch_scale", "exp(½") * np.sum(np.log(1 + (alpha * gains) ** 2)))
    assert growth == pytest.approx(predict_growth(list(gains), alpha)["residual"])
    assert degradation_verdict(runs(ratio=0.99 * asked("degradation_verdict", "below 1e-3")))["vanishing"]
    bound = 0.1 + asked("degradation_verdict", "at most 0.05")
    assert degradation_verdict(runs(deep=0.9, residual=bound - 1e-3))["repaired"]
    assert not degradation_verdict(runs(deep=0.9, residual=bound + 1e-3))["repaired"]
