"""Section 1 of the method: exact products, rounding half up, splits that lose nothing, and decimal text."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from examples import ints
from gpucost.core.money import (
    HOUR_US,
    NANO,
    PriceError,
    check_range,
    decimal_text,
    failed_second_text,
    group_starts,
    hours_text,
    money_text,
    multiply_divide,
    multiply_divide_round,
    parse_price,
    price_text,
    ratio_text,
    round_half_up,
    seconds_text,
    split_groups,
    tariff_text,
)

FIT = 2**62
"""Quotient, remainder and divisor stay below; products stay below 2**112."""


@st.composite
def up_to(draw: st.DrawFn, most: int) -> int:
    """Whole numbers of any size up to a limit, the limit and powers of two among them."""
    bits = draw(st.integers(0, most.bit_length()))
    return min(most, draw(st.integers(2**bits // 2, 2**bits)))


@st.composite
def products(draw: st.DrawFn) -> tuple[int, int, int]:
    """a, b and a divisor, anywhere within what multiply_divide documents."""
    a = draw(up_to(FIT - 1))
    b = draw(up_to(min(FIT - 1, (2**112 - 1) // max(a, 1))))
    least = a * b // FIT + 1
    divisor = draw(st.sampled_from([least, FIT - 1])) if draw(st.booleans()) else least + draw(up_to(FIT - 1 - least))
    return (a, b, divisor) if draw(st.booleans()) else (b, a, divisor)


class TestMultiplyDivide:
    @given(st.lists(products(), min_size=1, max_size=20))
    @example([(2**56 - 1, 2**56 - 1, 2**62 - 1), (2**62 - 1, 2**50 - 1, 2**50), (0, 0, 1), (2**61, 2, 2)])
    def test_it_is_what_python_s_integers_say(self, rows: list[tuple[int, int, int]]) -> None:
        a, b, divisor = (ints(*column) for column in zip(*rows, strict=True))
        quotient, remainder = multiply_divide(a, b, divisor)
        assert list(zip(quotient.tolist(), remainder.tolist(), strict=True)) == [divmod(x * y, d) for x, y, d in rows]

    @given(st.lists(products(), min_size=1, max_size=20))
    def test_rounding_is_half_up(self, rows: list[tuple[int, int, int]]) -> None:
        a, b, divisor = (ints(*column) for column in zip(*rows, strict=True))
        found = multiply_divide_round(a, b, divisor).tolist()
        assert found == [round_half_up(x * y, d) for x, y, d in rows]

    @pytest.mark.parametrize(
        ("numerator", "denominator", "rounded"),
        [(1, 2, 1), (3, 2, 2), (5, 2, 3), (1, 3, 0), (2, 3, 1), (-1, 2, 0), (-3, 2, -1), (-2, 3, -1), (7, 1, 7)],
    )
    def test_halves_go_up(self, numerator: int, denominator: int, rounded: int) -> None:
        assert round_half_up(numerator, denominator) == rounded

    def test_a_summer_of_nodes_fits(self) -> None:
        """1000 nodes at $30 for a year, split by executed microseconds: products of 105 bits."""
        cost, executed, whole = 1000 * 30 * 8760 * NANO, 2_999 * 8760 * HOUR_US, 3_000 * 8760 * HOUR_US
        assert multiply_divide_round(cost, executed, whole).item() == Fraction(cost * executed, whole)

    def test_what_does_not_fit_is_refused(self) -> None:
        check_range("node time", 2**62 - 1)
        with pytest.raises(OverflowError, match="node time is too large"):
            check_range("node time", 2**62)


class TestSplit:
    @pytest.mark.parametrize(
        ("money", "weights", "shares"),
        [
            (100, [1, 1, 1], [33, 34, 33]),  # round 33.3, 66.7, 100
            (1, [1, 1], [1, 0]),  # half up: the first of two gets the nano-unit
            (10, [0, 5, 0, 5], [0, 5, 0, 5]),
            (7, [1], [7]),
            (0, [3, 4], [0, 0]),
            (5, [0, 0], [0, 0]),  # nobody to go to
        ],
    )
    def test_shares_are_differences_of_rounded_running_sums(
        self, money: int, weights: list[int], shares: list[int]
    ) -> None:
        assert split_groups(ints(money), ints(*weights), ints(0)).tolist() == shares

    def test_groups_are_split_on_their_own(self) -> None:
        found = split_groups(ints(100, 9, 1), ints(1, 1, 1, 0, 0, 2, 6), ints(0, 3, 5))
        assert found.tolist() == [33, 34, 33, 0, 0, 0, 1]
        assert split_groups(ints(), ints(), ints()).tolist() == []

    @given(st.lists(st.tuples(up_to(2**55), st.lists(up_to(2**53), min_size=1, max_size=8)), min_size=1, max_size=6))
    def test_every_split_sums_to_what_was_split(self, groups: list[tuple[int, list[int]]]) -> None:
        sizes = [len(weights) for _, weights in groups]
        first = np.cumsum([0, *sizes[:-1]]).astype(np.int64)
        weights = ints(*(w for _, group in groups for w in group))
        shares = split_groups(ints(*(money for money, _ in groups)), weights, first)
        for (money, group), part in zip(groups, np.split(shares, first[1:]), strict=True):
            assert part.sum() == (money if sum(group) else 0)
            assert part.tolist() == slow_split(money, group)
            assert (part >= 0).all()

    def test_groups_begin_where_any_key_changes(self) -> None:
        assert group_starts(ints(1, 1, 2, 2, 2), ints(7, 7, 7, 8, 8)).tolist() == [0, 2, 3]
        assert group_starts(np.array(["a", "a", "b"])).tolist() == [0, 2]
        assert group_starts(ints()).tolist() == []


def slow_split(money: int, weights: list[int]) -> list[int]:
    whole = max(1, sum(weights))
    bounds = [round_half_up(money * sum(weights[:i]), whole) for i in range(len(weights) + 1)]
    return [b - a for a, b in pairwise(bounds)]


class TestPrice:
    @pytest.mark.parametrize(
        ("text", "nano"),
        [
            ("11", 11_000_000_000),
            (11, 11_000_000_000),
            ("9.50", 9_500_000_000),
            (" 9.5\n", 9_500_000_000),
            ("0.000000001", 1),
            ("007", 7_000_000_000),
            ("0", 0),
            ("999999999.999999999", 10**18 - 1),
        ],
    )
    def test_a_price_is_exact(self, text: object, nano: int) -> None:
        assert parse_price(text) == nano

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (9.5, 'must be an integer or a decimal string such as "9.50", not 9.5'),
            (True, "must be an integer or a decimal string"),
            (None, "must be an integer or a decimal string"),
            ("", "must be a decimal number that is not negative"),
            ("-1", "not negative, such as \"9.50\", not '-1'"),
            (-1, "not negative"),
            ("+1", "must be a decimal number"),
            ("1e3", "must be a decimal number"),
            ("1,5", "must be a decimal number"),
            (".5", "must be a decimal number"),
            ("5.", "must be a decimal number"),
            ("NaN", "must be a decimal number"),
            ("\u0661", "must be a decimal number"),  # a digit, but not an ASCII one
            ("1 000", "must be a decimal number"),
            ("0.0000000001", "must have at most 9 decimals, '0.0000000001' has 10"),
            ("1000000000", "must be less than 1,000,000,000 an hour"),
            (10**9, "must be less than 1,000,000,000 an hour"),
        ],
    )
    def test_anything_else_is_refused_with_a_reason(self, text: object, said: str) -> None:
        with pytest.raises(PriceError) as error:
            parse_price(text)
        assert said in str(error.value)

    def test_an_error_stays_short(self) -> None:
        for text in ("9" * 5000, "9." + "9" * 5000, "x" * 5000):
            with pytest.raises(PriceError) as error:
                parse_price(text)
            assert len(str(error.value)) < 150

    @given(st.integers(0, 10**18 - 1))
    def test_text_and_nano_units_are_one_to_one(self, nano: int) -> None:
        assert parse_price(money_text(nano)) == nano


class TestTexts:
    @pytest.mark.parametrize(
        ("nano", "text"),
        [
            (75_012 * NANO, "75012.00"),
            (449_333_333_333, "449.333333333"),
            (1, "0.000000001"),
            (-1_500_000_000, "-1.50"),
            (0, "0.00"),
        ],
    )
    def test_money_has_the_digits_it_has_and_at_least_two(self, nano: int, text: str) -> None:
        assert money_text(nano) == text

    def test_hours_are_rounded_half_up_to_6_decimals(self) -> None:
        assert [hours_text(us) for us in (408 * HOUR_US, HOUR_US // 4, 1, 1_800, 1_799)] == [
            "408", "0.25", "0", "0.000001", "0"
        ]  # fmt: skip

    def test_seconds_are_exact(self) -> None:
        assert [seconds_text(us) for us in (1, 90_000_000, 1_500_000)] == ["0.000001", "90", "1.5"]

    def test_quotients_have_9_digits_and_ratios_6(self) -> None:
        assert tariff_text(10 * NANO, 3) == "3.333333333"
        assert tariff_text(10 * NANO, 4) == "2.50"
        assert failed_second_text(2 * NANO, 3_000_000) == "0.666666667"
        assert price_text(22 * NANO, 2 * HOUR_US) == "11.00"
        assert ratio_text(2, 3) == "0.666667"
        assert ratio_text(5, 5) == "1"

    def test_a_quotient_of_nothing_is_absent(self) -> None:
        """Never NaN, never 0 (section 4)."""
        assert [tariff_text(5, 0), failed_second_text(5, 0), price_text(5, 0), ratio_text(5, 0)] == [None] * 4

    @given(st.fractions(), st.integers(0, 12), st.integers(0, 3))
    def test_decimal_text_is_the_nearest_decimal(self, value: Fraction, digits: int, least: int) -> None:
        text = decimal_text(value, digits, min(least, digits))
        away = Fraction(text) - value
        assert abs(away) <= Fraction(1, 2 * 10**digits)
        assert away != -Fraction(1, 2 * 10**digits)  # a half goes up
        assert "e" not in text.lower()
        assert not text.startswith("-0") or "." in text
