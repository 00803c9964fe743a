"""Optimizers: steps worked by hand, L2 against decoupled decay, groups, clipping, bad input."""

import numpy as np
import pytest

from helpers.layers import BatchNorm, Linear, Residual, every_layer
from helpers.network import mlp, plain, residual_v2, stack
from helpers.optimizers import NOT_DECAYED, SGD, Adam, AdamW, clip_by_global_norm, linear_decay, warmup

MAKERS = [SGD, Adam, AdamW]


def pair(value, grad, name="weight"):
    return {name: np.array(value, float)}, {name: np.array(grad, float)}


def steps(make, value, grads, **settings):
    """The parameter after one step for each gradient."""
    params, slot = pair(value, grads[0])
    optimizer = make([(params, slot)], **settings)
    for grad in grads:
        slot["weight"] = np.array(grad, float)
        optimizer.step()
    return params["weight"]


def test_sgd_by_hand():
    assert steps(SGD, [1.0], [[2.0]], lr=0.1) == pytest.approx([0.8])
    # v = 2, then 0.9 · 2 + 1 = 2.8
    assert steps(SGD, [1.0], [[2.0], [1.0]], lr=0.1, momentum=0.9) == pytest.approx([1 - 0.2 - 0.28])


def test_adam_by_hand():
    """The first step is lr in the gradient's direction. Then m̂ = (0.09·2 + 0.1)/0.19 … with g = 2, 1."""
    assert steps(Adam, [1.0], [[2.0]], lr=0.1) == pytest.approx([0.9])
    m_hat = (0.9 * 0.2 + 0.1 * 1) / (1 - 0.9**2)
    v_hat = (0.999 * 0.004 + 0.001 * 1) / (1 - 0.999**2)
    second = 0.9 - 0.1 * m_hat / (np.sqrt(v_hat) + 1e-8)
    assert steps(Adam, [1.0], [[2.0], [1.0]], lr=0.1) == pytest.approx([second], rel=1e-8)


def test_adamw_by_hand():
    """θ = 2, g = 3, lr = 0.1, λ = 0.5: 2 − 0.1 · 0.5 · 2 − 0.1 · 1 = 1.8, then from 1.8 with the same g."""
    found = steps(AdamW, [2.0], [[3.0]], lr=0.1, weight_decay=0.5)
    assert found == pytest.approx([1.8])
    found = steps(AdamW, [2.0], [[3.0], [3.0]], lr=0.1, weight_decay=0.5)
    assert found == pytest.approx([1.8 - 0.09 - 0.1])


def test_adamw_and_adam_with_l2_agree_without_decay_and_differ_with_it():
    rng = np.random.default_rng(0)
    start, grads = rng.standard_normal(5), rng.standard_normal((20, 5)) * 10.0 ** np.arange(-3, 2)
    free = [steps(make, start, grads, lr=0.01, weight_decay=0.0) for make in (Adam, AdamW)]
    np.testing.assert_array_equal(*free)
    l2, decoupled = (steps(make, start, grads, lr=0.01, weight_decay=0.1) for make in (Adam, AdamW))
    assert np.abs(l2 - decoupled).max() > 1e-3


def test_decoupled_decay_shrinks_all_alike_and_l2_in_adam_those_with_small_gradients():
    """Gradients that are noise of scale 1e-3 … 10: AdamW leaves exp(−lr λ t) of each weight."""
    rng = np.random.default_rng(0)
    scales = np.repeat([1e-3, 10.0], 100)
    grads = rng.standard_normal((1000, 200)) * scales
    left = steps(AdamW, np.ones(200), grads, lr=1e-3, weight_decay=1.0).reshape(2, 100).mean(1)
    np.testing.assert_allclose(left, np.exp(-1), atol=0.03)
    left = steps(Adam, np.ones(200), grads, lr=1e-3, weight_decay=1.0).reshape(2, 100).mean(1)
    assert left[0] < 0.3 and left[1] > 0.8


