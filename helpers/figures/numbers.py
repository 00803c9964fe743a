"""Numbers as a reader likes them: three figures, and powers of ten as powers of ten."""

import math
import re
from html import escape
from numbers import Integral

import numpy as np

from helpers.figures.theme import output

TIMES = "\u00a0×\u00a0"  # a number stays on one line
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(exponent):
    """10³, 10⁻¹², but 1 for 10⁰ and 10 for 10¹."""
    exponent = round(exponent)
    return {0: "1", 1: "10"}.get(exponent) or f"10{str(exponent).translate(_SUPERSCRIPT)}"


def decades(exponents):
    """The ticks of one axis at these powers of ten: 0.01, 1, 100; if some lie beyond 1000, 10⁻⁶, 1, 10⁶."""
    plain = np.max(np.abs(exponents)) <= 3
    return [f"{10.0 ** round(k):g}" if plain else power_of_ten(k) for k in exponents]


def log10(values):
    """log10 of sizes, without a warning: −∞ for 0, and for what rounding has left below it."""
    with np.errstate(divide="ignore"):
        return np.log10(np.maximum(values, 0))


def from_log10(log):
    """The number 10**log in three figures, also where it would overflow: 0.682, 3.1 × 10⁻⁸."""
    if math.isnan(log):
        return "not a number"
    if math.isinf(log):
        return "0" if log < 0 else "∞"
    if -2.5 < log < 2.9997:
        return f"{10**log:.3g}"
    if 2.9997 <= log < 3.9997:
        return f"{round(10**log, -1):.0f}"
    exponent = math.floor(log)
    mantissa = f"{10 ** (log - exponent):.1f}"
    if mantissa == "10.0":
        mantissa, exponent = "1.0", exponent + 1
    return f"{mantissa}{TIMES}{power_of_ten(exponent)}"


def short(value):
    """A number in three figures; a whole number and a text as they are."""
    if isinstance(value, str | Integral):
        return str(value)
    if value == 0 or not math.isfinite(value):
        return f"{value + 0.0:g}"  # −0.0 is 0
    sign = "−" if value < 0 else ""
    return sign + from_log10(math.log10(abs(value)))


def hundredths(value, sign="-"):
    """0.60, −0.50, with sign="+" also +0.60; what rounds to 0 is never −0.00."""
    return f"{round(value, 2) + 0.0:{sign}.2f}".replace("-", "−")


def counted(number, thing, things=None):
    """1 block, 50 blocks; of a word that does not just take an s, `things`."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"


class show:
    """A few numbers with their names, as a small table: show({"E[h²]": 0.998, "Var h": 0.68}).

    A value may also be a list, which makes one column of each of its entries.
    """

    def __init__(self, values):
        self.rows = {name: _cells(value) for name, value in values.items()}

    def __repr__(self):
        width = max(len(name) for name in self.rows)
        return "\n".join(f"{name:<{width}}  " + "  ".join(cells) for name, cells in self.rows.items())

    def _repr_html_(self):
        rows = "".join(
            f'<tr><th scope="row">{_typeset(name)}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
            for name, cells in self.rows.items()
        )
        return output(repr(self), f'<table class="td-numbers">{rows}</table>')


def _typeset(name):
    """A name as HTML: the w of σ_w stands below the line."""
    return re.sub(r"σ_(\w)", r"σ<sub>\1</sub>", escape(name))


def _cells(value):
    return [short(v) for v in value] if isinstance(value, list | tuple | np.ndarray) else [short(value)]
