"""From rows to a class: whose a file is, lateness, points by hand, likeness, and what platforms import."""

import csv
import io
from datetime import datetime, timedelta

import pytest

from helpers.grading import gradebook, report
from helpers.grading.gradebook import Rule, Student
from helpers.grading.grader import Settings, failed
from tests.grading import bank

MOODLE = """First name,Last name,ID number,Email address
Ada,King,1001,ada@example.org
Emmy,Noether,1002,emmy@example.org
"""
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,"Old work (17)"
    Points Possible,,,,,10
"King, Ada",501,1001,aking,A,3
"Noether, Emmy",502,1002,enoether,B,
"Student, Test",999,,x,A,
"""
OWN = "name;no\n"


def students(tmp_path, text=MOODLE):
    path = tmp_path / "roster.csv"
    path.write_text(text, "utf-8-sig")
    return gradebook.roster(path)


def row(name, points=80.0, lesson=bank.LESSON):
    item = {"name": "he", "title": "He", "possible": 10, "points": 2.0, "parts": {"a": 2.0}, "tag": None}
    made = failed(name, "", Settings(1)) | {"status": "graded", "lesson": lesson, "possible": 100}
    return made | {"points": points, "exercises": [item]}


@pytest.mark.parametrize("text", [MOODLE, CANVAS])
def test_a_roster_is_what_platforms_export(text, tmp_path):
    assert [one.key for one in students(tmp_path, text)] == ["1001", "1002"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OWN, "is needed"),
        ("name,id\n", "is needed"),
        ("name,id\nA,1\nB,1\n", "twice: 1"),
        ("id\n1\n", "is needed"),
        ("name,id\nA,1\nB,\n", "line 3: B has no ID"),
    ],
)
def test_a_roster_that_tells_nobody_apart_is_refused(text, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        students(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("1001", "1001"),
        ("group 3/1002_homework", "1002"),
        ("ada@example.org", "1001"),
        ("Ada King_12345_assignsubmission_file_/02_initialization", "1001"),
        ("kingada_LATE_501_77_02_initialization", "1001"),
        ("emmy noether", "1002"),
        ("Noether, Emmy", "1002"),
        ("10010", None),
        ("ada", None),
        ("1001 and 1002", None),
        ("02_initialization", None),
    ],
)
def test_whose_a_submission_is(name, whose, tmp_path):
    found = gradebook.whose(name, students(tmp_path))
    assert (found and found.key) == whose


def test_where_canvas_has_no_other_id_its_own_counts(tmp_path):
    text = CANVAS.replace("1001,aking", ",").replace("1002,enoether", ",")
    assert [one.key for one in students(tmp_path, text)] == ["501", "502"]


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("Ada King_7_assignsubmission_file_/02", None),  # Moodle's own number, and Bo's
        ("Bo Li_12345_assignsubmission_file_/02", "7"),
        ("group 2/1001.zip", "1001"),  # no notebook, and somebody's all the same
        ("Emmy Noether_8_late.IPYNB", "8"),
        ("Bo Li.py", "7"),
        ("bo.li.zip", None),
        ("Emmy Noether 8", "8"),  # of two with one name the number tells
        ("Emmy Noether", None),
        ("rene\u0301e_1", "4"),  # as macOS writes it
        ("kingada_LATE_501_77", "1001"),
    ],
)
def test_numbers_that_a_platform_adds_make_nobody_somebody_else(name, whose, tmp_path):
    roster = "name,id\nAda King,1001\nBo Li,7\nEmmy Noether,8\nEmmy Noether,9\nRen\u00e9e,4\n"
    found = gradebook.whose(name, students(tmp_path, roster))
    assert (found and found.key) == whose


def test_who_handed_in_something_unreadable_has_handed_in(tmp_path):
    rows = [row("1001", lesson=None)]
    assert gradebook.grades(rows, students(tmp_path), {}, {}) == ({"1001": {}}, [])


DUE = datetime(2027, 1, 15, 23, 59).astimezone()


@pytest.mark.parametrize(
    ("late", "share"),
    [
        (-1, 0),
        (0, 0),
        (10, 0),
        (16, 0.1),
        (24 * 60, 0.1),
        (24 * 60 + 1, 0.2),
        (3 * 24 * 60, 0.3),
        (99 * 24 * 60, 0.5),
    ],
)
def test_lateness_costs_a_share_for_each_day_that_has_begun(late, share):
    rule = Rule(DUE.replace(tzinfo=None), grace=timedelta(minutes=15))
    assert gradebook.deduction(rule, DUE + timedelta(minutes=late)) == pytest.approx(share)


def test_due_dates_have_extensions(tmp_path):
    path = tmp_path / "due.toml"
    path.write_text(f"""
