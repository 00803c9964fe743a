"""The degradation experiment as a machine: it goes on where it stopped, is seeded, measures what it says."""

import numpy as np
import pytest

from helpers.chapters.residual import degradation
from helpers.data import load_digits
from helpers.layers import Linear, every_layer
from helpers.losses import softmax_cross_entropy
from helpers.training import evaluate


@pytest.mark.parametrize("kind", degradation.BUILDS)
@pytest.mark.parametrize("depth", [8, 20])
def test_every_build_has_the_depth_that_it_says(kind, depth):
    network = degradation.build(kind, depth, 0, "1/√D")
    assert sum(isinstance(layer, Linear) for layer in every_layer(network.layers)) == depth
    assert network.forward(load_digits().x_train[:5]).shape == (5, 10)


def test_unknown_builds_are_named():
    with pytest.raises(ValueError, match=r"'residual [+] BN'"):
        degradation.build("residual+BN", 8, 0)
    with pytest.raises(ValueError, match="'1/√D'"):
        degradation.build("residual", 8, 0, "1/L")
    with pytest.raises(ValueError, match="even number"):
        degradation.build("residual", 9, 0)


def test_a_training_goes_on_where_it_stopped_and_is_the_same_again():
    one, other = (degradation.Epochs("residual + BN", 8, "1", 0.03, (0, 1)) for _ in range(2))
    one.course(1)
    np.testing.assert_array_equal(one.course(2).loss, other.course(2).loss)
    np.testing.assert_array_equal(one.course(1).loss, other.course(1).loss)
    assert one.course(0).loss.shape == (0, 2)
    assert one.course(2).loss.shape == (44, 2)
    assert one.course(2).ratio.shape == (3, 2)
    assert not one.course(2).overflowed.any()


def test_seeds_train_as_they_would_alone():
    both = degradation.Epochs("plain + BN", 8, "1", 0.03, (3, 4)).course(1)
    alone = degradation.Epochs("plain + BN", 8, "1", 0.03, (4,)).course(1)
    np.testing.assert_allclose(both.loss[:5, 1], alone.loss[:5, 0], rtol=1e-3)


def test_errors_are_those_of_all_digits():
    training = degradation.Epochs("residual", 8, "1/√D", 0.03, (0, 1))  # no norm: a look changes nothing
    course, d = training.course(1), load_digits()
    for error, x, y in ((course.train_error, d.x_train, d.y_train), (course.test_error, d.x_test, d.y_test)):
        assert (error > 0.01).all() and (error < 0.9).all()
        np.testing.assert_allclose(error, 1 - evaluate(training.network, x, y)[1], atol=1e-12)


def test_the_gradient_ratio_is_taken_between_the_first_and_the_last_hidden_layer():
    digits = load_digits()
    x, y = digits.x_train[:64], digits.y_train[:64]
    network = degradation.build("plain", 8, 0)
    _, grad = softmax_cross_entropy(network.forward(x), y)
    network.backward(grad)
    expected = np.linalg.norm(network.output_grads[2]) / np.linalg.norm(network.output_grads[14])
    assert degradation.gradient_ratio(degradation.build("plain", 8, 0), x, y) == pytest.approx(expected)
    trunk = degradation.build("residual", 8, 0)
    _, grad = softmax_cross_entropy(trunk.forward(x), y)
    trunk.backward(grad)
    expected = np.linalg.norm(trunk.output_grads[1]) / np.linalg.norm(trunk.output_grads[4])
    assert degradation.gradient_ratio(degradation.build("residual", 8, 0), x, y) == pytest.approx(expected)


def test_a_training_that_diverges_ends_and_says_so():
    training = degradation.Epochs("residual", 56, "1", 0.03, (0,))
    course = training.course(3)
    assert course.overflowed.all()
    assert course.loss.shape == (66, 1)
    assert course.train_error[0] > 0.8
