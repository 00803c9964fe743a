"""The seam between a check and a learner's function: plain arguments in, an `Outcome` out.

A check knows a learner's function only as a `call(args) -> Outcome`. `in_process` makes one of a function of
this process, with what guards a shared process can have: a time limit, a memory limit, captured output,
copied arguments, and numpy's own functions put back behind a learner who replaced them. They keep an honest
mistake from taking the notebook down. They are no defence against somebody who wants to cheat: for that a
grader runs the function in a process of its own, behind the same `call`.
"""

import dis
import functools
import importlib
import inspect
import io
import linecache
import math
import re
import signal
import sys
import threading
import time
import traceback
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from operator import is_

import numpy as np

from helpers.checking.values import after, live, plain

try:
    import resource
except ImportError:  # Windows and browsers have no such limits
    resource = None

SECONDS = 5.0  # of one call, as the processor counts: see Stint
LONGEST = 4  # times as many by the clock, where other programs have the processor
MEGABYTES = 1024  # that one call may allocate, where the system can limit it
SHOWN = 1000  # characters of what a function prints


@dataclass(frozen=True)
class Problem:
    """Why there is no value to judge. `kind` is one word, `text` a sentence for the learner.

    line, source: where in the learner's code, if it is known.
    """

    # blank, error, signature, time, memory, exit, form, shape, nan, mutated, random, constant or order
    kind: str
    text: str
    line: int | None = None
    source: str = ""

    @property
    def fatal(self):
        """Whether another call would only cost time."""
        return self.kind in ("time", "memory", "exit", "signature")


@dataclass(frozen=True)
class Outcome:
    """What one call brought: a plain value or a Problem, the arguments after it, and what was printed."""

    value: object = None
    args: tuple = ()
    problem: Problem | None = None
    printed: str = ""


def in_process(function, seconds=SECONDS):
    """The `call` of a function of this process."""
    imported = _imported(function)

    def call(args):
        given, printed = live(args), Printed()
        try:
            with quiet(printed), _time_limit(seconds):
                _import_first(imported)
            with _as_the_learner_left_it(), quiet(printed), _memory_limit(), _time_limit(seconds):
                value = plain(function(*given))
                problem = UNRETURNED if value is None and _is_begun(function) else None
                return Outcome(value, after(args, given), problem, str(printed))
        except KeyboardInterrupt:  # somebody pressed the stop button: that is for the notebook
            raise
        except BaseException as error:  # SystemExit is one, and so is TimeIsUp
            return Outcome(None, args, _problem(error, function, seconds), str(printed))

    return call


UNRETURNED = Problem("form", "The function returns nothing: is the `return` missing, here or in a branch?")


def _is_begun(function):
    """Whether a function's code does anything with its arguments, or keeps anything. A stub does neither."""
    code = _code(function)
    return bool(code) and any(
        step.opname.startswith(("LOAD_FAST", "STORE_", "LOAD_CLOSURE", "LOAD_DEREF"))
        for step in dis.get_instructions(code)
    )


def _imported(function):
    """The names of the modules that a function imports."""
    code = _code(function)
    steps = dis.get_instructions(code) if code else ()
    return [step.argval for step in steps if step.opname == "IMPORT_NAME"]


def _import_first(names):
    """Import what a function imports: a large library needs more memory than a call may take."""
    for name in names:
        if name not in sys.modules:
            with suppress(Exception):  # the call itself will say it
                importlib.import_module(name)


def _code(function):
    """The code of the function that a learner wrote: under decorators and partials, or of `__call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    with suppress(Exception):  # a learner's object may answer anything
        function = inspect.unwrap(function)
    if not hasattr(function, "__code__"):  # an object
        function = vars(type(function)).get("__call__")
    code = getattr(function, "__code__", None)
    return code if inspect.iscode(code) else None


class TimeIsUp(BaseException):
    """Not an Exception, so that a learner's `except Exception` does not swallow it."""


