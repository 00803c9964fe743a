"""Questions: their data, the judging of answers, and the widgets that ask them."""

import json
import re
import sys
import tomllib
from dataclasses import replace
from html import escape
from math import e, pi

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from helpers import chapters, contents
from helpers.checking import ask, predict, questions, settling, widgets
from helpers.checking.questions import MultipleChoice, Number, find, load, parse_number, read
from helpers.optimizers import linear_decay, warmup
from helpers.progress.record import Progress
from tests.text import asked


def nan_table(std_at_5, std_at_10, layer):
    """What a popular table's standard deviation would be at a layer, at the rate between 5 and 10."""
    return std_at_10 * (std_at_10 / std_at_5) ** ((layer - 10) / 5)


def standardised(value, batch):
    return (value - np.mean(batch)) / np.std(batch)


# The truth behind every numeric question, computed a second time: from what its text gives.
FORMULAS = {
    "predict-nine-tenths": lambda: np.exp(50 * np.log(9 / 10)),
    "predict-rate-007": lambda: np.exp(np.log(7 / 1000) / 30),
    "predict-tanh-slope": lambda: 1 - np.tanh(0.0) ** 2,
    "depth-window": lambda: 10 ** (-3 / 200),
    "depth-nan-table": lambda: nan_table(
        *asked("depth-nan-table", "4.7 at layer 5 and 31.2 at layer 10"),
        asked("depth-nan-table", "layer <b>20</b>"),
    ),
    "depth-factors": lambda: len(range(3 + 1, int(asked("depth-factors", "L = 20 layers")) + 1)),
    "predict-naive-factor": lambda: 256 * 1.0**2 * 0.5,
    "predict-xavier-25": lambda: np.prod(np.full(25, 128 * (1 / 128) / 2)),
    "predict-he-var": lambda: 1 - np.sqrt(2 / (2 * pi)) ** 2,
    "predict-pytorch-factor": lambda: 64 * ((2 / np.sqrt(64)) ** 2 / 12) / 2,
    "init-he-std": lambda: np.sqrt(2.0 / asked("init-he-std", "fan_in = 128")),
    "init-xavier-bound": lambda: np.sqrt(
        3 * 2 / sum(asked("init-xavier-bound", "100 inputs and 50 outputs"))
    ),
    "init-leaky-variance": lambda: 1 / np.mean([1, asked("init-leaky-variance", "slope α = 0.2") ** 2]),
    "init-spread": lambda: np.sqrt(5 * 16 / 320),
    "predict-dropout-second": lambda: 1 / (1 - asked("predict-dropout-second", "p = 0.5")),
    "predict-dropout-compound": lambda: np.prod(
        np.full(8, 1 / (1 - asked("predict-dropout-compound", "p = 0.5")))
    ),
    "predict-scale-free": lambda: 1 / (1 / 3),
    "predict-variance-shift": lambda: 1 / (0.5 * (1 / 0.5) ** 2),
    "predict-clip": lambda: (
        asked("predict-clip", "of the 12") / np.linalg.norm(asked("predict-clip", "3, 4 and 12"))
    ),
    "reg-keep-or-drop": lambda: 1 - asked("reg-keep-or-drop", "p = 0.8"),
    "reg-adamw-forms": lambda: (
        asked("reg-adamw-forms", "shrinks the weights by λ = 0.0002")
        / asked("reg-adamw-forms", "learning rate of 0.002")
    ),
    "reg-decay-time": lambda: np.exp(
        -np.prod(asked("reg-decay-time", "η = 0.001 and λ = 0.1, for 10,000 steps"))
    ),
    "reg-clip-small": lambda: (
        asked("reg-clip-small", "of the 0.3") * min(1, 1 / np.hypot(*asked("reg-clip-small", "(0.3, 0.4)")))
    ),
    "predict-bn-element": lambda: standardised(
        asked("predict-bn-element", "becomes of a 6"), asked("predict-bn-element", "{2, 2, 6, 6}")
    ),
    "predict-bn-after-relu": lambda: np.sqrt(0.5 - np.sqrt(1 / (2 * pi)) ** 2),
    "predict-bn-running": lambda: (
        np.log(1 - asked("predict-bn-running", "come 99 %"))
        / np.log(asked("predict-bn-running", "keeps 0.99 of its running mean"))
    ),
    "predict-bn-copied": lambda: np.sqrt(
        (asked("predict-bn-copied", "variance 0.001") + asked("predict-bn-copied", "ε = 1e-5"))
        / (asked("predict-bn-copied", "variance 0.001") + asked("predict-bn-copied", "own ε = 1e-3"))
    ),
    "bn-frozen": lambda: (
        (asked("bn-frozen", "z = 5") - asked("bn-frozen", "running mean 4"))
        / np.sqrt(asked("bn-frozen", "running variance 4"))
    ),
    "bn-identity": lambda: np.sqrt(asked("bn-identity", "σ² = 16") + asked("bn-identity", "ε = 9")),
    "bn-scale": lambda: 3.0**-1,
    "bn-unbiased": lambda: 3.0 * 4 / (4 - 1),
    "bn-axes": lambda: (
        np.zeros((*map(int, asked("bn-axes", "8 examples with 16 channels")), 10, 10))[:, 0].size
    ),
    "bn-rms": lambda: 7 / np.sqrt(np.mean([1.0**2, 7.0**2])),
    "bn-rms-cost": lambda: 7 - len(["added up for μ", "μ taken off", "plus β"]),
    "predict-res-scalar": lambda: np.prod(np.full(50, 1 + 0.1)),
    "predict-res-root-l": lambda: np.exp(1 / 2),
    "predict-res-mixing": lambda: (np.linalg.matrix_power(np.full((4, 4), 1 / 4), 60) @ np.ones(4)).max(),
    "res-sign": lambda: (1 - 2) ** 10,
    "res-growth": lambda: np.hypot(1, 1) ** 16,
    "res-scale": lambda: np.sqrt(1 / asked("res-scale", "L = 64 blocks")),
    "res-paths": lambda: 2 ** (asked("res-paths", "has 6 blocks") - 1),
    "res-schedule": lambda: warmup(50 / 250, linear_decay)(150 / 250),
    "res-convergence": lambda: 4 * np.prod([2] * len(range(10, 30, 5))),
}

