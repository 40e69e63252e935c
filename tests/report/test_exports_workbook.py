"""The workbook, read back by another library: figures of the tables, formats, notes, and no formula or link anywhere."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from openpyxl.cell import Cell
from openpyxl.workbook import Workbook

from casereport import report_of
from focusfiles import GOLDEN, golden_case
from gpucost.report import spreadsheet
from gpucost.report.columns import Kind
from gpucost.report.report import Report
from gpucost.report.spreadsheet import workbook
from gpucost.report.tables import available, table

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "  =1",
    "'=1",
    '"=1"',
    "{=1}",
    "http://127.0.0.1/x",
    "internal:report!A1",
    "file://x",
    "mailto:a@b",
    "<r><t>not rich</t></r>",
    "<r>& broken </r>",
    "a\nb",
    "control \x01\x0b\x1f",
    "_x0041_",
    "\ufffe\uffff",
    "Ünïcode 日本 🚀",
    "x" * 40_000,
    "🚀" * 40_000,
    " ",
    "1e5",
    "TRUE",
]


def opened(report: Report) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook(report)))


def named(case: Mapping[str, Any], names: list[str]) -> Report:
    """The report of a case with many services of such names: one task of 10 minutes each."""
    day = 1_748_865_600_000_000  # 2025-06-02T12:00:00Z
    events = [
        {
            "event_id": 2 * i + j,
            "task_id": i,
            "service_name": name,
            "status": status,
            "creation_ts": day + i * 60_000_000 + j * 600_000_000,
            "node_id": None,
            "metainfo": '{"node_name": "gpu-a100-0"}',
        }
        for i, name in enumerate(names)
        for j, status in enumerate(("running", "done"))
    ]
    return report_of({**case, "events": events})


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of(golden_case(GOLDEN[-1]))


@pytest.fixture(scope="module")
def book(report: Report) -> Workbook:
    return opened(report)


@pytest.fixture(scope="module")
def hostile() -> Report:
    return named(golden_case(GOLDEN[-1]), HOSTILE)


def cells(book: Workbook) -> list[Cell]:
    return [cell for sheet in book for line in sheet.iter_rows() for cell in line]


def test_there_is_a_sheet_per_table_after_one_that_says_what_it_is(report: Report, book: Workbook) -> None:
    assert book.sheetnames == ["report", *available(report)]
    first = {line[0]: line[1] for line in book["report"].iter_rows(values_only=True) if line[0]}
    assert next(iter(first)) == "default/case"
    assert first["currency"] == "USD"
    assert first["input revision"] == report.input_revision
    assert first["node cost"].endswith(" USD")
    assert "15 digits" in first["exactness"]
    assert first["period"].startswith("2025-06-02T00:00:00Z to 2025-06-09T00:00:00Z (exclusive)")


def test_every_figure_is_that_of_its_table(report: Report, book: Workbook) -> None:
    """Texts and counts as they are, decimals to the 15 digits that Excel has."""
    for name in available(report):
        found = table(report, name)
        lines = list(book[name].iter_rows(values_only=True))
        assert list(lines[0]) == [column.name for column in found.columns]
        rows = [list(row.values()) for row in found.arrow().to_pylist()]
        assert len(lines) - 1 == len(rows)
        for row, line in zip(rows, lines[1:], strict=True):
            for value, cell in zip(row, line, strict=True):
                if isinstance(value, Decimal):
                    assert cell == pytest.approx(float(value), rel=1e-15), name
                else:
                    assert cell == value, name


def test_sums_of_a_sheet_are_the_totals_of_the_report(report: Report, book: Workbook) -> None:
    lines = list(book["services"].iter_rows(values_only=True))
    place = lines[0].index("allocated_cost")
    (total,) = table(report, "totals").arrow().column("allocated_cost").to_pylist()
    assert sum(line[place] for line in lines[1:]) == pytest.approx(float(total), abs=1e-6)


FORMATS = {
    Kind.MONEY: '#,##0.00 "USD"',
    Kind.TARIFF: '#,##0.000000 "USD"',
    Kind.HOURS: "#,##0.00",
    Kind.SHARE: "0.0%",
    Kind.COUNT: "#,##0",
}


def test_numbers_look_like_what_they_are(report: Report, book: Workbook) -> None:
    for name in available(report):
        for place, column in enumerate(table(report, name).columns, start=1):
            below = book[name].cell(2, place)
            if below.value is not None and column.kind in FORMATS:
                assert below.number_format == FORMATS[column.kind], (name, column.name)
    coverage = {cell.value: cell for cell in book["totals"][1]}["coverage_ratio"]
    assert book["totals"].cell(2, coverage.column).number_format == "0.0%"


def test_ratios_that_are_means_are_no_per_cents(book: Workbook) -> None:
    header = {cell.value: cell.column for cell in book["type_day_types"][1]}
    for name in ("mean_seconds", "node_hours_per_day"):
        assert book["type_day_types"].cell(2, header[name]).number_format == "#,##0.0##"


def test_headers_stay_in_sight_and_say_what_a_column_is(report: Report, book: Workbook) -> None:
    for name in available(report):
        sheet = book[name]
        assert sheet.freeze_panes == "B2"
        for cell, column in zip(sheet[1], table(report, name).columns, strict=True):
            assert cell.font.b
            assert (cell.comment.text if cell.comment else "") == column.note
        assert all(9 <= width.width <= 62 for width in sheet.column_dimensions.values())


def test_another_currency_is_named() -> None:
    case = golden_case(GOLDEN[-1])
    report = report_of(case)
    found = openpyxl.load_workbook(
        io.BytesIO(workbook(replace(report, spec=report.spec.model_copy(update={"currency": "EUR"}))))
    )
    header = {cell.value: cell.column for cell in found["totals"][1]}
    assert found["totals"].cell(2, header["node_cost"]).number_format == '#,##0.00 "EUR"'


# Names that want to run, link, or break the file


def test_no_cell_is_a_formula_or_a_link(hostile: Report) -> None:
    found = opened(hostile)
    assert [cell.coordinate for cell in cells(found) if cell.data_type == "f" or cell.hyperlink] == []
    for name, part in _parts(hostile).items():
        assert b"<f>" not in part, name
        assert b"<hyperlink" not in part, name
        assert b"externalLink" not in part, name


def _parts(report: Report) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(workbook(report))) as found:
        return {name: found.read(name) for name in found.namelist()}


def test_texts_are_marked_so_that_editing_a_cell_does_not_make_a_formula_of_it(hostile: Report) -> None:
    sheet = opened(hostile)["services"]
    assert all(sheet.cell(row, 1).quotePrefix for row in range(2, sheet.max_row + 1))


def test_names_come_back_as_they_are_cut_where_excel_ends(hostile: Report) -> None:
    """Except that what looks like the writer's own markup has a blank before it."""
    sheet = opened(hostile)["services"]
    found = {str(sheet.cell(row, 1).value) for row in range(2, sheet.max_row + 1)}
    for name in HOSTILE:
        shown = f" {name}" if name.startswith("<r>") else name
        if len(name) > 32_767:
            (shown,) = (text for text in found if text[:2] == name[:2] and text.endswith("…"))
            assert 32_765 <= len(shown.encode("utf-16-le")) // 2 <= 32_767
        else:
            assert any(_unescaped(text) == _unescaped(shown) for text in found), repr(name)


