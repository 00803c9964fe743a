"""Data: the digits as they ship, splits by seed, the toy sets."""

from importlib.resources import files

import numpy as np
import pytest

from helpers.data import load_digits, spirals


def test_the_digits_are_all_there():
    digits = load_digits()
    assert digits.x_train.shape == (1437, 64) and digits.x_test.shape == (360, 64)
    assert digits.x_train.dtype == np.float32 and digits.y_train.dtype.kind == "i"
    labels = np.concatenate([digits.y_train, digits.y_test])
    np.testing.assert_array_equal(np.bincount(labels), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])


def test_the_digits_are_standardised_with_the_training_sets_statistics():
    digits = load_digits(seed=3, train=1000)
    np.testing.assert_allclose(digits.x_train.mean(0), 0, atol=1e-5)
    std = digits.x_train.std(0)
    assert std.max() < 1 and np.median(std) > 0.9  # (std)/(std + 0.1)
    assert np.abs(digits.x_test.mean(0)).max() > 1e-3
    assert np.isfinite(digits.x_train).all()


def test_a_split_is_its_seeds():
    a, b, c = load_digits(1), load_digits(1), load_digits(2)
    np.testing.assert_array_equal(a.x_train, b.x_train)
    assert not np.array_equal(a.y_train, c.y_train)
    a.x_train[:] = 0  # nobody else's
    assert load_digits(1).x_train.any()


def test_no_image_is_in_both_parts():
    with np.load(files("helpers") / "digits.npz") as kept:
        images = kept["images"]
    assert len(np.unique(images, axis=0)) == len(images)
    digits = load_digits()
    assert len(np.unique(np.concatenate([digits.x_train, digits.x_test]), axis=0)) == 1797


def test_the_files_provenance_ships_with_it():
    text = (files("helpers") / "digits.txt").read_text(encoding="utf-8")
    assert "CC BY 4.0" in text and "UCI" in text
    assert len((files("helpers") / "digits.npz").read_bytes()) < 60_000


def test_spirals():
    x, y = spirals(400, seed=0, noise=0)
    assert x.shape == (400, 2) and x.dtype == np.float32
    np.testing.assert_array_equal(np.bincount(y), [200, 200])
    radius, angle = np.hypot(*x.T), np.arctan2(*x.T[::-1])
    off = (angle - 2 * np.pi * 1.5 * radius - np.pi * y + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(off, 0, atol=1e-4)
    np.testing.assert_array_equal(spirals(50, 1)[0], spirals(50, 1)[0])
    assert not np.array_equal(spirals(50, 1)[0], spirals(50, 2)[0])


@pytest.mark.parametrize(
    ("make", "bad"),
    [
        (load_digits, {"seed": -1}),
        (load_digits, {"seed": 0.5}),
        (load_digits, {"train": 0}),
        (load_digits, {"train": 1797}),
        (spirals, {"n": 1}),
        (spirals, {"noise": -1}),
        (spirals, {"turns": 0}),
        (spirals, {"noise": np.nan}),
    ],
)
def test_bad_settings_are_named(make, bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"{name}="):
        make(**bad)
