"""Figures: the split into paper and ink, colours that follow the theme, words for who cannot see."""

import math
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from helpers import init_explorer
from helpers.checking.cards import Card
from helpers.figures import by_layer, curves, distribution, draw_network, show, svg, theme
from helpers.figures.decades import Bent, Decades, LogFormatter, Stretched
from helpers.figures.ink import set_level
from helpers.figures.live import LiveFigure
from helpers.figures.numbers import counted, decades, from_log10, log10, power_of_ten
from helpers.figures.picture import Picture
from tests.pictures import assert_words_fit, places

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def parse(html):
    """The SVG element of a widget's HTML."""
    return ET.fromstring(html[html.index("<svg") : html.rindex("</svg>") + 6])


def shown(live):
    """The ink in an SVG element of its own."""
    return svg.wrap(live.figure, live.ink())


def texts(root):
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def drawn_with(root, color):
    """Elements in one colour of the theme. An outline in <defs> counts where it is used."""
    defined = {element for defs in root.iter(f"{SVG}defs") for element in defs.iter()}
    variable = f"var(--td-{color})"
    return [
        element
        for element in root.iter()
        if element not in defined and any(variable in value for value in element.attrib.values())
    ]


def points(d):
    return np.array([float(number) for number in NUMBER.findall(d)]).reshape(-1, 2)


def lines_and_marks(root, color):
    """The lines in this colour, and the places of its markers, in matplotlib's SVG or in the ink."""
    lines, marks = [], []
    for element in drawn_with(root, color):
        if element.tag == f"{SVG}use":
            marks.append((float(element.get("x")), float(element.get("y"))))
        elif "fill:none" in element.get("style", "").replace(" ", "") or element.get("fill") == "none":
            lines += [points(part) for part in re.split(r"(?=M)", element.get("d")) if part]
        else:  # ink markers: each a place, then the outline relative to it, or the dot "h0"
            marks += [points(place)[0] for place in re.findall(r"M([^mh]*)[mh]", element.get("d"))]
    return lines, np.array(marks).reshape(-1, 2)


def corners(root, color):
    """The corners of the filled area in this colour, without repetition."""
    found = set()
    by_id = {f"#{element.get('id')}": element for element in root.iter(f"{SVG}path")}
    for element in drawn_with(root, color):
        shift = (0.0, 0.0)
        if element.tag == f"{SVG}use":
            shift = float(element.get("x")), float(element.get("y"))
            element = by_id[element.get(HREF)]
        found |= {(round(x), round(y)) for x, y in (points(element.get("d")) + shift).tolist()}
    return found


@pytest.fixture
def live():
    """Every kind of moving artist once, each in a colour of its own, over a paper with words."""
    with theme.style():
        figure = svg.new_figure(4, 3)
        axes = figure.add_subplot()
        axes.set(xlim=(0, 4), ylim=(0, 10), xlabel="abscissa", ylabel="ordinate")
        axes.set_title("heading", loc="left")
        axes.axhline(5, color=theme.INK, label="level")
        live = LiveFigure.__new__(LiveFigure)
        artists = {
            "line": axes.plot([0, 1, 2, 3], [1, 4, 9, 2], "-o", color=theme.MEASURED, animated=True)[0],
            "dashed": axes.plot([0, 4], [8, 3], "--", color=theme.GOOD, animated=True)[0],
            "band": axes.fill_between(
                [0, 1, 2], [1, 1, 2], [3, 4, 5], color=theme.THEORY, lw=0, animated=True
            ),
            "bars": axes.stairs([1, 2, 3], [0, 1, 2, 3], fill=True, color=theme.SECOND, animated=True),
            "words": axes.text(2, 8, "moving words", color=theme.ALARM, animated=True),
        }
        live.__init__(figure, "A title")
    live.artists = artists
    return live


# Paper and ink


def test_the_paper_has_no_ink_and_the_ink_no_paper(live):
    paper, ink = parse(live.paper), parse(shown(live))
    for color in ("measured", "good", "theory", "second", "alarm"):
        assert drawn_with(ink, color)
        assert not drawn_with(paper, color)
    assert texts(ink) == ["moving words"]
    assert {"abscissa", "ordinate", "heading", "0", "10"} <= set(texts(paper))
    assert "moving words" not in texts(paper)


