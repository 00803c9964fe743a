"""A figure whose paper lies still while its ink moves."""

from helpers.figures import reading, svg
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
        self.legend = reading.legend(figure, self._ink.curves)
        self._rescaled = reading.moving_units(figure)

    def ink(self, only=None):
        """The moving artists as they are now: what belongs inside an SVG element of the paper's size.

        `only`: some of them, and the tick labels of axes that rescale.
        """
        labels = [label for axis in self._rescaled for label in axis.labels]
        return self._ink.svg(None if only is None else [*only, *labels])

    def number(self, artist):
        """Which of the ink's curves this is."""
        return self._ink.curves.index(artist)

    def units(self):
        """What 1 stands for now on each of the axes that rescale."""
        return [axis.unit for axis in self._rescaled]

    def panels(self, words, backwards=()):
        """What can be read in it; `words` and `backwards` as in `reading.panels`."""
        return reading.panels(self.figure, self._ink.curves, words, backwards)

    def picture(self, description):
        """The figure as it is now, still, for a page without a kernel."""
        return Picture(self.figure, self.title, description)
