"""What needs a kernel: frames ahead of the hand, a kernel that dies, two views, two notebooks on one page."""

import re

import psutil
import pytest
from playwright.sync_api import expect

from helpers import gain_chain, init_explorer
from helpers.chapters.depth.gain_chain import GainChain
from helpers.chapters.initialization.init_explorer import InitExplorer
from tests.browser.instruments import assert_shows, button, computed, control, instrument, move
from tests.browser.sounds import LISTEN, played, tones
from tools.axe import violations

CELL = "from helpers import gain_chain\nchain = gain_chain()\nchain"


def kernel_of(lab):
    """The process of the only kernel."""
    children = psutil.Process(lab.process.pid).children(recursive=True)
    (kernel,) = (one for one in children if any("ipykernel" in word for word in one.cmdline()))
    return kernel


def test_a_kernel_that_dies_under_a_drag_leaves_the_figure_and_the_frames_that_are_there(page):
    page.open_cells(CELL)
    page.run_all()
    box = instrument(page, GainChain)
    slider = page.slider("Depth", box)
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):  # these have been seen
        page.press(slider, key)
    assert_shows(page, box, computed(GainChain))
    handle = slider.locator("input").bounding_box()
    middle = handle["y"] + handle["height"] / 2
    page.page.mouse.move(handle["x"] + handle["width"] / 2, middle)
    page.page.mouse.down()
    kernel_of(page.lab).kill()
    for step in range(1, 12):
        page.page.mouse.move(handle["x"] + handle["width"] * (0.5 - 0.04 * step), middle)
        page.page.wait_for_timeout(30)
    page.page.mouse.up()
    note = box.locator(".td-note")
    expect(note).to_have_text(
        "Disconnected: the kernel has ended. What was shown before still moves.", timeout=15_000
    )
    dialog = page.page.locator(".jp-Dialog .jp-mod-accept")
    if dialog.count():
        dialog.first.click()
    assert box.locator(".td-ink path").count() > 0
    page.press(slider, "Home", "End")
    button(box, "Reset").click()
    assert_shows(page, box, computed(GainChain))
    page.press(slider, "ArrowRight")
    assert_shows(page, box, computed(GainChain, depth=51))
    assert box.locator("text=Error").count() == 0
    page.console_errors.clear()  # JupyterLab reports the lost connection


def test_a_frame_that_fails_is_words_and_reset_brings_the_figure_back(page):
    page.open_cells(
        CELL,
        "def fail(settings):\n    if settings.depth == 3:\n        raise RuntimeError('out of <chalk>')\n"
        "    return type(chain).experiment(settings)\nchain.experiment = fail",
    )
    page.run_all()
    box = instrument(page, GainChain)
    move(page, GainChain, box, "depth", 3)
    expect(box.locator(".td-verdict")).to_contain_text("These settings cannot be shown: out of <chalk>")
    assert box.locator(".td-ink > *").count() == 0
    button(box, "Reset").click()
    assert_shows(page, box, computed(GainChain))
    assert page.problems() == []


def test_the_parts_of_a_figure_that_stay_are_left_alone_and_are_written_like_the_paper(page):
    page.open_cells(CELL)
    page.run_all()
    box = instrument(page, GainChain)
    texts = box.locator(".td-ink text")
    texts.first.evaluate("one => { one.before = true; }")
    move(page, GainChain, box, "factor", 1.05)
    assert_shows(page, box, computed(GainChain, factor=1.05))
    assert texts.first.evaluate("one => one.before")
    font = "one => getComputedStyle(one).fontFamily"
    assert texts.first.evaluate(font) == box.locator(".td-figure > svg text").first.evaluate(font)
    assert page.problems() == []


def test_two_views_and_a_cell_that_is_run_again(page):
    page.open_cells(CELL, "chain", CELL.replace("chain = ", "other = ").replace("\nchain", "\nother"))
    page.run_all()
    boxes = page.page.locator(".td-instrument")
    expect(boxes).to_have_count(3)
    one, same, other = boxes.all()
    page.press(page.slider("Depth", same), "Home")
    for box, depth in ((one, 1), (same, 1), (other, 50)):
        assert_shows(page, box, computed(GainChain, depth=depth))
    page.run_all()
    for box in page.page.locator(".td-instrument").all():
        assert_shows(page, box, computed(GainChain))
    page.press(page.slider("Depth", page.page.locator(".td-instrument").nth(2)), "End")
    assert_shows(page, page.page.locator(".td-instrument").nth(2), computed(GainChain, depth=100))
    assert_shows(page, page.page.locator(".td-instrument").nth(0), computed(GainChain))


def test_two_notebooks_on_one_page_are_independent(page):
    page.lab.write_notebook("other.ipynb", [CELL])
    page.open_cells(CELL)
    page.run_all()
    page.command("docmanager:open", {"path": "other.ipynb", "options": {"mode": "split-right"}})
    page.page.wait_for_function("document.querySelectorAll('.jp-Notebook').length === 2")
    page.wait_idle()
    page.run_all()
    boxes = page.page.locator(".td-instrument")
    expect(boxes).to_have_count(2, timeout=30_000)
    page.press(page.slider("Depth", boxes.nth(0)), "Home")
    assert_shows(page, boxes.nth(0), computed(GainChain, depth=1))
    assert_shows(page, boxes.nth(1), computed(GainChain))
    ids = page.page.locator(".td-instrument [id]").evaluate_all("all => all.map(one => one.id)")
    assert len(set(ids)) == len(ids)


