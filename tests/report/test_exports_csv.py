"""CSV files that spreadsheets may open: nothing in them runs, and every text and number comes back as it was."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from casereport import report_of
from examples import slow
from focusfiles import GOLDEN, golden_case, read_csv, rows_of
from gpucost.report.columns import Coded, Column, Kind, Table
from gpucost.report.csvtext import csv_chunks, guarded, unguarded
from gpucost.report.files import contents, parquet, write_files
from gpucost.report.report import Report
from gpucost.report.tables import available, table

FORMULAS = [
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://127.0.0.1/","x")',
    "+1",
    "-1+1",
    "@SUM(A1:A9)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\x00=1",
    "\x1f\x1f=1",
    "'=1",
    '"=1"',
    "\"'=1",
    "＝1",
    "＋1",
    "a;=1",
    "a;=1;b",
    "a; '=1",
    "a\t=1",
    "a\r\n=1",
    'a\n"@x',
    "=" * 40_000,
]
PLAIN = [
    "video",
    "a-b",
    "a=b",
    "a, b",
    'say "x"',
    "a;b",
    "a\nb",
    "Ünïcode",
    "日本",
    "🚀 rocket",
    "🚀-x",
    "x" * 40_000,
    "",
    "1",
    "2025-06-01",
]
APOSTROPHES = ["'", "''", "'plain", "it's", "a;'b", "a\t''", "'\t'"]
HOSTILE = [*FORMULAS, *APOSTROPHES]

RUNS = re.compile(r"[\s\x00-\x20\u00a0\u200b\ufeff\"]*[=+\-@＝＋－＠]|[\t\r\n]")
"""What a spreadsheet may run, said apart from the code. An apostrophe in front is none of it."""
texts = st.text(
    st.sampled_from("=+-@＝'\"; \t\r\n\x00\u00a0\u200bab1,{") | st.characters(exclude_categories=["Cs"]), max_size=12
)


def of_texts(values: list[str | None]) -> Table:
    return Table("texts", (Column("name", Kind.TEXT, values), Column("place", Kind.COUNT, list(range(len(values))))))


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_what_could_run_gets_an_apostrophe(text: str) -> None:
    assert guarded(text).count("'") > text.count("'") or text == "it's"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", PLAIN, ids=lambda text: repr(text[:20]))
def test_what_could_not_run_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


@example(one="'=1", other="=1").via("an apostrophe of the text's own is told from one that was put there")
@given(one=texts, other=texts)
def test_two_texts_are_never_the_same_cell(one: str, other: str) -> None:
    assert unguarded(guarded(one)) == one
    assert (guarded(one) == guarded(other)) == (one == other)


@slow(5)
@given(values=st.lists(texts, max_size=60))
def test_no_cell_runs_whatever_separates_cells(values: list[str]) -> None:
    """A spreadsheet of another country splits our file by semicolons or tabs, and takes quotes within a cell as they are."""
    text = b"".join(csv_chunks(of_texts(list(values)))).decode()
    cells = [cell for line in csv.reader(io.StringIO(text, newline="")) for cell in line]
    for separator in ";\t":
        cells += re.split(f"[{separator}\r\n]", text)
    assert not [cell for cell in cells if RUNS.match(cell)]


@slow(5)
@given(values=st.lists(st.none() | texts, max_size=60))
def test_a_machine_reads_every_text_back(values: list[str | None]) -> None:
    """Null and the empty text are different for those who look at quotes, which Python's reader does not."""
    rows = read_csv(csv_chunks(of_texts(values)))
    assert [row["name"] for row in rows] == [value or None for value in values]


def test_null_is_empty_and_an_empty_text_is_quoted() -> None:
    assert b"".join(csv_chunks(of_texts([None, ""]))) == b'name,place\n,0\n"",1\n'


def test_another_reader_sees_the_same_cells(tmp_path: Path) -> None:
    values: list[str | None] = [text for text in [*HOSTILE, *PLAIN] if "\x00" not in text]
    path = tmp_path / "texts.csv"
    path.write_bytes(b"".join(csv_chunks(of_texts(values))))
    with duckdb.connect() as con:
        found = con.execute(
            "SELECT name FROM read_csv(?, header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"')"
            " ORDER BY place::INT",
            [str(path)],
        ).fetchall()
    assert [unguarded(cell or "") for (cell,) in found] == values


