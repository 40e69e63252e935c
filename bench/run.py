"""Measures whole processes of gpucost and its rivals in turn (A B A B ...), and writes docs/performance.md.

python bench/run.py                   # everything up to a million tasks, and PostgreSQL where it can be had
python bench/run.py --full            # also ten million tasks
python bench/run.py --only 1m         # one group; the others keep what they measured last
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import product
from scenario import default_dir

BENCH = Path(__file__).resolve().parent
PAGE = BENCH.parent / "docs" / "performance.md"
SAVED = default_dir() / "measured.json"
LOOPED = 20_000  # tasks that the notebook's loop is measured with
TASKS = {"100": 100, "20k": LOOPED, "100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
GROUPS = ["start-up", "100k", "1m", "PostgreSQL", "demo", "10m"]
OURS = "gpucost report"
NOTEBOOK = "notebook loop"
NOTES = {"100k": "100k, Parquet", "1m": "1M, Parquet", "PostgreSQL": "1M, PostgreSQL", "10m": "10M, Parquet"}


class Contestant(NamedTuple):
    """A command and what it should reach."""

    name: str
    command: list[str]
    time: float | None = None
    """gpucost's time, at most this part of the contestant's."""
    memory: float | None = None
    """gpucost's peak memory, at most this part of the contestant's."""
    seconds: float | None = None
    mib: float | None = None
    slowdown: float | None = None
    """The contestant's time, at most so many times gpucost's: for a way of gpucost."""


class Cost(NamedTuple):
    """What one process took."""

    wall: float
    cpu: float
    mib: float


def cost_of(command: list[str]) -> Cost:
    """Runs a process to its end; its output goes nowhere. Its children count."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr
    said = child.stderr.read()
    _, state, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(state)
    if child.returncode:
        sys.exit(f"{Path(command[0]).name} {Path(command[1]).name} failed: {said.decode()[-500:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def medians(contestants: list[Contestant], runs: int) -> dict[str, Cost]:
    """Each in turn, then all again."""
    costs: dict[str, list[Cost]] = {c.name: [] for c in contestants}
    for _ in range(runs):
        for contestant in contestants:
            costs[contestant.name].append(cost_of(contestant.command))
            print(f"  {contestant.name}: {costs[contestant.name][-1].wall:.2f} s", file=sys.stderr)
    return {name: Cost(*map(median, zip(*found, strict=True))) for name, found in costs.items()}


def events(size: str) -> Path:
    """The Parquet file of that many tasks; made where it is absent."""
    path = default_dir() / f"tasks-{size}.parquet"
    if not path.exists():
        python("generate.py", "--tasks", str(TASKS[size]), "--out", str(path))
    return path


def python(script: str, *options: str) -> None:
    """Runs a script of this folder; data is made in other processes, because a child's peak is at least ours."""
    subprocess.run([sys.executable, str(BENCH / script), *options], check=True, stdout=sys.stderr)


def rival(script: str, *options: str) -> list[str]:
    """The command of a rival."""
    return [sys.executable, str(BENCH / "rivals" / f"{script}.py"), *options]


def demo() -> list[Contestant]:
    """What make demo runs."""
    return [Contestant("gpucost demo, 200k tasks", [str(product.GPUCOST), "demo"], seconds=15)]


def small() -> list[Contestant]:
    """Commands with next to nothing to do."""
    return [
        Contestant("gpucost version", [str(product.GPUCOST), "version"], seconds=0.3),
        Contestant("gpucost report, 100 tasks", product.command(events("100")), seconds=1.0),
    ]


def parquet(size: str) -> list[Contestant]:
    """Contestants that read the same file."""
    data = events(size)
    source = ["--events", str(data)]
    ten = size == "10m"
    ours = Contestant(OURS, product.command(data), mib=768 if ten else None)
    bars = {"1m": (1.3, 1.35, 0.5), "10m": (1.15, 1.35, 0.5)}.get(size, (None, None, None))
    duckdb = Contestant("DuckDB by hand", rival("duckdb_hybrid", *source), time=bars[0])
    polars = Contestant("polars, streaming", rival("polars_streaming", *source), time=bars[1], memory=bars[2])
    if ten:
        limited = product.command(data, "--memory", "300MB")
        return [ours, duckdb, polars, Contestant(f"{OURS} --memory 300MB", limited, mib=512, slowdown=1.3)]
    return [ours, duckdb, polars, Contestant("pandas, vectorised", rival("pandas_vectorised", *source))]


@contextmanager
def postgres() -> Iterator[list[Contestant]]:
    """A server of our own with a million tasks; none of it where no server can be had."""
    sys.path.insert(0, str(BENCH.parent / "tests"))
    from postgres import Missing, running

    data = events("1m")
    try:
        with running("shared_buffers=512MB") as server:
            url = server.new_database()
            python("generate.py", "--events", str(data), "--postgres", url)
            pushed = Contestant("the same rule in PostgreSQL", rival("postgres_pushdown", "--postgres", url), time=0.5)
            yield [Contestant(OURS, product.command(url)), pushed]
    except Missing as why:
        print(f"PostgreSQL skipped: {why}", file=sys.stderr)
        yield []


def measured(group: str, runs: int) -> dict[str, Any]:
    """The rows of a group: name, cost, bars."""
    print(group, file=sys.stderr)
    load = os.getloadavg()[0]
    if group == "PostgreSQL":
        with postgres() as contestants:
            costs = medians(contestants, runs)
    else:
        contestants = small() if group == "start-up" else demo() if group == "demo" else parquet(group)
        costs = medians(contestants, runs)
    if group in ("100k", "1m"):
        contestants.append(Contestant(NOTEBOOK, [], time=1 / 150 if group == "100k" else 1 / 400))
        costs[NOTEBOOK] = notebook(TASKS[group])
    rows = [c._replace(command=[])._asdict() | {"cost": costs[c.name]} for c in contestants]
    return {"date": date.today().isoformat(), "load": load, "runs": runs, "rows": rows}


_loop: list[Cost] = []


def notebook(tasks: int) -> Cost:
    """The loop's time, extended linearly from 100 and 20k tasks, once each."""
    if not _loop:
        _loop.extend(cost_of(rival("notebook_loop", "--events", str(events(size)))) for size in ("100", "20k"))
    least, most = _loop
    factor = (tasks - TASKS["100"]) / (LOOPED - TASKS["100"])
    wall, cpu = (a + factor * (b - a) for a, b in zip(least[:2], most[:2], strict=True))
    return Cost(wall, cpu, most.mib)


def verdicts(row: dict[str, Any], cost: Cost, ours: Cost | None) -> str:
    """Each bar, and whether it is met; unclear where wall and CPU time disagree, as on a machine with other work."""
    found = [("≤ {:g} s", row["seconds"], [cost.wall]), ("≤ {:g} MiB", row["mib"], [cost.mib])]
    if ours:
        times = [ours.wall / cost.wall, ours.cpu / cost.cpu]
        found.append(
            ("time ≤ {}", row["time"], times[: 1 if "PostgreSQL" in row["name"] or row["name"] == NOTEBOOK else 2])
        )
        found.append(("memory ≤ {}", row["memory"], [ours.mib / cost.mib]))
        found.append(("time ≤ {:g} of that without", row["slowdown"], [1 / share for share in times]))
    words = []
    for text, bar, values in found:
        if bar:
            met = {value <= bar for value in values}
            told = "unclear" if len(met) > 1 else "met" if True in met else "**missed**"
            words.append(f"{text.format(ratio(bar) if '{}' in text else bar)}: {told}")
    return "; ".join(words)


def ratio(value: float) -> str:
    """0.62, or 1/480."""
    return f"{value:.2f}" if value >= 0.05 else f"1/{1 / value:.0f}"


def table(groups: dict[str, Any]) -> str:
    """Markdown, and readable as text."""
    lines = [["tasks", "command", "wall s", "CPU s", "peak MiB", "time ratio", "CPU ratio", "memory ratio", "bar"]]
    for group in (g for g in GROUPS if g in groups):
        costs = {row["name"]: Cost(*row["cost"]) for row in groups[group]["rows"]}
        ours = costs.get(OURS)
        for row in groups[group]["rows"]:
            name, cost = row["name"], costs[row["name"]]
            loop, other = name == NOTEBOOK, ours is not None and name != OURS
            numbers = [f"{cost.wall:.2f}", f"{cost.cpu:.2f}", f"{cost.mib:.0f}"]
            if group == "PostgreSQL" and other:
                numbers[1:] = ["(server)", "(server)"]
            shares = [ratio(mine / its) for mine, its in zip(ours, cost, strict=True)] if ours and other else [""] * 3
            if numbers[2] == "(server)":
                shares[1:] = ["", ""]
            if loop:
                name, numbers = f"{NOTEBOOK} (extrapolated)", [f"{cost.wall:.0f}", f"{cost.cpu:.0f}", ""]
                shares[2] = ""
            lines.append([NOTES.get(group, ""), name, *numbers, *shares, verdicts(row, cost, ours if other else None)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * w for w in widths])
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) + " |" for r in lines)


