"""Questions and predictions as a learner meets them: by mouse, keys, touch; settled, reopened, anywhere."""

import json
import re

import nbformat
import pytest
from playwright.sync_api import expect

from helpers.checking import ask, checks, predict, report
from helpers.checking.cards import Card, Code
from helpers.figures.theme import style_rules
from tests.browser.instruments import answer, assert_hears, button, card, choose, focused, spoken
from tests.browser.lessons import CONTRAST, barriers
from tools.axe import violations

FOLD = '<details class="{}"><summary><b>Why</b></summary>\n\n{}\n\n</details>'


@pytest.fixture(scope="class")
def quiz(lab_light, browser):
    """A number to give, an option to choose and two predictions to commit, one in each cell."""
    with lab_light.page(browser) as page:
        page.open_cells(
            "from helpers import ask, predict\nask('init-he-std')",
            "ask('init-relu-halves')",
            "predict('predict-he-var')",
            "predict('predict-sigmoid')",
        )
        page.run_all()
        yield page


@pytest.fixture(scope="class")
def walk(lab_light, browser):
    """A prediction, a cell in between, one with the id of the cell that shows the truth, folds, a report."""
    cells = {
        "predict": "from helpers import predict, report, show\npredict('predict-naive-factor')",
        "aside": "show({'2 · 3': 6})",
        "one-naive-layer": "show({'E[h²]': 128})",
        "why": FOLD.format("predict-naive-factor", "Half of $n = 256$ is left: $n/2$."),
        "other": FOLD.format("predict-he-var", "Not this one."),
        "report": "report()",
    }
    with lab_light.page(browser) as page:
        path = page.lab.folder / page.lab.write_notebook("walk.ipynb", cells)
        notebook = nbformat.read(path, 4)
        for cell in notebook.cells:
            if cell.source.startswith("<details"):
                cell.cell_type = "markdown"
                del cell["outputs"], cell["execution_count"]
        nbformat.write(notebook, path)
        page.open("walk.ipynb")
        yield page


def run(page, cell):
    cell.locator(".jp-InputPrompt").click()
    page.command("notebook:run-cell")


@pytest.mark.usefixtures("nothing_goes_wrong")
class TestQuestions:
    def test_a_wrong_number_gets_the_words_for_its_misconception_and_a_right_one_praise(self, quiz):
        box = quiz.cell(0)
        expect(box.locator(".td-number")).to_contain_text("Within 2% counts as right.")
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
        choose(box, "The variance")
        button(box, "Check").click()
        expect(card(box)).to_contain_text("✗ Not yet.")
        choose(box, "The mean square")
        button(box, "Check").click()
        expect(card(box)).to_contain_text("✓ Right.")

    def test_a_verdict_is_spoken_by_an_element_that_stays(self, quiz):
        before = set(spoken(quiz))
        answer(quiz.cell(0), "1/8")
        assert_hears(quiz, "✓ Right.")
        assert set(spoken(quiz)) == before

    def test_a_number_is_answered_without_a_mouse(self, quiz):
        box, keyboard = quiz.cell(0), quiz.page.keyboard
        box.locator("input[name=answer]").focus()
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

    def test_every_option_can_be_chosen_without_a_mouse_and_choosing_answers_nothing(self, quiz):
        box, keyboard = quiz.cell(1), quiz.page.keyboard
        options, before = box.get_by_role("radio"), card(box).all_inner_texts()
        options.first.focus()
        keyboard.press("Space")
        for index in range(options.count()):
            expect(options.nth(index)).to_be_checked()
            expect(options.nth(index)).to_be_focused()
            keyboard.press("ArrowDown")
        quiz.wait_idle()
        assert card(box).all_inner_texts() == before

    def test_nothing_is_committed_before_both_the_answer_and_the_confidence_are_chosen(self, quiz):
        box = quiz.cell(3)
        commit = button(box, "Commit prediction")
        commit.dblclick()
        expect(card(box)).to_have_text("Choose one of the options first.")
        expect(box.get_by_role("radio").first).to_be_focused()
        choose(box, "Most units")  # a click right after an empty commitment
        quiz.wait_idle(quiet=1.2)
        expect(card(box)).to_have_text("Choose one of the options first.")
        commit.click()
        expect(card(box)).to_contain_text("how sure are you?")
        expect(box.get_by_role("radio", name="50%")).to_be_focused()
        assert box.get_by_role("radio", checked=True).count() == 1
        box.get_by_role("radio", name="70%").check()
        quiz.wait_idle(quiet=1.2)
        expect(card(box)).to_contain_text("how sure are you?")
        commit.dblclick()
        expect(card(box)).to_contain_text("“Most units are saturated, at 0 or at 1” (70% sure)")
        assert_recorded_once(quiz)

    def test_a_prediction_is_committed_without_a_mouse_and_does_not_reveal_the_answer(self, quiz):
        box, keyboard = quiz.cell(2), quiz.page.keyboard
        box.locator("input[name=answer]").focus()
        keyboard.type("1")
        keyboard.press("Tab")
        keyboard.press("Space")
        for _ in range(3):
            keyboard.press("ArrowRight")
        expect(box.get_by_role("radio", name="80%")).to_be_checked()
        keyboard.press("Tab")
        assert focused(quiz) == "Commit prediction"
        keyboard.press("Space")
        expect(card(box)).to_have_text("Saved: “1” (80% sure). Run the next cell to see what happens.")

    def test_answers_survive_the_kernel(self, quiz):
        answer(quiz.cell(2), "0.9", 60)
        expect(card(quiz.cell(2))).to_contain_text("“0.9”")
        choose(quiz.cell(1), "The mean square")
        button(quiz.cell(1), "Check").click()
        expect(card(quiz.cell(1))).to_contain_text("✓ Right.")
        quiz.page.locator('[data-command="notebook:restart-run-all"]').click()
        quiz.page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(card(quiz.cell(2))).to_contain_text("You answered this before: “0.9”", timeout=30_000)
        expect(quiz.cell(2).locator("input[name=answer]")).to_have_value("0.9")
        expect(quiz.cell(2).get_by_role("radio", name="60%")).to_be_checked()
        expect(card(quiz.cell(1))).to_contain_text("You answered this before")
        expect(quiz.cell(1).get_by_role("radio", name="The mean square")).to_be_checked()
        quiz.wait_idle()
        quiz.page.evaluate("window.kernelProblems = []")  # a restarted kernel warns about its debugger


