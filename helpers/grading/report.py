"""Rows → CSV and JSON, a page of feedback for each submission, and a summary of the class.

Whatever a learner wrote, a file's name included, is escaped in HTML and kept from being a formula, or another
row, in a spreadsheet. Every file is written beside its place and then moved there, so that it is never there
by half; and one that cannot be written keeps no other from being written.
"""

import csv
import hashlib
import io
import json
import os
import re
from collections import Counter
from html import escape
from pathlib import Path
from urllib.parse import quote

import helpers
from helpers.checking import exercise
from helpers.checking.cards import prose
from helpers.figures import svg
from helpers.figures.picture import Picture
from helpers.figures.theme import MEASURED, style, style_sheet
from helpers.grading.grader import GRADED
from helpers.grading.sandbox import NOTHING

HEAD = f"""<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
{style_sheet()}<style>
body {{max-width: 56rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--td-ink); background: var(--td-paper); overflow-wrap: anywhere;}}
table.rows {{overflow-wrap: break-word;}}
table.rows a {{overflow-wrap: anywhere;}}
.td-card {{margin: 1rem 0;}}
a {{color: var(--td-measured);}}
small, .why {{color: var(--td-muted);}}
table.rows {{border-collapse: collapse; width: 100%;}}
table.rows th, table.rows td {{text-align: left; vertical-align: top; padding: 4px 12px 4px 0;
  border-bottom: 1px solid var(--td-grid); font-variant-numeric: tabular-nums;}}
</style>"""
WITHOUT = (
    "Graded without a sandbox (unisolated): code in a notebook could have read the course's answers or "
    "changed other files. These points show what honest work earns; they are no proof against forgery."
)
# What moves the cursor, ends a line, or turns the direction of writing: nothing of a name.
UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
OURS = re.compile(r"([A-Za-z0-9-]+-)?[0-9a-f]{8}\.html")  # how a page is called, see `page`
LINK = re.compile(r'<a href="\.\./notebooks/([^"]*)">(.*?)</a>')


def write(rows, out, seed, course="", tables=None):
    """Write all reports beside `out`, the CSV file: .json, .html and a folder _feedback.

    course: the address under which learners have the folder `notebooks/`; without it the pages name the
    lessons' sections and do not link to them. tables: further CSV files, lists of lines, by what
    follows the name of `out` in theirs. A page of an earlier run that is none of this one is removed: beside
    pages without names it would say whose they are. Returns what could not be written, in words.
    """
    out = Path(out)
    pages = out.with_name(f"{out.stem}_feedback")
    files = [(pages / page(row), lambda row=row: feedback(row, course)) for row in rows]
    files.append((out.with_suffix(".html"), lambda: summary(rows, pages.name)))
    files.append((out.with_suffix(".json"), lambda: _json(rows, seed)))
    files.append((out, lambda: table(rows)))
    for name, lines in (tables or {}).items():
        files.append((out.with_name(f"{out.stem}_{name}.csv"), lambda lines=lines: as_csv(lines)))
    problems = []
    for old in {*pages.glob("*.html")} - {path for path, _ in files}:
        if OURS.fullmatch(old.name):
            old.unlink()
    for path, text in files:
        try:
            _put(path, text())
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{path.name} could not be written: {error}")
    return problems


BOM = "\ufeff"  # by which Excel knows UTF-8


def page(row):
    """The name of a row's page: what is harmless of the submission's name, and a hash of all of it."""
    name = row["submission"]
    told = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')[:60]}-{told}.html".lstrip("-")


def clean(text):
    """A text without control characters and such as change the direction of writing; each becomes a sign."""
    return UNSEEN.sub("\ufffd", text) if isinstance(text, str) else text


def table(rows):
    """The rows as CSV: points by exercise and by property, what was found, how it went."""
    parts = {}  # exercise → its properties, in the order in which they appear
    for item in (item for row in rows for item in row["exercises"]):
        parts.setdefault(item["name"], {}).update(dict.fromkeys(item["parts"]))
    heads = ["submission", "status", "isolation", "points", "possible", "seconds", "problem"]
    more = ["failed cells", "remarks", "same as", "handed in", "page", "course"]
    columns = [
        column
        for name in parts
        for column in (name, *(f"{name}: {part}" for part in parts[name]), f"{name}: finding")
    ]
    lines = [heads + more + columns]
    for row in rows:
        items = {item["name"]: item for item in row["exercises"]}
        cells = [row[head] for head in heads]
        cells += [" ".join(str(cell["cell"]) for cell in row["cells"]), " ".join(row["remarks"])]
        cells += [_same(row), row.get("handed_in", "")]
        cells += [page(row), row["course"]]
        for name, properties in parts.items():
            item = items.get(name, {"points": "", "parts": {}, "tag": ""})
            cells += [item["points"], *(item["parts"].get(part, "") for part in properties), item["tag"]]
        lines.append(cells)
    return as_csv(lines)


