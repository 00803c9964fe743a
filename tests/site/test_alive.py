"""The lessons' pages in a real Chromium: instruments without a kernel, and answers to questions.

What an instrument must show is what is in its file of frames; test_bake.py, and the last test here, hold that
against a direct computation.
"""

import gzip
import json
import random
import re
from html import unescape

import pytest
from playwright.sync_api import expect

from helpers import instruments
from helpers.checking import questions, widgets
from tests.browser.sounds import LISTEN, played, tones
from tests.checking.test_questions import NONSENSE
from tests.site.frames import computed, full, unpack, way
from tools.axe import violations
from tools.web import life
from tools.web.pages import notebooks

LESSONS = [page.url for page in notebooks() if page.path.parts[0] == "notebooks"]
EXPLORER = "notebooks/00_start_here.html", "first-instrument"
BUDGET = 2_000_000  # bytes of a lesson's frames
LOADED = 1000  # ms until an instrument that is in sight can be moved, on a quiet machine
DRAWN = """box => ({
    ink: box.querySelector('.td-ink').innerHTML,
    verdict: box.querySelector('.td-verdict').textContent,
    readouts: [...box.querySelectorAll('.td-readouts > span')].map(row => row.textContent),
})"""


CALLS = [
    (page.url, cell.id, name)
    for page in notebooks()
    if page.url in LESSONS
    for cell in page.notebook.cells
    if (name := life.called(cell)[0]) and name not in ("ask", "predict")
]


@pytest.fixture(params=CALLS, ids=lambda call: "-".join(call[1:]))
def alive(request):
    """An instrument: (its page, its cell, its name)."""
    return request.param


@pytest.fixture
def tab(browser):
    """A tab of a laptop in which nothing may go wrong."""
    with browser.new_context(viewport={"width": 1366, "height": 768}) as context:
        tab, problems = context.new_page(), []
        tab.on("console", lambda message: message.type == "error" and problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
        yield tab
        assert problems == []


@pytest.fixture
def phone(browser):
    with browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True
    ) as context:
        yield context.new_page()


def frames_of(folder, page, cell):
    """(what does not change, {state: frame}) of an instrument on a page."""
    html = (folder / page).read_text()
    found = re.search(rf'data-call="{cell}" data-frames="([^"]*)" data-version="(\w+)"', html)
    file, frames = unpack(((folder / page).parent / found[1]).read_bytes())
    assert file["version"] == found[2]
    return file["calls"][cell], frames


def place(tab, cell):
    return tab.locator(f'[data-call="{cell}"]')


def unveil(tab):
    """Open what stands behind a prediction."""
    tab.evaluate("for (const veil of document.querySelectorAll('.td-veil')) veil.open = true")


def opened(tab, url, page, cell):
    tab.goto(url + page)
    unveil(tab)
    place(tab, cell).scroll_into_view_if_needed()
    box = place(tab, cell).locator(".td-instrument:not(.td-still)")
    expect(box).to_be_attached()
    if (commit := box.get_by_role("button", name="Commit")).count():  # a guess comes first
        commit.click()
    return box


def plain(words):
    return unescape(re.sub(r"<[^>]*>", "", words))


def assert_shows(tab, box, frame):
    """Wait until the instrument shows a frame: its curves as the browser writes them, and its words."""
    want = {
        "ink": tab.evaluate(
            "ink => { const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');"
            "svg.innerHTML = ink; return svg.innerHTML; }",
            frame["ink"],
        ),
        "verdict": plain(" ".join(frame["verdict"][:2])),
        "readouts": [plain(name + value) for name, value in frame["readouts"]],
    }
    for _ in range(100):
        if box.evaluate(DRAWN) == want:
            return
        tab.wait_for_timeout(20)
    assert box.evaluate(DRAWN) == want


def control_at(box, about, name):
    seen = [control["name"] for control in about["controls"] if control["kind"] != "seed"]
    control = box.locator(".td-control").nth(seen.index(name))
    control.evaluate("control => control.closest('details')?.setAttribute('open', '')")
    return control