def test_numbers_flags_and_dates_stay_as_they_are() -> None:
    """Negative money is no formula: it is a number, with all its digits and without an exponent."""
    found = Table(
        "numbers",
        (
            Column("money", Kind.MONEY, [-1, 15, None]),
            Column("hours", Kind.HOURS, [-3_600_000_000, 1, None]),
            Column("count", Kind.COUNT, [-5, 0, None]),
            Column("flag", Kind.FLAG, [True, False, None]),
            Column("date", Kind.TEXT, ["2025-06-01", "2025-06-01T00:00:00Z", None]),
        ),
    )
    assert b"".join(csv_chunks(found)).decode().splitlines() == [
        "money,hours,count,flag,date",
        "-0.000000001,-1.000000,-5,true,2025-06-01",
        "0.000000015,0.000000,0,false,2025-06-01T00:00:00Z",
        ",,,,",
    ]


def test_texts_of_few_sorts_are_guarded_too() -> None:
    coded = Coded(["=1", None, "x"], np.array([2, 0, 1, 0]))
    found = Table("coded", (Column("name", Kind.TEXT, coded), Column("n", Kind.COUNT, [1, 2, 3, 4])))
    assert b"".join(csv_chunks(found)) == b"name,n\nx,1\n'=1,2\n,3\n'=1,4\n"
    assert list(coded[1:]) == ["=1", None, "=1"]
    assert found.arrow().column("name").to_pylist() == ["x", "=1", None, "=1"]


def test_a_long_table_comes_in_chunks_that_are_its_rows_in_order() -> None:
    found = of_texts([f"task {i}" for i in range(50_000)])
    chunks = list(csv_chunks(found))
    assert len(chunks) > 3
    assert [row["place"] for row in read_csv(chunks)] == [str(i) for i in range(50_000)]


# Every file of a report


def hostile_report() -> Report:
    """A golden case whose services and tasks have names that want to run."""
    case = golden_case(GOLDEN[-1])
    names = [text for text in HOSTILE if "\x00" not in text]
    wanted = sorted({str(event["service_name"]) for event in case["events"]})
    renamed = {old: names[i * len(names) // len(wanted)] for i, old in enumerate(wanted)}
    events = [
        event | {"service_name": renamed[str(event["service_name"])], "task_id": f"={event['task_id']}"}
        for event in case["events"]
    ]
    return report_of(case | {"events": events})


@pytest.fixture(scope="module")
def hostile() -> Report:
    return hostile_report()


def test_no_cell_of_any_file_runs(hostile: Report, tmp_path: Path) -> None:
    paths = [path for path in write_files(contents(hostile, {}), tmp_path) if path.suffix == ".csv"]
    assert {"services.csv", "attempts.csv", "tasks_raw_detailed_enhanced.csv", "focus.csv"} <= {
        path.name for path in paths
    }
    number = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.reader(file):
                assert not [cell for cell in line if RUNS.match(cell) and not number.fullmatch(cell)], path


def test_every_table_reads_back_as_it_is(hostile: Report) -> None:
    """Texts, and decimals to the last digit."""
    for name in available(hostile):
        found = table(hostile, name)
        for row, line in zip(found.arrow().to_pylist(), rows_of(found), strict=True):
            for column in found.columns:
                value, cell = row[column.name], line[column.name]
                if isinstance(value, bool):
                    assert cell == str(value).lower()
                elif isinstance(value, Decimal):
                    assert cell == f"{value:f}"
                else:
                    assert cell == (None if value in (None, "") else str(value)), (name, column.name)


def test_parquet_keeps_the_raw_text(hostile: Report) -> None:
    import pyarrow.parquet

    read = pyarrow.parquet.read_table(pyarrow.BufferReader(parquet(table(hostile, "services"))))
    assert read.column("service_name").to_pylist() == hostile.frame("services")["service_name"].tolist()
    assert "=cmd|' /C calc'!A0" in read.column("service_name").to_pylist()
