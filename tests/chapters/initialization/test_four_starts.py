"""Four starts: what becomes of each, over seeds; its science; its corners; and its time."""

from functools import cache
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.chapters.initialization import starts
from helpers.chapters.initialization.four_starts import FLOWS, RATES, FourStarts, _decade
from helpers.chapters.initialization.starts import SNAPSHOTS, STARTS, STEPS, WIDTH, Run
from helpers.instruments import four_starts
from helpers.losses import softmax_cross_entropy
from tests.gradients import numeric_gradient
from tests.instruments import assert_it_can_be_drawn, check_corner, page, verdict

SEEDS = range(20)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    starts.run.cache_clear()


opened = cache(four_starts)  # one for all: to open it takes longer than to train most of the networks


def after(start, seed=0, steps=STEPS, depth=8, lr=0.2):
    opened().set(start=start, seed=seed, step=steps, depth=depth, lr=lr)
    return opened()


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("medium", {"LEARNS"}),
        ("small", {"STUCK"}),
        ("large", {"DEAD", "STUCK", "DIVERGED"}),
        ("all equal", {"STUCK"}),
    ],
)
def test_only_medium_weights_learn_with_nearly_every_seed(start, words):
    seeds = [0] if start == "all equal" else SEEDS  # equal weights are no draw
    found = [verdict(after(start, seed)) for seed in seeds]
    assert sum(word in words for word in found) >= len(found) - 1
    if start != "medium":
        assert "LEARNS" not in found


def test_small_weights_learn_where_there_are_few_layers():
    for seed in SEEDS:
        assert verdict(after("small", seed, depth=3)) == "LEARNS"


@pytest.mark.parametrize("lr", RATES)
def test_no_learning_rate_saves_small_weights(lr):
    for seed in range(3):
        assert verdict(after("small", seed, lr=lr)) != "LEARNS"


def test_each_layer_multiplies_signal_and_gradient_alike():
    """Of small weights a quarter of what He's lets through; of large ones four times as much."""
    ratios = {"signal": [], "gradient": []}
    for seed in range(100):
        few, right = (Run(start, 8, 0.2, seed).snapshots[0] for start in ("small", "medium"))
        # The same draw at another scale: for ReLU without biases the ratio is exact.
        assert few.signal[8] / right.signal[8] == pytest.approx(4.0**-8)
        assert few.units[0] == pytest.approx(right.units[0])
        ratios["gradient"].append(few.gradient[0] / few.gradient[-1])
    assert np.median(ratios["gradient"]) < 1e-3


def test_equal_weights_keep_a_level_signal_and_stay_copies():
    run = Run("all equal", 8, 0.2, 0)
    run.advance(STEPS)
    start, end = run.snapshots[0], run.snapshots[STEPS]
    assert start.signal[1:] == pytest.approx([start.signal[1]] * 8)
    assert start.copies and end.copies
    assert end.signal[-1] > 0.1 and 0.1 < end.gradient[0] / end.gradient[-1] < 10
    assert not Run("medium", 8, 0.2, 0).snapshots[0].copies


def test_its_gradient_is_that_of_its_loss():
    run = Run("medium", 3, 0.2, 0)
    weight = run.network.layers[0].params["weight"]

    found = run.network.layers[0].grads["weight"].copy()

    def loss():
        return softmax_cross_entropy(run.network.forward(run.x), run.labels)[0]

    assert found == pytest.approx(numeric_gradient(loss, weight), rel=1e-5, abs=1e-8)


def test_no_line_separates_the_disc_from_the_ring():
    x, labels = starts.disc_and_ring()
    assert np.mean(x**2) == pytest.approx(1) and np.mean(labels) == 0.5
    angles = np.linspace(0, 2 * np.pi, 90)
    along = x @ np.stack([np.cos(angles), np.sin(angles)])
    right = max(np.mean((side > cut) == labels) for side in along.T for cut in side)
    assert right < 0.85


def test_a_run_that_is_asked_for_again_trains_nothing_again(monkeypatch):
    after("medium", 3)
    monkeypatch.setattr(Run, "_look", lambda run: pytest.fail("trained again"))
    for step in SNAPSHOTS:
        assert after("medium", 3, step).problem is None


def test_results_come_while_it_trains():
    starts.run.cache_clear()
    s = SimpleNamespace(start="medium", step=STEPS, depth=8, lr=0.2, seed=5)
    results = list(FourStarts.experiment(s))
    assert [len(r.losses) - 1 for r in results] == [*range(20, STEPS, 20), STEPS]


@pytest.mark.parametrize("start", STARTS)
def test_every_start_at_both_ends_of_every_slider(start):
    instrument = four_starts(start=start)
    for step, depth, lr in product((0, 1, STEPS), (2, 10), (RATES[0], RATES[-1])):
        check_corner(instrument, {"start": start, "step": step, "depth": depth, "lr": lr})


def test_every_connection_and_unit_is_drawn_once():
    instrument = four_starts(start="medium", step=0)
    lines = [line for side in instrument._artists["weights"] for line in side]
    drawn = sum(len(line.get_xdata()) // 3 for line in lines)
    carried = _decade(
        np.concatenate(
            [
                (np.abs(w) * u[:, None]).ravel()
                for w, u in zip(
                    instrument.result.snapshot.weights, instrument.result.snapshot.units[:-1], strict=True
                )
            ]
        ),
        FLOWS,
    )
    assert drawn == np.sum(carried >= 0) <= 2 * WIDTH + 6 * WIDTH**2 + 2 * WIDTH
    assert len(instrument._artists["units"].get_xdata()) == 2 + 7 * WIDTH + 2


def test_the_verdict_tells_copies_and_dead_layers():
    assert "copies of one another" in page(after("all equal"))
    dead = after("large", steps=3)
    assert verdict(dead) == "DEAD" and "no gradient passes" in page(dead)
    assert verdict(after("medium", steps=0)) == "NOT TRAINED YET"
    assert verdict(after("medium", steps=2)) == "TRAINING"


def test_a_loss_that_is_no_number_is_said(monkeypatch):
    instrument = after("large", seed=0, steps=1)
    result = instrument.result
    lost = type(result)(np.append(result.losses, np.nan), result.step, result.snapshot)
    assert instrument.verdict(instrument.settings, lost).word == "DIVERGED"
    instrument.move(instrument._artists, instrument.settings, lost)
    assert_it_can_be_drawn(f"<svg>{instrument.figure.ink()}</svg>")