def test_a_phrase_play_reading_and_a_guess_in_a_notebook(page):
    page.open_cells(CELL, "gain_chain(guess=True)")
    page.run_all()
    box, asking = page.page.locator(".td-instrument").all()
    box.get_by_role("button", name="100 layers", exact=True).click()
    assert_shows(page, box, computed(GainChain, depth=100))
    walk = box.get_by_role("slider", name="Read the figure")
    walk.focus()
    page.page.keyboard.press("End")
    expect(walk).to_have_attribute("aria-valuetext", re.compile("^layer 100: "))
    slider = page.slider("Depth", box).locator("input")
    gain = next(one for one in GainChain.controls if one.name == "factor")
    ticks = page.slider("Factor g of a layer", box).locator("input").evaluate("slider => slider.ticks")
    cases = [*GainChain.presets.values(), *(challenge.start for challenge in GainChain.challenges)]
    meant = {gain.default, *(case["factor"] for case in cases if "factor" in case)}
    assert {gain.values[at] for at in ticks} == meant
    start = slider.input_value()
    button(box, "Play").click()
    expect(slider).not_to_have_value(start)
    expect(slider).to_have_value(start, timeout=30_000)
    handle = asking.get_by_role("slider", name="Your guess at layer 0")
    handle.focus()
    page.page.keyboard.press("ArrowDown")
    asking.get_by_role("button", name="Commit").click()
    assert_shows(page, asking, computed(GainChain))
    goal = asking.locator(".td-goal")
    expect(goal).to_contain_text("Farthest off at")
    said = goal.locator("div").inner_text()
    page.wait_idle()
    page.run_all()  # a committed guess is remembered
    asking = page.page.locator(".td-instrument").nth(1)
    assert_shows(page, asking, computed(GainChain))
    expect(asking.locator(".td-goal > div")).to_have_text(f"Your guess from before. {said}")
    expect(asking.locator(".td-guess")).to_have_count(1)
    expect(asking.get_by_role("button", name="Commit")).to_have_count(0)
    assert page.problems() == []


def test_the_data_of_a_figure_in_a_notebook_follows_the_kernel_and_can_be_heard(page):
    page.open_cells(CELL, "chain.set(factor=1.1, depth=10)")
    page.run_all()
    box = instrument(page, GainChain)
    page.page.evaluate(LISTEN)
    button(box, "Data").press("Enter")
    rows = box.locator(".td-tables tbody tr")
    expect(rows).to_have_count(11)
    chain = gain_chain(factor=1.1, depth=10)
    sizes = [float(row.locator("td").first.inner_text()) for row in rows.all()]
    assert sizes == pytest.approx(10**chain.result.course, rel=0.02)
    box.get_by_role("button", name="Hear it").press("Enter")
    frequencies = [frequency for frequency, _ in played(page.page)[0]]
    assert frequencies == pytest.approx(tones(chain)[::-1], rel=2e-3)
    assert violations(page.page, [".td-instrument"]) == []
    assert page.problems() == []


def test_the_nearest_positions_are_there_soon_after_the_pointer_comes(page):
    """How soon is measured by benchmarks/slider_latency.py."""
    page.open_cells("from helpers import init_explorer\ninit_explorer()")
    page.run_all()
    box = instrument(page, InitExplorer)
    slider = control(box, "Custom σ_w")
    slider.hover()
    page.page.wait_for_timeout(3000)
    page.wait_idle()
    kernel = kernel_of(page.lab)
    kernel.suspend()
    try:
        for step in range(1, 16):
            page.press(slider, "ArrowRight" if step % 2 else "ArrowLeft")
        page.press(slider, *["ArrowRight"] * 14)
        sigma_w = InitExplorer.controls[3].values
        to = sigma_w.index(2**0.5) + 15
        assert_shows(page, box, computed(InitExplorer, sigma_w=sigma_w[to], scheme="custom σ"))
    finally:
        kernel.resume()


def test_the_live_instrument_goes_on_where_the_one_before_python_was_left(page):
    """In JupyterLite another figure of the same call was moved before the cell ran (tools/web/early.js)."""
    page.open_cells("from helpers import init_explorer", "e = init_explorer()\ne", "print('depth', e.depth)")
    start, left = init_explorer(), init_explorer(depth=37)
    before = {"state": list(left.settings.__dict__.values()), "challenge": None, "frame": left.frame()}
    call = ["scratch", "init_explorer", list(start.settings.__dict__.values())]
    page.page.evaluate(
        "([call, it]) => { globalThis.trainableDepthEarly = new Map([[JSON.stringify(call), it]]); }",
        [call, before],
    )
    page.run_all()
    label = page.slider("Depth").locator("label")
    expect(label).to_have_text(re.compile("= 37$"))
    page.page.wait_for_timeout(1000)  # the hand rests; then Python is told
    page.command("notebook:run-cell")  # the last one
    page.wait_idle()
    expect(page.cell(2)).to_contain_text("depth 37")
    assert start.depth != 37
    page.run_all()  # again: from its own start
    expect(label).to_have_text(re.compile(f"= {start.depth}$"))
    assert page.problems() == []
