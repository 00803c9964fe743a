"""The style of the notebooks: what a reader of the repository, and a learner, can rely on."""

import ast
import re
from itertools import pairwise
from pathlib import Path
from statistics import median

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers import instruments
from helpers.checking import questions
from tests.text import lesson
from tools import minutes, notebooks

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DRAWS = ("by_layer", "curves", "distribution", "draw_network", *instruments.__all__)
WORKBOOKS = [path for name in ("exercises", "solutions") for path in sorted((ROOT / name).glob("*.ipynb"))]
NUMBERED = [path for path in LESSONS if re.match("0[1-9]", path.stem)]


def cells(path, kind=None):
    return [cell for cell in nbformat.read(path, 4).cells if kind in (None, cell.cell_type)]


def prose(path):
    return "\n\n".join(cell.source for cell in cells(path, "markdown"))


def calls(path, *names):
    """The ids, as (function, first argument), of the calls of these functions."""
    for cell in cells(path, "code"):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) in names:
                yield node


def misplaced_folds(cells):
    """What is wrong with the folds that a settlement opens, <details class="ID">, in a lesson's cells."""
    ids, known = [cell.id for cell in cells], questions.load()
    for at, cell in enumerate(cells):
        for name in re.findall(r'<details class="([^"]*)"', cell.source):
            truth = known[name].truth if name in known else ""
            if not truth:
                yield f"{cell.id}: {name!r} is no prediction"
            elif truth not in ids[:at]:
                yield f"{cell.id}: {truth!r}, the truth of {name!r}, is not above it"


def test_a_fold_of_a_prediction_that_opens_never_or_too_early_is_found():
    def cells(*names):
        fold = '<details class="{}"><summary>Why</summary>\n\nBecause.\n\n</details>'
        truth = new_code_cell("show({'E[h²]': 128})", id="one-naive-layer")
        folds = [new_markdown_cell(fold.format(name), id=f"fold-{i}") for i, name in enumerate(names)]
        return [folds[0], truth, *folds[1:]]

    right, early, unknown = "predict-naive-factor", "predict-he-var", "init-he-std"
    assert len(list(misplaced_folds(cells(right, right)))) == 1
    assert "is not above it" in next(misplaced_folds(cells(right)))
    assert [line[:6] for line in misplaced_folds(cells(unknown, right, early, "Go deeper"))] == [
        "fold-0", "fold-2", "fold-3",
    ]  # fmt: skip


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_what_answers_a_prediction_stands_in_its_fold_below_the_truth(path):
    assert list(misplaced_folds(nbformat.read(path, 4).cells)) == []
    asked = {call.args[0].value for call in calls(path, "predict")}
    assert asked <= set(re.findall(r'<details class="([^"]*)"', prose(path)))


def test_there_are_lessons_to_check():
    assert {"00_start_here", "02_initialization"} <= {path.stem for path in LESSONS}


@pytest.mark.parametrize("path", LESSONS + WORKBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
class TestEveryNotebook:
    def test_is_in_canonical_form(self, path):
        """No outputs, no counts, no timing metadata: `make tidy` writes this form."""
        assert path.read_text("utf-8") == notebooks.serialize(nbformat.read(path, 4))

    def test_has_readable_unique_cell_ids(self, path):
        ids = [cell.id for cell in cells(path)]
        assert len(set(ids)) == len(ids)
        for name in ids:
            assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name), name
            # JupyterLab's own ids are UUIDs or eight hexadecimal digits: nobody can refer to them.
            assert not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", name), name

    def test_has_no_magic_or_shell_lines(self, path):
        """nbval passes over an unknown magic and whatever stands after it."""
        for cell in cells(path, "code"):
            assert not re.search(r"^\s*[%!]", cell.source, re.MULTILINE), cell.id

    def test_code_cells_are_short(self, path):
        lengths = {
            cell.id: len(cell.source.splitlines()) for cell in cells(path, "code") if cell.id != "course"
        }
        longest = 30 if path.parent.name == "solutions" else 12  # a whole backward pass is one function
        assert max(lengths.values()) <= longest, max(lengths, key=lengths.get)
        assert median(lengths.values()) <= 3

    def test_code_lines_fit_a_narrow_window(self, path):
        for cell in cells(path, "code"):
            assert all(len(line) <= 84 for line in cell.source.splitlines()), cell.id

    def test_holds_no_plotting_code(self, path):
        for cell in cells(path, "code"):
            assert not re.search(r"matplotlib|pyplot|ipywidgets|plt\.", cell.source), cell.id

    def test_pictures_have_words(self, path):
        for call in calls(path, "by_layer", "curves", "distribution", "draw_network"):
            words = {keyword.arg: keyword.value for keyword in call.keywords}["alt"]
            assert len(ast.literal_eval(words)) > 40
        for image in re.findall(r"!\[([^\]]*)\]", prose(path)):
            assert len(image) > 20

    def test_every_picture_is_followed_by_a_sentence(self, path):
        found = cells(path)
        for cell, after in pairwise(found):
            if re.search(rf"^({'|'.join(DRAWS)})\(", cell.source, re.MULTILINE):
                assert after.cell_type == "markdown", cell.id

    def test_questions_exist_and_are_asked_once(self, path):
        asked = [(call.func.id, ast.literal_eval(call.args[0])) for call in calls(path, "ask", "predict")]
        assert len(set(asked)) == len(asked)
        for function, name in asked:
            assert name in questions.load(), name
            assert name.startswith("predict-") == (function == "predict")

    def test_links_to_files_that_exist(self, path):
        for target in re.findall(r"\]\(([^)#]+)\)", prose(path)):
            assert target.startswith("http") or (path.parent / target).exists(), target

    def test_folded_blocks_are_closed(self, path):
        for cell in cells(path, "markdown"):
            assert cell.source.count("<details") == cell.source.count("</details>"), cell.id
            # Without an empty line after it, markdown inside a block is not rendered.
            assert not re.search(r"</summary>\n(?!\n)", cell.source), cell.id


