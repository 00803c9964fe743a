"""Grade a folder of submitted notebooks.

    python -m helpers.grading submissions/ --out grades.csv

writes grades.csv, grades.json, grades.html (the class) and grades_feedback/ (a page for each submission).
The guide is docs/instructors.md.
"""

import argparse
import math
import os
import sys
from datetime import datetime
from pathlib import Path

from helpers.checking import exercise
from helpers.grading import batch, gradebook, intake, private, report, sandbox
from helpers.grading.grader import GRADED, STATUSES, Settings
from helpers.grading.sandbox import BUBBLEWRAP, NOTHING

SOLUTIONS = Path(__file__).parents[2] / "solutions"  # where the course is a checkout


def main(arguments=None):
    """The command line; returns its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.due or given.export or given.private) and not given.roster:
        parser.error("--due, --for and --private need a --roster, which says whose a submission is")
    if given.out.resolve().is_relative_to(given.submissions.resolve()):
        parser.error(f"--out {given.out} lies among the submissions, where the next run would grade it")
    if given.unisolated:
        print(f"No sandbox, as you asked. Every row is stamped '{NOTHING}'.", file=sys.stderr)
    try:
        return _grade(given, NOTHING if given.unisolated else BUBBLEWRAP)
    except (ValueError, OSError) as error:
        print(f"grading: {error}", file=sys.stderr)
        return 2


def _grade(given, kind):
    if given.export:
        list(gradebook.EXPORTS[given.export](given.roster, {}))  # so that a roster that does not do shows now
    paths = intake.find(given.submissions)
    times = {name: datetime.fromtimestamp(path.lstat().st_mtime).astimezone() for name, path in paths.items()}
    extra = given.extra_checks.read_text("utf-8") if given.extra_checks else ""
    given.out.parent.mkdir(parents=True, exist_ok=True)
    resume = given.resume or bool(given.regrade or given.regrade_status)
    journal = batch.Journal(given.out.with_suffix(".journal"), given.seed, resume, given.fresh)
    settings = Settings(journal.seed, given.lesson, extra, given.seconds, kind)
    try:
        if unknown := set(given.regrade) - journal.rows.keys():
            raise ValueError(f"--regrade: there is no row of {', '.join(map(repr, sorted(unknown)))}")
        own = private.Class(given.private, given.roster).own if given.private else None
        rows = batch.run(paths, journal, settings, given.jobs, given.scheduler, _again(given), own)
    except KeyboardInterrupt:
        print(f"\nInterrupted with {len(journal.rows)} graded. --resume goes on from there.", file=sys.stderr)
        sys.stderr.flush()
        sandbox.put_away()
        os._exit(130)  # what is under way dies with this process
    finally:
        journal.close()
    for said in _report(given, rows, paths, times, journal.seed):
        print(f"grading: {said}", file=sys.stderr)
    graded = sum(row["status"] == GRADED for row in rows)
    print(f"{graded} of {len(rows)} graded: {given.out}, summary in {given.out.with_suffix('.html')}")
    return 0


def _report(given, rows, paths, times, seed):
    """Write all reports; yield what somebody should know."""
    if strange := sum(row["problem"] == private.UNKNOWN for row in rows):
        yield f"{strange} of {len(rows)} not graded: their numbers are nobody's under the secret of --private"
    yield from gradebook.idle(given.by_hand, rows)
    rows = [gradebook.changed(row, given.by_hand) for row in rows]
    same = gradebook.alike(paths, SOLUTIONS if SOLUTIONS.is_dir() else None)
    rows = [
        {
            **row,
            "same": same.get(row["submission"], {}),
            "handed_in": times[row["submission"]].isoformat("T", "minutes"),
        }
        for row in rows
    ]
    tables = {}
    if given.roster:
        yield from gradebook.strangers(given.due, given.roster)
        graded, nobodys = gradebook.grades(rows, given.roster, given.due, times)
        tables["students"] = list(gradebook.table(given.roster, graded))
        if given.export:
            tables[given.export] = list(gradebook.EXPORTS[given.export](given.roster, graded))
        if nobodys:
            yield f"of nobody in the roster, or of several: {', '.join(map(report.clean, nobodys))}"
        absent = [one.name for one in given.roster if one.key not in graded]
        if absent:
            yield f"{gradebook.MISSING}: {', '.join(map(report.clean, absent))}"
    if given.anonymous:
        key = {row["submission"]: gradebook.alias(row["submission"], seed) for row in rows}
        tables["key"] = [["learner", "submission"], *([alias, name] for name, alias in key.items())]
        rows = [_renamed(row, key) for row in rows]
    yield from report.write(rows, given.out, seed, given.course, tables)


def _renamed(row, key):
    same = {item: [key.get(name, name) for name in names] for item, names in row["same"].items()}
    return {**row, "submission": key[row["submission"]], "same": same}


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
    for option, reader, default, words in (
        ("--roster", gradebook.roster, None, "who is in the class (CSV): also a table of students"),
        ("--due", gradebook.rules, {}, "due dates and late rules (TOML)"),
        ("--by-hand", gradebook.by_hand, {}, "points and comments (CSV)"),
        ("--private", private.secret, None, "the term's secret: every student has numbers of their own"),
    ):
        say(option, type=_read(reader), default=default, metavar="FILE", help=words)
    say("--for", dest="export", choices=list(gradebook.EXPORTS), help="and a file that this platform imports")
    say("--anonymous", action="store_true", help="reports without names, and a file that has them")
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


def _read(reader):
    """A type of argument: a file that a reader takes."""

    def read(path):
        try:
            return reader(path)
        except (OSError, ValueError, KeyError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


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
