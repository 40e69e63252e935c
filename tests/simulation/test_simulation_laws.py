"""The simulation keeps the conservation laws (method.md, section 6) on random cases, so that it may judge others."""

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulation.cases import cases
from simulation.clock import EPOCH, parse_instant
from simulation.simulate import simulate

slow = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def column(lines: dict[str, list[int]], index: int) -> int:
    """The sum of one figure over all lines of a table."""
    return sum(line[index] for line in lines.values())


@slow
@given(cases())
def test_every_view_sums_to_the_totals(case: dict[str, Any]) -> None:
    """C1, C3, C6."""
    figures = simulate(json.loads(json.dumps(case)))
    for table in ("byType", "byBucket"):
        assert [column(figures[table], i) for i in range(4)] == [
            figures[name] for name in ("nodeCost", "allocated", "nodeUs", "busyCost")
        ]
    assert [column(figures["byHour"], i) for i in range(6)] == [
        figures[name] for name in ("nodeCost", "busyCost", "nodeUs", "busyUs", "executedUs", "allocated")
    ]
    assert sum(figures["byTask"].values()) == figures["allocated"]
    assert sum(sum(outcomes.values()) for outcomes in figures["byService"].values()) == figures["allocated"]
    assert sum(figures["poolCost"].values()) == figures["nodeCost"]
    assert sum(figures["poolUs"].values()) == figures["nodeUs"]


@slow
@given(cases())
def test_busy_stays_within_what_is_billed(case: dict[str, Any]) -> None:
    """C2."""
    for cost, busy_cost, node_us, busy_us, executed_us, _ in simulate(case)["byHour"].values():
        assert 0 <= busy_cost <= cost
        assert 0 <= busy_us <= min(node_us, executed_us)


@slow
@given(cases(), st.integers())
def test_row_order_and_a_duplicate_load_change_nothing(case: dict[str, Any], seed: int) -> None:
    """C8."""
    rows = case["events"] * 2
    random.Random(seed).shuffle(rows)
    assert simulate(case | {"events": rows}) == simulate(case)


@slow
@given(cases(), st.floats(0, 1))
def test_figures_of_adjacent_periods_add_up(case: dict[str, Any], share: float) -> None:
    """C5, with a cut anywhere."""
    start, end = (parse_instant(case["period"][key], case["timeZone"]) for key in ("start", "end"))
    cut = start + int((end - start) * share)
    parts = [additive(case, start, cut), additive(case, cut, end)] if start < cut < end else []
    total = additive(case, start, end)
    assert not parts or total == Counter(parts[0]) + Counter(parts[1])


def additive(case: dict[str, Any], start: int, end: int) -> Counter[str]:
    """The figures of [start, end) that must add up over any cut, without those that are 0."""
    times = (EPOCH + timedelta(microseconds=t) for t in (start, end))
    figures = simulate(case | {"period": dict(zip(("start", "end"), (t.isoformat() for t in times), strict=True))})
    totals = {name: figures[name] for name in ("nodeCost", "nodeUs", "executedUs", "uncoveredUs", "neverRan")}
    counts = {name: count for name, count in figures["counts"].items() if name != "Open"}
    pools = {f"pool {name}": cost for name, cost in figures["poolCost"].items()}
    return +Counter({**totals, **counts, **pools})
