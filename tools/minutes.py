"""How long a lesson takes: its core path, and what is marked Further.

    python -m tools.minutes     # a table of all lessons

The core path is what stands before the cell with the id `further`. The rule is meant for somebody who meets
the subject for the first time: 100 words a minute, as every third sentence holds a number to think about;
twelve seconds for a line of code; a minute for a question, half a minute more for a prediction, which asks
how sure one is; five minutes for an instrument. What is folded is not counted, but for what a prediction
folds until the learner has looked (READ_AFTER). Before chapters 1 to 3 had a core path, one learner's log
of them said 115 to 135, 95 to 110 and 120 to 145 minutes; the rule, 113, 91 and 116.
"""

import ast
import math
import re
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # `tools` is no installed package

from helpers import instruments  # noqa: E402
from tools.notebooks import FURTHER  # noqa: E402

WORDS_A_MINUTE = 100
LINES_A_MINUTE = 5
SETUP = ("course", "imports")  # cells that nobody reads
QUESTION, PREDICTION, INSTRUMENT = 1, 1.5, 5
READ_AFTER = "What you saw"  # how the summary of a block begins that everybody opens


class Effort(NamedTuple):
    words: int
    lines: int
    questions: int
    predictions: int
    instruments: int

    @property
    def minutes(self):
        """By the rule, as a number that is not rounded."""
        return (
            self.words / WORDS_A_MINUTE
            + self.lines / LINES_A_MINUTE
            + self.questions * QUESTION
            + self.predictions * PREDICTION
            + self.instruments * INSTRUMENT
        )

    @property
    def promised(self):
        """As a lesson says it: the next multiple of five."""
        return math.ceil(self.minutes / 5) * 5


def parts(path):
    """The cells of a lesson's core path, and the others."""
    cells = nbformat.read(path, 4).cells
    end = next((i for i, cell in enumerate(cells) if cell.id == FURTHER), len(cells))
    return cells[:end], cells[end:]


def effort(cells):
    """What there is to read and to do in these cells."""
    prose = "\n".join(_unfolded(cell.source) for cell in cells if cell.cell_type == "markdown")
    code = [cell.source for cell in cells if cell.cell_type == "code" and cell.id not in SETUP]
    called = Counter(name for source in code for name in _called(source))
    lines = [line for source in code for line in source.splitlines() if line.strip()]
    shown = sum(called[name] for name in instruments.__all__)
    doing = called["ask"] + called["predict"] + shown  # one line each, and counted already
    return Effort(_words(prose), len(lines) - doing, called["ask"], called["predict"], shown)


def _unfolded(text):
    block = rf"<details>\s*<summary>(?!(<b>)?{READ_AFTER}).*?</details>"
    return re.sub(block, "", text, flags=re.DOTALL)


def _words(text):
    """Words and numbers. A formula counts as one, a link's address and a tag as none."""
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`", " X ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)|<[^>]*>", " ", text)
    return len(re.findall(r"\w[\w.,'’-]*", text))


def _called(source):
    return (
        node.func.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )


def main():
    print(f"{'lesson':28}{'words':>7}{'lines':>7}{'asked':>7}{'pred.':>7}{'instr.':>7}{'minutes':>9}")
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        for name, cells in zip((path.stem, "  further"), parts(path), strict=True):
            if cells:
                found = effort(cells)
                print(f"{name:28}" + "".join(f"{n:7}" for n in found) + f"{found.minutes:9.0f}")


if __name__ == "__main__":
    main()
