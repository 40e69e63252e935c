"""Section 5 of the method: advice from weighted utilisation, and from how many nodes were busy at once."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from examples import utc
from gpucost.core.calendar import Cells, cells_of
from gpucost.core.grid import Grid
from gpucost.core.money import HOUR_US, Ints
from gpucost.core.nodes import Pool, TypeUse, use_of_type
from gpucost.core.prices import PriceStep
from gpucost.core.recommendations import (
    Advice,
    Cut,
    Finding,
    Thresholds,
    Usage,
    confidence,
    find_savings,
    potential_savings,
)
from gpucost.core.schedule import PoolTimeline
from gpucost.core.steps import Steps
from gpucost.core.zones import Zone

THRESHOLDS = Thresholds(Fraction("0.10"), Fraction("0.30"), Fraction("0.20"))
PRICE = 100
"""Nano-units a node-hour."""
SUNDAY = 48
"""The cell of Sunday 2025-06-08, 00:00, where the first one is Friday's."""


def days(start: str = "2025-06-06", end: str = "2025-06-09") -> Cells:
    return cells_of(utc(start), utc(end), Zone("UTC"))


def use(cells: Cells, nodes: Ints, name: str = "gpu") -> TypeUse:
    """A type with one pool of so many nodes in each cell."""
    starts = cells.edges[:-1]
    steps = Steps(starts, nodes)
    line = PoolTimeline(name, steps, Steps(starts, np.ones_like(nodes)), ("",) * len(nodes), ())
    pool = Pool(name, name, (), line, line)
    return use_of_type(name, (pool,), (PriceStep(PRICE, None),), int(cells.edges[0]), int(cells.edges[-1]))


