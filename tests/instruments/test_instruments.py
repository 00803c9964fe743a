"""What holds for every instrument: its controls, its buttons, its words, and what happens when it fails."""

import asyncio
import contextlib
import inspect
import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from importlib import import_module

import ipywidgets as widgets
import numpy as np
import pytest
from traitlets import TraitError

from helpers import contents, instruments, propagation
from helpers.browser import notebook
from helpers.figures import svg
from helpers.figures.decades import ROOM
from helpers.figures.live import LiveFigure
from helpers.figures.theme import style
from helpers.instruments import frame
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.phrases import linked, plain, settings_of
from helpers.progress.record import PROGRESS
from tests.instruments import (
    SVG,
    assert_it_can_be_drawn,
    class_of,
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
KINDS = {name: class_of(name) for name in NAMES}
TRUE = {name: kind.experiment for name, kind in KINDS.items()}  # at_first_glance stops them early


def make(name, **settings):
    return getattr(instruments, name)(**settings)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


@pytest.fixture
def at_first_glance(monkeypatch):
    """Slow experiments stop at their first result: for tests of what has nothing to do with the rest."""
    for name, kind in KINDS.items():
        monkeypatch.setattr(kind, "experiment", staticmethod(_first_of(TRUE[name])))


def _first_of(experiment):
    def first(settings):
        found = experiment(settings)
        return next(found) if isinstance(found, Iterator) else found

    return first


# What the frame promises of every instrument, on one that is quick


class Small(frame.Instrument):
    """A line as long as the setting says, or longer by what the seed draws."""

    title, question = "Small", "How long?"
    controls = (
        Slider("length", "Length", (1, 2, 5), 2, text=lambda length: f"{length} m"),
        Choice("end", "End", ("sharp", "drawn"), "drawn", implies={"sharp": {"length": 1}}),
        Slider("spread", "Spread", (0.5, 1.0), 1.0, implies={"end": "drawn"}),
    )
    presets = {"Long": {"length": 5}}
    challenges = (
        frame.Challenge(
            "Longest", "Make it long.", {"length": 1}, lambda s, r: r >= 5, "It is 5 m.", {"length": 5}
        ),
    )

    @staticmethod
    def experiment(s):
        return s.length + (s.spread * np.random.default_rng(s.seed).random() if s.end == "drawn" else 0)

    def draw(self):
        figure = svg.new_figure()
        axes = figure.subplots()
        axes.set_xlim(0, 6)
        return figure, axes.plot([0], [0], animated=True)

    def move(self, artists, settings, result):
        artists[0].set_data([0, result], [0, 0])

    def readouts(self, settings, result):
        return [("length", f"{result:.3f} m")]

    def verdict(self, settings, result):
        return frame.Verdict("LONG" if result > 3 else "SHORT", f"It is {result:.3f} m.", "good")

    def describe(self, settings, result):
        return f"A line of {result:.3f} m."


@pytest.fixture
def small():
    return Small()


def test_sliders_say_their_value(small):
    for value in (1, 2, 5):
        small.set(length=value)
        assert slider(small, "Length").description == f"Length = {value} m"


def test_a_setting_brings_what_it_implies(small):
    small.set(end="sharp")
    assert (small.settings.length, small.result) == (1, 1)
    small.set(spread=0.5)
    assert small.settings.end == "drawn"
    small.set(end="sharp", length=2)
    assert small.settings.length == 2


def test_a_bad_value_changes_nothing_in_what_is_shown(small):
    before, drawn = everything(small), small._frame
    with pytest.raises(ValueError, match=r"length=7.*1 to 5"):
        Small(length=7)
    with pytest.raises(ValueError, match=r"length=7.*1 to 5"):
        small.set(end="sharp", length=7)
    assert everything(small) == before
    assert small._frame is drawn


def test_an_unknown_setting_is_named_and_what_was_meant_guessed(small):
    before = everything(small)
    with pytest.raises(ValueError, match=r"setting='lengthx' is not one of .*Did you mean 'length'"):
        Small(lengthx=1.0)
    with pytest.raises(ValueError, match="setting='lengthx'"):
        small.set(length=1, lengthx=1.0)
    assert everything(small) == before


def shown(instrument):
    """The figure as the learner sees it."""
    return instrument._frame["ink"]


def test_reset_restores_everything():
    start = {"length": 5, "seed": 7}
    instrument = Small(**start)
    before, drawn, words = everything(instrument), shown(instrument), page(instrument)
    assert start.items() <= before.items()
    instrument.set(length=1, end="sharp", seed=8)
    assert everything(instrument) != before and shown(instrument) != drawn
    press(instrument, "Reset")
    assert everything(instrument) == before
    assert shown(instrument) == drawn
    assert page(instrument) == words


def test_new_seed_draws_another_picture_and_changes_no_other_setting():
    instrument = Small(seed=3)
    before, drawn = everything(instrument), shown(instrument)
    press(instrument, "New seed")
    assert everything(instrument) == {**before, "seed": 4}
    assert shown(instrument) != drawn
    instrument.set(seed=3)
    assert shown(instrument) == drawn
    instrument.set(seed=999_999)
    press(instrument, "New seed")
    assert instrument.settings.seed == 0


def test_two_instruments_do_not_share_their_state():
    one, other = Small(), Small()
    before, drawn = everything(other), shown(other)
    one.set(length=5, end="sharp", seed=9)
    assert (everything(other), shown(other)) == (before, drawn)


def test_a_preset_is_on_top_of_the_start_and_a_challenge_is_reached():
    instrument = Small(end="sharp", length=2)
    press(instrument, "Long")
    assert everything(instrument) == {"length": 5, "end": "sharp", "spread": 1.0, "seed": 0}
    assert verdict(instrument) == "LONG"
    press(instrument, "Longest")
    assert instrument.settings.length == 1 and not reached(instrument)
    instrument.set(length=5)
    assert reached(instrument)


def test_a_page_without_a_kernel_gets_a_picture_with_words(small):
    bundle, _ = small._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    html = bundle["text/html"]
    root = drawing(html)
    assert root.find(f"{SVG}title").text == small.title
    assert root.find(f"{SVG}desc").text == small.description
    assert verdict(small) in html
    assert plain(small.question) in html
    assert bundle["text/plain"] == f"{small.title}: {small.description}"
    assert_it_can_be_drawn(html)


def test_the_still_picture_is_that_of_the_settings_whatever_was_drawn_ahead(small):
    small.frame(length=5)
    small.still()
    assert small.figure.ink() == small._frame["ink"]


def fail(settings):
    raise RuntimeError("out of <chalk>")


def test_an_experiment_that_fails_becomes_a_card(small, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Small, "experiment", staticmethod(fail))
        small.set(length=1)
        assert "out of &lt;chalk&gt;" in small.problem
        assert "out of &lt;chalk&gt;" in small.still()["text/html"]
        assert "Reset" in small.problem
    press(small, "Reset")
    assert small.problem is None
    assert "chalk" not in page(small)


def test_an_instrument_that_fails_at_once_is_still_shown(monkeypatch):
    monkeypatch.setattr(Small, "experiment", staticmethod(fail))
    instrument = Small()
    assert "out of &lt;chalk&gt;" in instrument.problem
    assert "out of &lt;chalk&gt;" in instrument._repr_mimebundle_()[0]["text/html"]


# What is each instrument's own: its controls, pictures and words


@pytest.mark.usefixtures("at_first_glance")
@each_instrument
def test_both_corners_can_be_drawn_and_say_what_they_show(name):
    instrument = make(name)
    for side in (0, -1):
        corner = {control.name: control.extremes()[side] for control in instrument.controls}
        instrument.set(**corner)
        assert instrument.problem is None
        assert len(instrument.description) > 60
        html = instrument.still()["text/html"]
        assert_it_can_be_drawn(html)
        assert drawing(html).find(f"{SVG}desc").text == instrument.description
        assert plain(instrument.question) in html and verdict(instrument) in html
        for control in instrument.controls:
            if isinstance(control, Slider):
                said = f"{control.label} = {control.text(corner[control.name])}"
                assert slider(instrument, control.label).description == said


BAD = [(name, *case) for name, cases in CASES.items() for case in cases.BAD]


@pytest.mark.parametrize(("name", "setting", "value", "allowed"), BAD, ids=[f"{b[1]}={b[2]}" for b in BAD])
def test_a_bad_value_is_named_with_what_is_allowed(name, setting, value, allowed):
    with pytest.raises(ValueError, match=re.escape(f"{setting}={value!r}") + ".*" + re.escape(allowed)):
        make(name, **{setting: value})


@pytest.mark.usefixtures("at_first_glance")
@each_instrument
def test_another_seed_draws_another_picture(name):
    kind, drawn_at = KINDS[name], CASES[name].DRAWN_AT
    if not kind.seeded:
        assert drawn_at is None
        assert "seed" not in [control.name for control in kind.every_control()]
        return
    instrument = make(name, **drawn_at, seed=3)
    other = instrument.frame(seed=4)["ink"]
    assert other != shown(instrument) == instrument.frame(seed=3)["ink"]


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


# Phrases of the question, and what plays


def test_a_phrase_is_a_button_in_a_browser_and_words_elsewhere(small):
    text = 'It is [5 m](length=5) or [sharp](end="sharp"), (not this) and [neither].'
    assert plain(text) == "It is 5 m or sharp, (not this) and [neither]."
    assert settings_of(text) == [{"length": 5}, {"end": "sharp"}]
    buttons = ET.fromstring(f"<p>{linked(text, small.check)}</p>").findall("button")
    assert [button.text for button in buttons] == ["5 m", "sharp"]
    assert [json.loads(button.get("data-set")) for button in buttons] == [
        {"length": 5},
        {"length": 1, "end": "sharp"},
    ]


@pytest.mark.parametrize("phrase", ["[5 m](length=6)", "[wide](width=2)"])
def test_a_phrase_that_cannot_be_set_is_an_error(small, phrase):
    with pytest.raises(ValueError, match=r"length=6|'width'"):
        linked(phrase, small.check)


@each_instrument
def test_what_its_phrases_set_and_what_it_plays_is_there(name):
    kind = KINDS[name]
    controls = {control.name: control for control in kind.every_control()}
    assert kind.plays is None or isinstance(controls[kind.plays], Slider)
    assert "](" not in plain(kind.question)
    for settings in settings_of(kind.question):
        for setting, value in settings.items():  # a position, so that a slider need not get one more
            assert value in getattr(controls[setting], "values", controls[setting].extremes())


@each_instrument
def test_what_the_pointer_reads_has_a_name_and_fits_in_the_file_of_frames(name):
    kind = KINDS[name]
    with style():
        figure, artists = kind.draw(kind.__new__(kind))
    live = LiveFigure(figure, kind.title)
    panels = live.panels(kind.readings)
    assert panels or name == "norm_axes"  # it has no axes
    assert all(label for panel in panels for _, label, _ in panel["curves"])
    assert live.legend
    said = [
        [panel["title"], *panel["words"], *(label for _, label, _ in panel["curves"])] for panel in panels
    ]
    assert not re.search(r"[$\\\\]", json.dumps(said, ensure_ascii=False))  # mathematics is plain words
    json.dumps([panels, live.legend], allow_nan=False)
    if kind.guess:
        guess = kind.guess.about(live, artists, panels)
        assert len(guess["xs"]) == len(guess["ys"]) >= 1
        hidden = live.number(artists[kind.guess.curve])
        assert hidden in [at for at, *_ in panels[guess["panel"]]["curves"]]
        assert guess["ink"].count("<svg") == len(kind.guess.shown)


def test_a_guess_is_asked_for_by_a_keyword_and_only_where_there_is_one(small):
    assert make("gain_chain")._about["guess"] is None
    asking = make("gain_chain", guess=True)
    assert asking._about["guess"]["task"] == KINDS["gain_chain"].guess.task
    html = asking.still()["text/html"]
    assert html.index("Guess first") < html.index(verdict(asking))  # what is true stands in a fold
    assert inspect.signature(instruments.gain_chain).parameters["guess"].default is False
    with pytest.raises(ValueError, match=r"guess=True.*no curve to guess"):
        Small(guess=True)


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """A learner's home with nothing noted yet."""
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.guess])
def test_a_guess_that_was_committed_is_there_when_the_cell_runs_again(name):
    first = make(name, guess=True)
    assert first._guess is None and "<details>" in first.still()["text/html"]
    about = first._about["guess"]
    ys = [y + 3 * i for i, y in enumerate(about["ys"])]
    first.set(depth=7)  # another frame is on the artists by now
    first.set_state({"_guess": ys})  # what the browser says
    again = make(name, guess=True)
    assert again._guess == pytest.approx(ys, abs=0.02)
    assert "<details>" not in again.still()["text/html"]
    (row,) = PROGRESS.answers()
    assert (row.kind, row.question, row.correct, row.confidence) == ("guess", name, None, None)
    heights = json.loads(row.answer)
    assert heights[0] == KINDS[name].guess.level and np.all(np.diff(heights) < 0)
    assert make(name, guess=True, depth=9)._guess is None  # a guess at something else
    assert make(name)._guess is None
    assert PROGRESS.answers() == [row]
    PROGRESS.record("guess", name, "[0.1, 0.2]", draw=row.draw)  # of a version with other dots
    assert make(name, guess=True)._guess is None


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("bad", [[1.0], ["x"] * 5, [math.nan] * 5, 7, {"a": 1}])
def test_what_is_no_guess_is_not_noted(bad):
    asking = make("gain_chain", guess=True)
    with contextlib.suppress(TypeError, ValueError, TraitError):
        asking.set_state({"_guess": bad})
    assert PROGRESS.answers() == []


