"""The site is built without a network, and everything that the live course needs is in it.

These tests need no browser. They build the site with notebooks that are not executed, which takes seconds.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from posixpath import normpath

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import instruments
from tools.web import life, links, live, pages
from tools.web.__main__ import build
from tools.web.live import FROM_PYODIDE, PLUGIN
from tools.web.pages import ROOMS, ROOT

# Every Python process of the build reads this when it starts.
NO_NETWORK = """
import socket
def refuse(*_):
    raise OSError("this build must not use the network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""
WORKER = "extensions/@jupyterlite/pyodide-kernel-extension/static/worker.js"
COMMITTED = [path.relative_to(ROOT) for room in ROOMS for path in sorted((ROOT / room).glob("*.ipynb"))]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    block, site = tmp_path_factory.mktemp("block"), tmp_path_factory.mktemp("built") / "site"
    (block / "sitecustomize.py").write_text(NO_NETWORK)
    command = [sys.executable, "-m", "tools.web", "build", str(site), "--only"]
    path = os.pathsep.join([str(block), str(ROOT)])
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return site


@pytest.fixture(scope="module")
def settings(site):
    data = json.loads((site / "lite/jupyter-lite.json").read_text())["jupyter-config-data"]
    return data["litePluginSettings"][PLUGIN]


def test_the_block_of_the_network_blocks(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    ask = [sys.executable, "-c", "import socket; socket.create_connection(('localhost', 9), 1)"]
    done = subprocess.run(
        ask, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert "must not use the network" in done.stderr


def test_there_are_lessons():
    assert len(COMMITTED) >= 2


@pytest.mark.parametrize("path", COMMITTED, ids=str)
def test_a_notebook_has_a_page_and_is_in_the_live_course(site, path):
    assert (site / path.with_suffix(".html")).exists()
    ours, live = (nbformat.read(folder / path, 4) for folder in (ROOT, site / "lite/files"))
    assert [(cell.id, cell.source) for cell in live.cells] == [(cell.id, cell.source) for cell in ours.cells]
    listed = json.loads((site / f"lite/api/contents/{path.parent}/all.json").read_text())["content"]
    assert path.name in [entry["name"] for entry in listed]


def test_the_wheel_of_the_course_holds_the_package_as_it_is(site):
    (wheel,) = (site / "lite/pypi").glob("trainable_depth-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {n: archive.read(n) for n in archive.namelist() if n.startswith("helpers/")}
    sources = [
        path
        for path in (ROOT / "helpers").rglob("*")
        if path.suffix in (".py", ".toml", ".npz", ".txt", ".js", ".css")
    ]
    assert packed == {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sources}


def test_the_index_has_the_course_and_what_it_needs(site):
    index = json.loads((site / "lite/pypi/all.json").read_text())
    wanted = {"trainable-depth", "ipywidgets", "comm", "jupyterlab-widgets", "widgetsnbextension"}
    assert wanted <= set(index)
    for package in index.values():
        for release in package["releases"].values():
            assert (site / "lite/pypi" / release[0]["filename"]).exists()


def test_a_kernel_loads_the_course_while_it_starts(site, settings):
    assert (site / "lite" / WORKER).parent.is_dir()
    packages = settings["loadPyodideOptions"]["packages"]
    wheels = [package for package in packages if package not in FROM_PYODIDE]
    assert {wheel.split("/")[-1].split("-")[0] for wheel in wheels} == {
        "anywidget",
        "comm",
        "ipywidgets",
        "psygnal",
        "trainable_depth",
        "typing_extensions",  # for anywidget
    }
    for wheel in wheels:
        assert (site / "lite" / normpath(f"{WORKER}/../{wheel}")).is_file()


def test_a_notebook_says_which_version_it_is(site):
    config = json.loads((site / "lite/jupyter-lite.json").read_text("utf-8"))["jupyter-config-data"]
    versions = config["litePluginSettings"][live.OURS]
    assert {*versions} == {path.as_posix() for path in COMMITTED}
    for path, version in versions.items():
        assert nbformat.read(site / "lite/files" / path, 4).metadata[live.OURS]["version"] == version
    assert len(set(versions.values())) == len(COMMITTED)
    (plugin,) = (one for one in config["federated_extensions"] if one["name"] == live.OURS)
    assert (site / "lite/extensions" / live.OURS / plugin["load"]).is_file()


def test_an_instrument_has_frames_before_its_cell_runs():
    path = Path("notebooks/02_initialization.ipynb")
    calls = [
        cell.id for cell in nbformat.read(ROOT / path, 4).cells if life.called(cell)[0] in instruments.__all__
    ]
    alive = {id: {"call": id, "frames": "../frames/x.bin", "version": "0"} for id in calls}
    first, again = (live.notebook(path, {**alive, "ask-he": {"question": "{}"}}) for _ in range(2))
    assert first == again and len(calls) > 2
    nbformat.validate(first)
    shown = {cell.id: cell.outputs[0].data[live.EARLY] for cell in first.cells if cell.get("outputs")}
    assert {cell: (data["page"], data["call"]) for cell, data in shown.items()} == {
        call: ("notebooks/02_initialization.html", call) for call in calls
    }


def test_an_instrument_that_settles_a_prediction_has_none():
    path, figure = Path("notebooks/03_batch_normalization.ipynb"), {"call": "x", "frames": "../f.bin"}
    asked = {"question": json.dumps(life.family("predict-bn-eta", True))}
    alive = {"predict-eta": asked, "stability": figure, "train-vs-eval": figure}
    lesson = live.notebook(path, alive)
    assert [cell.id for cell in lesson.cells if cell.get("outputs")] == ["train-vs-eval"]


def test_the_figure_before_jupyterlab_answers_no_prediction():
    """It is the one with which a lesson begins, if nothing is asked before."""
    path, figure = Path("notebooks/02_initialization.ipynb"), {"call": "four-starts", "frames": "../f.bin"}
    asked = {"predict-naive-factor": {"question": "{}"}}
    found = live.first_figure(path, {**asked, "four-starts": figure})
    assert found == {
        path.as_posix(): {
            "title": "Chapter 2 · Initialization",
            "page": "notebooks/02_initialization.html",
            **figure,
        }
    }
    path = Path("notebooks/03_batch_normalization.ipynb")
    assert live.first_figure(path, {"predict-eta": asked, "stability": figure}) == {}
    assert live.first_figure(path, {}) == {}


def test_the_page_of_jupyterlite_shows_it_without_jupyterlab(site):
    page = (site / "lite/lab/index.html").read_text("utf-8")
    for address in re.findall(r'(?:href|src)="([^"]*(?:static|extensions)/[^"]*)"', page):
        assert (site / "lite/lab" / address).resolve().is_file(), address
    scripts = [f"static/{name}.js" for name in live.OF_A_FIGURE]
    text = "".join((site / script).read_text("utf-8") for script in scripts)
    assert {*re.findall(r"from '\./(\w+)\.js'", text), "lesson"} == {*live.OF_A_FIGURE}
    assert all(f'href="../../{script}"' in page for script in scripts)
    figures = re.search(r'figures" type="application/json">(.*?)</script>', page)[1]
    assert json.loads(figures) == {}  # no lesson was executed


def test_the_wheel_brings_what_the_lessons_measured(tmp_path):
    numbers = '["a.b(1,)[]", ["plain", 0.5]]\n'
    for name, text in (("some", numbers), ("none", "")):
        (tmp_path / f"{name}.jsonl").write_text(text, "utf-8")
        live.build_our_wheel(tmp_path / f"{name} source", tmp_path / name, tmp_path / f"{name}.jsonl")
        (wheel,) = (tmp_path / name).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            packed = "helpers/measured.jsonl" in archive.namelist()
            assert packed == bool(text)
            assert not packed or archive.read("helpers/measured.jsonl").decode() == text


def test_answers_are_kept_where_the_browser_keeps_them(settings):
    assert settings["loadPyodideOptions"]["env"]["TRAINABLE_DEPTH_HOME"].startswith("/drive/")


@pytest.mark.parametrize(
    ("latex", "cut"),
    [
        ("x = 3", ["x = 3"]),
        (
            r"E[x^2] \approx (0.61 \cdot 1 + 0.61 \cdot 1)/2.22 = 0.55",
            [r"E[x^2] ", r"\approx (0.61 \cdot 1 + 0.61 \cdot 1)/2.22 ", "= 0.55"],
        ),
        (r"\sum_{a = 1, b \le 2} \left(\text{everything of } a = b\right)", None),  # all in brackets
    ],
)
def test_a_long_formula_in_a_line_may_break_before_a_relation(latex, cut):
    assert pages.pieces(latex) == (cut or [latex])
    shown = pages.Renderer([], "notebooks").inline_math(latex)
    assert shown.count("<math") == shown.count("<wbr>") + 1 == len(cut or [latex])


def test_a_link_in_an_output_leads_to_the_page():
    card = '<a href="../notebooks/02_initialization.ipynb#cell-id=title">Chapter 2</a>'
    output = new_output("display_data", {"text/html": card, "text/plain": "a card"})
    cells = [new_markdown_cell("# A lesson"), new_code_cell("report()", outputs=[output])]
    page = pages.Page(Path("notebooks/x.ipynb"), new_notebook(cells=cells))
    body = pages.page_body(page, [page])
    assert '<a href="../notebooks/02_initialization.html#cell-id=title">' in body


def test_a_lesson_is_executed_for_a_learner_without_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINABLE_DEPTH_HOME", "/of/whoever/builds")
    cell = new_code_cell("import os\nos.environ['TRAINABLE_DEPTH_HOME']")
    page = pages.Page(Path("notebooks/x.ipynb"), new_notebook(cells=[cell]))
    pages.run(page, str(tmp_path))
    assert page.notebook.cells[0].outputs[0].data["text/plain"] == repr(str(tmp_path))


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "precious").write_text("x")
    with pytest.raises(SystemExit, match="something else"):
        build(tmp_path, executed=())
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="nowhere.html">', "a.html: nowhere.html leads nowhere"),
        ('<img src="static/x.png">', "a.html: static/x.png leads nowhere"),
        ('<a href="b.html#there"> <a href="b.html#not">', "a.html: b.html#not leads to no place of its page"),
        ('<a href="https://example.org/">', "a.html: https://example.org/ leads away from the site"),
        ('<p id="x"><p id="x">', "a.html: the id 'x' is there twice"),
    ],
)
def test_a_broken_link_is_found(tmp_path, html, problem):
    (tmp_path / "a.html").write_text(html)
    (tmp_path / "b.html").write_text('<p id="there">')
    assert links.broken(tmp_path, ["a.html", "b.html"]) == [problem]


def test_the_still_picture_of_an_instrument_has_no_broken_link(tmp_path):
    (tmp_path / "a.html").write_text(instruments.gain_chain().still()["text/html"])
    assert links.broken(tmp_path, ["a.html"]) == []
