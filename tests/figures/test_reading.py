"""What a hand reads in a figure is what was drawn: a place made into a value is the value again."""

import numpy as np
import pytest

from helpers.figures import reading, svg, theme
from helpers.figures.decades import Bent, Decades, LogFormatter, Stretched
from helpers.figures.live import LiveFigure

BACK = {"linear": lambda u: u, "log": lambda u: 10.0**u, "square": np.square, "sinh": np.sinh}


def read(live, panel, side, place):
    """The value at a place, as figure.js works it out."""
    kind, start, step = panel[side]["scale"]
    unit = live.units()[panel[side]["unit"]] if "unit" in panel[side] else 1
    return float(BACK[kind]((start + step * place) * unit))


def places(axes, x, y):
    right, up = axes.transData.transform((x, y))
    return right, axes.figure.bbox.height - up


SCALES = {
    "linear": ({}, (0.0, 3.0)),
    "log": ({"value": "log"}, (0.01, 100.0)),
    "base 2": ({"value": "log", "base": 2}, (0.25, 8.0)),
    "root": ({"value": "function", "functions": (np.sqrt, np.square)}, (0.0, 1.0)),
}


@pytest.mark.parametrize(("scale", "limits"), SCALES.values(), ids=SCALES)
@pytest.mark.parametrize("across", [True, False])
def test_a_place_becomes_its_value_again(scale, limits, across):
    figure = svg.new_figure()
    axes = figure.subplots()
    if scale:
        (axes.set_xscale if across else axes.set_yscale)(**scale)
    (axes.set_xlim if across else axes.set_ylim)(limits)
    axes.plot([], [], label="a curve", animated=True)
    live = LiveFigure(figure, "A title")
    (panel,) = live.panels({0: "x {}"})
    for share in (0.1, 0.5, 0.93):
        value = limits[0] + share * (limits[1] - limits[0])
        place = places(axes, value, 0.5) if across else places(axes, 0.5, value)
        found = read(live, panel, "x" if across else "y", place[0 if across else 1])
        assert found == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(("kind", "values"), [(Decades, [-3.0, 0.5, 5.0]), (Bent, [-15.0, 0.2, 3.0])])
def test_an_axis_that_rescales_says_with_each_frame_how_far_it_reaches(kind, values):
    figure = svg.new_figure()
    axes = figure.subplots()
    axis = kind(axes)
    axes.plot([], [], label="a curve", animated=True)
    live = LiveFigure(figure, "A title")
    (panel,) = live.panels({0: "layer {}"})
    for largest in (1.0, values[-1] * 3):
        axis.fit(np.array([largest]))
        for value in values:
            if abs(value) <= axis.reach:
                _, place = places(axes, 0, float(axis.place(value)))
                want = 10**value if kind is Decades else value
                assert read(live, panel, "y", place) == pytest.approx(want, rel=1e-9)


def test_a_stretched_axis_counts_its_length_and_logarithms_are_read_as_what_they_stand_for():
    figure = svg.new_figure()
    axes = figure.subplots()
    steps = Stretched(axes)
    axes.set(ylim=(-4, 2), xlabel="step")
    axes.yaxis.set_major_formatter(LogFormatter())
    axes.plot([], [], label="a curve", animated=True)
    live = LiveFigure(figure, "A title")
    steps.fit(300)
    (panel,) = live.panels({})
    x, y = places(axes, 0.25, -2.5)
    assert panel["words"] == ["step {}"]
    assert read(live, panel, "x", x) == pytest.approx(75)
    assert read(live, panel, "y", y) == pytest.approx(10**-2.5)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("layer", "layer {}"),
        ("gain g", "gain g = {}"),
        ("direction, sorted", "direction {}"),
        ("σ_w", "σ_w = {}"),
    ],
)
def test_an_axis_names_its_places(label, said):
    figure = svg.new_figure()
    axes = figure.subplots()
    axes.set_xlabel(label)
    axes.plot([], [], label="a curve", animated=True)
    assert LiveFigure(figure, "A title").panels({})[0]["words"] == [said]


def test_curves_have_the_names_of_the_legend_and_zones_and_unnamed_marks_have_none():
    figure = svg.new_figure()
    one, other = figure.subplots(1, 2)
    one.fill_between([0], 0, label="healthy", color=theme.GOOD, **theme.ZONE)
    one.plot([], [], label="measured", **theme.MEASURED_LINE)
    one.plot([], [], "X", animated=True)
    other.plot([], [], **theme.MEASURED_LINE)  # looks like what has a name
    for axes in (one, other):
        axes.set_xlabel("layer")
    figure.legend(*one.get_legend_handles_labels())
    live = LiveFigure(figure, "A title")
    names = [[name for _, name, _ in panel["curves"]] for panel in live.panels({})]
    assert names == [["measured"], ["measured"]]
    assert [len(entry["curves"]) for entry in live.legend] == [2]  # "healthy" dims nothing
    assert live.panels({0: None})[0]["curves"] == live.panels({})[1]["curves"]
    assert reading.box(figure, other) == live.panels({})[1]["box"]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("gradient, from layer $D$ back to 0", "gradient, from layer D back to 0"),
        (r"all (singular values of $J_D\cdots J_1$)", "all (singular values of J_D⋯J_1)"),
        (r"Gradient $\|\partial L/\partial h\|$, $E[h^2]$", "Gradient ‖∂L/∂h‖, E[h²]"),
    ],
)
def test_mathematics_in_a_label_is_read_as_plain_words(label, said):
    assert reading.plain(label) == said


def test_what_is_heard_first_is_what_is_measured_or_else_a_line():
    figure = svg.new_figure()
    one, other = figure.subplots(1, 2)
    for axes, second in ((one, theme.MEASURED_LINE), (other, {"color": theme.SECOND, "animated": True})):
        axes.fill_between([0], 0, label="a band", color=theme.THEORY, animated=True)
        axes.plot([], [], label="theory", **theme.THEORY_LINE)
        axes.plot([], [], label="another", **second)
    heard = []
    for panel in LiveFigure(figure, "A title").panels({0: "layer {}", 1: "layer {}"}):
        heard += [label for at, label, _ in panel["curves"] if at == panel["main"]]
    assert heard == ["another", "theory"]
