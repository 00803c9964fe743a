"""What one slider step costs the kernel: computing and drawing, apart, without a browser.

    python benchmarks/explorer_step.py

The init explorer stands at width 256 and depth 60, the edge of chaos at its defaults. "first" is the first
visit of a slider position, "again" a later one. Medians of all positions, in milliseconds of wall time.
"""

from statistics import median
from time import perf_counter
from types import SimpleNamespace

from helpers import propagation
from helpers.instruments import edge_of_chaos, init_explorer

LIMIT = {"computing": 16, "drawing": 10}


def timed(action):
    start = perf_counter()
    action()
    return (perf_counter() - start) * 1e3


def positions(instrument, name, count=25):
    """Settings at different positions of one slider, from end to end."""
    values = instrument._controls[name].values
    picked = sorted({round(i * (len(values) - 1) / (count - 1)) for i in range(count)})
    custom = {"scheme": "custom σ"} if name == "sigma_w" and hasattr(instrument.settings, "scheme") else {}
    return [{**vars(instrument.settings), **custom, name: values[i]} for i in picked]


def measure(instrument, name):
    """Median (computing on the first visit, computing again, drawing) of the slider's positions."""
    first, again, drawing = [], [], []
    for settings in positions(instrument, name):
        space = SimpleNamespace(**settings)
        first.append(timed(lambda space=space: instrument.experiment(space)))
        again.append(timed(lambda space=space: instrument.experiment(space)))
        instrument.set(**settings)
        drawing.append(timed(lambda: draw(instrument)))
    return median(first), median(again), median(drawing)


def draw(instrument):
    instrument._frame_of(instrument.settings, instrument.result)


def main():
    rows = [
        (init_explorer, {"width": 256, "depth": 60}, ("depth", "width", "sigma_w")),
        (init_explorer, {"width": 256, "depth": 60, "activation": "tanh"}, ("depth", "sigma_w")),
        (init_explorer, {"width": 256, "depth": 60, "direction": "backward"}, ("depth", "sigma_w")),
        (edge_of_chaos, {}, ("sigma_w", "sigma_b")),
    ]
    print(f"{'instrument and slider':<66}{'first':>8}{'again':>8}{'drawing':>9}")
    for make, settings, names in rows:
        for name in names:
            propagation.clear()
            instrument = make(**settings)
            costs = measure(instrument, name)
            label = f"{make.__name__}({', '.join(f'{k}={v}' for k, v in settings.items())}): {name}"
            print(f"{label:<66}{costs[0]:8.1f}{costs[1]:8.1f}{costs[2]:9.1f}")
    print(f"\nTo hold on two quiet cores: computing {LIMIT['computing']} ms, drawing {LIMIT['drawing']} ms.")


if __name__ == "__main__":
    main()
