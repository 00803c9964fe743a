"""Drive the real JupyterLab in a real Chromium: for the browser tests, benchmarks and pictures.

    with chromium() as browser, Lab(ROOT, theme="dark") as lab, lab.page(browser) as page:
        page.open("notebooks/01_depth_problem.ipynb")
        page.run_all()
        page.drag(page.slider("Depth"), 1)
        assert page.problems() == []

Everything JupyterLab writes, its copy of the notebooks included, goes to a temporary folder, so a
run never changes the work tree, a learner's progress or somebody's own JupyterLab settings. The
package `helpers` is the one installed for this interpreter. Needs a POSIX system.
"""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
from playwright.sync_api import expect, sync_playwright

expect.set_options(timeout=30_000)  # ms: a slow machine may take long, and what is there is seen at once

OVERRIDES = Path(__file__).with_name("overrides.json")  # what `make lab` sets for a learner
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# Messages that are not ours and that nothing of ours can mend.
ALLOWED_CONSOLE_ERRORS = ()  # regular expressions
ALLOWED_STDERR = (
    # JupyterLab asks a fresh kernel for its widgets, also one that has not imported ipywidgets yet.
    r"No such comm: \w{8}-[\w-]+",
    r"No such comm target registered: jupyter\.widget\.control",
)

CHROMIUM_FLAGS = [
    "--no-sandbox",  # containers and CI have no user namespaces
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]

# JavaScript: the kernel connection of the notebook in front.
KERNEL = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel"

# JavaScript: keep every traceback and every text on stderr that the kernel sends from now on.
COLLECT_PROBLEMS = r"""() => {
  window.kernelProblems = [];
  const plain = text => text.replace(/\x1b\[[0-9;]*m/g, '');  // without the terminal's colours
  window.jupyterapp.shell.currentWidget.sessionContext.iopubMessage.connect((_, message) => {
    const {header: {msg_type: type}, content} = message;
    if (type === 'error') window.kernelProblems.push(plain(content.traceback.join('\n')));
    if (type === 'stream' && content.name === 'stderr') window.kernelProblems.push(content.text);
  });
}"""


def find_chromium():
    """The path of the Chromium to drive: $CHROMIUM, or else the first one on the PATH.

    Raises RuntimeError when there is none: without a browser the tests fail, they do not skip.
    """
    chosen = os.environ.get("CHROMIUM")
    names = [chosen] if chosen else ["chromium", "chromium-browser", "google-chrome"]
    for name in names:
        if path := shutil.which(name):
            return path
    raise RuntimeError(
        f"No Chromium found (looked for {', '.join(names)}). Install one, or set the environment "
        "variable CHROMIUM to the program."
    )


