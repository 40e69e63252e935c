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
    kept.write("u1", report)
    made = instant_text(report.now_us)
    assert kept.names("u1") == [f"{made}/report.html", f"{made}/report.json", f"{made}/focus.csv"]
    assert json.loads(kept.read("u1", f"{made}/report.json") or b"")["status"]["inputRevision"] == report.input_revision
    assert kept.names("u2") == []


@pytest.mark.parametrize("name", ["../u1/revision", "revision", "2030-01-01T00:00:00Z/revision", "/etc/hostname", ""])
def test_nothing_else_can_be_read(tmp_path: Path, report: Report, name: str) -> None:
    kept = artifacts(tmp_path)
    kept.write("u1", report)
    assert kept.read("u1", name) is None


def test_the_newest_few_stay(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path, keep=2)
    for hours in range(4):
        kept.write("u1", replace(report, now_us=report.now_us + hours * HOUR_US))
    times = [instant_text(report.now_us + hours * HOUR_US) for hours in (3, 2)]
    assert list(dict.fromkeys(name.partition("/")[0] for name in kept.names("u1"))) == times


def test_the_oldest_go_where_all_reports_together_take_too_much_room(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path)
    kept.write("u1", report)
    size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    bounded = artifacts(tmp_path, max_bytes=size + size // 2)
    bounded.write("u2", replace(report, now_us=report.now_us + HOUR_US))
    assert bounded.names("u1") == []
    assert bounded.names("u2")


def test_final_files_are_made_again_only_for_other_inputs(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path)
    assert kept.is_due("u1", report)
    kept.write("u1", report)
    assert not kept.is_due("u1", replace(report, now_us=report.now_us + 24 * HOUR_US))
    assert kept.is_due("u1", final("7"))


def test_files_of_a_running_period_are_made_again_after_a_while(tmp_path: Path) -> None:
    kept, running = artifacts(tmp_path), report_of(CASE)
    assert not running.final
    kept.write("u1", running)
    later = {**running.inputs, "taskEvents": "other"}
    assert not kept.is_due("u1", replace(running, inputs=later, now_us=running.now_us + HOUR_US - 1))
    assert kept.is_due("u1", replace(running, inputs=later, now_us=running.now_us + HOUR_US))


def test_files_of_deleted_reports_go(tmp_path: Path, report: Report) -> None:
    kept = artifacts(tmp_path)
    kept.write("u1", report)
    kept.write("u2", report)
    kept.forget_others({"u2"})
    assert kept.names("u1") == []
    assert kept.names("u2")


def test_corrections_of_final_figures_add_up_to_the_new_ones(tmp_path: Path, report: Report) -> None:
    """Rows of class Correction hold the difference: the file of then and they sum to the node cost of now."""
    kept, dearer = artifacts(tmp_path, keep=3), replace(final("7"), now_us=report.now_us + HOUR_US)
    kept.write("u1", report)
    kept.write("u1", dearer)
    now = instant_text(dearer.now_us)
    rows = billed(kept.read("u1", f"{now}/corrections.csv"))
    assert {charge for charge, _ in rows} == {"Correction"}
    assert sum(cost for _, cost in rows) == node_cost(dearer) - node_cost(report) != 0
    assert sum(cost for _, cost in billed(kept.read("u1", f"{now}/focus.csv"))) == node_cost(dearer)


def billed(content: bytes | None) -> list[tuple[str, Decimal]]:
    rows = csv.DictReader(io.StringIO((content or b"").decode()))
    return [(row["ChargeClass"], Decimal(row["BilledCost"])) for row in rows]


def node_cost(report: Report) -> Decimal:
    return Decimal(node_line(report).node_cost).scaleb(-9)
