"""What must hold for every lesson and every instrument, in the browser.

A lesson runs, shows, can be read, and its folds open; an instrument follows the mouse and the keyboard.
"""

import ast
import re
from itertools import product

import nbformat
from playwright.sync_api import Locator, expect

from helpers.instruments.controls import Choice, Slider
from tests.browser.instruments import (
    PATIENCE,
    assert_hears,
    assert_shows,
    button,
    computed,
    drag_to_both_ends,
    focused,
    instrument,
    menu,
    option,
    reset,
    spoken,
    wanted,
)
from tools.axe import violations

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
    ".td-figure svg text, .td-title, .td-verdict, .td-verdict b, .td-readouts i, .td-readouts b, "
    ".td-control label, .td-chip, .td-question, .td-row span, .td-card, .td-card b, "
    ".td-ask legend, .td-ask label, .td-ask small, .td-commit, .td-numbers th, .td-numbers td"
)

# What the course puts on the page. The rest is JupyterLab's own.
OURS = [".jp-RenderedMarkdown", ".jp-OutputArea"]

PICTURES = """output => [
  ...output.querySelectorAll('img, svg:not([aria-hidden=true], svg svg)'),
].map(picture => {
  const label = picture.getAttribute('aria-label');
  const ids = (picture.getAttribute('aria-labelledby') ?? '').split(' ');
  const named = picture.getAttribute('role') === 'img' && ids.map(id => document.getElementById(id));
  // (An id that stands twice on the page names another picture.)
  return picture.alt ?? label ?? named?.map(e => picture.contains(e) ? e.textContent : '').join(': ');
})"""


def contrasts(page):
    return page.page.locator(TEXTS).locator("visible=true").evaluate_all(CONTRAST)


def barriers(page, where=OURS):
    """The serious and critical violations that axe finds in what the course shows."""
    return violations(page.page, where)


def wait_until_settled(page):
    """Wait until no word changes any more: a training shows its progress, with pauses in between."""
    page.wait_idle(quiet=0.7)
    before, now = None, page.page.locator(TEXTS).all_inner_texts()
    while now != before:
        page.page.wait_for_timeout(1500)
        page.wait_idle(quiet=0.7)
        before, now = now, page.page.locator(TEXTS).all_inner_texts()


def answer_wrongly(box):
    """Choose options of a question until one of them is wrong."""
    for choice in box.get_by_role("radio").all()[:2]:  # at most one is right
        choice.check()
        button(box, "Check").click()
        card = box.locator(".td-card")
        # (The kernel may still be at work on a preset.)
        expect(card).to_contain_text(re.compile("Not yet|Right"), timeout=1000 * PATIENCE)
        if "Not yet" in card.inner_text():
            return


