"""Requests to the Kubernetes API: paged lists, one object, merge patches, events. One client for operator and commands."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from gpucost.kube.access import Access, AccessError

PAGE_OBJECTS: Final = 500
CONNECTIONS: Final = 20
"""Fewer than the server's own limits of requests in flight; Kopf alone would open one for every patch."""
TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=30)
RENEW_SECONDS: Final = 30.0
"""How long a token is used before it is looked up again: pods' tokens are replaced in their files."""
MERGE_PATCH: Final = "application/merge-patch+json"

Fields = dict[str, Any]


class ApiError(Exception):
    """The API server refused a request, or could not be reached (status 0). The message is the server's own."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    @property
    def not_found(self) -> bool:
        """Whether there is no such object or resource."""
        return self.status == 404


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object and where it lives."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Path of the collection, or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, *(("namespaces", namespace) if namespace else ()), self.plural, name, subresource]
        return "/".join(part for part in parts if part)


COST_REPORTS: Final = Resource("gpucost.dev", "v1alpha1", "costreports")
CRON_JOBS: Final = Resource("batch", "v1", "cronjobs")
JOBS: Final = Resource("batch", "v1", "jobs")
NAMESPACES: Final = Resource("", "v1", "namespaces")
SECRETS: Final = Resource("", "v1", "secrets")
CONFIG_MAPS: Final = Resource("", "v1", "configmaps")
EVENTS: Final = Resource("", "v1", "events")


@dataclass(slots=True)
class _Token:
    """The Authorization header that is in use, and when it was looked up."""

    headers: Mapping[str, str] = field(default_factory=dict)
    looked_up: float = float("-inf")


@dataclass(slots=True)
class Cluster:
    """A connection to one API server. Make it inside a running event loop, and close it."""

    access: Access
    connections: int = CONNECTIONS
    session: aiohttp.ClientSession = field(init=False)
    _token: _Token = field(default_factory=_Token)

    def __post_init__(self) -> None:
        self.session = self.new_session()

    def new_session(self) -> aiohttp.ClientSession:
        """An HTTP session that proves who we are with every request."""
        stated = self.access.configuration
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.connections, ssl=self.access.tls()),
            middlewares=(self._authorize,),
            proxy=stated.proxy or None,
            timeout=TIMEOUT,
        )

    async def _authorize(self, request: aiohttp.ClientRequest, send: Any) -> aiohttp.ClientResponse:
        if time.monotonic() - self._token.looked_up > RENEW_SECONDS:
            self._token.headers = await asyncio.to_thread(self.access.headers)
            self._token.looked_up = time.monotonic()
        request.headers.update(self._token.headers)
        response: aiohttp.ClientResponse = await send(request)
        if response.status == 401:
            self._token.looked_up = float("-inf")
        return response

    async def close(self) -> None:
        """End all connections."""
        await self.session.close()

    async def list(self, resource: Resource, namespace: str | None = None) -> AsyncIterator[Fields]:
        """Every object of a kind, page by page; items as the server sends them, without kind and apiVersion."""
        token = ""
        while True:
            query = {"limit": str(PAGE_OBJECTS), **({"continue": token} if token else {})}
            page = await self.request("GET", resource.path(namespace), query=query)
            for item in page.get("items") or ():
                yield item
            token = page.get("metadata", {}).get("continue") or ""
            if not token:
                return

    async def get(self, resource: Resource, namespace: str, name: str) -> Fields:
        """One object."""
        return await self.request("GET", resource.path(namespace, name))

    async def patch(
        self, resource: Resource, namespace: str, name: str, patch: Fields, *, subresource: str | None = None
    ) -> Fields:
        """Merge a patch into an object, and return what it is then."""
        return await self.request("PATCH", resource.path(namespace, name, subresource), body=patch, kind=MERGE_PATCH)

    async def create(self, resource: Resource, namespace: str, body: Fields) -> Fields:
        """Create an object."""
        return await self.request("POST", resource.path(namespace), body=body)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Fields | None = None,
        kind: str = "application/json",
    ) -> Fields:
        """One request and its JSON answer. Raises ApiError."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", **({"Content-Type": kind} if data else {})}
        try:
            async with self.session.request(
                method, self.access.server + path, params=query, data=data, headers=headers
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise ApiError(0, "Unreachable", f"the API server {self.access.server} can't be reached: {said}") from None
        return _answer(response.status, content)


def _answer(status: int, content: bytes) -> Fields:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    if status >= 400:
        message = str(answer.get("message") or f"the API server answered {status}")[:1000]
        raise ApiError(status, str(answer.get("reason") or status), message)
    return answer


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[Cluster]:
    """A connection for one command. Turns refusals into AccessError."""
    cluster = Cluster(access)
    try:
        yield cluster
    except ApiError as error:
        raise AccessError(str(error)) from None
    finally:
        await cluster.close()
