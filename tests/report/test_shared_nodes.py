"""Reports of the same events share node figures: as they would be without the others, and only where nothing differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from casereport import built_with_events, spec_of, versions_of
from examples import counts
from focusfiles import GOLDEN, golden_case
from gpucost.api.costreport import parse_spec
from gpucost.core.actuation import Records
from gpucost.core.zones import Zone
from gpucost.report.build import Inputs, Shared
from gpucost.report.report import Report
from gpucost.report.status import status_of
from simulation.clock import parse_instant

CASE = golden_case(GOLDEN[0])
NOW = parse_instant(CASE["now"], CASE["timeZone"])
SPEC = spec_of(CASE)
FIRST = versions_of(CASE)[0][0]


def built(inputs: Inputs, now_us: int = NOW) -> Report:
    return built_with_events(CASE, inputs, now_us)


def inputs_of(**spec: Any) -> Inputs:
    return Inputs("case", "default", parse_spec({**SPEC, **spec}), versions_of(CASE))


def priced(price: str) -> dict[str, Any]:
    types = [{**kind, "prices": [{"pricePerHour": price}]} for kind in SPEC["nodePools"]["types"]]
    return {**SPEC["nodePools"], "types": types}


def with_nodes(nodes: int) -> Inputs:
    edited = replace(FIRST, version=replace(FIRST.version, counts=counts(**{FIRST.version.pools[0]: nodes})))
    return replace(inputs_of(), histories=((edited,), *versions_of(CASE)[1:]))


def test_a_report_with_other_tasks_shares_them() -> None:
    shared = Shared()
    first = built(replace(inputs_of(), shared=shared))
    other = inputs_of(tasks={**SPEC["tasks"], "services": {"include": ["text*"]}}, allocation={"bucket": "Hour"})
    second = built(replace(other, shared=shared))
    assert len(shared.nodes) == 1
    assert second.pools is first.pools
    assert status_of(second) == status_of(built(other))
    assert status_of(second)["summary"] != status_of(first)["summary"]


@pytest.mark.parametrize(
    ("other", "now_us"),
    [
        (inputs_of(nodePools=priced("7")), NOW),
        (inputs_of(nodePools={**SPEC["nodePools"], "assumeSchedulesFrom": "2025-06-05T00:00:00Z"}), NOW),
        (inputs_of(period={"range": {"start": "2025-06-03", "end": "2025-06-05"}}), NOW),
        (with_nodes(9), NOW),
        (replace(inputs_of(), cluster_zone=Zone("Asia/Tokyo")), NOW),
        (replace(inputs_of(), records=Records({})), NOW),
        (inputs_of(), NOW - 3_600_000_000),
    ],
    ids=["price", "assumed from", "period", "count", "zone of CronJobs", "Jobs", "present"],
)
def test_whatever_differs_is_computed_anew(other: Inputs, now_us: int) -> None:
    shared = Shared()
    built(replace(inputs_of(), shared=shared))
    assert status_of(built(replace(other, shared=shared), now_us)) == status_of(built(other, now_us))
    assert len(shared.nodes) == 2
