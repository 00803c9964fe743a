"""Every number that the text of chapter 3 states, measured again over several seeds.

The functions are the lesson's own: they are taken from its cells. The names follow its sections. Tolerances
are what other seeds and machines keep; the texts round to what these tests hold.
"""

from pathlib import Path

import nbformat
import numpy as np
import pytest

from helpers import probes, propagation, theory
from helpers.chapters.normalization import norms, shift, stability, train_vs_eval
from helpers.chapters.normalization.stability import RATES, Case
from helpers.digits import GUESSING, LEARNED, LEARNS, final, judge
from helpers.layers import NORMS, BatchNorm, ReLU
from helpers.network import plain
from helpers.optimizers import SGD
from helpers.propagation import RandomNetwork
from helpers.training import train
from tests.text import asked, lesson

said = lesson("03_batch_normalization")

LESSON = Path(__file__).parents[3] / "notebooks" / "03_batch_normalization.ipynb"
SEEDS = range(5)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    stability.clear()
    propagation.clear()


@pytest.fixture(scope="module")
def own():
    """The names that the lesson's definitions leave behind: no cell that trains is run."""
    sources = {cell.id: cell.source for cell in nbformat.read(LESSON, 4).cells}
    names = {}
    defining = ("imports", "bn-by-hand", "two-batches", "forward-statistics", "ceilings", "scale-by-three")
    defining += ("bad-weights", "gradients", "the-digits", "gradients-by-step", "range-after-one-step")
    defining += ("train-all", "reach", "early-eval")
    for name in defining:
        source = sources[name]
        for experiment in ("show(", "(y, g)", "limits =", "moved ="):
            source = source.split(f"\n\n\n{experiment}")[0]
        exec(source, names)
    return names


def test_top_what_the_lesson_announces():
    cells = [cell.source for cell in nbformat.read(LESSON, 4).cells if cell.cell_type == "code"]
    assert sum(cell.startswith("predict(") for cell in cells) == said("title", "predict ten results")


def test_top_sixty_steps():
    assert (
        said("open-with-stability", "60 steps") == stability.STEPS == said("explain-bad-weights", "60 steps")
    )


def test_1_an_element_and_a_stranger(own):
    batch_norm = own["batch_norm"]
    z = np.array([[2.0], [2.0], [6.0], [6.0]])
    np.testing.assert_allclose(batch_norm(z, eps=0).ravel(), [-1, -1, 1, 1])
    in_its_batch = batch_norm(np.append(z, 5.0)[:, None], eps=0)[-1, 0]
    assert in_its_batch == pytest.approx(said("explain-five", "0.436"), abs=5e-4)
    frozen = (5 - z.mean()) / z.std()
    assert frozen == said("explain-five", "The 0.5") == said("explain-element", "becomes 0.5")


def test_1_epsilon_keeps_a_constant_at_0_and_a_quiet_unit_quiet(own):
    quiet = np.array([0.0, 1.0, 2.0, 3.0])[:, None]
    assert not own["batch_norm"](0 * quiet + 7).any()
    assert (quiet / 1000).var() == pytest.approx(said("explain-epsilon", r"1.25\times10^{-6}"))
    ratio = own["batch_norm"](quiet).std() / own["batch_norm"](quiet / 1000).std()
    assert ratio == pytest.approx(3, abs=0.01)


def test_2_the_identity_is_for_that_batch_only(own):
    for seed in SEEDS:
        batch, other = np.random.default_rng(seed).normal(3, 2, (2, 64, 1))
        mean, var = batch.mean(axis=0), batch.var(axis=0)

        def error(gamma, z, mean=mean):
            return np.abs(own["batch_norm"](z, gamma, beta=mean) - z).max()

        assert error(np.sqrt(var + 1e-5), batch) < 1e-14
        assert 1e-6 < error(np.sqrt(var), batch) < 1e-4
        assert error(np.sqrt(var + 1e-5), other) > 0.02


def test_3_golden_numbers_of_the_popular_cell(own):
    own["rng"] = np.random.default_rng(0)
    own["x"] = own["rng"].standard_normal((512, 128))
    without, with_norm = (list(own["forward_statistics"](normed)) for normed in (False, True))
    for found, printed in (
        (without, [(0.563, 0.830), (0.592, 0.883), (0.625, 0.963)]),
        (with_norm, [(0.400, 0.583), (0.393, 0.590), (0.384, 0.594)]),
    ):
        np.testing.assert_allclose([found[i] for i in (0, 5, 11)], printed, atol=6e-4)
    np.testing.assert_allclose(
        [without[0][1], without[11][1]], said("explain-statistics", "from 0.83 to 0.96"), atol=0.005
    )
    for mean, std in with_norm:
        np.testing.assert_allclose((mean, std), said("explain-statistics", "shows 0.40 and 0.58"), atol=0.03)


