"""CronJob manifests to schedule versions: which pool, to how many nodes, when, since when (section 2).

A CronJob states its pool and count in the first of these places that states both:

1. the annotations ``gpucost.dev/node-pool`` and ``gpucost.dev/nodes``,
2. the environment variables ``NODE_POOL`` and ``NODES_COUNT`` of its first container, with literal values,
3. the command lines of its containers (``commandline``).

A place that states only one of the two is never completed from another place: it must agree with the next place that
states both, else the CronJob sets nothing and an issue says why. What can't be read is an issue, never a guess. A
CronJob that states nothing and whose command has nothing to do with scaling is none of ours: no issue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from gpucost.core.instants import parse_instant
from gpucost.core.issues import (
    CONTRADICTORY_CRON_JOB,
    DUPLICATE_CRON_JOB,
    INCOMPLETE_CRON_JOB,
    INVALID_VALID_FROM,
    NODES_PER_ZONE,
    UNREADABLE_CRON_JOB,
    UNREADABLE_SCALING_COMMAND,
    Issue,
    shorten,
    show,
)
from gpucost.core.scaling import ScheduleVersion, parse_node_count, parse_pool_name
from gpucost.sources.cronjobs.commandline import (
    ELSEWHERE,
    Reading,
    ScalingCommand,
    combine,
    expand_references,
    read_scaling_commands,
)
from gpucost.sources.yamlfiles import flatten_lists

POOL_ANNOTATION: Final = "gpucost.dev/node-pool"
NODES_ANNOTATION: Final = "gpucost.dev/nodes"
VALID_FROM_ANNOTATION: Final = "gpucost.dev/valid-from"
POOL_VARIABLE: Final = "NODE_POOL"
NODES_VARIABLE: Final = "NODES_COUNT"
API_VERSIONS: Final = ("batch/v1", "batch/v1beta1")
DEFAULT_NAMESPACE: Final = "default"

_Value = TypeVar("_Value")
_Fields = Mapping[Any, object]
"""A map of a manifest. Nothing is known of its keys and values before they are looked at."""

_REMEDY: Final = f"state the annotations {POOL_ANNOTATION} and {NODES_ANNOTATION}"


class LabelExpression(Protocol):
    """One requirement of a label selector."""

    @property
    def key(self) -> str:
        """The label."""

    @property
    def operator(self) -> str:
        """In, NotIn, Exists or DoesNotExist."""

    @property
    def values(self) -> Sequence[str]:
        """For In and NotIn."""


class LabelSelector(Protocol):
    """A Kubernetes label selector; all its requirements hold."""

    @property
    def match_labels(self) -> Mapping[str, str]:
        """Labels with these very values."""

    @property
    def match_expressions(self) -> Sequence[LabelExpression]:
        """Further requirements."""


@dataclass(frozen=True, slots=True)
class CronJobInventory:
    """What a set of CronJobs says about node pools: one version per scaling CronJob, in the order of the documents."""

    versions: tuple[ScheduleVersion, ...]
    issues: tuple[Issue, ...]


class _Refused(Exception):
    """Raised inside this module only: why one CronJob can't be used."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what


def read_cronjobs(
    documents: Iterable[object],
    *,
    namespaces: Collection[str] | None = None,
    selector: LabelSelector | None = None,
) -> CronJobInventory:
    """The scaling CronJobs among parsed manifests (lists are flattened, other kinds passed over).

    ``namespaces`` and ``selector`` choose among them before anything else is read, so that the rest raises no issues;
    None chooses all. Never raises for any document.
    """
    versions: dict[str, ScheduleVersion] = {}
    issues: list[Issue] = []
    for manifest in flatten_lists(documents):
        version = _read_document(manifest, namespaces, selector, issues)
        if version is None:
            continue
        first = versions.setdefault(version.label, version)
        if first != version:
            label = _label(manifest)
            issues.append(_issue(DUPLICATE_CRON_JOB, label, "it is defined twice, differently; the first stands"))
    return CronJobInventory(tuple(versions.values()), tuple(issues))


