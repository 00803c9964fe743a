"""What a hand does in an instrument, on a page without a kernel: read, play, drag, guess, follow a phrase.

The module is the same in a notebook; test_notebook_hand.py tries there what needs a kernel.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from helpers import dropout_masks, gain_chain, gradient_clipping, norm_axes, paths
from helpers.figures.numbers import from_log10, short
from tests.browser.instruments import button
from tests.browser.pages import page_of
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
        return list(cases(instrument, about, slow))[: None if about["name"] == "gain_chain" else 1]

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


def box_of(tab, cell):
    place = tab.locator(f'[data-call="{cell}"]')
    place.scroll_into_view_if_needed()
    box = place.locator(".td-instrument")
    expect(box).to_be_attached()
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
    button(box, "1.1 fifty times").click()
    expect(box.locator(".td-verdict")).to_contain_text("1.10 to the power 50")
    button(box, "Reset").click()
    phrase = box.get_by_role("button", name="100 layers", exact=True)
    phrase.focus()
    tab.keyboard.press("Enter")  # from the start, where the page has it
    expect(box.locator(".td-verdict")).to_contain_text("0.90 to the power 100")
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
    button(box, "1.1 fifty times").click()
    expect(box.locator(".td-guess")).to_have_count(0)  # it was a guess at something else
    box.get_by_role("button", name="Close").click()
    expect(box.locator(".td-goal")).to_be_empty()
