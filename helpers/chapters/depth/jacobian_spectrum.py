"""Jacobian spectrum: how much a deep network stretches each direction, and what a bound says about it."""

from dataclasses import dataclass

import numpy as np

from helpers import propagation
from helpers.figures import svg, theme
from helpers.figures.decades import Decades
from helpers.figures.ink import set_band
from helpers.figures.numbers import from_log10, log10, short
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Verdict
from helpers.jacobians import Spectrum
from helpers.layers import ACTIVATIONS
from helpers.propagation import RandomNetwork
from helpers.theory import log10_band

WIDTH, DEEPEST = 64, 40
RULES = {"Gaussian": "normal", "orthogonal": "orthogonal"}
ALIKE = 2  # a condition number up to this: all directions arrive alike
USABLE = 1e3  # up to this: unequal, but none is out of reach


@dataclass(frozen=True)
class Result:
    """The singular values of J_D … J_1 at one input, and log10 of what theory says of their rms."""

    spectrum: Spectrum
    predicted: float
    low: float
    high: float

    @property
    def log_values(self):
        """log10 of the singular values; −∞ for a direction that is lost."""
        values = log10(self.spectrum.values)
        return np.where(np.arange(WIDTH) < self.spectrum.passing, values, -np.inf)


def experiment(s):
    """Settings ↦ Result: the spectrum of a random network, and the band of its rms."""
    rule = RULES[s.weights]
    network = RandomNetwork(WIDTH, s.activation, s.sigma_w, rule=rule, seed=s.seed)
    theory = propagation.predict(s.activation, s.depth, s.sigma_w)
    mean, spread = theory.h_gradient2[0], theory.gradient_log_spread(WIDTH, rule == "orthogonal")[0]
    of_squares = np.log10(mean), *log10_band(mean, spread)
    return Result(network.spectrum(s.depth), *(float(log) / 2 for log in of_squares))


