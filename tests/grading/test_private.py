"""Workbooks with numbers of each student's own: written, solved, handed in, graded."""

import json

import nbformat
import pytest

from helpers.checking import checks, exercise
from helpers.grading import gradebook, private
from helpers.grading.__main__ import main
from tests.grading import bank
from tests.grading.test_batch import rows_in
from tools.kit import __main__ as kit

SECRET = "a secret of the winter term"
ROSTER = "name,id\nAda King,1001\nEmmy Noether,1002\nSofia Kovalevskaya,1003\nMary Somerville,1004\n"
OWN = {name for name, item in exercise.load().items() if item.personal and item.lesson == bank.LESSON}
POINTS = sum(exercise.find(name).points for name in OWN)
# Answers with a number: what a student writes, not what the course does.
RIGHT = {
    "predict_h2": """
def predict_h2(x, widths, variances):
    h2 = np.mean(np.square(x))
    for n, v in zip(widths, variances):
        h2 *= {own}**2 * n * v / 2
    return h2
""",
    "gain": """
def gain(phi):
    xi = np.linspace(-10, 10, 40_001)
    bell = np.exp(-xi**2 / 2)
    return np.sqrt((1 - {own}**2) / (np.sum(phi(xi)**2 * bell) / np.sum(bell)))
""",
    "diagnose": """
def diagnose(weights):
    logs = [np.log({own}**2 * len(w) * np.mean(w**2) / 2) for w in weights]
    total = np.sum(logs)
    verdict = "VANISHES" if total < np.log(1e-3) else "EXPLODES" if total > np.log(1e3) else "HOLDS"
    return {{"factor": np.exp(np.mean(logs)), "verdict": verdict, "repair": np.exp(-np.mean(logs) / 2)}}
""",
}


@pytest.fixture
def course(tmp_path):
    """A folder with roster, secret and the workbooks that the kit wrote."""
    (tmp_path / "class.csv").write_text(ROSTER)
    (tmp_path / "secret.txt").write_text(SECRET + "\n")
    assert write(tmp_path, "workbooks") == 0
    return tmp_path


def write(folder, out, secret="secret.txt"):
    files = ["--roster", str(folder / "class.csv"), "--secret-file", str(folder / secret)]
    return kit.main(["private", *files, str(folder / out)])


def workbook(course, key):
    return nbformat.read(course / "workbooks" / key / f"{bank.LESSON}.ipynb", 4)


def solved(course, key, of=None):
    """A student's workbook with the published solution, or answers that have the numbers `of` somebody."""
    notebook, published = workbook(course, key), bank.solved()
    own = private.numbers(SECRET.encode(), of) if of else {}
    for item in exercise.load().values():
        if item.lesson == bank.LESSON:
            answer = RIGHT[item.name].format(own=own[item.name]) if of and item.name in OWN else None
            bank.cell(notebook, item.id).source = answer or bank.cell(published, item.id).source
    return notebook


def graded(course, hand_ins, *more, secret="secret.txt", out="grades.csv"):
    """{submission: row}"""
    for name, notebook in hand_ins.items():
        path = course / "in" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bank.data(notebook))
    files = ["--roster", str(course / "class.csv"), "--private", str(course / secret)]
    assert main([str(course / "in"), "--out", str(course / out), *files, *more]) == 0
    return {row["submission"]: row for row in rows_in((course / out).with_suffix(".json"))}


def outcomes(row):
    return {item["name"]: (item["outcome"], item["tag"]) for item in row["exercises"] if item["name"] in OWN}


def test_two_workbooks_differ_in_their_numbers_alone(course):
    ada, emmy, published = workbook(course, "1001"), workbook(course, "1002"), nbformat.reads(bank.BLANK, 4)
    assert [cell.id for cell in ada.cells] == [cell.id for cell in published.cells]
    for mine, public in zip(ada.cells, published.cells, strict=True):
        assert (mine.metadata, mine.cell_type) == (public.metadata, public.cell_type)
        assert mine.source.startswith(public.source.removesuffix(")")), "nothing is taken away"
    changed = {mine.id for mine, public in zip(ada.cells, published.cells, strict=True) if mine != public}
    ids = {exercise.find(name).id for name in OWN}
    assert changed == {"title"} | {f"{id}-{part}" for id in ids for part in ("task", "check")}
    ours, others = ([cell.source for cell in one.cells[1:]] for one in (ada, emmy))
    assert ours != others
    text = json.dumps(ada)
    assert SECRET not in text and "{own}" not in text and "Ada King" in text and "Emmy" not in text


def test_writing_again_gives_the_same_and_another_secret_other_numbers(course):
    assert write(course, "again") == 0
    (course / "next.txt").write_text("a secret of the summer term")
    assert write(course, "next", "next.txt") == 0
    name = f"1001/{bank.LESSON}.ipynb"
    first, again, other = ((course / out / name).read_bytes() for out in ("workbooks", "again", "next"))
    assert first == again != other


