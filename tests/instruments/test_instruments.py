"""What holds for every instrument: its controls, its buttons, its words, and what happens when it fails."""

import asyncio
import inspect
import json
import re
from collections.abc import Iterator
from importlib import import_module

import ipywidgets as widgets
import numpy as np
import pytest

from helpers import contents, instruments, propagation
from helpers.browser import notebook
from helpers.figures import svg
from helpers.instruments import frame
from helpers.instruments.controls import Choice, Slider
from tests.instruments import (
    SVG,
    assert_it_can_be_drawn,
    drawing,
    everything,
    page,
    press,
    reached,
    slider,
    verdict,
)

NAMES = instruments.names()
CASES = {name: import_module(contents.modules()[name].replace("helpers", "tests", 1)) for name in NAMES}
each_instrument = pytest.mark.parametrize("name", NAMES)


TRUE = {}  # experiments, before a test stops them at their first result


def make(name, **settings):
    return getattr(instruments, name)(**settings)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


@pytest.fixture(scope="module")
def started():
    return {name: make(name) for name in NAMES}


@pytest.fixture
def at_first_glance(started, monkeypatch):
    """Slow experiments stop at their first result: for tests of what has nothing to do with the rest."""
    for name, instrument in started.items():
        TRUE.setdefault(name, instrument.experiment)
        monkeypatch.setattr(kind(instrument), "experiment", staticmethod(_first_of(instrument.experiment)))


def kind(instrument):
    """Its class. (anywidget makes a class of its own for every widget.)"""
    return next(one for one in type(instrument).__mro__ if "experiment" in vars(one))


def _first_of(experiment):
    def first(settings):
        found = experiment(settings)
        return next(found) if isinstance(found, Iterator) else found

    return first


# Settings


@pytest.mark.usefixtures("at_first_glance")
@each_instrument
def test_the_still_picture_of_a_corner_can_be_drawn(name):
    instrument = make(name)
    for side in (0, -1):
        instrument.set(**{control.name: control.extremes()[side] for control in instrument.controls})
        assert instrument.problem is None
        assert_it_can_be_drawn(instrument.still()["text/html"])


@pytest.mark.usefixtures("at_first_glance")
@each_instrument
def test_the_sliders_say_their_value(name):
    instrument = make(name)
    for control in instrument.controls:
        if isinstance(control, Slider):
            box = slider(instrument, control.label)
            for value in control.extremes():
                instrument.set(**{control.name: value})
                assert box.description == f"{control.label} = {control.text(value)}"


BAD = [(name, *case) for name, cases in CASES.items() for case in cases.BAD]


@pytest.mark.parametrize(("name", "setting", "value", "allowed"), BAD, ids=[f"{b[1]}={b[2]}" for b in BAD])
def test_a_bad_value_is_named_and_changes_nothing(started, name, setting, value, allowed):
    message = re.escape(f"{setting}={value!r}") + ".*" + re.escape(allowed)
    with pytest.raises(ValueError, match=message):
        make(name, **{setting: value})
    instrument = started[name]
    before, frame = everything(instrument), instrument._frame
    other = next(control for control in instrument.controls if control.name != setting)
    with pytest.raises(ValueError, match=message):
        instrument.set(**{other.name: other.extremes()[0], setting: value})
    assert everything(instrument) == before
    assert instrument._frame is frame


@pytest.mark.usefixtures("at_first_glance")
@each_instrument
def test_an_unknown_setting_is_named_and_what_was_meant_guessed(name):
    instrument = make(name)
    before, known = everything(instrument), instrument.controls[0].name
    with pytest.raises(ValueError, match=rf"setting='{known}x' is not one of .*Did you mean '{known}'"):
        make(name, **{known + "x": 1.0})
    with pytest.raises(ValueError, match=f"setting='{known}x'"):
        instrument.set(**{known: instrument.controls[0].extremes()[0], known + "x": 1.0})
    assert everything(instrument) == before


def shown(instrument):
    """The figure as the learner sees it."""
    return instrument._frame["ink"]