def move(box, about, name, value):
    """Move a control as a hand does: a slider with the arrow keys, a choice with a click."""
    control, place = (
        next(one for one in about["controls"] if one["name"] == name),
        control_at(box, about, name),
    )
    if control["kind"] == "menu":
        place.locator("select").select_option(value)
    elif control["kind"] == "buttons":
        place.get_by_role("radio", name=value, exact=True).check()
    else:
        slider = place.locator("input")
        expect(slider).to_be_enabled()
        steps = control["values"].index(value) - int(slider.input_value())
        for _ in range(abs(steps)):
            slider.press("ArrowRight" if steps > 0 else "ArrowLeft")


# Instruments


def test_an_instrument_is_driven_by_mouse_and_keyboard(tab, url, folder, alive):
    page, cell, name = alive
    about, frames = frames_of(folder, page, cell)
    box = opened(tab, url, page, cell)
    start = tuple(about["start"])
    assert_shows(tab, box, frames[start])
    # The keyboard: one step of the first slider, and back.
    names = [control["name"] for control in about["controls"]]
    slider = next(control for control in about["controls"] if control["kind"] == "slider")
    at = slider["values"].index(start[names.index(slider["name"])])
    to = slider["values"][at + 1 if at + 1 < len(slider["values"]) else at - 1]
    move(box, about, slider["name"], to)
    changed = dict(zip(names, start, strict=True)) | getattr(instruments, name)().check({slider["name"]: to})
    assert_shows(tab, box, frames[tuple(changed.values())])
    # The mouse: a preset, then a drag to the slider's end, then Reset.
    preset, values = about["presets"][-1]
    box.get_by_role("button", name=preset, exact=True).click()
    assert_shows(tab, box, frames[full(about, values)])
    box.get_by_role("button", name="Reset", exact=True).click()
    assert_shows(tab, box, frames[start])
    handle = control_at(box, about, slider["name"]).locator("input")
    handle.scroll_into_view_if_needed()
    area = handle.bounding_box()
    middle = area["y"] + area["height"] / 2
    span = area["width"] - 24
    here = area["x"] + 12 + span * at / (len(slider["values"]) - 1)
    end = 0 if at else -1
    tab.mouse.move(here, middle)
    tab.mouse.down()
    tab.mouse.move(area["x"] + 1 if end == 0 else area["x"] + area["width"] - 1, middle, steps=7)
    tab.mouse.up()
    moved = {slider["name"]: slider["values"][end]}
    changed = dict(zip(names, start, strict=True)) | getattr(instruments, name)().check(moved)
    assert_shows(tab, box, frames[tuple(changed.values())])


def test_its_challenges_can_be_solved(tab, url, folder, alive):
    page, cell, name = alive
    about, frames = frames_of(folder, page, cell)
    box = opened(tab, url, page, cell)
    for challenge in getattr(instruments, name)().challenges:
        box.get_by_role("button", name="Reset", exact=True).click()
        box.get_by_role("button", name=challenge.name, exact=True).click()
        expect(box.locator(".td-goal")).to_contain_text("Goal:")
        names = [control["name"] for control in about["controls"]]
        for (setting, _), state in zip(
            challenge.solution.items(), list(way(name, about, challenge))[1:], strict=True
        ):
            move(box, about, setting, state[names.index(setting)])
            assert_shows(tab, box, frames[state])
        expect(box.locator(".td-goal.td-good")).to_contain_text("✓ Reached.")


