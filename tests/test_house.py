"""The house: who may import whom, and that a new chapter is one new folder."""

import ast
import sys
from pathlib import Path

import pytest

from helpers import ask, chapters, check, checking, contents, instruments
from helpers.checking import checks, exercise, questions
from helpers.progress.record import PROGRESS

ROOT = Path(__file__).parents[1]
# A room imports only from rooms above it.
ROOMS = [
    *("edition", "arguments", "fast", "initializers", "layers", "losses", "network", "data", "optimizers"),
    *(
        "progress_bar",
        "measured",
        "training",
        "theory",
        "probes",
        "jacobians",
        "propagation",
        "digits",
        "contents",
    ),
    *("figures", "browser", "progress", "instruments", "checking", "chapters", "grading"),
]


def imports(file):
    """The full names of all that a file of helpers/ imports from the course, wherever it does so."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            names = [f"{node.module}.{name.name}" for name in node.names]
        else:
            continue
        # (`helpers.__version__` stands in the package itself, which is no room.)
        yield from (name for name in names if name.startswith("helpers.") and "__" not in name)


def arrows():
    """(file, where it stands, what it imports), the last two as the parts of a name without `helpers`."""
    for file in sorted((ROOT / "helpers").rglob("*.py")):
        inside = file.relative_to(ROOT / "helpers").with_suffix("").parts
        for name in imports(file):
            yield str(file.relative_to(ROOT)), inside, tuple(name.split(".")[1:])


def test_a_room_imports_only_from_rooms_above_it():
    found = [(file, mine[0], other[0]) for file, mine, other in arrows() if mine[0] != other[0]]
    assert len(found) > 100
    wrong = [
        f"{file} imports {other}"
        for file, mine, other in found
        if other not in ROOMS or mine not in ROOMS or ROOMS.index(other) > ROOMS.index(mine)
    ]
    assert wrong == []


def test_every_room_is_in_the_list():
    rooms = {path.stem for path in (ROOT / "helpers").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert {room for room in rooms if not room.startswith("__")} <= {*ROOMS}


def test_no_chapter_imports_another():
    inside = [(file, mine, other) for file, mine, other in arrows() if mine[0] == other[0] == "chapters"]
    assert inside
    assert [file for file, mine, other in inside if mine[1] != other[1]] == []


def test_no_instrument_is_a_library():
    names = instruments.names()
    inside = [(file, other) for file, _, other in arrows() if other[0] == "chapters" and len(other) > 2]
    assert inside and "ward" in names
    assert [file for file, other in inside if other[2] in names] == []


def test_nothing_imports_the_grader():
    assert [file for file, mine, other in arrows() if other[0] == "grading" != mine[0]] == []


# --- A new chapter --------------------------------------------------------------------------------

# In a folder of its own, which is found because it stands in the path of `helpers.chapters`.
CHAPTER = {
    "__init__.py": '"""A chapter more."""\n',
    "doubler.py": """
from helpers.figures import svg
from helpers.instruments.controls import Slider
from helpers.instruments.frame import Instrument, Verdict


class Doubler(Instrument):
    title, question, seeded = "Doubler", "How much is twice as much?", False
    controls = (Slider("n", "n", range(1, 6), 2),)

    def experiment(self, settings):
        return 2 * settings.n

    def draw(self):
        figure = svg.new_figure()
        return figure, figure.subplots().plot([0], [0], animated=True)

    def move(self, artists, settings, result):
        artists[0].set_data([0, 1], [0, result])

    def readouts(self, settings, result):
        return [("2n", str(result))]

    def verdict(self, settings, result):
        return Verdict("DOUBLED", f"to {result}.", "good")

    def describe(self, settings, result):
        return f"A line to {result}."
