"""A notebook that was opened alone, beside another `helpers` or one of another version; and what follows from
an address."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import helpers
from tools import address, notebooks

ROOT = Path(__file__).parents[1]
PLACE = "https://github.com/OWNER/a-course"
CELLS = {"no address": notebooks.course(""), "an address": notebooks.course(PLACE)}
SHELL = f"""
import sys

class Shell:
    def run_line_magic(self, name, line):
        print("magic:", name, line)
        sys.path.append({str(ROOT)!r})  # now it is installed

def get_ipython():
    return Shell()
"""


NOTEBOOKS = [path for room in ("notebooks", "exercises") for path in sorted((ROOT / room).glob("*.ipynb"))]
IN_A_SHELL = """
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

config = Config(HistoryManager={{"enabled": False}}, InteractiveShell={{"colors": "NoColor"}})
for cell in {cells}:
    InteractiveShell.instance(config=config).run_cell(cell)
"""
# A course that knows nothing of versions, as far as the cell can see it.
BEFORE = (
    "def __getattr__(name):\n    if name == 'check':\n        return print\n    raise AttributeError(name)\n"
)


def of_version(folder, version, lacks=False):
    """A copy of the course that says another version of itself; returns where its `helpers` is."""
    other = folder / "helpers"
    shutil.copytree(ROOT / "helpers", other, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tools").mkdir()
    (folder / "tools/update.py").touch()
    first = other / "__init__.py"
    first.write_text(first.read_text("utf-8").replace(f'"{helpers.__version__}"', f'"{version}"'), "utf-8")
    if lacks:
        room = other / "network.py"
        room.write_text(room.read_text("utf-8").replace("def mlp(", "def another_name("), "utf-8")
    return other


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

    @pytest.mark.parametrize("other", ["", "written_for = 1 / 0", "def load():\n    pass"])
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

    def test_beside_a_course_from_before_it_could_say_so(self, tmp_path, source):
        old = tmp_path / "helpers/__init__.py"
        old.parent.mkdir()
        old.write_text(BEFORE, "utf-8")
        _, error = opened(tmp_path, source, "-S")
        assert str(old) in error and f"older than {helpers.__version__}" in error
        assert "make update" in error and error.count("Traceback") == 1

    def test_beside_an_older_course(self, tmp_path, source):
        other = of_version(tmp_path, "0.1.9")
        _, error = opened(tmp_path, source)
        assert f"was written for version {helpers.__version__} of the course" in error
        assert f"The `helpers` here is version 0.1.9:\n    {other}\n" in error
        assert "Get both from one version: make update\n" in error and error.count("Traceback") == 1

    def test_beside_a_newer_course_it_does_nothing(self, tmp_path, source):
        of_version(tmp_path, "0.10.0")
        assert opened(tmp_path, source, "-S") == ("", "")

    def test_what_a_newer_course_has_lost_is_explained(self, tmp_path, source):
        of_version(tmp_path, "0.10.0", lacks=True)
        uses = [
            "from helpers import network",
            "from helpers.network import mlp",
            "network.mlp",
            "network.Network",
        ]
        said, told = opened(tmp_path, IN_A_SHELL.format(cells=[source, *uses, "1 / 0", "import chek"]))
        assert said.count("Traceback") == 4  # the two with mlp, and those that no course has a part in
        assert told.count("The `helpers` here is version 0.10.0") == 2
        assert told.count("Get both from one version: make update\n") == 2

    def test_a_package_that_is_not_installed_says_so_itself(self, tmp_path, source):
        of_version(tmp_path, helpers.__version__)
        _, error = opened(tmp_path, f"{source}\nfrom helpers import check", "-S")
        assert "No module named 'numpy'" in error and "written for" not in error

    def test_its_lines_are_short_and_no_magic(self, tmp_path, source):
        lines = source.splitlines()
        assert len(lines) <= 12 and all(len(line) <= 84 and line.lstrip()[:1] not in "%!" for line in lines)


IN_COLAB = notebooks.course(PLACE).replace("get_ipython())", "'<google.colab._shell.Shell>')")


def test_in_colab_it_installs_the_course(tmp_path):
    assert opened(tmp_path, IN_COLAB, "-S") == (f"magic: pip install --quiet git+{PLACE}\n", "")


def test_in_colab_an_older_course_is_told_as_elsewhere(tmp_path):
    (tmp_path / "helpers.py").write_text(BEFORE, "utf-8")
    said, error = opened(tmp_path, IN_COLAB, "-S")
    assert said == "" and f"%pip install git+{PLACE}\n" in error


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_notebook_says_first_for_which_version_it_was_written(path):
    first = next(cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
    assert first.source == notebooks.course(address.repository())
    assert f'written_for("{helpers.__version__}")' in first.source


class TestWhatHelpersHasNot:
    def test_an_import_ends_in_a_sentence(self):
        with pytest.raises(ImportError, match=r"`helpers` has no 'chek' in version .* check.* make update"):
            exec("from helpers import chek")

    def test_an_attribute_is_an_attribute_error_as_everywhere(self):
        assert not hasattr(helpers, "chek") and not hasattr(helpers, "__wrapped__")
        with pytest.raises(AttributeError, match=r"`helpers` has no 'chek'.* make update"):
            _ = helpers.chek

    def test_a_room_is_imported(self, tmp_path):
        code = f"sys.path.insert(0, {str(ROOT)!r})\nfrom helpers import edition\nprint(edition.__name__)"
        assert opened(tmp_path, code) == ("helpers.edition\n", "")


@pytest.mark.parametrize(
    "address, said", [(PLACE, f"--no-deps git+{PLACE}"), ("", "where you have the course from.")]
)
def test_an_installed_course_names_where_it_came_from(tmp_path, address, said):
    of_version(tmp_path, "0.1.9")
    (tmp_path / "tools/update.py").unlink()
    about = tmp_path / "trainable_depth-0.1.9.dist-info/METADATA"
    about.parent.mkdir()
    url = f"Project-URL: Repository, {address}\n" if address else ""
    about.write_text(f"Metadata-Version: 2.1\nName: trainable-depth\nVersion: 0.1.9\n{url}", "utf-8")
    assert f"{said}\n" in opened(tmp_path, CELLS["an address"])[1]


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
