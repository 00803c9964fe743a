"""Hunt the bug: every known mistake can be exposed and named, and what shows nothing is no success."""

import inspect
import json
import re

import numpy as np
import pytest

from helpers import hunt as handed_on
from helpers import report
from helpers.checking import exercise
from helpers.checking.hunt import Hunt, drawn, finite, fitted, form, hunt, likes, tagged, told_apart
from helpers.checking.values import Rng, live
from helpers.progress.record import PROGRESS

ALL = list(exercise.load().values())
each = pytest.mark.parametrize("item", ALL, ids=lambda item: item.name)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))


@pytest.fixture
def cards(monkeypatch):
    """All that is shown."""
    seen = []
    monkeypatch.setattr("helpers.checking.checks.display", seen.append)
    monkeypatch.setattr("helpers.checking.hunt.display", seen.append)
    return seen


def suspect(name, tag):
    """A hunt for one named mistake."""
    item = exercise.find(name)
    (wrong,) = [wrong for wrong in item.wrong if wrong.tag == tag]
    return Hunt([(item, wrong)], np.random.default_rng(0))


def expose(hunted, seed=5):
    """Submit fresh inputs as a learner types them, until one exposes the suspect: its card of names."""
    before = set(hunted._boxes)
    for _, args in drawn(hunted._item, np.random.default_rng(seed)):
        hunted.submit(*live(args))
        if set(hunted._boxes) != before:
            return hunted._boxes[hunted._at]
    raise AssertionError(f"{hunted._id}: no input exposes it")


@each
def test_every_mistake_is_exposed_by_an_input_of_its_task_and_named_among_four(item, cards):
    assert handed_on is hunt
    for wrong in item.wrong:
        hunted = Hunt([(item, wrong)], np.random.default_rng(1))
        box = expose(hunted)
        assert repr(cards[-2]).startswith("✓ Exposed"), wrong.tag
        options = box.question.options
        assert len(options) == 4
        right = next(option for option in options if option.correct)
        assert right.text.lower() == wrong.message.replace("`", "").lower()
        for other in options:
            if not other.correct:
                assert "the suspect" in other.feedback and "that mistake" in other.feedback
        box.submit(right.text)
        assert "✓ Right." in box.said and box.named


@each
def test_the_right_function_is_never_exposed(item, cards):
    hunted = Hunt(
        [(item, exercise.Wrong("none-at-all", "it is right.", item.reference))], np.random.default_rng(1)
    )
    for _, args in drawn(item, np.random.default_rng(6)):
        hunted.submit(*live(args))
        assert repr(cards[-1]).startswith(("It does not show here.", "This input says too little."))
    assert not hunted._exposed and not PROGRESS.answers()


@each
def test_the_forms_of_the_arguments_fit_all_inputs_of_the_task(item):
    like = likes(item)
    for seed in range(20, 24):
        for _, args in drawn(item, np.random.default_rng(seed)):
            for name, value, values in zip(item.parameters, args, like, strict=True):
                fitted(name, live(value), values)
                assert form(values)


def test_a_suspect_answers_and_does_not_say_what_it_is(cards):
    hunted = hunt("bn_forward", seed=3)
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert np.shape(hunted(x, np.ones(3), np.zeros(3), 1e-5)) == (4, 3)
    assert np.array_equal(
        hunted(x, np.ones(3), eps=1e-5, beta=np.zeros(3)), hunted(x, np.ones(3), np.zeros(3), 1e-5)
    )
    assert not hasattr(hunted, "__name__") and list(inspect.signature(hunted).parameters) == [
        *("x", "gamma", "beta", "eps")
    ]
    with pytest.raises(TypeError):
        inspect.getsource(hunted)
    words = repr(cards) + repr(hunted) + hunted._repr_html_()
    assert not any(
        wrong.tag in words or wrong.message in words for wrong in exercise.find("bn_forward").wrong
    )
    with pytest.raises(ValueError) as raised:
        hunted("one", np.ones(3), np.zeros(3), 1e-5)
    assert "exercises.py" not in str(raised.traceback[-1].path) and raised.value.__cause__ is None