""",
    "exercises.py": '''
from helpers.checking.exercise import Check, Property


def double(n):
    """Twice n."""
    return 2 * n


DOUBLE = Check(
    double,
    properties=[Property("small", 3, lambda rng: [(int(n),) for n in rng.integers(3, 9, 3)])],
    mistakes={"square-for-double": lambda n: n**2, "half-for-double": lambda n: n / 2},
)

EXERCISES = [DOUBLE]
''',
    "words.toml": '''
lesson = "09_doubling"

[twice-three]
kind = "number"
section = "1 · Doubling"
text = "Twice three?"
answer = 6
right = "Six."
too_small = "More."
too_large = "Less."
wrong = [{value = 9, tag = "square-for-double", feedback = "That is three times three."}]

[exercise.double]
section = "1 · Doubling"
title = "Twice as much"
minutes = 1
difficulty = 1
hints = ["""Add it to
itself.""", "n + n"]

[exercise.double.properties]
small = "small numbers"

[exercise.double.mistakes]
square-for-double = """it multiplies n by
itself."""
half-for-double = "it goes the other way."
''',
}


@pytest.fixture
def doubling(tmp_path, monkeypatch):
    """The folder of a chapter more, for as long as a test lasts."""
    folder = tmp_path / "chapters" / "doubling"
    folder.mkdir(parents=True)
    for name, text in CHAPTER.items():
        (folder / name).write_text(text, "utf-8")
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))
    monkeypatch.setattr(chapters, "__path__", [*chapters.__path__, str(folder.parent)])
    forget()
    yield folder
    for name in [name for name in sys.modules if name.startswith("helpers.chapters.doubling")]:
        del sys.modules[name]
    vars(chapters).pop("doubling", None)
    forget()


def forget():
    for load in (exercise.load, questions.load):
        load.cache_clear()


def test_a_new_chapter_is_found_by_its_folder_alone(doubling, monkeypatch):
    assert "doubling" in contents.chapters()
    assert "doubler" in instruments.__all__
    assert instruments.doubler(n=4).result == 8

    box = ask("twice-three")
    box.submit("9")
    assert "three times three" in box.said
    assert PROGRESS.answers()[-1].misconception == "square-for-double"

    cards = []
    monkeypatch.setattr(checks, "display", cards.append)
    double = exercise.find("double").reference
    assert check(double) == 3.0

    def double(n):
        return n * n

    assert check(double) == 0.0
    assert "it multiplies n by itself." in repr(cards[-1]) and "small numbers" in repr(cards[-1])
    checking.hint("double")
    assert "Add it to itself." in repr(cards[-1])
    assert "Chapter 9" in repr(checking.report())


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("words.toml", "exercise.double", "exercise.half", r"words for exercise 'double'"),
        ("words.toml", "[twice-three]", "[exercise.triple]\n[twice-three]", r"is no exercise 'triple'"),
        ("words.toml", "half-for-double", "half-of-it", r"\[exercise.double\].* mistake 'half-for-double'"),
        ("exercises.py", ', "half-for-double": lambda n: n / 2', "", r"is no mistake 'half-for-double'"),
        ("words.toml", '\nsmall = "', '\ntiny = "', r"\[exercise.double\].* words for property 'small'"),
        ("exercises.py", '[Property("small"', '[Property("tiny"', r"words for property 'tiny'"),
        ("words.toml", "minutes = 1", "minutes = 1\nquantities.big = 'n'", r"is no quantity 'big'"),
        ("words.toml", "minutes = 1", "", r"words for key 'minutes'"),
        ("words.toml", "minutes = 1", "minutes = 'one'", r"minutes is 'one'; it must be of type int"),
        ("words.toml", "minutes = 1", "minutes = 1\nhours = 1", r"is no key 'hours'"),
        ("words.toml", 'lesson = "09_doubling"', "", r"lesson is None"),
    ],
)
def test_words_and_code_of_an_exercise_belong_together(doubling, file, old, new, said):
    text = (doubling / file).read_text("utf-8")
    assert old in text
    (doubling / file).write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ValueError, match=rf"^doubling/words\.toml.*{said}"):
        exercise.load()