def test_for_sgd_l2_is_decay():
    grads = [[0.3], [-0.2], [0.1]]
    theta = 2.0
    for (grad,) in grads:
        theta = (1 - 0.1 * 0.5) * theta - 0.1 * grad
    assert steps(SGD, [2.0], grads, lr=0.1, weight_decay=0.5) == pytest.approx([theta])


@pytest.mark.parametrize("make", MAKERS)
def test_decay_leaves_out_biases_norms_and_scales(make):
    rng = np.random.default_rng(0)
    layers = [Linear(4, 4, rng), BatchNorm(4), Residual(Linear(4, 4, rng), scale="learned")]
    every = [*layers, layers[2].layers[0]]
    for layer in every:
        for name, param in layer.params.items():
            param += 1
            layer.grads[name] = np.zeros_like(param)
    before = [{name: p.copy() for name, p in layer.params.items()} for layer in every]
    make(layers, lr=0.1, weight_decay=0.5).step()
    for layer, old in zip(every, before, strict=True):
        for name in layer.params:
            same = np.array_equal(layer.params[name], old[name])
            assert same == (name != "weight"), name


@pytest.mark.parametrize("make", MAKERS)
def test_parameters_change_in_place_and_gradients_stay(make):
    params, grads = pair([[1.0, 2.0]], [[3.0, -4.0]])
    kept, grad = params["weight"], grads["weight"].copy()
    make([(params, grads)], lr=0.1, weight_decay=0.1).step()
    assert params["weight"] is kept and not np.array_equal(kept, [[1, 2]])
    np.testing.assert_array_equal(grads["weight"], grad)


@pytest.mark.parametrize("make", MAKERS)
def test_a_frozen_layer_stays(make):
    network = mlp([3, 4, 2], np.random.default_rng(0))
    network.layers[0].frozen = True
    before = [layer.params["weight"].copy() for layer in network.layers[::2]]
    optimizer = make(network.layers, lr=0.1)
    network.forward(np.ones((5, 3), np.float32))
    network.backward(np.ones((5, 2), np.float32))
    optimizer.step()
    assert np.array_equal(before[0], network.layers[0].params["weight"])
    assert not np.array_equal(before[1], network.layers[2].params["weight"])


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("momentum", [0, 0.9])
def test_a_learning_rate_for_each_run(make, momentum):
    rng = np.random.default_rng(0)
    settings = {"momentum": momentum} if make is SGD else {}
    lrs, decays = [0.1, 0.01, 1.0], [0.0, 0.5, 0.1]
    start, grads = rng.standard_normal((3, 4, 2)), rng.standard_normal((5, 3, 4, 2))
    together = steps(make, start, grads, lr=np.array(lrs), weight_decay=np.array(decays), **settings)
    for run, (lr, decay) in enumerate(zip(lrs, decays, strict=True)):
        alone = steps(make, start[run], grads[:, run], lr=lr, weight_decay=decay, **settings)
        np.testing.assert_allclose(together[run], alone, rtol=1e-12)


def test_the_rate_multiplies_the_learning_rate():
    params, grads = pair([1.0], [2.0])
    SGD([(params, grads)], lr=0.1).step(rate=0.5)
    assert params["weight"] == pytest.approx([0.9])
    np.testing.assert_allclose([linear_decay(0.0), linear_decay(0.25)], [1, 0.75])


def test_warmup_rises_in_a_line_and_hands_over():
    done = np.array([0.0, 0.1, 0.2, 0.6, 1.0])
    np.testing.assert_allclose([warmup(0.2)(d) for d in done], [0, 0.5, 1, 1, 1])
    np.testing.assert_allclose([warmup(0.2, linear_decay)(d) for d in done], [0, 0.5, 1, 0.5, 0])
    for share in (0.0, 1.0, 1.5):
        with pytest.raises(ValueError, match="share="):
            warmup(share)


# Clipping