def test_paper_and_ink_lie_on_each_other_and_on_the_still_picture(live):
    picture = parse(live.picture("what is seen").html())
    paper, ink = parse(live.paper), parse(shown(live))
    assert paper.get("viewBox") == ink.get("viewBox") == picture.get("viewBox") == "0 0 288 216"
    for color in ("measured", "good"):
        (one,), marks = lines_and_marks(ink, color)
        (other,), other_marks = lines_and_marks(picture, color)
        np.testing.assert_allclose(one, other, atol=0.02)
        np.testing.assert_allclose(marks, other_marks, atol=0.02)
        assert len(marks) == (4 if color == "measured" else 0)
    for color in ("theory", "second"):
        assert len(corners(ink, color)) >= 6
        assert corners(ink, color) == corners(picture, color)
    (one,), (other,) = drawn_with(ink, "alarm"), drawn_with(picture, "alarm")
    for place in ("x", "y"):
        assert float(one.get(place)) == pytest.approx(float(other.get(place)), abs=0.02)


def test_the_ink_follows_its_artists(live):
    paper = live.paper
    live.artists["line"].set_data([0, 2], [0, 10])
    live.artists["words"].set_text("new < words")
    ink = parse(shown(live))
    (line,), marks = lines_and_marks(ink, "measured")
    assert len(line) == len(marks) == 2
    assert texts(ink) == ["new < words"]
    assert live.paper is paper


def test_markers_stand_where_matplotlib_puts_them(live):
    live.artists["line"].set_markevery(2)
    _, marks = lines_and_marks(parse(shown(live)), "measured")
    _, expected = lines_and_marks(parse(live.picture("what is seen").html()), "measured")
    assert len(expected) == 2
    np.testing.assert_allclose(marks, expected, atol=0.02)


@pytest.mark.parametrize(("kind", "cap"), [("o", "round"), ("s", "square")])
def test_a_dot_is_a_line_of_no_length_as_thick_as_matplotlibs_marker(kind, cap):
    for face, expected in ((theme.MEASURED, cap), (theme.GOOD, None)):  # two colours need an outline
        figure = svg.new_figure(4, 3)
        marker = {"marker": kind, "ms": 7, "mew": 1.5, "mfc": face, "mec": theme.MEASURED, "animated": True}
        figure.add_subplot().plot([1], [1], ls="", **marker)
        live = LiveFigure(figure, "A dot")
        (mark,) = drawn_with(parse(shown(live)), "measured")
        assert mark.get("stroke-linecap") == expected
        assert mark.get("stroke-width") == ("8.5" if expected else "1.5")
        assert mark.get("d").endswith("h0" if expected else "z")


def test_markers_without_a_line_are_not_joined():
    with theme.style():
        figure = svg.new_figure(4, 3)
        dots = {"ls": "", "marker": "o", "color": theme.MEASURED, "animated": True}
        figure.add_subplot().plot([0, 1, 2], [1, 3, 2], **dots)
        live = LiveFigure(figure, "Dots")
    for root in (parse(shown(live)), parse(live.picture("what is seen").html())):
        lines, marks = lines_and_marks(root, "measured")
        assert lines == [] and len(marks) == 3


@pytest.mark.parametrize("gap", [np.nan, np.inf, -np.inf])
def test_a_line_breaks_where_a_value_is_not_finite(live, gap):
    live.artists["line"].set_data([0, 1, 2, 3, 4], [1, 2, gap, 4, 5])
    for root in (parse(shown(live)), parse(live.picture("what is seen").html())):
        lines, marks = lines_and_marks(root, "measured")
        assert [len(line) for line in lines] == [2, 2]
        assert len(marks) == 4


def test_a_line_without_any_finite_value_draws_nothing(live):
    for x, y in (([], []), ([0, 1], [np.nan, np.nan])):
        live.artists["line"].set_data(x, y)
        lines, marks = lines_and_marks(parse(shown(live)), "measured")
        assert sum(map(len, lines)) == len(marks) == 0


def test_names_inside_one_svg_are_not_those_of_another(live):
    """All SVGs of a page share one name space: a clip path of the same name would cut the wrong figure."""

    def names(html):
        return {element.get("id") for element in parse(html).iter() if element.get("id")}

    everything = [names(live.paper), names(shown(live)), names(live.picture("what is seen").html())]
    clips = [
        {name for name in names_ if re.search(rf'clipPath id="{name}"', html)}
        for names_, html in zip(
            everything, [live.paper, shown(live), live.picture("what is seen").html()], strict=True
        )
    ]
    assert not clips[0] & clips[1]
    assert not clips[1] & clips[2]


# The theme


