"""How long a training step takes: the course's engine, PyTorch, and the matrix products alone.

    pip install torch==2.13.0 && python benchmarks/engine.py [--quick]

`--quick` leaves out torch.compile, which needs a C++ compiler and minutes of compiling. All kinds of one row
are measured in turn, several rounds, in float32 and with the same number of threads (the script starts
itself anew for each number, as BLAS reads it at its start). A step is forward, softmax cross-entropy,
backward and SGD with momentum, on the same batch. "floor" is the step's matrix products and nothing else:
the same shapes, on the arrays of every layer. Times are medians of the rounds in milliseconds, ratios medians
of the ratios within a round; "best" are the ratios of the fastest rounds, which on a busy machine are nearer
to what a quiet one shows.
"""

import os
import subprocess
import sys
import tracemalloc
from statistics import median
from time import perf_counter

import numpy as np

from helpers.data import load_digits
from helpers.layers import BatchNorm, Linear, every_layer
from helpers.losses import softmax_cross_entropy
from helpers.network import plain, residual_v2, stack
from helpers.optimizers import SGD
from helpers.training import train

LR, MOMENTUM, CLASSES = 1e-3, 0.9, 10
ROWS = {  # width (of the input too), depth, batch, residual with BatchNorm?, steps a round, rounds
    "a: depth 20, width 64, batch 128, plain": (64, 20, 128, False, 60, 15),
    "b: depth 56, width 64, batch 128, BN + residual": (64, 56, 128, True, 20, 15),
    "c: depth 50, width 256, batch 1024, plain": (256, 50, 1024, False, 2, 7),
}
TO_REACH = {"a": (2.2, 0.75), "b": (2.0, 0.4), "c": (1.3, 0.95)}


def rng():
    return np.random.default_rng(0)


def build(width, depth, residual, seed=0):
    make, norm = (residual_v2, BatchNorm) if residual else (plain, None)
    return make(width, width, depth, CLASSES, np.random.default_rng(seed), norm=norm)


def batch_of(width, batch):
    return rng().standard_normal((batch, width), dtype=np.float32), rng().integers(0, CLASSES, batch)


def ours(width, depth, batch, residual):
    """The engine's step, as `train` runs it."""
    network = build(width, depth, residual)
    return step_of(network, SGD(network.layers, LR, MOMENTUM), *batch_of(width, batch))


def step_of(network, optimizer, x, y):
    network.remember = False

    def step():
        _, grad = softmax_cross_entropy(network.forward(x), y)
        network.backward(grad)
        optimizer.step()

    return step


def floor(width, depth, batch, residual):
    """Three matrix products a layer: x W, xᵀ g and g Wᵀ."""
    network = build(width, depth, residual)
    network.forward(batch_of(width, batch)[0])
    linear = [layer for layer in every_layer(network.layers) if isinstance(layer, Linear)]
    products = [
        (layer.x, layer.params["weight"], np.ones(layer.output_shape, np.float32)) for layer in linear
    ]

    def step():
        for x, w, _ in products:
            x @ w
        for x, w, g in reversed(products):
            x.T @ g
            g @ w.T

    return step


