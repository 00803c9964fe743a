"""Initial weights: scale, shape of the distribution, and bad input."""

import numpy as np
import pytest

from helpers import initializers

FAN_IN, FAN_OUT = 300, 200  # unequal: a rule that mixes them up is found out

# rule: the variance it promises. Kurtosis is 3 for a normal and 1.8 for a uniform distribution.
NORMAL = {
    "naive": (initializers.naive, 1.0),
    "lecun": (initializers.lecun, 1 / 300),
    "xavier_normal": (initializers.xavier_normal, 1 / 250),
    "he_normal": (initializers.he_normal, 1 / 150),
    "he_normal, alpha=0.5": (
        lambda *args, **kw: initializers.he_normal(*args, alpha=0.5, **kw),
        1 / (1.25 * 150),
    ),
    "gaussian(1.7)": (initializers.gaussian(1.7), 1.7**2 / 300),
}
UNIFORM = {
    "xavier_uniform": (initializers.xavier_uniform, 1 / 250),
    "he_uniform": (initializers.he_uniform, 1 / 150),
    "he_uniform, alpha=0.5": (
        lambda *args, **kw: initializers.he_uniform(*args, alpha=0.5, **kw),
        1 / (1.25 * 150),
    ),
    "pytorch_default": (initializers.pytorch_default, 1 / 900),
}
RULES = {
    "naive": initializers.naive,
    "lecun": initializers.lecun,
    "xavier_normal": initializers.xavier_normal,
    "xavier_uniform": initializers.xavier_uniform,
    "he_normal": initializers.he_normal,
    "he_uniform": initializers.he_uniform,
    "pytorch_default": initializers.pytorch_default,
    "orthogonal": initializers.orthogonal,
    "gaussian": initializers.gaussian(1.0),
}
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def check_moments(w, variance, kurtosis):
    """Mean, variance and kurtosis, each within five standard errors."""
    w = w.astype(np.float64)
    assert abs(w.mean()) < 5 * np.sqrt(variance / w.size)
    assert abs(np.mean(w**2) / variance - 1) < 5 * np.sqrt((kurtosis - 1) / w.size)
    assert np.mean(w**4) / np.mean(w**2) ** 2 == pytest.approx(kurtosis, abs=0.1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rule", "variance"), NORMAL.values(), ids=NORMAL)
def test_normal_rules(rule, variance, dtype):
    check_moments(rule(FAN_IN, FAN_OUT, np.random.default_rng(1), dtype=dtype), variance, 3.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rule", "variance"), UNIFORM.values(), ids=UNIFORM)
def test_uniform_rules_and_their_bound(rule, variance, dtype):
    w = rule(FAN_IN, FAN_OUT, np.random.default_rng(1), dtype=dtype)
    check_moments(w, variance, 1.8)
    bound = np.sqrt(3 * variance)
    assert np.abs(w).max() <= bound * (1 + 1e-6)
    assert w.max() > 0.999 * bound
    assert w.min() < -0.999 * bound


def test_the_bounds_that_books_print():
    w = initializers.xavier_uniform(128, 64, np.random.default_rng(0), np.float64)
    assert np.abs(w).max() == pytest.approx(np.sqrt(6 / (128 + 64)), rel=1e-3)
    w = initializers.pytorch_default(400, 64, np.random.default_rng(0), np.float64)
    assert np.abs(w).max() == pytest.approx(1 / 20, rel=1e-3)
    assert initializers.he_normal(128, 999, np.random.default_rng(0)).std() == pytest.approx(0.125, rel=0.01)


# Orthogonal


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gain", [1.0, 1.5])
@pytest.mark.parametrize(("fan_in", "fan_out"), [(40, 40), (60, 25), (25, 60), (1, 5), (5, 1), (1, 1)])
def test_orthogonal_has_orthonormal_rows_or_columns(fan_in, fan_out, gain, dtype):
    w = initializers.orthogonal(fan_in, fan_out, np.random.default_rng(0), dtype, gain=gain)
    assert w.shape == (fan_in, fan_out)
    assert w.dtype == dtype
    product = w.T @ w if fan_in >= fan_out else w @ w.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(fan_in, fan_out)), atol=20 * np.finfo(dtype).eps)


