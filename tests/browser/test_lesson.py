"""What a learner does in a lesson: run it, drag, type, click, answer, with the mouse and without one.

The tests of a class share one page, because opening one takes longer than most tests. A page must show
what a fresh instrument with the same settings computes here: that is the oracle of most checks.
"""

import ast
import html
import re
import time
from functools import cache

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from helpers.instruments.controls import Choice, Slider
from helpers.instruments.edge_of_chaos import EdgeOfChaos
from helpers.instruments.init_explorer import InitExplorer
from tools.lab import LabPage

INSTRUMENTS = [InitExplorer, EdgeOfChaos]
CELLS = ["from helpers import edge_of_chaos, init_explorer\ninit_explorer()", "edge_of_chaos()"]
SLIDERS = [
    pytest.param(make, control, id=control.name)
    for make in INSTRUMENTS
    for control in make.controls
    if isinstance(control, Slider)
]
CHOICES = [
    pytest.param(make, control, id=f"{make.__name__}-{control.name}")
    for make in INSTRUMENTS
    for control in make.controls
    if isinstance(control, Choice)
]
PRESETS = [
    pytest.param(make, settings, name, id=name)
    for make in INSTRUMENTS
    for name, settings in make.presets.items()
]

PATIENCE = 20  # seconds, where it does not matter how long the machine takes
COLD = 6  # seconds in which even a slow setting must be shown, when it is asked for the first time
WARM = 1  # seconds for one that needs no new network


# The pages, and what must hold on them after every test


@pytest.fixture(scope="class")
def lesson(lab_light, browser):
    """Chapter 2, all of it run."""
    with lab_light.page(browser) as page:
        page.open("notebooks/02_initialization.ipynb")
        page.run_all(timeout=300)
        yield page


@pytest.fixture(scope="class")
def bench(lab_light, browser):
    """Both instruments with their default settings, one in each cell."""
    with lab_light.page(browser) as page:
        page.open_cells(*CELLS)
        page.run_all()
        yield page


@pytest.fixture(scope="class")
def quiz(lab_light, browser):
    """A number to give, an option to choose and a prediction to commit, one in each cell."""
    with lab_light.page(browser) as page:
        page.open_cells(
            "from helpers import ask, predict\nask('init-he-std')",
            "ask('init-relu-halves')",
            "predict('predict-he-var')",
        )
        page.run_all()
        yield page


@pytest.fixture(scope="class")
def start(lab_light, browser):
    """The map of the course, all of it run."""
    with lab_light.page(browser) as page:
        page.open("notebooks/00_start_here.ipynb")
        page.run_all()
        yield page


@pytest.fixture(autouse=True)
def nothing_goes_wrong(request, tmp_path):
    """Fail a test that leaves a traceback or a console error behind; photograph a failure."""
    failed = request.session.testsfailed
    yield
    page = next((value for value in request.node.funcargs.values() if isinstance(value, LabPage)), None)
    if page is None:
        return
    problems = page.problems()
    page.console_errors.clear()
    page.page.evaluate("window.kernelProblems = []")
    if problems or request.session.testsfailed > failed:
        page.screenshot(tmp_path / "failure.png")
        print(f"\nScreenshot: {tmp_path / 'failure.png'}")
        if "bench" in request.fixturenames:
            page.run_all()  # new instruments for the tests that follow
    assert problems == []


# What an instrument shows, and what it should show

READ = r"""box => {
  const texts = where => [...box.querySelectorAll(where)].map(e => e.textContent);
  const drawn = [...box.querySelectorAll('.td-ink svg *, .td-paper svg *')];
  return {
    labels: texts('.widget-slider > .widget-label'),
    chosen: [...texts('.widget-toggle-button.mod-active'),
             ...[...box.querySelectorAll('select')].map(e => e.value)],
    seed: box.querySelector('input[type=number]').value,
    verdict: texts('.td-verdict').join(),
    readouts: texts('.td-readout'),
    curves: [...box.querySelectorAll('.td-ink path')].map(e => e.getAttribute('d')),
    words: texts('.td-ink text'),
    not_finite: drawn.flatMap(e => [...e.attributes].map(a => a.name + '=' + a.value))
      .filter(text => /\b(NaN|[+-]?inf(inity)?|undefined)\b/i.test(text)),
  };
}"""