["{bank.LESSON}"]
at = 2027-01-15T23:59:00
per_day = 0.2
[["{bank.LESSON}".extensions]]
student = "1002"
at = 2027-01-20T23:59:00
""")
    due = gradebook.rules(path)
    late = DUE + timedelta(hours=30)
    rows = [row("1001"), row("1002"), row("stranger")]
    graded, nobodys = gradebook.grades(rows, students(tmp_path), due, {r["submission"]: late for r in rows})
    assert graded["1001"][bank.LESSON].points == 48 and graded["1002"][bank.LESSON].points == 80
    assert nobodys == ["stranger"]


@pytest.mark.parametrize(
    "text",
    [
        "['nothing']\nat = 2027-01-15T23:59:00",
        f"['{bank.LESSON}']\nat = 'soon'",
        f"['{bank.LESSON}']\nper_day = 10",
        f"['{bank.LESSON}']\nat = 2027-01-15T23:59:00\nperday = 0.1",
        f"['{bank.LESSON}']\nat = 2027-01-15T23:59:00\ngrace_minutes = 'ten'",
        f"['{bank.LESSON}']\nat = 2027-01-15",
        f"'{bank.LESSON}' = 3",
        f"['{bank.LESSON}']\nat = 2027-01-15T23:59:00\nextensions = [{{student = '1', at = 2027-01-20}}]",
    ],
)
def test_a_rule_that_does_not_fit_is_refused(text, tmp_path):
    (tmp_path / "due.toml").write_text(text)
    with pytest.raises(ValueError, match="--due"):
        gradebook.rules(tmp_path / "due.toml")


def test_points_by_hand_count_and_comments_are_read(tmp_path):
    path = tmp_path / "hand.csv"
    path.write_text('submission,exercise,points,comment\nann,he,9.5,"a good idea, hidden"\nann,,,Well done\n')
    marks = gradebook.by_hand(path)
    made = gradebook.changed(row("ann"), marks)
    assert made["points"] == 9.5 and made["exercises"][0]["points"] == 9.5
    assert any("a good idea, hidden" in remark for remark in made["remarks"])
    assert any("Well done" in remark for remark in made["remarks"])
    assert gradebook.changed(row("bob"), marks) == row("bob")


def test_points_by_hand_for_what_is_not_there_are_said_and_do_nothing(tmp_path):
    path = tmp_path / "hand.csv"
    path.write_text("submission,exercise,points,comment\nann,lsuv,3,x\nbo,he,3,x\nann,he,3,x\nann,,,x\n")
    marks = gradebook.by_hand(path)
    first, second = gradebook.idle(marks, [row("ann")])
    assert "lsuv in 'ann'" in first and "he in 'bo'" in second
    made = gradebook.changed(row("ann"), marks)
    assert made["points"] == 3 and not any("lsuv" in remark for remark in made["remarks"])


def test_an_extension_of_nobody_is_said(tmp_path):
    due = {(bank.LESSON, key): Rule(DUE) for key in (None, "1001", "10002")}
    (said,) = gradebook.strangers(due, students(tmp_path))
    assert "10002" in said and "1001" not in said


@pytest.mark.parametrize(
    "line", ["ann,he,11,x", "ann,he,-1,x", "ann,hee,1,x", "ann,,5,x", "ann,he,many,x", "ann"]
)
def test_points_by_hand_that_do_not_fit_are_refused(line, tmp_path):
    (tmp_path / "hand.csv").write_text(f"submission,exercise,points,comment\n{line}\n")
    with pytest.raises(ValueError, match="line 2"):
        gradebook.by_hand(tmp_path / "hand.csv")


def test_what_is_the_same_word_for_word_is_named(tmp_path):
    own = bank.partial(
        diagnose=bank.cell(bank.solved(), "diagnose")
        .source.replace("    ", "  ")
        .replace("### BEGIN SOLUTION", "# mine")
    )
    notebooks = {"ann": bank.solved(), "bob": own, "cy": bank.BLANK}
    paths = {}
    for name, notebook in notebooks.items():
        paths[name] = tmp_path / f"{name}.ipynb"
        paths[name].write_bytes(notebook.encode() if isinstance(notebook, str) else bank.data(notebook))
    same = gradebook.alike(paths, bank.ROOT / "solutions")
    assert set(same) == {"ann", "bob"}
    assert same["ann"]["diagnose"] == sorted(["bob", gradebook.PUBLISHED])
    assert "he" not in same["ann"], "a line or two are alike by chance"


def test_one_line_a_student_over_chapters(tmp_path):
    rows = [
        row("1001", 50.0),
        row("1001 again", 70.0),
        row("1001 b", 30.0, "03_batch_normalization"),
        row("1002"),
    ]
    class_ = students(tmp_path)
    graded, _ = gradebook.grades(rows, class_, {}, {})
    head, ada, emmy = gradebook.table(class_, graded)
    assert dict(zip(head, ada, strict=True)) | {"total": 100, "possible": 200} == dict(
        zip(head, ada, strict=True)
    )
    assert ada[head.index(bank.LESSON)] == 70, "the best of two"
    assert emmy[head.index(gradebook.MISSING)] == "03_batch_normalization"


def read(lines):
    return list(csv.reader(io.StringIO(report.as_csv(lines).removeprefix(report.BOM))))


def test_moodle_and_canvas_get_the_columns_that_they_import(tmp_path):
    rows = [row("1001", 77.5)]
    class_ = students(tmp_path)
    moodle = read(gradebook.for_moodle(class_, gradebook.grades(rows, class_, {}, {})[0]))
    assert moodle[0] == ["ID number", "Email address", "Full name", bank.LESSON]
    assert moodle[1] == ["1001", "ada@example.org", "Ada King", "77.5"]
    assert moodle[2][-1] == "-", "no grade is not 0"

    with pytest.raises(ValueError, match="SIS Login ID"):
        list(gradebook.for_canvas(class_, {}))
    class_ = students(tmp_path, CANVAS)
    canvas = read(gradebook.for_canvas(class_, gradebook.grades(rows, class_, {}, {})[0]))
    assert canvas[0] == [*gradebook.CANVAS, bank.LESSON]
    assert canvas[1] == ["    Points Possible", "", "", "", "", "100"]
    assert canvas[2] == ["King, Ada", "501", "1001", "aking", "A", "77.5"]
    assert canvas[3] == ["Noether, Emmy", "502", "1002", "enoether", "B", ""]


def test_an_alias_tells_nobody_whose_it_is():
    names = {gradebook.alias(name, seed) for name in ("ann", "bob") for seed in (1, 2)}
    assert len(names) == 4 and not any("ann" in name for name in names)


def test_a_student_is_hashable():
    assert len({Student("1", "A"), Student("1", "A")}) == 1


def test_no_page_of_an_earlier_run_stays_beside_those_without_names(tmp_path):
    for name in ("ann", "😀", "learner-1"):
        assert report.write([failed(name, "", Settings(1))], tmp_path / "g.csv", 1) == []
        (tmp_path / "g_feedback" / "mine.html").touch()
    pages = sorted(path.name for path in (tmp_path / "g_feedback").iterdir())
    assert pages == [report.page(failed("learner-1", "", Settings(1))), "mine.html"]