class Printed(io.TextIOBase):
    """A stream that keeps the first SHOWN characters and counts the rest."""

    def __init__(self):
        self.text, self.more = "", 0

    def writable(self):
        return True

    def write(self, text):
        room = SHOWN - len(self.text)
        self.text += text[:room]
        self.more += max(len(text) - room, 0)
        return len(text)

    def __str__(self):
        return self.text + (f" … and {self.more} characters more" if self.more else "")


@contextmanager
def quiet(stream):
    """Catch what is printed, and all warnings: nbgrader gives no points to a cell that writes to stderr."""
    with redirect_stdout(stream), redirect_stderr(stream), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            yield


def _time_limit(seconds):
    on_main_thread = threading.current_thread() is threading.main_thread()
    return (_alarm if hasattr(signal, "setitimer") and on_main_thread else _watched)(seconds)


class Stint:
    """The time that a call has. A machine that is busy with something else is no fault of the function.

    What counts is the processor's time; and the clock's for a function that hardly uses the processor, nor
    queues for it, as it sleeps, or waits for what never comes.
    """

    def __init__(self, seconds):
        self.seconds = seconds
        self.again()

    def again(self):
        """Begin anew."""
        self.clock, self.worked, self.queued = time.monotonic(), processor_time(), queueing_time()

    @property
    def left(self):
        """Seconds; 0 or less when they are over."""
        passed, worked = time.monotonic() - self.clock, processor_time() - self.worked
        if passed < self.seconds:
            return self.seconds - passed
        waits = worked + queueing_time() - self.queued < passed / 10
        return self.seconds - (passed if waits else max(worked, passed / LONGEST))


processor_time = getattr(time, "thread_time", time.monotonic)  # a browser has none


def queueing_time():
    """Seconds for which this thread had work to do and no processor, as far as the system counts them."""
    try:
        with open("/proc/thread-self/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):  # not on Linux, or not in a sandbox
        return 0.0


@contextmanager
def _alarm(seconds):
    """Raise TimeIsUp in the running code, and again every 0.1 s in case that was swallowed.

    What was spent on importing does not count: a large library imports parts of itself at a first call, and
    a call that has imported something gets its time once more.
    Python looks for signals between two of its own steps: one endless step inside numpy is not interrupted.
    """
    stint, armed, imported = Stint(seconds), True, len(sys.modules)

    def ring(*_):
        nonlocal imported
        if armed and imported < len(sys.modules):
            imported = len(sys.modules)
            stint.again()
        if armed and stint.left <= 0:
            raise TimeIsUp
        if armed:
            signal.setitimer(signal.ITIMER_REAL, max(stint.left, 0.01), 0.1)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        try:
            yield
        finally:
            armed = False
    finally:  # twice, in case it rings in the middle of the line above
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _watched(seconds):
    """The same where there are no signals (Windows, browsers, threads): look at the clock at every line.

    Slower, and without a second try: code that swallows TimeIsUp goes on until the kernel is interrupted.
    """
    stint = Stint(seconds)

    def watch(*_):
        if stint.left <= 0:
            raise TimeIsUp
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def _memory_limit():
    """At most MEGABYTES more than now, on Linux; elsewhere the system decides when it is enough."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        before = resource.getrlimit(resource.RLIMIT_AS)
        limit = used + MEGABYTES * 2**20
        if before[0] == resource.RLIM_INFINITY or limit < before[0]:
            resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    except (OSError, ValueError, AttributeError):
        before = None
    try:
        yield
    finally:
        if before:
            resource.setrlimit(resource.RLIMIT_AS, before)


# --- Functions that a learner may have replaced -----------------------------------------------------

_OWN = {
    module: {name: value for name, value in vars(module).items() if callable(value) and name[0] != "_"}
    for module in (np, np.linalg, np.random, math)
}
_replaced = {}  # by the learner, while a check runs with our own


@contextmanager
def own_functions():
    """Run a check with numpy and math as they were when this module was imported."""
    _set_aside()
    try:
        yield
    finally:
        _set(_replaced)
        _replaced.clear()


@contextmanager
def _as_the_learner_left_it():
    """The opposite, for the time of a call: the function meets what its author replaced."""
    _set(_replaced)
    try:
        yield
    finally:
        _set_aside()


def _set_aside():
    _replaced.clear()
    _replaced.update(_set(_OWN))


def _set(wanted):
    """Give modules these attributes, and return those that were there instead."""
    there = {}
    for module, attributes in wanted.items():
        current = vars(module)
        if all(map(is_, map(current.get, attributes), attributes.values())):  # as nearly always, and fast
            continue
        for name, value in attributes.items():
            if current.get(name) is not value:
                there.setdefault(module, {})[name] = current.get(name)
                setattr(module, name, value)
    return there


# --- Exceptions in plain words ----------------------------------------------------------------------

_PLAIN_WORDS = (
    (UnboundLocalError, "A variable is used before it has a value."),
    (
        NameError,
        "A name is used that is not defined: a typing error, a missing import, or a cell that has not run?",
    ),
    (ZeroDivisionError, "Something is divided by zero."),
    (IndexError, "An index points past the end."),
    (KeyError, "A dictionary has no such key."),
    (RecursionError, "The function calls itself without end."),
    (AttributeError, "An object has no such attribute: a typing error, or another type than you think?"),
    (AssertionError, "An assertion of your own does not hold."),
    (TypeError, "An operation met a type that it cannot work with."),
    (ValueError, "An operation met a value, or a shape, that it cannot work with."),
)


def _problem(error, function, seconds):
    """What went wrong, in plain words, with the learner's own line and without any frame of ours."""
    code = _code(function)
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if code and frame.f_code.co_filename == code.co_filename
    ]
    line = frames[-1][1] if frames else None
    source = linecache.getline(code.co_filename, line).strip() if frames else ""
    said = f"{type(error).__name__}: {_said(error)}".rstrip(": ")
    if isinstance(error, NotImplementedError):
        return Problem("blank", "The function still raises NotImplementedError.")
    if isinstance(error, TimeIsUp):
        text = f"The function was stopped after {seconds:g} seconds. Does a loop never end?"
        return Problem("time", text, line, source)
    if isinstance(error, MemoryError):
        text = "The function asked for more memory than there is. How large are its arrays?"
        return Problem("memory", text, line, source)
    if isinstance(error, SystemExit | GeneratorExit):
        return Problem("exit", f"The function tries to leave Python ({said}).", line, source)
    if not frames and isinstance(error, TypeError):
        return _unfit(said, function)
    meaning = _known(said) or next((words for kind, words in _PLAIN_WORDS if isinstance(error, kind)), "")
    return Problem("error", f"{meaning} Python says: {said}".strip(), line, source)


