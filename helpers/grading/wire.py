"""What travels between the grader and a sandbox: plain data (values.py) as length-prefixed JSON.

No pickle: reading a message makes nothing but numbers, texts, lists, tuples, dicts, numeric arrays of a few
types, and the two tags. Whoever reads refuses what does not add up with a ValueError.
"""

import base64
import json
import math
import struct
import types
from numbers import Integral, Real

import numpy as np

from helpers.checking.values import DEEPEST, Phi, Rng

LARGEST = 16 * 2**20  # bytes of a message
LONGEST, LONGEST_KEY = 10_000, 200  # characters of a text and of a key
HEADER = struct.Struct(">I")  # its length, before it
DTYPES = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")


def frame(message):
    """The bytes of a message; ValueError if they are too many."""
    body = json.dumps(message).encode("ascii")
    if len(body) > LARGEST:
        raise ValueError(f"more than {LARGEST >> 20} MB of data")
    return HEADER.pack(len(body)) + body


def parse(body):
    """The message in these bytes, an object; ValueError for anything else."""
    try:
        message = json.loads(body)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message


def pack(value):
    """Plain data as JSON: scalars as they are, everything else as an object with one key, its kind."""
    match value:
        case None | bool() | str():
            return value
        case np.bool_():
            return bool(value)
        case Integral():
            return _whole(int(value), -(2**63))
        case Real():
            return float(value)
        case np.ndarray():
            if value.dtype.str not in DTYPES:  # another byte order, a long double
                value = value.astype(value.dtype.newbyteorder("<") if value.itemsize <= 8 else float)
            data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
            return {"array": [value.dtype.str, list(value.shape), data]}
        case list():
            return {"list": [pack(item) for item in value]}
        case tuple():
            return {"tuple": [pack(item) for item in value]}
        case dict():
            return {"dict": [[key, pack(item)] for key, item in value.items()]}
        case Rng(seed, drawn):
            return {"seed": [int(seed), int(drawn)]}
        case Phi(name, a):
            return {"phi": [name, float(a)]}
        case types.EllipsisType():
            return {"ellipsis": None}
    raise ValueError(f"a {type(value).__name__}")


def unpack(packed, depth=DEEPEST + 2):
    """The opposite. ValueError for whatever `pack` does not make."""
    if packed is None or isinstance(packed, bool | float):
        return packed
    if isinstance(packed, str):
        return _text(packed, LONGEST)
    if isinstance(packed, int):
        return _whole(packed, -(2**63))
    if depth == 0 or not isinstance(packed, dict) or len(packed) != 1:
        raise ValueError("no plain data")
    ((kind, inside),) = packed.items()
    match kind, inside:
        case "array", [str(dtype), list(shape), str(data)]:
            return _array(dtype, shape, data)
        case "list", list():
            return [unpack(item, depth - 1) for item in inside]
        case "tuple", list():
            return tuple(unpack(item, depth - 1) for item in inside)
        case "dict", list():
            return {_text(key, LONGEST_KEY): unpack(item, depth - 1) for key, item in inside}
        case "seed", [seed, drawn]:
            return Rng(_whole(seed, 0), _whole(drawn, 0))
        case "phi", [str(name), a]:
            return Phi(name, a)
        case "ellipsis", None:
            return ...
    raise ValueError("no plain data")


def _array(dtype, shape, data):
    if dtype not in DTYPES or len(shape) > 8:
        raise ValueError("no array that is taken here")
    size = math.prod(_whole(side, 0) for side in shape)
    raw = base64.b64decode(data, validate=True)
    if len(raw) != size * np.dtype(dtype).itemsize:
        raise ValueError("an array whose shape does not fit its data")
    return np.frombuffer(raw, dtype).reshape(shape).copy()


def _whole(number, low):
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number < 2**63:
        raise ValueError("a whole number of more than 64 bits")
    return number


def _text(text, longest):
    if not isinstance(text, str) or len(text) > longest:
        raise ValueError(f"a text of at most {longest} characters")
    return text