class JacobianSpectrum(Instrument):
    title = "Jacobian spectrum"
    question = (
        "Each dot is one of 64 directions, and its height says how many times as long a small change in that "
        "direction becomes between the input and layer D. Drag the depth: what happens to the dots, to their "
        'root mean square, and to the bound? Then make [the weights orthogonal](weights="orthogonal").'
    )
    controls = (
        Choice("weights", "Weights", tuple(RULES), "Gaussian", buttons=True),
        Slider("depth", "Depth D", tuple(range(1, DEEPEST + 1)), 6),
        Slider(
            "sigma_w",
            "Weights σ_w",
            tuple(2.0 ** (k / 16) for k in range(-16, 65)),
            1.0,
            text="{:.3g}".format,
        ),
        Choice("activation", "Activation", tuple(ACTIVATIONS), "linear"),
    )
    presets = {
        "One layer": {"depth": 1},
        "Linear, Gaussian": {"activation": "linear", "weights": "Gaussian"},
        "Linear, orthogonal": {"activation": "linear", "weights": "orthogonal", "depth": 40},
        "ReLU with He": {"activation": "ReLU", "sigma_w": 2.0**0.5},
        "tanh, orthogonal": {"activation": "tanh", "weights": "orthogonal", "depth": 10},
    }
    challenges = (
        Challenge(
            "Above 1, and yet it vanishes",
            "Find a network in which every layer can stretch some direction (bound above 1000) although "
            "the rms of the whole is below 1/1000.",
            {"sigma_w": 1.0, "depth": 6},
            lambda s, r: r.spectrum.bound > 1e3 and r.spectrum.rms < 1e-3,
            "A bound above 1 says that growth is possible, not that it happens. The stretched directions of "
            "one layer are not those of the next.",
            {"sigma_w": 0.75, "depth": 40},
        ),
        Challenge(
            "All directions alike",
            "40 layers with a condition number of at most 2 and an rms within a factor 2 of 1.",
            {"weights": "Gaussian", "depth": 40},
            lambda s, r: s.depth == 40 and r.spectrum.condition <= ALIKE and 0.5 <= r.spectrum.rms <= 2,
            "An orthogonal matrix keeps every length. Without an activation, so do 40 of them: this is "
            "called dynamical isometry.",
            {"weights": "orthogonal"},
        ),
        Challenge(
            "Orthogonal is not enough",
            "Keep the weights orthogonal, and lose at least half of the 64 directions.",
            {"weights": "orthogonal", "activation": "linear"},
            lambda s, r: s.weights == "orthogonal" and r.spectrum.passing <= WIDTH // 2,
            "Where a ReLU is closed it passes nothing, whatever the weights: a rotation cannot bring back "
            "what is gone.",
            {"activation": "ReLU"},
        ),
    )

    plays = "depth"

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        ax = figure.add_subplot()
        figure.subplots_adjust(left=0.085, right=0.985, bottom=0.26, top=0.92)
        dots = {"ls": "", "marker": "o", "ms": 4, "color": theme.MEASURED, "animated": True}
        rms = {"color": theme.SECOND, "animated": True}
        artists = {
            "band": ax.fill_between([0], 0, color=theme.THEORY, label="95% of networks", **theme.RANGE),
            "bound": ax.plot([], [], label="bound: all lengths multiplied", **theme.LIMIT)[0],
            "rms": ax.plot([], [], label="root mean square, this network", **rms)[0],
            "theory": ax.plot([], [], label="root mean square, theory", **theme.THEORY_LINE)[0],
            "dots": ax.plot([], [], label="all directions (singular values)", **dots)[0],
            "lost": ax.text(WIDTH + 1, -0.93, "", ha="right", color=theme.ALARM, animated=True),
            "axis": Decades(ax),
        }
        ax.set(xlim=(0, WIDTH + 1), xlabel="direction, the most stretched first")
        ax.set_title("How many times as long a small change becomes", loc="left")
        figure.legend(*ax.get_legend_handles_labels(), loc="lower left", ncols=3, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        axis, across = artists["axis"], [0, WIDTH + 1]
        bound, rms = log10(r.spectrum.bound), log10(r.spectrum.rms)
        passing = r.log_values[: r.spectrum.passing]
        axis.fit(passing, bound, r.low, r.high)
        artists["dots"].set_data(np.arange(1, len(passing) + 1), axis.place(passing))
        for name, level in (("bound", bound), ("rms", rms), ("theory", r.predicted)):
            artists[name].set_data(across, [axis.place(level)] * 2)
        set_band(artists["band"], across, *([axis.place(edge)] * 2 for edge in (r.low, r.high)))
        lost = WIDTH - len(passing)
        artists["lost"].set_text(f"{lost} of {WIDTH} directions are lost" if lost else "")

    def readouts(self, s, r):
        spectrum = r.spectrum
        return [
            ("bound", short(spectrum.bound)),
            ("length (the best direction)", short(spectrum.largest)),
            ("rms factor", f"{short(spectrum.rms)}, theory {from_log10(r.predicted)}"),
            ("rms factor of a layer", short(spectrum.rms ** (1 / s.depth))),
            ("directions not lost", f"{spectrum.passing} of {WIDTH}"),
        ]

    def verdict(self, s, r):
        spectrum = r.spectrum
        times = short(spectrum.rms)
        rms = f"A random change {'keeps its length' if times == '1' else f'gets {times} times as long'}."
        if spectrum.passing < WIDTH:
            why = (
                "closed units pass nothing"
                if s.activation == "ReLU"
                else "less than 10⁻¹⁴ of the best is left"
            )
            lost = f"{WIDTH - spectrum.passing} of {WIDTH} directions are lost: {why}."
            return Verdict("SINGULAR", f"{lost} {rms}", "alarm")
        times = short(spectrum.condition)
        ratio = f"The best direction gets {'' if times == '1' else f'{times} times '}as much as the worst."
        if spectrum.condition <= ALIKE:
            return Verdict("ALL ALIKE", f"{ratio} {rms}", "good")
        if spectrum.condition <= USABLE:
            return Verdict("UNEQUAL", f"{ratio} {rms}", "muted")
        return Verdict("VERY UNEQUAL", f"{ratio} {rms}", "alarm")

    def describe(self, s, r):
        spectrum = r.spectrum
        smallest = short(spectrum.values[spectrum.passing - 1])
        return (
            f"The singular values of the Jacobian of {s.depth} {s.activation} layers with {s.weights} "
            f"weights (σ_w = {s.sigma_w:.3g}), seed {s.seed}, largest first, on a logarithmic scale: "
            f"{spectrum.passing} of {WIDTH} directions pass, from {short(spectrum.largest)} down to "
            f"{smallest}. Their root mean square is {short(spectrum.rms)}; theory, dashed, says "
            f"{from_log10(r.predicted)}. A dotted line, the bound, stands at {short(spectrum.bound)}."
        )