REMOVED = {  # by numpy 2, and what is there instead
    "trapz": "trapezoid",
    "in1d": "isin",
    "row_stack": "vstack",
    "product": "prod",
    "cumproduct": "cumprod",
    "alltrue": "all",
    "sometrue": "any",
    "float_": "float64",
    "Inf": "inf",
    "NaN": "nan",
}


def _known(said):
    """Plain words for exceptions whose own words mislead, or nothing."""
    lost = re.search(r"np\.(\w+)|module 'numpy' has no attribute '(\w+)'", said)
    name = lost and (lost[1] or lost[2])
    if said.startswith("AttributeError") and name in REMOVED:
        return f"numpy has removed `np.{name}`; `np.{REMOVED[name]}` is there instead."
    if said.startswith("TypeError") and said.endswith("object is not callable"):
        return (
            "Something is called that is no function. Has a variable the name of one, such as `sum` or `max`?"
        )
    return ""


def _said(error):
    """The exception's own words, at most 300 characters; an exception may fail to say any."""
    with suppress(Exception):
        return str(error)[:300]
    return ""


def _unfit(said, function):
    """A TypeError outside the learner's code: wrong parameters, or a result that is no plain data."""
    if "unhashable" in said:
        text = f"A cache such as `lru_cache` cannot take arrays or lists: leave it out. Python says: {said}"
        return Problem("error", text)
    try:
        names = ", ".join(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = "?"
    if "argument" in said:
        text = f"The exercise's call does not fit the parameters ({names}). Python says: {said}"
        return Problem("signature", text)
    return Problem("form", f"The function returns {said.removeprefix('TypeError: ')}: that cannot be judged.")
