"""Init explorer: what a choice of initial weights does to a signal on its way through a deep network."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter, MultipleLocator

from helpers import layers, probes, propagation
from helpers.figures import svg, theme
from helpers.figures.numbers import from_log10, power_of_ten
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Verdict

ALPHA = 0.2  # PyTorch's 0.01 could not be told from ReLU on the screen

ACTIVATIONS = {
    "ReLU": layers.ReLU,
    "leaky ReLU": partial(layers.LeakyReLU, ALPHA),
    "tanh": layers.Tanh,
    "sigmoid": layers.Sigmoid,
    "linear": layers.Identity,
}


class Scheme(NamedTuple):
    rule: str  # how the weights are drawn, one of propagation.RULES
    sigma_w: object  # width ↦ σ_w = √width · std of a weight; None where the learner sets it


SCHEMES = {
    "naive N(0, 1)": Scheme("normal", lambda width: width**0.5),
    "Xavier": Scheme("normal", lambda width: 1.0),
    "He": Scheme("normal", lambda width: 2.0**0.5),
    "PyTorch default": Scheme("uniform", lambda width: 3.0**-0.5),
    "orthogonal": Scheme("orthogonal", lambda width: 1.0),
    "custom σ": Scheme("normal", None),
}

# What the curve shows, going forward and going backward.
QUANTITIES = {
    "E[h²]": ("E[h²]", "E[(∂L/∂h)²]"),
    "Var h": ("Var h", "Var ∂L/∂h"),
    "Var z": ("Var z", "Var ∂L/∂z"),
}

# The vertical axis has 1 in its middle, and one of these many decades either side: (decades, tick step).
SCALES = ((1, 0.5), (3, 1), (10, 5), (30, 10), (100, 50), (200, 100))
FLOAT32 = np.log10([np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max])
BINS = np.linspace(-4, 4, 42)
HOLDS = 2  # decades: a signal that ends within ×100 or ×1/100 of where it began still holds


@dataclass(frozen=True)
class Result:
    """What was found. Curves are log10 values for the layers 0 … depth."""

    name: str
    measured: np.ndarray
    predicted: np.ndarray
    low: np.ndarray
    high: np.ndarray
    first: int  # where the signal is first changed by a layer: 1 going forward, depth − 1 going back
    last: int  # where it arrives: depth going forward, 0 going back
    lost: int | None  # the first layer on its way whose values float32 cannot hold
    layer: int
    histogram: np.ndarray
    zeros: float
    saturated: float
    cosine: float

    @property
    def end(self):
        return float(self.measured[self.last])

    @property
    def per_layer(self):
        """log10 of the mean factor of a layer, from where the signal starts to where it arrives."""
        return (self.end - float(self.measured[self.start])) / (len(self.measured) - 1)

    @property
    def start(self):
        return len(self.measured) - 1 - self.last

    @property
    def inside(self):
        """Is the end within the band? (Where the band has no width: within 2 % of the theory.)"""
        return bool(self.low[self.last] - 0.01 <= self.end <= self.high[self.last] + 0.01)


def experiment(s):
    """Settings ↦ Result: a random network of the chosen scheme, measured and predicted."""
    act, scheme = ACTIVATIONS[s.activation], SCHEMES[s.scheme]
    sigma_w = s.sigma_w if scheme.sigma_w is None else scheme.sigma_w(s.width)
    asked = (s.width, act, scheme.rule, sigma_w, s.seed)
    signal, _ = propagation.signal(*asked)
    backward = s.direction == "backward"
    if backward:
        z, h = propagation.backward_moments(asked, s.depth)
        z_values, h_values = propagation.gradients(signal, s.depth)
    else:
        z, h = propagation.forward_moments(asked, s.depth)
        z_values, h_values = signal.z, signal.h
    moments, values = (z, z_values) if s.quantity == "Var z" else (h, h_values)
    layer = min(s.layer, s.depth)
    predicted, low, high = _predict(s, act, sigma_w, scheme.rule, backward)
    return Result(
        name=QUANTITIES[s.quantity][backward],
        measured=_log10(moments.second if s.quantity == "E[h²]" else moments.variance),
        predicted=predicted,
        low=low,
        high=high,
        first=s.depth - 1 if backward else 1,
        last=0 if backward else s.depth,
        lost=_lost(_log10(moments.second) / 2, backward),
        layer=layer,
        histogram=_histogram(values[layer]),
        zeros=float(np.mean(values[layer] == 0)),
        saturated=float(signal.saturated(s.depth)),
        cosine=float(signal.cosine(s.depth)),
    )


def _predict(s, act, sigma_w, rule, backward):
    """log10 of the infinitely wide network's curve, and of the band where nine in ten real ones lie."""
    theory = propagation.predict(act, s.depth, sigma_w)
    orthogonal = rule == "orthogonal"
    if backward:
        curve = theory.z_gradient2 if s.quantity == "Var z" else theory.h_gradient2
        spread = theory.gradient_log_spread(s.width, orthogonal)
    else:
        curve = {"E[h²]": theory.h2, "Var h": theory.h_variance, "Var z": theory.z2}[s.quantity]
        spread = theory.log_spread(s.width, orthogonal)
    # A product of random factors is skewed: its typical value lies below its mean by spread²/2.
    middle = np.log(curve) - spread**2 / 2
    return np.log10(curve), *((middle + side * spread) / np.log(10) for side in (-2, 2))