ALL = list(load().values())
NUMBERS = [question for question in ALL if isinstance(question, Number)]
CHOICES = [question for question in ALL if isinstance(question, MultipleChoice)]
NAME = lambda question: question.id  # noqa: E731


@pytest.fixture(autouse=True)
def progress(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))
    monkeypatch.setattr(widgets, "PROGRESS", Progress())
    monkeypatch.setattr(widgets, "TRUTHS", settling.Truths())
    return widgets.PROGRESS


# --- The questions of the course ------------------------------------------------------------------


@pytest.mark.parametrize("question", NUMBERS, ids=NAME)
def test_every_number_follows_from_its_formula(question):
    truth = FORMULAS[question.id]()
    assert question.answer == pytest.approx(truth, rel=1e-12)
    typed = f"{truth:.3g}"
    assert question.judge(typed) == (True, question.right, None, f"{float(typed):.4g}")


def test_every_formula_has_its_question():
    assert set(FORMULAS) == {question.id for question in NUMBERS}


@pytest.mark.parametrize("question", NUMBERS, ids=NAME)
def test_every_wrong_number_gets_its_own_message(question):
    assert question.wrong
    for wrong in question.wrong:
        verdict = question.judge(f"{wrong.value:.3g}")
        assert verdict[:3] == (False, wrong.feedback, wrong.tag)
    for factor, feedback in ((1e-3, question.too_small), (1e3, question.too_large)):
        verdict = question.judge(str(question.answer * factor))
        assert verdict[:3] == (False, feedback, None)
    messages = [question.right, *(wrong.feedback for wrong in question.wrong)]
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize("question", CHOICES, ids=NAME)
def test_every_option_gets_its_own_message(question):
    for option in question.options:
        verdict = question.judge(option.text)
        assert verdict[:3] == (option.correct, option.feedback, option.tag or None)
        assert not re.search(r"[<>\n]|&\w+;", option.text), "options are plain text"
    assert len({option.feedback for option in question.options}) == len(question.options)


