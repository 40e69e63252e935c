"""The command as a person runs it, and in process where there are many cases."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from gpucost.cli.main import main

PROGRAM = Path(sys.executable).parent / "gpucost"
NOW = "2025-06-10T00:00:00Z"
HEADER = "event_id,task_id,service_name,status,creation_ts,node_id,metainfo"


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def sentence(self, code: int) -> str:
        """The one sentence on stderr of a command that failed with a code, and printed nothing else."""
        assert self.code == code, self
        assert self.out == ""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("gpucost: ")
        assert "Traceback" not in self.err
        assert "unexpected" not in self.err
        assert len(lines[0]) < 900
        return lines[0].removeprefix("gpucost: ")

    def status(self) -> dict[str, Any]:
        """The status of a report that was printed with -o json."""
        assert (self.code, self.err) == (0, ""), self
        document: dict[str, Any] = yaml.load(self.out, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        status: dict[str, Any] = document["status"]
        return status

    def issues(self) -> dict[str, str]:
        """The first message of each reason in quality."""
        return {issue["reason"]: issue["message"] for issue in reversed(self.status()["quality"]["issues"])}


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def gpucost(*words: str | Path, stdin: str = "", screen: bool = False) -> Ran:
    """Run the command in this process; ``screen``: its output is a terminal, as wide as COLUMNS says."""
    out, err = Screen() if screen else io.StringIO(), io.StringIO()
    interrupted = signal.getsignal(signal.SIGINT)
    with (
        patch("sys.argv", ["gpucost", *map(str, words)]),
        patch("sys.stdin", io.StringIO(stdin)),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            code: Any = 0
        except SystemExit as left:
            code = left.code
        finally:
            signal.signal(signal.SIGINT, interrupted)
    return Ran(code, out.getvalue(), err.getvalue())


def installed(*words: str | Path, stdin: str | bytes = "", env: Mapping[str, str] | None = None) -> Ran:
    """Run the installed command in a process of its own."""
    run = subprocess.run(
        [PROGRAM, *words],
        input=stdin if isinstance(stdin, bytes) else stdin.encode(),
        capture_output=True,
        timeout=60,
        env={**os.environ, **(env or {})},
        check=False,
    )
    return Ran(run.returncode, run.stdout.decode(), run.stderr.decode())


def manifest(**spec: Any) -> dict[str, Any]:
    """A CostReport of two days of June 2025; ``None`` takes a field away."""
    fields = {
        "period": {"range": {"start": "2025-06-02", "end": "2025-06-04"}},
        "nodePools": {"types": [{"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "1"}]}]},
        **spec,
    }
    return {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": "june", "namespace": "finops"},
        "spec": {key: value for key, value in fields.items() if value is not None},
    }


def cron_job(
    name: str = "scale-l4", schedule: str = "0 0 * * *", pool: str = "gpu-l4", nodes: object = "1"
) -> dict[str, Any]:
    """A CronJob that states a pool and a count; it holds since ever."""
    annotations = {"gpucost.dev/node-pool": pool, "gpucost.dev/nodes": nodes}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": "finops", "annotations": annotations},
        "spec": {"schedule": schedule, "timeZone": "UTC"},
    }


def write(path: Path, *documents: object) -> Path:
    """Documents as a YAML file."""
    path.write_text(yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path
