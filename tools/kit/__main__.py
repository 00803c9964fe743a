"""The kit for a class.

python -m tools.kit build kit/ --grades grades.json    # all of it; or `make kit`
python -m tools.kit statistics answers.csv             # what a class's answers say about the items
python -m tools.kit private --roster class.csv --secret-file secret.txt workbooks/    # numbers of their own
"""

import argparse
import sys
from pathlib import Path

from helpers.grading import gradebook
from helpers.grading.private import secret
from tools.kit import (
    anki,
    atlas,
    bank,
    lessons,
    measures,
    moodle,
    paired,
    plans,
    private,
    qti,
    release,
    slides,
)


def files(grades=None):
    """All files of the kit: {name: bytes}."""
    made = {"atlas.html": atlas.write(grades), "trainable-depth-students.zip": release.students()}
    for lesson in lessons.load():
        items = bank.items(lesson)
        made |= {
            f"{lesson.name}/slides.html": slides.write(lesson),
            f"{lesson.name}/questions.moodle.xml": moodle.write(lesson, items),
            f"{lesson.name}/questions.qti.zip": qti.write(lesson, items),
            f"{lesson.name}/questions.anki.txt": anki.write(lesson),
            f"{lesson.name}/tests.html": paired.write(lesson),
        }
        made |= {f"{lesson.name}/plan-{length}.md": plans.write(lesson, length) for length in plans.AT_HOME}
    return {name: data if isinstance(data, bytes) else data.encode() for name, data in made.items() if data}


def write(folder, made):
    """Write files, {name: bytes}, to a folder."""
    for name, data in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def parser():
    made = argparse.ArgumentParser("python -m tools.kit", description=__doc__.splitlines()[0])
    verbs = made.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("build", help="write the kit to a folder")
    one.add_argument("folder", type=Path)
    one.add_argument(
        "--grades", type=Path, metavar="FILE", help="grades.json of the grader: how common a slip is"
    )
    two = verbs.add_parser("statistics", help="difficulty, discrimination and distractors of items")
    two.add_argument(
        "answers", type=Path, nargs="+", help="CSV with learner, item, answer; or exported progress"
    )
    three = verbs.add_parser("private", help="write a workbook for each student, with their own numbers")
    three.add_argument("folder", type=Path, metavar="OUT", help="a folder for each student")
    three.add_argument("--roster", type=Path, metavar="FILE", required=True, help="the class (CSV)")
    three.add_argument(
        "--secret-file", type=Path, metavar="FILE", required=True, help="the term's secret: some line of text"
    )
    return made


def main(arguments=None):
    """The command line; returns its exit status."""
    given = parser().parse_args(arguments)
    try:
        if given.verb == "build":
            write(given.folder, files(given.grades))
        elif given.verb == "private":
            made = private.files(gradebook.roster(given.roster), secret(given.secret_file))
            write(given.folder, {name: text.encode() for name, text in made.items()})
        else:
            print(measures.report(measures.read(given.answers)), end="")
    except (ValueError, OSError) as error:
        print(f"kit: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