@pytest.mark.parametrize("page", LESSONS)
def test_a_lesson_has_no_barriers_when_all_is_alive(tab, url, page):
    tab.goto(url + page)
    unveil(tab)
    for i in range(tab.locator("[data-frames]").count()):
        tab.locator("[data-frames]").nth(i).scroll_into_view_if_needed()
        expect(tab.locator("[data-frames]").nth(i).locator(".td-panel")).to_be_attached()
    assert violations(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("page", LESSONS)
def test_a_lesson_loads_little_and_only_what_comes_near(tab, url, folder, page):
    here = (folder / page).parent
    files = set(re.findall(r'data-frames="([^"]*)"', (folder / page).read_text()))
    assert sum((here / file).stat().st_size for file in files) <= BUDGET
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(url + page)
    tab.wait_for_timeout(300)
    near = tab.evaluate("""[...document.querySelectorAll('[data-frames]')]
        .filter(one => one.getBoundingClientRect().top < innerHeight + 1000).length""")
    assert sum(one.endswith(".bin") for one in asked) <= near


def test_a_combination_that_is_not_there_is_said_to_be_missing(tab, url, folder):
    about, _ = frames_of(folder, *EXPLORER)
    box = opened(tab, url, *EXPLORER)
    width = next(control for control in about["controls"] if control["name"] == "width")
    move(box, about, "width", width["values"][3])
    sigma = control_at(box, about, "sigma_w").locator("input")
    expect(sigma).to_be_disabled()
    expect(box.locator(".td-note")).to_contain_text("only while all else stands at the start")
    state = list(about["start"])
    names = [control["name"] for control in about["controls"]]
    query = f"width={width['values'][3]}&depth={about['controls'][names.index('depth')]['values'][1]}"
    assert state[names.index("depth")] != about["controls"][names.index("depth")]["values"][1]
    tab.goto("about:blank")
    tab.goto(f"{url}{EXPLORER[0]}#cell-id={EXPLORER[1]}&{query}")
    box = place(tab, EXPLORER[1])
    expect(box.locator(".td-verdict")).to_contain_text("Not on this page")
    expect(box.locator(".td-verdict a")).to_have_attribute("href", re.compile("lite/lab/index.html"))
    assert box.locator(".td-ink > *").count() == 0  # never a wrong picture
    box.get_by_role("button", name="Reset", exact=True).click()
    expect(box.locator(".td-verdict")).not_to_contain_text("Not on this page")
    assert box.locator(".td-ink > *").count() > 0


def test_a_copied_link_brings_the_state_back(tab, url, folder):
    about, frames = frames_of(folder, *EXPLORER)
    box = opened(tab, url, *EXPLORER)
    preset, values = about["presets"][0]
    box.get_by_role("button", name=preset, exact=True).click()
    box.get_by_role("button", name="Copy link").click()
    expect(box.locator(".td-note")).to_contain_text("the address of this page")
    link = tab.url
    assert link.startswith(f"{url}{EXPLORER[0]}#cell-id={EXPLORER[1]}&")
    tab.goto("about:blank")
    tab.goto(link)
    again = place(tab, EXPLORER[1]).locator(".td-instrument:not(.td-still)")
    expect(again).to_be_attached()
    assert_shows(tab, again, frames[full(about, values)])
    expect(place(tab, EXPLORER[1])).to_be_in_viewport()


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (None, "the file with its frames is missing"),
        (
            gzip.compress(json.dumps({"version": "older", "shapes": []}).encode()),
            "its frames are of another version",
        ),
        (b"no frames", "its frames could not be loaded"),
    ],
    ids=["missing", "other version", "damaged"],
)
def test_without_its_frames_it_is_a_still_picture_and_a_sentence(browser, url, frames, said):
    with browser.new_context() as context:
        tab, uncaught = context.new_page(), []
        tab.on("pageerror", lambda error: uncaught.append(str(error)))
        answer = {"status": 404} if frames is None else {"status": 200, "body": frames}
        tab.route("**/*.bin", lambda route: route.fulfill(**answer))
        tab.goto(url + EXPLORER[0])
        box = place(tab, EXPLORER[1])
        box.scroll_into_view_if_needed()
        expect(box.locator(".td-note")).to_contain_text(f"This is a still picture: {said}")
        expect(box.locator(".td-still img").first).to_be_visible()
        expect(box.get_by_role("link", name="run this lesson")).to_be_visible()
        assert uncaught == []


def test_without_scripts_and_on_paper_it_is_a_still_picture(browser, tab, url):
    with browser.new_context(java_script_enabled=False) as context:
        still = context.new_page()
        still.goto(url + EXPLORER[0])
        expect(place(still, EXPLORER[1]).locator(".td-still img").first).to_be_visible()
        expect(still.locator("[data-question]").first).to_contain_text("Question.")
    box = opened(tab, url, *EXPLORER)
    tab.emulate_media(media="print")
    expect(box.locator(".td-figure")).to_be_visible()
    expect(box.locator(".td-verdict")).to_be_visible()
    expect(box.locator(".td-panel")).to_be_hidden()


def test_on_a_phone_it_fits_and_answers_to_touch(phone, url, folder):
    about, frames = frames_of(folder, *EXPLORER)
    box = opened(phone, url, *EXPLORER)
    preset, values = about["presets"][1]
    box.get_by_role("button", name=preset, exact=True).tap()
    assert_shows(phone, box, frames[full(about, values)])
    assert phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert violations(phone) == []


