"""What every instrument shares: from the settings to a frame, which is all that is seen of them.

An instrument is a subclass that says what is its own: its controls and texts as class attributes, one pure
function from settings to a result, the artists, and the words. All else is here, once, and in
`helpers/browser`, which shows the frames.
"""

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from helpers import arguments, contents
from helpers.browser.notebook import InNotebook
from helpers.figures.live import LiveFigure
from helpers.figures.reading import box
from helpers.figures.theme import output, style
from helpers.instruments.controls import Seed
from helpers.instruments.phrases import linked, plain
from helpers.progress.record import PROGRESS


class Verdict(NamedTuple):
    """The finding in a word, in a sentence, and its tone: "good", "alarm" or "muted"."""

    word: str
    sentence: str
    tone: str


@dataclass(frozen=True)
class Challenge:
    """A task. `reached(settings, result)` tells when it is done; then `lesson` is shown.

    `solution` holds settings that reach it, on top of those of the start, in an order to make them.
    """

    name: str
    task: str
    start: Mapping[str, Any]
    reached: Callable[[SimpleNamespace, Any], bool]
    lesson: str
    solution: Mapping[str, Any]


@dataclass(frozen=True)
class Guess:
    """A curve to be guessed before it is seen: the artist, and the places at which it has handles.

    `task` says what to draw. `shown` are the artists that stand on the paper meanwhile, none of which may
    give the curve away; an axis that rescales is always there. Handles start at the height
    `level` of the axes.
    """

    curve: str
    at: tuple[float, ...]
    task: str
    shown: tuple[str, ...] = ()
    level: float = 0.0

    def about(self, live, artists, panels):
        """All that the browser must know, as JSON; the ink is as it is now."""
        number = live.number(artists[self.curve])
        places = self._places(live, artists, [self.level] * len(self.at))
        return {
            "task": self.task,
            "panel": next(i for i, one in enumerate(panels) if number in [at for at, *_ in one["curves"]]),
            "curve": number,
            "xs": places[:, 0].round(2).tolist(),
            "ys": places[:, 1].round(2).tolist(),
            "ink": live.ink([artists[name] for name in self.shown]),
        }

    def drawn(self, live, artists, heights):
        """Where a guess of these heights, in the coordinates of the axes, stands in those of the SVG."""
        return self._places(live, artists, heights)[:, 1].round(2).tolist()

    def heights(self, live, artists, ys):
        """The heights of a guess whose dots stand at `ys`. ValueError unless that is a number for each."""
        ys = np.asarray(ys, float)
        if ys.shape != (len(self.at),) or not np.isfinite(ys).all():
            raise ValueError(f"ys={ys.tolist()}: {len(self.at)} finite numbers are needed, one for each dot")
        axes, height = artists[self.curve].axes, live.figure.bbox.height
        places = axes.transData.inverted().transform([[0, height - y] for y in ys])
        return np.clip(places[:, 1], *axes.get_ylim()).round(4).tolist()

    def _places(self, live, artists, heights):
        pixels = artists[self.curve].axes.transData.transform(np.column_stack([self.at, heights]))
        return np.array([0, live.figure.bbox.height]) + pixels * [1, -1]


@dataclass(frozen=True)
class Place:
    """Where settings are a place in the figure, which the hand can drag: in the axes of this number.

    x and y name the sliders whose values stand along them; `at` makes a value the coordinate there. Where the
    places move, `marks` are the artists whose markers stand there, in the order of the slider's values.
    """

    axes: int
    x: str | None = None
    y: str | None = None
    at: Callable[[Any], float] = float
    marks: tuple[str, ...] = ()

    def about(self, instrument, controls):
        """Where the axes are and where each value of these controls stands, in the coordinates of the SVG."""
        live, figure = instrument.figure, instrument.figure.figure
        axes, height = figure.axes[self.axes], figure.bbox.height
        corner = axes.get_xlim()[0], axes.get_ylim()[0]
        about = {"box": box(figure, axes)}
        for side, name in enumerate((self.x, self.y)):
            if name and self.marks:
                marks = live.number(instrument._artists[self.marks[side]])
                about["xy"[side]] = [name, marks, list(instrument._controls[name].values)]
            elif name:
                points = [list(corner) for _ in controls[name].values]
                for point, value in zip(points, controls[name].values, strict=True):
                    point[side] = self.at(value)
                pixels = axes.transData.transform(points)[:, side]
                about["xy"[side]] = [
                    name,
                    [round(p, 1) for p in (height - pixels if side else pixels).tolist()],
                ]
        return about


