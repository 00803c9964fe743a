"""How the instruments that train answer one slider step, in the kernel and without a browser.

    python benchmarks/slow_instruments.py

Each line is a step to settings that were never shown before. "first" is the time until the first curves are
drawn, "wait" the longest time after that in which another move would not be heard, "all" the time until
everything is there. Milliseconds of wall time with the drawing, medians of three. "all" can be more while a
browser on the same two cores paints what comes in between.
"""

from itertools import pairwise
from statistics import median
from time import perf_counter

from helpers.chapters.normalization import stability
from helpers.instruments import (
    batchnorm_stability,
    degradation_lab,
    four_starts,
    gradient_clipping,
    rescue_the_network,
    weight_decay,
)

ROUNDS = 3
STEPS = [
    (four_starts, {"step": 200}),
    *((batchnorm_stability, {"depth": depth}) for depth in (4, 8, 12, 20)),
    (batchnorm_stability, {"batch": 8}),
    (batchnorm_stability, {"norm": "GroupNorm"}),
    (degradation_lab, {"lr": 0.1}),
    (gradient_clipping, {"max_norm": 3.0}),
    (rescue_the_network, {"lr": 0.1}),
    (weight_decay, {"weight_decay": 0.1}),
]


def answer(instrument, settings):
    """(first, wait, all) of one step, in milliseconds."""
    times = [perf_counter()]
    for result in instrument.experiment(settings):
        if result is not None:
            instrument._frame_of(settings, result)
        times.append(perf_counter())
    waits = [1e3 * (b - a) for a, b in pairwise(times)]
    return waits[0], max(waits[1:], default=0.0), sum(waits)


def main():
    print(f"{'instrument and step':<56}{'first':>7}{'wait':>7}{'all':>8}")
    for make, changed in STEPS:
        found = []
        for seed in range(1, ROUNDS + 1):  # a seed of its own: nothing that was kept is shown
            instrument = make()
            settings = instrument.settings
            vars(settings).update(changed, seed=seed)
            stability.clear()
            found.append(answer(instrument, settings))
        name = f"{make.__name__}({', '.join(f'{k}={v}' for k, v in changed.items())})"
        print(f"{name:<56}{''.join(f'{median(row):7.0f} ' for row in zip(*found, strict=True))}")
    print("\nTo hold for batchnorm_stability on two quiet cores: first 100 ms, all 1000 ms.")


if __name__ == "__main__":
    main()
