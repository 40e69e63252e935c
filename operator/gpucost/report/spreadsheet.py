"""A report as one Excel workbook: a sheet that says what it is and how exact, and a sheet per table.

Excel keeps numbers as floats of 15 digits, so amounts are rounded there; CSV and Parquet files have every digit. Texts are
written as texts, never as formulas or links, and marked so that they stay texts when somebody edits the cell.
"""

from __future__ import annotations

import datetime as dt
import inspect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from gpucost.core.instants import EPOCH, instant_text
from gpucost.core.money import shown_money, shown_percent
from gpucost.report.columns import Column, Kind, Table
from gpucost.report.lines import node_line
from gpucost.report.report import Report
from gpucost.report.tables import TABLES, available, table
from gpucost.report.words import state

MOST_ROWS: Final = 100_000
"""A longer table gets no sheet: nobody reads it, and it would take longer than everything else. Excel ends at 1,048,576."""
MOST_CHARACTERS: Final = 32_767
"""Of a cell, counted in UTF-16 units: Excel's limit."""
WIDTHS: Final = range(9, 61)
"""Characters that a column may be wide."""
_SAMPLE: Final = 200
"""Rows that decide about the width of a column."""
_OPTIONS: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_NUMBERS: Final[Mapping[Kind, str]] = {
    Kind.MONEY: '#,##0.00 "{currency}"',
    Kind.TARIFF: '#,##0.000000 "{currency}"',
    Kind.SECONDS: "#,##0.0##",
    Kind.HOURS: "#,##0.00",
    Kind.RATIO: "0.0%",
    Kind.SHARE: "0.0%",
    Kind.COUNT: "#,##0",
}
_MEAN: Final = "#,##0.0##"
EXACTNESS: Final = (
    "Excel keeps 15 digits of a number, so amounts are rounded here. The CSV and Parquet files of the same report have every "
    "digit, and their sums are exact."
)


@dataclass(frozen=True, slots=True)
class Styles:
    """The formats of one workbook."""

    title: Format
    header: Format
    text: Format
    numbers: Mapping[str, Format]
    """By number format."""


def workbook(report: Report) -> bytes:
    """The workbook. The same report gives the same bytes."""
    buffer = BytesIO()
    book = xlsxwriter.Workbook(buffer, _OPTIONS)
    made = EPOCH + dt.timedelta(microseconds=report.now_us)
    book.set_properties({"title": f"Cost report {_text(report.name)}", "created": made.replace(tzinfo=None)})
    styles = _styles(book, report.spec.currency)
    first = book.add_worksheet("report")
    sheets = [(name, len(found.columns[0].values), found) for name, found in _tables(report)]
    for name, rows, found in sheets:
        if rows <= MOST_ROWS:
            _write_table(book.add_worksheet(name), found, styles, report.spec.currency)
    _write_first(first, report, [(name, rows) for name, rows, _ in sheets], styles)
    book.close()
    return buffer.getvalue()


def _tables(report: Report) -> Iterator[tuple[str, Table]]:
    return ((name, table(report, name)) for name in available(report))


def _styles(book: xlsxwriter.Workbook, currency: str) -> Styles:
    shapes = {shape.format(currency=currency) for shape in (*_NUMBERS.values(), _MEAN)}
    return Styles(
        title=book.add_format({"bold": True, "font_size": 14, "quote_prefix": True}),
        header=book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        text=book.add_format({"quote_prefix": True}),
        numbers={shape: book.add_format({"num_format": shape}) for shape in sorted(shapes)},
    )


