"""Numbers as learners type them, and as words.toml computes and writes them: arithmetic, and no `eval`."""

import ast
import math
import operator
import re
import unicodedata
from fractions import Fraction


def _fraction(sign):
    """½ as 1/2."""
    return unicodedata.normalize("NFKC", sign).replace("⁄", "/")


# What mathematics, keyboards and phones write, and what Python writes for it.
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
SPELLINGS = [
    (r"^[\s≈~=×x*+]+|[\s×x]+$", ""),
    (r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda power: f"**({power[0].translate(SUPERSCRIPTS)})"),
    (r"(\d*)([¼-¾⅐-⅞])", lambda mixed: f"({mixed[1] or 0}+{_fraction(mixed[2])})"),
    (r"\s+", " "),
    # Three digits behind a comma are thousands, unless a 0 stands before it: "1,000", but "0,125".
    (r"(?<![\d.,])[1-9]\d{0,2}(([,'’ ])\d{3}(\2\d{3})*)(?![\d,'’])", lambda n: re.sub(r"\D", "", n[0])),
    (r"(?<=\d),(?=\d)", "."),
    (r"√ ?(\d[\d.]*)", r"sqrt(\1)"),
    ("√", "sqrt"),
    ("π", "pi"),
    ("[−–]", "-"),
    ("[×·⋅]|(?<!e)x|x(?!p)", "*"),  # the x of exp is none
    (r"\^", "**"),
    (r"^(.+)%$", r"(\1)/100"),
]
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
NAMES = {"pi": math.pi, "e": math.e}
FUNCTIONS = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "ln": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "tanh": math.tanh,
    "floor": math.floor,
    "ceil": math.ceil,
    "min": min,
    "max": max,
}
UNREAD = "Type a number such as 0.25, 1/8, 2^-25, 3e-8 or sqrt(2/128)."


def parse_number(text):
    """The float that was typed, such as '1/8', '2^-25', '3 x 10⁻⁸', '½', '1,000', '0,125' or '50 %'.

    Raises ValueError with a sentence for the learner if it is not a finite number.
    """
    python = text.casefold()
    for pattern, replacement in SPELLINGS:
        python = re.sub(pattern, replacement, python)
    try:
        # The first check keeps Python's own syntax, and anything long enough to be slow, out.
        if not re.fullmatch(r"([\d.+\-*/() e]|sqrt|exp|log|ln|pi){1,100}", python, re.ASCII):
            raise ValueError(python)
        value = _evaluate(ast.parse(python, mode="eval").body)
        if math.isfinite(value):
            return value
    except (ValueError, SyntaxError, ArithmeticError, LookupError, TypeError):
        pass
    problem = f"I cannot read {text[:40]!r} as a number. " if text.strip() else ""
    raise ValueError(problem + UNREAD)


def evaluate(expression, names):
    """The float of an expression such as "sqrt(2/n)" with these {name: number}.

    Raises ValueError if it is no arithmetic, names something else, or is not finite.
    """
    try:
        value = _evaluate(ast.parse(expression.replace("^", "**"), mode="eval").body, NAMES | names)
        if math.isfinite(value):
            return float(value)
        reason = "is not finite"
    except KeyError as error:
        reason = f"names {error.args[0]!r}, which is not drawn"
    except (ValueError, SyntaxError, ArithmeticError, TypeError):
        reason = "is no arithmetic"
    raise ValueError(f"{expression!r} {reason}")


def _evaluate(node, names=NAMES):
    """The value of an arithmetic expression, in floats, so that no power grows without end."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, names)
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](_evaluate(left, names), _evaluate(right, names))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return FUNCTIONS[name](*(_evaluate(argument, names) for argument in arguments))
    raise ValueError(node)


# --- Numbers as the text writes them -------------------------------------------------------------

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED = str.maketrans("-0123456789", "₋₀₁₂₃₄₅₆₇₈₉")


def written(value, form=""):
    """A number as the text writes it: 0.125, 10,000, −3, 2.5 · 10⁻¹³.

    form: how many figures, such as "3" (else four, and all of a whole number); or "^" and "_" for raised and
    lowered figures, "%" for per cent, "/" for a fraction, "10" for the nearest power of ten.
    """
    if form == "^":
        return f"{value:.0f}".translate(RAISED)
    if form == "_":
        return f"{value:.0f}".translate(LOWERED)
    if form == "%":
        return f"{written(100 * value, '3')}%"
    if form == "/":
        return str(Fraction(value).limit_denominator(10_000)).replace("-", "−")
    if form == "10":
        return "10" + written(math.log10(value), "^")
    figures = int(form or 4)
    size = abs(value)
    whole = not form and size < 1e6 and abs(value - round(value)) < 1e-9 * size
    if whole or value == 0:
        text = f"{round(value):,}" if size >= 10_000 else f"{round(value)}"
    elif 1e-4 <= size < 1e6:
        rounded = float(f"{value:.{figures}g}")
        text = f"{rounded:,.0f}" if abs(rounded) >= 10_000 else f"{rounded:.12g}"
    else:
        mantissa, exponent = f"{value:.{figures - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        power = f"10{str(int(exponent)).translate(RAISED)}"
        text = power if mantissa == "1" else f"{mantissa} · {power}"
    return text.replace("-", "−")
