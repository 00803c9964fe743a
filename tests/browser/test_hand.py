"""What a hand does in an instrument, on a page without a kernel: read, play, drag, guess, follow a phrase.

The module is the same in a notebook; test_notebook_hand.py tries there what needs a kernel.
"""

import re
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from helpers import dropout_masks, gain_chain, gradient_clipping, norm_axes, paths
from helpers.chapters.depth.gain_chain import GainChain
from helpers.figures import sound
from helpers.figures.numbers import from_log10, short
from tests.browser.instruments import button
from tests.browser.pages import page_of
from tests.browser.sounds import LISTEN, played, tones
from tools.axe import violations
from tools.web import bake

HOST = Path(__file__).parents[2] / "tools" / "web" / "lesson.js"
CALLS = {
    "chain": ("gain_chain", {"factor": 0.9}),
    "guess": ("gain_chain", {"factor": 0.9, "guess": True}),
    "second": ("gain_chain", {"depth": 20}),
    "clip": ("gradient_clipping", {"max_norm": 1.0}),
    "drop": ("dropout_masks", {}),
    "axes": ("norm_axes", {}),
    "stability": ("batchnorm_stability", {"sigma_w": 4.0}),
    "paths": ("paths", {"network": "at the start", "depth": 3}),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for limit, few in (("POSITIONS", 11), ("POSITIONS_OF_SLOW", 2), ("SEEDS", 1)):
            patch.setattr(bake, limit, few)
        patch.setattr(bake, "_cases", few_cases(bake._cases))
        with page_of(tmp_path_factory.mktemp("page"), [HOST], CALLS) as url:
            yield url


def few_cases(cases):
    """Of most instruments the start is enough here."""

    def few(instrument, about, slow):
        found = list(cases(instrument, about, slow))
        if about["name"] == "batchnorm_stability":  # it trains
            return [(start, ()) for start, _ in found[:1]]
        return found[: None if about["name"] == "gain_chain" else 1]

    return few


@pytest.fixture(params=["light", "dark"])
def tab(browser, url, request):
    """A laptop's tab in either theme, in which nothing may go wrong."""
    with browser.new_context(
        viewport={"width": 1366, "height": 768}, color_scheme=request.param, has_touch=True
    ) as context:
        tab, problems = context.new_page(), []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.goto(url)
        yield tab
        assert problems == []


CROSSED = """async () => {
  const { Instrument } = await import('./instrument.js'), frame = last => ({ ink: '', last });
  const about = { controls: [{ name: 'a', kind: 'slider', values: [0, 1] }], start: [0] };
  const host = { about, state: () => [0], frame: () => frame(true), want() {}, save() {} };
  const one = new Instrument(host);
  one.go([1]);
  for (const last of [true, false]) one.answer([[[1], frame(last)]]);
  return one.frame.last;
}"""


def test_a_frame_made_ahead_is_not_given_up_for_the_beginning_of_the_same(tab):
    """The kernel has sent it when the question arrives, which it then answers from the start."""
    assert tab.evaluate(CROSSED)


STILL = """async element => { // its neighbours have come, too, and it lies still
  const pause = () => new Promise(go => setTimeout(go, 150)), top = () => element.getBoundingClientRect().top;
  for (let before; before !== top(); await pause()) before = top();
}"""


def box_of(tab, cell):
    place = tab.locator(f'[data-call="{cell}"]')
    place.scroll_into_view_if_needed()
    box = place.locator(".td-instrument")
    expect(box).to_be_attached()
    place.evaluate(STILL)
    return box


def at(box, instrument, panel, x, y):
    """Where a place of the figure, in the coordinates of the SVG, is on the screen."""
    edges, width = box.locator(".td-ink").bounding_box(), instrument.figure.figure.bbox.width
    scale = edges["width"] / width
    return edges["x"] + scale * x, edges["y"] + scale * y


def place_of(instrument, panel, x, y):
    """The SVG coordinates of data in an axes."""
    figure = instrument.figure.figure
    right, up = figure.axes[panel].transData.transform((x, y))
    return right, figure.bbox.height - up


@pytest.fixture(scope="module")
def chain():
    return gain_chain(factor=0.9)


def reading(box):
    return box.locator(".td-reading")


def test_the_pointer_reads_the_nearest_value_of_each_curve(tab, chain):
    box = box_of(tab, "chain")
    for layer in (0, 12, 49):
        tab.mouse.move(*at(box, chain, 0, *place_of(chain, 0, (layer + 0.2) / 50, 0.3)))
        expect(reading(box).locator("b").first).to_have_text(f"layer {layer}")
        expect(reading(box).locator("span").first).to_contain_text("gradient, from layer D back to 0")
        read = float(reading(box).locator("span b").first.inner_text())
        assert read == pytest.approx(10 ** chain.result.course[layer], rel=0.02)
    tab.mouse.move(5, 5)
    expect(reading(box)).to_be_hidden()


def test_the_keyboard_reads_and_chooses_a_curve_and_a_screen_reader_hears_it(tab, chain):
    box = box_of(tab, "chain")
    walk = box.get_by_role("slider", name="Read the figure")
    walk.focus()
    expect(walk).to_have_attribute("aria-valuetext", re.compile(r"^layer 0: gradient.* 0\.0052; the same"))
    walk.press("ArrowRight")
    expect(walk).to_have_attribute("aria-valuetext", re.compile("^layer 1: "))
    walk.press("End")
    walk.press("ArrowDown")
    expect(walk).to_have_attribute("aria-valuetext", "layer 50: gradient, from layer D back to 0 1")
    dimmed = box.locator(".td-ink > svg").evaluate_all("all => all.map(one => one.style.opacity)")
    assert dimmed.count("") == 1
    assert violations(tab) == []
    walk.press("ArrowUp")
    assert set(box.locator(".td-ink > svg").evaluate_all("all => all.map(one => one.style.opacity)")) == {""}


def test_an_entry_of_the_legend_dims_the_other_curves(tab, chain):
    box, number = box_of(tab, "chain"), chain.figure.number(chain._artists["course"])
    (entry,) = [e for e in chain._about["legend"] if e["curves"] == [number]]
    left, top, wide, high = entry["box"]
    tab.mouse.move(*at(box, chain, 0, left + wide / 2, top + high / 2))
    opacity = "all => all.map(one => one.style.opacity !== '')"
    dimmed = box.locator(".td-ink > svg").evaluate_all(opacity)
    assert [i for i, one in enumerate(dimmed) if not one] == [number] and len(dimmed) > 2
    tab.mouse.move(5, 5)
    assert not any(box.locator(".td-ink > svg").evaluate_all(opacity))


def test_numbers_are_written_as_python_writes_them(tab):
    values = [0.0, 1.0, 0.55, 123.4, 1234.0, 0.00515, 0.0031, 1.2e-5, -2.5, -3e-9, 6.02e23, 99999.0]
    read = "async all => { const {short} = await import('./figure.js'); return all.map(one => short(one)); }"
    assert tab.evaluate(read, values) == [short(value) for value in values]


FILL = """async () => {
  const { Instrument } = await import('./instrument.js');
  const about = { controls: [{ name: 'a' }] }, frame = length => ({ ink: 'x'.repeat(length), last: true });
  const one = new Instrument({ about, state: () => [0], frame: () => frame(1), want() {}, save() {} });
  for (let i = 0; i < 4000; i += 1) one.keep([i], frame(10));
  const small = one.frames.size;
  for (let i = 0; i < 50; i += 1) one.keep([-i], frame(1e6));
  return [small, one.frames.size, one.size];
}"""


def test_the_memory_for_frames_is_bounded_by_their_number_and_by_their_ink(tab):
    small, large, size = tab.evaluate(FILL)
    assert small == 3000
    assert large < 50 and size <= 2e7


def test_a_phrase_sets_the_instrument_and_another_instrument_stays(tab):
    box, other = box_of(tab, "chain"), box_of(tab, "second")
    before = other.locator(".td-ink").inner_html()
    box.get_by_role("button", name="100 layers", exact=True).click()
    expect(box.locator(".td-verdict")).to_contain_text("0.90 to the power 100")
    button(box, "1.1 fifty times").click()
    box.locator(".td-control", has_text="Depth D").locator("input").press("Home")
    expect(box.locator(".td-verdict")).to_contain_text("1.10 to the power 1 ")
    phrase = box.get_by_role("button", name="a random layer", exact=True)
    phrase.focus()
    tab.keyboard.press("Enter")  # from the start, where the page has it
    expect(box.locator(".td-verdict")).to_contain_text("; 50 of them")
    assert other.locator(".td-ink").inner_html() == before


def test_play_runs_to_where_the_slider_stood_and_a_touch_stops_it(tab):
    box = box_of(tab, "chain")
    slider = box.locator(".td-control", has_text="Depth D").locator("input[type=range]")
    start = slider.input_value()
    button(box, "Play").click()
    expect(slider).not_to_have_value(start)
    expect(button(box, "Pause")).to_be_visible()
    expect(button(box, "Play")).to_be_visible(timeout=10_000)
    expect(slider).to_have_value(start)
    button(box, "Play").click()
    expect(slider).not_to_have_value(start)
    box.locator(".td-title").click()
    expect(button(box, "Play")).to_be_visible()
    stands = slider.input_value()
    tab.wait_for_timeout(600)
    assert slider.input_value() == stands != start


def test_who_wants_no_motion_goes_step_by_step(tab):
    tab.emulate_media(reduced_motion="reduce")
    tab.reload()
    box = box_of(tab, "chain")
    slider = box.locator(".td-control", has_text="Depth D").locator("input[type=range]")
    for position in ("0", "1", "2"):
        button(box, "Step").click()
        expect(slider).to_have_value(position)
    tab.wait_for_timeout(500)
    expect(slider).to_have_value("2")


def test_a_threshold_and_a_start_are_dragged_in_the_figure(tab):
    box, instrument = box_of(tab, "clip"), gradient_clipping(max_norm=1.0)
    x, y = at(box, instrument, 1, *place_of(instrument, 1, 200, 0.0))
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(*at(box, instrument, 1, *place_of(instrument, 1, 200, 4.0)), steps=5)
    tab.mouse.up()
    expect(box.locator(".td-control", has_text="Threshold τ")).to_contain_text("Threshold τ = off")
    button(box, "Reset").click()
    w, b = (float(values[0, 31]) for values in (instrument.result.descent.w, instrument.result.descent.b))
    tab.mouse.click(*at(box, instrument, 0, *place_of(instrument, 0, w, b)))
    expect(box.locator(".td-control", has_text="Start")).to_contain_text("Start = 32")


def test_a_probability_and_the_marked_value_are_dragged_in_the_figure(tab):
    box, instrument = box_of(tab, "drop"), dropout_masks()
    tab.mouse.move(*at(box, instrument, 0, *place_of(instrument, 0, 15.5, 5)))
    tab.mouse.down()
    tab.mouse.move(*at(box, instrument, 0, *place_of(instrument, 0, 0.95 * 32 - 0.5, 5)), steps=4)
    tab.mouse.up()
    expect(box.locator(".td-control", has_text="Drop probability")).to_contain_text("p = 0.05")
    box, instrument = box_of(tab, "axes"), norm_axes()
    columns, rows = (instrument._artists[name].get_xydata() for name in ("columns", "rows"))
    tab.mouse.click(*at(box, instrument, 0, *place_of(instrument, 0, columns[6, 0], rows[1, 1])))
    box.locator(".td-more").evaluate("more => more.setAttribute('open', '')")
    expect(box.locator(".td-control", has_text="Marked channel")).to_contain_text("Marked channel = 7")


def test_a_keep_probability_is_dragged_in_the_figure(tab):
    box, instrument = box_of(tab, "paths"), paths(network="at the start", depth=3)
    tab.mouse.move(*at(box, instrument, 2, *place_of(instrument, 2, 0.5, 1.0)))
    tab.mouse.down()
    tab.mouse.move(*at(box, instrument, 2, *place_of(instrument, 2, 0.5, 0.1)), steps=4)
    tab.mouse.up()
    expect(box.locator(".td-control", has_text="Keep probability")).to_contain_text("Keep probability = 0.1")


@pytest.mark.parametrize("by", ["mouse", "touch", "keyboard"])
def test_a_guess_is_drawn_before_the_truth_is_shown(tab, chain, by):
    box = box_of(tab, "guess")
    expect(box.locator(".td-verdict")).to_contain_text("YOUR GUESS")
    assert "0.00515" not in box.inner_text()
    assert box.locator(".td-ink > svg").count() == 1  # the shaded zone
    expect(box.locator(".td-panel")).to_be_hidden()
    expect(box.locator(".td-question")).to_be_hidden()
    x, y = place_of(chain, 0, 0, 0)
    low = place_of(chain, 0, 0, -0.5)[1]
    if by == "keyboard":
        handle = box.get_by_role("slider", name="Your guess at layer 0")
        handle.focus()
        for _ in range(25):
            handle.press("ArrowDown")
        expect(handle).to_have_attribute("aria-valuetext", "0.0083")
    elif by == "mouse":
        tab.mouse.move(*at(box, chain, 0, x, y))
        tab.mouse.down()
        tab.mouse.move(*at(box, chain, 0, x, low), steps=4)
        tab.mouse.up()
    else:
        tab.touchscreen.tap(*at(box, chain, 0, x, low))
    if by == "mouse":
        assert violations(tab) == []
    box.get_by_role("button", name="Commit").press("Enter")
    expect(box.locator(".td-goal")).to_contain_text(
        re.compile(r"Farthest off at layer \d+: you drew .*, and it is")
    )
    expect(box.get_by_role("button", name="Close")).to_be_focused()
    truth = from_log10(chain.result.ratio)
    expect(box.locator(".td-verdict")).to_contain_text(truth)
    expect(box.locator(".td-panel")).to_be_visible()
    expect(box.locator(".td-guess")).to_have_count(1)
    expect(box.locator(".td-own")).to_have_text("your guess")
    expect(box.locator(".td-guess")).to_have_css("stroke-dasharray", "none")  # dashed is what theory says
    button(box, "1.1 fifty times").click()
    expect(box.locator(".td-guess")).to_have_count(0)  # it was a guess at something else
    box.get_by_role("button", name="Close").click()
    expect(box.locator(".td-goal")).to_be_empty()


def test_a_committed_guess_is_there_when_the_page_is_opened_again(tab, chain):
    box = box_of(tab, "guess")
    handle = box.get_by_role("slider", name="Your guess at layer 12")
    handle.focus()
    for _ in range(10):
        handle.press("ArrowDown")
    drawn = box.locator(".td-guess").get_attribute("d")
    box.get_by_role("button", name="Commit").press("Enter")
    expect(box.locator(".td-goal")).to_contain_text("Farthest off at layer ")
    said = box.locator(".td-goal > div").inner_text()
    tab.reload()
    box = box_of(tab, "guess")
    expect(box.locator(".td-verdict")).to_contain_text(from_log10(chain.result.ratio))
    expect(box.locator(".td-panel")).to_be_visible()
    expect(box.locator(".td-guess")).to_have_attribute("d", drawn)
    expect(box.locator(".td-goal > div")).to_have_text(f"Your guess from before. {said}")
    expect(box.get_by_role("slider", name="Your guess at layer 12")).to_be_hidden()
    # What is kept is of another version, or no guess: it is asked for again.
    tab.evaluate("for (const id of Object.keys(localStorage)) localStorage.setItem(id, '[1, 2]')")
    tab.reload()
    expect(box_of(tab, "guess").get_by_role("button", name="Commit")).to_be_visible()


# The data: a table, and sound


def data_of(box):
    """Open the data of an instrument with the keyboard."""
    data = button(box, "Data")
    expect(data).to_have_attribute("aria-expanded", "false")
    expect(box.locator(".td-data")).to_be_hidden()
    data.focus()
    data.press("Enter")
    expect(data).to_have_attribute("aria-expanded", "true")
    return box.locator(".td-data")


def rows_of(table):
    """The words of a table: [[head of a column, …], [head of a row, cell, …], …]."""
    return table.locator("tr").evaluate_all(
        "all => all.map(tr => [...tr.cells].map(cell => cell.textContent))"
    )


def test_the_data_of_a_figure_is_a_table_that_follows_it(tab, chain):
    box = box_of(tab, "chain")
    table = data_of(box).locator("table")
    head, *rows = rows_of(table)
    assert head == ["", "gradient, from layer D back to 0", "the same factor at every layer"]
    assert [row[0] for row in rows] == [f"layer {layer}" for layer in range(51)]
    for (_, *sizes), log in zip(rows, chain.result.course, strict=True):
        assert [float(size) for size in sizes] == pytest.approx([10**log] * 2, rel=0.02)
    assert violations(tab) == []
    button(box, "1.1 fifty times").click()
    expect(table.locator("td").nth(1)).to_have_text(re.compile("^11[67]$"))  # 1.1 to the power 50 is 117.4
    box.locator(".td-control", has_text="Depth D").locator("input").press("Home")
    expect(table.locator("tbody tr")).to_have_count(2)
    button(box, "Data").press("Enter")
    expect(box.locator(".td-data")).to_be_hidden()


def test_a_long_curve_has_a_bounded_table_and_a_plane_tells_whose_a_place_is(tab):
    box, instrument = box_of(tab, "clip"), gradient_clipping(max_norm=1.0)
    plane, steps = data_of(box).locator("table").all()
    assert rows_of(plane)[0] == ["", "curve"]
    named = {label for _, label, _ in instrument._about["panels"][0]["curves"]}
    assert {row[1] for row in rows_of(plane)[1:]} & named
    assert len(rows_of(plane)) <= 121
    head, *rows = rows_of(steps)
    assert len(rows) == 120
    expect(steps.locator("caption")).to_have_text("Loss and gradient, step by step: 120 of 400 places")
    assert (rows[0][0], rows[-1][0]) == ("step 0", "step 399")
    loss = np.asarray(instrument._artists["loss"].get_ydata(), float)
    for place, *cells in rows:
        log = loss[int(place.removeprefix("step "))]
        cell = cells[head.index("loss") - 1]
        if cell.startswith("above"):
            assert log > 4.4
        else:
            assert log10_of(cell) == pytest.approx(log, abs=0.02)
    assert violations(tab) == []


def log10_of(text):
    """log10 of a number as the course writes it."""
    figures, _, power = text.partition("\u00a0×\u00a010")
    return np.log10(float(figures)) + int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)


