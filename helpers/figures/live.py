"""A figure whose paper lies still while its ink moves: two HTML widgets in one grid cell."""

import ipywidgets as widgets

from helpers.figures import svg
from helpers.figures.picture import Picture
from helpers.figures.theme import STYLE


class LiveFigure(widgets.GridBox):
    """Shows a matplotlib Figure and follows its animated artists.

    Change the artists as usual, then call `redraw(description)`. Only their SVG is sent. The paper is drawn
    and sent again when an axis got other limits or labels; papers that were drawn before are kept.
    """

    def __init__(self, figure, title):
        self.figure, self.title, self.description = figure, title, ""
        self._papers = {}
        self.paper, self.ink = widgets.HTML(), widgets.HTML()
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
        key = _paper_key(self.figure)
        if key not in self._papers:
            self._papers[key] = STYLE + svg.paper(self.figure)
        self.paper.value = self._papers[key]
        self.ink.value = svg.ink(self.figure, self.title, description)

    def picture(self):
        """The figure as it is now, still, for a page without a kernel."""
        return Picture(self.figure, self.title, self.description)


def _paper_key(figure):
    return tuple(
        (*ax.get_xlim(), *ax.get_ylim(), ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left"))
        for ax in figure.axes
    )
