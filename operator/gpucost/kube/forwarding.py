"""A way to a Service for one command: kubectl port-forward as a child process, with the user's own rights.

The API server's own proxy to Services would need no child, but a page needs the header Authorization, which the server takes
for itself and passes on to nobody (WithAuthentication in k8s.io/apiserver, pkg/endpoints/filters/authentication.go).
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from gpucost.kube.access import AccessError

FORWARDING: Final = re.compile(r"Forwarding from (127\.0\.0\.1:[0-9]+) -> [0-9]+")
"""What kubectl says once it listens."""
POD_SECONDS: Final = 20
"""How long kubectl waits for a pod that runs."""
START_SECONDS: Final = 30.0
TOLD: Final = 5
"""Lines of kubectl that are kept to say why it ended."""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service and the port of it that is wanted."""

    namespace: str
    name: str
    port: int

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True)
class Forward:
    """kubectl port-forward, started at first use and again where it has ended, as it does when the pod is replaced."""

    command: Sequence[str]
    _child: asyncio.subprocess.Process | None = None
    _address: str = ""
    _reading: asyncio.Task[None] | None = None
    _told: deque[str] = field(default_factory=lambda: deque(maxlen=TOLD))
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def url(self) -> str:
        """Where the Service is to be had now: a port of the loopback interface. Raises AccessError."""
        async with self._starting:
            if self._child is None or self._child.returncode is not None:
                await self._start()
            return f"http://{self._address}"

    async def close(self) -> None:
        """End kubectl."""
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.terminate()
            await self._child.wait()
        if self._reading is not None:
            await self._reading

    async def _start(self) -> None:
        self._told.clear()
        self._child = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        listens = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(self._child, listens))
        try:
            async with asyncio.timeout(START_SECONDS):
                self._address = await listens
        except TimeoutError:
            self._child.kill()
            raise AccessError(f"kubectl port-forward does not get through within {START_SECONDS:g} s") from None

    async def _read(self, child: asyncio.subprocess.Process, listens: asyncio.Future[str]) -> None:
        """Read what kubectl says to its end, for it stops where nobody reads; settle ``listens`` by its first word."""
        assert child.stdout is not None
        async for line in child.stdout:
            text = line.decode(errors="replace").strip()
            self._told.append(text)
            if not listens.done() and (found := FORWARDING.match(text)):
                listens.set_result(found[1])
        await child.wait()
        if not listens.done():
            listens.set_exception(
                AccessError(f"kubectl port-forward ended: {' '.join(self._told) or 'it said nothing'}")
            )


def forward_command(service: Service, kubeconfig: str | None, context: str | None) -> list[str]:
    """kubectl's words for a free port of the loopback interface. Raises AccessError where there is no kubectl."""
    program = shutil.which("kubectl")
    if program is None:
        raise AccessError(
            "kubectl is not in PATH; install it, or say where the operator is reached with --operator-url"
        )
    return [
        program,
        *([f"--kubeconfig={kubeconfig}"] if kubeconfig else []),
        *([f"--context={context}"] if context else []),
        "port-forward",
        f"--namespace={service.namespace}",
        "--address=127.0.0.1",
        f"--pod-running-timeout={POD_SECONDS}s",
        f"service/{service.name}",
        f":{service.port}",
    ]
