"""The operator as a cluster runs it: a process of its own that is started, asked over HTTP, stopped and killed."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from processes import Process, free_ports, open_url

PROGRAM: Final = Path(sys.executable).parent / "gpucost"
READY_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Page:
    """What the operator's web server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Operator:
    """``gpucost operator`` with a folder for its ledger and its log; a context that starts it and kills what is left."""

    kubeconfig: Path
    folder: Path
    flags: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ledger: str = ""
    """The URL of the ledger; by default a SQLite file in the folder, which a restart finds again."""
    log_format: str = "json"
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ledger = self.ledger or f"sqlite:///{self.folder / 'ledger.db'}"
        command = [
            str(PROGRAM),
            "operator",
            f"--listen=127.0.0.1:{self.port}",
            f"--ledger={self.ledger}",
            f"--kubeconfig={self.kubeconfig}",
            f"--log-format={self.log_format}",
            *self.flags,
        ]
        env = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PYTHONUNBUFFERED": "1", **self.env}
        self.process = Process(command, self.folder / "operator.log", env)

    def __enter__(self) -> Operator:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it has written to stdout and stderr, over restarts."""
        return self.process.log

    def start(self) -> None:
        """Start it, again where it was stopped or killed: with the same ledger, port and log."""
        self.process.start()

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until /readyz says 200. Fails with the end of the log."""
        self.process.wait_for(self.ready, seconds, "the operator's /readyz")

    def ready(self) -> bool:
        try:
            return self.page("/readyz").status == 200
        except OSError:  # it doesn't listen yet
            return False

    def page(self, path: str, headers: Mapping[str, str] | None = None, timeout: float = 5) -> Page:
        """What it answers under a path, whatever the status. Raises OSError where it doesn't answer."""
        request = urllib.request.Request(self.url + path, headers=dict(headers or {}))
        try:
            with open_url(request, timeout) as answer:
                return Page(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.code, dict(error.headers), error.read())

    def metrics(self) -> str:
        """The text of /metrics."""
        page = self.page("/metrics")
        assert page.status == 200, page
        return page.text

    def kill(self) -> None:
        """SIGKILL: at once and without a farewell."""
        self.process.kill()

    def stop(self, seconds: float = 15.0) -> int:
        """SIGTERM; the exit code. Fails if it's still there after so many seconds."""
        return self.process.stop(seconds)
