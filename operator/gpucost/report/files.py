"""Files of a report: report.json, every table as CSV and Parquet, the notebook's six CSV files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from gpucost.report.columns import Table
from gpucost.report.notebook import FILES
from gpucost.report.report import Report
from gpucost.report.status import cost_report
from gpucost.report.tables import available, table


def write_files(report: Report, manifest: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Write everything into a folder, file by file, and yield each path when it is done. Raises OSError."""
    tables = folder / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    yield write_json(cost_report(report, manifest), folder / "report.json")
    for name in available(report):
        found = table(report, name)
        yield write_csv(found, tables / f"{name}.csv")
        yield write_parquet(found, tables / f"{name}.parquet")
    if report.details is not None:
        for build in FILES:
            found = build(report)
            yield write_csv(found, folder / f"{found.name}.csv")


def write_json(document: object, path: Path) -> Path:
    """Write a document as UTF-8 JSON."""
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def write_csv(found: Table, path: Path) -> Path:
    """Write a table as UTF-8 CSV; decimals keep all their digits, null is empty."""
    rows = found.arrow()  # noqa: F841  (DuckDB finds it by its name)
    with duckdb.connect() as con:  # its writer prints 0.000000015 where Arrow's prints 1.5E-8
        con.sql("SELECT * FROM rows").write_csv(str(path))
    return path


def write_parquet(found: Table, path: Path) -> Path:
    """Write a table as Parquet; notes of columns stand in the schema."""
    import pyarrow.parquet

    pyarrow.parquet.write_table(found.arrow(), path, compression="zstd")
    return path
