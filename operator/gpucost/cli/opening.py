"""What gpucost open does: find the operator, run a proxy that adds one's own token, open the browser."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from gpucost.api.costreport import SpecError
from gpucost.kube.access import Access, AccessError, find_access
from gpucost.kube.client import ApiError, Cluster, Resource, connected
from gpucost.kube.forwarding import Forward, Service, forward_command
from gpucost.pages.links import report_path
from gpucost.web.access import bearer_token
from gpucost.web.listening import address, serve
from gpucost.web.proxy import Proxy

SERVICES: Final = Resource("", "v1", "services")
LABEL: Final = "app.kubernetes.io/name=gpucost"
"""What the chart puts on the operator's Service."""
RENEW_SECONDS: Final = 30.0
"""How long a token is used before it is looked up again: it may expire, and its file be written anew."""
TOKEN_BYTES: Final = 8192
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
SERVICE: Final = re.compile(r"([a-z0-9][-a-z0-9]*)/([a-z0-9][-a-z0-9]*)")
FROM_FILE: Final = "kubectl create token ACCOUNT -n NAMESPACE > FILE, and gpucost open --token-file FILE"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to open, how the operator is reached, and with whose token; None: as the kubeconfig says."""

    name: str | None
    kubeconfig: str | None
    context: str | None
    namespace: str | None
    operator_url: str | None
    service: str | None
    token_file: str | None
    port: int
    browser: bool


def show(wanted: Wanted) -> None:
    """Run the proxy until a signal ends it. Raises AccessError, SpecError or OSError."""
    if wanted.operator_url is not None and wanted.service is not None:
        raise SpecError("name either the operator's Service or its URL: --service or --operator-url")
    asyncio.run(_show(wanted, find_access(wanted.kubeconfig, wanted.context)))


async def _show(wanted: Wanted, access: Access) -> None:
    token = OwnToken(_reader(wanted, access))
    await token.get()  # to say at once what is wrong with it
    async with way_to_operator(wanted, access) as operator:
        proxy = Proxy(operator, token.get, start_page(wanted, access))
        runner = await serve(proxy.application(), "127.0.0.1", wanted.port)
        try:
            link = f"http://{address(*runner.addresses[0][:2])}{proxy.link}"
            print(link, flush=True)
            if wanted.browser and not await asyncio.to_thread(webbrowser.open, link):
                _tell("no browser was found; open the link yourself")
            await _interrupted()
        finally:
            await runner.cleanup()


def start_page(wanted: Wanted, access: Access) -> str:
    """The path of the page to open."""
    if wanted.name is None:
        return ""
    return report_path(wanted.namespace or access.namespace, wanted.name)


async def _interrupted() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _tell(sentence: str) -> None:
    print(f"gpucost: {sentence}", file=sys.stderr, flush=True)


# The way to the operator


@asynccontextmanager
async def way_to_operator(wanted: Wanted, access: Access) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """A function that gives the URL under which the operator is reached now. Raises AccessError or SpecError."""
    if wanted.operator_url is not None:
        url = safe_url(wanted.operator_url)

        async def stated() -> str:
            return url

        yield stated
        return
    async with connected(access) as cluster:
        service = await find_service(cluster, wanted.service)
    forward = Forward(forward_command(service, wanted.kubeconfig, wanted.context))
    try:
        await forward.url()  # to say at once what is wrong with it
        _tell(f"Service {service} gets your token; Ctrl-C ends it")
        yield forward.url
    finally:
        await forward.close()


def safe_url(text: str) -> str:
    """The operator's URL, without a slash at its end. Raises SpecError where a token would travel in the clear."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise SpecError(f"--operator-url must be such as https://gpucost.example, not {text[:80]!r}")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise SpecError("--operator-url must begin with https://, for your token must not travel in the clear")
    return text.rstrip("/")


async def find_service(cluster: Cluster, stated: str | None) -> Service:
    """The operator's Service: the one that is stated as NAMESPACE/NAME, or the only one with LABEL in the cluster.

    Raises SpecError, AccessError, and ApiError where the cluster refuses.
    """
    if stated is not None:
        parts = SERVICE.fullmatch(stated)
        if parts is None:
            raise SpecError(f"--service must be NAMESPACE/NAME, not {stated[:80]!r}")
        return _service(await cluster.get(SERVICES, *parts.groups()))
    services = [_service(item) for item in await _labelled(cluster)]
    if len(services) != 1:
        listed = f"there are several: {', '.join(sorted(map(str, services)))}" if services else "there is none"
        raise AccessError(f"no single Service has the label {LABEL}, {listed}; name it with --service NAMESPACE/NAME")
    return services[0]


async def _labelled(cluster: Cluster) -> list[dict[str, Any]]:
    try:
        found = await cluster.request("GET", SERVICES.path(), query={"labelSelector": LABEL})
    except ApiError as error:
        if error.status != 403:
            raise
        raise AccessError("you may not list Services; name the operator's with --service NAMESPACE/NAME") from None
    return list(found.get("items") or ())


def _service(body: dict[str, Any]) -> Service:
    """A Service and its port of the name http, or its first."""
    about, ports = body["metadata"], (body.get("spec") or {}).get("ports") or ()
    if not ports:
        raise AccessError(f"Service {about['namespace']}/{about['name']} has no port")
    chosen = next((port for port in ports if port.get("name") == "http"), ports[0])
    return Service(about["namespace"], about["name"], int(chosen["port"]))


# One's own token


class OwnToken:
    """One's own bearer token, read again where it may have expired. ``read`` may take a while, and raises AccessError."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read, self._token, self._since = read, "", float("-inf")

    async def get(self) -> str:
        """The token. Raises AccessError."""
        if time.monotonic() - self._since > RENEW_SECONDS:
            self._token, self._since = await asyncio.to_thread(self._read), time.monotonic()
        return self._token


def _reader(wanted: Wanted, access: Access) -> Callable[[], str]:
    file = wanted.token_file
    return (lambda: token_of(access)) if file is None else (lambda: token_in(Path(file)))


def token_of(access: Access) -> str:
    """The bearer token of a kubeconfig. Raises AccessError where it logs in by something else."""
    token = bearer_token([*access.headers().values()])
    if token is None:
        has = "a client certificate" if access.configuration.cert_file else "no bearer token"
        raise AccessError(f"a page needs a bearer token, and the kubeconfig has {has}: {FROM_FILE}")
    return token


def token_in(path: Path) -> str:
    """The bearer token that is all of a file. Raises AccessError."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(TOKEN_BYTES + 2).strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise AccessError(f"the token in {path} can't be read: {said}") from None
    token = bearer_token([f"Bearer {text}"])
    if token is None:
        raise AccessError(f"{path} must hold a bearer token and nothing else: {FROM_FILE}")
    return token
