"""The course for learners, without what is for teachers: one zip file."""

import io
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What a learner has. (The references are in `helpers/`, as check and solution() need them.)
FOLDERS = ("helpers", "notebooks", "exercises")
FILES = ("LICENSE", "README.md", "Makefile", "pyproject.toml", "requirements.txt", "runtime.txt")
PICTURES = ("docs", "*.png")
LAB = "tools/overrides.json"  # which `make lab` gives to JupyterLab
WITHOUT = {"helpers/grading"}
KINDS = {".py", ".js", ".css", ".toml", ".npz", ".txt", ".ipynb", ".md"}


def archive(files):
    """A zip file of {name: bytes}, as bytes: the same for the same files, whenever it is made."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            package.writestr(info, files[name])
    return made.getvalue()


def students():
    """The release, as bytes; all of it lies in the folder trainable-depth."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in KINDS]
    paths += [*(ROOT / PICTURES[0]).glob(PICTURES[1]), ROOT / LAB, *(ROOT / name for name in FILES)]
    names = {path.relative_to(ROOT).as_posix(): path for path in paths if path.is_file()}
    return archive(
        {
            f"trainable-depth/{name}": path.read_bytes()
            for name, path in names.items()
            if not any(name.startswith(f"{folder}/") for folder in WITHOUT)
            and ".ipynb_checkpoints" not in name
        }
    )
