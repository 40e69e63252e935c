"""Sections 1 and 4 of the method: attempts are cut at bucket edges, and money goes down to tasks and attempts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import ints
from gpucost.core.allocation import Shares, allocate, busy_cost, by_slot, spread
from gpucost.core.attempts import Pieces, Spans, charge, cut
from gpucost.core.grid import Buckets
from gpucost.core.money import round_half_up

FAILURE, SUCCESS = 0, 3


def buckets(*edges: int) -> Buckets:
    return Buckets(ints(), ints(*edges))


def spans(*rows: tuple[int, int, int, int, int, int]) -> Spans:
    """Attempts as (task, service, type, outcome, start, end)."""
    return Spans(*np.array(rows, dtype=np.int64).reshape(-1, 6).T)


def one_service(*runs: tuple[int, int, int]) -> Spans:
    """Successful attempts of service 0 on type 0 as (task, start, end)."""
    return spans(*((task, 0, 0, SUCCESS, start, end) for task, start, end in runs))


def shares_of(attempts: Spans, edges: Buckets, money: list[int]) -> Shares:
    """Split each (type, bucket)'s money as a report does."""
    which, bucket, executed = cut(attempts, edges)
    slot = attempts.node_type[which] * edges.count + bucket
    return allocate(slot, attempts.service[which], attempts.outcome[which], executed, ints(*money))


def per_attempt(attempts: Spans, edges: Buckets, money: list[int]) -> list[int]:
    pieces = charge(attempts, edges, shares_of(attempts, edges, money))
    cost = np.zeros(len(attempts.task), dtype=np.int64)
    np.add.at(cost, pieces.attempt, pieces.cost)
    found: list[int] = cost.tolist()
    return found


class TestCut:
    def test_an_attempt_across_midnight_has_a_piece_in_each_day(self) -> None:
        attempt, bucket, executed = cut(one_service((0, 90, 130)), buckets(0, 100, 200))
        assert (attempt.tolist(), bucket.tolist(), executed.tolist()) == ([0, 0], [0, 1], [10, 30])

    def test_one_that_ends_at_an_edge_has_no_piece_behind_it(self) -> None:
        _, bucket, executed = cut(one_service((0, 90, 100), (1, 100, 110)), buckets(0, 100, 200))
        assert (bucket.tolist(), executed.tolist()) == ([0, 1], [10, 10])

    def test_one_over_several_buckets_fills_those_between(self) -> None:
        _, bucket, executed = cut(one_service((0, 50, 350)), buckets(0, 100, 200, 300, 400))
        assert (bucket.tolist(), executed.tolist()) == ([0, 1, 2, 3], [50, 100, 100, 50])

    def test_one_of_zero_length_has_none(self) -> None:
        assert [len(column) for column in cut(one_service((0, 50, 50)), buckets(0, 100))] == [0, 0, 0]


class TestAllocate:
    def test_money_goes_by_executed_time(self) -> None:
        """$90 over two services: one ran 20, the other 40 and failed 30."""
        shares = allocate(ints(0, 0, 0), ints(1, 0, 1), ints(SUCCESS, SUCCESS, FAILURE), ints(40, 20, 30), ints(90))
        rows = zip(shares.service.tolist(), shares.outcome.tolist(), shares.cost.tolist(), strict=True)
        assert list(rows) == [(0, SUCCESS, 20), (1, FAILURE, 30), (1, SUCCESS, 40)]

    def test_rows_of_one_key_are_one_share(self) -> None:
        shares = allocate(ints(0, 0, 0), ints(0, 0, 0), ints(3, 3, 3), ints(1, 1, 1), ints(100))
        assert (shares.executed_us.tolist(), shares.cost.tolist()) == ([3], [100])

    def test_a_slot_without_executed_time_allocates_nothing(self) -> None:
        shares = allocate(ints(1), ints(0), ints(3), ints(5), ints(100, 7, 200))
        assert by_slot(shares, 3).tolist() == [0, 7, 0]
        assert by_slot(allocate(ints(), ints(), ints(), ints(), ints(100)), 1).tolist() == [0]

    def test_a_bucket_s_money_is_spread_over_its_hours_in_time_order(self) -> None:
        assert spread(ints(0, 0, 0, 1, 1), ints(100, 9), ints(1, 1, 1, 0, 4)).tolist() == [33, 34, 33, 0, 9]

    @pytest.mark.parametrize(
        ("billed", "union", "busy", "off", "cost"),
        [(100, 30, 30, 0, 30), (100, 100, 100, 0, 99), (100, 130, 100, 30, 99), (0, 30, 0, 30, 0), (3, 1, 1, 0, 33)],
    )
    def test_busy_time_is_capped_at_the_billed_and_the_rest_is_off_schedule(
        self, billed: int, union: int, busy: int, off: int, cost: int
    ) -> None:
        """Node cost 99, or 0 without nodes: round(99 * busy / billed)."""
        found = busy_cost(ints(99 if billed else 0), ints(billed), ints(union))
        assert (found.busy_us.item(), found.off_schedule_us.item(), found.cost.item()) == (busy, off, cost)