GUESS = "notebooks/01_depth_problem.html", "gain-chain"


def test_a_guess_is_kept_in_the_browser_and_the_data_are_a_table_and_sound(tab, url, folder):
    about, frames = frames_of(folder, *GUESS)
    box = place(tab, GUESS[1]).locator(".td-instrument:not(.td-still)")
    commit, goal = box.get_by_role("button", name="Commit", exact=True), box.locator(".td-goal > div")

    def come():
        tab.goto("about:blank")
        tab.goto(url + GUESS[0])
        unveil(tab)
        place(tab, GUESS[1]).scroll_into_view_if_needed()

    come()
    expect(commit).to_be_visible()
    expect(box.get_by_role("button", name="Data")).to_be_hidden()  # the truth is not in sight
    commit.press("Enter")
    expect(goal).to_contain_text("Farthest off at")
    said, drawn = goal.inner_text(), box.locator(".td-guess").get_attribute("d")
    come()
    expect(goal).to_have_text(f"Your guess from before. {said}")
    expect(commit).to_have_count(0)
    expect(box.locator(".td-guess")).to_have_attribute("d", drawn)
    assert_shows(tab, box, frames[tuple(about["start"])])
    tab.evaluate(LISTEN)
    box.get_by_role("button", name="Data").press("Enter")
    settings = dict(zip([control["name"] for control in about["controls"]], about["start"], strict=True))
    chain = instruments.gain_chain(**settings)
    cells = box.locator(".td-tables tbody tr td:first-of-type").all_inner_texts()
    assert [float(cell) for cell in cells] == pytest.approx(10**chain.result.course, rel=0.02)
    box.get_by_role("button", name="Hear it").press("Enter")
    heard = [frequency for frequency, _ in played(tab)[0]]
    assert heard == pytest.approx(tones(chain)[::-1], rel=2e-3)
    assert violations(tab) == []


# Questions


def asked(tab, id):
    return tab.locator(f'[data-question*="&quot;{id}&quot;"], [data-question*=\'"{id}"\']')


def test_a_number_is_judged_with_the_words_of_the_notebook(tab, url):
    tab.goto(url + "notebooks/00_start_here.html")
    box, question = asked(tab, "depth-ten-doublings"), questions.find("depth-ten-doublings")
    field = box.get_by_role("textbox")
    for answer in ("4^5", "30", f"{question.wrong[0].value!r}", "something"):
        field.fill(answer)
        field.press("Enter")
        if answer == "something":
            expect(box.locator(".td-card")).to_contain_text("Type a number such as")
        else:
            judged = question.judge(answer)
            expect(box.locator(".td-card")).to_contain_text("Right." if judged.correct else "Not yet.")
            expect(box.locator(".td-card")).to_contain_text(" ".join(plain(judged.feedback).split()))
    tab.reload()
    expect(field).to_have_value(f"{question.wrong[0].value!r}")  # the last that could be judged
    expect(box.locator(".td-card")).to_contain_text("Not yet.")


def test_a_prediction_is_committed_once_and_then_settled(tab, url):
    page, id = "notebooks/02_initialization.html", "predict-he-var"
    tab.goto(url + page)
    box, question = asked(tab, id), questions.find(id)
    shown = tab.locator(f"[id='cell-id={question.truth}'] .output")
    expect(shown).to_be_hidden()
    box.get_by_role("button", name="Commit prediction").click()
    expect(box.locator(".td-card")).to_contain_text("Type a number")  # it commits nothing by itself
    box.get_by_role("textbox").fill("1")
    box.get_by_role("button", name="Commit prediction").click()
    expect(box.locator(".td-card")).to_contain_text("how sure are you?")
    box.get_by_role("radio", name="80%").check()
    box.get_by_role("button", name="Commit prediction").click()
    card = box.locator(".td-card")
    expect(shown).to_be_visible()
    for _ in range(2):
        expect(card).to_contain_text("You said 1, 80% sure.")
        truth, why = question.reveal(question.judge("1"))
        expect(card).to_contain_text(f"✗ Not so. {truth}")
        expect(card).to_contain_text(" ".join(plain(why).split()))
        expect(box.get_by_role("textbox")).to_be_disabled()
        expect(shown).to_be_visible()
        tab.reload()


