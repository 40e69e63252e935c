"""gpucost demo: a report of made data or of a trace, what it found in money, and what to try next."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import yaml
from rich.text import Text

from gpucost.cli import render
from gpucost.cli.layout import Paragraph, Part, Parts
from gpucost.cli.stages import show_stages
from gpucost.cli.writing import write_all
from gpucost.computing import compute, read_report
from gpucost.core.instants import instant_text
from gpucost.demo import RELATION, Demo, made_demo, trace_demo
from gpucost.report.files import Content
from gpucost.report.report import Report
from gpucost.report.words import findings, worst_day
from gpucost.sources.tasks import engine

CHUNK_BYTES: Final = 1 << 20


def run_demo(tasks: int, trace: Path | None, out: Path | None, port: int | None) -> None:
    """Compute the demo, print it, with a folder write its inputs and all files there, with a port serve its pages."""
    demo = trace_demo(trace) if trace else made_demo(tasks)
    with engine() as con:
        with show_stages("making task events"):
            demo.fill(con)
        details = out is not None or port is not None
        with show_stages("computing the report") as tell:
            report = compute(demo.report, demo.cronjobs, con, now=demo.now_us, details=details, progress=tell)
        _print(demo, report, out)
        if out:
            write_all(report, demo.report, out, inputs_of(demo, con))
        if port is not None:
            from gpucost.cli.serve import serve_report

            again = partial(compute, cronjobs=demo.cronjobs, db=con, now=demo.now_us)
            serve_report(read_report(demo.report), report, port, again)


def _print(demo: Demo, report: Report, out: Path | None) -> None:
    assumed = [Paragraph(Text(sentence), 2) for sentence in demo.assumptions]
    render.print_parts(
        [_headed("What is assumed", assumed), *render.report_parts(report)], between=True, hint="--out FOLDER"
    )
    found = [Paragraph(Text(f"- {sentence}"), 2) for sentence in findings(report)]
    render.print_parts([_headed("In short", found), render.BLANK, _headed("Try next", [])])
    for command in _next_commands(demo, report, out):
        print(f"  {command}")  # one that wraps can't be copied


def _headed(title: str, parts: Iterable[Part]) -> Part:
    return Parts((Paragraph(Text(title, style="bold")), *parts))


def _next_commands(demo: Demo, report: Report, out: Path | None) -> Iterator[str]:
    gpucost = _program()
    if out is None:
        yield f"{gpucost} demo --out demo-report    # the same, with its inputs and every table as files"
        return
    inputs = f"-f {out}/report.yaml --cronjobs {out}/cronjobs.yaml --db {out}/tasks.parquet --now {instant_text(demo.now_us)}"
    yield f"{gpucost} report {inputs} -o wide"
    if report.census is not None and report.shares.cost.any():
        yield f"{gpucost} explain day {worst_day(report)[0]} {inputs}"
    if report.pools:
        yield f"{gpucost} explain pool {report.pools[0].pool.name} {inputs}"
    yield f"{gpucost} init --cronjobs {out}/cronjobs.yaml --db {out}/tasks.parquet"


def _program() -> str:
    """How this very command is called: by its name where the shell finds it, else by its path."""
    return "gpucost" if shutil.which("gpucost") else os.path.relpath(sys.argv[0])


def inputs_of(demo: Demo, con: duckdb.DuckDBPyConnection) -> Iterator[Content]:
    """The demo's manifest, CronJobs and task events, so that every command can run on them."""
    for name, documents in (("report.yaml", [demo.report]), ("cronjobs.yaml", demo.cronjobs)):
        yield name, [yaml.safe_dump_all(documents, sort_keys=False).encode()]
    yield "tasks.parquet", _parquet_chunks(con)


def _parquet_chunks(con: duckdb.DuckDBPyConnection) -> Iterator[bytes]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tasks.parquet"
        con.table(RELATION).write_parquet(str(path), compression="zstd")
        with path.open("rb") as file:
            yield from iter(partial(file.read, CHUNK_BYTES), b"")
