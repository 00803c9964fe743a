"""The numbers in the course's text, and who vouches for each of them.

A test that backs a sentence reads its number out of the sentence:

    said = lesson("04_residual_connections")
    assert 1.1**50 == pytest.approx(said("explain-scalar", "make **117**"), rel=0.01)

`said(cell, phrase)` finds the phrase in the markdown cell with that id and returns its number (several: a
tuple). So the assertion is about the number that the learner reads, and the call is its voucher. `workbook`
does the same for a notebook of solutions/, and `asked(id, phrase)` for what a question says or an exercise's
check.

    python -m tests.text 04_residual_connections    # lists the numbers that nobody vouches for
    python -m tests.text                            # counts all, file by file

A number is vouched for if it is (the first that applies counts)

- *structure*: the number of a chapter, section, equation, year or list item; part of a name, of a subscript
  or of a letter's exponent; a duration; points;
- *asserted*: in the phrase of a `said` or `asked` with literal arguments whose value a test asserts about;
- *computed*: on one side of an `=` or `≈` whose two sides are arithmetic and agree to the digits shown (where
  they do not, nothing vouches); or, in a question, the value of an expression in its answer or of a {…} that
  words.toml computes;
- *quoted*: in one sentence (table row, column under a head, quotation in a block quote) with a paper, by
  author and year;
- a *setting*: a literal of a code cell in the same section, or what an instrument shown there opens with; in
  a question, what is given;
- *counting*: 0, ±1, ±2 or ±3.

The last two are no claims: a number that is one (with %, ×, "about", "more than" …) needs another voucher.
"""

import ast
import functools
import inspect
import json
import math
import re
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from helpers import instruments
from helpers.checking.arithmetic import evaluate
from helpers.checking.questions import draws_of, filled
from helpers.instruments.frame import Instrument

ROOT = Path(__file__).parent.parent
COUNTING = (-3, -2, -1, 0, 1, 2, 3)
KINDS = ("structure", "asserted", "computed", "quoted", "setting", "counting")


# --- Reading numbers -----------------------------------------------------------------------------

