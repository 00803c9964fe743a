"""Every number that the text of chapter 3 states, measured again over several seeds.

The functions are the lesson's own: they are taken from its cells. The names follow its sections. Tolerances
are what other seeds and machines keep; the texts round to what these tests hold.
"""

from pathlib import Path

import nbformat
import numpy as np
import pytest

from helpers import probes, propagation, theory
from helpers.chapters.normalization import norms, stability
from helpers.chapters.normalization.stability import RATES, Case
from helpers.layers import NORMS, BatchNorm, ReLU
from helpers.network import plain

LESSON = Path(__file__).parents[3] / "notebooks" / "03_batch_normalization.ipynb"
SEEDS = range(5)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    stability.clear()
    propagation.clear()


@pytest.fixture(scope="module")
def lesson():
    """The names that the lesson's definitions leave behind: no cell that trains is run."""
    sources = {cell.id: cell.source for cell in nbformat.read(LESSON, 4).cells}
    names = {}
    defining = ("imports", "bn-by-hand", "two-batches", "forward-statistics", "scale-by-three")
    defining += ("bad-weights", "gradients", "the-digits", "train-all", "jolt", "build-jolted")
    defining += ("relative-means", "shift-and-loss", "early-eval")
    for name in defining:
        definitions = sources[name].split("\n\n\nshow(")[0].split("\n\n\n(y, g)")[0]
        exec(definitions, names)
    exec(sources["ceilings"].split("\n\n\nceiling_4")[0], names)
    return names


def test_1_an_element_and_a_stranger(lesson):
    batch_norm = lesson["batch_norm"]
    z = np.array([[2.0], [2.0], [6.0], [6.0]])
    np.testing.assert_allclose(batch_norm(z, eps=0).ravel(), [-1, -1, 1, 1])
    assert batch_norm(np.append(z, 5.0)[:, None], eps=0)[-1, 0] == pytest.approx(0.436, abs=5e-4)
    assert (5 - z.mean()) / z.std() == 0.5


def test_1_epsilon_keeps_a_constant_at_0_and_a_quiet_unit_quiet(lesson):
    quiet = np.array([0.0, 1.0, 2.0, 3.0])[:, None]
    assert not lesson["batch_norm"](0 * quiet + 7).any()
    assert (quiet / 1000).var() == pytest.approx(1.25e-6)
    ratio = lesson["batch_norm"](quiet).std() / lesson["batch_norm"](quiet / 1000).std()
    assert ratio == pytest.approx(3, abs=0.01)


def test_2_the_identity_is_for_that_batch_only(lesson):
    for seed in SEEDS:
        batch, other = np.random.default_rng(seed).normal(3, 2, (2, 64, 1))
        mean, var = batch.mean(axis=0), batch.var(axis=0)

        def error(gamma, z, mean=mean):
            return np.abs(lesson["batch_norm"](z, gamma, beta=mean) - z).max()

        assert error(np.sqrt(var + 1e-5), batch) < 1e-14
        assert 1e-6 < error(np.sqrt(var), batch) < 1e-4
        assert error(np.sqrt(var + 1e-5), other) > 0.02


def test_3_golden_numbers_of_the_popular_cell(lesson):
    lesson["rng"] = np.random.default_rng(0)
    lesson["x"] = lesson["rng"].standard_normal((512, 128))
    without, with_norm = (list(lesson["forward_statistics"](normed)) for normed in (False, True))
    for found, printed in (
        (without, [(0.563, 0.830), (0.592, 0.883), (0.625, 0.963)]),
        (with_norm, [(0.400, 0.583), (0.393, 0.590), (0.384, 0.594)]),
    ):
        np.testing.assert_allclose([found[i] for i in (0, 5, 11)], printed, atol=6e-4)


def test_3_layer_norm_is_level_and_its_inputs_are_alike():
    for seed in SEEDS:
        kept = propagation.normed("LayerNorm", 128, 2.0**0.5, seed)
        assert kept.cosine[50] == pytest.approx(0.98, abs=0.025)
        assert kept.before.std[50] == pytest.approx(1, abs=0.01)
        np.testing.assert_allclose(
            propagation.normed("BatchNorm", 128, 2.0**0.5, seed).before.unit_std[1:], 1, atol=1e-3
        )