def _read_document(
    manifest: object, namespaces: Collection[str] | None, selector: LabelSelector | None, issues: list[Issue]
) -> ScheduleVersion | None:
    if not isinstance(manifest, Mapping) or not _is_cronjob(manifest):
        return None
    label = _label(manifest)
    try:
        namespace, name = _identity(manifest)
        if _is_chosen(manifest, namespace, namespaces, selector):
            return _read_cronjob(manifest, namespace, name, label, issues)
    except _Refused as refused:
        issues.append(_issue(refused.reason, label, refused.what))
    return None


def _issue(reason: str, label: str, what: str) -> Issue:
    return Issue(reason, f"CronJob {label}: {what}")


# Which documents


def _is_cronjob(manifest: _Fields) -> bool:
    """Whether it is a CronJob of Kubernetes; other groups have kinds of that name too."""
    group = manifest.get("apiVersion")
    return manifest.get("kind") == "CronJob" and not (isinstance(group, str) and group.partition("/")[0] != "batch")


def _label(manifest: object) -> str:
    """``namespace/name`` for messages, whatever the metadata is."""
    metadata = manifest.get("metadata") if isinstance(manifest, Mapping) else None
    fields = metadata if isinstance(metadata, Mapping) else {}
    namespace, name = fields.get("namespace") or DEFAULT_NAMESPACE, fields.get("name") or "without a name"
    return "/".join(shorten(part) if isinstance(part, str) else show(part) for part in (namespace, name))


def _identity(manifest: _Fields) -> tuple[str, str]:
    if manifest.get("apiVersion") not in API_VERSIONS:
        raise _malformed("apiVersion", manifest.get("apiVersion"), " or ".join(API_VERSIONS))
    metadata = _map(manifest, "metadata", "metadata")
    namespace = _text(metadata, "namespace", "metadata.namespace")
    name = _text(metadata, "name", "metadata.name")
    if not name:
        raise _malformed("metadata.name", metadata.get("name"), "a name")
    return namespace or DEFAULT_NAMESPACE, name


def _is_chosen(
    manifest: _Fields,
    namespace: str,
    namespaces: Collection[str] | None,
    selector: LabelSelector | None,
) -> bool:
    if namespaces is not None and namespace not in namespaces:
        return False
    return selector is None or selects(selector, _map(_map(manifest, "metadata", ""), "labels", "metadata.labels"))


def selects(selector: LabelSelector, labels: _Fields) -> bool:
    """Whether a label selector chooses these labels, as Kubernetes does (NotIn chooses objects without the label)."""
    return all(key in labels and labels[key] == value for key, value in selector.match_labels.items()) and all(
        _meets(labels, expression) for expression in selector.match_expressions
    )


def _meets(labels: _Fields, expression: LabelExpression) -> bool:
    match expression.operator:
        case "In":
            return expression.key in labels and labels[expression.key] in expression.values
        case "NotIn":
            return expression.key not in labels or labels[expression.key] not in expression.values
        case "Exists":
            return expression.key in labels
        case "DoesNotExist":
            return expression.key not in labels
    raise ValueError(f"unknown operator {show(expression.operator)} in a label selector")


# One CronJob


def _read_cronjob(
    manifest: _Fields, namespace: str, name: str, label: str, issues: list[Issue]
) -> ScheduleVersion | None:
    metadata = _map(manifest, "metadata", "metadata")
    annotations = _map(metadata, "annotations", "metadata.annotations")
    stated = _stated(annotations, manifest)
    if stated is None:
        return None
    spec = _map(manifest, "spec", "spec")
    created_us = _created_us(metadata)
    version = ScheduleVersion(
        uid=_text(metadata, "uid", "metadata.uid") or f"{namespace}/{name}",
        namespace=namespace,
        name=name,
        pool=stated.pool,
        nodes=stated.nodes,
        schedule=_schedule(spec),
        time_zone=_time_zone(spec),
        suspended=_suspended(spec),
        starting_deadline_seconds=_deadline(spec),
        created_us=created_us,
        valid_from_us=_valid_from_us(annotations, label, created_us, issues),
    )
    if stated.per_zone:
        what = (
            "gcloud resizes a regional cluster, where --num-nodes counts nodes in each zone; it is taken as the whole"
        )
        issues.append(_issue(NODES_PER_ZONE, label, f"{what} pool's count: if the pool has several zones, {_REMEDY}"))
    return version


def _schedule(spec: _Fields) -> str:
    schedule = _text(spec, "schedule", "spec.schedule")
    if not schedule or not schedule.strip():
        raise _malformed("spec.schedule", spec.get("schedule"), "a cron expression")
    return schedule


