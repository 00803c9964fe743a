"""What must hold for every lesson, in the browser: it runs, it shows, its folds open, it can be read."""

import ast
import re

import nbformat
from playwright.sync_api import Locator, expect

from tests.browser.instruments import button

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


def contrasts(page):
    return page.page.locator(TEXTS).locator("visible=true").evaluate_all(CONTRAST)


def answer_wrongly(box):
    """Choose options of a question until one of them is wrong."""
    for option in box.locator(".widget-toggle-button").all()[:2]:  # at most one is right
        option.click()
        button(box, "Check").click()
        card = box.locator(".td-card")
        expect(card).to_contain_text(re.compile("Not yet|Right"))
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
        blocks = lesson.page.locator("details")
        assert blocks.count() == sum(
            source.count("<details>") for _, source in self.cells(lesson, "markdown")
        )
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

    def test_all_text_can_be_read_in_both_themes_and_changes_colour_with_the_theme(self, lesson):
        page = lesson.page
        # Everything that has a colour of its own: what a preset shows, a goal, a wrong answer.
        for instrument in page.locator(".td-instrument").all():
            for row in instrument.locator(".widget-hbox", has_text=re.compile("^(Try|Challenges)")).all():
                row.locator("button").first.click()
        choice = page.locator(".td-ask", has=page.locator(".widget-toggle-buttons"))
        answer_wrongly(choice.filter(has=page.get_by_role("button", name="Check", exact=True)).first)
        lesson.wait_idle(quiet=0.7)
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
