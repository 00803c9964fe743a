"""The package `helpers` uses nothing that Python in a browser lacks. It is read here, not run."""

import ast
import sys
from pathlib import Path

import pytest

HELPERS = Path(__file__).parents[1] / "helpers"
FILES = [path for path in sorted(HELPERS.rglob("*.py")) if "grading" not in path.relative_to(HELPERS).parts]

INSTALLED = {"helpers", "numpy", "matplotlib", "ipywidgets", "IPython", "anywidget", "traitlets"}
WITH_MATPLOTLIB = {"cycler", "contourpy"}
# In the standard library, and in a browser missing or without effect.
MISSING = {
    *("_thread", "concurrent", "curses", "dbm", "ensurepip", "fcntl", "ftplib", "http", "imaplib", "mmap"),
    *("msvcrt", "multiprocessing", "pdb", "poplib", "pty", "readline", "resource", "select", "selectors"),
    *("smtplib", "socket", "socketserver", "ssl", "subprocess", "syslog", "termios", "tkinter", "tty"),
    *("turtle", "urllib", "venv", "webbrowser", "winreg", "xmlrpc"),
}
# The module can be imported there, but no thread starts.
THREADS = {"Barrier", "Thread", "Timer"}


def problems(source):
    """What a module imports or starts that a browser lacks, unless it is prepared to do without."""
    tree = ast.parse(source)
    guarded = {id(node) for block in ast.walk(tree) if _guards(block) for node in block.body}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and id(node) not in guarded:
            found += [alias.name for alias in node.names if _missing(alias.name)]
        elif isinstance(node, ast.ImportFrom) and id(node) not in guarded:
            threads = [alias.name for alias in node.names if node.module == "threading"]
            found += [node.module] if _missing(node.module) else sorted(THREADS & set(threads))
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("threading."):
            found += sorted(THREADS & {node.attr})
    return found


def _guards(node):
    """Whether this is a `try` that catches the ImportError of its body."""
    return isinstance(node, ast.Try) and any(
        isinstance(handler.type, ast.Name) and handler.type.id == "ImportError" for handler in node.handlers
    )


def _missing(module):
    top = module.split(".")[0]
    if top in MISSING or module.startswith("helpers.grading"):
        return True
    return top not in INSTALLED | WITH_MATPLOTLIB | sys.stdlib_module_names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(HELPERS).as_posix())
def test_a_module_uses_nothing_that_a_browser_lacks(path):
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import subprocess", ["subprocess"]),
        ("import numpy as np, pandas as pd", ["pandas"]),
        ("from concurrent.futures import ThreadPoolExecutor", ["concurrent.futures"]),
        ("import threading\nthreading.Thread(target=print).start()", ["Thread"]),
        ("from threading import Lock, Thread", ["Thread"]),
        ("def late():\n    import multiprocessing.pool", ["multiprocessing.pool"]),
        ("from helpers.grading import grade", ["helpers.grading"]),
        ("import urllib.request", ["urllib.request"]),
        ("try:\n    import resource\nexcept ValueError:\n    pass", ["resource"]),
        ("try:\n    import resource\nexcept ImportError:\n    resource = None", []),
        ("import numpy as np, sqlite3\nfrom threading import RLock\nfrom helpers import theory", []),
    ],
)
def test_what_a_browser_lacks_is_noticed(source, found):
    assert problems(source) == found
