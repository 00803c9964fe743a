"""Pyodide in the site itself, for the tests: a live course that asks no other host.

The full distribution (with numpy and matplotlib) is no package of any client: whoever has unpacked it names
its folder in $PYODIDE. The core runtime is on npm, and what a kernel needs beside it is on PyPI.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

from tools.web.live import FROM_PYODIDE, PLUGIN

CORE = Path(sys.prefix) / f"pyodide-{PYODIDE_VERSION}"
KERNEL_NEEDS = ("micropip", "ipython", "jedi")  # also ipykernel and comm, which the site has


def find():
    """The folder of a distribution and the packages of FROM_PYODIDE that it lacks.

    Raises OSError or subprocess.CalledProcessError if none can be had here.
    """
    full = os.environ.get("PYODIDE")
    if not full and not CORE.exists():
        _fetch_core()
    folder = Path(full) if full else CORE
    lock = json.loads((folder / "pyodide-lock.json").read_text("utf-8"))["packages"]
    return folder, [name for name in FROM_PYODIDE if not (folder / lock[name]["file_name"]).exists()]


def put_into(lite, folder, without=()):
    """Let a built JupyterLite use this distribution, and load none of the packages `without`."""
    shutil.copytree(folder, lite / "static/pyodide")
    path = lite / "jupyter-lite.json"
    settings = json.loads(path.read_text("utf-8"))
    kernel = settings["jupyter-config-data"]["litePluginSettings"][PLUGIN]
    kernel["pyodideUrl"] = "./static/pyodide/pyodide.mjs"
    options = kernel["loadPyodideOptions"]
    options["packages"] = [name for name in options["packages"] if name not in without]
    path.unlink()  # it may be a hard link
    path.write_text(json.dumps(settings), "utf-8")


def _fetch_core():
    new = CORE.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    pack = ["npm", "pack", f"pyodide@{PYODIDE_VERSION}", "--silent", "--pack-destination", str(new)]
    subprocess.run(pack, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(new.glob("*.tgz"))) as archive:
        archive.extractall(new, filter="data")
    folder = new / "package"
    path = folder / "pyodide-lock.json"
    lock = json.loads(path.read_text("utf-8"))
    packages = lock["packages"]
    wanted = [packages[name] for name in _closure(packages, KERNEL_NEEDS)]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    version = ["--python-version", lock["info"]["python"].rpartition(".")[0]]
    exact = [f"{package['name']}=={package['version']}" for package in wanted]
    subprocess.run([*pip, *version, "--dest", str(folder), *exact], check=True)
    for package in wanted:  # Pyodide has built these wheels again, from the same sources
        package["sha256"] = hashlib.sha256((folder / package["file_name"]).read_bytes()).hexdigest()
    path.write_text(json.dumps(lock), "utf-8")
    folder.rename(CORE)
    shutil.rmtree(new)


def _closure(packages, names):
    """These packages of a lock and all that they depend on."""
    found = set()
    todo = list(names)
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name not in found:
            found.add(name)
            todo += packages[name]["depends"]
    return sorted(found)
