"""Two plain values: has one the form of the other, and where do they differ?"""

import numpy as np

from helpers.checking.calls import Problem
from helpers.checking.exercise import Property


class Stop(Exception):
    """Carries a Problem out of a measurement."""

    def __init__(self, problem):
        self.problem = problem


def pick(value, part):
    """The part of a result that a property looks at; a Stop if there is none."""
    if part is None:
        return value
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        what = f"the key {part!r}" if isinstance(part, str) else f"a part number {part}"
        text = f"The result should have {what}, but the function returns {described(value)}."
        raise Stop(Problem("form", text)) from None


def conform(value, like, where="The result"):
    """`value` in the form of `like`, the reference's result; a Stop in plain words where it does not fit."""
    if value is None:
        raise Stop(Problem("form", f"{where} is None: it is not there yet."))
    if isinstance(like, dict):
        if not isinstance(value, dict) or not like.keys() <= value.keys():
            raise _misfit(where, value, like)
        inside = where[0].lower() + where[1:]
        return {key: conform(value[key], like[key], f"The part {key!r} of {inside}") for key in like}
    if isinstance(like, list | tuple):
        if not isinstance(value, list | tuple | np.ndarray) or len(value) != len(like):
            raise _misfit(where, value, like)
        pairs = enumerate(zip(value, like, strict=True))
        inside = where[0].lower() + where[1:]
        return [conform(item, ref, f"Item {i} of {inside}") for i, (item, ref) in pairs]
    if isinstance(like, str | bool):
        if type(value) is not type(like):
            raise _misfit(where, value, like)
        return value
    return _numbers(value, np.asarray(like, float), where)


def _numbers(value, like, where):
    """An array (or a number) as float64, once it has the right shape and is finite where it should be."""
    try:
        if np.asarray(value).dtype.kind == "U":  # numpy would read a number in it
            raise TypeError
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        raise _misfit(where, value, like) from None
    if like.ndim == 0 and array.size == 1:
        array = array.reshape(())
    if array.shape != like.shape and like.ndim == 0:
        raise Stop(Problem("shape", f"{where} should be one number, not {described(value)}."))
    if array.shape != like.shape:
        hint = " Are rows and columns exchanged?" if array.shape == like.shape[::-1] else ""
        text = f"{where} has the shape {array.shape}; expected is {like.shape}.{hint}"
        raise Stop(Problem("shape", text))
    if np.any(np.isfinite(like) & ~np.isfinite(array)):
        odd = "nan (not a number)" if np.any(np.isnan(array)) else "infinity"
        raise Stop(Problem("nan", f"{where} contains {odd} where a finite number is expected."))
    return array if array.ndim else float(array)


def _misfit(where, value, like):
    """Says of an expected bool or text no more than that it is one."""
    wanted = (
        "True or False" if isinstance(like, bool) else "a text" if isinstance(like, str) else described(like)
    )
    return Stop(Problem("form", f"{where} should be {wanted}, but the function returns {described(value)}."))


def described(value):
    """What a result is, in a few words."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    if isinstance(value, dict):
        return f"a dictionary with the keys {', '.join(map(repr, list(value)[:8]))}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return str(value) if isinstance(value, bool) else "a number"


def close(got, expected, prop):
    """Whether two measured values agree within the property's tolerance."""
    return next(differences(got, expected, prop), None) is None


def differences(got, expected, prop, place=""):
    """(place, got, expected) of all entries that do not agree; the place is written as an index."""
    if isinstance(expected, dict):
        for key in expected:
            yield from differences(got[key], expected[key], prop, f"{place}[{key!r}]")
    elif isinstance(expected, list | tuple):
        if len(got) != len(expected):
            yield place, got, expected
            return
        for i, (one, other) in enumerate(zip(got, expected, strict=True)):
            yield from differences(one, other, prop, f"{place}[{i}]")
    elif isinstance(expected, str | bool):
        if got != expected:
            yield place, got, expected
    else:
        got, expected = np.asarray(got, float), np.asarray(expected, float)
        if got.shape != expected.shape:
            yield place, got, expected
            return
        with np.errstate(invalid="ignore"):  # ∞ − ∞
            gap = np.abs(got - expected)
        near = np.isfinite(expected) & (gap <= prop.atol + prop.rtol * np.abs(expected))
        for index in zip(*np.nonzero(np.atleast_1d(~(near | (got == expected)))), strict=True):
            if not expected.ndim:
                yield place, float(got), float(expected)
            else:
                yield f"{place}[{', '.join(map(str, index))}]", float(got[index]), float(expected[index])


def alike(one, other):
    """Whether two answers to one question are the same, but for rounding."""
    return close(one, other, ROUNDING)


ROUNDING = Property("", 0, list, rtol=1e-7, atol=1e-12)
NEAR = Property("", 0, list)


def leaves(value):
    """What a value consists of, below its dictionaries, lists and tuples."""
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list | tuple) else [value]


def finite(value):
    """Whether all numbers of a plain value are finite."""
    return all(isinstance(leaf, str) or np.all(np.isfinite(leaf)) for leaf in leaves(value))


def are_measures(value):
    """Whether nothing in a plain value is a word, a bool or a count."""
    return not any(isinstance(leaf, str | bool | int) for leaf in leaves(value))