def _time_zone(spec: _Fields) -> str | None:
    zone = _text(spec, "timeZone", "spec.timeZone")
    if zone == "":  # the API refuses it too; the cluster's own zone is said by leaving it out
        raise _malformed("spec.timeZone", zone, "the name of a time zone, or none at all")
    return zone


def _suspended(spec: _Fields) -> bool:
    suspend = spec.get("suspend")
    if suspend is not None and not isinstance(suspend, bool):
        raise _malformed("spec.suspend", suspend, "true or false")
    return bool(suspend)


def _deadline(spec: _Fields) -> int | None:
    seconds = spec.get("startingDeadlineSeconds")
    if seconds is None or (type(seconds) is int and 0 <= seconds < 2**63):
        return seconds
    raise _malformed("spec.startingDeadlineSeconds", seconds, "a whole number of seconds, 0 or more")


def _created_us(metadata: _Fields) -> int | None:
    text = _text(metadata, "creationTimestamp", "metadata.creationTimestamp")
    created_us = parse_instant(text) if text is not None else None
    if text is not None and created_us is None:  # none at all would mean: since ever
        raise _malformed("metadata.creationTimestamp", text, "an RFC 3339 instant, or none at all")
    return created_us


def _valid_from_us(annotations: _Fields, label: str, created_us: int | None, issues: list[Issue]) -> int | None:
    """The annotation's instant. One that can't be read doesn't take the CronJob away, if its creation is known."""
    value = annotations.get(VALID_FROM_ANNOTATION)
    if value is None:
        return None
    instant_us = parse_instant(value.strip()) if isinstance(value, str) else None
    if instant_us is not None:
        return instant_us
    what = f"{VALID_FROM_ANNOTATION} is {show(value)}, expected an RFC 3339 instant such as 2025-06-01T00:00:00Z"
    if created_us is None:
        raise _Refused(INVALID_VALID_FROM, f"{what}; the CronJob is left out, as nothing else says since when it holds")
    issues.append(_issue(INVALID_VALID_FROM, label, f"{what}; its creation time is used"))
    return None


# The pool and its count


@dataclass(frozen=True, slots=True)
class _Half:
    """A place that states a pool without a count, or a count without a pool."""

    pool: str | None
    nodes: int | None
    stated: str
    missing: str

    def agrees(self, whole: ScalingCommand) -> bool:
        return self.pool in (None, whole.pool) and self.nodes in (None, whole.nodes)


def _stated(annotations: _Fields, manifest: _Fields) -> ScalingCommand | None:
    """What the CronJob sets, from the first place that states both; None if it states nothing."""
    noted = _pair(annotations, POOL_ANNOTATION, NODES_ANNOTATION, "annotation")
    if isinstance(noted, ScalingCommand):
        return noted
    containers = _containers(manifest)
    first = _environment(containers[0]) if containers else {}
    variables = _pair(first, POOL_VARIABLE, NODES_VARIABLE, "environment variable")
    whole = variables if isinstance(variables, ScalingCommand) else _commanded(containers)
    for half in (noted, variables):
        if isinstance(half, _Half):
            _refuse_half(half, whole)
    return whole


def _pair(fields: _Fields, pool_key: str, nodes_key: str, kind: str) -> ScalingCommand | _Half | None:
    """A pool and a count from a place that has a key for each."""
    pool = _parsed(fields, pool_key, kind, parse_pool_name)
    nodes = _parsed(fields, nodes_key, kind, parse_node_count)
    if pool is not None and nodes is not None:
        return ScalingCommand(pool, nodes)
    if pool is None and nodes is None:
        return None
    stated, missing = (nodes_key, pool_key) if pool is None else (pool_key, nodes_key)
    return _Half(pool, nodes, f"{kind} {stated}", missing)


def _parsed(fields: _Fields, key: str, kind: str, parse: Callable[[object], _Value]) -> _Value | None:
    if key not in fields:
        return None
    if isinstance(fields[key], _Elsewhere):
        what = f"{kind} {key} takes its value from elsewhere, and only literal values are read; {_REMEDY}"
        raise _Refused(UNREADABLE_CRON_JOB, what)
    try:
        return parse(fields[key])
    except ValueError as error:
        raise _Refused(UNREADABLE_CRON_JOB, f"{kind} {key}: {error}; correct it, or {_REMEDY}") from None


