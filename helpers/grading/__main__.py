"""Grade a folder of submitted notebooks.

    python -m helpers.grading submissions/ --out grades.csv

writes grades.csv, grades.json, grades.html (the class) and grades_feedback/ (a page for each submission).
The guide is docs/instructors.md.
"""

import argparse
import math
import os
import sys
from pathlib import Path

from helpers.checking import exercise
from helpers.grading import batch, report, sandbox
from helpers.grading.grader import GRADED, STATUSES, Settings
from helpers.grading.sandbox import BUBBLEWRAP, NOTHING


def main(arguments=None):
    """The command line; returns its exit status."""
    given = _parser().parse_args(arguments)
    if given.unisolated:
        print(f"No sandbox, as you asked. Every row is stamped '{NOTHING}'.", file=sys.stderr)
    try:
        return _grade(given, NOTHING if given.unisolated else BUBBLEWRAP)
    except (ValueError, OSError) as error:
        print(f"grading: {error}", file=sys.stderr)
        return 2


def _grade(given, kind):
    extra = given.extra_checks.read_text("utf-8") if given.extra_checks else ""
    given.out.parent.mkdir(parents=True, exist_ok=True)
    resume = given.resume or bool(given.regrade or given.regrade_status)
    journal = batch.Journal(given.out.with_suffix(".journal"), given.seed, resume, given.fresh)
    settings = Settings(journal.seed, given.lesson, extra, given.seconds, kind)
    try:
        if unknown := set(given.regrade) - journal.rows.keys():
            raise ValueError(f"--regrade: there is no row of {', '.join(map(repr, sorted(unknown)))}")
        rows = batch.run(given.submissions, journal, settings, given.jobs, given.scheduler, _again(given))
    except KeyboardInterrupt:
        print(f"\nInterrupted with {len(journal.rows)} graded. --resume goes on from there.", file=sys.stderr)
        sys.stderr.flush()
        sandbox.put_away()
        os._exit(130)  # what is under way dies with this process
    finally:
        journal.close()
    for said in report.write(rows, given.out, journal.seed, given.course):
        print(f"grading: {said}", file=sys.stderr)
    graded = sum(row["status"] == GRADED for row in rows)
    print(f"{graded} of {len(rows)} graded: {given.out}, summary in {given.out.with_suffix('.html')}")
    return 0


def _again(given):
    """Which rows of the journal are to be graded once more."""
    return lambda row: row["submission"] in given.regrade or row["status"] in given.regrade_status


def _parser():
    parser = argparse.ArgumentParser("python -m helpers.grading", description=__doc__.splitlines()[0])
    lessons = sorted({item.lesson for item in exercise.load().values()})
    say = parser.add_argument
    say("submissions", type=Path, help="a folder with notebooks, at any depth")
    say("--out", type=_csv, default=Path("grades.csv"), help="the CSV file; the others lie beside it")
    say("--lesson", choices=lessons, help="by default the one that a notebook has most answers of")
    say("--resume", action="store_true", help="keep what is graded already, grade what is new or changed")
    say("--fresh", action="store_true", help="forget what is graded already")
    say("--regrade", action="append", default=[], metavar="NAME", help="and this row again; may be repeated")
    say(
        "--regrade-status",
        action="append",
        default=[],
        choices=STATUSES,
        help="and all rows of this status again, such as 'needs review'",
    )
    say("--jobs", type=_positive, default=1, metavar="N", help="how many at a time on this machine")
    say("--scheduler", metavar="ADDRESS", help="grade on a Dask cluster instead, such as tcp://10.0.0.5:8786")
    say("--seed", type=int, help="of all random inputs, to repeat a run; by default a new secret")
    say("--extra-checks", type=Path, metavar="FILE", help="a module with further properties, private to you")
    say("--seconds", type=_seconds, default=120.0, help="for one submission (default: 120)")
    say(
        "--course",
        default="",
        metavar="ADDRESS",
        help="where learners read the lessons, for the pages' links",
    )
    say("--unisolated", action="store_true", help="grade without a sandbox, which otherwise is refused")
    return parser


def _positive(text):
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 is needed")
    return number


def _seconds(text):
    if not 1 <= (number := float(text)) < math.inf:  # nan is neither
        raise argparse.ArgumentTypeError("a number of seconds from 1 is needed")
    return number


def _csv(text):
    if Path(text).suffix.lower() != ".csv":
        raise argparse.ArgumentTypeError(f"the name of a file that ends in .csv is needed, not {text!r}")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
