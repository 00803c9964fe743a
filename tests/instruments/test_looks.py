"""How every instrument looks: nothing is cut off, no words meet, and all words are fit to print.

Each is shown as it opens, in every preset, and at every option and both ends of every slider. Of those that
train for long (`SLOW`) the first results are looked at, and all of the training only as they open.
"""

import re
from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from helpers import instruments
from helpers.figures import svg, theme
from helpers.figures.decades import LENGTHS, REACHES, Stretched
from helpers.instruments.phrases import plain
from tests.instruments import class_of
from tests.instruments.test_instruments import KINDS
from tests.pictures import assert_words_fit, places

NAMES = instruments.names()
SLOW = "batchnorm_stability", "degradation_lab", "rescue_the_network", "ward"
each_instrument = pytest.mark.parametrize("name", NAMES)


@cache
def opened(name):
    return getattr(instruments, name)()


def states(name):
    """What a hand can reach with one move: {name: settings}."""
    kind = class_of(name)
    ends = {f"{c.name} = {end}": {c.name: end} for c in kind.controls for end in c.extremes()}
    return {
        "as it opens": {},
        **{f"preset {key}": dict(value) for key, value in kind.presets.items()},
        **ends,
    }


def large_markers(figure):
    """The markers of some size in their axes: [(the line, how far from the border, half its size)]."""
    found = []
    for line in figure.findobj(Line2D):
        size, box = line.get_markersize(), getattr(line.axes, "bbox", None)
        if line.get_animated() and line.axes.axison and line.get_marker() != "None" and 6 <= size <= 20:
            for x, y in line.get_transform().transform(line.get_xydata())[:: line.get_markevery() or 1]:
                room = min(x - box.x0, box.x1 - x, y - box.y0, box.y1 - y)
                found += [(line, room, (size + line.get_markeredgewidth()) / 2)] if room >= 0 else []
    return found


def widths(figure):
    """How far the curves of each axes reach whose length is stretched, as a share of it."""
    found = []
    for axes in figure.axes:
        if isinstance(getattr(axes.xaxis, "rescaled", None), Stretched):
            moving = (
                line.get_xdata() for line in axes.lines if line.get_animated() and line.get_marker() != "|"
            )
            found.append(max(np.max(x) for x in moving if len(x)))
    return found


@cache
def shown(name):
    """What is seen of the instrument in one state after the other."""
    one, found = opened(name), []
    for state, settings in states(name).items():
        settings = SimpleNamespace(**{**one._start, **one.check(settings)})
        results = (result for result, _ in one._results(settings) if result is not None)
        whole = name not in SLOW or state == "as it opens"
        result = [*results][-1] if whole else next(results)
        frame, figure = one._frame_of(settings, result), one.figure.figure
        cut = name == "paths" and len(result.kept) < settings.depth  # there the axis stays, to compare
        found.append(
            SimpleNamespace(
                state=state,
                words=words(one, settings, frame),
                texts=places(figure),
                markers=large_markers(figure),
                widths=widths(figure) if whole and not cut else [],
            )
        )
    return found


@each_instrument
def test_every_word_lies_in_the_figure_and_no_two_meet(name):
    for one in shown(name):
        try:
            assert_words_fit(one.texts, opened(name).figure.figure.bbox.size)
        except AssertionError as error:
            raise AssertionError(one.state) from error


@pytest.mark.parametrize("at", [[(-0.01, 0.5)], [(0.9, 0.5)], [(0.5, 0.99)], [(0.3, 0.5), (0.35, 0.52)]])
def test_words_that_are_cut_off_or_meet_are_found(at):
    figure = svg.new_figure(4, 3)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    for x, y in at:
        axes.text(x, y, "some words", animated=True)
    texts = places(figure)
    assert len(texts) == len(at)
    with pytest.raises(AssertionError):
        assert_words_fit(texts, figure.bbox.size)


@each_instrument
def test_a_large_marker_is_seen_whole(name):
    for one in shown(name):
        for line, room, half in one.markers:
            assert room >= half - 1.5, (one.state, line, room)


# Words


def words(one, settings, frame):
    """All that is read of an instrument but in its figure; {where: text without tags}."""
    found = {"title": one.title, "question": plain(one.question)}
    for control in one._controls.values():
        labels = [control.label, *getattr(control, "options", ()), control.says(settings)]
        found[control.name] = re.sub(r"σ_(\w)", r"σ\1", " | ".join(labels))  # as instrument.js typesets it
    found["presets"] = " | ".join(one.presets)
    for challenge in one.challenges:
        found[challenge.name] = re.sub(
            r"σ_(\w)", r"σ\1", f"{challenge.name} | {challenge.task} | {challenge.lesson}"
        )
    found["verdict"] = " | ".join(frame["verdict"][:2])
    found["readouts"] = " | ".join(f"{key} {value}" for key, value in frame["readouts"])
    for panel in one._about["panels"]:  # what stands beside the pointer, as it is
        found["reading"] = " | ".join([*panel["words"], *(name for _, name, _ in panel["curves"])]).replace(
            "{}", "1"
        )
    return {where: re.sub("<[^>]*>", "", text) for where, text in found.items()}