def luminance(color):
    """Relative luminance, WCAG 2.2."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def test_the_contrast_formula():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("role", [role for role in theme.COLORS if role not in ("grid", "paper")])
def test_every_colour_can_be_read_in_both_themes(role):
    light, dark = theme.COLORS[role]
    assert contrast(light, "#ffffff") >= 4.5
    assert contrast(dark, "#111111") >= 4.5


def test_colours_are_told_apart_from_each_other_in_the_table():
    for column in (0, 1):
        assert len({pair[column] for pair in theme.COLORS.values()}) == len(theme.COLORS)


def test_no_colour_of_the_table_is_left_raw_in_an_svg(live):
    for html in (live.paper, shown(live), live.picture("what is seen").html()):
        drawing = html[html.index("<svg") :].lower()
        assert not [light for light, _ in theme.COLORS.values() if light in drawing]
        # Nor any other fixed colour, which could not follow the theme (white and black: clips, masks).
        assert set(re.findall(r"#[0-9a-f]{6}\b", drawing)) <= {"#ffffff", "#000000"}
    assert all(f"--td-{role}:{light};" in theme.style_sheet() for role, (light, _) in theme.COLORS.items())
    assert all(f"--td-{role}:{dark};" in theme.style_sheet() for role, (_, dark) in theme.COLORS.items())


def test_text_stays_text_in_the_pages_own_font(live):
    for html in (live.paper, live.picture("what is seen").html()):
        elements = list(parse(html).iter(f"{SVG}text"))
        assert elements
        for element in elements:
            assert "--jp-ui-font-family" in element.get("style", "")
            assert "DejaVu" not in element.get("style", "")
    ink = list(parse(shown(live)).iter(f"{SVG}text"))
    assert ink and not any("font" in element.get("style", "") for element in ink)  # style.css says it once


def test_mathematics_flows_in_the_font_of_the_page():
    """No letter has a place of its own, which is right in matplotlib's font alone."""
    with theme.style():
        figure = svg.new_figure()
        axes = figure.add_subplot()
        axes.set_title(r"power $D-l$ of $\sigma_w < 1$, $J_D\cdots J_1$", loc="left")
        axes.set_xlabel(r"$\|\partial L/\partial h_0\|$ & $E[h^2]$")
        axes.set_ylabel("$1-p$")
        axes.text(0, 0, "$-x$")
    root = parse(svg.paper(figure))
    said = [words.replace("\xa0", " ") for words in texts(root)]
    assert "power D\u2009−\u2009l of σw\u2009<\u20091, JD⋯J1" in said
    assert "‖∂L/∂h0‖ & E[h2]" in said and "1\u2009−\u2009p" in said and "−x" in said
    for element in root.iter(f"{SVG}tspan"):
        assert element.get("x") is None and float(element.get("dy")) == pytest.approx(0, abs=8)
    (formula,) = [one for one in root.iter(f"{SVG}text") if "∂" in "".join(one.itertext())]
    heights = np.cumsum([float(part.get("dy")) for part in formula])
    of = {part.text: height for part, height in zip(formula, heights, strict=True)}
    assert of["0"] > of["L"] == of["/∂"] > of["2"]  # down is positive: an index below, a power above
    small = {part.text for part in formula if "7.7px" in part.get("style")}
    assert small == {"0", "2"}


# Still pictures


@pytest.mark.parametrize(("title", "alt"), [("", "words"), ("words", ""), (None, "words"), ("words", None)])
def test_a_picture_demands_a_title_and_words(title, alt):
    with pytest.raises(ValueError, match="a picture needs both"):
        Picture(svg.new_figure(), title, alt)


def test_a_logarithmic_axis_says_1_and_plain_numbers_between_the_powers():
    html = by_layer({"a": [0.3, 1, 4]}, "size", "Three sizes.")._repr_html_()
    words = "".join(parse(html).itertext())
    assert "0.5" in words and "2" in words and "10" not in words.replace("Three sizes.", "")
    wide = by_layer({"a": [1e-9, 1, 1e9]}, "size", "Three sizes, far apart.")._repr_html_()
    assert "1" in (said := list(map(str.strip, parse(wide).itertext()))) and "0.5" not in said


def test_a_logarithmic_axis_of_any_length_has_a_few_numbers():
    """Whatever matplotlib does, whose own ticks differ from version to version."""
    rng = np.random.default_rng(0)
    for span in [*rng.uniform(0.02, 2.5, 40), *rng.uniform(2, 450, 60)]:
        low = rng.uniform(-225, 225 - span) if span > 3 else rng.uniform(-6, 4)
        axis = by_layer({"a": 10.0 ** np.array([low, low + span])}, "size", "Two sizes.").figure.axes[0].yaxis
        low, high = axis.get_view_interval()
        at, between = axis.get_majorticklocs(), axis.get_minorticklocs()
        shown = [x for x in at if low <= x <= high]
        said = [axis.get_major_formatter()(x) for x in shown]
        assert 2 <= len(said) == len(set(said)) <= 9, (low, high, said)
        assert not re.search("[e+]", "".join(said)), (low, high, said)
        assert span < 0.7 or not low < 1 < high or "1" in said
        assert not set(np.round(np.log10(at), 9)) & set(np.round(np.log10(between), 9)) and len(between) < 80
        assert all(axis.get_minor_formatter()(x) == "" for x in between)


