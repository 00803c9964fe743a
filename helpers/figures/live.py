"""A figure whose paper lies still while its ink moves: two HTML widgets in one grid cell."""

import ipywidgets as widgets

from helpers.figures import svg
from helpers.figures.ink import Ink
from helpers.figures.picture import Picture
from helpers.figures.theme import STYLE


class LiveFigure(widgets.GridBox):
    """Shows a matplotlib Figure and follows its animated artists.

    Change the artists as usual, then call `redraw(description)`. The paper was drawn and sent once: what is
    not animated never changes. An axis that rescales therefore has texts for its tick labels (`decades.py`).
    """

    def __init__(self, figure, title):
        self.figure, self.title, self.description = figure, title, ""
        self._ink = Ink(figure, svg.unique_name())
        self.paper, self.ink = widgets.HTML(STYLE + svg.paper(figure)), widgets.HTML()
        self.paper.add_class("td-paper")
        self.ink.add_class("td-ink")
        for layer in (self.paper, self.ink):
            layer.layout.grid_area = "figure"
            layer.layout.margin = "0"
        width = figure.get_figwidth() * 100
        super().__init__(
            [self.paper, self.ink],
            layout=widgets.Layout(grid_template_areas='"figure"', width="100%", max_width=f"{width}px"),
        )
        self.add_class("td-figure")

    def redraw(self, description):
        """Send what changed. `description` says in words what the figure now shows."""
        self.description = description
        self.ink.value = svg.wrap(self.figure, self._ink.svg(), self.title, description)

    def picture(self):
        """The figure as it is now, still, for a page without a kernel."""
        return Picture(self.figure, self.title, self.description)