@pytest.mark.parametrize("question", ALL, ids=NAME)
def test_ids_and_tags_are_readable_and_html_is_balanced(question):
    known = question.options if isinstance(question, MultipleChoice) else question.wrong
    for name in [question.id, *(answer.tag for answer in known if answer.tag)]:
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", name)
    for html in [question.text, *(answer.feedback for answer in known)]:
        assert html.count("<") == 2 * html.count("</")


def test_a_prediction_is_close_enough_within_its_factor():
    question = find("predict-xavier-25")
    for answer, right in (("8.9e-8", True), ("1e-8", True), ("9e-8", False), ("9e-9", False)):
        assert question.judge(answer).correct is right


# --- Reading numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.125", 0.125),
        ("1/8", 0.125),
        ("2^-25", 2**-25),
        ("2**-25", 2**-25),
        ("2⁻²⁵", 2**-25),
        ("3e-8", 3e-8),
        ("3E−8", 3e-8),
        ("3 x 10^-8", 3e-8),
        ("3·10⁻⁸", 3e-8),
        ("×128", 128),
        (" 128x ", 128),
        ("≈ 0.68", 0.68),
        ("+.5", 0.5),
        ("-(1 - 3)", 2),
        ("sqrt(2/128)", 0.125),
        ("√(2/128)", 0.125),
        ("√ 4 / 2", 1),
        ("50 %", 0.5),
        ("0,125", 0.125),
        ("12,5", 12.5),
        ("1,0000", 1),
        ("-0,005", -0.005),
        ("1,000", 1000),
        ("1,125", 1125),
        ("-12,345.5", -12345.5),
        ("1,000,000", 1e6),
        ("1'000", 1000),
        ("1’000’000", 1e6),
        ("10 000", 1e4),
        ("½", 0.5),
        ("2½ x 2", 5),
        ("1 - ⅔", 1 / 3),
        ("2^½", 2**0.5),
        ("exp(-2)", e**-2),
        ("3 x exp(1)", 3 * e),
        ("log(2)", np.log(2)),
        ("ln(2)", np.log(2)),
        ("log10(1,000)", 3),
        ("log2(8)", 3),
        ("2xpi", 2 * pi),
        ("1 - 1/π", 1 - 1 / pi),
        ("e^2", e**2),
    ],
)
def test_numbers_as_people_write_them(text, value):
    assert parse_number(text) == pytest.approx(value, rel=1e-12)


NONSENSE = [
    "", "  ", "about half", "1,000,00", "1,000'000", "1 2", "1.5½", "0,1,2", "1/0", "1e999", "9^9^9^9",
    "(-1)^0.5", "sqrt(-1)", "sqrt", "sqrt(1, 2)", "exp", "exp(9^9)", "log(0)", "log(-1)", "pi(2)", "epi",
    "2pi", "1j", "nan", "inf", "1//2", "...", "()", "(1", "²", "%", "1\x00", "9" * 9999,
    "(" * 99 + "1" + ")" * 99, "__import__('os')", "1if 1 else 2", "x", "1_0", "١٢",
    "<script>alert(1)</script>",
]  # fmt: skip


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_gets_a_sentence_with_an_example(text):
    with pytest.raises(ValueError, match=r"Type a number such as 0\.25, 1/8"):
        parse_number(text)


# --- Mistakes in the data -------------------------------------------------------------------------

CHOICE = """
[a-choice]
kind = "choice"
text = "?"
options = [
  {text = "yes", correct = true, feedback = "Right."},
  {text = "no", tag = "a-tag", feedback = "Wrong."},
]
"""
NUMBER = """
[a-number]
kind = "number"
text = "?"
answer = "1/4"
right = "Right."
too_small = "Larger."
too_large = "Smaller."
wrong = [{value = 2, tag = "a-tag", feedback = "Wrong."}]
"""