def _log10(values):
    """log10, with −∞ for a signal that is exactly 0 (all units of a narrow ReLU layer may be off)."""
    with np.errstate(divide="ignore"):
        return np.log10(np.maximum(values, 0))


def _lost(magnitude, backward):
    gone = np.flatnonzero((magnitude < FLOAT32[0]) | (magnitude > FLOAT32[1]))
    return None if gone.size == 0 else int(gone[-1] if backward else gone[0])


def _histogram(values):
    rms = np.sqrt(probes.second_moment(values))
    counts, _ = np.histogram(values / rms if rms else values, BINS)
    return counts / values.size


class InitExplorer(Instrument):
    title = "Init explorer"
    question = (
        "A batch of random inputs with E[h²] = 1 goes through a random network. Each layer multiplies E[h²] by "
        "about the same factor, so the curve is close to a straight line. Which scheme keeps it level with "
        "ReLU, and does the same one do it with tanh? How narrow must a He network be before it fails too?"
    )
    controls = (
        Choice("scheme", "Scheme", tuple(SCHEMES), "He", buttons=True),
        Slider("width", "Width n", (16, 24, 32, 48, 64, 96, 128, 192, 256, 320, 384, 448, 512), 256),
        Slider("depth", "Depth L", tuple(range(1, propagation.DEEPEST + 1)), 50),
        Slider(
            "sigma_w",
            "Custom σ_w = σ√n",
            tuple(2.0 ** (k / 16) for k in range(-48, 73)),
            2.0**0.5,
            text="{:.3g}".format,
            implies={"scheme": "custom σ"},
        ),
        Slider("layer", "Histogram of layer", tuple(range(propagation.DEEPEST + 1)), 25),
        Choice("activation", "Activation", tuple(ACTIVATIONS), "ReLU"),
        Choice("quantity", "Quantity", tuple(QUANTITIES), "E[h²]"),
        Choice("direction", "Direction", ("forward", "backward"), "forward"),
    )
    presets = {
        "N(0, 1): explodes": {"scheme": "naive N(0, 1)"},
        "Xavier with ReLU": {"scheme": "Xavier"},
        "PyTorch default": {"scheme": "PyTorch default", "depth": 20},
        "Xavier with tanh": {"scheme": "Xavier", "activation": "tanh"},
        "He, width 16": {"width": 16},
        "He's gradient": {"direction": "backward"},
    }
    challenges = (
        Challenge(
            "Level for leaky ReLU",
            f"leaky ReLU (α = {ALPHA}), width 512, depth 60: find the custom σ_w that ends within a factor 2 "
            "of the theory's 1.",
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
                and abs(r.predicted[-1]) < np.log10(2)
            ),
            f"Half of the inputs pass whole, half are multiplied by α, so σ_w² (1 + α²)/2 = 1: "
            f"σ_w = √(2/(1 + α²)) = {(2 / (1 + ALPHA**2)) ** 0.5:.3f}.",
        ),
        Challenge(
            "Make He fail",
            "Keep He and ReLU, and find a width and depth at which the signal loses 99 % of its size.",
            {},
            lambda s, r: s.scheme == "He" and s.activation == "ReLU" and r.end < -HOLDS,
            "He's rule holds the mean over all random networks. A single one drifts like a random walk, with a "
            "spread of √(5L/n) in ln E[h²]: narrow and deep is enough.",
        ),
        Challenge(
            "Overflow float32",
            "Find settings whose values no longer fit into float32.",
            {},
            lambda s, r: r.lost is not None,
            "The curve here goes on only because the network is computed at another scale and multiplied "
            "afterwards. Your own network would print inf or 0.",
        ),
    )

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        curve, hist = figure.subplots(1, 2, width_ratios=(2.2, 1))
        figure.subplots_adjust(left=0.085, right=0.985, bottom=0.21, top=0.92, wspace=0.2)
        span = np.arange(2)
        artists = {
            "curve": curve,
            "band": curve.fill_between(
                span,
                0,
                0,
                color=theme.THEORY,
                alpha=0.18,
                lw=0,
                animated=True,
                label="95 % of networks",
            ),
            "target": curve.axhline(0, color=theme.MUTED, ls=(0, (2, 2)), lw=1.5, label="target: 1"),
            "theory": curve.plot(
                span, span, "--", color=theme.THEORY, animated=True, label="theory (infinite width)"
            )[0],
            "measured": curve.plot(
                span,
                span,
                "-o",
                ms=3,
                color=theme.MEASURED,
                animated=True,
                label="measured, this network",
            )[0],
            "lost": curve.plot([], [], "X", ms=9, color=theme.ALARM, animated=True)[0],
            "note": curve.text(0, 0, "", color=theme.ALARM, va="center", animated=True),
            "bars": hist.stairs(
                np.zeros(len(BINS) - 1),
                BINS,
                fill=True,
                color=theme.MEASURED,
                alpha=0.8,
                animated=True,
            ),
            "which": hist.text(0, 1.03, "", transform=hist.transAxes, animated=True),
        }
        curve.set(xlim=(-0.5, propagation.DEEPEST + 0.5), xlabel="layer")
        curve.yaxis.set_major_formatter(FuncFormatter(lambda y, _: power_of_ten(y) if y == int(y) else ""))
        figure.legend(*curve.get_legend_handles_labels(), loc="lower left", ncols=4, fontsize=9)
        hist.set(xlim=(-4, 4), xlabel="value / root mean square", ylabel="share of values")
        # A spike of half the values (a ReLU layer's zeros) and a thin tail must both be seen.
        hist.set_yscale("function", functions=(np.sqrt, np.square))
        hist.set(ylim=(0, 1), yticks=(0, 0.02, 0.1, 0.25, 0.5, 1))
        return figure, artists

    def move(self, artists, s, r):
        layers_ = np.arange(s.depth + 1)
        limit, step = _scale(r)
        curve = artists["curve"]
        curve.set(ylim=(-limit, limit))
        curve.set_title(f"{r.name} by layer", loc="left")
        curve.yaxis.set_major_locator(MultipleLocator(step))
        floor = np.maximum(r.measured, -limit)
        artists["measured"].set_data(layers_, floor)
        artists["theory"].set_data(layers_, r.predicted)
        artists["band"].set_data(layers_, r.low, r.high)
        _mark_lost(artists, r, floor)
        artists["bars"].set_data(r.histogram)
        artists["which"].set_text(f"layer {r.layer} of {s.depth}")

    def readouts(self, s, r):
        start = "layer 1" if s.direction == "forward" else f"layer {r.first}"
        rows = [
            (f"{r.name} at {start}", from_log10(r.measured[r.first])),
            (f"at layer {r.last}", from_log10(r.end)),
            ("theory", from_log10(r.predicted[r.last])),
            ("factor", f"× {from_log10(r.per_layer)} per layer"),
            ("cosine between inputs", f"{r.cosine:.2f} at layer {s.depth}"),
        ]
        if s.activation in ("tanh", "sigmoid"):
            rows.append(("saturated", f"{r.saturated:.0%} of units"))
        return rows

    def verdict(self, s, r):
        where = "within" if r.inside else "outside"
        sentence = f"{where} theory: {from_log10(r.end)} measured at layer {r.last}, "
        sentence += f"95 % of such networks lie between {_range(r)}."
        if r.lost is not None:
            kind = "overflow (inf)" if r.end > 0 else "round to 0"
            sentence += f" In float32 the values {kind} at layer {r.lost}."
        if r.end > HOLDS:
            return Verdict("EXPLODES", sentence, "alarm")
        if r.end < -HOLDS:
            return Verdict("VANISHES", sentence, "alarm")
        if s.direction == "forward" and r.cosine > 0.999:
            sentence += " But all inputs have become the same: their cosine is 1.000."
        return Verdict("HOLDS", sentence, "good")

    def describe(self, s, r):
        return (
            f"{r.name} for layers 0 to {s.depth} of a {s.activation} network of width {s.width} with {s.scheme} "
            f"weights, seed {s.seed}, on a logarithmic scale. The measured curve goes from "
            f"{from_log10(r.measured[r.start])} at layer {r.start} to {from_log10(r.end)} at layer {r.last}; theory "
            f"says {from_log10(r.predicted[r.last])}, with 95 % of networks between {_range(r)}. The dashed target "
            f"is 1. A histogram shows the values of layer {r.layer}: {r.zeros:.0%} of them are exactly zero."
        )


