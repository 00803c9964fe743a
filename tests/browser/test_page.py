"""Instruments on a page without a kernel: alive with frames that were made beforehand, still without."""

import gzip
import http.server
import json
import threading
from functools import partial

import pytest
from playwright.sync_api import expect

from helpers import gain_chain, norm_axes
from helpers.browser.notebook import SCRIPT
from helpers.browser.page import bake
from helpers.figures.theme import style_sheet
from tests.browser.instruments import READ, button, computed, option, reached, verdict
from tools.axe import violations

STILL = '<div class="td-instrument td-still" data-frames="{}" data-live="lesson.html">A still picture.</div>'
PAGE = """<!doctype html><html lang="en"><title>A page</title>
<meta name="viewport" content="width=device-width">
{style}<main><h1>A page</h1>{stills}</main>
<script type="module">import {{enliven}} from "./instrument.js"; enliven();</script></html>"""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A folder with frames and pages, served as any host of static files would."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "instrument.js").write_bytes(SCRIPT.read_bytes())
    for make in (gain_chain, norm_axes):
        packed, unsolved = bake(make(), seconds=60)
        assert unsolved == []
        (folder / f"{make.__name__}.frames").write_bytes(packed)
    content = json.loads(gzip.decompress(packed))
    (folder / "other.frames").write_bytes(gzip.compress(json.dumps({**content, "format": 0}).encode()))
    for name, files in {"two": ("gain_chain", "norm_axes"), "faults": ("missing", "other")}.items():
        stills = "".join(STILL.format(f"{file}.frames") for file in files)
        (folder / f"{name}.html").write_text(PAGE.format(style=style_sheet(), stills=stills), "utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["desktop", "phone"])
def tab(browser, request):
    width, scheme = request.param
    with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
        tab, problems = context.new_page(), []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        yield tab
        assert problems == []


def alive(tab, title):
    return tab.locator(".td-instrument:not(.td-still)").filter(has=tab.get_by_text(title, exact=True))


def test_every_preset_is_shown_and_is_what_python_computes(url, tab):
    tab.goto(url + "two.html")
    for title, make in (("Gain chain", gain_chain), ("Norm axes", norm_axes)):
        box = alive(tab, title)
        kind = type(make())
        for name, settings in make().presets.items():
            button(box, name).click()
            tab.wait_for_timeout(100)
            assert box.evaluate(READ) == computed(kind, **settings)
        button(box, "Reset").click()
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_challenge_can_be_solved(url, tab):
    tab.goto(url + "two.html")
    box = alive(tab, "Norm axes")
    button(box, "Nothing left").click()
    expect(box.locator(".td-goal")).to_contain_text("Goal:")
    option(box, "InstanceNorm").click()
    slider = box.get_by_label("Height H = width W")
    slider.focus()
    tab.keyboard.press("Home")
    reached(box)


def test_a_combination_that_is_not_there_says_so_and_shows_no_picture(url, tab):
    tab.goto(url + "two.html")
    box = alive(tab, "Gain chain")
    box.get_by_label("Depth L").focus()
    tab.keyboard.press("End")
    box.get_by_label("Weights σ_w").focus()
    tab.keyboard.press("End")
    box.locator("select").select_option("tanh")
    words = box.locator(".td-verdict")
    if "not on this page" in words.inner_text():
        assert box.locator(".td-ink path").count() == 0
        expect(words.get_by_role("link", name="the live lesson")).to_have_attribute("href", "lesson.html")
    button(box, "Reset").click()
    expect(verdict(box)).to_have_text("HEALTHY")


def test_a_link_brings_the_state_back(url, tab):
    tab.goto(url + "two.html")
    box = alive(tab, "Gain chain")
    button(box, "1.1 fifty times").click()
    tab.wait_for_timeout(100)
    seen = box.evaluate(READ)
    button(box, "Copy link").click()
    address = tab.url
    tab.goto("about:blank")
    tab.goto(address)
    box = alive(tab, "Gain chain")
    expect(box).to_be_visible()
    tab.wait_for_timeout(100)
    assert box.evaluate(READ) == seen


def test_without_its_file_it_stays_a_still_picture_that_says_so(url, tab):
    tab.goto(url + "faults.html")
    stills = tab.locator(".td-still")
    for still in stills.all():
        expect(still).to_contain_text("A still picture: its frames could not be loaded")
    assert stills.count() == 2


def test_axe_finds_no_barrier(url, tab):
    tab.goto(url + "two.html")
    expect(alive(tab, "Norm axes")).to_be_visible()
    button(alive(tab, "Norm axes"), "Nothing left").click()
    assert violations(tab, [".td-instrument"]) == []
