"""Eyes and hands for instruments and questions on a page of JupyterLab.

A page must show what a fresh instrument with the same settings computes here (`computed`): that is the oracle
of most checks.
"""

import html
import re
import time
from functools import cache

from playwright.sync_api import expect

from helpers.instruments.controls import Slider

PATIENCE = 60  # seconds, where it does not matter how long the machine takes: some settings train networks

READ = r"""box => {
  const texts = where => [...box.querySelectorAll(where)].map(e => e.textContent);
  const drawn = [...box.querySelectorAll('.td-figure svg *')];
  const stands = control => {
    const chosen = control.querySelector('select, :checked');
    return chosen ? chosen.value : control.querySelector('label').textContent;
  };
  return {
    controls: [...box.querySelectorAll('.td-control')].map(stands),
    seed: box.querySelector('input[type=number]')?.value ?? null,  // some have none
    verdict: texts('.td-verdict').join(),
    readouts: texts('.td-readouts > span'),
    curves: [...box.querySelectorAll('.td-ink path')].map(e => e.getAttribute('d')),
    words: texts('.td-ink text'),
    finished: !box.classList.contains('td-unfinished'),
    not_finite: drawn.flatMap(e => [...e.attributes].map(a => a.name + '=' + a.value))
      .filter(text => /\b(NaN|[+-]?inf(inity)?|undefined)\b/i.test(text)),
  };
}"""


def _text(words):
    """HTML without its tags."""
    return html.unescape(re.sub("<[^>]*>", "", words))


@cache
def _fresh(make, settings):
    instrument = make()
    frame = instrument.frame(**dict(settings))
    said = frame["values"]
    return {
        "controls": [
            f"{c.label} = {said[c.name]}" if isinstance(c, Slider) else said[c.name]
            for c in instrument.controls
        ],
        "seed": said.get("seed"),
        "verdict": _text(" ".join(frame["verdict"][:2])),
        "readouts": [_text("".join(row)) for row in frame["readouts"]],
        "curves": re.findall(r'<path[^>]* d="([^"]*)"', frame["ink"]),
        "words": [html.unescape(text) for text in re.findall(r">([^<>]*)</text>", frame["ink"])],
        "finished": True,
        "not_finite": [],
    }


def computed(make, **settings):
    """What a fresh instrument with these settings shows, from labels to curves."""
    return _fresh(make, tuple(sorted(settings.items())))


def instrument(page, make):
    """The first instrument of this kind on the page."""
    title = page.page.locator(".td-title", has_text=re.compile(f"^{re.escape(make.title)}$"))
    return page.page.locator(".td-instrument", has=title).first


def assert_shows(page, box, want, within=PATIENCE):
    """Wait until the instrument in `box` shows `want`, all of it at the same time."""
    deadline = time.monotonic() + within
    while (seen := box.evaluate(READ)) != want and time.monotonic() < deadline:
        page.page.wait_for_timeout(20)
    assert seen == want


def button(box, name):
    buttons = box.locator("button.td-chip, button.td-commit")
    return buttons.filter(has_text=re.compile(f"^{re.escape(name)}$"))


def control(box, label):
    """The control with this label, whichever kind it has; what is behind "More" comes to light."""
    found = box.locator(".td-control").filter(
        has=box.page.locator("label, legend", has_text=re.compile(rf"^{re.escape(label)}( =|$)"))
    )
    found.evaluate("control => control.closest('details')?.setAttribute('open', '')")
    return found


def option(box, name):
    """An option of a choice that is a row of buttons."""
    return box.get_by_role("radio", name=name, exact=True)


def menu(box, label):
    return control(box, label).locator("select")


def verdict(box):
    return box.locator(".td-verdict b")


def reset(page, make, **start):
    """Press Reset, then wait until the instrument shows what it started with: the settings `start`."""
    box = instrument(page, make)
    button(box, "Reset").click()
    assert_shows(page, box, computed(make, **start))
    return box


