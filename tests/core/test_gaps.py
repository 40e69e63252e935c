"""Section 5 of the method: gaps, in which a type has nodes and no task runs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from examples import ints, steps
from gpucost.core.gaps import gaps_of
from gpucost.core.money import HOUR_US, NANO
from gpucost.core.nodecost import type_cost
from gpucost.core.nodes import TypeUse
from gpucost.core.prices import PriceStep, price_curve

MINUTE_US = 60_000_000


def use_of(*counts: tuple[int, int], dollars: int = 6) -> TypeUse:
    """A type with one pool of these counts, (minute, nodes), at $6 an hour: ten cents a minute."""
    pool = steps(*((minute * MINUTE_US, nodes) for minute, nodes in counts))
    curve = price_curve([PriceStep(dollars * NANO)], 0)
    return TypeUse("gpu", (), pool, type_cost([pool], curve.nano_per_hour, 0, 100 * HOUR_US), curve)


def gaps(use: TypeUse, runs: list[tuple[int, int]], lo: int, hi: int) -> list[tuple[int, int, int]]:
    """Gaps in minutes, with their cost in cents."""
    start, end = ints(*(a * MINUTE_US for a, _ in runs)), ints(*(b * MINUTE_US for _, b in runs))
    found = gaps_of(use, start, end, lo * MINUTE_US, hi * MINUTE_US)
    cents = NANO // 100
    rows = zip(found.start_us // MINUTE_US, found.end_us // MINUTE_US, found.cost // cents, strict=True)
    return [(int(a), int(b), int(cost)) for a, b, cost in rows]


class TestExamples:
    def test_between_tasks_and_at_both_ends(self) -> None:
        assert gaps(use_of((0, 1)), [(10, 20), (15, 30), (40, 50)], 0, 60) == [
            (0, 10, 100),
            (30, 40, 100),
            (50, 60, 100),
        ]

    def test_a_gap_goes_on_through_a_change_of_the_count_and_costs_what_the_nodes_cost(self) -> None:
        assert gaps(use_of((0, 1), (20, 3)), [(0, 10)], 0, 30) == [(10, 30, 100 + 300)]

    def test_without_nodes_there_is_no_gap(self) -> None:
        assert gaps(use_of((0, 0), (20, 1), (40, 0)), [], 0, 60) == [(20, 40, 200)]

    def test_a_short_task_within_a_long_one_ends_nothing(self) -> None:
        assert gaps(use_of((0, 1)), [(0, 50), (10, 12)], 0, 60) == [(50, 60, 100)]

    def test_tasks_that_touch_leave_none(self) -> None:
        assert gaps(use_of((0, 1)), [(30, 60), (0, 30)], 0, 60) == []

    def test_a_task_of_no_length_interrupts_nothing(self) -> None:
        assert gaps(use_of((0, 1)), [(30, 30)], 0, 60) == [(0, 60, 600)]

    def test_an_empty_period_has_none(self) -> None:
        assert gaps(use_of((0, 1)), [], 0, 0) == []


@st.composite
def days(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int, int]:
    """Node counts and runs in minutes of two hours, and a period."""
    minutes = st.integers(0, 120)
    turns = sorted({0, *draw(st.lists(minutes, max_size=5))})
    counts = [(minute, draw(st.integers(0, 2))) for minute in turns]
    runs = [(min(pair), max(pair)) for pair in draw(st.lists(st.tuples(minutes, minutes), max_size=6))]
    lo, hi = sorted(draw(st.tuples(minutes, minutes)))
    return counts, runs, lo, hi


@given(days())
def test_they_are_those_of_a_walk_through_the_minutes(
    day: tuple[list[tuple[int, int]], list[tuple[int, int]], int, int],
) -> None:
    counts, runs, lo, hi = day
    nodes = [next(n for minute, n in reversed(counts) if minute <= now) for now in range(121)]
    empty = [nodes[now] > 0 and not any(a <= now < b for a, b in runs) for now in range(121)]
    expected = []
    begun: int | None = None
    for now in range(lo, hi + 1):
        if begun is None and now < hi and empty[now]:
            begun = now
        elif begun is not None and (now == hi or not empty[now]):
            expected.append((begun, now, 10 * sum(nodes[begun:now])))
            begun = None
    clipped = [(max(a, lo), min(b, hi)) for a, b in runs if a < hi and b > lo]
    assert gaps(use_of(*counts), clipped, lo, hi) == expected
    assert gaps(use_of(*counts), runs, lo, hi) == expected  # runs that reach beyond the period change nothing
