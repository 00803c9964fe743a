"""A notebook that was opened alone, or beside another `helpers`; and what follows from an address."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import address, notebooks

ROOT = Path(__file__).parents[1]
PLACE = "https://github.com/OWNER/a-course"
CELLS = {"no address": notebooks.course(""), "an address": notebooks.course(PLACE)}
SHELL = """
class Shell:
    def run_line_magic(self, name, line):
        print("magic:", name, line)

def get_ipython():
    return Shell()
"""


def opened(folder, source, *flags):
    """Run a cell in a folder with Python alone; what it prints, and the last words of its error."""
    (folder / "cell.py").write_text(SHELL + source, "utf-8")
    command = [sys.executable, *flags, "cell.py"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8")
    return done.stdout, done.stderr


@pytest.mark.parametrize("source", CELLS.values(), ids=CELLS)
class TestTheCellCourse:
    def test_opened_alone_it_says_the_command(self, tmp_path, source):
        _, error = opened(tmp_path, source, "-S")
        assert "No module named 'helpers'" in error and "The course's own `helpers` is not here" in error
        assert f"%pip install git+{PLACE}\n" in error if PLACE in source else "make lab\n" in error
        assert error.count("Traceback") == 1

    @pytest.mark.parametrize("other", ["", "check = 1 / 0", "def load():\n    pass"])
    def test_beside_another_helpers_it_names_that_file(self, tmp_path, source, other):
        (tmp_path / "helpers.py").write_text(other)
        _, error = opened(tmp_path, source, "-S")
        if "1 / 0" in other:  # the learner's own error, in the learner's own file
            assert "ZeroDivisionError" in error and "helpers.py" in error
        else:
            assert str(tmp_path / "helpers.py") in error and "Rename it" in error

    def test_where_the_course_is_it_does_nothing(self, tmp_path, source):
        shown = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{source}"
        assert opened(tmp_path, shown) == ("", "")

    def test_its_lines_are_short_and_no_magic(self, tmp_path, source):
        lines = source.splitlines()
        assert len(lines) <= 12 and all(len(line) <= 84 and line.lstrip()[:1] not in "%!" for line in lines)


def test_in_colab_it_installs_the_course(tmp_path):
    in_colab = CELLS["an address"].replace("get_ipython())", "'<google.colab._shell.Shell>')")
    assert opened(tmp_path, in_colab, "-S") == (f"magic: pip install --quiet git+{PLACE}\n", "")


@pytest.fixture
def copy(tmp_path):
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_an_address_is_written_and_taken_back(copy):
    address.write("", copy)
    before = {path: path.read_bytes() for path in copy.iterdir()}
    assert address.repository(copy) == "" and address.on_colab("x.ipynb", copy) == ""
    address.write(f"{PLACE}.git", copy)
    assert address.repository(copy) == PLACE
    link = "https://colab.research.google.com/github/OWNER/a-course/blob/HEAD/notebooks/00_start_here.ipynb"
    assert address.on_colab("notebooks/00_start_here.ipynb", copy) == link
    readme = (copy / "README.md").read_text("utf-8")
    assert link in readme and "mybinder.org/v2/gh/OWNER/a-course/HEAD" in readme
    address.write("", copy)
    assert {path: path.read_bytes() for path in copy.iterdir()} == before


@pytest.mark.parametrize("wrong", ["github.com/a/b", "https://github.com/a", "https://example.org/a/b"])
def test_what_is_no_address_is_refused(copy, wrong):
    before = (copy / "pyproject.toml").read_bytes()
    with pytest.raises(ValueError, match="OWNER/NAME is needed"):
        address.write(wrong, copy)
    assert (copy / "pyproject.toml").read_bytes() == before