@pytest.mark.parametrize("page", LESSONS)
def test_what_a_prediction_is_about_is_out_of_sight_and_a_click_away(tab, url, page):
    tab.goto(url + page)
    for fold in tab.locator(".td-veil").all():
        expect(fold.locator(".output")).to_be_hidden()
        fold.locator("summary").first.click()
        expect(fold.locator(".output")).to_be_visible()


def answers_to(question):
    """All answers that somebody thought of, and numbers beside, between and far from them."""
    if isinstance(question, questions.MultipleChoice):
        return [option.text for option in question.options]
    known = [question.answer, *(wrong.value for wrong in question.wrong)]
    factors = (1 + 1e-9, 1 + 1e-6, 1 - 1e-3, 1 + 1e-3, 0.97, 1.03, 0.51, 1.93, 1.1e-3, 1.1e3)
    return [repr(value * factor) for value in known for factor in factors]


@pytest.mark.parametrize("prediction", [True, False])
def test_every_answer_is_judged_as_in_the_notebook(tab, url, prediction):
    asked = [one for one in questions.load().values() if bool(one.truth) is prediction]
    cases = [(one, answer) for one in asked for answer in answers_to(one)]
    about = {one.id: life.question(one, prediction) for one in asked}
    tab.goto(url + "notebooks/00_start_here.html")
    found = tab.evaluate(
        """async ([about, cases]) => {
            const {judged} = await import('../static/lesson.js');
            return cases.map(([id, answer]) => judged(about[id], answer, 80));
        }""",
        [about, [[question.id, answer] for question, answer in cases]],
    )
    assert len(cases) > 300
    for (question, answer), card in zip(cases, found, strict=True):
        response = question.judge(answer)
        said = widgets.given(answer, response)
        if prediction:
            want = widgets.settlement(question, response, said, 80)
        else:
            want = widgets.verdict(response, said)
        assert (card["look"], unescape(card["html"])) == (want[0], unescape(want[1])), (question.id, answer)


def test_a_choice_is_answered_by_keyboard(tab, url):
    page = "notebooks/02_initialization.html"
    tab.goto(url + page)
    box, question = asked(tab, "init-recursion"), questions.find("init-recursion")
    box.get_by_role("button", name="Check").click()
    expect(box.locator(".td-card")).to_contain_text("Choose one of the options first.")
    right = next(i for i, option in enumerate(question.options) if option.correct)
    box.get_by_role("radio").first.focus()
    tab.keyboard.press("Space")
    for _ in range(right):
        tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(box.locator(".td-card")).to_contain_text("✓ Right.")


SPELLINGS = [
    "0.125", "1/8", "2^-25", "2**-25", "2⁻²⁵", "3e-8", "3E−8", "3 x 10^-8", "3·10⁻⁸", "×128", " 128x ", "+.5",
    "≈ 0.68", "-(1 - 3)", "sqrt(2/128)", "√(2/128)", "√ 4 / 2", "50 %", "0,125", "1 - 1/π", "e^2", "-2^2",
    "2*-3", "2^3^2", "1,000", "1'000", "½", "1½", "exp(-2)", "log(2)", "ln(2)", "log10(100)",
    "log2(8)", "2 x exp(1)",
]  # fmt: skip


def test_numbers_are_read_as_in_the_notebook(tab, url):
    tab.goto(url + "notebooks/00_start_here.html")
    read = "async texts => { const {parse} = await import('../static/lesson.js'); return texts.map(parse); }"
    want = [questions.parse_number(text) for text in SPELLINGS]
    assert tab.evaluate(read, SPELLINGS) == pytest.approx(want, rel=1e-12)
    assert all(value is None or value != value for value in tab.evaluate(read, NONSENSE))


# Frames


def test_frames_are_what_a_fresh_instrument_shows(folder, alive):
    page, cell, name = alive
    about, frames = frames_of(folder, page, cell)
    state = random.Random(cell).choice(sorted(frames, key=repr))
    assert frames[state] == computed(name, about, state)


def test_with_its_settings_in_the_lesson_every_challenge_is_still_solved(folder, alive):
    page, cell, name = alive
    about, frames = frames_of(folder, page, cell)
    for challenge in getattr(instruments, name)().challenges:
        reached = [challenge.name in frames[place]["reached"] for place in way(name, about, challenge)]
        assert reached[-1] and not reached[0], challenge.name
