"""Whether a notebook and this `helpers` belong to one edition of the course, and what mends it if not."""

import sys
from functools import partial
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from helpers import __version__

HERE = Path(__file__).parent


def written_for(version):
    """Do nothing if a notebook of this `version` can run here; RuntimeError, with the command, if not.

    A newer course may have lost what the notebook uses: then the error is followed by a sentence.
    """
    if _order(version) > _order(__version__):
        raise RuntimeError(of_another(version))
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()  # none in a plain Python program
    if shell and version != __version__:
        shell.set_custom_exc((ImportError, AttributeError), partial(_explained, version))


def of_another(version):
    """What is said to a notebook of another version."""
    return (
        f"This notebook was written for version {version} of the course. The `helpers` here is version "
        f"{__version__}:\n    {HERE}\n    Get both from one version: {way()}\n    Then restart the kernel."
    )


def _explained(version, shell, kind, error, trace, tb_offset=None):
    """IPython's way to show an error; and why, if something of ours is not there."""
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    missed = error.name if isinstance(error, ImportError) else getattr(error.obj, "__name__", "")
    if (missed or "").split(".")[0] == "helpers":
        print(of_another(version), file=sys.stderr)


def unknown(name, known):
    """What is said of a name that `helpers` does not hand on."""
    return (
        f"`helpers` has no {name!r} in version {__version__} of the course. It hands on: {', '.join(known)}. "
        f"If your notebook is of another version, get both from one: {way()}"
    )


def way():
    """What brings the newest course to where this one is."""
    if (HERE.parent / "tools/update.py").exists():
        return "make update"
    try:
        addresses = metadata("trainable-depth").get_all("Project-URL") or ()
    except PackageNotFoundError:  # a copy that nothing has installed
        addresses = ()
    for address in addresses:
        return f"%pip install --force-reinstall --no-deps git+{address.split(', ')[1]}"
    return "open the notebook where you have the course from."


def _order(version):
    return [int(number) for number in version.split(".")]
