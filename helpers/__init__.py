"""Trainable Depth: why deep networks break, and the repairs that made them train.

What a notebook imports by name is handed on from here, and is loaded when first used, so that
`import helpers` costs next to nothing.
"""

from importlib import import_module

_HOME_OF = {
    "ask": "helpers.checking",
    "check": "helpers.checking",
    "hint": "helpers.checking",
    "predict": "helpers.checking",
    "report": "helpers.checking",
    "review": "helpers.checking",
    "solution": "helpers.checking",
    "init_explorer": "helpers.instruments",
    "edge_of_chaos": "helpers.instruments",
    "batchnorm_stability": "helpers.instruments",
    "by_layer": "helpers.figures",
    "curves": "helpers.figures",
    "distribution": "helpers.figures",
    "layer_statistics": "helpers.instruments",
    "norm_axes": "helpers.instruments",
    "show": "helpers.figures",
    "train_vs_eval": "helpers.instruments",
}

__all__ = sorted(_HOME_OF)


def __getattr__(name):
    if name not in _HOME_OF:
        raise AttributeError(f"module 'helpers' has no attribute {name!r}; it hands on {__all__}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__():
    return __all__
