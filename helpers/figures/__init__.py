"""Arrays in, pictures out. What a notebook plots with; instruments use the live figure beside it."""

from helpers.figures.numbers import show
from helpers.figures.plots import by_layer, curves, distribution, draw_network
from helpers.figures.sound import hear

__all__ = ["by_layer", "curves", "distribution", "draw_network", "hear", "show"]
