"""Trainable Depth: why deep networks break, and the repairs that made them train.

What a notebook imports by name is handed on from here, and is loaded when first used, so that
`import helpers` costs next to nothing: what a learner calls, every instrument, and a chapter's own modules.
"""

from importlib import import_module

__version__ = "0.2.0"

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
        raise AttributeError(f"module 'helpers' has no attribute {name!r}; it hands on {__dir__()}")
    return getattr(module, name, module)  # an instrument, or else the module


def __dir__():
    return sorted({*_HOME_OF, *import_module("helpers.contents").modules()})
