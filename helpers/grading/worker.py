"""What runs in the sandbox: the learner's cells, and then calls of the learner's functions.

It knows neither references nor properties nor seeds. It answers requests that come on its standard input, on
its standard output, until that closes; what the learner's code prints goes elsewhere. Nothing in here
protects a score: the learner's code can take this whole process over, and then answers calls in its own way.
What it answers is judged on the other side, as plain data.

A script, started with nothing of the course beside it but wire.py and checking's calls.py and values.py.
"""

import ast
import asyncio
import codeop
import functools
import inspect
import linecache
import os
import resource
import sys
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

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
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
DEFINITIONS += (ast.Assign, ast.AnnAssign, ast.Pass)
COMPILE = codeop.Compile()  # as in a shell: what is imported from __future__ holds for all cells that follow
COMPILE.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def main(cpu_seconds):
    """Answer requests, {"do": "start", "run" or "call", …}, until there are no more."""
    requests, answers = _wire()
    for limit, value in {**LIMITS, resource.RLIMIT_CPU: int(cpu_seconds)}.items():
        resource.setrlimit(limit, (value, value))
    for module in (helpers, helpers.checking):  # what a workbook imports is there, and does nothing
        module.__getattr__ = _stand_in
    notebook, functions = types.ModuleType("__main__"), {}
    sys.modules["__main__"] = notebook
    vars(notebook).update(get_ipython=_ipython, display=lambda *args, **kwargs: None)
    while header := requests.read(HEADER.size):
        request = parse(requests.read(*HEADER.unpack(header)))
        try:
            answer = frame(DO[request["do"]](request, vars(notebook), functions))
        except ValueError as error:  # no plain data, or too much
            text = f"The function returns {error}: that cannot be judged."
            answer = frame(_answer(request, Outcome(None, (), Problem("form", text))))
        answers.write(answer)
        answers.flush()


def start(request, names, functions):
    """Say that it is there."""
    return {"to": request["token"]}


def run(request, names, functions):
    """Run one cell, or its definitions alone; keep the functions that it should define as answers.

    Of a cell that fails, the definitions behind the place are run all the same.
    """
    seconds = request["seconds"]
    before = {name: names.get(name) for name in request["keep"]}
    cell, error = Cell(request["source"], request["number"]), None
    if not request["definitions"]:
        error = _error(cell.run, names, seconds)
    if request["definitions"] or error:
        error = _error(cell.run_definitions, names, seconds) or error
    functions |= {name: names[name] for name in before if names.get(name) is not before[name]}
    return {"to": request["token"], "error": error}


def call(request, names, functions):
    """Call a learner's function as a check in the notebook does: the one kept, or else the last defined."""
    name, args = request["name"], unpack(request["args"])
    function = functions.get(name, names.get(name))
    if not callable(function):
        return {"to": request["token"], "missing": name}
    try:
        outcome = in_process(function, request["seconds"])(args)
    except KeyboardInterrupt:
        outcome = Outcome(None, args, Problem("exit", "The function raises KeyboardInterrupt."))
    return _answer(request, outcome)


def _answer(request, outcome):
    problem = outcome.problem and [getattr(outcome.problem, part) for part in PARTS]
    sent = {"value": pack(outcome.value), "args": pack(tuple(outcome.args)), "printed": outcome.printed}
    return {"to": request["token"], **sent, "problem": problem}


def _error(execute, names, seconds):
    """What went wrong while this ran, in a sentence, or None."""
    try:
        problem = in_process(lambda: (execute(names), "it ran"), seconds)(()).problem
    except KeyboardInterrupt:
        return "It raises KeyboardInterrupt."
    if problem and problem.kind == "time":
        return f"It was stopped after {seconds:g} seconds."
    return problem and problem.text


class Cell:
    """A cell to run, statement by statement, so that one that fails does not take the others with it.

    number: its place in the notebook, which errors name.
    """

    def __init__(self, source, number):
        self.source, self.file = source, f"<cell {number}>"
        self.ran = 0  # statements
        linecache.cache[self.file] = (len(source), None, source.splitlines(keepends=True), self.file)

    def run(self, names):
        """Run all. Not by the shell's `run_cell`, which a notebook can replace."""
        for node in self._statements():
            self.ran += 1
            result = eval(self._compiled(node), names)
            if inspect.iscoroutine(result):
                asyncio.run(result)

    def run_definitions(self, names):
        """Run the functions, classes, imports and assignments that did not run yet, each on its own."""
        failed = None
        for node in filter(_defines, self._statements()[self.ran :]):
            try:
                exec(self._compiled(node), names)
            except Exception as error:
                failed = failed or error
        if failed:
            raise failed

    def _compiled(self, node):
        return COMPILE(ast.Module([node], []), self.file, "exec")

    def _statements(self):
        """Those of the cell, IPython's %magics and !commands included."""
        try:
            return ast.parse(self.source, self.file).body
        except SyntaxError:
            from IPython.core.inputtransformer2 import TransformerManager

            return ast.parse(TransformerManager().transform_cell(self.source), self.file).body


def _defines(node):
    """Does a statement only define? So does `try: import this` with `except ImportError: that = None`."""
    if isinstance(node, ast.Try):
        inner = [*node.body, *node.orelse, *node.finalbody, *(one for h in node.handlers for one in h.body)]
        return all(map(_defines, inner))
    if isinstance(node, ast.If):
        return all(map(_defines, node.body + node.orelse))
    return isinstance(node, DEFINITIONS)


@functools.cache
def _ipython():
    """What `get_ipython()` gives: IPython without a screen. Loaded when asked for, as few notebooks do."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """What `%matplotlib` asks for: nothing."""

        def system(self, command):
            """What `!command` and `%pip` ask for: nothing, as there are no processes."""

        def getoutput(self, *args, **kwargs):
            return []

    main = sys.modules["__main__"]
    config = Config({"HistoryManager": {"enabled": False}})
    return Shell.instance(config=config, user_module=main, user_ns=vars(main))


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