@cache
def _fresh(make, settings):
    instrument = make(**dict(settings))
    now, result, ink = instrument.settings, instrument.result, instrument.figure.ink.value
    verdict = instrument.verdict(now, result)
    sliders = [c for c in instrument.controls if isinstance(c, Slider)]
    choices = sorted((c for c in instrument.controls if isinstance(c, Choice)), key=lambda c: not c.buttons)
    return {
        "labels": [instrument._boxes[control.name].description for control in sliders],
        "chosen": [getattr(now, c.name) for c in choices],
        "seed": str(now.seed),
        "verdict": f"{verdict.word} {verdict.sentence}",
        "readouts": [f"{name}{value}" for name, value in instrument.readouts(now, result)],
        "curves": re.findall(r'<path[^>]* d="([^"]*)"', ink),
        "words": [html.unescape(text) for text in re.findall(r">([^<>]*)</text>", ink)],
        "not_finite": [],
    }


def computed(make, **settings):
    """What a fresh instrument with these settings shows, from labels to curves."""
    return _fresh(make, tuple(sorted(settings.items())))


def instrument(page, make):
    return page.page.locator(".td-instrument").nth(INSTRUMENTS.index(make))


def assert_shows(page, box, want, within=PATIENCE):
    """Wait until the instrument in `box` shows `want`, all of it at the same time."""
    deadline = time.monotonic() + within
    while (seen := box.evaluate(READ)) != want and time.monotonic() < deadline:
        page.page.wait_for_timeout(20)
    assert seen == want


def button(box, name):
    return box.locator("button.widget-button").filter(has_text=re.compile(f"^{re.escape(name)}$"))


def scheme(box, name):
    return box.locator("button.widget-toggle-button").filter(has_text=re.compile(f"^{re.escape(name)}$"))


def menu(box, label):
    return box.locator(".widget-dropdown").filter(has_text=re.compile(f"^{label}")).locator("select")


def verdict(box):
    return box.locator(".td-verdict b")


def reset(page, make):
    """Press Reset, then wait until the instrument shows what it started with."""
    box = instrument(page, make)
    button(box, "Reset").click()
    assert_shows(page, box, computed(make))
    return box


def focused(page):
    """What has the keyboard: the label of a control, or the text of a button."""
    return page.page.evaluate("""() => {
        const control = document.activeElement.closest('.widget-slider, .widget-dropdown, .widget-text');
        const named = control ? control.querySelector('.widget-label') : document.activeElement;
        return named.textContent.split(' = ')[0];
    }""")


def wanted(control, value):
    """The settings after the learner moved a control there."""
    return {**control.implies, control.name: value}


def take_challenge(page, make, name):
    box = reset(page, make)
    button(box, name).click()
    expect(box.locator(".td-card")).to_contain_text("Goal:")
    return box


def reached(box):
    """The card that says a challenge is solved, once it is there."""
    card = box.locator(".td-card.td-good")
    expect(card).to_contain_text("✓ Reached.", timeout=1000 * PATIENCE)
    return card


def move(page, make, box, name, value):
    """Drag a slider to the position that is nearest to a value."""
    control = next(control for control in make.controls if control.name == name)
    nearest = min(range(len(control.values)), key=lambda i: abs(control.values[i] - value))
    page.drag(page.slider(control.label, box), nearest / (len(control.values) - 1))


def sweep(page, slider, seconds, end):
    """Hold a slider's handle and sweep it from end to end; let go at a fraction of the track."""
    slider.scroll_into_view_if_needed()
    handle = slider.locator(".noUi-handle").bounding_box()
    track = slider.locator(".noUi-base").bounding_box()
    mouse, y = page.page.mouse, handle["y"] + handle["height"] / 2
    mouse.move(handle["x"] + handle["width"] / 2, y)
    mouse.down()
    began, steps = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        phase = 2 * (time.monotonic() - began) % 2  # there and back once a second
        mouse.move(track["x"] + track["width"] * min(phase, 2 - phase), y)
        page.page.wait_for_timeout(10)
        steps += 1
    mouse.move(track["x"] + track["width"] * end, y, steps=3)
    mouse.up()
    assert steps > 10 * seconds  # a sustained drag, not a few jumps