@pytest.mark.parametrize(("preset", "way"), [("0.9 fifty times", -1), ("1.1 fifty times", 1), (None, 0)])
def test_what_is_heard_are_the_tones_that_python_computes_of_the_curve(tab, preset, way):
    box = box_of(tab, "chain" if preset else "second")
    settings = {"depth": 20}
    if preset:
        button(box, preset).click()
        settings = GainChain.presets[preset]
    tab.evaluate(LISTEN)
    hear = data_of(box).get_by_role("button", name="Hear it")
    assert played(tab)[0] == []  # nothing sounds unless asked for
    hear.press("Enter")
    notes, steps = played(tab)
    want = tones(gain_chain(**settings))[::-1]  # on its way, from the last layer to the first
    assert [shape for _, shape in notes] == ["sine"] * len(want)
    np.testing.assert_allclose([f for f, _ in notes], want, rtol=2e-3)
    np.testing.assert_allclose(steps, min(sound.NOTE, sound.LONGEST / len(want)), atol=1e-6)
    intervals = np.diff(np.log2([f for f, _ in notes]))
    assert np.all(np.sign(np.round(intervals, 4)) == way)
    np.testing.assert_allclose(intervals, intervals.mean(), atol=2e-3)
    stop = box.get_by_role("button", name="Stop")
    expect(reading(box)).to_be_visible()  # where the sound is
    stop.press("Enter")
    expect(hear).to_be_visible()
    expect(reading(box)).to_be_hidden()


