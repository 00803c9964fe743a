"""Questions: their data, the judging of answers, and the widgets that ask them."""

import json
import re
import sys
import tomllib
from dataclasses import replace
from html import escape
from math import e, pi
from types import SimpleNamespace

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from helpers import chapters, contents
from helpers.checking import ask, predict, questions, settling, widgets
from helpers.checking.arithmetic import written
from helpers.checking.questions import MultipleChoice, Number, find, load, parse_number, read
from helpers.optimizers import linear_decay, warmup
from helpers.progress.record import Progress
from tests.text import asked


def nan_table(std_at_5, std_at_10, layer):
    """What a popular table's standard deviation would be at a layer, at the rate between 5 and 10."""
    return std_at_10 * (std_at_10 / std_at_5) ** ((layer - 10) / 5)


def standardised(value, batch):
    return (value - np.mean(batch)) / np.std(batch)


# The truth behind every numeric question, computed a second time: by another way, from what is drawn (d), or,
# where nothing is, from what its text gives.
FORMULAS = {
    "predict-nine-tenths": lambda d: np.exp(d.n * np.log(d.k)),
    "predict-rate-007": lambda d: np.exp(np.log(d.r) / d.L),
    "predict-tanh-slope": lambda d: 1 - np.tanh(0.0) ** 2,
    "depth-ten-doublings": lambda d: np.prod([2] * d.n),
    "depth-one-step": lambda d: d.w - d.lr * d.g,
    "depth-window": lambda d: 10 ** (np.log10(d.share) / d.L),
    "depth-nan-table": lambda d: nan_table(d.a, d.b, asked("depth-nan-table", "layer <b>20</b>")),
    "depth-factors": lambda d: len(range(d.l + 1, d.L + 1)),
    "predict-naive-factor": lambda d: d.n * 1.0**2 * 0.5,
    "predict-xavier-25": lambda d: np.prod(np.full(d.D, 128 * (1 / 128) / 2)),
    "predict-he-var": lambda d: d.v - np.sqrt(2 * d.v / (2 * pi)) ** 2,
    "predict-pytorch-factor": lambda d: 64 * ((2 / np.sqrt(64)) ** 2 / 12) / 2,
    "init-he-std": lambda d: np.sqrt(2.0 / d.n),
    "init-xavier-bound": lambda d: np.sqrt(3 * 2 / (d.i + d.o)),
    "init-leaky-variance": lambda d: 1 / np.mean([1, d.a**2]),
    "init-spread": lambda d: np.sqrt(5 / d.n) * np.sqrt(d.D),
    "predict-dropout-second": lambda d: (1 - d.p) * (1 / (1 - d.p)) ** 2,
    "predict-dropout-compound": lambda d: np.prod(np.full(d.D, 1 / (1 - d.p))),
    "predict-scale-free": lambda d: 1 / (1 / d.c),
    "predict-variance-shift": lambda d: 1 / ((1 - d.p) * (1 / (1 - d.p)) ** 2),
    "predict-clip": lambda d: d.c / np.linalg.norm([d.a, d.b, d.c]),
    "reg-keep-or-drop": lambda d: 1 - d.k,
    "reg-adamw-forms": lambda d: d.s / d.h,
    "reg-decay-time": lambda d: np.exp(-np.prod([d.h, d.l, d.t])),
    "reg-clip-small": lambda d: d.a * min(1, d.tau / np.hypot(d.a, d.b)),
    "predict-bn-element": lambda d: d.g * standardised(d.b, [d.a, d.a, d.b, d.b]) + d.c,
    "predict-bn-after-relu": lambda d: np.sqrt(d.s**2 / 2 - (d.s * np.sqrt(1 / (2 * pi))) ** 2),
    "predict-bn-running": lambda d: np.log(1 - asked("predict-bn-running", "come 99%")) / np.log(d.k),
    "predict-bn-copied": lambda d: np.sqrt((d.v + d.p) / (d.v + d.k)),
    "bn-frozen": lambda d: (d.z - d.m) / np.sqrt(d.v),
    "bn-identity": lambda d: np.hypot(np.sqrt(d.v), np.sqrt(d.e2)),
    "bn-scale": lambda d: float(d.c) ** -1,
    "bn-unbiased": lambda d: d.v * d.N / (d.N - 1),
    "bn-axes": lambda d: np.zeros((d.N, d.C, d.H, d.H))[:, 0].size,
    "bn-rms": lambda d: d.b / np.sqrt(np.mean([d.a**2, d.b**2])),
    "bn-rms-cost": lambda d: 7 - len(["added up for μ", "μ taken off", "plus β"]),
    "predict-res-scalar": lambda d: np.prod(np.full(d.n, 1 + d.f)),
    "predict-res-root-l": lambda d: np.sqrt(np.exp(d.c)),
    "predict-res-mixing": lambda d: (
        np.linalg.matrix_power(np.full((d.d, d.d), 1 / d.d), d.n) @ np.ones(d.d)
    ).max(),
    "res-sign": lambda d: np.prod(np.full(d.n, 1 + d.f)),
    "res-growth": lambda d: np.hypot(1, np.sqrt(d.g2)) ** d.D,
    "res-scale": lambda d: np.sqrt(1 / d.D),
    "res-paths": lambda d: 2 ** (d.n - 1),
    "res-schedule": lambda d: warmup(d.w / d.T, linear_decay)(d.t / d.T),
    "res-convergence": lambda d: d.n * np.prod([2] * len(range(d.a, d.b, d.s))),
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


def drawn(questions):
    """Every question with every draw, named so."""
    found = []
    for question in questions:
        family = question.family
        for i, draw in enumerate(family.draws if family else [{}]):
            name = "-".join([question.id, *(f"{key}={value}" for key, value in draw.items())])
            found.append(pytest.param(family.question(i) if family else question, id=name))
    return found


@pytest.mark.parametrize("question", drawn(NUMBERS))
def test_every_number_follows_from_its_formula(question):
    truth = FORMULAS[question.id](SimpleNamespace(**question.draw))
    assert question.answer == pytest.approx(truth, rel=1e-12)
    typed = f"{truth:.6g}"
    assert question.judge(typed) == (True, question.right, None, f"{float(typed):.4g}")


def test_every_formula_has_its_question():
    assert set(FORMULAS) == {question.id for question in NUMBERS}


@pytest.mark.parametrize("question", drawn(NUMBERS))
def test_every_wrong_number_gets_its_own_message(question):
    assert question.wrong
    for wrong in question.wrong:
        verdict = question.judge(f"{wrong.value:.6g}")
        assert verdict[:3] == (False, wrong.feedback, wrong.tag)
    size = 1e6 * max(abs(value) for value in (question.answer, *(wrong.value for wrong in question.wrong)))
    for far, feedback in ((-size, question.too_small), (size, question.too_large)):
        verdict = question.judge(str(far))
        assert verdict[:3] == (False, feedback, None)
    messages = [question.right, *(wrong.feedback for wrong in question.wrong)]
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize("question", drawn(CHOICES))
def test_every_option_gets_its_own_message(question):
    for option in question.options:
        verdict = question.judge(option.text)
        assert verdict[:3] == (option.correct, option.feedback, option.tag or None)
        assert not re.search(r"[<>\n]|&\w+;", option.text), "options are plain text"
    assert len({option.feedback for option in question.options}) == len(question.options)


@pytest.mark.parametrize("question", drawn(ALL))
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


# --- Families: questions whose numbers are drawn --------------------------------------------------

FAMILIES = [question for question in ALL if question.family]
ALWAYS_ALIKE = {"predict-res-mixing"}  # the answer is 1, whatever is multiplied: that is what it teaches


def texts(question):
    """All that a question can say."""
    known = question.options if isinstance(question, MultipleChoice) else question.wrong
    parts = [question.text, *(answer.feedback for answer in known)]
    if isinstance(question, MultipleChoice):
        return [*parts, *(option.text for option in question.options)]
    return [*parts, question.right, question.too_small, question.too_large]


def test_most_questions_are_families():
    of_lessons = [question for question in ALL if not question.id.startswith("rescue-")]
    assert len(FAMILIES) >= 60 > 0.55 * len(of_lessons)
    assert len([question for question in NUMBERS if question.family]) >= len(NUMBERS) - 3


@pytest.mark.parametrize("question", FAMILIES, ids=NAME)
def test_a_family_asks_something_else_each_time(question):
    family = question.family
    assert len(family.draws) >= 4
    others = [family.question(i) for i in range(len(family.draws))]  # every draw can be told apart
    assert len({" ".join(other.text.split()) for other in others}) == len(others)
    if isinstance(question, Number) and question.id not in ALWAYS_ALIKE:
        assert len({round(other.answer, 9) for other in others[1:]} - {round(question.answer, 9)}) >= 2
    # Each says as much as the first: a tag for each wrong answer, in the same order.
    tags = lambda one: [answer.tag for answer in getattr(one, "options", None) or one.wrong]  # noqa: E731
    assert all(tags(other) == tags(question) for other in others)


@pytest.mark.parametrize("question", drawn(FAMILIES))
def test_the_numbers_of_a_family_are_readable_and_given(question):
    said = " ".join(texts(question))
    assert not re.search(r"[{}]", re.sub(r"\{[-−\d., ]+\}", "", said)), "a placeholder is left"
    assert not re.search(r"\d\.\d{6,}|\d{8,}|e[-+]\d\d|nan|inf\b", said), "a number nobody can read"
    assert not re.search(r"\b(?:a|A) (?:8|11|18)\b|\b1 (?:layers|blocks|times|steps|doublings)\b", said)
    for name, value in question.draw.items():
        if not isinstance(value, str) and (question.id, name) not in NOT_IN_THE_TEXT:
            shown = {written(value), written(value, "%"), written(value, "_"), f"{value:g}"}
            assert any(form in question.text for form in shown), f"{name} = {value} is not given"


# ε is written as 1e-5 and 1e-3 there.
NOT_IN_THE_TEXT = {("predict-bn-copied", "p"), ("predict-bn-copied", "k")}


@pytest.mark.parametrize("question", drawn(NUMBERS))
def test_the_text_does_not_hold_the_answer(question):
    """But where the answer is that nothing changes."""
    if question.id in {"reg-clip-small", "predict-scale-free", "predict-res-mixing", "predict-tanh-slope"}:
        return
    if question.draw.get("p") == 0.5:  # dropped as often as kept
        return
    text = re.sub(r"<[^>]+>", "", question.text)
    digits = rf"(?<![\d.]){re.escape(written(question.answer))}(?![\d.]*\d)"
    if question.id in {"predict-bn-element", "res-sign", "bn-rms", "bn-unbiased", "bn-frozen", "bn-identity"}:
        return  # small whole numbers, that come up by chance
    assert not re.search(digits, text), f"the text says {written(question.answer)}"


@pytest.mark.parametrize("question", FAMILIES, ids=NAME)
def test_what_was_asked_before_comes_back_last(question):
    rng, seen = np.random.default_rng(0), [None]
    for _ in question.family.draws[1:]:
        other = question.drawn(rng, seen)
        assert other.posed not in seen
        assert other.as_posed(None) == question and question.as_posed(other.posed).text == other.text
        seen.append(other.posed)
    assert question.drawn(rng, seen).posed == seen[1]  # the oldest that is not the one in hand


def test_a_choice_comes_in_another_order_and_is_judged_alike():
    question = find("init-he-fan")
    rng = np.random.default_rng(3)
    orders = {tuple(option.text for option in question.drawn(rng).options) for _ in range(20)}
    assert len(orders) == 2
    assert all(question.drawn(rng).judge(option.text)[0] == option.correct for option in question.options)


@pytest.mark.parametrize("chapter", range(1, 6))
def test_an_exam_repeats_no_question_of_the_lesson(chapter):
    first, again, other = (questions.exam(chapter, 8, seed) for seed in (1, 1, 2))
    assert [(q.id, q.posed, q.text) for q in first] == [(q.id, q.posed, q.text) for q in again]
    assert [(q.id, q.posed) for q in first] != [(q.id, q.posed) for q in other]
    assert len({q.id for q in first}) == 8
    assert all(q.posed is not None and q.text != find(q.id).text for q in first)


def test_an_exam_of_no_chapter_is_refused():
    with pytest.raises(ValueError, match="chapter=6 has no questions whose numbers are drawn"):
        questions.exam(6)
    with pytest.raises(ValueError, match="seed=-1"):
        questions.exam(1, seed=-1)


def test_what_was_never_drawn_is_no_question():
    with pytest.raises(ValueError, match="init-he-std was never asked with nonsense"):
        find("init-he-std").as_posed("nonsense")


FAMILY = """
[a-family]
kind = "number"
draw = {n = [4, 9, 1], word = ["a unit"]}
text = "{word} has {n}, {{so}} what is the root of {n^2:^}?"
answer = "sqrt(n)"
right = "{sqrt(n)}"
too_small = "Larger."
too_large = "Smaller."
wrong = [{value = "n", tag = "a-tag", feedback = "{n}"}]
"""


def test_a_family_is_filled_in_and_a_draw_that_makes_a_wrong_answer_right_is_never_drawn():
    question = questions_in(q=FAMILY)["a-family"]
    assert (question.text, question.right) == ("a unit has 4, {so} what is the root of ¹⁶?", "2")
    assert {question.drawn(np.random.default_rng(seed)).draw["n"] for seed in range(9)} == {9}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"sqrt(n)"', '"sqrt(m)"', r"\[a-family\]: 'sqrt\(m\)' names 'm', which is not drawn"),
        ("{n^2:^}", "{n +}", r"'n \+' is no arithmetic"),
        ("{sqrt(n)}", "{1/(n - 4)}", r"'1/\(n - 4\)' is no arithmetic"),
        ("{sqrt(n)}", "{__import__('os')}", "is no arithmetic|not drawn"),
        ("{n = [4, 9, 1], word", "[{n = 3}, {m = 3}] # {word", "every row must give the same names"),
    ],
)
def test_a_mistake_in_a_family_is_named(old, new, message):
    assert old in FAMILY
    with pytest.raises(ValueError, match=message):
        questions_in(q=FAMILY.replace(old, new))


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (128, "", "128"), (10_000, "", "10,000"), (0.1 + 0.2, "", "0.3"), (-3, "", "−3"),
        (1e-4, "", "0.0001"),
        (2.5e-13, "", "2.5 · 10⁻¹³"), (1e-5, "", "10⁻⁵"), (1 / 3, "2", "0.33"), (13_765, "2", "14,000"),
        (-25, "^", "⁻²⁵"), (20, "_", "₂₀"), (0.125, "/", "1/8"), (0.9, "%", "90%"), (3e-9, "10", "10⁻⁹"),
        (0, "", "0"), (1024, "", "1024"), (1.5e6, "3", "1.5 · 10⁶"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_the_text_writes_them(value, form, text):
    assert written(value, form) == text


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
        ({"rtol": 0.05}, "Within 5% counts as right."),
        ({"rtol": 0.003}, "Within 0.3% counts as right."),
        ({"rtol": 0.01, "atol": 0.02}, "Within 1% or 0.02 counts as right."),
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
        assert f"<b>Saved:</b> “{text}” (70% sure)." in box.said
        assert "Run the next cell" in box.said
        assert not re.search("✓|✗|Right", box.said) and look(box) == ["muted"]
    assert "Your first prediction, “256” (70% sure), is the one" in box.said
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
    assert "You answered this before: “1” (50% sure)." in again.said
    assert look(again) == ["muted"] and not again._state["settled"]
    assert (again._state["answer"], again._state["sure"]) == ("1", 50)
    commit(again, "0.68")
    again = predict("predict-he-var")
    assert "before: “0.68” (50% sure). Your first prediction, “1”" in again.said


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
    assert "<b>Noted:</b> “1” (50% sure)" in box.said
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
    assert f"✗ Not so. It is 128.</b> You said 256, 95% sure. {wrong.feedback}" in box.said
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
    assert f"✓ Right. It is 128.</b> You said 130, 50% sure. {right}" in box.said
    assert look(box) == ["good"]
    assert answers(progress)[-1] == ("prediction", "130", 1, 50)


def test_a_wrong_number_that_nobody_expected_is_told_how_the_right_one_is_found(kernel):
    run = kernel()
    box = asked_in(run)
    commit(box, "1,000")
    run("None", TRUTH)
    right = find("predict-naive-factor").right
    assert f"✗ Not so. It is 128.</b> You said 1,000, read as 1000, 50% sure. {right}" in box.said


def test_a_choice_is_settled_with_the_right_option(kernel):
    run, question = kernel(), find("predict-sigmoid")
    right = next(option for option in question.options if option.correct)
    for option in question.options:
        run = kernel()
        widgets.PROGRESS.path.unlink(missing_ok=True)
        box = run("predict('predict-sigmoid')", "predict-cell")
        commit(box, option.text)
        run("None", question.truth)
        assert f"You said “{escape(option.text)}”, 50% sure." in box.said
        assert option.feedback in box.said
        assert (f"The answer is “{escape(right.text)}”." in box.said) is not option.correct


def test_the_first_prediction_counts_and_the_last_one_is_answered(kernel, progress):
    run = kernel()
    box = asked_in(run)
    for text, sure in (("256", 95), ("1", 60), ("128", 55)):
        commit(box, text, sure)
        commit(box, text, sure)
    run("None", TRUTH)
    assert "✓ Right.</b> You said 128, 55% sure." in box.said
    assert "Your first prediction, “256” (95% sure), is the one that counts. It was wrong." in box.said
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
    assert "You answered this before: “256” (95% sure)." in box.said
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
    assert "“gone” (70% sure)" in box.said
    progress.record("prediction", "predict-sigmoid", "gone", False, 70)
    assert "“gone” (70% sure)" in predict("predict-sigmoid").said


def test_a_prediction_that_an_older_course_judged_at_once_is_settled(progress):
    progress.record("prediction", "predict-he-var", "1", False, 75)
    assert "✗ Not so. It is 0.6817.</b> You said 1, 75% sure." in predict("predict-he-var").said


def test_a_page_without_a_kernel_shows_the_question():
    bundle, _ = ask("init-recursion")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "Which formula still holds" in " ".join(bundle["text/html"].split())
    assert "<li>Var(z) = 256 · Var(W) · E[h²]</li>" in bundle["text/html"]
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


def test_another_one_like_it_has_other_numbers_and_is_a_question_of_its_own(progress):
    box = ask("init-he-std")
    assert not box._state["another"], "nothing was answered yet"
    box.submit("1")
    assert box._state["another"]
    texts = {box._about["text"]}
    for _ in range(3):
        box._hear(another=True)
        texts.add(box._about["text"])
        assert not box._state["cards"] and not box._state["answer"]
        box._hear(answer=f"{box.question.answer:.6g}")
        assert "✓ Right." in box.said
    assert len(texts) == 4
    rows = progress.answers("init-he-std")
    assert next(row.draw for row in rows) is None and len({row.draw for row in rows}) == 4


def test_what_has_no_family_or_was_only_noted_has_no_other(progress):
    alone = next(one for one in questions.load().values() if not one.family and not one.truth)
    box = ask(alone.id)
    box.submit(alone.options[0].text)
    assert not box._state["another"]
    box = ask("init-he-std")
    box.submit("a few")
    assert not box._state["another"]
