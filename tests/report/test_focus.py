"""FOCUS charges sum to the report, to the nano-unit: in total, by type, by service and outcome, by bucket; corrections too."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given

from casereport import money_by_service, report_of, spec_of, versions_of
from examples import slow
from focusfiles import GOLDEN, Row, golden_case, nano, outcome, rows_of, sums
from gpucost.api.costreport import parse_spec
from gpucost.core.instants import instant_text
from gpucost.ledger.records import FinalReport
from gpucost.report.build import Inputs, build_report
from gpucost.report.columns import Coded, Column, Kind, Table
from gpucost.report.files import parquet
from gpucost.report.focus import correction_rows, focus_rows
from gpucost.report.lines import node_line, task_lines
from gpucost.report.report import OUTCOMES, Report, total
from gpucost.report.status import status_of
from simulation.cases import cases
from simulation.clock import parse_instant

Case = dict[str, Any]


def check_sums(report: Report, rows: list[Row]) -> None:
    """Every sum that a reader may take is the report's figure."""
    grid = report.grid
    assert sum(nano(row["BilledCost"]) for row in rows) == total(grid.node_cost)
    for name in ("EffectiveCost", "ListCost", "ContractedCost"):
        assert [row[name] for row in rows] == [row["BilledCost"] for row in rows]
    lines = {name: node_line(report, node_type=k) for k, name in enumerate(report.types)}
    assert sums(rows, lambda row: row["ResourceName"]) == _filled({k: line.node_cost for k, line in lines.items()})
    node_us = {name: 1000 * line.node_us for name, line in lines.items()}  # nano-seconds, as sums() has them
    assert sums(rows, lambda row: row["ResourceName"], "PricingQuantity") == _filled(node_us)
    nobody = sums((row for row in rows if row["AllocatedResourceId"] is None), lambda row: row["ResourceName"])
    assert nobody == _filled({name: line.unallocated for name, line in lines.items()})
    allocated = [row for row in rows if row["AllocatedResourceId"] is not None]
    assert sums(allocated, lambda row: (row["AllocatedResourceId"], outcome(row))) == _filled(
        {(report.services[s], str(OUTCOMES[o])): money for (s, o), (money, _) in money_by_service(report).items()}
    )
    assert sums(rows, lambda row: (row["ChargePeriodStart"], row["ResourceName"])) == _by_bucket(report)


def _filled(figures: dict[Any, int]) -> dict[Any, int]:
    return {name: value for name, value in figures.items() if value}


def _by_bucket(report: Report) -> dict[Any, int]:
    found: dict[Any, int] = defaultdict(int)
    for k, name in enumerate(report.types):
        for cell, bucket in enumerate(report.buckets.of_cell):
            start = int(report.buckets.edges[bucket]) // 1_000_000 * 1_000_000
            found[instant_text(start), name] += int(report.grid.node_cost[k][cell])
    return _filled(found)


@pytest.mark.parametrize("idle", ["Distribute", "Separate"])
@pytest.mark.parametrize("bucket", ["Day", "Hour"])
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_charges_of_a_golden_case_sum_to_its_figures(path: Path, bucket: str, idle: str) -> None:
    report = report_of(golden_case(path) | {"bucket": bucket, "idle": idle}, details=False)
    check_sums(report, rows_of(focus_rows(report)))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_file_sums_to_the_golden_figure_itself(path: Path) -> None:
    """Not to what the report says, but to what the independent program computed."""
    golden = json.loads(path.read_text(encoding="utf-8"))
    rows = rows_of(focus_rows(report_of(golden["case"], details=False)))
    assert sum(nano(row["BilledCost"]) for row in rows) == golden["expected"]["nodeCost"]
    unallocated = sum(nano(row["BilledCost"]) for row in rows if row["AllocatedResourceId"] is None)
    assert unallocated == golden["expected"]["unallocated"]


@slow(4)
@given(case=cases())
def test_charges_of_random_cases_sum_to_their_figures(case: Case) -> None:
    report = report_of(case, details=False)
    check_sums(report, rows_of(focus_rows(report)))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_parts_of_a_bucket_and_type_have_shares_that_sum_to_one(path: Path) -> None:
    """AllocatedRatio is the part's share of that cost; a cost of zero has no shares."""
    rows = rows_of(focus_rows(report_of(golden_case(path), details=False)))
    ratios: dict[Any, Decimal] = defaultdict(Decimal)
    costs: dict[Any, Decimal] = defaultdict(Decimal)
    seconds: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows:
        key = row["ChargePeriodStart"], row["ResourceName"]
        costs[key] += Decimal(row["BilledCost"] or "")
        if row["AllocatedMethodDetails"]:
            (element,) = json.loads(row["AllocatedMethodDetails"], parse_float=Decimal)["Elements"]
            ratios[key] += element["AllocatedRatio"]
            seconds[key] += element["UsageQuantity"]
    assert ratios == {key: 1 for key, cost in costs.items() if cost}
    for row in rows:
        key = row["ChargePeriodStart"], row["ResourceName"]
        if row["AllocatedMethodDetails"]:
            (element,) = json.loads(row["AllocatedMethodDetails"], parse_float=Decimal)["Elements"]
            assert abs(element["AllocatedRatio"] * costs[key] - Decimal(row["BilledCost"] or "")) <= costs[key] / 10**9


