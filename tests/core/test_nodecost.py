"""Section 1 of the method: node cost is anchored at the UTC quarter hour, so it adds up over any cut and over pools."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import dollars, hours, ints, steps, utc
from gpucost.core.money import HOUR_US, NANO, round_half_up
from gpucost.core.nodecost import QUARTER_US, TypeCost, quarter_start, type_cost
from gpucost.core.nodes import node_us
from gpucost.core.prices import PriceStep, price_curve
from gpucost.core.steps import Steps, common_starts, constant, total

MONDAY = utc("2025-06-02")
END = MONDAY + 24 * HOUR_US


def cost_of(price: Steps, *pools: Steps) -> TypeCost:
    return type_cost(pools, price, MONDAY, END)


class TestExamples:
    def test_nodes_times_hours_times_price(self) -> None:
        """2 nodes from 08:00, 4 from 12:00 to 18:00, $11: 8 + 24 = 32 node-hours, $352."""
        counts = steps(
            (MONDAY, 0), (utc("2025-06-02T08:00"), 2), (utc("2025-06-02T12:00"), 4), (utc("2025-06-02T18:00"), 0)
        )
        cost = cost_of(constant(11 * NANO, MONDAY), counts)
        assert hours(node_us(counts, ints(MONDAY, END)).sum()) == 32
        assert dollars(cost.between(ints(MONDAY, END)).sum()) == 352

    def test_a_price_change_within_a_minute_is_integrated_piecewise(self) -> None:
        """One node, $10 for 10 h 0 min 30 s, then $8 for 13 h 59 min 30 s."""
        changed = utc("2025-06-02T10:00:30")
        cost = cost_of(steps((MONDAY, 10 * NANO), (changed, 8 * NANO)), constant(1, MONDAY))
        exact = Fraction(10 * 36_030 + 8 * 50_370, 3600) * NANO
        assert abs(cost.between(ints(MONDAY, END)).item() - exact) < 1

    @pytest.mark.parametrize(("price", "hourly"), [(1, 0), (2, 4), (3, 4), (4, 4), (5, 4), (6, 8)])
    def test_each_quarter_hour_is_rounded_half_up_on_its_own(self, price: int, hourly: int) -> None:
        """2 nano-units an hour are half a nano-unit a quarter: 1 after rounding, 4 an hour."""
        assert (
            cost_of(constant(price, MONDAY), constant(1, MONDAY)).between(ints(MONDAY, MONDAY + HOUR_US)).item()
            == hourly
        )

    def test_pieces_are_differences_of_the_rounded_running_sum(self) -> None:
        """6 nano-units an hour: after 5, 10, 15 min 0.5, 1.0, 1.5, rounded 1, 1, 2. The pieces cost 1, 0, 1."""
        cost = cost_of(constant(6, MONDAY), constant(1, MONDAY))
        minutes = ints(*(MONDAY + m * 60_000_000 for m in (0, 5, 10, 15)))
        assert cost.between(minutes).tolist() == [1, 0, 1]

    def test_pools_are_differences_of_rounded_sums_too(self) -> None:
        """Three pools of a node, 2 nano-units an hour: 0.5, 1.0, 1.5 a quarter, rounded 1, 1, 2. They cost 1, 0, 1."""
        cost = cost_of(constant(2, MONDAY), *[constant(1, MONDAY)] * 3)
        quarter = ints(MONDAY, MONDAY + QUARTER_US)
        assert [cost.pool_between(i, quarter).item() for i in range(3)] == [1, 0, 1]
        assert cost.between(quarter).tolist() == [2]

    def test_a_start_within_a_quarter_is_anchored_before_it(self) -> None:
        """The count before the start decides how the rest of the quarter rounds: 2 nodes until 00:05, then none."""
        cost = cost_of(constant(9, MONDAY), steps((MONDAY, 2), (MONDAY + 300_000_000, 0)))
        # F is 1.5 from 00:05 on: what the two nodes cost rounds to 2, and nothing is left for the rest of the quarter
        assert cost.at(ints(MONDAY + 299_999_999, MONDAY + 300_000_000, MONDAY + QUARTER_US)).tolist() == [1, 2, 2]
        assert cost.between(ints(MONDAY + 300_000_000, MONDAY + QUARTER_US)).tolist() == [0]

    def test_a_type_without_pools_costs_nothing(self) -> None:
        assert cost_of(constant(NANO, MONDAY)).between(ints(MONDAY, END)).tolist() == [0]

    def test_quarters_are_those_of_utc_and_hold_before_1970(self) -> None:
        assert quarter_start(utc("2025-06-02T10:29:59.999999")) == utc("2025-06-02T10:15")
        assert quarter_start(utc("1969-12-31T23:59")) == utc("1969-12-31T23:45")

    def test_what_64_bits_do_not_hold_is_refused(self) -> None:
        with pytest.raises(OverflowError, match="take a shorter period"):
            cost_of(constant(10**18, MONDAY), constant(100_000, MONDAY))
        with pytest.raises(OverflowError, match="take a shorter period"):
            cost_of(constant(10**18, MONDAY), constant(1, MONDAY))


class TestPrices:
    def test_before_the_first_valid_from_there_is_no_price(self) -> None:
        curve = price_curve([PriceStep(9, MONDAY + 10)], MONDAY)
        assert curve.known.at(ints(MONDAY, MONDAY + 9, MONDAY + 10)).tolist() == [0, 0, 1]
        assert curve.nano_per_hour.at(ints(MONDAY, MONDAY + 9, MONDAY + 10)).tolist() == [0, 0, 9]

    def test_the_latest_step_at_the_start_holds(self) -> None:
        prices = [PriceStep(3, MONDAY), PriceStep(1), PriceStep(4, MONDAY + 5), PriceStep(2, MONDAY - 5)]
        curve = price_curve(prices, MONDAY)
        assert curve.nano_per_hour.at(ints(MONDAY, MONDAY + 4, MONDAY + 5)).tolist() == [3, 3, 4]
        assert curve.known.values.tolist() == [1, 1]

    def test_no_prices_at_all(self) -> None:
        curve = price_curve([], MONDAY)
        assert (curve.known.values.tolist(), curve.nano_per_hour.values.tolist()) == ([0], [0])


@dataclass(frozen=True)
class World:
    """A price and pools as sorted (instant, value) pairs from a quarter's start on."""

    start: int
    price: list[tuple[int, int]]
    pools: list[list[tuple[int, int]]]

    def exact(self, quarter: int, instant: int, pools: int) -> Fraction:
        """F(t, i): the exact cost of the first pools from the start of the quarter hour to an instant."""
        turns = {t for line in [self.price, *self.pools] for t, _ in line if quarter < t < instant}
        cost = Fraction(0)
        for a, b in pairwise(sorted({quarter, instant, *turns})):
            nodes = sum(value_at(pool, a) for pool in self.pools[:pools])
            cost += Fraction(nodes * value_at(self.price, a) * (b - a), HOUR_US)
        return cost

    def cost(self, a: int, b: int, pools: int) -> int:
        """Cost of the first pools in [a, b): per quarter hour the difference of rounded F."""
        cost = 0
        for left, right in pairwise([a, *range(a // QUARTER_US * QUARTER_US + QUARTER_US, b, QUARTER_US), b]):
            quarter = left // QUARTER_US * QUARTER_US
            cost += rounded(self.exact(quarter, right, pools)) - rounded(self.exact(quarter, left, pools))
        return cost


def rounded(value: Fraction) -> int:
    return round_half_up(value.numerator, value.denominator)


def value_at(pairs: list[tuple[int, int]], instant: int) -> int:
    return pairs[bisect_right(pairs, instant, key=lambda pair: pair[0]) - 1][1]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, list[int]]:
    """Up to 3 pools over two hours, and cuts anywhere."""
    start = draw(st.sampled_from([MONDAY, 0, -7 * QUARTER_US]))
    unit = draw(st.sampled_from([1, 1_000_000, 60_000_000]))
    offsets = st.integers(0, 2 * HOUR_US // unit).map(unit.__mul__)
    price = draw(st.sampled_from([3, 17, 10**6 + 1, 11 * 10**9, 10**9 // 3]))

    def line(most: int) -> list[tuple[int, int]]:
        times = sorted({0, *draw(st.lists(offsets, max_size=4))})
        return [(start + t, draw(st.integers(0, most))) for t in times]

    pools = [line(9) for _ in range(draw(st.integers(1, 3)))]
    cuts = sorted({start, *(start + t for t in draw(st.lists(offsets, min_size=2, max_size=5)))})
    return World(start, line(price), pools), cuts


class TestAgainstFractions:
    @given(worlds())
    def test_every_piece_of_a_type_and_of_its_pools(self, drawn: tuple[World, list[int]]) -> None:
        world, cuts = drawn
        cost = type_cost([steps(*p) for p in world.pools], steps(*world.price), world.start, cuts[-1])
        n = len(world.pools)
        assert cost.between(ints(*cuts)).tolist() == [world.cost(a, b, n) for a, b in pairwise(cuts)]
        for i in range(n):
            expected = [world.cost(a, b, i + 1) - world.cost(a, b, i) for a, b in pairwise(cuts)]
            assert cost.pool_between(i, ints(*cuts)).tolist() == expected

    @given(worlds())
    def test_it_adds_up_over_cuts_and_pools(self, drawn: tuple[World, list[int]]) -> None:
        world, cuts = drawn
        cost = type_cost([steps(*p) for p in world.pools], steps(*world.price), world.start, cuts[-1])
        whole, edges = ints(cuts[0], cuts[-1]), ints(*cuts)
        assert cost.between(edges).sum() == cost.between(whole).sum()
        assert sum(cost.pool_between(i, whole).sum() for i in range(len(world.pools))) == cost.between(whole).sum()

    @given(worlds())
    def test_node_time_is_the_sum_over_the_steps(self, drawn: tuple[World, list[int]]) -> None:
        world, cuts = drawn
        pools = [steps(*p) for p in world.pools]
        everything = total(pools)
        assert everything.starts.tolist() == common_starts(pools).tolist()
        for a, b in pairwise(cuts):
            turns = sorted({a, b, *(t for pool in world.pools for t, _ in pool if a < t < b)})
            expected = sum(value_at(p, x) * (y - x) for p in world.pools for x, y in pairwise(turns))
            assert node_us(everything, ints(a, b)).sum() == expected