def test_3_what_a_relu_makes_of_a_bell_curve():
    relu = ReLU()
    mean, square = theory.mean_after(relu), theory.second_moment_after(relu)
    std = (square - mean**2) ** 0.5
    assert square == pytest.approx(said("explain-statistics", r"\frac12"))
    assert mean == pytest.approx(said("explain-statistics", "= 0.399"), abs=5e-4)
    assert std == pytest.approx(said("explain-statistics", "= 0.584"), abs=5e-4)
    for both in (said("explain-statistics", "After it, 0.40 and 0.58"), said("summary", "0.40 and 0.58")):
        assert (mean, std) == pytest.approx(both, abs=0.005)


def test_3_mean_0_and_std_1_stand_before_the_relu():
    before = RandomNetwork(128, "ReLU", 2.0**0.5, norm="BatchNorm").statistics(50)[0]
    found = before.mean[12], before.std[12]
    for claimed in (
        said("layer-by-layer", "mean ≈ 0 and std ≈ 1"),
        said("explain-statistics", "mean ≈ 0 and std ≈ 1"),
    ):
        assert found == pytest.approx(claimed, abs=1e-3)


def test_3_layer_norm_is_level_and_its_inputs_are_alike():
    for seed in SEEDS:
        layer, batch = (
            RandomNetwork(128, "ReLU", 2.0**0.5, norm=norm, seed=seed) for norm in ("LayerNorm", "BatchNorm")
        )
        assert layer.cosine(50) == pytest.approx(said("explain-statistics-instrument", "0.98"), abs=0.025)
        assert layer.statistics(50)[0].std[50] == pytest.approx(1, abs=0.01)
        np.testing.assert_allclose(batch.statistics(50)[0].unit_std[1:], 1, atol=1e-3)


@pytest.fixture(scope="module")
def limits(own):
    found = {(norm, d): own["ceilings"](norm, d) for norm in ("none", "BatchNorm") for d in (4, 10)}
    relatives = ("LayerNorm", "RMSNorm", "GroupNorm")
    return found | {(norm, d): own["ceilings"](norm, d, seeds=2) for norm in relatives for d in (4, 10)}


def test_4_batch_norm_bears_steps_ten_times_as_large(limits):
    def ratios(depth):
        return np.divide(limits["BatchNorm", depth], limits["none", depth])

    step = 2.5  # from one of RATES to the next: so much a seed's limit may be off on another machine
    assert max(np.divide(RATES[1:], RATES[:-1])) == pytest.approx(step)
    for stated in (
        said("explain-ceilings", "a step that is 10 times"),
        said("explain-family", "steps 10 times"),
        said("summary", "steps 10 times"),
    ):
        assert np.median(ratios(4)) == pytest.approx(stated, rel=0.01)
    for low, high in (
        said("explain-ceilings", "and 10 to 20 times"),
        asked("predict-bn-eta", "10 to 20 times"),
    ):
        assert low <= np.median(ratios(10)) <= high
    assert np.all((ratios(10) > low / step) & (ratios(10) < high * step))
    assert np.median(limits["none", 4]) == said("explain-relatives", "where no norm has 0.2")
    for norm in ("none", "BatchNorm"):
        assert np.mean(limits[norm, 10]) < np.mean(limits[norm, 4])  # both limits fall with depth
    assert set(said("explain-ceilings", "We tried 0.1, 0.2, 0.5, 1, 2, 5")) <= set(RATES)


def test_4_batch_norm_fails_at_10(limits):
    at = RATES.index(said("explain-far-right", "fails at η = 10"))
    for depth, seed in ((4, 0), (4, 1), (10, 0), (10, 1), (10, 2)):
        sweep = stability.sweep(Case("BatchNorm", depth, batch=128, seed=seed, width=64)).finish()
        assert judge(sweep.losses[:, at]) != LEARNS
        assert not final(sweep.losses[:, at]) < 2


def test_top_the_ceilings_of_the_first_picture():
    for seed in range(3):
        found = {n: stability.sweep(Case(n, seed=seed)).finish().ceiling() for n in ("none", "BatchNorm")}
        assert found["none"] == pytest.approx(0.1, rel=0.9)
        assert found["BatchNorm"] == pytest.approx(1, rel=0.9)


