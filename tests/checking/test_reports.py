"""The report and the review: what a learner is told about where they stand."""

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helpers import contents
from helpers import review as handed_on
from helpers.chapters.rescue.rescue import PATIENTS, patient_id
from helpers.checking import exercise, questions, report, reports, review, widgets
from helpers.checking.cards import address
from helpers.figures.calibration import calibration, wilson
from helpers.progress.record import Answer, Progress

TITLE = lambda name: exercise.find(name).title  # noqa: E731


@pytest.fixture(autouse=True)
def progress(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))
    monkeypatch.setattr(reports, "PROGRESS", Progress())
    monkeypatch.setattr(widgets, "PROGRESS", reports.PROGRESS)
    return reports.PROGRESS


def answer(days_ago, correct, confidence=None, question="init-he-std"):
    time = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(timespec="microseconds")
    return Answer(time, "question", question, "1", correct, confidence, None)


def due_in(*answers):
    """In how many days the question is due, counted from now."""
    (due,) = reports.due_times(answers).values()
    return round((due - datetime.now(UTC)) / timedelta(days=1), 3)


# --- report -----------------------------------------------------------------------------------------


def test_an_empty_report_names_what_is_next_of_each_chapter_and_counts_the_rest():
    text = repr(report())
    lessons = {}
    for item in exercise.load().values():
        lessons.setdefault(item.lesson, []).append(item.title)
    for first, second, *more in lessons.values():
        assert f"{first}; {second}; and {len(more)} more" in text
    assert not any(f"`{name}`" in text for name in exercise.load())
    assert "0 of 100" in text and "Predictions: none settled yet" in text and "worth reading" not in text


def test_points_are_the_best_of_each_exercise(progress):
    for points in (4, 10, 2):
        progress.record_attempt("he", points, 10, {})
    progress.record_attempt("xavier", 4, 10, {}, "lecun-for-xavier")
    text = repr(report())
    assert "14 of 100" in text and TITLE("he") not in text and TITLE("xavier") in text
    assert "lecun for xavier" in text and "4 · Choosing the scale" not in text.split("lecun")[0]


def test_a_misconception_goes_when_it_is_overcome(progress):
    progress.record("question", "init-he-std", "1/64", False, None, "variance-given-as-std")
    progress.record_attempt("he", 4, 10, {}, "ignores-leak")
    assert "variance given as std" in repr(report()) and "ignores leak" in repr(report())
    progress.record("question", "init-he-std", "1/8", True)
    progress.record_attempt("he", 10, 10, {})
    assert "worth reading again" not in repr(report())


def test_a_kind_of_problem_is_no_misconception(progress):
    progress.record_attempt("he", 0, 10, {}, "shape")
    assert "worth reading again" not in repr(report())


def test_the_first_prediction_counts_and_few_are_not_judged(progress):
    progress.record("prediction", "predict-he-var", "1", False, 90)
    progress.record("prediction", "predict-he-var", "0.68", True, 90)
    text = repr(report())
    assert re.search(r"90% +0 of 1\n", text)
    assert "too early" in text


def test_a_prediction_counts_once_its_truth_was_shown(progress):
    progress.record("prediction", "predict-he-var", "1", None, 90)
    progress.record("prediction", "predict-naive-factor", "128", None, 60)
    text = repr(report())
    assert "none settled yet" in text
    assert re.search(r"1 \(90% sure\) +Chapter 2, section 3", text)
    assert re.search(r"128 \(60% sure\) +Chapter 2, section 1", text)
    assert "worth reading again" not in text and "Nothing to review yet" in repr(review())
    progress.record("prediction", "predict-he-var", "1", False, 90, "variance-for-second-moment")
    text = repr(report())
    assert re.search(r"90% +0 of 1\n", text) and "variance for second moment" in text
    assert "1 (90% sure)" not in text and "128 (60% sure)" in text
    assert [box.question.id for box in review().children[1:]] == ["predict-he-var"]
    progress.record("prediction", "predict-naive-factor", "128", True, 60)
    assert "not settled" not in repr(report())


@pytest.mark.parametrize(
    ("sure", "right", "words"),
    [(90, 5, "too much"), (60, 20, "more than you think"), (70, 13, "can be luck"), (100, 20, "can be luck")],
)
def test_calibration_says_no_more_than_the_numbers_do(sure, right, words):
    rows = [answer(0, i < right, sure) for i in range(20)]
    assert words in reports.calibrated(rows)


def test_the_report_is_a_card_with_links():
    html = report()._repr_html_()
    assert 'href="../notebooks/02_initialization.ipynb"' in html and 'role="status"' in html


