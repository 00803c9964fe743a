"""Clear errors for bad arguments: every message names the argument, the value and what is allowed."""

import math
from difflib import get_close_matches
from numbers import Integral, Real


def whole(name, value, low=1, high=None):
    """Return `value` as an int in [low, high]; a float, a bool or a number outside is a ValueError."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{name}={value!r}: a whole number is needed, {_range(low, high)}")
    if value < low or (high is not None and value > high):
        raise ValueError(f"{name}={value!r} is out of range: {_range(low, high)}")
    return int(value)


def number(name, value, low=-math.inf, high=math.inf, above=None, below=None):
    """Return `value` as a finite float in [low, high], or strictly `above`/`below` a limit."""
    allowed = _range(low, high, above, below)
    if isinstance(value, bool) or not isinstance(value, Real) or not _is_finite(value):
        raise ValueError(f"{name}={value!r}: a finite number is needed, {allowed}")
    outside = value < low or value > high
    if outside or (above is not None and value <= above) or (below is not None and value >= below):
        raise ValueError(f"{name}={value!r} is out of range: {allowed}")
    return float(value)


def _is_finite(value):
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond float's range
        return False


def one_of(name, value, allowed):
    """Return `value` if it is one of `allowed`; the error lists them all and guesses what was meant."""
    allowed = list(allowed)
    # Equal is not enough: True == 1 and 1.0 == 1, and neither is what was asked for.
    if any(type(value) is type(option) and value == option for option in allowed):
        return value
    names = {str(option).casefold(): option for option in allowed}
    near = get_close_matches(str(value).casefold(), names, n=1)
    guess = f" Did you mean {names[near[0]]!r}?" if near else ""
    raise ValueError(f"{name}={value!r} is not one of {allowed}.{guess}")


def generator(name, value):
    """Return `value` if it can draw random numbers as numpy's Generator does."""
    if not hasattr(value, "standard_normal") or not hasattr(value, "integers"):
        raise ValueError(f"{name}={value!r}: a numpy Generator is needed, such as np.random.default_rng(0)")
    return value


def _range(low, high, above=None, below=None):
    start = f"above {above}" if above is not None else "" if low == -math.inf else f"from {low}"
    end = f"below {below}" if below is not None else "" if high in (None, math.inf) else f"to {high}"
    if end and not start and below is None:
        end = f"at most {high}"
    return " ".join(part for part in (start, end) if part) or "any size"