def test_clipping_by_the_global_norm():
    grads = [{"weight": np.array([[3.0, 4.0]]), "bias": np.array([12.0])}]
    assert clip_by_global_norm(grads, 1.0) == pytest.approx(13)
    np.testing.assert_allclose(grads[0]["weight"], [[3 / 13, 4 / 13]])
    np.testing.assert_allclose(grads[0]["bias"], [12 / 13])
    assert clip_by_global_norm(grads[0], 0.5) == pytest.approx(1)  # one dictionary is a list of one
    np.testing.assert_allclose(grads[0]["bias"], [6 / 13])


def test_clipping_leaves_small_and_infinite_gradients():
    for values, norm in (([0.3, 0.4], 0.5), ([0.0, 0.0], 0.0), ([np.inf, 1.0], np.inf)):
        grads = [np.array(values)]
        assert clip_by_global_norm(grads, 1.0) == pytest.approx(norm)
        np.testing.assert_array_equal(grads[0], values)


def test_clipping_run_by_run():
    weight, bias = np.array([[[3.0, 4.0]], [[0.3, 0.4]]]), np.array([[12.0], [0.0]])
    np.testing.assert_allclose(clip_by_global_norm([weight, bias], 1.0, runs=True), [13, 0.5])
    np.testing.assert_allclose(weight, [[[3 / 13, 4 / 13]], [[0.3, 0.4]]])
    np.testing.assert_allclose(bias, [[12 / 13], [0]])


def test_clipping_in_float32_of_gradients_whose_squares_overflow():
    grads = [np.full(4, 1e25, np.float32)]
    assert clip_by_global_norm(grads, 1.0) == pytest.approx(2e25)
    np.testing.assert_allclose(grads[0], 0.5, rtol=1e-6)
    assert grads[0].dtype == np.float32


@pytest.mark.parametrize("max_norm", [0, -1, np.nan, "1"])
def test_clipping_needs_a_positive_norm(max_norm):
    with pytest.raises(ValueError, match="max_norm="):
        clip_by_global_norm([np.ones(2)], max_norm)


def test_clipping_needs_floating_point():
    with pytest.raises(ValueError, match="grads hold"):
        clip_by_global_norm([np.array([3, 4])], 1.0)


# Bad input


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "bad",
    [
        {"lr": -1},
        {"lr": np.nan},
        {"lr": "fast"},
        {"lr": [0.1, -1]},
        {"lr": [[0.1]]},
        {"lr": 0.1, "weight_decay": -0.1},
        {"lr": [0.1, 0.2], "weight_decay": [0.1]},
        {"lr": [0.1, 0.2]},
    ],
)
def test_bad_settings(make, bad):
    with pytest.raises(ValueError, match=r"lr|weight_decay"):
        make([pair([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])], **bad)


def test_more_bad_settings():
    for momentum in (-0.1, 1, np.nan):
        with pytest.raises(ValueError, match=r"momentum=.*from 0 below 1"):
            SGD([pair([1.0], [1.0])], lr=0.1, momentum=momentum)
    for make in (Adam, AdamW):
        with pytest.raises(ValueError, match="betas="):
            make([pair([1.0], [1.0])], betas=(0.9, 1))
        with pytest.raises(ValueError, match="eps="):
            make([pair([1.0], [1.0])], eps=0)
    with pytest.raises(ValueError, match="no parameters"):
        SGD([], lr=0.1)