def torch_step(width, depth, batch, residual, compiled=False):
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = nn.Sequential(
                *(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width, bias=False)),
                *(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width)),
            )

        def forward(self, x):
            return x + self.branch(x)

    if residual:
        blocks = [Block() for _ in range((depth - 2) // 2)]
        layers = [nn.Linear(width, width), *blocks, nn.BatchNorm1d(width), nn.ReLU()]
    else:
        layers = [part for _ in range(depth - 1) for part in (nn.Linear(width, width), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(width, CLASSES))
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    optimizer = torch.optim.SGD(model.parameters(), LR, MOMENTUM)
    x, y = map(torch.from_numpy, batch_of(width, batch))
    run = torch.compile(model) if compiled else model

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(run(x), y).backward()
        optimizer.step()

    return step


def interleaved(kinds, steps, rounds):
    """Milliseconds a step of each kind: a list of one number a round."""
    times = {name: [] for name in kinds}
    for action in kinds.values():
        action()
        action()
    for _ in range(rounds):
        for name, action in kinds.items():
            start = perf_counter()
            for _ in range(steps):
                action()
            times[name].append((perf_counter() - start) / steps * 1e3)
    return times


def ratio(above, below):
    return median(a / b for a, b in zip(above, below, strict=True))


def compare(threads):
    try:
        import torch

        torch.set_num_threads(threads)
    except ImportError:
        torch = None
        print("PyTorch is not installed: its columns are left out.")
    print(f"\n{threads} thread{'s' * (threads > 1)}; ms a step")
    print(f"{'':<48}{'ours':>8}{'eager':>8}{'compiled':>9}{'floor':>8}{'eager/ours':>12}{'best':>6}", end="")
    print(f"{'to reach':>9}{'floor/ours':>11}{'best':>6}{'to reach':>9}")
    for name, (width, depth, batch, residual, steps, rounds) in ROWS.items():
        config = width, depth, batch, residual
        kinds = {"ours": ours(*config), "floor": floor(*config)}
        if torch:
            kinds["eager"] = torch_step(*config)
            if "--quick" not in sys.argv:
                try:
                    kinds["compiled"] = torch_step(*config, compiled=True)
                    kinds["compiled"]()
                except Exception as problem:  # whatever keeps it from running is what is to be printed
                    kinds.pop("compiled")
                    print(f"torch.compile does not run: {str(problem).strip().splitlines()[0]}")
        times = interleaved(kinds, steps, rounds)

        def ms(kind, times=times):
            return f"{median(times[kind]):.2f}" if kind in times else "-"

        def ratios(kind, times=times):
            if kind not in times:
                return f"{'-':>11}{'-':>6}"
            best = min(times[kind]) / min(times["ours"])
            return f"{ratio(times[kind], times['ours']):>11.2f}{best:>6.2f}"

        wanted = TO_REACH[name[0]]
        print(f"{name:<48}{ms('ours'):>8}{ms('eager'):>8}{ms('compiled'):>9}{ms('floor'):>8}", end=" ")
        print(f"{ratios('eager')}{wanted[0]:>9}{ratios('floor')}{wanted[1]:>9}", flush=True)


def compare_runs(count=16):
    print(f"\n{count} learning rates at once; ms for a step of all")
    print(f"{'':<50}{'stacked':>8}{'loop':>8}{'loop/stacked':>14}")
    for depth, width, batch in ((8, 32, 64), (20, 32, 64), (8, 64, 64)):
        lr = np.geomspace(1e-4, 1e-2, count)
        x, y = batch_of(width, batch)
        networks = [build(width, depth, False) for _ in lr]
        together = stack(networks)
        steps = [
            step_of(network, SGD(network.layers, rate, MOMENTUM), x, y)
            for network, rate in zip(networks, lr, strict=True)
        ]
        kinds = {
            "stacked": step_of(together, SGD(together.layers, lr, MOMENTUM), x, y),
            "loop": lambda steps=steps: [step() for step in steps],
        }
        times = interleaved(kinds, 10, 15)
        name = f"d: depth {depth}, width {width}, batch {batch}, plain"
        print(
            f"{name:<50}{median(times['stacked']):>8.2f}{median(times['loop']):>8.2f}"
            f"{ratio(times['loop'], times['stacked']):>14.2f}"
        )


def memory():
    print("\nmemory in MB: peak of three steps, width 256, batch 1024, beside the data")
    for residual in (False, True):
        peaks = []
        depths = (10, 20, 40)
        for depth in depths:
            x, y = batch_of(256, 1024)
            tracemalloc.start()
            network = build(256, depth, residual)
            step = step_of(network, SGD(network.layers, LR, MOMENTUM), x, y)
            for _ in range(3):
                step()
            peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
            tracemalloc.stop()
            del network, step
        listed = ", ".join(f"depth {d}: {p:.0f}" for d, p in zip(depths, peaks, strict=True))
        growth = (peaks[-1] - peaks[0]) / (depths[-1] - depths[0])
        print(f"  {'BN + residual' if residual else 'plain':<15}{listed}; {growth:.2f} a layer")


def degradation(seeds=5):
    """The run that chapter 4 shows: plain and residual with BatchNorm, 8, 20, 56 layers, 300 steps."""
    digits = load_digits()
    start = perf_counter()
    errors = []
    for make in (plain, residual_v2):
        for depth in (8, 20, 56):
            networks = [
                make(64, 32, depth, CLASSES, np.random.default_rng(s), BatchNorm) for s in range(seeds)
            ]
            network = stack(networks)
            optimizer = SGD(network.layers, 0.03, MOMENTUM)
            history = train(
                network,
                optimizer,
                digits.x_train,
                digits.y_train,
                300,
                64,
                list(range(seeds)),
                progress=False,
            )
            error = 100 * (1 - np.median(history.accuracy[-20:].mean(axis=0)))
            errors.append(f"{make.__name__} {depth}: {error:.1f} %")
    print(f"\nthe degradation run, six networks × {seeds} seeds × 300 steps: {perf_counter() - start:.1f} s")
    print("  median training error of the last 20 batches: " + ", ".join(errors))


def main():
    if "--threads" in sys.argv:
        threads = int(sys.argv[sys.argv.index("--threads") + 1])
        compare(threads)
        if threads == 1:
            compare_runs()
            memory()
            degradation()
        return
    for threads in sorted({1, os.cpu_count() or 1}):
        variables = {f"{name}_NUM_THREADS": str(threads) for name in ("OPENBLAS", "OMP", "MKL")}
        command = [sys.executable, __file__, "--threads", str(threads), *sys.argv[1:]]
        subprocess.run(command, env={**os.environ, **variables}, check=True)


if __name__ == "__main__":
    main()
