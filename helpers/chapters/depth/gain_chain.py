"""Gain chain: what is left of a gradient when every layer multiplies it by about the same factor."""

from dataclasses import dataclass

import numpy as np

from helpers import propagation
from helpers.chapters.depth import HEALTHY, is_healthy
from helpers.figures import svg, theme
from helpers.figures.decades import Decades, Stretched
from helpers.figures.ink import set_band, set_beside
from helpers.figures.numbers import counted, from_log10
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Guess, Instrument, Verdict
from helpers.layers import ACTIVATIONS

DEEPEST = 100
LOST = 6  # decades: a gradient a million times smaller (or larger) than at the other end
NUMBER, LAYER = "a number", "a random layer"


@dataclass(frozen=True)
class Result:
    """Log10 values. `course` is the gradient at layers 0 … D when it is 1 at layer D."""

    course: np.ndarray
    lost_at: int | None  # the depth at which the ratio passes 10⁻⁶ or 10⁶; None if not below 1000 layers

    @property
    def ratio(self):
        """R = ‖∂L/∂h₀‖ / ‖∂L/∂h_D‖."""
        return float(self.course[0])

    @property
    def rate(self):
        """The factor of one layer, as a geometric mean."""
        return self.ratio / (len(self.course) - 1)


def experiment(s):
    """Settings ↦ Result: multiply the factors, from the last layer back to the first."""
    factors = _factors(s)
    course = np.append(np.cumsum(factors[: s.depth][::-1])[::-1], 0.0)
    return Result(course, _lost_at(factors))


def _factors(s):
    """log10 of what each of the layers 1 … DEEPEST multiplies a gradient's length by."""
    if s.chain == NUMBER:
        return np.full(DEEPEST, np.log10(s.factor))
    return np.log10(propagation.predict(s.activation, DEEPEST, s.sigma_w).chi) / 2


def _lost_at(factors):
    """The first depth at which the product is beyond LOST; deeper layers are taken to go on as the last."""
    ratio = np.cumsum(np.append(factors, np.full(1000 - len(factors), factors[-1])))
    beyond = np.flatnonzero(np.abs(ratio) >= LOST)
    return int(beyond[0]) + 1 if beyond.size else None