def test_the_same_seed_gives_the_same_suspect_and_others_come(cards):
    tags = [hunt("bn_forward", seed=seed)._wrong.tag for seed in range(20)]
    assert tags == [hunt("bn_forward", seed=seed)._wrong.tag for seed in range(20)]
    assert len({*tags}) > 5


def test_an_input_that_shows_nothing_shows_what_both_give(cards):
    hunted = suspect("two_blocks", exercise.find("two_blocks").wrong[0].tag)
    hunted.submit(np.zeros((2, 3)), [(np.zeros((3, 4)), np.zeros((4, 3)))], "v1")
    assert "It does not show here." in repr(cards[-1]) and "both give" in repr(cards[-1])
    assert "np.array([[0., 0., 0.]" in repr(cards[-1]) and not PROGRESS.answers()


X = np.arange(12.0).reshape(4, 3) ** 1.5


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((X, np.ones(3), np.zeros(3)), "missing a required argument: 'eps'"),
        ((X[0], np.ones(3), np.zeros(3), 1e-5), "it must be an array with 2 axes"),
        ((X * np.nan, np.ones(3), np.zeros(3), 1e-5), "x must be finite"),
        ((X, np.ones(3), np.zeros(3), -1.0), "eps has a number below 0"),
        ((X, np.ones(3), np.zeros(3), 3.0), "from 0 to 1"),
        ((X, np.ones(5), np.zeros(3), 1e-5), "The task has no answer here."),
        ((X, "one", np.zeros(3), 1e-5), "it must be an array with 1 axis"),
        ((X, np.ones(3), np.zeros(3), np.zeros(2)), "eps is np.array([0., 0.]); it must be a number"),
    ],
)
def test_what_is_no_input_of_the_task_is_refused_with_a_reason(args, words, cards):
    hunted = hunt("bn_forward", seed=1)
    hunted.submit(*args)
    assert repr(cards[-1]).startswith("This is no input of the task.") and words in repr(cards[-1])
    assert not hunted._exposed and not PROGRESS.answers()


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("normalize", (np.ones((2, 6, 2, 2)), "BatchNorm", 3, 1e-5)),
        ("normalize", (np.ones((2, 6, 2, 2)), "GroupNorm", 2.5, 1e-5)),
        ("gain", (3,)),
        ("he", (20, 30, 0.1, 7)),
        ("bn_step", (X, X[0], X[0], 1)),
        ("clip_gradients", ([X, "one"], 1.0)),
        ("two_blocks", (X, [X, X], "v1")),
        ("shattered", ([1.0, 2.0], {"u": X[0]}, 1)),
        ("rate", (0.5, 2.5)),
    ],
)
def test_other_forms_are_refused_too(name, args, cards):
    hunted = hunt(name, seed=1)
    hunted.submit(*args)
    assert re.match("This is no input of the task.|It does not show", repr(cards[-1])), repr(cards[-1])
    assert not hunted._exposed


def test_a_random_function_is_exposed_with_a_real_generator(cards):
    for tag in (wrong.tag for wrong in exercise.find("he").wrong):
        hunted = suspect("he", tag)
        for args in ((300, 120, 0.0), (40, 160, 0.4), (200, 200, 0.9), (3, 5000, 0.0)):
            hunted.submit(*args, np.random.default_rng(4))
        assert hunted._exposed, tag


def test_too_few_draws_say_too_little(cards):
    hunted = suspect("he", exercise.find("he").wrong[0].tag)
    hunted.submit(1, 1, 0.0, np.random.default_rng(0))
    assert not hunted._exposed


def test_a_function_may_be_any(cards):
    hunted = hunt("gain", seed=0)
    for phi in (np.tanh, lambda z: np.maximum(z, 0.3 * z), lambda z: np.tanh(4 * z), np.sin, lambda z: z):
        hunted.submit(phi)
    assert hunted._exposed