LONG = "10 layers, untrained", "doubly stochastic", "Adam + L2, λ = 0.03", "LeCun: $\\sigma_w$ = 1", "x"
LABELS = (
    "length of the gradient, 1 at block 50",
    r"$\|\partial L/\partial h\|$, relative to layer 50",
    "E[h²]",
)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("log", [True, False])
def test_all_words_of_a_plot_lie_in_it_and_apart(label, log):
    values = {name: np.geomspace(1e-13, 1 + i, 51) for i, name in enumerate(LONG)}
    title = "The gradient of each layer, before and after one step"
    band = (np.full(51, 0.1), np.full(51, 2.0))
    for shown in (
        by_layer(values, label, "Curves.", target=1, band=band, log=log, title=title),
        curves(None, values, label, label, "Curves.", log="y" if log else "", title=title, marks={"here": 9}),
        distribution(values, label, "Dots.", log=log, title=title, marks={"the promise: 1": 1}),
    ):
        assert_words_fit(places(shown.figure), shown.figure.bbox.size)


def test_a_picture_says_what_it_shows():
    picture = by_layer({"He": [1, 1.1, 0.9]}, "E[h²]", "He stays < 2 & > 0.", title="A title")
    root = parse(picture._repr_html_())
    assert root.find(f"{SVG}title").text == "A title"
    assert root.find(f"{SVG}desc").text == "He stays < 2 & > 0."
    assert repr(picture) == "A title: He stays < 2 & > 0."
    with pytest.raises(ValueError, match="alt=''"):
        by_layer({"He": [1, 1]}, "E[h²]", alt="")


def assert_all_coordinates_are_finite(root):
    for element in root.iter():
        for name in ("d", "x", "y", "transform", "width", "height"):
            assert not re.search(r"nan|inf", element.get(name, ""), re.IGNORECASE), element.attrib


AWKWARD = {
    "finite": [1.0, 2.0, 4.0],
    "overflows": [1.0, 1e200, 1e300, np.inf, np.inf],
    "dies": [1.0, 1e-200, 1e-320, 0.0, 0.0],
    "gets lost": [1.0, np.nan, np.nan],
    "has a gap": [1.0, np.nan, 2.0],
    "was never there": [np.nan, np.nan],
    "is all zero": [0.0, 0.0],
    "is one point": [3.0],
    "is negative": [-1.0, -2.0],
}


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("name", AWKWARD)
def test_by_layer_draws_any_values_without_a_warning(name, log):
    curves = {"plain": [1.0, 1.5, 2.0], name: AWKWARD[name]}
    root = parse(by_layer(curves, "E[h²]", "A curve.", target=1, log=log).html())
    assert_all_coordinates_are_finite(root)
    assert {"plain", name, "layer", "E[h²]", "target: 1"} <= set(texts(root))


def test_by_layer_with_a_band_that_reaches_zero():
    band = (np.array([1.0, 0.1, 0.0]), np.array([1.0, 2.0, np.inf]))
    assert_all_coordinates_are_finite(
        parse(by_layer({"He": [1, 1, 1]}, "E[h²]", "A band.", band=band).html())
    )


def test_by_layer_marks_where_a_curve_ends():
    def crosses(values):
        axes = by_layer({"a": values}, "E[h²]", "A curve.").figure.axes[0]
        return [tuple(line.get_xydata()[0]) for line in axes.lines if line.get_marker() == "X"]

    assert crosses([1.0, 10.0, np.inf, np.inf]) == [(1, 10)]
    assert crosses([1.0, 0.5, 0.0]) == [(1, 0.5)]
    assert crosses([1.0, 2.0, 3.0]) == []
    assert crosses([np.nan, 2.0, 3.0]) == []  # it begins late, but it does not end


def test_lines_differ_in_more_than_colour():
    axes = by_layer({str(i): [1, 2, 3] for i in range(5)}, "E[h²]", "Five curves.").figure.axes[0]
    assert len({(line.get_marker(), str(line._dash_pattern)) for line in axes.lines}) == 5
    assert len({line.get_marker() for line in axes.lines}) == 5