def _refuse_half(half: _Half, whole: ScalingCommand | None) -> None:
    """A half statement is fine only where it repeats a whole one."""
    if whole is None:
        raise _Refused(INCOMPLETE_CRON_JOB, f"{half.stated} is set, but {half.missing} is not; set both")
    if not half.agrees(whole):
        value = half.pool if half.nodes is None else str(half.nodes)
        what = f"{half.stated} is {show(value)}, but the CronJob sets {show(whole.pool)} to {whole.nodes}"
        raise _Refused(CONTRADICTORY_CRON_JOB, f"{what}; {_REMEDY}")


def _containers(manifest: _Fields) -> list[_Fields]:
    """The pod's containers, the ordinary ones first; none where a manifest leaves the template out."""
    fields, path = manifest, ""
    for key in ("spec", "jobTemplate", "spec", "template", "spec"):
        path = f"{path}.{key}".removeprefix(".")
        fields = _map(fields, key, path)
    return [
        *_maps(fields, "containers", f"{path}.containers"),
        *_maps(fields, "initContainers", f"{path}.initContainers"),
    ]


def _environment(container: _Fields) -> dict[str, object]:
    """A container's variables, the last of each name; an _Elsewhere for a value that the manifest doesn't hold."""
    values: dict[str, object] = {}
    literals: dict[str, str] = {}
    for entry in _maps(container, "env", "a container's env"):
        name = entry.get("name")
        if isinstance(name, str):  # the API refuses anything else, and it isn't what we look for
            value = values[name] = _variable(entry, literals)
            literals.pop(name, None)
            if isinstance(value, str):
                literals[name] = value
    return values


class _Elsewhere:
    """Stands for a value from a ConfigMap, a Secret or the pod."""


def _variable(entry: _Fields, earlier: Mapping[str, str]) -> object:
    if entry.get("valueFrom") is not None:
        return _Elsewhere()
    value = entry.get("value")
    if value is None:
        return ""
    return expand_references(value, earlier) if isinstance(value, str) else value


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else ELSEWHERE for name, value in values.items()}


def _commanded(containers: Iterable[_Fields]) -> ScalingCommand | None:
    """What the containers' command lines set, all together."""
    reading = combine(_read_container(container) for container in containers)
    if reading.unread:
        raise _Refused(reading.unread.kind, f"{reading.unread.reason}; {_REMEDY}")
    if len(reading.commands) > 1:
        raise _Refused(UNREADABLE_SCALING_COMMAND, f"it sets {len(reading.commands)} pools; {_REMEDY}")
    return next(iter(reading.commands), None)


def _read_container(container: _Fields) -> Reading:
    words = [*_words(container, "command"), *_words(container, "args")]
    image = container.get("image")
    return read_scaling_commands(
        words,
        _texts(_environment(container)),
        image=image if isinstance(image, str) else "",
        is_env_whole=not container.get("envFrom"),
    )


# Fields of any kind


def _malformed(path: str, value: object, expected: str) -> _Refused:
    return _Refused(UNREADABLE_CRON_JOB, f"{path} is {show(value)}, expected {expected}; correct the manifest")


def _map(parent: _Fields, key: str, path: str) -> _Fields:
    """A map of the manifest; an empty one if it is absent."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _malformed(path, value, "a map")
    return value


def _maps(parent: _Fields, key: str, path: str) -> list[_Fields]:
    """A list of maps; an empty one if it is absent."""
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise _malformed(path, value, "a list of maps")
    return value


def _words(container: _Fields, key: str) -> list[str]:
    value = container.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) or type(item) is int for item in value):
        raise _malformed(f"a container's {key}", value, "a list of words")
    return [item if isinstance(item, str) else show(item) for item in value]


def _text(parent: _Fields, key: str, path: str) -> str | None:
    """A text of the manifest that UTF-8 can hold; None if it is absent."""
    value = parent.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not _is_utf8(value):
        raise _malformed(path, value, "text")
    return value


def _is_utf8(text: str) -> bool:
    """Whether no half of a surrogate pair is left over from JSON's escapes."""
    return not any("\ud800" <= char <= "\udfff" for char in text)