def _write_first(sheet: Worksheet, report: Report, tables: list[tuple[str, int]], styles: Styles) -> None:
    """What the workbook is, the totals, how exact it is, and what each sheet holds."""
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 100)
    sheet.write_string(0, 0, _text(f"{report.namespace}/{report.name}"), styles.title)
    lines = [*_facts(report), ("exactness", EXACTNESS), ("", ""), *_contents(tables)]
    for row, (what, text) in enumerate(lines, start=2):
        sheet.write_string(row, 0, what, styles.text)
        sheet.write_string(row, 1, _text(text), styles.text)


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    period, currency, line = report.period, report.spec.currency, node_line(report)
    yield "period", f"{instant_text(period.start_us)} to {instant_text(period.end_us)} (exclusive), {state(report)}"
    yield "time zone", report.spec.time_zone
    yield "computed", instant_text(report.now_us)
    yield "input revision", report.input_revision
    yield "currency", currency
    yield "node cost", shown_money(line.node_cost, currency)
    if report.census is not None:
        yield "allocated", shown_money(line.allocated, currency)
        yield "not allocated", shown_money(line.unallocated, currency)
        yield "idle", shown_money(line.idle_cost, currency)
        yield "coverage", shown_percent(line.allocated, line.node_cost) or "-"
        yield "utilization", shown_percent(line.busy_us, line.node_us) or "-"


def _contents(tables: list[tuple[str, int]]) -> Iterator[tuple[str, str]]:
    yield "sheet", "what it holds"
    for name, rows in tables:
        text = inspect.cleandoc(TABLES[name].__doc__ or "").partition("\n")[0]
        beyond = f" No sheet: {rows:,} rows are too many for one. They are in tables/{name}.csv and .parquet."
        yield name, text + (beyond if rows > MOST_ROWS else "")


def _write_table(sheet: Worksheet, found: Table, styles: Styles, currency: str) -> None:
    rows = 0
    for place, column in enumerate(found.columns):
        sheet.write_string(0, place, column.name, styles.header)
        if column.note:
            sheet.write_comment(0, place, column.note)
        values = _values(column)
        rows = len(values)
        style = styles.text if column.kind in (Kind.TEXT, Kind.FLAG) else styles.numbers[_shape(column, currency)]
        sheet.set_column(place, place, _width(column, values))
        _write_column(sheet, place, values, style)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, rows, len(found.columns) - 1)


def _values(column: Column) -> list[Any]:
    """A column as Python values: decimals, integers, flags, texts, None."""
    values: list[Any] = Table("", (column,)).arrow().column(0).to_pylist()
    return values


def _write_column(sheet: Worksheet, place: int, values: list[Any], style: Format) -> None:
    for row, value in enumerate(values, start=1):
        if isinstance(value, bool):
            sheet.write_boolean(row, place, value, style)
        elif isinstance(value, str):
            sheet.write_string(row, place, _text(value), style)
        elif value is not None:
            sheet.write_number(row, place, float(value), style)


def _shape(column: Column, currency: str) -> str:
    """The number format of a column. Ratios are shares of something, unless their name says that they are means."""
    is_mean = column.kind is Kind.RATIO and column.name.endswith(("_seconds", "_per_day"))
    return _MEAN if is_mean else _NUMBERS[column.kind].format(currency=currency)


def _width(column: Column, values: list[Any]) -> int:
    """Room for the header in two lines and for most values."""
    longest = max((len(_shown(value)) for value in itertools.islice(values, _SAMPLE)), default=0)
    extra = 4 if column.kind in (Kind.MONEY, Kind.TARIFF) else 0
    return max(WIDTHS.start, len(column.name) * 2 // 3, min(longest + extra + 1, WIDTHS[-1]))


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:,.2f}" if not isinstance(value, str | bool | int) else str(value)


def _text(text: str) -> str:
    """A text as a cell takes it: cut at Excel's limit, and never taken for markup.

    The writer puts a text of the form ``<r>...</r>`` into the file as it is, as rich text; a blank before it prevents that.
    """
    plain = f" {text}" if text.startswith("<r>") else text
    units = plain.encode("utf-16-le")
    if len(units) <= 2 * MOST_CHARACTERS:
        return plain
    return units[: 2 * (MOST_CHARACTERS - 1)].decode("utf-16-le", "ignore") + "…"
