"""Quick questions and predictions, with feedback, and the learner's progress."""

from helpers.checking.widgets import ask, predict

__all__ = ["ask", "predict"]
