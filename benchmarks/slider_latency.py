"""How long from a slider's event to changed pixels, in the real JupyterLab and Chromium?

    python benchmarks/slider_latency.py                         everything, about 20 minutes
    python benchmarks/slider_latency.py --only floor,interact --steps 20 --drags 1

Needs the package's `browser` extra and a Chromium ($CHROMIUM, or on the PATH); run it on a machine
that does nothing else. All targets live in one notebook with one kernel and take turns, in blocks
of ten steps, so that whatever else the machine does hits all of them alike.

A step is one step of the slider's handle to a position whose frame is not in the browser (an
instrument's kept frames are dropped before it); the slider walks to its end and back, so that no
result can come from the step before. The clock runs from that event until the frame that shows the
first change is painted. A drag is one such event for every refresh of the display for 3 s, after the
hand has rested on the slider for 2 s, in which an instrument makes the frames ahead: how many frames
a second change the figure, and how long after the last event does the last frame come? The refreshes
that the display had are printed beside it. At rest: what the kernel works in a second without a hand.

After a rest: how long after the pointer's arrival are the frames of the NEAR nearest positions there? And
how much is a frame, as JSON, at the start?

The milliseconds belong to the machine; the ratios to the floor (the same slider and a mere Label)
and to `interact` with a fresh figure (the usual way) carry over to others.
"""

import argparse
import json
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median, quantiles

import psutil
from playwright.sync_api import Error as BrowserError

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # `tools` is no installed package

from helpers import instruments  # noqa: E402
from tools.lab import Lab, chromium  # noqa: E402

BLOCK = 10
HOVER = 2.0  # seconds on the slider before a drag
SILENCE = 1.5  # seconds before a step, until the kernel makes no frames ahead of the step before
AHEAD = 3.0  # seconds after which the frames ahead are made
NEAR = 30  # positions of the slider, counted as "there" once their frames are in the browser
REST_MS = 250  # without a change of the figure before the next step: a refinement is not its answer

FLOOR = """
import ipywidgets as widgets
slider = widgets.IntSlider(description="Depth", min=1, max=60, value=30)
label = widgets.Label("30")
label.add_class("floor")
slider.observe(lambda change: setattr(label, "value", str(change.new)), "value")
widgets.VBox([slider, label])
"""

INTERACT = """
import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np

layers, noise = np.arange(60), np.random.default_rng(0).standard_normal(2000)

def draw(depth):
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    left.plot(layers, np.exp(-layers * depth / 300))
    left.set(xlabel="layer", ylabel="second moment")
    right.hist(noise * depth / 30, bins=40)
    right.set(xlabel="pre-activation", ylabel="count")
    plt.show()

slider = widgets.IntSlider(description="Depth", min=1, max=60, value=30)
widgets.interact(draw, depth=slider);
"""


@dataclass
class Target:
    name: str
    code: str  # of the cell that shows it
    slider: str  # how the description of the slider begins
    watch: str  # CSS selector, within the cell, of what must change
    latencies: list = field(default_factory=list)  # ms, one a step
    cpu: list = field(default_factory=list)  # ms of the kernel per step, one a block
    frames: list = field(default_factory=list)  # a second, one a drag
    refreshes: list = field(default_factory=list)  # of the display a second, one a drag
    lags: list = field(default_factory=list)  # ms, one a drag
    rest: list = field(default_factory=list)  # ms of the kernel a second, after each drag
    near: list = field(default_factory=list)  # ms until the nearest frames are there, one a drag
    kilobytes: float = float("nan")  # of a frame


def instrument(name, slider):
    code = f"from helpers.instruments import {name}\n{name}()"
    return Target(f"{name}: {slider}", code, slider, ".td-ink")


