"""What a learner does in a lesson: run it, drag, type, click, answer, with the mouse and without one.

The tests of a class share one page, because opening one takes longer than most tests.
"""

import re
import time

import pytest
from playwright.sync_api import expect

from helpers.chapters.initialization.edge_of_chaos import EdgeOfChaos
from helpers.chapters.initialization.four_starts import FourStarts
from helpers.chapters.initialization.init_explorer import InitExplorer
from helpers.instruments.controls import Choice, Slider
from tests.browser.instruments import (
    READ,
    answer,
    assert_shows,
    button,
    card,
    computed,
    focused,
    instrument,
    menu,
    move,
    option,
    reached,
    reset,
    sweep,
    take_challenge,
    verdict,
)
from tests.browser.lessons import EveryInstrument, EveryLesson

pytestmark = pytest.mark.usefixtures("nothing_goes_wrong")

COLD = 6  # seconds in which even a slow setting must be shown, when it is asked for the first time
WARM = 1  # seconds for one that needs no new network


# The pages, and what must hold on them after every test


@pytest.fixture(scope="class")
def start(lab_light, browser):
    """The map of the course, all of it run."""
    with lab_light.page(browser) as page:
        page.open("notebooks/00_start_here.ipynb")
        page.run_all()
        yield page


@pytest.fixture(scope="class")
def evening(lab_light, browser):
    """A question and an instrument, as a learner leaves a notebook."""
    with lab_light.page(browser) as page:
        page.open_cells("from helpers import ask, init_explorer\nask('init-he-std')", "init_explorer()")
        page.run_all()
        yield page


class TestFourStarts(EveryInstrument):
    instruments = (FourStarts,)

    def test_only_one_of_the_four_starts_learns(self, bench):
        box = reset(bench, FourStarts)
        move(bench, FourStarts, box, "step", 200)
        for start, word in (
            ("medium", "LEARNS"),
            ("small", "STUCK"),
            ("large", "DEAD"),
            ("all equal", "STUCK"),
        ):
            option(box, start).click()
            expect(verdict(box)).to_have_text(word)

    def test_rescue_the_small_weights_can_be_solved(self, bench):
        box = take_challenge(bench, FourStarts, "Rescue the small weights")
        move(bench, FourStarts, box, "depth", 3)
        expect(reached(box)).to_contain_text("it is the depth")


class TestInstruments(EveryInstrument):
    instruments = (InitExplorer, EdgeOfChaos)

    def test_every_option_can_be_chosen_with_the_mouse(self, bench, make):
        for control in make.controls:
            if not isinstance(control, Choice):
                continue
            box = reset(bench, make)
            for name in control.options:
                if control.buttons:
                    option(box, name).click()
                else:
                    menu(box, control.label).select_option(name)
                assert_shows(bench, box, computed(make, **{control.name: name}))

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
                option(box, value).click()
            else:
                menu(box, control.label).select_option(value)
        expect(verdict(box)).to_have_text(word)
        assert_shows(bench, box, computed(make, **settings))

    def test_the_histogram_slider_says_which_layer_is_shown(self, bench):
        box = reset(bench, InitExplorer)
        slider = bench.slider("Histogram", box)
        bench.press(slider, "End")
        expect(slider.locator("label")).to_have_text(re.compile(r"= (50|60)$"))
        number = slider.locator("label").inner_text().split()[-1]
        expect(box.locator(".td-ink")).to_contain_text(f"layer {number} of 50")

    def test_reset_brings_everything_back(self, bench, make):
        box = instrument(bench, make)
        for control in make.controls:
            if isinstance(control, Slider):
                bench.press(bench.slider(control.label, box), "Home")
        menu(box, "Activation").select_option("sigmoid")
        button(box, "New seed").click()
        expect(box.locator("input[type=number]")).to_have_value("1")
        button(box, "Reset").click()
        assert_shows(bench, box, computed(make))

    def test_a_new_seed_is_shown_and_draws_another_curve(self, bench, make):
        box = reset(bench, make)
        before = box.evaluate(READ)["curves"]
        button(box, "New seed").click()
        assert_shows(bench, box, computed(make, seed=1))
        assert box.evaluate(READ)["curves"] != before

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

    def test_a_network_is_dragged_through_the_phase_diagram(self, bench):
        box = reset(bench, EdgeOfChaos)
        figure = box.locator(".td-ink")
        figure.scroll_into_view_if_needed()
        place, edges = EdgeOfChaos()._about["places"][0], figure.bounding_box()
        scale = edges["width"] / 604.8
        (_, across), (_, up) = place["x"], place["y"]
        mouse = bench.page.mouse
        mouse.move(edges["x"] + scale * across[60], edges["y"] + scale * up[0])
        mouse.down()
        mouse.move(edges["x"] + scale * across[100], edges["y"] + scale * up[30], steps=10)
        mouse.up()
        controls = {control.name: control for control in EdgeOfChaos.controls}
        want = {name: controls[name].values[at] for name, at in (("sigma_w", 100), ("sigma_b", 30))}
        assert_shows(bench, box, computed(EdgeOfChaos, **want))

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
        option(box, "naive N(0, 1)").click()
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
        option(box, "orthogonal").click()
        button(box, "New seed").click()
        began = time.monotonic()
        want = computed(InitExplorer, scheme="orthogonal", width=512, seed=1)  # of which nothing is known yet
        alone = time.monotonic() - began
        sweep(bench, bench.slider("Width", box), 3, 1)
        # A busy machine may finish another width first, but no queue of them.
        assert_shows(bench, box, want, within=max(COLD, 3 * alone))

    def test_a_long_drag_over_fast_settings_never_falls_behind(self, bench):
        box = reset(bench, InitExplorer)
        want = computed(InitExplorer, depth=60)
        sweep(bench, bench.slider("Depth", box), 3, 1)
        assert_shows(bench, box, want, within=WARM)

    # Without a mouse, without seeing, with little room

    def test_a_scheme_can_be_chosen_without_a_mouse(self, bench):
        box = reset(bench, InitExplorer)
        option(box, "He").focus()
        bench.page.keyboard.press("ArrowLeft")
        assert_shows(bench, box, computed(InitExplorer, scheme="Xavier"))
        bench.page.keyboard.press("ArrowUp")
        assert_shows(bench, box, computed(InitExplorer, scheme="naive N(0, 1)"))

    def test_an_opened_menu_obeys_the_keyboard(self, bench, make):
        box = reset(bench, make)
        menu(box, "Activation").select_option("ReLU")
        menu(box, "Activation").focus()
        for key in ("Enter", "ArrowDown", "Enter"):
            bench.page.keyboard.press(key)
        assert_shows(bench, box, computed(make, activation="leaky ReLU"))
        assert focused(bench) == "Activation"

    @pytest.mark.parametrize("width", [1280, 1000])
    def test_ink_lies_exactly_on_its_paper(self, bench, width):
        bench.page.set_viewport_size({"width": width, "height": 900})
        try:
            for figure in bench.page.locator(".td-figure").all():
                layers = figure.locator(":scope > svg:not(.td-ghost)").all()
                assert len({tuple(layer.bounding_box().values()) for layer in layers}) == 1
        finally:
            bench.page.set_viewport_size({"width": 1280, "height": 900})


