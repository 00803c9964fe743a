"""The grader inside nbgrader: its gradebook, its forms and its feedback, with our scores.

In the course's nbgrader_config.py:

    from helpers.grading.bridge import configure
    configure(get_config())

nbgrader's own way is to run a notebook and to believe what its cells print. Here nothing of it is run in its
process: `RebuildSubmission` puts the answers, in whatever state they came, into a fresh copy of the released
notebook, and `IsolatedGrade` takes the place of `Execute`: it writes the points where nbgrader looks.
"""

import copy
import secrets
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader import preprocessors as stock
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Int

from helpers.figures.theme import style_sheet
from helpers.grading import intake
from helpers.grading.grader import Settings, grade
from helpers.grading.report import WITHOUT
from helpers.grading.sandbox import BUBBLEWRAP, NOTHING


def configure(config):
    """Set up `nbgrader autograde`: what it does to a submission before and instead of running it."""
    config.Autograde.sanitize_preprocessors = [
        RebuildSubmission,
        stock.ClearOutput,
        stock.DeduplicateIds,
        stock.OverwriteKernelspec,
        stock.OverwriteCells,
        stock.CheckCellMetadata,
    ]
    config.Autograde.autograde_preprocessors = [
        IsolatedGrade,
        stock.IgnorePattern,
        ClearMetadataPreprocessor,
        stock.LimitOutput,
        stock.SaveAutoGrades,
        stock.AssignLatePenalties,
        stock.CheckCellMetadata,
    ]


class RebuildSubmission(NbGraderPreprocessor):
    """The released notebook with the learner's answers in it, and the learner's other cells between them.

    nbgrader stops a batch at a copied cell, and gives 0 where metadata is lost; this mends both.
    """

    def preprocess(self, nb, resources):
        release = nbformat.read(_path(self, "release", resources), 4)
        submission = intake.read(resources["nbgrader"]["student"], nbformat.writes(nb).encode("utf-8"))
        made = rebuilt(release, submission, nb)
        return made, resources


def rebuilt(release, submission, notebook):
    """A copy of `release` with the answers of a Submission, read from `notebook`."""
    made = copy.deepcopy(release)
    ids = {intake.grade_id(cell): cell for cell in made.cells if intake.grade_id(cell)}
    own, place = {}, None  # the learner's own cells, after the one of ours that they stand behind
    for cell in submission.cells:
        ours = [name.replace("_", "-") for name in cell.answers]
        for first, id in enumerate(id for id in ours if id in ids):
            ids[id].source = "# This is answered in a cell above." if first else cell.source
            place = id if not first else place
        theirs = notebook.cells[cell.number - 1]
        if not ours and intake.grade_id(theirs) in ids:
            place = intake.grade_id(theirs)
        elif not ours:
            own.setdefault(place, []).append(nbformat.v4.new_code_cell(cell.source))
    made.cells = own.get(None, []) + [
        part for cell in made.cells for part in [cell, *own.get(intake.grade_id(cell) or "", [])]
    ]
    return made


class IsolatedGrade(NbGraderPreprocessor):
    """The points of the sandbox, as the outputs of the cells that nbgrader grades."""

    seed = Int(None, allow_none=True, help="of all random inputs; by default a new secret").tag(config=True)
    seconds = Float(120.0, help="for one submission").tag(config=True)
    unisolated = Bool(False, help="grade without a sandbox, which otherwise is refused").tag(config=True)

    def preprocess(self, nb, resources):
        data, problem = intake.load(_path(self, "submitted", resources))
        seed = secrets.randbits(62) if self.seed is None else self.seed
        who = resources["nbgrader"]
        settings = Settings(seed, seconds=self.seconds, kind=NOTHING if self.unisolated else BUBBLEWRAP)
        row = grade(f"{who['student']}/{who['assignment']}", data, settings, problem)
        if row["problem"] or row["isolation"] == NOTHING:
            told = [row[part] for part in ("submission", "status", "problem", "isolation")]
            self.log.warning("%s: %s. %s (%s)", *told)
        items = {f"{item['name'].replace('_', '-')}-check": item for item in row["exercises"]}
        for cell in nb.cells:
            if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
                cell.outputs = _outputs(items.get(intake.grade_id(cell)), row)
        return nb, resources


def _outputs(item, row):
    """A card for people and a float for nbgrader; an error, which counts 0, where there is no result."""
    if not item or item["problem"]:
        said = item["problem"] if item else row["problem"] or "This exercise was not found."
        return [nbformat.v4.new_output("error", ename=row["status"], evalue=said, traceback=[said])]
    stamp = f"<p>{WITHOUT}</p>" if row["isolation"] == NOTHING else ""
    card = {
        "text/html": f"{style_sheet()}{stamp}{item['card']}",
        "text/plain": item["says"] or item["outcome"],
    }
    points = {"text/plain": repr(float(item["points"]))}
    return [
        nbformat.v4.new_output("display_data", card),
        nbformat.v4.new_output("execute_result", points, execution_count=1),
    ]


def _path(preprocessor, step, resources):
    """Where a notebook lies in the course's folder at this step."""
    who, course = resources["nbgrader"], CourseDirectory(parent=preprocessor)
    student = "." if step == "release" else who["student"]
    folder = course.format_path(getattr(course, f"{step}_directory"), student, who["assignment"])
    return Path(folder) / f"{who['notebook']}.ipynb"
