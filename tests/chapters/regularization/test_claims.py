"""What is often said about regularization, clipping and Adam, measured with the course's own code."""

import numpy as np
import pytest

from helpers import data, probes
from helpers.chapters.regularization import decay
from helpers.chapters.rescue import rescue
from helpers.digits import LEARNED
from helpers.layers import BatchNorm, Dropout, Linear
from helpers.network import mlp
from helpers.optimizers import SGD, Adam, AdamW, clip_by_global_norm
from helpers.training import train


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.8])
def test_dropout_keeps_the_mean_and_not_the_second_moment(p):
    x = np.abs(np.random.default_rng(0).standard_normal((500, 2000)))
    y = Dropout(p, np.random.default_rng(1)).forward(x)
    assert y.mean() / x.mean() == pytest.approx(1, abs=0.01)
    assert np.mean(y**2) / np.mean(x**2) == pytest.approx(1 / (1 - p), rel=0.02)


def test_p_is_the_probability_to_drop():
    """The paper's p = 0.8 at the input is our 0.2."""
    kept = Dropout(0.2, np.random.default_rng(0)).forward(np.ones((100, 1000))) != 0
    assert kept.mean() == pytest.approx(0.8, abs=0.01)


def test_the_ensemble_is_exact_for_a_linear_layer_and_not_behind_a_relu():
    rng = np.random.default_rng(0)
    h, w = np.abs(rng.standard_normal(256)), rng.standard_normal((256, 256)) * (2 / 256) ** 0.5
    z = Dropout(0.5, rng).forward(np.tile(h, (20_000, 1))) @ w
    assert np.abs(z.mean(axis=0) - h @ w).max() < 0.05 * np.std(h @ w)
    behind = np.maximum(z, 0).mean() / np.maximum(h @ w, 0).mean()
    assert behind > 1.2


def test_l2_in_adam_spares_weights_with_large_gradients_and_adamw_treats_all_alike():
    rng = np.random.default_rng(0)
    size = np.array([0.01, 1.0, 100.0])[:, None]
    left = {}
    for make in (Adam, AdamW):
        params, grads = {"weight": np.ones((3, 50))}, {}
        optimizer = make([(params, grads)], lr=1e-3, weight_decay=1.0)
        for _ in range(1000):
            grads["weight"] = rng.standard_normal((3, 50)) * size
            optimizer.step()
        left[make] = params["weight"].mean(axis=1)
    assert left[Adam][0] < 0.3 < 0.6 < left[Adam][1] + 0.2 < left[Adam][2]
    np.testing.assert_allclose(left[AdamW], np.exp(-1), atol=0.03)


def test_a_lambda_for_adam_with_l2_is_wrong_once_the_loss_has_other_units():
    """Gradients × 100 undo the balance, and λ × 100 brings it back."""
    ends = {}
    for lam, scale in ((0.03, 1.0), (0.03, 100.0), (3.0, 100.0)):
        *_, fit = decay.fit("Adam + L2", lam, scale)
        ends[lam, scale] = fit.gap
    assert ends[0.03, 1.0] < 0.25 < 1 < ends[0.03, 100.0]
    assert ends[3.0, 100.0] == pytest.approx(ends[0.03, 1.0], abs=0.05)


def test_three_times_the_weights_in_front_of_a_norm_are_a_third_of_the_gradient():
    rng = np.random.default_rng(0)
    x, grad = rng.standard_normal((64, 20)), rng.standard_normal((64, 10))
    linear, norm = Linear(20, 10, rng, dtype=np.float64), BatchNorm(10, eps=1e-12, dtype=np.float64)
    found = []
    for scale in (1, 3):
        linear.params["weight"] *= scale
        y = norm.forward(linear.forward(x))
        linear.backward(norm.backward(grad))
        found.append((y, linear.grads["weight"].copy()))
    np.testing.assert_allclose(found[1][0], found[0][0], atol=1e-9)
    np.testing.assert_allclose(found[1][1], found[0][1] / 3, rtol=1e-6)


def test_decay_in_front_of_a_norm_raises_the_effective_rate():
    """One step turns weights of a third the length nine times as far."""
    turns = []
    for scale in (1, 1 / 3):
        rng = np.random.default_rng(0)
        x, grad = rng.standard_normal((64, 20)), rng.standard_normal((64, 10)) / 64
        linear, norm = Linear(20, 10, rng, dtype=np.float64), BatchNorm(10, dtype=np.float64)
        w = linear.params["weight"]
        w *= scale
        before = w.copy()
        norm.forward(linear.forward(x))
        linear.backward(norm.backward(grad))
        w -= 0.01 * linear.grads["weight"]
        turns.append(np.arccos(np.sum(w * before) / np.linalg.norm(w) / np.linalg.norm(before)))
    assert turns[1] / turns[0] == pytest.approx(9, rel=0.02)


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_dropout_before_a_norm_shifts_the_variance_to_1_minus_p(p):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4096, 32))
    drop, norm = Dropout(p, rng), BatchNorm(32, dtype=np.float64)
    for _ in range(100):
        norm.forward(drop.forward(x))
    assert norm.forward(x, train=False).var() == pytest.approx(1 - p, abs=0.01)


def test_the_global_norm_divides_3_4_12_by_13_together():
    grads = [np.array([3.0]), np.array([[4.0]]), np.array([12.0])]
    assert clip_by_global_norm(grads, 1.0) == pytest.approx(13)
    np.testing.assert_allclose([g.item() for g in grads], np.array([3, 4, 12]) / 13)


@pytest.mark.parametrize("lr", [1e-4, 1e-3, 1e-2])
def test_adam_does_not_solve_exploding_gradients(lr):
    split, net = data.load_digits(), rescue.PATIENTS["C"].design.network(0)
    history = train(net, Adam(net.layers, lr), split.x_train, split.y_train, 150, 64, progress=False)
    assert history.loss[-20:].mean() > LEARNED


def test_relu_is_what_dying_units_need():
    """At η = 1 the loss goes to 0, and some units are 0 for every training digit."""
    split = data.load_digits()
    for seed in range(3):
        net = mlp([64, 128, 128, 10], np.random.default_rng(seed), last_act=False)
        optimizer = SGD(net.layers, 1.0)
        history = train(net, optimizer, split.x_train, split.y_train, 200, 64, seed, progress=False)
        assert history.loss[-1] < 0.1
        net.forward(split.x_train, train=False)
        assert probes.dead_share(net.outputs[4]) > 0.02
