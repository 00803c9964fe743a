"""Patients for the ward: every design in a table of trainings, what ails it, and all that cures it.

`ward.npz` (made by tools/make_ward.py) holds what became of the training of every Design with these
settings, with several seeds. A patient is admitted only if no treatment of it is in doubt.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations, product

import numpy as np

from helpers.chapters.rescue import rescue
from helpers.chapters.rescue.rescue import Design

# What the ward offers. `skip` and `scale` are one axis of the table: without a skip the scale does nothing.
OPTIONS = {
    "init": ("PyTorch default", "He", "orthogonal"),
    "act": rescue.ACTS,
    "norm": rescue.NORMS,
    "skip": rescue.SKIPS,
    "scale": tuple(rescue.SCALES),
    "lr": (0.0001, 0.001, 0.01, 0.1, 1.0),
    "clip": ("off", "1"),
}
TRUNKS = (None, *rescue.SCALES)
SURE = 1.15  # so many times below, or above, the loss at which learning begins, with every seed

WEIGHTS_SMALL = "weights too small"
SATURATING = "activation takes the gradient"
LOUD = "branches too loud"
NORM_ALONE = "norm without skips"
ALIKE = "inputs become alike"
RATE_LARGE, RATE_SMALL = "η too large", "η too small"
DISEASES = (WEIGHTS_SMALL, SATURATING, LOUD, NORM_ALONE, ALIKE, RATE_LARGE, RATE_SMALL)
LEVELS = (1, 2, 3)  # one disease and several cures; one disease and one or two cures; two diseases
FEW = 2  # cures


@dataclass(frozen=True)
class Case:
    """A design that does not learn, its diseases, and all that cure it of the smallest treatments."""

    design: Design
    diseases: tuple[str, ...]
    cures: tuple[dict, ...]

    @property
    def budget(self):
        """The number of changes that is enough."""
        return len(self.cures[0])


@cache
def table():
    """{name: array} of ward.npz: `share`, the final loss over that at which learning begins, by setting and
    seed (∞: it overflowed), and what is seen before the first step: `signal`, `gradient`, `alike`."""
    with files(__package__).joinpath("ward.npz").open("rb") as file:
        return dict(np.load(file))


def place(design):
    """Where a design stands in the table."""
    trunk = TRUNKS.index(design.scale if design.skip == "on" else None)
    index = {
        name: OPTIONS[name].index(getattr(design, name)) for name in ("init", "act", "norm", "clip", "lr")
    }
    return index["init"], index["act"], index["norm"], trunk, index["clip"], index["lr"]


@cache
def outcomes():
    """By the index of each option: 1 if the design surely learns, 0 if it surely does not, else −1."""
    share = table()["share"]
    learns, ill = np.all(share < 1 / SURE, axis=-1), np.all(share > SURE, axis=-1)
    code = np.moveaxis(np.where(learns, 1, np.where(ill, 0, -1)), -1, -2)  # η before clipping, as in OPTIONS
    off = np.repeat(code[:, :, :, :1], len(OPTIONS["scale"]), axis=3)
    return np.stack([off, code[:, :, :, 1:]], axis=3)


def index(design):
    """Where a design stands in `outcomes`."""
    return tuple(options.index(getattr(design, name)) for name, options in OPTIONS.items())


def treatments(design, changes):
    """[({setting: value}, what `outcomes` says of it)] of all treatments with so many changes."""
    start, names, found = index(design), list(OPTIONS), []
    for axes in combinations(range(len(names)), changes):
        for choice in product(*(range(len(OPTIONS[names[axis]])) for axis in axes)):
            place = list(start)
            for axis, option in zip(axes, choice, strict=True):
                place[axis] = option
            # An option that it has is no change; nor is a branch scale without a skip.
            asleep = "scale" in {names[axis] for axis in axes} and not place[names.index("skip")]
            if asleep or any(place[axis] == start[axis] for axis in axes):
                continue
            values = {names[axis]: OPTIONS[names[axis]][place[axis]] for axis in axes}
            found.append((values, int(outcomes()[tuple(place)])))
    return found


def symptom(design):
    """What ails the network before its first step; None if nothing does."""
    seen = {name: float(table()[name][place(design)[:4]]) for name in ("signal", "gradient", "alike")}
    if design.skip == "on":
        return LOUD if seen["signal"] > 50 else None
    if design.norm != "none":
        return NORM_ALONE if seen["gradient"] > 30 else None
    if seen["gradient"] < 1e-6:
        return SATURATING if design.act == "sigmoid" else WEIGHTS_SMALL
    return ALIKE if seen["alike"] > 0.95 else None


def examined(design):
    """The Case of a design; None if it learns, if a treatment is in doubt, or if no name fits it surely."""
    if outcomes()[index(design)] != 0:
        return None
    for changes in (1, 2):
        tried = treatments(design, changes)
        if any(outcome < 0 for _, outcome in tried):
            return None
        cures = tuple(treatment for treatment, outcome in tried if outcome)
        if cures:
            diseases = _named(design, cures)
            return Case(design, diseases, cures) if len(diseases) == changes else None
    return None


def _named(design, cures):
    """What is wrong at the start, and what is wrong with η: it is if every cure that leaves the start as it
    is moves η to one side, or, where the start is wrong too, if all do that move it at all."""
    start = symptom(design)
    rates = {np.sign(cure["lr"] - design.lr) for cure in cures if "lr" in cure}
    rate = {1.0: RATE_SMALL, -1.0: RATE_LARGE}.get(rates.pop()) if len(rates) == 1 else None
    return tuple(name for name in (start, rate) if name)


@cache
def cases(level):
    """All Cases of a level, in an order drawn once; the rare diseases come as early as the others."""
    found = [case for case in _all_cases() if _level(case) == level]
    rounds, met = [], Counter()
    for i in np.random.default_rng(level).permutation(len(found)):
        met[found[i].diseases] += 1
        rounds.append((met[found[i].diseases], found[i]))
    return [case for _, case in sorted(rounds, key=lambda row: row[0])]


@cache
def _all_cases():
    found = []
    for values in product(*OPTIONS.values()):
        design = Design(**dict(zip(OPTIONS, values, strict=True)))
        if design.skip == "on" or design.scale == OPTIONS["scale"][0]:  # without a skip all scales are one
            found.append(examined(design))
    return [case for case in found if case]


def _level(case):
    return 3 if case.budget == 2 else 2 if len(case.cures) <= FEW else 1
