"""The reading pages in a real Chromium, as wide as a desktop and as narrow as a phone, light and dark."""

import re

import pytest
from playwright.sync_api import expect

from tools.axe import violations
from tools.web.pages import notebooks

PAGES = ["index.html", *(page.url for page in notebooks())]
FOLD = "details:not(.td-more, .td-veil)"  # of the text; instruments and predictions have their own
LESSONS = [page.url for page in notebooks() if page.path.parts[0] == "notebooks"]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SEARCHED = (("desktop", "light"), ("phone", "dark"))  # for barriers, which takes the longest: each once


@pytest.fixture(params=["light", "dark"])
def theme(request):
    return request.param


@pytest.fixture(params=SIZES)
def size(request):
    return request.param


@pytest.fixture
def tab(browser, size, theme):
    """A fresh tab in which nothing may go wrong, and nothing may be asked of another host."""
    width, height = SIZES[size]
    viewport = {"width": width, "height": height}
    with browser.new_context(viewport=viewport, color_scheme=theme) as context:
        tab, problems, hosts = context.new_page(), [], set()
        tab.on("console", lambda message: message.type == "error" and problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
        tab.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
        tab.on("request", lambda request: hosts.add(re.sub(r"(://[^/]*).*", r"\1", request.url)))
        yield tab
        assert problems == []
        assert len(hosts) == 1


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_read(tab, url, page, size, theme):
    tab.goto(url + page)
    expect(tab.locator("h1")).to_have_count(1)
    # In the reader's theme, and no wider than the window.
    assert (
        tab.evaluate("getComputedStyle(document.body).backgroundColor")
        == {
            "light": "rgb(255, 255, 255)",
            "dark": "rgb(17, 17, 17)",
        }[theme]
    )
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    # Every picture is there, and says in words what it shows.
    images = tab.locator("img").evaluate_all("all => all.map(i => [i.naturalWidth > 0, i.alt.length > 20])")
    assert all(all(image) for image in images)
    drawn = tab.locator(".td-figure > svg[aria-labelledby]").evaluate_all("""all => all.map(svg =>
        svg.getAttribute('role') === 'img' && svg.getAttribute('aria-labelledby').split(' ')
            .every(id => document.getElementById(id).textContent.length > 3))""")
    assert all(drawn)
    # Mathematics is drawn, and none is left as LaTeX.
    formulas = tab.locator("math").evaluate_all("""all => all.filter(m => !m.closest('details:not([open])'))
        .map(m => m.getBoundingClientRect().width > 0 && !m.textContent.includes('\\\\'))""")
    assert all(formulas)
    prose = tab.evaluate("""() => {
        const copy = document.querySelector('main').cloneNode(true);
        for (const code of copy.querySelectorAll('code, pre, math')) code.remove();
        return copy.textContent;
    }""")
    assert "$" not in prose and "\\" not in prose and "**" not in prose
    if (size, theme) in SEARCHED:
        assert violations(tab) == []


@pytest.mark.parametrize("page", LESSONS)
def test_a_lesson_is_executed(folder, page):
    """As HTML, because this is the same at every width and in every theme."""
    html = (folder / page).read_text()
    assert "Traceback" not in html and "VBox(" not in html
    shown = html.count('class="td-figure"') + html.count("td-still") + html.count("td-numbers")
    assert shown >= 1
    assert html.count("td-still") == html.count('data-frames="../frames/')
    lives = page != "notebooks/claims.html"  # which has neither instrument nor question
    assert (html.count("run this lesson</a>") >= 1) == lives


class TestOneSizeAndTheme:
    size = pytest.fixture(lambda self: "desktop")
    theme = pytest.fixture(lambda self: "light")

    def test_the_reader_can_choose_the_theme_and_it_stays(self, tab, url):
        tab.goto(url + LESSONS[-1])
        tab.get_by_role("button", name="Dark").click()
        expect(tab.locator("body")).to_have_css("background-color", "rgb(17, 17, 17)")
        tab.goto(url + LESSONS[0])
        expect(tab.locator("body")).to_have_css("background-color", "rgb(17, 17, 17)")
        tab.get_by_role("button", name="Light").click()
        expect(tab.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")

    def test_without_scripts_the_page_follows_the_system(self, browser, url):
        with browser.new_context(java_script_enabled=False, color_scheme="dark") as context:
            tab = context.new_page()
            tab.goto(url + LESSONS[-1])
            expect(tab.locator("body")).to_have_css("background-color", "rgb(17, 17, 17)")

    def test_go_deeper_is_closed_and_opens_by_keyboard(self, tab, url):
        tab.goto(url + "notebooks/02_initialization.html")
        block = tab.locator(f"main {FOLD}", has=tab.locator("math")).first
        expect(block).not_to_have_attribute("open", re.compile(".*"))
        block.locator("summary").focus()
        tab.keyboard.press("Enter")
        expect(block).to_have_attribute("open", re.compile(".*"))
        expect(block.locator("math").first).to_be_visible()

    def test_on_paper_it_is_light_open_and_without_buttons(self, tab, url):
        tab.emulate_media(media="print", color_scheme="dark")
        tab.goto(url + "notebooks/02_initialization.html")
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        expect(tab.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
        expect(tab.locator("header")).to_be_hidden()
        expect(tab.locator("main .live").first).to_be_hidden()
        assert tab.locator(f"main {FOLD}:not([open])").count() == 0
        tab.evaluate("dispatchEvent(new Event('afterprint'))")
        assert tab.locator(f"main {FOLD}[open]").count() == 0

    def test_the_skip_link_and_the_menu_work_by_keyboard(self, tab, url):
        tab.goto(url + LESSONS[-1])
        tab.keyboard.press("Tab")
        expect(tab.locator(".skip")).to_be_focused()
        tab.keyboard.press("Enter")
        expect(tab.locator("main")).to_be_focused()
        tab.locator(".menu summary").focus()
        tab.keyboard.press("Enter")
        expect(tab.locator(".menu a").first).to_be_visible()
