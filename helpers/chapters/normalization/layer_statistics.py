"""Layer statistics: the mean and the spread of every layer, with a norm and without."""

from dataclasses import dataclass

import numpy as np

from helpers import layers, theory
from helpers.figures import svg, theme
from helpers.figures.decades import Bent, Decades, Stretched
from helpers.figures.ink import set_band
from helpers.figures.numbers import hundredths, log10, short
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Verdict
from helpers.layers import NORMS
from helpers.propagation import RandomNetwork, Statistics

RELU = layers.ReLU()
AFTER = (theory.mean_after(RELU), (theory.second_moment_after(RELU) - theory.mean_after(RELU) ** 2) ** 0.5)
TARGET = {"before the ReLU": (0.0, 1.0), "after the ReLU": AFTER}
REACHES = (1.2, 4, *10.0 ** np.array((1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 30, 40)))  # of the mean's axis
STABLE = 2.0  # a spread within this factor of where it began is stable
ALIKE = 0.9  # a cosine between inputs above this: they are hard to tell apart
DEEPEST = 50


@dataclass(frozen=True)
class Result:
    """Statistics of the layers 0 … depth at the chosen place, of the network without and with the norm."""

    without: Statistics
    normed: Statistics
    cosine: float  # between two inputs, at the last layer, with the norm
    gradient_ratio: float  # ‖∂L/∂h_0‖ / ‖∂L/∂h_L‖ with the norm

    @property
    def drift(self):
        """By what factor the spread changes from layer 1 to the last."""
        return self.normed.std[-1] / self.normed.std[1]


def experiment(s):
    """Settings ↦ Result."""
    place = tuple(TARGET).index(s.place)  # z stands before the ReLU, h after it
    without, normed = (
        RandomNetwork(s.width, "ReLU", s.sigma_w, norm=norm, seed=s.seed) for norm in ("none", s.norm)
    )
    _, dh = normed.backward_moments(s.depth)
    return Result(
        without.statistics(s.depth)[place],
        normed.statistics(s.depth)[place],
        normed.cosine(s.depth),
        float(np.sqrt(dh.second[0] / dh.second[-1])),
    )


