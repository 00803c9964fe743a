"""The numbers in the questions of chapter 5."""

import numpy as np
import pytest

from helpers import probes, theory
from helpers.chapters.regularization import regularization
from helpers.chapters.regularization.regularization import Recipe
from helpers.layers import ReLU
from helpers.network import mlp
from helpers.training import evaluate
from tests.text import asked


def test_what_there_is_to_learn_by_heart():
    recipe = Recipe(examples=200, label_noise=0.3)
    network = recipe.network(0)
    weights = sum(p.size for layer in network.layers for p in layer.params.values())
    assert weights == pytest.approx(asked("predict-memorise", "nearly 9,000 weights"), rel=0.01)
    y = recipe.data(0).y_train
    assert len(y) == asked("predict-memorise", "in 200 would")
    assert len(y) / 10 == asked("predict-memorise", "20 in")
    assert len(y) * 0.7 == asked("predict-memorise", "140 of the labels")
    assert len(y) * recipe.label_noise == asked("predict-clean-gain", "60 wrong labels")


def test_clean_digits_learned_by_heart():
    old, new = [], []
    for seed in range(6):
        recipe = Recipe()
        split, network = recipe.data(seed), recipe.network(seed)
        recipe.fit(network, split, seed, 0.0)
        old.append(evaluate(network, split.x_train, split.y_train)[1])
        new.append(evaluate(network, split.x_test, split.y_test)[1])
    assert np.mean(new) == pytest.approx(asked("predict-clean-gain", "84 % of new"), abs=0.02)
    assert np.mean(old) == pytest.approx(asked("predict-clean-gain", "100 % of the old"), abs=0.005)


def test_the_average_pass_behind_a_relu():
    found = [regularization.dropout_passes(0.5, 512, 256, seed=seed) for seed in range(8)]
    after = np.mean([passes.after_relu[-1] for passes in found])
    assert after - 1 == pytest.approx(asked("predict-ensemble", "by about 40 %"), abs=0.05)
    second = np.mean([passes.second[-1] for passes in found])
    assert second == pytest.approx(asked("predict-ensemble", "√2 times"), rel=0.05)


def test_lengths():
    assert np.hypot(0.3, 0.4) == pytest.approx(asked("reg-clip-small", "norm is 0.5"))
    squares = np.square(asked("predict-clip", "3, 4 and 12"))
    assert tuple(squares) == asked("predict-clip", "What is √(3² + 4² + 12²)?")
    assert tuple(squares) == asked("predict-clip", "squares: √(9 + 16 + 144)")


def test_what_batch_norm_does_to_a_gradient():
    growth = theory.batch_norm_growth(ReLU()) ** 50
    assert growth == pytest.approx(asked("predict-overlap", "1.21⁵⁰ is"), rel=0.05)
    assert growth > asked("predict-overlap", "more than 10,000")


def test_inputs_align():
    found = []
    for seed in range(5):
        x = np.random.default_rng(seed).standard_normal((256, 32)).astype(np.float32)
        network = mlp([32] * 51, np.random.default_rng(seed), "ReLU")
        network.forward(x)
        found.append(probes.cosine_similarity(network.outputs[100]))
    assert np.median(found) == pytest.approx(asked("predict-dying", "cosine 0.99"), abs=0.01)