def questions_in(**files):
    """The questions in files of these names and contents."""
    lesson = 'lesson = "02_initialization"'
    return read({name: tomllib.loads(f"{lesson}\n{text}") for name, text in files.items()})


def test_data_without_mistakes():
    assert list(questions_in(a=CHOICE, b=NUMBER)) == ["a-choice", "a-number"]


@pytest.fixture
def a_chapter_more(tmp_path, monkeypatch):
    """The folder of a new chapter."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.setattr(chapters, "__path__", [*chapters.__path__, str(tmp_path)])
    yield folder
    sys.modules.pop("helpers.chapters.more", None)


def test_a_file_that_is_no_toml_is_named(a_chapter_more):
    (a_chapter_more / "words.toml").write_text(CHOICE + CHOICE)
    with pytest.raises(ValueError, match=r"more/words\.toml.*(twice|exist|overwrite)"):
        contents.words()


def test_words_say_to_which_lesson_they_belong():
    with pytest.raises(ValueError, match=r"q/words\.toml: 'lesson'.* is missing"):
        read({"q": tomllib.loads(CHOICE)})


@pytest.mark.parametrize(
    ("toml", "old", "new", "message"),
    [
        (CHOICE, "text =", "colour =", r"q/words\.toml \[a-choice\]: unknown key 'colour'.*text, options"),
        (CHOICE, '"choice"', '"essay"', "kind is 'essay'; it must be one of choice, number"),
        (CHOICE, 'kind = "choice"', "", "kind is None"),
        (CHOICE, ", correct = true", ', tag = "b"', "exactly one option must be correct"),
        (CHOICE, ', tag = "a-tag"', ", correct = true", "exactly one option must be correct"),
        (CHOICE, ', tag = "a-tag"', "", "a wrong option has no 'tag'"),
        (CHOICE, ', feedback = "Wrong."', "", "options: 'feedback' is missing"),
        (CHOICE, '"Wrong."', '""', "options: feedback: '' is not a str, or is empty"),
        (CHOICE, "= true", "= 1", "options: correct: 1 is not a bool"),
        (CHOICE, '"no"', '"yes"', "two options have the same text"),
        (CHOICE, "{text", "3, {text", "options: 3 is not a table"),
        (CHOICE, "[a-choice]", "a-choice = 3\n[other]", r"\[a-choice\]: it is no table"),
        (NUMBER, 'right = "Right."', "", "'right' is missing"),
        (NUMBER, '"1/4"', '"a quarter"', "answer: I cannot read 'a quarter'"),
        (NUMBER, '"1/4"', "true", "answer: I cannot read 'True'"),
        (NUMBER, "value = 2", "value = 0.25", "the tolerance cannot tell 0.25 from 0.25"),
        (NUMBER, ', feedback = "Wrong."', "", "wrong: 'feedback' is missing"),
        (NUMBER, "wrong = [", "wrong = 3 # ", "wrong: 3 is not a list"),
    ],
)
def test_a_mistake_in_the_data_is_named(toml, old, new, message):
    assert old in toml
    with pytest.raises(ValueError, match=message):
        questions_in(q=toml.replace(old, new))


def test_an_id_is_unique_over_all_files():
    with pytest.raises(ValueError, match=r"b/words\.toml \[a-number\]: another file has"):
        questions_in(a=NUMBER, b=NUMBER)


@pytest.mark.parametrize(
    ("id", "near"), [("init-he-stdd", "init-he-std"), ("nonsense", "init-symmetry"), (3, "predict-")]
)
@pytest.mark.parametrize("show", [ask, predict])
def test_an_unknown_id_lists_the_near_ones(show, id, near):
    with pytest.raises(ValueError, match=f"There is no question {id!r}.*{near}"):
        show(id)


# --- The widgets ----------------------------------------------------------------------------------


def answers(progress):
    return [(row.kind, row.answer, row.correct, row.confidence) for row in progress.answers()]


def commit(box, text, sure=50):
    """What the browser sends when an answer is committed: one message with all that was given."""
    content = {"answer": text, "sure": sure if box._state["asks"] == "prediction" else None}
    box._handle_custom_msg(content, [])


def look(box):
    return [look for look, _ in box._state["cards"]]


@pytest.mark.parametrize("question", CHOICES, ids=NAME)
@pytest.mark.parametrize("show", [ask, predict])
def test_every_option_can_be_chosen(question, show, progress):
    box = show(question.id)
    for option in question.options:
        commit(box, option.text)
        if show is ask:
            assert option.feedback in box.said
    assert [row.answer for row in progress.answers()] == [o.text for o in question.options]
    tags = (
        [option.tag or None for option in question.options] if show is ask else [None] * len(question.options)
    )
    assert [row.misconception for row in progress.answers()] == tags


@pytest.mark.parametrize("question", NUMBERS, ids=NAME)
def test_every_known_number_can_be_typed(question, progress):
    box = ask(question.id)
    known = [(question.answer, question.right)]
    known += [(wrong.value, wrong.feedback) for wrong in question.wrong]
    for value, feedback in known:
        commit(box, f"{value:.3g}")
        assert feedback in box.said
    assert [row.correct for row in progress.answers()] == [1] + [0] * len(question.wrong)


def test_feedback_says_in_words_whether_it_is_right():
    box = ask("init-he-std")
    commit(box, "0.5")
    assert "✗ Not yet." in box.said
    assert look(box) == ["alarm"]
    commit(box, "1/8")
    assert "✓ Right." in box.said
    assert look(box) == ["good"]
    assert "You wrote 1/8, read as 0.125." in box.said


def test_nothing_chosen_is_not_wrong(progress):
    """The browser sends no such message; another program may."""
    box = ask("init-recursion")
    assert box._state["answer"] == "" and box._state["cards"] == []
    for text in ("", "no option"):
        commit(box, text)
        assert "Choose one of the options first." in box.said and look(box) == ["muted"]
    assert box._about["missing"] == "Choose one of the options first."
    assert answers(progress) == []


@pytest.mark.parametrize("show", [ask, predict])
@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_answered_but_not_recorded(show, text, progress):
    box = show("predict-he-var")
    commit(box, text)
    assert "Type a number such as" in box.said
    assert "✗" not in box.said
    assert answers(progress) == []


def test_what_was_typed_is_escaped():
    box = ask("init-he-std")
    commit(box, "<img src=x onerror=alert(1)>")
    assert escape("<img src=x") in box.said
    assert "<img" not in box.said


def test_the_same_answer_twice_is_recorded_once(progress):
    box = ask("init-he-std")
    for text in ("0.5", " 0.5 ", "0.125"):
        commit(box, text)
        commit(box, text)
    commit(ask("init-he-std"), "0.125")
    assert [row[1] for row in answers(progress)] == ["0.5", "0.125"]


def test_the_same_words_again_are_news_for_the_browser():
    box, counts = ask("init-he-std"), []
    for text in ("0.5", "0.5", "?", "?"):
        commit(box, text)
        counts.append(box._state["count"])
    assert counts == sorted(set(counts))


@pytest.mark.parametrize(
    ("tolerance", "words"),
    [
        ({"rtol": 0.05}, "Within 5 % counts as right."),
        ({"rtol": 0.003}, "Within 0.3 % counts as right."),
        ({"rtol": 0.01, "atol": 0.02}, "Within 1 % or 0.02 counts as right."),
        ({"rtol": 0.0, "atol": 0.5}, "Within 0.5 counts as right."),
        ({"factor": 3.0}, "Within a factor of 3 counts as right."),
        ({"rtol": 0.0}, "It is exact."),
    ],
)
def test_how_near_an_answer_must_be_is_said_before(tolerance, words):
    question = replace(find("init-he-std"), wrong=[], **tolerance)
    assert widgets.about(question, "question")["precision"] == words
    assert widgets.about(find("init-recursion"), "question")["precision"] == ""


def test_a_prediction_is_saved_and_does_not_show_the_truth(progress):
    box = predict("predict-naive-factor")
    assert box.said == ""
    for text in ("256", "128"):
        commit(box, text, 70)
        assert f"<b>Saved:</b> “{text}” (70 % sure)." in box.said
        assert "Run the next cell" in box.said
        assert not re.search("✓|✗|Right", box.said) and look(box) == ["muted"]
    assert "Your first prediction, “256” (70 % sure), is the one" in box.said
    assert answers(progress) == [("prediction", "256", None, 70), ("prediction", "128", None, 70)]
    assert {row.misconception for row in progress.answers()} == {None}


def test_another_confidence_is_another_row(progress):
    box = predict("predict-he-var")
    commit(box, "1")
    commit(box, "1")
    assert "<b>Already noted:</b>" in box.said
    commit(box, "1", 100)
    assert [row[3] for row in answers(progress)] == [50, 100]


def test_a_notebook_that_is_run_again_remembers_its_predictions(progress):
    commit(predict("predict-he-var"), "1")
    again = predict("predict-he-var")
    assert "You answered this before: “1” (50 % sure)." in again.said
    assert look(again) == ["muted"] and not again._state["settled"]
    assert (again._state["answer"], again._state["sure"]) == ("1", 50)
    commit(again, "0.68")
    again = predict("predict-he-var")
    assert "before: “0.68” (50 % sure). Your first prediction, “1”" in again.said


@pytest.mark.parametrize(("text", "verdict"), [("0.5", "not right yet"), ("1/8", "right")])
def test_a_notebook_that_is_run_again_remembers_its_questions(text, verdict):
    assert ask("init-he-std").said == ""
    commit(ask("init-he-std"), text)
    again = ask("init-he-std")
    assert f"You answered this before: “{text}”, {verdict}." in again.said
    assert look(again) == ["muted"] and again._state["answer"] == text


def test_how_a_number_was_read_is_said_where_it_could_be_another():
    box = predict("predict-he-var")
    commit(box, "1,125")
    assert "You wrote 1,125, read as 1125." in box.said
    commit(box, "0.5")
    assert "You wrote" not in box.said


def test_a_database_that_fails_is_mentioned_once(tmp_path, progress):
    (tmp_path / "progress.sqlite3").write_bytes(b"not a database " * 100)
    box = predict("predict-he-var")
    commit(box, "1")
    assert "<b>Noted:</b> “1” (50 % sure)" in box.said
    assert "cannot be saved" in box.said
    other = ask("init-he-std")
    commit(other, "0.125")
    assert "✓ Right." in other.said
    assert "cannot be saved" not in other.said
    assert "You answered this before" in predict("predict-he-var").said


# --- What settles a prediction --------------------------------------------------------------------

TRUTH = find("predict-naive-factor").truth
ELSEWHERE = "vscode-notebook-cell:/a%20b.ipynb#W3sZmlsZQ%3D%3D"  # no id of the notebook's


@pytest.fixture
def kernel(monkeypatch):
    """Starts a kernel, as after a restart: a function that runs a cell and returns its value."""

    def start():
        shell = InteractiveShell()
        monkeypatch.setattr(settling, "_shell", lambda: shell)
        monkeypatch.setattr(widgets, "TRUTHS", settling.Truths())
        shell.user_ns["predict"] = predict
        return lambda code, id=None: shell.run_cell(code, cell_id=id).result

    return start


def asked_in(run, id="predict-cell"):
    return run("predict('predict-naive-factor')", id)


def test_a_wrong_prediction_gets_the_truth_and_its_diagnosis_once_the_truth_was_shown(kernel, progress):
    run = kernel()
    box = asked_in(run)
    commit(box, "256", 95)
    for code, id in (("1", "another-cell"), ("1/0", TRUTH), ("None", "predict-cell")):
        run(code, id)
        assert "Run the next cell" in box.said and look(box) == ["muted"]
    run("None", TRUTH)
    question = find("predict-naive-factor")
    (wrong,) = (wrong for wrong in question.wrong if wrong.value == 256)
    assert f"✗ Not so. It is 128.</b> You said 256, 95 % sure. {wrong.feedback}" in box.said
    assert look(box) == ["alarm"] and box._state["settled"]
    assert answers(progress) == [("prediction", "256", None, 95), ("prediction", "256", 0, 95)]
    assert progress.answers()[-1].misconception == wrong.tag
    run("None", TRUTH)
    assert len(answers(progress)) == 2


def test_a_right_prediction_is_told_so_even_if_it_was_unsure(kernel, progress):
    run = kernel()
    box = asked_in(run)
    commit(box, "130", 50)
    run("None", TRUTH)
    right = find("predict-naive-factor").right
    assert f"✓ Right. It is 128.</b> You said 130, 50 % sure. {right}" in box.said
    assert look(box) == ["good"]
    assert answers(progress)[-1] == ("prediction", "130", 1, 50)


def test_a_wrong_number_that_nobody_expected_is_told_how_the_right_one_is_found(kernel):
    run = kernel()
    box = asked_in(run)
    commit(box, "1,000")
    run("None", TRUTH)
    right = find("predict-naive-factor").right
    assert f"✗ Not so. It is 128.</b> You said 1,000, read as 1000, 50 % sure. {right}" in box.said


def test_a_choice_is_settled_with_the_right_option(kernel):
    run, question = kernel(), find("predict-sigmoid")
    right = next(option for option in question.options if option.correct)
    for option in question.options:
        run = kernel()
        widgets.PROGRESS.path.unlink(missing_ok=True)
        box = run("predict('predict-sigmoid')", "predict-cell")
        commit(box, option.text)
        run("None", question.truth)
        assert f"You said “{escape(option.text)}”, 50 % sure." in box.said
        assert option.feedback in box.said
        assert (f"The answer is “{escape(right.text)}”." in box.said) is not option.correct


def test_the_first_prediction_counts_and_the_last_one_is_answered(kernel, progress):
    run = kernel()
    box = asked_in(run)
    for text, sure in (("256", 95), ("1", 60), ("128", 55)):
        commit(box, text, sure)
        commit(box, text, sure)
    run("None", TRUTH)
    assert "✓ Right.</b> You said 128, 55 % sure." in box.said
    assert "Your first prediction, “256” (95 % sure), is the one that counts. It was wrong." in box.said
    judged = [row for row in answers(progress) if row[2] is not None]
    assert judged == [("prediction", "256", 0, 95), ("prediction", "128", 1, 55)]


def test_without_a_prediction_nothing_is_revealed_and_an_answer_afterwards_is_none(kernel, progress):
    run = kernel()
    box = asked_in(run)
    before = box.said
    run("None", TRUTH)
    assert box.said == before and answers(progress) == []
    assert box._state["asks"] == "question" and not box._state["settled"]
    commit(box, "256", 95)
    assert "✗ Not yet." in box.said and "does not count as a prediction" in box.said
    commit(box, "128")
    assert "✓ Right." in box.said and "does not count" in box.said
    assert answers(progress) == [("question", "256", 0, None), ("question", "128", 1, None)]
    for again in (asked_in(run), asked_in(kernel())):
        assert "You answered this before: “128”, right." in again.said
        commit(again, "1")
        assert "does not count" in again.said
        commit(again, "128")
    assert {row[0] for row in answers(progress)} == {"question"}


def test_the_truth_may_have_been_shown_before_the_prediction_is_asked(kernel, progress):
    run = kernel()
    run("predict('predict-he-var')", "another-prediction")
    run("None", TRUTH)
    box = asked_in(run)
    assert box.said == ""
    commit(box, "128")
    assert "does not count" in box.said


def test_after_a_restart_a_prediction_is_settled_by_the_next_run_and_stays_so(kernel, progress):
    commit(asked_in(kernel()), "256", 95)
    run = kernel()
    box = asked_in(run)
    assert "You answered this before: “256” (95 % sure)." in box.said
    assert "128" not in box.said
    run("None", TRUTH)
    assert "It is 128." in box.said
    again = asked_in(kernel())
    assert again.said == box.said and again._state["settled"]
    run = kernel()
    run("predict('predict-he-var')", "another-prediction")
    run("None", TRUTH)
    assert "It is 128." in asked_in(run).said
    assert [row[2] for row in answers(progress)] == [None, 0]


def test_a_prediction_of_the_last_session_is_settled_at_once_if_the_truth_has_run_in_this_one(
    kernel, progress
):
    commit(asked_in(kernel()), "256", 95)
    run = kernel()
    run("predict('predict-he-var')", "another-prediction")
    run("None", TRUTH)
    assert "It is 128." in asked_in(run).said
    assert [row[2] for row in answers(progress)] == [None, 0]


def test_a_cell_that_is_run_again_waits_with_its_new_box(kernel):
    run = kernel()
    old, new = asked_in(run), asked_in(run)
    commit(new, "256")
    run("None", TRUTH)
    assert "It is 128." in new.said and old.said == ""
    assert "It is 128." in asked_in(run).said


@pytest.mark.parametrize("id", [None, ELSEWHERE])
def test_where_no_cell_has_an_id_the_next_one_with_a_value_counts(kernel, id):
    run = kernel()
    box = asked_in(run, id)
    commit(box, "256")
    for code in ("x = 1", "1/0", "raise ValueError", "1 +"):
        run(code, id)
        assert "It is 128" not in box.said
    run("x", id)
    assert "It is 128." in box.said
    late = run("predict('predict-he-var')", id)
    run("x", id)
    commit(late, "1")
    assert "does not count" in late.said


def test_one_handler_serves_all_predictions(kernel):
    run = kernel()
    boxes = [run(f"predict({id!r})", "a-cell") for id in ("predict-he-var", "predict-naive-factor")]
    assert len(boxes) == 2
    callbacks = settling._shell().events.callbacks["post_run_cell"]
    assert callbacks.count(widgets.TRUTHS._after_cell) == 1


def test_without_ipython_a_prediction_is_saved_all_the_same(progress, monkeypatch):
    monkeypatch.setattr(settling, "_shell", lambda: None)
    box = predict("predict-he-var")
    commit(box, "1")
    assert "Saved" in box.said


def test_a_cell_that_was_interrupted_shows_nothing(kernel):
    run = kernel()
    box = asked_in(run)
    commit(box, "256")
    widgets.TRUTHS._after_cell(None)
    assert "It is 128" not in box.said


def test_an_option_of_another_version_of_the_course_does_no_harm(kernel, progress):
    progress.record("prediction", "predict-sigmoid", "gone", None, 70)
    run = kernel()
    box = run("predict('predict-sigmoid')", "predict-cell")
    run("None", find("predict-sigmoid").truth)
    assert "“gone” (70 % sure)" in box.said
    progress.record("prediction", "predict-sigmoid", "gone", False, 70)
    assert "“gone” (70 % sure)" in predict("predict-sigmoid").said


def test_a_prediction_that_an_older_course_judged_at_once_is_settled(progress):
    progress.record("prediction", "predict-he-var", "1", False, 75)
    assert "✗ Not so. It is 0.6817.</b> You said 1, 75 % sure." in predict("predict-he-var").said


def test_a_page_without_a_kernel_shows_the_question():
    bundle, _ = ask("init-recursion")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "Which formula holds" in " ".join(bundle["text/html"].split())
    assert "<li>Var(z) = n · Var(W) · E[h²]</li>" in bundle["text/html"]
    assert "<ul>" not in ask("init-he-std")._repr_mimebundle_()[0]["text/html"]


@pytest.mark.parametrize("show", [ask, predict])
@pytest.mark.parametrize("question", ALL, ids=NAME)
def test_all_that_the_browser_gets_is_json_and_tells_no_answer(question, show):
    box = show(question.id)
    sent = json.dumps([box._about, box._state, box.still()])
    known = question.options if isinstance(question, MultipleChoice) else [question, *question.wrong]
    for one in known:
        assert json.dumps(getattr(one, "feedback", None) or one.right) not in sent


def test_the_questions_module_needs_no_widgets():
    assert "ipywidgets" not in vars(questions)
