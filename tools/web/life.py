"""What makes a lesson's page alive without a kernel: frames for its instruments, feedback for its questions.

`lesson.js` reads it all from attributes of the pages' elements, and the frames from files.
"""

import ast
import functools
import json
import multiprocessing
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from html import escape
from math import floor, log10

import numpy as np

from helpers import instruments
from helpers.checking import questions, widgets
from tools.web.bake import bake

MORE = 4  # questions of a family on a page, beside the lesson's own
known = functools.cache(lambda: ("ask", "predict", *instruments.names()))


def give(folder, lessons):
    """Write the frames to `folder`. Returns {lesson: {cell's id: data, by name, of what it shows}}."""
    alive, wanted = {}, defaultdict(dict)
    for page in lessons:
        here = alive[page.path.stem] = {}
        for cell in page.notebook.cells:
            name, arguments, settings = called(cell)
            if name in ("ask", "predict"):
                here[cell.id] = {"question": json.dumps(family(*arguments, name == "predict"))}
            elif name:
                wanted[page.path.stem, name][cell.id] = settings
    # Each in a process of its own, so that what one computed and kept cannot change another.
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=spawned, max_tasks_per_child=1) as processes:
        baked = processes.map(bake, [name for _, name in wanted], wanted.values())
        for ((lesson, name), opened), (frames, version) in zip(wanted.items(), baked, strict=True):
            file = folder / "frames" / lesson / f"{name}.bin"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(frames)
            print(f"{lesson}: {name}, {len(frames) / 1000:.0f} kB", flush=True)
            address = f"../{file.relative_to(folder).as_posix()}"
            for cell in opened:
                alive[lesson][cell] = {"call": cell, "frames": address, "version": version}
    return alive


def called(cell):
    """The call of a plain name with which a cell ends: (name, arguments, keywords); (None, …) without one.

    Raises ValueError if the arguments are not literals.
    """
    try:
        body = ast.parse(cell.source).body if cell.cell_type == "code" else ()
    except SyntaxError:
        body = ()
    match body and body[-1]:
        case ast.Expr(ast.Call(ast.Name(name), arguments, keywords)):
            if name not in known():
                return None, (), {}
            values = [ast.literal_eval(one) for one in arguments]
            return name, values, {one.arg: ast.literal_eval(one.value) for one in keywords}
    return None, (), {}


def family(id, prediction):
    """A question as its lesson asks it, and a few `more` with other numbers, each as data for JSON."""
    asked = questions.find(id)
    rng, drawn = np.random.default_rng(0), [asked]
    while asked.family and len(drawn) < min(MORE + 1, len(asked.family.draws)):
        drawn.append(asked.drawn(rng, [one.posed for one in drawn]))
    return {**question(asked, prediction), "more": [question(one, False) for one in drawn[1:]]}


def question(asked, prediction):
    """A question as data for JSON: its card, and the cards of all answers, each with the answers it is for.

    These are numbers from `low` to `high`, of a choice the places of its options; the first that fits counts.
    """
    if isinstance(asked, questions.MultipleChoice):
        given = "“{given}”"
        cases = [(i, i, asked.judge(option.text)) for i, option in enumerate(asked.options)]
    else:
        given, known = "{given}{read}", [asked.answer, *(one.value for one in asked.wrong)]
        cases = [(*_rounded(asked.answer), asked.judge(repr(asked.answer)))]
        cases += [(*asked.near(value), asked.judge(repr(value))._replace(reading=None)) for value in known]
        cases += [(None, asked.answer, questions.Response(False, asked.too_small))]
        cases += [(asked.answer, None, questions.Response(False, asked.too_large))]
    cards = [
        widgets.settlement(asked, response, given, "{sure}")
        if prediction
        else widgets.verdict(response, given)
        for *_, response in cases
    ]
    return {
        "about": widgets.about(asked, "prediction" if prediction else "question"),
        "truth": asked.truth if prediction else "",
        "answers": [
            {"low": low, "high": high, "look": look, "html": html}
            for (low, high, _), (look, html) in zip(cases, cards, strict=True)
        ],
    }


def _rounded(value):
    """The lowest and the highest number that are written like this one in four figures."""
    rounded = float(f"{value:.4g}")
    half = 10 ** (floor(log10(abs(rounded))) - 3) / 2 if rounded else 0
    return rounded - half, rounded + half


def attributes(**values):
    """data-… attributes of an HTML element."""
    return "".join(f' data-{name}="{escape(value)}"' for name, value in values.items())
