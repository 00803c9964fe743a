"""The course's instruments. Each can be called with no arguments, or with any starting setting by name."""

from helpers.instruments.edge_of_chaos import edge_of_chaos
from helpers.instruments.gain_chain import gain_chain
from helpers.instruments.gradient_by_layer import gradient_by_layer
from helpers.instruments.init_explorer import init_explorer
from helpers.instruments.jacobian_spectrum import jacobian_spectrum

__all__ = ["edge_of_chaos", "gain_chain", "gradient_by_layer", "init_explorer", "jacobian_spectrum"]