@contextmanager
def chromium():
    """A headless Chromium (a playwright Browser), closed at the end."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Lab:
    """A running JupyterLab; a context manager.

    `theme` is "light" or "dark". `windowing` is the setting of that name of JupyterLab's notebooks:
    "none" keeps every cell attached to the page, so that a test finds a widget wherever it is;
    "contentVisibility" (4.6) and "full" (4.2 to 4.5) are what a learner has.

    `folder` is the temporary root that JupyterLab serves, `home` the folder of the learner's
    progress, `process` the server.
    """

    def __init__(self, root, theme="light", windowing="none"):
        self.root, self.theme, self.windowing = Path(root), theme, windowing

    def __enter__(self):
        # ignore_cleanup_errors, because a kernel that ends late may still write into the folder.
        self._temporary = tempfile.TemporaryDirectory(prefix="trainable-depth-", ignore_cleanup_errors=True)
        base = Path(self._temporary.name)
        self.folder, self.home = base / "course", base / "home"
        self._settings = base / "settings"
        self._runtime, self._log = base / "runtime", base / "server.log"
        self.token = secrets.token_hex(16)
        self.process = None
        try:
            self._start(base)
            self._wait_until_it_answers()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def _copy_notebooks(self):
        for name in ("notebooks", "exercises"):
            if (self.root / name).is_dir():
                ignore = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
                shutil.copytree(self.root / name, self.folder / name, ignore=ignore, dirs_exist_ok=True)

    def _write_settings(self):
        settings = {
            "apputils-extension/themes": {"theme": THEMES[self.theme]},
            # Neither asks a question nor calls out to the network.
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
            "notebook-extension/tracker": {"windowingMode": self.windowing},
        }
        settings = {f"@jupyterlab/{name}": values for name, values in settings.items()}
        for name, values in json.loads(OVERRIDES.read_text(encoding="utf-8")).items():
            settings[name.replace(":", "/")] = values
        for name, values in settings.items():
            path = self._settings / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")

    def _start(self, base):
        self.folder.mkdir()
        # MPLBACKEND, if the shell sets it, would keep figures out of the notebooks.
        env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
        env |= {
            "JUPYTER_TOKEN": self.token,
            "JUPYTERLAB_SETTINGS_DIR": str(self._settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(base / "workspaces"),
            "JUPYTER_CONFIG_DIR": str(base / "config"),
            "JUPYTER_DATA_DIR": str(base / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "IPYTHONDIR": str(base / "ipython"),
            "TRAINABLE_DEPTH_HOME": str(self.home),
        }
        options = [
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",  # any free one: the server writes which
            f"--ServerApp.root_dir={self.folder}",
            "--LabApp.expose_app_in_browser=True",
        ]
        with self._log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *options],
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a process group of its own, which _stop can end whole
            )

    def _wait_until_it_answers(self, timeout=60):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            # Not there yet, half written, or not listening yet.
            with suppress(OSError, ValueError, StopIteration):
                info = json.loads(next(self._runtime.glob("jpserver-*.json")).read_text("utf-8"))
                self.url = f"http://127.0.0.1:{info['port']}/"
                self.request("api/status")
                return
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{self._log.read_text('utf-8')}")

    def _stop(self):
        if self.process is not None:
            # On SIGTERM the server ends its kernels, which are not in its process group.
            for sign, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
                with suppress(ProcessLookupError):
                    os.killpg(self.process.pid, sign)
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(patience)
        self._temporary.cleanup()

    def request(self, path, method="GET"):
        """Ask the server's REST interface; return the JSON of its answer, if any."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def end_kernels(self):
        """End every kernel, so that the next page to open a notebook gets a fresh one."""
        for kernel in self.request("api/kernels"):
            self.request(f"api/kernels/{kernel['id']}", method="DELETE")

    def write_notebook(self, name, cells):
        """Write a notebook with these code cells to the temporary root; return its path there.

        cells: their sources, or {id: source}.
        """
        named = cells.items() if isinstance(cells, dict) else ((None, source) for source in cells)
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source, **({"id": id} if id else {})) for id, source in named],
            # Without a kernelspec JupyterLab asks which kernel to start.
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, self.folder / name)
        return name

    @contextmanager
    def page(self, browser, width=1280, height=900, scale=1):
        """A fresh page (`LabPage`); at the end every kernel ends. One page at a time.

        Whatever an earlier page did, notebooks are those of the work tree again, the settings those
        of this Lab, and the learner has no progress yet.
        """
        shutil.rmtree(self.home, ignore_errors=True)
        self._copy_notebooks()
        self._write_settings()
        context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
        try:
            yield LabPage(self, context.new_page())
        finally:
            context.close()
            self.end_kernels()


