"""The claims about normalization that the course corrects: each measured on its own, with the course's code.

What needs training is in test_lesson.py beside this file; what defines a layer in tests/layers.
"""

import numpy as np
import pytest

from helpers import probes, propagation
from helpers.chapters.normalization import norms
from helpers.layers import BatchNorm, GroupNorm, LayerNorm, Linear, ReLU, RMSNorm
from helpers.losses import softmax_cross_entropy
from helpers.network import Network, plain
from helpers.propagation import RandomNetwork
from tests.text import lesson

said = lesson("claims")
rng = np.random.default_rng


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


def test_mean_0_and_std_1_hold_before_the_relu_and_not_after():
    for seed in range(5):
        before, after = RandomNetwork(256, "ReLU", 2.0**0.5, norm="BatchNorm", seed=seed).statistics(20)
        assert (before.mean[5], before.std[5]) == pytest.approx(
            said("claim-bn-mean-0-std-1", "Layer 5 output: mean≈0, std≈1"), abs=1e-3
        )
        assert before.std[20] == pytest.approx(1, abs=1e-3)
        assert after.mean[20] == pytest.approx(0.40, abs=0.03)
        assert after.std[20] == pytest.approx(0.58, abs=0.03)


def test_epsilon_stands_inside_the_root():
    """With σ² = ε the two places differ: 1/√2 inside, 1/(1 + √ε) outside."""
    x = np.array([[-1.0], [1.0]]) * np.sqrt(1e-5)
    for layer in (
        BatchNorm(1, dtype=np.float64),
        LayerNorm(2, dtype=np.float64),
        RMSNorm(2, dtype=np.float64),
    ):
        rows = x if isinstance(layer, BatchNorm) else x.T
        assert np.abs(layer.forward(rows)) == pytest.approx(np.full(rows.shape, 0.5**0.5), rel=1e-6)


def test_gamma_that_undoes_the_norm_is_the_root_of_variance_plus_epsilon():
    x = rng(0).normal(3, 0.01, (8, 1))
    layer = BatchNorm(1, dtype=np.float64)
    layer.params["beta"] = x.mean(axis=0)
    layer.params["gamma"] = np.sqrt(x.var(axis=0) + 1e-5)
    np.testing.assert_allclose(layer.forward(x), x, rtol=1e-12)
    layer.params["gamma"] = x.std(axis=0)
    assert np.abs(layer.forward(x) - x).max() > 1e-4


def test_a_guest_in_a_batch_changes_its_statistics():
    five = np.array([2.0, 2.0, 6.0, 6.0, 5.0])
    guest = (5 - five.mean()) / five.std()
    assert guest == pytest.approx(said("claim-bn-five", "and become 0.436"), abs=5e-4)
    frozen = (5 - five[:4].mean()) / five[:4].std()
    assert frozen == said("claim-bn-five", "It becomes 0.5") == said("claim-bn-five", "… 0.5”")


def test_the_forward_pass_divides_by_n_and_the_memory_by_n_minus_1():
    x = np.array([[2.0], [2.0], [6.0], [6.0]])
    layer = BatchNorm(1, momentum=1.0, eps=1e-12, dtype=np.float64)
    np.testing.assert_allclose(layer.forward(x).ravel(), [-1, -1, 1, 1])
    assert layer.running_var[0] == pytest.approx(16 / 3)
    assert x.var() == 4  # 25% below what is remembered


def test_the_two_conventions_arrive_after_44_and_459_steps():
    for name, steps in (("PyTorch", 44), ("Keras", 459)):
        mean, _ = norms.follow(np.ones(steps), np.ones(steps), 64, norms.CONVENTIONS[name])
        assert mean[-2] < 0.99 <= mean[-1]


def test_a_batch_of_one_leaves_nothing():
    with pytest.raises(ValueError, match="at least 2 in train mode"):
        BatchNorm(3).forward(np.ones((1, 3)))
    assert not norms.among_others([5.0, -80.0], np.zeros((1, 0))).any()


