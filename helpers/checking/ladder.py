"""The ladder between the second hint and a blank function: lines to order, then gaps to fill.

All of it is made from the reference, and judged as any answer is: by running what was put together.
"""

import ast
import difflib
import inspect
import io
import linecache
import re
import textwrap
import tokenize
from html import escape

import numpy as np
from traitlets import Dict

from helpers.browser.notebook import InBrowser
from helpers.checking.calls import Printed, Problem, own_functions, quiet
from helpers.checking.cards import Card, diagnosis, example
from helpers.checking.judging import Judgement, judged
from helpers.progress.record import PROGRESS

LONG = 6  # lines of a reference; a ladder has more
DECOYS = 2  # wrong lines among those to order
GAPS = 4
SHORT, LONGEST = 2, 24  # characters of a gap
OPENED, ORDERED, FILLED = 3, 4, 5  # in the record they follow the hints 1 and 2
STEPS = "Put the lines in order", "Fill the gaps", "Write it yourself"

# What a wrong line has instead, where no known mistake gives one.
SWAPS = {"+": "-", "-": "+", "*": "/", "/": "*", "<": ">", ">": "<", "0": "1", "1": "0", "2": "1"}
SWAPS |= {"mean": "sum", "sum": "mean", "maximum": "minimum", "var": "std", "not ": ""}


def has_ladder(exercise):
    """Whether the reference is long enough for steps."""
    return sum(text.count("\n") + 1 for _, text in body(exercise.source)) > LONG


def by_the_ladder(exercise):
    """Whether the most points of an exercise were reached only after its ladder had been opened."""
    opened = [row.time for row in PROGRESS.hints(exercise) if row.number >= OPENED]
    tries = PROGRESS.attempts(exercise)
    best = max((row.points for row in tries), default=0)
    return bool(opened and best and next(row.time for row in tries if row.points == best) > opened[0])


class Ladder(InBrowser):
    """The steps of one exercise in the browser (`ladder.js`)."""

    module = "ladder.js"
    _about = Dict().tag(sync=True)
    _state = Dict().tag(sync=True)  # {passed, look, html, count}

    def __init__(self, exercise):
        rng = np.random.default_rng([*exercise.name.encode()])
        self.exercise, self.seed = exercise, int(rng.integers(10**6))
        lines = body(exercise.source) + decoys(exercise, rng)
        self.lines = [lines[i] for i in rng.permutation(len(lines))]
        self.pieces, gaps = with_gaps(exercise.source, rng)
        about = {
            "title": f"{exercise.title}: the ladder",
            "steps": STEPS,
            "head": head(exercise),
            "lines": self.lines,
            "needed": len(body(exercise.source)),
            "pieces": self.pieces,
            "gaps": gaps,
            "last": f"Now without help: write <code>{exercise.name}</code> in your own cell, and check it. "
            "You get its points as always; the report says that the ladder helped.",
        }
        steps = (ORDERED, FILLED)
        passed = [i for i, step in enumerate(steps) if step in self._noted]
        super().__init__(_about=about, _state={"passed": passed, "look": "", "html": "", "count": 0})
        self._note(OPENED)
        self.on_msg(lambda _, content, buffers: self.submit(**content))

    def submit(self, order=None, gaps=None):
        """Judge the numbers of the `lines` in an order, or the texts for the gaps, and say what was found."""
        if order is not None:
            source = "\n".join([head(self.exercise), *(indented(*self.lines[i]) for i in order)])
            return self._respond(0, ORDERED, source, len(order) - self._about["needed"])
        for text in gaps:
            try:
                ast.parse(text.strip(), mode="eval")
            except SyntaxError:
                what = f"“{escape(text)}” is no expression." if text.strip() else "A gap is still empty."
                return self._say("muted", what)
        texts = iter(gaps)
        source = "".join(f"({next(texts).strip()})" if piece is None else piece for piece in self.pieces)
        return self._respond(1, FILLED, source, 0)

    def _respond(self, step, number, source, more):
        judgement = run(self.exercise, source, self.seed)
        works = judgement.outcome == "correct" and not judgement.problem
        if works and more > 0:
            words = "It works. But not all of these lines are needed: leave out what does nothing."
            return self._say("muted", words)
        if works:
            self._note(number)
            passed = sorted({*self._state["passed"], step})
            words = f"✓ It passes the check. On to step {step + 2}: {STEPS[step + 1].lower()}."
            return self._say("good", f"<b>{words}</b>", passed)
        card = Card("alarm", "✗ Not yet.", *diagnosis(judgement), *example(judgement))
        return self._say("alarm", card.inside())

    def _say(self, look, html, passed=None):
        passed = self._state["passed"] if passed is None else passed
        count = self._state["count"] + 1
        self._state = {"passed": passed, "look": look, "html": html, "count": count}

    @property
    def _noted(self):
        return {row.number for row in PROGRESS.hints(self.exercise.name)}

    def _note(self, number):
        if number not in self._noted:
            PROGRESS.record_hint(self.exercise.name, number)

    def still(self):
        """The lines in the order in which they are offered, for a page without a kernel."""
        lines = escape("\n".join([self._about["head"], *(indented(*line) for line in self.lines)]))
        words = f"{self._about['title']}. {STEPS[0]}:"
        return {"text/html": f"<p>{escape(words)}</p><pre>{lines}</pre>", "text/plain": words}