def as_csv(lines):
    """Lines of cells as a CSV file that a spreadsheet reads as it is meant."""
    written = io.StringIO()
    written.write(BOM)
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(
        [harmless(cell) for cell in line] for line in lines
    )
    return written.getvalue()


def _same(row):
    """What of a submission stands word for word in others."""
    return "; ".join(f"{item}: {', '.join(names)}" for item, names in row.get("same", {}).items())


def harmless(cell):
    """A cell that no spreadsheet takes for a formula, and that is one line."""
    cell = clean(cell)
    if (
        isinstance(cell, str)
        and cell != "-"
        and cell.lstrip("\ufffd \u00a0\u3000\t")[:1] in tuple("=+-@＝＋－＠")
    ):
        return f"'{cell}"
    return cell


def feedback(row, course=""):
    """The page for the learner: the cards of the notebook, and how the grader read it."""
    parts = [f"<h1>{_name(row)}</h1>", f"<p><b>{_score(row)}</b> · {row['status']}</p>"]
    parts += [f'<p class="why">{escape(text)}</p>' for text in _remarks(row)]
    parts += [LINK.sub(_link_to(course), item["card"]) or _no_card(item) for item in row["exercises"]]
    if row["cells"]:
        errors = "".join(f"<li>Cell {cell['cell']}: {escape(_explained(cell))}</li>" for cell in row["cells"])
        parts.append(f"<h2>Cells that did not run to their end</h2><ul>{errors}</ul>")
    if row["exercises"]:
        parts.append(_appeal(row))
    return _page(clean(row["submission"]), parts)


ABSENT = re.compile(r"No module named '([\w.]+)'")


def _explained(cell):
    """What went wrong in a cell; of an import, whose fault it is not."""
    absent = ABSENT.search(cell["error"])
    more = (
        f" ({absent[1]} is not installed where this was graded. Cells after this one ran.)" if absent else ""
    )
    return cell["error"] + more


def _appeal(row):
    """How a learner repeats exactly what was tried here."""
    calls = "\n".join(
        f"check({item.get('asked', item['name'])}, seed={item['seed']})" for item in row["exercises"]
    )
    return (
        "<details><summary>Do you disagree?</summary><p>In your notebook, these lines try exactly the inputs "
        f"that were tried here (course version {escape(row['course'])}). If a card there says something "
        f"else, write to your lecturer and send the notebook along.</p><pre>{escape(calls)}</pre></details>"
    )


def _name(row):
    return escape(clean(row["submission"]))


def summary(rows, pages):
    """The page for the lecturer: how the class did, what it misunderstood, and what needs a look."""
    parts = [f"<h1>{len(rows)} submissions</h1>"]
    parts += [_list(Counter(row["status"] for row in rows))]
    if any(row["isolation"] == NOTHING for row in rows):
        parts.append(f'<p class="why">{escape(WITHOUT)}</p>')
    for lesson in sorted({row["lesson"] for row in rows if row["lesson"]}):
        parts += _lesson([row for row in rows if row["lesson"] == lesson], lesson)
    look = [row for row in rows if row["status"] != GRADED]
    if look:
        parts.append("<h2>Needs a look</h2>")
        parts.append(_rows(["submission", "status", "why"], [_looked_at(row, pages) for row in look]))
    same = [[_link(row, pages), escape(clean(_same(row)))] for row in rows if row.get("same")]
    if same:
        parts.append("<h2>Word for word the same</h2>")
        parts.append("<p>But for comments and blanks. It may be chance, help, or a copy: ask.</p>")
        parts.append(_rows(["submission", "answer: also in"], same))
    parts.append("<h2>All submissions</h2>")
    parts.append(_rows(["submission", "points", "seconds"], [_listed(row, pages) for row in rows]))
    return _page("Class summary", parts)


def _lesson(rows, lesson):
    """How the class did in one lesson."""
    title = f"Chapter {int(lesson[:2])}: {lesson[3:].replace('_', ' ')}"
    scores = [row["points"] / row["possible"] for row in rows]
    mean = f"{len(scores)} submissions, on average {sum(scores) / len(scores):.0%} of the points."
    parts = [f"<h2>{escape(title)}</h2>", f"<p>{mean}</p>", distribution(scores).html()]
    items = [item for row in rows for item in row["exercises"]]
    names = dict.fromkeys(item["name"] for item in items)
    grouped = {name: [item for item in items if item["name"] == name] for name in names}
    heads = ["exercise", "correct", "incorrect", "not attempted", "mean points"]
    parts.append(_rows(heads, [_difficulty(group) for group in grouped.values()]))
    parts.append("<h3>For the next lecture: what was misunderstood</h3>")
    found = Counter(
        (item["name"], item["tag"]) for item in items if item["tag"] and item["outcome"] == "incorrect"
    )
    told = [
        [f"<code>{escape(name)}</code>", _share(count, len(rows)), _finding(name, tag)]
        for (name, tag), count in sorted(found.most_common(), key=lambda pair: pair[0][1] in PROBLEMS)
    ]
    parts.append(
        _rows(["exercise", "learners", "what they did"], told) if told else "<p>Nothing by name.</p>"
    )
    return parts


