"""Init explorer: what a choice of initial weights does to a signal on its way through a deep network."""

from dataclasses import dataclass

import numpy as np

from helpers import propagation
from helpers.figures import svg, theme
from helpers.figures.decades import ROOM, Decades, Stretched
from helpers.figures.ink import set_band, set_beside
from helpers.figures.numbers import from_log10, hundredths, log10
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Place, Verdict
from helpers.layers import ACTIVATIONS
from helpers.propagation import SCHEMES, RandomNetwork
from helpers.theory import log10_band

ALPHA = ACTIVATIONS["leaky ReLU"]().alpha

# What the curve shows, going forward and going backward.
QUANTITIES = {
    "E[h²]": ("E[h²]", "E[(∂L/∂h)²]"),
    "Var h": ("Var h", "Var ∂L/∂h"),
    "Var z": ("Var z", "Var ∂L/∂z"),
}

SMALLEST, LARGEST = (float(x) for x in (np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max))
HOLDS = 2  # decades: a signal that ends within ×100 or ×1/100 of where it began still holds


@dataclass(frozen=True)
class Result:
    """What was found. Curves are log10 values for the layers 0 … depth."""

    name: str  # of the quantity
    measured: np.ndarray
    predicted: np.ndarray
    low: np.ndarray  # the band
    high: np.ndarray
    way: range  # the layers in the order in which the signal passes them
    lost: int | None  # the first of them whose values float32 cannot hold
    dead: int | None  # the first of them whose values are all exactly 0: every ReLU is off
    layer: int  # of the histogram
    histogram: np.ndarray
    zeros: float
    saturated: float
    cosine: float

    @property
    def last(self):
        """The layer at which the signal arrives: the top one going forward, 0 going back."""
        return self.way[-1]

    @property
    def end(self):
        """log10 of what arrives there."""
        return float(self.measured[self.last])

    @property
    def per_layer(self):
        """log10 of the mean factor of one layer."""
        return (self.end - float(self.measured[self.way[0]])) / (len(self.way) - 1)

    @property
    def inside(self):
        """Is the end within the band? (Where the band has no width: within 2% of the theory.)"""
        return bool(self.low[self.last] - 0.01 <= self.end <= self.high[self.last] + 0.01)


def experiment(s):
    """Settings ↦ Result: a random network of the chosen scheme, measured and predicted."""
    scheme = SCHEMES[s.scheme]
    sigma_w = s.sigma_w if scheme.sigma_w is None else scheme.sigma_w(s.width)
    network = RandomNetwork(s.width, s.activation, sigma_w, rule=scheme.rule, seed=s.seed)
    backward = s.direction == "backward"
    z, h = network.backward_moments(s.depth) if backward else network.forward_moments(s.depth)
    moments = z if s.quantity == "Var z" else h
    way = range(s.depth, -1, -1) if backward else range(s.depth + 1)
    layer = min(s.layer, s.depth)
    histogram, zeros = network.shape(s.depth, layer, s.quantity == "Var z", backward)
    predicted, low, high = _predict(s, network, backward)
    return Result(
        name=QUANTITIES[s.quantity][backward],
        measured=log10(moments.second if s.quantity == "E[h²]" else moments.variance),
        predicted=predicted,
        low=low,
        high=high,
        way=way,
        lost=_lost(np.minimum(z.peak, h.peak), np.maximum(z.peak, h.peak), way),
        dead=next((i for i in way if h.peak[i] == 0), None),
        layer=layer,
        histogram=histogram,
        zeros=zeros,
        saturated=network.saturated(s.depth),
        cosine=network.cosine(s.depth),
    )


def _predict(s, network, backward):
    """log10 of the curve of an infinitely wide network, and of the band in which 95% of real ones lie."""
    theory = propagation.predict(s.activation, s.depth, network.sigma_w)
    orthogonal = network.rule == "orthogonal"
    if backward:
        curve = theory.z_gradient2 if s.quantity == "Var z" else theory.h_gradient2
        spread = theory.gradient_log_spread(s.width, orthogonal)
    else:
        of = {"E[h²]": "h2", "Var h": "h_variance", "Var z": "z2"}[s.quantity]
        curve = getattr(theory, of)
        spread = theory.log_spread(s.width, of, orthogonal)
    return np.log10(curve), *log10_band(curve, spread)


def _lost(low, high, way):
    """The first layer at which float32 cannot hold the largest value, or rounds all of z or h to 0."""
    return next((i for i in way if high[i] > LARGEST or 0 < low[i] <= SMALLEST / 2), None)


