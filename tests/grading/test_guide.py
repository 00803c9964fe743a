"""What docs/instructors.md shows works as it stands there."""

import re

import pytest

from helpers.grading.__main__ import _parser
from tests.grading import bank

GUIDE = (bank.ROOT / "docs" / "instructors.md").read_text("utf-8")
COMMANDS = re.findall(r"python -m helpers\.grading (.*)", GUIDE)


def test_the_checks_of_your_own(graded):
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "PROPERTIES" in block
    ]
    row = graded(bank.solved(), extra=code)
    assert (row["status"], row["points"], row["possible"]) == ("graded", 105, 105)
    row = graded(bank.partial(), extra=code)
    assert (row["points"], row["possible"]) == (bank.PARTIAL_POINTS, 105), "by fan_out they fail"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands(command):
    assert _parser().parse_args(command.split()).submissions.name == "submissions"


def test_every_option_is_explained_and_no_other():
    options = {option for action in _parser()._actions for option in action.option_strings}
    told = set(re.findall(r"^\| `(--[a-z-]+)", GUIDE, re.MULTILINE))
    assert told == options - {"-h", "--help", "--out"}
