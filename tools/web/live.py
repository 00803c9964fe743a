"""The live course: JupyterLite, with the course's notebooks and packages in the site itself.

A kernel installs the wheels below while it starts, so that `import helpers` works in any cell of any
notebook. numpy and matplotlib come from the place that Pyodide itself comes from.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import jinja2
import nbformat
from nbformat.v4 import new_output

from helpers.figures.theme import style_rules
from tools.web.pages import HERE, ROOMS, ROOT, Page

WHEELS = Path(sys.prefix) / "wheels"  # where `download_wheels` puts what is not ours
# What every kernel installs besides ours; the last two are for `%pip install`.
BY_EVERY_KERNEL = ("anywidget", "comm", "ipywidgets", "psygnal", "typing_extensions")
FROM_PYPI = (*BY_EVERY_KERNEL, "jupyterlab_widgets", "widgetsnbextension")
INSTALLED = (*BY_EVERY_KERNEL, "trainable_depth")
FROM_PYODIDE = ("numpy", "matplotlib")

PLUGIN = "@jupyterlite/pyodide-kernel-extension:kernel"
# Where the wheels are, seen from a kernel's web worker: extensions/@jupyterlite/<its name>/static.
WHEELS_FROM_WORKER = "../../../../pypi"
# JupyterLite takes a notebook for one that is open already if both have the same name, whatever their
# folders: a workbook opened from its lesson would get no kernel.
SAME_NAME = re.compile(
    r"(\blet\{path:(\w+),name:(\w+)\}=\w+,\w+=this\._sessions\.find\((\w+)=>)(\4\.name===\3\))"
)
SAME_PATH = r"\1\4.path===\2&&\5"

# The one folder that a browser keeps when a kernel ends is the one with the notebooks.
PROGRESS = "/drive/progress"

SETTINGS = {
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},  # the system's: light or dark
    **json.loads((ROOT / "tools/overrides.json").read_text("utf-8")),
}

OURS = "trainable-depth"  # our plugin, its settings, and what a notebook says of the course
OF_A_FIGURE = ("lesson", "instrument", "view", "figure", "data", "question", "dom")  # lesson.js, its imports
EARLY = f"application/vnd.{OURS}.early+json"  # what early.js shows


def download_wheels():
    """Fetch the packages that are not ours, in the versions of this Python: the one step with a network."""
    shutil.rmtree(WHEELS, ignore_errors=True)  # there may be others from before
    wanted = [f"{name}=={version(name)}" for name in FROM_PYPI]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    pure = ["--only-binary=:all:", "--platform", "any", "--implementation", "py", "--abi", "none"]
    subprocess.run([*pip, "--no-deps", *pure, "--dest", str(WHEELS), *wanted], check=True)


def build(output, alive, measured):
    """Write JupyterLite with the whole course to the folder `output`; for the others see `pages.build`."""
    versions, first = {}, {}
    with tempfile.TemporaryDirectory() as temporary:
        lite = Path(temporary)
        for path in sorted(
            path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).glob("*.ipynb")
        ):
            (lite / "files" / path).parent.mkdir(parents=True, exist_ok=True)
            versions[path.as_posix()] = version_of(ROOT / path)
            of_lesson = alive.get(path.stem, {}) if path.parts[0] == "notebooks" else {}
            nbformat.write(notebook(path, of_lesson), lite / "files" / path)
            first |= first_figure(path, of_lesson)
        wheels = shutil.copytree(WHEELS, lite / "wheels")
        build_our_wheel(lite / "source", wheels, measured)
        _write(lite / "overrides.json", SETTINGS)
        _write(lite / "jupyter-lite.json", _at_run_time(wheels, versions))
        _write(lite / "jupyter_lite_config.json", _at_build_time(output))
        lite_build = [sys.executable, "-m", "jupyterlite_core", "build"]
        done = subprocess.run(lite_build, cwd=lite, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"jupyter lite build failed:\n{done.stdout}{done.stderr}")
    _tell_notebooks_by_their_paths(output)
    _add_our_plugin(output)
    _show_before_jupyterlab(output, first)


def version_of(path):
    """A name for what a committed notebook is, by which the browser tells an older one."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def first_figure(path, alive):
    """{the notebook's path: what early.js shows} of the figure with which a lesson begins; {} without one.

    What stands after a prediction may answer it, so it is none.
    """
    page = Page(path, nbformat.read(ROOT / path, as_version=4))
    data = next((alive[cell.id] for cell in page.notebook.cells if cell.id in alive), {})
    return {path.as_posix(): {"title": page.title, "page": page.url, **data}} if "frames" in data else {}