class TestLesson(EveryLesson):
    path = "notebooks/02_initialization.ipynb"


class TestReopened:
    """A notebook that was saved, on the next day: there is no kernel yet that knows its widgets."""

    LINES = """all => all.map(e => getComputedStyle(e, '::before'))
        .filter(style => style.content !== 'none' && style.display !== 'none').map(style => style.content)"""

    def lines(self, page):
        """What stands in front of widgets without a kernel."""
        return page.page.locator(".jupyter-widgets-disconnected").evaluate_all(self.LINES)

    def test_all_is_as_it_was_left_and_goes_on_when_its_cell_is_run(self, evening):
        page = evening
        answer(page.cell(0), "2/128")
        expect(card(page.cell(0))).to_contain_text("is the variance")
        move(page, InitExplorer, page.cell(1), "depth", 20)
        left = computed(InitExplorer, depth=20)
        assert_shows(page, page.cell(1).locator(".td-instrument"), left)
        page.page.wait_for_timeout(500)  # the kernel is told a moment after the hand has come to rest
        page.wait_idle()
        assert self.lines(page) == []
        page.command("docmanager:save")
        page.lab.end_kernels()

        page.open("scratch.ipynb")
        assert_shows(page, page.cell(1).locator(".td-instrument"), left)
        expect(card(page.cell(0))).to_contain_text("is the variance")
        assert self.lines(page) == ['"As you left it. Run this cell to go on."'] * 2

        page.run_all()
        assert_shows(page, page.cell(1).locator(".td-instrument"), computed(InitExplorer))
        assert self.lines(page) == []
        answer(page.cell(0), "1/8")
        expect(card(page.cell(0))).to_contain_text("✓ Right.")


class TestStartHere:
    def test_the_first_click_does_what_the_text_says(self, start):
        text = start.page.locator(".jp-RenderedMarkdown", has_text="Your first click")
        name = text.locator("em").first.inner_text()
        box = start.page.locator(".td-instrument")
        expect(verdict(box)).to_have_text("HOLDS")
        button(box, name).click()
        expect(verdict(box)).to_have_text("EXPLODES")
        button(box, "Reset").click()
        expect(verdict(box)).to_have_text("HOLDS")

    def test_its_question_answers(self, start):
        box = start.page.locator(".td-ask").first  # below it, others may be due for review
        answer(box, "20")
        expect(card(box)).to_contain_text("adds 2 for every layer")
        answer(box, "2^10")
        expect(card(box)).to_contain_text("✓ Right.")

    def test_its_links_open_chapter_1(self, start):
        links = start.page.locator(".jp-RenderedMarkdown a", has_text=re.compile("depth problem|chapter 1"))
        tab = start.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text="01_depth_problem")
        assert links.count() == 2
        for link in links.all():
            link.click()
            expect(tab).to_have_class(re.compile("lm-mod-current"), timeout=20_000)
            expect(start.page.get_by_role("heading", name="Chapter 1 · The depth problem")).to_be_visible()
            start.command("application:close")
            expect(tab).to_have_count(0)
