"""What BatchNorm does to a gradient: the measurements, held against slower ones."""

import numpy as np
import pytest

from helpers.chapters.normalization import way_back


def test_the_output_does_not_feel_the_scale_and_the_gradient_is_divided_by_it():
    (y, gradient), (again, scaled) = (way_back.weights_times(scale, seed=3) for scale in (1, 5))
    np.testing.assert_allclose(again, y, atol=1e-4)
    np.testing.assert_allclose(scaled, gradient / 5, atol=1e-4 * np.abs(gradient).max())
    assert gradient.shape == (20, 5)


@pytest.mark.parametrize("norm", ["none", "BatchNorm"])
def test_lengths_are_relative_to_the_last_layer(norm):
    found = way_back.gradient_lengths(norm, depth=4, width=16, batch=32)
    assert found.shape == (5,) and found[-1] == 1
    assert np.all(found > 0)


def test_a_longer_step_flattens_the_gradients_more():
    gradients, moves = way_back.two_steps(0.1, depth=12)
    assert gradients.shape == moves.shape == (2, 12)
    (before, small), (same, large) = (
        [row.max() / row.min() for row in way_back.two_steps(eta, depth=12)[0]] for eta in (1e-4, 1.0)
    )
    assert before == pytest.approx(same)
    assert large < small < before * 1.1
