"""Get the newest lessons, and lose nothing: `make update`, or on Windows `python tools/update.py`.

What you changed and the course changed, too, stays beside the new file, as NAME.mine-DATE.ipynb. All else
that you changed stays where it is. Your answers are not in this folder at all.
"""

import subprocess
import sys
from datetime import date
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class NotPossible(Exception):
    """Why nothing was done, in a sentence."""


def update(root=ROOT):
    """Bring the clone in `root` to its upstream. Returns [(file, its copy)]. Raises NotPossible."""
    try:
        git(root, "fetch", "--quiet")
        ours, theirs = git(root, "rev-parse", "HEAD", "@{upstream}").split()
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "stderr", "") or error
        raise NotPossible(
            "There is no newer course to be had from here: either there is no network, or this folder is no "
            "`git clone`. (Then download the course again and unpack it in a new folder; your answers are "
            f"elsewhere, so they are there, too.)\n{why}"
        ) from None
    if git(root, "merge-base", ours, theirs).strip() != ours:
        raise NotPossible("There are commits of your own here: `git merge @{upstream}` is yours to do.")
    new = names(root, "diff", "--no-renames", "--name-only", ours, theirs)
    mine = names(root, "diff", "--no-renames", "--name-only", "HEAD") | {n for n in new if not known(root, n)}
    kept = []
    for name in sorted(new & mine):
        path = root / name
        if path.exists():
            copy = beside(path)
            path.rename(copy)  # while it is here under one name or the other, nothing can be lost
            kept.append((name, copy.relative_to(root).as_posix()))
        if known(root, name):
            git(root, "checkout", "--quiet", "HEAD", "--", name)
    git(root, "merge", "--quiet", "--ff-only", theirs)
    return kept


def beside(path):
    """A name for the learner's copy that nothing has yet."""
    for number in count(1):
        again = f"-{number}" if number > 1 else ""
        copy = path.with_name(f"{path.stem}.mine-{date.today()}{again}{path.suffix}")
        if not copy.exists():
            return copy


def known(root, name):
    """Does git keep this file in the present version?"""
    return bool(git(root, "ls-tree", "--name-only", "HEAD", "--", name))


def names(root, *command):
    return {name for name in git(root, *command, "-z").split("\0") if name}


def git(root, *command):
    done = subprocess.run(
        ["git", "-C", str(root), *command], capture_output=True, text=True, encoding="utf-8", check=True
    )
    return done.stdout


if __name__ == "__main__":
    try:
        found = update()
    except NotPossible as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"git says: {error.stderr}Files that were moved have .mine- in their names; nothing is lost."
        )
    for name, copy in found:
        print(f"{name} is new; yours is {copy}")
    print("The course is up to date.")