def after_backward():
    network = plain(3, 4, 3, 2, np.random.default_rng(0), norm=BatchNorm)
    network.forward(np.random.default_rng(1).standard_normal((5, 3), dtype=np.float32))
    network.backward(np.ones((5, 2), np.float32))
    return network


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("change", ["shape", "removed", "added layer", "lost layer", "no grad", "bad grad"])
def test_a_list_of_parameters_that_changed_is_an_error_and_changes_nothing(make, change):
    network = after_backward()
    optimizer = make(network.layers, lr=0.1)
    optimizer.step()
    first = network.layers[0]
    if change == "shape":
        first.params["weight"] = np.ones((3, 5), np.float32)
    elif change == "removed":
        network.layers[1].params.pop("beta")
    elif change == "added layer":
        network.layers.append(Linear(2, 2, np.random.default_rng(0)))
    elif change == "lost layer":
        network.layers.pop()
    elif change == "no grad":
        network.layers[-1].grads.clear()
    else:
        network.layers[-1].grads["weight"] = np.ones((4, 1), np.float32)
    before = [p.copy() for layer in network.layers for p in layer.params.values()]
    t, g = optimizer.t, optimizer.g.copy()
    with pytest.raises(ValueError, match=r"parameters has changed|grads"):
        optimizer.step()
    assert optimizer.t == t
    np.testing.assert_array_equal(optimizer.g, g)
    after = [p for layer in network.layers for p in layer.params.values()]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def by_the_equations(make, params, history, lr, decay):
    """{key: parameter} after the gradients in `history`, one parameter at a time. Keys end in a name."""
    params = {key: p.copy() for key, p in params.items()}
    m, v = (dict.fromkeys(params, 0.0) for _ in range(2))
    for t, grads in enumerate(history, 1):
        for key, g in grads.items():
            lam = 0.0 if key[1] in NOT_DECAYED else decay
            theta = params[key]
            if make is not AdamW:
                g = g + lam * theta
            if make is SGD:
                v[key] = 0.9 * v[key] + g
                params[key] = theta - lr * v[key]
                continue
            m[key], v[key] = 0.9 * m[key] + 0.1 * g, 0.999 * v[key] + 0.001 * g**2
            step = lr * m[key] / (1 - 0.9**t) / (np.sqrt(v[key] / (1 - 0.999**t)) + 1e-8)
            params[key] = theta - step - (lr * lam * theta if make is AdamW else 0)
    return params


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("runs", [None, 2])
def test_a_network_moves_as_its_parameters_would_one_by_one(make, runs):
    rng, f64 = np.random.default_rng(0), {"dtype": np.float64}
    build = [residual_v2(3, 4, 6, 2, rng, BatchNorm, scale="learned", **f64) for _ in range(runs or 1)]
    network = stack(build) if runs else build[0]
    lrs, decays = ([0.1, 0.01], [0.0, 0.5]) if runs else (0.1, 0.5)
    layers = list(enumerate(every_layer(network.layers)))
    start = {(i, name): p.copy() for i, layer in layers for name, p in layer.params.items()}
    settings = {"momentum": 0.9} if make is SGD else {}
    optimizer = make(network.layers, lr=lrs, weight_decay=decays, **settings)
    history = []
    for _ in range(4):
        history.append({key: rng.standard_normal(p.shape) for key, p in start.items()})
        for i, layer in layers:
            layer.grads = {name: history[-1][i, name] for name in layer.params}
        optimizer.step()
    for run in range(runs or 1):
        row = run if runs else ...
        expected = by_the_equations(
            make,
            {key: p[row] for key, p in start.items()},
            [{key: g[row] for key, g in grads.items()} for grads in history],
            *(a[run] if runs else a for a in (lrs, decays)),
        )
        for (i, name), param in expected.items():
            np.testing.assert_allclose(layers[i][1].params[name][row], param, rtol=1e-12, err_msg=name)


def test_a_parameter_may_be_replaced_by_another_of_its_shape():
    network = after_backward()
    optimizer = SGD(network.layers, lr=0.1)
    new = np.ones((3, 4), np.float32)
    network.layers[0].params["weight"] = new
    optimizer.step()
    np.testing.assert_allclose(new, 1 - 0.1 * network.layers[0].grads["weight"], rtol=1e-6)


def test_a_learning_rate_for_each_run_needs_runs():
    with pytest.raises(ValueError, match="no axis of 2 runs"):
        SGD(after_backward().layers, lr=[0.1, 0.2])
    SGD(stack([after_backward(), after_backward()]).layers, lr=[0.1, 0.2])
