"""The course's colours and type, in one table that serves both JupyterLab themes.

A figure is drawn by matplotlib in the light colours. When it becomes SVG, every colour of the table is
replaced by a CSS variable of the same name, and the page's theme decides what the variable holds.
"""

import re

import matplotlib as mpl
from cycler import cycler

# role: (light theme, dark theme). Contrast with the page is at least 4.5:1 in both, but for `grid`.
COLORS = {
    "ink": ("#1f2328", "#e6e8eb"),
    "muted": ("#57606a", "#a9b1ba"),
    "grid": ("#d4dae0", "#3b424a"),
    "paper": ("#ffffff", "#111111"),
    "measured": ("#0b5cad", "#7cc4ff"),
    "theory": ("#b04500", "#ffab66"),
    "second": ("#6b3fa0", "#cbaaff"),
    "good": ("#1a7431", "#6fdc8c"),
    "alarm": ("#b3261e", "#ff9088"),
}

INK, MUTED, GRID, PAPER, MEASURED, THEORY, SECOND, GOOD, ALARM = (light for light, _ in COLORS.values())


def _variables(column):
    return "".join(f"--td-{role}:{pair[column]};" for role, pair in COLORS.items())


# JupyterLab says on <body> which kind of theme it shows. Words behind a / are for screen readers, to which an
# option of ipywidgets that is chosen would be a button like the others.
STYLE = f"""<style>
body {{{_variables(0)}}}
body[data-jp-theme-light="false"] {{{_variables(1)}}}
.td-card {{border: 1px solid var(--td-grid); border-left: 4px solid var(--td-measured);
  border-radius: 4px; padding: 8px 12px; line-height: 1.45; color: var(--td-ink);}}
.td-card.td-good {{border-left-color: var(--td-good);}}
.td-card.td-alarm {{border-left-color: var(--td-alarm);}}
.td-card.td-muted {{border-left-color: var(--td-muted);}}
.td-figure svg {{display: block; width: 100%; height: auto; overflow: visible;}}
.td-title {{font-weight: 600; font-size: 1.15em; color: var(--td-ink);}}
.td-question {{max-width: 840px; line-height: 1.45; color: var(--td-muted); font-style: italic;}}
.td-row {{color: var(--td-muted); margin-right: 6px;}}
.td-status {{max-width: 840px; line-height: 1.4; color: var(--td-ink);}}
.td-verdict {{border-left: 4px solid var(--td-muted); padding: 2px 10px; margin: 4px 0;}}
.td-verdict.td-good {{border-left-color: var(--td-good);}}
.td-verdict.td-good b {{color: var(--td-good);}}
.td-verdict.td-alarm {{border-left-color: var(--td-alarm);}}
.td-verdict.td-alarm b {{color: var(--td-alarm);}}
.td-readouts {{display: flex; flex-wrap: wrap; gap: 4px 22px; padding: 2px 0 6px 14px;}}
.td-readout span {{color: var(--td-muted); margin-right: 6px;}}
table.td-numbers {{margin: 2px 0; border-collapse: collapse;}}
table.td-numbers th {{text-align: left; font-weight: normal; color: var(--td-muted); padding-right: 16px;}}
table.td-numbers td {{text-align: right; font-variant-numeric: tabular-nums;}}
.td-readout b {{font-variant-numeric: tabular-nums;}}
.td-instrument .noUi-handle {{border: 2px solid var(--td-muted);}}
.td-instrument .widget-toggle-button.mod-active::before {{content: "" / "chosen: ";}}
</style>"""

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
    "axes.prop_cycle": cycler(color=[MEASURED, THEORY, SECOND, GOOD, ALARM]),
}

# How an instrument draws what it measured, what theory says, and a range. All of them move.
MEASURED_LINE = {"ls": "-", "marker": "o", "ms": 4, "markevery": 5, "color": MEASURED, "animated": True}
THEORY_LINE = {"ls": "--", "color": THEORY, "animated": True}
RANGE = {"alpha": 0.17, "lw": 0, "animated": True}

_ROLE_OF = {light: role for role, (light, _) in COLORS.items()}
_HEX = re.compile("|".join(_ROLE_OF))

FONT = "var(--jp-ui-font-family, sans-serif)"


def themed(svg):
    """Replace every colour of the table in an SVG string by its CSS variable."""
    return _HEX.sub(lambda match: f"var(--td-{_ROLE_OF[match[0]]})", svg)


def style():
    """A matplotlib context in which figures are drawn in the course's style."""
    return mpl.rc_context(RC)