TARGETS = [
    Target("floor", FLOOR, "Depth", ".floor"),
    Target("interact", INTERACT, "Depth", ".widget-output img"),
    instrument("init_explorer", "Depth"),
    instrument("init_explorer", "Width"),
    instrument("init_explorer", "Custom σ_w"),
    instrument("four_starts", "Step"),
    instrument("edge_of_chaos", "Weights σ_w"),
    instrument("gain_chain", "Factor g of a layer"),
    instrument("gradient_by_layer", "Depth"),
    instrument("jacobian_spectrum", "Depth"),
    instrument("batchnorm_stability", "Learning rate"),
    instrument("layer_statistics", "Depth"),
    instrument("train_vs_eval", "Drift"),
    instrument("norm_axes", "Groups"),
    instrument("gradient_flow", "Factor"),
    instrument("degradation_lab", "Learning rate"),
    instrument("paths", "Keep probability"),
    instrument("dropout_masks", "Drop probability"),
    instrument("weight_decay", "Decay"),
    instrument("gradient_clipping", "Threshold"),
    instrument("rescue_the_network", "Learning rate"),
]

# Defines window.latency in the page. A change is any mutation of, in or around a watched element
# that replaces it or its content; the slider's own movement is none.
SCRIPT = """() => {
  // Called in a frame's callback: when that frame has been painted. (A message posted there arrives
  // after the painting.)
  const thisFrame = () => new Promise(done => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(null);
  });
  const nextFrame = () => new Promise(done => requestAnimationFrame(() => done(thisFrame())));
  const decoded = (cell, selector) => Promise.all([...cell.querySelectorAll(selector)].map(
    // An image that is replaced while it is being decoded rejects: the next one counts.
    one => one.decode ? one.decode().catch(() => null) : null));
  const watch = (cell, selector, change) => {
    const touches = (record, one) => one.contains(record.target) ||
      [...record.addedNodes].some(node => node.contains(one));
    const observer = new MutationObserver(records => {
      const watched = [...cell.querySelectorAll(selector)];
      if (records.some(record => watched.some(one => touches(record, one)))) change();
    });
    observer.observe(cell, {
      subtree: true, childList: true, characterData: true, attributes: true });
    return () => observer.disconnect();
  };
  const quiet = (cell, selector, ms) => new Promise(done => {
    let timer;
    const stop = watch(cell, selector, () => again());
    const again = () => {
      clearTimeout(timer);
      timer = setTimeout(() => { stop(); done(); }, ms);
    };
    again();
  });
  let step = 1;  // to the right, or -1
  const press = handle => {
    const ours = handle.type === 'range';
    const now = name => Number(ours ? handle[name] : handle.getAttribute(`aria-value${name}`));
    const value = ours ? handle.valueAsNumber : now('now');
    if (value >= now('max')) step = -1;
    if (value <= now('min')) step = 1;
    if (ours) {
      handle.valueAsNumber += step;
      handle.dispatchEvent(new Event('input', {bubbles: true}));
      return;
    }
    const key = step > 0 ? 'ArrowRight' : 'ArrowLeft';
    handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
  };
  const forget = cell => cell.querySelector('.td-instrument')?.dispatchEvent(new Event('td-forget'));
  const state = handle => handle.getAttribute('aria-valuetext');

  // ms from one step to the frame that shows its first change; throws after `limit` ms.
  const one = async (handle, cell, selector, rest, limit = 10000) => {
    await quiet(cell, selector, rest);
    forget(cell);
    const answer = Promise.withResolvers();
    const timer = setTimeout(() => answer.reject(
      Error(`no change of ${selector} within ${limit} ms, slider at ${state(handle)}`)), limit);
    const stop = watch(cell, selector, answer.resolve);
    const start = performance.now();
    press(handle);
    try { await answer.promise; } finally { clearTimeout(timer); stop(); }
    await decoded(cell, selector);
    return await nextFrame() - start;
  };

  // Frames that changed, per second, and ms from the last event to the last changed frame.
  const drag = async (handle, cell, selector, rest, seconds = 3) => {
    await quiet(cell, selector, rest);
    let refreshes = 0, frames = 0, changed = false, last = null, end = null, over = false;
    const stop = watch(cell, selector, async () => {
      await decoded(cell, selector);
      changed = true;
    });
    const look = () => {  // at the start of every frame: will it show a change?
      if (changed) {
        if (end === null) frames += 1;
        thisFrame().then(now => { last = now; });
        changed = false;
      }
      if (!over) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    const start = performance.now();
    for (; performance.now() - start < 1000 * seconds; refreshes++) {
      press(handle);
      await new Promise(requestAnimationFrame);
    }
    end = performance.now();
    await quiet(cell, selector, 1000);  // longer than the slowest update
    stop();
    over = true;
    if (last === null) throw Error(`a drag changed no ${selector}`);
    return [frames / seconds, refreshes / seconds, Math.max(0, last - end)];
  };

  // ms from the pointer's arrival until the frames of the nearest positions are there; -1 if some never come.
  const near = async (handle, cell, count) => {
    const box = cell.querySelector('.td-instrument');
    if (!box) return -1;
    forget(cell);
    const start = performance.now(), all = Math.min(count, Number(handle.max));
    handle.closest('.td-control').dispatchEvent(new PointerEvent('pointerenter'));
    while (performance.now() - start < 10000) {
      await new Promise(requestAnimationFrame);
      box.dispatchEvent(new Event('td-count'));
      if (Number(box.dataset.frames) >= all) return performance.now() - start;
    }
    return -1;
  };

  window.latency = {one, drag, near};
}"""


