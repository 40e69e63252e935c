"""Proposed node counts: what they cost, how hours are joined into blocks, and the cron lines that set them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import held, ints, steps, utc, version
from gpucost.core.calendar import cells_of
from gpucost.core.globs import Globs
from gpucost.core.nodes import Clocks, NodeType, TypeUse, read_pools, use_of_type
from gpucost.core.prices import PriceStep
from gpucost.core.proposals import NO_LIMIT, Block, cap_nodes, cron_lines, join_hours, most_nodes
from gpucost.core.schedule import by_pool
from gpucost.core.zones import Zone

UTC = Zone("UTC")
MONDAY, NEXT = utc("2025-06-02"), utc("2025-06-16")


def use(*crons: tuple[str, int, str], zone: str = "UTC", start: int = MONDAY, end: int = NEXT) -> TypeUse:
    """A type at $1 a node-hour, its pools scheduled by cron, nodes and pool."""
    schedules = held(
        *(version(cron, nodes, pool, name=f"{pool}-{i}") for i, (cron, nodes, pool) in enumerate(crons)), zone=zone
    )
    kind = NodeType("gpu", Globs.of(["*"]))
    pools = read_pools(Clocks(by_pool(schedules)), (kind,), start, end)
    return use_of_type("gpu", pools, (PriceStep(10**9, None),), start, end)


class TestBlocks:
    def test_a_block_is_as_high_as_its_highest_hour(self) -> None:
        assert join_hours([1, 3, 2], 7, 1) == (Block(7, 10, 3),)

    def test_least_node_hours_come_first(self) -> None:
        assert join_hours([1, 1, 5, 5, 1], 7, 3) == (Block(7, 9, 1), Block(9, 11, 5), Block(11, 12, 1))

    def test_then_fewest_blocks(self) -> None:
        assert join_hours([2, 2, 2], 7, 3) == (Block(7, 10, 2),)

    def test_then_the_earliest_starts(self) -> None:
        """1 2 3 in two blocks: 1 | 2 3 and 1 2 | 3 both take 7 node-hours."""
        assert join_hours([1, 2, 3], 0, 2) == (Block(0, 1, 1), Block(1, 3, 3))

    @given(st.lists(st.integers(0, 6), min_size=1, max_size=8), st.integers(1, 4))
    def test_blocks_cover_the_day_and_hold_every_need(self, needs: list[int], most: int) -> None:
        blocks = join_hours(needs, 0, most)
        assert len(blocks) <= most
        by_hour = [block.nodes for block in blocks for _ in range(block.start, block.end)]
        assert len(by_hour) == len(needs)
        assert all(nodes >= need for nodes, need in zip(by_hour, needs, strict=True))


class TestCaps:
    def test_a_cap_lowers_what_is_above_it(self) -> None:
        """4 nodes from 8 to 20 on one Monday, at most 3 from 10 to 12: 48 - 2 node-hours."""
        cells = cells_of(MONDAY, utc("2025-06-03"), UTC)
        mine = use(("0 8 * * *", 4, "a"), ("0 20 * * *", 0, "a"), end=utc("2025-06-03"))
        caps = np.where((cells.hour >= 10) & (cells.hour < 12), 3, NO_LIMIT)
        assert cap_nodes(mine, cells, caps).cost.sum() == 46 * 10**9

    def test_of_several_pools_the_last_by_name_go_first(self) -> None:
        cells = cells_of(MONDAY, utc("2025-06-03"), UTC)
        mine = use(("0 0 * * *", 2, "b"), ("0 0 * * *", 3, "a"), end=utc("2025-06-03"))
        proposal = cap_nodes(mine, cells, np.full(cells.count, 4))
        assert [counts.values.tolist() for counts in proposal.counts] == [[3], [1]]

    def test_the_highest_count_of_each_cell(self) -> None:
        edges = ints(0, 10, 20, 30)
        assert most_nodes(steps((0, 1), (4, 7), (6, 2), (20, 5)), edges).tolist() == [7, 2, 5]


class TestCronLines:
    def lines(
        self, *crons: tuple[str, int, str], zone: str = "UTC", start: int = MONDAY, end: int = NEXT
    ) -> list[str] | None:
        (pool,) = use(*crons, zone=zone, start=start, end=end).pools
        found = cron_lines(pool.name, pool.timeline.counts, [Zone(zone)], end)
        return None if found is None else [f"{line.schedule} -> {line.nodes}" for line in found]

    def test_a_weekly_schedule_is_found_again(self) -> None:
        crons = ("0 0 * * 0,6", 0, "a"), ("0 8 * * 1-5", 2, "a"), ("30 12 * * 1-5", 4, "a")
        assert self.lines(*crons) == ["0 0 * * 6 -> 0", "0 8 * * 1-5 -> 2", "30 12 * * 1-5 -> 4"]

    def test_a_count_that_never_changes_is_one_line(self) -> None:
        assert self.lines(("0 0 1 * *", 3, "a")) == ["0 0 * * * -> 3"]

    def test_a_schedule_that_is_not_weekly_has_no_lines(self) -> None:
        assert self.lines(("0 8 1-7 * *", 2, "a"), ("0 8 8-14 * *", 4, "a"), ("0 20 * * *", 0, "a")) is None

    def test_less_than_a_week_stands_for_nothing(self) -> None:
        assert self.lines(("0 8 * * *", 2, "a"), ("0 20 * * *", 0, "a"), end=utc("2025-06-05")) is None

    def test_lines_hold_over_a_change_of_the_clock_in_their_zone(self) -> None:
        start, end = utc("2025-03-23T23:00"), utc("2025-04-06T22:00")
        crons = ("0 8 * * 1-5", 2, "a"), ("0 20 * * *", 0, "a")
        assert self.lines(*crons, zone="Europe/Berlin", start=start, end=end) == [
            "0 8 * * 1-5 -> 2",
            "0 20 * * 1-5 -> 0",
        ]

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
    def test_the_first_zone_that_gives_the_counts_is_taken(self, zone: str) -> None:
        (pool,) = use(("0 8 * * *", 2, "a"), ("0 20 * * *", 0, "a"), zone=zone).pools
        found = cron_lines("a", pool.timeline.counts, [Zone(zone), Zone("Europe/Berlin")], NEXT)
        assert found is not None
        assert {line.time_zone for line in found} == {zone}
