"""Frames for the pages: what is in a file is what a fresh instrument shows, and it is enough for a hand.

These tests need no browser. Instruments that train networks are tried in the built site, by test_alive.py.
"""

import inspect
import json
import random

import numpy as np
import pytest
from nbformat.v4 import new_code_cell

from helpers import instruments
from helpers.checking import questions
from tests.instruments import class_of
from tests.site.frames import computed, full, unpack, way
from tools.web import bake, life

QUICK = [name for name in instruments.names() if not inspect.isgeneratorfunction(class_of(name).experiment)]
# Their frames need no training in steps, but many small ones.
SLOW = ("rescue_the_network", "ward")


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.release if name in SLOW else ()) for name in QUICK],
)
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


def _said(data, value):
    """What a page says to an answer, (look, html): to a number, or to the place of an option."""
    for one in data["answers"]:
        low, high = (
            (-np.inf if one["low"] is None else one["low"]),
            (np.inf if one["high"] is None else one["high"]),
        )
        if low <= value <= high:
            return one["look"], one["html"]


@pytest.mark.parametrize("id", questions.load())
def test_a_page_says_of_an_answer_what_the_notebook_says_whatever_was_drawn(id):
    data = life.family(id, prediction=False)
    family = questions.find(id).family
    assert len(data["more"]) == (min(life.MORE, len(family.draws) - 1) if family else 0)
    rng, drawn = np.random.default_rng(0), [questions.find(id)]
    for _ in data["more"]:
        drawn.append(drawn[0].drawn(rng, [one.posed for one in drawn]))
    assert len({json.dumps(one["about"]) for one in (data, *data["more"])}) == len(drawn)
    for question, page in zip(drawn, (data, *data["more"]), strict=True):
        if isinstance(question, questions.MultipleChoice):
            answers = [(i, option.text) for i, option in enumerate(question.options)]
        else:
            known = [question.answer, *(wrong.value for wrong in question.wrong)]
            answers = [(f * one, repr(f * one)) for one in known for f in (0.5, 0.97, 0.99, 1.01, 1.03, 2)]
        for value, given in answers:
            response = question.judge(given)
            look, html = _said(page, value)
            assert look == ("good" if response.correct else "alarm")
            assert response.feedback in html
