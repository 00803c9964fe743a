"""The cards of check, hint and solution: HTML in the page's colours, and the same as plain text."""

import functools
import json
import re
from html import escape
from pathlib import Path

import numpy as np

from helpers.checking.comparing import differences, leaves
from helpers.checking.values import Phi, Rng
from helpers.figures.theme import output

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LONGEST = 600  # characters of a learner's value
LARGE = 24  # entries above which an array is not shown whole
FIRST = 3  # entries shown of those that differ


class Card:
    """A message. `look` is good, alarm or muted; a paragraph is a text, or one of the classes below.

    Everything is escaped; `code` in a text is set as code.
    """

    def __init__(self, look, title, *paragraphs):
        self.look, self.title = look, title
        self.paragraphs = [part for part in paragraphs if part]

    def _repr_html_(self):
        return output(self.title, self.html())

    def html(self):
        return f'<div class="td-card td-{self.look}" role="status">{self.inside()}</div>'

    def inside(self):
        """Its title and paragraphs as HTML, for a card of somebody else."""
        parts = [
            part.html() if hasattr(part, "html") else f"<div>{prose(part)}</div>" for part in self.paragraphs
        ]
        return f"<b>{prose(self.title)}</b>{''.join(parts)}"

    def __repr__(self):
        return "\n".join([self.title, *map(str, self.paragraphs)])


class Code:
    """Lines of code, or of what a program said."""

    def __init__(self, text):
        self.text = text

    def html(self):
        return f"<pre>{escape(self.text)}</pre>"

    def __str__(self):
        return "\n".join("    " + line for line in self.text.splitlines())


class Parts:
    """✓ or ✗ for each named property, with its points."""

    def __init__(self, results):
        self.results = results

    def html(self):
        items = "".join(
            f'<li><span class="td-{"yes" if r.passed else "no"}">{_mark(r)}</span> {prose(r.prop.name)} '
            f"<small>{r.points} of {r.prop.points}</small></li>"
            for r in self.results
        )
        return f'<ul class="td-parts">{items}</ul>'

    def __str__(self):
        return "\n".join(f"  {_mark(r)} {r.prop.name} ({r.points} of {r.prop.points})" for r in self.results)


class Link:
    """A link to a section of a lesson, from a notebook in a neighbouring folder."""

    def __init__(self, before, lesson, section=""):
        self.before, self.lesson, self.section = before, lesson, section

    def html(self):
        return f"<div>{prose(self.before)} {self.anchor()}</div>"

    def anchor(self):
        return f'<a href="{escape(address(self.lesson, self.section))}">{escape(self._name())}</a>'

    def _name(self):
        word = "section " if self.section[:1].isdigit() else ""
        return f"Chapter {int(self.lesson[:2])}" + (f", {word}{self.section}" if self.section else "")

    def __str__(self):
        return f"{self.before} {self._name()} (notebooks/{self.lesson}.ipynb)"


