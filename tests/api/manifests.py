"""CostReports for tests of the API: the whole example of the interface, a status with every field, and made specs."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any, Final

import yaml
from hypothesis import strategies as st
from pydantic import ValidationError

from gpucost.api.costreport import CostReportSpec

_EXAMPLE: Final[dict[str, Any]] = yaml.safe_load("""
apiVersion: gpucost.dev/v1alpha1
kind: CostReport
metadata: {name: example, annotations: {gpucost.dev/refresh: "any new value computes now"}}
spec:
  period:
    range: {start: "2025-06-01", end: "2025-09-01"}
  timeZone: Europe/Berlin
  currency: USD
  refresh: {every: 5m}
  suspend: false
  nodePools:
    source: Schedule
    cronJobs: {namespaces: [scaling], selector: {matchLabels: {app: node-scaler}}}
    assumeSchedulesFrom: null
    scheduleTable: {enabled: false, query: null, timeZone: UTC, dayTypeSource: Cron}
    types:
      - name: a100
        match: ["*a100*"]
        initialNodes: 0
        gpusPerNode: 1
        prices:
          - {pricePerHour: "11"}
          - {validFrom: "2025-07-01T00:00:00Z", pricePerHour: "9.50"}
  tasks:
    databaseSecretRef: {name: task-db, key: url}
    query: null
    timeZone: UTC
    epochUnit: null
    services: {include: ["*"], exclude: ["api-*"]}
    statuses: {running: [running], success: [done], failure: [error], waiting: [new, waiting, pending]}
    executionTime: RunningOnly
    staleAfter: 24h
  allocation: {bucket: Day, idle: Distribute}
  recommendations: {nightShutDownBelow: "0.10", nightReduceBelow: "0.30", weekendShutDownBelow: "0.20"}
  outputs: {topServices: 20}