@pytest.mark.usefixtures("at_first_glance")
@each_instrument
def test_reset_restores_everything(name):
    first = {control.name: control.extremes()[0] for control in make(name).controls}
    last = {control.name: control.extremes()[-1] for control in make(name).controls}
    start = {**(CASES[name].DRAWN_AT or {}), **({"seed": 7} if make(name).seeded else {})}
    instrument = make(name, **start)
    before, drawn, words = everything(instrument), shown(instrument), page(instrument)
    instrument.set(**first)
    instrument.set(**last)
    assert everything(instrument) != before
    press(instrument, "Reset")
    assert everything(instrument) == before
    assert shown(instrument) == drawn
    assert page(instrument) == words
    assert start.items() <= before.items()


@each_instrument
def test_new_seed_draws_another_picture_and_changes_no_other_setting(name):
    instrument = make(name)
    if not instrument.seeded:
        assert CASES[name].DRAWN_AT is None
        assert not hasattr(instrument.settings, "seed")
        assert "seed" not in [control["name"] for control in instrument._about["controls"]]
        return
    instrument = make(name, **CASES[name].DRAWN_AT, seed=3)
    before, drawn = everything(instrument), shown(instrument)
    press(instrument, "New seed")
    assert everything(instrument) == {**before, "seed": 4}
    assert shown(instrument) != drawn
    instrument.set(seed=3)
    assert shown(instrument) == drawn
    instrument.set(seed=999_999)
    press(instrument, "New seed")
    assert instrument.settings.seed == 0


@pytest.mark.usefixtures("at_first_glance")
@each_instrument
def test_two_instruments_do_not_share_their_state(name):
    one, other = make(name), make(name)
    before, drawn = everything(other), shown(other)
    one.set(**{control.name: control.extremes()[-1] for control in one.controls})
    assert (everything(other), shown(other)) == (before, drawn)


@pytest.mark.usefixtures("at_first_glance")
@each_instrument
def test_a_frame_is_what_a_direct_computation_gives_whatever_was_shown_before(name):
    rng, used, sent = np.random.default_rng(0), make(name), []
    used.send = lambda content: sent.extend(content["frames"])
    for _ in range(3):
        state = {
            control.name: (values := getattr(control, "values", control.extremes()))[
                rng.integers(len(values))
            ]
            for control in used.controls
        }
        state |= {"seed": int(rng.integers(1000))} if used.seeded else {}
        values = json.loads(json.dumps(list(state.values())))
        ask(used, now=values)
        asked, found = sent[-1]
        assert asked == values and "problem" not in found
        json.dumps(found, allow_nan=False)
        fresh = make(name, **state)
        settings, result = fresh.settings, fresh.result
        assert fresh._frame["says"] == fresh.describe(settings, result)
        assert fresh._frame["readouts"] == [list(row) for row in fresh.readouts(settings, result)]
        assert used._frame_of(settings, result) == fresh._frame
        if not inspect.isgeneratorfunction(TRUE[name]):  # first results depend on what was trained before
            assert found == fresh._frame


# Presets and challenges


@each_instrument
def test_presets_keep_the_promise_of_their_name(name):
    instrument, promises = make(name), CASES[name].PROMISES
    assert set(instrument.presets) == set(promises)
    start = everything(instrument)
    for preset, settings in instrument.presets.items():
        press(instrument, preset)
        assert instrument.problem is None
        assert everything(instrument) == {**start, **settings}
        if promises[preset]:
            assert verdict(instrument) == promises[preset], preset


CHALLENGES = [(name, one) for name in NAMES for one in make(name).challenges]
each_challenge = pytest.mark.parametrize(
    ("name", "challenge"), CHALLENGES, ids=[one.name for _, one in CHALLENGES]
)


@each_challenge
def test_a_challenge_begins_unsolved_even_where_it_was_solved_and_is_solved_on_the_sliders(name, challenge):
    controls = {control.name: control for control in make(name).controls}
    solution = dict(challenge.solution)
    for setting, value in solution.items():
        if not isinstance(controls[setting], Choice):
            solution[setting] = min(
                controls[setting].values, key=lambda position, to=value: abs(position - to)
            )
    instrument = make(name, **{**challenge.start, **solution})
    press(instrument, challenge.name)
    assert not reached(instrument)
    instrument.set(**solution)
    assert reached(instrument)


