"""The live course: JupyterLite and its Python in a real Chromium, served from the built site alone.

With a full Pyodide in $PYODIDE, lesson 2 runs. Without it, the core runtime (from npm and PyPI) boots, which
has no numpy: what can be shown then is that a kernel starts from the site's own index, that `import helpers`
needs no step, that a slider reaches Python, and that answers outlive the kernel. The last lines of the run
say which of the two it was.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest
from playwright.sync_api import expect

from helpers import instruments
from helpers.progress.record import Progress
from tools.axe import violations
from tools.lab import COLLECT_PROBLEMS, KERNEL, LabPage
from tools.web import pyodide
from tools.web.serving import served

# JupyterLite looks for folders that only the browser has, and says itself that this is no problem.
NOT_OURS = (r"Failed to load resource: the server responded with a status of 404 \(File not found\)",)
LESSON = "notebooks/02_initialization.ipynb"
BOOT = 180  # seconds that a kernel may take on a slow machine

# Modules of the course that need no numpy. The __init__ of `checking` does: one is loaded from its file.
WITHOUT_NUMPY = """
import importlib.util
import anywidget, helpers, ipywidgets
from helpers import contents
from helpers.progress import record

path = f"{helpers.__path__[0]}/checking/arithmetic.py"
spec = importlib.util.spec_from_file_location("arithmetic", path)
arithmetic = importlib.util.module_from_spec(spec)
spec.loader.exec_module(arithmetic)
print(len(contents.chapters()) > 5, arithmetic.parse_number("2^-3"))
"""
ANSWERS = """
store = record.Progress()
before, saved = len(store.answers()), store.record("question", "a-question", "0.5", True)
print(before, saved, len(store.answers()), store.notice() or "saved")
"""
SLIDER = """
slider, label = ipywidgets.IntSlider(description="Depth", max=10), ipywidgets.Label("depth 0")
slider.observe(lambda change: setattr(label, "value", f"depth {change.new}"), "value")
ipywidgets.VBox([slider, label])
"""


# JavaScript: show this cell of the notebook in front, and make it the active one.
FRONT = """async id => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const at = notebook.widgets.findIndex(cell => cell.model.id === id);
  notebook.activeCellIndex = at;
  await notebook.scrollToItem(at, 'center');
}"""


class LitePage(LabPage):
    """JupyterLite in a tab; what LabPage can do with JupyterLab works here, too."""

    def __init__(self, url, page):
        super().__init__(None, page)
        self.url = url

    def start(self):
        self.page.goto(f"{self.url}lab/index.html?reset")
        self.page.wait_for_function("() => window.jupyterapp?.restored")
        self.page.evaluate("() => window.jupyterapp.restored.then(() => null)")

    def open(self, path, timeout=BOOT):
        self.command("docmanager:open", {"path": path})
        ready = f"() => {KERNEL}?.status === 'idle' || document.querySelector('.jp-Dialog')"
        self.page.wait_for_function(ready, timeout=timeout * 1000)
        assert self.page.locator(".jp-Dialog").all_inner_texts() == []
        self.page.evaluate(COLLECT_PROBLEMS)

    def write(self, path, *sources):
        """Keep a notebook with these cells in the browser."""
        cells = [
            {"cell_type": "code", "source": s, "metadata": {}, "outputs": [], "execution_count": None}
            for s in sources
        ]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        metadata = {"kernelspec": spec, "language_info": {"name": "python"}}  # as in a lesson
        content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
        self.page.evaluate(
            "([path, content]) => window.jupyterapp.serviceManager.contents.save("
            "path, {type: 'notebook', format: 'json', content}).then(() => null)",
            [path, content],
        )

    def follow(self, cell, path):
        """Click the last link of a cell of the notebook in front, which leads to the notebook `path`."""
        self.page.evaluate(FRONT, cell)
        self.page.locator(".jp-mod-active .jp-RenderedMarkdown a[href*='.ipynb']").last.click()
        ready = "path => window.jupyterapp.shell.currentWidget.context?.path === path"
        ready += f" && {KERNEL}?.status === 'idle'"
        self.page.wait_for_function(ready, arg=path, timeout=BOOT * 1000)

    def alive(self):
        """Run a line of the course in the kernel of the notebook in front; return the kernel's id."""
        code = "import helpers; helpers.__version__"
        return self.page.evaluate(
            f"""async code => {{
                const reply = await {KERNEL}.requestExecute({{code}}).done;
                if (reply.content.status !== 'ok') throw new Error(reply.content.evalue);
                return {KERNEL}.id;
            }}""",
            code,
        )

    def text(self, cell):
        return self.cell(cell).locator(".jp-OutputArea-output").inner_text().split("\n")[0]

    def problems(self):
        return [text for text in super().problems() if not any(re.fullmatch(p, text) for p in NOT_OURS)]