class Instrument(InNotebook):
    """Base of all instruments. A subclass defines:

    `title`, `question` (the caption), `controls`, `presets` {name: settings}, `challenges`;
    `experiment(settings) -> result`, a pure function, or a generator that yields its results so far;
    `draw() -> (figure, artists)`, called once, in which the artists that will move are made with
    `animated=True`; `move(artists, settings, result)`;
    `readouts(settings, result) -> [(name, value with unit)]`; `verdict(settings, result) -> Verdict`;
    `describe(settings, result) -> str`, what the figure shows, for a reader who cannot see it.
    `seeded = False` says that nothing is drawn at random; there is no seed then. `first` is the number of
    controls that are seen at once; the others are behind "More". `places` are the settings that can be
    dragged in the figure. `plays` names a slider along which something unfolds, layer by layer or step by
    step: a button runs through its positions. In `question`, "[50 layers](depth=50)" is a phrase that makes
    this setting. A pointer over the figure reads its curves; `readings` has the words for axes whose label
    does not do (`figures/reading.py`). `backwards` are the axes in which a gradient travels to the left, and
    is heard on its way. `guess` is the curve that a learner can be asked to draw first, by `guess=True`; it
    is noted, and shown when the cell runs again. `solved(settings, result)` and `on_solved(...)` are for what
    is to be written down when it is reached for the first time.

    An experiment of more than about 30 ms is a generator. While a slider moves, only its first result is
    shown; when the hand rests the others follow, and they stop for the next move. On the way to a result
    that takes long it yields None now and then, so that a move need not wait. Code cells, and the still
    picture, get the last result.

    A preset and a challenge are settings on top of those with which the instrument was opened: they name all
    that their words promise. Starting settings are keywords: `init_explorer(width=64, scheme="Xavier")`. An
    unknown name or a value out of range is a ValueError. Afterwards `.settings`, `.result` and `.set(...)`
    serve code cells, and each setting is a trait, to observe or to link.
    """

    title: str
    question: str
    controls: tuple
    presets: Mapping[str, Mapping[str, Any]] = {}
    challenges: tuple[Challenge, ...] = ()
    seeded = True
    first = 4
    places: tuple[Place, ...] = ()
    plays: str | None = None
    readings: Mapping[int, Any] = {}
    backwards: tuple[int, ...] = ()
    guess: Guess | None = None

    def __init_subclass__(cls, **kwargs):
        """Give the chapter's module a function of its own name: what a lesson calls."""
        super().__init_subclass__(**kwargs)
        if "controls" not in vars(cls):  # the class that anywidget makes for every single widget
            return
        if cls.__module__.startswith(f"{contents.CHAPTERS}."):
            entry = _entry(cls)
            setattr(sys.modules[cls.__module__], entry.__name__, entry)

    @classmethod
    def every_control(cls):
        """The controls, and the seed if there is one."""
        return (*cls.controls, Seed()) if cls.seeded else cls.controls

    def __init__(self, guess=False, **settings):
        if guess and not self.guess:
            raise ValueError(f"guess={guess!r}: in {self.title!r} there is no curve to guess")
        self._guesses = bool(guess)
        self._controls = {control.name: control for control in self.every_control()}
        defaults = {name: control.default for name, control in self._controls.items()}
        self._start = {**defaults, **self.check(settings)}
        with style():
            figure, self._artists = self.draw()
        self.figure = LiveFigure(figure, self.title)
        self._found, self._solved = (None, None), set()
        # Shown before it is told about: the axes of a guess are those of the start.
        frame = self._shown(SimpleNamespace(**self._start))
        super().__init__(self.about(), self._start, frame, self._guessed_before() if guess else None)
        self.observe(self._note, "_frame")
        self._note()
        self.observe(self._note_guess, "_guess")

    # What a code cell uses

    @property
    def settings(self):
        """The settings as they are now, by name."""
        return SimpleNamespace(**{name: getattr(self, name) for name in self._controls})

    @property
    def result(self):
        """What the experiment finds at the present settings, to its end."""
        settings = self.settings
        if self._found[0] != settings:
            self._found = settings, self._last(settings)
        return self._found[1]

    @property
    def description(self):
        """The figure in words."""
        return self._frame.get("says", "")

    @property
    def problem(self):
        """Why these settings cannot be shown; None if they can."""
        return self._frame.get("problem")

    def set(self, **settings):
        """Change several settings at once. Raises ValueError, and changes nothing, if one is not allowed."""
        checked = self.check(settings)
        with self._lock, self.hold_sync():
            self._work += 1  # what is under way for the browser is out of date
            self._assign(checked)
            self._frame = self._shown(self.settings)

    def reset(self):
        """Back to the starting settings and the starting seed: the picture that the learner first saw."""
        self.set(**self._start)

    def new_seed(self):
        """The next seed: other random numbers, all else as it is."""
        self.set(seed=self._controls["seed"].after(self.seed))

    def frame(self, **settings):
        """All that is seen at these settings, those left out as they were at the start: a dict for JSON."""
        settings = SimpleNamespace(**{**self._start, **self.check(settings)})
        return self._frame_of(settings, self._last(settings))

    # Frames

    def check(self, settings):
        """The settings and what they imply, or a ValueError."""
        implied = {}
        for name, value in settings.items():
            arguments.one_of("setting", name, self._controls)
            implied.update(self._controls[name].implied(value))
        settings = {**implied, **settings}
        return {name: self._controls[name].check(value) for name, value in settings.items()}

    def frames(self, settings):
        """The frames of these settings so far, and None for a breath."""
        settings, found = SimpleNamespace(**settings), None
        for result, last in self._results(settings):
            if result is not None:
                found, frame = result, self._frame_of(settings, result, last)
                yield frame
            else:
                yield None
        if not last:
            yield {**frame, "solved": self.solved(settings, found), "last": True}

    def _results(self, settings):
        """(result, is it the only one?) so far; result is None for a breath."""
        found = self.experiment(settings)
        for result in found if isinstance(found, Iterator) else (found,):
            yield result, found is result

    def _last(self, settings):
        *_, result = (result for result, _ in self._results(settings) if result is not None)
        return result

    def _frame_of(self, settings, result, last=True):
        self.move(self._artists, settings, result)
        return {
            "ink": self.figure.ink(),
            "units": self.figure.units(),
            "says": self.describe(settings, result),
            "values": {name: control.says(settings) for name, control in self._controls.items()},
            "verdict": list(self.verdict(settings, result)),
            "readouts": [list(row) for row in self.readouts(settings, result)],
            "reached": [one.name for one in self.challenges if one.reached(settings, result)],
            "solved": self.solved(settings, result) if last else None,
            "last": last,
        }

    def failed(self, error):
        """The frame of settings that cannot be shown."""
        words = escape(f"These settings cannot be shown: {error}. Press Reset to go back.", quote=False)
        return {"problem": words, "last": True}

    def _shown(self, settings):
        """Do the experiment to its end: the frame of what was found, or of what went wrong."""
        try:
            self._found = settings, self._last(settings)
            return self._frame_of(*self._found)
        except Exception as error:  # a learner must never meet a traceback inside an instrument
            return self.failed(error)

    def solved(self, settings, result):
        """What is to be written down if it is seen for the first time, as JSON; None if nothing is."""
        return None

    def on_solved(self, *what):
        """Called once for everything that `solved` returned (a list) and that was shown."""

    def _note(self, change=None):
        what = self._frame.get("solved")
        if what and tuple(what) not in self._solved:
            self._solved.add(tuple(what))
            self.on_solved(*what)

    # The guess

    @property
    def _guess_of(self):
        """What a guess is noted as: of which instrument, and at which settings."""
        return type(self).__module__.rpartition(".")[2], json.dumps(self._start)

    def _guessed_before(self):
        """The guess that was committed when the cell ran before, as the browser has it; None without one."""
        name, start = self._guess_of
        rows = [row for row in PROGRESS.answers(name) if (row.kind, row.draw) == ("guess", start)]
        heights = json.loads(rows[-1].answer) if rows else ()
        if len(heights) != len(self.guess.at):  # none, or one of another version of the course
            return None
        return self.guess.drawn(self.figure, self._artists, heights)

    def _note_guess(self, change):
        name, start = self._guess_of
        heights = self.guess.heights(self.figure, self._artists, change.new)
        PROGRESS.record("guess", name, json.dumps(heights), draw=start)

    # What stays

    def about(self):
        """All of the instrument that does not change, as JSON."""
        panels = self.figure.panels(self.readings, self.backwards)
        return {
            "name": type(self).__module__.rpartition(".")[2],
            "title": self.title,
            "question": linked(self.question, self.check),
            "paper": self.figure.paper,
            "controls": [control.about() for control in self._controls.values()],
            "first": self.first,
            "plays": self.plays,
            "panels": panels,
            "guess": self.guess.about(self.figure, self._artists, panels) if self._guesses else None,
            "legend": self.figure.legend,
            "places": [place.about(self, self._controls) for place in self.places],
            "start": list(self._start.values()),
            "defaults": [control.default for control in self._controls.values()],
            "presets": [[name, self._case(start)] for name, start in self.presets.items()],
            "challenges": [[c.name, c.task, c.lesson, self._case(c.start)] for c in self.challenges],
        }

    def _case(self, settings):
        """All settings of a preset or a challenge, but for the seed, which stays as it is."""
        case = {**self._start, **self.check(settings)}
        return [case[name] for name in self._controls if name != "seed" or "seed" in settings]

    def still(self):
        """The last picture and its words, by mimetype, for a page without a kernel."""
        frame, title = self._frame, escape(self.title)
        if "problem" in frame:
            picture, words = "", f'<div class="td-card td-alarm">{frame["problem"]}</div>'
        else:
            self.move(self._artists, self.settings, self.result)  # frames made ahead have moved them
            picture = self.figure.picture(self.description).image()
            word, sentence, tone = frame["verdict"]
            rows = "".join(f"<span><i>{name}</i> <b>{value}</b></span> " for name, value in frame["readouts"])
            words = (
                f'<div class="td-verdict td-{tone}"><b>{word}</b> {sentence}</div>'
                f'<div class="td-readouts">{rows}</div>'
            )
        question = f'<p class="td-question">{plain(self.question)}</p>'
        shown = f'{question}{picture}<div class="td-status">{words}</div>'
        if self._guesses and not self._guess:  # the truth is not in sight of the question
            shown = f"<details><summary>Guess first: {self.guess.task} Then look.</summary>{shown}</details>"
        html = f'<div class="td-instrument td-still"><div class="td-title">{title}</div>{shown}</div>'
        says = f"{self.title}: {self.description or self.problem}"
        return {"text/html": output(says, html), "text/plain": says}


def _entry(cls):
    """The function that makes an instrument: named as its module, explained by its controls."""

    def entry(guess=False, **settings):
        return cls(guess, **settings)

    controls = cls.every_control()
    entry.__module__ = cls.__module__
    entry.__name__ = entry.__qualname__ = cls.__module__.rpartition(".")[2]
    keywords = {c.name: c.default for c in controls} | ({"guess": False} if cls.guess else {})
    entry.__signature__ = inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in keywords.items()
        ]
    )
    lines = "\n".join(f"    {c.name}: {c.allowed}" for c in controls)
    lines += "\n    guess: True asks for a guess of the curve first" if cls.guess else ""
    entry.__doc__ = (
        f"{cls.title}. Starting settings are keywords; an unknown one, or a value that is not allowed, is a "
        f"ValueError.\n\n{lines}\n"
    )
    return entry