def test_5_three_times_the_weights_a_third_of_the_gradient(own):
    (y, g), (y3, g3) = (own["output_and_gradient"](scale) for scale in (1, 3))
    np.testing.assert_allclose(y, y3, atol=1e-4)
    assert np.linalg.norm(g3) / np.linalg.norm(g) == pytest.approx(1 / 3, rel=1e-3)


def best_losses(norm, etas, seeds=SEEDS):
    """(seeds, scales): the loss at the best of some learning rates."""
    scales = 0.5, 1.0, 2.0**0.5, 2.0, 4.0

    def best(sigma_w, seed):
        loss = stability.losses(Case(norm, sigma_w=sigma_w, seed=seed), etas)
        return np.nan_to_num(loss[-10:].mean(axis=0), nan=np.inf).min()

    return np.array([[best(scale, seed) for scale in scales] for seed in seeds])


def test_5_first_weights_matter_less():
    tuned = RATES[2:14:2]
    assert len(tuned) == said("explain-bad-weights", "best of six learning rates")
    assert np.all(best_losses("BatchNorm", tuned) < 0.8)
    layer_norm = best_losses("LayerNorm", tuned)
    assert np.all(layer_norm[:, :4] < LEARNED)  # as `judge` takes for learning
    assert 0 < np.sum(layer_norm[:, 4] < LEARNED) < len(SEEDS)  # some seeds learn, some do not
    without = best_losses("none", tuned)
    typical = np.median(without, axis=0)
    assert typical.argmin() == 2  # He's √2
    assert np.all(without[:, 0] > 2.2) and np.all(np.isinf(without[:, 4]))


def test_5_at_one_learning_rate_larger_weights_learn_more_slowly():
    found = np.median(best_losses("BatchNorm", (0.02,)), axis=0)
    assert np.all(np.diff(found) > 0)
    np.testing.assert_allclose(found[[0, 4]], said("explain-bad-weights", "from 0.36 to 1.13"), rtol=0.1)


def test_6_the_same_input_in_other_batches():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        spread = [norms.among_others([1.0], rng.standard_normal((5000, m - 1))).std() for m in (4, 64)]
        stated = said("explain-noise-of-the-batch", "±0.5 in"), said("explain-noise-of-the-batch", "±0.15 in")
        assert spread == pytest.approx(stated, rel=0.1)


def test_7_gradients_explode_by_121_per_layer(own):
    growth = [own["gradient_norms"]("BatchNorm", seed=seed)[0] ** (1 / 50) for seed in SEEDS]
    assert np.mean(growth) == pytest.approx(said("explain-growth", "1.20 measured"), abs=0.015)
    exact = theory.batch_norm_growth(ReLU())
    assert exact == pytest.approx(said("explain-growth", "= 1.211"), abs=5e-4)
    assert exact == pytest.approx(said("explain-growth", "where 1.211"), abs=5e-4)
    for rounded in (
        said("explain-growth", "explode, 1.21 per layer"),
        said("summary", "grow 1.21 per layer"),
    ):
        assert exact == pytest.approx(rounded, abs=0.005)
    for rounded in (
        asked("predict-bn-gradient", "What is 1.2 to"),
        asked("predict-bn-one-step", "The 1.2 is"),
    ):
        assert np.mean(growth) == pytest.approx(rounded, abs=0.05)
    assert exact ** said("explain-growth", "Over 50 layers") == pytest.approx(1e4, rel=0.5)
    for norm in ("none", "LayerNorm"):
        found = [own["gradient_norms"](norm, seed=seed)[0] for seed in SEEDS]
        assert 0.3 < np.exp(np.mean(np.log(found))) < 3


def test_7_where_the_factor_comes_from():
    slopes, spread = theory.slope_moment(ReLU()), theory.second_moment_after(ReLU()) - 1 / (2 * np.pi)
    stated = said("explain-growth", r"{\frac12}{\frac12-")
    assert (slopes, spread + 1 / (2 * np.pi)) == pytest.approx(stated)
    assert slopes / spread == pytest.approx(np.pi / (np.pi - 1))


def test_7_small_batches_make_it_worse():
    batch, stated = said("explain-growth", "with a batch of 4 about 1.7 per layer")
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        network = plain(128, 128, 21, 128, rng, BatchNorm, dtype=np.float64)
        network.layers.pop()
        network.forward(rng.standard_normal((int(batch), 128)))
        network.backward(rng.standard_normal((int(batch), 128)))
        gradient = probes.gradient_norms(network)
        found.append((gradient[0] / gradient[20]) ** (1 / 20))
    assert np.mean(found) == pytest.approx(stated, abs=0.15)


