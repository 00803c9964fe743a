"""Train every network that the ward can show (helpers/chapters/rescue/ward.npz), and look at it before.

python tools/make_ward.py          # five minutes on one quiet core; it goes on where it was stopped
"""

from itertools import product
from pathlib import Path

import numpy as np

from helpers import digits
from helpers.chapters.rescue import illness, rescue
from helpers.chapters.rescue.rescue import Design
from helpers.network import stack

SEEDS = 2
FILE = Path(illness.__file__).with_name("ward.npz")
RATES = illness.OPTIONS["lr"]
STARTS = {name: illness.OPTIONS[name] for name in ("init", "act", "norm")}


def shares(init, act, norm, trunk, clip):
    """The final loss over that below which it counts as learned, by (η, seed); ∞ where it overflowed."""
    scale = None if trunk is None else rescue.SCALES[trunk]
    build = digits.Build(rescue.DEPTH, norm=norm, act=act, init=rescue.INITS[init], scale=scale)
    runs = list(product(RATES, range(SEEDS)))
    network = stack([build.network(seed) for _, seed in runs])
    rates, seeds = zip(*runs, strict=True)
    with np.errstate(all="ignore"):
        training = digits.Training(network, np.array(rates), max_norm=rescue.CLIPS[clip])
        loss = training.begin(rescue.STEPS, list(seeds)).finish().loss
    share = loss[-rescue.LAST :].mean(axis=0) / (np.minimum(loss[0], digits.GUESSING) / 2)
    return np.where(np.isfinite(loss).all(axis=0), share, np.inf).reshape(len(RATES), SEEDS)


def starts(init, act, norm, trunk):
    """(E[h²] of the last layer, ratio of the gradients, cosine between two inputs) before the first step."""
    skip, scale = ("off", "1") if trunk is None else ("on", trunk)
    seen = rescue.symptoms(Design(init, act, norm, skip, scale))
    return seen.signal[-1], seen.gradient_ratio, seen.alike[-1]


def main():
    axes = [*STARTS.values(), illness.TRUNKS, illness.OPTIONS["clip"]]
    sizes = [len(axis) for axis in axes]
    share = np.full((*sizes, len(RATES), SEEDS), np.nan, np.float32)
    if FILE.exists():
        share = np.load(FILE)["share"]
    seen = {name: np.empty(sizes[:-1]) for name in ("signal", "gradient", "alike")}
    for place in np.ndindex(*sizes[:-1]):
        values = starts(*(axis[i] for axis, i in zip(axes, place, strict=False)))
        for name, value in zip(seen, values, strict=True):
            seen[name][place] = value
    for place in np.ndindex(*sizes):
        if np.isnan(share[place]).any():
            share[place] = shares(*(axis[i] for axis, i in zip(axes, place, strict=True)))
            np.savez_compressed(FILE, share=share, **seen)
            print(place, flush=True)
    np.savez_compressed(FILE, share=share, **seen)


if __name__ == "__main__":
    main()
