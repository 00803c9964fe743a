"""The course's instruments. Each can be called with no arguments, or with any starting setting by name."""

from helpers.instruments.edge_of_chaos import edge_of_chaos
from helpers.instruments.init_explorer import init_explorer

__all__ = ["edge_of_chaos", "init_explorer"]