def test_7_one_step_takes_the_explosion_away(own):
    ranges = own["ranges"]
    before, after = ranges(0.1)
    assert before == pytest.approx(said("explain-one-step", "The largest was 6,000 times"), rel=0.25)
    assert after == pytest.approx(said("explain-one-step", "about 100 times"), rel=0.4)
    assert (after, before) == pytest.approx(
        asked("predict-bn-one-step", "About 100 instead of 6,000"), rel=0.4
    )
    assert ranges(1.0)[1] == pytest.approx(said("explain-one-step", "about 10 times"), rel=0.4)
    assert ranges(0.001)[1] > before / 3  # too small to do much
    first, second = np.median([own["by_step"](0.1, seed)[1][:, 0] for seed in SEEDS], axis=0)
    assert first == pytest.approx(said("explain-one-step", "by 26 times"), rel=0.15)
    assert second < 0.01


def test_7_a_few_steps_take_it_away_at_56_layers_too(own):
    digits = own["digits"]
    for eta in (0.003, 0.01, 0.03):
        for seed in range(2):
            net = plain(64, 32, 56, 10, np.random.default_rng(seed), BatchNorm)
            sgd, data = SGD(net.layers, eta, momentum=0.9), (digits.x_train, digits.y_train)
            norm = train(net, sgd, *data, 6, 64, seed, measure_every=1, progress=False).gradient_norms
            apart = norm.max(axis=1) / norm.min(axis=1)
            assert apart[5] < apart[0] / 30


def test_7_at_56_layers_batch_norm_loses_to_no_norm(own):
    (depth,) = {said("summary", "make our 56 layers"), said("summary", "What our 56 layers")}
    deep = {n: own["train_all"](n, int(depth), 64, 300)[0] for n in ("none", "BatchNorm", "LayerNorm")}
    best = {norm: np.nanmin(loss, axis=1) for norm, loss in deep.items()}
    assert np.all(best["none"] < best["BatchNorm"])
    assert np.all(best["BatchNorm"] > 1.9)
    assert np.all(best["none"] > 0.5)
    assert np.all(best["LayerNorm"] > 1)
    guessing = said("explain-depth-56", "guessing is 2.3")
    assert pytest.approx(guessing, abs=0.05) == GUESSING
    assert np.all(np.concatenate([best["none"], best["BatchNorm"]]) < guessing + 0.05)


def test_8_the_noise_experiment():
    def rows(kind, eta):
        return np.array([shift.shift_and_loss(kind, eta, seed) for seed in SEEDS]).T

    moved, loss = rows("no norm", 0.03)
    assert np.median(moved) == pytest.approx(said("explain-noise", "(0.08)"), abs=0.01) and np.all(loss < 0.3)
    noisy_moved, noisy_loss = rows("BatchNorm + noise", 0.3)
    assert np.median(noisy_moved) == pytest.approx(said("explain-noise", "shift is 0.21"), abs=0.01)
    assert np.median(noisy_moved / moved) == pytest.approx(2.5, abs=0.3)
    assert np.all(noisy_loss < 0.5)
    steady_moved, steady_loss = rows("BatchNorm", 0.3)
    assert np.all(steady_moved < said("explain-noise", "below 0.01")) and np.all(steady_loss < 0.3)
    assert not np.any(rows("no norm", 0.3)[1] < 2.2)  # it overflows, or is back at guessing


def test_8_along_the_gradient_the_loss_stays_predictable_for_longer(own):
    found = {
        norm: np.array([own["reach"](norm, seed) for seed in SEEDS])
        for norm in ("none", "LayerNorm", "BatchNorm")
    }
    typical = {norm: np.median(etas) for norm, etas in found.items()}
    assert typical["none"] == pytest.approx(said("explain-reach", "up to η = 0.02"), rel=0.4)
    assert typical["LayerNorm"] == pytest.approx(said("explain-reach", "LayerNorm: 0.03"), rel=0.4)
    assert typical["BatchNorm"] == pytest.approx(said("explain-reach", "up to 0.13"), rel=0.4)
    assert (typical["BatchNorm"], typical["none"]) == pytest.approx(
        asked("predict-bn-smooth", "η = 0.13 instead of 0.02"), rel=0.4
    )
    assert 4 < typical["BatchNorm"] / typical["none"] < 9  # six times as far
    assert np.all(found["BatchNorm"] > 2 * found["none"])
    steps = int(said("explain-reach", "After 20 steps"))
    early = {norm: np.median([own["reach"](norm, seed, steps) for seed in SEEDS]) for norm in found}
    assert max(early.values()) < 2.5 * min(early.values())  # still alike