def test_instance_norm_of_a_vector_leaves_nothing_either():
    with pytest.raises(ValueError, match="there must be an axis of space"):
        GroupNorm(4, 4).forward(np.ones((2, 4)))
    assert not norms.normalize("InstanceNorm", rng(0).standard_normal((3, 4, 1))).any()


def test_batch_norm_in_a_convolution_is_over_examples_and_places():
    sets = norms.sharing("BatchNorm", (8, 16, 100))
    assert np.all(np.unique(sets, return_counts=True)[1] == 800)


def test_layer_norm_does_not_see_the_batch_and_batch_norm_does():
    x = rng(0).standard_normal((6, 8))
    changed = x.copy()
    changed[1:] += 3
    for layer in (LayerNorm(8), RMSNorm(8), GroupNorm(2, 8)):
        np.testing.assert_array_equal(layer.forward(x)[0], layer.forward(changed)[0])
    assert np.abs(BatchNorm(8).forward(x)[0] - BatchNorm(8).forward(changed)[0]).max() > 0.1


def test_rms_norm_has_a_gain_and_keeps_the_mean():
    layer = RMSNorm(2, dtype=np.float64)
    layer.params["gamma"] = np.array([1.0, 10.0])
    np.testing.assert_allclose(layer.forward(np.array([[1.0, 7.0]])), [[0.2, 14.0]], rtol=1e-5)
    assert not layer.forward(np.zeros((1, 2))).any()  # no 0/0


def test_weights_in_front_of_a_norm_have_no_scale():
    """L(3W) = L(W), and the gradient is a third, and orthogonal to the weights."""
    for seed in range(3):
        x, y = rng(seed).standard_normal((32, 8)), rng(seed).integers(0, 4, 32)
        found = {}
        for scale in (1.0, 3.0):
            generator = rng(seed)
            first = Linear(8, 16, generator, bias=False, dtype=np.float64)
            first.params["weight"] *= scale
            last = Linear(16, 4, generator, dtype=np.float64)
            network = Network([first, BatchNorm(16, eps=1e-12, dtype=np.float64), ReLU(), last])
            loss, grad = softmax_cross_entropy(network.forward(x), y)
            network.backward(grad)
            found[scale] = loss, first.grads["weight"], first.params["weight"]
        assert found[3.0][0] == pytest.approx(found[1.0][0])
        np.testing.assert_allclose(found[3.0][1], found[1.0][1] / 3, rtol=1e-6, atol=1e-12)
        assert np.vdot(found[1.0][1], found[1.0][2]) == pytest.approx(0, abs=1e-9)


def gradient_ratio(norm, sigma_w, seed):
    """‖∂L/∂h_0‖ / ‖∂L/∂h_50‖ in a ReLU network."""
    _, dh = RandomNetwork(256, "ReLU", sigma_w, norm=norm, seed=seed).backward_moments(50)
    return np.sqrt(dh.second[0] / dh.second[50])


def test_batch_norm_shapes_the_way_back_too():
    """1.21 per layer at the start, where He's rule alone holds the gradient, and no σ_w helps."""
    for sigma_w in (0.5, 2.0**0.5, 4.0):
        growth = [gradient_ratio("BatchNorm", sigma_w, seed) ** (1 / 50) for seed in range(5)]
        assert np.mean(growth) == pytest.approx(1.21, abs=0.03)
    he = [gradient_ratio("none", 2.0**0.5, seed) for seed in range(5)]
    assert 0.3 < np.exp(np.mean(np.log(he))) < 3


def test_covariate_shift_in_time_is_not_growth_with_depth():
    """A He network at rest has no shift at all between updates, whatever its signal does over depth."""
    network = plain(
        64, 64, 20, 10, rng(0), init=lambda a, b, g, dtype: 2 * g.standard_normal((a, b)) / a**0.5
    )
    x = rng(1).standard_normal((128, 64))
    before = network.forward(x).copy()
    layers = [probes.second_moment(value) for value in network.outputs]
    assert layers[-2] > 1e4  # the signal explodes with depth …
    np.testing.assert_array_equal(network.forward(x), before)  # … and nothing moves in time
