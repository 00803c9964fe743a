"""What is heard of a curve: a constant factor is a constant interval, and what has no value buzzes."""

import io
import wave as wav

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import hear
from helpers.figures import sound, svg
from helpers.figures.decades import REACHES, Decades
from helpers.figures.live import LiveFigure

REACHABLE = REACHES[-1] - 1e-6  # decades to both sides that an axis can have


def heard(values, log=True):
    """(frequencies, shapes)."""
    frequencies, shapes = zip(*sound.notes(values, log), strict=True)
    return np.array(frequencies), shapes


@given(st.floats(-3, 3), st.integers(2, 60), st.floats(-20, 20))
def test_a_constant_factor_is_a_constant_interval(log_factor, depth, log_start):
    course = 10.0 ** (log_start + log_factor * np.arange(depth))
    frequencies, shapes = heard(course)
    intervals = frequencies[1:] / frequencies[:-1]
    np.testing.assert_allclose(intervals, intervals[0], rtol=1e-9)
    assert set(shapes) == {"sine"}
    if abs(log_factor) > 1e-6:
        assert (intervals[0] > 1) == (log_factor > 0)


@pytest.mark.parametrize("log", [True, False])
@given(values=st.lists(st.floats(1e-150, 1e150), min_size=2, max_size=40))
def test_higher_is_never_lower_and_all_is_within_the_octaves(log, values):
    frequencies, _ = heard(values, log)
    assert np.all(np.diff(frequencies[np.argsort(values, kind="stable")]) >= -1e-9)
    assert frequencies.min() >= sound.LOW - 1e-9 and frequencies.max() <= sound.HIGH + 1e-9


def test_what_holds_repeats_the_a_of_a_tuning_fork_and_explodes_and_vanishes_mirror_each_other():
    np.testing.assert_allclose(heard(np.ones(20))[0], 440.0)
    up, down = heard(1.1 ** np.arange(50))[0], heard(1.1 ** -np.arange(50.0))[0]
    np.testing.assert_allclose(up * down, 440.0**2)
    assert up[-1] > 1.5 * up[0] and np.all(np.diff(up) > 0)


@pytest.mark.parametrize("reach", [reach for reach in REACHES if reach >= 2])
def test_it_sounds_as_on_the_axis_that_an_instrument_draws(reach):
    """A `Decades` axis of the same values; the browser is told its tones by `reading.panels`."""
    figure = svg.new_figure()
    axes = figure.subplots()
    axis = Decades(axes)
    axes.plot([], [], label="a curve", animated=True)
    (panel,) = LiveFigure(figure, "A title").panels({0: "layer {}"})
    logs = np.linspace(-reach, reach, 7)[:-1]
    axis.fit(logs)
    assert axis.reach == reach
    _, start, step = panel["tone"]["scale"]
    for log, frequency in zip(logs, heard(10.0**logs)[0], strict=True):
        _, up = axes.transData.transform((0, float(axis.place(log))))
        place = figure.bbox.height - up
        assert 10 ** (start + step * place) == pytest.approx(frequency, rel=1e-6)
    assert panel["tone"]["lost"] == sound.LOST < sound.LOW


def test_what_has_no_place_sounds_otherwise():
    frequencies, shapes = heard([1.0, 0.0, np.inf, np.nan, 1e-305, 1e305])
    assert shapes == ("sine", "square", "square", "sawtooth", "square", "square")
    assert list(frequencies[1:4]) == [sound.LOW, sound.HIGH, sound.LOST]
    assert heard([np.nan, np.nan], log=False)[1] == ("sawtooth",) * 2
    np.testing.assert_allclose(heard([3.0, 3.0], log=False)[0], 440.0)


def spectrum_peak(samples):
    return np.argmax(np.abs(np.fft.rfft(samples))) * sound.RATE / len(samples)


def test_hear_is_a_player_of_these_notes_that_does_not_start_by_itself():
    course = [1.0, 10.0, np.nan]
    player = hear(course)
    assert not player.autoplay
    with wav.open(io.BytesIO(player.data)) as file:
        assert file.getframerate() == sound.RATE
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32767
    assert 0.2 < np.abs(samples).max() <= 1
    third = len(samples) // 3
    for part, (frequency, _) in zip(np.split(samples[: 3 * third], 3), sound.notes(course), strict=True):
        assert spectrum_peak(part) == pytest.approx(frequency, abs=sound.RATE / third)


@pytest.mark.parametrize("count", [1, 50, 2000])
def test_a_curve_of_any_length_lasts_a_few_seconds(count):
    assert len(sound.wave(sound.notes(np.ones(count)))) <= sound.RATE * (sound.LONGEST + 0.2)


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]], 3.0])
def test_values_must_be_numbers_in_a_row(values):
    with pytest.raises(ValueError, match=r"values of shape .*in a row"):
        hear(values)


def test_log_is_yes_or_no():
    with pytest.raises(ValueError, match="log='x' is not one of"):
        hear([1.0], log="x")