""")


def example(**changes: object) -> dict[str, Any]:
    """The whole example with some places changed; ``period__range__end="x"``, a number is an index of a list.

    Ellipsis takes a field away.
    """
    manifest = copy.deepcopy(_EXAMPLE)
    for path, value in changes.items():
        *parents, last = (int(word) if word.isdigit() else word for word in path.split("__"))
        place = manifest["spec"]
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return manifest


_INSTANT: Final = "2025-09-01T00:00:00Z"
_NODES: Final = {
    "nodeHours": "21972",
    "nodeCost": "75012.00",
    "allocatedCost": "73811.807999999",
    "idleCost": "42681.83",
    "executedHours": "9470.123457",
    "coverageRatio": "0.984",
    "utilizationRatio": "0.431",
}
_ALL_NODES: Final = {
    **_NODES,
    "unallocatedCost": "1200.192000001",
    "busyHours": "9470",
    "busyCost": "32330.17",
    "idleHours": "12502",
    "gpuHours": "21972",
}
_COUNTS: Final = {
    "tasks": 9, "attempts": 10, "succeeded": 8, "failed": 1, "interrupted": 1, "open": 0, "retries": 1,
}  # fmt: skip
_TARIFFS: Final = {
    "costPerSuccess": "449.333333333", "costPerFailedSecond": "0.002", "effectiveCostPerSuccess": "552.00"
}  # fmt: skip
WHOLE_STATUS: Final[dict[str, Any]] = {
    "observedGeneration": 3,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Computed",
            "message": "computed just now",
            "lastTransitionTime": _INSTANT,
            "observedGeneration": 3,
        }
    ],
    "period": {"start": "2025-06-01T00:00:00Z", "end": _INSTANT, "dataUntil": _INSTANT, "final": True},
    "inputRevision": "3f9a",
    "caution": "12 of 12 tasks never ran.",
    "restatements": [
        {"time": _INSTANT, "field": "summary.nodeCost", "before": "75012.00", "after": "75013.00", "why": "a price"}
    ],
    "lastSuccessTime": _INSTANT,
    "nextRefreshTime": _INSTANT,
    "display": {
        "period": "2025-06-01..08-31",
        "nodeCost": "75,012.00 USD",
        "allocatedCost": "73,811.81 USD",
        "idleCost": "42,681.83 USD",
        "coverage": "98.4 %",
        "utilization": "43.1 %",
    },
    "summary": {
        **_ALL_NODES,
        **_COUNTS,
        **_TARIFFS,
        "successCost": "3594.67",
        "failureCost": "7.20",
        "interruptedCost": "0.00",
        "openCost": "0.00",
        "potentialSavings": "1200.00",
    },
    "nodeTypes": [{"name": "a100", "pricePerHour": "11.00", **_ALL_NODES, "attempts": 10}],
    "nodePools": [
        {
            "name": "gpu-a100",
            "nodeType": "a100",
            "nodeHours": "5304",
            "nodeCost": "58344.00",
            "nodesNow": 4,
            "nextChange": {"time": _INSTANT, "nodes": 0, "cronJob": "scaling/stop-a100"},
            "drift": {"nodeHours": "-0.25", "cost": "-2.75"},
        }
    ],
    "services": [{"name": "other", **_COUNTS, "executedHours": "3", "allocatedCost": "9.00", **_TARIFFS}],
    "dayTypes": [{"name": "Weekday", "days": 66, **_NODES}],
    "quality": {
        "attempts": {"loaded": 12, "charged": 10, "skipped": [{"reason": "Lost", "count": 2}]},
        "neverRan": 1,
        "uncoveredSeconds": "0.5",
        "assumedHours": "0",
        "excludedHours": "1.5",
        "unpricedHours": "0",
        "offScheduleHours": "0.25",
        "futureEvents": 0,
        "conflicts": 1,
        "issues": [{"reason": "ScheduleConflict", "message": "two counts", "count": 1}],
    },
    "recommendations": [
        {
            "name": "a100-night-shut-down",
            "nodeType": "a100",
            "nodePool": "gpu-a100",
            "message": "shut it down then",
            "savings": "1200.00",
            "confidence": "High",
            "nodesBefore": 4,
            "nodesAfter": 2,
            "schedules": [{"nodePool": "gpu-a100", "schedule": "0 8 * * 1-5", "timeZone": "Europe/Berlin", "nodes": 2}],
        }
    ],
    "artifacts": [{"name": "report.html", "url": "https://gpucost.example/finops/example/"}],
}
"""A status with every field of the interface."""


def fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, itself included, with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from fields(field, f"{path}.{name}")
    for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if keyword in schema:
            yield from fields(schema[keyword], path + mark)


# Specs near the edge of what is right: most values are good, some are odd, some wrong.

ZONES: Final = (
    "UTC", "Europe/Berlin", "Etc/GMT+12", "America/Port-au-Prince", "America/Argentina/ComodRivadavia", "EST5EDT", "GMT0",
    "Mars/Base", "UTC ", "", "europe/berlin",
)  # fmt: skip
DURATIONS: Final = (
    "24h", "90m", "1h30m", "0.5s", "1.5h0.25m", "250ms", "3us", "3µs", "007s",
    "0s", "0.0000001us", "5", "h", "-1h", "1d", "1 h",
)  # fmt: skip
CRONS: Final = (
    "0 6 * * *", "*/5 0-3,7 ? jan-MAR mon", " 0 6 * * * ", "0\t6  * * *", "0\u00a06\u2003* * *", "0\x0b6 * * *", "@daily",
    "@every 1h30m", "@every 90s", "+0 6 * * ,", "0\x856\u2028*\u3000* *",
    "0 6 * *", "0 0 6 * * *", "TZ=UTC 0 6 * * *", "0 6 * * 7", "", "@never",
)  # fmt: skip
PRICES: Final = (
    "11", "9.50", " 9.50 ", "007", "0.000000001", "0000000000011", "999999999.999999999", "0", 11, 0, 999_999_999,
    "9.", "0.0000000001", "1000000000", "-1", "1e3", "", "1,000", ".5", 10**9, -1,
)  # fmt: skip
SHARES: Final = ("0", "0.10", "1", "1.0", "1.000000", "0.123456", "0.1234567", "1.1", "-0.1", ".5", "10 %", "")
DATES: Final = (
    "9999-12-31", "2024-02-29", "2000-02-29", "0001-01-01", "2023-02-29", "1900-02-29", "2025-6-1", "2025-06-31",
)  # fmt: skip
CLOCKS: Final = ("00:00:00", "23:59", "23:59:59.999999999", "06:30:00.5", "24:00:00", "12:60", "7:00")
OFFSETS: Final = ("Z", "z", "+02:00", "-23:59", "+00:00", "", "+2:00", "+24:00")
INSTANTS: Final = tuple(map("".join, itertools.product(DATES, "Tt ", CLOCKS, OFFSETS)))

_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
_ZONES, _DURATIONS, _CRONS = st.sampled_from(ZONES), st.sampled_from(DURATIONS), st.sampled_from(CRONS)
_PRICES, _SHARES = st.sampled_from(PRICES), st.sampled_from(SHARES)
_DATES = st.dates().map(str) | st.sampled_from(DATES)
_INSTANTS = st.builds(
    "{}{}{}{}".format, _DATES, st.sampled_from("Tt "), st.sampled_from(CLOCKS), st.sampled_from(OFFSETS)
)


def _or_null(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | values | values | st.none()


def _map(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=optional)


def _list(values: st.SearchStrategy[Any], at_most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=at_most)


_ENDS = (
    st.tuples(_DATES, _DATES).map(sorted) | st.tuples(_INSTANTS, _INSTANTS).map(sorted) | st.tuples(_DATES, _INSTANTS)
)
_PERIODS = st.sampled_from(
    [
        {"calendar": {"unit": "Month"}},
        {"calendar": {"unit": "Week", "offset": -1000}, "range": None},
        {"rolling": {"days": 3660, "includeToday": True}},
        {"rolling": {"days": 0}},
        {"calendar": {"unit": "Age"}},
        {},
        {"calendar": {"unit": "Year", "offset": 1}},
        {"rolling": {"days": 30}, "calendar": {"unit": "Day"}},
    ]
) | _ENDS.map(lambda ends: {"range": {"start": ends[0], "end": ends[1]}})
_TYPES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a100", "l4", "h100", "A100", "unknown", "ü 1"]) | _TEXT,
        "match": _list(_TEXT | st.just("*a100*")),
    },
    optional={
        "initialNodes": _or_null(st.sampled_from([0, 100_000, 100_001, -1])),
        "gpusPerNode": _or_null(st.sampled_from([0, 1024, 1025])),
        "prices": _list(
            st.fixed_dictionaries({"pricePerHour": _PRICES}, optional={"validFrom": _or_null(_INSTANTS)}), 2
        ),
    },
)
_STATUS_LISTS = _list(st.sampled_from(["running", "done", "new", "error", "Done"]) | _TEXT)
SPECS: Final[st.SearchStrategy[dict[str, Any]]] = st.fixed_dictionaries(
    {
        "period": _PERIODS,
        "nodePools": _map(
            source=st.sampled_from(["Schedule", "Actuated", "Observed"]),
            cronJobs=_map(
                namespaces=_or_null(_list(_TEXT)),
                selector=_or_null(_map(matchLabels=st.dictionaries(_TEXT, _TEXT, max_size=2))),
            ),
            assumeSchedulesFrom=_or_null(_INSTANTS),
            scheduleTable=_map(
                enabled=st.booleans(),
                query=_or_null(_TEXT),
                timeZone=_ZONES,
                dayTypeSource=st.sampled_from(["Cron", "Flag"]),
            ),
            types=_list(_TYPES, 2),
        ),
    },
    optional={
        "timeZone": _ZONES,
        "currency": st.sampled_from(["USD", "EUR", "usd", "EURO", ""]),
        "refresh": _map(every=_or_null(_DURATIONS), schedule=_or_null(_CRONS)),
        "suspend": st.booleans(),
        "tasks": _or_null(
            _map(
                databaseSecretRef=_or_null(st.just({"name": "task-db"})),
                query=_or_null(_TEXT),
                timeZone=_ZONES,
                epochUnit=_or_null(st.sampled_from(["Seconds", "Milliseconds", "Microseconds", "Days"])),
                services=_map(include=_list(_TEXT), exclude=_list(_TEXT)),
                statuses=_map(running=_STATUS_LISTS, success=_STATUS_LISTS, failure=_STATUS_LISTS),
                executionTime=st.sampled_from(["RunningOnly", "FirstRunToEnd"]),
                staleAfter=_DURATIONS,
            )
        ),
        "allocation": _map(bucket=st.sampled_from(["Day", "Hour"]), idle=st.sampled_from(["Distribute", "Separate"])),
        "recommendations": _map(nightShutDownBelow=_SHARES, weekendShutDownBelow=_SHARES),
        "outputs": _map(topServices=st.sampled_from([1, 20, 1000, 0])),
    },
)
"""Specs of every field, each with a few wrong values."""


def mended(made: dict[str, Any]) -> dict[str, Any]:
    """A made spec without what the parser refuses."""
    spec = copy.deepcopy(made)
    while True:
        try:
            CostReportSpec.model_validate(spec)
        except ValidationError as error:
            problem = error.errors()[0]
            _take_away(spec, problem["loc"][:-1] if problem["type"] == "missing" else problem["loc"])
        else:
            return spec


def _take_away(spec: dict[str, Any], path: tuple[int | str, ...]) -> None:
    if path[0] == "period":
        spec["period"] = {"rolling": {"days": 30}}
    elif path == ("nodePools",):
        spec["nodePools"] = {}
    else:
        place: Any = spec
        for part in path[:-1]:
            place = place[part]
        del place[path[-1]]