# Words, and what happens when something fails


@pytest.mark.usefixtures("at_first_glance")
@each_instrument
def test_the_figure_is_described_in_words_for_a_screen_reader(name):
    assert len(make(name).description) > 60


@each_instrument
def test_a_page_without_a_kernel_gets_a_picture_with_words(name):
    instrument = make(name)
    bundle, _ = instrument._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    html = bundle["text/html"]
    root = drawing(html)
    assert root.find(f"{SVG}title").text == instrument.title
    assert root.find(f"{SVG}desc").text == instrument.description
    assert verdict(instrument) in html
    assert instrument.question in html
    assert bundle["text/plain"] == f"{instrument.title}: {instrument.description}"
    assert_it_can_be_drawn(html)


@each_instrument
def test_the_still_picture_is_that_of_the_settings_whatever_was_drawn_ahead(name):
    instrument = make(name)
    moved = instrument.controls[0]
    ends = moved.extremes()
    instrument.frame(**{moved.name: ends[moved.default == ends[0]]})
    instrument.still()
    assert instrument.figure.ink() == instrument._frame["ink"]


@each_instrument
def test_an_experiment_that_fails_becomes_a_card(name, monkeypatch):
    def fail(settings):
        raise RuntimeError("out of <chalk>")

    instrument = make(name)
    moved = instrument.controls[0]
    with monkeypatch.context() as patch:
        patch.setattr(kind(instrument), "experiment", staticmethod(fail))
        instrument.set(**{moved.name: moved.extremes()[0]})
        assert "out of &lt;chalk&gt;" in instrument.problem
        assert "out of &lt;chalk&gt;" in instrument.still()["text/html"]
        assert "Reset" in instrument.problem
    press(instrument, "Reset")
    assert instrument.problem is None
    assert "chalk" not in page(instrument)


@each_instrument
def test_an_instrument_that_fails_at_once_is_still_shown(name, monkeypatch):
    def fail(settings):
        raise RuntimeError("out of chalk")

    monkeypatch.setattr(kind(make(name)), "experiment", staticmethod(fail))
    instrument = make(name)
    assert "out of chalk" in instrument.problem
    assert "out of chalk" in instrument._repr_mimebundle_()[0]["text/html"]


# An experiment that takes long


class Slow(frame.Instrument):
    """Counts to ten, and says each number, after a pause for breath."""

    title, question, seeded = "Slow", "How far?", False
    controls = (Slider("height", "Height", range(1, 6), 1), Slider("fails_at", "Fails at", range(0, 9), 0))

    def experiment(self, settings):
        for i in range(10):
            if i and i == settings.fails_at:
                raise RuntimeError("out of chalk")
            self.counted.append((settings.height, i))
            if i:
                yield None
            yield i

    def draw(self):
        self.counted = []
        figure = svg.new_figure()
        return figure, figure.subplots().plot([0], [0], animated=True)

    def move(self, artists, settings, result):
        artists[0].set_data([0, result], [0, settings.height])

    def readouts(self, settings, result):
        return [("count", str(result))]

    def verdict(self, settings, result):
        return frame.Verdict("COUNTED", f"to {result}.", "good")

    def describe(self, settings, result):
        return f"A line to {result}."


@pytest.fixture
def slow(monkeypatch):
    """An instrument that takes long, and all that it sends: [[values, frame], …]."""
    monkeypatch.setattr(notebook, "REST", 0.05)
    instrument, sent = Slow(), []
    monkeypatch.setattr(instrument, "send", lambda content: sent.extend(content["frames"]))
    instrument.counted.clear()
    return instrument, sent


def ask(instrument, now=None, ahead=()):
    """What the browser says."""
    instrument._handle_custom_msg({"now": now, "ahead": list(ahead)}, [])


def last(sent):
    return [values for values, frame in sent if frame["last"]]


def test_code_gets_the_last_result_of_a_slow_experiment(slow):
    instrument, _ = slow
    assert instrument.result == 9
    instrument.set(height=3)
    assert instrument.counted == [(3, i) for i in range(10)]
    assert "to 9." in page(instrument)
    instrument.height = 2
    assert instrument.counted[-1] == (2, 9)


