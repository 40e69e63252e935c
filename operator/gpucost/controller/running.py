"""run(): the operator, put together. One process, one event loop, one ledger.

Watches (Kopf) and lists -> store and ledger -> work queue -> computations in threads -> status, metrics, Events.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from gpucost.controller.artifacts import Artifacts
from gpucost.controller.bookshelf import Bookshelf
from gpucost.controller.handlers import watch
from gpucost.controller.keeper import Keeper
from gpucost.controller.library import OperatorLibrary
from gpucost.controller.logs import configure_logs
from gpucost.controller.queue import WorkQueue
from gpucost.controller.reads import Reads
from gpucost.controller.reconcile import Reconciler
from gpucost.controller.recorder import Recorder
from gpucost.controller.settings import Settings
from gpucost.controller.store import Store
from gpucost.controller.threads import Threads
from gpucost.controller.watching import Watcher
from gpucost.core.zones import Zone
from gpucost.kube.access import find_access
from gpucost.kube.client import CONNECTIONS, Cluster
from gpucost.ledger.dating import TOLERANCE_US
from gpucost.ledger.errors import LedgerError
from gpucost.ledger.ledger import Ledger
from gpucost.metrics.operator import OperatorMetrics
from gpucost.metrics.page import MetricsPage
from gpucost.sources.tasks import Limits
from gpucost.web.access import ClusterGuard
from gpucost.web.listening import serve
from gpucost.web.reports import ReportPages
from gpucost.web.server import application

LOG: Final = logging.getLogger("gpucost")
LEDGER_RETRY_SECONDS: Final = 2.0
HOLDER: Final = "gpucost operator"
"""Who holds a ledger, for the message of a second instance; the ledger adds process, host and time."""
RESOURCES: Final = 4
"""Kinds that are watched, each over a connection of its own for each namespace."""


@dataclass(slots=True)
class _Readiness:
    """What the operator waits for; /readyz shows it."""

    ledger: str | None = "the ledger is not open yet"
    watcher: Watcher | None = None
    recorder: Recorder | None = None

    def unready(self) -> list[str]:
        """One sentence for each thing that is missing."""
        listed = self.watcher.unlisted if self.watcher else "the cluster is not listed yet"
        failure = self.recorder.failure if self.recorder else None
        return [told for told in (self.ledger, listed, failure) if told is not None]


async def run(settings: Settings) -> None:
    """Run until a signal ends it. Raises AccessError or OSError where it can't even begin."""
    configure_logs(settings)
    registry = CollectorRegistry()
    page = MetricsPage(registry, settings.max_series)
    metrics = OperatorMetrics(registry, version("gpucost"))
    readiness = _Readiness()
    metrics.ready_when(lambda: not readiness.unready())
    access = find_access(settings.kubeconfig, settings.context)
    stop = _stop_at_signals()
    reports = ReportPages()
    app = application(
        page, readiness.unready, reports if settings.pages else None, reports if settings.protect_metrics else None
    )
    runner = await serve(app, settings.listen_host, settings.listen_port)
    LOG.info("gpucost %s listens on %s", version("gpucost"), _addresses(runner))
    try:
        ledger = await _opened(settings, readiness, metrics, stop)
        if ledger is not None:
            watches = RESOURCES * max(1, len(settings.namespaces))
            cluster = Cluster(access, connections=CONNECTIONS + watches)
            await _operate(settings, ledger, cluster, page, metrics, readiness, reports, stop)
    finally:
        await runner.cleanup()
        LOG.info("stopped")


def _stop_at_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _addresses(runner: web.AppRunner) -> str:
    return ", ".join(f"http://{address[0]}:{address[1]}" for address in runner.addresses)


async def _opened(
    settings: Settings, readiness: _Readiness, metrics: OperatorMetrics, stop: asyncio.Event
) -> Ledger | None:
    """The ledger, tried again until it can be had: another instance may hold it, or its database be down."""
    while not stop.is_set():
        try:
            tolerance_us = max(TOLERANCE_US, int(2e6 * settings.resync_seconds))
            ledger = await asyncio.to_thread(Ledger.open, settings.ledger, HOLDER, tolerance_us=tolerance_us)
        except LedgerError as error:
            if readiness.ledger != str(error):
                LOG.warning("%s; it is tried again", error)
                metrics.ledger_error()
            readiness.ledger = str(error)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LEDGER_RETRY_SECONDS)
        else:
            readiness.ledger = None
            return ledger
    return None