@pytest.fixture(scope="module")
def distribution(say):
    try:
        found = pyodide.find()
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"Pyodide: NOT RUN, because its files cannot be had here: {error}")
        pytest.skip(f"no Pyodide: {error}")
    what = "core runtime only, without numpy" if found[1] else "full distribution, lesson 2"
    say(f"Pyodide {pyodide.PYODIDE_VERSION}: {what}")
    return found


@pytest.fixture
def lite(folder, distribution, browser, tmp_path):
    """The site, its JupyterLite with this Pyodide, in a browser that has never been here."""
    site = tmp_path / "site"
    shutil.copytree(folder, site, copy_function=os.link)
    pyodide.put_into(site / "lite", *distribution)
    with served(site) as url, browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield LitePage(f"{url}lite/", context.new_page())


@pytest.fixture
def visit(url, browser):
    """JupyterLite as it is in the site, for what needs no Python, in a browser that has never been here."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True) as context:
        yield LitePage(f"{url}lite/", context.new_page())


def test_python_starts_from_the_sites_own_index(lite, distribution):
    if not distribution[1]:
        return _lesson_2(lite)
    lite.start()
    lite.write("notebooks/try.ipynb", WITHOUT_NUMPY, ANSWERS, SLIDER)
    lite.open("notebooks/try.ipynb")
    lite.run_all()
    assert lite.text(0) == "True 0.125"
    assert lite.text(1) == "0 True 1 saved"
    slider, label = lite.slider("Depth"), lite.page.locator(".widget-label").last
    lite.drag(slider, 1)
    expect(label).to_have_text("depth 10")
    lite.press(slider, "ArrowLeft", "ArrowLeft")
    expect(label).to_have_text("depth 8")
    assert lite.problems() == []

    # The learner comes back another day: another kernel, the same answers.
    lite.start()
    lite.open("notebooks/try.ipynb")
    lite.run_all()
    assert lite.text(1) == "1 True 2 saved"
    assert lite.problems() == []


# JavaScript: make this cell of the notebook in front the active one, with other code if there is some.
TAKE = """async ([id, code]) => {
  const { content } = window.jupyterapp.shell.currentWidget;
  content.activeCellIndex = content.widgets.findIndex(cell => cell.model.id === id);
  if (code) content.activeCell.model.sharedModel.setSource(code);
}"""
# An instrument without numpy: the course's own widget, with frames that the test has made.
LIVE = """
import json, sys, types

theme = types.ModuleType("helpers.figures.theme")
theme.style_rules = str
sys.modules.update({{"helpers.figures": types.ModuleType("helpers.figures"), theme.__name__: theme}})
from helpers.browser.notebook import InNotebook

about, start, frame = json.loads({data!r})

class Live(InNotebook):
    controls = [types.SimpleNamespace(name=name, default=start[name]) for name in start if name != "seed"]

    def check(self, settings):
        return settings

    def frames(self, settings):
        yield {{**frame, "verdict": ["FROM PYTHON", json.dumps(settings), "good"], "last": True}}

    def still(self):
        return {{"text/plain": "Live"}}