class LabPage:
    """JupyterLab in a browser tab. `page` is playwright's Page, for whatever has no verb here."""

    def __init__(self, lab, page):
        self.lab, self.page = lab, page
        self.console_errors = []  # console messages of level "error", and uncaught exceptions
        page.on("console", lambda message: message.type == "error" and self._note(message.text))
        page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))

    def _note(self, text):
        if not _allowed(text, ALLOWED_CONSOLE_ERRORS):
            self.console_errors.append(text)

    # Notebook and kernel

    def open(self, path, timeout=60):
        """Open a notebook by its path below the root, and wait until its kernel is idle.

        Opened again on the same page it keeps its kernel, as it does for a learner who reloads.
        """
        self.page.goto(f"{self.lab.url}lab/tree/{path}?reset&token={self.lab.token}")
        self.page.wait_for_function(
            f"() => {KERNEL}?.status === 'idle' || document.querySelector('.jp-Dialog')",
            timeout=timeout * 1000,
        )
        dialog = self.page.locator(".jp-Dialog")
        if dialog.count():
            raise RuntimeError(f"{path}: JupyterLab asks: {dialog.first.inner_text()!r}")
        self.page.evaluate(COLLECT_PROBLEMS)

    def open_cells(self, *sources, name="scratch.ipynb"):
        """Write a notebook with these code cells to the temporary root, and open it."""
        self.open(self.lab.write_notebook(name, sources))

    def command(self, name, args=None, timeout=120):
        """Execute a JupyterLab command and wait until it is done."""
        self.page.evaluate(
            """([name, args, limit]) => Promise.race([
                window.jupyterapp.commands.execute(name, args).then(() => null),
                new Promise((_, fail) => setTimeout(
                    () => fail(new Error(`${name} took more than ${limit} s`)), 1000 * limit))
            ])""",
            [name, args or {}, timeout],
        )

    def run_all(self, timeout=120):
        """Run every cell, as the Run menu does, and wait until the kernel is idle again."""
        self.command("runmenu:run-all", timeout=timeout)
        self.wait_idle(timeout=timeout)

    def wait_idle(self, quiet=0.2, timeout=60):
        """Wait until the kernel has been idle for `quiet` seconds without a break.

        A background asyncio task does not make a kernel busy: wait for what it shows instead.
        """
        deadline, since = time.monotonic() + timeout, None
        while since is None or time.monotonic() - since < quiet:
            if time.monotonic() > deadline:
                raise TimeoutError(f"The kernel was not idle within {timeout} s")
            if self.page.evaluate(f"{KERNEL}?.status") != "idle":
                since = None
            elif since is None:
                since = time.monotonic()
            self.page.wait_for_timeout(20)

    def problems(self):
        """What must not be there: console errors, tracebacks, stderr, broken widgets (strings).

        Tracebacks and stderr are those since `open`, also of a widget's callback, which JupyterLab
        shows to nobody.
        """
        sent = self.page.evaluate("window.kernelProblems || []")
        kernel = [text for text in sent if not _allowed(text, ALLOWED_STDERR)]
        widgets = self.page.get_by_text(re.compile(r"Error (displaying|creating) widget"))
        return self.console_errors + kernel + widgets.all_text_contents()

    # Finding things (all return playwright Locators, which wait until what they name is there)

    def cell(self, index):
        """The cell of this index."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def slider(self, label, within=None):
        """The slider whose label begins with `label` ("Depth" finds "Depth L = 30").

        It is an instrument's, or one of ipywidgets. `within` is a Locator to search in, such as a cell. Two
        sliders that match are an error as soon as the locator is used.
        """
        begins = re.compile(rf"^\s*{re.escape(label)}")
        within = within or self.page
        ours = within.locator(".td-control:has(input[type=range])").filter(
            has=self.page.locator("label", has_text=begins)
        )
        other = within.locator(".widget-slider").filter(
            has=self.page.locator(".widget-label", has_text=begins)
        )
        return ours.or_(other)

    # Doing what a person does

    def _handle(self, slider):
        """What of the slider has the keyboard, made visible."""
        slider.evaluate("slider => slider.closest('details')?.setAttribute('open', '')")
        return slider.locator("input[type=range], .noUi-handle").first

    def _places(self, slider):
        """Where a slider's handle stands, and the left and right end of its way, in pixels."""
        handle = self._handle(slider)
        if handle.get_attribute("type") == "range":
            box = handle.bounding_box()
            share = handle.evaluate("input => (input.value - input.min) / (input.max - input.min || 1)")
            left, right = box["x"] + 12, box["x"] + box["width"] - 12  # half a handle from the ends
            return left + share * (right - left), left, right, box["y"] + box["height"] / 2
        handle, track = handle.bounding_box(), slider.locator(".noUi-base").bounding_box()
        middle = handle["x"] + handle["width"] / 2
        return middle, track["x"], track["x"] + track["width"], handle["y"] + handle["height"] / 2

    def drag(self, slider, to, moves=20):
        """Drag a slider's handle with the mouse to a fraction of its way: 0 left end, 1 right."""
        self._handle(slider).scroll_into_view_if_needed()
        at, left, right, y = self._places(slider)
        overshoot = 8 if to >= 1 else -8 if to <= 0 else 0  # nobody stops at the very last pixel
        mouse = self.page.mouse
        mouse.move(at, y)
        mouse.down()
        mouse.move(left + to * (right - left) + overshoot, y, steps=moves)
        mouse.up()

    def sweep(self, slider, seconds, end, held=True):
        """Hold a slider's handle and sweep it from end to end; let go at a fraction of its way.

        Returns the number of moves. With `held=False` the mouse makes them and holds nothing.
        """
        self._handle(slider).scroll_into_view_if_needed()
        at, left, right, y = self._places(slider)
        mouse = self.page.mouse
        mouse.move(at, y)
        if held:
            mouse.down()
        began, steps = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            phase = 2 * (time.monotonic() - began) % 2  # there and back once a second
            mouse.move(left + (right - left) * min(phase, 2 - phase), y)
            self.page.wait_for_timeout(10)
            steps += 1
        mouse.move(left + (right - left) * end, y, steps=3)
        if held:
            mouse.up()
        return steps

    def press(self, slider, *keys):
        """Focus a slider's handle and press keys: ArrowRight, ArrowLeft, Home, End, PageUp ..."""
        self._handle(slider).focus()
        for key in keys:
            self.page.keyboard.press(key)

    def value(self, slider):
        """The number on which a slider's handle stands (of an instrument's slider: the index)."""
        handle = self._handle(slider)
        if handle.get_attribute("type") == "range":
            return float(handle.input_value())
        return float(handle.get_attribute("aria-valuenow"))

    def set_theme(self, theme):
        """Switch to the "light" or "dark" theme and wait until the page shows it."""
        self.command("apputils:change-theme", {"theme": THEMES[theme]})
        shown = f'body[data-jp-theme-light="{str(theme == "light").lower()}"]'
        self.page.wait_for_selector(shown, state="attached")  # to playwright a body is "hidden"

    def screenshot(self, path, target=None):
        """Write a PNG of the page, or of a Locator. What does not fit the page is cut off."""
        if target is not None:
            target.scroll_into_view_if_needed()
        (target or self.page).screenshot(path=path)


def _allowed(text, patterns):
    """Whether every line of the text is wholly one of the allowed messages."""
    return all(any(re.fullmatch(one, line) for one in patterns) for line in text.splitlines() or [text])
