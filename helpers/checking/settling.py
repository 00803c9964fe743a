"""When a prediction is settled: once the cell that shows its truth has run.

IPython tells after each cell that it ran. JupyterLab says which one it was, and a prediction waits for the
cell that its `truth` in words.toml names. Another program may not say: there the next cell that ran without
an error and shows a value counts.
"""

import re
import sys

CELL_ID = re.compile(r"[\w-]{1,64}", re.ASCII)  # of the notebook format; VS Code sends addresses of its own


class Truths:
    """Which truths this kernel has shown, and which predictions wait for theirs."""

    def __init__(self):
        self.shown = set()  # ids of questions
        self._ran = set()  # ids of cells
        self._waiting = {}  # question's id: (question, what to call)
        self._asked_now = set()  # ids of questions, by the cell that is still running

    def watch(self, question, settle):
        """Call settle() after the cell that shows the truth; True if that has run already.

        A question that is asked again waits with the new `settle` alone. Without IPython nothing ever runs.
        """
        shell = _shell()
        if shell and self._after_cell not in shell.events.callbacks["post_run_cell"]:
            shell.events.register("post_run_cell", self._after_cell)
        if question.truth in self._ran:
            self.shown.add(question.id)
        if question.id not in self.shown:
            self._waiting[question.id] = question, settle
            self._asked_now.add(question.id)
        return question.id in self.shown

    def _after_cell(self, result):
        asked_now, self._asked_now = self._asked_now, set()
        if result is None or not result.success:
            return
        cell = _cell_id(result)
        self._ran.add(cell)
        for id, (question, settle) in list(self._waiting.items()):
            if question.truth and cell:
                shows = cell == question.truth
            else:
                shows = result.result is not None and id not in asked_now
            if shows:
                self.shown.add(id)
                del self._waiting[id]
                settle()


TRUTHS = Truths()  # the kernel's own


def unsettled(answers):
    """The predictions whose truth has not been shown, in `Answer`s: {question's id: rows, oldest first}.

    A prediction is recorded without a judgement, and once more, with it, when it is settled. (Those of
    earlier versions were judged at once.)
    """
    rows = {}
    for row in answers:
        if row.kind != "prediction":
            continue
        if row.correct is None:
            rows.setdefault(row.question, []).append(row)
        else:
            rows.pop(row.question, None)
    return rows


def _shell():
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _cell_id(result):
    """The id of the cell in its notebook; None if the program that sent it does not say."""
    id = getattr(result.info, "cell_id", None)
    return id if id and CELL_ID.fullmatch(id) else None
