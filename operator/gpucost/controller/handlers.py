"""Kopf's handlers: doormen that unpack an event and call one function. They write nothing on any object."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import kopf

from gpucost.controller.watching import Watcher
from gpucost.kube.client import COST_REPORTS, CRON_JOBS, JOBS, NAMESPACES, Cluster

SERVER_TIMEOUT: Final = 300
CLIENT_TIMEOUT: Final = 310
CONNECT_TIMEOUT: Final = 30
"""Seconds after which a watch begins anew: operators that go deaf are Kopf's most frequent complaint
(https://github.com/nolar/kopf/issues/585)."""


def registry_of(watcher: Watcher, cluster: Cluster, stop: asyncio.Event) -> kopf.OperatorRegistry:
    """Handlers of everything that the operator watches. ``stop`` is set when Kopf ends, by a signal for example."""
    registry = kopf.OperatorRegistry()

    @kopf.on.cleanup(registry=registry)  # type: ignore[arg-type, unused-ignore]
    async def cleanup(**_: Any) -> None:
        stop.set()

    @kopf.on.login(registry=registry)  # type: ignore[arg-type, unused-ignore]
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=cluster.access.server, aiohttp_session=cluster.new_session())

    @kopf.on.event(COST_REPORTS.group, COST_REPORTS.version, COST_REPORTS.plural, registry=registry)
    async def report(event: Any, **_: Any) -> None:
        watcher.report_told(event["type"], event["object"])

    @kopf.on.event(CRON_JOBS.group, CRON_JOBS.version, CRON_JOBS.plural, registry=registry)
    async def cronjob(event: Any, **_: Any) -> None:
        await watcher.cronjob_told(event["type"], event["object"])

    @kopf.on.event(JOBS.group, JOBS.version, JOBS.plural, registry=registry)
    async def job(event: Any, **_: Any) -> None:
        watcher.job_told(event["type"], event["object"])

    if not watcher.namespaces:

        @kopf.on.event(NAMESPACES.version, NAMESPACES.plural, registry=registry)
        async def namespace(event: Any, **_: Any) -> None:
            watcher.namespace_told(event["type"], event["object"])

    return registry


class _NoDiffs(kopf.AnnotationsDiffBaseStorage):
    """Kopf's storage of what a handler saw last: we keep none, and on thousands of objects it takes seconds to say so."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> Any:
        return None


class _NoProgress(kopf.AnnotationsProgressStorage):
    """Kopf's storage of how far a handler came: ours are over at once."""

    def fetch(self, **_: Any) -> Any:
        return None

    def clear(self, *, essence: Any, **_: Any) -> Any:
        return essence


def kopf_settings() -> kopf.OperatorSettings:
    """Settings of Kopf that differ from its defaults."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = SERVER_TIMEOUT
    settings.watching.client_timeout = CLIENT_TIMEOUT
    settings.watching.connect_timeout = CONNECT_TIMEOUT
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.persistence.progress_storage = _NoProgress()
    return settings


async def watch(watcher: Watcher, cluster: Cluster, namespaces: tuple[str, ...], stop: asyncio.Event) -> None:
    """Watch until a signal or ``stop`` ends it; ``stop`` is set then."""
    await kopf.operator(
        registry=registry_of(watcher, cluster, stop),
        settings=kopf_settings(),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )
