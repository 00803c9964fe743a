"""Every number that the text of chapter 1 states, measured again over several seeds.

The names follow the sections of the lesson. Tolerances are what other seeds and processors keep; the texts
round to what these tests hold. `said` reads a number out of the text.
"""

from itertools import pairwise

import numpy as np
import pytest

from helpers import gain_chain, jacobian_spectrum, jacobians, probes, propagation, theory
from helpers.data import load_digits
from helpers.initializers import gaussian, he_normal, lecun, pytorch_default
from helpers.layers import ReLU, Sigmoid, Tanh
from helpers.network import mlp, plain
from helpers.optimizers import SGD
from helpers.training import evaluate, train
from tests.text import lesson

SEEDS = range(5)
said = lesson("01_depth_problem")


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    yield
    propagation.clear()


def backward(act, init, depth=20, seed=0, width=128):
    rng = np.random.default_rng(seed)
    net = mlp([width] * (depth + 1), rng, act, init, bias=False, dtype=np.float64)
    net.forward(rng.standard_normal((width, width)))
    net.backward(rng.standard_normal((width, width)))
    return net


def by_norm(net):
    norms = probes.gradient_norms(net)
    return norms / norms[-1]


def ratios(act, init, depth=20):
    return np.array([by_norm(backward(act, init, depth, seed))[0] for seed in SEEDS])


def typical(values):
    """The geometric mean: what a product of random factors is compared by."""
    return np.exp(np.mean(np.log(values)))


