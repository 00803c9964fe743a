"""Instruments: every corner of their controls, and what they say about what they show."""

import re
import xml.etree.ElementTree as ET
from itertools import cycle, product

import ipywidgets as widgets
import numpy as np
import pytest

from helpers import layers, propagation
from helpers.figures.numbers import from_log10
from helpers.instruments import edge_of_chaos, init_explorer
from helpers.instruments.controls import Choice

SVG = "{http://www.w3.org/2000/svg}"
INSTRUMENTS = {"init_explorer": init_explorer, "edge_of_chaos": edge_of_chaos}
each_instrument = pytest.mark.parametrize("make", INSTRUMENTS.values(), ids=INSTRUMENTS)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


def inside(widget, kind):
    """All widgets of a kind within a widget."""
    found = [widget] if isinstance(widget, kind) else []
    return found + [one for child in getattr(widget, "children", ()) for one in inside(child, kind)]


def press(instrument, name):
    (button,) = [one for one in inside(instrument, widgets.Button) if one.description == name]
    button.click()


def slider(instrument, label):
    (found,) = [
        one for one in inside(instrument, widgets.SelectionSlider) if one.description.startswith(label)
    ]
    return found


def page(instrument):
    """The words of the instrument as they stand on the page, without the figure."""
    html = " ".join(one.value for one in inside(instrument, widgets.HTML) if "<svg" not in one.value)
    return re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)


def verdict(instrument):
    """The verdict's word."""
    html = " ".join(one.value for one in inside(instrument, widgets.HTML))
    return re.search(r"td-verdict[^>]*><b>([^<]*)</b>", html)[1]


def drawing(html):
    return ET.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])


def assert_it_can_be_drawn(html):
    for element in drawing(html).iter():
        for name in ("d", "x", "y", "transform", "width", "height", "points"):
            value = element.get(name, "")
            assert not re.search(r"nan|inf", value, re.IGNORECASE), (element.tag, value)


def everything(instrument):
    return vars(instrument.settings).copy()


# Every corner


def check_corner(instrument, corner):
    instrument.set(**corner)
    assert instrument.problem is None, (corner, instrument.problem)
    assert {name: value for name, value in everything(instrument).items() if name != "seed"} == corner
    assert_it_can_be_drawn(instrument.figure.ink.value)
    words = " ".join(one.value for one in instrument.texts) + instrument.figure.description
    assert "not a number" not in words, corner
    assert not re.search(r"\bnan\b", words), corner


@pytest.mark.parametrize("scheme", init_explorer().controls[0].options)
def test_every_corner_of_the_init_explorer(scheme):
    """Every combination of the choices, with the sliders at both ends."""
    instrument = init_explorer(scheme=scheme, width=16)
    instrument.texts = [one for one in inside(instrument, widgets.HTML) if "<svg" not in one.value]
    assert_it_can_be_drawn(instrument.figure.paper.value)
    ends = {control.name: control.extremes() for control in instrument.controls}
    small = cycle(product(ends["layer"], ends["sigma_w"]))  # these two take turns
    # Width first: an orthogonal network of width 512 takes seconds to draw.
    for names in product(*(ends[n] for n in ("width", "activation", "depth", "quantity", "direction"))):
        width, activation, depth, quantity, direction = names
        for layer, sigma_w in [next(small) for _ in range(4 if scheme == "custom σ" else 1)]:
            corner = {"scheme": scheme, "width": width, "activation": activation, "depth": depth}
            corner |= {"quantity": quantity, "direction": direction, "layer": layer, "sigma_w": sigma_w}
            check_corner(instrument, corner)
            r = instrument.result
            assert len(r.measured) == len(r.predicted) == len(r.low) == len(r.high) == depth + 1
            assert np.all(np.isfinite([r.predicted, r.low, r.high])), corner
            assert np.all(r.low <= r.high)