def test_3_the_table_that_ends_in_nan():
    rate = (31.2 / 4.7) ** (1 / 5)
    assert rate == pytest.approx(1.46, abs=0.005)
    assert 31.2 * rate**10 == pytest.approx(1400, rel=0.03)
    assert np.float64(3.4e38) ** (1 / 20) == pytest.approx(84, abs=0.6)
    assert pytest.approx(5000, rel=0.03) == (3.4e38 / 31.2) ** (1 / 10)


@pytest.fixture(scope="module")
def ceilings(lesson):
    return {(norm, d): lesson["ceilings"](norm, d) for norm in ("none", "BatchNorm") for d in (4, 10)}


def test_4_batch_norm_bears_steps_ten_times_as_large(ceilings):
    def typical_ratio(depth):
        logs = np.log(ceilings["BatchNorm", depth]) - np.log(ceilings["none", depth])
        assert np.all(logs > np.log(3))
        return np.exp(logs.mean())

    assert typical_ratio(4) == pytest.approx(10, rel=0.3)
    assert typical_ratio(10) == pytest.approx(15, rel=0.4)
    assert typical_ratio(10) > typical_ratio(4)
    assert np.median(ceilings["none", 4]) == pytest.approx(0.2, rel=0.6)
    assert np.median(ceilings["none", 10]) == pytest.approx(0.1, rel=0.5)
    assert np.median(ceilings["BatchNorm", 10]) == pytest.approx(1.4, rel=0.5)


def test_4_batch_norm_fails_at_10(ceilings):
    at = RATES.index(10.0)
    for depth, seed in ((4, 0), (4, 1), (10, 0), (10, 1), (10, 2)):
        sweep = stability.sweep(Case("BatchNorm", depth, batch=128, seed=seed, width=64)).finish()
        assert stability.judge(sweep.losses[:, at]) != stability.LEARNS
        assert not stability.final(sweep.losses[:, at]) < 2


def test_top_the_ceilings_of_the_first_picture():
    for seed in range(3):
        found = {n: stability.sweep(Case(n, seed=seed)).finish().ceiling() for n in ("none", "BatchNorm")}
        assert found["none"] == pytest.approx(0.1, rel=0.9)
        assert found["BatchNorm"] == pytest.approx(1, rel=0.9)


def test_5_three_times_the_weights_a_third_of_the_gradient(lesson):
    (y, g), (y3, g3) = (lesson["output_and_gradient"](scale) for scale in (1, 3))
    np.testing.assert_allclose(y, y3, atol=1e-4)
    assert np.linalg.norm(g3) / np.linalg.norm(g) == pytest.approx(1 / 3, rel=1e-3)


def test_5_first_weights_matter_less():
    scales, etas = [0.5, 1.0, 2.0**0.5, 2.0, 4.0], RATES[2:14:2]

    def best(norm, sigma_w, seed):
        loss = stability.losses(Case(norm, sigma_w=sigma_w, seed=seed), etas)
        return np.nan_to_num(loss[-10:].mean(axis=0), nan=np.inf).min()

    found = {n: np.array([[best(n, w, s) for w in scales] for s in range(3)]) for n in NORMS}
    assert np.all(found["BatchNorm"] < 0.8)
    assert np.all(np.median(found["LayerNorm"], axis=0) < 1.5)
    assert np.all(found["none"].argmin(axis=1) == 2)  # He's √2, with every seed
    without = np.median(found["none"], axis=0)
    assert without[2] < 1 and without[2] == without.min()
    assert without[0] > 2 and np.isinf(without[4])


def test_6_the_same_input_in_other_batches():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        spread = [norms.among_others([1.0], rng.standard_normal((5000, m - 1))).std() for m in (4, 64)]
        assert spread == pytest.approx([0.5, 0.15], rel=0.1)


def test_7_gradients_explode_by_121_per_layer(lesson):
    growth = [lesson["gradient_norms"]("BatchNorm", seed=seed)[0] ** (1 / 50) for seed in SEEDS]
    assert np.mean(growth) == pytest.approx(1.20, abs=0.015)
    assert theory.batch_norm_growth(ReLU()) == pytest.approx(1.211, abs=5e-4)
    assert pytest.approx(14_000, rel=0.03) == 1.211**50
    for norm in ("none", "LayerNorm"):
        found = [lesson["gradient_norms"](norm, seed=seed)[0] for seed in SEEDS]
        assert 0.3 < np.exp(np.mean(np.log(found))) < 3