def prepare(page, targets):
    """Open a notebook with a cell for every target; return name: (handle, cell) of each."""
    page.open_cells(*(target.code for target in targets))
    page.run_all()
    if problems := page.problems():
        sys.exit("The notebook of the benchmark does not run:\n" + "\n".join(problems))
    page.page.evaluate(SCRIPT)
    places = {}
    for index, target in enumerate(targets):
        cell = page.cell(index)
        cell.locator(target.watch).first.wait_for()
        slider = page.slider(target.slider, within=cell)
        slider.evaluate("slider => slider.closest('details')?.setAttribute('open', '')")
        handle = slider.locator("input[type=range], .noUi-handle")
        places[target.name] = handle.element_handle(), cell.element_handle()
    return places


def the_kernel(lab):
    """The process of the only kernel."""
    children = psutil.Process(lab.process.pid).children(recursive=True)
    (kernel,) = (one for one in children if any("ipykernel" in word for word in one.cmdline()))
    return kernel


def cpu_ms(process):
    times = process.cpu_times()
    return 1000 * (times.user + times.system)


def in_view(handle):
    handle.evaluate("handle => { handle.scrollIntoView({block: 'center'}); handle.focus(); }")
    time.sleep(0.3)  # what scrolling itself paints


def in_page(page, target, what, *arguments):
    """Call one of the functions of window.latency."""
    try:
        return page.page.evaluate(f"all => latency.{what}(...all)", list(arguments))
    except BrowserError as error:
        sys.exit("\n".join([f"{target.name}: {error}", *page.problems()]))


def measure_steps(page, kernel, target, place, steps):
    handle, cell = place
    in_view(handle)
    before = cpu_ms(kernel)
    for _ in range(steps):
        page.page.wait_for_timeout(1000 * SILENCE)
        target.latencies.append(in_page(page, target, "one", handle, cell, target.watch, REST_MS))
        page.wait_idle(quiet=0)
    target.cpu.append((cpu_ms(kernel) - before) / steps)