def test_the_colour_of_theory_is_that_of_theory_alone():
    names = [f"line {i}" for i in range(7)]
    for theory in ([], ["theory"]):
        values = {name: [1, 2, 3] for name in (*names, *theory)}
        for shown in (by_layer(values, "size", "Lines."), curves(None, values, "step", "size", "Lines.")):
            lines = [line for line in shown.figure.axes[0].lines if line.get_label() in values]
            assert [line.get_label() for line in lines] == list(values)
            orange = [line for line in lines if line.get_color() == theme.THEORY]
            assert [line.get_label() for line in orange] == theory
            assert all((line.get_linestyle(), line.get_marker()) == ("--", "None") for line in orange)
    shown = by_layer({"free": [1, 2], "tied": [1, 1]}, "size", "A range.", band=([0, 1], [2, 3]))
    (band,) = shown.figure.axes[0].collections
    assert to_hex(band.get_facecolor()[0]) == shown.figure.axes[0].lines[0].get_color() == theme.MEASURED
    assert band.get_label() == "free: range"
    median = distribution({"a": [1, 2, 3]}, "size", "Dots.").figure.axes[0].lines[1]
    assert median.get_color() == theme.INK


@pytest.mark.parametrize("log", ["", "x", "y", "xy"])
@pytest.mark.parametrize("name", AWKWARD)
def test_curves_draw_any_values_without_a_warning(name, log):
    lines, x = {"plain": [1.0, 1.5, 2.0, 1.0, 3.0], name: AWKWARD[name]}, np.geomspace(1e-3, 30, 5)
    band = {name: (np.array(AWKWARD[name]) / 2, np.array(AWKWARD[name]) * 2)}
    picture = curves(x, lines, "η", "loss", "Two lines.", bands=band, log=log, marks={"theory": 1})
    root = parse(picture.html())
    assert_all_coordinates_are_finite(root)
    assert {"plain", name, "η", "loss", "theory"} <= set(texts(root))


def test_curves_mark_a_line_that_ends_early():
    def crosses(y, x=None):
        axes = curves(x, {"whole": [4.0, 3, 2, 1], "a": y}, "step", "loss", "Lines.").figure.axes[0]
        return [tuple(line.get_xydata()[0]) for line in axes.lines if line.get_marker() == "X"]

    assert crosses([1.0, 5.0]) == [(1, 5)]
    assert crosses([1.0, 5.0, np.inf, np.inf], [10, 20, 30, 40]) == [(20, 5)]
    assert crosses([1.0, 5.0, 2.0, 2.0]) == []


def test_curves_name_each_line_near_its_end_and_no_two_names_meet():
    y = {"high": [1, 9.0], "a": [1, 2.0], "b": [1, 2.0], "c": [1, 2.0], "low": [1, 0.0]}
    axes = curves(None, y, "step", "loss", "Five lines.", bands={"high": ([1, 8], [1, 10])}).figure.axes[0]
    places = {text.get_text(): text.get_position()[1] * axes.bbox.height for text in axes.texts}
    assert list(places) == ["low", "a", "b", "c", "high"]
    assert np.all(np.diff(list(places.values())) >= 13)
    top = axes.transData.transform((1, 9))[1] - axes.bbox.y0
    assert places["high"] == pytest.approx(top, abs=1)
    drawn = axes.lines[: len(y)]
    assert len({(line.get_marker(), str(line._dash_pattern)) for line in drawn}) == 5


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"lines": {"a": [1, 2, 3]}}, r"lines\['a'\] of shape \(3,\)"),
        ({"lines": {"a": [[1, 2]]}}, r"lines\['a'\]"),
        ({"bands": {"b": ([1, 1], [2, 2])}}, r"bands\['b'\]"),
        ({"bands": {"a": ([1], [2])}}, r"bands\['a'\]"),
        ({"log": "z"}, "log='z'"),
    ],
)
def test_curves_name_what_does_not_fit(wrong, named):
    good = {"x": [1, 2], "lines": {"a": [1, 2]}, "xlabel": "η", "ylabel": "loss", "alt": "A line."}
    with pytest.raises(ValueError, match=named):
        curves(**{**good, **wrong})


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("name", AWKWARD)
def test_distribution_draws_any_values_without_a_warning(name, log):
    groups = {"plain": [1.0, 1.5, 2.0], name: AWKWARD[name]}
    picture = distribution(groups, "E[h²]", "Dots.", log=log, marks={"theory": 1})
    root = parse(picture.html())
    assert_all_coordinates_are_finite(root)
    assert {"plain", name, "theory"} <= set(texts(root))


def test_distribution_shows_every_value_and_the_median():
    picture = distribution({"a": [4.0, 1.0, 2.0], "b": [8.0, 8.5]}, "E[h²]", "Dots.", log=False)
    dots_a, median_a, dots_b, median_b = picture.figure.axes[0].lines
    np.testing.assert_array_equal(np.sort(dots_a.get_xdata()), [1, 2, 4])
    np.testing.assert_array_equal(median_a.get_xdata(), [2, 2])
    np.testing.assert_array_equal(np.sort(dots_b.get_xdata()), [8, 8.5])
    np.testing.assert_array_equal(median_b.get_xdata(), [8.25, 8.25])
    assert np.all(np.abs(dots_a.get_ydata()) < 0.5)
    assert np.all(np.abs(dots_b.get_ydata() - 1) < 0.5)