class Table:
    """Rows of texts or Links under a line of heads."""

    def __init__(self, heads, rows):
        self.heads, self.rows = heads, rows

    def html(self):
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in self.rows
        )
        return f'<table class="td-plain"><tr>{head}</tr>{body}</table>'

    def __str__(self):
        lines = [self.heads, *([str(cell).strip() for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def address(lesson, section=""):
    """The relative address of a lesson's section, by the id of the cell with its heading.

    JupyterLab cannot follow a heading's own name where that holds more than ASCII, as "4 · …" does. (In a
    notebook that is not open yet it follows neither, and shows the top.)
    """
    cell = _cells(lesson).get(section)
    return f"../notebooks/{lesson}.ipynb" + (f"#cell-id={cell}" if cell else "")


@functools.cache
def _cells(lesson):
    """The cell ids of a lesson by the headings in them; none where the notebooks are not at hand."""
    try:
        text = (NOTEBOOKS / f"{lesson}.ipynb").read_text("utf-8")
    except OSError:
        return {}
    cells = [(cell["id"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return {heading: id for id, source in cells for heading in re.findall(r"^#+ (.*)$", source, re.MULTILINE)}


def prose(text):
    """A text as HTML: escaped, with `code` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(str(text)))


def shown(value):
    """A plain value as a learner would type it; a large array by its shape."""
    if isinstance(value, np.ndarray):
        if value.size > LARGE:
            return f"<array of shape {value.shape}>"
        words = np.array2string(value, precision=4, separator=", ", prefix="np.array(", max_line_width=76)
        return f"np.array({words})"
    if isinstance(value, Rng | Phi | str | bool):
        return repr(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        entries = [_under(f"{key!r}: ", shown(item)) for key, item in value.items()]
        line = ", ".join(entries)
        return "{" + (line if len(line) < 70 and "\n" not in line else ",\n ".join(entries)) + "}"
    if isinstance(value, list | tuple):
        items = [shown(item) for item in value[:8]] + (["…"] if len(value) > 8 else [])
        if any("\n" in item for item in items):
            items = [",\n ".join(_under("", item) for item in items)]
        return f"[{', '.join(items)}]" if isinstance(value, list) else f"({', '.join(items)})"
    return str(value)


def _under(key, words):
    """An entry of a dictionary, or of a list (no key): its further lines stand under the first."""
    return key + words.replace("\n", "\n" + " " * (len(key) + 1))


def judgement_card(judgement):
    """The card of one check."""
    exercise = judgement.exercise
    if judgement.outcome == "not attempted":
        text = f"Fill in `{exercise.name}` above and run this cell again. Stuck? `hint({exercise.name})`"
        return Card("muted", f"{exercise.title}: not attempted yet", judgement.problem.text, text)
    scored = f"{judgement.points:g} of {exercise.points} points"
    tried = f"{judgement.inputs} fresh inputs, drawn with seed {judgement.seed}"
    stopped = judgement.problem and judgement.problem.fatal
    if judgement.outcome == "correct":
        text = f"It matches the reference on {tried}. See how we wrote it: `solution({exercise.name})`"
        return Card("good", f"✓ {exercise.title}: {scored}", Parts(judgement.results), text)
    return Card(
        "alarm",
        f"✗ {exercise.title}: {scored}",
        Parts(judgement.results),
        *diagnosis(judgement),
        *example(judgement),
        Code(f"Your function printed:\n{judgement.printed}") if judgement.printed else "",
        Link("Read again:", exercise.lesson, exercise.section),
        f"Next help: `hint({exercise.name})`."
        + (
            ""
            if stopped
            else f" (Tried on {tried}: `check({exercise.asked}, seed={judgement.seed})` draws them again.)"
        ),
    )


def diagnosis(judgement):
    """What is the matter, as paragraphs."""
    problem = judgement.problem
    if problem and problem.line:
        return problem.text, Code(f"line {problem.line}:  {problem.source}")
    if problem:
        return (problem.text,)
    if judgement.wrong:
        if judgement.where:
            start = f"In “{judgement.where.name}” your function does exactly this:"
            more = ("Other parts differ, too: mend this first, then check again.",) if judgement.more else ()
            return f"{start} {judgement.wrong.message}", *more
        return (f"Your function does exactly this: {judgement.wrong.message}",)
    return (judgement.pattern,)


def example(judgement):
    """The smallest failing input, what was got and what is expected."""
    if not judgement.failure:
        return ()
    prop, row = judgement.failure
    lines = [call(judgement.exercise, row.args)]
    if row.problem is None:
        what = prop.quantity or (f"the part {prop.part!r}" if prop.part is not None else "the result")
        lines += _compared(what, row, prop)
    return ("The smallest input on which it fails:", Code("\n".join(lines)))


def call(exercise, args):
    """The call of an exercise's function, as a learner would type it."""
    given = [f"{name}={shown(value)}" for name, value in zip(exercise.parameters, args, strict=False)]
    if len(", ".join(given)) < 70:
        return f"{exercise.name}({', '.join(given)})"
    return "\n".join([f"{exercise.name}(", *(_indented(argument) + "," for argument in given), ")"])


def _compared(what, row, prop):
    """Got and expected; of large results the first entries that differ, and where they are."""
    if not any(isinstance(leaf, np.ndarray) and leaf.size > LARGE for leaf in leaves(row.expected)):
        got, expected = _cut(shown(row.got)), _cut(shown(row.expected))
        return [f"{what}:", f"  got       {got}", f"  expected  {expected}"]
    apart = list(differences(row.got, row.expected, prop))
    lines = [f"{what} differs in {len(apart)} of {sum(map(np.size, leaves(row.expected)))} entries:"]
    width = max(len(place) for place, *_ in apart[:FIRST])
    return lines + [
        f"  {place:<{width}}  got {shown(got)}, expected {shown(expected)}"
        for place, got, expected in apart[:FIRST]
    ]


def _indented(argument):
    """An argument on lines of its own, those of an array under each other."""
    return "    " + argument.replace("\n", "\n    " + " " * (argument.index("=") + 1))


def _cut(text):
    text = text.replace("\n", "\n            ")
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def _mark(result):
    return "✓" if result.passed else "✗"


def _cell(cell):
    return cell.anchor() if isinstance(cell, Link) else prose(cell)
