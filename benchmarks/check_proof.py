"""Every known answer to every exercise, over many seeds: right ones get all points, wrong ones their message.

    python benchmarks/check_proof.py [seeds] [exercise …]
    python benchmarks/check_proof.py --points [seeds] [exercise …]    only: is it accepted? Far faster

Prints how many of how many; to hold: all of them. Uses all cores.
"""

import argparse
import os
import sys
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `tests` is no installed package

from helpers.checking import calls, exercise
from tests.checking.answers import accepted, correct_answers, loses, passes, wrong_answers


def rows(task):
    """(answer, what must be found, with how many seeds it is) for all answers to one exercise."""
    name, seeds, points = task
    calls.LONGEST = 1000  # only the processor's time counts: others may have the machine, too
    holds = accepted if points else passes
    found = [
        (function.__name__, "full points", sum(holds(item, function, seed) for seed in range(seeds)))
        for item, function in correct_answers()
        if item.name == name
    ]
    for item, function, what in wrong_answers():
        if item.name == name:
            good = [
                not accepted(item, function, seed) if points else loses(item, function, what, seed)
                for seed in range(seeds)
            ]
            found.append((function.__name__, "no full points" if points else str(what), sum(good)))
    return name, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", action="store_true", help="not the message, only whether it is accepted")
    parser.add_argument("seeds", type=int, nargs="?", default=200)
    parser.add_argument("names", nargs="*", metavar="exercise")
    given = parser.parse_args()
    tasks = [(name, given.seeds, given.points) for name in given.names or exercise.load()]
    failures = count = 0
    print(f"{'exercise':<22}{'answer':<34}{'must be found':<34}{'as it should be':>16}")
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for name, found in pool.imap_unordered(rows, tasks):
            for answer, what, good in found:
                failures += good < given.seeds
                count += 1
                print(f"{name:<22}{answer[:32]:<34}{what:<34}{good:>8} of {given.seeds}", flush=True)
    print(f"{count - failures} of {count} answers are judged as they should be with every seed")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
