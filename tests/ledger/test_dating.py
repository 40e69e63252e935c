"""When an edit happened: certain until 10:00, noticed at 11:00 (section 2)."""

from __future__ import annotations

from typing import Any

import pytest
from ledgers import MINUTE, at, edit, stated

from gpucost.core.scaling import ScheduleVersion, order_counts
from gpucost.ledger.dating import Dated, Window, date_edit
from gpucost.ledger.sightings import Edit

AWAY = Window(at("10:00"), at("11:00"))
NOTICED = Dated(at("11:00"), at("10:00"))
"""Not proven."""
PROVEN = Dated(at("10:20"), None)


def dated(*edits: Edit, raised: int | None = 1, **changed: Any) -> Dated:
    return date_edit(stated(), stated(**changed), edits, raised, AWAY)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"schedule": "0 9 * * *"}, "schedule"),
        ({"time_zone": "Europe/Oslo"}, "timeZone"),
        ({"suspended": True}, "suspend"),
        ({"starting_deadline_seconds": 9}, "startingDeadlineSeconds"),
        ({"nodes": 4}, "jobTemplate"),
        ({"pool": "l4"}, "jobTemplate"),
    ],
)
def test_the_owner_of_the_changed_field_dates_it(changed: dict[str, Any], field: str) -> None:
    assert dated(edit(at("10:20"), field), **changed) == PROVEN
    assert dated(edit(at("10:20"), "concurrencyPolicy"), **changed) == NOTICED
    assert dated(edit(at("10:20"), field), raised=2, **changed) == NOTICED
    assert dated(edit(at("10:20"), field), raised=0, **changed) == NOTICED
    assert dated(edit(at("10:20"), field), raised=None, **changed) == NOTICED
    assert dated(**changed) == NOTICED


def test_annotations_do_not_raise_the_generation() -> None:
    assert dated(edit(at("10:20"), "nodes"), raised=0, nodes=4) == PROVEN
    assert dated(edit(at("10:20"), "nodes"), raised=1, nodes=4) == NOTICED  # the spec was edited too, perhaps before
    owner = edit(at("10:20"), "nodes", "jobTemplate")
    assert dated(owner, raised=0, nodes=4) == PROVEN
    assert dated(owner, raised=1, nodes=4) == PROVEN
    assert dated(owner, raised=2, nodes=4) == NOTICED


@pytest.mark.parametrize("annotation", ["node-counts", "node-pool", "nodes", "ignore"])
def test_each_annotation_that_states_counts_dates_an_edit_of_them(annotation: str) -> None:
    owner = Edit(at("10:20"), frozenset({f"metadata.annotations.gpucost.dev/{annotation}"}))
    assert dated(owner, raised=0, counts=order_counts({"gpu": 2, "l4": 4})) == PROVEN


def test_all_that_changed_must_be_of_one_time() -> None:
    both: dict[str, Any] = {"schedule": "0 9 * * *", "nodes": 4}
    assert dated(edit(at("10:20"), "schedule", "nodes"), **both) == PROVEN
    assert dated(edit(at("10:20"), "schedule"), edit(at("10:20"), "nodes"), **both) == PROVEN
    assert dated(edit(at("10:20"), "schedule"), edit(at("10:21"), "nodes"), **both) == NOTICED
    assert dated(edit(at("10:20"), "schedule"), **both) == NOTICED
    assert dated(edit(at("10:20"), "schedule"), edit(at("09:00"), "nodes"), **both) == NOTICED


def test_other_managers_and_older_entries_do_not_matter() -> None:
    others = edit(at("10:40"), "concurrencyPolicy"), edit(at("09:00"), "schedule")
    assert dated(edit(at("10:20"), "schedule"), *others, schedule="@daily") == PROVEN


def test_two_owners_in_the_window_prove_nothing() -> None:
    assert dated(edit(at("10:20"), "schedule"), edit(at("10:30"), "schedule"), schedule="@daily") == NOTICED


@pytest.mark.parametrize(("old", "new"), [(stated(), None), (None, stated())], ids=["made unreadable", "made readable"])
def test_pool_or_count_made_it_readable_or_not(old: ScheduleVersion | None, new: ScheduleVersion | None) -> None:
    assert date_edit(old, new, [edit(at("10:20"), "nodes")], 0, AWAY) == PROVEN
    assert date_edit(old, new, [edit(at("10:20"), "jobTemplate")], 1, AWAY) == PROVEN
    assert date_edit(old, new, [edit(at("10:20"), "schedule")], 1, AWAY) == NOTICED


@pytest.mark.parametrize(
    ("entry", "certain", "expected"),
    [
        (at("10:00", 1), at("10:00", 0.5), Dated(at("10:00", 1), None)),
        # 10:00:00 may stand for 10:00:00.9, but at 10:00:00.5 the old state still stood: it fired at 10:00.
        (at("10:00"), at("10:00", 0.5), Dated(at("10:00", 0.5) + 1, None)),
        (at("09:59", 59), at("10:00", 0.5), Dated(at("11:00"), at("10:00", 0.5))),
        (at("11:00"), at("10:00"), Dated(at("11:00"), None)),
        (at("11:00", 1), at("10:00"), NOTICED),  # the server's clock is ahead
    ],
)
def test_entries_have_whole_seconds(entry: int, certain: int, expected: Dated) -> None:
    window = Window(certain, at("11:00"))
    assert date_edit(stated(), stated(schedule="@daily"), [edit(entry, "schedule")], 1, window) == expected


def test_a_watched_edit_is_in_no_doubt() -> None:
    for certain, doubt in ((at("11:00") - 2 * MINUTE, None), (at("11:00") - 2 * MINUTE - 1, at("10:58") - 1)):
        found = date_edit(stated(), stated(nodes=4), (), 1, Window(certain, at("11:00")))
        assert found == Dated(at("11:00"), doubt)
