"""Grade a folder of submitted notebooks.

    python -m helpers.grading submissions/ --out grades.csv

writes grades.csv, grades.json, grades.html (the class) and grades_feedback/ (a page for each submission).
The guide is docs/instructors.md.
"""

import argparse
import os
import sys
from pathlib import Path

from helpers.checking import exercise
from helpers.grading import batch, report
from helpers.grading.grader import GRADED, Settings, digest
from helpers.grading.sandbox import NOTHING, isolation


def main(arguments=None):
    """The command line; returns its exit status."""
    given = _parser().parse_args(arguments)
    kind, why = (NOTHING, "as you asked") if given.unisolated else isolation()
    if kind == NOTHING:
        print(f"No sandbox: {why}. Every row is stamped '{NOTHING}'.", file=sys.stderr)
    try:
        return _grade(given, NOTHING if given.unisolated else None)
    except (ValueError, OSError) as error:
        print(f"grading: {error}", file=sys.stderr)
        return 2


def _grade(given, kind):
    extra = given.extra_checks.read_text("utf-8") if given.extra_checks else ""
    wanted = {
        "seed": given.seed,
        "lesson": given.lesson,
        "extra": digest(extra.encode()),
        "seconds": given.seconds,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    journal = batch.Journal(given.out.with_suffix(".journal"), wanted, given.resume, given.fresh)
    seed = journal.head["seed"]
    settings = Settings(seed, given.lesson, extra, given.seconds, kind)
    try:
        rows = batch.run(given.submissions, journal, settings, given.jobs, given.scheduler)
    except KeyboardInterrupt:
        print(f"\nInterrupted with {len(journal.rows)} graded. --resume goes on from there.", file=sys.stderr)
        sys.stderr.flush()
        os._exit(130)  # what is under way dies with this process
    finally:
        journal.close()
    report.write(rows, given.out, seed, given.course)
    graded = sum(row["status"] == GRADED for row in rows)
    print(f"{graded} of {len(rows)} graded: {given.out}, summary in {given.out.with_suffix('.html')}")
    return 0


def _parser():
    parser = argparse.ArgumentParser("python -m helpers.grading", description=__doc__.splitlines()[0])
    lessons = sorted({item.lesson for item in exercise.load().values()})
    say = parser.add_argument
    say("submissions", type=Path, help="a folder with notebooks, at any depth")
    say("--out", type=Path, default=Path("grades.csv"), help="the CSV file; the others lie beside it")
    say("--lesson", choices=lessons, help="by default the one that a notebook has most answers of")
    say("--resume", action="store_true", help="keep what is graded already, grade what is new or changed")
    say("--fresh", action="store_true", help="forget what is graded already")
    say("--jobs", type=_positive, default=1, metavar="N", help="how many at a time on this machine")
    say("--scheduler", metavar="ADDRESS", help="grade on a Dask cluster instead, such as tcp://10.0.0.5:8786")
    say("--seed", type=int, help="of all random inputs, to repeat a run; by default a new secret")
    say("--extra-checks", type=Path, metavar="FILE", help="a module with further properties, private to you")
    say("--seconds", type=float, default=120.0, help="for one submission (default: 120)")
    say(
        "--course",
        default="",
        metavar="ADDRESS",
        help="where learners read the lessons, for the pages' links",
    )
    say("--unisolated", action="store_true", help="grade without a sandbox")
    return parser


def _positive(text):
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 is needed")
    return number


if __name__ == "__main__":
    sys.exit(main())
