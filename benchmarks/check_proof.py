"""Every known answer to every exercise, over many seeds: right ones get all points, wrong ones their message.

    python benchmarks/check_proof.py [seeds] [exercise …]

Prints how many of how many; to hold: all of them.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `tests` is no installed package

from tests.checking.answers import correct_answers, loses, passes, wrong_answers


def main(seeds=200, *names):
    failures = 0
    print(f"{'exercise':<18}{'answer':<34}{'must be found':<34}{'as it should be':>16}")
    answers = [(item, f, "full points", passes, ()) for item, f in correct_answers()]
    answers += [(item, f, str(found), loses, (found,)) for item, f, found in wrong_answers()]
    for item, function, what, holds, extra in sorted(answers, key=lambda answer: answer[0].lesson):
        if names and item.name not in names:
            continue
        good = sum(holds(item, function, *extra, seed) for seed in range(int(seeds)))
        failures += good < int(seeds)
        print(f"{item.name:<18}{function.__name__[:32]:<34}{what:<34}{good:>8} of {seeds}", flush=True)
    sys.exit(f"{failures} answers are not always judged as they should be" if failures else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