def test_orthogonal_keeps_every_length_when_it_does_not_narrow():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, 25))
    lengths = np.linalg.norm(x @ initializers.orthogonal(25, 60, rng, np.float64), axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(x, axis=1), rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_orthogonal_prefers_no_direction(shape):
    """Haar: every entry has mean 0. Plain QR fixes the signs of a diagonal, and the mean is then far off."""
    rng = np.random.default_rng(0)
    draws = np.array([initializers.orthogonal(*shape, rng, np.float64) for _ in range(2000)])
    error = np.sqrt(1 / max(shape) / len(draws))
    assert np.abs(draws.mean(axis=0)).max() < 5 * error
    np.testing.assert_allclose((draws**2).mean(axis=0), 1 / max(shape), atol=0.04)
    plain = np.array([np.linalg.qr(rng.standard_normal((3, 3)))[0] for _ in range(500)])
    assert np.abs(plain.mean(axis=0)).max() > 0.3


# What all rules share


@each_rule
def test_dtype_shape_and_seed(rule):
    w = rule(7, 4, np.random.default_rng(3))
    assert w.shape == (7, 4)
    assert w.dtype == np.float32
    for dtype in (np.float64, "float64"):
        assert rule(7, 4, np.random.default_rng(3), dtype=dtype).dtype == np.float64
    np.testing.assert_array_equal(w, rule(7, 4, np.random.default_rng(3)))
    assert not np.array_equal(w, rule(7, 4, np.random.default_rng(4)))


@each_rule
@pytest.mark.parametrize("value", [0, -1, 2.5, True, "3", None])
@pytest.mark.parametrize("name", ["fan_in", "fan_out"])
def test_a_bad_fan_is_named(rule, name, value):
    fans = {"fan_in": 3, "fan_out": 4, name: value}
    with pytest.raises(ValueError, match=rf"{name}={value!r}.*from 1"):
        rule(**fans, rng=np.random.default_rng(0))


@each_rule
@pytest.mark.parametrize("dtype", [int, np.float16, "float33", None.__class__])
def test_a_bad_dtype_is_named(rule, dtype):
    with pytest.raises(ValueError, match=r"dtype=.*float32, float64"):
        rule(3, 4, np.random.default_rng(0), dtype=dtype)


@each_rule
@pytest.mark.parametrize("rng", [None, 0, np.random.default_rng])
def test_a_bad_generator_is_named(rule, rng):
    with pytest.raises(ValueError, match=r"rng=.*default_rng\(0\)"):
        rule(3, 4, rng)


@pytest.mark.parametrize("alpha", [np.nan, np.inf, "0", None, True])
@pytest.mark.parametrize("rule", [initializers.he_normal, initializers.he_uniform])
def test_a_bad_alpha_is_named(rule, alpha):
    with pytest.raises(ValueError, match=f"alpha={alpha!r}: a finite number"):
        rule(3, 4, np.random.default_rng(0), alpha=alpha)


@pytest.mark.parametrize("gain", [0, -1, np.nan, np.inf, "1"])
def test_a_bad_gain_is_named(gain):
    with pytest.raises(ValueError, match=f"gain={gain!r}.*above 0"):
        initializers.orthogonal(3, 4, np.random.default_rng(0), gain=gain)


@pytest.mark.parametrize("sigma_w", [0, -1, np.nan, np.inf, "1", True])
def test_a_bad_sigma_w_is_named_at_once(sigma_w):
    with pytest.raises(ValueError, match=f"sigma_w={sigma_w!r}.*above 0"):
        initializers.gaussian(sigma_w)
