"""Gradient by layer: real backpropagation through a random deep network, and what theory says of it."""

from dataclasses import dataclass

import numpy as np

from helpers import layers, propagation
from helpers.chapters.depth import HEALTHY, is_healthy
from helpers.figures import svg, theme
from helpers.figures.decades import Decades, Stretched
from helpers.figures.ink import set_band
from helpers.figures.numbers import counted, from_log10, log10
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Verdict
from helpers.layers import ACTIVATIONS
from helpers.propagation import SCHEMES, RandomNetwork
from helpers.theory import log10_band

CUSTOM = "custom σ"


@dataclass(frozen=True)
class Result:
    """Log10 curves, each relative to its value at the last layer, D."""

    h: np.ndarray  # ‖∂L/∂h_l‖ for l = 0 … D
    weight: np.ndarray  # ‖∂L/∂W_l‖ for l = 1 … D
    predicted: np.ndarray  # of h, in an infinitely wide network
    low: np.ndarray  # the band around it
    high: np.ndarray
    slopes: np.ndarray  # (the largest φ′)^(D − l): what slopes alone allow
    sigma_w: float
    saturated: float

    @property
    def ratio(self):
        """R = ‖∂L/∂h₀‖ / ‖∂L/∂h_D‖."""
        return float(self.h[0])

    @property
    def inside(self):
        """Is R within the band?"""
        return bool(self.low[0] - 0.01 <= self.ratio <= self.high[0] + 0.01)


def experiment(s):
    """Settings ↦ Result: a random gradient sent back from the last layer to the input."""
    scheme = SCHEMES[s.scheme]
    sigma_w = s.sigma_w if scheme.sigma_w is None else scheme.sigma_w(s.width)
    network = RandomNetwork(s.width, s.activation, sigma_w, rule=scheme.rule, seed=s.seed)
    _, dh = network.backward_moments(s.depth)
    theory = propagation.predict(s.activation, s.depth, sigma_w)
    band = log10_band(theory.h_gradient2, theory.gradient_log_spread(s.width, scheme.rule == "orthogonal"))
    low, high = (edge / 2 for edge in band)  # of lengths, not of their squares
    return Result(
        h=_relative(dh.second) / 2,
        weight=_relative(network.weight_gradient_norms(s.depth)),
        predicted=np.log10(theory.h_gradient2) / 2,
        low=low,
        high=high,
        slopes=np.log10(layers.activation(s.activation).steepest) * np.arange(s.depth, -1, -1),
        sigma_w=sigma_w,
        saturated=network.saturated(s.depth),
    )


def _relative(values):
    """log10, relative to the last value; where all units of a layer are off, values are 0 and this is −∞."""
    return log10(values) - log10(values[-1] or 1.0)


