"""How long a check takes: judging the reference, and the slowest of the wrong answers that an exercise knows.

    python benchmarks/check_time.py

Milliseconds, medians; writing the attempt to disk comes on top. To hold: below 300 each.
"""

import sys
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `tests` is no installed package

from helpers.checking import exercise
from helpers.checking.judging import judged

LIMIT = 300


def milliseconds(item, function, rounds=7):
    times = []
    for seed in range(rounds):
        start = perf_counter()
        judged(item, function, seed)
        times.append(1e3 * (perf_counter() - start))
    return median(times)


def main():
    slow = 0
    print(f"{'exercise':<22}{'right':>8}{'slowest wrong':>16}")
    for item in exercise.load().values():
        right = milliseconds(item, item.reference)
        wrong = max(milliseconds(item, wrong.function) for wrong in item.wrong)
        slow += max(right, wrong) > LIMIT
        print(f"{item.name:<22}{right:8.1f}{wrong:16.1f}")
    sys.exit(f"{slow} exercises take longer than {LIMIT} ms" if slow else 0)


if __name__ == "__main__":
    main()
