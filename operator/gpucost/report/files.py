"""Files of a report: report.json, every table as CSV and Parquet, one workbook, the notebook's six files, FOCUS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from gpucost.report.columns import Table
from gpucost.report.csvtext import csv_chunks
from gpucost.report.focus import focus_rows
from gpucost.report.notebook import FILES
from gpucost.report.report import Report
from gpucost.report.spreadsheet import workbook
from gpucost.report.status import cost_report
from gpucost.report.tables import available, table

Content = tuple[str, Iterable[bytes]]
"""A path and its bytes, in chunks that are made when they are taken."""


def contents(report: Report, manifest: Mapping[str, Any]) -> Iterator[Content]:
    """Every file of figures: what an archive holds, and ``--out`` writes besides the page and its charts."""
    yield "report.json", json_chunks(cost_report(report, manifest))
    for name in available(report):
        yield from _both(f"tables/{name}", table(report, name))
    yield "tables.xlsx", [workbook(report)]
    if report.details is not None:
        for build in FILES:
            found = build(report)
            yield f"{found.name}.csv", csv_chunks(found)
    yield from _both("focus/focus", focus_rows(report))


def count_contents(report: Report) -> int:
    """How many files ``contents`` gives."""
    others = 4  # report.json, tables.xlsx, and FOCUS rows twice
    return 2 * len(available(report)) + (0 if report.details is None else len(FILES)) + others


def _both(path: str, found: Table) -> Iterator[Content]:
    yield f"{path}.csv", csv_chunks(found)
    yield f"{path}.parquet", [parquet(found)]


INCOMPLETE: Final = "INCOMPLETE"
"""A file that stands in a folder until all others are written."""
_WHY: Final = b"Files are being written here, or could not all be written. This file goes when they are.\n"


def write_files(found: Iterable[Content], folder: Path) -> Iterator[Path]:
    """Write files into a folder, one by one, and yield each path when it is done. Raises OSError.

    Each file appears whole or not at all, and the folder holds ``INCOMPLETE`` until the last one is done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / INCOMPLETE
    mark.write_bytes(_WHY)
    for name, chunks in found:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as partial, partial.open("wb") as file:
            file.writelines(chunks)
        yield path
    mark.unlink(missing_ok=True)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Where to write a file that takes its own name when it is whole; else it goes. Raises OSError."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def json_chunks(document: object) -> Iterator[bytes]:
    """A document as UTF-8 JSON."""
    yield (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def parquet(found: Table) -> bytes:
    """A table as a Parquet file; notes of columns stand in the schema, texts are as they are."""
    import pyarrow.parquet

    buffer = BytesIO()
    pyarrow.parquet.write_table(found.arrow(), buffer, compression="zstd")
    return buffer.getvalue()
