"""Dropout's moments against theory, decay under noise, and studies in pairs."""

import numpy as np
import pytest

from helpers.chapters.regularization import regularization
from helpers.chapters.regularization.regularization import Recipe, paired_difference, study
from helpers.layers import BatchNorm, Dropout
from helpers.optimizers import WITH_DECAY
from tests.text import lesson


@pytest.mark.parametrize("form", regularization.FORMS)
@pytest.mark.parametrize("p", [0.2, 0.5, 0.7])
def test_passes_agree_with_theory(form, p):
    ends = []
    for seed in range(6):
        found = regularization.dropout_passes(p, 512, 128, form, seed)
        ends.append((found.mean[-1], found.second[-1], found.after_relu[-1]))
    mean, second, behind = np.mean(ends, axis=0)
    theory = regularization.dropout_ratios(p, form)
    assert mean == pytest.approx(theory[0], rel=0.01)
    assert second == pytest.approx(theory[1], rel=0.02)
    assert behind == pytest.approx(theory[2], rel=0.07)


def test_the_inverted_form_is_the_layer():
    """The same generator drops the same units, and leaves the same numbers."""
    found = regularization.dropout_passes(0.3, 64, 5, seed=7)
    rng = np.random.default_rng(7)
    h = np.maximum(rng.standard_normal(64, dtype=np.float32), 0)
    rng.standard_normal((64, 64), dtype=np.float32)  # the next layer's weights
    out = Dropout(0.3, rng).forward(np.tile(h, (5, 1)))
    on = h > 0
    np.testing.assert_array_equal(out[:, on] != 0, found.kept[:, on])
    assert out.mean() / h.mean() == pytest.approx(found.mean[-1], rel=1e-4)


def test_the_spread_of_the_mean_is_the_one_predicted():
    ends = [regularization.dropout_passes(0.5, 256, 4, seed=seed).mean[-1] for seed in range(200)]
    assert np.std(ends) == pytest.approx(regularization.dropout_spread(0.5, 256, 4), rel=0.2)


def test_noise_leaves_what_decay_alone_leaves_in_adamw_only():
    sizes = [1e-3, 0.1, 10]
    left = {name: regularization.left_by_noise(name, sizes) for name in WITH_DECAY}
    np.testing.assert_allclose(left["AdamW"], np.exp(-1), atol=0.02)
    np.testing.assert_allclose(left["SGD + L2"][:2], np.exp(-1), atol=0.01)
    assert left["Adam + L2"][0] < 0.3 < 0.8 < left["Adam + L2"][2]


def test_a_seed_gives_all_recipes_the_same_data_weights_and_batches():
    plain, dropped = Recipe(), Recipe(dropout=0.5, norm=True)
    np.testing.assert_array_equal(plain.data(3).x_train, dropped.data(3).x_train)
    weights = [
        [layer.params["weight"] for layer in recipe.network(3).layers if "weight" in layer.params]
        for recipe in (plain, dropped)
    ]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert Recipe(steps=20).accuracy(1) == Recipe(steps=20, weight_decay=1e-12).accuracy(1)
    assert plain.data(0).y_train.tolist() != plain.data(1).y_train.tolist()


def test_a_recipe_builds_what_it_says():
    kinds = [type(layer).__name__ for layer in Recipe(dropout=0.5, norm=True, width=8).network(0).layers]
    block = ["Linear", "BatchNorm", "ReLU", "Dropout"]
    assert kinds == [*block, *block, "Linear"]
    masks = [layer.p for layer in Recipe(dropout=0.2).network(0).layers if isinstance(layer, Dropout)]
    assert masks == [0.2, 0.2]
    assert not any(isinstance(layer, BatchNorm) for layer in Recipe().network(0).layers)


def test_label_noise_replaces_exactly_its_share_by_other_digits():
    clean, noisy = Recipe(examples=200).data(5), Recipe(examples=200, label_noise=0.3).data(5)
    assert np.sum(clean.y_train != noisy.y_train) == 60
    assert set(noisy.y_train) <= set(range(10))
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)


def test_a_study_has_a_value_for_each_recipe_and_seed():
    found = study({"a": Recipe(steps=5), "b": Recipe(steps=5, dropout=0.5)}, seeds=[0, 4])
    assert list(found) == ["a", "b"]
    assert all(values.shape == (2,) and np.all((values > 0) & (values < 100)) for values in found.values())
    assert found["a"][1] == 100 * Recipe(steps=5).accuracy(4)


def test_a_sweep_is_the_same_as_training_one_by_one():
    recipe = Recipe("AdamW", steps=60)
    swept = regularization.decay_sweep(recipe, [0.0, 3.0], seeds=[1])
    alone = [100 * Recipe("AdamW", steps=60, weight_decay=decay).accuracy(1) for decay in (0.0, 3.0)]
    np.testing.assert_allclose(swept, alone, atol=0.3)  # the stacked product rounds otherwise


def test_a_gain_and_its_interval_by_hand():
    gain = paired_difference([3.0, 5, 4, 6, 7], [1.0, 2, 3, 4, 5])  # differences 2, 3, 1, 2, 2
    assert gain.mean == pytest.approx(2)
    assert gain.half_width == pytest.approx(2.776 * np.sqrt(0.5 / 5), rel=0.01)  # t with 4 degrees of freedom
    assert gain.is_clear and str(gain) == "+2.0 ± 0.9"
    assert str(paired_difference(np.zeros(5), [1.0, 1, 1, 1, 2])).startswith("−1.2")


def test_gains_are_those_over_the_baseline():
    found = {"a": np.arange(5.0), "b": np.arange(5.0) + 1, "c": np.arange(5.0) - 2}
    assert regularization.differences(found, "a") == {"b": "+1.0 ± 0.0", "c": "−2.0 ± 0.0"}
    with pytest.raises(ValueError, match="baseline='d' is not one of"):
        regularization.differences(found, "d")


@pytest.mark.parametrize(("df", "t"), [(4, 2.776), (9, 2.262), (19, 2.093), (100, 1.984)])
def test_students_t(df, t):
    assert regularization._t_quantile(df) == pytest.approx(t, abs=0.02)


def test_an_interval_of_95_percent_holds_95_percent():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        gain = paired_difference(rng.standard_normal(8), np.zeros(8))
        held += not gain.is_clear
    said = lesson("05_regularization")
    assert held / 2000 == pytest.approx(said("how-much", "its **95% interval**"), abs=0.015)
    assert held / 2000 == pytest.approx(said("how-much", "95 times in 100")[0] / 100, abs=0.015)


def test_bad_values_are_named():
    with pytest.raises(ValueError, match="p=1 "):
        regularization.dropout_passes(1, 8, 2)
    with pytest.raises(ValueError, match="form='keep'"):
        regularization.dropout_passes(0.5, 8, 2, "keep")
    with pytest.raises(ValueError, match="optimizer='Adam'"):
        regularization.left_by_noise("Adam", [1.0])
    with pytest.raises(ValueError, match="at least 5"):
        paired_difference([1.0, 2], [1.0, 2])


def test_fewer_examples_than_a_batch_are_one_batch():
    assert 0.2 < Recipe(examples=20).accuracy(0) < 1


def test_neither_dropout_nor_a_norm_changes_how_the_weights_start():
    def weights(recipe):
        return [layer.params["weight"] for layer in recipe.network(3).layers if "weight" in layer.params]

    for other in (Recipe(dropout=0.5), Recipe(norm=True), Recipe(norm=True, dropout=0.2)):
        for one, same in zip(weights(Recipe()), weights(other), strict=True):
            np.testing.assert_array_equal(one, same)
