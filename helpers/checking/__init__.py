"""Quick questions, predictions and graded exercises, with feedback, and the learner's progress."""

from helpers.checking.checks import check, hint, solution
from helpers.checking.moving import bring, take
from helpers.checking.reports import report, review
from helpers.checking.widgets import ask, predict

__all__ = ["ask", "bring", "check", "hint", "predict", "report", "review", "solution", "take"]
