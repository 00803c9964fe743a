"""A progress bar for what lasts longer than a second: a widget in a notebook, else a line of text."""

import sys
from time import monotonic

PATIENCE, PAUSE = 1.0, 0.2  # seconds before it appears, and between two drawings


class ProgressBar:
    """`show(done)` draws when it is time to, `close()` takes the bar away."""

    def __init__(self, total, label):
        self.total, self.label = total, label
        self.next_time = monotonic() + PATIENCE
        self.drawn = None

    def show(self, done):
        if monotonic() < self.next_time:
            return
        if self.drawn is None:
            self.drawn = _widget(self.total, self.label) or _Line(self.total, self.label)
        self.drawn.value = done
        self.next_time = monotonic() + PAUSE

    def close(self):
        if self.drawn is not None:
            self.drawn.close()


def _widget(total, label):
    """A bar in the notebook's page, or None where there is no notebook."""
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
    display(bar)
    return bar


class _Line:
    """The same in a terminal, redrawn in its place."""

    def __init__(self, total, label):
        self.total, self.label = total, label

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, done):
        self._value = done
        print(f"\r{self.label}: step {done} of {self.total}", end="", file=sys.stderr, flush=True)

    def close(self):
        print(file=sys.stderr)
