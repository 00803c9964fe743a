"""Plain data: what travels between a check and a learner's function, which may live in another process.

Plain are None, bools, numbers, strings, numeric arrays, and lists, tuples and dicts of these. Two things that
are not plain travel as a tag: an `Rng` becomes a fresh Generator, a `Phi` an activation function, on the side
where they are used (`live`).
"""

import functools
import math
import sys
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real

import numpy as np

from helpers import arguments

DEEPEST = 6  # levels of lists in lists
LARGEST = int(sys.float_info.max)


@dataclass(frozen=True)
class Rng:
    """The tag of a Generator: `np.random.default_rng(seed)`, from which `drawn` numbers have been taken.

    One that has been used has spawned a child, too: whoever draws from children gets another one.
    """

    seed: int
    drawn: int = 0

    def __repr__(self):
        if self.drawn:  # an expression that gives the generator after `random` has been called
            return f"(rng := np.random.default_rng({self.seed}), rng.random({self.drawn}), rng.spawn(1))[0]"
        return f"np.random.default_rng({self.seed})"


# By name: the function as source, in which `a` is the tag's number.
FUNCTIONS = {
    "identity": "z",
    "relu": "np.maximum(z, 0)",
    "leaky_relu": "np.maximum(z, {a} * z)",
    "elu": "np.where(z > 0, z, np.expm1(np.minimum(z, 0)))",
    "tanh": "np.tanh({a} * z)",
    "sigmoid": "1 / (1 + np.exp(-{a} * z))",
    "softplus": "np.logaddexp(0, z)",
    "swish": "z / (1 + np.exp(-z))",
    "mirrored_swish": "z / (1 + np.exp(z))",
    "sin": "np.sin({a} * z)",
    "square": "z**2",
    "late_sigmoid": "1 / (1 + np.exp({a} - z))",
    "steeper_outside": "np.tanh({a} * z) + (z / 14) ** 21",
    "steepest_at_ten": "12 * z + (z**7 / 7 - 60 * z**5 + 1e4 * z**3 - 1e6 * z) / 1e5",
    "bump": "20 * np.exp(-24 * (z - {a}) ** 2)",
}


@dataclass(frozen=True)
class Phi:
    """The tag of an activation function: one of FUNCTIONS, with its number `a` where it has one."""

    name: str
    a: float = 1.0

    def __post_init__(self):
        arguments.one_of("name", self.name, FUNCTIONS)
        arguments.number("a", self.a)

    def __repr__(self):
        return f"lambda z: {FUNCTIONS[self.name].format(a=self.a)}"

    def __call__(self, z):
        return _function(self)(z)


@functools.cache
def _function(phi):
    function = eval(repr(phi), {"np": np})
    return lambda z: function(np.asarray(z))


def live(value):
    """What a function is called with: a copy of `value`, each Rng and Phi turned into what it stands for."""
    match value:
        case Rng(seed, drawn):
            rng = np.random.default_rng(seed)
            if drawn:
                rng.random(drawn)
                rng.spawn(1)
            return rng
        case Phi():
            return _function(value)
        case np.ndarray():
            return value.copy()
        case dict():
            return {key: live(item) for key, item in value.items()}
        case list() | tuple():
            return type(value)(live(item) for item in value)
    return value


def plain(value, depth=DEEPEST):
    """A copy of what a function returned, in plain data. TypeError in plain words for anything else."""
    if value is None or value is ... or type(value) in (bool, float, str):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        # What no float can hold could neither be compared nor sent: it counts as infinite.
        if abs(value) > LARGEST:
            return math.inf if value > 0 else -math.inf
        return int(value)
    if isinstance(value, Real | Decimal):
        return float(value)
    if isinstance(value, list | tuple | dict) and depth == 0:
        raise TypeError(f"lists inside lists, more than {DEEPEST} deep")
    if isinstance(value, dict):
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [plain(item, depth - 1) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if hasattr(value, "__array__"):
        array = np.array(value, subok=False)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"an array of {array.dtype} values")
        return array if array.ndim else array.item()
    raise TypeError(f"a {type(value).__name__}")


def same(one, other):
    """Whether two plain values are equal to the last bit."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def after(sent, given):
    """The arguments after a call, as plain data: `given` are the live ones, made of `sent`."""
    if isinstance(sent, Rng | Phi):
        return sent
    if isinstance(sent, dict) and isinstance(given, dict) and sent.keys() == given.keys():
        return {key: after(sent[key], given[key]) for key in sent}
    if isinstance(sent, list | tuple) and isinstance(given, list | tuple) and len(sent) == len(given):
        return type(sent)(map(after, sent, given))
    return plain(given)