class TestCharge:
    def test_a_task_first_then_its_attempts(self) -> None:
        """100 over tasks that ran 2, 1 (1 + 1 attempts): task 0 gets round(66.7), its attempts half each, half up."""
        attempts = one_service((0, 0, 1), (0, 5, 6), (1, 3, 4))
        assert per_attempt(attempts, buckets(0, 10), [100]) == [34, 33, 33]

    def test_a_task_s_cost_is_the_sum_over_its_days_and_types(self) -> None:
        """Days cost 100 and 300 on type 0, 50 and 0 on type 1; the task ran on both."""
        attempts = spans((0, 0, 0, SUCCESS, 90, 120), (0, 0, 1, SUCCESS, 10, 20), (1, 0, 0, SUCCESS, 110, 120))
        assert per_attempt(attempts, buckets(0, 100, 200), [100, 300, 50, 0]) == [100 + 200, 50, 100]

    def test_outcomes_of_one_task_are_apart(self) -> None:
        attempts = spans((0, 0, 0, FAILURE, 0, 30), (0, 0, 0, SUCCESS, 40, 50), (1, 0, 0, SUCCESS, 0, 10))
        assert per_attempt(attempts, buckets(0, 100), [100]) == [60, 20, 20]

    def test_attempts_without_time_cost_nothing(self) -> None:
        assert per_attempt(one_service((0, 5, 5)), buckets(0, 10), [100]) == [0]
        assert per_attempt(one_service((0, 5, 5), (1, 5, 6)), buckets(0, 10), [100]) == [0, 100]


@st.composite
def drawn_attempts(draw: st.DrawFn) -> tuple[Spans, Buckets, list[int]]:
    """Attempts by task and start, over up to four buckets, with money per (type, bucket)."""
    edges = sorted(draw(st.sets(st.integers(1, 99), max_size=3)) | {0, 100})
    ids = st.integers(0, 2)
    moments = st.integers(0, 100)
    rows: list[tuple[int, int, int, int, int, int]] = []
    for _ in range(draw(st.integers(0, 12))):
        start, end = sorted((draw(moments), draw(moments)))
        rows.append((draw(ids), draw(ids), draw(st.integers(0, 1)), draw(st.integers(0, 3)), start, end))
    rows.sort(key=lambda row: (row[0], row[4], row[5]))
    money = draw(st.lists(st.integers(0, 1000), min_size=2 * len(edges) - 2, max_size=2 * len(edges) - 2))
    return spans(*rows), buckets(*edges), money


class TestNothingIsLostAndNothingCountedTwice:
    @given(drawn_attempts())
    def test_pieces_of_an_attempt_are_its_duration(self, drawn: tuple[Spans, Buckets, list[int]]) -> None:
        """C4."""
        attempts, edges, _ = drawn
        attempt, bucket, executed = cut(attempts, edges)
        sums = np.zeros(len(attempts.task), dtype=np.int64)
        np.add.at(sums, attempt, executed)
        assert sums.tolist() == (attempts.end_us - attempts.start_us).tolist()
        assert (executed > 0).all()
        assert len(set(zip(attempt.tolist(), bucket.tolist(), strict=True))) == len(attempt)

    @given(drawn_attempts())
    def test_money_of_attempts_is_that_of_services_and_buckets(self, drawn: tuple[Spans, Buckets, list[int]]) -> None:
        """C1 and C3: a slot's money goes wholly to what ran in it, if anything did."""
        attempts, edges, money = drawn
        shares = shares_of(attempts, edges, money)
        pieces = charge(attempts, edges, shares)
        slots = attempts.node_type[pieces.attempt] * edges.count + pieces.bucket
        found = np.zeros(len(money), dtype=np.int64)
        np.add.at(found, slots, pieces.cost)
        assert found.tolist() == by_slot(shares, len(money)).tolist()
        assert found.tolist() == [amount if slot in slots else 0 for slot, amount in enumerate(money)]
        assert (pieces.cost >= 0).all()

    @given(drawn_attempts())
    def test_each_level_is_a_split_by_cumulative_rounding(self, drawn: tuple[Spans, Buckets, list[int]]) -> None:
        attempts, edges, money = drawn
        shares = shares_of(attempts, edges, money)
        assert costs_of(charge(attempts, edges, shares)) == slowly(attempts, edges, money)


def costs_of(pieces: Pieces) -> dict[tuple[int, int], int]:
    rows = zip(pieces.attempt.tolist(), pieces.bucket.tolist(), pieces.cost.tolist(), strict=True)
    return {(attempt, bucket): cost for attempt, bucket, cost in rows}


def slowly(attempts: Spans, edges: Buckets, money: list[int]) -> dict[tuple[int, int], int]:
    """(bucket, type) -> (service, outcome) -> task -> attempt, with Python's integers."""
    columns = (
        attempts.task,
        attempts.service,
        attempts.node_type,
        attempts.outcome,
        attempts.start_us,
        attempts.end_us,
    )
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    found = {}
    for slot, amount in enumerate(money):
        kind, bucket = divmod(slot, edges.count)
        lo, hi = edges.edges[bucket : bucket + 2].tolist()
        time = {
            (service, outcome, task, i): min(end, hi) - max(start, lo)
            for i, (task, service, node_type, outcome, start, end) in enumerate(rows)
            if node_type == kind and start < end and min(end, hi) > max(start, lo)
        }
        for key, cost in split_by({(): amount}, time).items():
            found[key[3], bucket] = cost
    return found


def split_by(
    money: dict[tuple[int, ...], int], time: dict[tuple[int, int, int, int], int]
) -> dict[tuple[int, ...], int]:
    """Go down the levels of the key: 2 columns, 3, 4."""
    for depth, parent in ((2, 0), (3, 2), (4, 3)):
        finer: dict[tuple[int, ...], int] = {}
        for key, amount in money.items():
            children = sorted({k[:depth] for k in time if k[:parent] == key})
            weights = [sum(t for k, t in time.items() if k[:depth] == child) for child in children]
            running = [sum(weights[:i]) for i in range(len(weights) + 1)]
            bounds = [round_half_up(amount * r, max(1, running[-1])) for r in running]
            finer |= {child: b - a for child, (a, b) in zip(children, pairwise(bounds), strict=True)}
        money = finer
    return money
