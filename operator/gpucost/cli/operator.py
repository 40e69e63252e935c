"""gpucost operator: every setting as a flag and as an environment variable."""

from __future__ import annotations

import os
import sys
import threading
from typing import Annotated, Final

import typer

from gpucost.controller.settings import LogFormat, Settings

DEFAULTS: Final = Settings(ledger="")
LEVELS: Final = ("debug", "info", "warning", "error")


def operator(
    ledger: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="GPUCOST_LEDGER",
            help="Ledger: sqlite:////FOLDER/ledger.db, or a postgresql:// URL. Losing it loses the history of schedules.",
        ),
    ],
    namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--watch-namespace",
            envvar="GPUCOST_WATCH_NAMESPACE",
            metavar="NAME",
            help="Namespace to watch for CostReports and CronJobs; several times, or blanks between; default: all.",
        ),
    ] = None,
    shared_namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--share-namespace",
            envvar="GPUCOST_SHARE_NAMESPACE",
            metavar="NAME",
            help="Namespace whose CronJobs reports of others may read; the label gpucost.dev/share-schedules=true does it too.",
        ),
    ] = None,
    read_config_maps: Annotated[
        bool,
        typer.Option(
            "--read-configmaps/--no-read-configmaps",
            envvar="GPUCOST_READ_CONFIGMAPS",
            help="Read ConfigMaps that CronJobs take scripts or variables from; needs the right to get configmaps.",
        ),
    ] = DEFAULTS.read_config_maps,
    listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            envvar="GPUCOST_LISTEN",
            help="Address of metrics, health and pages: HOST:PORT; port 0 takes a free one.",
        ),
    ] = f"{DEFAULTS.listen_host}:{DEFAULTS.listen_port}",
    pages: Annotated[
        bool,
        typer.Option(
            "--pages/--no-pages",
            envvar="GPUCOST_PAGES",
            help="Serve the pages of reports to those whom Kubernetes lets read them.",
        ),
    ] = DEFAULTS.pages,
    protect_metrics: Annotated[
        bool,
        typer.Option(
            "--protect-metrics/--open-metrics",
            envvar="GPUCOST_PROTECT_METRICS",
            help="Give metrics only to tokens that may get the path /metrics.",
        ),
    ] = DEFAULTS.protect_metrics,
    page_memory: Annotated[
        int,
        typer.Option(
            metavar="MIB",
            envvar="GPUCOST_PAGE_MEMORY",
            min=0,
            help="MiB for reports that pages show; others are computed anew.",
        ),
    ] = DEFAULTS.page_bytes >> 20,
    page_attempts: Annotated[
        int,
        typer.Option(
            metavar="N",
            envvar="GPUCOST_PAGE_ATTEMPTS",
            min=0,
            help="Most attempts of a report that pages show one by one.",
        ),
    ] = DEFAULTS.page_attempts,
    artifacts_folder: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            envvar="GPUCOST_ARTIFACTS_FOLDER",
            help="Writable folder for files of reports; default: none are kept.",
        ),
    ] = DEFAULTS.artifacts_folder,
    artifacts_keep: Annotated[
        int,
        typer.Option(
            metavar="N",
            envvar="GPUCOST_ARTIFACTS_KEEP",
            min=1,
            help="Computations of each report whose files are kept.",
        ),
    ] = DEFAULTS.artifacts_keep,
    artifacts_size: Annotated[
        int,
        typer.Option(metavar="MIB", envvar="GPUCOST_ARTIFACTS_SIZE", min=1, help="MiB for all kept files together."),
    ] = DEFAULTS.artifacts_bytes >> 20,
    artifacts_every: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            envvar="GPUCOST_ARTIFACTS_EVERY",
            min=1,
            help="Seconds between kept files of a report that is not final.",
        ),
    ] = DEFAULTS.artifacts_seconds,
    url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="GPUCOST_URL",
            help="Where people reach the pages: the beginning of links in status.artifacts.",
        ),
    ] = DEFAULTS.url,
    cluster_timezone: Annotated[
        str,
        typer.Option(
            metavar="ZONE",
            envvar="GPUCOST_CLUSTER_TIMEZONE",
            help="Zone of CronJobs without spec.timeZone: that of kube-controller-manager.",
        ),
    ] = DEFAULTS.cluster_time_zone,
    refresh: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            envvar="GPUCOST_REFRESH",
            min=5,
            help="Seconds between computations of a report that states none.",
        ),
    ] = DEFAULTS.refresh_seconds,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N", envvar="GPUCOST_WORKERS", min=1, max=64, help="Reports that are computed at the same time."
        ),
    ] = DEFAULTS.workers,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            envvar="GPUCOST_TIMEOUT",
            min=0.001,
            max=1e6,
            help="Timeout of each query on a task database, in seconds.",
        ),
    ] = DEFAULTS.statement_seconds,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", envvar="GPUCOST_MEMORY", help="Memory limit for DuckDB, for each database, such as 512MB."
        ),
    ] = DEFAULTS.memory,
    spill_folder: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", envvar="GPUCOST_SPILL_FOLDER", help="Writable folder for what does not fit into memory."
        ),
    ] = DEFAULTS.spill_folder,
    data_folders: Annotated[
        list[str] | None,
        typer.Option(
            "--data-folder",
            envvar="GPUCOST_DATA_FOLDER",
            metavar="FOLDER",
            help="Folder whose database, Parquet and CSV files reports may read; several times; default: PostgreSQL only.",
        ),
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            envvar="GPUCOST_SHARE",
            min=0,
            help="Seconds for which reports share a read of the same database.",
        ),
    ] = DEFAULTS.share_seconds,
    debounce: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", envvar="GPUCOST_DEBOUNCE", min=0, max=60, help="Seconds that a change waits for others."
        ),
    ] = DEFAULTS.debounce_seconds,
    resync: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            envvar="GPUCOST_RESYNC",
            min=1,
            help="Seconds between full lists, in case a watch stopped receiving events.",
        ),
    ] = DEFAULTS.resync_seconds,
    max_series: Annotated[
        int,
        typer.Option(
            metavar="N",
            envvar="GPUCOST_MAX_SERIES",
            min=0,
            help="Series of metrics over all reports; the rest is dropped.",
        ),
    ] = DEFAULTS.max_series,
    log_format: Annotated[
        LogFormat, typer.Option(envvar="GPUCOST_LOG_FORMAT", help="text or json.")
    ] = DEFAULTS.log_format,
    log_level: Annotated[
        str, typer.Option(metavar="LEVEL", envvar="GPUCOST_LOG_LEVEL", help="debug, info, warning or error.")
    ] = DEFAULTS.log_level,
    kubeconfig: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Kubeconfig; default: KUBECONFIG, else the pod's service account."),
    ] = None,
    context: Annotated[
        str | None, typer.Option(metavar="NAME", help="Context of the kubeconfig; default: the current one.")
    ] = None,
) -> None:
    """Run the operator: CostReports of a cluster get their status, Prometheus its metrics."""
    import asyncio

    from gpucost.controller.running import run
    from gpucost.core.zones import Zone

    Zone.parse(cluster_timezone)
    host, port = _address(listen)
    settings = Settings(
        ledger=ledger,
        namespaces=tuple(namespaces or ()),
        shared_namespaces=tuple(shared_namespaces or ()),
        read_config_maps=read_config_maps,
        listen_host=host,
        listen_port=port,
        pages=pages,
        protect_metrics=protect_metrics,
        page_bytes=page_memory << 20,
        page_attempts=page_attempts,
        artifacts_folder=artifacts_folder,
        artifacts_keep=artifacts_keep,
        artifacts_bytes=artifacts_size << 20,
        artifacts_seconds=artifacts_every,
        url=url,
        cluster_time_zone=cluster_timezone,
        refresh_seconds=refresh,
        workers=workers,
        statement_seconds=timeout,
        memory=memory,
        spill_folder=spill_folder,
        data_folders=tuple(data_folders or ()),
        share_seconds=share,
        debounce_seconds=debounce,
        resync_seconds=resync,
        max_series=max_series,
        log_format=log_format,
        log_level=_level(log_level),
        kubeconfig=kubeconfig,
        context=context,
    )
    asyncio.run(run(settings))
    if threading.active_count() > 1:
        # A read of a slow database can't be stopped, and the interpreter would wait for its thread.
        sys.stderr.flush()
        os._exit(0)


def _address(text: str) -> tuple[str, int]:
    """``HOST:PORT``, an IPv6 host in brackets; an empty host is every address."""
    from gpucost.api.costreport import SpecError

    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65535:
        raise SpecError(f"--listen must be HOST:PORT such as 127.0.0.1:8080, not {text[:80]!r}")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)


def _level(text: str) -> str:
    from gpucost.api.costreport import SpecError

    if text.lower() not in LEVELS:
        raise SpecError(f"--log-level must be one of {', '.join(LEVELS)}, not {text[:40]!r}")
    return text.lower()