def run(exercise, source, seed):
    """The Judgement of a check on a function given as text, which sees what the reference sees."""
    names, file = dict(exercise.reference.__globals__), f"<ladder {exercise.name}>"
    linecache.cache[file] = (len(source), None, [line + "\n" for line in source.splitlines()], file)
    with own_functions(), quiet(Printed()):
        try:
            exec(compile(source, file, "exec"), names)
        except SyntaxError as error:
            text, line = f"Python cannot read it: {error.msg}.", (error.text or "").strip()
            return Judgement(exercise, seed, problem=Problem("form", text, error.lineno, line))
        return judged(exercise, names[exercise.name], seed)


# --- What it is made of -------------------------------------------------------------------------------


def logical(source):
    """The logical lines of a source, without comments: [(depth, text)]. Brackets keep their rows."""
    rows, lines, depth, start, comments = source.splitlines(), [], 0, None, []
    for token in tokenize.generate_tokens(io.StringIO(source + "\n").readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            depth += 1 if token.type == tokenize.INDENT else -1
        elif token.type == tokenize.COMMENT:
            comments.append(token.start)
        elif token.type == tokenize.NEWLINE:
            cut = dict(comments)
            text = [rows[i - 1][: cut.get(i)].rstrip() for i in range(start[0], token.start[0] + 1)]
            text[0] = text[0][start[1] :]
            text[1:] = [row.removeprefix(" " * start[1]) for row in text[1:] if row]
            lines.append((depth, "\n".join(text)))
            start = None
        elif start is None and token.type not in (tokenize.NL, tokenize.ENDMARKER):
            start = token.start
    return lines


def body(source):
    """The logical lines of a function below its docstring, their depth counted from the function's."""
    said = bool(ast.get_docstring(ast.parse(source).body[0]))
    return [(depth - 1, text) for depth, text in logical(source)[1 + said :]]


def head(exercise):
    return f"def {exercise.name}({', '.join(exercise.parameters)}):"


def indented(depth, text):
    return textwrap.indent(text, "    " * (depth + 1))


def decoys(exercise, rng):
    """Wrong lines: each in the place of a right one makes the function fail. From known mistakes first."""
    right, found = body(exercise.source), []
    known, other = list(_of_mistakes(exercise, right)), list(_swapped(right))
    order = [known[i] for i in rng.permutation(len(known))] + [other[i] for i in rng.permutation(len(other))]
    for i, text in order:
        if len(found) < DECOYS and i not in {j for j, _ in found} and text not in {line for _, line in right}:
            lines = [*right[:i], (right[i][0], text), *right[i + 1 :]]
            source = "\n".join([head(exercise), *(indented(*line) for line in lines)])
            if run(exercise, source, 0).outcome == "incorrect":
                found.append((i, text))
    return [(right[i][0], text) for i, text in found]


def _of_mistakes(exercise, right):
    """(place, text) of lines in known mistakes that are nearly the reference's, with its names alone."""
    texts = [text for _, text in right]
    names = _names(exercise.source) - {exercise.name}
    for wrong in exercise.wrong:
        source = textwrap.dedent(inspect.getsource(wrong.function))
        if source.startswith("def "):
            for _, text in body(source):
                near = difflib.get_close_matches(text, texts, n=1, cutoff=0.6)
                if near and _names(text) <= names:
                    yield texts.index(near[0]), text


def _names(source):
    """The names in a piece of code: of it the texts and comments are no part."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


SWAPPED = re.compile(r"(?<= )[-+*/<>](?= )|(?<=[ =])[012](?![\w.])|(?<=\.)[a-zA-Z]+\b|\bnot ")


def _swapped(right):
    """(place, text) of every line with one operator, number or method of SWAPS exchanged."""
    for i, (_, text) in enumerate(right):
        for found in SWAPPED.finditer(text):
            if found[0] in SWAPS:
                yield i, text[: found.start()] + SWAPS[found[0]] + text[found.end() :]


def with_gaps(source, rng):
    """(pieces, widths): the source with up to GAPS expressions taken out, each None; their lengths."""
    tree = ast.parse(source).body[0]
    rows, places = source.splitlines(), {}
    for node in ast.walk(tree):
        fits = isinstance(
            node, ast.BinOp | ast.Compare | ast.Subscript | ast.UnaryOp | ast.Call | ast.keyword
        )
        node = node.value if isinstance(node, ast.keyword) else node
        if fits and node.lineno == node.end_lineno and not isinstance(getattr(node, "ctx", None), ast.Store):
            row = rows[node.lineno - 1].encode()
            low, high = (len(row[:offset].decode()) for offset in (node.col_offset, node.end_col_offset))
            if high - low in range(SHORT if isinstance(node, ast.BinOp) else 1, LONGEST + 1):
                places.setdefault(node.lineno, []).append((low, high))
    chosen = sorted(rng.permutation(sorted(places))[:GAPS])
    pieces, gaps, text = [], [], ""
    for number, row in enumerate(rows, 1):
        if number in chosen:
            low, high = places[number][rng.integers(len(places[number]))]
            pieces += [text + row[:low], None]
            gaps.append(high - low)
            text = row[high:] + "\n"
        else:
            text += row + "\n"
    return [*pieces, text], gaps
