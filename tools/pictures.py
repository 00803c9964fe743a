"""Take the pictures in docs/: the instruments as they look in JupyterLab.

    python tools/pictures.py

Each shows a code cell and the whole instrument under it. Running it again replaces them.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # `tools` is no installed package

from tools.lab import Lab, chromium  # noqa: E402

PICTURES = {  # name: (theme, code)
    "init_explorer": ("light", "from helpers import init_explorer\n\ninit_explorer()"),
    "batchnorm_stability": ("light", "from helpers import batchnorm_stability\n\nbatchnorm_stability()"),
    "gradient_flow": ("dark", "from helpers import gradient_flow\n\ngradient_flow()"),
}
WIDTH, HEIGHT = 1000, 1300  # of the window: high enough for the whole cell
LARGEST = 400_000  # bytes of a picture


def take(page, theme, code, path):
    """Write a picture of a cell with this code and of what it shows."""
    page.open_cells(code, "")
    page.command("application:toggle-left-area")
    page.run_all()
    page.set_theme(theme)
    # Select the other cell: a selected one has a frame and buttons.
    page.cell(1).locator(".jp-InputPrompt").click()
    page.page.mouse.move(0, 0)
    page.page.locator(".jp-WindowedPanel-outer").evaluate("notebook => notebook.scrollTop = 0")
    page.page.wait_for_timeout(500)  # until fades have ended
    box = page.cell(0).bounding_box()
    # The space for the prompt is wider than needed, and the right edge has none.
    clip = {**box, "x": box["x"] + 24, "width": box["width"] - 24 + 6}
    page.page.screenshot(path=path, clip=clip)


def main():
    folder = ROOT / "docs"
    folder.mkdir(exist_ok=True)
    with chromium() as browser, Lab(ROOT) as lab:
        for name, (theme, code) in PICTURES.items():
            path = folder / f"{name}.png"
            with lab.page(browser, WIDTH, HEIGHT, scale=2) as page:
                take(page, theme, code, path)
            size = path.stat().st_size
            print(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB")
            if size > LARGEST:
                sys.exit(f"{path} is too large")


if __name__ == "__main__":
    main()
