"""The frame that every instrument shares: controls, live figure, readouts, verdict, challenges.

An instrument is a subclass that says what is its own: its controls and texts as class attributes, one pure
function from settings to a result, the artists, and the words. All else is here, once.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from threading import RLock
from types import SimpleNamespace
from typing import Any, NamedTuple

import ipywidgets as widgets

from helpers import arguments
from helpers.figures.aloud import listen
from helpers.figures.live import LiveFigure
from helpers.figures.svg import unique_name
from helpers.figures.theme import STYLE, style
from helpers.instruments.controls import Seed

REST = 0.2  # seconds without a move after which a hand that drags has come to rest
AFTER_THE_PICTURE = 0.02  # seconds by which the words come after the curves, which a dragging eye follows


class Verdict(NamedTuple):
    """The finding in a word, in a sentence, and its tone: "good", "alarm" or "muted"."""

    word: str
    sentence: str
    tone: str


@dataclass(frozen=True)
class Challenge:
    """A task. `reached(settings, result)` tells when it is done; then `lesson` is shown."""

    name: str
    task: str
    start: Mapping[str, Any]
    reached: Callable[[SimpleNamespace, Any], bool]
    lesson: str


class Instrument(widgets.VBox):
    """Base of all instruments. A subclass defines:

    `title`, `question` (the caption), `controls`, `presets` {name: settings}, `challenges`;
    `experiment(settings) -> result`, a pure function, or a generator that yields its results so far;
    `draw() -> (figure, artists)`, called once, in which the artists that will move are made with
    `animated=True`; `move(artists, settings, result)`;
    `readouts(settings, result) -> [(name, value with unit)]`; `verdict(settings, result) -> Verdict`;
    `describe(settings, result) -> str`, what the figure shows, for a reader who cannot see it.
    `seeded = False` says that nothing is drawn at random; there is no seed then.

    An experiment of more than about 30 ms is a generator. While a slider moves, only its first result is
    shown; when the hand rests the others follow, and they stop for the next move. On the way to a result
    that takes long it yields None now and then, so that a move need not wait. Code cells, and the still
    picture, get the last result.

    Starting settings are keywords: `init_explorer(width=64, scheme="Xavier")`. An unknown name or a value
    out of range is a ValueError. Afterwards `.settings`, `.result` and `.set(...)` serve code cells.
    """

    title: str
    question: str
    controls: tuple
    presets: Mapping[str, Mapping[str, Any]] = {}
    challenges: tuple[Challenge, ...] = ()
    seeded = True

    def __init__(self, **settings):
        every = (*self.controls, Seed()) if self.seeded else self.controls
        self._controls = {control.name: control for control in every}
        self._defaults = {name: control.default for name, control in self._controls.items()}
        self._start = {**self._defaults, **self._checked(settings)}
        self._boxes = {n: c.widget(self._start[n]) for n, c in self._controls.items()}
        # JupyterLab may hand two messages to two threads of the kernel: the later move must win.
        self._lock, self._setting = RLock(), False
        self._moves = 0  # counts them, so that an experiment knows when its time is over
        self._challenge = None
        with style():
            figure, self._artists = self.draw()
        self.figure = LiveFigure(figure, self.title)
        self._aloud = unique_name(), unique_name()  # the ids of what a screen reader speaks
        self._status, self._task = (widgets.HTML(f'<div id="{id}"></div>') for id in self._aloud)
        for name, box in self._boxes.items():
            box.observe(lambda change, name=name: self._moved(name), "value")
        super().__init__(self._rooms())
        self.add_class("td-instrument")
        self._show()

    # What a code cell uses

    @property
    def settings(self):
        """The settings as they are now, by name."""
        return SimpleNamespace(**{name: box.value for name, box in self._boxes.items()})

    def set(self, **settings):
        """Change several settings at once. Raises ValueError, and changes nothing, if one is not allowed."""
        self._change(settings, by_hand=False)

    def reset(self):
        """Back to the starting settings and the starting seed: the picture that the learner first saw."""
        self.set(**self._start)

    def new_seed(self):
        """The next seed: other random numbers, all else as it is."""
        self._reseed(by_hand=False)

    # The frame

    def _change(self, settings, by_hand):
        checked = self._checked(settings)
        with self._lock:
            self._setting = True
            try:
                for name, value in checked.items():
                    self._controls[name].assign(self._boxes[name], value)
            finally:
                self._setting = False
            self._show(by_hand)

    def _reseed(self, by_hand=True):
        seed = self._controls["seed"]
        self._change({"seed": (self._boxes["seed"].value + 1) % (seed.highest + 1)}, by_hand)

    def _checked(self, settings):
        """The settings and what they imply, or a ValueError."""
        implied = {}
        for name, value in settings.items():
            arguments.one_of("setting", name, self._controls)
            implied.update(self._controls[name].implied(value))
        settings = {**implied, **settings}
        return {name: self._controls[name].check(value) for name, value in settings.items()}

    def _moved(self, name):
        with self._lock:
            if not self._setting:
                self._change({name: self._boxes[name].value}, by_hand=True)

    def _show(self, by_hand=False):
        """Do the experiment and show what was found: at once, or bit by bit if a hand is moving things."""
        self._moves += 1
        loop = _running_loop() if by_hand else None
        with self._problems_shown():
            settings = self.settings
            found = self.experiment(settings)
            results = found if isinstance(found, Iterator) else iter([found])
            if loop is None:
                *_, result = (result for result in results if result is not None)
                self._picture(settings, result)
                self._words(settings, result)
            else:
                result = next(results)
                self._picture(settings, result)
                self._later(loop, AFTER_THE_PICTURE, self._words, settings, result, results is not found)
                if results is found:
                    self._later(loop, REST, self._go_on, loop, settings, results)

    def _go_on(self, loop, settings, results):
        """Show the next of an experiment's results."""
        for result in results:
            if result is not None:
                self._picture(settings, result)
                self._words(settings, result, last=False)
            self._later(loop, 0, self._go_on, loop, settings, results)
            break
        else:
            self._words(settings, self.result)

    def _later(self, loop, seconds, then, *arguments):
        """Call it later, unless there is another move until then."""
        loop.call_later(seconds, self._unless_moved, self._moves, then, *arguments)

    def _unless_moved(self, moves, then, *arguments):
        with self._lock:
            if moves == self._moves:
                with self._problems_shown():
                    then(*arguments)

    def _picture(self, settings, result):
        self.result = result
        self.move(self._artists, settings, result)
        self.figure.redraw(self.describe(settings, result))

    def _words(self, settings, result, last=True):
        self._relabel()
        verdict, readouts = self.verdict(settings, result), self.readouts(settings, result)
        self._status.value = _status(verdict, readouts, self._aloud[0], last)
        self._show_challenge(settings)
        self.problem = None

    @contextmanager
    def _problems_shown(self):
        """A learner must never meet a traceback inside an instrument."""
        try:
            yield
        except Exception as error:
            self.problem = error
            self._relabel()
            self._status.value = _problem(error, self._aloud[0])

    def _relabel(self):
        for name, control in self._controls.items():
            control.relabel(self._boxes[name], self.settings)

    def _show_challenge(self, settings):
        card = '<div id="{}" class="{}">{}</div>'
        if self._challenge is None:
            self._task.value = card.format(self._aloud[1], "", "")
            return
        done = self._challenge.reached(settings, self.result)
        text = f"✓ Reached. {self._challenge.lesson}" if done else f"Goal: {self._challenge.task}"
        self._task.value = card.format(self._aloud[1], "td-card td-good" if done else "td-card", text)

    def _take(self, challenge):
        self._challenge = challenge
        self._show_case(challenge.start)

    def _show_case(self, settings):
        """Settings that do not depend on where the instrument started, but for the seed."""
        seed = {"seed": self._boxes["seed"].value} if self.seeded else {}
        self._change({**self._defaults, **seed, **settings}, by_hand=True)

    def _rooms(self):
        shown = [(control, self._boxes[control.name]) for control in self.controls]
        wide = [(control, box) for control, box in shown if getattr(control, "buttons", False)]
        in_rows = [_row(control.label, [box]) for control, box in wide]
        controls = widgets.GridBox(
            [box for control, box in shown if (control, box) not in wide],
            layout={
                "grid_template_columns": "repeat(auto-fit, minmax(300px, 1fr))",
                "grid_gap": "2px 16px",
                "width": "100%",
                "max_width": "840px",
            },
        )
        start = "Back to the starting settings" + (" and seed" if self.seeded else "")
        buttons = [_button("Reset", start, lambda _: self._change(self._start, by_hand=True))]
        if self.seeded:
            new = _button("New seed", "Other random numbers, same settings", lambda _: self._reseed())
            buttons += [self._boxes["seed"], new]
        presets = _row(
            "Try",
            [
                _button(name, f"Show: {name}", lambda _, s=settings: self._show_case(s))
                for name, settings in self.presets.items()
            ],
        )
        challenges = _row(
            "Challenges",
            [_button(c.name, c.task, lambda _, c=c: self._take(c)) for c in self.challenges],
        )
        title = f'<div class="td-title">{escape(self.title)}</div>'
        heading = widgets.HTML(STYLE + title + listen(*self._aloud))
        question = widgets.HTML(f'<div class="td-question">{self.question}</div>')
        rows = [row for row in (presets, challenges) if len(row.children) > 1]
        return [
            *(heading, self.figure, self._status),
            *(*in_rows, controls, _row("", buttons), *rows),
            *(self._task, question),
        ]

    def _repr_mimebundle_(self, **kwargs):
        """The widget for a page with a kernel, and a still picture with words for one without."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if isinstance(bundle, dict):
            # There is no picture yet if the very first experiment failed; the status then says so.
            picture = self.figure.picture().html() if self.figure.description else STYLE
            bundle["text/html"] = f'{picture}<p class="td-question">{self.question}</p>{self._status.value}'
            bundle["text/plain"] = f"{self.title}: {self.figure.description}"
        return bundle


def _running_loop():
    """The event loop that brings the widgets' messages; None in a plain Python program."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _status(verdict, readouts, id, heard):
    """The words under the figure. A verdict that is not the last one is seen, but not spoken."""
    own, silent = (f'id="{id}" ', "") if heard else ("", f'<div id="{id}"></div>')
    cells = "".join(
        f'<div class="td-readout"><span>{name}</span><b>{value}</b></div>' for name, value in readouts
    )
    return (
        f'<div class="td-status"><div {own}class="td-verdict td-{verdict.tone}">'
        f"<b>{verdict.word}</b> {verdict.sentence}</div>{silent}"
        f'<div class="td-readouts">{cells}</div></div>'
    )


def _problem(error, id):
    return (
        f'<div id="{id}" class="td-card td-alarm">These settings cannot be shown: '
        f"{escape(str(error))}. Press Reset to go back.</div>"
    )


def _row(label, buttons):
    layout = {"flex_flow": "row wrap", "align_items": "center", "max_width": "840px"}
    name = [widgets.HTML(f'<span class="td-row">{label}</span>')] if label else []
    return widgets.HBox([*name, *buttons], layout=layout)


def _button(name, tooltip, action):
    button = widgets.Button(description=name, tooltip=tooltip, layout={"width": "auto"})
    button.on_click(action)
    return button
