"""Dropout: which units a pass drops, and what the passes do to the mean and to the second moment."""

from dataclasses import dataclass

import numpy as np

from helpers.chapters.regularization import regularization
from helpers.figures import svg, theme
from helpers.figures.decades import Decades
from helpers.figures.ink import set_band
from helpers.figures.numbers import counted, log10, short
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Place, Verdict

UNITS, ROWS = 32, 12  # of the picture of masks
PASSES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FORMS = tuple(regularization.FORMS)
KEPT = 0.02  # a mean that theory keeps within this share of eval mode's counts as kept


@dataclass(frozen=True)
class Result:
    """Ratios to eval mode by number of passes, their theory, and the spread of the ratio of means."""

    passes: regularization.Passes
    theory: tuple  # of the mean, of E[h²], of the mean after the next ReLU
    spread: np.ndarray

    @property
    def ends(self):
        """The three ratios after all passes."""
        p = self.passes
        return float(p.mean[-1]), float(p.second[-1]), float(p.after_relu[-1])


def experiment(s):
    """Settings ↦ Result."""
    passes = regularization.dropout_passes(s.p, s.width, s.passes, s.form, s.seed)
    spread = regularization.dropout_spread(s.p, s.width, np.arange(1, s.passes + 1), s.form)
    return Result(passes, regularization.dropout_ratios(s.p, s.form), spread)


def _is_equal(a, b):
    return abs(a - b) < 1e-9


