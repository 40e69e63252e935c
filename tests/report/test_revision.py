"""inputRevision: the same inputs have the same revision in every release, so that an upgrade restates nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gpucost.api.costreport import parse_spec
from gpucost.computing import compute
from gpucost.core.scaling import PoolCount, ScheduleVersion, order_counts
from gpucost.core.versions import KnownVersion
from gpucost.core.zones import UTC
from gpucost.report.revision import revision, stated_parts

SUMMER = Path(__file__).parents[2] / "examples" / "summer"
SPEC = parse_spec({"period": {"range": {"start": "2025-06-01", "end": "2025-06-02"}}, "nodePools": {"types": []}})
FIRST_US = 1_748_736_000_000_000
"""2025-06-01."""

FIRST = ScheduleVersion(
    uid="3b0c6a",
    namespace="ops",
    name="gpu-up",
    counts=(PoolCount("gpu-a100", 4),),
    schedule="0 8 * * MON-FRI",
    time_zone="Europe/Berlin",
    suspended=True,
    starting_deadline_seconds=60,
    created_us=FIRST_US,
    valid_from_us=FIRST_US + 500_000,
)
SECOND = replace(
    FIRST,
    counts=(PoolCount("gpu-a100", 0),),
    schedule="@daily",
    time_zone=None,
    suspended=False,
    starting_deadline_seconds=None,
    created_us=None,
    valid_from_us=None,
)
SEEN_US, EDITED_US, CERTAIN_US = FIRST_US + 100_000_000, FIRST_US + 200_000_000, FIRST_US + 150_000_000


def part_of(*versions: ScheduleVersion) -> str:
    """The hash of a CronJob that was edited once, from the first version to the second."""
    first, second = versions
    history = (
        KnownVersion(first, seen_us=SEEN_US, ended_us=EDITED_US, end_doubt_us=CERTAIN_US),
        KnownVersion(second, edited_us=EDITED_US, seen_us=EDITED_US + 1, edit_doubt_us=CERTAIN_US),
    )
    return stated_parts(SPEC, [history], UTC, 2**60)["CronJob ops/gpu-up"]


def test_the_parts_of_cronjobs_are_those_of_release_0_3() -> None:
    """Frozen when a CronJob could set one pool only."""
    report = compute(SUMMER / "report.yaml", SUMMER / "cronjobs.yaml", now="2025-10-01T00:00:00Z")
    assert {name: part for name, part in report.inputs.items() if name.startswith("CronJob ")} == {
        "CronJob finops/scale-a100-morning": "685b0fb4eb7c5ee0",
        "CronJob finops/scale-a100-noon": "3b2e64752900a924",
        "CronJob finops/scale-a100-weekend": "48a443f813419b4e",
        "CronJob finops/scale-l4-morning": "48cd65a137edf9d5",
        "CronJob finops/scale-l4-weekend": "46cd75a8a7fbff6c",
    }


def test_the_revision_of_the_summer_is_that_of_release_0_3_but_for_the_method() -> None:
    report = compute(SUMMER / "report.yaml", SUMMER / "cronjobs.yaml", now="2025-10-01T00:00:00Z")
    assert report.inputs["method"] == "2"
    assert revision({**report.inputs, "method": "1"}) == "68a2dbbd9d0132da"


def test_a_history_with_an_edit_has_the_part_of_release_0_3() -> None:
    assert part_of(FIRST, SECOND) == "5e3875e6e32db5e7"


def test_every_count_of_several_pools_is_in_the_part() -> None:
    two = [order_counts({"gpu-a100": 4, "gpu-l4": nodes}) for nodes in (1, 2)]
    parts = {part_of(replace(FIRST, counts=counts), SECOND) for counts in (FIRST.counts, *two)}
    assert len(parts) == 3