COUNTED = (
    "layer|step|time|prediction|example|pass|passe|block|epoch|change|start|network|direction|unit|value|set|mean|"
    "variance|point|channel|group|batche|path"
)
ONES = COUNTED.replace("passe|", "").replace("batche|", "")
UNFIT = {
    "a name that is not typeset": r"\w[_^]\w|\w\^[({]|\^[({]",
    "mathematics for a program": r"[$\\\\]",
    "a power of ten that is 1 or 10": r"10⁰|10¹(?![⁰¹²³⁴⁵⁶⁷⁸⁹])",
    "the notation of programs": r"\d[eE][+-]?\d|\bnan\b|\b(?:None|True|False)\b",
    "a number that ends in a point": r"\d\.(?![\d…])(?=[^\s|])|= \d+\. (?=[a-z])",
    "one of many": rf"(?<![\d.,⁰-⁹])\b1 (?:{COUNTED})s\b",
    "many of one": rf"\b(?:0|[2-9]|\d\d+) (?:{ONES})\b(?![\w’'′-])",
    "a hyphen for a minus": r"(?<![\w\d])-\d",
}


@each_instrument
def test_words_are_fit_to_print(name):
    labels = {str(artist.get_label()) for artist in opened(name).figure.figure.findobj()}
    for one in shown(name):
        seen = {text for text, _, _ in one.texts} | {label for label in labels if label[:1] != "_"}
        texts = {**one.words, "figure": " | ".join(re.sub(r"\$[^$]*\$", "", text) for text in seen)}
        for where, text in texts.items():
            for fault, pattern in UNFIT.items():
                found = re.search(pattern, text)
                assert not found, (
                    one.state,
                    where,
                    fault,
                    text[max(0, found.start() - 40) : found.end() + 40],
                )


def test_what_is_unfit_to_print_is_found():
    for text in (
        "σ_w",
        "J_L",
        "2^L",
        "e^(g²/2)",
        "10¹ and",
        "η = 3.,",
        "1 times",
        "1 predictions",
        "2 layer.",
        "-3",
        "1e-5",
    ):
        assert any(re.search(pattern, text) for pattern in UNFIT.values()), text
    for text in ("σw = 1.5.", "10¹⁵", "1 layer", "21 layers", "1.1 times", "×1 or 10⁻³", "e.g. 0.5, 1."):
        assert not any(re.search(pattern, text) for pattern in UNFIT.values()), text


# Colours


@each_instrument
def test_a_colour_means_one_thing(name):
    figure = opened(name).figure.figure
    for artist in figure.findobj(lambda artist: hasattr(artist, "get_label")):
        label = str(artist.get_label())
        if isinstance(artist, Line2D):
            color, marker = to_hex(artist.get_color()), artist.get_marker() not in ("None", None, "")
            drawn = artist.get_linestyle() != "None"
            if color == theme.THEORY:
                assert drawn and not marker and artist.get_linestyle() in ("--", ":"), label
            if color == theme.GOOD:
                assert not marker and not artist.get_animated(), label
            if color == theme.ALARM:
                assert not drawn, label
            if "theory" in label and not label.startswith("_"):
                assert color == theme.THEORY, label


# Curves fill the picture


def test_axes_that_rescale_have_an_end_near_everything():
    assert all(b <= 2.001 * a for a, b in pairwise(REACHES))
    assert all(b <= 4 / 3 * a for a, b in pairwise(LENGTHS) if a >= 6)


@each_instrument
def test_curves_reach_over_the_whole_width(name):
    for one in shown(name):
        assert all(width >= 0.74 for width in one.widths), (one.state, one.widths)


def test_the_gradient_by_layer_fills_what_a_ninth_held_once():
    one = opened("gradient_by_layer")
    one._frame_of(one.settings, one.result)
    points = np.vstack(
        [line.get_xydata() for line in one.figure.figure.axes[0].lines if line.get_label()[0] != "_"]
    )
    points = points[np.isfinite(points).all(axis=1)]
    assert np.ptp(points[:, 0]) * np.ptp(points[:, 1]) / 2 > 0.35


def test_what_is_tried_is_what_there_is():
    assert set(NAMES) == set(KINDS)
