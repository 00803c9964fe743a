"""Frames for the pages: what is in a file is what a fresh instrument shows, and it is enough for a hand.

These tests need no browser. Instruments that train networks are tried in the built site, by test_alive.py.
"""

import inspect
import random

import pytest
from nbformat.v4 import new_code_cell

from helpers import instruments
from helpers.checking import questions
from tests.site.frames import computed, full, unpack, way
from tools.web import bake, life

QUICK = [
    name
    for name in instruments.names()
    if not inspect.isgeneratorfunction(getattr(instruments, name)().experiment)
]


@pytest.fixture(scope="module", params=QUICK)
def baked(request):
    """An instrument with few positions: (its name, the file, {state: frame})."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bake, "POSITIONS", 4)
        patch.setattr(bake, "SEEDS", 2)
        packed, version = bake.bake(request.param, {"a-cell": {}})
    file, frames = unpack(packed)
    assert file["version"] == version
    return request.param, file["calls"]["a-cell"], frames


def test_a_frame_is_what_a_fresh_instrument_shows(baked):
    name, about, frames = baked
    draw = random.Random(0)
    for state in draw.sample(sorted(frames, key=repr), 5):
        assert frames[state] == computed(name, about, state)


def test_each_control_can_be_moved_from_the_start_from_presets_and_from_challenges(baked):
    name, about, frames = baked
    instrument = getattr(instruments, name)()
    names = [control["name"] for control in about["controls"]]
    cases = [about["start"], *(values for _, values in about["presets"])]
    cases += [values for *_, values in about["challenges"]]
    for case in cases:
        for control in about["controls"]:
            for value in control.get("values", range(control.get("highest", 0) + 1)):
                moved = dict(zip(names, full(about, case), strict=True))
                moved |= instrument.check({control["name"]: value})
                assert tuple(moved.values()) in frames


def test_every_challenge_can_be_solved_on_the_page(baked):
    name, about, frames = baked
    for challenge in getattr(instruments, name)().challenges:
        places = list(way(name, about, challenge))
        assert all(place in frames for place in places)
        reached = [challenge.name in frames[place]["reached"] for place in places]
        assert reached[-1] and not reached[0]


def test_the_same_frames_are_the_same_file():
    assert bake.bake("gain_chain", {"a": {}}) == bake.bake("gain_chain", {"a": {}})
    assert bake.bake("gain_chain", {"a": {}})[1] != bake.bake("gain_chain", {"a": {"depth": 7}})[1]


def test_calls_share_their_frames_and_keep_their_starts():
    file, frames = unpack(bake.bake("gain_chain", {"one": {}, "other": {"depth": 7, "factor": 0.907}})[0])
    one, other = file["calls"]["one"], file["calls"]["other"]
    assert one["start"] != other["start"]
    assert tuple(one["start"]) in frames and tuple(other["start"]) in frames
    factor = next(control for control in other["controls"] if control["name"] == "factor")
    assert 0.907 in factor["values"]  # a value between the positions is one more


@pytest.mark.parametrize(
    ("source", "called"),
    [
        ("from helpers import x\n\ngain_chain(depth=3)", ("gain_chain", [], {"depth": 3})),
        ("gain_chain()\n1", (None, (), {})),
        ('ask("init-he-std")', ("ask", ["init-he-std"], {})),
        ("not python at", (None, (), {})),
        ("print(1)", (None, (), {})),
        ("", (None, (), {})),
    ],
)
def test_the_call_with_which_a_cell_ends(source, called):
    assert life.called(new_code_cell(source)) == called


def test_settings_that_are_no_literals_are_refused():
    with pytest.raises(ValueError, match="malformed"):
        life.called(new_code_cell("gain_chain(depth=n)"))


def _number(data, value):
    """What a page says to a number: (correct, feedback)."""
    for one in data["near"]:
        if one["low"] <= value <= one["high"]:
            return one["correct"], one["feedback"]
    return False, data["too_small"] if value < data["answer"] else data["too_large"]


@pytest.mark.parametrize("id", questions.load())
def test_a_page_says_of_an_answer_what_the_notebook_says(id):
    question, data = questions.find(id), life.question(id, prediction=False)
    if isinstance(question, questions.MultipleChoice):
        for option in data["options"]:
            judged = question.judge(option["text"])
            assert (judged.correct, judged.feedback) == (option["correct"], option["feedback"])
        return
    known = [question.answer, *(wrong.value for wrong in question.wrong)]
    for value in [*known, *(factor * one for one in known for factor in (0.5, 0.97, 0.99, 1.01, 1.03, 2))]:
        judged = question.judge(repr(value))
        assert (judged.correct, judged.feedback) == _number(data, value)
