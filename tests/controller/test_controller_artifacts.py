"""Files that the operator keeps of reports: which, how many, and what corrects figures that were final."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from casereport import report_of
from gpucost.controller.artifacts import Artifacts
from gpucost.core.instants import instant_text
from gpucost.core.money import HOUR_US
from gpucost.report.lines import node_line
from gpucost.report.report import Report

FIRST, SECOND = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
"""uids of reports"""
GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "plain.json"
CASE: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))["case"]


def final(price: str | None = None) -> Report:
    """A golden case long after its period; with another price of its first type."""
    types = [dict(rule) for rule in CASE["types"]]
    if price is not None:
        types[0]["prices"] = [{"pricePerHour": price}]
    return report_of({**CASE, "types": types, "now": "2030-01-01T00:00:00"})


@pytest.fixture(scope="module")
def report() -> Report:
    return final()


def artifacts(folder: Path, *, keep: int = 2, max_bytes: int = 10**9) -> Artifacts:
    return Artifacts(folder, keep, max_bytes, every_us=HOUR_US)


def test_files_of_a_computation_are_named_by_its_instant(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path)
    kept.write(FIRST, report)
    made = instant_text(report.now_us)
    assert kept.names(FIRST) == (f"{made}/report.html", f"{made}/report.json", f"{made}/focus.csv")
    assert (
        json.loads(kept.read(FIRST, f"{made}/report.json") or b"")["status"]["inputRevision"] == report.input_revision
    )
    assert kept.names(SECOND) == ()


@pytest.mark.parametrize("name", ["../made.json", "made.json", "2030-01-01T00:00:00Z/made.json", "/etc/hostname", ""])
def test_nothing_else_can_be_read(tmp_path: Path, report: Report, name: str) -> None:
    kept = artifacts(tmp_path)
    kept.write(FIRST, report)
    assert kept.read(FIRST, name) is None


def test_the_newest_few_stay(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path, keep=2)
    for hours in range(4):
        kept.write(FIRST, replace(report, now_us=report.now_us + hours * HOUR_US))
    times = [instant_text(report.now_us + hours * HOUR_US) for hours in (3, 2)]
    assert list(dict.fromkeys(name.partition("/")[0] for name in kept.names(FIRST))) == times


def test_the_oldest_go_where_all_reports_together_take_too_much_room(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path)
    assert kept.write(FIRST, report) == {FIRST}
    size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    bounded = artifacts(tmp_path, max_bytes=size + size // 2)
    assert bounded.write(SECOND, replace(report, now_us=report.now_us + HOUR_US)) == {FIRST, SECOND}
    assert bounded.names(FIRST) == ()
    assert bounded.names(SECOND)


def test_final_files_are_made_again_only_for_other_inputs(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path)
    assert kept.is_due(FIRST, report)
    kept.write(FIRST, report)
    assert not kept.is_due(FIRST, replace(report, now_us=report.now_us + 24 * HOUR_US))
    assert kept.is_due(FIRST, later(final("7")))


def later(report: Report, hours: int = 1) -> Report:
    return replace(report, now_us=report.now_us + hours * HOUR_US)


def test_files_of_a_running_period_are_made_again_after_a_while_though_no_input_has_changed(tmp_path: Path) -> None:
    """Time itself moves node cost on; and the last, final figures are kept whatever was kept before."""
    kept, running = artifacts(tmp_path), report_of(CASE)
    assert not running.final
    kept.write(FIRST, running)
    assert not kept.is_due(FIRST, replace(running, now_us=running.now_us + HOUR_US - 1))
    assert kept.is_due(FIRST, later(running))
    settled = replace(running, now_us=running.period.end_us + 10**15, touching=final().touching)
    assert settled.final
    assert settled.input_revision == running.input_revision
    assert kept.is_due(FIRST, settled)


def test_after_a_clock_that_was_ahead_files_are_kept_again(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path, keep=1)
    kept.write(FIRST, later(report, 1_000))
    assert kept.is_due(FIRST, report)
    kept.write(FIRST, report)
    assert {name.partition("/")[0] for name in kept.names(FIRST)} == {instant_text(report.now_us)}


def test_another_start_finds_what_was_kept(tmp_path: Path, report: Report) -> None:
    artifacts(tmp_path).write(FIRST, report)
    again = artifacts(tmp_path)
    again.open()
    assert len(again.names(FIRST)) == 3
    assert not again.is_due(FIRST, report)


@pytest.mark.parametrize("file", ["made.json", "report.json"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff"])
def test_half_a_computation_is_none(tmp_path: Path, report: Report, file: str, content: bytes | None) -> None:
    """Whatever a crash or a stranger left behind: the next computation is kept all the same."""
    kept = artifacts(tmp_path)
    kept.write(FIRST, report)
    path = tmp_path / "reports" / FIRST / instant_text(report.now_us) / file
    path.unlink() if content is None else path.write_bytes(content)
    kept.write(FIRST, later(final("7")))
    assert kept.names(FIRST)[0] == f"{instant_text(later(report).now_us)}/report.html"


def test_what_is_not_ours_is_left_alone(tmp_path: Path, report: Report) -> None:
    strangers = [tmp_path / "photos", tmp_path / "reports" / "lost+found", tmp_path / "reports" / "other"]
    for folder in strangers:
        folder.mkdir(parents=True)
        (folder / "file").write_text("mine")
    kept = artifacts(tmp_path, max_bytes=1)
    kept.write(FIRST, report)
    kept.forget_others(set())
    assert kept.names(FIRST) == ()
    assert all((folder / "file").read_text() == "mine" for folder in strangers)


def test_files_of_deleted_reports_go(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path)
    kept.write(FIRST, report)
    kept.write(SECOND, report)
    kept.forget_others({SECOND})
    assert kept.names(FIRST) == ()
    assert kept.names(SECOND)


def test_corrections_of_final_figures_add_up_to_the_new_ones(tmp_path: Path, report: Report) -> None:
    """Rows of class Correction hold the difference: the file of then and they sum to the node cost of now."""
    kept, dearer = artifacts(tmp_path, keep=3), replace(final("7"), now_us=report.now_us + HOUR_US)
    kept.write(FIRST, report)
    kept.write(FIRST, dearer)
    now = instant_text(dearer.now_us)
    rows = billed(kept.read(FIRST, f"{now}/corrections.csv"))
    assert {charge for charge, _ in rows} == {"Correction"}
    assert sum(cost for _, cost in rows) == node_cost(dearer) - node_cost(report) != 0
    assert sum(cost for _, cost in billed(kept.read(FIRST, f"{now}/focus.csv"))) == node_cost(dearer)


def billed(content: bytes | None) -> list[tuple[str, Decimal]]:
    rows = csv.DictReader(io.StringIO((content or b"").decode()))
    return [(row["ChargeClass"], Decimal(row["BilledCost"])) for row in rows]


def node_cost(report: Report) -> Decimal:
    return Decimal(node_line(report).node_cost).scaleb(-9)
