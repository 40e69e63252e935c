"""Section 5 of the method: distributions, exactly; numpy and the statistics module agree."""

from __future__ import annotations

import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import ints
from gpucost.core.statistics import QUANTILES, distribution, quantile

VALUES = st.lists(st.integers(0, 10**12), min_size=1, max_size=30)


def test_an_example() -> None:
    """Costs 10, 20, 30, 100 that took 1, 1, 2, 4 seconds."""
    found = distribution(ints(100, 10, 30, 20), ints(4, 1, 2, 1))
    assert found is not None
    assert (found.count, found.mean) == (4, 40)
    assert found.quantiles["p50"] == 25  # half way between 20 and 30
    assert found.quantiles["p25"] == Fraction(35, 2)  # position 0.75: 10 + 0.75 * 10
    assert found.quantiles["p90"] == 79  # position 2.7: 30 + 0.7 * 70
    assert found.weighted_mean == Fraction(400 + 10 + 60 + 20, 8)
    assert found.std == Fraction("40.824829046")  # sqrt(5000 / 3)


def test_of_nothing_there_is_no_distribution() -> None:
    assert distribution(ints(), ints()) is None


def test_of_one_value_there_is_no_deviation() -> None:
    found = distribution(ints(7), ints(1))
    assert found is not None
    assert found.std is None
    assert set(found.quantiles.values()) == {7}


def test_of_equal_values_it_is_zero() -> None:
    found = distribution(ints(7, 7, 7), ints(1, 1, 1))
    assert found is not None
    assert found.std == 0


def test_weights_of_zero_make_no_mean() -> None:
    found = distribution(ints(7, 9), ints(0, 0))
    assert found is not None
    assert found.weighted_mean is None


def test_a_weighted_sum_that_is_known_exactly_is_taken() -> None:
    """Cost per second 3 (rounded) over 3 seconds cost 10, not 9."""
    found = distribution(ints(3), ints(3), weighted_sum=10)
    assert found is not None
    assert found.weighted_mean == Fraction(10, 3)


def test_products_beyond_64_bits_are_exact() -> None:
    found = distribution(ints(2**60, 2**60 + 2), ints(2**60, 2**60))
    assert found is not None
    assert found.weighted_mean == found.mean == 2**60 + 1
    assert found.std == Fraction("1.414213562")


@pytest.mark.parametrize(("p", "value"), [("0", 1), ("0.25", 2), ("0.3", "2.2"), ("1", 5)])
def test_a_quantile_is_linear_between_order_statistics(p: str, value: int | str) -> None:
    assert quantile([1, 2, 3, 4, 5], Fraction(p)) == Fraction(value)


@given(VALUES, st.data())
def test_mean_and_deviation_are_those_of_the_statistics_module(values: list[int], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 10**6), min_size=len(values), max_size=len(values)))
    found = distribution(ints(*values), ints(*weights))
    assert found is not None
    exact = [Fraction(value) for value in values]
    assert (found.count, found.mean) == (len(values), statistics.mean(exact))
    if sum(weights):
        assert found.weighted_mean == Fraction(sum(v * w for v, w in zip(values, weights, strict=True)), sum(weights))
    if len(values) > 1:
        assert found.std is not None
        half = Fraction(1, 2 * 10**9)  # rounded half up to 9 digits: std - half <= the root < std + half
        variance = statistics.variance(exact)
        assert max(Fraction(0), found.std - half) ** 2 <= variance < (found.std + half) ** 2


@given(VALUES)
def test_quantiles_are_those_of_the_statistics_module(values: list[int]) -> None:
    found = distribution(ints(*values), ints(*values))
    assert found is not None
    if len(values) > 1:
        percentiles = statistics.quantiles([Fraction(v) for v in values], n=100, method="inclusive")
        assert found.quantiles == {name: percentiles[int(p * 100) - 1] for name, p in QUANTILES.items()}


@given(VALUES)
def test_quantiles_are_those_of_numpy(values: list[int]) -> None:
    found = distribution(ints(*values), ints(*values))
    assert found is not None
    for name, p in QUANTILES.items():
        assert float(found.quantiles[name]) == pytest.approx(np.quantile(values, float(p)), rel=1e-12, abs=1e-6)