def notebook(path, alive):
    """A notebook as the live course has it: with its version, and with its instruments before they run.

    One that shows the truth of a prediction is not seen before its cell has run.
    """
    notebook = nbformat.read(ROOT / path, as_version=4)
    asked = [json.loads(data["question"]) for data in alive.values() if "question" in data]
    truths = {question.get("truth") for question in asked}
    for cell in notebook.cells:
        data = alive.get(cell.id, {})
        if "frames" in data and cell.id not in truths:
            early = {"page": path.with_suffix(".html").as_posix(), **data}
            cell.outputs = [new_output("display_data", {EARLY: early, "text/plain": cell.source})]
    notebook.metadata[OURS] = {"version": version_of(ROOT / path)}
    return notebook


def _add_our_plugin(output):
    folder = output / "extensions" / OURS
    folder.mkdir(parents=True)
    for script in ("plugin.js", "early.js", "first.js"):
        shutil.copy(HERE / script, folder)
    (folder / "style.css").write_text(style_rules(), "utf-8")
    path = output / "jupyter-lite.json"
    settings = json.loads(path.read_text("utf-8"))
    plugin = {"name": OURS, "load": "plugin.js", "extension": "./plugin"}
    settings["jupyter-config-data"]["federated_extensions"].append(plugin)
    path.unlink()  # it may be a hard link
    _write(path, settings)


def _show_before_jupyterlab(output, first):
    """Let the page of JupyterLite show the first figure of the lesson that it opens: see first.js."""
    modules = [f"../extensions/{OURS}/early.js", *(f"../../static/{name}.js" for name in OF_A_FIGURE)]
    frame = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE)).get_template("first.html.j2")
    head = frame.render(name=OURS, figures=json.dumps(first).replace("<", r"\u003c"), modules=modules)
    path = output / "lab/index.html"
    before, end, after = path.read_text("utf-8").partition("</head>")
    path.unlink()  # it may be a hard link
    path.write_text(f"{before}{head}{end}{after}", "utf-8")


def _tell_notebooks_by_their_paths(output):
    """Mend JupyterLite's search for the session of a notebook, in the one place where it is."""
    mended = 0
    for script in (output / "build").glob("*.js"):
        text, found = SAME_NAME.subn(SAME_PATH, script.read_text("utf-8"))
        if found:
            script.unlink()  # it may be a hard link
            script.write_text(text, "utf-8")
        mended += found
    if mended != 1:
        raise RuntimeError(f"JupyterLite looks for sessions in {mended} places, not one: see live.py")


def build_our_wheel(source, wheels, measured):
    """The package as it is, with the file of what was measured, into the folder `wheels`."""
    # From a copy: what an earlier build left in the work tree would go into the wheel, too.
    shutil.copytree(ROOT / "helpers", source / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    if measured.stat().st_size:
        shutil.copy(measured, source / "helpers/measured.jsonl")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, *offline, "--wheel-dir", str(wheels), str(source)], check=True)


def _at_run_time(wheels, versions):
    ours = [path.name for name in INSTALLED for path in wheels.glob(f"{name}-*.whl")]
    kernel = {
        "loadPyodideOptions": {
            "env": {"TRAINABLE_DEPTH_HOME": PROGRESS},
            "packages": [*FROM_PYODIDE, *(f"{WHEELS_FROM_WORKER}/{name}" for name in ours)],
        }
    }
    data = {
        "appName": "Trainable Depth",
        "exposeAppInBrowser": True,  # for first.js, and for the tests
        "litePluginSettings": {PLUGIN: kernel, OURS: versions},
    }
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": data}


def _at_build_time(output):
    return {
        "LiteBuildConfig": {
            "apps": ["lab"],
            "contents": ["files"],
            "output_dir": str(output),
            "no_sourcemaps": True,
        },
        "PipliteAddon": {"piplite_urls": ["wheels"]},
    }


def _write(path, data):
    path.write_text(json.dumps(data, indent=2), encoding="utf-8")
