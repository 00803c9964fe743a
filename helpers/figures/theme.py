"""The course's colours and type, in one table that serves both JupyterLab themes.

A figure is drawn by matplotlib in the light colours. When it becomes SVG, every colour of the table is
replaced by a CSS variable of the same name, and the page's theme decides what the variable holds.
"""

import re
from functools import cache
from pathlib import Path

import matplotlib as mpl
from cycler import cycler

# role: (light theme, dark theme). Contrast with the page is at least 4.5:1 in both, but for `grid`.
# A colour has one meaning, in instruments and in plots of lessons.
COLORS = {
    "ink": ("#1f2328", "#e6e8eb"),  # words, and where a setting stands
    "muted": ("#57606a", "#a9b1ba"),  # what is given: ticks, targets, limits, the level of guessing
    "grid": ("#d4dae0", "#3b424a"),
    "paper": ("#ffffff", "#111111"),
    "measured": ("#0b5cad", "#7cc4ff"),  # what was measured
    "second": ("#6b3fa0", "#cbaaff"),  # what that is compared with, or a second quantity
    "third": ("#007062", "#4fdcc0"),  # a third one
    "theory": ("#b04500", "#ffab66"),  # what theory says: dashed lines, and bands around them
    "good": ("#1a7431", "#6fdc8c"),  # where it is well: zones and levels, never a curve
    "alarm": ("#b3261e", "#ff9088"),  # where something breaks: crosses and notes
}

INK, MUTED, GRID, PAPER, MEASURED, SECOND, THIRD, THEORY, GOOD, ALARM = (
    light for light, _ in COLORS.values()
)


STYLE = Path(__file__).parents[1] / "browser" / "style.css"
SCHEMES = "light", "dark"


def _variables(column):
    return "".join(f"--td-{role}:{pair[column]};" for role, pair in COLORS.items())


# Which theme a page has: JupyterLab, VS Code and Colab say it on <body> or <html>; of any other page the
# system decides. A rule with a longer selector wins.
DARK_PAGES = (
    'body[data-jp-theme-light="false"]',
    "body.vscode-dark",
    "body.vscode-high-contrast:not(.vscode-high-contrast-light)",
    'html[theme="dark"] body',
)
LIGHT_PAGES = 'body[data-jp-theme-light="true"]', "body.vscode-light", 'html[theme="light"] body'


@cache
def style_rules():
    """The course's style sheet."""
    light, dark = (f"{_variables(column)}color-scheme:{name};" for column, name in enumerate(SCHEMES))
    look = (
        f"body{{{light}}}@media (prefers-color-scheme: dark){{body{{{dark}}}}}"
        f"{','.join(LIGHT_PAGES)}{{{light}}}{','.join(DARK_PAGES)}{{{dark}}}"
    )
    rules = re.sub(r"\s+", " ", STYLE.read_text("utf-8"))
    return f"{look}{rules}"


def style_sheet():
    """The <style> element that every output of the course brings along."""
    return f"<style>{style_rules()}</style>"


def output(words, html):
    """What a cell shows, as HTML. Its first line is in words: JupyterLab shows it of a folded output."""
    return f"<!-- {re.sub('--+|[<>]', '–', words.splitlines()[0])} -->\n{style_sheet()}{html}"


def own_colors():
    """A <style> element inside an SVG image, which does not see the page around it."""
    light, dark = map(_variables, (0, 1))
    ground = "background:var(--td-paper);"
    return f"<style>svg{{{light}{ground}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"


RC = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.prop_cycle": cycler(color=[MEASURED, SECOND, THIRD, INK, MUTED]),
}

# How an instrument draws what it measured, what that is compared with, what theory says, and a range.
MEASURED_LINE = {"ls": "-", "marker": "o", "ms": 4, "markevery": 5, "color": MEASURED, "animated": True}
COMPARED_LINE = {**MEASURED_LINE, "ls": "--", "marker": "s", "color": SECOND}
THIRD_LINE = {**MEASURED_LINE, "ls": ":", "marker": "^", "color": THIRD}
THEORY_LINE = {"ls": "--", "color": THEORY, "animated": True}
# A limit; where a setting stands, as a line; and the learner's own network among all others.
LIMIT = {"ls": ":", "color": MUTED, "animated": True}
SETTING = {"ls": ":", "lw": 1.5, "color": INK, "animated": True}
YOURS = {"ls": "", "marker": "D", "ms": 9, "color": MEASURED, "animated": True}
LOST = {"ls": "", "marker": "X", "ms": 9, "color": ALARM, "animated": True}
RANGE = {"alpha": 0.17, "lw": 0, "animated": True}
# On paper: a target or the level of guessing, and the level below which a network has learned.
TARGET = {"ls": (0, (2, 2)), "lw": 1.5, "color": MUTED}
LEARNED = {"ls": (0, (4, 1.5)), "lw": 1.5, "color": GOOD}
ZONE = {**RANGE, "gid": "zone"}  # of an axis, the same everywhere: nothing to read

_ROLE_OF = {light: role for role, (light, _) in COLORS.items()}
_HEX = re.compile("|".join(_ROLE_OF))

FONT = "var(--jp-ui-font-family, sans-serif)"


def themed(svg):
    """Replace every colour of the table in an SVG string by its CSS variable."""
    return _HEX.sub(lambda match: f"var(--td-{_ROLE_OF[match[0]]})", svg)


def style():
    """A matplotlib context in which figures are drawn in the course's style."""
    return mpl.rc_context(RC)
