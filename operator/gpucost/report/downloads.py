"""Downloads of a report, made as they are taken: a table, all tables as a workbook, FOCUS charges, an archive of everything."""

from __future__ import annotations

import datetime as dt
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from gpucost.api.costreport import API_VERSION
from gpucost.core.instants import EPOCH
from gpucost.report.columns import Table
from gpucost.report.csvtext import csv_chunks
from gpucost.report.files import contents, parquet
from gpucost.report.focus import focus_rows
from gpucost.report.report import Report
from gpucost.report.spreadsheet import workbook
from gpucost.report.tables import available, table

FORMATS: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
"""The media type of each format."""
FOCUS: Final = "focus"
TABLES: Final = "tables"
EVERYTHING: Final = "everything"


@dataclass(frozen=True, slots=True)
class Download:
    """A file for somebody's disk."""

    file_name: str
    """ASCII letters, digits, dots, dashes and underscores only."""
    media_type: str
    chunks: Iterator[bytes]
    """Its bytes, to be taken once. What they cost is spent then."""

    def content(self) -> bytes:
        """All of them."""
        return b"".join(self.chunks)


def names(report: Report) -> list[tuple[str, str, str]]:
    """What there is to download: title, name and format."""
    tables = [(f"{name}, {kind.upper()}", name, kind) for name in available(report) for kind in _TABLE]
    return [
        ("all tables as one workbook, XLSX", TABLES, "xlsx"),
        ("everything, ZIP", EVERYTHING, "zip"),
        *((f"FOCUS charges, {kind.upper()}", FOCUS, kind) for kind in _FOCUS),
        *tables,
    ]


def download(report: Report, name: str, kind: str) -> Download:
    """A table by its name, ``focus``, ``tables`` (a workbook) or ``everything`` (an archive), in one of FORMATS.

    Raises KeyError that says what there is where the report has no such name, or not in that format.
    """
    known = {known for _, known, form in names(report) if form == kind}
    if name not in known:
        raise KeyError(f"{name!r} can't be had as {kind!r}; as {kind} there are: {', '.join(sorted(known)) or 'none'}")
    return Download(_file_name(report, name, kind), FORMATS[kind], _chunks(report, name, kind))


def _chunks(report: Report, name: str, kind: str) -> Iterator[bytes]:
    if name == TABLES:
        yield workbook(report)
    elif name == EVERYTHING:
        yield from archive(report, manifest_of(report))
    elif name == FOCUS:
        yield from _FOCUS[kind](focus_rows(report))
    else:
        yield from _TABLE[kind](table(report, name))


class _Written:
    """What was written since it was last taken: all that a ZIP file needs of a file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def archive(report: Report, manifest: Mapping[str, Any]) -> Iterator[bytes]:
    """A ZIP file of all figures that ``--out`` writes, without page and charts. The same report gives the same bytes."""
    written, made = _Written(), EPOCH + dt.timedelta(microseconds=report.now_us)
    date = max(made.timetuple()[:6], (1980, 1, 1, 0, 0, 0))  # ZIP knows no earlier time
    with zipfile.ZipFile(written, "w") as into:
        for path, chunks in contents(report, manifest):
            entry = zipfile.ZipInfo(path, date)
            entry.compress_type = zipfile.ZIP_DEFLATED  # of another kind not every reader finds the end in a stream
            # Its name is compress_level from Python 3.13 on. With more, most of the time goes into the last tenth.
            entry._compresslevel = 1  # type: ignore[attr-defined]
            with into.open(entry, "w", force_zip64=True) as file:
                for chunk in chunks:
                    file.write(chunk)
                    yield written.take()
    yield written.take()


def manifest_of(report: Report) -> dict[str, Any]:
    """The CostReport that the report is of, as far as it says: with the defaults of its spec written out."""
    return {
        "apiVersion": API_VERSION,
        "kind": "CostReport",
        "metadata": {"name": report.name, "namespace": report.namespace},
        "spec": report.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def _file_name(report: Report, name: str, kind: str) -> str:
    first, last = report.period_dates()
    whole = f"{report.namespace}-{report.name}"[:100]
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', whole).strip('-.') or 'report'}-{first}_{last}-{name}.{kind}"


_JSON_ROWS: Final = 4_096
"""Rows of one chunk."""


def table_json(found: Table) -> Iterator[bytes]:
    """A table as a JSON list of its rows. Decimals are texts with all their digits, for JSON numbers are floats to most."""
    yield b"["
    between = "\n"
    for batch in found.arrow().to_batches(_JSON_ROWS):
        rows = [json.dumps(row, ensure_ascii=False, default=_plain) for row in batch.to_pylist()]
        yield (between + ",\n".join(rows)).encode()
        between = ",\n"
    yield b"\n]\n"


def _plain(value: Decimal) -> str:
    return f"{value:f}"


_FOCUS: Final[Mapping[str, Callable[[Table], Iterable[bytes]]]] = {
    "csv": csv_chunks,
    "parquet": lambda found: [parquet(found)],
}
_TABLE: Final[Mapping[str, Callable[[Table], Iterable[bytes]]]] = {**_FOCUS, "json": table_json}