def test_9_how_long_the_memory_takes():
    torch, keras = (norms.steps_to_arrive(norms.CONVENTIONS[name].weight) for name in ("PyTorch", "Keras"))
    assert (torch, keras) == said("explain-how-long", "44 steps against 459")


def test_9_the_two_conventions_are_those_of_the_table():
    torch, keras = norms.CONVENTIONS["PyTorch"], norms.CONVENTIONS["Keras"]
    assert (torch.weight, keras.weight) == said("explain-how-long", "| 0.1 | 0.01 |")
    assert (torch.eps, keras.eps) == pytest.approx(said("explain-how-long", "| $10^{-5}$ | $10^{-3}$ |"))
    assert (torch.unbiased, keras.unbiased) == (True, False)
    assert BatchNorm(1).eps == torch.eps and BatchNorm(1).momentum == torch.weight


def test_9_a_copied_network_with_another_epsilon():
    torch, keras = (norms.eval_mode(1.0, 0.0, 0.001, norms.CONVENTIONS[c].eps) for c in ("PyTorch", "Keras"))
    assert keras / torch == pytest.approx(said("explain-copied", "×0.71"), abs=0.005)


def test_9_train_mode_in_batches_of_two_and_one():
    rng = np.random.default_rng(0)
    pairs = norms.among_others([0.3], rng.standard_normal((200, 1)), eps=0)
    assert set(np.round(pairs.ravel(), 6)) == set(said("explain-train-vs-eval", "+1 or −1"))
    assert (train_vs_eval.BATCHES[-1], train_vs_eval.BATCHES[0]) == said(
        "forgetting-eval", "from 64 down to 1"
    )


def test_9_early_eval_mode_is_far_behind(own):
    train_mode, eval_mode = own["train_and_eval_accuracy"](3)
    assert train_mode - eval_mode > 0.05
    train_mode, eval_mode = own["train_and_eval_accuracy"](60)
    assert abs(train_mode - eval_mode) < 0.05 and eval_mode > 0.8


@pytest.fixture(scope="module")
def family(own):
    def median(norm, batch):
        return np.median(own["train_all"](norm, 6, batch, 500)[1].max(axis=1))

    return {batch: {norm: median(norm, batch) for norm in NORMS} for batch in (2, 4, 8, 32, 128)}


def test_10_batches_of_2_and_4_are_bad_for_batch_norm_alone(family):
    two, four = dict(family[2]), dict(family[4])
    assert said("explain-family", "guessing (10 %)") < two.pop("BatchNorm") < 0.3
    low, high = said("explain-family", "75 to 87 %")
    assert all(low - 0.06 < accuracy < high + 0.03 for accuracy in two.values())
    small, least = said("explain-family", "has 65 %, the others 86 %")
    assert four.pop("BatchNorm") == pytest.approx(small, abs=0.08)
    assert min(four.values()) > least - 0.02
    caught_up = family[int(said("explain-family", "From 8 on"))]
    assert caught_up["BatchNorm"] > min(caught_up.values()) - 0.01
    assert len(NORMS) * 3 * 3 == said("small-batches", "45 networks") and len(family[8]) == len(NORMS)


def test_10_from_32_on_all_are_alike(family):
    for batch in said("explain-family", "at 32 and 128"):
        alike = family[int(batch)].values()
        assert max(alike) - min(alike) < 0.025  # two points
        assert min(alike) > 0.94
    for batch in said("explain-noise-of-the-batch", "with batches of 32 or 128"):
        assert abs(family[int(batch)]["BatchNorm"] - family[int(batch)]["none"]) < 0.02


def test_10_the_relatives_bear_large_steps_at_4_layers_and_not_at_10(limits):
    typical = {key: np.median(found) for key, found in limits.items()}
    assert typical["LayerNorm", 4] == typical["GroupNorm", 4] == said("explain-relatives", "tolerate η = 1")
    assert typical["RMSNorm", 4] == typical["BatchNorm", 4] == said("explain-relatives", "RMSNorm 2")
    low, high = said("explain-relatives", "they tolerate 0.1 to 0.2")
    for norm in ("LayerNorm", "RMSNorm", "GroupNorm"):
        assert low <= typical[norm, 10] <= high
    low, high = said("explain-relatives", "BatchNorm 1 to 2")
    assert low <= typical["BatchNorm", 10] <= high
