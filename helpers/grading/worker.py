"""What runs in the sandbox: the learner's cells, in IPython, and then calls of the learner's functions.

It knows neither references nor properties nor seeds. It answers requests that come on its standard input, on
its standard output, until that closes; what the learner's code prints goes elsewhere. Nothing in here protects
a score: the learner's code can take this whole process over, and then answers calls in its own way. What it
answers is judged on the other side, as plain data.

A script, started with nothing of the course beside it but wire.py and checking's calls.py and values.py.
"""

import ast
import linecache
import os
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import helpers.checking
from helpers.checking.calls import Outcome, Problem, in_process
from helpers.grading.wire import HEADER, frame, pack, parse, unpack

MEGABYTE = 2**20
LIMITS = {
    resource.RLIMIT_AS: 3072 * MEGABYTE,  # a call may take 1024 MB more than there is before (calls.py)
    resource.RLIMIT_FSIZE: 32 * MEGABYTE,
    resource.RLIMIT_NOFILE: 128,
    resource.RLIMIT_CORE: 0,
}
PARTS = ("kind", "text", "line", "source")  # of a problem
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Assign


def main(cpu_seconds):
    """Answer requests, {"do": "start", "run" or "call", …}, until there are no more."""
    requests, answers = _wire()
    for limit, value in {**LIMITS, resource.RLIMIT_CPU: int(cpu_seconds)}.items():
        resource.setrlimit(limit, (value, value))
    for module in (helpers, helpers.checking):  # what a workbook imports is there, and does nothing
        module.__getattr__ = _stand_in
    shell, functions = Shell.instance(config=Config({"HistoryManager": {"enabled": False}})), {}
    while header := requests.read(HEADER.size):
        request = parse(requests.read(*HEADER.unpack(header)))
        answers.write(DO[request["do"]](request, shell.user_ns, functions))
        answers.flush()


class Shell(InteractiveShell):
    """IPython without a screen."""

    def enable_gui(self, gui=None):
        """What `%matplotlib` asks for: nothing."""

    def showtraceback(self, *args, **kwargs):
        """Errors are told in other ways."""

    showsyntaxerror = showtraceback


def start(request, names, functions):
    """Say that it is there."""
    return frame({})


def run(request, names, functions):
    """Run one cell, or its definitions alone; keep the functions that it should define as answers.

    Where a cell fails before they are there, its definitions alone are tried.
    """
    source, seconds = request["source"], request["seconds"]
    before = {name: names.get(name) for name in request["keep"]}
    error = None if request["definitions"] else _error(_cell, source, seconds)
    if request["definitions"] or any(names.get(name) is before[name] for name in before):
        error = _error(_definitions, source, seconds) or error
    functions |= {name: names[name] for name in before if names.get(name) is not before[name]}
    return frame({"error": error})


def call(request, names, functions):
    """Call a learner's function as a check in the notebook does: the one kept, or else the last defined."""
    name, args = request["name"], unpack(request["args"])
    function = functions.get(name, names.get(name))
    if not callable(function):
        return frame({"missing": name})
    try:
        return _answer(in_process(function)(args))
    except KeyboardInterrupt:
        return _answer(Outcome(None, args, Problem("exit", "The function raises KeyboardInterrupt.")))
    except ValueError as error:
        text = f"The function returns {error}: that cannot be judged."
        return _answer(Outcome(None, args, Problem("form", text)))


def _answer(outcome):
    problem = outcome.problem and [getattr(outcome.problem, part) for part in PARTS]
    sent = {"value": pack(outcome.value), "args": pack(tuple(outcome.args)), "printed": outcome.printed}
    return frame({**sent, "problem": problem})


def _error(execute, source, seconds):
    """What went wrong while this ran, in a sentence, or None."""
    try:
        problem = in_process(lambda: execute(source), seconds)(()).problem
    except KeyboardInterrupt:
        return "It raises KeyboardInterrupt."
    if problem and problem.kind == "time":
        return f"It was stopped after {seconds:g} seconds."
    return problem and problem.text


def _cell(source):
    result = Shell.instance().run_cell(source, store_history=True)
    if error := result.error_before_exec or result.error_in_exec:
        raise error


def _definitions(source):
    """Run only the functions, classes, imports and assignments of a cell, each on its own."""
    name = f"<definitions {len(linecache.cache)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        tree = ast.parse(source)
    except SyntaxError:  # perhaps IPython's own: %magic, !command
        tree = ast.parse(Shell.instance().transform_cell(source))
    failed = None
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            try:
                exec(compile(ast.Module([node], []), name, "exec"), Shell.instance().user_ns)
            except Exception as error:
                failed = failed or error
    if failed:
        raise failed


def _stand_in(name):
    """For `from helpers import check`."""
    if name.startswith("__"):
        raise AttributeError(name)
    return lambda *args, **kwargs: None


def _wire():
    """The wire's two ends, out of the way of whatever reads or prints."""
    ends = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    return ends


DO = {"start": start, "run": run, "call": call}

if __name__ == "__main__":
    main(sys.argv[1])