def test_the_keyboard_walks_along_a_curve_that_sounds_only_when_asked(tab, chain):
    box = box_of(tab, "chain")
    tab.evaluate(LISTEN)
    walk = box.get_by_role("slider", name="Read the figure")
    walk.focus()
    walk.press("ArrowRight")
    assert played(tab)[0] == []
    along = data_of(box).get_by_role("button", name="Sound while reading")
    along.press("Space")
    expect(along).to_have_attribute("aria-pressed", "true")
    played(tab)
    want = tones(chain)
    walk.focus()
    for key, layer in (("Home", 0), ("ArrowRight", 1), ("End", 50)):
        played(tab)
        walk.press(key)
        ((frequency, shape),) = played(tab)[0]
        assert (frequency, shape) == (pytest.approx(want[layer], rel=2e-3), "sine")
    menu = box.get_by_label("Curve")
    assert menu.evaluate("menu => menu.selectedOptions[0].text") == "gradient, from layer D back to 0"
    walk.press("ArrowUp")  # the last curve
    assert menu.evaluate("menu => menu.selectedOptions[0].text") == "the same factor at every layer"
    for switch in (button(box, "Data"), button(box, "Data"), along):  # closed; open again; off
        switch.press("Space")
        walk.focus()
        played(tab)
        walk.press("ArrowLeft")
        assert bool(played(tab)[0]) == (box.locator(".td-data").is_visible() and switch is not along)


