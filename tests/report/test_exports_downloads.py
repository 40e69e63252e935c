"""Downloads: each table in each format, named safely, and the same figures in all of them."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest

from casereport import report_of
from focusfiles import GOLDEN, golden_case, nano, read_csv
from gpucost.report.downloads import FORMATS, Download, archive, download, names
from gpucost.report.files import contents, write_files
from gpucost.report.report import Report, total
from gpucost.report.tables import available


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of(golden_case(GOLDEN[-1]))


def opened(found: Download) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(found.content()))


def test_what_is_offered_can_be_had(report: Report) -> None:
    offered = names(report)
    assert len({(name, kind) for _, name, kind in offered}) == len({title for title, _, _ in offered}) == len(offered)
    for _, name, kind in offered:
        found = download(report, name, kind)
        assert found.file_name == f"default-case-2025-06-02_2025-06-08-{name}.{kind}"
        assert found.media_type == FORMATS[kind]
        assert found.content()


@pytest.mark.parametrize(
    ("name", "kind"), [("nothing", "csv"), ("services", "pdf"), ("tables", "csv"), ("services", "zip"), ("", "")]
)
def test_what_there_is_not_is_told(report: Report, name: str, kind: str) -> None:
    with pytest.raises(KeyError, match="can't be had as"):
        download(report, name, kind)


def test_tables_of_attempts_need_attempts(report: Report) -> None:
    assert "attempts" not in {name for _, name, _ in names(replace(report, details=None))}
    with pytest.raises(KeyError, match="'attempts' can't be had"):
        download(replace(report, details=None), "attempts", "csv")


def test_csv_parquet_and_json_of_a_table_have_the_same_rows(report: Report) -> None:
    """Decimals are texts in JSON, with the digits of the CSV file."""
    for name in available(report):
        lines = list(csv.DictReader(io.StringIO(download(report, name, "csv").content().decode(), newline="")))
        rows: list[Mapping[str, Any]] = json.loads(download(report, name, "json").content())
        data = pyarrow.parquet.read_table(pyarrow.BufferReader(download(report, name, "parquet").content())).to_pylist()
        assert len(lines) == len(rows) == len(data)
        for line, row, values in zip(lines, rows, data, strict=True):
            assert line == {key: _as_csv(value) for key, value in row.items()}
            assert row == {key: f"{value:f}" if isinstance(value, Decimal) else value for key, value in values.items()}


def _as_csv(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_json_of_a_table_without_rows_is_an_empty_list() -> None:
    empty = report_of(golden_case(GOLDEN[-1]) | {"events": []})
    assert json.loads(download(empty, "services", "json").content()) == []


def test_a_downloaded_file_sums_to_the_report(report: Report) -> None:
    services = read_csv([download(report, "services", "csv").content()])
    assert sum(nano(row["allocated_cost"]) for row in services) == total(report.grid.allocated)
    charges = read_csv([download(report, "focus", "csv").content()])
    assert sum(nano(row["BilledCost"]) for row in charges) == total(report.grid.node_cost)


def test_the_workbook_opens(report: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(download(report, "tables", "xlsx").content()))
    assert book.sheetnames[:2] == ["report", "totals"]


def test_the_archive_holds_what_out_writes(report: Report, tmp_path: Path) -> None:
    manifest = {"kind": "CostReport", "spec": {}}
    paths = list(write_files(contents(report, manifest), tmp_path))
    with zipfile.ZipFile(io.BytesIO(b"".join(archive(report, manifest)))) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist() if not name.endswith(".xlsx")} == {
            str(path.relative_to(tmp_path)): path.read_bytes() for path in paths if path.suffix != ".xlsx"
        }


def test_the_archive_of_a_download_has_the_manifest_as_far_as_it_is_known(report: Report) -> None:
    with opened(download(report, "everything", "zip")) as found:
        document = json.loads(found.read("report.json"))
        times = {entry.date_time for entry in found.infolist()}
    assert document["metadata"] == {"name": "case", "namespace": "default"}
    assert document["spec"]["currency"] == "USD"
    assert document["status"]["summary"]["nodeCost"]
    assert times == {(2025, 6, 9, 5, 0, 0)}


def test_the_same_report_gives_the_same_archive(report: Report) -> None:
    assert download(report, "everything", "zip").content() == download(report, "everything", "zip").content()


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        ("finops", "prod.eu-1", "finops-prod.eu-1"),
        ("../../etc", 'x"\r\nSet-Cookie: a=b', "etc-x-Set-Cookie-a-b"),
        ("日本", "🚀", "report"),
        ("n", "x" * 300, "n-" + "x" * 98),
    ],
)
def test_a_file_name_is_safe_in_a_header_and_on_a_disk(
    report: Report, namespace: str, name: str, expected: str
) -> None:
    found = download(replace(report, namespace=namespace, name=name), "totals", "csv").file_name
    assert found == f"{expected}-2025-06-02_2025-06-08-totals.csv"
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,160}", found)