def test_7_small_batches_make_it_worse():
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        network = plain(128, 128, 21, 128, rng, BatchNorm, dtype=np.float64)
        network.layers.pop()
        network.forward(rng.standard_normal((4, 128)))
        network.backward(rng.standard_normal((4, 128)))
        gradient = probes.gradient_norms(network)
        found.append((gradient[0] / gradient[20]) ** (1 / 20))
    assert np.mean(found) == pytest.approx(1.7, abs=0.15)


def test_7_at_56_layers_batch_norm_loses_to_no_norm(lesson):
    deep = {norm: lesson["train_all"](norm, 56, 64, 300)[0] for norm in ("none", "BatchNorm", "LayerNorm")}
    best = {norm: np.nanmin(loss, axis=1) for norm, loss in deep.items()}
    assert np.all(best["none"] < best["BatchNorm"])
    assert np.all(best["BatchNorm"] > 1.9)
    assert np.all(best["none"] > 0.5)
    assert np.all(best["LayerNorm"] > 1)


def test_8_the_noise_experiment(lesson):
    def rows(kind, eta):
        with np.errstate(all="ignore"):
            return np.array([lesson["shift_and_loss"](kind, eta, seed) for seed in SEEDS]).T

    shift, loss = rows("no norm", 0.03)
    assert shift == pytest.approx(np.full(5, 0.08), abs=0.03) and np.all(loss < 0.3)
    noisy_shift, noisy_loss = rows("BatchNorm + noise", 0.3)
    assert noisy_shift == pytest.approx(np.full(5, 0.21), abs=0.03)
    assert np.all(noisy_shift > 1.7 * shift)
    assert np.all(noisy_loss < 0.5)
    steady_shift, steady_loss = rows("BatchNorm", 0.3)
    assert np.all(steady_shift < 0.02) and np.all(steady_loss < 0.3)
    assert not np.any(rows("no norm", 0.3)[1] < 2.2)  # it overflows, or is back at guessing


def test_9_what_the_layer_remembers():
    for seed in SEEDS:
        rng, layer, biased = np.random.default_rng(seed), BatchNorm(1000), []
        for _ in range(300):
            z = rng.standard_normal((4, 1000))
            layer.forward(z)
            biased.append(z.var(axis=0).mean())
        assert np.mean(biased) == pytest.approx(0.75, abs=0.01)
        assert layer.running_var.mean() == pytest.approx(1, abs=0.04)
    assert 128 / 127 - 1 < 0.01 < 0.25 <= 1 - 3 / 4


def test_9_early_eval_mode_is_far_behind(lesson):
    train_mode, eval_mode = lesson["train_and_eval_accuracy"](3)
    assert train_mode - eval_mode > 0.05
    train_mode, eval_mode = lesson["train_and_eval_accuracy"](60)
    assert abs(train_mode - eval_mode) < 0.05 and eval_mode > 0.8


@pytest.fixture(scope="module")
def family(lesson):
    def median(norm, batch):
        return 100 * np.median(lesson["train_all"](norm, 6, batch, 500)[1].max(axis=1))

    return {batch: {norm: median(norm, batch) for norm in NORMS} for batch in (2, 4, 8, 32)}


def test_10_batches_of_2_and_4_are_bad_for_batch_norm_alone(family):
    assert family[2].pop("BatchNorm") < 30
    assert all(60 < accuracy < 93 for accuracy in family[2].values())
    assert 50 < family[4].pop("BatchNorm") < min(family[4].values()) - 10
    assert family[8]["BatchNorm"] > min(family[8].values()) - 1


def test_10_from_32_on_all_are_alike(family):
    assert max(family[32].values()) - min(family[32].values()) < 3.5
    assert min(family[32].values()) > 95


def test_10_the_relatives_do_not_bear_batch_norms_steps(lesson, ceilings):
    for norm in ("LayerNorm", "RMSNorm"):
        ratio = np.median(lesson["ceilings"](norm, 10, seeds=2)) / np.median(ceilings["none", 10])
        assert 1 < ratio < 5
        assert ratio < np.median(ceilings["BatchNorm", 10]) / np.median(ceilings["none", 10]) / 2