def test_every_corner_of_the_edge_of_chaos():
    instrument = edge_of_chaos()
    instrument.texts = [one for one in inside(instrument, widgets.HTML) if "<svg" not in one.value]
    assert_it_can_be_drawn(instrument.figure.paper.value)
    ends = {control.name: control.extremes() for control in instrument.controls}
    for values in product(*ends.values()):
        corner = dict(zip(ends, values, strict=True))
        check_corner(instrument, corner)
        for curve in (instrument.result.measured, instrument.result.predicted):
            assert len(curve) == 31
            assert np.all(np.abs(curve) <= 1 + 1e-5), corner
            assert curve[0] == pytest.approx(corner["correlation"], abs=1e-6)


@each_instrument
def test_the_still_picture_of_a_corner_can_be_drawn(make):
    instrument = make()
    for side in (0, -1):
        instrument.set(**{control.name: control.extremes()[side] for control in instrument.controls})
        assert_it_can_be_drawn(instrument.figure.picture().html())


# Settings


@each_instrument
def test_the_sliders_say_their_value(make):
    instrument = make()
    for control in instrument.controls:
        if not isinstance(control, Choice):
            box = slider(instrument, control.label)
            for value in control.extremes():
                instrument.set(**{control.name: value})
                assert box.description == f"{control.label} = {control.text(value)}"


def test_a_sliders_label_as_a_learner_reads_it():
    instrument = init_explorer()
    depth = slider(instrument, "Depth")
    assert depth.description == "Depth L = 50"
    depth.value = 30
    assert depth.description == "Depth L = 30"
    assert len(instrument.result.measured) == 31


def test_any_value_in_range_may_be_a_start():
    instrument = init_explorer(width=100, sigma_w=1.23, scheme="custom σ", depth=7, seed=999_999)
    assert instrument.problem is None
    assert (instrument.settings.width, instrument.settings.sigma_w) == (100, 1.23)
    assert slider(instrument, "Width").description == "Width n = 100"
    assert 10 ** instrument.result.predicted[7] == pytest.approx((1.23**2 / 2) ** 7)
    slider(instrument, "Width").value = 16
    press(instrument, "Reset")
    assert (instrument.settings.width, instrument.settings.sigma_w) == (100, 1.23)
    instrument.set(width=77)
    assert instrument.settings.width == 77
    assert edge_of_chaos(sigma_w=1.23, sigma_b=0.123, correlation=0.321).settings.sigma_b == 0.123


@pytest.fixture(scope="module")
def started():
    return {make: make() for make in INSTRUMENTS.values()}


BAD = [
    (init_explorer, "width", 8, "from 16 to 512"),
    (init_explorer, "width", 513, "from 16 to 512"),
    (init_explorer, "width", 64.5, "from 16 to 512"),
    (init_explorer, "width", "64", "from 16 to 512"),
    (init_explorer, "depth", 0, "from 1 to 60"),
    (init_explorer, "depth", 61, "from 1 to 60"),
    (init_explorer, "depth", True, "from 1 to 60"),
    (init_explorer, "layer", -1, "from 0 to 60"),
    (init_explorer, "sigma_w", np.nan, "from 0.125 to 22.6"),
    (init_explorer, "sigma_w", 0.1, "from 0.125 to 22.6"),
    (init_explorer, "sigma_w", 23, "from 0.125 to 22.6"),
    (init_explorer, "scheme", "Hee", "'He'"),
    (init_explorer, "activation", "Relu", "'ReLU'"),
    (init_explorer, "quantity", "E[h2]", "'E[h²]'"),
    (init_explorer, "direction", None, "'forward', 'backward'"),
    (init_explorer, "seed", -1, "from 0 to 999999"),
    (init_explorer, "seed", 1.5, "from 0 to 999999"),
    (edge_of_chaos, "sigma_w", 0, "from 0.25 to 16"),
    (edge_of_chaos, "sigma_b", -0.1, "from 0.0 to 3.0"),
    (edge_of_chaos, "correlation", 1, "from -0.5 to 0.99"),
    (edge_of_chaos, "activation", "gelu", "'tanh'"),
]


@pytest.mark.parametrize(("make", "name", "value", "allowed"), BAD, ids=[f"{b[1]}={b[2]}" for b in BAD])
def test_a_bad_value_is_named_and_changes_nothing(started, make, name, value, allowed):
    message = re.escape(f"{name}={value!r}") + ".*" + re.escape(allowed)
    with pytest.raises(ValueError, match=message):
        make(**{name: value})
    instrument = started[make]
    before, ink = everything(instrument), instrument.figure.ink.value
    good = {"depth": 3} if make is init_explorer else {"sigma_w": 2.0}
    with pytest.raises(ValueError, match=message):
        instrument.set(**{**good, name: value})
    assert everything(instrument) == before
    assert instrument.figure.ink.value == ink


@each_instrument
def test_an_unknown_setting_is_named_and_what_was_meant_guessed(make):
    with pytest.raises(ValueError, match=r"setting='sigmaw' is not one of .*Did you mean 'sigma_w'"):
        make(sigmaw=1.0)
    instrument = make()
    before = everything(instrument)
    with pytest.raises(ValueError, match="setting='widht'"):
        instrument.set(sigma_w=2.0, widht=16)
    assert everything(instrument) == before


@each_instrument
def test_reset_restores_everything(make):
    instrument = make(seed=7, sigma_w=1.5)
    start, ink = everything(instrument), instrument.figure.ink.value
    instrument.set(**{control.name: control.extremes()[0] for control in instrument.controls})
    instrument.set(**{control.name: control.extremes()[-1] for control in instrument.controls})
    assert everything(instrument) != start
    press(instrument, "Reset")
    assert everything(instrument) == start
    assert start["seed"] == 7
    strip = re.compile(r"td\d+|<text[^>]*></text>")  # names are new each time; empty texts cannot be seen
    assert strip.sub("", instrument.figure.ink.value) == strip.sub("", ink)


@each_instrument
def test_new_seed_changes_the_network_and_nothing_else(make):
    instrument = make(sigma_w=1.5, seed=3)
    before, curve = everything(instrument), instrument.result.measured
    press(instrument, "New seed")
    assert everything(instrument) == {**before, "seed": 4}
    assert not np.allclose(instrument.result.measured[1:], curve[1:])
    np.testing.assert_array_equal(instrument.result.predicted, make(sigma_w=1.5).result.predicted)
    instrument.set(seed=3)
    np.testing.assert_array_equal(instrument.result.measured, curve)
    instrument.set(seed=999_999)
    press(instrument, "New seed")
    assert instrument.settings.seed == 0


def test_moving_the_sigma_slider_switches_to_the_custom_scheme():
    instrument = init_explorer()
    box = slider(instrument, "Custom")
    box.value = 1.0
    assert instrument.settings.scheme == "custom σ"
    assert 10 ** instrument.result.predicted[10] == pytest.approx(2.0**-10)
    instrument.set(scheme="He")
    assert instrument.settings.sigma_w == 1.0
    assert instrument.result.predicted[10] == pytest.approx(0, abs=1e-6)


def test_two_instruments_do_not_share_their_state():
    one, other = init_explorer(width=16), init_explorer(width=64)
    one.set(depth=3, scheme="Xavier")
    assert (other.settings.depth, other.settings.width, other.settings.scheme) == (50, 64, "He")
    assert len(other.result.measured) == 51


# What the init explorer shows


def by_hand(width, act, slope, sigma_w, depth, seed):
    """E[h²] and E[(∂L/∂h)²] by layer in plain float64, through the very weights of the instrument."""
    signal = propagation.Signal(width, act, "normal", 1.0, seed)
    h, z = [signal.h[0].astype(float)], [None]
    weights = [w.astype(float) * sigma_w / np.sqrt(width) for w in signal.weights[:depth]]
    for w in weights:
        z.append(h[-1] @ w)
        h.append(act()(z[-1]))
    grad = [signal.output_grad.astype(float)]
    for w, z_l in zip(weights[::-1], z[:0:-1], strict=True):
        grad.append((grad[-1] * slope(z_l)) @ w.T)
    return h, z, grad[::-1]


@pytest.mark.parametrize(
    ("activation", "act", "slope", "sigma_w"),
    [
        ("ReLU", layers.ReLU, lambda z: z > 0, 8.0),  # N(0, 1) at width 64: far beyond float32
        ("ReLU", layers.ReLU, lambda z: z > 0, 0.3),
        ("tanh", layers.Tanh, lambda z: 1 - np.tanh(z) ** 2, 1.0),
    ],
)
def test_the_curves_are_those_of_a_plain_simulation(activation, act, slope, sigma_w):
    h, z, grad = by_hand(64, act, slope, sigma_w, 40, seed=2)
    instrument = init_explorer(
        width=64, depth=40, scheme="custom σ", sigma_w=sigma_w, activation=activation, seed=2
    )

    def shown(**settings):
        instrument.set(**settings)
        return instrument.result.measured

    np.testing.assert_allclose(shown(), [np.log10(np.mean(a**2)) for a in h], atol=1e-3)
    np.testing.assert_allclose(shown(quantity="Var h"), [np.log10(a.var()) for a in h], atol=1e-3)
    np.testing.assert_allclose(shown(quantity="Var z")[1:], [np.log10(a.var()) for a in z[1:]], atol=1e-3)
    found = shown(quantity="E[h²]", direction="backward")
    np.testing.assert_allclose(found, [np.log10(np.mean(a**2)) for a in grad], atol=1e-3)


def test_the_figure_draws_the_result():
    instrument = init_explorer(scheme="Xavier", depth=30)
    (line,) = [
        one.get("d")
        for one in drawing(instrument.figure.ink.value).iter(f"{SVG}path")
        if one.get("fill") == "none" and "measured" in one.get("stroke", "")
    ]
    x, y = np.array([float(v) for v in re.findall(r"-?[\d.]+", line)]).reshape(-1, 2).T
    assert len(x) == 31
    slope, at_0 = np.polyfit(instrument.result.measured, y, 1)
    np.testing.assert_allclose(at_0 + slope * instrument.result.measured, y, atol=0.02)
    assert slope < 0  # SVG counts downwards
    assert np.all(np.diff(x) > 0)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"scheme": "naive N(0, 1)"}, "EXPLODES"),
        ({"scheme": "Xavier"}, "VANISHES"),
        ({"scheme": "PyTorch default", "depth": 20}, "VANISHES"),
        ({"scheme": "He", "width": 512}, "HOLDS"),
        ({"scheme": "Xavier", "activation": "linear"}, "HOLDS"),
        ({"scheme": "custom σ", "sigma_w": 1.38, "activation": "leaky ReLU"}, "HOLDS"),
        ({"scheme": "naive N(0, 1)", "depth": 1, "width": 128}, "HOLDS"),
    ],
)
def test_known_verdicts(settings, word, direction):
    instrument = init_explorer(**settings, direction=direction)
    assert verdict(instrument) == word
    assert "within theory" in page(instrument)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_float32_overflow_is_noted_where_a_float32_network_meets_it(seed):
    instrument = init_explorer(scheme="naive N(0, 1)", width=256, depth=50, seed=seed)
    signal = propagation.Signal(256, layers.ReLU, "normal", 1.0, seed)
    values = [signal.h[0]]
    with np.errstate(over="ignore", invalid="ignore"):
        for w in signal.weights:
            values.append(np.maximum(values[-1] @ w, 0))
    layer = next(i for i, h in enumerate(values) if not np.all(np.isfinite(h)))
    assert instrument.result.lost == layer
    assert f"overflow (inf) at layer {layer}" in page(instrument)
    words = ["".join(one.itertext()) for one in drawing(instrument.figure.ink.value).iter(f"{SVG}text")]
    assert f"float32: inf at layer {layer}" in words


def test_an_underflow_is_noted_as_0():
    instrument = init_explorer(scheme="custom σ", sigma_w=0.125, depth=60)
    # E[h²] falls by 128 a layer: its root passes the smallest float32, 1.4e-45, at layer 43.
    assert instrument.result.lost == pytest.approx(43, abs=1)
    assert "round to 0" in page(instrument)
    assert init_explorer(depth=60).result.lost is None