def test_cured_patients_of_the_capstone_are_counted(progress):
    assert "cured" not in repr(report())
    for name in "AAC":
        progress.record("question", patient_id(name), "skip", True)
    assert re.search(r"2 of 7 +B, D, E, F, G\n", repr(report()))
    for name in PATIENTS:
        progress.record("question", patient_id(name), "skip", True)
    assert "7 of 7" in repr(report()) and "all cured" in repr(report())


def test_unknown_questions_and_exercises_of_other_versions_do_no_harm(progress):
    progress.record("question", "gone", "1", False, None, "a-tag")
    progress.record_attempt("gone", 1, 10, {}, "a-tag")
    assert "gone" not in repr(report())
    assert "Nothing to review yet" in repr(review())


# --- review -----------------------------------------------------------------------------------------


def test_a_missed_question_is_due_at_once_and_a_right_one_after_1_3_7_21_and_60_days():
    assert due_in(answer(2, False)) == -2
    assert due_in(answer(0, True)) == 1
    course, days = [], 100.0
    for wait in (1, 3, 7, 21, 60, 60):
        course.append(answer(days, True))
        assert due_in(*course) == pytest.approx(wait - days, abs=1e-3)
        days -= wait


def test_a_right_answer_before_its_time_or_without_confidence_is_no_step():
    assert due_in(answer(0.5, True), answer(0.1, True)) == 0.5
    assert due_in(answer(5, True, 60), answer(1, True, 60)) == 0
    assert due_in(answer(5, True, 70), answer(1, True, 70)) == 2


def test_a_miss_starts_again():
    assert due_in(answer(9, True), answer(7, True), answer(3, False), answer(2, True)) == -1


def test_review_asks_what_is_due(progress):
    assert handed_on is review
    progress.record("question", "init-he-std", "1/64", False)
    progress.record("prediction", "predict-he-var", "1", False, 90)
    progress.record("question", "init-symmetry", "right", True)
    head, *boxes = review().children
    assert {box.question.id for box in boxes} == {"init-he-std", "predict-he-var"}
    assert "2 due" in head.value and all(box.kind == "question" for box in boxes)
    assert len(review(count=1).children) == 2


def test_a_later_chapter_asks_about_earlier_ones_first(progress, monkeypatch):
    known = {
        "late": questions.find("init-he-std"),
        "early": questions.find("init-symmetry"),
    }
    object.__setattr__(known["late"], "lesson", "03_x")
    monkeypatch.setattr(reports.questions, "load", lambda: known)
    try:
        for id in known:
            progress.record("question", id, "1", False)
        ids = lambda boxes: [box.question.id for box in boxes.children[1:]]  # noqa: E731
        assert ids(review()) == [known["early"].id, known["late"].id]
        assert ids(review(3)) == [known["early"].id]
        assert "Nothing to review yet" in repr(review(2))
    finally:
        object.__setattr__(known["late"], "lesson", "02_initialization")


def test_confident_misses_are_asked_first(progress):
    progress.record("question", "depth-window", "1", False)
    progress.record("prediction", "predict-tanh-slope", "2", False, 65)
    progress.record("prediction", "predict-he-var", "1", False, 70)
    progress.record("prediction", "predict-res-scalar", "50", False, 95)
    progress.record("prediction", "predict-clip", "3", False, 100)
    ids = lambda: [box.question.id for box in review().children[1:]]  # noqa: E731
    rest = ["depth-window", "predict-tanh-slope"]
    assert ids() == ["predict-clip", "predict-res-scalar", "predict-he-var", *rest]
    progress.record("question", "predict-res-scalar", "51", False)
    progress.record("question", "predict-clip", "12/13", True)
    assert ids() == ["predict-res-scalar", "predict-he-var", *rest]
    assert [box.question.id for box in review(3).children[1:]] == ["predict-he-var", *rest]


def test_a_review_without_a_kernel_is_its_questions_in_plain_html(progress):
    progress._append(answer(5, False))
    bundle = review()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "1 due, 1 asked here" in bundle["text/html"] and "fan_in = " in bundle["text/html"]
    assert bundle["text/plain"] == "Review"