def _scale(r):
    """The first axis that holds all of the curves."""
    shown = np.concatenate([r.measured, r.predicted, r.low, r.high])
    reach = np.abs(shown[np.isfinite(shown)]).max(initial=0)
    return next((scale for scale in SCALES if reach <= scale[0]), SCALES[-1])


def _mark_lost(artists, r, curve):
    if r.lost is None:
        artists["lost"].set_data([], [])
        artists["note"].set_text("")
        return
    x, y = r.lost, curve[r.lost]
    artists["lost"].set_data([x], [y])
    right = x < propagation.DEEPEST / 2
    artists["note"].set(
        position=(x + (1.5 if right else -1.5), y),
        ha="left" if right else "right",
        text=f"float32: {'inf' if y > 0 else '0'} at layer {x}",
    )


def _range(r):
    return f"{from_log10(r.low[r.last])} and {from_log10(r.high[r.last])}"


def init_explorer(**settings):
    """The init explorer. Starting settings are keywords; an unknown one is a ValueError.

    width 16–512, depth 1–60, activation ("ReLU", "leaky ReLU", "tanh", "sigmoid", "linear"), scheme
    ("naive N(0, 1)", "Xavier", "He", "PyTorch default", "orthogonal", "custom σ"), sigma_w 0.125–22.6 (√n times
    the standard deviation of a weight), direction ("forward", "backward"), quantity ("E[h²]", "Var h",
    "Var z"), layer 0–60 (of the histogram), seed.
    """
    return InitExplorer(**settings)