def test_distribution_has_room_for_its_names():
    figure = distribution({"10 layers, BatchNorm": [1.0], "a": [2.0]}, "η", "Dots.", log=False).figure
    assert all(label.get_window_extent().x0 >= 0 for label in figure.axes[0].get_yticklabels())


def test_plotting_leaves_matplotlibs_settings_alone():
    def kept():
        return {name: mpl.rcParams[name] for name in mpl.rcParams if name != "backend"}

    before = kept()
    by_layer({"He": [1, 1]}, "E[h²]", "A line.").html()
    assert kept() == before


# Numbers


@pytest.mark.parametrize(
    ("exponent", "text"), [(0, "1"), (3, "10³"), (-12, "10⁻¹²"), (1, "10"), (105, "10¹⁰⁵"), (2.0, "10²")]
)
def test_power_of_ten(exponent, text):
    assert power_of_ten(exponent) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.682, "0.682"),
        (1.0, "1"),
        (87.3, "87.3"),
        (128, "128"),
        (999, "999"),
        (0.00515, "0.00515"),
        (3.1e-8, "3.1\u00a0×\u00a010⁻⁸"),
        (9.96e-9, "1.0\u00a0×\u00a010⁻⁸"),
        (4.72e52, "4.7\u00a0×\u00a010⁵²"),
        (1e-3, "1.0\u00a0×\u00a010⁻³"),
    ],
)
def test_numbers_as_a_reader_likes_them(value, text):
    assert from_log10(math.log10(value)) == text


@pytest.mark.parametrize("value", [999.7, 1000, 1234, 9770, 9999.9, 12345, 1e4, 1e16, 0.0031, 0.0032, 1e-5])
def test_no_reader_meets_the_notation_of_programs(value):
    text = from_log10(math.log10(value))
    assert "e" not in text
    mantissa, _, power = text.partition("\u00a0×\u00a010")
    digits = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or "0"
    assert float(mantissa.replace(",", "")) * 10.0 ** int(digits) == pytest.approx(value, rel=0.05)


def test_things_are_counted():
    assert [counted(n, "layer") for n in (0, 1, 2)] == ["0 layers", "1 layer", "2 layers"]
    assert [counted(n, "pass", "passes") for n in (1, 8)] == ["1 pass", "8 passes"]


def test_a_zero_has_no_sign():
    assert repr(show({"a": [-0.0, 0.0]})) == "a  0  0"


def test_numbers_beyond_every_float():
    assert from_log10(400.5) == "3.2\u00a0×\u00a010⁴⁰⁰"
    assert from_log10(-400.5) == "3.2\u00a0×\u00a010⁻⁴⁰¹"
    assert from_log10(-math.inf) == "0"
    assert from_log10(math.inf) == "∞"
    assert from_log10(math.nan) == "not a number"


def test_the_w_of_a_spread_stands_below_the_line_in_a_table():
    table = show({"σ_w": 1.5, "J_w": 2})
    assert '<th scope="row">σ<sub>w</sub></th>' in table._repr_html_() and "J_w" in table._repr_html_()
    assert repr(table).startswith("σ_w")


def test_show_is_a_table_of_names_and_numbers():
    table = show({"E[h²] < 1": 0.99837, "list": [1.0, 2e-9], "whole": 12345, "negative": -3.14159})
    rows = ET.fromstring(re.search(r"<table.*</table>", table._repr_html_())[0])
    found = {row.find("th").text: [cell.text for cell in row.findall("td")] for row in rows}
    assert found == {
        "E[h²] < 1": ["0.998"],
        "list": ["1", "2.0\u00a0×\u00a010⁻⁹"],
        "whole": ["12345"],
        "negative": ["−3.14"],
    }
    assert "0.998" in repr(table)


def test_a_level_line_lies_where_the_surface_has_that_value():
    x = y = np.linspace(-2, 2, 81)
    across, up = np.meshgrid(x, y)
    (line,) = svg.new_figure().subplots().plot([], [])
    set_level(line, x, y, across**2 + up**2, level=1.0)
    radius = np.hypot(*line.get_data())
    assert np.isfinite(radius).sum() > 100
    np.testing.assert_allclose(radius[np.isfinite(radius)], 1, atol=1e-3)
    set_level(line, x, y, np.where(across < 0, np.nan, across**2 + up**2), level=1.0)
    assert np.nanmin(line.get_xdata()) >= 0
    # Two pieces are not joined.
    set_level(line, x, y, across**2, level=1.0)
    assert np.isnan(line.get_xdata()).sum() == 2