def test_a_network_whose_units_all_died_is_not_blamed_on_float32():
    """In this narrow He network every ReLU of layer 37 is off for every input, at any precision."""
    instrument = init_explorer(width=16, depth=60, seed=131)
    assert instrument.result.measured[-1] == -np.inf
    assert "float32" not in page(instrument)
    assert instrument.result.cosine >= 0


def test_a_sigmoid_that_holds_is_unmasked():
    instrument = init_explorer(scheme="Xavier", activation="sigmoid")
    assert verdict(instrument) == "HOLDS"
    assert "all inputs have become the same" in page(instrument)
    assert "all inputs have become the same" not in page(init_explorer(depth=5))


@pytest.fixture(scope="module")
def results():
    """The results of 40 seeds. (A pool no wider than these networks is drawn in no time.)"""
    cases = {
        "He": {},
        "He, Var h": {"quantity": "Var h"},
        "He, backward": {"direction": "backward"},
        "sigmoid, Var z": {
            "scheme": "custom σ",
            "sigma_w": 0.577,
            "activation": "sigmoid",
            "quantity": "Var z",
        },
    }
    found = {name: [] for name in cases}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propagation, "WIDEST", 128)
        propagation.clear()
        instruments = {name: init_explorer(width=128, **case) for name, case in cases.items()}
        for seed in range(40):
            for name, instrument in instruments.items():
                instrument.set(seed=seed)
                found[name].append(instrument.result)
    propagation.clear()
    return found


@pytest.mark.parametrize("case", ["He", "He, Var h", "He, backward", "sigmoid, Var z"])
def test_nearly_all_networks_lie_within_the_band(results, case):
    assert np.mean([r.inside for r in results[case]]) >= 0.85


def test_the_band_lies_around_the_typical_network_and_not_around_the_mean(results):
    """Ends are skewed: the typical one lies spread²/2 below the mean, which He's rule holds at 1."""
    ends = np.array([r.end for r in results["He"]])
    r = results["He"][0]
    middle = (r.low[50] + r.high[50]) / 2
    assert r.predicted[50] == pytest.approx(0, abs=1e-6)
    assert abs(ends.mean() - middle) < 0.25 < abs(ends.mean() - 0)
    assert ends.std() == pytest.approx((r.high[50] - r.low[50]) / 4, rel=0.3)


# What the edge of chaos shows


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"sigma_w": 0.9}, "ORDERED"),
        ({"sigma_w": 1.0}, "CRITICAL"),
        ({"sigma_w": 2.0}, "CHAOTIC"),
        ({"sigma_w": 2.0, "sigma_b": 2.0}, "ORDERED"),
        ({"activation": "ReLU", "sigma_w": 1.3}, "ORDERED"),
        ({"activation": "ReLU", "sigma_w": 2**0.5}, "CRITICAL"),
        ({"activation": "ReLU", "sigma_w": 2.0}, "UNBOUNDED"),
        ({"activation": "linear", "sigma_w": 1.0}, "CRITICAL"),
        ({"activation": "sigmoid", "sigma_w": 9.0}, "ORDERED"),
        ({"activation": "sigmoid", "sigma_w": 12.0}, "CHAOTIC"),
    ],
)
def test_phases(settings, word):
    instrument = edge_of_chaos(**settings)
    assert verdict(instrument) == word
    phase = {"UNBOUNDED": "unbounded"}.get(word, word.lower())
    assert f"is {phase}" in instrument.figure.description


@pytest.mark.parametrize(
    "settings",
    [
        {"sigma_w": 1.0},
        {"sigma_w": 0.9, "sigma_b": 0.3},
        {"sigma_w": 2.5},
        {"activation": "ReLU", "sigma_w": 2**0.5},
        {"activation": "ReLU", "sigma_w": 0.25},
        {"activation": "linear", "sigma_w": 0.25},
        {"activation": "sigmoid", "sigma_w": 3.0, "sigma_b": 1.0},
    ],
)
def test_a_measured_correlation_follows_theory(settings):
    r = edge_of_chaos(**settings).result
    assert np.abs(r.measured - r.predicted).max() < 0.25
    assert np.mean(np.abs(r.measured - r.predicted)) < 0.12