class EveryLesson:
    """The tests of one lesson; a subclass says which `path` it has below the root (the fixture `lesson`)."""

    path: str

    def cells(self, lesson, kind):
        """(index, source) of the cells of a kind."""
        cells = nbformat.read(lesson.lab.folder / self.path, as_version=4).cells
        return [(index, cell.source) for index, cell in enumerate(cells) if cell.cell_type == kind]

    def test_it_runs_without_a_problem(self, lesson):
        assert lesson.problems() == []
        assert lesson.page.locator(".jp-mod-error, [data-mime-type*=stderr]").count() == 0

    def test_every_cell_that_ends_with_an_expression_shows_something(self, lesson):
        for index, source in self.cells(lesson, "code"):
            speaks = isinstance(ast.parse(source).body[-1], ast.Expr)
            outputs = lesson.cell(index).locator(".jp-OutputArea-output").all()
            heights = [box["height"] for box in map(Locator.bounding_box, outputs) if box]
            # (A progress bar that has been taken away leaves an output without a height.)
            assert sum(height > 10 for height in heights) == speaks, source

    def test_every_formula_is_typeset(self, lesson):
        for index, source in self.cells(lesson, "markdown"):
            prose = re.sub(r"```.*?```|`[^`]*`", "", source, flags=re.DOTALL)
            formulas = re.findall(r"\$\$.+?\$\$|\$[^$]+\$", prose, flags=re.DOTALL)
            expect(lesson.cell(index).locator("mjx-container")).to_have_count(len(formulas))
            assert "$" not in lesson.cell(index).locator(".jp-RenderedMarkdown").inner_text()
        assert lesson.page.locator("mjx-merror").count() == 0

    def test_go_deeper_is_closed_and_opens_with_and_without_a_mouse(self, lesson):
        blocks = lesson.page.locator(".jp-RenderedMarkdown details")
        assert blocks.count() == sum(source.count("<details") for _, source in self.cells(lesson, "markdown"))
        for block in blocks.all():
            summary, inside = block.locator("summary"), block.locator(":scope > :not(summary)").first
            expect(inside).to_be_hidden()
            summary.click()
            expect(inside).to_be_visible()
            summary.click()
            expect(inside).to_be_hidden()
            summary.focus()
            for key in ("Enter", "Space"):  # open, then close
                lesson.page.keyboard.press(key)
                expect(inside).to_be_visible(visible=key == "Enter")

    def test_every_picture_says_what_it_shows(self, lesson):
        for output in lesson.page.locator(".jp-OutputArea-output").all():
            for words in output.evaluate(PICTURES):
                assert len(words) > 60, words

    def test_axe_finds_no_barrier_in_either_theme(self, lesson):
        try:
            for theme in ("dark", "light"):
                lesson.set_theme(theme)
                assert barriers(lesson) == []
        finally:
            lesson.set_theme("light")

    def test_all_text_can_be_read_in_both_themes_and_changes_colour_with_the_theme(self, lesson):
        page = lesson.page
        for commit in page.locator(".td-goal").get_by_role("button", name="Commit").all():
            commit.click()  # a guess, after which the instrument is there
        # Everything that has a colour of its own: what a preset shows, a goal, a wrong answer.
        for one in page.locator(".td-instrument").all():
            for row in one.locator(".td-row", has_text=re.compile("^(Try|Challenges)")).all():
                row.locator("button").first.click()
        choice = page.locator(".td-ask", has=page.locator(".td-choice"))
        answer_wrongly(choice.filter(has=page.get_by_role("button", name="Check", exact=True)).first)
        wait_until_settled(lesson)
        runs = page.locator(".jp-InputPrompt").all_inner_texts()

        light = contrasts(lesson)
        assert len(light) > 200
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


