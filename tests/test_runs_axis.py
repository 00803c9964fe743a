"""The runs axis: K networks, seeds or learning rates at once give what a loop over them gives."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data import spirals
from helpers.layers import BatchNorm, Dropout, GroupNorm, LayerNorm, Linear, ReLU, RMSNorm, every_layer
from helpers.network import Network, mlp, plain, residual_v1, residual_v2, stack, unstack
from helpers.optimizers import SGD, Adam, AdamW
from helpers.training import evaluate, train

few = settings(max_examples=15, derandomize=True, deadline=None)
X, Y = spirals(120, seed=0)
X64 = X.astype(np.float64)
NORMS = {"none": None, "BN": BatchNorm, "LN": LayerNorm, "RMS": RMSNorm, "GN": partial(GroupNorm, 2)}
f64 = {"dtype": np.float64}


@few
@given(
    builder=st.sampled_from([plain, residual_v1, residual_v2]),
    norm=st.sampled_from(list(NORMS)),
    runs=st.integers(1, 3),
    batch=st.integers(2, 6),
    width=st.sampled_from([4, 6]),
    shared=st.booleans(),
    train=st.booleans(),
)
def test_a_stacked_pass_is_a_loop_over_runs(builder, norm, runs, batch, width, shared, train):
    rng = np.random.default_rng(0)
    networks = [builder(3, width, 6, 2, rng, norm=NORMS[norm], **f64) for _ in range(runs)]
    together = stack(networks)
    assert together.runs == runs and networks[0].runs is None
    x = rng.standard_normal((batch, 3) if shared else (runs, batch, 3))
    probe = rng.standard_normal((runs, batch, 2))
    y, dx = together.forward(x, train), together.backward(probe)
    for run, network in enumerate(networks):
        mine = x if shared else x[run]
        np.testing.assert_allclose(network.forward(mine, train), y[run], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(network.backward(probe[run]), dx[run], rtol=1e-9, atol=1e-12)
        for one, all_runs in zip(every_layer(network.layers), every_layer(together.layers), strict=True):
            for name in one.grads:
                np.testing.assert_allclose(one.grads[name], all_runs.grads[name][run], rtol=1e-8, atol=1e-11)
            for name in one.state:
                np.testing.assert_allclose(getattr(one, name), getattr(all_runs, name)[run], rtol=1e-9)


OPTIMIZERS = {"SGD": partial(SGD, momentum=0.9, weight_decay=1e-3), "Adam": Adam, "AdamW": AdamW}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("scale", [1.0, "learned"])
@pytest.mark.parametrize("max_norm", [None, 0.1])
def test_learning_rates_at_once_train_as_one_by_one(name, scale, max_norm):
    lrs, make = [1e-4, 1e-3, 1e-2], OPTIMIZERS[name]

    def build():
        return residual_v2(2, 6, 6, 2, np.random.default_rng(0), BatchNorm, scale=scale, **f64)

    def fit(network, lr):
        optimizer = make(network.layers, lr)
        return train(network, optimizer, X64, Y, 30, 24, max_norm=max_norm, measure_every=7)

    together = stack([build() for _ in lrs])
    history = fit(together, np.array(lrs))
    ends = evaluate(together, X64, Y)
    assert len(set(history.loss[-1])) == 3
    for run, lr in enumerate(lrs):
        network = build()
        alone = fit(network, lr)
        np.testing.assert_allclose(history.loss[:, run], alone.loss, rtol=1e-8)
        np.testing.assert_array_equal(history.accuracy[:, run], alone.accuracy)
        np.testing.assert_allclose(history.gradient_norms[..., run], alone.gradient_norms, rtol=1e-6)
        np.testing.assert_allclose(history.update_ratios[..., run], alone.update_ratios, rtol=1e-6)
        assert history.status[run] == alone.status == "done"
        np.testing.assert_allclose([e[run] for e in ends], evaluate(network, X64, Y), rtol=1e-8)


def test_seeds_at_once_train_as_one_by_one_with_their_own_batches_and_masks():
    def build(seed):
        rng = np.random.default_rng(seed)
        layers = [Linear(2, 8, rng, **f64), ReLU(), Dropout(0.3, np.random.default_rng([seed, 1]))]
        return Network([*layers, Linear(8, 2, rng, **f64)])

    seeds = [3, 1, 4]
    together = stack([build(seed) for seed in seeds])
    history = train(together, AdamW(together.layers, 1e-2), X64, Y, 30, 24, seed=seeds)
    for run, seed in enumerate(seeds):
        network = build(seed)
        alone = train(network, AdamW(network.layers, 1e-2), X64, Y, 30, 24, seed=seed)
        np.testing.assert_allclose(history.loss[:, run], alone.loss, rtol=1e-9)


def test_float32_runs_stay_close_to_the_loop():
    networks = [plain(2, 8, 4, 2, np.random.default_rng(s), BatchNorm) for s in range(3)]
    together = stack(networks)
    history = train(together, SGD(together.layers, 0.05), X, Y, 20, 24)
    for run, network in enumerate(networks):
        alone = train(network, SGD(network.layers, 0.05), X, Y, 20, 24)
        np.testing.assert_allclose(history.loss[:, run], alone.loss, rtol=1e-3)


def test_stacking_leaves_the_networks_as_they_are():
    networks = [mlp([2, 4, 2], np.random.default_rng(s), last_act=False) for s in range(2)]
    before = networks[0].layers[0].params["weight"].copy()
    together = stack(networks)
    train(together, SGD(together.layers, 0.1), X, Y, 3)
    np.testing.assert_array_equal(networks[0].layers[0].params["weight"], before)
    assert networks[0].layers[0].params["weight"].shape == (2, 4)


def test_networks_that_differ_cannot_be_stacked():
    rng = np.random.default_rng(0)
    a = plain(2, 4, 3, 2, rng)
    others = [
        plain(2, 5, 3, 2, rng),
        plain(2, 4, 4, 2, rng),
        plain(2, 4, 3, 2, rng, norm=LayerNorm),
        plain(2, 4, 3, 2, rng, act="tanh"),
    ]
    for other in others:
        with pytest.raises(ValueError, match="same layers, shapes and settings"):
            stack([a, other])
    with pytest.raises(ValueError, match="same layers"):
        stack([Network([Dropout(p, rng)]) for p in (0.1, 0.2)])
    with pytest.raises(ValueError, match="at least one"):
        stack([])


def test_builders_have_the_layers_they_say():
    def types(network):
        return [type(layer).__name__ for layer in every_layer(network.layers)]

    rng = np.random.default_rng(0)
    assert types(plain(3, 4, 3, 2, rng)) == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert types(plain(3, 4, 2, 2, rng, norm=BatchNorm)) == ["Linear", "BatchNorm", "ReLU", "Linear"]
    assert types(residual_v1(3, 4, 4, 2, rng, norm=BatchNorm)) == [
        *["Linear", "BatchNorm", "ReLU"],
        *["Residual", "Linear", "BatchNorm", "ReLU", "Linear", "BatchNorm", "ReLU"],
        "Linear",
    ]
    assert types(residual_v2(3, 4, 4, 2, rng, norm=BatchNorm)) == [
        "Linear",
        *["Residual", "BatchNorm", "ReLU", "Linear", "BatchNorm", "ReLU", "Linear"],
        *["BatchNorm", "ReLU", "Linear"],
    ]
    for build in (plain, residual_v1, residual_v2):
        for depth in (2, 8, 20):
            network = build(3, 4, depth, 2, rng, norm=BatchNorm)
            linear = [layer for layer in every_layer(network.layers) if isinstance(layer, Linear)]
            assert len(linear) == depth


@pytest.mark.parametrize("build", [plain, residual_v1, residual_v2])
def test_a_bias_is_left_out_where_a_norm_follows(build):
    def biases(network):
        layers = list(every_layer(network.layers))
        return ["bias" in layer.params for layer in layers if isinstance(layer, Linear)]

    rng = np.random.default_rng(0)
    normed = [True, False, True, False, True, True] if build is residual_v2 else [False] * 5 + [True]
    assert biases(build(3, 4, 6, 2, rng, norm=BatchNorm)) == normed
    assert biases(build(3, 4, 6, 2, rng)) == [True] * 6


@pytest.mark.parametrize("build", [residual_v1, residual_v2])
@pytest.mark.parametrize("depth", [1, 0, 5, 4.0, None])
def test_a_residual_network_needs_an_even_depth(build, depth):
    with pytest.raises(ValueError, match="depth="):
        build(3, 4, depth, 2, np.random.default_rng(0))


def test_a_run_taken_out_of_a_stack_is_the_network_that_went_in():
    nets = [residual_v2(5, 4, 6, 3, np.random.default_rng(seed), BatchNorm) for seed in range(3)]
    for net in nets:
        net.forward(np.random.default_rng(9).standard_normal((8, 5), dtype=np.float32))
    both = stack(nets)
    x = np.random.default_rng(1).standard_normal((8, 5), dtype=np.float32)
    for run, net in enumerate(nets):
        np.testing.assert_array_equal(unstack(both, run).forward(x, train=False), net.forward(x, train=False))
    with pytest.raises(ValueError, match="run=3"):
        unstack(both, 3)
    with pytest.raises(ValueError, match="no axis of runs"):
        unstack(nets[0], 0)
