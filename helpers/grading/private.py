"""A number for each student in the tasks that can have one, so that the published solution is no answer.

The numbers are drawn from a secret of the term and the student's key in the roster, and stored nowhere:
whoever has both files writes the same workbooks (tools/kit/private.py), and grades by the same numbers.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path

from helpers.checking import exercise
from helpers.grading import intake
from helpers.grading.gradebook import whose

SHORTEST = 16  # characters of a secret
CHECKED = re.compile(r"^check\((\w+)\b.*?\bown=([-+.\de]+)", re.MULTILINE)
NOBODYS = "It is nobody's of the roster, or could be several's, so its numbers are not known."
UNKNOWN = "Its numbers are nobody's under this secret: was it written with another one, or edited?"
EDITED = "Another number than the workbook was given stands in its check of"
ANOTHERS = "It is the workbook of another student of the class."


def secret(path):
    """The secret in a file, as bytes. ValueError if it could be guessed."""
    text = Path(path).read_text("utf-8").strip()
    if len(text) < SHORTEST:
        raise ValueError(f"{path}: a secret of at least {SHORTEST} characters is needed, not {len(text)}")
    return text.encode()


def numbers(secret, key):
    """{exercise: the number} of the student with this key, for all exercises that can have one."""
    return {
        item.name: item.personal.values[_draw(secret, f"{key}/{item.name}") % len(item.personal.values)]
        for item in exercise.load().values()
        if item.personal
    }


def _draw(secret, text):
    return int.from_bytes(hmac.digest(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256)[:8])


def call(item):
    """What the cell of a check says, and `written` reads."""
    return f"check({item.asked})"


def written(submission):
    """{exercise: the number} that the checks of a Submission say. Learners can edit them."""
    found = {name: own for cell in submission.cells for name, own in _said(cell.source)}
    return {name: own for name, own in found.items() if name in exercise.load()}


def _said(source):
    for name, own in CHECKED.findall(source):
        try:
            yield name, float(own)
        except ValueError:
            continue


@dataclass(frozen=True)
class Own:
    """What is known of one submission: its student's numbers, why it cannot be graded by them, a remark."""

    numbers: dict = field(default_factory=dict)
    problem: str = ""
    remark: str = ""


class Class:
    """The numbers of a class."""

    def __init__(self, secret, students):
        self.students = students
        self.numbers = {student.key: numbers(secret, student.key) for student in students}

    def own(self, name, data):
        """The Own of a submission, given as its name and the bytes of its notebook.

        What its checks say decides nothing but this: most of the numbers must be the student's, or another
        student's, or else this is not the secret that the workbook was written with.
        """
        student = whose(name, self.students)
        if not student:
            return Own(problem=NOBODYS)
        own, there = self.numbers[student.key], written(intake.read(name, data))
        wrong = sorted(item for item, number in there.items() if own.get(item) != number)
        if not wrong:
            return Own(own)
        if any(there.items() <= other.items() for other in self.numbers.values()):
            return Own(own, remark=ANOTHERS)
        if 2 * len(wrong) > len(there):
            return Own(own, problem=UNKNOWN)
        return Own(own, remark=f"{EDITED} {', '.join(wrong)}.")
