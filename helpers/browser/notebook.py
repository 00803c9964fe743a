"""What shows a module of this folder in a notebook: a widget.

An instrument's is one whose settings are traits, and that answers for frames.

The browser shows frames, keeps them, and says which it wants. One message asks for all: the frame that the
hand waits for now, and those that it may need next, nearest first. The newest message replaces every earlier
one, and nothing queues. Work is done in short steps, between which the kernel hears the next message.
"""

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from threading import RLock
from time import monotonic

from anywidget import AnyWidget
from traitlets import Any, Dict, Unicode, default

from helpers.figures.theme import style_rules

REST = 0.2  # seconds without a move after which a hand that drags has come to rest
BREATH = 0.004  # seconds between two steps of work, for the next message
STEP = 0.004  # seconds of work after which a step ends
PACE = 0.05  # seconds between two messages with frames that nobody waits for: each disturbs the browser
AHEAD = 5.0  # seconds of work for frames that nobody waits for, a message
SLOW = 0.1  # seconds of one step, which nothing can stop: after such a one none is made that nobody waits for
SYNC = {"sync": True, "echo_update": False}  # an echo would take back a move that was made meanwhile
HERE = Path(__file__).parent


class InBrowser(AnyWidget):
    """A widget that shows a `module` of this folder; without a kernel, what `still()` returns by mimetype."""

    module: str
    _esm, _css = Unicode().tag(sync=True), Unicode().tag(sync=True)
    _ipython_display_ = None  # ipywidgets 7 has one, which knows no still

    @default("_esm")
    def _read_script(self):
        return _with_imports(self.module)

    @default("_css")
    def _read_style(self):
        return style_rules()

    def _repr_mimebundle_(self, **kwargs):
        """The widget for a page with a kernel, and what is still for one without."""
        bundle = super()._repr_mimebundle_(**kwargs)
        with suppress(TypeError, ValueError):  # None: the widget was closed
            data, metadata = bundle
            return {**data, **self.still()}, metadata
        return bundle


def _with_imports(name):
    """A module as text, behind those that it imports: a widget's module can import no other by its name."""
    modules = {}

    def add(name):
        script = (HERE / name).read_text("utf-8")
        for imported in re.findall(r"(?m)^import .* from './(.*)';", script):
            if imported not in modules:
                add(imported)
        modules[name] = re.sub(r"(?m)^import .*\n", "", script)

    add(name)
    return "".join(modules.values())


class WithSettings(type(AnyWidget)):
    """Makes a synced trait of every control that a class names, and of its seed."""

    def __new__(meta, name, bases, body):
        for control in body.get("controls", ()):
            if control.name in body or any(hasattr(base, control.name) for base in bases):
                raise TypeError(
                    f"{name}: a control cannot have the name {control.name!r}, which means something else"
                )
            body[control.name] = Any(control.default).tag(**SYNC)
        if "controls" in body and body.get("seeded", True):
            body["seed"] = Any(0).tag(**SYNC)
        return super().__new__(meta, name, bases, body)


class InNotebook(InBrowser, metaclass=WithSettings):
    """A widget that shows frames. What a subclass brings: `check(settings)`, `frames(settings)`,
    `failed(error)` and `still()`.

    `check` returns the settings, each with all that it implies, or raises a ValueError. `frames` yields
    frames (dicts for JSON), each better than the one before, and None for a breath; only the last one has a
    true "last".
    `failed` is the frame of an error, and `still()` the picture for a page without a kernel, by mimetype.
    """

    module = "instrument.js"
    _about = Dict().tag(sync=True)
    _frame = Dict().tag(**SYNC)  # what is shown, so that a saved notebook shows it, too
    _guess = Any(None).tag(**SYNC)  # where the learner's dots stand, once they are committed

    def __init__(self, about, start, frame, guess=None):
        """`about`: all that does not change, for JSON; `start`: the settings, by name; `frame`: of them.
        `guess`: where the learner's dots stood when they were committed before; None if they were not."""
        self._names, self._ready = tuple(start), []
        self._work = 0  # counts messages and moves: older work ends
        # JupyterLab may hand two messages to two threads of the kernel: the later move must win.
        self._lock, self._setting = RLock(), False
        super().__init__(_about=about, _frame=frame, _guess=guess, **start)
        self.on_msg(lambda _, content, buffers: self._wanted(**content))
        self.observe(self._moved, self._names)

    # Moves

    def _assign(self, settings):
        self._setting = True
        try:
            for name, value in settings.items():
                self.set_trait(name, value)
        finally:
            self._setting = False

    def _moved(self, change):
        """A trait was changed by code, or by a link to another widget."""
        if not self._setting:
            try:
                self.set(**{change.name: change.new})
            except ValueError:
                self._assign({change.name: change.old})
                raise

    def set_state(self, sync_data):
        """What the browser says: settings that a hand moved, and the frame that it sees."""
        with self._lock:
            bad = []
            for name in {*self._names} & {*sync_data}:
                try:
                    sync_data[name] = self.check({name: sync_data[name]})[name]
                except ValueError:
                    bad.append(name)
            self._setting = True
            try:
                super().set_state({name: value for name, value in sync_data.items() if name not in bad})
            finally:
                self._setting = False
            if bad:
                self.send_state(bad)

    # Answers

    def _wanted(self, now=None, ahead=()):
        """The states of `now` and `ahead` (values in the order of the controls) are wanted; no other is."""
        with self._lock:
            self._work += 1
            self._send_ready()  # what the work that ends here has made
            self._go_on(self._answers(now, ahead), self._work, _running_loop())

    def _go_on(self, answers, work, loop):
        """Do one step of work, and the next one later, unless another message comes in between."""
        with self._lock:
            if loop is None:  # a plain Python program: nobody waits
                for _ in answers:
                    pass
            elif work == self._work:
                pause = next(answers, None)
                if pause is not None:
                    loop.call_later(pause, self._go_on, answers, work, loop)

    def _answers(self, now, ahead):
        """Send what one message wants. Yields the seconds to pause after each step."""
        since = monotonic()
        if now is not None:
            pause = REST  # while a slider moves only the first results are seen
            for frame in self._frames_of(now):
                if frame is not None:
                    self.send({"frames": [[now, frame]]})
                if not (frame and frame["last"]):
                    yield pause
                    pause, since = BREATH, monotonic()
            if monotonic() - since > SLOW:  # its neighbours would be slow, too, and stand in the way
                return
            yield BREATH
        worked, since, sent = 0.0, monotonic(), monotonic()
        for values in ahead:
            for frame in self._frames_of(values):
                if frame is not None and frame["last"]:
                    self._ready.append([values, frame])
                step = monotonic() - since
                if step > STEP:
                    worked += step
                    if worked > AHEAD or step > SLOW:
                        return self._send_ready()
                    if monotonic() - sent > PACE:
                        self._send_ready()
                        sent = monotonic()
                    yield BREATH
                    since = monotonic()
        self._send_ready()

    def _send_ready(self):
        if self._ready:
            self.send({"frames": self._ready})
            self._ready = []

    def _frames_of(self, values):
        """The frames of one state, in the order of the controls; the last shows a problem if there is one."""
        try:
            yield from self.frames(self.check(dict(zip(self._names, values, strict=True))))
        except Exception as error:  # a learner must never meet a traceback inside an instrument
            yield self.failed(error)


def _running_loop():
    """The event loop that brings the widgets' messages; None in a plain Python program."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