def test_a_generator_keeps_its_seed_if_it_is_fresh():
    assert tagged(np.random.default_rng(0)) == Rng(0) and tagged(np.random.default_rng(12)) == Rng(12)
    used = np.random.default_rng(12)
    used.random()
    before = used.bit_generator.state
    assert (
        tagged(used) not in (Rng(12), tagged(np.random.default_rng(13)))
        and used.bit_generator.state == before
    )
    assert tagged(np.random.default_rng()) != tagged(np.random.default_rng())
    for generator in (np.random.MT19937(3), np.random.PCG64(np.random.SeedSequence([1, 2]))):
        assert isinstance(tagged(np.random.Generator(generator)), Rng)


def test_a_wrong_name_is_explained_and_only_the_first_counts(cards):
    hunted = hunt("bn_forward", seed=3)
    box = expose(hunted)
    wrong = next(option for option in box.question.options if not option.correct)
    box.submit(wrong.text)
    assert "✗ Not yet." in box.said and "that mistake" in box.said and not box.named
    box.submit(next(option.text for option in box.question.options if option.correct))
    assert "✓ Right." in box.said and not box.named
    assert [row.correct for row in PROGRESS.answers()] == [None, 0]
    assert "bugs hunted" in repr(report())
    assert re.search(r"Chapter 3\b.* 1 +0 +1$", repr(report()), re.MULTILINE)


def test_points_are_of_suspects_and_each_counts_once(cards):
    for seed in (3, 3, 3):
        box = expose(hunt("bn_forward", seed=seed))
        box.submit(next(option.text for option in box.question.options if option.correct))
    assert re.search(r"Chapter 3\b.* 1 +1 +2$", repr(report()), re.MULTILINE)
    box = expose(hunt("he", seed=3))
    box.submit(next(option.text for option in box.question.options if option.correct))
    assert re.search(r"Chapter 2\b.* 1 +1 +2$", repr(report()), re.MULTILINE)


def test_what_was_said_of_a_suspect_before_is_not_shown(cards):
    box = expose(hunt("bn_forward", seed=3))
    box.submit(next(option.text for option in box.question.options if option.correct))
    assert expose(hunt("bn_forward", seed=3)).said == ""


def test_a_round_over_a_chapter_has_ten_and_a_result(cards):
    hunted = hunt(chapter=3, seed=2)
    assert len(hunted._suspects) == 10 and len({(i.name, w.tag) for i, w in hunted._suspects}) == 10
    assert {item.chapter for item, _ in hunted._suspects} == {3}
    for number in range(10):
        assert f"Hunt the bug {number + 1} of 10" in "".join(map(repr, cards))
        if number != 4:
            box = expose(hunted)
            options = sorted(box.question.options, key=lambda option: option.correct == (number != 5))
            box.submit(options[-1].text)
        hunted.next()
    assert "9 of 10 exposed, 8 named at once." in repr(cards[-1])
    hunted.next()
    assert "The hunt is over" in repr(cards[-1])
    assert len({item.chapter for item, _ in hunt(seed=1)._suspects}) > 1


@pytest.mark.parametrize("bad", [{"function": "bn_forwrd"}, {"chapter": 9}, {"function": 3}])
def test_what_is_not_there_is_said(bad):
    with pytest.raises(ValueError):
        hunt(**bad)


def test_two_mistakes_that_are_one_are_not_told_apart():
    item = exercise.find("bn_forward")
    inputs = drawn(item, np.random.default_rng(0))
    one, other = item.wrong[:2]
    assert told_apart(item, one, one, inputs) is None and "the suspect" in str(
        told_apart(item, one, other, inputs)
    )


def test_finite_looks_everywhere():
    assert finite({"a": [1.0, np.ones(3)], "b": "word", "c": True})
    assert not finite({"a": [1.0, np.array([1, np.inf])]}) and not finite(float("nan"))


def test_the_record_can_be_exported(cards, tmp_path):
    expose(hunt("bn_forward", seed=3))
    PROGRESS.export(tmp_path / "all.json")
    assert json.loads((tmp_path / "all.json").read_text())["answers"]