def test_each_is_judged_by_their_own_numbers(course):
    rows = graded(
        course,
        {
            "1001": solved(course, "1001", of="1001"),
            "1002 published": solved(course, "1002"),
            "1003 from a neighbour": solved(course, "1003", of="1001"),
            "1004 all of a neighbour": solved(course, "1001", of="1001"),
            "somebody": solved(course, "1001", of="1001"),
        },
    )
    assert {row["status"] for name, row in rows.items() if name != "somebody"} == {"graded"}
    assert outcomes(rows["1001"]) == dict.fromkeys(OWN, ("correct", None)) and rows["1001"]["points"] == 100
    assert not rows["1001"]["remarks"]

    public = rows["1002 published"]
    assert outcomes(public) == dict.fromkeys(OWN, ("incorrect", exercise.WITHOUT_NUMBER))
    assert public["points"] == 100 - POINTS
    assert any("refused. That is the answer to the published task" in said for said in public["remarks"])

    mine, theirs = (private.numbers(SECRET.encode(), key) for key in ("1003", "1001"))
    differ = {name for name in OWN if mine[name] != theirs[name]}
    copied = outcomes(rows["1003 from a neighbour"])
    assert differ and {name for name in OWN if copied[name][0] == "correct"} == OWN - differ
    assert {copied[name][1] for name in differ} == {exercise.ANOTHER_NUMBER}
    assert any("with another number" in said for said in rows["1003 from a neighbour"]["remarks"])
    assert private.ANOTHERS in rows["1004 all of a neighbour"]["remarks"]

    nobody = rows["somebody"]
    assert (nobody["status"], nobody["problem"], nobody["points"]) == ("needs review", private.NOBODYS, 0)


def test_the_page_says_how_to_repeat_it(course):
    own = private.numbers(SECRET.encode(), "1001")["gain"]
    rows = graded(course, {"1001": solved(course, "1001", of="1001")})
    (page,) = (course / "grades_feedback").glob("*.html")
    (seed,) = (item["seed"] for item in rows["1001"]["exercises"] if item["name"] == "gain")
    assert f"check(gain, own={own}, seed={seed})" in page.read_text("utf-8")


def test_the_notebooks_own_check_needs_no_secret(course, monkeypatch):
    """The cells of a workbook that was solved, run as they are."""
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(course / "home"))
    monkeypatch.setattr(checks, "display", lambda card: None)
    points = {}
    for of in ("1001", None):
        names = {}
        for cell in solved(course, "1001", of).cells:
            if cell.cell_type != "code" or cell.id in ("course", "report"):
                continue
            if cell.id.endswith("-check"):
                points[cell.id, of] = eval(cell.source, names)
            else:
                exec(cell.source, names)
    for name in OWN:
        id = f"{exercise.find(name).id}-check"
        assert (points[id, "1001"], points[id, None]) == (exercise.find(name).points, 0)


def test_a_wrong_secret_is_noticed_and_nothing_is_judged_by_it(course, capsys):
    (course / "wrong.txt").write_text("a secret of another term")
    hand_ins = {key: solved(course, key, of=key) for key in ("1001", "1002")}
    rows = graded(course, hand_ins, secret="wrong.txt")
    assert {(row["status"], row["problem"]) for row in rows.values()} == {("needs review", private.UNKNOWN)}
    assert "2 of 2 not graded: their numbers are nobody's under the secret" in capsys.readouterr().err
    rows = graded(course, {}, "--resume")
    assert {(row["status"], row["points"]) for row in rows.values()} == {("graded", 100)}


def test_a_number_edited_in_a_check_is_said_and_changes_no_points(course):
    notebook = solved(course, "1001")  # the published solution
    bank.cell(notebook, "gain-check").source = "check(gain)"
    own = private.numbers(SECRET.encode(), "1001")["diagnose"]
    other = next(one for one in exercise.find("diagnose").personal.values if one != own)
    bank.cell(notebook, "diagnose-check").source = f"check(diagnose, own={other})\ncheck(he, own=1-)"
    row = graded(course, {"1001": notebook})["1001"]
    assert row["points"] == 100 - POINTS
    assert "Another number than the workbook was given stands in its check of diagnose." in row["remarks"]


def test_resuming_grades_nothing_again(course):
    graded(course, {"1001": solved(course, "1001", of="1001")})
    before = (course / "grades.journal").read_bytes()
    graded(course, {}, "--resume")
    assert (course / "grades.journal").read_bytes() == before


@pytest.mark.parametrize("text", ["", "short", "\n\n"])
def test_a_secret_that_can_be_guessed(text, course, capsys):
    (course / "secret.txt").write_text(text)
    assert write(course, "more") == 2 and "at least 16 characters" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(course), "--roster", str(course / "class.csv"), "--private", str(course / "secret.txt")])
    assert "at least 16 characters" in capsys.readouterr().err


def test_a_roster_is_needed(course, capsys):
    with pytest.raises(SystemExit):
        main([str(course), "--private", str(course / "secret.txt")])
    assert "need a --roster" in capsys.readouterr().err


def test_names_of_a_roster_are_text_in_the_workbook_and_in_no_other_folder(tmp_path):
    (tmp_path / "class.csv").write_text('name,id\n"*A* <b>_x_",../7/1\n')
    (tmp_path / "secret.txt").write_text(SECRET)
    assert write(tmp_path, "out") in (0, 2)
    inside = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.ipynb")}
    assert inside <= {"out"} and not list(tmp_path.parent.glob("7"))
    for path in tmp_path.rglob("*.ipynb"):
        assert r"\*A\* &lt;b&gt;\_x\_" in bank.cell(nbformat.read(path, 4), "title").source


def test_numbers_of_a_class_are_spread(course):
    students = gradebook.roster(course / "class.csv")
    assert {one.key for one in students} == {"1001", "1002", "1003", "1004"}
    drawn = [private.numbers(SECRET.encode(), str(key)) for key in range(2000)]
    for name in OWN:
        values = exercise.find(name).personal.values
        counts = [sum(one[name] == value for one in drawn) for value in values]
        assert min(counts) * len(values) / 2000 > 0.4 and max(counts) * len(values) / 2000 < 1.8
