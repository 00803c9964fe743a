"""The init explorer: every corner of its controls, and what it says about what it shows."""

import re
from itertools import cycle, product

import numpy as np
import pytest

from helpers import layers, propagation
from helpers.chapters.initialization.init_explorer import InitExplorer
from helpers.figures.numbers import from_log10
from helpers.instruments import init_explorer
from helpers.propagation import RandomNetwork
from tests.instruments import (
    SVG,
    assert_it_can_be_drawn,
    check_corner,
    drawing,
    ink,
    page,
    press,
    reached,
    slider,
    verdict,
)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


@pytest.mark.parametrize("scheme", InitExplorer.controls[0].options)
def test_every_corner_of_the_init_explorer(scheme):
    """Every combination of the choices, with the sliders at both ends."""
    instrument = init_explorer(scheme=scheme, width=16)
    assert_it_can_be_drawn(instrument.figure.paper)
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


def test_new_seed_draws_other_weights_and_leaves_the_theory():
    instrument = init_explorer(sigma_w=1.5, seed=3)
    curve = instrument.result.measured
    press(instrument, "New seed")
    assert not np.allclose(instrument.result.measured[1:], curve[1:])
    np.testing.assert_array_equal(instrument.result.predicted, init_explorer(sigma_w=1.5).result.predicted)


def test_a_sliders_label_as_a_learner_reads_it():
    instrument = init_explorer()
    depth = slider(instrument, "Depth")
    assert depth.description == "Depth D = 50"
    depth.value = 30
    assert depth.description == "Depth D = 30"
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


def by_hand(width, act, slope, sigma_w, depth, seed):
    """E[h²] and E[(∂L/∂h)²] by layer in plain float64, through the very weights of the instrument."""
    signal = RandomNetwork(width, act, 1.0, seed=seed).signal()
    h, z = [signal.h[0].astype(float)], [None]
    weights = [w.astype(float) * sigma_w / np.sqrt(width) for w in signal.weights[:depth]]
    for w in weights:
        z.append(h[-1] @ w)
        h.append(layers.activation(act)(z[-1]))
    grad = [signal.output_grad.astype(float)]
    for w, z_l in zip(weights[::-1], z[:0:-1], strict=True):
        grad.append((grad[-1] * slope(z_l)) @ w.T)
    return h, z, grad[::-1]


@pytest.mark.parametrize(
    ("activation", "slope", "sigma_w"),
    [
        ("ReLU", lambda z: z > 0, 8.0),  # N(0, 1) at width 64: far beyond float32
        ("ReLU", lambda z: z > 0, 0.3),
        ("tanh", lambda z: 1 - np.tanh(z) ** 2, 1.0),
    ],
)
def test_the_curves_are_those_of_a_plain_simulation(activation, slope, sigma_w):
    h, z, grad = by_hand(64, activation, slope, sigma_w, 40, seed=2)
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
        for one in drawing(ink(instrument)).iter(f"{SVG}path")
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
    assert "as theory predicts" in page(instrument)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_float32_overflow_is_noted_where_a_float32_network_meets_it(seed):
    instrument = init_explorer(scheme="naive N(0, 1)", width=256, depth=50, seed=seed)
    signal = RandomNetwork(256, "ReLU", 1.0, seed=seed).signal()
    values = [signal.h[0]]
    with np.errstate(over="ignore", invalid="ignore"):
        for w in signal.weights:
            values.append(np.maximum(values[-1] @ w, 0))
    layer = next(i for i, h in enumerate(values) if not np.all(np.isfinite(h)))
    assert instrument.result.lost == layer
    assert f"overflow (inf) at layer {layer}" in page(instrument)
    words = ["".join(one.itertext()) for one in drawing(ink(instrument)).iter(f"{SVG}text")]
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


@pytest.mark.parametrize("name", [one.name for one in InitExplorer.challenges])
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


@pytest.mark.parametrize(
    "settings", [{}, {"scheme": "naive N(0, 1)"}, {"scheme": "Xavier", "direction": "backward"}]
)
def test_the_description_of_the_init_explorer_has_the_numbers_of_its_verdict(settings):
    instrument = init_explorer(**settings)
    r, words = instrument.result, page(instrument)
    for log10 in (r.end, r.low[r.last], r.high[r.last]):
        assert from_log10(log10) in words
        assert from_log10(log10) in instrument.description
