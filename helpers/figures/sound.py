"""Curves to be heard: the higher a value stands in a figure, the higher its tone.

Equal steps up the figure are equal musical intervals. On a logarithmic axis the curve of a constant factor is
therefore a scale that rises or falls by the same interval at every layer, and one that holds is a note that
is repeated. Where 1 stands in the middle, it is the A of a tuning fork.
"""

import numpy as np

from helpers import arguments
from helpers.figures.decades import REACHES
from helpers.figures.numbers import log10

LOW, HIGH = 110.0, 1760.0  # Hz, at the lower and the upper end of an axis: four octaves
LOST = 55.0  # Hz, and buzzing: there is no value
NOTE = 0.12  # seconds that a note lasts, and
LONGEST = 6.0  # seconds for all of a curve
RATE = 22_050  # samples a second
LOUD, FADE = 0.3, 0.01  # of 1, and seconds: without fading a note clicks

# What a note sounds like, by its shape: the browser has oscillators of these names.
SHAPES = {
    "sine": np.sin,
    "square": lambda phase: np.sign(np.sin(phase)) / 3,  # beyond the axis: at its end, and hollow
    "sawtooth": lambda phase: (phase / np.pi % 2 - 1) / 2,  # lost
}


def tone(share):
    """The frequency in Hz for a height as a share of the axis: LOW at 0, HIGH at 1."""
    return LOW * (HIGH / LOW) ** np.asarray(share, float)


def about(low, high):
    """All that the browser must know, as JSON: how a place from `low` to `high` becomes a frequency (as
    reading.py says it of values), and how long notes last."""
    step = float(np.log10(HIGH / LOW) / (high - low))
    scale = ["log", float(np.log10(LOW) - step * low), step]
    return {"scale": scale, "lost": LOST, "note": NOTE, "longest": LONGEST}


def notes(values, log=True):
    """The notes [(frequency in Hz, shape)] of values (n,), heard as on an instrument's axis.

    With `log` 1 stands in the middle and the axis reaches as many decades to both sides as the values need,
    at least two. Otherwise it goes from the smallest to the largest. What has no place on it is beyond an
    end, as 0 is with `log`, and infinity; only nan is lost.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"values of shape {values.shape}: one or more numbers in a row are needed")
    heights = log10(values) if log else values
    known = heights[np.isfinite(heights)]
    if log:
        farthest = np.abs(known).max(initial=2)
        high = next((reach for reach in REACHES if farthest <= reach), REACHES[-1])
        low = -high
    else:
        low, high = (known.min(), known.max()) if known.size else (0, 0)
    shares = (heights - low) / (high - low) if low < high else heights - low + 0.5
    return [_note(share) for share in shares.tolist()]


def _note(share):
    if np.isnan(share):
        return LOST, "sawtooth"
    return float(tone(np.clip(share, 0, 1))), "sine" if 0 <= share <= 1 else "square"


def wave(notes):
    """The notes, one after another, as samples (n,) between −1 and 1, RATE of them a second."""
    count = round(RATE * min(NOTE, LONGEST / len(notes)))
    time = np.arange(count) / RATE
    fade = np.minimum(1, np.minimum(time, time[::-1]) / FADE)
    played = [LOUD * fade * SHAPES[shape](2 * np.pi * frequency * time) for frequency, shape in notes]
    return np.concatenate(played)


def hear(values, log=True):
    """A curve as sound: a player, silent until somebody starts it.

    values: (n,), as `by_layer` draws them. The higher a value, the higher its note; with `log` a constant
    factor from one to the next is a constant interval, so that what explodes rises, what vanishes falls, and
    what holds repeats one note. A value without a place on the axis, such as nan, buzzes. Raises ValueError
    for values that are not one or more numbers in a row.
    """
    from IPython.display import Audio  # a notebook has it; what only draws need not load it

    log = arguments.one_of("log", log, (True, False))
    return Audio(wave(notes(values, log)), rate=RATE, normalize=False)
