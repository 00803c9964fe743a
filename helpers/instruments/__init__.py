"""The course's instruments. Each can be called with no arguments, or with any starting setting by name."""

from helpers.instruments.degradation_lab import degradation_lab
from helpers.instruments.edge_of_chaos import edge_of_chaos
from helpers.instruments.gradient_flow import gradient_flow
from helpers.instruments.init_explorer import init_explorer
from helpers.instruments.paths import paths

__all__ = ["degradation_lab", "edge_of_chaos", "gradient_flow", "init_explorer", "paths"]
