"""What an exercise is: its texts, its reference, the wrong answers it knows, and the properties it checks.

The exercises of a chapter are in its `exercises.py`, which has a list EXERCISES.
"""

import difflib
import functools
import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from helpers import contents


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that learners are known to give, as a function.

    tag: the misconception, as in words.toml. message: what it is, and why it is tempting.
    """

    tag: str
    message: str
    function: Callable


@dataclass(frozen=True)
class Property:
    """One thing that a correct function does, worth `points`.

    cases(rng) draws a list of arguments, smallest first: fresh at every check, and such that wrong answers
    differ from the right one. measure(f, *args) is what is compared, got with expected: by default the result
    f(*args); it may also be a statistic of it, or come from several calls. `quantity` names it in words.
    `part` is the key of a dictionary (or the index of a tuple) that f returns, where a property looks at this
    part alone. `expected(*args)` is what is expected where measuring the reference would not be exact.
    Equal means |got − expected| ≤ atol + rtol |expected|.
    """

    name: str
    points: int
    cases: Callable
    measure: Callable = lambda f, *args: f(*args)
    quantity: str = ""
    part: str | int | None = None
    expected: Callable | None = None
    rtol: float = 1e-3
    atol: float = 1e-5


@dataclass(frozen=True)
class Exercise:
    """A graded exercise. `reference` has the name of the learner's function, which is the exercise's name.

    lesson: the notebook's name without .ipynb; section: one of its headings, without the #.
    difficulty: 1, 2 or 3. hints: two, the second says more.
    """

    lesson: str
    section: str
    title: str
    minutes: int
    difficulty: int
    hints: tuple[str, str]
    reference: Callable
    properties: Sequence[Property]
    wrong: Sequence[Wrong]

    @property
    def name(self):
        return self.reference.__name__

    @property
    def id(self):
        """The id of the answer's cell, and nbgrader's grade_id."""
        return self.name.replace("_", "-")

    @property
    def chapter(self):
        return int(self.lesson[:2])

    @property
    def points(self):
        return sum(item.points for item in self.properties)

    @property
    def facts(self):
        """The line under the title in the workbook."""
        stars = "★" * self.difficulty + "☆" * (3 - self.difficulty)
        return f"{self.points} points · about {self.minutes} minutes · difficulty {stars}"

    @property
    def parameters(self):
        return list(inspect.signature(self.reference).parameters)

    @property
    def source(self):
        """The reference as text."""
        return textwrap.dedent(inspect.getsource(self.reference)).rstrip()


@functools.cache
def load():
    """All exercises by name, in the order of the chapters."""
    found = [exercise for module in contents.exercises() for exercise in module.EXERCISES]
    return {exercise.name: exercise for exercise in sorted(found, key=lambda exercise: exercise.lesson)}


def find(name):
    """The exercise with this name; ValueError, naming the nearest ones, if there is none."""
    if name in load():
        return load()[name]
    near = difflib.get_close_matches(str(name), load(), n=3, cutoff=0.5) or list(load())
    raise ValueError(f"There is no exercise named {name!r}. Did you mean: {', '.join(near)}?")