@pytest.mark.parametrize(
    ("activation", "edge"),
    [("ReLU", 2**0.5), ("leaky ReLU", (2 / 1.04) ** 0.5), ("tanh", 1.0), ("sigmoid", 10.15), ("linear", 1.0)],
)
def test_some_position_of_the_sliders_without_biases_is_critical(activation, edge):
    """A learner who walks along σ_w must be able to stand on the edge."""
    instrument = edge_of_chaos(activation=activation)
    positions = sorted(slider(instrument, "Weights").options, key=lambda option: abs(option[1] - edge))
    phases = []
    for _, value in positions[:2]:
        instrument.set(sigma_w=value)
        phases.append(instrument.result.phase)
    assert "critical" in phases


@pytest.mark.parametrize(
    "settings",
    [
        {"sigma_w": 0.5, "sigma_b": 0.3},
        {"sigma_w": 0.5},  # without biases the signal dies, but the angle between two inputs does not close
        {"sigma_w": 0.5, "activation": "linear"},
        {"sigma_w": 1.0, "activation": "sigmoid"},
    ],
)
def test_inputs_are_said_to_become_alike_only_where_they_do(settings):
    instrument = edge_of_chaos(**settings)
    if "alike" in page(instrument).split("Weights have variance")[0]:
        assert instrument.result.predicted[-1] > 0.9


# Presets and challenges

PROMISES = {
    init_explorer: {
        "N(0, 1): explodes": "EXPLODES",
        "Xavier with ReLU": "VANISHES",
        "PyTorch default": "VANISHES",
        "Xavier with tanh": None,
        "He, width 16": "VANISHES",
        "He's gradient": "HOLDS",
    },
    edge_of_chaos: {
        "Ordered": "ORDERED",
        "Critical tanh": "CRITICAL",
        "Chaotic": "CHAOTIC",
        "He and ReLU": "CRITICAL",
        "Usual sigmoid": "ORDERED",
    },
}


@each_instrument
def test_presets_keep_the_promise_of_their_name(make):
    instrument = make()
    assert set(instrument.presets) == set(PROMISES[make])
    start = everything(instrument)
    for name, settings in instrument.presets.items():
        press(instrument, name)
        assert instrument.problem is None
        assert everything(instrument) == {**start, **settings}
        if PROMISES[make][name]:
            assert verdict(instrument) == PROMISES[make][name], name


SOLUTIONS = {
    "Level for leaky ReLU": {"sigma_w": (2 / 1.04) ** 0.5},
    "Make He fail": {"width": 16, "depth": 60},
    "Overflow float32": {"scheme": "naive N(0, 1)"},
    "Find the edge": {"sigma_w": 2.0**0.5},
    "A sigmoid that does not vanish": {"sigma_w": 2.0 ** (54 / 16), "sigma_b": 1.0},
    "Fly apart": {"sigma_w": 4.0},
}
CHALLENGES = [(make, one.name) for make in INSTRUMENTS.values() for one in make().challenges]
each_challenge = pytest.mark.parametrize(("make", "name"), CHALLENGES, ids=[name for _, name in CHALLENGES])


def reached(instrument):
    words = page(instrument)
    assert ("✓ Reached." in words) != ("Goal:" in words)
    return "✓ Reached." in words


@each_challenge
def test_a_challenge_is_not_reached_at_its_start_and_is_by_its_solution(make, name):
    instrument = make()
    press(instrument, name)
    (challenge,) = [one for one in instrument.challenges if one.name == name]
    assert not reached(instrument)
    assert re.sub(r"\s+", " ", challenge.task) in re.sub(r"\s+", " ", page(instrument))
    instrument.set(**SOLUTIONS[name])
    assert reached(instrument)
    press(instrument, "Reset")  # away from it again, unless it began there
    assert not reached(instrument)


