"""Residual against plain: the size of a gradient on its way back through a deep stack of blocks."""

import numpy as np

from helpers.chapters.residual import skips
from helpers.figures import svg, theme
from helpers.figures.decades import Decades, Stretched
from helpers.figures.ink import set_band
from helpers.figures.numbers import counted, from_log10, hundredths, log10
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Guess, Instrument, Verdict

BOUNDED = 1  # decade: a gradient that arrives at between 1/10 and 10 times its size is bounded
FAR = 3  # decades, beyond which it has exploded or vanished
UPWARDS = np.linspace(0, 1, 3)
LEARNED = "learned"
FACTORS = tuple(k / 20 for k in range(1, 31))


def experiment(s):
    """Settings ↦ skips.Flow; learned scales of a real network are trained, and so yield one after another."""
    if s.scale != LEARNED:
        return skips.flow(s.blocks, s.depth, s.factor, s.scale, s.norm, s.seed)
    if s.blocks != "real network":  # nothing to learn from: the scales stay where they start
        return skips.flow(s.blocks, s.depth, s.factor, "0", s.norm, s.seed)
    return skips.learned_flow(s.depth, s.factor, s.norm, s.seed)


class GradientFlow(Instrument):
    title = "Residual against plain: gradient flow"
    question = (
        "A gradient of size 1 enters at the top and travels back, from right to left. A plain stack "
        "multiplies it by about g at every block. The skip adds a path of exactly 1, and yet the sum does "
        "not stay at 1: at which g does the residual network explode? Which branch scale tames it, and "
        "what does a norm inside F do?"
    )
    controls = (
        Slider("factor", "Factor g of a branch", FACTORS, 0.5, text="{:.3g}".format),
        Choice("scale", "Branch scale", ("1", "1/√D", "0", LEARNED), "1", buttons=True),
        Slider("depth", "Depth D", tuple(range(1, skips.DEEPEST + 1)), 50),
        Choice("blocks", "Blocks", skips.BLOCKS, "random matrices", buttons=True),
        Choice("norm", "Norm in F", tuple(skips.NORMS), "none", buttons=True),
    )
    first = 2
    presets = {
        "A popular cell: g² = 0.7": {"factor": 0.7**0.5},
        "Fifty times 1.1": {"blocks": "one number", "factor": 0.1},
        "Branches over √D": {"factor": 1.0, "scale": "1/√D"},
        "LayerNorm in F": {"factor": 1.0, "norm": "LayerNorm", "blocks": "real network"},
        "Learned scales": {"factor": 1.0, "scale": LEARNED, "blocks": "real network", "depth": 20},
        "Above 1, with a skip": {"factor": 1.2},
    }
    challenges = (
        Challenge(
            "Tame a factor of 1",
            "Random matrices with g = 1, D = 50, no norm: bring R between 0.1 and 10 with the branch scale, "
            "but leave the branches switched on.",
            {"scale": "1", "factor": 1.0},
            lambda s, r: (
                (s.factor, s.depth, s.norm, s.blocks) == (1.0, 50, "none", "random matrices")
                and 0 < r.scales[0] < 1
                and _end(r.residual) < BOUNDED
            ),
            "(1 + g²/D)<sup>D/2</sup> can never pass e<sup>g²/2</sup>, which is 1.65 for g = 1, however deep "
            "the network is.",
            {"scale": "1/√D"},
        ),
        Challenge(
            "Where the popular picture breaks",
            "Branch scale 1, no norm, random matrices, D = 50: find the smallest g on the slider at which "
            "R leaves the bounded range.",
            {"factor": 0.05},
            lambda s, r: (
                (s.scale, s.norm, s.blocks, s.depth) == ("1", "none", "random matrices", 50)
                and _end(r.residual) > BOUNDED
                and s.factor <= 0.35
            ),
            "At g = 0.35 already: (1 + 0.35²)²⁵ is 18. “The skip connection keeps each factor close to 1” "
            "only where the branches are small.",
            {"factor": 0.35},
        ),
        Challenge(
            "A norm that fails without the skip",
            "Real network: find a norm with which the plain stack explodes although the residual one stays "
            "below 100.",
            {"blocks": "real network", "norm": "none", "factor": 1.0},
            lambda s, r: s.blocks == "real network" and _end(r.plain) > 3 and abs(_end(r.residual)) < 2,
            "BatchNorm without skips multiplies a gradient by 1.21 at every ReLU layer. On the trunk of a "
            "residual network it never stands.",
            {"norm": "BatchNorm"},
        ),
    )

    plays = "depth"
    guess = Guess(
        "residual",
        (0, 0.24, 0.5, 0.74, 1),
        "every block has a skip. How large is the gradient on its way back? Drag the dots. At the last block "
        "it has the size 1.",
        shown=("bounded",),
    )
    readings = {0: "block {}", 1: "factor g = {}"}
    backwards = (0,)

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        flow, law = figure.subplots(1, 2, width_ratios=(1.9, 1))
        figure.subplots_adjust(left=0.08, right=0.985, bottom=0.235, top=0.92, wspace=0.22)
        moving = {"animated": True}
        measured = {"ls": "-", "ms": 4, "markevery": 5, **moving}
        artists = {
            "bounded": flow.fill_between([0], 0, color=theme.GOOD, label="0.1 to 10: bounded", **theme.ZONE),
            "plain theory": flow.plot([], [], label="plain, theory", **{**theme.THEORY_LINE, "ls": ":"})[0],
            "plain": flow.plot([], [], marker="s", color=theme.SECOND, label="plain", **measured)[0],
            "theory": flow.plot([], [], label="residual, theory", **theme.THEORY_LINE)[0],
            "residual": flow.plot([], [], marker="o", color=theme.MEASURED, label="residual", **measured)[0],
            "axis": Decades(flow),
            "blocks": Stretched(flow),
            "laws": {
                scale: law.plot([], [], ls=dash, color=theme.THEORY, label=f"scale {scale}", **moving)[0]
                for scale, dash in (("1", "--"), ("1/√D", ":"))
            },
            "names": {
                scale: law.text(1.38, 0, f"scale {scale}", color=theme.THEORY, ha="right", **moving)
                for scale in ("1", "1/√D")
            },
            "here": law.plot([], [], **theme.YOURS)[0],
            "law axis": Decades(law, ticks=UPWARDS),
        }
        flow.set_xlabel("block $l$")
        flow.set_title("‖∂L/∂h‖ after each block, over that at the last", loc="left")
        law.set(xlim=(-0.04, FACTORS[-1] + 0.09), ylim=(-0.12, 1.1), xlabel="factor $g$ of a branch")
        law.set_title("R by factor: theory, and yours", loc="left")
        figure.legend(*flow.get_legend_handles_labels(), loc="lower left", ncols=5, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        curves = {
            "plain": r.plain,
            "plain theory": r.plain_theory,
            "residual": r.residual,
            "theory": r.residual_theory,
        }
        logs = {name: log10(values) for name, values in curves.items()}
        # A plain network may vanish out of the picture; where the residual one is must be seen.
        axis, law_axis = artists["axis"], artists["law axis"]
        blocks = artists["blocks"]
        blocks.fit(s.depth)
        axis.fit(logs["residual"], logs["theory"], np.maximum(logs["plain"], -8), 1.5 * BOUNDED)
        for name, values in logs.items():
            artists[name].set_data(blocks.place(range(s.depth + 1)), values / axis.reach)
        edge = np.full(2, BOUNDED / axis.reach)
        set_band(artists["bounded"], [-1, 2], -edge, edge)
        laws = {scale: _law(s, scale) for scale in artists["laws"]}
        law_axis.fit(laws["1"], _end(r.residual))
        heights = []
        for scale, line in artists["laws"].items():
            line.set_data(FACTORS, laws[scale] / law_axis.reach)
            heights.append(laws[scale][-1] / law_axis.reach)
        for name, y in zip(artists["names"].values(), _apart(heights), strict=True):
            name.set_y(y)
        artists["here"].set_data([s.factor], [_end(r.residual) / law_axis.reach])

    def readouts(self, s, r):
        rows = [
            ("gradient at block 0, plain", from_log10(_end(r.plain))),
            ("residual, R", from_log10(_end(r.residual))),
            ("theory", from_log10(_end(r.residual_theory))),
            ("residual / plain", from_log10(_end(r.residual) - _end(r.plain))),
        ]
        if s.scale == LEARNED:
            rows.append(
                ("learned scales", f"{hundredths(np.min(r.scales))} to {hundredths(np.max(r.scales))}")
            )
        else:
            rows.append(("branch scale", f"{r.scales[0]:.3g}"))
        return rows

    def verdict(self, s, r):
        end, plain = _end(r.residual), _end(r.plain)
        blocks = counted(s.depth, "block")
        sentence = f"R = {from_log10(end)} over {blocks}; the plain stack has {from_log10(plain)}." + _why(
            s, r
        )
        if not np.isfinite(end):
            return Verdict("DIVERGED", "the training has left the range of numbers.", "alarm")
        if abs(end) <= BOUNDED:
            return Verdict("BOUNDED", sentence, "good")
        word = ("EXPLODES" if end > FAR else "GROWS") if end > 0 else ("VANISHES" if end < -FAR else "FADES")
        return Verdict(word, sentence, "alarm")

    def describe(self, s, r):
        return (
            f"The size of a gradient after each of {s.depth} blocks ({s.blocks}, factor {s.factor:.3g}, "
            f"branch scale {s.scale}, norm in F: {s.norm}), on a logarithmic scale, relative to its size at "
            f"the last block. Back at block 0, the plain stack's is {from_log10(_end(r.plain))}; the "
            f"residual one's becomes {from_log10(_end(r.residual))}, where theory says "
            f"{from_log10(_end(r.residual_theory))}. A shaded range from 0.1 to 10 counts as bounded. A "
            f"second panel shows R in theory against the factor: with scale 1 it climbs to "
            f"{from_log10(_law(s, '1')[-1])} at factor 1.5, with scale 1/√D to "
            f"{from_log10(_law(s, '1/√D')[-1])}."
        )


def _why(s, r):
    """What to make of R, in a sentence."""
    if s.blocks == "one number":
        note = " Every branch points the same way here, so the factors are 1 + s·g: the worst case."
        return note + (" A norm has nothing to divide by." if s.norm != "none" else "")
    if s.scale == LEARNED:
        trained = s.blocks == "real network"
        at_start = " Learned scales start at 0, where every block is the identity: R is exactly 1"
        return f"{at_start}{'; training moves them.' if trained else '.'}"
    if s.scale == "0":
        return " All branches are switched off: every block is the identity."
    if s.norm != "none":
        return " The norm divides the branch's gradient by the size of h, which grows: R is a power of D."
    if s.scale == "1/√D":
        return f" It cannot pass e<sup>g²/2</sup> = {np.exp(s.factor**2 / 2):.3g} in theory, at any depth."
    return (
        f" Each block multiplies by √(1 + g²) = {np.hypot(1, s.factor):.3f} on average: a skip is no bound."
    )


def _law(s, scale):
    """log10 of R in theory at each factor."""
    return log10(skips.law(s.blocks, s.depth, FACTORS, scale, s.norm, s.seed))


def _end(sizes):
    """log10 of what arrives."""
    return float(log10(sizes[0]))


def _apart(heights, gap=0.09, above=0.05):
    """Heights for the names of two lines: above their ends, clear of a marker, a line of text apart."""
    upper, lower = (min(height + above, 1.03) for height in heights)
    return max(upper, lower + gap), lower
