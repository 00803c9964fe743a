"""Internal covariate shift: the noise that brings it back, and the measure."""

import numpy as np
import pytest

from helpers.chapters.normalization import shift
from helpers.layers import BatchNorm, ReLU
from tests.gradients import check_layer


def test_the_noise_is_anew_at_each_step_and_of_the_size_asked_for():
    layer, x = shift.Jolt(20_000, np.random.default_rng(0), 0.2), np.array([[0.0], [1.0]]) * np.ones(20_000)
    first, second = layer.forward(x), layer.forward(x)
    assert np.abs(first - second).max() > 0.1
    assert first[0].std() == pytest.approx(0.2, rel=0.05)  # what is added to a 0
    assert np.log(first[1] - first[0]).std() == pytest.approx(0.2, rel=0.05)  # what multiplies a 1
    np.testing.assert_array_equal(layer.forward(x, train=False), x)


def test_gradients_of_the_noise():
    rng = np.random.default_rng(0)
    layer = shift.Jolt(4, rng, 0.5)

    def same_noise():
        layer.rng = np.random.default_rng(7)

    check_layer(layer, rng.standard_normal((3, 4)), rng, before=same_noise)


def test_noise_stands_behind_every_batch_norm_and_nowhere_else():
    kinds = {kind: [type(layer) for layer in shift.network(kind).layers] for kind in shift.KINDS}
    assert BatchNorm not in kinds["no norm"] and kinds["no norm"].count(ReLU) == shift.DEPTH - 1
    assert shift.Jolt not in kinds["BatchNorm"] and kinds["BatchNorm"].count(BatchNorm) == shift.DEPTH - 1
    noisy = kinds["BatchNorm + noise"]
    assert [noisy[i + 1] for i, kind in enumerate(noisy) if kind is BatchNorm] == [shift.Jolt] * 9
    assert [kind for kind in noisy if kind is not shift.Jolt] == kinds["BatchNorm"]


def test_relative_means_are_those_that_enter_the_relus():
    net = shift.network("BatchNorm + noise", seed=1)
    net.forward(np.random.default_rng(0).standard_normal((32, 64)).astype(np.float32))
    found = shift.relative_means(net)
    assert found.shape == (shift.DEPTH - 1, shift.WIDTH)
    at = [i for i, layer in enumerate(net.layers) if isinstance(layer, ReLU)][2]
    np.testing.assert_allclose(found[2], net.outputs[at].mean(axis=0) / net.outputs[at].std(), rtol=1e-5)


def test_where_nothing_learns_only_the_batches_and_the_noise_shift():
    quiet, _ = shift.shift_and_loss("BatchNorm", 0.0, steps=12)
    assert quiet < 1e-6  # BatchNorm takes off the mean of every batch
    without, loss = shift.shift_and_loss("no norm", 0.0, steps=12)
    assert 0 < without < 0.2 and loss > 2
    # The mean moves with t alone: |t′ − t| has mean 2σ/√π, on a spread of √(e^{2σ²} + σ²).
    size = 0.1
    noisy, _ = shift.shift_and_loss("BatchNorm + noise", 0.0, size=size, steps=12)
    spread = np.sqrt(np.exp(2 * size**2) + size**2)
    assert noisy == pytest.approx(2 * size / np.sqrt(np.pi) / spread, rel=0.05)


def test_an_overflow_is_nan_without_a_warning():
    assert np.isnan(shift.shift_and_loss("no norm", 100.0, steps=12)).all()


def test_bad_input():
    with pytest.raises(ValueError, match="size"):
        shift.Jolt(4, np.random.default_rng(0), -0.1)
    with pytest.raises(ValueError, match="kind"):
        shift.network("LayerNorm")
    with pytest.raises(ValueError, match="before forward"):
        shift.Jolt(2, np.random.default_rng(0)).backward(np.ones((3, 2)))