def assert_recorded_once(page):
    """One row of a double click, with the confidence that was chosen."""
    page.command("notebook:insert-cell-below")
    cell = page.page.locator(".jp-Notebook .jp-CodeCell.jp-mod-active")
    cell.locator(".cm-content").click()
    page.page.keyboard.insert_text(
        "from helpers.progress.record import PROGRESS\n"
        "[row.confidence for row in PROGRESS.answers('predict-sigmoid')]"
    )
    page.page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-OutputArea-output")).to_have_text("[70]")


@pytest.mark.usefixtures("nothing_goes_wrong")
class TestSettling:
    def test_a_prediction_is_settled_when_the_cell_that_shows_the_truth_has_run(self, walk):
        """Wrong and sure: the walk of a learner, up to the report, and again on the next day."""
        predicted, aside, truth, why, other, reported = map(walk.cell, range(6))
        run(walk, predicted)
        answer(predicted, "256", 100)
        expect(card(predicted)).to_contain_text("Saved: “256” (100% sure)")
        run(walk, reported)
        expect(card(reported)).to_contain_text("predicted, and not settled yet")
        run(walk, aside)
        expect(card(predicted)).to_contain_text("Saved")
        expect(why.locator("p")).to_be_hidden()
        run(walk, truth)
        expect(card(predicted)).to_contain_text(
            "✗ Not so. It is 128. You said 256, 100% sure. 256 is the factor"
        )
        # What answers it unfolds, with its mathematics; what answers another prediction does not.
        expect(why.locator("p")).to_be_visible()
        expect(why.locator("mjx-container")).to_have_count(2)
        expect(other.locator("p")).to_be_hidden()
        run(walk, reported)
        expect(card(reported)).to_contain_text("0 of 1")
        expect(card(reported)).not_to_contain_text("not settled yet")
        # Once more it is a question.
        expect(predicted.locator(".td-sure")).to_be_hidden()
        answer(predicted, "128")
        expect(card(predicted)).to_contain_text("does not count as a prediction")
        run(walk, predicted)
        expect(card(predicted)).to_contain_text("It is 128.")
        for theme in ("dark", "light"):
            walk.set_theme(theme)
            assert barriers(walk, [".td-ask", ".td-card"]) == []

    def test_on_the_next_day_it_is_as_it_was_left_and_an_untrusted_copy_is_text(self, walk):
        walk.command("docmanager:save")
        walk.lab.end_kernels()
        walk.open("walk.ipynb")
        box = walk.cell(0)
        expect(card(box)).to_contain_text("It is 128.")
        expect(box.locator(".td-commit")).to_be_hidden()  # it is still, and says why
        lines = box.locator(".jupyter-widgets-disconnected").evaluate_all(
            "all => all.map(one => getComputedStyle(one, '::before').content)"
        )
        assert lines == ['"As you left it. Run this cell to go on."']
        path = walk.lab.folder / "walk.ipynb"
        copy = json.loads(path.read_text("utf-8"))
        copy["metadata"]["sent"] = "by somebody else"
        (path.parent / "copy.ipynb").write_text(json.dumps(copy), "utf-8")
        walk.open("copy.ipynb")
        expect(walk.cell(0)).to_contain_text("Every weight is drawn from N(0, 1)")
        assert walk.page.get_by_text(re.compile("Error displaying|model not found")).count() == 0
        assert walk.problems() == []

    def test_a_folded_output_is_named_in_words(self, walk):
        walk.open("walk.ipynb")
        reported = walk.cell(5)
        reported.locator(".jp-InputPrompt").click()
        walk.command("notebook:hide-cell-outputs")
        line = reported.locator(".jp-OutputPlaceholder")
        expect(line).to_contain_text("Your progress")
        assert "{" not in line.inner_text()

    def test_a_fold_that_is_drawn_after_the_settlement_opens_too(self, walk):
        """A long notebook, opened again, draws its questions before the cells below them."""
        walk.lab.write_notebook(
            "late.ipynb", {"predict": "from helpers import predict\npredict('predict-he-var')", "he-var": "1"}
        )
        walk.open("late.ipynb")
        run(walk, walk.cell(0))
        answer(walk.cell(0), "0.68", 90)
        expect(card(walk.cell(0))).to_contain_text("Saved")
        run(walk, walk.cell(1))
        expect(card(walk.cell(0))).to_contain_text("✓ Right")
        draw = "html => document.querySelector('.jp-Notebook').insertAdjacentHTML('beforeend', html)"
        walk.page.evaluate(draw, FOLD.format("predict-he-var", "<i>late</i>"))
        walk.page.evaluate(draw, FOLD.format("predict-sigmoid", "<i>other</i>"))
        expect(walk.page.get_by_text("late", exact=True)).to_be_visible()
        expect(walk.page.get_by_text("other", exact=True)).to_be_hidden()


