"""A real Prometheus for the tests: it scrapes a target on the loopback interface every second and answers queries."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml

from processes import CommandFailed, Missing, Process, free_ports, open_url, program, skip

START_SECONDS: Final = 30.0
JOB: Final = "gpucost"

StartPrometheus = Callable[[str], "Prometheus"]


class Sample(NamedTuple):
    """One series of an answer; Prometheus computes in binary floats and prints the shortest decimal of one."""

    labels: dict[str, str]
    value: Decimal


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus with one target."""

    port: int
    process: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def query(self, expression: str) -> list[Sample]:
        """The instant vector of an expression, now. Raises ValueError where Prometheus refuses the expression."""
        words = urllib.parse.urlencode({"query": expression})
        try:
            with open_url(urllib.request.Request(f"{self.url}/api/v1/query?{words}"), 10) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(error.read().decode()) from None
        return [Sample(row["metric"], Decimal(row["value"][1])) for row in found["data"]["result"]]

    def wait_scraped(self, seconds: float = 10.0) -> None:
        """Wait for a good scrape that begins after this call: what the target says now can be asked for."""
        ((_, now),) = self.query("vector(time())")
        up = f'up{{job="{JOB}"}}'
        fresh = f"timestamp({up}) > {now} and {up} == 1"  # of anything but a selector it is the time of the query
        self.process.wait_for(lambda: self.query(fresh), seconds, "a good scrape of the target")


@pytest.fixture
def start_prometheus() -> Iterator[StartPrometheus]:
    """Starts a Prometheus that scrapes ``http://HOST:PORT/PATH``; it ends with the test."""
    with ExitStack() as stack:

        def start(target: str) -> Prometheus:
            try:
                return stack.enter_context(running(target))
            except Missing as why:
                skip("Prometheus", why)

        yield start


@contextmanager
def running(target: str, labels: Mapping[str, str] | None = None) -> Iterator[Prometheus]:
    """A Prometheus that scrapes a URL every second, the first time 5 s after its start (nothing changes that).

    ``labels`` are those of the target, such as a ServiceMonitor gives: a series keeps its own of the same name. Raises Missing
    where its program isn't there.
    """
    prometheus = program("prometheus")
    folder = Path(tempfile.mkdtemp(prefix="gpucost-prometheus-"))
    try:
        (port,) = free_ports(1)
        address = urllib.parse.urlsplit(target)
        targets = {"targets": [address.netloc], "labels": dict(labels or {})}
        scrape = {
            "job_name": JOB,
            "metrics_path": address.path,
            "honor_labels": True,
            "static_configs": [targets],
        }
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]}
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        command = [
            prometheus,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        process = Process(command, folder / "prometheus.log")
        found = Prometheus(port, process)
        process.start()
        try:
            process.wait_for(lambda: _ready(found), START_SECONDS, "Prometheus' /-/ready")
            yield found
        finally:
            process.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def promtool(*args: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run promtool, for instance ``promtool("check", "metrics", stdin=text)``. Raises CommandFailed unless check is off."""
    try:
        command = [program("promtool"), *args]
    except Missing as why:
        skip("promtool", why)
    run = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    if check and run.returncode:
        raise CommandFailed(f"promtool {' '.join(args)}: {run.stderr.strip() or run.stdout.strip()}")
    return run


def _ready(server: Prometheus) -> bool:
    try:
        with open_url(urllib.request.Request(f"{server.url}/-/ready"), 5) as answer:
            return bool(answer.status == 200)
    except OSError:  # not there yet, or 503
        return False
