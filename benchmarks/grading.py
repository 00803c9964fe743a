"""What grading costs: a submission on its own, with two jobs, and by nbgrader's autograde.

    python benchmarks/grading.py [count]

Grades `count` (default 20) solved workbooks of chapter 2. nbgrader is timed where it is installed, as in the
environment of `make nbgrader`. Times are of the wall: run it on a quiet machine.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the course is not installed in every environment

from helpers.grading import batch, intake  # noqa: E402
from helpers.grading.grader import Settings, grade  # noqa: E402
from helpers.grading.sandbox import NOTHING, Sandbox, isolation  # noqa: E402

NAME = "02_initialization.ipynb"
SOLVED = ROOT / "solutions" / NAME
MANY = 10_000


def main(count=20):
    print(f"{isolation()[1]}; {count} solved workbooks, {os.cpu_count()} cores")
    data = SOLVED.read_bytes()
    grade("warm", data, Settings(1))
    for kind in dict.fromkeys((isolation()[0], NOTHING)):
        started = statistics.median(timed(start, kind) for _ in range(5))
        whole = [grade("a", data, Settings(seed, kind=kind))["seconds"] for seed in range(count)]
        middle, worst = statistics.median(whole), max(whole)
        print(f"{kind}: {middle:.2f} s a submission (worst {worst:.2f}), {started:.2f} s of it to start")
    rates = {jobs: timed(run_batch, count, jobs) / count for jobs in (1, 2)}
    for jobs, seconds in rates.items():
        hours = seconds * MANY / 3600
        print(f"--jobs {jobs}: {seconds:.2f} s a submission, {MANY} in {hours:.1f} h")
    print(f"two jobs are {rates[1] / rates[2]:.2f} times as fast as one")
    if find_spec("nbgrader"):
        theirs = autograde(count) / count
        times = theirs / rates[1]
        print(f"nbgrader autograde: {theirs:.2f} s a submission, {times:.1f} times one job")
    else:
        print("nbgrader is not installed here: not compared")


def start(kind):
    """A sandbox with Python, numpy and IPython in it."""
    sandbox = Sandbox(kind, 60)
    sandbox.ask({"do": "start"}, 60)
    sandbox.close()


def run_batch(count, jobs):
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            shutil.copy(SOLVED, Path(folder) / f"{number}.ipynb")
        paths = intake.find(folder)
        journal = batch.Journal(Path(folder) / "journal", seed=1)
        rows = batch.run(paths, journal, Settings(1), jobs)
        journal.close()
    assert all(row["points"] == 100 for row in rows)


def autograde(count):
    """Seconds of stock nbgrader for as many students. It runs one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        (course / "source" / "init").mkdir(parents=True)
        shutil.copy(SOLVED, course / "source" / "init")
        nbgrader(course, "generate_assignment", "init", "--create")
        for number in range(count):
            place = course / "submitted" / f"student{number}" / "init"
            place.mkdir(parents=True)
            shutil.copy(ROOT / "solutions" / NAME, place)
        return timed(nbgrader, course, "autograde", "init", "--create")


def nbgrader(course, *arguments):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = {"TRAINABLE_DEPTH_HOME": str(course / "home"), "PATH": path, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    subprocess.run(command, cwd=course, env={**os.environ, **home}, check=True, capture_output=True)


def timed(function, *arguments):
    begin = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
