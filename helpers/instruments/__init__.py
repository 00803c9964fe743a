"""The course's instruments. Each can be called with no arguments, or with any starting setting by name."""

from helpers.instruments.batchnorm_stability import batchnorm_stability
from helpers.instruments.edge_of_chaos import edge_of_chaos
from helpers.instruments.init_explorer import init_explorer
from helpers.instruments.layer_statistics import layer_statistics
from helpers.instruments.norm_axes import norm_axes
from helpers.instruments.train_vs_eval import train_vs_eval

__all__ = [
    "batchnorm_stability",
    "edge_of_chaos",
    "init_explorer",
    "layer_statistics",
    "norm_axes",
    "train_vs_eval",
]
