"""gpucost demo: a report of made data or of a trace, what it found in money, and what to try next."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import duckdb
import yaml
from rich.text import Text

from gpucost.cli import render
from gpucost.cli.layout import Paragraph, Part, Parts
from gpucost.computing import compute, read_report
from gpucost.core.instants import instant_text
from gpucost.demo import RELATION, Demo, made_demo, trace_demo
from gpucost.report.report import Report
from gpucost.report.words import findings, worst_day
from gpucost.sources.tasks import engine


def run_demo(tasks: int, trace: Path | None, out: Path | None, port: int | None) -> None:
    """Compute the demo, print it, with a folder write its inputs and all files there, with a port serve its pages."""
    demo = trace_demo(trace) if trace else made_demo(tasks)
    with engine() as con:
        with render.progress("Making task events"):
            demo.fill(con)
        with render.progress("Computing the report"):
            report = compute(
                demo.report, demo.cronjobs, con, now=demo.now_us, details=out is not None or port is not None
            )
        _print(demo, report, out)
        if out:
            with render.progress(f"Writing {out}"):
                write_inputs(demo, con, out)
            render.write_all(report, demo.report, out)
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


def write_inputs(demo: Demo, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the demo's manifest, CronJobs and task events, so that every command can run on them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.yaml").write_text(yaml.safe_dump(demo.report, sort_keys=False), encoding="utf-8")
    manifests = yaml.safe_dump_all(demo.cronjobs, sort_keys=False)
    (folder / "cronjobs.yaml").write_text(manifests, encoding="utf-8")
    con.table(RELATION).write_parquet(str(folder / "tasks.parquet"), compression="zstd")
    print(f"gpucost: wrote the demo's inputs to {folder}", file=sys.stderr)
