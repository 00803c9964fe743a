"""Paths: the many routes through a residual network, which of them carry the gradient, and what cuts do."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers import probes
from helpers.chapters.residual import degradation, skips
from helpers.data import shared_digits
from helpers.figures import svg, theme
from helpers.figures.decades import Stretched
from helpers.figures.numbers import counted, from_log10
from helpers.instruments.controls import Choice, Slider
from helpers.instruments.frame import Challenge, Instrument, Place, Verdict
from helpers.network import Network, unstack
from helpers.training import evaluate

EPOCHS = 7
LENGTHS = (3, 6, 9, 12, 18, 27)  # blocks; depths of 8, 14, 20, 26, 38 and 56 layers of weights
BATCH = 16  # digits whose gradients are taken apart
KINDS = ("residual + BN", "plain + BN")
STATES = ("at the start", "trained")
SHARES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)  # that are named
SURVIVES = 0.1  # of the accuracy may be lost


def _or_none(block):
    return str(block) if block else "none"


@dataclass(frozen=True)
class Studied:
    """A network, its accuracy on the test digits, and that without each piece in turn (nan: not cut yet)."""

    network: Network
    accuracy: float
    lesions: np.ndarray


@dataclass(frozen=True)
class Result:
    """What was found. Shares are arrays over the path lengths 0, 1, … blocks."""

    luck: np.ndarray  # of each block: a random number, from which up a keep probability keeps it
    kept: np.ndarray  # the blocks that are left, by number
    paths: np.ndarray  # share of all paths that are left
    carried: np.ndarray  # share of the squared gradient, measured
    predicted: np.ndarray  # the same in theory, for random weights
    accuracy: float  # of what is left, on the test digits
    residual: Studied
    plain: Studied | None
    epochs: int

    @property
    def mean_length(self):
        """The mean length of a path, by the gradient that it carries."""
        return float(np.arange(len(self.carried)) @ self.carried)


def experiment(s):
    """Settings ↦ Results: of the network at its start; or epoch after epoch of its training, then cut up."""
    if s.network == STATES[0]:
        yield _result(s, *(studied(kind, s.depth, s.seed, 0) for kind in KINDS), 0)
        return
    training = degradation.single(KINDS[0], 2 + 2 * s.depth, s.seed)
    for epochs in range(max(1, len(training.courses)), EPOCHS):
        accuracy = 1 - float(training.course(epochs).test_error[0])
        so_far = Studied(unstack(training.network, 0), accuracy, np.full(s.depth, np.nan))
        yield _result(s, so_far, None, epochs)
    yield _result(s, *(studied(kind, s.depth, s.seed, EPOCHS) for kind in KINDS), EPOCHS)


@lru_cache(maxsize=12)
def studied(kind, blocks, seed, epochs):
    """The `Studied` network of one of KINDS after so many epochs of training."""
    digits, depth = shared_digits(), 2 + 2 * blocks
    if epochs:
        training = degradation.single(kind, depth, seed)
        training.course(epochs)
        network = unstack(training.network, 0)
    else:
        network = degradation.build(kind, depth, seed)
        skips.fix_statistics(network, digits.x_train)
    test = digits.x_test, digits.y_test
    return Studied(network, float(evaluate(network, *test)[1]), skips.lesions(network, *test))


def _result(s, residual, plain, epochs):
    digits = shared_digits()
    luck = np.random.default_rng([s.seed, 1]).random(LENGTHS[-1])[: s.depth]
    kept = [i for i in np.flatnonzero(luck < s.keep) if i != min(s.deleted, s.depth) - 1]
    left = skips.without(residual.network, set(range(s.depth)) - set(kept))
    found = skips.gradients_by_path_length(left, digits.x_train[:BATCH], digits.y_train[:BATCH])
    squares = (found.astype(np.float64) ** 2).sum(axis=(1, 2))
    return Result(
        luck=luck,
        kept=np.array(kept, int),
        paths=skips.path_lengths(len(kept)),
        carried=squares / squares.sum(),
        predicted=skips.path_lengths(len(kept), _parts(s.depth, s.seed)[kept]),
        accuracy=float(evaluate(left, digits.x_test, digits.y_test)[1]),
        residual=residual,
        plain=plain,
        epochs=epochs,
    )


@lru_cache(maxsize=32)
def _parts(blocks, seed):
    """What each block's branch carries of the squared gradient, in theory, while the weights are random."""
    first = degradation.build(KINDS[0], 2 + 2 * blocks, seed).layers[0]
    start = float(probes.batch_variance(first.forward(shared_digits().x_train)))
    return skips.branch_parts(blocks, 1.0, "BatchNorm", relus=2, start=start)


