"""Norm axes: which values of a block of activations share a mean and a variance."""

from dataclasses import dataclass

import numpy as np

from helpers.chapters.normalization import norms
from helpers.figures import svg, theme
from helpers.figures.numbers import counted
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Place, Verdict

EXAMPLES, CHANNELS, SIZES, GROUPS = (1, 2, 3, 4, 5, 6), (4, 8, 12), (1, 2, 3, 4), (1, 2, 4)
NAMES = ("BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm", "RMSNorm")
OVER = {
    "BatchNorm": "one channel of all examples: N · H · W",
    "LayerNorm": "one example: C · H · W",
    "InstanceNorm": "one channel of one example: H · W",
    "GroupNorm": "one group of channels of one example: (C/G) · H · W",
    "RMSNorm": "one example: C · H · W",
}
ROOM = 11.0, 4.6  # for the whole block, in units of the axes
NUDGE = 0.5


@dataclass(frozen=True)
class Result:
    """Which values (N, C, H·W) share statistics with the chosen one, and which outputs its nudge moves."""

    chosen: tuple
    shared: np.ndarray
    moved: np.ndarray | None  # None where the norm refuses the block
    sets: int

    @property
    def size(self):
        return int(self.shared.sum())

    @property
    def examples(self):
        """How many examples have a part in it."""
        return int(self.shared.any(axis=(1, 2)).sum())


def experiment(s):
    """Settings ↦ Result: the sets by their definition, and found by nudging one value of a random block."""
    shape = s.examples, s.channels, s.size**2
    chosen = min(s.example, s.examples) - 1, min(s.channel, s.channels) - 1, 0
    sets = norms.sharing(s.norm, shape, s.groups)
    x = np.random.default_rng(0).standard_normal(shape)
    nudged = x.copy()
    nudged[chosen] += NUDGE
    try:
        before, after = (norms.normalize(s.norm, block, s.groups) for block in (x, nudged))
    except ValueError:  # BatchNorm and a single value a channel
        moved = None
    else:
        moved = before != after
    return Result(chosen, sets == sets[chosen], moved, len(np.unique(sets)))


