"""The table of contents: which chapters there are, and in which of their files a name stands.

A chapter is a folder of `helpers/chapters`: its science, a file an instrument, `exercises.py` and
`words.toml`. The rooms that serve all chapters find these here, by name, so that none of them imports a
chapter, and a new chapter is one new folder.
"""

import tomllib
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules

CHAPTERS = "helpers.chapters"
EXERCISES = "exercises"  # the module of a chapter that holds what its graded exercises check
WORDS = "words.toml"


def chapters():
    """The names of the chapters' folders."""
    return [found.name for found in iter_modules(import_module(CHAPTERS).__path__)]


def modules():
    """Where each module of a chapter is, but for the exercises: {its short name: its full name}."""
    return {
        name: f"{CHAPTERS}.{chapter}.{name}"
        for chapter in chapters()
        for name in _modules(chapter)
        if name != EXERCISES
    }


def find(name):
    """The module of some chapter with this short name; None if there is none."""
    full = modules().get(name)
    return full and import_module(full)


def exercises():
    """What the exercises check: {chapter: the list EXERCISES of its module}."""
    return {
        chapter: import_module(f"{CHAPTERS}.{chapter}.{EXERCISES}").EXERCISES
        for chapter in chapters()
        if EXERCISES in _modules(chapter)
    }


def words():
    """The words of every chapter: {chapter: the table of its words.toml}.

    `lesson` is the notebook's name without .ipynb; `exercise`, a table by the function's name, is read by
    checking/exercise.py, `goals` by checking/reports.py, and every other table is a question.

    Raises ValueError, naming the file, if one is no TOML.
    """
    found = {}
    for chapter in chapters():
        file = files(f"{CHAPTERS}.{chapter}").joinpath(WORDS)
        if file.is_file():
            try:
                found[chapter] = tomllib.loads(file.read_text(encoding="utf-8"))
            except ValueError as error:  # a TOMLDecodeError is one, too
                raise ValueError(f"{chapter}/{WORDS}: {error}") from None
    return found


def _modules(chapter):
    return [found.name for found in iter_modules(import_module(f"{CHAPTERS}.{chapter}").__path__)]