def test_a_hand_that_drags_gets_first_results_and_the_rest_when_it_rests(slow):
    instrument, sent = slow

    async def drag():
        for height in (2, 3, 4, 5):
            ask(instrument, [height, 0])
            assert sent[-1][0] == [height, 0] and "to 0." in sent[-1][1]["says"]
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.5)

    asyncio.run(drag())
    assert instrument.counted == [(2, 0), (3, 0), (4, 0)] + [(5, i) for i in range(10)]
    assert last(sent) == [[5, 0]]
    assert sent[-1][1]["verdict"][1] == "to 9."


def test_the_newest_message_stops_what_is_under_way(slow):
    instrument, sent = slow

    async def ask_again():
        ask(instrument, [2, 0], [[3, 0], [4, 0]])
        while len(sent) < 3:
            await asyncio.sleep(0.001)
        ask(instrument, [1, 0])
        await asyncio.sleep(0.5)

    asyncio.run(ask_again())
    assert (2, 9) not in instrument.counted
    assert last(sent) == [[1, 0]]


def test_frames_that_nobody_waits_for_are_made_to_their_end_and_then_all_is_silent(slow):
    instrument, sent = slow

    async def wait():
        ask(instrument, [2, 0], [[3, 0], [4, 0]])
        await asyncio.sleep(1)
        done = len(instrument.counted), len(sent)
        await asyncio.sleep(0.3)
        assert (len(instrument.counted), len(sent)) == done

    asyncio.run(wait())
    assert last(sent) == [[2, 0], [3, 0], [4, 0]]
    for (height, _), shown_then in sent:
        if shown_then["last"]:
            assert shown_then == instrument.frame(height=height)


def test_time_for_frames_that_nobody_waits_for_is_bounded(slow, monkeypatch):
    instrument, sent = slow
    monkeypatch.setattr(notebook, "AHEAD", 0.0)
    monkeypatch.setattr(notebook, "STEP", 0.0)

    async def wait():
        ask(instrument, None, [[height, 0] for height in range(1, 6)])
        await asyncio.sleep(0.3)

    asyncio.run(wait())
    assert len(last(sent)) <= 1


def test_a_move_in_the_browser_reaches_code(slow):
    instrument, _ = slow
    seen = []
    instrument.observe(lambda change: seen.append(change.new), "height")
    frame = instrument.frame(height=4)
    instrument.counted.clear()
    instrument.set_state({"height": 4, "_frame": frame})
    assert seen == [4] and instrument.settings.height == 4
    assert instrument.counted == []  # the browser has shown it already
    assert instrument.result == 9 and instrument.counted[-1] == (4, 9)
    instrument.set_state({"height": 99})
    assert instrument.height == 4


def test_a_failure_becomes_words_and_passes(slow):
    instrument, sent = slow
    ask(instrument, [1, 4], [[2, 0]])
    assert "out of chalk" in sent[-2][1]["problem"]
    assert sent[-1][0] == [2, 0] and "problem" not in sent[-1][1]
    instrument.set(fails_at=4)
    assert "out of chalk" in instrument.problem
    instrument.set(fails_at=0)
    assert instrument.problem is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instrument, "experiment", lambda settings: iter(()))
        instrument.set(height=2)
    assert instrument.problem is not None


def test_a_control_cannot_have_the_name_of_something_else():
    with pytest.raises(TypeError, match="'frames'"):
        type(frame.Instrument)(
            "Bad", (frame.Instrument,), {"controls": (Slider("frames", "Frames", (1, 2), 1),)}
        )


def test_a_setting_is_linked_to_a_plain_slider():
    instrument, other = make("gain_chain"), widgets.FloatSlider(min=0.5, max=2, value=1)
    widgets.link((instrument, "gain"), (other, "value"))
    other.value = 1.1
    assert instrument.gain == 1.1
    assert instrument.description == make("gain_chain", gain=1.1).description
    with pytest.raises(ValueError, match=r"gain=5\.0"):
        instrument.gain = 5.0
    assert instrument.gain == 1.1
