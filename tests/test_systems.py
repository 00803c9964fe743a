"""What differs between Linux, macOS and Windows, read and not run: texts, names of files, parts of Python."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What a learner on any system runs. (Tests write their own small files; the grader needs Linux.)
FILES = [path for room in ("helpers", "tools", "benchmarks") for path in sorted((ROOT / room).rglob("*.py"))]
ENCODED = {"open", "read_text", "write_text"}
POSIX = {"fcntl", "resource", "pwd", "grp", "termios", "pty"}
POSIX_CALLS = {"fork", "getuid", "geteuid", "setsid", "killpg", "nice", "uname", "mkfifo"}


def without_encoding(source):
    """The lines on which a text is opened, read or written in whatever encoding the system has."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _bare(node)]


def _bare(call):
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name not in ENCODED or any(word.arg == "encoding" for word in call.keywords):
        return False
    given = [ast.unparse(one) for one in [*call.args, *(w.value for w in call.keywords if w.arg == "mode")]]
    if name == "open":
        if isinstance(function, ast.Attribute) and ast.unparse(function.value) in (
            "os",
            "tarfile",
            "zipfile",
        ):
            return False
        modes = [one for one in given if re.fullmatch(r"'[rwxabt+]+'", one)]
        if isinstance(function, ast.Attribute) and not modes and given:
            return False  # a method of our own that opens something else
        return not any("b" in mode for mode in modes)
    return len(given) < (1 if name == "read_text" else 2)


def only_posix(source):
    """What a module takes from Python that only some systems have, unless it looks first."""
    tree = ast.parse(source)
    tried = {id(node) for block in ast.walk(tree) if isinstance(block, ast.Try) for node in block.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and id(node) not in tried:
            yield from (alias.name for alias in node.names if alias.name in POSIX)
        elif (
            isinstance(node, ast.Attribute)
            and getattr(node.value, "id", "") == "os"
            and node.attr in POSIX_CALLS
        ):
            yield f"os.{node.attr}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_text_has_an_encoding(path):
    assert without_encoding(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("open(path)", True),
        ("open(path, 'w')", True),
        ("path.open()", True),
        ("path.open(mode='a')", True),
        ("path.read_text()", True),
        ("path.write_text(words)", True),
        ("open(path, 'rb')", False),
        ("path.open('wb')", False),
        ("open(path, encoding='utf-8')", False),
        ("path.read_text('utf-8')", False),
        ("path.write_text(words, 'utf-8')", False),
        ("page.open('notebooks/x.ipynb')", False),
        ("os.open(path, flags)", False),
    ],
)
def test_a_text_without_an_encoding_is_found(line, bare):
    assert bool(without_encoding(line)) == bare


def test_a_learner_needs_nothing_that_only_some_systems_have():
    for path in (ROOT / "helpers").rglob("*.py"):
        if "grading" not in path.relative_to(ROOT).parts:
            assert list(only_posix(path.read_text("utf-8"))) == [], path
    assert list(only_posix("import fcntl, os\nos.fork()")) == ["fcntl", "os.fork"]
    assert list(only_posix("try:\n    import resource\nexcept ImportError:\n    resource = None")) == []


def test_windows_can_have_every_name():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = done.stdout.decode("utf-8").split("\0")[:-1]
    assert len(names) > 200
    assert len({name.lower() for name in names}) == len(names)  # it tells no capital from a small letter
    for name in names:
        assert len(name) < 120 and not re.search(r'[<>:"|?*\\]|[. ](/|$)', name), name
        reserved = r"(?i)(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)"
        assert not re.search(reserved, name), name