def test_no_level_line_is_drawn_where_the_surface_has_no_such_value():
    (line,) = svg.new_figure().subplots().plot([], [])
    for surface in (np.ones((3, 3)), np.full((3, 3), np.nan)):
        set_level(line, np.arange(3), np.arange(3), surface)
        assert not np.isfinite(line.get_xdata()).any()


def test_a_decades_axis_takes_the_fewest_decades_that_hold_the_curves():
    figure = svg.new_figure()
    axes = figure.add_subplot()
    axis = Decades(axes)
    for curve, reach, labels in (
        ([0.0, -0.3], np.log10(2), ["0.5", "", "1", "", "2"]),
        ([0.5], np.log10(4), ["0.25", "0.5", "1", "2", "4"]),
        ([-0.9], 1, ["0.1", "", "1", "", "10"]),
        ([0.0, -1.9], 2, ["0.01", "0.1", "1", "10", "100"]),
        ([3.0], 3, ["0.001", "", "1", "", "1000"]),
        ([3.5, -np.inf, np.nan], 4, ["10⁻⁴", "10⁻²", "1", "10²", "10⁴"]),
        ([-150], 160, ["10⁻¹⁶⁰", "10⁻⁸⁰", "1", "10⁸⁰", "10¹⁶⁰"]),
        ([-1e4], 300, ["10⁻³⁰⁰", "10⁻¹⁵⁰", "1", "10¹⁵⁰", "10³⁰⁰"]),
    ):
        axis.fit([0.0], curve)
        assert axis.reach == reach
        assert [text.get_text() for text in axes.texts] == labels
    assert axis.place([0.0, 150.0, -np.inf]).tolist() == [0, 0.5, -1]


def test_log10_knows_nothing_and_too_much_and_does_not_warn():
    found = log10([100.0, 0.0, -1e-18, np.inf, np.nan])
    np.testing.assert_array_equal(found, [2, -np.inf, -np.inf, np.inf, np.nan])


def labels_of(axis):
    return [label.get_text() for label in axis._labels.values()]


def test_a_rescaling_axis_takes_the_smallest_reach_that_holds_the_curves():
    axis = Decades(Figure().add_subplot(), reaches=(1, 4, 12))
    axis.fit([0.3, -1.0], 0.2)
    assert axis.reach == 1 and labels_of(axis) == ["0.1", "", "1", "", "10"]
    axis.fit([3.0, -np.inf], [np.nan])
    assert axis.reach == 4 and labels_of(axis) == ["10⁻⁴", "10⁻²", "1", "10²", "10⁴"]
    np.testing.assert_array_equal(axis.place([-np.inf, 2, 8]), [-1, 0.5, 2])
    axis.fit([99.0])
    assert axis.reach == 12


def test_a_bent_axis_has_room_for_both_signs():
    axis = Bent(Figure().add_subplot(), reaches=(1.2, 1e6))
    axis.fit([-0.4, 1.0])
    assert labels_of(axis) == ["−1.2", "−0.53", "0", "0.53", "1.2"]
    np.testing.assert_allclose(axis.place([-1.2, 0, 1.2]), [-1, 0, 1])
    axis.fit([-5.0, 3e5])
    assert labels_of(axis) == ["−10⁶", "", "0", "", "10⁶"]


@pytest.mark.parametrize(
    ("length", "unit", "labels"),
    [
        (1, 1, ["0", "1"]),
        (4, 4, ["0", "1", "2", "3", "4"]),
        (7, 8, ["0", "2", "4", "6", "8"]),
        (13, 15, ["0", "5", "10", "15"]),
        (60, 60, ["0", "10", "20", "30", "40", "50", "60"]),
        (154, 160, ["0", "40", "80", "120", "160"]),
        (308, 320, ["0", "80", "160", "240", "320"]),
    ],
)
def test_a_stretched_axis_ends_near_what_it_holds_and_counts_it(length, unit, labels):
    axis = Stretched(svg.new_figure().add_subplot())
    axis.fit(60)
    axis.fit(length)
    assert (axis.unit, axis.place(length)) == (unit, length / unit)
    shown = [(float(label.get_text()), label) for label in axis.labels if label.get_text()]
    assert [label.get_text() for _, label in shown] == labels
    for value, label in shown:  # the last one ends where the axis does
        last = value == unit
        assert label.get_ha() == ("right" if last else "center")
        assert label.get_position()[0] == pytest.approx(1.02 if last else value / unit)
    assert all(value in range(unit + 1) for value, _ in shown)


def test_every_length_that_an_axis_may_have_is_counted_in_whole_steps():
    axis = Stretched(svg.new_figure().add_subplot())
    for length in range(1, 501):
        axis.fit(length)
        assert length <= axis.unit
        assert 2 <= sum(bool(label.get_text()) for label in axis.labels) <= 7