class Paths(Instrument):
    title = "Paths through a residual network"
    question = (
        "Each block can be taken or skipped, so D blocks make 2<sup>D</sup> paths. Most of them go through "
        'about half of the blocks. Does the gradient use those, [at the start](network="at the start")? Look '
        'again when it is [trained](network="trained"). Then [delete a block](deleted=5), and compare with '
        "what the same cut does to a plain network."
    )
    controls = (
        Choice("network", "Network", STATES, "trained", buttons=True),
        Slider("depth", "Blocks D", LENGTHS, 9),
        Slider("deleted", "Deleted block", tuple(range(LENGTHS[-1] + 1)), 0, _or_none, at_most="depth"),
        Slider("keep", "Keep probability", tuple(k / 10 for k in range(1, 11)), 1.0, "{:.1f}".format),
    )
    presets = {
        "27 blocks, untrained": {"depth": 27, "network": STATES[0]},
        "27 blocks, trained": {"depth": 27, "network": "trained"},
        "Cut one block": {"network": "trained", "deleted": 5},
        "Keep half of the blocks": {"network": "trained", "keep": 0.5},
    }
    challenges = (
        Challenge(
            "Half of the paths",
            "Remove exactly half of all paths of the trained network with 9 blocks, and keep its accuracy "
            "within 5 percentage points.",
            {"network": "trained", "depth": 9, "deleted": 0, "keep": 1.0},
            lambda s, r: (
                (s.network, s.depth) == (STATES[1], 9)
                and len(r.kept) == 8
                and r.residual.accuracy - r.accuracy <= 0.05
            ),
            "Every block is in one half of the paths: to delete one is to delete that half. The other half "
            "still computes nearly the same.",
            {"deleted": 8},
        ),
        Challenge(
            "Break it",
            "Bring the trained network with 9 blocks below 50% without touching a single block by name.",
            {"network": "trained", "depth": 9, "deleted": 0, "keep": 1.0},
            lambda s, r: (s.network, s.depth, s.deleted) == (STATES[1], 9, 0) and r.accuracy < 0.5,
            "It can lose one block, not most of them. An ensemble whose members share their weights is not "
            "a heap of independent networks.",
            {"keep": 0.2},
        ),
    )

    places = (Place(1, x="deleted", marks=("blocks at",)), Place(2, y="keep"))
    plays = "deleted"
    readings = {0: "length {}", 1: "without block {}", 2: None}

    experiment = staticmethod(experiment)

    def draw(self):
        figure = svg.new_figure(8.4, 4.2)
        grid = figure.add_gridspec(2, 2, width_ratios=(1.25, 1), height_ratios=(2.2, 1))
        lengths, cuts, luck = (figure.add_subplot(grid[where]) for where in ((slice(2), 0), (0, 1), (1, 1)))
        figure.subplots_adjust(left=0.075, right=0.985, bottom=0.245, top=0.93, wspace=0.2, hspace=0.85)
        moving = {"animated": True}
        dots = {"ls": "", **moving}
        residual = {**theme.MEASURED_LINE, "markevery": 1}
        plain = {**theme.COMPARED_LINE, "markevery": 1}
        artists = {
            "paths": lengths.stairs(
                np.zeros(LENGTHS[-1] + 1),
                np.arange(LENGTHS[-1] + 2) - 0.5,
                fill=True,
                color=theme.MUTED,
                alpha=0.3,
                label="share of the paths",
                **moving,
            ),
            "theory": lengths.plot([], [], label="theory, random weights", **theme.THEORY_LINE)[0],
            "carried": lengths.plot([], [], label="share of the squared gradient", **residual)[0],
            "plain": cuts.plot([], [], label="plain, without two layers", **plain)[0],
            "residual": cuts.plot([], [], label="residual, without a block", **residual)[0],
            "here": cuts.plot([], [], label="what is left now", **theme.YOURS)[0],
            "blocks at": cuts.plot([], [], "o", ms=0.1, color=theme.MUTED, **moving)[0],
            "in": luck.plot([], [], marker="s", ms=4.6, color=theme.MEASURED, **dots)[0],
            "out": luck.plot([], [], marker="o", ms=1.6, color=theme.MUTED, **dots)[0],
            "keep": luck.axhline(1, **theme.SETTING),
            "lengths": Stretched(lengths),
            "blocks": [Stretched(axes) for axes in (cuts, luck)],
        }
        lengths.set(xlim=(-0.09, 1.09), xlabel="length of the path, in blocks")
        lengths.set_yscale("function", functions=(np.sqrt, np.square))
        lengths.set(ylim=(0, 1), yticks=SHARES, yticklabels=map("{:g}".format, SHARES))
        lengths.set_title("Which paths there are, and which are used", loc="left")
        cuts.set(ylim=(0, 1.06), xlabel="the block that is cut")
        cuts.set_title("Test accuracy after a cut", loc="left")
        luck.set(ylim=(-0.08, 1.1), xlabel="block")
        for axes in (cuts, luck):
            axes.set(xlim=(-0.05, 1.05), yticks=(0, 0.5, 1), yticklabels=("0", "0.5", "1"))
        luck.set_title("Keep probability: blocks below it stay", loc="left")
        for axes, place in ((lengths, "lower left"), (cuts, "lower right")):
            handles, labels = axes.get_legend_handles_labels()
            figure.legend(handles, labels, loc=place, ncols=2, fontsize=9, columnspacing=1, handlelength=1.6)
        return figure, artists

    def move(self, artists, s, r):
        for axis in (artists["lengths"], *artists["blocks"]):
            axis.fit(s.depth)
        place, along = artists["lengths"].place, artists["lengths"].place(range(s.depth + 1))
        artists["paths"].set_data(r.paths, place(np.arange(len(r.paths) + 1) - 0.5))
        artists["theory"].set_data(along[: len(r.predicted)], r.predicted)
        artists["carried"].set_data(along[: len(r.carried)], r.carried)
        artists["residual"].set_data(along[1:], r.residual.lesions)
        artists["plain"].set_data(along[1:], np.full(s.depth, np.nan) if r.plain is None else r.plain.lesions)
        artists["here"].set_data([place(min(s.deleted, s.depth))], [r.accuracy])
        artists["blocks at"].set_data(along, 0 * along)
        left = np.isin(range(s.depth), r.kept)
        for name, which in (("in", left), ("out", ~left)):
            artists[name].set_data(along[1:][which], r.luck[which])
        artists["keep"].set_ydata([s.keep, s.keep])

    def readouts(self, s, r):
        rows = [
            ("paths", _paths(r)),
            ("mean length", f"{len(r.kept) / 2:.1f} blocks"),
            ("by their gradient", f"{r.mean_length:.1f} blocks"),
            ("accuracy, whole", f"{r.residual.accuracy:.1%}"),
            ("what is left", f"{r.accuracy:.1%}"),
        ]
        if r.plain is not None:
            rows.append(("plain, whole", f"{r.plain.accuracy:.1%}"))
            rows.append(("after a cut, median", f"{np.median(r.plain.lesions):.1%}"))
        return rows

    def verdict(self, s, r):
        used = f"The gradient comes through {r.mean_length:.1f} of {len(r.kept)} blocks on average"
        if r.epochs == 0:
            return Verdict("UNTRAINED", f"{used}: theory for random weights is the dashed line.", "muted")
        whole = (
            f"after {counted(r.epochs, 'epoch')}; the whole network is right on {r.residual.accuracy:.1%}."
        )
        if len(r.kept) == s.depth:
            return Verdict("WHOLE", f"{used} {whole}", "good")
        lost = r.residual.accuracy - r.accuracy
        cut = f"{s.depth - len(r.kept)} of {s.depth} blocks cut, {r.accuracy:.1%} of the answers are right"
        if lost <= SURVIVES:
            return Verdict("SURVIVES", f"{cut}: {100 * lost:.1f} points lost. {used}.", "good")
        return Verdict("BREAKS", f"{cut}: {100 * lost:.1f} points lost. {used}.", "alarm")

    def describe(self, s, r):
        plain = ""
        if r.plain is not None:
            plain = (
                f" A plain network of the same depth, right on {r.plain.accuracy:.1%}, has a median of "
                f"{np.median(r.plain.lesions):.1%} after such a cut."
            )
        return (
            f"Left: of the {_paths(r)} paths through {len(r.kept)} blocks the share of each "
            f"length, as bars around {len(r.kept) / 2:.1f}; and a line for the share of the squared "
            f"gradient, around {r.mean_length:.1f} blocks. Right: the test accuracy of a residual network of "
            f"{s.depth} blocks, {s.network}, without each block in turn: {_range(r.residual.lesions)}; "
            f"whole it is {r.residual.accuracy:.1%}, and what is left now is {r.accuracy:.1%}.{plain}"
            f" Below: each block at a random height; those under the line at {s.keep:.1f} are kept."
        )


def _paths(r):
    return from_log10(len(r.kept) * np.log10(2))


def _range(accuracies):
    if np.isnan(accuracies).any():
        return "not measured yet"
    return f"between {accuracies.min():.1%} and {accuracies.max():.1%}"
