"""Every setting of the operator: its name, type, default, and why one would change it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator is started with."""

    ledger: str
    """URL of the ledger: sqlite:////FOLDER/ledger.db or postgresql://. Losing it loses the history of schedules."""
    namespaces: tuple[str, ...] = ()
    """Namespaces that are watched, for CostReports and CronJobs; none: all of the cluster."""
    shared_namespaces: tuple[str, ...] = ()
    """Namespaces whose CronJobs reports of other namespaces may read, besides those labelled gpucost.dev/share-schedules."""
    read_config_maps: bool = False
    """Whether ConfigMaps are read that CronJobs take scripts or variables from; the operator needs the right to get them."""
    listen_host: str = "127.0.0.1"
    listen_port: int = 8080
    """Where metrics, health and pages are served."""
    pages: bool = True
    """Whether the pages of reports are served, to those whom Kubernetes lets read the reports."""
    protect_metrics: bool = False
    """Whether a scraper needs a token that may get the path /metrics."""
    page_bytes: int = 128 * 1024 * 1024
    """Memory for reports that pages show; others are computed anew when somebody looks at them."""
    page_attempts: int = 500_000
    """A report with more attempts is not shown attempt by attempt: that would take too much memory."""
    artifacts_folder: str | None = None
    """A writable folder for files of reports; none: none are kept."""
    artifacts_keep: int = 3
    """Computations of each report whose files are kept."""
    artifacts_bytes: int = 1024 * 1024 * 1024
    """Of all kept files together."""
    artifacts_seconds: float = 3600.0
    """How often files of a report that is not final are kept; of a final one whenever its figures change."""
    url: str = ""
    """Where people reach the pages, such as https://gpucost.example: the beginning of links in status.artifacts."""
    cluster_time_zone: str = "UTC"
    """Zone of CronJobs without spec.timeZone: that of kube-controller-manager."""
    refresh_seconds: float = 300.0
    """How often a report is computed that does not say it itself."""
    workers: int = 2
    """Reports that are computed at the same time."""
    statement_seconds: float = 60.0
    """How long a statement on a task database may take."""
    memory: str | None = None
    """Memory that DuckDB may take for one database, such as 512MB; more spills to ``spill_folder``."""
    spill_folder: str | None = None
    """A writable folder for what does not fit into memory."""
    data_folders: tuple[str, ...] = ()
    """Folders whose SQLite, DuckDB, Parquet and CSV files reports may read; none: only PostgreSQL."""
    share_seconds: float = 10.0
    """How old a read of a task database may be that refreshes of several reports share."""
    debounce_seconds: float = 0.1
    """How long a change waits for others, so that one kubectl apply of many objects is computed once."""
    resync_seconds: float = 60.0
    """How often everything is listed anew, in case a watch went deaf. Edits that are noticed later than two minutes are
    marked as undated where nothing proves when they were made."""
    max_series: int = 200_000
    """Series of metrics over all reports; what is beyond is dropped and counted."""
    log_format: LogFormat = LogFormat.TEXT
    log_level: str = "info"
    kubeconfig: str | None = None
    """A kubeconfig; none: KUBECONFIG, else the pod's service account."""
    context: str | None = None
    """A context of the kubeconfig; none: the current one."""
