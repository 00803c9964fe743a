"""The trusted side: one submission → one row, by the checks of the notebook, with the functions in a sandbox.

A row is a dict of JSON's types: what the journal, the reports and a cluster hand around.
"""

import contextlib
import dataclasses
import functools
import hashlib
import math
import types
import warnings
from time import monotonic

import helpers
from helpers.checking import exercise
from helpers.checking.calls import LONGEST, SECONDS, Outcome, Problem
from helpers.checking.cards import judgement_card
from helpers.checking.judging import judge
from helpers.grading import intake
from helpers.grading.private import Own
from helpers.grading.sandbox import BUBBLEWRAP, NOTHING, Died, Sandbox, TookTooLong, demand
from helpers.grading.wire import pack, unpack

CELL_SECONDS = 10  # for one cell
START_SECONDS = 60  # for Python and its packages, on a busy machine
GRACE = 3  # more before the process is killed, which may be busy in a way that no alarm interrupts
KINDS = ("blank", "error", "signature", "time", "memory", "exit", "form")  # what a sandbox may report
GRADED, UNREADABLE, IGNORED = "graded", "unreadable", "no notebook"
LATE, REVIEW = "timed out", "needs review"
STATUSES = (GRADED, UNREADABLE, IGNORED, LATE, REVIEW)
PUBLIC = Own()  # of a submission to the tasks as they are published
CELLS_SHARE = 0.5  # of a submission's time, after which of its cells only the definitions are run


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a batch is graded with.

    seed: secret, of all inputs; lesson: such as '02_initialization', or None for the one that a notebook
    answers; extra: the text of a Python module with further properties (`--extra-checks`); seconds: for one
    submission; kind: BUBBLEWRAP, or NOTHING for a grader that goes without a sandbox.
    """

    seed: int
    lesson: str | None = None
    extra: str = ""
    seconds: float = 120.0
    kind: str = BUBBLEWRAP

    def told(self, own=PUBLIC):
        """What a row says that it was graded with: without the secret."""
        told = {"lesson": self.lesson, "extra": digest(self.extra.encode()), "seconds": self.seconds}
        return told | {"own": own.numbers}


def grade(name, data, settings, problem="", own=PUBLIC):
    """The row of one submission, given as the bytes of its notebook.

    problem: why there are no bytes, if there are none; own: its student's numbers (private.py). Raises
    NoSandbox, and nothing else, where there is no sandbox and the settings want one.
    """
    if settings.kind != NOTHING:
        demand()
    start = monotonic()
    status = IGNORED if problem == intake.NO_NOTEBOOK else UNREADABLE
    told = {"digest": digest(data), "settings": settings.told(own)}
    row = _blank(name, status, problem, settings) | told
    try:
        submission = intake.read(name, data, settings.lesson)
        row["problem"] = problem or submission.problem
        if not row["problem"] and own.problem:
            row |= {"status": REVIEW, "problem": own.problem}
        elif not row["problem"]:
            row |= _judged(submission, row["digest"], settings, start, own)
    except Exception as error:  # ours, as what a learner can do is caught where it happens
        row = failed(name, f"The grader failed: {error!r}", settings) | told
    return row | {"seconds": round(monotonic() - start, 3)}


def failed(name, problem, settings):
    """The row of a submission that a human has to look at."""
    return _blank(name, REVIEW, problem[:500], settings)


def _blank(name, status, problem, settings):
    row = {
        "submission": name,
        "status": status,
        "problem": problem,
        "lesson": None,
        "points": 0.0,
        "possible": 0,
    }
    row |= {"exercises": [], "cells": [], "remarks": [], "seconds": 0.0, "digest": ""}
    return row | {"isolation": settings.kind, "course": helpers.__version__, "settings": settings.told()}


def digest(data):
    """What tells two files apart."""
    return hashlib.sha256(data).hexdigest()


def exercises(lesson, extra="", own=PUBLIC):
    """The exercises of a lesson, with the further properties of an extra module and a student's numbers."""
    more = _extra(extra)
    items = [
        dataclasses.replace(item, properties=[*item.properties, *more.get(item.name, ())])
        for item in exercise.load().values()
        if item.lesson == lesson
    ]
    mine = own.numbers
    return [exercise.with_number(item, mine[item.name]) if item.name in mine else item for item in items]


