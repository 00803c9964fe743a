"""A progress bar for what lasts longer than a second: a widget in a notebook, else a line of text."""

import sys
from functools import partial
from time import monotonic

PATIENCE, PAUSE = 1.0, 0.2  # seconds before it appears, and between two drawings


class ProgressBar:
    """`show(done)` draws when it is time to, `close()` takes the bar away."""

    def __init__(self, total, label):
        self.total, self.label = total, label
        self.next_time = monotonic() + PATIENCE
        self.draw = self.remove = None

    def show(self, done):
        if monotonic() < self.next_time:
            return
        if self.draw is None:
            self.draw, self.remove = _widget(self.total, self.label) or _line(self.total, self.label)
        self.draw(done)
        self.next_time = monotonic() + PAUSE

    def close(self):
        if self.remove:
            self.remove()


def _widget(total, label):
    """How to draw and to remove a bar in the notebook's page, or None where there is no notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is None:
        return None
    try:
        from IPython.display import display
        from ipywidgets import IntProgress
    except ImportError:
        return None
    bar = IntProgress(max=total, description=label)
    place = display(bar, display_id=True)

    def remove():
        place.update({}, raw=True)  # a saved notebook would ask for a bar that is gone
        bar.close()

    return partial(setattr, bar, "value"), remove


def _line(total, label):
    """The same in a terminal, redrawn in its place."""

    def draw(done):
        print(f"\r{label}: step {done} of {total}", end="", file=sys.stderr, flush=True)

    return draw, partial(print, file=sys.stderr)
