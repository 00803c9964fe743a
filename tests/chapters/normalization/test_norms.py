"""The family of norms: who shares statistics with whom, and what BatchNorm remembers."""

from itertools import product

import numpy as np
import pytest

from helpers.chapters.normalization import norms
from helpers.chapters.normalization.norms import CONVENTIONS
from helpers.layers import BatchNorm, LayerNorm, RMSNorm

NAMES = ("BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm", "RMSNorm")
each_norm = pytest.mark.parametrize("norm", NAMES)


@each_norm
def test_an_input_moves_exactly_the_outputs_that_share_its_statistics(norm):
    """The layer itself, asked by a nudge, against the sets by definition."""
    shape = (3, 4, 5)
    x = np.random.default_rng(0).standard_normal(shape)
    sets, before = norms.sharing(norm, shape, groups=2), norms.normalize(norm, x, groups=2)
    for place in product(*map(range, shape)):
        nudged = x.copy()
        nudged[place] += 0.3
        moved = norms.normalize(norm, nudged, groups=2) != before
        np.testing.assert_array_equal(moved, sets == sets[place])


@pytest.mark.parametrize(
    ("norm", "size", "sets"),
    [
        ("BatchNorm", 8 * 25, 16),
        ("LayerNorm", 16 * 25, 8),
        ("RMSNorm", 16 * 25, 8),
        ("InstanceNorm", 25, 8 * 16),
        ("GroupNorm", 4 * 25, 8 * 4),
    ],
)
def test_sizes_and_numbers_of_sets(norm, size, sets):
    found, counts = np.unique(norms.sharing(norm, (8, 16, 25), groups=4), return_counts=True)
    assert len(found) == sets
    assert set(counts) == {size}


@each_norm
def test_each_set_is_standardised(norm):
    x = np.random.default_rng(1).normal(3, 2, (4, 6, 7))
    y, sets = norms.normalize(norm, x, groups=3), norms.sharing(norm, x.shape, groups=3)
    for one in np.unique(sets):
        values = y[sets == one]
        assert np.mean(values**2) == pytest.approx(1, abs=1e-4)
        if norm != "RMSNorm":
            assert values.mean() == pytest.approx(0, abs=1e-12)
    if norm == "RMSNorm":
        np.testing.assert_allclose(y[0] / x[0], (y[0] / x[0])[0, 0])  # a size is taken off, and no mean


def test_group_norm_has_layer_norm_and_instance_norm_at_its_ends():
    x = np.random.default_rng(2).standard_normal((3, 4, 5))
    np.testing.assert_allclose(norms.normalize("GroupNorm", x, 1), norms.normalize("LayerNorm", x))
    np.testing.assert_allclose(norms.normalize("GroupNorm", x, 4), norms.normalize("InstanceNorm", x))
    one = x[:1]
    np.testing.assert_allclose(norms.normalize("BatchNorm", one), norms.normalize("InstanceNorm", one))


def test_bad_arguments_of_sharing():
    with pytest.raises(ValueError, match=r"norm='BatchNrm'.*Did you mean 'BatchNorm'"):
        norms.sharing("BatchNrm", (2, 4, 1))
    with pytest.raises(ValueError, match="groups=3 does not divide 4 channels"):
        norms.sharing("GroupNorm", (2, 4, 1), groups=3)
    with pytest.raises(ValueError, match="shape=0"):
        norms.sharing("LayerNorm", (2, 0, 1))


# Running statistics


def test_pytorchs_convention_is_that_of_the_layer():
    rng = np.random.default_rng(0)
    batches = rng.normal(2, 3, (20, 6, 1))
    layer = BatchNorm(1, dtype=np.float64)
    for batch in batches:
        layer.forward(batch)
    mean, var = norms.follow(batches.mean(axis=(1, 2)), batches.var(axis=(1, 2)), 6, CONVENTIONS["PyTorch"])
    assert len(mean) == len(var) == 21
    assert mean[-1] == pytest.approx(layer.running_mean[0])
    assert var[-1] == pytest.approx(layer.running_var[0])


def test_kerass_convention():
    mean, var = norms.follow([5.0, 5.0], [3.0, 3.0], 4, CONVENTIONS["Keras"])
    np.testing.assert_allclose(mean, [0, 0.05, 0.05 * 0.99 + 0.05])
    np.testing.assert_allclose(var, [1, 0.99 + 0.03, (0.99 + 0.03) * 0.99 + 0.03])  # the biased 3, not 4


