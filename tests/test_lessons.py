"""What a lesson promises: its minutes, its core path, and that nothing is used before it is explained.

python -m tests.test_lessons    # the concepts, where each is explained, and the cells that use it
"""

import ast
import json
import re
import tomllib
from pathlib import Path

import nbformat
import pytest

from helpers.checking import exercise, questions
from tools import claims, minutes, notebooks

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
LONGEST = 8  # lines of a code cell on the core path
CONCEPTS = tomllib.loads((ROOT / "tests" / "concepts.toml").read_text("utf-8"))
CHAPTERS = LESSONS[1:]  # the first notebook is core path altogether
each = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def core(lesson):
    return minutes.parts(ROOT / "notebooks" / f"{lesson}.ipynb")[0]


@each
class TestTheCorePath:
    def test_takes_the_minutes_that_it_promises(self, path):
        cells, _ = minutes.parts(path)
        promised = int(re.search(r"About (\d+) minutes", cells[0].source)[1])
        assert promised == minutes.effort(cells).promised
        assert promised <= 75

    def test_shows_ideas_and_no_machinery(self, path):
        for cell in minutes.parts(path)[0]:
            if cell.cell_type == "code" and cell.id not in minutes.SETUP:
                assert len([line for line in cell.source.splitlines() if line.strip()]) <= LONGEST, cell.id
                assert not re.search(r"^\s*class |super\(", cell.source, re.MULTILINE), cell.id

    def test_stands_alone(self, path):
        """It has what to write in practice, ideas with answers, and a summary; nothing in it links beyond."""
        cells, further = minutes.parts(path)
        prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        for heading in ("## In practice, write this", "## Break it on purpose", "## Summary"):
            assert f"\n{heading}\n" in prose, heading
        ideas = prose.split("## Break it on purpose")[1].split("\n## ")[0]
        assert "<details>" in ideas, "the ideas have no answers"
        later = {cell.id for cell in further[1:]}
        assert not later & set(re.findall(r"#cell-id=([\w-]+)", prose))

    def test_what_is_further_is_folded(self, path):
        further = minutes.parts(path)[1]
        assert further[0].source.startswith("## Further")
        headings = [
            cell for cell in further[1:] if re.match("#+ ", cell.source) and cell.cell_type == "markdown"
        ]
        parts = [cell for cell in headings if cell.source.startswith("### ")]
        assert parts and all(cell.metadata.get(notebooks.FOLDED) for cell in parts)
        assert all(cell.source.startswith(("### ", "#### ", "## References")) for cell in headings)


def test_every_exercise_names_the_cells_that_explain_it():
    cores = {path.stem: {cell.id for cell in minutes.parts(path)[0]} for path in CHAPTERS}
    for item in exercise.load().values():
        assert item.taught, item.id
        for place in item.taught:
            lesson, _, cell = place.rpartition("#")
            assert cell in cores[lesson or item.lesson], (item.id, place)


def uses():
    """For each concept: its words, the (lesson, cell) that explains it, and those that use it, in order."""
    read = [(path.stem, cell.id, _read(cell)) for path in LESSONS for cell in minutes.parts(path)[0]]
    for lesson, table in CONCEPTS.items():
        for words, cell in table.items():
            word = re.compile(rf"(?<!\w)({words})(s|es)?(?!\w)", re.IGNORECASE)
            yield words, (lesson, cell), [(at, id) for at, id, text in read if word.search(text)]


def _read(cell):
    """What a learner reads in a cell; of a question its text and options. The title only promises."""
    if cell.id == "title":
        return ""
    if cell.cell_type == "markdown":
        return re.sub(r"\]\([^)]*\)", "]", cell.source)
    texts = []
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in ("ask", "predict"):
            question = questions.find(ast.literal_eval(node.args[0]))
            texts += [question.text, *(option.text for option in getattr(question, "options", ()))]
    return "\n".join(texts)


@pytest.mark.parametrize("concept", list(uses()), ids=lambda concept: concept[0])
def test_no_concept_is_used_before_it_is_explained(concept):
    words, place, used = concept
    assert place in used, f"{place} does not say {words!r}"
    assert used[0] == place, f"{words!r} is used in {used[0]}, and explained in {place}"


def test_every_core_path_explains_its_concepts():
    for path in CHAPTERS:
        fewest = 3 if path.stem.startswith("06") else 8  # the capstone brings few new ones
        assert len(CONCEPTS.get(path.stem, {})) >= fewest, path.stem


# --- Claims, measured ----------------------------------------------------------------------------


def test_the_appendix_is_what_the_lists_of_claims_make():
    made = claims.load()
    assert claims.PATH.exists() == bool(made)
    if made:
        assert claims.PATH.read_text("utf-8") == notebooks.serialize(claims.build())


def test_a_claim_that_a_lesson_measures_names_a_cell_of_it():
    for lesson, (_, listed) in claims.load().items():
        cells = {cell.id for cell in nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", 4).cells}
        assert {claim["cell"] for claim in listed if "cell" in claim} <= cells
        assert len({claim["id"] for claim in listed}) == len(listed)


GOOD = {"id": "a", "says": "b", "source": "c", "verdict": "wrong", "truth": "d", "cell": "e"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"verdict": "perhaps"}, "begin with"),
        ({"code": "1"}, "either"),
        ({"page": "3"}, "page"),
        ({"cell": None}, "needs"),
    ],
)
def test_a_claim_that_is_not_whole_is_named(change, says):
    claim = {key: value for key, value in (GOOD | change).items() if value is not None}
    with pytest.raises(ValueError, match=says):
        claims._check("here", claim)


def main():
    for words, (lesson, cell), used in uses():
        print(f"{words}: {lesson[:2]}#{cell}; then {json.dumps([f'{at[:2]}#{id}' for at, id in used[1:]])}")


if __name__ == "__main__":
    main()
