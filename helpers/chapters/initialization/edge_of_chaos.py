"""Edge of chaos: where random deep networks keep two inputs apart, and where they do not."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers import layers, propagation, theory
from helpers.figures import svg, theme
from helpers.figures.ink import set_band
from helpers.figures.numbers import from_log10, hundredths
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Place, Verdict
from helpers.layers import ACTIVATIONS
from helpers.propagation import RandomNetwork

DEPTH, WIDTH = 30, 256
SIGMA_W = tuple(2.0 ** (k / 32) for k in range(-64, 129))
SIGMA_B = tuple(k / 20 for k in range(61))
VISIBLE = (0.21, 27)  # of σ_w: a marker at either end is seen whole, and the name of each phase
CLOSE = 0.02  # χ this near to 1 counts as critical
ALIKE = 0.95  # inputs whose correlation has come this far are called alike


@dataclass(frozen=True)
class Result:
    """What was found. `predicted`, `measured` and `spread` hold the correlation of two inputs by layer."""

    settled: float | None  # E[z²] deep in the network, None where it grows for ever
    chi: float
    predicted: np.ndarray
    measured: np.ndarray
    spread: np.ndarray

    @property
    def phase(self):
        if abs(self.chi - 1) <= CLOSE:
            return "critical"
        return "ordered" if self.chi < 1 else "chaotic"


def experiment(s):
    """Settings ↦ Result: the phase by theory, and two inputs followed through a real network."""
    settled, chi = _phase(s.activation, s.sigma_w, s.sigma_b)
    network = RandomNetwork(WIDTH, s.activation, s.sigma_w, s.sigma_b, seed=s.seed)
    measured, spread = network.correlations(DEPTH, s.correlation)
    predicted = propagation.predict_correlations(s.activation, DEPTH, s.sigma_w, s.sigma_b, s.correlation)
    return Result(settled, chi, predicted, measured, spread)


@lru_cache(maxsize=256)
def _phase(activation, sigma_w, sigma_b):
    """Where E[z²] settles, and χ there. Homogeneous activations have the same χ at every size."""
    phi = layers.activation(activation)
    settled = theory.settled_second_moment(phi, sigma_w, sigma_b)
    at = 1.0 if phi.homogeneous or settled is None else max(settled, 1e-6)
    return settled, theory.backward_factor(phi, sigma_w, at)


@lru_cache(maxsize=8)
def _edge(activation):
    """The critical line inside the diagram, σ_b from 0 up."""
    sigma_w, sigma_b = theory.critical_line(layers.activation(activation), np.geomspace(1e-4, 1e3, 90))
    order = np.argsort(sigma_b)
    return np.append(sigma_w[order[:1]], sigma_w[order]), np.append(0.0, sigma_b[order])


class EdgeOfChaos(Instrument):
    title = "Edge of chaos"
    question = (
        "Weights have variance σ<sub>w</sub>²/n and biases σ<sub>b</sub>². On the left of the line the "
        "difference between two inputs fades, and gradients vanish; on its right nearly equal inputs fly "
        "apart, and gradients explode. Walk along the line: what must you do to σ<sub>w</sub> when you raise "
        'σ<sub>b</sub>? Why has [ReLU](activation="ReLU") no chaos, only growth?'
    )
    controls = (
        Slider("sigma_w", "Weights σ_w", SIGMA_W, 1.0, text="{:.3g}".format),
        Slider("sigma_b", "Biases σ_b", SIGMA_B, 0.0, text="{:.2f}".format),
        Slider(
            "correlation",
            "Correlation c",
            tuple(k / 20 for k in range(-10, 20)) + (0.99,),
            0.6,
            text=hundredths,
        ),
        Choice("activation", "Activation", tuple(ACTIVATIONS), "tanh"),
    )
    presets = {
        "Ordered": {"activation": "tanh", "sigma_w": 0.5, "sigma_b": 0.3},
        "Critical tanh": {"activation": "tanh", "sigma_w": 1.0, "sigma_b": 0.0},
        "Chaotic": {"activation": "tanh", "sigma_w": 2.0 ** (21 / 16), "sigma_b": 0.0},
        "He and ReLU": {"activation": "ReLU", "sigma_w": 2.0**0.5, "sigma_b": 0.0},
        "Usual sigmoid": {"activation": "sigmoid", "sigma_w": 1.0, "sigma_b": 0.0},
    }
    challenges = (
        Challenge(
            "Find the edge",
            "tanh with biases of 0.30: find the scale of the weights at which χ is within 0.02 of 1.",
            {"sigma_b": 0.3, "sigma_w": 0.5},
            lambda s, r: s.activation == "tanh" and s.sigma_b == 0.3 and r.phase == "critical",
            "Biases make z larger, so tanh works where it is flatter; a larger σ<sub>w</sub> has to make up "
            "for it.",
            {"sigma_w": 2.0**0.5},
        ),
        Challenge(
            "A sigmoid that does not vanish",
            "Find a sigmoid network on the edge.",
            {"activation": "sigmoid", "sigma_w": 1.0, "sigma_b": 0.0},
            lambda s, r: s.activation == "sigmoid" and r.phase == "critical",
            "σ<sub>w</sub> is above 10. The largest slope, ¼, alone asks for 4; but weights that large "
            "saturate most units, whose slope is smaller still. “Sigmoids vanish” is true of the usual "
            "weights, not of sigmoids.",
            {"sigma_w": 2.0 ** (54 / 16), "sigma_b": 1.0},
        ),
        Challenge(
            "Fly apart",
            "tanh: take two inputs with correlation 0.99 and bring them below 0.10 at layer 30.",
            {"sigma_w": 1.0, "correlation": 0.99},
            lambda s, r: s.activation == "tanh" and s.correlation == 0.99 and abs(r.predicted[-1]) < 0.1,
            "That is chaos: a small difference grows layer by layer until nothing of the likeness is left.",
            {"sigma_w": 4.0},
        ),
    )

    places = (Place(0, x="sigma_w", y="sigma_b"),)
    readings = {0: ("weights: σ = {}", "biases: σ = {}")}

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        phases, course = figure.subplots(1, 2, width_ratios=(1.15, 1))
        figure.subplots_adjust(left=0.075, right=0.985, bottom=0.21, top=0.92, wspace=0.22)
        phases.set_xscale("log", base=2)
        artists = {
            "ordered": phases.fill_betweenx([1], 1, color=theme.MUTED, **theme.RANGE),
            "chaotic": phases.fill_betweenx([1], 1, color=theme.ALARM, **theme.RANGE),
            "edge": phases.plot([], [], label="edge of chaos: χ = 1", **theme.THEORY_LINE)[0],
            "here": phases.plot([], [], label="your network", **theme.YOURS)[0],
            "left": phases.text(0, 2.8, "ordered", ha="right", va="top", fontsize=10, animated=True),
            "right": phases.text(0, 2.8, "", ha="left", va="top", fontsize=10, animated=True),
            "spread": course.fill_between([0], 0, color=theme.MEASURED, **theme.RANGE),
            "theory": course.plot([], [], label="theory", **theme.THEORY_LINE)[0],
            "measured": course.plot([], [], label=f"measured, width {WIDTH}", **theme.MEASURED_LINE)[0],
        }
        phases.set(xlim=VISIBLE, ylim=(-0.1, 3.1), xlabel=r"$\sigma_w$", ylabel=r"$\sigma_b$")
        phases.xaxis.set_major_formatter("{x:g}")
        phases.set_xticks([], minor=True)
        phases.set_title("Phase diagram", loc="left")
        course.set(
            xlim=(-0.6, DEPTH + 0.6), ylim=(-0.55, 1.05), xlabel="layer", ylabel="correlation of two inputs"
        )
        course.set_title("Two inputs on their way", loc="left")
        for axes, place in ((phases, "lower left"), (course, "lower right")):
            figure.legend(*axes.get_legend_handles_labels(), loc=place, ncols=2, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        sigma_w, sigma_b = _edge(s.activation)
        set_band(artists["ordered"], sigma_b, 0 * sigma_w + VISIBLE[0], sigma_w, vertical=True)
        set_band(artists["chaotic"], sigma_b, sigma_w, 0 * sigma_w + VISIBLE[1], vertical=True)
        artists["edge"].set_data(sigma_w, sigma_b)
        artists["here"].set_data([s.sigma_w], [s.sigma_b])
        top = np.interp(2.7, sigma_b, sigma_w)
        artists["left"].set_x(top / 1.08)
        artists["right"].set(x=top * 1.08, text="chaotic" if _bounded(s) else "unbounded")
        artists["theory"].set_data(range(DEPTH + 1), r.predicted)
        artists["measured"].set_data(range(DEPTH + 1), r.measured)
        set_band(artists["spread"], range(DEPTH + 1), r.measured - r.spread, r.measured + r.spread)

    def readouts(self, s, r):
        return [
            ("χ, the factor on E[(∂L/∂h)²]", f"× {r.chi:.3g} per layer"),
            ("E[z²] settles at", _where(s, r)),
            (
                "correlation at layer 30",
                f"{hundredths(r.measured[-1])} measured, {hundredths(r.predicted[-1])} theory",
            ),
        ]

    def verdict(self, s, r):
        change = from_log10(DEPTH * np.log10(r.chi))
        over = f"over {DEPTH} layers the mean square of a gradient is multiplied by {change}"
        ends = f"inputs that began at {hundredths(s.correlation)} end at {hundredths(r.measured[-1])}"
        if r.phase == "critical":
            return Verdict("CRITICAL", f"{over}; {ends}. It neither fades nor grows exponentially.", "good")
        if r.phase == "ordered":
            alike = r.predicted[-1] > ALIKE
            fate = "All inputs come to look alike." if alike else "The signal fades, and keeps its direction."
            return Verdict("ORDERED", f"{over}; {ends}. {fate}", "alarm")
        if _bounded(s):
            return Verdict("CHAOTIC", f"{over}; {ends}.", "alarm")
        return Verdict("UNBOUNDED", f"{over}, and the signal grows too; {ends}. This is not chaos.", "alarm")

    def describe(self, s, r):
        beyond = "chaotic" if _bounded(s) else "unbounded"
        phase = beyond if r.phase == "chaotic" else r.phase
        return (
            f"Left: the plane of σ_w and σ_b for {s.activation}, split by a dashed line into an ordered "
            f"side on the left and {beyond} on the right; your network, a diamond at σ_w = {s.sigma_w:.3g} "
            f"and σ_b = {s.sigma_b:.2f}, is {phase}. Right: the correlation of two inputs over {DEPTH} "
            f"layers goes from {hundredths(s.correlation)} to {hundredths(r.measured[-1])} measured, "
            f"{hundredths(r.predicted[-1])} in theory."
        )


def _where(s, r):
    if r.settled is None:
        return "nowhere: it grows"
    if not _bounded(s) and r.phase == "critical" and r.settled > 0:
        return "any value: it stays"
    return f"{r.settled:.3g}"


def _bounded(s):
    """Does the activation saturate, so that E[z²] always settles somewhere?"""
    return not layers.activation(s.activation).homogeneous
