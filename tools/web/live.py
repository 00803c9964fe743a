"""The live course: JupyterLite, with the course's notebooks and packages in the site itself.

A kernel installs the wheels below while it starts, so that `import helpers` works in any cell of any
notebook. numpy and matplotlib come from the place that Pyodide itself comes from.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tools.web.pages import ROOMS, ROOT

WHEELS = Path(sys.prefix) / "wheels"  # where `download_wheels` puts what is not ours
FROM_PYPI = ("anywidget", "comm", "ipywidgets", "jupyterlab_widgets", "psygnal", "widgetsnbextension")
INSTALLED = (
    "anywidget",
    "comm",
    "ipywidgets",
    "psygnal",
    "trainable_depth",
)  # by every kernel; the others are for `%pip install`
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
}


def download_wheels():
    """Fetch the packages that are not ours, in the versions of this Python: the one step with a network."""
    shutil.rmtree(WHEELS, ignore_errors=True)  # there may be others from before
    wanted = [f"{name}=={version(name)}" for name in FROM_PYPI]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    pure = ["--only-binary=:all:", "--platform", "any", "--implementation", "py", "--abi", "none"]
    subprocess.run([*pip, "--no-deps", *pure, "--dest", str(WHEELS), *wanted], check=True)


def build(output):
    """Write JupyterLite with the whole course to the folder `output`."""
    with tempfile.TemporaryDirectory() as temporary:
        lite = Path(temporary)
        for room in ROOMS:
            (lite / "files" / room).mkdir(parents=True)
            for notebook in (ROOT / room).glob("*.ipynb"):
                shutil.copy(notebook, lite / "files" / room)
        wheels = shutil.copytree(WHEELS, lite / "wheels")
        _build_our_wheel(lite / "source", wheels)
        _write(lite / "overrides.json", SETTINGS)
        _write(lite / "jupyter-lite.json", _at_run_time(wheels))
        _write(lite / "jupyter_lite_config.json", _at_build_time(output))
        lite_build = [sys.executable, "-m", "jupyterlite_core", "build"]
        done = subprocess.run(lite_build, cwd=lite, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"jupyter lite build failed:\n{done.stdout}{done.stderr}")
    _tell_notebooks_by_their_paths(output)


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


def _build_our_wheel(source, wheels):
    # From a copy: what an earlier build left in the work tree would go into the wheel, too.
    shutil.copytree(ROOT / "helpers", source / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, *offline, "--wheel-dir", str(wheels), str(source)], check=True)


def _at_run_time(wheels):
    ours = [path.name for name in INSTALLED for path in wheels.glob(f"{name}-*.whl")]
    kernel = {
        "loadPyodideOptions": {
            "env": {"TRAINABLE_DEPTH_HOME": PROGRESS},
            "packages": [*FROM_PYODIDE, *(f"{WHEELS_FROM_WORKER}/{name}" for name in ours)],
        }
    }
    data = {
        "appName": "Trainable Depth",
        "exposeAppInBrowser": True,  # for the tests
        "litePluginSettings": {PLUGIN: kernel},
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