# Any other page: a widget's host that is neither JupyterLab nor ours.

HOST = """({module, css, about, state}) => {
    document.head.insertAdjacentHTML('beforeend', `<style>${css}</style>`);
    const script = URL.createObjectURL(new Blob([module], {type: 'text/javascript'}));
    window.sent = [];
    const listeners = [], values = {_about: about, _state: state};
    const model = {
        get: name => values[name], on: (_, listener) => listeners.push(listener), off: () => {},
        send: content => window.sent.push(content),
    };
    window.answer = state => { values._state = state; listeners.forEach(listener => listener()); };
    const el = document.body.appendChild(document.createElement('div'));
    return import(script).then(({default: widget}) => { widget.render({model, el}); });
}"""
GROUNDS = {  # how programs say which theme they have, and the theme of the system around them
    "white page": ("", "", "#ffffff", "light"),
    "dark page of a dark system": ("", "", "#1e1e1e", "dark"),
    "dark page of a light system": ("", "", "#1e1e1e", "light"),
    "VS Code dark": ("", "vscode-dark", "#1e1e1e", "light"),
    "VS Code light": ("", "vscode-light", "#ffffff", "dark"),
    "VS Code dark high contrast": ("", "vscode-high-contrast", "#000000", "light"),
    "Colab dark": ("dark", "", "#383838", "light"),
}
TEXTS = (
    ".td-ask :is(legend, label, small, button, b, code, div), .td-card, "
    ".td-card :is(b, div, li, small, code, pre, a, td, th)"
)