@functools.cache
def _extra(text):
    """PROPERTIES of an instructor's module: {exercise: [Property, …]}; ValueError where it does not fit."""
    if not text:
        return {}
    module = types.ModuleType("extra_checks")
    try:
        exec(compile(text, "<extra checks>", "exec"), vars(module))  # the instructor's own, not a learner's
    except Exception as error:
        raise ValueError(f"extra checks: they do not run: {type(error).__name__}: {error}") from None
    found = getattr(module, "PROPERTIES", None)
    if not isinstance(found, dict):
        raise ValueError("extra checks: a dict PROPERTIES = {exercise: [Property(…), …]} is needed")
    for name, properties in found.items():
        exercise.find(name)
        if not all(isinstance(item, exercise.Property) for item in properties):
            raise ValueError(f"extra checks: PROPERTIES[{name!r}] must be a list of Property")
    return found


def _judged(submission, digest, settings, start, own):
    """The part of a row that comes from running a submission."""
    learner = Learner(submission, settings.kind, start, settings.seconds)
    with contextlib.closing(learner), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy has something to say about what learners return
        judged = [
            _exercise(item, learner, _seed(settings.seed, submission.name, digest, item.name), submission)
            for item in exercises(submission.lesson, settings.extra, own)
        ]
    problems = ["It used up its time."] if learner.late else []
    problems += [row["problem"] for row in judged if row["outcome"] == REVIEW]
    problems += _suspicions(learner, judged)
    return {
        "status": LATE if learner.late else REVIEW if problems else GRADED,  # more time comes first
        "problem": " ".join(problems),
        "lesson": submission.lesson,
        "points": sum(row["points"] for row in judged),
        "possible": sum(row["possible"] for row in judged),
        "exercises": judged,
        "cells": [{"cell": number, "error": error} for number, error in sorted(learner.errors.items())],
        "remarks": list(_remarks(submission, learner, judged, own)),
    }


def _suspicions(learner, judged):
    """Why a human should look although every check worked: points that may be lost without fault."""
    others = [cell.number for cell in learner.submission.cells if not cell.answers]
    failed = [number for number in learner.errors if number in others]
    lost = [row["name"] for row in judged if row["tag"] == "error"]
    if failed and lost:
        yield f"{_cells(failed)} failed, and {', '.join(lost)} may need what is in there."
    if learner.submission.elsewhere:
        more = ", ".join(f"{count} of {lesson}" for lesson, count in learner.submission.elsewhere.items())
        yield f"It answers exercises of other lessons, too ({more}): --lesson grades those."


def _remarks(submission, learner, judged, own):
    """What somebody should know who reads the row, or appeals."""
    if own.remark:
        yield own.remark
    for tag, said in REFUSED.items():
        if names := [row["name"] for row in judged if row["tag"] == tag]:
            yield f"{', '.join(names)}: refused. {said}"
    places = {name: cell.number for cell in submission.cells for name in cell.answers}
    for name, how in submission.found.items():
        if how != "grade_id":
            yield f"{name} was recognised by its {how}, as its cell has lost its grade_id."
    for name, numbers in submission.also.items():
        yield f"{name}: cell {places[name]} was judged; {_cells(numbers)} of the notebook define it, too."
    if learner.skipped:
        yield "The cells took too long to run them all: of the last ones only the definitions were run."


REFUSED = {
    exercise.WITHOUT_NUMBER: "That is the answer to the published task, without this student's number.",
    exercise.ANOTHER_NUMBER: "That is the answer with another number than this student's.",
}


def _cells(numbers):
    return ("Cell " if len(numbers) == 1 else "Cells ") + ", ".join(map(str, sorted(numbers)))


def _exercise(item, learner, seed, submission):
    """What became of one exercise. A check that fails itself asks for a human."""
    row = {"name": item.name, "title": item.title, "possible": item.points, "seed": seed}
    row |= {"asked": item.asked, "own": item.own}
    row |= {"found": submission.found.get(item.name), "also": submission.also.get(item.name, [])}
    try:
        judgement = judge(item, learner.call(item.name), seed)
        wrong, problem = judgement.wrong, judgement.problem
        return row | {
            "outcome": judgement.outcome,
            "points": judgement.points,
            "parts": {result.prop.name: result.points for result in judgement.results},
            "tag": wrong.tag if wrong else problem.kind if problem else None,
            "says": wrong.message if wrong else problem.text if problem else judgement.pattern,
            "card": judgement_card(judgement).html(),
            "problem": "",
        }
    except Exception as error:
        blank = {"outcome": REVIEW, "points": 0.0, "parts": {}, "tag": None, "says": "", "card": ""}
        return row | blank | {"problem": f"The check of {item.name} failed: {error!r}"[:500]}


def _seed(secret, submission, digest, exercise):
    """Every submission gets its own inputs, which nobody can tell in advance and a second run repeats.

    A file that has changed gets others: an answer that knows what the first ones were is no answer.
    """
    text = f"{secret}/{submission}/{digest}/{exercise}"
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4])