def distribution(scores):
    """A Picture: how many submissions reached which share of the points, in ten steps."""
    counts = [0] * 10
    for score in scores:
        counts[min(int(score * 10 + 1e-9), 9)] += 1
    with style():
        figure = svg.new_figure(7.6, 2.8)
        ax = figure.add_subplot()
        figure.subplots_adjust(left=0.1, right=0.98, bottom=0.2, top=0.88)
        ax.bar([10 * i + 5 for i in range(10)], counts, width=9, color=MEASURED)
        ax.set(xlabel="share of the points (%)", ylabel="submissions", xticks=range(0, 101, 10))
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.grid(axis="x", visible=False)
        ax.set_title("Scores", loc="left")
    told = ", ".join(f"{10 * i} to {10 * i + 10}%: {count}" for i, count in enumerate(counts) if count)
    return Picture(figure, "Scores", f"Submissions by share of the points. {told}.")


def _difficulty(items):
    outcomes = Counter(item["outcome"] for item in items)
    mean = sum(item["points"] for item in items) / len(items)
    counts = [str(outcomes[name]) for name in ("correct", "incorrect", "not attempted")]
    return [f"<code>{escape(items[0]['name'])}</code>", *counts, f"{mean:.1f} of {items[0]['possible']}"]


def _finding(name, tag):
    """A misconception in the exercise's own words, or a problem's kind."""
    known = {wrong.tag: wrong.message for wrong in exercise.load()[name].wrong} | exercise.NOT_YOURS
    if tag in known:
        return f"<b>{escape(tag.replace('-', ' '))}</b>: {prose(known[tag])}"
    return escape(PROBLEMS.get(tag, tag))


# The kinds of checking/calls.py, in a few words.
PROBLEMS = {
    "blank": "a function that returns nothing",
    "error": "an error in their own code",
    "signature": "other parameters than asked for",
    "time": "a loop that never ends",
    "memory": "arrays that are too large",
    "exit": "a function that leaves Python",
    "form": "a result of another form",
    "shape": "a result of another shape",
    "order": "two arguments, or two parts of the result, exchanged",
    "nan": "nan or infinity in the result",
    "mutated": "an argument was changed",
    "random": "another answer to the same question",
    "constant": "the same result for every input",
}


def _remarks(row):
    if row["problem"]:
        yield row["problem"]
    if row["isolation"] == NOTHING:
        yield WITHOUT
    yield from row["remarks"]


def _no_card(item):
    text = "Your work is not judged yet: the check failed, not you. A person will look at it."
    return f'<div class="td-card td-muted"><b>{escape(item["title"])}</b><div>{text}</div></div>'


def _link_to(course):
    """How a card's link to a lesson is written on a page that lies somewhere else."""
    if not course:
        return r"\2"
    address = escape(course.rstrip("/")).replace("\\", "")
    return rf'<a href="{address}/notebooks/\1">\2</a>'


def _looked_at(row, pages):
    return [_link(row, pages), row["status"], escape(row["problem"])]


def _listed(row, pages):
    return [_link(row, pages), _score(row), f"{row['seconds']:.1f}"]


def _link(row, pages):
    return f'<a href="{quote(f"{pages}/{page(row)}")}">{_name(row)}</a>'


def _score(row):
    return f"{row['points']:g} of {row['possible']} points" if row["exercises"] else "no points"


def _share(count, total):
    return f"{count} ({count / total:.0%})"


def _list(counts):
    return "<ul>" + "".join(f"<li>{count} {escape(name)}</li>" for name, count in counts.items()) + "</ul>"


def _rows(heads, rows):
    """A table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="rows"><tr>{head}</tr>{body}</table>'


def _page(title, parts):
    head = f'<!doctype html>\n<html lang="en"><head>{HEAD}<title>{escape(title)}</title></head>'
    return f"{head}<body><main>{chr(10).join(parts)}</main></body></html>\n"


def _json(rows, seed):
    return json.dumps(
        {"course": helpers.__version__, "seed": seed, "rows": [_data(row) for row in rows]}, indent=1
    )


def _data(row):
    """A row without its pictures for people."""
    return {**row, "exercises": [{k: v for k, v in item.items() if k != "card"} for item in row["exercises"]]}


def _put(path, text):
    """Write a file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    beside.write_bytes(text.encode("utf-8", "backslashreplace"))
    os.replace(beside, path)