class GainChain(Instrument):
    title = "Chain of factors"
    question = (
        "A gradient starts at the last layer with the size 1 and travels back, to the left. Every layer "
        "multiplies it by the factor g. How close to 1 must g be for [100 layers](depth=100) to stay in the "
        'shaded zone? (Under More: [a random layer](chain="a random layer") has a factor, too.)'
    )
    controls = (
        Slider(
            "factor",
            "Factor g of a layer",
            tuple(k / 100 for k in range(50, 151)),
            1.0,
            text="{:.2f}".format,
            implies={"chain": NUMBER},
        ),
        Slider("depth", "Depth D", tuple(range(1, DEEPEST + 1)), 50),
        Choice("chain", "Each layer multiplies by", (NUMBER, LAYER), NUMBER, buttons=True),
        Choice(
            "activation",
            "Activation",
            tuple(ACTIVATIONS),
            "sigmoid",
            implies={name: {"chain": LAYER} for name in ACTIVATIONS},
        ),
        Slider(
            "sigma_w",
            "Weights σ_w",
            tuple(2.0 ** (k / 16) for k in range(-32, 65)),
            1.0,
            text="{:.3g}".format,
            implies={"chain": LAYER},
        ),
    )
    presets = {
        "0.9 fifty times": {"chain": NUMBER, "factor": 0.9, "depth": 50},
        "1.1 fifty times": {"chain": NUMBER, "factor": 1.1, "depth": 50},
        "Sigmoid, 20 layers": {"chain": LAYER, "depth": 20, "activation": "sigmoid"},
        "tanh, 20 layers": {"chain": LAYER, "depth": 20, "activation": "tanh"},
        "ReLU with He": {"chain": LAYER, "activation": "ReLU", "sigma_w": 2.0**0.5},
    }
    challenges = (
        Challenge(
            "How exact?",
            "100 layers: find the smallest factor that is still HEALTHY.",
            {"chain": NUMBER, "depth": 100, "factor": 0.9},
            lambda s, r: s.chain == NUMBER and s.depth == 100 and 0.935 <= s.factor < 0.945,
            "0.94. Over 100 layers a healthy factor lies between 10⁻³ᐟ¹⁰⁰ = 0.933 and 10³ᐟ¹⁰⁰ = 1.072: the "
            "deeper the network, the narrower the window.",
            {"factor": 0.94},
        ),
        Challenge(
            "0.007 over 30 layers",
            "A picture that is often shown says: 30 layers, and 0.007 of the gradient arrives. Which factor "
            "is that?",
            {"chain": NUMBER, "depth": 30, "factor": 0.7},
            lambda s, r: s.chain == NUMBER and s.depth == 30 and 0.8425 <= s.factor <= 0.8525,
            "0.007 to the power 1/30 is 0.848: only 15% are lost at each layer.",
            {"factor": 0.85},
        ),
        Challenge(
            "A sigmoid that does not vanish",
            "A sigmoid network of 100 layers: find weights with which it is HEALTHY.",
            {"chain": LAYER, "activation": "sigmoid", "sigma_w": 1.0, "depth": 100},
            lambda s, r: (
                s.chain == LAYER and s.activation == "sigmoid" and s.depth == 100 and is_healthy(r.ratio)
            ),
            "σ_w ≈ 10. The factor of a layer is weight times slope. The largest slope, ¼, alone asks for 4; "
            "but weights that large push most units to where the sigmoid is flatter, and so it takes 10.",
            {"sigma_w": 10.15},
        ),
    )
    seeded = False
    first = 2
    plays = "depth"
    backwards = (0,)
    guess = Guess(
        "course",
        (0, 0.24, 0.5, 0.74, 1),
        "how large is the gradient on its way back? Drag the dots. At the last layer it has the size 1.",
        shown=("healthy",),
    )

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 3.7)
        ax = figure.add_subplot()
        figure.subplots_adjust(left=0.085, right=0.985, bottom=0.225, top=0.91)
        artists = {
            "healthy": ax.fill_between([0], 0, color=theme.GOOD, label="healthy: 10⁻³ to 10³", **theme.ZONE),
            "course": ax.plot([], [], label="gradient, from layer D back to 0", **theme.MEASURED_LINE)[0],
            "even": ax.plot([], [], label="the same factor at every layer", **theme.THEORY_LINE)[0],
            "lost": ax.plot([], [], **theme.LOST)[0],
            "note": ax.text(0, 0, "", color=theme.ALARM, va="center", animated=True),
            "axis": Decades(ax),
            "layers": Stretched(ax),
        }
        ax.set_xlabel("layer")
        ax.set_title("What is left of a gradient that sets out on the right", loc="left")
        figure.legend(*ax.get_legend_handles_labels(), loc="lower left", ncols=3, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        axis, layers = artists["axis"], artists["layers"]
        layers.fit(s.depth)
        axis.fit(r.course, HEALTHY + 0.5)  # so that the zone is seen to end
        zone = axis.place([-HEALTHY, HEALTHY])
        set_band(artists["healthy"], [-1, 2], [zone[0]] * 2, [zone[1]] * 2)
        artists["course"].set_data(layers.place(range(s.depth + 1)), axis.place(r.course))
        artists["even"].set_data(layers.place([0, s.depth]), axis.place([r.ratio, 0.0]))
        passed = np.flatnonzero(np.abs(r.course) >= LOST)[-1:]
        artists["lost"].set_data(layers.place(passed), axis.place(r.course[passed]))
        artists["note"].set_text("")
        if passed.size:
            layer, y = passed[0], axis.place(r.course[passed[0]])
            x = layers.place(layer)
            y += -0.1 if (y < 0) == (x < 0.5) else 0.1
            set_beside(
                artists["note"], x, y, f"passes {_threshold(r)} at layer {layer}", 0.02 if x < 0.5 else -0.02
            )

    def readouts(self, s, r):
        return [
            ("R, what arrives at the input", from_log10(r.ratio)),
            ("factor of a layer", from_log10(r.rate)),
            (
                f"R passes {_threshold(r)}",
                f"at {counted(r.lost_at, 'layer')}" if r.lost_at else "never in 1000 layers",
            ),
        ]

    def verdict(self, s, r):
        if s.chain == NUMBER:
            what = f"{s.factor:.2f} to the power {s.depth} is {from_log10(r.ratio)}."
        else:
            what = (
                f"A {s.activation} layer with σ<sub>w</sub> = {s.sigma_w:.3g} multiplies a gradient by "
                f"{from_log10(r.rate)}; {s.depth} of them by {from_log10(r.ratio)}."
            )
        if is_healthy(r.ratio):
            return Verdict("HEALTHY", what, "good")
        word = "VANISHES" if r.ratio < 0 else "EXPLODES"
        return Verdict(word, what, "alarm")

    def describe(self, s, r):
        chain = (
            f"a factor of {s.factor:.2f} at every layer"
            if s.chain == NUMBER
            else f"random {s.activation} layers with σ_w = {s.sigma_w:.3g}"
        )
        return (
            f"The size of a gradient by layer on a logarithmic scale, with {chain}. It is 1 at layer "
            f"{s.depth} and {from_log10(r.ratio)} at layer 0. A shaded zone from 0.001 to 1000 is called "
            f"healthy. A dashed line has the same factor, {from_log10(r.rate)}, at every layer."
        )


def _threshold(r):
    return "10⁶" if r.ratio > 0 else "10⁻⁶"
