"""How much `import helpers` adds to importing numpy, matplotlib and ipywidgets.

    python benchmarks/import_time.py

Fresh interpreters, one of each kind in turn, so that a machine that slows down slows all of them. To hold:
at most 1.20.
"""

import subprocess
import sys
from statistics import median

BASE = "import numpy, matplotlib.pyplot, ipywidgets"
KINDS = {
    "the three alone": BASE,
    "and helpers": f"{BASE}; import helpers",
    "and all that a lesson uses": f"{BASE}; from helpers import ask, by_layer, init_explorer",
}
CLOCK = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def seconds(code):
    out = subprocess.run(
        [sys.executable, "-c", CLOCK.format(code)], capture_output=True, text=True, check=True
    )
    return float(out.stdout)


def main(rounds=15):
    times = {name: [] for name in KINDS}
    for _ in range(rounds + 1):
        for name, code in KINDS.items():
            times[name].append(seconds(code))
    base, *_ = times.values()
    print(f"{'import':<30}{'median ms':>10}{'ratio':>8}")
    for name, values in times.items():
        ratio = median(value / other for value, other in zip(values[1:], base[1:], strict=True))
        print(f"{name:<30}{median(values[1:]) * 1e3:10.0f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