async def _operate(
    settings: Settings,
    ledger: Ledger,
    cluster: Cluster,
    page: MetricsPage,
    metrics: OperatorMetrics,
    readiness: _Readiness,
    reports: ReportPages,
    stop: asyncio.Event,
) -> None:
    shared = frozenset(settings.shared_namespaces)
    threads, store, queue = Threads(settings.workers), Store(sharing=set(shared)), WorkQueue(settings.debounce_seconds)
    reads = Reads(_limits(settings), int(settings.share_seconds * 1e6), Zone.parse(settings.cluster_time_zone))
    recorder, shelf = Recorder(ledger, threads), Bookshelf(settings.page_bytes)
    refresh_us = int(settings.refresh_seconds * 1e6)
    keeper = Keeper(store, queue, shelf, _artifacts(settings), settings.url)
    reconciler = Reconciler(store, queue, cluster, ledger, recorder, reads, threads, page, metrics, keeper, refresh_us)
    reconciler.tell_computed = reports.renew
    library = reports.library = OperatorLibrary(reconciler, settings.page_attempts)
    reports.guard = ClusterGuard(cluster)
    watcher = Watcher(
        cluster, settings.namespaces, shared, settings.read_config_maps, store, queue, recorder, reconciler, metrics
    )
    recorder.changed, recorder.troubled = watcher.cronjobs_changed, watcher.ledger_troubled
    readiness.watcher, readiness.recorder = watcher, recorder
    try:
        async with _background(stop, recorder.work(), _housekeeping(reads, queue, metrics, library)):
            first = asyncio.ensure_future(watcher.list_first())
            if not await _before(first, stop):
                return
            LOG.info("ready: %d CostReports, %d CronJobs", len(store.reports), len(store.cronjobs))
            visits = [reconciler.work() for _ in range(settings.workers * VISITS)]
            async with _background(
                stop, *visits, watcher.relist(settings.resync_seconds), keeper.work(), reconciler.tell_files()
            ):
                await watch(watcher, cluster, settings.namespaces, stop)
    finally:
        await cluster.close()
        threads.close()
        reads.release(older_than_us=0)
        ledger.close()


VISITS: Final = 16
"""Visits under way for each thread that computes: while one waits for the API server, another computes."""


async def _before(task: asyncio.Future[None], stop: asyncio.Event) -> bool:
    """Whether a task is done before the operator is to stop."""
    stopped = asyncio.ensure_future(stop.wait())
    both: set[asyncio.Future[Any]] = {task, stopped}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not task.done():
        task.cancel()
        return False
    task.result()
    return True


@asynccontextmanager
async def _background(stop: asyncio.Event, *work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on beside. If any of it fails the operator stops, for half an operator is worse than none.

    It ends with ``stop``, not only with the block: Kopf waits 5 s for all tasks of the loop before it returns.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    for task in tasks:
        task.add_done_callback(lambda _: stop.set())
    ending = asyncio.ensure_future(_cancel_at(stop, tasks))
    try:
        yield
    finally:
        for task in (ending, *tasks):
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def _cancel_at(stop: asyncio.Event, tasks: Iterable[asyncio.Future[None]]) -> None:
    await stop.wait()
    for task in tasks:
        task.cancel()


async def _housekeeping(reads: Reads, queue: WorkQueue, metrics: OperatorMetrics, library: OperatorLibrary) -> None:
    """Let go of reads and attempts that nobody wants any more, and tell how much work waits."""
    while True:
        metrics.queue_depth(queue.depth)
        await asyncio.to_thread(reads.release)
        library.release()
        await asyncio.sleep(1)


def _artifacts(settings: Settings) -> Artifacts | None:
    if settings.artifacts_folder is None:
        return None
    every_us = int(settings.artifacts_seconds * 1e6)
    return Artifacts(Path(settings.artifacts_folder), settings.artifacts_keep, settings.artifacts_bytes, every_us)


def _limits(settings: Settings) -> Limits:
    return Limits(
        timeout_seconds=settings.statement_seconds,
        memory=settings.memory,
        spill_folder=settings.spill_folder,
        threads=1,  # reports are computed side by side already
        folders=settings.data_folders,
    )