@pytest.mark.parametrize("name", [name for make, name in CHALLENGES if make is init_explorer])
def test_a_challenge_cannot_be_solved_by_looking_at_something_else(name):
    """Another quantity, direction or layer shows the same network in another way."""
    instrument = init_explorer()
    for view in ("quantity", "direction", "layer"):
        (control,) = [one for one in instrument.controls if one.name == view]
        for value in control.extremes():
            press(instrument, name)
            instrument.set(**{view: value})
            assert not reached(instrument), (view, value)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("Make He fail", {"width": 16, "depth": 60}),
        ("Overflow float32", {"scheme": "naive N(0, 1)"}),
    ],
)
def test_a_challenge_begins_unsolved_wherever_the_instrument_began(name, start):
    instrument = init_explorer(**start)
    press(instrument, name)
    assert not reached(instrument)


@each_challenge
def test_a_solution_lies_on_the_sliders(make, name):
    instrument = make()
    press(instrument, name)
    controls = {control.name: control for control in instrument.controls}
    for setting, value in SOLUTIONS[name].items():
        if not isinstance(controls[setting], Choice):
            nearest = min(controls[setting].values, key=lambda position, to=value: abs(position - to))
            instrument.set(**{setting: nearest})
        else:
            instrument.set(**{setting: value})
    assert reached(instrument)


# Words, and what happens when something fails


@pytest.mark.parametrize(
    "settings", [{}, {"scheme": "naive N(0, 1)"}, {"scheme": "Xavier", "direction": "backward"}]
)
def test_the_description_of_the_init_explorer_has_the_numbers_of_its_verdict(settings):
    instrument = init_explorer(**settings)
    r, words = instrument.result, page(instrument)
    for log10 in (r.end, r.low[r.last], r.high[r.last]):
        assert from_log10(log10) in words
        assert from_log10(log10) in instrument.figure.description
    found = drawing(instrument.figure.ink.value).find(f"{SVG}desc").text
    assert found == instrument.figure.description


def test_the_description_of_the_edge_of_chaos_has_the_numbers_of_its_verdict():
    instrument = edge_of_chaos(sigma_w=1.5, sigma_b=0.3)
    for number in (f"{instrument.result.measured[-1]:.2f}", f"{instrument.settings.correlation:.2f}"):
        assert number in page(instrument)
        assert number in instrument.figure.description


@each_instrument
def test_a_page_without_a_kernel_gets_a_picture_with_words(make):
    instrument = make()
    bundle = instrument._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    html = bundle["text/html"]
    root = drawing(html)
    assert root.find(f"{SVG}title").text == instrument.title
    assert root.find(f"{SVG}desc").text == instrument.figure.description
    assert verdict(instrument) in html
    assert instrument.question in html
    assert bundle["text/plain"] == f"{instrument.title}: {instrument.figure.description}"
    assert_it_can_be_drawn(html)


@each_instrument
def test_an_experiment_that_fails_becomes_a_card(make, monkeypatch):
    def fail(settings):
        raise RuntimeError("out of <chalk>")

    instrument = make()
    with monkeypatch.context() as patch:
        patch.setattr(type(instrument), "experiment", staticmethod(fail))
        instrument.set(sigma_w=2.0)
        assert isinstance(instrument.problem, RuntimeError)
        assert "out of &lt;chalk&gt;" in " ".join(one.value for one in inside(instrument, widgets.HTML))
        assert "Reset" in page(instrument)
        # The control that was moved shows its new value, whatever the experiment did.
        label = next(control.label for control in instrument.controls if control.name == "sigma_w")
        assert slider(instrument, label).description == f"{label} = 2"
    press(instrument, "Reset")
    assert instrument.problem is None
    assert "chalk" not in page(instrument)


@each_instrument
def test_an_instrument_that_fails_at_once_is_still_shown(make, monkeypatch):
    def fail(settings):
        raise RuntimeError("out of chalk")

    monkeypatch.setattr(type(make()), "experiment", staticmethod(fail))
    instrument = make()
    assert "out of chalk" in page(instrument)
    assert "out of chalk" in instrument._repr_mimebundle_()["text/html"]