Live(about, start, frame)
"""


def live_without_numpy(instrument):
    start = instrument.settings.__dict__
    return LIVE.format(data=json.dumps([instrument.about(), start, instrument.frame()]))


def test_one_figure_is_there_before_jupyterlab_goes_on_in_the_lesson_and_then_with_python(
    lite, distribution, say
):
    """It is moved at each of the three places, and stands at the next one as it was left."""
    page = lite.page
    page.goto(f"{lite.url}lab/index.html?path={LESSON}", wait_until="commit")
    room = page.locator("#trainable-depth-first")
    room.locator(".td-ink path").first.wait_for(state="attached", timeout=BOOT * 1000)
    seconds = page.evaluate("performance.now()") / 1000
    say(f"JupyterLite: the first figure {seconds:.1f} s after the click")
    assert page.locator(".jp-Notebook").count() == 0  # before there is JupyterLab

    def at(place):
        return lite.slider("Step", place).locator("label")

    def move(place):
        ink, said = place.locator(".td-ink").first, at(place).inner_text()
        before = ink.inner_html()
        lite.press(lite.slider("Step", place), "ArrowRight")
        expect(ink).not_to_have_js_property("innerHTML", before, timeout=20_000)
        assert at(place).inner_text() != said
        return at(place).inner_text()

    left = move(room)
    room.get_by_role("button", name="Go to the lesson").click(timeout=BOOT * 1000)
    expect(room).to_have_count(0)
    cell = page.locator(".jp-Notebook .jp-CodeCell", has=page.locator(".td-instrument")).first
    expect(cell).to_contain_text("while Python loads")
    expect(at(cell)).to_have_text(left)
    left = move(cell)
    page.wait_for_function(f"() => {KERNEL}?.status === 'idle'", timeout=BOOT * 1000)
    if distribution[1]:
        code = live_without_numpy(instruments.four_starts())
        page.evaluate(TAKE, ["four-starts", code])
        lite.command("notebook:run-cell")
        status = cell.locator(".td-status")
        expect(status).to_contain_text("FROM PYTHON", timeout=BOOT * 1000)
        expect(status).to_contain_text(f'"step": {left.split(" = ")[1]}')
    else:
        lite.run_all(timeout=600)
    expect(cell).not_to_contain_text("while Python loads")
    expect(at(cell)).to_have_text(left)
    assert cell.locator(".td-ink path").count() > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_does_not_touch_the_first_figure_is_led_to_the_lesson(visit, scheme):
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{visit.url}lab/index.html?path={LESSON}", wait_until="commit")
    room = page.locator("#trainable-depth-first")
    room.locator(".td-ink path").first.wait_for(state="attached", timeout=BOOT * 1000)
    assert violations(page, include=["#trainable-depth-first"]) == []
    expect(room).to_have_count(0, timeout=BOOT * 1000)
    assert page.locator(".jp-Notebook .jp-RenderedMarkdown").first.is_visible()


def test_escape_leaves_the_first_figure_at_once(visit):
    page = visit.page
    page.goto(f"{visit.url}lab/index.html?path={LESSON}", wait_until="commit")
    room = page.locator("#trainable-depth-first")
    room.locator(".td-ink path").first.wait_for(state="attached", timeout=BOOT * 1000)
    page.keyboard.press("Escape")
    expect(room).to_have_count(0)


STORE = """async ([path, words, version]) => {
  const { contents } = window.jupyterapp.serviceManager;
  const { content } = await contents.get(path, {content: true});
  content.cells[0].source = words;
  if (version) content.metadata['trainable-depth'] = {version};
  await contents.save(path, {type: 'notebook', format: 'json', content});
}"""
READ = """async path => {
  const { contents } = window.jupyterapp.serviceManager;
  return (await contents.get(path, {content: true})).content.cells[0].source;
}"""
NOTEBOOKS = """async () => {
  const { contents } = window.jupyterapp.serviceManager;
  return (await contents.get('notebooks', {content: true})).content.map(one => one.path);
}"""


def test_a_newer_lesson_is_not_hidden_by_the_one_that_was_worked_in(visit):
    page, same = visit.page, "notebooks/01_depth_problem.ipynb"
    looked = page.get_by_role("button", name="Download my work")
    visit.start()
    expect(looked).to_be_enabled(timeout=30_000)
    for version in ("older", "older still"):  # the second one meets the first one's copy
        page.evaluate(STORE, [LESSON, f"# Mine, {version}", version])
        page.evaluate(STORE, [same, "# Mine, of this version", None])
        visit.start()
        expect(looked).to_be_enabled(timeout=30_000)
        said = page.locator(".Toastify__toast", has_text="is new here since you worked on it")
        expect(said).to_have_count(1, timeout=30_000)
        expect(said).to_contain_text(re.compile(r"Yours is kept: 02_initialization\.mine-.*\.ipynb"))
        assert page.evaluate(READ, LESSON) != f"# Mine, {version}"
    assert page.evaluate(READ, same) == "# Mine, of this version"
    mine = sorted(path for path in page.evaluate(NOTEBOOKS) if ".mine-" in path)
    assert {page.evaluate(READ, path) for path in mine} == {"# Mine, older", "# Mine, older still"}
    said.get_by_role("button", name="Open mine").click()
    opened = "paths => paths.includes(window.jupyterapp.shell.currentWidget?.context?.path)"
    page.wait_for_function(opened, arg=mine)
    visit.start()
    expect(looked).to_be_enabled(timeout=30_000)
    page.wait_for_timeout(500)
    assert page.locator(".Toastify__toast").count() == 0  # said once


def test_all_work_is_in_one_file_which_jupyterlab_reads(visit, tmp_path, monkeypatch):
    page = visit.page
    with monkeypatch.context() as in_browser:
        in_browser.setattr(sys, "platform", "emscripten")
        tab = Progress(tmp_path / "tab.sqlite3")
        tab.record("question", "init-he-std", "1/8", True)
    visit.start()
    page.evaluate(STORE, [LESSON, "# Wörter", None])
    page.evaluate(
        """async data => {
          const { contents } = window.jupyterapp.serviceManager;
          await contents.save('progress', {type: 'directory'});
          await contents.save('progress/progress.sqlite3', {type: 'file', format: 'base64', content: data});
          await contents.save('notes.txt', {type: 'file', format: 'text', content: 'σ²'});
        }""",
        base64.b64encode(tab.path.read_bytes()).decode(),
    )
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download my work").click()
    coming.value.save_as(tmp_path / "my-work.zip")
    with zipfile.ZipFile(tmp_path / "my-work.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "notebooks/02_initialization.ipynb",
            "notes.txt",
            "progress/progress.sqlite3",
        ]
        archive.extractall(tmp_path / "course")
    lesson = nbformat.read(tmp_path / "course" / LESSON, 4)
    nbformat.validate(lesson)
    assert lesson.cells[0].source == "# Wörter" and len(lesson.cells) > 50
    assert (tmp_path / "course/notes.txt").read_text("utf-8") == "σ²"
    lab = Progress(tmp_path / "lab.sqlite3")
    assert lab.merge(tmp_path / "course/progress/progress.sqlite3") == 1
    assert lab.answers() == tab.answers()
    said = page.locator(".Toastify__toast", has_text="my-work.zip: 3 files")
    expect(said).to_contain_text('run bring("../progress/progress.sqlite3")')


def test_from_a_lesson_to_its_workbook_and_back_there_is_a_kernel_each_time(lite):
    """By the links that a learner follows. Both files have the same name, in two folders."""
    lesson, workbook = LESSON, LESSON.replace("notebooks", "exercises")
    lite.start()
    lite.open(lesson)
    kernels = [lite.alive()]
    for link in ("to-the-exercises", "title"):
        lite.follow(link, workbook if link == "to-the-exercises" else lesson)
        kernels.append(lite.alive())
    assert kernels[2] == kernels[0] != kernels[1]  # the lesson was open all the time
    lite.page.reload()  # the next day
    lite.start()
    lite.open(workbook)
    assert lite.alive() not in kernels
    assert lite.problems() == []


def _lesson_2(lite):
    lite.start()
    lite.open(LESSON)
    lite.run_all(timeout=600)
    assert lite.problems() == []
    box = lite.page.locator(".td-instrument").first
    curve = box.locator(".td-ink path").first
    before = curve.get_attribute("d")
    lite.drag(lite.slider("Depth", box), 0)
    expect(curve).not_to_have_attribute("d", before)
    assert lite.problems() == []
