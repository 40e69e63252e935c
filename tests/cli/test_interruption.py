"""Ctrl-C: exit code 130, nothing said, and no file that looks whole but isn't. Real processes, and each waits for an event."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet
import pytest

from command import PROGRAM, cron_job, manifest, write
from gpucost.core.instants import instant_text
from gpucost.demo import RELATION, made_demo
from gpucost.report.files import INCOMPLETE
from processes import wait_until
from terminal import on_terminal, python

INTERRUPTED: Final = 130
TASKS: Final = 400_000
SAYS_WHEN: Final = "import os; os.write(1, b'now\\n')\n"
FORBIDDEN: Final = ("Traceback", "Error", "error", "gpucost:", "interrupted")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """Options of a report of so many tasks that each of its stages can be met."""
    folder, demo = tmp_path_factory.mktemp("inputs"), made_demo(TASKS)
    with duckdb.connect() as con:
        demo.fill(con)
        con.table(RELATION).write_parquet(str(folder / "tasks.parquet"))
    write(folder / "report.yaml", demo.report)
    write(folder / "cronjobs.yaml", *demo.cronjobs)
    files = ["-f", folder / "report.yaml", "--cronjobs", folder / "cronjobs.yaml", "--db", folder / "tasks.parquet"]
    return [*files, "--now", instant_text(demo.now_us)]


@pytest.mark.parametrize("stage", ["opening the task database", "reading [0-9]", "finding attempts", "sharing cost"])
def test_in_each_stage_of_a_computation(stage: str, inputs: list[str | Path]) -> None:
    with on_terminal("report", *inputs, "-o", "wide") as terminal:
        terminal.wait_for(stage)
        assert terminal.interrupt() == INTERRUPTED
        assert not [word for word in FORBIDDEN if word in terminal.shown], terminal.shown


def test_while_files_are_written(inputs: list[str | Path], tmp_path: Path) -> None:
    """What is there is whole, and the folder says that it isn't."""
    out = tmp_path / "out"
    command = [PROGRAM, "report", *inputs, "-o", "json", "--out", out]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        wait_until(lambda: (out / "report.json").exists(), 120, "the first file")
        process.send_signal(signal.SIGINT)
        assert process.stderr
        assert process.stderr.read() == b""
        assert process.wait(60) == INTERRUPTED
    assert (out / INCOMPLETE).exists()
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["kind"] == "CostReport"
    files = [path for path in out.rglob("*") if path.is_file()]
    assert not [path for path in files if path.name.endswith(".partial")]
    for path in files:
        if path.suffix == ".parquet":
            pyarrow.parquet.read_metadata(path)


def test_a_folder_that_is_written_to_the_end_says_nothing(tmp_path: Path) -> None:
    """Also where an earlier command left its mark."""
    out = tmp_path / "out"
    out.mkdir()
    (out / INCOMPLETE).write_bytes(b"")
    report, jobs = write(tmp_path / "r.yaml", manifest()), write(tmp_path / "j.yaml", cron_job())
    done = subprocess.run(
        [PROGRAM, "report", "-f", report, "--cronjobs", jobs, "--now", "2025-06-10T00:00:00Z", "--out", out],
        capture_output=True,
        check=True,
    )
    files = [path for path in out.rglob("*") if path.is_file()]
    assert f"wrote {len(files)} files" in done.stderr.decode()
    assert not [path for path in files if path.name == INCOMPLETE or path.name.startswith(".")]


def interrupted(command: list[str | Path], env: dict[str, str]) -> tuple[int, bytes, bytes]:
    """Exit code and output of a process that is interrupted once it has printed a line."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **env}
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.mark.parametrize("library", ["typer", "duckdb", "numpy"])
@pytest.mark.parametrize(
    "answer",
    [
        "",
        "except KeyboardInterrupt: raise ImportError('numpy failed')",
        "except KeyboardInterrupt: raise SystemError('?')",
    ],
)
def test_while_a_library_is_imported(library: str, answer: str, tmp_path: Path) -> None:
    """Also where the library makes an error of its own of it."""
    wait = "try:\n  signal.pause()\n" + (answer or "finally: pass") + "\n"
    (tmp_path / f"{library}.py").write_text(SAYS_WHEN + "import signal\n" + wait, encoding="utf-8")
    report = write(tmp_path / "r.yaml", manifest())
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    assert interrupted([PROGRAM, "report", "-f", report], {"PYTHONPATH": path}) == (INTERRUPTED, b"", b"")


PRETENDS: Final = """
import sys
from gpucost.cli import commands, interruption, main
def run(arguments):
    import duckdb
    {body}
commands.run = run
main.main()
"""


def cases() -> Iterator[tuple[str, str]]:
    endless = "duckdb.sql('SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b').fetchall()"
    yield "DuckDB's own error", f"{SAYS_WHEN.strip()}; {endless}"
    yield (
        "one that names it otherwise",
        f"""{SAYS_WHEN.strip()}
    try:
        {endless}
    except RuntimeError:
        raise ValueError("can't read")""",
    )
    yield (
        "one that goes on and is done",
        f"""{SAYS_WHEN.strip()}
    try:
        {endless}
    except RuntimeError:
        return 0""",
    )
    yield (
        "a destructor",
        f"""{SAYS_WHEN.strip()}
    class Deaf:
        def __del__(self):
            {endless}
    Deaf()
    return 0""",
    )
    yield (
        "one that is deaf",
        f"""interruption.GRACE_SECONDS = 0.1
    import signal
    {SAYS_WHEN.strip()}
    while True:
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass""",
    )


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in cases()])
def test_whatever_a_library_makes_of_it(body: str) -> None:
    assert interrupted(list(python(PRETENDS.format(body=body))), {}) == (INTERRUPTED, b"", b"")
