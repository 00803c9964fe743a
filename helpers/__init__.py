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
    "batchnorm_stability": "helpers.instruments",
    "degradation_lab": "helpers.instruments",
    "dropout_masks": "helpers.instruments",
    "edge_of_chaos": "helpers.instruments",
    "gain_chain": "helpers.instruments",
    "gradient_by_layer": "helpers.instruments",
    "gradient_clipping": "helpers.instruments",
    "gradient_flow": "helpers.instruments",
    "init_explorer": "helpers.instruments",
    "jacobian_spectrum": "helpers.instruments",
    "layer_statistics": "helpers.instruments",
    "norm_axes": "helpers.instruments",
    "paths": "helpers.instruments",
    "rescue_the_network": "helpers.instruments",
    "train_vs_eval": "helpers.instruments",
    "weight_decay": "helpers.instruments",
    "by_layer": "helpers.figures",
    "curves": "helpers.figures",
    "distribution": "helpers.figures",
    "show": "helpers.figures",
}

__all__ = sorted(_HOME_OF)


def __getattr__(name):
    if name not in _HOME_OF:
        raise AttributeError(f"module 'helpers' has no attribute {name!r}; it hands on {__all__}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__():
    return __all__