def test_what_leaves_the_axes_and_what_ends_sound_otherwise(tab):
    """A loss that is no number any more, on the way there beyond the axis, and a curve that goes on."""
    box = box_of(tab, "stability")
    tab.evaluate(LISTEN)
    data = data_of(box)
    menu = data.get_by_label("Curve")
    expect(menu.locator(":checked")).to_have_text("with the norm")  # in the colour of what is measured
    menu.select_option(index=0)
    expect(menu.locator(":checked")).to_have_text("no norm")
    data.get_by_role("button", name="Hear it").press("Enter")
    notes = played(tab)[0]
    shapes = [shape for shape, _ in groupby(shape for _, shape in notes)]
    assert shapes == ["square", "sawtooth"]
    assert notes[0][0] == pytest.approx(sound.HIGH) and notes[-1] == (sound.LOST, "sawtooth")
    head, *rows = rows_of(data.locator("table").first)
    column = head.index("no norm")
    assert rows[0][column] == "above 100" and rows[-1][column] == "–"


@pytest.mark.parametrize("cell", ["clip", "chain"])  # a finger drags a setting, or it scrolls
def test_on_a_phone_all_of_the_figure_is_within_a_fingers_reach(browser, url, cell):
    with browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True) as context:
        tab = context.new_page()
        tab.goto(url)
        box = box_of(tab, cell)
        figure = box.locator(".td-figure")
        ends = "one => [one.scrollLeft, one.scrollLeft + one.clientWidth - one.scrollWidth]"
        assert figure.evaluate(ends)[1] < -100
        for name, end in (("right →", 1), ("← left", 0)):
            button(box, name).tap()
            tab.wait_for_function(
                f"([one, end]) => Math.abs(({ends})(one)[end]) < 2", arg=[figure.element_handle(), end]
            )


def test_where_all_of_the_figure_is_seen_nothing_offers_to_scroll_it(tab):
    box = box_of(tab, "clip")
    assert box.locator(".td-sides").is_hidden()
