"""ConfigMaps of a cluster, each by its name: listing them would need the right to read all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from gpucost.kube.client import CONFIG_MAPS, ApiError, Cluster, Fields

AT_ONCE: Final = 8
"""Requests under way at a time, of the connections that the client has."""

Key = tuple[str, str]
"""Namespace and name."""


async def get_config_maps(cluster: Cluster, keys: Iterable[Key]) -> dict[Key, Fields]:
    """ConfigMaps as whole manifests. Those that there are not, and those that may not be read, are left out.

    Raises ApiError where the server fails.
    """
    gate = asyncio.Semaphore(AT_ONCE)
    wanted = sorted(set(keys))
    # Each is awaited, whatever another raises: a request that is cancelled amid a TLS handshake leaves its socket open.
    found = await asyncio.gather(*(_get(cluster, gate, key) for key in wanted), return_exceptions=True)
    bodies: dict[Key, Fields] = {}
    for key, body in zip(wanted, found, strict=True):
        if isinstance(body, BaseException):
            raise body
        if body is not None:
            bodies[key] = {**body, "apiVersion": "v1", "kind": "ConfigMap"}
    return bodies


async def _get(cluster: Cluster, gate: asyncio.Semaphore, key: Key) -> Fields | None:
    async with gate:
        try:
            return await cluster.get(CONFIG_MAPS, *key)
        except ApiError as error:
            if error.not_found or error.status == 403:
                return None
            raise
