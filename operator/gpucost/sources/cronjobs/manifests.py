"""CronJob manifests to schedule versions: which pools, to how many nodes, when, since when (section 2).

A CronJob states its pools and counts in the first of these places that states both:

1. the annotation ``gpucost.dev/node-counts``, for several pools, or ``gpucost.dev/node-pool`` and ``gpucost.dev/nodes``,
2. the environment variables ``NODE_POOL`` and ``NODES_COUNT`` of a container, with literal values or from ConfigMaps,
3. the command line of a container (``commandline``), and the scripts from ConfigMaps that it runs.

The last two are of each container by itself: what its containers set together is what the CronJob sets. A place that
states only a pool or only a count is never completed from another place: it must agree with the next place that states
both, else the CronJob sets nothing and an issue says why. What can't be read is an issue, never a guess. A CronJob that
states nothing and whose command has nothing to do with scaling is none of ours: no issue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gpucost.core.instants import parse_instant
from gpucost.core.issues import (
    DUPLICATE_CRON_JOB,
    IGNORED_CRON_JOB,
    INVALID_VALID_FROM,
    NODES_PER_ZONE,
    UNREADABLE_SCALING_COMMAND,
    Issue,
    shorten,
    show,
)
from gpucost.core.scaling import PassedOver, PoolCount, ScheduleVersion, order_counts
from gpucost.sources.cronjobs.commandline import ScalingCommand
from gpucost.sources.cronjobs.configmaps import DEFAULT_NAMESPACE, ConfigMaps, Key, collect_config_maps
from gpucost.sources.cronjobs.containers import find_absences, find_pod, read_containers, settle
from gpucost.sources.cronjobs.fields import Fields, Refused, malformed, read_map, read_text
from gpucost.sources.cronjobs.selectors import LabelSelector, selects
from gpucost.sources.cronjobs.statements import (
    IGNORE_ANNOTATION,
    REMEDY,
    Half,
    check_half,
    is_ignored,
    parse_one_pool,
    read_annotations,
)
from gpucost.sources.yamlfiles import flatten_lists

VALID_FROM_ANNOTATION: Final = "gpucost.dev/valid-from"
API_VERSIONS: Final = ("batch/v1", "batch/v1beta1")
_IGNORED: Final = f"{IGNORE_ANNOTATION} says that it is to be left out"


@dataclass(frozen=True, slots=True)
class CronJobInventory:
    """What a set of CronJobs says about node pools: one version per scaling CronJob, in the order of the documents."""

    versions: tuple[ScheduleVersion, ...]
    issues: tuple[Issue, ...]
    passed_over: tuple[PassedOver, ...] = ()
    """What was seen and sets no node count, without being wrong: commands that scale pods, ignored CronJobs."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one CronJob after another, and takes notes."""

    config_maps: ConfigMaps
    issues: list[Issue] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)

    def tell(self, reason: str, label: str, what: str) -> None:
        self.issues.append(Issue(reason, f"CronJob {label}: {what}"))


def read_cronjobs(
    documents: Iterable[object],
    *,
    namespaces: Collection[str] | None = None,
    selector: LabelSelector | None = None,
) -> CronJobInventory:
    """The scaling CronJobs among parsed manifests, with the ConfigMaps among them (lists are flattened, other kinds passed
    over).

    ``namespaces`` and ``selector`` choose among them before anything else is read, so that the rest raises no issues;
    None chooses all. Never raises for any document.
    """
    versions: dict[str, ScheduleVersion] = {}
    manifests = list(flatten_lists(documents))
    reader = _Reader(collect_config_maps(manifests))
    for manifest in manifests:
        version = _read_document(manifest, namespaces, selector, reader)
        if version is None:
            continue
        first = versions.setdefault(version.label, version)
        if first != version:
            reader.tell(DUPLICATE_CRON_JOB, _label(manifest), "it is defined twice, differently; the first stands")
    return CronJobInventory(tuple(versions.values()), tuple(reader.issues), tuple(reader.passed_over))


def _read_document(
    manifest: object, namespaces: Collection[str] | None, selector: LabelSelector | None, reader: _Reader
) -> ScheduleVersion | None:
    if not isinstance(manifest, Mapping) or not _is_cronjob(manifest):
        return None
    label = _label(manifest)
    try:
        namespace, name = _identity(manifest)
        if _is_chosen(manifest, namespace, namespaces, selector):
            return _read_cronjob(manifest, namespace, name, label, reader)
    except Refused as refused:
        reader.tell(refused.reason, label, refused.what)
    return None


def find_config_maps(manifest: object) -> frozenset[Key]:
    """The ConfigMaps on which it depends what a CronJob sets: none where its annotations state it. Never raises."""
    if not isinstance(manifest, Mapping) or not _is_cronjob(manifest):
        return frozenset()
    try:
        annotations = _annotations(manifest)
        if is_ignored(annotations) or isinstance(read_annotations(annotations), tuple):
            return frozenset()
        pod = find_pod(manifest, *_identity(manifest), config_maps={})
        return frozenset(absence.config_map for absence in find_absences(pod))
    except Refused:  # reading it says why
        return frozenset()


# Which documents


def _is_cronjob(manifest: Fields) -> bool:
    """Whether it is a CronJob of Kubernetes; other groups have kinds of that name too."""
    group = manifest.get("apiVersion")
    return manifest.get("kind") == "CronJob" and not (isinstance(group, str) and group.partition("/")[0] != "batch")


def _label(manifest: object) -> str:
    """``namespace/name`` for messages, whatever the metadata is."""
    metadata = manifest.get("metadata") if isinstance(manifest, Mapping) else None
    fields = metadata if isinstance(metadata, Mapping) else {}
    namespace, name = fields.get("namespace") or DEFAULT_NAMESPACE, fields.get("name") or "without a name"
    return "/".join(shorten(part) if isinstance(part, str) else show(part) for part in (namespace, name))


def _identity(manifest: Fields) -> tuple[str, str]:
    if manifest.get("apiVersion") not in API_VERSIONS:
        raise malformed("apiVersion", manifest.get("apiVersion"), " or ".join(API_VERSIONS))
    metadata = read_map(manifest, "metadata", "metadata")
    namespace = read_text(metadata, "namespace", "metadata.namespace")
    name = read_text(metadata, "name", "metadata.name")
    if not name:
        raise malformed("metadata.name", metadata.get("name"), "a name")
    return namespace or DEFAULT_NAMESPACE, name


def _is_chosen(
    manifest: Fields,
    namespace: str,
    namespaces: Collection[str] | None,
    selector: LabelSelector | None,
) -> bool:
    if namespaces is not None and namespace not in namespaces:
        return False
    return selector is None or selects(
        selector, read_map(read_map(manifest, "metadata", ""), "labels", "metadata.labels")
    )


# One CronJob


def _annotations(manifest: Fields) -> Fields:
    return read_map(read_map(manifest, "metadata", "metadata"), "annotations", "metadata.annotations")


def _read_cronjob(manifest: Fields, namespace: str, name: str, label: str, reader: _Reader) -> ScheduleVersion | None:
    metadata, annotations = read_map(manifest, "metadata", "metadata"), _annotations(manifest)
    if is_ignored(annotations):
        reader.tell(IGNORED_CRON_JOB, label, _IGNORED)
        reader.passed_over.append(PassedOver(label, _IGNORED))
        return None
    commands = _find_commands(manifest, namespace, name, label, reader)
    if not commands:
        return None
    spec = read_map(manifest, "spec", "spec")
    created_us = _created_us(metadata)
    version = ScheduleVersion(
        uid=read_text(metadata, "uid", "metadata.uid") or f"{namespace}/{name}",
        namespace=namespace,
        name=name,
        counts=order_counts({command.pool: command.nodes for command in commands}),
        schedule=_schedule(spec),
        time_zone=_time_zone(spec),
        suspended=_suspended(spec),
        starting_deadline_seconds=_deadline(spec),
        created_us=created_us,
        valid_from_us=_valid_from_us(annotations, label, created_us, reader),
    )
    if any(command.per_zone for command in commands):
        what = (
            "its command counts nodes in each zone, as gcloud does in a region; that is taken as the whole pool's count"
        )
        reader.tell(NODES_PER_ZONE, label, f"{what}: if the pool has several zones, {REMEDY}")
    return version


