"""Section 5 of the method: advice from weighted utilisation of nights and weekends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from examples import utc
from gpucost.core.calendar import Cells, cells_of
from gpucost.core.grid import Grid
from gpucost.core.money import HOUR_US
from gpucost.core.recommendations import Finding, Thresholds, confidence, findings, potential_savings
from gpucost.core.zones import Zone

THRESHOLDS = Thresholds(Fraction("0.10"), Fraction("0.30"), Fraction("0.20"))
SUNDAY = 48
"""The cell of Sunday 2025-06-08, 00:00, where the first one is Friday's."""


def days(start: str = "2025-06-06", end: str = "2025-06-09") -> Cells:
    return cells_of(utc(start), utc(end), Zone("UTC"))


def grid(cells: Cells, nodes: dict[int, int], busy: dict[int, int], *, otherwise: int = 0) -> Grid:
    """One type: nodes of hours (else ``otherwise``), and minutes of busy node time. A node-hour costs 100."""
    node_us, busy_us = (np.zeros((1, cells.count), dtype=np.int64) for _ in range(2))
    node_us[0] = otherwise * HOUR_US
    for cell, n in nodes.items():
        node_us[0, cell] = n * HOUR_US
    for cell, minutes in busy.items():
        busy_us[0, cell] = minutes * HOUR_US // 60
    nothing = np.zeros_like(node_us)
    money, busy_cost = (100 * column // HOUR_US for column in (node_us, busy_us))
    return Grid(node_us, money, busy_us, busy_cost, nothing, busy_us, money, nothing)


def found(cells: Cells, filled: Grid) -> list[tuple[str, int]]:
    """Kinds and savings."""
    return [(finding.kind, finding.savings) for finding in findings(filled, cells, THRESHOLDS)]


class TestNights:
    """Friday 00:00 to 07:00, one node: 7 node-hours."""

    NIGHT = dict.fromkeys(range(7), 1)

    @pytest.mark.parametrize(
        ("busy_minutes", "advice"),
        [
            (0, [("NightShutDown", 700)]),
            (36, [("NightShutDown", 640)]),  # 8.6 %
            (42, [("NightReduce", 630)]),  # 10 % is not below 10 %
            (120, [("NightReduce", 500)]),  # 28.6 %
            (126, []),  # 30 % is not below 30 %
            (420, []),
        ],
    )
    def test_below_10_percent_shut_down_below_30_reduce(self, busy_minutes: int, advice: list[tuple[str, int]]) -> None:
        cells = days(end="2025-06-07")
        busy = {cell: min(60, max(0, busy_minutes - 60 * cell)) for cell in range(7)}
        assert found(cells, grid(cells, self.NIGHT, busy)) == advice

    def test_savings_are_the_idle_cost_of_these_hours(self) -> None:
        cells = days(end="2025-06-07")
        assert found(cells, grid(cells, self.NIGHT, {0: 30})) == [("NightShutDown", 650)]

    def test_the_night_ends_at_7(self) -> None:
        cells = days(end="2025-06-07")
        assert found(cells, grid(cells, {7: 5, 23: 5}, {})) == []

    def test_utilisation_is_weighted_not_a_mean_of_percentages(self) -> None:
        """One node 100 % busy at 0:00, nine nodes idle at 1:00: 10 % of ten node-hours, though the mean is 50 %."""
        cells = days(end="2025-06-07")
        assert found(cells, grid(cells, {0: 1, 1: 9}, {0: 60})) == [("NightReduce", 900)]

    def test_without_nodes_there_is_nothing_to_advise(self) -> None:
        cells = days(end="2025-06-07")
        assert found(cells, grid(cells, {}, {})) == []
        assert findings(grid(days(end="2025-06-06"), {}, {}), days(end="2025-06-06"), THRESHOLDS) == ()


class TestWeekends:
    def test_below_20_percent_shut_down(self) -> None:
        cells = days()
        idle = {SUNDAY + 10: 1, SUNDAY + 11: 4}
        assert found(cells, grid(cells, idle, {SUNDAY + 10: 45})) == [("WeekendShutDown", 425)]
        assert found(cells, grid(cells, idle, {SUNDAY + 10: 60})) == []  # 20 % is not below 20 %

    def test_all_of_it_saves_the_union_of_the_hours_once(self) -> None:
        """One idle node for three days: 21 hours of nights, 48 of the weekend, of which 14 are nights too."""
        cells = days()
        filled = grid(cells, {}, {}, otherwise=1)
        advice = findings(filled, cells, THRESHOLDS)
        assert [(f.kind, f.savings) for f in advice] == [("NightShutDown", 2_100), ("WeekendShutDown", 4_800)]
        assert potential_savings(advice, filled) == 100 * (21 + 48 - 14)

    def test_nothing_found_saves_nothing(self) -> None:
        cells = days()
        assert potential_savings((), grid(cells, {}, {}, otherwise=1)) == 0


def test_each_type_is_judged_on_its_own() -> None:
    cells = days(end="2025-06-07")
    one, two = grid(cells, {0: 1}, {0: 60}), grid(cells, {0: 2}, {})
    columns = (np.vstack([getattr(one, name), getattr(two, name)]) for name in Grid.__slots__)
    advice = findings(Grid(*columns), cells, THRESHOLDS)
    assert [(f.kind, f.node_type, f.savings) for f in advice] == [("NightShutDown", 1, 200)]


def test_hours_of_excluded_services_are_counted() -> None:
    cells = days(end="2025-06-07")
    filled = grid(cells, {0: 2}, {})
    filled.excluded_us[0, [0, 5, 12]] = HOUR_US
    (finding,) = findings(filled, cells, THRESHOLDS)
    assert isinstance(finding, Finding)
    assert finding.excluded_us == 2 * HOUR_US


@pytest.mark.parametrize(("whole_days", "word"), [(0, "Low"), (6, "Low"), (7, "Medium"), (27, "Medium"), (28, "High")])
def test_confidence_grows_with_whole_days_of_data(whole_days: int, word: str) -> None:
    assert confidence(whole_days) == word
