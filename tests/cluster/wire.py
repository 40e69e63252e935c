"""A wire between the operator and the API server that a test can silence, without an end that anybody would notice."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from kubernetes_server import OPERATOR, Cluster
from processes import free_ports

CHUNK: Final = 65_536


@dataclass
class _Connection:
    """One connection, from end to end."""

    ends: tuple[socket.socket, socket.socket]
    asked: float = field(default_factory=time.monotonic)
    """When the client last sent something."""
    deaf: bool = False

    def pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if source is self.ends[0]:
                    self.asked = time.monotonic()
                if not self.deaf:
                    sink.sendall(data)
        if not self.deaf:
            self.close()

    def close(self) -> None:
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Wire:
    """Forwards connections to a port of the loopback interface until the block ends."""

    def __init__(self, port: int) -> None:
        self._target = port
        (self.port,) = free_ports(1)
        self._connections: list[_Connection] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Wire:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def kubeconfig(self, cluster: Cluster, folder: Path) -> Path:
        """That of the operator's user, over this wire."""
        config = yaml.safe_load(cluster.kubeconfig_for(OPERATOR).read_text(encoding="utf-8"))
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        path = folder / "kubeconfig-wire.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    def _silent(self, seconds: float) -> list[_Connection]:
        limit = time.monotonic() - seconds
        return [c for c in self._connections if c.asked < limit and not c.deaf and c.ends[0].fileno() >= 0]

    def silent(self, seconds: float) -> int:
        """How many open connections have asked nothing for so long: those of watches do."""
        return len(self._silent(seconds))

    def deafen(self, seconds: float) -> int:
        """Let nothing more through on those, in either direction, and leave them open."""
        found = self._silent(seconds)
        for connection in found:
            connection.deaf = True
        return len(found)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target), 5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                connection = _Connection((near, far))
                self._connections.append(connection)
                for ends in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=connection.pump, args=ends, daemon=True))
                    self._threads[-1].start()