@pytest.fixture
def elsewhere(browser, tmp_path, monkeypatch):
    """A function that opens a page with a prediction in it, or with a question and other cards."""
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", str(tmp_path))
    contexts = []

    def open(make, ground="white page", **settings):
        theme, body, color, system = GROUNDS[ground]
        context = browser.new_context(color_scheme=system, **settings)
        contexts.append(context)
        tab, box = context.new_page(), make()
        cards = [
            Card("good", "✓ Right: 8 of 8", "A sentence with `code` in it.", Code("x = 1")),
            Card("alarm", "✗ Wrong", "No."),
            report(),
        ]
        html = "".join(shown._repr_html_() for shown in cards) if box.kind == "question" else ""
        # A program's own style for what is in an output.
        own = f"body {{color: {'#d4d4d4' if theme or 'dark' in ground else '#222'}; background: {color}}}"
        tab.set_content(
            f'<!doctype html><html lang="en" theme="{theme}"><title>Elsewhere</title><style>{own} '
            f"a {{color: #0000ee}} code, pre {{color: #e8912d; background: #222}}</style>"
            f'<body class="{body}"><main>{html}</main></body>'
        )
        given = {"module": box._esm, "css": style_rules(), "about": box._about, "state": box._state}
        tab.evaluate(HOST, given)
        return tab, box

    yield open
    for context in contexts:
        context.close()


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("make", [lambda: ask("init-he-std"), lambda: predict("predict-sigmoid")])
def test_a_card_can_be_read_on_any_ground(elsewhere, tmp_path, ground, make):
    tab, box = elsewhere(make, ground)
    for given in (box.question.options[0].text if box._about["options"] else "2/128", "nonsense"):
        box.submit(given, 50)
        tab.evaluate("state => window.answer(state)", box._state)
        expect(tab.locator(".td-ask .td-card")).to_be_visible()
        seen = tab.locator(TEXTS).locator("visible=true").evaluate_all(CONTRAST)
        assert len(seen) > 12
        assert [text for text in seen if text["ratio"] < 4.5] == []
    tab.screenshot(path=tmp_path / "ground.png", full_page=True)


@pytest.mark.parametrize("ground", ["white page", "VS Code dark"])
def test_on_a_phone_it_is_answered_by_touch(elsewhere, ground):
    tab, box = elsewhere(
        lambda: predict("predict-sigmoid"), ground, viewport={"width": 390, "height": 844}, has_touch=True
    )
    options = tab.locator(".td-choice label")
    assert all(one.bounding_box()["height"] >= 24 for one in tab.locator(".td-ask label").all())
    options.nth(2).tap()
    tab.locator(".td-sure label", has_text="90%").tap()
    assert tab.evaluate("window.sent") == []
    tab.locator(".td-commit").tap()
    assert tab.evaluate("window.sent") == [{"answer": box._about["options"][2], "sure": 90}]
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert violations(tab, [".td-ask"]) == []


def test_a_kernel_that_does_not_answer_is_said_to_be_silent(elsewhere):
    tab, box = elsewhere(lambda: ask("init-he-std"))
    answer(tab, "1/8")
    expect(tab.locator(".td-ask .td-card")).to_contain_text("Python does not answer yet", timeout=10_000)
    box.submit("1/8")
    tab.evaluate("state => window.answer(state)", box._state)
    expect(tab.locator(".td-ask .td-card")).to_contain_text("✓ Right.")
    expect(tab.locator("input[name=answer]")).to_have_value("1/8")


def test_what_was_typed_is_escaped(elsewhere):
    tab, box = elsewhere(lambda: ask("init-he-std"))
    box.submit("<img src=x onerror=alert(1)>")
    tab.evaluate("state => window.answer(state)", box._state)
    expect(tab.locator(".td-ask .td-card")).to_contain_text("<img src=x onerr")
    assert tab.locator(".td-ask img").count() == 0


def test_the_points_of_a_check_are_for_programs_alone(page):
    page.open_cells(
        "from helpers import check", "def he(fan_in):\n    return 3.0", "check(he)", "check(he) + 1"
    )
    page.run_all()
    checked, added = page.cell(2), page.cell(3)
    expect(checked.locator(".td-card")).to_be_visible()
    shown = checked.locator(".jp-OutputArea-child").locator("visible=true")
    expect(shown).to_have_count(1)
    expect(added.locator(".jp-OutputArea-child").last).to_contain_text("1.0")
    assert isinstance(checks.Points(2.0) + 1, float)
