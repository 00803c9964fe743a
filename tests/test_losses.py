"""Losses: values by hand, gradients by finite differences, bad labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.losses import softmax_cross_entropy, squared_error
from tests.gradients import numeric_gradient

few = settings(max_examples=25, derandomize=True, deadline=None)
shapes = {
    "runs": st.one_of(st.none(), st.integers(1, 3)),
    "shared": st.booleans(),
    "batch": st.integers(1, 5),
    "n": st.integers(1, 5),
    "seed": st.integers(0, 999),
}


def lead(runs, *shape):
    return shape if runs is None else (runs, *shape)


@few
@given(**shapes)
def test_gradients_of_softmax_cross_entropy(runs, shared, batch, n, seed):
    rng = np.random.default_rng(seed)
    logits = 3 * rng.standard_normal(lead(runs, batch, n)) + 1
    labels = rng.integers(0, n, (batch,) if shared else lead(runs, batch))
    value, grad = softmax_cross_entropy(logits, labels)
    assert np.shape(value) == lead(runs)
    expected = numeric_gradient(lambda: np.sum(softmax_cross_entropy(logits, labels)[0]), logits)
    np.testing.assert_allclose(grad, expected, atol=1e-8)


@few
@given(**shapes)
def test_gradients_of_squared_error(runs, shared, batch, n, seed):
    rng = np.random.default_rng(seed)
    outputs = rng.standard_normal(lead(runs, batch, n))
    targets = rng.standard_normal((batch, n) if shared else outputs.shape)
    value, grad = squared_error(outputs, targets)
    assert np.shape(value) == lead(runs)
    expected = numeric_gradient(lambda: np.sum(squared_error(outputs, targets)[0]), outputs)
    np.testing.assert_allclose(grad, expected, atol=1e-8)


def test_values_of_the_losses():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]))
    value, grad = softmax_cross_entropy(logits, [0, 1])
    assert value == pytest.approx(-(np.log(0.5) + np.log(0.2)) / 2)
    np.testing.assert_allclose(grad, [[-0.25, 0.125, 0.125], [0.05, -0.4, 0.35]])
    value, grad = squared_error(np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 0], [3, 5]]))
    assert value == 5 / 4
    np.testing.assert_allclose(grad, [[0, 1], [0, -0.5]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_neither_overflow_nor_change_the_dtype(dtype):
    value, grad = softmax_cross_entropy(np.array([[1e4, 0], [0, 1e4]], dtype), [0, 0])
    assert value == pytest.approx(5000)
    np.testing.assert_allclose(grad, [[0, 0], [-0.5, 0.5]])
    assert grad.dtype == value.dtype == dtype


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0.5, 1], [np.nan, 0]])
def test_labels_out_of_range_are_named(labels):
    with pytest.raises(ValueError, match=r"labels hold .*from 0 to 2"):
        softmax_cross_entropy(np.zeros((2, 3)), labels)


@pytest.mark.parametrize("labels", [[0], [0, 1, 2], [[0, 1]], 0])
def test_labels_of_another_shape_are_named(labels):
    with pytest.raises(ValueError, match=r"labels of shape .*\(2,\) is needed"):
        softmax_cross_entropy(np.zeros((2, 3)), labels)


@pytest.mark.parametrize("shape", [(2,), (1, 3), (2, 1), (2, 2, 3)])
def test_targets_of_another_shape_are_named(shape):
    # A shape that merely broadcasts would give a wrong loss without an error.
    with pytest.raises(ValueError, match=r"targets of shape .*\(2, 3\) is needed"):
        squared_error(np.zeros((2, 3)), np.zeros(shape))