def test_parquet_has_the_same_rows() -> None:
    found = focus_rows(report_of(golden_case(GOLDEN[0]), details=False))
    read = pyarrow.parquet.read_table(pyarrow.BufferReader(parquet(found))).to_pylist()
    texts = [{name: None if value is None else str(value) for name, value in row.items()} for row in read]
    for row, other in zip(rows_of(found), texts, strict=True):
        for name, value in row.items():
            same = Decimal(value) == Decimal(other[name] or "") if value and "Cost" in name else value == other[name]
            assert same or name.endswith("Quantity"), name


def test_parquet_holds_a_text_once_and_no_byte_more() -> None:
    """A text that is there thrice, as names of node types with one currency are, once had memory of the process behind it."""
    coded = Coded(["A100", "H100", "A100", "A100", None, ""], np.arange(6))
    pages = [
        pyarrow.parquet.ParquetFile(pyarrow.BufferReader(parquet(Table("nodes", (Column("type", Kind.TEXT, texts),)))))
        for texts in (coded, list(coded))
    ]
    assert [page.read()["type"].to_pylist() for page in pages] == [["A100", "H100", "A100", "A100", None, ""]] * 2
    assert len({page.metadata.row_group(0).column(0).total_uncompressed_size for page in pages}) == 1


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_columns_of_charges_name_each_text_once(path: Path) -> None:
    columns = [column.combine_chunks() for column in focus_rows(report_of(golden_case(path), details=False)).arrow()]
    coded = [column.dictionary for column in columns if isinstance(column, pyarrow.DictionaryArray)]
    assert coded
    assert all(len(texts) == len(texts.unique()) for texts in coded)


# Reports that have less


def built(case: Case, **changes: Any) -> Report:
    """A report of node cost only, with other parts of its spec."""
    spec = {name: part for name, part in spec_of(case).items() if name != "tasks"} | changes
    inputs = Inputs("case", "default", parse_spec(spec), versions_of(case))
    return build_report(inputs, parse_instant(case["now"], case["timeZone"]))


def test_without_tasks_nothing_is_allocated_and_no_method_is_named() -> None:
    report = built(golden_case(GOLDEN[-1]))
    rows = rows_of(focus_rows(report))
    assert sum(nano(row["BilledCost"]) for row in rows) == total(report.grid.node_cost) > 0
    assert len(rows) == len({(row["ChargePeriodStart"], row["ResourceName"]) for row in rows})
    for row in rows:
        assert not [name for name, value in row.items() if name.startswith("Allocated") and value is not None]


def test_a_period_that_has_not_begun_has_no_charges() -> None:
    case = golden_case(GOLDEN[-1])
    report = built(case, period={"range": {"start": "2031-01-01", "end": "2031-02-01"}})
    assert rows_of(focus_rows(report)) == []


def test_without_pools_there_are_no_charges() -> None:
    report = report_of(golden_case(GOLDEN[-1]) | {"cronJobs": [], "events": []}, details=False)
    assert rows_of(focus_rows(report)) == []


def test_nodes_without_a_price_are_charges_of_zero_with_their_node_time() -> None:
    """A time without cost is not left out: somebody has to see that a price is missing."""
    case = golden_case(GOLDEN[-1])
    report = report_of(case | {"types": [rule | {"prices": []} for rule in case["types"]]}, details=False)
    rows = rows_of(focus_rows(report))
    assert {row["BilledCost"] for row in rows} == {"0.000000000"}
    assert sum(nano(row["PricingQuantity"]) for row in rows) == 1000 * total(report.grid.node_us) > 0
    assert {row["AllocatedMethodDetails"] for row in rows} == {None}


def test_a_period_that_is_cut_within_a_second_is_shown_by_the_seconds_around_it() -> None:
    """Now is 13:47:11.250001; the last bucket ends with the second in which that is."""
    path = next(path for path in GOLDEN if path.stem == "open-period")
    rows = rows_of(focus_rows(report_of(golden_case(path), details=False)))
    assert max(str(row["ChargePeriodEnd"]) for row in rows).endswith(":47:12Z")