def answer(box, text, then="Check"):
    box.locator("input").fill(text)
    button(box, then).click()


def card(box):
    return box.locator(".td-card")


class TestInstruments:
    @pytest.mark.parametrize(("make", "control"), SLIDERS)
    def test_a_slider_dragged_to_its_ends_shows_both(self, bench, make, control):
        box = reset(bench, make)
        slider = bench.slider(control.label, box)
        for end, value in ((1, control.values[-1]), (0, control.values[0])):
            before = box.evaluate(READ)["curves"]
            bench.drag(slider, end)
            assert_shows(bench, box, computed(make, **wanted(control, value)))
            assert box.evaluate(READ)["curves"] != before

    @pytest.mark.parametrize(("make", "control"), SLIDERS)
    def test_a_slider_obeys_the_keyboard(self, bench, make, control):
        box = reset(bench, make)
        slider = bench.slider(control.label, box)
        last = len(control.values) - 1
        keys = {"Home": 0, "ArrowRight": 1, "PageUp": 6, "ArrowLeft": 5, "PageDown": 0, "End": last}
        for key, index in keys.items():
            bench.press(slider, key)
            assert_shows(bench, box, computed(make, **wanted(control, control.values[index])))

    @pytest.mark.parametrize(("make", "control"), CHOICES)
    def test_every_option_can_be_chosen(self, bench, make, control):
        box = reset(bench, make)
        for option in control.options:
            if control.buttons:
                scheme(box, option).click()
            else:
                menu(box, control.label).select_option(option)
            assert_shows(bench, box, computed(make, **{control.name: option}))

    @pytest.mark.parametrize(
        ("make", "settings", "word"),
        [
            (InitExplorer, {"scheme": "naive N(0, 1)"}, "EXPLODES"),
            (InitExplorer, {"scheme": "Xavier", "activation": "ReLU", "depth": 50}, "VANISHES"),
            (InitExplorer, {"scheme": "He", "width": 256}, "HOLDS"),
            (EdgeOfChaos, {"activation": "tanh", "sigma_w": 0.25}, "ORDERED"),
            (EdgeOfChaos, {"activation": "tanh", "sigma_w": 16.0}, "CHAOTIC"),
        ],
    )
    def test_known_verdicts_are_reached_by_hand(self, bench, make, settings, word):
        box = reset(bench, make)
        for control in make.controls:
            if control.name not in settings:
                continue
            value = settings[control.name]
            if isinstance(control, Slider):
                move(bench, make, box, control.name, value)
            elif control.buttons:
                scheme(box, value).click()
            else:
                menu(box, control.label).select_option(value)
        expect(verdict(box)).to_have_text(word)
        assert_shows(bench, box, computed(make, **settings))

    @pytest.mark.parametrize(("make", "settings", "name"), PRESETS)
    def test_a_preset_shows_its_settings(self, bench, make, settings, name):
        box = instrument(bench, make)
        button(box, name).click()
        assert_shows(bench, box, computed(make, **settings))

    def test_the_histogram_slider_says_which_layer_is_shown(self, bench):
        box = reset(bench, InitExplorer)
        slider = bench.slider("Histogram", box)
        bench.press(slider, "End")
        expect(slider.locator(".widget-label")).to_have_text(re.compile(r"= (50|60)$"))
        number = slider.locator(".widget-label").inner_text().split()[-1]
        expect(box.locator(".td-ink")).to_contain_text(f"layer {number} of 50")

    @pytest.mark.parametrize("make", INSTRUMENTS)
    def test_reset_brings_everything_back(self, bench, make):
        box = instrument(bench, make)
        for control in make.controls:
            if isinstance(control, Slider):
                bench.press(bench.slider(control.label, box), "Home")
        menu(box, "Activation").select_option("sigmoid")
        button(box, "New seed").click()
        expect(box.locator("input[type=number]")).to_have_value("1")
        # ipywidgets holds back a slider's last value while the kernel is busy, but sends a click at once:
        # only after a moment of rest is Reset sure to be the newest word.
        bench.wait_idle(quiet=0.7)
        button(box, "Reset").click()
        assert_shows(bench, box, computed(make))

    @pytest.mark.parametrize("make", INSTRUMENTS)
    def test_a_new_seed_is_shown_and_draws_another_curve(self, bench, make):
        box = reset(bench, make)
        before = box.evaluate(READ)["curves"]
        button(box, "New seed").click()
        assert_shows(bench, box, computed(make, seed=1))
        assert box.evaluate(READ)["curves"] != before

    @pytest.mark.parametrize("make", INSTRUMENTS)
    def test_a_seed_can_be_typed_and_nonsense_cannot_break_it(self, bench, make):
        box = reset(bench, make)
        seed = box.locator("input[type=number]")
        # (typed, understood): what is no number is dropped, what is too large or small is cut.
        for typed, understood in (("7", 7), ("abc", 7), ("", 7), ("-5", 0), ("e", 0), ("9" * 30, 999_999)):
            seed.click()
            bench.page.keyboard.press("Control+a")
            bench.page.keyboard.press("Delete")
            bench.page.keyboard.type(typed)
            bench.page.keyboard.press("Tab")
            assert_shows(bench, box, computed(make, seed=understood))

    # Challenges: a way in which a learner may solve each one

    def test_level_for_leaky_relu_can_be_solved(self, bench):
        box = take_challenge(bench, InitExplorer, "Level for leaky ReLU")
        move(bench, InitExplorer, box, "sigma_w", 1.387)
        expect(reached(box)).to_contain_text("1.387")

    def test_make_he_fail_can_be_solved(self, bench):
        box = take_challenge(bench, InitExplorer, "Make He fail")
        move(bench, InitExplorer, box, "width", 16)
        move(bench, InitExplorer, box, "depth", 60)
        reached(box)

    def test_overflow_float32_can_be_solved(self, bench):
        box = take_challenge(bench, InitExplorer, "Overflow float32")
        scheme(box, "naive N(0, 1)").click()
        reached(box)
        expect(box.locator(".td-ink")).to_contain_text("float32: inf")

    def test_find_the_edge_can_be_solved(self, bench):
        box = take_challenge(bench, EdgeOfChaos, "Find the edge")
        move(bench, EdgeOfChaos, box, "sigma_w", 2**0.5)
        reached(box)

    def test_a_sigmoid_that_does_not_vanish_can_be_solved_with_its_weights_alone(self, bench):
        box = take_challenge(bench, EdgeOfChaos, "A sigmoid that does not vanish")
        move(bench, EdgeOfChaos, box, "sigma_w", 10.15)
        reached(box)

    def test_fly_apart_can_be_solved(self, bench):
        box = take_challenge(bench, EdgeOfChaos, "Fly apart")
        move(bench, EdgeOfChaos, box, "sigma_w", 16)
        reached(box)

    # Drags that last

    def test_a_long_drag_over_slow_settings_ends_where_it_was_let_go(self, bench):
        box = reset(bench, InitExplorer)
        scheme(box, "orthogonal").click()
        want = computed(InitExplorer, scheme="orthogonal", width=512)
        sweep(bench, bench.slider("Width", box), 3, 1)
        assert_shows(bench, box, want, within=COLD)

    def test_a_long_drag_over_fast_settings_never_falls_behind(self, bench):
        box = reset(bench, InitExplorer)
        want = computed(InitExplorer, depth=60)
        sweep(bench, bench.slider("Depth", box), 3, 1)
        assert_shows(bench, box, want, within=WARM)

    # Without a mouse, without seeing, with little room

    @pytest.mark.parametrize("make", INSTRUMENTS)
    def test_tab_reaches_every_control_in_the_order_of_the_page(self, bench, make):
        reset(bench, make)
        bench.cell(INSTRUMENTS.index(make)).locator(".cm-content").click()
        bench.page.keyboard.press("Escape")  # leaves the code, as after running it
        buttons, others = [], []
        for control in make.controls:
            in_a_row = isinstance(control, Choice) and control.buttons
            (buttons if in_a_row else others).extend(control.options if in_a_row else [control.label])
        challenges = [challenge.name for challenge in make.challenges]
        order = [*buttons, *others, "Reset", "Seed", "New seed", *make.presets, *challenges]

        visited = []
        while order[0] not in visited and len(visited) < 10:  # past JupyterLab's own buttons
            bench.page.keyboard.press("Tab")
            visited = [*visited, focused(bench)]
        for _ in order[1:]:
            bench.page.keyboard.press("Tab")
            visited.append(focused(bench))
        assert visited[-len(order) :] == order

    def test_a_scheme_can_be_chosen_without_a_mouse(self, bench):
        box = reset(bench, InitExplorer)
        scheme(box, "naive N(0, 1)").focus()
        bench.page.keyboard.press("Tab")
        bench.page.keyboard.press("Space")
        assert_shows(bench, box, computed(InitExplorer, scheme="Xavier"))
        bench.page.keyboard.press("Shift+Tab")
        bench.page.keyboard.press("Enter")
        assert_shows(bench, box, computed(InitExplorer, scheme="naive N(0, 1)"))

    @pytest.mark.parametrize("make", INSTRUMENTS)
    def test_an_opened_menu_obeys_the_keyboard(self, bench, make):
        box = reset(bench, make)
        menu(box, "Activation").select_option("ReLU")
        menu(box, "Activation").focus()
        for key in ("Enter", "ArrowDown", "Enter"):
            bench.page.keyboard.press(key)
        assert_shows(bench, box, computed(make, activation="leaky ReLU"))
        assert focused(bench) == "Activation"

    @pytest.mark.parametrize("make", INSTRUMENTS)
    def test_the_figure_has_a_name_and_a_description_that_follows_it(self, bench, make):
        box = reset(bench, make)
        figure = box.get_by_role("img", name=re.compile(make.title))
        expect(figure).to_have_count(1)
        expect(figure.locator("title")).to_have_text(make.title)
        described = figure.locator("desc").text_content()
        assert described == make().describe(make().settings, make().result)
        menu(box, "Activation").select_option("sigmoid")
        expect(figure.locator("desc")).to_contain_text("sigmoid")

    @pytest.mark.parametrize("width", [1280, 1000])
    @pytest.mark.parametrize("make", INSTRUMENTS)
    def test_no_label_is_cut_off(self, bench, make, width):
        box = reset(bench, make)
        bench.page.set_viewport_size({"width": width, "height": 900})
        try:
            cut = []
            for key in ("", "Home", "End"):
                for control in make.controls if key else ():
                    if isinstance(control, Slider):
                        bench.press(bench.slider(control.label, box), key)
                bench.wait_idle()
                cut += box.locator(".widget-label, button").evaluate_all(
                    "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
                )
            assert cut == []
        finally:
            bench.page.set_viewport_size({"width": 1280, "height": 900})

    @pytest.mark.parametrize("width", [1280, 1000])
    def test_ink_lies_exactly_on_its_paper(self, bench, width):
        bench.page.set_viewport_size({"width": width, "height": 900})
        try:
            for figure in bench.page.locator(".td-figure").all():
                paper, ink = (figure.locator(f".td-{name} svg").bounding_box() for name in ("paper", "ink"))
                assert paper == ink
        finally:
            bench.page.set_viewport_size({"width": 1280, "height": 900})

    @pytest.mark.parametrize("make", INSTRUMENTS)
    def test_no_label_has_the_tooltip_null(self, bench, make):
        # What ipywidgets writes into the label of a control that has a description but no tooltip.
        labels = instrument(bench, make).locator(".widget-label:visible")
        assert "null" not in labels.evaluate_all("all => all.map(e => e.getAttribute('title'))")


