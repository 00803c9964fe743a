"""The course's instruments. Each can be called with no arguments, or with any starting setting by name."""

from helpers.instruments.batchnorm_stability import batchnorm_stability
from helpers.instruments.degradation_lab import degradation_lab
from helpers.instruments.dropout_masks import dropout_masks
from helpers.instruments.edge_of_chaos import edge_of_chaos
from helpers.instruments.gain_chain import gain_chain
from helpers.instruments.gradient_by_layer import gradient_by_layer
from helpers.instruments.gradient_clipping import gradient_clipping
from helpers.instruments.gradient_flow import gradient_flow
from helpers.instruments.init_explorer import init_explorer
from helpers.instruments.jacobian_spectrum import jacobian_spectrum
from helpers.instruments.layer_statistics import layer_statistics
from helpers.instruments.norm_axes import norm_axes
from helpers.instruments.paths import paths
from helpers.instruments.rescue_the_network import rescue_the_network
from helpers.instruments.train_vs_eval import train_vs_eval
from helpers.instruments.weight_decay import weight_decay

__all__ = [
    "batchnorm_stability",
    "degradation_lab",
    "dropout_masks",
    "edge_of_chaos",
    "gain_chain",
    "gradient_by_layer",
    "gradient_clipping",
    "gradient_flow",
    "init_explorer",
    "jacobian_spectrum",
    "layer_statistics",
    "norm_axes",
    "paths",
    "rescue_the_network",
    "train_vs_eval",
    "weight_decay",
]