@pytest.mark.parametrize(
    ("exponents", "labels"),
    [
        ([-2, -1, 0, 1, 2], ["0.01", "0.1", "1", "10", "100"]),
        ([-3, 0, 3], ["0.001", "1", "1000"]),
        ([-2, 0, 1, 4], ["10⁻²", "1", "10", "10⁴"]),
        ([-10, -5, 0], ["10⁻¹⁰", "10⁻⁵", "1"]),
    ],
)
def test_ticks_are_written_alike_on_every_axis(exponents, labels):
    """In instruments, where logarithms stand on the axis, and in plots of lessons, where values do."""
    assert decades(exponents) == LogFormatter().format_ticks(exponents) == labels
    shown = by_layer({"a": 10.0 ** np.array([exponents[0], exponents[-1]])}, "size", "Two sizes.")
    said = set(map(str.strip, parse(shown.html()).itertext()))
    ticks = {text for text in said if re.fullmatch(r"10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]*|[01.]+", text)} - {"0.0"}
    beside = {"0", "1"}  # of the layers
    assert {labels[0], "1", labels[-1]} <= ticks | beside
    assert ticks - beside <= set(decades([*exponents, *range(exponents[0], exponents[-1] + 1)]))


class TestANetworkDrawn:
    VALUES = [1.0, 2.0], [2.0, 0.0], [1.0]
    WEIGHTS = [[1.0, 1.0], [0.5, -1.0]], [[0.5], [-0.25]]

    def drawn(self, values=VALUES, weights=WEIGHTS, **more):
        return draw_network(values, weights, alt="two units, two, and one", **more)

    def lines(self, picture):
        return [line for line in picture.figure.axes[0].lines if len(line.get_xdata()) == 2]

    def test_a_line_is_as_wide_as_its_weight_and_dashed_where_it_is_negative(self):
        lines, weights = self.lines(self.drawn()), [1, 1, 0.5, -1, 0.5, -0.25]
        widths = np.array([line.get_linewidth() for line in lines])
        np.testing.assert_allclose((widths - widths[0]) / widths[0], 5 * (np.abs(weights) - 1) / widths[0])
        assert [line.get_linestyle() == "--" for line in lines] == [w < 0 for w in weights]

    def test_each_line_joins_the_two_units_of_its_weight(self):
        units = [line.get_xydata()[0] for line in self.drawn().figure.axes[0].lines[6:]]
        ends = [line.get_xydata() for line in self.lines(self.drawn())]
        joined = [[[np.allclose(end, unit) for unit in units].index(True) for end in line] for line in ends]
        assert joined == [[0, 2], [0, 3], [1, 2], [1, 3], [2, 4], [3, 4]]

    def test_the_numbers_can_be_read(self):
        root = parse(self.drawn(names=["input", "hidden", "output"], title="Forward").html())
        names = ["input", "hidden", "output", "Forward"]
        numbers = ["1", "1", "0.5", "−1", "0.5", "−0.25", "1", "2", "2", "0", "1"]
        assert sorted(texts(root)) == sorted(names + numbers)

    def test_a_zero_has_no_sign(self):
        assert "-0" not in texts(parse(self.drawn([[1.0, 2.0], [2.0, -0.0], [1.0]]).html()))

    def test_of_many_weights_only_the_lines_are_drawn(self):
        picture = self.drawn([[1.0] * 5] * 2, [np.full((5, 5), 7.0)])
        assert len(self.lines(picture)) == 25 and "7" not in texts(parse(picture.html()))

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"weights": [[[1.0], [1.0]], [[0.5], [0.5]]]}, r"weights\[0\] of shape \(2, 1\)"),
            ({"values": ([1.0], [2.0])}, "2 values, 2 weights"),
            ({"names": ["one"]}, "1 names"),
        ],
    )
    def test_shapes_that_do_not_fit_are_named(self, change, says):
        with pytest.raises(ValueError, match=says):
            self.drawn(**change)


@pytest.mark.parametrize(
    "shown",
    [
        show({"E[h²] --> ∞": 1, "<b>": [2, 3]}),
        by_layer({"<h>": [1, 2]}, "A title --> here", "y"),
        Card("good", "✓ `he` <--", "A sentence."),
        init_explorer(depth=5),
    ],
    ids=lambda shown: type(shown).__name__,
)
def test_the_first_line_of_what_a_cell_shows_is_in_words(shown):
    """JupyterLab shows it, as it is, of an output that is folded."""
    html = shown.still()["text/html"] if hasattr(shown, "still") else shown._repr_html_()
    first, second, *_ = html.splitlines()
    assert re.fullmatch(r"<!-- [^<>{}]*\w[^<>{}]* -->", first) and "--" not in first[4:-3]
    assert second.startswith("<style>")
