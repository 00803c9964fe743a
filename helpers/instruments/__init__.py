"""The course's instruments. Each can be called with no arguments, or with any starting setting by name."""

from helpers.instruments.degradation_lab import degradation_lab
from helpers.instruments.dropout_masks import dropout_masks
from helpers.instruments.edge_of_chaos import edge_of_chaos
from helpers.instruments.gradient_clipping import gradient_clipping
from helpers.instruments.gradient_flow import gradient_flow
from helpers.instruments.init_explorer import init_explorer
from helpers.instruments.paths import paths
from helpers.instruments.rescue_the_network import rescue_the_network
from helpers.instruments.weight_decay import weight_decay

__all__ = [
    "degradation_lab",
    "dropout_masks",
    "edge_of_chaos",
    "gradient_clipping",
    "gradient_flow",
    "init_explorer",
    "paths",
    "rescue_the_network",
    "weight_decay",
]
