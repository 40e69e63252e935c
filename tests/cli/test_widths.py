"""Every table of every command, on terminals and in pipes of several widths: each figure is whole, or its column is absent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from unittest.mock import patch

import pytest
from rich.cells import cell_len

from cli.screens import tables
from command import HEADER, cron_job, gpucost, manifest, write
from terminal import on_terminal, plain

WIDTHS: Final = (60, 80, 100, 120, 200)
NOW: Final = "2025-06-10T00:00:00Z"
NAMES: Final = (
    "video",
    "a" * 253,
    *(f"very-long-team-name/model-service-with-a-long-name-{i:03d}" for i in range(20)),
    "画像生成サービス" * 8,
    "🚀🔥" * 20,
    "שירות-ארוך-מאוד-" * 6,
    *(f"service-{i:03d}" for i in range(275)),
)
"""300 services."""


def events() -> Iterator[str]:
    """A success, a failure and an interruption of each service, on two nodes."""
    number = 0
    for i, name in enumerate(NAMES):
        for k, end in enumerate(("done", "error", "waiting")):
            node = '"{""node_name"": ""node-l4-' + str(k % 2) + '""}"'
            at = f"2025-06-0{2 + k % 2}T{i % 24:02d}:{i % 60:02d}"
            for status, second in (("running", k), (end, 17 + i % 40)):
                number += 1
                yield f"{number},{3 * i + k},{name},{status},{at}:{second:02d}Z,,{node}"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """A dear pool with a long name, two CronJobs that contradict each other, and 300 services."""
    folder = tmp_path_factory.mktemp("inputs")
    types = [
        {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "123456.789012345"}]},
        {"name": "long", "match": ["gpu-pool-with-*"], "prices": [{"pricePerHour": "0.000000001"}]},
    ]
    spec = manifest(nodePools={"types": types}, tasks={}, outputs={"topServices": 400})
    jobs = [
        cron_job(),
        cron_job("scale-l4-with-a-name-that-is-as-long-as-kubernetes-allows", "0 0 3 * *", nodes="2"),
        cron_job("other", "0 12 * * *", "gpu-pool-with-a-name-of-more-than-forty-letters", "123"),
    ]
    database = folder / "tasks.csv"
    database.write_text("\n".join([HEADER, *events()]) + "\n", encoding="utf-8")
    files = ["-f", write(folder / "report.yaml", spec), "--cronjobs", write(folder / "jobs.yaml", *jobs)]
    return [*files, "--db", database, "--now", NOW]


COMMANDS: Final = {
    "report": ["report"],
    "report wide": ["report", "-o", "wide"],
    "schedule": ["schedule"],
    "explain task": ["explain", "task", "0"],
    "explain service": ["explain", "service", "video"],
    "explain day": ["explain", "day", "2025-06-02"],
    "explain pool": ["explain", "pool", "gpu-l4"],
    "compare": ["compare", "--against-period", "2025-06-02..2025-06-03"],
}


def shown(words: list[str | Path], columns: int | None, *, terminal: bool) -> list[str]:
    """The lines that a command prints in this process."""
    environment = {"TERM": "xterm"} | ({} if columns is None else {"COLUMNS": str(columns)})
    with patch.dict("os.environ", environment):
        ran = gpucost(*words, screen=terminal)
    assert (ran.code, ran.err) == (0, ""), ran
    return plain(ran.out).splitlines()


def command(name: str, inputs: list[str | Path]) -> list[str | Path]:
    return [*COMMANDS[name], *inputs]


@pytest.fixture(scope="module")
def whole(inputs: list[str | Path]) -> dict[str, list[str]]:
    """What each command prints into a pipe without a stated width: all columns."""
    return {name: shown(command(name, inputs), None, terminal=False) for name in COMMANDS}


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_each_figure_is_whole_or_its_column_absent(
    name: str, columns: int, terminal: bool, inputs: list[str | Path], whole: dict[str, list[str]]
) -> None:
    found = shown(command(name, inputs), columns, terminal=terminal)
    wide, narrow = (tables("\n".join(lines)) for lines in (whole[name], found))
    for was, table in zip(wide, narrow, strict=True):
        assert was.title.endswith(table.title)  # a long one wraps
        assert set(table.columns) | table.absent == set(was.columns)
        assert not set(table.columns) & table.absent
        figures = was.figures()
        assert {c: cells for c, cells in table.columns.items() if c in figures} == {
            c: cells for c, cells in figures.items() if c in table.columns
        }
        assert len(table.columns) > 1
    assert not [line for line in found if line != line.rstrip()]
    if terminal:
        assert max(map(cell_len, found)) <= columns


def test_a_pipe_has_every_name_whole(whole: dict[str, list[str]]) -> None:
    text = "\n".join(whole["report"])
    assert [name for name in NAMES if f"  {name} " not in text] == []
    assert "not shown" not in "".join("".join(lines) for lines in whole.values())
    for lines in whole.values():
        assert not [line for line in lines if line != line.rstrip()]


def test_money_of_an_explanation_has_as_many_decimals_down_a_column(whole: dict[str, list[str]]) -> None:
    for name in ("explain task", "explain service", "explain day", "explain pool"):
        for table in tables("\n".join(whole[name])):
            for column in {"C", "charged", "cost", "allocated", "node cost", "price", "idle cost"} & set(table.columns):
                decimals = {len(cell.partition(".")[2]) for cell in table.columns[column] if cell[0].isdecimal()}
                assert len(decimals) <= 1, (name, column)


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("name", ["report", "explain day", "schedule", "compare"])
def test_on_a_terminal_of_its_own(name: str, columns: int, inputs: list[str | Path]) -> None:
    """The installed command finds the terminal's width itself, and shows what it shows in this process."""
    with on_terminal(*command(name, inputs), columns=columns) as terminal:
        assert terminal.finish() == 0
        last = terminal.shown.rsplit("\x1b", 1)[-1]
    expected = shown(command(name, inputs), columns, terminal=True)
    assert last.splitlines()[-len(expected) :] == expected


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_demo(columns: int) -> None:
    found = shown(["demo", "--tasks", "500"], columns, terminal=True)
    commands = [line for line in found if line.startswith("  ") and " demo --out" in line]
    assert max(cell_len(line) for line in found if line not in commands) <= columns
    wide = tables("\n".join(shown(["demo", "--tasks", "500"], None, terminal=False)))
    for was, table in zip(wide, tables("\n".join(found)), strict=True):
        assert set(table.columns) | table.absent == set(was.columns)
        for column, cells in was.figures().items():
            assert column in table.absent or table.columns[column] == cells


@pytest.mark.parametrize("columns", WIDTHS)
def test_what_the_doctor_finds(columns: int, tmp_path: Path) -> None:
    """A path is whole in a pipe, and a terminal's lines are no longer than the terminal is wide."""
    database = tmp_path / ("a-folder-with-a-long-name-" * 5) / "tasks.parquet"
    words: list[str | Path] = ["doctor", "--db", database]
    found, piped = gpucost_at(words, columns, screen=True), gpucost_at(words, columns, screen=False)
    assert max(map(cell_len, found)) <= columns
    assert not [line for line in (*found, *piped) if line != line.rstrip()]
    assert [line for line in piped if str(database) in line]


def gpucost_at(words: list[str | Path], columns: int, *, screen: bool) -> list[str]:
    """The lines of a command that finds a problem."""
    with patch.dict("os.environ", {"TERM": "xterm", "COLUMNS": str(columns)}):
        ran = gpucost(*words, screen=screen)
    assert (ran.code, ran.err) == (1, ""), ran
    return plain(ran.out).splitlines()