def test_an_answer_in_a_review_counts_even_if_it_is_the_same_as_last_time(progress):
    progress._append(answer(5, True)._replace(answer="1/8"))
    (_, box) = review().children
    assert box.question.posed is not None  # other numbers than before
    typed = f"{box.question.answer:.6g}"
    box.submit(typed)
    box.submit(typed)
    rows = progress.answers()
    assert [(row.answer, row.draw) for row in rows] == [("1/8", None), (typed, box.question.posed)]
    assert questions.find(rows[1].question).as_posed(rows[1].draw).judge(typed).correct
    assert due_in(*progress.answers()) == pytest.approx(3, abs=0.01)
    assert "Nothing is due" in repr(review())


def test_when_nothing_is_due_the_date_of_the_next_is_said(progress):
    progress.record("question", "init-he-std", "1/8", True)
    date = f"{datetime.now().astimezone() + timedelta(days=1):%d %B %Y}"
    assert date in repr(review())


def test_the_sections_of_questions_are_headings_of_their_lesson():
    for question in questions.load().values():
        assert "#cell-id=" in address(question.lesson, question.section), question.id


def test_without_the_notebooks_a_link_still_opens_the_lesson():
    assert address("09_nowhere", "1 · Nothing") == "../notebooks/09_nowhere.ipynb"


def test_the_calibration_picture_says_how_little_few_predictions_say():
    low, high = wilson([0, 1, 5, 50], [1, 1, 10, 100])
    assert low[0] == pytest.approx(0, abs=1e-12) and high[0] == pytest.approx(0.793, abs=1e-3)
    assert (low[1], high[1]) == pytest.approx((1 - high[0], 1))
    assert (low[2], high[2]) == pytest.approx((0.237, 0.763), abs=1e-3)
    assert high[3] - low[3] < 0.2
    picture = calibration([(0.55, 1, 2), (0.9, 3, 4)])
    assert "1 of 2 at 55%, 3 of 4 at 90%" in picture.alt
    assert "<svg" in picture.html() and 'role="img"' in picture.html()


# --- Records of before ------------------------------------------------------------------------------


def test_a_record_written_by_an_older_course_still_counts(tmp_path, monkeypatch):
    """tests/progress/autumn.sqlite3 was written by the checks and questions of an earlier version.

    Its learner predicted twice, answered three questions, took a hint, checked four exercises (two of them
    with a mistake) and cured the capstone's patients A and E.
    """
    shutil.copy(Path(__file__).parents[1] / "progress" / "autumn.sqlite3", tmp_path / "progress.sqlite3")
    old = Progress()
    monkeypatch.setattr(reports, "PROGRESS", old)
    monkeypatch.setattr(widgets, "PROGRESS", old)
    known = exercise.load()
    for row in old.attempts():
        item = known[row.exercise]
        assert json.loads(row.parts).keys() == {prop.name for prop in item.properties}
        assert row.possible == item.points and row.tag in {None, *(wrong.tag for wrong in item.wrong)}
    assert old.best() == {"he": 10, "xavier": 2, "bn_forward": 10, "residual_block": 15}
    assert [row.number for row in old.hints("he")] == [1]
    text = repr(report())
    for line in (
        rf"Chapter 2 .* 12 of 100 +{TITLE('xavier')}; {TITLE('predict_h2')}",
        rf"Chapter 3 .* 10 of 100 +{TITLE('bn_backward')}",
        rf"Chapter 4 .* 15 of 100 +{TITLE('two_blocks')}",
        r"Chapter 6 .* 2 of 7 +B, C, D, F, G\n",
        r"75% +1 of 2\n",
        rf"lecun for xavier +{TITLE('xavier')}",
        r"scale for symmetry +“.{20,60}”",
        r"variance for second moment +“A very wide ReLU network .* …”",
    ):
        assert re.search(line, text), line
    assert [box.question.id for box in review().children[1:]] == [
        "predict-he-var",
        "predict-nine-tenths",
        "init-symmetry",
        "init-he-std",
        "bn-axes",
    ]
    assert old.record("question", "bn-axes", "800", True)


def test_the_goals_of_the_capstone_are_its_patients():
    goals = contents.words()["rescue"]["goals"]
    assert goals["ids"] == {name: patient_id(name) for name in PATIENTS}


def test_the_ward_is_counted(progress):
    assert "ward, level" not in repr(report())
    progress.record("question", "rescue-ward-1-7", "η too small; η: 0.01; 4 of 4", True)
    progress.record("question", "rescue-ward-1-8", "η too large; η: 0.01; 2 of 4", False)
    progress.record(
        "question", "rescue-ward-1-8", "η too small; η: 0.01; 4 of 4", True
    )  # the first one counts
    (row,) = [line for line in repr(report()).splitlines() if "ward, level 1" in line]
    assert re.findall(r"\d+", row) == ["1", "2", "1"]
