"""An instrument where there is no JupyterLab: VS Code's and Colab's pages, light, dark and of high contrast.

These programs are not here: a page stands for each, with the classes and the variables that it has and none
of JupyterLab's, and a model that answers as a kernel does.
"""

import pytest
from playwright.sync_api import expect

from helpers import edge_of_chaos, gain_chain, init_explorer
from helpers.figures.theme import style_rules
from tests.browser.lessons import CONTRAST
from tests.browser.test_questions import GROUNDS

VARIABLES = "--vscode-editor-foreground: {ink}; --vscode-editor-background: {ground}"
HOST = """async ({module, css, values}) => {
    document.head.insertAdjacentHTML('beforeend', `<style>${css}</style>`);
    const script = URL.createObjectURL(new Blob([module], {type: 'text/javascript'}));
    const listeners = {};
    const model = {
        get: name => values[name], set: (name, value) => { values[name] = value; }, save_changes: () => {},
        on: (event, listener) => { listeners[event] = listener; }, off: () => {},
        send: content => window.wanted.push(content),
    };
    window.wanted = [];
    window.answer = frames => listeners['msg:custom']({frames});
    const el = document.querySelector('main');
    const widget = (await import(script)).default();
    widget.initialize({model, el});
    widget.render({model, el});
}"""
TEXTS = (
    ".td-instrument :is(button, label, legend, summary, option, p, i, b, span, small, .td-title, .td-verdict)"
)
# Of every word in the figure: its contrast with the ground it stands on.
IN_FIGURE = """box => {
    const numbers = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => numbers(color).slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = element => {
        for (let e = element; e; e = e.parentElement) {
            const color = getComputedStyle(e).backgroundColor;
            if (numbers(color)[3] !== 0) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    return [...box.querySelectorAll('svg text')].filter(text => text.textContent.trim()).map(text => {
        const [a, b] = [light(getComputedStyle(text).fill), light(ground(text))];
        return {text: text.textContent, ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)};
    });
}"""


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("make", [gain_chain, edge_of_chaos, init_explorer])
def test_an_instrument_can_be_read_and_moves_on_any_ground(browser, tmp_path, ground, make):
    theme, body, color, system = GROUNDS[ground]
    ink = "#d4d4d4" if theme or "dark" in ground or "contrast" in ground else "#222222"
    box, own = make(), VARIABLES.format(ink=ink, ground=color)
    with browser.new_context(color_scheme=system, viewport={"width": 1000, "height": 900}) as context:
        tab = context.new_page()
        tab.set_content(
            f'<!doctype html><html lang="en" theme="{theme}"><title>Elsewhere</title>'
            f"<style>body {{color: {ink}; background: {color}; {own}}}</style>"
            f'<body class="{body}"><main></main></body>'
        )
        values = {"_about": box._about, "_frame": box._frame, **vars(box.settings)}
        tab.evaluate(HOST, {"module": box._esm, "css": style_rules(), "values": values})
        seen = tab.locator(TEXTS).locator("visible=true").evaluate_all(CONTRAST)
        assert len(seen) > 8
        assert [text for text in seen if text["ratio"] < 4.5] == []
        drawn = tab.locator(".td-instrument").evaluate(IN_FIGURE)
        assert len(drawn) > 5
        assert [text for text in drawn if text["ratio"] < 4.5] == []
        paths = tab.locator(".td-ink").inner_html()
        slider = tab.locator(".td-control input[type=range]:enabled").locator("visible=true").first
        at_the_end = slider.input_value() == slider.get_attribute("max")
        slider.press("ArrowLeft" if at_the_end else "ArrowRight")
        tab.wait_for_function("() => window.wanted.some(one => one.now)")
        wanted = tab.evaluate("() => window.wanted.findLast(one => one.now).now")
        moved = dict(zip(vars(box.settings), wanted, strict=True))
        tab.evaluate("frames => window.answer(frames)", [[wanted, box.frame(**moved)]])
        expect(tab.locator(".td-ink")).not_to_have_js_property("innerHTML", paths)
        tab.screenshot(path=tmp_path / "ground.png", full_page=True)
