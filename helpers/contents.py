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
EXERCISES = "exercises"  # the module of a chapter that holds its graded exercises
WORDS = "words.toml"


def chapters():
    """The full names of the chapters' packages."""
    return [f"{CHAPTERS}.{found.name}" for found in iter_modules(import_module(CHAPTERS).__path__)]


def modules():
    """Where each module of a chapter is, but for the exercises: {its short name: its full name}."""
    return {
        found.name: f"{chapter}.{found.name}"
        for chapter in chapters()
        for found in iter_modules(import_module(chapter).__path__)
        if found.name != EXERCISES
    }


def find(name):
    """The module of some chapter with this short name; None if there is none."""
    full = modules().get(name)
    return full and import_module(full)


def exercises():
    """The exercises' modules of all chapters that have one."""
    return [
        import_module(f"{chapter}.{EXERCISES}")
        for chapter in chapters()
        if EXERCISES in {found.name for found in iter_modules(import_module(chapter).__path__)}
    ]


def words():
    """The words of every chapter: [(where they stand, their table)].

    Raises ValueError, naming the file, if one is no TOML.
    """
    found = []
    for chapter in chapters():
        file = files(chapter).joinpath(WORDS)
        if file.is_file():
            where = f"{chapter.rsplit('.', 1)[-1]}/{WORDS}"
            try:
                found.append((where, tomllib.loads(file.read_text(encoding="utf-8"))))
            except ValueError as error:  # a TOMLDecodeError is one, too
                raise ValueError(f"{where}: {error}") from None
    return found
