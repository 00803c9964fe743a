"""Bad arguments: the message names the argument, the value and what is allowed."""

import math
import re

import numpy as np
import pytest

from helpers import arguments


@pytest.mark.parametrize("value", [1, 7, np.int64(7), np.uint8(7)])
def test_whole_takes_every_kind_of_integer_and_returns_a_plain_int(value):
    assert type(arguments.whole("width", value)) is int
    assert arguments.whole("width", value) == value


@pytest.mark.parametrize("value", [True, np.True_, 2.0, 2.5, "3", None, math.nan, [4]])
def test_whole_refuses_what_is_no_integer(value):
    with pytest.raises(
        ValueError, match=re.escape(f"width={value!r}: a whole number is needed, from 1 to 8")
    ):
        arguments.whole("width", value, 1, 8)


@pytest.mark.parametrize("value", [0, -1, 9])
def test_whole_refuses_what_is_out_of_range(value):
    with pytest.raises(ValueError, match=f"width={value} is out of range: from 1 to 8"):
        arguments.whole("width", value, 1, 8)


def test_the_ends_of_a_range_belong_to_it_unless_it_is_open():
    assert arguments.whole("n", 1, 1, 8) == 1
    assert arguments.whole("n", 8, 1, 8) == 8
    assert arguments.number("x", 0, low=0, high=1) == 0
    assert arguments.number("x", 1, low=0, high=1) == 1
    with pytest.raises(ValueError, match="x=0 is out of range: above 0"):
        arguments.number("x", 0, above=0)
    with pytest.raises(ValueError, match="x=1 is out of range: from 0 below 1"):
        arguments.number("x", 1, low=0, below=1)


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.int32(1)])
def test_number_takes_every_kind_of_real_number_and_returns_a_plain_float(value):
    assert type(arguments.number("sigma_w", value)) is float
    assert arguments.number("sigma_w", value) == value


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, True, "1", None, 1j, pytest.param(10**400, id="10**400")]
)
def test_number_refuses_what_is_no_finite_number(value):
    with pytest.raises(ValueError, match=r"sigma_w=.*: a finite number is needed, at most 3"):
        arguments.number("sigma_w", value, high=3)


def test_one_of_lists_what_is_allowed_and_guesses_what_was_meant():
    assert arguments.one_of("scheme", "He", ["He", "Xavier"]) == "He"
    with pytest.raises(ValueError) as error:
        arguments.one_of("scheme", "Xavir", ["He", "Xavier"])
    assert str(error.value) == "scheme='Xavir' is not one of ['He', 'Xavier']. Did you mean 'Xavier'?"
    with pytest.raises(ValueError, match=r"scheme=None is not one of \['He', 'Xavier'\]\.$"):
        arguments.one_of("scheme", None, ["He", "Xavier"])


@pytest.mark.parametrize(
    ("given", "meant"), [("relu", "ReLU"), ("Tanh", "tanh"), ("HE", "He"), ("leaky relu", "leaky ReLU")]
)
def test_one_of_guesses_what_was_meant_whatever_its_case(given, meant):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        arguments.one_of("option", given, ["ReLU", "leaky ReLU", "tanh", "He"])


@pytest.mark.parametrize("value", [True, 1.0])
def test_one_of_does_not_take_an_equal_value_of_another_type(value):
    with pytest.raises(ValueError, match="is not one of"):
        arguments.one_of("runs", value, [1, 2])


def test_generator():
    rng = np.random.default_rng(0)
    assert arguments.generator("rng", rng) is rng
    for value in (None, 0, np.random, np.random.default_rng, np.random.RandomState(0)):
        with pytest.raises(ValueError, match=r"rng=.*default_rng"):
            arguments.generator("rng", value)
