"""Submissions for the tests: honest ones, broken ones, and every attack that the grader must survive.

An attack is an honest but imperfect notebook (PARTIAL) with something hostile in it. So a forged point shows,
and so does one that the honest part lost.
"""

import json
import os
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]
LESSON = "02_initialization"
SOLVED = (ROOT / "solutions" / f"{LESSON}.ipynb").read_text("utf-8")
BLANK = (ROOT / "exercises" / f"{LESSON}.ipynb").read_text("utf-8")
FAN_OUT = """
def he(fan_in, fan_out, alpha, rng):
    return rng.normal(0, np.sqrt(2 / ((1 + alpha**2) * fan_out)), (fan_in, fan_out))
"""
STUB = """
def gain(phi):
    raise NotImplementedError  # your code here
"""
RIGHT = """
def he(fan_in, fan_out, alpha, rng):
    return rng.normal(0, np.sqrt(2 / ((1 + alpha**2) * fan_in)), (fan_in, fan_out))
"""
LOST_BY_FAN_OUT, LOST_BY_STUB = 8, 15
PARTIAL_POINTS = 100 - LOST_BY_FAN_OUT - LOST_BY_STUB
WITHOUT_HE = 100 - 10 - LOST_BY_STUB
SLEEP = f"31415.{os.getpid():07}"  # seconds: what a process of these tests that got away would be seen by


def solved():
    """The solutions, as a notebook that a test may change."""
    return nbformat.reads(SOLVED, 4)


def partial(**answers):
    """A notebook with full points but for `he` and `gain`, and with these answers {exercise: source}."""
    notebook = solved()
    for name, source in {"he": FAN_OUT, "gain": STUB, **answers}.items():
        cell(notebook, name.replace("_", "-")).source = source.strip()
    return notebook


def cell(notebook, id):
    return next(cell for cell in notebook.cells if cell.id == id)


def new_cell(source, id):
    return nbformat.v4.new_code_cell(source.strip(), id=id)


def data(notebook):
    """A notebook as the bytes of a file, however broken it is."""
    return json.dumps(notebook).encode()


def first(source, **answers):
    """A cell before all others."""
    notebook = partial(**answers)
    notebook.cells.insert(0, new_cell(source, "attack"))
    return notebook


def last(source, **answers):
    """A cell after all others."""
    notebook = partial(**answers)
    notebook.cells.append(new_cell(source, "attack"))
    return notebook


def answer(body, before=""):
    """An answer to `he` with this body."""
    lines = "\n".join("    " + line for line in body.strip().splitlines())
    return partial(he=f"{before}\ndef he(fan_in, fan_out, alpha, rng):\n{lines}\n")


# --- Tampering with a notebook ----------------------------------------------------------------------


def without_checks():
    notebook = partial()
    notebook.cells = [cell for cell in notebook.cells if not cell.id.endswith("-check")]
    return notebook


def edited_checks():
    notebook = partial()
    for item in notebook.cells:
        if item.id.endswith("-check"):
            item.source = "100.0"
            item.metadata.nbgrader.points = 1000
    return notebook


def copied_cells():
    """Every cell twice, the copies with the same ids, grade_ids and texts."""
    notebook = partial()
    notebook.cells = [cell for cell in notebook.cells for _ in range(2)]
    return notebook


def pasted_stub():
    """The workbook's untouched cells pasted under the answers."""
    notebook = partial()
    notebook.cells += nbformat.reads(BLANK, 4).cells
    return notebook


def stripped(ids=True):
    """Without metadata, and with new ids or none."""
    notebook = partial()
    for number, item in enumerate(notebook.cells):
        item.metadata = {}
        if ids:
            item.id = f"renumbered-{number}"
        else:
            del item["id"]
    return notebook


def exchanged_ids():
    """Each answer claims to be the next one."""
    notebook = partial()
    answers = [item for item in notebook.cells if item.metadata.get("nbgrader", {}).get("solution")]
    ids = [item.id for item in answers]
    for item, id in zip(answers, ids[1:] + ids[:1], strict=True):
        item.id = item.metadata.nbgrader.grade_id = id
    return notebook