def machine(groups: dict[str, Any]) -> str:
    """Where and when."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    known = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "polars", "pandas"))
    days, loads, runs = ([group.get(key, 3) for group in groups.values()] for key in ("date", "load", "runs"))
    return (
        f"{' to '.join(sorted({min(days), max(days)}))}; {os.cpu_count()} cores "
        f"({known[1] if known else platform.machine()}), {memory:.0f} GiB; Python {platform.python_version()}, "
        f"{libraries}. Medians of {' or '.join(map(str, sorted(set(runs))))} "
        f"interleaved runs. Load average before each group: {min(loads):.1f} to {max(loads):.1f}."
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="ten million tasks too")
    parser.add_argument("--only", choices=GROUPS, help="measure this group")
    parser.add_argument("--runs", type=int, default=3, help="of each command; the median counts")
    args = parser.parse_args()
    groups: dict[str, Any] = json.loads(SAVED.read_text(encoding="utf-8")) if SAVED.exists() else {}
    for group in [args.only] if args.only else GROUPS if args.full else GROUPS[:-1]:
        groups[group] = measured(group, args.runs)
        SAVED.write_text(json.dumps(groups), encoding="utf-8")
    text = f"{machine(groups)}\n\n{table(groups)}"
    print(text)
    page = PAGE.read_text(encoding="utf-8")
    marks = re.compile(r"(<!-- measured -->\n).*?(<!-- end measured -->)", re.S)
    PAGE.write_text(marks.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main()