def _find_commands(
    manifest: Fields, namespace: str, name: str, label: str, reader: _Reader
) -> tuple[ScalingCommand, ...]:
    """What the CronJob sets, from the first place that states it; nothing if it states nothing. Raises Refused."""
    noted = read_annotations(_annotations(manifest))
    if isinstance(noted, tuple):
        return tuple(ScalingCommand(count.pool, count.nodes) for count in noted)
    said = read_containers(find_pod(manifest, namespace, name, reader.config_maps))
    whole = settle(said, noted)
    counts = [PoolCount(command.pool, command.nodes) for command in whole.commands]
    for half in (noted, *(one.half for one in said)):
        if isinstance(half, Half):
            check_half(half, counts)
    _check_pools(counts)
    if whole.passed_over:
        reader.passed_over.append(PassedOver(label, "; ".join(whole.passed_over)))
    return whole.commands


def _check_pools(counts: Iterable[PoolCount]) -> None:
    """A script's variable may hold several names. Raises Refused."""
    try:
        for count in counts:
            parse_one_pool(count.pool)
    except ValueError as error:
        raise Refused(UNREADABLE_SCALING_COMMAND, f"{error}; {REMEDY}") from None


def _schedule(spec: Fields) -> str:
    schedule = read_text(spec, "schedule", "spec.schedule")
    if not schedule or not schedule.strip():
        raise malformed("spec.schedule", spec.get("schedule"), "a cron expression")
    return schedule


def _time_zone(spec: Fields) -> str | None:
    zone = read_text(spec, "timeZone", "spec.timeZone")
    if zone == "":  # the API refuses it too; the cluster's own zone is said by leaving it out
        raise malformed("spec.timeZone", zone, "the name of a time zone, or none at all")
    return zone


def _suspended(spec: Fields) -> bool:
    suspend = spec.get("suspend")
    if suspend is not None and not isinstance(suspend, bool):
        raise malformed("spec.suspend", suspend, "true or false")
    return bool(suspend)


def _deadline(spec: Fields) -> int | None:
    seconds = spec.get("startingDeadlineSeconds")
    if seconds is None or (type(seconds) is int and 0 <= seconds < 2**63):
        return seconds
    raise malformed("spec.startingDeadlineSeconds", seconds, "a whole number of seconds, 0 or more")


def _created_us(metadata: Fields) -> int | None:
    text = read_text(metadata, "creationTimestamp", "metadata.creationTimestamp")
    created_us = parse_instant(text) if text is not None else None
    if text is not None and created_us is None:  # none at all would mean: since ever
        raise malformed("metadata.creationTimestamp", text, "an RFC 3339 instant, or none at all")
    return created_us


def _valid_from_us(annotations: Fields, label: str, created_us: int | None, reader: _Reader) -> int | None:
    """The annotation's instant. One that can't be read doesn't take the CronJob away, if its creation is known."""
    value = annotations.get(VALID_FROM_ANNOTATION)
    if value is None:
        return None
    instant_us = parse_instant(value.strip()) if isinstance(value, str) else None
    if instant_us is not None:
        return instant_us
    what = f"{VALID_FROM_ANNOTATION} is {show(value)}, expected an RFC 3339 instant such as 2025-06-01T00:00:00Z"
    if created_us is None:
        raise Refused(INVALID_VALID_FROM, f"{what}; the CronJob is left out, as nothing else says since when it holds")
    reader.tell(INVALID_VALID_FROM, label, f"{what}; its creation time is used")
    return None