@pytest.mark.usefixtures("at_home")
def test_a_guess_beyond_the_axes_is_noted_at_their_end():
    asking = make("gain_chain", guess=True)
    asking.set_state({"_guess": [-1e9, 1e9, 0, 0, 0]})
    assert json.loads(PROGRESS.answers()[0].answer)[:2] == [1 + ROOM, -1 - ROOM]


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


CHALLENGES = [(name, one) for name, kind in KINDS.items() for one in kind.challenges]
each_challenge = pytest.mark.parametrize(
    ("name", "challenge"), CHALLENGES, ids=[one.name for _, one in CHALLENGES]
)


@each_challenge
def test_a_challenge_begins_unsolved_even_where_it_was_solved_and_is_solved_on_the_sliders(name, challenge):
    controls = {control.name: control for control in KINDS[name].controls}
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


def test_what_is_written_down_comes_with_the_last_frame_that_the_browser_gets(slow, monkeypatch):
    instrument, sent = slow
    monkeypatch.setattr(Slow, "solved", lambda self, s, r: [s.height, r])
    ask(instrument, [2, 0])
    assert [frame["solved"] for _, frame in sent if frame] == [None] * 10 + [[2, 9]]
    ask(instrument, ahead=[[3, 0]])
    assert sent[-1][1]["solved"] == [3, 9]


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


def test_a_second_instrument_is_no_child_of_the_first():
    one, other = make("gain_chain"), make("gain_chain")
    assert KINDS["gain_chain"] in type(other).__mro__
    assert len(type(other).__mro__) == len(type(one).__mro__)


def test_a_control_cannot_have_the_name_of_something_else():
    with pytest.raises(TypeError, match="'frames'"):
        type(frame.Instrument)(
            "Bad", (frame.Instrument,), {"controls": (Slider("frames", "Frames", (1, 2), 1),)}
        )


def test_a_setting_is_linked_to_a_plain_slider():
    instrument, other = make("gain_chain"), widgets.FloatSlider(min=0.5, max=2, value=1)
    widgets.link((instrument, "factor"), (other, "value"))
    other.value = 1.1
    assert instrument.factor == 1.1
    assert instrument.description == make("gain_chain", factor=1.1).description
    with pytest.raises(ValueError, match=r"factor=5\.0"):
        instrument.factor = 5.0
    assert instrument.factor == 1.1
