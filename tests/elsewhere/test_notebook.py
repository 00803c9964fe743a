"""Lessons 0 and 2 in the real Notebook 7, light and dark, and in nbclassic: they move and answer."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tools.lab import KERNEL, chromium

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token"
PLACES = {
    "Notebook 7, light": ("notebook", "notebooks", "JupyterLab Light"),
    "Notebook 7, dark": ("notebook", "notebooks", "JupyterLab Dark"),
    "nbclassic": ("nbclassic", "nbclassic/notebooks", None),
}


@contextmanager
def server(base, app, theme):
    """The program with the course's notebooks; its address."""
    for room in ("notebooks", "exercises"):
        shutil.copytree(ROOT / room, base / "course" / room)
    settings = base / "settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"theme": theme}))
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MPLBACKEND")}
    env |= {name: str(base / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    env |= {"TRAINABLE_DEPTH_HOME": str(base / "home"), "JUPYTERLAB_SETTINGS_DIR": str(base / "settings")}
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--ServerApp.ip=127.0.0.1"]
    options += [f"--ServerApp.root_dir={base / 'course'}", f"--IdentityProvider.token={TOKEN}"]
    if app == "notebook":
        options.append("--JupyterNotebookApp.expose_app_in_browser=True")
    with (base / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", app, *options], env=env, stdout=log, stderr=log, start_new_session=True
        )
    try:
        for _ in range(600):
            time.sleep(0.1)
            for found in (base / "JUPYTER_RUNTIME_DIR").glob("jpserver-*.json"):
                try:
                    url = f"http://127.0.0.1:{json.loads(found.read_text())['port']}/"
                    urllib.request.urlopen(f"{url}api/status?token={TOKEN}", timeout=5)
                except (OSError, ValueError):
                    continue
                yield url
                return
        raise RuntimeError((base / "log").read_text())
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize("place", PLACES)
def test_a_lesson_opens_moves_and_answers(browser, tmp_path, place):
    app, path, theme = PLACES[place]
    with server(tmp_path, app, theme) as url:
        for lesson in ("00_start_here", "02_initialization"):
            page = browser.new_page(viewport={"width": 1366, "height": 900})
            page.goto(f"{url}{path}/notebooks/{lesson}.ipynb?token={TOKEN}")
            run_all(page, app)
            box = page.locator(".td-instrument").first
            slider = box.locator(".td-control input[type=range]").first
            slider.wait_for(timeout=120_000)
            ink = box.locator(".td-ink")
            before = ink.inner_html()
            slider.focus()
            page.keyboard.press("ArrowRight")
            expect(ink).not_to_have_js_property("innerHTML", before, timeout=30_000)
            page.screenshot(path=tmp_path / f"{lesson}.png")
            assert page.get_by_text("Error displaying widget").count() == 0
            if lesson == "00_start_here":
                card = page.locator(".td-ask").first
                card.locator("input[name=answer]").fill("20")
                card.get_by_role("button", name="Check").click()
                expect(card.locator(".td-card")).to_contain_text("Not yet", timeout=30_000)
            page.close()


def run_all(page, app):
    """As the menu does, once the kernel is there; and wait until it has come to the end."""
    if app == "nbclassic":
        idle = "window.Jupyter?.notebook?._fully_loaded && Jupyter.notebook.kernel?.is_connected()"
        idle += " && Jupyter.notebook.kernel.info_reply.banner"  # it has spoken
        run = "Jupyter.notebook.execute_all_cells()"
        done = "Jupyter.notebook.get_cells().every(c => !c.element.hasClass('running'))"
    else:
        idle = f"{KERNEL}?.status === 'idle'"
        run = "jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)"
        done = idle
    page.wait_for_function(idle, timeout=90_000)
    page.evaluate(run)
    page.wait_for_timeout(1000)
    page.wait_for_function(done, timeout=300_000)