class InitExplorer(Instrument):
    title = "Init explorer"
    question = (
        "Random inputs with E[h²] = 1 go through a network that nobody has trained. How large is the signal "
        'after each layer? Which scheme keeps it level with [ReLU](activation="ReLU"), and does the same one '
        'do it with [tanh](activation="tanh")? How narrow must '
        '[a He network](scheme="He", activation="ReLU") be to fail, too?'
    )
    controls = (
        Choice("scheme", "Scheme", tuple(SCHEMES), "He", buttons=True),
        Slider("depth", "Depth D", tuple(range(1, propagation.DEEPEST + 1)), 50),
        Slider("width", "Width n", (16, 24, 32, 48, 64, 96, 128, 192, 256, 320, 384, 448, 512), 256),
        Slider(
            "sigma_w",
            "Custom σ_w",
            tuple(2.0 ** (k / 32) for k in range(-96, 145)),
            2.0**0.5,
            text="{:.3g}".format,
            implies={"scheme": "custom σ"},
        ),
        Slider("layer", "Histogram layer", tuple(range(propagation.DEEPEST + 1)), 25, at_most="depth"),
        Choice("activation", "Activation", tuple(ACTIVATIONS), "ReLU"),
        Choice("quantity", "Quantity", tuple(QUANTITIES), "E[h²]"),
        Choice("direction", "Direction", ("forward", "backward"), "forward"),
    )
    first = 2
    presets = {
        "N(0, 1): explodes": {"scheme": "naive N(0, 1)"},
        "Xavier with ReLU": {"scheme": "Xavier", "activation": "ReLU"},
        "PyTorch default": {"scheme": "PyTorch default", "depth": 20},
        "Xavier with tanh": {"scheme": "Xavier", "activation": "tanh", "depth": 20},
        "He, width 16": {"scheme": "He", "width": 16},
        "He's gradient": {"scheme": "He", "direction": "backward"},
    }
    challenges = (
        Challenge(
            "Level for leaky ReLU",
            f"leaky ReLU (α = {ALPHA}), width 512, depth 60: find the custom scale of the weights that ends "
            "within a factor 2 of 1, by theory.",
            {
                "activation": "leaky ReLU",
                "width": 512,
                "depth": 60,
                "scheme": "custom σ",
                "sigma_w": 1.0,
            },
            lambda s, r: (
                s.activation == "leaky ReLU"
                and s.scheme == "custom σ"
                and s.depth == 60
                and s.width == 512
                and (s.direction, s.quantity) == ("forward", "E[h²]")
                and abs(r.predicted[r.last]) < np.log10(2)
            ),
            f"Half of the inputs pass whole, half are multiplied by α, so σ<sub>w</sub>² (1 + α²)/2 = 1: "
            f"σ<sub>w</sub> = √(2/(1 + α²)) = {(2 / (1 + ALPHA**2)) ** 0.5:.3f}.",
            {"sigma_w": (2 / 1.04) ** 0.5},
        ),
        Challenge(
            "Make He fail",
            "Keep He and ReLU, and find a width and depth at which the signal loses 99% of its size.",
            {"scheme": "He", "activation": "ReLU", "width": 256, "depth": 50},
            lambda s, r: s.scheme == "He" and s.activation == "ReLU" and r.end < -HOLDS,
            "He's rule holds the mean over all random networks. A single one drifts like a random walk, with "
            "a spread of √(5D/n) in ln E[h²]: narrow and deep is enough.",
            {"width": 16, "depth": 60},
        ),
        Challenge(
            "Overflow float32",
            "Find settings whose values no longer fit into float32.",
            {"scheme": "He", "activation": "ReLU"},
            lambda s, r: r.lost is not None,
            "The curve here goes on only because the network is computed at another scale and multiplied "
            "afterwards. Your own network would print inf or 0.",
            {"scheme": "naive N(0, 1)", "width": 512, "depth": 60},
        ),
    )

    places = (Place(0, x="layer", marks=("layers at",)),)
    plays = "depth"
    readings = {1: "{} × the root mean square"}

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        curve, hist = figure.subplots(1, 2, width_ratios=(2.2, 1))
        figure.subplots_adjust(left=0.085, right=0.985, bottom=0.21, top=0.92, wspace=0.2)
        empty = np.zeros(len(propagation.BINS) - 1)
        artists = {
            "band": curve.fill_between([0], 0, color=theme.THEORY, label="95% of networks", **theme.RANGE),
            "target": curve.axhline(0, label="target: 1", **theme.TARGET),
            "theory": curve.plot([], [], label="theory (infinite width)", **theme.THEORY_LINE)[0],
            "measured": curve.plot([], [], label="measured, this network", **theme.MEASURED_LINE)[0],
            "lost": curve.plot([], [], **theme.LOST)[0],
            "note": curve.text(0, 0, "", color=theme.ALARM, va="center", animated=True),
            "here": curve.plot([], [], **theme.YOURS)[0],
            "layers at": curve.plot([], [], "o", ms=0.1, color=theme.MUTED, animated=True)[0],
            "axis": Decades(curve),
            "layers": Stretched(curve),
            "name": curve.text(0, 1.04, "", transform=curve.transAxes, animated=True),
            "bars": hist.stairs(empty, propagation.BINS, fill=True, color=theme.MEASURED, animated=True),
            "which": hist.text(0, 1.04, "", transform=hist.transAxes, animated=True),
        }
        curve.set_xlabel("layer")
        figure.legend(*curve.get_legend_handles_labels(), loc="lower left", ncols=4, fontsize=9)
        hist.set(xlim=(-4, 4), xlabel="value / root mean square", ylabel="share of values")
        # A spike of half the values (a ReLU layer's zeros) and a thin tail must both be seen.
        hist.set_yscale("function", functions=(np.sqrt, np.square))
        hist.set(ylim=(0, 1), yticks=(0, 0.02, 0.1, 0.25, 0.5, 1))
        return figure, artists

    def move(self, artists, s, r):
        axis, layers = artists["axis"], artists["layers"]
        layers.fit(s.depth)
        along = layers.place(range(s.depth + 1))
        artists["layers at"].set_data(along, np.full(s.depth + 1, -1 - ROOM))
        axis.fit(r.measured, r.predicted, r.low, r.high)
        artists["name"].set_text(f"{r.name} by layer")
        measured = axis.place(r.measured)
        artists["measured"].set_data(along, measured)
        artists["here"].set_data(along[[r.layer]], measured[[r.layer]])
        artists["theory"].set_data(along, axis.place(r.predicted))
        set_band(artists["band"], along, axis.place(r.low), axis.place(r.high))
        _mark_lost(artists, r, measured)
        artists["bars"].set_data(r.histogram)
        artists["which"].set_text(f"layer {r.layer} of {s.depth}")

    def readouts(self, s, r):
        rows = [
            (f"{r.name} at layer {r.way[1]}", from_log10(r.measured[r.way[1]])),
            (f"at layer {r.last}", from_log10(r.end)),
            ("theory", from_log10(r.predicted[r.last])),
            ("factor", f"× {from_log10(r.per_layer)} per layer"),
            ("cosine between inputs", f"{hundredths(r.cosine)} at layer {s.depth}"),
        ]
        if s.activation in ("tanh", "sigmoid"):
            rows.append(("saturated", f"{r.saturated:.0%} of units"))
        return rows

    def verdict(self, s, r):
        where = "as theory predicts" if r.inside else "outside what theory expects"
        sentence = f"{where}: {from_log10(r.end)} measured at layer {r.last}; "
        sentence += f"95% of such networks lie between {_range(r)}."
        if r.lost is not None:
            kind = "overflow (inf)" if r.end > 0 else "round to 0"
            sentence += f" In float32 the values {kind} at layer {r.lost}."
        if r.dead is not None:
            sentence += (
                f" From layer {r.dead} on all units are off, for every input: the signal is exactly 0."
            )
        if r.end > HOLDS:
            return Verdict("EXPLODES", sentence, "alarm")
        if r.end < -HOLDS:
            return Verdict("VANISHES", sentence, "alarm")
        if s.direction == "forward" and r.cosine > 0.999:
            sentence += " But all inputs have become the same: their cosine is 1.000."
        return Verdict("HOLDS", sentence, "good")

    def describe(self, s, r):
        start = r.way[0]
        return (
            f"{r.name} for layers 0 to {s.depth} of a {s.activation} network of width {s.width} with "
            f"{s.scheme} weights, seed {s.seed}, on a logarithmic scale. The measured curve goes from "
            f"{from_log10(r.measured[start])} at layer {start} to {from_log10(r.end)} at layer {r.last}; "
            f"theory says {from_log10(r.predicted[r.last])}, with 95% of networks between {_range(r)}. "
            f"The dashed target is 1. A diamond marks layer {r.layer}; a histogram shows its values: "
            f"{r.zeros:.0%} of them are exactly zero."
        )


def _mark_lost(artists, r, curve):
    if r.lost is None:
        artists["lost"].set_data([], [])
        artists["note"].set_text("")
        return
    x, y = artists["layers"].place(r.lost), curve[r.lost]
    artists["lost"].set_data([x], [y])
    # Beside the mark, where the curve is not: above it towards lower values, else below.
    left = x > 0.5
    shift = 0.09 if left == (y > 0) else -0.11
    note = f"float32: {'inf' if y > 0 else '0'} at layer {r.lost}"
    set_beside(artists["note"], x, y + shift, note, -0.02 if left else 0.02)


def _range(r):
    return f"{from_log10(r.low[r.last])} and {from_log10(r.high[r.last])}"