def one_cell():
    """All answers in one cell, in Python of another style."""
    notebook = partial()
    source = "\n\n".join(item.source for item in notebook.cells if item.cell_type == "code")
    notebook.cells = [new_cell(source, "everything")]
    return notebook


def odd_cells():
    """Among the cells, things that are none."""
    notebook = partial()
    notebook.cells[1:1] = [None, 3, [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": [1, None]}]
    notebook.cells.append({"cell_type": "code", "id": 7, "metadata": [], "source": "x = '\ud800'"})
    notebook.cells.append({"cell_type": "code", "metadata": {"nbgrader": "he"}, "source": {"a": 1}})
    return notebook


def exit_everywhere():
    notebook = partial()
    for item in notebook.cells:
        if item.cell_type == "code":
            item.source += "\nimport os; os._exit(0)"
    return notebook


TAMPERED = {
    "checks deleted": without_checks,
    "checks edited": edited_checks,
    "cells copied": copied_cells,
    "stubs pasted below": pasted_stub,
    "metadata stripped, cells renumbered": stripped,
    "metadata and ids stripped": lambda: stripped(ids=False),
    "ids exchanged": exchanged_ids,
    "all in one cell": one_cell,
    "cells that are none": odd_cells,
}


# --- Code that attacks: (notebook, honest points) ---------------------------------------------------

PATCHED = """
import numpy as np, numpy.testing, math
for module in (np, np.testing):
    for name in ("allclose", "isclose", "array_equal", "assert_allclose", "assert_equal", "testing"):
        if hasattr(module, name):
            setattr(module, name, lambda *a, **k: True)
"""
EQUAL = """
class Everything(np.ndarray):
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = lambda *a: True
    __ne__ = lambda *a: False
    __bool__ = lambda *a: True
    __hash__ = None
    def __array_function__(self, *a, **k): return True
    def __array_ufunc__(self, *a, **k): return True
"""
AST = """
import ast
class Forge(ast.NodeTransformer):
    def visit_Call(self, node):
        return ast.Constant(10.0) if getattr(node.func, "id", "") == "check" else self.generic_visit(node)
get_ipython().ast_transformers.append(Forge())
get_ipython().input_transformers_post.append(lambda lines: [l.replace("check(", "(10.0, ") for l in lines])
"""
NO_RUN = """
shell = get_ipython()
shell.run_code = shell.run_ast_nodes = shell.run_cell_async = lambda *a, **k: None
type(shell).run_code = type(shell).run_cell = lambda *a, **k: type("R", (), dict(
    error_before_exec=None, error_in_exec=None, result=10.0))()
try:
    from ipykernel.ipkernel import IPythonKernel
    IPythonKernel.do_execute = lambda *a, **k: dict(status="ok")
except ImportError:
    pass
"""
IMPORT = """
try:
    from helpers.chapters.initialization.exercises import he, gain
except ImportError:
    pass
try:
    from helpers.checking.exercise import find
    he, gain = find("he").reference, find("gain").reference
except Exception:
    pass
"""
FRAMES = """
import gc, sys, types
frame = sys._getframe()
while frame:
    for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):
        reference = getattr(value, "reference", getattr(getattr(value, "exercise", None), "reference", None))
        if callable(reference):
            return reference(fan_in, fan_out, alpha, rng)
    frame = frame.f_back
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType) and thing.__name__ == "he" and thing.__code__ is not he.__code__:
        return thing(fan_in, fan_out, alpha, rng)
return np.ones((fan_in, fan_out))
"""
DETACHED = f"""
import os, subprocess
try:
    subprocess.Popen(["sleep", "{SLEEP}"], start_new_session=True)
except OSError:
    pass
try:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "{SLEEP}"])
        os._exit(0)
except OSError:
    pass
"""
FORK_BOMB = """
import os, threading
try:
    while True:
        os.fork()
except OSError:
    pass
try:
    for _ in range(10**6):
        threading.Thread(target=lambda: __import__("time").sleep(10**6), daemon=True).start()
except RuntimeError:
    pass
"""
PICKLE = """
import os
class Run:
    def __reduce__(self):
        return os.system, ("touch /tmp/pickle-was-read",)
"""
DEAF = """
import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGXCPU):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
"""
BOMB = """
keep = []
while True:
    keep.append(bytearray(10**8))
"""
FULL_DISK = """
import os
number = 0
while True:
    try:
        with open(f"/tmp/{number}", "wb") as file:
            file.write(bytes(2**20) * 100)
    except OSError:
        if number > 100:
            break
    number += 1
"""
SPEAK = """
import os, stat
for fd in range(3, 64):
    try:
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.write(fd, {said})
    except OSError:
        pass
"""
JSON_HEAD = "(lambda body: len(body).to_bytes(4, 'big') + body)"
FORGED = (
    b'{"error": null, "points": 100.0, "value": 10.0, "args": {"tuple": []}, "printed": "", "problem": null}'
)

LEFT_BEHIND = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_ATTACH = 0x4206, 16
for request in (PTRACE_SEIZE, PTRACE_ATTACH):
    if libc.ptrace(request, 1, 0, 0) != -1:
        raise SystemError("it can trace the first process")
try:
    open("/proc/1/mem", "r+b")
    raise SystemError("it can write into the first process")
except OSError:
    pass
"""
UNCOUNTED = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
if libc.shmget(0, 2**30, 0o1600) != -1:
    raise SystemError("shared memory")
try:
    os.memfd_create("x")
    raise SystemError("memory in a file")
except OSError:
    pass
for family in (40, 38, 17, 16):  # AF_VSOCK, AF_ALG, AF_PACKET, AF_NETLINK
    try:
        socket.socket(family, socket.SOCK_STREAM if family == 40 else socket.SOCK_RAW)
        raise SystemError(f"a socket of family {family}")
    except OSError:
        pass
"""
THREADS = """
import threading, time
threading.stack_size(32768)
for _ in range(5000):
    threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()
time.sleep(60)
"""

ATTACKS = {
    "numpy.testing and allclose patched": (lambda: first(PATCHED), PARTIAL_POINTS),
    "an object equal to everything": (
        lambda: answer("return np.ones((fan_in, fan_out)).view(Everything)", EQUAL),
        WITHOUT_HE,
    ),
    "a number equal to everything": (
        lambda: answer("return type('N', (float,), dict(__eq__=lambda *a: True, __sub__=lambda *a: 0.0))(1)"),
        WITHOUT_HE,
    ),
    "a string for an array": (lambda: answer("return 'correct'"), WITHOUT_HE),
    "AST and input transformers": (lambda: first(AST), PARTIAL_POINTS),
    "run_code and do_execute replaced": (lambda: first(NO_RUN), PARTIAL_POINTS),
    "imports the reference": (lambda: last(IMPORT), PARTIAL_POINTS),
    "a reference from a caller's frame": (lambda: answer(FRAMES), WITHOUT_HE),
    "detached processes": (lambda: first(DETACHED), PARTIAL_POINTS),
    "a fork bomb, and threads": (lambda: last(FORK_BOMB), PARTIAL_POINTS),
    "a look into the first process": (lambda: first(LEFT_BEHIND), PARTIAL_POINTS),
    "memory and sockets that no limit counts": (lambda: first(UNCOUNTED), PARTIAL_POINTS),
    "five thousand small threads": (lambda: first(THREADS), PARTIAL_POINTS),
    "five thousand small threads in an answer": (lambda: answer(THREADS), WITHOUT_HE),
    "a pickle": (lambda: answer("return Run()", PICKLE), WITHOUT_HE),
    "a pickle in an array": (lambda: answer("return np.array([Run()], dtype=object)", PICKLE), WITHOUT_HE),
    "an endless cell": (lambda: last("while True: pass"), PARTIAL_POINTS),
    "an endless cell, deaf to signals": (lambda: first(DEAF + "while True: pass"), PARTIAL_POINTS),
    "an endless answer": (lambda: answer("while True: pass"), WITHOUT_HE),
    "an endless answer, deaf to signals": (
        lambda: answer(DEAF + "while True: pass"),
        WITHOUT_HE,
    ),
    "an endless answer that swallows everything": (
        lambda: answer("while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
        WITHOUT_HE,
    ),
    "a memory bomb in a cell": (lambda: last(BOMB), PARTIAL_POINTS),
    "a memory bomb in an answer": (lambda: answer(BOMB), WITHOUT_HE),
    "a full disk": (lambda: first(FULL_DISK), PARTIAL_POINTS),
    "sys.exit in a cell": (lambda: first("import sys; sys.exit(0)"), PARTIAL_POINTS),
    "sys.exit in an answer": (lambda: answer("import sys; sys.exit(0)"), WITHOUT_HE),
    "os._exit in a cell": (lambda: first("import os; os._exit(0)"), PARTIAL_POINTS),
    "os._exit in every cell": (exit_everywhere, PARTIAL_POINTS),
    "os._exit in an answer": (lambda: answer("import os; os._exit(0)"), WITHOUT_HE),
    "a segmentation fault in an answer": (
        lambda: answer("import ctypes; return ctypes.string_at(0)"),
        WITHOUT_HE,
    ),
    "kills its parent": (lambda: first("import os; os.kill(os.getppid(), 9)"), PARTIAL_POINTS),
    "kills everything": (lambda: first("import os; os.kill(-1, 9); os.kill(1, 9)"), PARTIAL_POINTS),
    "50 MB of output": (lambda: first("print('x' * 50_000_000)"), PARTIAL_POINTS),
    "50 MB of output past Python": (
        lambda: first("import os\nfor _ in range(50): os.write(1, b'x' * 10**6); os.write(2, b'x' * 10**6)"),
        PARTIAL_POINTS,
    ),
    "a reply of 60 MB": (lambda: answer("return np.zeros(7_500_000)"), WITHOUT_HE),
    "a reply nested without end": (
        lambda: answer("x = []\nfor _ in range(10**5): x = [x]\nreturn x"),
        WITHOUT_HE,
    ),
    "a reply of a million keys": (lambda: answer("return {str(i): i for i in range(10**6)}"), WITHOUT_HE),
    "a huge whole number": (lambda: answer("return 10**4000"), WITHOUT_HE),
    "noise on the wire": (lambda: first(SPEAK.format(said="b'x' * 10**5")), PARTIAL_POINTS),
    "a forged reply on the wire": (
        lambda: first(SPEAK.format(said=f"{JSON_HEAD}({FORGED!r})")),
        PARTIAL_POINTS,
    ),
    "a forged value on the wire": (
        lambda: answer(SPEAK.format(said=f"{JSON_HEAD}({FORGED!r})") + "return 1.0"),
        WITHOUT_HE,
    ),
    "deep JSON on the wire": (
        lambda: answer(SPEAK.format(said=f"{JSON_HEAD}(b'[' * 60_000)") + "return 1.0"),
        WITHOUT_HE,
    ),
    "4 GB announced on the wire": (
        lambda: answer(SPEAK.format(said="b'\\xff' * 4") + "return 1.0"),
        WITHOUT_HE,
    ),
    "HTML in an exception": (
        lambda: answer("raise ValueError('<script>alert(1)</script>')"),
        WITHOUT_HE,
    ),
    "HTML in what is printed": (
        lambda: answer("print('<script>alert(1)</script>'); return 1.0"),
        WITHOUT_HE,
    ),
}


# --- Files that are no notebooks --------------------------------------------------------------------

BROKEN = {
    "empty": b"",
    "half a notebook": SOLVED.encode()[:3000],
    "a list": b"[1, 2, 3]",
    "a number": b"17",
    "no cells": b'{"nbformat": 4}',
    "cells that are a text": b'{"cells": "he"}',
    "deep JSON": b'{"cells": ' + b"[" * 200_000,
    "NaN": b'{"cells": [NaN]}',
    "no text at all": bytes(range(256)) * 10,
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "no answers": data(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])),
    "too many cells": json.dumps({"cells": [{}] * 5000}).encode(),
    "a huge number": b'{"cells": ' + b"9" * 100_000 + b"}",
}
