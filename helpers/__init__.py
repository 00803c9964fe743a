"""Trainable Depth: why deep networks break, and the repairs that made them train.

What a notebook imports by name is handed on from here, and is loaded when first used, so that
`import helpers` costs next to nothing: what a learner calls, every instrument, and a chapter's own modules.
"""

import sys
from importlib import import_module
from importlib.util import find_spec

__version__ = "0.3.0"

_HOME_OF = {
    "ask": "helpers.checking",
    "bring": "helpers.checking",
    "check": "helpers.checking",
    "hint": "helpers.checking",
    "hunt": "helpers.checking.hunt",
    "ladder": "helpers.checking.checks",
    "predict": "helpers.checking",
    "report": "helpers.checking",
    "review": "helpers.checking",
    "solution": "helpers.checking",
    "take": "helpers.checking",
    "tutor": "helpers.checking.tutor",
    "written_for": "helpers.edition",
    "by_layer": "helpers.figures",
    "curves": "helpers.figures",
    "distribution": "helpers.figures",
    "draw_network": "helpers.figures",
    "hear": "helpers.figures",
    "show": "helpers.figures",
}


def __getattr__(name):
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    module = import_module("helpers.contents").find(name)
    if module is None:
        raise _unknown(name)
    return getattr(module, name, module)  # an instrument, or else the module


def _unknown(name):
    """The error for a name that is not here, with a sentence."""
    if name.startswith("__") or find_spec(f"helpers.{name}"):
        return AttributeError(name)  # Python's own question, or a room that it goes on to import
    words = import_module("helpers.edition").unknown(name, __dir__())
    # `from helpers import name` would put Python's own words in the place of an AttributeError's.
    if sys._getframe(2).f_code.co_name == "_handle_fromlist":
        return ImportError(words, name="helpers")
    return AttributeError(words)


def __dir__():
    return sorted({*_HOME_OF, *import_module("helpers.contents").modules()})