def _unescaped(text: str) -> str:
    """Control characters as Excel escapes them, for openpyxl reads some of them raw; ends of lines as XML has them."""
    return openpyxl.utils.escape.unescape(text).replace("\r", "\n")


def test_a_title_of_markup_is_no_markup() -> None:
    report = replace(named(golden_case(GOLDEN[-1]), ["x"]), name="<r>&</r>", namespace="<r>")
    assert opened(report)["report"].cell(1, 1).value == " <r>/<r>&</r>"


# Less, and more


def test_a_report_without_tasks_has_its_sheets(report: Report) -> None:
    found = opened(replace(report, census=None, details=None))
    first = [line[0] for line in found["report"].iter_rows(values_only=True)]
    assert "allocated" not in first
    assert "attempts" not in found.sheetnames


def test_an_empty_report_opens() -> None:
    found = opened(report_of(golden_case(GOLDEN[-1]) | {"cronJobs": [], "events": []}))
    assert list(found["services"].iter_rows(values_only=True))[1:] == []
    assert found["services"].cell(1, 1).value == "service_name"


def test_a_table_that_is_too_long_has_no_sheet_and_the_first_one_says_where_it_is(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 50)
    found = opened(report)
    assert "cells" not in found.sheetnames
    assert "totals" in found.sheetnames
    text = {line[0]: line[1] for line in found["report"].iter_rows(values_only=True)}["cells"]
    rows = len(table(report, "cells").columns[0].values)
    assert text.endswith(f"No sheet: {rows} rows are too many for one. They are in tables/cells.csv and .parquet.")


def test_the_same_report_gives_the_same_bytes(report: Report) -> None:
    assert workbook(report) == workbook(report)
    made = opened(report).properties.created
    assert made.isoformat() == "2025-06-09T05:00:00"
