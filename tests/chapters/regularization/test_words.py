"""The numbers in the questions of chapter 5."""

import numpy as np
import pytest

from helpers import probes
from helpers.chapters.regularization import regularization
from helpers.chapters.regularization.regularization import Recipe
from helpers.network import mlp
from helpers.training import evaluate
from tests.text import asked


def test_what_there_is_to_learn_by_heart():
    recipe = Recipe(examples=200, label_noise=0.3)
    network = recipe.network(0)
    weights = sum(p.size for layer in network.layers for p in layer.params.values())
    assert weights == pytest.approx(asked("predict-memorise", "nearly 9,000 weights"), rel=0.01)


def test_clean_digits_learned_by_heart():
    old, new = [], []
    for seed in range(6):
        recipe = Recipe()
        split, network = recipe.data(seed), recipe.network(seed)
        recipe.fit(network, split, seed, 0.0)
        old.append(evaluate(network, split.x_train, split.y_train)[1])
        new.append(evaluate(network, split.x_test, split.y_test)[1])
    assert np.mean(new) == pytest.approx(asked("predict-clean-gain", "84% of new"), abs=0.02)
    assert np.mean(old) > 0.995  # "all of the old ones are right"


def test_the_average_pass_behind_a_relu():
    found = [regularization.dropout_passes(0.5, 512, 256, seed=seed) for seed in range(8)]
    after = np.mean([passes.after_relu[-1] for passes in found])
    assert after - 1 == pytest.approx(asked("predict-ensemble", "by about 40%"), abs=0.05)


def test_inputs_align():
    found = []
    for seed in range(5):
        x = np.random.default_rng(seed).standard_normal((256, 32)).astype(np.float32)
        network = mlp([32] * 51, np.random.default_rng(seed), "ReLU")
        network.forward(x)
        found.append(probes.cosine_similarity(network.outputs[100]))
    assert np.median(found) == pytest.approx(asked("predict-dying", "cosine 0.99"), abs=0.01)


def test_the_penalty_whose_gradient_is_the_weight():
    half, w, step = asked("sgd_with_decay", "That of ½"), np.array([0.3, -2.0]), 1e-6
    slope = (half * (w + step) ** 2 - half * w**2) / step
    np.testing.assert_allclose(slope, w, atol=1e-5)
