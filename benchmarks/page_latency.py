"""How long from a slider's event to painted pixels on the pages of `make site`, and what do they weigh?

    python benchmarks/page_latency.py site      # the folder of a built site; some minutes

Needs the package's `browser` extra and a Chromium, on a machine that does nothing else. A step is one input
event of a slider that goes to its end and back; the clock runs until the frame that shows it is painted, so
it holds the wait for the display's next refresh, of 0 to 17 ms. Loaded: from the moment when the instrument
comes near the window (or when the page was asked for, if it is near at once) until it can be moved.
"""

import re
import sys
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # `tools` is no installed package

from tools.lab import chromium  # noqa: E402
from tools.web.serving import served  # noqa: E402

STEPS = 60
WALK = """async (slider, steps) => {
  const times = [];
  let step = 1;
  for (let i = 0; i < steps; i++) {
    await new Promise(done => setTimeout(done, 20 + 17 * Math.random()));
    if (slider.valueAsNumber >= slider.max) step = -1;
    if (slider.valueAsNumber <= slider.min) step = 1;
    const start = performance.now();
    slider.valueAsNumber += step;
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    // What was asked for before is drawn before this; the message comes after the paint.
    await new Promise(requestAnimationFrame);
    const painted = new MessageChannel(), done = new Promise(tell => { painted.port1.onmessage = tell; });
    painted.port2.postMessage('');
    await done;
    times.push(performance.now() - start);
  }
  return times;
}"""
LOAD = """async element => {
  const start = element.getBoundingClientRect().top < innerHeight + 900 ? 0 : performance.now();
  element.scrollIntoView();
  while (!element.querySelector('.td-panel')) await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    site = Path(sys.argv[1])
    print(f"{'lesson: instrument':<52}{'kB':>6}{'loaded ms':>11}{'median ms':>11}{'p95 ms':>8}")
    with served(site) as url, chromium() as browser:
        for page in sorted(site.glob("notebooks/*.html")):
            seen = set()
            for file in re.findall(r'data-frames="([^"]*)"', page.read_text(encoding="utf-8")):
                if file in seen:
                    continue
                seen.add(file)
                with browser.new_context(viewport={"width": 1366, "height": 768}) as context:
                    tab = context.new_page()
                    tab.goto(f"{url}{page.relative_to(site).as_posix()}")
                    place = tab.locator(f'[data-frames="{file}"]').first
                    loaded = place.evaluate(LOAD)
                    if (commit := place.get_by_role("button", name="Commit")).count():
                        commit.click()  # a guess comes first
                    times = place.locator(".td-control [type=range]").first.evaluate(WALK, STEPS)
                size = (page.parent / file).stat().st_size
                name = f"{page.stem}: {Path(file).stem}"
                p95 = quantiles(times, n=20, method="inclusive")[-1]
                print(
                    f"{name:<52}{size / 1000:6.0f}{loaded:11.0f}{median(times):11.1f}{p95:8.1f}", flush=True
                )
            if seen:
                total = sum((page.parent / file).stat().st_size for file in seen)
                print(f"{page.stem + ', all':<52}{total / 1000:6.0f}", flush=True)


if __name__ == "__main__":
    main()
