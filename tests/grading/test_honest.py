"""Honest work gets in the sandbox what it gets in the notebook, however it is written."""

import inspect

import pytest

from helpers.checking import exercise
from helpers.checking.judging import judged
from tests.chapters.initialization import answers as known
from tests.grading import bank

STYLES = {
    "magics": "%matplotlib inline\n!ls\nfiles = !ls\n%time x = 1\nimport math",
    "a cell magic": "%%capture\nprint(1)",
    "IPython's display": "from IPython.display import HTML\ndisplay(HTML('x'))\nget_ipython().user_ns",
    "pyplot": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "await": "import asyncio\nawait asyncio.sleep(0)",
    "warnings and prints": "import warnings\nwarnings.warn('x')\nimport numpy as np\nnp.log(np.zeros(3))",
    "an error": "1 / 0",
    "input()": "try: input('name?')\nexcept EOFError: pass",
    "a dataclass and types": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: 'int' = 1\nA()",
    "the course's other names": "from helpers import ask, init_explorer\nask('x'); init_explorer(depth=3)",
}


@pytest.mark.parametrize("name", STYLES)
def test_other_cells_do_no_harm(name, graded):
    row = graded(bank.first(STYLES[name]))
    assert (row["status"], row["points"]) == ("graded", bank.PARTIAL_POINTS)
    assert [cell["cell"] for cell in row["cells"]] == ([1] if name == "an error" else [])


def test_an_answer_may_use_cells_around_it_and_magics(graded):
    notebook = bank.partial(
        he="%config InlineBackend.close_figures = True\n" + bank.RIGHT.replace("2 /", "two() /")
    )
    notebook.cells.append(bank.new_cell("def two():\n    return 2", "helper"))
    assert graded(notebook)["points"] == bank.PARTIAL_POINTS + bank.LOST_BY_FAN_OUT


def test_an_error_after_the_definition_costs_nothing(graded):
    assert graded(bank.partial(he=bank.RIGHT + "\n1 / 0"))["points"] == 100 - bank.LOST_BY_STUB
    assert graded(bank.partial(he="1 / 0\n" + bank.RIGHT))["points"] == 100 - bank.LOST_BY_STUB


def test_an_answer_that_does_not_compile_is_an_error_with_its_place(graded):
    row = graded(bank.partial(he="def he(fan_in, fan_out, alpha, rng):\n    return (1"))
    he = next(item for item in row["exercises"] if item["name"] == "he")
    assert (he["points"], he["outcome"], he["tag"]) == (0, "incorrect", "error")
    assert "SyntaxError" in he["says"] and "line 2" in he["says"]


def test_an_error_in_an_answer_shows_the_learners_line(graded):
    row = graded(bank.answer("x = [1]\nreturn x[7]"))
    he = next(item for item in row["exercises"] if item["name"] == "he")
    assert he["tag"] == "error" and "return x[7]" in he["card"] and "IndexError" in he["says"]


def answers(kind):
    """Notebooks with one of the known answers to each exercise of chapter 2, till all were used."""
    table = getattr(known, kind)
    for turn in range(max(map(len, table.values()))):
        pick = {name: turn % len(functions) for name, functions in table.items()}
        last = "[0]" if kind == "WRONG" else ""
        lines = [f"{name} = {kind}[{name!r}][{index}]{last}" for name, index in pick.items()]
        notebook = bank.one_cell()
        notebook.cells = [
            bank.new_cell(inspect.getsource(known), "all"),
            bank.new_cell("\n".join(lines), "answers"),
        ]
        chosen = {name: table[name][index] for name, index in pick.items()}
        yield notebook, {name: pair[0] if last else pair for name, pair in chosen.items()}


@pytest.mark.parametrize("kind", ["CORRECT", "WRONG"])
def test_every_answer_gets_the_verdict_of_the_notebook(kind, graded):
    for notebook, functions in answers(kind):
        row = graded(notebook)
        assert row["status"] == "graded" and not row["cells"]
        for item in row["exercises"]:
            if item["name"] in functions:
                there = judged(exercise.find(item["name"]), functions[item["name"]], item["seed"])
                tag = there.wrong.tag if there.wrong else there.problem.kind if there.problem else None
                assert (item["points"], item["tag"]) == (there.points, tag), item
