"""See tools/web/__init__.py."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tools import web
from tools.web import links, live, pages


def build(folder, executed=None):
    """Write the site to a folder, in place of an older one; `executed` as in `pages.build`.

    SystemExit if a link is broken, or if in the folder there is something else than a site.
    """
    began = time.monotonic()
    if folder.exists() and any(folder.iterdir()) and not (folder / "lite/jupyter-lite.json").exists():
        sys.exit(f"{folder} holds something else than a site: nothing was done")
    with tempfile.TemporaryDirectory() as temporary:
        # Executing a lesson must not touch the progress of whoever builds.
        os.environ["TRAINABLE_DEPTH_HOME"] = str(Path(temporary) / "home")
        new = Path(temporary) / "site"
        measured = Path(temporary) / "measured.jsonl"
        alive = pages.build(new, measured, executed)
        print(f"pages: {time.monotonic() - began:.0f} s", flush=True)
        live.build(new / "lite", alive, measured)
        written = sorted(path.relative_to(new) for path in new.rglob("*.html"))
        ours = [path for path in written if path.parts[0] != "lite"]
        if problems := links.broken(new, ours):
            sys.exit("\n".join(problems))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(new, folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {len(ours)} pages, {size / 1e6:.0f} MB, {time.monotonic() - began:.0f} s")


def main(verb=None, *arguments):
    if verb == "wheels" and not arguments:
        live.download_wheels()
    elif verb == "build" and len(arguments) == 1:
        build(Path(arguments[0]).resolve())
    elif verb == "build" and arguments[1:2] == ("--only",):
        build(Path(arguments[0]).resolve(), executed=arguments[2:])
    else:
        raise SystemExit(web.__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
