"""The experiment of the chapters: its networks, its trainings in stages, and the rule that judges them."""

import numpy as np
import pytest

from helpers.data import load_digits
from helpers.digits import DIVERGED, GUESSING, LEARNED, LEARNS, STALLS, Build, Course, Training, final, judge
from helpers.initializers import lecun
from helpers.layers import BatchNorm, LayerNorm
from helpers.network import plain, residual_v2, stack
from helpers.optimizers import SGD
from helpers.training import train


def parameters(network):
    return [param for layer in network.layers for param in layer.params.values()]


def same(one, other):
    pairs = zip(parameters(one), parameters(other), strict=True)
    return type(one) is type(other) and all(np.array_equal(a, b) for a, b in pairs)


def test_builds_are_the_networks_of_the_engine():
    rng = np.random.default_rng
    assert same(Build(4).network(3), plain(64, 32, 4, 10, rng(3)))
    one = Build(5, 16, "BatchNorm", "tanh", lecun).network(0)
    assert same(one, plain(64, 16, 5, 10, rng(0), BatchNorm, "tanh", lecun))
    one = Build(6, norm="LayerNorm", scale=0.5).network(1)
    other = residual_v2(64, 32, 6, 10, rng(1), LayerNorm, scale=0.5)
    assert same(one, other) and [type(a) for a in one.layers] == [type(a) for a in other.layers]
    assert one.layers[1].scale == 0.5
    learned = Build(6, scale="learned").network(1)
    np.testing.assert_array_equal(learned.layers[1].params["scale"], [0])


@pytest.mark.parametrize(
    ("wrong", "seed", "named"),
    [({"norm": "batch"}, 0, "norm='batch'"), ({"depth": 0}, 0, "depth=0"), ({}, -1, "seed=-1")],
)
def test_bad_settings_are_named(wrong, seed, named):
    with pytest.raises(ValueError, match=named):
        Build(**{"depth": 3, **wrong}).network(seed)


def test_a_training_is_what_train_does_stage_by_stage():
    digits, (one, other) = load_digits(), (Build(3).network(0) for _ in range(2))
    training = Training(one, 0.1, batch=16, max_norm=1.0)
    sgd = SGD(other.layers, 0.1, momentum=0.9)
    expected = []
    for steps, order in ((12, 5), (7, 6)):
        training.begin(steps, order)
        while not training.ended:
            training.advance(5)
        examples = digits.x_train, digits.y_train
        expected.append(train(other, sgd, *examples, steps, 16, order, progress=False, max_norm=1.0).loss)
    np.testing.assert_array_equal(training.loss, np.concatenate(expected))
    assert same(one, other)


def test_runs_train_side_by_side_with_rates_of_their_own():
    rates = np.array([0.01, 0.1])
    both = Training(stack([Build(3).network(0)] * 2), rates).begin(10, 0).finish()
    assert both.loss.shape == (10, 2)
    for run, rate in enumerate(rates):
        alone = Training(Build(3).network(0), rate).begin(10, 0).finish()
        np.testing.assert_allclose(both.loss[:, run], alone.loss, rtol=1e-3)


def test_before_the_first_stage_there_is_no_loss():
    assert Training(Build(3).network(0), 0.1).loss.shape == (0,)
    assert Training(stack([Build(3).network(0)] * 2), 0.1).loss.shape == (0, 2)


@pytest.mark.parametrize("runs", [None, 2])
def test_what_overflows_has_a_loss_that_is_not_a_number_for_the_rest_of_its_stages(runs):
    network = Build(3).network(0)
    training = Training(stack([network] * runs) if runs else network, 1e6)
    for order in (0, 1):
        training.begin(10, order).finish()
    assert len(training.loss) == 20 and training.ended
    overflowed = Course(training.loss).overflowed
    assert np.all(overflowed) and np.shape(overflowed) == (() if runs is None else (runs,))
    assert np.isnan(training.loss[10:]).all() and not np.isinf(training.loss).any()


def test_a_course_says_when_it_was_lost():
    course = Course(np.array([2.4, 9.0, np.nan, np.nan]))
    assert course.overflowed and course.lost_at == 2 and course.outcome == DIVERGED and not course.learns
    course = Course(np.array([2.4, *[1.0] * 10]))
    assert not course.overflowed and course.lost_at is None and course.learns and course.final == 1.0


@pytest.mark.parametrize(
    ("first", "last", "word"),
    [
        (2.4, 1.0, LEARNS),
        (2.4, 1.2, STALLS),
        (2.4, 4.7, STALLS),
        (2.4, 5.0, DIVERGED),
        (2.4, np.nan, DIVERGED),
        (300.0, 2.3, STALLS),  # from large weights down to guessing: nothing learned
        (300.0, 1.1, LEARNS),
        (1.8, 1.0, STALLS),  # a lucky start counts as it is
    ],
)
def test_the_rule(first, last, word):
    loss = np.append(first, np.full(59, last))
    assert judge(loss) == Course(loss).outcome == word


def test_final_is_the_mean_of_the_last_ten_or_as_many_as_are_asked_for():
    assert final(np.arange(60.0)) == 54.5
    assert final(np.arange(60.0), last=20) == Course(np.arange(60.0), last=20).final == 49.5
    assert final(np.ones(5)) == 1  # of those that there are
    assert np.isnan(final(np.empty(0)))


def test_guessing():
    assert pytest.approx(2.302585) == GUESSING
    assert LEARNED == GUESSING / 2