class EveryInstrument:
    """The tests of some instruments with their default settings; a subclass says which `instruments`.

    A test that takes `make` is run for each of them, one that takes `make` and `control` for each slider. The
    fixture `bench` is a page that has one instrument in each cell.
    """

    instruments: tuple

    def pytest_generate_tests(self, metafunc):
        if any("make" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")):
            return
        if "control" in metafunc.fixturenames:
            sliders = [(m, c) for m in self.instruments for c in m.controls if isinstance(c, Slider)]
            ids = [f"{make.__name__}-{control.name}" for make, control in sliders]
            metafunc.parametrize(("make", "control"), sliders, ids=ids)
        elif "make" in metafunc.fixturenames:
            metafunc.parametrize("make", self.instruments, ids=lambda make: make.__name__)

    def test_a_slider_dragged_to_its_ends_shows_both(self, bench, make, control):
        drag_to_both_ends(bench, make, control)

    def test_a_slider_obeys_the_keyboard(self, bench, make, control):
        box = reset(bench, make)
        slider, values = bench.slider(control.label, box), control.values
        keys = {"Home": 0, "ArrowRight": 1, "PageUp": 6, "ArrowLeft": 5, "PageDown": 0, "End": -1}
        if len(values) < 7:  # PageUp goes five steps
            keys = {"Home": 0, "ArrowRight": 1, "End": -1}
        for key, index in keys.items():
            bench.press(slider, key)
            assert_shows(bench, box, computed(make, **wanted(control, values[index])))

    def test_every_option_can_be_chosen_without_a_mouse(self, bench, make):
        for control in make.controls:
            if not isinstance(control, Choice):
                continue
            box = reset(bench, make)
            for name in control.options if control.buttons else ():
                option(box, name).focus()
                bench.page.keyboard.press("Space")
                assert_shows(bench, box, computed(make, **{control.name: name}))
                expect(option(box, name)).to_be_checked()
            for name in (
                () if control.buttons else control.options[control.options.index(control.default) + 1 :]
            ):
                menu(box, control.label).focus()
                for key in ("Enter", "ArrowDown", "Enter"):
                    bench.page.keyboard.press(key)
                assert_shows(bench, box, computed(make, **{control.name: name}))

    def test_presets_show_their_settings(self, bench, make):
        box = reset(bench, make)
        for name, settings in make.presets.items():
            button(box, name).click()
            assert_shows(bench, box, computed(make, **settings))

    def test_tab_reaches_every_control_in_the_order_of_the_page(self, bench, make):
        reset(bench, make)
        bench.cell(self.instruments.index(make)).locator(".cm-content").click()
        bench.page.keyboard.press("Escape")  # leaves the code, as after running it
        labels = [control.label for control in make.controls]
        box = instrument(bench, make)
        if more := box.locator(".td-more > summary").all_inner_texts():
            box.locator(".td-more").evaluate("more => more.setAttribute('open', '')")
            labels[make.first : make.first] = more
        challenges = [challenge.name for challenge in make.challenges]
        seed = ["Seed", "New seed"] if make.seeded else []
        order = [*labels, *make.presets, *challenges, "Reset", *seed]

        visited = []
        while (
            order[0] not in visited and len(visited) < 20
        ):  # past JupyterLab's own buttons, phrases, and the figure
            bench.page.keyboard.press("Tab")
            visited = [*visited, focused(bench)]
        for _ in order[1:]:
            bench.page.keyboard.press("Tab")
            visited.append(focused(bench))
        assert visited[-len(order) :] == order

    def test_the_figure_has_a_name_and_a_description_that_follows_it(self, bench, make):
        box = reset(bench, make)
        figure = box.get_by_role("img", name=re.compile(f"^{re.escape(make.title)}"))
        expect(figure).to_have_count(1)
        words = f"{make.title}. {make().description}"
        expect(figure).to_have_attribute("aria-label", words)
        slider = next(control for control in make.controls if isinstance(control, Slider))
        bench.press(bench.slider(slider.label, box), "Home" if slider.default != slider.values[0] else "End")
        expect(figure).not_to_have_attribute("aria-label", words)

    def test_a_new_verdict_and_a_goal_are_spoken_by_an_element_that_stays(self, bench, make):
        reset(bench, make)
        before = set(spoken(bench))
        box, challenge = instrument(bench, make), make.challenges[0]
        button(box, challenge.name).click()
        assert_hears(bench, "Goal: ")
        name, settings = next(iter(make.presets.items()))
        button(box, name).click()
        assert_hears(bench, computed(make, **settings)["verdict"])
        assert set(spoken(bench)) == before

    def test_no_label_is_cut_off(self, bench, make):
        box = reset(bench, make)
        sliders, cut = [c for c in make.controls if isinstance(c, Slider)], []
        try:
            for width, key in product((1280, 1000), ("", "Home", "End")):  # the labels hold the values
                bench.page.set_viewport_size({"width": width, "height": 900})
                for control in sliders if key else ():
                    bench.press(bench.slider(control.label, box), key)
                bench.wait_idle()
                cut += box.locator(".td-control label, button").evaluate_all(
                    "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
                )
        finally:
            bench.page.set_viewport_size({"width": 1280, "height": 900})
        assert cut == []
