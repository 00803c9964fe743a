"""A prompt for whatever assistant the learner uses, which asks it for a question instead of a solution.

It is a text to copy. Nothing is sent anywhere.
"""

import inspect
import json
import re
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import numpy as np
from traitlets import Dict

from helpers.browser.notebook import InBrowser
from helpers.checking.calls import own_functions
from helpers.checking.cards import NOTEBOOKS, Card, diagnosis, example, prose
from helpers.checking.checks import named, show
from helpers.checking.judging import judged

ASK = """\
I am learning how deep networks became trainable, and I am stuck on an exercise. Be my tutor, in this way:
- Ask me one question, about the one step that I should think about next. Then wait for my answer.
- Never give the solution, neither as code nor as a formula, even if I ask for it.
- What the check found is verified. Do not contradict it, and do not read it out to me: lead me to it."""
PASSED = "My function passes the check. Ask me one question that shows whether I know why it is right."


def tutor(function, seed=None):
    """A prompt to copy, as a widget: the task, the learner's code, what the check finds now, and how to help.

    function: the exercise's, or its name. seed: of the check's inputs, to see the same ones again.
    """
    try:
        exercise, function = named(function)
    except ValueError as error:
        return show(Card("muted", "There is nothing to ask about.", str(error)))
    return Prompt(exercise, prompt(exercise, function, seed))


class Prompt(InBrowser):
    """A text, and a button that copies it (`tutor.js`)."""

    module = "tutor.js"
    _about = Dict().tag(sync=True)

    def __init__(self, exercise, text):
        self.text = text
        words = (
            f"<b>{prose(exercise.title)}: a prompt for your assistant</b>"
            "<div>Copy it, and paste it into whatever you use. It asks for a question, not for the answer. "
            "We send it nowhere.</div>"
        )
        super().__init__(_about={"html": words, "prompt": text})

    def still(self):
        """The text for a page without a kernel."""
        return {"text/html": f"{self._about['html']}<pre>{prose(self.text)}</pre>", "text/plain": self.text}


def prompt(exercise, function, seed=None):
    """The text. The check is run again for it, and records nothing."""
    parts = [ASK, f"THE TASK: {exercise.title}\n\n{task(exercise)}"]
    code = code_of(exercise.name, function)
    parts.append(f"MY CODE\n\n{code}" if code else "MY CODE: I have not run any yet.")
    parts.append(f"WHAT THE CHECK FOUND\n\n{finding(exercise, function, seed)}")
    return "\n\n".join(parts) + "\n"


def task(exercise):
    """The task's text from the workbook; without a workbook at hand, the function's head and docstring."""
    with suppress(OSError, StopIteration):
        path = Path(NOTEBOOKS).parent / "exercises" / f"{exercise.lesson}.ipynb"
        cells = json.loads(path.read_text("utf-8"))["cells"]
        text = "".join(next(cell["source"] for cell in cells if cell["id"] == f"{exercise.id}-task"))
        return re.sub(r"\]\([^)]*\)", "]", text)
    return f"def {exercise.name}({', '.join(exercise.parameters)}):\n    {inspect.getdoc(exercise.reference)}"


def code_of(name, function):
    """The learner's code: the last cell that defines it, or the function's own source; "" without either."""
    cells = vars(sys.modules["__main__"]).get("In", ())
    for cell in reversed(cells):
        if re.search(rf"^(async )?def {name}\b|^{name} *=", cell, re.MULTILINE):
            return cell.strip()
    with suppress(OSError, TypeError):
        return textwrap.dedent(inspect.getsource(function)).strip()
    return ""


def finding(exercise, function, seed=None):
    """What a check finds now: that all is right, nothing to judge, or the diagnosis and a failing input."""
    if not callable(function):
        return "Nothing yet: there is no function of this name."
    seed = int(np.random.default_rng().integers(10**6)) if seed is None else seed
    with own_functions():
        judgement = judged(exercise, function, seed)
    if judgement.outcome == "not attempted":
        return "Nothing yet: the function is still empty. Ask me how I would begin."
    if judgement.outcome == "correct":
        return PASSED
    scored = f"{judgement.points:g} of {exercise.points} points. These properties fail:"
    failed = [f"- {result.prop.name}" for result in judgement.results if not result.passed]
    return "\n".join([scored, *failed, *map(str, (*diagnosis(judgement), *example(judgement)))])
