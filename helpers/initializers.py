"""Where the weights start: each rule draws a (fan_in, fan_out) matrix, and differs only in its scale.

Every rule is called as `rule(fan_in, fan_out, rng, dtype=np.float32)`. `fan_in` counts the inputs of a
unit (rows of W), `fan_out` the units (columns), and a layer computes `x @ W + b`. A bias starts at zero.
"""

import numpy as np

from helpers import arguments


def naive(fan_in, fan_out, rng, dtype=np.float32):
    """N(0, 1), whatever the width: the variance of a sum of fan_in terms grows with fan_in."""
    return _normal(1.0, fan_in, fan_out, rng, dtype)


def lecun(fan_in, fan_out, rng, dtype=np.float32):
    """N(0, 1/fan_in): a linear layer keeps the second moment of its input (LeCun et al. 1998)."""
    return _normal(np.sqrt(1 / _fan("fan_in", fan_in)), fan_in, fan_out, rng, dtype)


def xavier_normal(fan_in, fan_out, rng, dtype=np.float32):
    """N(0, 2/(fan_in + fan_out)): one over the mean fan (Glorot & Bengio 2010, eq. 12)."""
    return _normal(np.sqrt(2 / _fans(fan_in, fan_out)), fan_in, fan_out, rng, dtype)


def xavier_uniform(fan_in, fan_out, rng, dtype=np.float32):
    """U(±√(6/(fan_in + fan_out))): the same variance as `xavier_normal` (Glorot & Bengio 2010, eq. 16)."""
    return _uniform(np.sqrt(6 / _fans(fan_in, fan_out)), fan_in, fan_out, rng, dtype)


def he_normal(fan_in, fan_out, rng, dtype=np.float32, alpha=0.0):
    """N(0, 2/((1 + α²) fan_in)) for a ReLU of negative slope α (He et al. 2015, eq. 10 and 15)."""
    return _normal(np.sqrt(_he_variance(fan_in, alpha)), fan_in, fan_out, rng, dtype)


def he_uniform(fan_in, fan_out, rng, dtype=np.float32, alpha=0.0):
    """U(±√(6/((1 + α²) fan_in))): the same variance as `he_normal`."""
    return _uniform(np.sqrt(3 * _he_variance(fan_in, alpha)), fan_in, fan_out, rng, dtype)


def pytorch_default(fan_in, fan_out, rng, dtype=np.float32):
    """U(±1/√fan_in), variance 1/(3 fan_in): what `torch.nn.Linear` draws for its weight.

    (PyTorch reaches it as `kaiming_uniform_` with a = √5. Its bias is drawn from the same range.)
    """
    return _uniform(np.sqrt(1 / _fan("fan_in", fan_in)), fan_in, fan_out, rng, dtype)


def orthogonal(fan_in, fan_out, rng, dtype=np.float32, gain=1.0):
    """A uniformly random matrix of orthonormal rows or columns, times the gain (Saxe et al. 2014).

    With fan_in ≤ fan_out the rows are orthonormal, so that `x @ W` has exactly the length of x (gain 1).
    """
    shape = _fan("fan_in", fan_in), _fan("fan_out", fan_out)
    gain = arguments.number("gain", gain, above=0)
    tall = _draw_normal((max(shape), min(shape)), rng, dtype)
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diagonal(r))  # without this the distribution depends on how QR picks its signs
    return (gain * (q if fan_in >= fan_out else q.T)).astype(dtype, copy=False)


def gaussian(sigma_w):
    """The rule N(0, σ_w²/fan_in) for a σ_w of your choice: σ_w = 1 is `lecun`, σ_w = √2 is `he_normal`."""
    sigma_w = arguments.number("sigma_w", sigma_w, above=0)

    def rule(fan_in, fan_out, rng, dtype=np.float32):
        return _normal(sigma_w / np.sqrt(_fan("fan_in", fan_in)), fan_in, fan_out, rng, dtype)

    return rule


def _normal(std, fan_in, fan_out, rng, dtype):
    w = _draw_normal((_fan("fan_in", fan_in), _fan("fan_out", fan_out)), rng, dtype)
    w *= np.asarray(std, dtype)
    return w


def _uniform(limit, fan_in, fan_out, rng, dtype):
    shape = _fan("fan_in", fan_in), _fan("fan_out", fan_out)
    u = arguments.generator("rng", rng).random(shape, dtype=_float_type(dtype))
    u *= np.asarray(2 * limit, dtype)
    u -= np.asarray(limit, dtype)
    return u


def _draw_normal(shape, rng, dtype):
    return arguments.generator("rng", rng).standard_normal(shape, dtype=_float_type(dtype))


def _he_variance(fan_in, alpha):
    return 2 / ((1 + arguments.number("alpha", alpha) ** 2) * _fan("fan_in", fan_in))


def _fan(name, value):
    return arguments.whole(name, value, low=1)


def _fans(fan_in, fan_out):
    return _fan("fan_in", fan_in) + _fan("fan_out", fan_out)


def _float_type(dtype):
    names = {np.dtype(np.float32): np.float32, np.dtype(np.float64): np.float64}
    try:
        return names[np.dtype(dtype)]
    except (KeyError, TypeError):
        raise ValueError(f"dtype={dtype!r} is not one of [float32, float64]") from None