def usage(
    cells: Cells,
    nodes: dict[int, int],
    busy: dict[int, int],
    *,
    otherwise: int = 0,
    at_once: dict[int, int] | None = None,
    excluded: dict[int, int] | None = None,
) -> Usage:
    """One type: nodes of hours (else ``otherwise``), minutes of busy node time, and the most nodes busy at once (else as
    few as those minutes take). A node-hour costs 100."""
    counts = np.full(cells.count, otherwise, dtype=np.int64)
    minutes, peaks, others = (np.zeros(cells.count, dtype=np.int64) for _ in range(3))
    for column, stated in ((counts, nodes), (minutes, busy), (others, excluded or {})):
        for cell, value in stated.items():
            column[cell] = value
    peaks[:] = -(-minutes // 60)
    for cell, value in (at_once or {}).items():
        peaks[cell] = value
    node_us, busy_us = (counts * HOUR_US)[None], (minutes * HOUR_US // 60)[None]
    nothing = np.zeros_like(node_us)
    money, busy_cost = (PRICE * column // HOUR_US for column in (node_us, busy_us))
    grid = Grid(node_us, money, busy_us, busy_cost, nothing, busy_us, money, (others * HOUR_US // 60)[None])
    return Usage(grid, cells, peaks[None], (use(cells, counts),))


def found(given: Usage) -> list[tuple[str, int]]:
    """Kinds and savings."""
    return [(finding.kind, finding.savings) for finding in find_savings(given, THRESHOLDS, [0])]


class TestNights:
    """Friday 00:00 to 07:00, one node: 7 node-hours, of which some minutes are busy. A task at 12:00 keeps the type in use."""

    NIGHT = dict.fromkeys(range(7), 1)

    @pytest.mark.parametrize(
        ("busy_minutes", "advice"),
        [
            (1, [("NightShutDown", 699)]),
            (36, [("NightShutDown", 640)]),  # 8.6 %
            (42, []),  # 10 % is not below 10 %, and one node is what was busy at once
            (126, []),
            (420, []),
        ],
    )
    def test_below_10_percent_shut_down(self, busy_minutes: int, advice: list[tuple[str, int]]) -> None:
        cells = days(end="2025-06-07")
        busy = {cell: min(60, max(0, busy_minutes - 60 * cell)) for cell in range(7)}
        assert found(usage(cells, self.NIGHT, busy)) == advice

    def test_from_10_to_30_percent_reduce_to_what_was_busy_at_once(self) -> None:
        """Five nodes for seven hours, 6 node-hours busy, at most 2 at once: 35 - 14 node-hours are saved."""
        cells = days(end="2025-06-07")
        night = dict.fromkeys(range(7), 5)
        given = usage(cells, night, dict.fromkeys(range(6), 60), at_once={3: 2})
        (finding,) = find_savings(given, THRESHOLDS, [0])
        assert (finding.kind, finding.savings) == (Advice.NIGHT_REDUCE, 2_100)
        assert finding.cuts == (Cut(0, 7, 2, 5),)

    def test_a_night_is_not_reduced_where_all_nodes_were_busy_at_once(self) -> None:
        cells = days(end="2025-06-07")
        assert found(usage(cells, dict.fromkeys(range(7), 5), {0: 300}, at_once={0: 5})) == []

    def test_savings_of_shutting_down_are_the_idle_cost_of_these_hours(self) -> None:
        cells = days(end="2025-06-07")
        assert found(usage(cells, self.NIGHT, {0: 30})) == [("NightShutDown", 650)]

    def test_utilisation_is_weighted_not_a_mean_of_percentages(self) -> None:
        """One node 100 % busy at 0:00, nine nodes idle at 1:00: 10 % of ten node-hours, though the mean is 50 %."""
        cells = days(end="2025-06-07")
        assert found(usage(cells, {0: 1, 1: 9}, {0: 60})) == [("NightReduce", 800)]

    def test_without_nodes_there_is_nothing_to_advise(self) -> None:
        cells = days(end="2025-06-07")
        assert found(usage(cells, {}, {})) == []
        empty = days(end="2025-06-06")
        nothing = np.zeros((1, 0), dtype=np.int64)
        idle = use_of_type("gpu", (), (), utc("2025-06-06"), utc("2025-06-06"))
        assert find_savings(Usage(Grid(*[nothing] * 8), empty, nothing, (idle,)), THRESHOLDS, [0]) == ()


class TestWeekends:
    def test_below_20_percent_shut_down(self) -> None:
        cells = days()
        idle = {SUNDAY + 10: 1, SUNDAY + 11: 4}
        assert found(usage(cells, idle, {SUNDAY + 10: 45})) == [("WeekendShutDown", 425)]
        assert found(usage(cells, idle, {SUNDAY + 10: 60})) == []  # 20 % is not below 20 %


class TestWeekdays:
    """Friday 2025-06-06, 07:00-24:00."""

    def test_each_of_three_blocks_is_as_high_as_its_busiest_hour(self) -> None:
        """Ten nodes from 8 to 20. At most 3 at once before 12, 7 before 16, then 2: 7 + 3 + 8 fewer for 4 hours each."""
        cells = days(end="2025-06-07")
        at_once = {9: 3, 13: 7, 17: 2}
        given = usage(cells, dict.fromkeys(range(8, 20), 10), dict.fromkeys(at_once, 60), at_once=at_once)
        (finding,) = find_savings(given, THRESHOLDS, [0])
        assert finding.kind == Advice.WEEKDAY_SCHEDULE
        assert finding.cuts == (Cut(7, 13, 3, 10), Cut(13, 14, 7, 10), Cut(14, 24, 2, 10))
        assert finding.savings == PRICE * (5 * 7 + 3 + 6 * 8)

    def test_what_is_scheduled_is_not_offered(self) -> None:
        cells = days(end="2025-06-07")
        nodes = dict.fromkeys(range(8, 20), 10)
        assert (
            found(usage(cells, nodes, dict.fromkeys(range(8, 20), 60), at_once=dict.fromkeys(range(8, 20), 10))) == []
        )

    def test_nothing_is_scaled_down_from_one_node(self) -> None:
        cells = days(end="2025-06-07")
        assert found(usage(cells, dict.fromkeys(range(8, 20), 1), dict.fromkeys(range(8, 20), 1))) == []

    def test_more_at_once_than_scheduled_asks_for_no_more(self) -> None:
        """Work off schedule: 9 at once where 2 nodes were billed."""
        cells = days(end="2025-06-07")
        assert found(usage(cells, {10: 2}, {10: 120}, at_once={10: 9})) == []


class TestRemoval:
    def test_a_type_on_which_nothing_ran_is_to_be_removed_and_nothing_else(self) -> None:
        cells = days()
        (finding,) = find_savings(usage(cells, {}, {}, otherwise=2), THRESHOLDS, [0])
        assert (finding.kind, finding.savings) == (Advice.REMOVE, 2 * 72 * PRICE)
        assert finding.proposal is not None
        assert finding.proposal.cost.sum() == 0

    def test_nodes_of_excluded_services_are_not_to_be_removed(self) -> None:
        cells = days(end="2025-06-07")
        given = usage(cells, {0: 2, 10: 2}, {}, excluded={0: 60, 12: 60})
        kinds = {finding.kind: finding for finding in find_savings(given, THRESHOLDS, [0])}
        assert set(kinds) == {Advice.NIGHT_SHUT_DOWN, Advice.WEEKDAY_SCHEDULE}
        assert kinds[Advice.NIGHT_SHUT_DOWN].excluded_us == HOUR_US  # of 00:00, not of 12:00


def test_all_of_it_saves_the_largest_saving_of_each_hour_once() -> None:
    """One idle node for three days, but for a minute on Friday noon: 21 hours of nights, 48 of the weekend, of which 14 are
    nights too."""
    cells = days()
    given = usage(cells, {}, {12: 1}, otherwise=1)
    advice = find_savings(given, THRESHOLDS, [0])
    assert [(f.kind, f.savings) for f in advice] == [
        ("NightShutDown", 2_100),
        ("WeekendShutDown", 4_800),
        ("WeekdaySchedule", 1_600),  # all hours but 12:00, in two blocks around it
    ]
    assert potential_savings(advice, given.grid) == 100 * (21 + 48 - 14 + 16)
    assert potential_savings((), given.grid) == 0


def test_only_the_types_that_are_asked_for_are_judged() -> None:
    cells = days(end="2025-06-07")
    assert find_savings(usage(cells, {0: 1}, {}), THRESHOLDS, []) == ()
    (finding,) = find_savings(usage(cells, {0: 1}, {}), THRESHOLDS, [0])
    assert isinstance(finding, Finding)


@pytest.mark.parametrize(("whole_days", "word"), [(0, "Low"), (6, "Low"), (7, "Medium"), (27, "Medium"), (28, "High")])
def test_confidence_grows_with_whole_days_of_data(whole_days: int, word: str) -> None:
    assert confidence(whole_days) == word