def relu(z):
    return np.maximum(z, 0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_1_powers():
    for gain, times in (
        said("explain-nine-tenths", "A gain of 1.1 makes it 117 times"),
        said("explain-nine-tenths", "fifty factors of 1.1 are **×117**"),
    ):
        assert gain**50 == pytest.approx(times, rel=0.005)
    own, plain_factor = said("explain-nine-tenths", "were −0.9 instead of 0.1")
    assert 1 + own == pytest.approx(plain_factor)


def test_1_the_window_of_the_gain_chains_first_challenge():
    solved = next(c for c in gain_chain(depth=100).challenges if c.name == "How exact?").lesson
    assert f"{10 ** (-3 / 100):.3f} and 10³ᐟ¹⁰⁰ = {10 ** (3 / 100):.3f}" in solved


def test_1_the_rate_of_the_popular_picture():
    rate = 0.007 ** (1 / 30)
    assert rate == pytest.approx(said("explain-rate-007", "**0.848.**"), abs=5e-4)
    assert rate == pytest.approx(said("explain-rate-007", "a rate of 0.848"), abs=5e-4)
    share, most = said("explain-rate-007", "passes 85 % on, and thirty such layers leave less than 1 %")
    assert rate == pytest.approx(share, abs=0.005) and share**30 < most


def test_1_there_are_30_layer_networks_with_1_and_with_1e_minus_19():
    one, tiny = said("explain-rate-007", "a ratio of 1, and others with $10^{-19}$")
    assert typical(ratios("ReLU", he_normal, 30)) == pytest.approx(one, abs=0.5)
    assert abs(np.log10(typical(ratios("sigmoid", lecun, 30)) / tiny)) < 0.5


def test_1_the_bars_are_not_one_network():
    sizes = [1.0, 0.8, 0.02, 0.0001]
    rates = [(b / a) ** (1 / 10) for a, b in pairwise(sizes)]
    np.testing.assert_allclose(rates, said("explain-bars", "0.98, 0.69 and 0.59"), atol=0.005)


def test_1_the_table_would_not_overflow():
    first, second = said("explain-bars", "std=4.7. Layer 10 output: … std=31.2")
    growth = (second / first) ** (1 / 5)
    early, late = said("explain-table", "*“4.7, then 31.2, then")
    assert late / early == pytest.approx(growth**5)
    largest = float(np.finfo(np.float32).max)
    assert growth == pytest.approx(said("explain-table", "= 1.46$ per layer"), abs=0.005)
    assert second * growth**10 == pytest.approx(said("explain-table", "has 1,400"), rel=0.03)
    assert largest == pytest.approx(said("explain-table", r"$3.4\times10^{38}$"), rel=0.01)
    from_ten, from_input = said("explain-table", "by 5,000 from layer 10 on, or by 84 from")
    assert (largest / second) ** (1 / 10) == pytest.approx(from_ten, rel=0.03)
    assert largest ** (1 / 20) == pytest.approx(from_input, abs=0.5)


def test_2_a_nudge_is_the_product_of_weight_times_slope():
    tiny = mlp([1] * 4, np.random.default_rng(0), "sigmoid", bias=False, dtype=np.float64)
    for layer, w in zip(tiny.layers[::2], (1.5, -2.0, 0.8), strict=True):
        layer.params["weight"][:] = w
    moved = tiny.forward(np.array([[0.3 + 1e-6]])) - tiny.forward(np.array([[0.3]]))
    tiny.backward(np.ones((1, 1)))
    assert moved.item() / 1e-6 == pytest.approx(tiny.output_grads[0].item(), rel=1e-4)
    assert moved.item() / 1e-6 == pytest.approx(-1 / 40, rel=0.02)


@pytest.mark.parametrize(("phi", "steepest"), [(Sigmoid(), 0.25), (Tanh(), 1.0), (ReLU(), 1.0)])
def test_2_the_largest_slopes(phi, steepest):
    z = np.linspace(-6, 6, 241)
    phi(z)
    assert phi.backward(np.ones_like(z)).max() == pytest.approx(steepest)


def test_2_a_quarter_is_the_sigmoids_largest_slope_and_not_tanhs():
    sigmoids, tanhs = (theory.slope_moment(phi, 1e-12) ** 0.5 for phi in (Sigmoid(), Tanh()))
    for quarter in (
        said("explain-slopes", "never above **0.25**"),
        said("explain-slopes", "derivatives are ≤ 0.25"),
        said("summary", r"\le \tfrac14$, but"),
    ):
        assert sigmoids == pytest.approx(quarter)
        assert tanhs == pytest.approx(4 * quarter)


def test_3_the_networks_of_the_plot():
    left = said("explain-three-networks", r"$2.6\times10^{-13}$ of it")
    assert by_norm(backward("sigmoid", lecun))[0] == pytest.approx(left, rel=0.03)
    assert by_norm(backward("tanh", lecun))[0] == pytest.approx(0.2, abs=0.02)
    assert by_norm(backward("ReLU", he_normal))[0] == pytest.approx(1.5, abs=0.1)


def test_3_five_throws():
    found = typical(ratios("sigmoid", lecun))
    assert found == pytest.approx(2.5e-13, rel=0.15)
    assert found ** (1 / 20) == pytest.approx(said("explain-five-seeds", "0.23 per layer"), abs=0.005)
    assert found == pytest.approx(said("break-it", "a gradient of $10^{-13}$"), rel=9)
    assert typical(ratios("tanh", lecun)) == pytest.approx(0.19, abs=0.03)
    assert typical(ratios("ReLU", he_normal)) == pytest.approx(1, abs=0.35)


def test_3_hes_weights_climb_a_hundred_times_above_a_quarter_to_the_20():
    slopes_alone, found = 0.25**20, ratios("sigmoid", he_normal)
    assert slopes_alone == pytest.approx(said("explain-above-the-bound", "≈ 9 × 10⁻¹³"), rel=0.02)
    assert typical(found) == pytest.approx(9e-11, rel=0.15)
    assert (found / slopes_alone).min() > 70 and (found / slopes_alone).max() < 140


def test_3_the_true_bound_holds():
    """(¼ ‖W‖)^L, with the spectral norms of the very matrices."""
    for init in (lecun, he_normal, gaussian(10.15)):
        net = backward("sigmoid", init)
        norms = [np.linalg.norm(layer.params["weight"], 2) for layer in net.layers[::2]]
        assert by_norm(net)[0] < np.prod(0.25 * np.array(norms))


def test_3_a_sigmoid_neither_vanishes_nor_explodes_near_10():
    per_layer = {s: typical(ratios("sigmoid", gaussian(s), 50)) ** (1 / 50) for s in (1.0, 8.0, 10.15, 16.0)}
    assert per_layer[1.0] == pytest.approx(0.234, abs=0.005)
    assert per_layer[8.0] < 0.93 and per_layer[16.0] > 1.15
    assert per_layer[10.15] == pytest.approx(1, abs=0.02)
    near = said("explain-sigmoid-sweep", r"1 near $\sigma_w = 10$")[1]
    assert typical(ratios("sigmoid", gaussian(near), 50)) ** (1 / 50) == pytest.approx(1, abs=0.03)


def test_3_theory_puts_it_at_1015_where_the_slope_alone_asks_for_4():
    critical, one = said(
        "explain-sigmoid-sweep", r"$\sigma_w \approx 10.15$ theory puts the factor of a layer at exactly 1"
    )
    assert theory.propagate(Sigmoid(), 50, critical).chi[-1] ** 0.5 == pytest.approx(one, abs=0.001)
    slope, alone = said("explain-sigmoid-sweep", "The largest slope, 0.25, alone asks for 4")
    steepest = theory.slope_moment(Sigmoid(), 1e-12) ** 0.5
    assert steepest == pytest.approx(slope) and steepest * alone == pytest.approx(1)
    assert 1 / steepest == pytest.approx(said("explain-sigmoid-sweep", r"1 at $\sigma_w = 4$")[1])


def test_3_more_than_half_of_the_units_are_saturated_there():
    for seed in SEEDS:
        net = backward("sigmoid", gaussian(10.15), depth=20, seed=seed)
        assert 0.5 < probes.saturated_share(net.layers[-1], net.outputs[-2]) < 0.65


def test_3_relu_with_xavier_leaves_a_thousandth():
    assert typical(ratios("ReLU", lecun)) == pytest.approx(2.0**-10, rel=0.5)
    assert typical(ratios("ReLU", pytorch_default)) < 1e-7


def test_3_only_relu_units_are_silent_at_the_start_and_two_fifths_of_them():
    nets = [backward("ReLU", he_normal, depth=50, seed=seed) for seed in SEEDS]
    assert np.mean([probes.dead_share(net.outputs[-1]) for net in nets]) == pytest.approx(0.4, abs=0.1)
    assert all(probes.cosine_similarity(net.outputs[-1]) > 0.9 for net in nets)  # all inputs look alike
    for act in ("tanh", "leaky ReLU", "sigmoid"):
        assert probes.dead_share(backward(act, he_normal, depth=50).outputs[-1]) == 0


def test_3_weight_gradients_hide_the_vanishing():
    for seed in SEEDS:
        net = backward("ReLU", lecun, seed=seed)
        weights = [np.linalg.norm(layer.grads["weight"]) for layer in net.layers[::2]]
        assert by_norm(net)[1] < 4e-3
        assert weights[0] / weights[-1] == pytest.approx(
            said("explain-weight-gradients", "the second is about 1"), rel=1
        )
        assert weights[0] / weights[-1] > 0.5
        # The signal shrinks just so on its way up.
        h = probes.forward_moments(net)[1].second
        assert np.sqrt(h[20] / h[0]) == pytest.approx(2.0**-10, rel=0.6)


def test_3_the_band_holds_95_percent():
    """Of the sigmoid networks with which the instrument opens."""
    ends = np.log([by_norm(backward("sigmoid", lecun, seed=seed))[0] for seed in range(150)])
    predicted = propagation.predict("sigmoid", 20, 1.0)
    spread = predicted.gradient_log_spread(128)[0]
    middle = (np.log(predicted.h_gradient2[0]) - spread**2 / 2) / 2
    inside = np.mean(np.abs(ends - middle) < spread)
    assert inside == pytest.approx(said("explain-gradient-by-layer", "holds 95 % of"), abs=0.05)


def test_4_the_order_of_the_product():
    rng = np.random.default_rng(0)
    net = mlp([6] * 6, rng, "tanh", he_normal, dtype=np.float64)
    x, g = rng.standard_normal(6), rng.standard_normal(6)
    j = dict(enumerate(jacobians.of_layers(net, x), start=1))
    net.forward(x[None])
    net.backward(g[None])
    truth = net.output_grads[2 * 2][0]
    np.testing.assert_allclose(g @ j[5] @ j[4] @ j[3], truth, rtol=1e-10)
    assert np.abs(g @ j[3] @ j[4] @ j[5] - truth).max() > 0.1
    assert np.abs(g @ j[5] @ j[4] @ j[3] @ j[2] - truth).max() > 0.1


def test_4_a_jacobian_is_two_lines_of_backward():
    net = mlp([6] * 3, np.random.default_rng(0), "sigmoid", he_normal, dtype=np.float64)
    x, g = np.random.default_rng(1).standard_normal((2, 6))
    net.forward(x[None])
    h, w = net.outputs[-1][0], net.layers[2].params["weight"]
    np.testing.assert_allclose((g * h * (1 - h)) @ w.T, g @ jacobians.of_layers(net, x)[1])


def fifty(seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((50, 64, 64)) * np.sqrt(0.7 / 64), rng.standard_normal(64)


def test_5_the_fifty_matrices_of_the_lesson():
    chain, grad = fifty(0)
    norms = [np.linalg.norm(matrix, 2) for matrix in chain]
    layers = [w.T for w in chain]  # the Jacobians of z = hW
    before, after = said("explain-through", "From 7.9 to 0.0009")
    end = np.linalg.norm(grad @ jacobians.product(layers))
    assert np.linalg.norm(grad) == pytest.approx(before, abs=0.05)
    assert np.linalg.norm(grad) == pytest.approx(said("three-sizes", "of length 8"), abs=0.1)
    assert end == pytest.approx(after, abs=5e-5)
    spectrum = jacobians.spectrum(layers)
    for least in (
        said("explain-through", "a factor of 1.5 or more"),
        said("explain-three-numbers", "all norms above 1.5"),
    ):
        assert least < min(norms) < max(norms) < 1.75
    assert spectrum.bound == pytest.approx(said("explain-three-numbers", r"$4\times10^{10}$"), rel=0.1)
    assert spectrum.rms ** (1 / 50) == pytest.approx(0.84, abs=0.01)


def test_5_other_seeds_vanish_too():
    for seed in SEEDS:
        chain, grad = fifty(seed)
        spectrum = jacobians.spectrum([w.T for w in chain])
        for matrix in chain[::-1]:
            grad = grad @ matrix.T
        assert np.linalg.norm(grad) < 0.01
        assert spectrum.bound > 1e9 and spectrum.largest < 0.01
        assert spectrum.rms == pytest.approx(np.sqrt(0.7) ** 50, rel=0.7)


def test_5_a_gaussian_matrix_stretches_by_2_and_on_average_by_1():
    w = np.random.default_rng(0).standard_normal((256, 256)) / 16
    assert np.linalg.norm(w, 2) == pytest.approx(
        said("explain-three-numbers", "A factor of 2 per layer"), rel=0.05
    )
    assert np.linalg.norm(w) / 16 == pytest.approx(1, rel=0.02)


def test_5_few_directions_take_everything_at_depth_6():
    conditions = [jacobian_spectrum(seed=seed).result.spectrum.condition for seed in SEEDS]
    assert conditions[0] > 1e8
    assert np.median(conditions) > 1e7


def test_6_identity_layers_copy_to_the_last_digit():
    rng = np.random.default_rng(0)
    shallow = relu(rng.standard_normal((100, 64)) @ he_normal(64, 64, rng, np.float64))
    idle = mlp([64] * 19, rng, init=lambda n_in, n_out, rng, dtype: np.eye(n_in, n_out), dtype=np.float64)
    assert np.array_equal(idle.forward(shallow), shallow)


DIGITS = load_digits()


def learn(act, init, depth=20, lr=0.01, seed=0, steps=300):
    net = plain(64, 64, depth, 10, np.random.default_rng(seed), act=act, init=init)
    first = net.layers[0].params["weight"]
    start = first.copy()
    optimizer = SGD(net.layers, lr, momentum=0.9)
    train(net, optimizer, DIGITS.x_train, DIGITS.y_train, steps, batch=64, seed=seed, progress=False)
    return net, np.linalg.norm(first - start) / np.linalg.norm(start)


def accuracy(net):
    return evaluate(net, DIGITS.x_train, DIGITS.y_train)[1]


def test_6_the_sigmoid_guesses_and_its_first_layer_does_not_move():
    for seed in SEEDS:
        net, moved = learn("sigmoid", lecun, seed=seed)
        assert moved == 0
        assert accuracy(net) == pytest.approx(0.1, abs=0.03)


def test_6_tanh_learns_the_same_digits():
    for seed in SEEDS:
        net, moved = learn("tanh", lecun, seed=seed)
        assert accuracy(net) == pytest.approx(said("explain-training", "gets 99.9 % of"), abs=0.004)
        assert moved > 0.1


def test_6_ten_sigmoid_layers_learn_from_large_weights_only():
    right = [
        accuracy(learn("sigmoid", gaussian(10.15), depth=10, lr=0.03, seed=seed)[0]) for seed in range(8)
    ]
    least, most = said("explain-train-sigmoids", "Eight seeds gave between 69 % and 89 %")
    assert min(right) > least - 0.03 and max(right) < most + 0.03
    assert np.median(right) == pytest.approx(0.8, abs=0.05)
    for seed in SEEDS:
        assert accuracy(learn("sigmoid", lecun, depth=10, lr=0.03, seed=seed)[0]) < 0.13


def silent(net):
    net.forward(DIGITS.x_train, train=False)
    return np.array([np.all(h == 0, axis=0) for h in net.outputs[2:-1:2]])


def before_and_after(depth, lr, steps, seed):
    """Shares of units: silent at the start; of these, back; of the others, silenced."""
    start = silent(plain(64, 64, depth, 10, np.random.default_rng(seed)))
    end = silent(learn("ReLU", he_normal, depth, lr, seed, steps)[0])
    return start.mean(), np.mean(~end[start]), np.mean(end[~start])


# These trainings part where rounding differs, from processor to processor as from seed to seed. The bounds
# are those of five seeds on four OpenBLAS kernels.


@pytest.mark.parametrize(("depth", "silent_share", "back"), [(20, 0.13, 0.79), (50, 0.29, 0.57)])
def test_6_units_that_are_silent_at_the_start_come_back(depth, silent_share, back):
    found = np.array([before_and_after(depth, 0.01, 300, seed) for seed in SEEDS])
    assert np.median(found[:, 0]) == pytest.approx(silent_share, abs=0.02)
    assert np.median(found[:, 1]) == pytest.approx(back, abs=0.07)
    assert np.all((found[:, 1] > back - 0.25) & (found[:, 1] < back + 0.15))
    if depth == 50:  # about as many fall silent
        lost, returned = (1 - found[:, 0]) * found[:, 2], found[:, 0] * found[:, 1]
        assert np.median(lost / returned) == pytest.approx(1, abs=0.4)


def test_6_of_few_silent_units_each_seed_says_something_else():
    found = np.array([before_and_after(10, 0.01, 300, seed) for seed in SEEDS])
    assert np.all(found[:, 0] < 0.07)
    assert np.ptp(found[:, 1]) > 0.3


def test_6_large_steps_kill_units_and_small_ones_do_not():
    large, small = (np.array([before_and_after(10, lr, 50, s)[2] for s in SEEDS]) for lr in (0.1, 0.01))
    least, most = said("explain-silent", "between 6 % and 40 %")
    assert np.median(large) == pytest.approx(1 / 7, abs=0.03)
    assert np.all((large > least - 0.01) & (large < most + 0.05))
    assert np.all(small < said("explain-silent", "at most 4 %"))
    assert np.all(large > 1.5 * small) and np.median(large) > 3 * np.median(small)


def test_6_the_scale_of_the_first_weights_silences_no_unit():
    for seed in SEEDS:
        rngs = [np.random.default_rng(seed) for _ in range(2)]
        xavier, he = (
            plain(64, 64, 20, 10, rng, init=init) for rng, init in zip(rngs, (lecun, he_normal), strict=True)
        )
        assert np.array_equal(silent(xavier), silent(he)) and np.any(silent(he))


def error(phi, units, seed):
    x = np.linspace(-1, 1, 400)
    wave = np.sin(3 * np.pi * x)
    rng = np.random.default_rng(seed)
    h = phi(x[:, None] * rng.normal(0, 5, units) + rng.uniform(-5, 5, units))
    best = np.linalg.lstsq(h, wave, rcond=None)[0]
    return np.sqrt(np.mean((h @ best - wave) ** 2))


def test_7_width_helps_relu_and_never_a_parabola():
    found = np.array([[error(ReLU(), n, seed) for n in (5, 20, 100, 500)] for seed in SEEDS])
    assert np.all(np.diff(np.median(found, axis=0)) < 0)
    assert np.all(found[:, -1] < 3e-3)
    parabolas = [error(np.square, n, seed) for n in (5, 20, 100, 500) for seed in SEEDS]
    np.testing.assert_allclose(parabolas, 0.682, atol=1e-3)


def test_7_each_tent_doubles_the_pieces():
    y = x = np.linspace(0, 1, 2**12 + 1)
    for layers in range(1, 9):
        y = 2 * relu(y) - 4 * relu(y - 0.5)
        pieces = 1 + np.count_nonzero(np.diff(np.sign(np.diff(y))))
        assert pieces == 2**layers
    assert len(x) > 2**9
    said_pieces, units = said("explain-sawtooth", "256 after eight layers, with 16 units")
    assert pieces == said_pieces and 2 * layers == units
    assert pieces - 1 == said("explain-sawtooth", "so it needs 255 of them")


def test_7_one_hidden_layer_of_m_relus_has_at_most_m_plus_1_pieces():
    x = np.linspace(-2, 2, 200_001)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        net = mlp([1, 12, 1], rng, last_act=False, dtype=np.float64)
        net.layers[0].params["bias"] = rng.normal(0, 1, 12)
        slopes = np.diff(net.forward(x[:, None])[:, 0]) / np.diff(x)
        bends = np.flatnonzero(np.abs(np.diff(slopes)) > 1e-6)
        pieces = 1 + np.count_nonzero(np.diff(bends, prepend=-9) > 2)
        assert pieces <= 13


def readable(net, depth):
    net.forward(DIGITS.x_train, train=False)
    before = net.outputs[0 : 2 * depth : 2]
    net.forward(DIGITS.x_test, train=False)
    pairs = zip(before, net.outputs[0 : 2 * depth : 2], strict=True)
    return np.array([probes.linear_probe(a, DIGITS.y_train, b, DIGITS.y_test) for a, b in pairs])


def test_7_training_makes_later_layers_easier_to_read():
    third, fifth = [], []
    for seed in SEEDS:
        ten = readable(learn("tanh", lecun, depth=10, seed=seed)[0], 10)
        five = readable(learn("tanh", lecun, depth=5, seed=seed)[0], 5)
        untrained = plain(64, 64, 10, 10, np.random.default_rng(seed), act="tanh", init=lecun)
        before = readable(untrained, 10)
        assert ten[0] == five[0] == before[0] == pytest.approx(0.94, abs=0.01)
        assert ten[-2:].mean() > 0.965 and five[-2:].mean() > 0.96
        assert 0.78 < before[-1] < 0.9
        third.append([five[3], ten[3]])
        fifth.append(ten[5])
    # Layer 3 of five reads as well as layer 5 of ten, and better than layer 3 of ten.
    third = np.mean(third, axis=0)
    assert third[0] == pytest.approx(np.mean(fifth), abs=0.006)
    assert third[0] > third[1] + 0.005


def test_7_the_product_comes_back_in_a_recurrent_network():
    def through_time(sigma_w, seed):
        w = gaussian(sigma_w)(128, 128, np.random.default_rng(seed), np.float64)
        return by_norm(backward("tanh", lambda *args, **kwargs: w, depth=50, seed=seed))[0]

    for seed in SEEDS:
        assert through_time(0.8, seed) < 1e-3
        assert through_time(2.0, seed) > 1000


def test_break_it_a_popular_0007():
    share, depth = said("break-it", "the popular “0.007 over 30 layers”")
    found = ratios("ReLU", gaussian(1.2), int(depth))
    assert typical(found) == pytest.approx(share, rel=0.5)
    assert 1.2 / np.sqrt(2) == pytest.approx(0.849, abs=5e-4)


def test_break_it_a_larger_step_does_not_save_the_first_layer():
    net, _ = learn("sigmoid", lecun, lr=10)
    assert accuracy(net) < 0.2