def test_a_batch_of_one_is_refused_by_pytorch_and_forgets_the_variance_in_keras():
    mean, var = norms.follow(np.full(800, 2.0), np.zeros(800), 1, CONVENTIONS["PyTorch"])
    assert set(mean) == {0.0} and set(var) == {1.0}
    mean, var = norms.follow(np.full(800, 2.0), np.zeros(800), 1, CONVENTIONS["Keras"])
    assert mean[-1] == pytest.approx(2, abs=0.01) and var[-1] == pytest.approx(0, abs=0.01)


def test_steps_to_arrive():
    assert (norms.steps_to_arrive(0.1), norms.steps_to_arrive(0.01)) == (44, 459)
    for weight in (0.1, 0.01):
        steps = norms.steps_to_arrive(weight)
        assert (1 - weight) ** steps <= 0.01 < (1 - weight) ** (steps - 1)
    with pytest.raises(ValueError, match="weight=0"):
        norms.steps_to_arrive(0)


@pytest.mark.parametrize(("name", "lag"), [("PyTorch", 9), ("Keras", 99)])
def test_a_running_mean_lags_behind_a_drift(name, lag):
    """By (1 − weight)/weight steps' worth."""
    unit = norms.Unit.drifting(3000, drift=1.0, std=1.0)
    mean, _ = norms.follow(unit.mean[:-1], np.ones(3000), 64, CONVENTIONS[name])
    assert unit.mean[-2] - mean[-1] == pytest.approx(lag / 100, abs=1e-6)


# Train mode and eval mode of one value


def test_among_others_is_the_layer_in_train_mode():
    rng = np.random.default_rng(0)
    z, others = np.array([0.5, -2.0]), rng.normal(1, 2, (3, 5))
    found = norms.among_others(z, others)
    for row, rest in enumerate(others):
        for column, value in enumerate(z):
            layer = BatchNorm(1, dtype=np.float64)
            expected = layer.forward(np.append(rest, value)[:, None])[-1, 0]
            assert found[row, column] == pytest.approx(expected)


def test_alone_every_answer_is_0_and_in_a_pair_it_is_one_or_minus_one():
    z = np.linspace(-3, 3, 7)
    assert not norms.among_others(z, np.zeros((4, 0))).any()
    pairs = norms.among_others(z, np.random.default_rng(0).standard_normal((200, 1)))
    assert np.mean(np.abs(np.abs(pairs) - 1) < 0.01) > 0.95


def test_the_gap_is_a_root_mean_square_over_the_bell_curve():
    u = np.linspace(-5, 5, 401)
    assert norms.rms_gap(u, u) == 0
    assert norms.rms_gap(u, 1.3 * u + 0.4) == pytest.approx(0.5, rel=1e-3)  # √(0.3² + 0.4²)
    assert norms.rms_gap(u, np.zeros((3, 401))) == pytest.approx(1, rel=1e-3)
    assert norms.eval_mode(7.0, 3.0, 4.0, eps=0) == 2


# What a norm costs


class Counted(np.ndarray):
    """An array that counts the values which numpy's functions go through, one operation each."""

    def __array_ufunc__(self, function, method, *inputs, **kwargs):
        plain = [a.view(np.ndarray) if isinstance(a, Counted) else a for a in inputs]
        Counted.operations += max(np.size(a) for a in plain)
        if "out" in kwargs:
            kwargs["out"] = tuple(a.view(np.ndarray) for a in kwargs["out"])
        return np.asarray(getattr(function, method)(*plain, **kwargs)).view(Counted)


@pytest.mark.parametrize(("layer", "operations"), [(LayerNorm, 7), (RMSNorm, 4)])
def test_operations_for_each_value(layer, operations):
    n = 10_000
    Counted.operations = 0
    layer(n).forward(np.random.default_rng(0).standard_normal((1, n)).astype(np.float32).view(Counted))
    assert Counted.operations / n == pytest.approx(operations, abs=0.01)


def test_a_drift_is_counted_in_standard_deviations():
    unit = norms.Unit.drifting(200, drift=2.0, start=1.0, std=1.5)
    assert unit.mean[0] == 1.0
    assert unit.mean[100] - unit.mean[0] == pytest.approx(2 * 1.5)
    assert len(unit.mean) == 201