def focused(page):
    """What has the keyboard: the label of a control, or the text of a button."""
    return page.page.evaluate("""() => {
        const here = document.activeElement, ours = here.closest('.td-control');
        if (ours) return ours.querySelector('label, legend').textContent.replace(/ = [^=]*$/, '');
        if (here.type === 'number') return here.labels[0].textContent;
        return here.textContent;
    }""")


def wanted(control, value):
    """The settings after the learner moved a control there."""
    return {**control.implies, control.name: value}


def drag_to_both_ends(page, make, control):
    """Drag a slider to its two ends: the whole instrument follows, and its curves change."""
    box = reset(page, make)
    slider = page.slider(control.label, box)
    ends = [(1, control.values[-1]), (0, control.values[0])]
    if control.default == control.values[-1]:  # first to the end where it does not stand
        ends.reverse()
    for end, value in ends:
        before = box.evaluate(READ)["curves"]
        page.drag(slider, end)
        assert_shows(page, box, computed(make, **wanted(control, value)))
        assert box.evaluate(READ)["curves"] != before


def take_challenge(page, make, name):
    box = reset(page, make)
    button(box, name).click()
    expect(box.locator(".td-goal")).to_contain_text("Goal:")
    return box


def reached(box):
    """The card that says a challenge is solved, once it is there."""
    card = box.locator(".td-goal.td-good")
    expect(card).to_contain_text("✓ Reached.", timeout=1000 * PATIENCE)
    return card


def move(page, make, box, name, value):
    """Drag a slider to the position that is nearest to a value."""
    control = next(control for control in make.controls if control.name == name)
    nearest = min(range(len(control.values)), key=lambda i: abs(control.values[i] - value))
    page.drag(page.slider(control.label, box), nearest / (len(control.values) - 1))


def sweep(page, slider, seconds, end):
    """Hold a slider's handle and sweep it from end to end; let go at a fraction of its way.

    The page must take ten moves a second; on a machine that is too busy for that, a third of what it takes
    when the mouse holds nothing.
    """
    free = page.sweep(slider, 1, end, held=False)
    assert page.sweep(slider, seconds, end) > min(10, free / 3) * seconds


def _for_screen_readers(page):
    """What Chromium tells a screen reader: {id: node}."""
    session = page.page.context.new_cdp_session(page.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return {node["nodeId"]: node for node in nodes}


def names(page, role):
    """The names of all elements that have this role for a screen reader."""
    found = (node for node in _for_screen_readers(page).values() if not node["ignored"])
    return [node["name"]["value"] for node in found if node["role"]["value"] == role]


def spoken(page):
    """{element: words} for every element to which a screen reader listens."""
    nodes = _for_screen_readers(page)

    def words(node):
        below = "".join(words(nodes[id]) for id in node.get("childIds", ()) if id in nodes)
        return node["name"]["value"] if node["role"]["value"] == "StaticText" else below

    live = [node for node in nodes.values() if node["role"]["value"] == "status"]
    return {node["backendDOMNodeId"]: words(node) for node in live}


def assert_hears(page, words):
    """Wait until a screen reader is told these words."""
    deadline = time.monotonic() + PATIENCE
    while not any(words in heard for heard in spoken(page).values()) and time.monotonic() < deadline:
        page.page.wait_for_timeout(50)
    assert any(words in heard for heard in spoken(page).values())


def answer(box, text, sure=None):
    """Type a number, with a confidence for a prediction, and commit it."""
    box.locator("input[name=answer]").fill(text)
    if sure:
        box.get_by_role("radio", name=f"{sure}%", exact=True).check()
    button(box, "Commit prediction" if sure else "Check").click()


def choose(box, text):
    """Choose the option of a question that begins so."""
    box.get_by_role("radio", name=re.compile(f"^{re.escape(text)}")).check()


def card(box):
    return box.locator(".td-card")
