"""A final report keeps its figures; a later change of them is a restatement that says what and why (law C10)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples import utc, version
from gpucost.api.costreport import parse_spec
from gpucost.controller.finals import settle
from gpucost.controller.status import figures_of
from gpucost.core.versions import KnownVersion
from gpucost.ledger.ledger import Ledger
from gpucost.ledger.records import Restatement, Snapshot
from gpucost.report.build import Inputs, build_report
from gpucost.report.report import Report

DAY_AFTER = utc("2025-06-10")
MORNING = version("0 8 * * *", 2, pool="gpu-a100", name="morning")
EVENING = version("0 18 * * *", 0, pool="gpu-a100", name="evening")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", "the test")
    yield found
    found.close()


def report(price: str = "11", *, now_us: int = DAY_AFTER, morning: tuple[KnownVersion, ...] = ()) -> Report:
    """Two nodes from 8 to 18 on one day: 20 node-hours."""
    types = [{"name": "a100", "match": ["*a100*"], "initialNodes": 0, "prices": [{"pricePerHour": price}]}]
    spec: dict[str, Any] = {
        "period": {"range": {"start": "2025-06-02", "end": "2025-06-03"}},
        "nodePools": {"types": types},
    }
    histories = (morning or (KnownVersion(MORNING),), (KnownVersion(EVENING),))
    return build_report(Inputs("r", "n", parse_spec(spec), histories), now_us)


def settled(ledger: Ledger, found: Report, uid: str) -> tuple[Restatement, ...]:
    """Settle and keep a report, as a visit does; the restatements that its status shows."""
    result = settle(ledger, found, uid, figures_of(found))
    ledger.save(Snapshot(uid, 1, "f", found.now_us, b""), result.final, result.new)
    return result.shown


def test_the_same_inputs_restate_nothing(ledger: Ledger) -> None:
    assert settled(ledger, report(), "uid") == ()
    assert settled(ledger, report(now_us=DAY_AFTER + 86_400_000_000), "uid") == ()


def test_a_price_that_is_changed_afterwards_restates_the_money_and_says_why(ledger: Ledger) -> None:
    settled(ledger, report("11"), "uid")
    found = settled(ledger, report("10"), "uid")
    first = found[0]
    assert (first.field, first.before, first.after) == ("summary.nodeCost", "220.00", "200.00")
    assert {r.field for r in found} >= {"nodeTypes[a100].nodeCost", "nodePools[gpu-a100].nodeCost"}
    assert {r.why for r in found} == {"spec.nodePools changed"}
    assert settled(ledger, report("10"), "uid") == found  # kept, not repeated


def test_an_edit_after_the_period_restates_nothing(ledger: Ledger) -> None:
    settled(ledger, report(), "uid")
    edited = utc("2025-06-05T12:00")
    later = (KnownVersion(MORNING, ended_us=edited), KnownVersion(version("0 8 * * *", 9, pool="gpu-a100"), edited))
    changed = report(morning=later)
    assert changed.input_revision == report().input_revision
    assert settled(ledger, changed, "uid") == ()


def test_an_edit_within_the_period_that_is_learnt_of_late_names_the_cronjob(ledger: Ledger) -> None:
    """From 12:00 three nodes: no fire until 18:00, so no figure changes; from 7:00 on they do."""
    settled(ledger, report(), "uid")
    edited = utc("2025-06-02T07:00")
    three = version("0 8 * * *", 3, pool="gpu-a100", name="morning")
    found = settled(
        ledger, report(morning=(KnownVersion(MORNING, ended_us=edited), KnownVersion(three, edited))), "uid"
    )
    assert (found[0].field, found[0].before, found[0].after) == ("summary.nodeHours", "20", "30")
    assert found[0].why == f"CronJob {MORNING.label} changed"


def test_a_report_that_is_not_final_is_not_kept(ledger: Ledger) -> None:
    running = report(now_us=utc("2025-06-02T12:00"))
    assert not running.final
    assert settled(ledger, running, "uid") == ()
    assert settled(ledger, report(), "uid") == ()


def test_at_most_ten_figures_of_one_change_the_totals_first(ledger: Ledger) -> None:
    settled(ledger, report("11"), "uid")
    found = settled(ledger, report("10.123456789"), "uid")
    assert len(found) <= 10
    assert found[0].field.startswith("summary.")
    assert json.dumps([r.before for r in found])


def test_another_report_of_the_same_name_has_a_past_of_its_own(ledger: Ledger) -> None:
    settled(ledger, report("11"), "uid")
    assert settled(ledger, report("10"), "another") == ()


def test_what_only_changes_how_much_is_shown_restates_nothing(ledger: Ledger) -> None:
    """The same inputs, a shorter status: as after a change of topServices, or of the release."""
    found = report()
    figures = figures_of(found)
    settled(ledger, found, "uid")
    shorter = {**figures, "nodePools": figures["nodePools"][:0]}
    result = settle(ledger, found, "uid", shorter)
    assert (result.new, result.shown) == ((), ())
    assert result.final is not None  # the shorter status is what is compared with next
