"""The cliff: gradients against finite differences, clipping by hand, and who arrives."""

import numpy as np
import pytest

from helpers.chapters.regularization import cliff


def test_the_gradient_agrees_with_finite_differences():
    w, b = cliff.starts(40, seed=1)
    _, dw, db = cliff.loss_and_gradient(w, b)
    step = 1e-6
    by_w = (cliff.loss(w + step, b) - cliff.loss(w - step, b)) / (2 * step)
    by_b = (cliff.loss(w, b + step) - cliff.loss(w, b - step)) / (2 * step)
    gentle = np.hypot(dw, db) < 10  # on the wall itself a step of 1e-6 is too long
    assert gentle.sum() > 30
    np.testing.assert_allclose(dw[gentle], by_w[gentle], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(db[gentle], by_b[gentle], rtol=1e-4, atol=1e-7)


def test_the_unit_by_hand():
    x = cliff.START
    for _ in range(cliff.STEPS):
        x = 5.0 / (1 + np.exp(-x)) - 2.0
    assert cliff.loss(5.0, -2.0) == pytest.approx((1 / (1 + np.exp(-x)) - cliff.TARGET) ** 2)


def test_there_is_a_wall():
    """Along a line across the map the loss jumps within 0.01 of b, and the gradient there is huge."""
    b = np.linspace(-3.5, -2.5, 101)
    loss, dw, db = cliff.loss_and_gradient(np.full(101, 5.5), b)
    assert np.abs(np.diff(loss)).max() > 0.2
    fine = np.linspace(-3.0, -2.8, 200_001)
    _, dw, db = cliff.loss_and_gradient(np.full(fine.size, 5.5), fine)
    assert np.hypot(dw, db).max() > 1000 * np.median(np.hypot(dw, db))


@pytest.mark.parametrize("degrees", [0, 30, 90, 179])
@pytest.mark.parametrize("side", [-1, 1])
def test_an_angle_has_no_sign(degrees, side):
    after = np.radians(40 + side * degrees)
    start = np.cos(np.radians(40)), np.sin(np.radians(40))
    assert cliff.turned(*start, 5 * np.cos(after), 5 * np.sin(after)) == pytest.approx(degrees, abs=1e-9)


def test_clipping_by_hand():
    assert cliff.clip(3.0, 4.0, 1.0, "global norm") == pytest.approx((0.6, 0.8))
    assert cliff.clip(3.0, 4.0, 1.0, "per tensor") == pytest.approx((1.0, 1.0))
    assert cliff.clip(3.0, -4.0, 3.5, "per tensor") == pytest.approx((3.0, -3.5))
    for mode in cliff.MODES:
        assert cliff.clip(0.3, -0.4, 1.0, mode) == pytest.approx((0.3, -0.4))  # never scales up
        assert cliff.clip(0.0, 0.0, 1.0, mode) == (0.0, 0.0)


def test_only_clipping_per_tensor_turns():
    rng = np.random.default_rng(0)
    dw, db = rng.standard_normal((2, 1000)) * 10
    turned = {mode: cliff.turned(dw, db, *cliff.clip(dw, db, 0.1, mode)).max() for mode in cliff.MODES}
    assert turned["global norm"] == pytest.approx(0, abs=1e-5)
    assert 30 < turned["per tensor"] < 45.1


def test_a_descent_goes_on_where_it_was():
    w, b = cliff.starts(4, seed=0)
    short, long = cliff.descend(w, b, 1.0, 1.0, "global norm", (10, 30))
    (whole,) = cliff.descend(w, b, 1.0, 1.0, "global norm", (30,))
    assert len(short.loss) == 10
    np.testing.assert_array_equal(long.w, whole.w)
    np.testing.assert_array_equal(short.w, whole.w[:10])
    np.testing.assert_array_equal(whole.w[0], w)
    lengths = np.hypot(np.diff(whole.w, axis=0), np.diff(whole.b, axis=0))
    np.testing.assert_allclose(lengths, np.minimum(whole.norm, 1)[:-1], atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_global_norm_brings_all_home_and_the_other_ways_do_not(seed):
    def share(mode, max_norm=1.0):
        (descent,) = cliff.descend(*cliff.starts(50, seed), 1.0, max_norm, mode)
        return descent.solved.mean()

    assert share("global norm") >= 0.98
    assert 0.4 < share("global norm", 1e6) < 0.85
    assert share("per tensor", 0.1) < 0.4
    assert share("global norm", 0.01) < 0.5


def test_bad_values_are_named():
    with pytest.raises(ValueError, match="max_norm=0"):
        cliff.clip(1.0, 1.0, 0, "global norm")
    with pytest.raises(ValueError, match="mode='global' is not one of"):
        cliff.clip(1.0, 1.0, 1.0, "global")
    with pytest.raises(ValueError, match="lr=-1"):
        next(cliff.descend(5.0, -2.0, -1, 1.0, "global norm"))