VULGAR = {"½": 1 / 2, "¼": 1 / 4, "¾": 3 / 4, "⅓": 1 / 3, "⅔": 2 / 3, "⅛": 1 / 8}
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "thousandths": 1e-3, "millionths": 1e-6}
_TO_TWELVE = "zero one two three four five six seven eight nine ten eleven twelve"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {
    **{word: n for n, word in enumerate(_TO_TWELVE.split())},
    **{word: 10 * n for n, word in enumerate(_TENS.split(), 2)},
    **{"half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "tenth": 0.1, "hundredth": 0.01, "twice": 2},
    **{"hundred": 100, "thousand": 1e3, "million": 1e6, "thousandth": 1e-3, "millionth": 1e-6},
}

# A number, once `plain` has turned LaTeX into the signs of prose; \0 fills up where those are shorter.
_POWER = r"[⁻⁰¹²³⁴-⁹]+|\^\{(?:[^{}\\A-Za-z]*\d[^{}\\A-Za-z]*)\}|\^-?\d|<sup>[-−]?\d+</sup>"
NUMBER = re.compile(
    rf"""(?<![\w.^])(?<!\^\{{)(?<![A-Za-z][-‑])
    (?P<sign>(?<![\w)\]}}%])[-−](?=[\d½¼¾]))?
    (?:
        (?P<fraction>⁄[\0\ ]*(?:(?P<a>\d)(?P<b>\d)|\{{(?P<c>\d+)\}}\{{(?P<d>\d+)\}}))
      | (?P<mantissa>(?>\d{{1,3}}(?:,\0*\d{{3}})+(?!\d)|\d+)(?>\.\0*\d+)?)
        (?P<vulgar>[½¼¾⅓⅔⅛])?
        (?P<e>[eE][-−+]?\d+)?
        (?P<ten>\s*[·×]\s*10(?:{_POWER}))?
        (?P<power>{_POWER})?
      | (?P<alone>[½¼¾⅓⅔⅛])
    )
    (?![\w^]|\.\d)
    (?P<scale>\s(?:{"|".join(sorted(SCALES, key=len, reverse=True))})\b)?
    (?P<percent>\s?\\?%)?""",
    re.VERBOSE,
)

_LATEX = {
    "\\times": "×",
    "\\cdot": "·",
    "\\sqrt": "√",
    "\\approx": "≈",
    "\\pi": "π",
    "\\frac": "⁄",
    "\\tfrac": "⁄",
}


class Number(NamedTuple):
    """A number in a text: where it stands, as what it reads, and by how much its last digit counts."""

    start: int
    end: int
    value: float
    unit: float  # of the last digit that is shown
    compound: bool  # a power, which can be computed


def plain(text):
    """The text with LaTeX in the signs of prose, and no code or links; every character keeps its place."""

    def same_length(new):
        return lambda match: (new(match) if callable(new) else new).ljust(len(match.group()), "\0")

    text = re.sub(
        r"(`+).+?\1|<code>.*?</code>|\]\([^)\s]*\)", lambda m: "`" * len(m.group()), text, flags=re.DOTALL
    )
    text = re.sub(r"<(?!/?sup>)/?[a-zA-Z][^>]*>", lambda m: " " * len(m.group()), text)
    text = re.sub(r"(?<=\d)(?:\{,\}|\\,)(?=\d{3})", same_length(","), text)
    text = re.sub(r"(?<=\d)\{\.\}(?=\d)", same_length("."), text)
    text = re.sub(r"\\[a-zA-Z]+", lambda m: _LATEX.get(m.group(), "").ljust(len(m.group())), text)
    text = re.sub(r"\\[,;:!| ]", "  ", text)
    # Subscripts, and exponents of anything but a number, belong to their letter.
    text = re.sub(r"_(?:\{[^{}]*\}|\w)", lambda m: "_" * len(m.group()), text)
    # (Those of brackets stay for `_computed`, which does not take them for numbers of the text.)
    return re.sub(
        r"(?<![\d\0])(?!(?<=\))\^\{?\d+\}?)\^(?:\{[^{}]*\}|-?\d+)", lambda m: "^" * len(m.group()), text
    )


def numbers(text):
    """All Numbers in a text, but for those that are part of a name (float32, h₀)."""
    text = plain(text)
    found = [_read(match) for match in NUMBER.finditer(text)]
    # "31–44 %", "7 to 9 million": what stands behind the last number counts for all of them.
    for i in range(len(found) - 2, -1, -1):
        here, after = found[i], found[i + 1]
        tail = re.search(
            r"(\s(?:" + "|".join(SCALES) + r"))?(\s?\\?%)?$", text[after.start : after.end]
        ).group()
        between = text[here.end : after.start]
        if (
            tail
            and "%" not in text[here.start : here.end]
            and re.fullmatch(r"\s?(–|to|and|or|against|,)\s?", between)
        ):
            factor = _factor(tail)
            found[i] = here._replace(value=here.value * factor, unit=here.unit * factor)
    return found


def _factor(tail):
    word = re.search("[a-z]+", tail)
    return (SCALES[word.group()] if word else 1) * (0.01 if "%" in tail else 1)


def _read(match):
    part = match.groupdict()
    unit = 0.0
    if part["fraction"]:
        value = int(part["a"] or part["c"]) / int(part["b"] or part["d"])
    elif part["alone"]:
        value = VULGAR[part["alone"]]
    else:
        digits = part["mantissa"].replace(",", "").replace("\0", "")
        zeros = len(digits) - len(digits.rstrip("0")) if "." not in digits else 0
        unit = 10.0 ** (zeros - len(digits.partition(".")[2])) if digits.strip("0.") else 1.0
        value = float(digits) + VULGAR.get(part["vulgar"], 0)
        factor = float("1" + part["e"].replace("−", "-")) if part["e"] else 1.0
        if part["ten"]:
            factor *= 10.0 ** _exponent(re.split("10", part["ten"], maxsplit=1)[1])
        value, unit = value * factor, unit * factor
        if part["power"]:
            value, unit = value ** _exponent(part["power"]), 0.0
    factor = _factor((part["scale"] or "") + (part["percent"] or ""))
    if part["sign"]:
        value = -value
    return Number(
        match.start(), match.end(), value * factor, unit * factor, bool(part["power"] or part["fraction"])
    )


def _exponent(text):
    text = re.sub(r"</?sup>|[\^{}\s\0]", "", text).translate(RAISED).replace("−", "-")
    return _arithmetic(ast.parse(text.replace("×", "*").replace("·", "*"), mode="eval").body)


def _arithmetic(node):
    """The value of a tree of numbers, operators and sqrt; ValueError for anything else."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_arithmetic(operand)
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument]):
            return math.sqrt(_arithmetic(argument))
        case ast.Name(id="e" | "pi" as name):
            return getattr(math, name)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _arithmetic(left), _arithmetic(right)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div() if b:
                    return a / b
                case ast.Pow() if abs(b) < 1e4:
                    return float(a) ** b
    raise ValueError("no arithmetic")


def _in_words(phrase):
    """The number that a phrase without digits says: "ten million", "a quarter"; None if it says none."""
    known = [WORDS[word] for word in re.findall("[a-z]+", phrase.lower()) if word in WORDS]
    return math.prod(known) if known else None


# --- Texts ---------------------------------------------------------------------------------------


@dataclass
class Text:
    """One markdown cell, or one text of a question, with what is around it."""

    file: str
    cell: str
    source: str
    literals: set = field(default_factory=set)  # numbers in the code of its section
    answers: tuple = ()  # of a question: values of expressions
    given: int = 0  # of a question: so many characters of its source say what is given
    is_choice: bool = False
    reference_list: bool = False

    @functools.cached_property
    def plain(self):
        return plain(self.source)

    @functools.cached_property
    def numbers(self):
        return numbers(self.source)

    def span(self, phrase):
        """Where a phrase stands, any white space alike; AssertionError unless it stands there once."""
        words = r"\s+".join(map(re.escape, phrase.split()))
        places = [match.span() for match in re.finditer(words, self.source)] if words else []
        where = f"{self.file} [{self.cell}]"
        assert places, f"{where} does not say {phrase!r}:\n{self.source}"
        assert len(places) == 1, f"{where} says {phrase!r} {len(places)} times: take more words"
        return places[0]

    def within(self, phrase):
        """The Numbers in a phrase that are no structure; AssertionError if it cuts through one."""
        start, end = self.span(phrase)
        touched = [n for n in self.numbers if n.start < end and n.end > start]
        for n in touched:
            whole = self.source[n.start : n.end]
            assert start <= n.start and n.end <= end, (
                f"{phrase!r} cuts through the number {whole!r} of [{self.cell}]"
            )
        return [n for n in touched if not self.is_structure(n)]

    def is_structure(self, number):
        return any(a <= number.start and number.end <= b for a, b in self._structures)

    @functools.cached_property
    def _structures(self):
        return [match.span() for pattern in STRUCTURE for match in pattern.finditer(self.plain)]

    @functools.cached_property
    def blocks(self):
        """Spans of paragraphs, list items and table rows."""
        return [match.span() for match in re.finditer(r"[^\n]+", self.source)]

    def sentence(self, number):
        """The span of the sentence (table row, list item) around a number."""
        start, end = next(block for block in self.blocks if block[0] <= number.start < block[1])
        if self.source[start:end].lstrip().startswith("|"):
            return start, end
        ends = [m.end() for m in SENTENCE_END.finditer(self.source, start, end)]
        return (
            max([start, *(e for e in ends if e <= number.start)]),
            min([end, *(e for e in ends if e > number.start)]),
        )


SENTENCE_END = re.compile(
    r"(?<!et al)(?<!e\.g)(?<!i\.e)(?<! vs)[.!?][”*)_]*\s+(?=[A-Z“*$`\[(√α-ωΔ‖\d−])(?!\(\d{4}\))"
)

_ONE = r"\d+(?:\.\d+)*"
# A year; thousands are written with a comma.
_YEAR = r"(?!2000)(?:19\d\d|20[0-2]\d)"
STRUCTURE = [
    re.compile(
        r"(?i:(?:chapters|sections|exercises|eqs|equations|figures|tables|§§)"
        rf" {_ONE}(?:(?:, | and |–| to | or ){_ONE})*"
        r"|(?:chapter|section|exercise|eq\.?|equation|figure|table|algorithm|year|python|arxiv|layer|block|lesson:|§)"
        rf" {_ONE})(?![\w.]*\d| ?%)",
    ),
    re.compile(rf"(?<![\w.,]){_YEAR}(?![\w,.]*\d| ?%|s)"),
    re.compile(rf"^#+ {_ONE}(?= ·)|^[ >]*\d+\. |^\| \d+(?= ·)", re.MULTILINE),
    re.compile(rf"{_ONE}(?:(?:–| to | or ){_ONE})?(?: (?:points?|seconds?|minutes?|hours?)|-bit)\b|\[\d+\]"),
    re.compile(r"(?<![\w.,])\d+\s?×\s*\d+(?![\w.,]*\d)(?! ?%)"),  # 8×8, the shape of something
]

# A name and a year: "He et al. (2016)", "Loshchilov & Hutter 2019", "PyTorch 2.9" is none.
_NAME = r"[A-Z][\w’'-]+"
PAPER = re.compile(
    rf"{_NAME}(?:(?:, | & | and ){_NAME})*(?: et al\.)?,? (?:[A-Z][a-z]+ )?"
    rf"\(?{_YEAR}[a-z]?(?![\w.,]*\d)"
)

# What makes a number a claim: it is measured, compared or rounded.
CLAIM_BEFORE = re.compile(
    r"(?:about|around|roughly|nearly|almost|≈|~|×|factor of|factors of|only)\s?[*$]*$", re.IGNORECASE
)
BOUND_BEFORE = re.compile(
    r"(?:over|under|above|below|beyond|at least|at most|(?:more|less|fewer|higher|lower|better|worse) than"
    r"|up to|by|to|from|between|<|>|≤|≥)\s?[*$]*$",
    re.IGNORECASE,
)
CLAIM_AFTER = re.compile(r"[*$]*(?:\s?\\?%| times|×|-fold|-th| of the )")


# --- Where the texts are -------------------------------------------------------------------------


@functools.cache
def notebook(folder, name):
    """{cell id: Text} of one notebook's markdown cells; ValueError if there is no such notebook."""
    path = ROOT / folder / f"{name}.ipynb"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.ipynb")))
        raise ValueError(f"there is no notebook {folder}/{name}.ipynb; there are {known}")
    return texts(f"{folder}/{name}", json.loads(path.read_text("utf-8"))["cells"])


def texts(file, cells):
    """{cell id: Text} of the markdown cells of a notebook."""
    found, section = {}, []
    literals = set()
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            literals |= code_numbers(source)
            continue
        if re.match("##? ", source):  # a new section, with literals of its own
            literals = set()
        section = literals
        references = bool(re.match(r"## (References|Where|Sources)", source))
        found[cell["id"]] = Text(file, cell["id"], source, section, reference_list=references)
    return found


def code_numbers(source):
    """The numbers in code: literals, arithmetic of literals, and what the instruments in it open with."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant | ast.BinOp | ast.UnaryOp):
            try:
                found.add(float(_arithmetic(node)))
            except (ValueError, OverflowError, TypeError, ZeroDivisionError):
                continue
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found |= _defaults(node.func.id)
    return found


@functools.cache
def _defaults(name):
    """The numbers that an instrument of the course opens with, and those of its presets."""
    module = vars(inspect.getmodule(getattr(instruments, name, None)) or object).values()
    classes = [one for one in module if inspect.isclass(one) and issubclass(one, Instrument)]
    controls = [control for one in classes for control in getattr(one, "controls", ())]
    values = [control.default for control in controls if hasattr(control, "default")]
    values += [v for c in classes for preset in getattr(c, "presets", {}).values() for v in preset.values()]
    return {float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)}


@functools.cache
def questions():
    """{id: Text} of all that the questions and the checks of exercises say."""
    found = {}
    for path in sorted((ROOT / "helpers" / "chapters").glob("*/words.toml")):
        words = tomllib.loads(path.read_text("utf-8"))
        tables = {id: table for id, table in words.items() if "kind" in table}
        file = f"questions/{words['lesson']}"
        found |= {id: question(file, id, table) for id, table in tables.items()}
        found |= {name: hints(file, name, table) for name, table in words.get("exercise", {}).items()}
    return found


def hints(file, name, table):
    """The Text of an exercise's hints and of what its check says to mistakes, from its table."""
    lines = [*table["hints"], *table["mistakes"].values()]
    return Text(file, name, "\n".join(" ".join(line.split()) for line in lines))


def question(file, id, table):
    """The Text of a question (its text, the right option, all feedback), from its table.

    Where numbers are drawn it is the question as the lesson asks it, and what is computed from them is
    computed here as well.
    """
    draw, values = draws_of(table)[0], []
    formulas = [table.get("answer"), *(wrong["value"] for wrong in table.get("wrong", ()))]
    table = filled(table, draw, computed=values)
    choices = table.get("options", [])
    parts = [table["text"]]
    parts += [option["text"] for option in choices if option.get("correct")]
    parts += [table[key] for key in ("right", "too_small", "too_large") if key in table]
    parts += [part["feedback"] for part in (*choices, *table.get("wrong", ()))]
    literals = {float(number) for number in draw.values() if not isinstance(number, str)}
    for expression in formulas:
        if isinstance(expression, int | float):
            literals.add(float(expression))
        elif expression:
            expression = re.sub(r"\w+", lambda name: str(draw.get(name[0], name[0])), expression)
            values.append(evaluate(expression, {}))
            literals |= code_numbers(expression.replace("^", "**"))
    # Line breaks of the file are none of the sentence's.
    lines = [" ".join(part.split()) for part in parts]
    text = Text(file, id, "\n".join(lines), literals, tuple(values))
    text.given, text.is_choice = len(lines[0]), bool(choices)
    text.literals |= {float(table[key]) for key in ("rtol", "factor") if key in table}
    return text


# --- The vouchers --------------------------------------------------------------------------------


def lesson(name):
    """`said(cell id, phrase)` for a lesson, by its notebook's name without .ipynb."""
    return functools.partial(_said, "notebooks", name)


def workbook(name):
    """`said(cell id, phrase)` for the exercises of a chapter, in solutions/."""
    return functools.partial(_said, "solutions", name)


def asked(question, phrase):
    """The number in a phrase of a question's text or feedback; a tuple if there are several."""
    known = questions()
    assert question in known, f"there is no question {question!r}"
    return value(known[question], phrase)


def _said(folder, name, cell, phrase):
    cells = notebook(folder, name)
    assert cell in cells, f"{folder}/{name} has no markdown cell {cell!r}"
    return value(cells[cell], phrase)


def value(text, phrase):
    """The number in a phrase of a Text; a tuple if there are several."""
    found = tuple(n.value for n in text.within(phrase))
    if not found:
        in_words = _in_words(phrase)
        assert in_words is not None, f"there is no number in {phrase!r}"
        return float(in_words)
    return found if len(found) > 1 else found[0]


@dataclass(frozen=True)
class Voucher:
    """A call of `said` or `asked` that a test asserts something about."""

    file: str  # "notebooks/04_residual_connections", or "questions"
    cell: str
    phrase: str
    where: str


@functools.cache
def vouchers():
    """All vouchers in the tests."""
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        found += vouchers_in(path.read_text("utf-8"), str(path.relative_to(ROOT)))
    return found


def vouchers_in(source, where="a test"):
    """The vouchers in the source of a test file."""
    tree = ast.parse(source)
    # name -> what it reads from, as `said = lesson("…")` says anywhere in the file
    readers = {"asked": "questions"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _opened(node.value):
            readers[node.targets[0].id] = _opened(node.value)
    found = []
    for test in _tests(tree):
        for call in _asserted_calls(test, tree, readers):
            file = _opened(call.func) or readers.get(getattr(call.func, "id", None))
            literal = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if file and len(literal) == len(call.args) == 2:
                found.append(Voucher(file, *literal, f"{where}:{call.lineno}"))
    return found


def _opened(node):
    """The notebook that lesson("…") or workbook("…") opens; None for anything else."""
    match node:
        case ast.Call(
            func=ast.Name(id="lesson" | "workbook" as kind), args=[ast.Constant(value=str() as name)]
        ):
            return ("notebooks/" if kind == "lesson" else "solutions/") + name
    return None


def _tests(tree):
    """The test functions that pytest collects: of the module, and of its classes Test…."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            yield node
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test"))


def _asserted_calls(test, module, readers):
    """The calls whose value comes into an assertion of a test, directly or by a name."""
    sources = [
        *_assignments(test),
        *(pair for node in module.body for pair in _assignments(node, deep=False)),
    ]
    # Names for nothing but the text's own words or a literal: comparing those asserts nothing.
    fixed = {name for names, value in sources if _is_fixed(value, readers, ()) for name in names}
    fixed -= {name for names, value in sources if not _is_fixed(value, readers, ()) for name in names}
    assertions = [node for node in ast.walk(test) if _asserts(node, readers, fixed)]
    calls, reached = [], set()

    def reach(node):
        calls.extend(n for n in ast.walk(node) if isinstance(n, ast.Call))
        reached.update(n.id for n in ast.walk(node) if isinstance(n, ast.Name))

    for node in assertions:
        reach(node)
    while more := [pair for pair in sources if reached & set(pair[0])]:
        for pair in more:
            sources.remove(pair)
            reach(pair[1])
    return calls


def _assignments(tree, deep=True):
    """(names, value) of all that gives names their values: assignments, loops, parameters of a test."""
    for node in ast.walk(tree) if deep else [tree]:
        match node:
            case ast.Assign(targets=targets, value=value):
                yield [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)], value
            case (
                ast.NamedExpr(target=target, value=value)
                | ast.For(target=target, iter=value)
                | ast.comprehension(target=target, iter=value)
            ):
                yield [n.id for n in ast.walk(target) if isinstance(n, ast.Name)], value
            case ast.Call(
                func=ast.Attribute(attr="parametrize"), args=[ast.Constant(value=str() as names), values]
            ):
                yield [name.strip() for name in names.split(",")], values


def _asserts(node, readers, fixed):
    """Is this an assertion that something else than the text's wording can make fail?"""
    if isinstance(node, ast.Assert):
        compares = [n for n in ast.walk(node.test) if isinstance(n, ast.Compare)]
        sides = [side for c in compares for side in (c.left, *c.comparators)] or [node.test]
        return not all(_is_fixed(side, readers, fixed) for side in sides)
    return _called(node).startswith("assert_")


def _called(node):
    """The name of the function that a node calls; "" if it is no call."""
    return getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""


def _is_fixed(node, readers, names):
    """Is it a literal, or the text's own number?"""
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name in names
        case ast.UnaryOp(operand=operand):
            return _is_fixed(operand, readers, names)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return all(_is_fixed(element, readers, names) for element in elements)
        case ast.Call(args=[first, *_]) if _called(node) in ("approx", "float", "abs", "round"):
            return _is_fixed(first, readers, names)
        case ast.Call():
            return _called(node) in readers or _opened(node.func) is not None
    return False


# --- Who vouches for what ------------------------------------------------------------------------


def judge(text, phrases=()):
    """[(Number, kind)] for each number in a Text; kind is None if nobody vouches for it."""
    asserted = set()
    for phrase in phrases:
        try:
            asserted |= set(text.within(phrase))
        except AssertionError:  # the text has changed: the phrase vouches for nothing any more
            continue
    computed, wrong = _computed(text)
    kinds = {n: _kind(text, n, asserted, computed, wrong) for n in text.numbers}
    if text.file.startswith("questions"):  # it says the same in several of its answers
        vouched = {n.value: kind for n, kind in kinds.items() if kind in ("asserted", "computed")}
        kinds |= {n: vouched.get(n.value) for n, kind in kinds.items() if kind is None and n not in wrong}
    return list(kinds.items())


def _kind(text, n, asserted, computed, wrong):
    if text.is_structure(n):
        return "structure"
    if n in asserted:
        return "asserted"
    if n in wrong:
        return None
    if n in computed or any(n.value not in COUNTING and _rounds_to(v, n) for v in text.answers):
        return "computed"
    if text.reference_list or _is_quoted(text, n):
        return "quoted"
    if text.given and _is_given(text, n):
        return "setting"
    before = text.plain[max(0, n.start - 30) : n.start].replace("\0", "")
    after = text.plain[n.end : n.end + 20]
    if CLAIM_BEFORE.search(before) and not re.match(r" ?[+−·/]", after):
        return None
    if CLAIM_AFTER.match(after) or "%" in text.plain[n.start : n.end]:
        return None
    if n.value in COUNTING and not n.compound:
        return "counting"
    if n.value in text.literals and not BOUND_BEFORE.search(before):
        return "setting"
    return None


def _is_given(text, n):
    """Is it what a question's answer is computed from, what an invented case is about, or its repetition?"""
    if n.end <= text.given:
        return text.is_choice or n.value in text.literals
    return n.value in text.literals | {other.value for other in text.numbers if other.end <= text.given}


def _rounds_to(exact, shown):
    """Is a Number an exact value, rounded to the digits that it shows?"""
    return abs(exact - shown.value) <= max(min(shown.unit / 2, 0.1 * abs(exact)), 1e-9 * abs(exact))


def _is_quoted(text, n):
    start, end = text.sentence(n)
    if PAPER.search(text.source, start, end):
        return True
    start, end = next(block for block in text.blocks if block[0] <= n.start < block[1])
    line = text.source[start:end]
    if line.lstrip().startswith(">"):  # a quotation in a block that names its source
        inside = any(start + m.start() <= n.start < start + m.end() for m in re.finditer("“[^”]*”", line))
        return inside and bool(PAPER.search(line))
    if line.lstrip().startswith("|"):  # the head of a table's column
        rows = [text.source[a:b] for a, b in text.blocks if b < start and text.source[a:b].startswith("|")]
        column = line[: n.start - start].count("|")
        heads = [row for row, below in pairwise([*rows, line]) if re.match(r"\|[-: |]+$", below)]
        cells = heads[-1].split("|") if heads else []
        return column < len(cells) and bool(PAPER.search(cells[column]))
    return False


def _computed(text):
    """The numbers in arithmetic that the text writes down: where it is right, and where it is wrong."""
    right_ones, wrong_ones = set(), set()
    source = text.plain.replace("\0", " ")
    for sign in EQUAL.finditer(source):
        left, right = _before(text, source, sign.start()), _after(text, source, sign.end())
        if left is None or right is None:
            continue
        (a, left_numbers, left_simple), (b, right_numbers, right_simple) = left, right
        if left_simple and right_simple:
            continue
        # To the digits that are shown; where both sides are formulas, exactly.
        unit = left_numbers[0].unit if left_simple else right_numbers[0].unit if right_simple else 0
        slack = 0.5 * (1 + 1e-9) * unit
        if sign.group() == "=":  # "5 = 5.4" is no rounding; that takes a ≈
            slack = min(slack, 0.02 * abs(b))
        agree = abs(a - b) <= max(slack, 1e-9 * abs(a))
        if sign.group() == "≈" and b > 0 and re.match(r"\s*10[\^⁰¹²³⁴-⁹⁻]", source[sign.end() :]):
            agree = a > 0 and abs(math.log10(a / b)) <= 0.5  # an order of magnitude
        (right_ones if agree else wrong_ones).update(left_numbers, right_numbers)
    return right_ones - wrong_ones, wrong_ones


EQUAL = re.compile("[=≈]| is(?: about| only)?(?= [*$]*[\\d½¼])")
_ARITHMETIC = r"[\d\s.,·×*/+\-−^(){}√π½¼¾⁄⁰¹²³⁴-⁹⁻e%]"


_WORD = re.compile(r"(?<![^\s($|*])[^\s*]")


def _before(text, source, end):
    """`_evaluated` of the longest arithmetic that ends there; None if letters belong to it, too."""
    start = end - len(re.search(rf"{_ARITHMETIC}*$", source[:end].replace("\n", "|")).group())
    if re.match(r"\s*[·×/+\-−]\s", source[start:end]) or source[:start].endswith("power"):
        return None
    for word in _WORD.finditer(source, start, end):
        if re.search(r"[·×/+\-−^]\s*$", source[start : word.start()]):  # cut out of a formula
            return None
        if result := _evaluated(text, source, word.start(), end):
            return result
    return None


def _after(text, source, start):
    """`_evaluated` of the longest arithmetic that starts there; None if a formula with letters goes on."""
    run = re.match(rf"{_ARITHMETIC}*", source[start:].split("\n")[0]).group()
    for stop in [len(run), *(m.start() + 1 for m in reversed(list(re.finditer(r"\S(?=[\s,.)]|$)", run))))]:
        result = _evaluated(text, source, start, start + stop)
        if result:
            rest = source[start + stop :].lstrip(" ")
            in_formula = source[: start + stop].count("$") % 2 == 1
            if re.match(r"[·×*/+^√]|[-−] ?\w", rest) or (in_formula and re.match(r"[\w(\\{]", rest)):
                return None
            return result
    return None


def _evaluated(text, source, start, end):
    """(value, Numbers, is it one plain number) of a stretch of the source; None if it is no arithmetic."""
    inside = [n for n in text.numbers if start <= n.start and n.end <= end]
    if not inside and not re.search("[πe]", source[start:end]):
        return None
    if any(n.start < end and n.end > start and n not in inside for n in text.numbers):
        return None
    python, at = "", start
    for n in inside:
        python += source[at : n.start] + f"({n.value!r})"
        at = n.end
    python += source[at:end]
    python = re.sub(r"[⁰¹²³⁴-⁹⁻]+", lambda m: "**" + m.group().translate(RAISED), python)
    python = re.sub(r"\^(?=[\d({])", "**", python).translate(str.maketrans("·×−{}", "**-()"))
    python = re.sub(r"√\s*(?=\()", "sqrt", python.replace("π", "pi"))
    python = re.sub(r"√\s*(e|pi)\b", r"sqrt(\1)", python)
    python = python.strip(" *.,")
    try:
        result = _arithmetic(ast.parse(python, mode="eval").body)
    except (SyntaxError, ValueError, OverflowError):
        return None
    is_number = len(inside) == 1 and not inside[0].compound and python == f"({inside[0].value!r})"
    return result, inside, is_number


# --- The list ------------------------------------------------------------------------------------


def everything():
    """All Texts of the course."""
    for folder in ("notebooks", "solutions"):
        for path in sorted((ROOT / folder).glob("*.ipynb")):
            yield from notebook(folder, path.stem).values()
    yield from questions().values()


def judged(text):
    """`judge` with the vouchers that the tests hold for this Text."""
    return judge(text, [voucher.phrase for voucher in vouchers_of(text)])


def vouchers_of(text):
    """The vouchers that the tests hold for a Text."""
    return [one for one in vouchers() if one.cell == text.cell and text.file.startswith(one.file)]


def unvouched(texts):
    """One line for each number in these Texts that nobody vouches for."""
    for text in texts:
        for number, kind in judged(text):
            if kind is None:
                a, b = text.sentence(number)
                sentence = " ".join(text.source[a:b].split())
                yield f"{text.file} [{text.cell}]  {text.source[number.start : number.end]}  in: {sentence}"


def table():
    """The count of numbers, file by file, as text."""
    counts = {}
    for text in everything():
        counts.setdefault(text.file, Counter()).update(kind or "UNVOUCHED" for _, kind in judged(text))
    counts["all"] = sum(counts.values(), Counter())
    columns = (*KINDS, "UNVOUCHED")
    lines = [f"{'':44}{'found':>7}" + "".join(f"{c:>11}" for c in columns)]
    for name, count in counts.items():
        lines.append(f"{name:44}{count.total():7}" + "".join(f"{count[c]:11}" for c in columns))
    return "\n".join(lines)


if __name__ == "__main__":
    names = sys.argv[1:]
    if not names:
        print(table())
    for name in names:
        chosen = [text for text in everything() if name in (text.file, text.file.rpartition("/")[2])]
        lines = list(unvouched(chosen))
        print(*lines, f"{name}: {len(lines)} numbers that nobody vouches for", sep="\n")