# Reading: the whole lesson

CONTRAST = r"""places => {
  // WCAG 2: the ratio of the two luminances, both with 0.05 of stray light.
  const numbers = color => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, alpha = 1] = numbers(getComputedStyle(e).backgroundColor);
      if (alpha === 1) return [r, g, b];
      if (alpha > 0) throw Error('a background that is half transparent: ' + e.className);
    }
    return [255, 255, 255];
  };
  return places.map(element => {
    const style = getComputedStyle(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [numbers(color), behind(element)].map(luminance).sort((x, y) => y - x);
    return {text: element.textContent.slice(0, 60), color, ratio: (a + 0.05) / (b + 0.05)};
  });
}"""
TEXTS = (
    ".td-figure svg text, .td-title, .td-verdict, .td-verdict b, .td-readout span, .td-readout b, "
    ".td-question, .td-row, .td-card, .td-card b, .td-ask .widget-html-content, .td-numbers th, "
    ".td-numbers td, .widget-label, .td-ask .widget-toggle-button"
)


def cells_of(page, path):
    return nbformat.read(page.lab.folder / path, as_version=4).cells


def contrasts(page):
    return page.page.locator(TEXTS).locator("visible=true").evaluate_all(CONTRAST)


class TestLesson:
    def test_it_runs_without_a_problem(self, lesson):
        assert lesson.problems() == []
        assert lesson.page.locator(".jp-mod-error, [data-mime-type*=stderr]").count() == 0

    def test_every_cell_that_ends_with_an_expression_shows_something(self, lesson):
        for index, cell in enumerate(cells_of(lesson, "notebooks/02_initialization.ipynb")):
            if cell.cell_type == "code":
                speaks = isinstance(ast.parse(cell.source).body[-1], ast.Expr)
                shown = lesson.cell(index).locator(".jp-OutputArea-output")
                assert shown.count() == speaks, cell.source
                assert all(box["height"] > 10 for box in map(Locator.bounding_box, shown.all())), cell.source

    def test_every_formula_is_typeset(self, lesson):
        for index, cell in enumerate(cells_of(lesson, "notebooks/02_initialization.ipynb")):
            if cell.cell_type == "markdown":
                prose = re.sub(r"```.*?```|`[^`]*`", "", cell.source, flags=re.DOTALL)
                formulas = re.findall(r"\$\$.+?\$\$|\$[^$]+\$", prose, flags=re.DOTALL)
                expect(lesson.cell(index).locator("mjx-container")).to_have_count(len(formulas))
                assert "$" not in lesson.cell(index).locator(".jp-RenderedMarkdown").inner_text()
        assert lesson.page.locator("mjx-merror").count() == 0

    def test_go_deeper_is_closed_and_a_click_opens_it(self, lesson):
        blocks = lesson.page.locator("details")
        assert blocks.count() == 5
        for block in blocks.all():
            formula = block.locator("mjx-container").first
            expect(formula).to_be_hidden()
            block.locator("summary").click()
            expect(formula).to_be_visible()
            block.locator("summary").click()
            expect(formula).to_be_hidden()

    def test_go_deeper_opens_without_a_mouse(self, lesson):
        for block in lesson.page.locator("details").all():
            block.locator("summary").focus()
            for key in ("Enter", "Space"):  # open, then close
                lesson.page.keyboard.press(key)
                shown = key == "Enter"
                expect(block.locator("mjx-container").first).to_be_visible(visible=shown)

    def test_all_text_can_be_read_in_both_themes_and_changes_colour_with_the_theme(self, lesson):
        page = lesson.page
        # Everything that has a colour of its own: an alarm, a goal, a wrong answer.
        button(page.locator(".td-instrument").first, "N(0, 1): explodes").click()
        button(page.locator(".td-instrument").first, "Overflow float32").click()
        choice = page.locator(".td-ask", has=page.locator(".widget-toggle-buttons")).first
        choice.locator(".widget-toggle-button").first.click()
        button(choice, "Check").click()
        expect(choice.locator(".td-card")).to_contain_text("✗ Not yet.")
        runs = page.locator(".jp-InputPrompt").all_inner_texts()

        light = contrasts(lesson)
        assert len(light) > 300
        assert [text for text in light if text["ratio"] < 4.5] == []
        lesson.set_theme("dark")
        try:
            dark = contrasts(lesson)
            assert [text for text in dark if text["ratio"] < 4.5] == []
            assert [text["text"] for text in dark] == [text["text"] for text in light]
            same = [a["text"] for a, b in zip(light, dark, strict=True) if a["color"] == b["color"]]
            assert same == []
            assert page.locator(".jp-InputPrompt").all_inner_texts() == runs
        finally:
            lesson.set_theme("light")