def measure_drag(page, kernel, target, place):
    handle, cell = place
    in_view(handle)
    page.page.wait_for_timeout(1000 * HOVER)
    frames, refreshes, lag = in_page(page, target, "drag", handle, cell, target.watch, REST_MS)
    page.wait_idle(quiet=1)
    page.page.wait_for_timeout(1000 * AHEAD)  # frames ahead of where the hand let go
    before = cpu_ms(kernel)
    page.page.wait_for_timeout(1000)
    target.rest.append(cpu_ms(kernel) - before)
    target.frames.append(frames)
    target.refreshes.append(refreshes)
    target.lags.append(lag)
    near = in_page(page, target, "near", handle, cell, NEAR)
    if near >= 0:
        target.near.append(near)


def weigh(target):
    """The kB of a frame, of an instrument."""
    name = target.name.partition(":")[0]
    if name in instruments.names():
        target.kilobytes = len(json.dumps(getattr(instruments, name)()._frame, ensure_ascii=False)) / 1000


def measure(page, targets, steps, drags):
    for target in targets:
        weigh(target)
    places, kernel = prepare(page, targets), the_kernel(page.lab)
    for target in targets:  # what only a first update costs (imports, caches) is not a drag's cost
        measure_steps(page, kernel, target, places[target.name], 3)
        target.latencies.clear()
        target.cpu.clear()
    for done in range(0, steps, BLOCK):
        for target in targets:
            place = places[target.name]
            measure_steps(page, kernel, target, place, min(BLOCK, steps - done))
    for _ in range(drags):
        for target in targets:
            measure_drag(page, kernel, target, places[target.name])


def table(targets):
    medians = {target.name: median(target.latencies) for target in targets}
    head = "technique", "median ms", "p95 ms", "x floor", "x interact"
    rows = [[*head, "kernel CPU ms", "frames/s", "of", "lag ms", "CPU at rest", "near ms", "kB"]]
    for target in targets:
        mine = medians[target.name]
        p95 = quantiles(target.latencies, n=20, method="inclusive")[-1]
        row = [target.name, f"{mine:.0f}", f"{p95:.0f}"]
        for other in ("floor", "interact"):
            row.append(f"{mine / medians[other]:.2f}" if other in medians else "-")
        row.append(f"{mean(target.cpu):.1f}")
        row.append(f"{median(target.frames):.1f}" if target.frames else "-")
        row.append(f"{median(target.refreshes):.1f}" if target.frames else "-")
        row.append(f"{median(target.lags):.0f}" if target.lags else "-")
        row.append(f"{median(target.rest):.0f}" if target.rest else "-")
        row.append(f"{median(target.near):.0f}" if target.near else "-")
        row.append("-" if math.isnan(target.kilobytes) else f"{target.kilobytes:.1f}")
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *numbers in rows:
        cells = [text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True)]
        print("  ".join([name.ljust(widths[0]), *cells]))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100, help="steps of each target (100)")
    parser.add_argument("--drags", type=int, default=3, help="drags of each target (3)")
    parser.add_argument("--only", help="some of the targets, by the beginnings of their names")
    given = parser.parse_args()
    if given.steps < 2 or given.drags < 0:
        parser.error("--steps must be at least 2, --drags at least 0")
    targets = TARGETS
    if given.only:
        wanted = tuple(given.only.split(","))
        targets = [target for target in TARGETS if target.name.startswith(wanted)]
        if not targets:
            parser.error("--only must begin one of: " + ", ".join(one.name for one in TARGETS))
    return targets, given.steps, given.drags


def main():
    targets, steps, drags = arguments()
    with chromium() as browser, Lab(ROOT) as lab, lab.page(browser) as page:
        measure(page, targets, steps, drags)
        if problems := page.problems():
            sys.exit("Something went wrong meanwhile:\n" + "\n".join(problems))
    table(targets)
    print(
        f"\n{steps} steps each in turns of {BLOCK}, from the slider's event to the painted change."
        f"\nnear: from the pointer's arrival to the frames of the {NEAR} nearest positions."
        f"\nframes/s and lag: {drags} drags of 3 s with an event for each refresh of the display."
    )


if __name__ == "__main__":
    main()
