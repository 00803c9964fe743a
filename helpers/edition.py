"""Whether a notebook and this `helpers` belong to one edition of the course, and what mends it if not."""

from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

HERE = Path(__file__).parent


def written_for(version, needs):
    """Do nothing if a notebook of this `version` can run here.

    needs: all that the notebook imports, without `helpers.`, as one text.

    Raises ImportError, with a sentence and the command, if this `helpers` is older, or lacks something.
    """
    from helpers import __version__

    lacking = [need for need in needs.split() if _lacks(need)]
    if _order(version) <= _order(__version__) and not lacking:
        return
    without = f", without {', '.join(lacking)}" if lacking else ""
    raise ImportError(
        f"This notebook was written for version {version} of the course. The `helpers` here is version "
        f"{__version__}{without}:\n    {HERE}\n    Get both from one version: {way()}\n"
        "    Then restart the kernel."
    )


def unknown(name, known):
    """What is said of a name that `helpers` does not hand on."""
    from helpers import __version__

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


def _lacks(need):
    """Would a notebook's import of this fail, for want of something of ours?"""
    module, _, name = f"helpers.{need}".rpartition(".")
    try:
        exec(f"from {module} import {name}", {})  # the very statement, with all its ways to find a name
    except ImportError as error:
        if (error.name or "").split(".")[0] != "helpers":
            raise  # numpy, say, is not here
        return True
    return False


def _order(version):
    return [int(number) for number in version.split(".")]