class TestQuestions:
    def test_a_wrong_number_gets_the_words_for_its_misconception_and_a_right_one_praise(self, quiz):
        box = quiz.cell(0)
        answer(box, "2/128")
        expect(card(box)).to_contain_text("✗ Not yet.")
        expect(card(box)).to_contain_text("is the variance")
        answer(box, "sqrt(1/128)")
        expect(card(box)).to_contain_text("Xavier")
        answer(box, "1/8")
        expect(card(box)).to_contain_text("✓ Right.")

    @pytest.mark.parametrize("nonsense", ["one eighth", "1/0", "__import__('os')", "<b>", ""])
    def test_nonsense_is_told_what_to_type(self, quiz, nonsense):
        box = quiz.cell(0)
        answer(box, nonsense)
        expect(card(box)).to_contain_text("Type a number such as 0.25")

    def test_an_option_gets_its_own_feedback(self, quiz):
        box = quiz.cell(1)
        options = box.locator(".widget-toggle-button")
        options.filter(has_text="The variance").click()
        button(box, "Check").click()
        expect(card(box)).to_contain_text("✗ Not yet.")
        options.filter(has_text="The mean square").click()
        button(box, "Check").click()
        expect(card(box)).to_contain_text("✓ Right.")

    def test_a_number_is_answered_without_a_mouse(self, quiz):
        box, keyboard = quiz.cell(0), quiz.page.keyboard
        box.locator("input").focus()
        keyboard.press("Control+a")
        keyboard.type("2/128")
        keyboard.press("Enter")
        expect(card(box)).to_contain_text("is the variance")
        keyboard.press("Control+a")
        keyboard.type("0.125")
        keyboard.press("Tab")
        assert focused(quiz) == "Check"
        keyboard.press("Enter")
        expect(card(box)).to_contain_text("✓ Right.")

    def test_every_option_can_be_chosen_without_a_mouse(self, quiz):
        box, keyboard = quiz.cell(1), quiz.page.keyboard
        options = box.locator(".widget-toggle-button")
        options.first.focus()
        for index in range(options.count()):
            keyboard.press("Space")
            expect(options.nth(index)).to_have_class(re.compile("mod-active"))
            keyboard.press("Tab")

    def test_a_prediction_is_committed_without_a_mouse_and_does_not_reveal_the_answer(self, quiz):
        box, keyboard = quiz.cell(2), quiz.page.keyboard
        box.locator("input").focus()
        keyboard.type("1")
        keyboard.press("Tab")
        for _ in range(3):
            keyboard.press("ArrowRight")
        expect(box.locator(".widget-slider .widget-label")).to_have_text("I am 65 % sure")
        keyboard.press("Tab")
        assert focused(quiz) == "Commit prediction"
        keyboard.press("Space")
        expect(card(box)).to_have_text("Saved: “1” (65 % sure). Run the next cell to see what happens.")

    def test_a_prediction_survives_the_kernel(self, quiz):
        box = quiz.cell(2)
        answer(box, "0.9", "Commit prediction")
        expect(card(box)).to_contain_text("“0.9”")
        quiz.page.locator('[data-command="notebook:restart-run-all"]').click()
        quiz.page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(card(box)).to_contain_text("You answered this before: “0.9”", timeout=30_000)
        quiz.wait_idle()
        quiz.page.evaluate("window.kernelProblems = []")  # a restarted kernel warns about its debugger


class TestStartHere:
    def test_the_first_click_does_what_the_text_says(self, start):
        text = start.page.locator(".jp-RenderedMarkdown", has_text="Your first click")
        name = text.locator("em").last.inner_text()
        box = start.page.locator(".td-instrument")
        expect(verdict(box)).to_have_text("HOLDS")
        button(box, name).click()
        expect(verdict(box)).to_have_text("EXPLODES")
        button(box, "Reset").click()
        expect(verdict(box)).to_have_text("HOLDS")

    def test_its_question_answers(self, start):
        box = start.page.locator(".td-ask")
        answer(box, "2/128")
        expect(card(box)).to_contain_text("is the variance")

    def test_its_links_open_chapter_2(self, start):
        links = start.page.locator(".jp-RenderedMarkdown a", has_text=re.compile("Initialization|chapter 2"))
        tab = start.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text="02_initialization")
        assert links.count() == 2
        for link in links.all():
            link.click()
            expect(tab).to_have_class(re.compile("lm-mod-current"), timeout=20_000)
            expect(start.page.get_by_role("heading", name="Chapter 2 · Initialization")).to_be_visible()
            start.command("application:close")
            expect(tab).to_have_count(0)
