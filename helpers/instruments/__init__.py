"""The instruments of all chapters. Each is called with no arguments, or with starting settings.

A chapter's module that defines an `Instrument` (frame.py) has a function of its own name, which makes one.
"""

from importlib import import_module

from helpers import contents


def names():
    """The names of all instruments. (To know them, every module of a chapter is imported.)"""
    return sorted(name for name, path in contents.modules().items() if hasattr(import_module(path), name))


def __getattr__(name):
    if name == "__all__":
        return names()
    module = contents.find(name)
    if module is None or not hasattr(module, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(module, name)


def __dir__():
    return [*globals(), *names()]