class DropoutMasks(Instrument):
    title = "Dropout masks"
    question = (
        "Each row on the left is one training pass: full squares stay, small dots are dropped. On the right "
        "all passes so far are averaged, as multiples of eval mode. One of three curves comes to rest at 1. "
        "What does the second moment do instead, and what has happened after the next ReLU? Then "
        '[break the rescaling](form="not rescaled"): which of the three curves can you still trust?'
    )
    controls = (
        Choice("form", "Form", FORMS, FORMS[0], buttons=True),
        Slider("p", "Drop probability p", tuple(k / 20 for k in range(1, 20)), 0.5, text="{:.2f}".format),
        Slider("passes", "Passes", PASSES, 64),
        Slider("width", "Width n", (32, 64, 128, 256, 512), 128),
    )
    presets = {
        "As in 2014: p = 0.5": {"p": 0.5},
        "A Transformer's 0.1": {"p": 0.1},
        "No rescaling": {"form": "not rescaled"},
        "p as keep": {"form": "p read as keep", "p": 0.2},
    }
    challenges = (
        Challenge(
            "Four times E[h²]",
            "inverted dropout: find the p at which E[h²] in training is 4 times that of eval mode.",
            {"p": 0.3},
            lambda s, r: s.form == FORMS[0] and _is_equal(s.p, 0.75),
            "E[h²] grows by 1/(1 − p), so p = 3/4. The mean is kept, the second moment is not.",
            {"p": 0.75},
        ),
        Challenge(
            "Nobody would notice",
            "You read p as the probability to keep. At which p does your network behave as it should?",
            {"form": "p read as keep", "p": 0.2},
            lambda s, r: s.form == FORMS[2] and _is_equal(s.p, 0.5),
            "At p = 0.5, where keeping and dropping are the same. A test with p = 0.5 cannot find the slip.",
            {"p": 0.5},
        ),
        Challenge(
            "Within 1%",
            "inverted, p = 0.50: with enough units and passes, bring the measured mean within 1% of 1.",
            {"passes": 4, "width": 32},
            lambda s, r: s.form == FORMS[0] and s.p == 0.5 and s.width * s.passes >= 4096 and _near_one(r),
            "The mean over n units and k passes is off by about √(π p/((1 − p) n k)): a wide layer needs "
            "fewer passes.",
            {"width": 512, "passes": 256},
        ),
    )

    places = (Place(0, x="p", at=lambda p: _line(p)),)
    plays = "passes"
    readings = {0: None, 1: "passes: {}"}

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        masks, ratios = figure.subplots(1, 2, width_ratios=(1, 1.25))
        figure.subplots_adjust(left=0.06, right=0.985, bottom=0.27, top=0.92, wspace=0.2)
        masks.set(xlim=(-1, UNITS), ylim=(ROWS - 0.2, -1.6), xlabel="unit")
        masks.set_title("Training passes; line: $1-p$", loc="left")
        masks.set_yticks([-1, 0, ROWS - 1], ["eval", "1", str(ROWS)])
        masks.grid(visible=False)
        masks.plot(range(UNITS), [-1] * UNITS, "s", ms=4.6, color=theme.MUTED)
        points = {"ls": "", "animated": True}
        ratios.set(xscale="log", xlim=(0.93, 275))
        ratios.set(xlabel="passes averaged")
        ratios.set_title("Training as a multiple of eval", loc="left")
        ratios.set_xticks(PASSES, [f"{tick:g}" for tick in PASSES])
        ratios.set_xticks([], minor=True)
        ratios.axhline(0, **theme.TARGET)
        line = {"ls": "-", "ms": 5, "animated": True}
        artists = {
            "kept": masks.plot([], [], marker="s", ms=4.6, color=theme.MEASURED, **points)[0],
            "dropped": masks.plot([], [], marker="o", ms=1.6, color=theme.MUTED, **points)[0],
            "line": masks.plot([], [], **theme.SETTING)[0],
            "band": ratios.fill_between([1], 1, color=theme.MEASURED, **theme.RANGE),
            "mean": ratios.plot([], [], marker="o", color=theme.MEASURED, label="mean of h", **line)[0],
            "second": ratios.plot([], [], marker="s", color=theme.SECOND, label="E[h²]", **line)[0],
            "after": ratios.plot(
                [], [], marker="^", color=theme.THIRD, label="mean after the next ReLU", **line
            )[0],
            "axis": Decades(ratios),
            "theory": ratios.plot([], [], label="theory", **theme.THEORY_LINE)[0],
        }
        handles, labels = ratios.get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower right", ncols=4, fontsize=9, columnspacing=1.2)
        return figure, artists

    def move(self, artists, s, r):
        kept = r.passes.kept[:ROWS, :UNITS]
        for name, which in (("kept", kept), ("dropped", ~kept)):
            row, unit = np.nonzero(which)
            artists[name].set_data(unit, row)
        artists["line"].set_data([_line(s.p)] * 2, [-1.6, ROWS - 0.2])
        counts = np.array([k for k in PASSES if k <= s.passes])
        ratios = [log10(one[counts - 1]) for one in (r.passes.mean, r.passes.second, r.passes.after_relu)]
        theory, axis = log10(r.theory), artists["axis"]
        axis.fit(*ratios, theory)
        for name, ratio in zip(("mean", "second", "after"), ratios, strict=True):
            artists[name].set_data(counts, axis.place(ratio))
        edges = (log10(r.theory[0] + side * 2 * r.spread) for side in (-1, 1))
        set_band(artists["band"], np.arange(1, s.passes + 1), *map(axis.place, edges))
        ends = [x for level in axis.place(theory) for x in ((0.9, level), (300, level), (np.nan, np.nan))]
        artists["theory"].set_data(*np.transpose(ends))

    def readouts(self, s, r):
        mean, second, after = r.ends
        names = ("mean", "E[h²]", "mean after the next ReLU")
        rows = [
            (name, f"× {short(value)} measured, × {short(level)} theory")
            for name, value, level in zip(names, (mean, second, after), r.theory, strict=True)
        ]
        return [*rows, ("kept", f"{r.passes.kept.mean():.0%} of units")]

    def verdict(self, s, r):
        level = r.theory[0]
        sentence = (
            f"on average over {counted(s.passes, 'pass', 'passes')}, the mean divided by eval "
            f"mode's is {short(r.ends[0])}, and E[h²] by eval mode's {short(r.ends[1])}. Behind the next "
            f"ReLU the gap to eval mode is {r.ends[2] - 1:+.0%}.".replace("-", "−")
        )
        if abs(level - 1) <= KEPT:
            return Verdict("MEAN KEPT", sentence, "good")
        return Verdict("MEAN SHRINKS" if level < 1 else "MEAN GROWS", sentence, "alarm")

    def describe(self, s, r):
        mean, second, after = map(short, r.ends)
        return (
            f"Left: a row of {UNITS} squares for eval mode, and under it up to {ROWS} training passes in "
            f"which {r.passes.kept.mean():.0%} of the units stay; a dotted line has 1 − p on its left. "
            f"Right, over the number of passes averaged and on logarithmic axes: after {s.passes} the mean "
            f"of h, divided by that of eval mode, is {mean}, E[h²] {second} and the mean after the next "
            f"ReLU {after}. Dashed lines at {', '.join(map(short, r.theory))} are theory."
        )


def _line(p):
    """Where the line stands that has a share 1 − p of the units on its left."""
    return (1 - p) * UNITS - 0.5


def _near_one(r):
    return abs(r.ends[0] - 1) < 0.01