class Learner:
    """The learner's functions, in a sandbox that is started again when it dies.

    From the second start on only definitions are run, and no cell whose definitions killed a sandbox; and as
    soon as the cells have used their share of the time, so that there is some left to judge the answers.
    errors: what went wrong in each cell, by its number; late: whether the submission's time was used up;
    skipped: whether cells were run for their definitions alone although none had killed a sandbox.
    """

    def __init__(self, submission, kind, start, seconds):
        self.submission, self.kind, self.end = submission, kind, start + seconds
        self.enough = start + CELLS_SHARE * seconds
        self.sandbox, self.skipped = None, False
        self.starts = 0
        self.deadly = set()
        self.errors = {}
        self.late = False

    def call(self, name):
        """The seam's `call` (checking/calls.py) of the learner's function `name`."""

        def call(args):
            try:
                self._start()
                request = {"do": "call", "name": name, "args": pack(args), "seconds": SECONDS}
                answer = self._ask(request, LONGEST * SECONDS)  # by the clock (calls.py)
                return Outcome(None, args, self._missing(name)) if "missing" in answer else _outcome(answer)
            except TookTooLong:
                late = "The notebook had used up its time before this was checked."
                return Outcome(None, args, Problem("time", late if self.late else "The function never ends."))
            except Died as death:
                self.close()
                return Outcome(None, args, Problem("exit", f"The function stopped Python: {death}."))

        return call

    def close(self):
        if self.sandbox:
            self.sandbox.close()
            self.sandbox = None

    def _start(self):
        """Have a sandbox in which all cells ran that can."""
        while not self.sandbox:
            if monotonic() >= self.end:
                self.late = True
                raise TookTooLong("the submission has no time left")
            self.starts += 1
            self.sandbox = Sandbox(self.kind, math.ceil(self.end - monotonic()) + 1)
            try:
                self._ask({"do": "start"}, START_SECONDS)
            except Died as death:
                if self.late:
                    raise
                raise RuntimeError(f"the sandbox does not start: {death}") from None
            for cell in self.submission.cells:
                if cell.number not in self.deadly and not self._runs(cell):
                    break

    def _runs(self, cell):
        """Run a cell; whether the sandbox is still there."""
        request = {"do": "run", "number": cell.number, "source": cell.source, "keep": cell.answers}
        left = self.enough - monotonic()
        short = self.starts == 1 and left <= 0
        self.skipped = self.skipped or short
        seconds = min(CELL_SECONDS, max(left, 1)) if self.starts == 1 and not short else CELL_SECONDS
        try:
            request |= {"seconds": seconds, "definitions": self.starts > 1 or short}
            answer = self._ask(request, seconds)
            error = answer.get("error")
        except Died as death:
            if self.late:
                raise
            if self.starts > 1:
                self.deadly.add(cell.number)
            error = "It never ends." if isinstance(death, TookTooLong) else f"It stopped Python: {death}."
        if error:
            self.errors.setdefault(cell.number, str(error)[:500])
        return self.sandbox is not None

    def _ask(self, request, seconds):
        """Ask the sandbox within the time that is left; a dead one is forgotten."""
        left = self.end - monotonic()
        try:
            return self.sandbox.ask(request, min(seconds + GRACE, left))
        except Died as death:
            self.sandbox = None
            self.late = isinstance(death, TookTooLong) and left <= seconds + GRACE
            raise

    def _missing(self, name):
        """Why there is no function of this name."""
        for cell in self.submission.cells:
            if name in cell.answers and cell.number in self.errors:
                return Problem("error", f"Its cell does not run. {self.errors[cell.number]}")
        return Problem("blank", f"The notebook defines no function `{name}`.")


def _outcome(answer):
    """What a sandbox says that a call brought; Died if it is not as worker.py would say it."""
    try:
        value, args, printed = unpack(answer["value"]), unpack(answer["args"]), answer["printed"]
        if not isinstance(args, tuple):
            raise ValueError("no arguments")
        if answer["problem"] is None:
            problem = None
        else:
            kind, text, line, source = answer["problem"]
            if kind not in KINDS or not isinstance(line, int | None):
                raise ValueError("no problem of ours")
            problem = Problem(kind, _short(text), line, _short(source))
        return Outcome(value, args, problem, _short(printed, 2000))
    except (KeyError, TypeError, ValueError):
        raise Died("it answers with something else than plain data") from None


def _short(text, longest=500):
    if not isinstance(text, str):
        raise ValueError("no text")
    return text[:longest]