class NormAxes(Instrument):
    title = "Norm axes"
    question = (
        "Each square is an image, a row holds the channels of one example. The marked value (a diamond) is "
        "normalised with the mean and the variance of all shaded values. A dot shows what was measured: the "
        "outputs that change when the marked input is nudged. Which norms never look at another example? "
        "When is GroupNorm the same as LayerNorm, and when as InstanceNorm?"
    )
    seeded = False
    controls = (
        Choice("norm", "Norm", NAMES, "BatchNorm", buttons=True),
        Slider("examples", "Examples N", EXAMPLES, 4),
        Slider("channels", "Channels C", CHANNELS, 8),
        Slider("size", "Height H = width W", SIZES, 3),
        Slider("groups", "Groups G", GROUPS, 2, implies={"norm": "GroupNorm"}),
        Slider("example", "Marked example", EXAMPLES, 2, at_most="examples"),
        Slider("channel", "Marked channel", tuple(range(1, max(CHANNELS) + 1)), 3, at_most="channels"),
    )
    presets = {
        "BatchNorm": {"norm": "BatchNorm"},
        "LayerNorm": {"norm": "LayerNorm"},
        "InstanceNorm": {"norm": "InstanceNorm"},
        "GroupNorm, G = 2": {"norm": "GroupNorm", "groups": 2},
        "Dense layer, BatchNorm": {"norm": "BatchNorm", "size": 1},
        "A batch of one": {"size": 1, "examples": 1},
    }
    challenges = (
        Challenge(
            "Group = instance",
            "Set GroupNorm so that it does exactly what InstanceNorm does.",
            {"norm": "GroupNorm", "groups": 2, "channels": 8},
            lambda s, r: s.norm == "GroupNorm" and s.groups == s.channels,
            "With as many groups as channels each group is a channel. With one group it is LayerNorm.",
            {"groups": 4, "channels": 4},
        ),
        Challenge(
            "BatchNorm alone",
            "Let BatchNorm work on statistics of a single example, without being refused.",
            {"norm": "BatchNorm", "examples": 4},
            lambda s, r: s.norm == "BatchNorm" and r.examples == 1 and r.size > 1,
            "With images even one example gives H · W values a channel. Then BatchNorm in train mode is "
            "InstanceNorm. A dense layer has one value, and nothing is left.",
            {"examples": 1},
        ),
        Challenge(
            "Nothing left",
            "Find a norm that works within one example, and a block in which all it can answer is 0.",
            {"norm": "BatchNorm", "size": 3, "examples": 4},
            lambda s, r: s.norm == "InstanceNorm" and r.size == 1,
            "A value minus its own mean is 0, whatever it was. InstanceNorm needs an axis of space.",
            {"norm": "InstanceNorm", "size": 1},
        ),
    )

    places = (Place(0, x="channel", y="example", marks=("columns", "rows")),)

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        axes = figure.add_axes((0.02, 0.09, 0.97, 0.9))
        axes.set(xlim=(0, 12.6), ylim=(0, 5.4))
        axes.axis("off")
        name = {"fontsize": 9, "color": theme.MUTED, "animated": True}
        dots = {"ls": "", "marker": "o", "ms": 3.5, "color": theme.MEASURED, "animated": True}
        small = {**dots, "ms": 1.5, "color": theme.MUTED}
        artists = {
            "shared": axes.fill_between([0], 0, color=theme.MEASURED, label="shares μ, σ²", **theme.RANGE),
            "grid": axes.plot([], [], color=theme.MUTED, lw=0.6, animated=True)[0],
            "moved": axes.plot([], [], label="output moves (measured)", **dots)[0],
            "chosen": axes.plot([], [], label="marked value", **{**dots, "marker": "D", "ms": 7})[0],
            "columns": axes.plot([], [], **small)[0],
            "rows": axes.plot([], [], **small)[0],
            "channel": [axes.text(0, 0, "", ha="center", va="center", **name) for _ in range(max(CHANNELS))],
            "example": [axes.text(0, 0, "", ha="right", va="center", **name) for _ in range(max(EXAMPLES))],
        }
        artists["chosen"].set_color(theme.INK)
        axes.text(1.28, 5.17, "channel", ha="right", va="center", fontsize=9, color=theme.MUTED)
        figure.legend(*axes.get_legend_handles_labels(), loc="lower left", ncols=3, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        squares = _Squares(s)
        artists["shared"].set_verts(squares.outlines(r.shared))
        artists["grid"].set_data(*squares.lines())
        artists["moved"].set_data(*squares.centres(r.moved if r.moved is not None else r.shared & False).T)
        marked = np.zeros_like(r.shared)
        marked[r.chosen] = True
        artists["chosen"].set_data(*squares.centres(marked).T)
        corners = np.array([squares.corner(0, c) for c in range(s.channels)])
        artists["columns"].set_data(*(corners + (squares.side / 2, squares.side + 0.05)).T)
        corners = np.array([squares.corner(n, 0) for n in range(s.examples)])
        artists["rows"].set_data(*(corners + (-0.06, squares.side / 2)).T)
        for c, text in enumerate(artists["channel"]):
            x, y = squares.corner(0, c)
            text.set(position=(x + squares.side / 2, y + squares.side + 0.18))
            text.set_text(str(c + 1) if c < s.channels else "")
        for n, text in enumerate(artists["example"]):
            x, y = squares.corner(n, 0)
            text.set(position=(x - 0.12, y + squares.side / 2))
            text.set_text(f"example {n + 1}" if n < s.examples else "")

    def readouts(self, s, r):
        kept = f"{s.channels} means, {s.channels} variances" if s.norm == "BatchNorm" else "nothing"
        return [
            ("values that share", f"{r.size} of {r.shared.size}"),
            ("sets in the block", str(r.sets)),
            ("examples in a set", str(r.examples)),
            ("kept for eval mode", kept),
        ]

    def verdict(self, s, r):
        taken = "its mean square" if s.norm == "RMSNorm" else "μ and σ²"
        sentence = f"{s.norm} takes {taken} over {OVER[s.norm]} = {counted(r.size, 'value')}."
        if r.moved is None:
            return Verdict("REFUSED", f"{sentence} A value minus itself would be 0 for every input.", "alarm")
        if r.size == 1:
            return Verdict("NOTHING LEFT", f"{sentence} The output is β, whatever goes in.", "alarm")
        if r.examples > 1:
            return Verdict("ACROSS EXAMPLES", f"{sentence} What else is in the batch matters.", "muted")
        return Verdict("WITHIN ONE EXAMPLE", f"{sentence} The other examples do not matter.", "good")

    def describe(self, s, r):
        example, channel = r.chosen[0] + 1, r.chosen[1] + 1
        moved = "refused" if r.moved is None else f"{int(r.moved.sum())} outputs"
        return (
            f"A block of {s.examples} examples in rows and {s.channels} channels in columns, each a square "
            f"of {s.size} × {s.size} values. With {s.norm}, the marked value of example {example}, channel "
            f"{channel} shares its statistics with the {counted(r.size, 'shaded value')}, those of "
            f"{OVER[s.norm]}. Measured by a nudge of the marked value, shown as dots: {moved}."
        )


class _Squares:
    """Where the values of the block stand on the paper."""

    def __init__(self, s):
        self.rows, self.columns, self.size = s.examples, s.channels, s.size
        self.side = 0.86 * min(ROOM[0] / self.columns, ROOM[1] / self.rows, 1.6)
        self.cell = self.side / self.size

    def corner(self, n, c):
        """The lower left corner of the square of an example and a channel."""
        step = self.side / 0.86
        return 1.4 + c * step, 5.0 - self.side - n * step

    def centres(self, which):
        """The middle of each value for which `which` (N, C, H·W) is true: (values, 2)."""
        places = [
            (x + (i % self.size + 0.5) * self.cell, y + self.side - (i // self.size + 0.5) * self.cell)
            for n, c, i in np.argwhere(which)
            for x, y in [self.corner(n, c)]
        ]
        return np.array(places).reshape(-1, 2)

    def outlines(self, which):
        """The four corners of each of these values."""
        half = self.cell / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        return list(self.centres(which)[:, None] + half)

    def lines(self):
        """All lines of the grid, with a break after each: x and y."""
        points = []
        for n in range(self.rows):
            for c in range(self.columns):
                x, y = self.corner(n, c)
                for at in np.linspace(0, self.side, self.size + 1):
                    points += [(x + at, y), (x + at, y + self.side), (np.nan, np.nan)]
                    points += [(x, y + at), (x + self.side, y + at), (np.nan, np.nan)]
        return np.array(points).T
