"""Where the course can be had: its public repository, in one line of pyproject.toml.

    python -m tools.address https://github.com/OWNER/NAME    # or `make address REPOSITORY=…`

writes that line, and what follows from it: the cell `course` of every notebook and the badges of the README.
The pages of the site get their links to Colab from it, too. Without the line none of these leads anywhere,
and the cell says what else to do.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r'^\[project\.urls\]\nRepository = ".*"\n\n', re.MULTILINE)
BADGES = re.compile(r"(?<=<!-- badges -->\n).*?(?=<!-- /badges -->)", re.DOTALL)
ON_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git|/)?")


def repository(root=ROOT):
    """The address, such as https://github.com/OWNER/NAME; '' if it has none yet."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project.get("urls", {}).get("Repository", "")


def on_colab(path, root=ROOT):
    """The link that opens a notebook of the repository in Colab; '' without an address."""
    place = ON_GITHUB.fullmatch(repository(root))
    return (place and f"https://colab.research.google.com/github/{place[1]}/blob/HEAD/{path}") or ""


def badges(address):
    """Links for the head of the README."""
    if not address:
        return ""
    name = ON_GITHUB.fullmatch(address)[1]
    start = "notebooks/00_start_here.ipynb"
    return (
        f"[Open in Colab](https://colab.research.google.com/github/{name}/blob/HEAD/{start}) ·\n"
        f"[Open on Binder](https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/{start}) ·\n"
        f"[Open in a Codespace](https://codespaces.new/{name})\n"
    )


def write(address, root=ROOT):
    """Write the address to pyproject.toml and the README. ValueError if it is none on GitHub."""
    found = ON_GITHUB.fullmatch(address)
    if address and not found:
        raise ValueError(f"REPOSITORY={address!r}: https://github.com/OWNER/NAME is needed")
    address = address and f"https://github.com/{found[1]}"
    table = f'[project.urls]\nRepository = "{address}"\n\n' if address else ""
    path = root / "pyproject.toml"
    text = LINE.sub("", path.read_text("utf-8"))
    end = "[project.optional-dependencies]"
    path.write_text(text.replace(end, table + end), "utf-8")
    path = root / "README.md"
    path.write_text(BADGES.sub(lambda _: badges(address), path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    try:
        write(*sys.argv[1:])
    except (TypeError, ValueError) as error:
        raise SystemExit(f"{error}\n{__doc__}") from None