class GradientByLayer(Instrument):
    title = "Gradient by layer"
    question = (
        "A random network, and one honest backward pass from layer D, on the right, to the input. Which "
        "activation lets the gradient arrive? Do the gradients of the weights (squares) tell the same story "
        "as those of the signal (dots)? And can a sigmoid curve climb above the dotted line, which some call "
        "a bound?"
    )
    controls = (
        Choice("activation", "Activation", tuple(ACTIVATIONS), "sigmoid", buttons=True),
        Choice("scheme", "Initial weights", tuple(SCHEMES), "Xavier"),
        Slider("depth", "Depth D", tuple(range(1, propagation.DEEPEST + 1)), 20),
        Slider("width", "Width n", (16, 24, 32, 48, 64, 96, 128, 192, 256), 128),
        Slider(
            "sigma_w",
            "Custom σ_w",
            tuple(2.0 ** (k / 16) for k in range(-32, 65)),
            1.0,
            text="{:.3g}".format,
            implies={"scheme": CUSTOM},
        ),
    )
    presets = {
        "Sigmoid": {"activation": "sigmoid"},
        "tanh": {"activation": "tanh"},
        "ReLU, Xavier": {"activation": "ReLU", "scheme": "Xavier"},
        "ReLU, He": {"activation": "ReLU", "scheme": "He"},
        "Sigmoid above 0.25": {"activation": "sigmoid", "scheme": "He"},
        "Large sigmoid weights": {"activation": "sigmoid", "scheme": CUSTOM, "sigma_w": 10.15},
    }
    challenges = (
        Challenge(
            "Rescue the sigmoid",
            "50 sigmoid layers of width 256: find initial weights with which the gradient is HEALTHY.",
            {"activation": "sigmoid", "scheme": "Xavier", "depth": 50, "width": 256},
            lambda s, r: (
                s.activation == "sigmoid" and s.depth == 50 and s.width == 256 and is_healthy(r.ratio)
            ),
            "Near σ_w = 10 the weights make up for the slopes: for the ¼ at the steepest place, and for the "
            "saturation that they cause themselves. It is a knife's edge: a little less vanishes, a little "
            "more explodes.",
            {"sigma_w": 10.15},
        ),
        Challenge(
            "Hidden from the weights",
            "ReLU: find settings in which ∂L/∂h at the input is less than a thousandth of what it is at the "
            "last layer, while ∂L/∂W differs by less than a factor of 3 between the first and the last "
            "layer.",
            {"activation": "ReLU", "scheme": "He", "depth": 20},
            lambda s, r: (
                s.activation == "ReLU" and r.ratio < -HEALTHY and abs(float(r.weight[0])) < np.log10(3)
            ),
            "With ReLU the signal shrinks on its way up exactly as the gradient shrinks on its way down. "
            "∂L/∂W is a product of the two, so it stays level. (Then all of it is tiny, at every layer.)",
            {"scheme": "Xavier", "depth": 30},
        ),
        Challenge(
            "Explode",
            "tanh: make the gradient EXPLODE within 30 layers.",
            {"activation": "tanh", "scheme": "Xavier", "depth": 10},
            lambda s, r: s.activation == "tanh" and s.depth <= 30 and r.ratio > HEALTHY,
            "Saturated units pass little, but large weights more than make up for it.",
            {"sigma_w": 4.0, "depth": 30},
        ),
    )

    first = 3
    plays = "depth"
    backwards = (0,)

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        ax = figure.add_subplot()
        figure.subplots_adjust(left=0.085, right=0.985, bottom=0.26, top=0.92)
        squares = {**theme.MEASURED_LINE, "marker": "s", "ls": ":", "color": theme.SECOND}
        artists = {
            "band": ax.fill_between([0], 0, color=theme.THEORY, label="95% of networks", **theme.RANGE),
            "slopes": ax.plot([], [], label="slopes alone: (largest φ′) to the power D − l", **theme.LIMIT)[
                0
            ],
            "weight": ax.plot([], [], label="‖∂L/∂W‖ measured", **squares)[0],
            "h": ax.plot([], [], label="‖∂L/∂h‖ measured", **theme.MEASURED_LINE)[0],
            "theory": ax.plot([], [], label="‖∂L/∂h‖ theory (infinite width)", **theme.THEORY_LINE)[0],
            "axis": Decades(ax),
            "layers": Stretched(ax),
        }
        ax.set_xlabel("layer")
        ax.set_title("Gradient by layer, relative to the last layer", loc="left")
        figure.legend(*ax.get_legend_handles_labels(), loc="lower left", ncols=3, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        axis, layers = artists["axis"], artists["layers"]
        layers.fit(s.depth)
        along = layers.place(range(s.depth + 1))
        axis.fit(r.h, r.weight, r.predicted, r.low, r.high)
        artists["h"].set_data(along, axis.place(r.h))
        artists["theory"].set_data(along, axis.place(r.predicted))
        artists["slopes"].set_data(along, r.slopes / axis.reach)  # it may leave the figure
        artists["weight"].set_data(along[1:], axis.place(r.weight))
        set_band(artists["band"], along, axis.place(r.low), axis.place(r.high))

    def readouts(self, s, r):
        rows = [
            ("R, ‖∂L/∂h‖ at the input over the last layer", from_log10(r.ratio)),
            ("R by theory", from_log10(r.predicted[0])),
            ("factor of a layer", from_log10(r.ratio / s.depth)),
            ("R by slopes alone", from_log10(r.slopes[0])),
            ("‖∂L/∂W‖, first layer over last", from_log10(r.weight[0])),
            ("σ<sub>w</sub>", f"{r.sigma_w:.3g}"),
        ]
        if s.activation in ("tanh", "sigmoid"):
            rows.append(("saturated", f"{r.saturated:.0%} of units at layer {s.depth}"))
        return rows

    def verdict(self, s, r):
        where = "within" if r.inside else "outside"
        sentence = (
            f"Over {counted(s.depth, 'layer')} the gradient is multiplied by {from_log10(r.ratio)}, {where} "
            f"theory: 95% of such networks lie between {from_log10(r.low[0])} and {from_log10(r.high[0])}."
        )
        if r.ratio == -np.inf:
            sentence += " At some layer all units are off for every input: no gradient passes."
        if is_healthy(r.ratio):
            return Verdict("HEALTHY", sentence, "good")
        return Verdict("VANISHES" if r.ratio < 0 else "EXPLODES", sentence, "alarm")

    def describe(self, s, r):
        return (
            f"Lengths of the gradient by layer, relative to the last, on a logarithmic scale: "
            f"a {s.activation} network of width {s.width} and depth {s.depth} with {s.scheme} weights "
            f"(σ_w = {r.sigma_w:.3g}), seed {s.seed}. ‖∂L/∂h‖ goes from 1 at layer {s.depth} to "
            f"{from_log10(r.ratio)} at layer 0; theory, dashed, says {from_log10(r.predicted[0])}, with 95% "
            f"of networks between {from_log10(r.low[0])} and {from_log10(r.high[0])}. ‖∂L/∂W‖, squares, is "
            f"{from_log10(r.weight[0])} at layer 1. A dotted line, the largest slope alone, ends at "
            f"{from_log10(r.slopes[0])}."
        )