class LayerStatistics(Instrument):
    title = "Layer statistics"
    question = (
        "An untrained ReLU network with a norm in front of every ReLU (blue), and the same weights without "
        "one (purple). Find first weights for which the purple curves run away: what do the blue ones do? "
        "Then look at the green curve, how much a single unit varies from input to input: which norm keeps "
        "it up in 50 layers, and what does that do to the gradient?"
    )
    controls = (
        Choice("norm", "Norm", tuple(NORMS), "BatchNorm", buttons=True),
        Choice("place", "Place", tuple(TARGET), "before the ReLU", buttons=True),
        Slider("depth", "Depth D", tuple(range(2, DEEPEST + 1)), 20),
        Slider("width", "Width n", (16, 32, 64, 128, 256), 128),
        Slider(
            "sigma_w",
            "Spread of the first weights",
            tuple(2.0 ** (k / 8) for k in range(-12, 17)),
            2.0 ** (6 / 8),
            text="{:.3g}".format,
        ),
    )
    presets = {
        "No norm, too large": {"norm": "none", "sigma_w": 2.0},
        "No norm, He": {"norm": "none", "sigma_w": 2.0**0.5},
        "BatchNorm, too large": {"norm": "BatchNorm", "sigma_w": 4.0},
        "After the ReLU": {"place": "after the ReLU"},
        "LayerNorm, 50 layers": {"norm": "LayerNorm", "depth": 50},
        "BatchNorm, 50 layers": {"norm": "BatchNorm", "depth": 50},
    }
    challenges = (
        Challenge(
            "Level, but blind",
            "Find a norm and a depth at which the spread holds, and yet all inputs look alike "
            f"(a cosine above {ALIKE}).",
            {"norm": "BatchNorm", "depth": 20},
            lambda s, r: s.norm != "none" and 1 / STABLE < r.drift < STABLE and r.cosine > ALIKE,
            "The values still differ from unit to unit, no longer from input to input. A norm over one "
            "example cannot see that.",
            {"norm": "LayerNorm", "depth": 40},
        ),
        Challenge(
            "Forward calm, backward storm",
            "BatchNorm: make the gradient at layer 0 more than 1,000 times that at the last layer.",
            {"norm": "BatchNorm", "depth": 20},
            lambda s, r: s.norm == "BatchNorm" and r.gradient_ratio > 1000,
            "BatchNorm does not only fix the forward pass: in an untrained network without skips it "
            "multiplies the gradient by about 1.21 at every layer, whatever the first weights are.",
            {"depth": 45},
        ),
    )

    plays = "depth"

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.0)
        mean, spread = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.085, right=0.985, bottom=0.21, top=0.92, wspace=0.24)
        artists = {"mean_axis": Bent(mean, REACHES), "spread_axis": Decades(spread)}
        artists["layers"] = [Stretched(axes) for axes in (mean, spread)]
        for name, axes in (("mean", mean), ("spread", spread)):
            artists[f"{name}_target"] = axes.axhline(0, label="theory with BatchNorm", **theme.THEORY_LINE)
            axes.set_xlabel("layer")
        artists |= {
            "units": mean.fill_between(
                [0], 0, color=theme.MEASURED, label="±1 sd of the units", **theme.RANGE
            ),
            "mean_without": mean.plot([], [], **theme.COMPARED_LINE)[0],
            "mean": mean.plot([], [], **theme.MEASURED_LINE)[0],
            "std_without": spread.plot([], [], label="no norm", **theme.COMPARED_LINE)[0],
            "std": spread.plot([], [], label="with the norm", **theme.MEASURED_LINE)[0],
            "unit_std": spread.plot([], [], label="one unit over the inputs", **theme.THIRD_LINE)[0],
        }
        mean.set_title("Mean of all values (band: ±1 sd of the units' means)", loc="left", fontsize=10)
        spread.set_title("Standard deviation of all values", loc="left", fontsize=10)
        figure.legend(*spread.get_legend_handles_labels(), loc="lower left", ncols=4, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        for axis in artists["layers"]:
            axis.fit(s.depth)
        along = artists["layers"][0].place(range(s.depth + 1))
        target_mean, target_std = TARGET[s.place]
        mean, spread = artists["mean_axis"], artists["spread_axis"]
        edges = [r.normed.mean + side * r.normed.units_apart for side in (-1, 1)]
        spreads = [log10(curve) for curve in (r.without.std, r.normed.std, r.normed.unit_std)]
        mean.fit(r.without.mean, *edges)
        spread.fit(*spreads)
        artists["mean_target"].set_ydata([mean.place(target_mean)] * 2)
        artists["spread_target"].set_ydata([spread.place(np.log10(target_std))] * 2)
        set_band(artists["units"], along, *(mean.place(edge) for edge in edges))
        artists["mean_without"].set_data(along, mean.place(r.without.mean))
        artists["mean"].set_data(along, mean.place(r.normed.mean))
        for name, curve in zip(("std_without", "std", "unit_std"), spreads, strict=True):
            artists[name].set_data(along, spread.place(curve))

    def readouts(self, s, r):
        without = f"mean {short(r.without.mean[-1])}, std {short(r.without.std[-1])}"
        rows = [(f"layer {s.depth}, without a norm", without)]
        if s.norm != "none":
            found = f"mean {_rounded(r.normed.mean[-1])}, std {short(r.normed.std[-1])}"
            rows.append((_with(s.norm), found))
        return [
            *rows,
            ("one unit over the inputs", f"std {short(r.normed.unit_std[-1])}"),
            ("cosine between inputs", f"{hundredths(r.cosine)}"),
            (f"‖∂L/∂h‖ layer 0 / layer {s.depth}", f"{short(r.gradient_ratio)} {_with(s.norm)}"),
        ]

    def verdict(self, s, r):
        sentence = (
            f"{_with(s.norm)} the spread goes from {short(r.normed.std[1])} at layer 1 to "
            f"{short(r.normed.std[-1])} at layer {s.depth}"
        )
        if s.norm != "none":
            sentence += f"; without a norm from {short(r.without.std[1])} to {short(r.without.std[-1])}"
        sentence += "."
        if not 1 / STABLE < r.drift < STABLE:
            return Verdict("DRIFTS", sentence, "alarm")
        if r.cosine > ALIKE:
            sentence += f" But the inputs have become alike: their cosine is {hundredths(r.cosine)}."
        if r.gradient_ratio > 100:
            sentence += f" But the gradient explodes: × {short(r.gradient_ratio)} on its way to layer 0."
        return Verdict("STABLE", sentence, "good")

    def describe(self, s, r):
        return (
            f"Two panels over the layers 0 to {s.depth} of a ReLU network of width {s.width}, seed {s.seed}, "
            f"first weights of spread {s.sigma_w:.3g}, {s.place}. Left: the mean of all values, at layer "
            f"{s.depth} {_rounded(r.normed.mean[-1])} {_with(s.norm)}, {short(r.without.mean[-1])} without a "
            f"norm. Right, on a logarithmic scale: the standard deviation, {short(r.normed.std[-1])} "
            f"{_with(s.norm)} and {short(r.without.std[-1])} without; that of one unit over the inputs is "
            f"{short(r.normed.unit_std[-1])}. Dashed: what theory says for BatchNorm, mean "
            f"{TARGET[s.place][0]:.2f} and standard deviation {TARGET[s.place][1]:.2f}."
        )


def _with(norm):
    return "without a norm" if norm == "none" else f"with {norm}"


def _rounded(mean):
    """A mean; what rounding leaves of an exact 0 is called 0."""
    return "0" if abs(mean) < 1e-6 else short(mean)
