"""What all patients share: their settings, their Results, and how they are seen."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers.chapters.rescue import rescue
from helpers.chapters.rescue.rescue import Symptoms
from helpers.digits import DIVERGED, GUESSING, LEARNED, Course
from helpers.figures import svg, theme
from helpers.figures.decades import Decades, LogFormatter
from helpers.figures.numbers import counted, from_log10, log10, short
from helpers.instruments.frame import Instrument, Verdict
from helpers.progress.record import PROGRESS

HARMLESS = 4  # decades that are always seen: less is no symptom, and must not look like one
LOSSES = (0.01, 1e4)  # seen in the picture of the loss
NAMES = {
    "init": "weights",
    "act": "activation",
    "norm": "norm",
    "skip": "skip",
    "scale": "branch scale",
    "lr": "η",
    "clip": "clipping",
}


@dataclass(frozen=True)
class Result:
    """The network before its first step, as found and as it is now; its training; what was changed."""

    found: Symptoms
    now: Symptoms
    course: Course
    changed: tuple[str, ...]

    @property
    def finished(self):
        return len(self.course.loss) == rescue.STEPS


def treated(found, now, seed):
    """The Results of a design as it was found, treated so that it is as it is now."""
    seen = _symptoms(found, seed), _symptoms(now, seed)
    changed = tuple(f"{NAMES[name]}: {worded(getattr(now, name))}" for name in found.changes(now))
    yield Result(*seen, Course(np.empty(0)), changed)
    for course in rescue.training(now, seed):
        yield Result(*seen, course, changed)


@lru_cache(maxsize=64)
def _symptoms(design, seed):
    return rescue.symptoms(design, seed)


def worded(value):
    """A setting's value as it is shown."""
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def is_cured(r, budget):
    """Does it learn, after at least one change and no more than the budget?"""
    return r.finished and r.course.learns and 1 <= len(r.changed) <= budget


