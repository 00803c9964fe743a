"""The infrastructure itself: does it drive JupyterLab, and does it notice what goes wrong?"""

import pytest
from playwright.sync_api import expect

from tools.lab import Lab, find_chromium

SLIDER = """
import ipywidgets as widgets
slider = widgets.IntSlider(description="Depth L = 3", min=0, max=30, value=3)
label = widgets.Label("depth 3")
slider.observe(lambda change: setattr(label, "value", f"depth {change.new}"), "value")
widgets.VBox([slider, label])
"""


def test_a_label_follows_the_slider_by_mouse_and_keyboard(page):
    page.open_cells(SLIDER)
    page.run_all()
    slider, label = page.slider("Depth"), page.page.locator(".widget-label").last
    expect(label).to_have_text("depth 3")

    for to, depth in ((1, 30), (0, 0), (0.5, 15)):
        page.drag(slider, to)
        expect(label).to_have_text(f"depth {depth}")

    for key, depth in (("ArrowRight", 16), ("ArrowLeft", 15), ("End", 30), ("Home", 0)):
        page.press(slider, key)
        expect(label).to_have_text(f"depth {depth}")
        assert page.value(slider) == depth
    assert page.problems() == []


def shows_light_theme(page):
    expect(page.page.locator("body")).to_have_attribute("data-jp-theme-light", "true")


def shows_dark_theme(page):
    expect(page.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")


def test_a_dark_lab_is_dark(dark_page):
    dark_page.open_cells("1 + 1")
    shows_dark_theme(dark_page)


def test_the_theme_can_be_switched(page):
    page.open_cells("1 + 1")
    shows_light_theme(page)
    page.set_theme("dark")
    shows_dark_theme(page)


def test_the_next_page_is_back_in_the_theme_of_its_lab(page):
    page.open_cells("1 + 1")
    shows_light_theme(page)


def test_run_all_waits_for_the_last_cell(page):
    page.open_cells("import time; time.sleep(1)", "print('done')")
    page.run_all()
    assert page.cell(1).locator(".jp-OutputArea-output").inner_text().strip() == "done"


def test_problems_are_noticed(page):
    page.open_cells(SLIDER, "slider.observe(lambda change: 1 / 0, 'value')", "print(nothing)")
    page.run_all()
    (traceback,) = page.problems()
    assert "NameError" in traceback

    page.press(page.slider("Depth"), "ArrowRight")
    page.wait_idle()
    assert "ZeroDivisionError" in page.problems()[1]

    page.page.evaluate("() => { console.error('a message'); setTimeout(() => { throw Error('x') }) }")
    page.page.wait_for_timeout(100)
    assert "a message" in page.console_errors[0]
    assert page.console_errors[1].startswith("uncaught")
    page.console_errors.clear()  # or the fixture would fail this test


def test_a_lab_ends_with_its_context(tmp_path):
    with Lab(tmp_path) as lab:
        lab.write_notebook("empty.ipynb", [])
        assert lab.request("api/contents/empty.ipynb")["type"] == "notebook"
    assert lab.process.poll() is not None
    assert not lab.folder.exists()


def test_a_missing_browser_is_an_error(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    with pytest.raises(RuntimeError, match=r"/no/such/browser.*CHROMIUM"):
        find_chromium()
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="google-chrome"):
        find_chromium()


BAR = """
from helpers import progress_bar
progress_bar.PATIENCE = progress_bar.PAUSE = 0
bar = progress_bar.ProgressBar(3, "training")
for done in range(4):
    bar.show(done)
bar.close()
"""


def test_a_notebook_opened_again_misses_no_bar_of_progress(page):
    page.open_cells(BAR + "'trained'")
    page.run_all()
    expect(page.cell(0).locator(".jp-OutputArea")).to_contain_text("trained")
    page.command("docmanager:save")
    page.lab.end_kernels()
    page.open("scratch.ipynb")  # the next day
    output = page.cell(0).locator(".jp-OutputArea")
    expect(output).to_contain_text("trained")
    page.page.wait_for_timeout(2000)  # time enough to look for widgets
    assert "widget" not in output.inner_text().lower() and "IntProgress" not in output.inner_text()
    assert page.problems() == []