@pytest.mark.parametrize("path", NUMBERED, ids=lambda path: path.stem)
class TestEveryLesson:
    def test_has_the_frame(self, path):
        text = prose(path)
        for part in ("You will do", "You will learn", "You need", "minutes", "Go deeper", "Claim check"):
            assert part in text, part
        for heading in ("## Break it on purpose", "## Summary", "## References"):
            assert f"\n{heading}\n" in text, heading

    def test_opens_with_an_instrument(self, path):
        """Or, where nobody has seen a network yet, with one that is drawn. A prediction may come first."""
        first, *_ = (
            cell
            for cell in cells(path, "code")
            if cell.id not in minutes.SETUP and not cell.source.startswith("predict(")
        )
        opened = re.fullmatch(rf"({'|'.join(instruments.__all__)})\(.*\)", first.source)
        assert opened or re.search(r"^draw_network\(", first.source, re.MULTILINE)

    def test_predicts_before_it_looks(self, path):
        """A prediction stands before the cell that reveals it: code comes next, and then words."""
        found = cells(path)
        for i, cell in enumerate(found):
            if cell.source.startswith("predict("):
                assert found[i + 1].cell_type == "code", cell.id
                assert "markdown" in {c.cell_type for c in found[i + 2 : i + 4]}, cell.id

    def test_a_prediction_is_settled_by_a_cell_that_shows_something(self, path):
        """It stands after the prediction, in the same section; what runs before it gives nothing away."""
        found = cells(path)
        at = {cell.id: i for i, cell in enumerate(found)}
        for i, cell in enumerate(found):
            if cell.source.startswith("predict("):
                question = questions.find(ast.literal_eval(cell.source.removeprefix("predict")))
                assert i < at.get(question.truth, -1), question.id
                between, truth = found[i + 1 : at[question.truth]], found[at[question.truth]]
                assert not any(re.match("##? ", c.source) for c in between), question.id
                assert truth.cell_type == "code" and _shows(truth), question.id
                if len(between) <= 1 and all(c.cell_type == "code" for c in between):
                    assert not any(map(_shows, between)), question.id

    def test_a_truth_belongs_to_a_prediction(self, path):
        predicted = {ast.literal_eval(call.args[0]) for call in calls(path, "predict")}
        of_lesson = {id for id, q in questions.load().items() if q.lesson == path.stem and q.truth}
        assert of_lesson == predicted


def _shows(cell):
    """Is the last line of a code cell a value? (Without ids of cells, that is what settles a prediction.)"""
    return isinstance(ast.parse(cell.source).body[-1], ast.Expr)


def test_every_question_of_a_written_chapter_is_asked_somewhere():
    asked = {ast.literal_eval(c.args[0]) for path in LESSONS for c in calls(path, "ask", "predict")}
    assert set(questions.load()) == asked


def test_text_and_notebook_are_the_same_thing():
    for path in LESSONS + WORKBOOKS:
        notebook = nbformat.read(path, 4)
        again = notebooks.from_text(notebooks.to_text(nbformat.read(path, 4)))
        assert notebooks.serialize(again) == notebooks.serialize(notebook)


def test_tidy_throws_away_what_a_run_leaves_behind(tmp_path):
    notebook = nbformat.read(LESSONS[0], 4)
    clean = notebooks.serialize(notebook)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.execution_count = 7
    code.outputs = [nbformat.v4.new_output("stream", text="seen")]
    code.metadata["execution"] = {"iopub.execute_input": "2020-01-01"}
    path = tmp_path / "dirty.ipynb"
    nbformat.write(notebook, path)
    notebooks.main("tidy", str(path))
    assert path.read_text("utf-8") == clean


def test_the_map_says_how_long_each_lesson_takes():
    said = lesson("00_start_here")
    minutes = [int(re.search(r"About (\d+) minutes", prose(path)).group(1)) for path in NUMBERED]
    assert minutes == [
        said("map", "many layers? | 75"),
        said("map", "weights be? | 75"),
        said("map", "while training? | 75"),
        said("map", "receives? | 75"),
        said("map", "by heart? | 75"),
        said("map", "cure it? | 60"),
    ]
