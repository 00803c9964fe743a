"""Answers, attempts and hints taken along: from a browser tab to JupyterLab, or to another computer."""

from helpers.checking.cards import Card
from helpers.progress.record import FAILURES, PROGRESS

FILE = "my-progress.json"


def take(file=FILE):
    """Write all answers to a file beside this notebook, to download or copy; a card."""
    PROGRESS.export(file)
    return Card(
        "good",
        f"All your answers are in {file}",
        "Download it from the list of files, and put it beside a notebook elsewhere. There, run "
        f"`from helpers import bring; bring({file!r})`.",
    )


def bring(file=FILE):
    """Add the answers in a file of `take`, or in another progress.sqlite3, to those here; a card.

    Nothing is lost, and nothing is there twice.
    """
    try:
        new = PROGRESS.merge(file)
    except (ValueError, *FAILURES) as error:
        return Card("alarm", f"Nothing was brought from {file}", f"{error}.")
    return Card("good", f"{new} new answers, attempts and hints", "Run report() to see where you stand.")