# Corrections


def final_of(report: Report, top: int | None) -> FinalReport:
    """What the ledger keeps of a report: its status as it was shown."""
    period = report.period
    status = json.loads(json.dumps(status_of(report, top_services=top)))
    return FinalReport(
        "uid", "default", "case", period.start_us, period.end_us, report.now_us, "before", dict(report.inputs), status
    )


def restated(case: Case) -> Case:
    """The case as it is known later: dearer nodes, a service more, and what was 'text2img' never ran."""
    events = [
        event | {"service_name": "new service" if event["service_name"] == "face_swap" else event["service_name"]}
        for event in case["events"]
        if event["service_name"] != "text2img"
    ]
    rules = [rule | {"prices": [{"pricePerHour": "12.345678901"}]} for rule in case["types"]]
    return case | {"events": events, "types": rules}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_charges_of_then_and_corrections_sum_to_what_is_known_now(path: Path) -> None:
    """In total, by what is unallocated of a type, and by each service that the final status named."""
    case = golden_case(path)
    then, now = report_of(case, details=False), report_of(restated(case), details=False)
    for top in (None, 0, 1, 3):
        check_corrections(then, now, top)


def check_corrections(then: Report, now: Report, top: int | None) -> None:
    before = final_of(then, top)
    corrections = rows_of(correction_rows(now, before))
    rows = [*rows_of(focus_rows(then)), *corrections]
    assert {row["ChargeClass"] for row in corrections} == {"Correction"}
    assert sum(nano(row["BilledCost"]) for row in rows) == total(now.grid.node_cost)
    nobody = sums((row for row in rows if row["AllocatedResourceId"] is None), lambda row: row["ResourceName"])
    assert nobody == _filled({name: node_line(now, node_type=k).unallocated for k, name in enumerate(now.types)})
    shown = [line["name"] for line in before.status["services"]]
    charged = [row for row in rows if row["AllocatedResourceId"] is not None]
    assert sums(charged, lambda row: shown_as(str(row["AllocatedResourceId"]), shown)) == _charged(now, shown)


def shown_as(service: str, shown: Collection[str]) -> str:
    """The row of a status that holds a service."""
    return service if service in shown or "other" not in shown else "other"


def _charged(report: Report, shown: Collection[str]) -> dict[Any, int]:
    found: dict[Any, int] = defaultdict(int)
    for name, line in task_lines(report).items():
        found[shown_as(name, shown)] += line.cost
    return _filled(found)


def test_a_second_correction_goes_on_from_the_first() -> None:
    case = golden_case(GOLDEN[-1])
    first = report_of(case, details=False)
    second = report_of(restated(case), details=False)
    third = report_of(restated(case) | {"events": case["events"]}, details=False)
    rows: Iterable[Row] = [
        *rows_of(focus_rows(first)),
        *rows_of(correction_rows(second, final_of(first, 2))),
        *rows_of(correction_rows(third, final_of(second, 2))),
    ]
    assert sum(nano(row["BilledCost"]) for row in rows) == total(third.grid.node_cost)


def test_figures_that_did_not_change_need_no_correction() -> None:
    report = report_of(golden_case(GOLDEN[0]), details=False)
    assert rows_of(correction_rows(report, final_of(report, 2))) == []


def test_corrections_of_node_cost_only() -> None:
    """One row per type whose cost is another; nothing was ever allocated."""
    case = golden_case(GOLDEN[-1])
    then, now = built(case), built(restated(case))
    corrections = rows_of(correction_rows(now, final_of(then, None)))
    assert sum(nano(row["BilledCost"]) for row in corrections) == total(now.grid.node_cost) - total(then.grid.node_cost)
    assert {row["AllocatedMethodId"] for row in corrections} == {None}


def test_final_figures_of_another_period_are_refused() -> None:
    report = report_of(golden_case(GOLDEN[0]), details=False)
    with pytest.raises(ValueError, match="another period"):
        correction_rows(report, replace(final_of(report, None), end_us=report.period.end_us + 1))


def test_sums_in_a_database_are_the_same(tmp_path: Path) -> None:
    """A reader that knows nothing of us: DuckDB reads the file and adds decimals."""
    report = report_of(golden_case(GOLDEN[0]), details=False)
    path = tmp_path / "focus.parquet"
    path.write_bytes(parquet(focus_rows(report)))
    with duckdb.connect() as con:
        (found,) = con.execute("SELECT sum(BilledCost) FROM read_parquet(?)", [str(path)]).fetchone() or (None,)
    assert nano(str(found)) == total(report.grid.node_cost)
