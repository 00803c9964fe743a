"""A figure whose paper lies still while its ink moves."""

from helpers.figures import svg
from helpers.figures.ink import Ink
from helpers.figures.picture import Picture


class LiveFigure:
    """A matplotlib Figure in two layers: `paper`, written once, and `ink()`, the animated artists as now.

    Change the artists as usual, then ask for the ink. What is not animated never changes: an axis that
    rescales therefore has texts for its tick labels (`decades.py`).
    """

    def __init__(self, figure, title):
        self.figure, self.title = figure, title
        self._ink = Ink(figure)
        self.paper = svg.paper(figure)

    def ink(self):
        """The moving artists as they are now: what belongs inside an SVG element of the paper's size."""
        return self._ink.svg()

    def picture(self, description):
        """The figure as it is now, still, for a page without a kernel."""
        return Picture(self.figure, self.title, description)
