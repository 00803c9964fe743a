"""The appendix *Claims, measured*, notebooks/claims.ipynb, generated from the chapters' lists of claims.

    python tools/claims.py      # or `make claims`

A list is helpers/chapters/NAME/claims.toml:

    imports = '''from helpers.layers import Tanh'''     # what the code of this chapter's claims needs

    [[claim]]
    id = "tanh-slope"
    says = "… sigmoid or tanh activations (whose derivatives are ≤ 0.25)."     # word for word
    source = "many texts on the vanishing gradient"
    verdict = "wrong for tanh"              # begins with right, half right, or wrong
    truth = "…"                             # the corrected line, in Markdown
    paper = "LeCun et al. (1998)"           # optional
    code = '''…'''                          # measures it, and ends in a value; or
    cell = "largest-slopes"                 # the cell of the lesson's that measures it

A claim that a lesson discusses in a *Claim check* is listed too, and names its `cell`.
"""

import re
import sys
import tomllib
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # `tools` is no installed package

from helpers import contents  # noqa: E402
from tools import notebooks  # noqa: E402

PATH = ROOT / "notebooks" / "claims.ipynb"
NEEDED = {"id", "says", "source", "verdict", "truth"}
KNOWN = NEEDED | {"paper", "code", "cell"}
VERDICTS = ("right", "half right", "wrong")

HEAD = """# Claims, measured

**For teachers, and for those who doubt. These sentences are found in courses, posts and books. Each one is \
quoted word for word, measured, and corrected where it has to be.**

The lessons discuss the few that a learner is likely to believe. Here are all of them, chapter by chapter, \
each with its source, a verdict, and a cell that you can run and change."""


def load():
    """The claims by lesson: {"01_depth_problem": (imports, [claim, …])}. ValueError if a list is wrong."""
    found = {}
    for chapter, words in contents.words().items():
        path = ROOT / "helpers" / "chapters" / chapter / "claims.toml"
        if path.exists():
            table = tomllib.loads(path.read_text("utf-8"))
            claims = table.get("claim", [])
            for claim in claims:
                _check(f"{path.parent.name}/{path.name}: claim {claim.get('id')!r}", claim)
            found[words["lesson"]] = table.get("imports", "").strip(), claims
    return dict(sorted(found.items()))


def _check(where, claim):
    if lost := NEEDED - claim.keys():
        raise ValueError(f"{where} lacks {', '.join(sorted(lost))}")
    if unknown := claim.keys() - KNOWN:
        raise ValueError(f"{where} has {', '.join(sorted(unknown))}; known are {', '.join(sorted(KNOWN))}")
    if ("code" in claim) == ("cell" in claim):
        raise ValueError(
            f"{where} needs either `code`, which measures it, or the `cell` of the lesson that does"
        )
    if not claim["verdict"].startswith(VERDICTS):
        raise ValueError(
            f"{where}: the verdict {claim['verdict']!r} must begin with one of {', '.join(VERDICTS)}"
        )


def build():
    """The notebook."""
    new = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    cells = [new["markdown"](HEAD, id="title")]
    for lesson, (imports, claims) in load().items():
        part = f"chapter-{lesson[:2].lstrip('0')}"
        cells.append(new["markdown"](f"## {_title(lesson)}", id=part))
        if imports:
            cells.append(new["code"](imports, id=f"{part}-imports"))
        for claim in claims:
            cells.append(new["markdown"](_text(lesson, claim), id=f"claim-{claim['id']}"))
            if "code" in claim:
                cells.append(new["code"](claim["code"].strip(), id=f"measure-{claim['id']}"))
    return nbformat.v4.new_notebook(cells=cells)


def _text(lesson, claim):
    paper = f" ({claim['paper']})" if "paper" in claim else ""
    there = f" Measured in [the lesson]({lesson}.ipynb#cell-id={claim['cell']})." if "cell" in claim else ""
    return (
        f"> *“{_line(claim['says'])}”* — {claim['source']}\n\n"
        f"**{claim['verdict'][0].upper()}{claim['verdict'][1:]}.** {_line(claim['truth'])}{paper}{there}"
    )


def _title(lesson):
    """A lesson's title, as it stands in its first cell."""
    first = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", 4).cells[0].source
    return re.match(r"# (.*)", first)[1]


def _line(text):
    return " ".join(text.split())


if __name__ == "__main__":
    PATH.write_text(notebooks.serialize(build()), "utf-8")