class Bedside(Instrument):
    """What is seen of a patient: the symptoms as it was found and as it is now, its training, its changes."""

    def case(self, s):
        """The patient: its `design`, and the `budget` of changes that is enough."""
        raise NotImplementedError

    def on_solved(self, patient, treatment, right):
        """Note what `solved` returns: the patient's id, the treatment in words, and whether all was right."""
        PROGRESS.record("question", patient, treatment, right)

    def draw(self):
        figure = svg.new_figure(8.4, 3.9)
        signal, gradient, course = figure.subplots(1, 3)
        figure.subplots_adjust(left=0.07, right=0.985, bottom=0.25, top=0.91, wspace=0.3)
        for axes, title in (
            (signal, "Signal $E[h^2]$"),
            (gradient, r"Gradient $\|\partial L/\partial h\|$, top = 1"),
        ):
            axes.set(xlim=(-1, rescue.DEPTH + 1), xticks=range(0, 51, 10), xlabel="layer")
            axes.set_title(title, loc="left")
            axes.axhline(0, **theme.TARGET)
        low, high = np.log10(LOSSES)
        course.set(xlim=(-4, rescue.STEPS + 4), ylim=(low, high), xlabel="step")
        course.set_yticks(range(int(low), int(high) + 1))
        course.yaxis.set_major_formatter(LogFormatter())
        course.set_title("Training loss", loc="left")
        course.axhline(np.log10(GUESSING), label=f"guessing: {GUESSING:.2f}", **theme.TARGET)
        course.axhline(np.log10(LEARNED), label=f"learns below {LEARNED:.2f}", **theme.LEARNED)
        now = {**theme.MEASURED_LINE, "markevery": 4}
        found = {"ls": ":", "lw": 2.4, "color": theme.SECOND, "animated": True}
        artists = {
            "axes": [Decades(axes) for axes in (signal, gradient)],
            "found_signal": signal.plot([], [], label="as found", **found)[0],
            "now_signal": signal.plot([], [], label="now", **now)[0],
            "found_gradient": gradient.plot([], [], **found)[0],
            "now_gradient": gradient.plot([], [], **now)[0],
            "loss": course.plot([], [], color=theme.MEASURED, lw=1.6, label="loss", animated=True)[0],
            "end": course.plot([], [], **theme.LOST)[0],
            "note": course.text(75, high - 0.8, "", ha="center", va="center", animated=True),
        }
        handles = [artists["found_signal"], artists["now_signal"], *course.get_lines()[:2]]
        figure.legend(handles, [h.get_label() for h in handles], loc="lower center", ncols=4, fontsize=9)
        return figure, artists

    def move(self, artists, s, r):
        seen, (signal, gradient) = {"found": r.found, "now": r.now}, artists["axes"]
        signals = {name: log10(one.signal) for name, one in seen.items()}
        gradients = {name: log10(one.gradient[1:] / one.gradient[-1]) for name, one in seen.items()}
        signal.fit(*signals.values(), HARMLESS)
        gradient.fit(*gradients.values(), HARMLESS)
        for name, one in seen.items():
            artists[f"{name}_signal"].set_data(one.layers, _within(signal.place(signals[name])))
            artists[f"{name}_gradient"].set_data(one.layers[1:], _within(gradient.place(gradients[name])))
        end = _lost(r.course) or len(r.course.loss)
        loss = np.clip(np.nan_to_num(log10(r.course.loss[:end]), nan=9), -9, 9)
        artists["loss"].set_data(range(1, end + 1), loss)
        top = np.log10(LOSSES[1]) - 0.15
        artists["end"].set_data(*([end], [top]) if _lost(r.course) else ([], []))
        artists["note"].set_text(f"not finite from step {end}" if _lost(r.course) else "")

    def readouts(self, s, r):
        enough = self.case(s).budget
        return [
            ("changes", f"{len(r.changed)} of {enough}" if enough else f"{len(r.changed)}"),
            ("gradient, first over last layer", _size(r.now.gradient_ratio)),
            ("E[h²], last layer", _size(r.now.signal[-1])),
            ("cosine between inputs", f"{r.now.alike[-1]:.2f}".replace("-", "−")),
            ("loss", _final(r.course)),
        ]

    def verdict(self, s, r):
        changes = counted(len(r.changed), "change")
        what = f" ({'; '.join(r.changed)})" if r.changed else ""
        if not r.finished:
            return Verdict(
                "TRAINING", f"step {len(r.course.loss)} of {rescue.STEPS}, {changes}{what}.", "muted"
            )
        enough = self.case(s).budget
        if is_cured(r, enough):
            return Verdict("SOLVED", f"in {changes}{what}: the loss is {short(r.course.final)}.", "good")
        if r.course.learns and not enough:
            return Verdict("HEALTHY", f"the loss is {short(r.course.final)}; {changes}{what}.", "good")
        if r.course.learns:
            return Verdict("TRAINS", f"but after {changes}{what}; {enough} would be enough.", "muted")
        if _lost(r.course):
            return Verdict(
                "DIVERGED",
                f"the loss is not finite from step {_lost(r.course)} on; {changes}{what}.",
                "alarm",
            )
        word = "DIVERGED" if r.course.outcome == DIVERGED else "STUCK"
        return Verdict(
            word,
            f"a loss of {short(r.course.final)} after {rescue.STEPS} steps, where guessing gives "
            f"{GUESSING:.2f}; {changes}{what}.",
            "alarm",
        )

    def describe(self, s, r):
        return (
            f"Patient {s.patient}, three pictures by layer and by step. Signal: E[h²] goes from "
            f"{_size(r.now.signal[0])} at the input to {_size(r.now.signal[-1])} at the last hidden "
            f"layer. Gradient: that of the first hidden layer is {_size(r.now.gradient_ratio)} times "
            f"that of the last. Training loss: {_final(r.course)}. Dotted lines show the network as it "
            f"was found, with a ratio of {_size(r.found.gradient_ratio)}. Changes: "
            f"{'; '.join(r.changed) or 'none'}."
        )


def _lost(course):
    """The step (1, 2, …) from which the loss is not finite, or None."""
    return course.lost_at + 1 if course.overflowed else None


def _final(course):
    if course.overflowed:
        return f"not finite from step {_lost(course)}"
    return short(course.final) if len(course.loss) else "no step yet"


def _size(value):
    return "∞" if np.isnan(value) else from_log10(log10(value))


def _within(places):
    """Places on an axis, cut off outside the picture, also where float32 has nothing left or no room."""
    return np.clip(np.nan_to_num(places, nan=2.0), -1, 2)
