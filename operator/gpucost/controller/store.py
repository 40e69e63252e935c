"""What the cluster was last seen to hold: CostReports and CronJobs, each read once per change. For one event loop only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gpucost.api.costreport import API_VERSION, KIND, CostReport, SpecError, parse_cost_report
from gpucost.controller.queue import Key
from gpucost.core.issues import Issue
from gpucost.ledger.sightings import Sighting, edits_of
from gpucost.sources.cronjobs.manifests import read_cronjobs

REFRESH_ANNOTATION: Final = "gpucost.dev/refresh"
SHARE_LABEL: Final = "gpucost.dev/share-schedules"

BURIED: Final = 20_000
"""Deleted objects that are remembered: more than a cluster deletes while one list is read."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SeenReport:
    """A CostReport as the API server last showed it."""

    namespace: str
    name: str
    uid: str
    generation: int
    version: str
    """metadata.resourceVersion"""
    refresh: str
    """Value of the annotation gpucost.dev/refresh: a new one asks for a computation now."""
    parsed: CostReport | SpecError
    status: Mapping[str, Any]
    seen_us: int
    """When it was last told of."""

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name


@dataclass(frozen=True, slots=True)
class SeenCronJob:
    """A CronJob as the API server last showed it, read."""

    version: str
    sighting: Sighting
    issues: tuple[Issue, ...]
    seen_us: int
    """When it was last told of."""
    config: str = ""
    """Which versions of ConfigMaps it was read with."""

    @property
    def matters(self) -> bool:
        """Whether it scales nodes, or may."""
        return self.sighting.version is not None or bool(self.issues)


@dataclass(slots=True)
class Store:
    """CostReports and CronJobs by namespace and name."""

    reports: dict[Key, SeenReport] = field(default_factory=dict)
    cronjobs: dict[Key, SeenCronJob] = field(default_factory=dict)
    troubled: dict[Key, SeenCronJob] = field(default_factory=dict)
    """Those of the CronJobs with which something is wrong."""
    sharing: set[str] = field(default_factory=set)
    """Namespaces whose CronJobs reports of other namespaces may read."""
    _buried: dict[str, None] = field(default_factory=dict)
    """The uids of the last deleted objects: a list that began before a deletion must not bring them back."""

    def see_report(self, body: Body, now_us: int) -> bool:
        """Take note of a CostReport. Whether it asks for a visit: its spec or annotation is new, not only its status."""
        metadata = body.get("metadata") or {}
        key, before = key_of(body), self.reports.get(key_of(body))
        if metadata.get("uid") in self._buried:
            return False
        if before is not None and not is_newer(before.uid, before.version, metadata):
            return False
        seen = self.reports[key] = _read_report(body, before, now_us)
        return before is None or _asked(before) != _asked(seen)

    def see_status(self, body: Body) -> None:
        """Take note of a status that was just written."""
        key = key_of(body)
        seen, metadata = self.reports.get(key), body.get("metadata") or {}
        if seen is not None and is_newer(seen.uid, seen.version, metadata):
            version = str(metadata.get("resourceVersion"))
            self.reports[key] = replace(seen, status=body.get("status") or {}, version=version)

    def see_cronjob(self, body: Body, now_us: int, config_maps: Sequence[Body] | None = None) -> SeenCronJob | None:
        """Take note of a CronJob, with the ConfigMaps that it takes something from (None: they were not asked for); None if
        this very version is known already, with the same ConfigMaps."""
        key, metadata = key_of(body), body.get("metadata") or {}
        before = self.cronjobs.get(key)
        if metadata.get("uid") in self._buried:
            return None
        if before is not None and not is_newer(before.sighting.uid, before.version, metadata):
            same = before.version == str(metadata.get("resourceVersion")) and before.seen_us <= now_us
            if not same or config_maps is None or before.config == _versions_of(config_maps):
                return None
        seen = self.cronjobs[key] = read_cronjob(body, now_us, config_maps or ())
        self.troubled.pop(key, None)
        if seen.issues:
            self.troubled[key] = seen
        return seen

    def see_namespace(self, name: str, shares: bool) -> bool:
        """Take note of whether a namespace shares its schedules. Whether that is new."""
        if shares == (name in self.sharing):
            return False
        (self.sharing.add if shares else self.sharing.discard)(name)
        return True

    def forget_report(self, body: Body) -> bool:
        """A CostReport is gone, unless another of that name has come already."""
        self._bury(body)
        seen = self.reports.get(key_of(body))
        if seen is None or seen.uid != (body.get("metadata") or {}).get("uid"):
            return False
        del self.reports[seen.key]
        return True

    def forget_cronjob(self, body: Body) -> bool:
        """A CronJob is gone, unless another of that name has come already."""
        self._bury(body)
        key = key_of(body)
        seen = self.cronjobs.get(key)
        if seen is None or seen.sighting.uid != (body.get("metadata") or {}).get("uid"):
            return False
        self.drop_cronjob(key)
        return True

    def drop_cronjob(self, key: Key) -> None:
        """A CronJob is not there any more."""
        self.cronjobs.pop(key, None)
        self.troubled.pop(key, None)

    def _bury(self, body: Body) -> None:
        self._buried[str((body.get("metadata") or {}).get("uid"))] = None
        if len(self._buried) > BURIED:
            del self._buried[next(iter(self._buried))]

    def readable(self) -> Iterator[tuple[Key, CostReport]]:
        """CostReports whose spec makes sense."""
        return ((key, seen.parsed) for key, seen in self.reports.items() if isinstance(seen.parsed, CostReport))


def key_of(body: Body) -> Key:
    """Namespace and name of an object."""
    metadata = body.get("metadata") or {}
    return str(metadata.get("namespace")), str(metadata.get("name"))


def shares_schedules(body: Body) -> bool:
    """Whether a Namespace lets reports of other namespaces read its CronJobs."""
    return ((body.get("metadata") or {}).get("labels") or {}).get(SHARE_LABEL) == "true"


def is_newer(uid: str, version: str, metadata: Mapping[str, Any]) -> bool:
    """Whether an object is another or a later one than the one known: watches and answers to our own writes race.

    Resource versions of one resource are comparable integers (Kubernetes 1.35, KEP-5504); where they are none, any
    difference counts.
    """
    new = str(metadata.get("resourceVersion"))
    if metadata.get("uid") != uid or not (new.isdecimal() and version.isdecimal()):
        return (metadata.get("uid"), new) != (uid, version)
    return int(new) > int(version)


def _asked(seen: SeenReport) -> tuple[str, int, str]:
    """What of a CostReport asks for a computation when it changes."""
    return seen.uid, seen.generation, seen.refresh


def _read_report(body: Body, before: SeenReport | None, now_us: int) -> SeenReport:
    metadata = body.get("metadata") or {}
    uid, generation = str(metadata.get("uid")), int(metadata.get("generation") or 0)
    same = before is not None and (before.uid, before.generation) == (uid, generation)
    namespace, name = key_of(body)
    return SeenReport(
        namespace=namespace,
        name=name,
        uid=uid,
        generation=generation,
        version=str(metadata.get("resourceVersion")),
        refresh=str((metadata.get("annotations") or {}).get(REFRESH_ANNOTATION, "")),
        parsed=before.parsed if before is not None and same else _parse(body),
        status=body.get("status") or {},
        seen_us=now_us,
    )


def _parse(body: Body) -> CostReport | SpecError:
    try:
        return parse_cost_report({"metadata": body.get("metadata"), "spec": body.get("spec")} | _TYPE)
    except SpecError as error:
        return error


_TYPE: Final = {"apiVersion": API_VERSION, "kind": KIND}
"""Items of a list come without it."""


def _versions_of(config_maps: Iterable[Body]) -> str:
    """A text that changes when any of the ConfigMaps does, comes or goes."""
    about = (body["metadata"] for body in config_maps)
    return " ".join(sorted(f"{one['namespace']}/{one['name']}:{one['uid']}:{one['resourceVersion']}" for one in about))


def read_cronjob(body: Body, now_us: int, config_maps: Sequence[Body] = ()) -> SeenCronJob:
    """A CronJob read: what it says about node pools, what is wrong with it, and who edited what when."""
    metadata = body.get("metadata") or {}
    namespace, name = key_of(body)
    found = read_cronjobs([typed(body), *config_maps])
    sighting = Sighting(
        uid=str(metadata.get("uid")),
        namespace=namespace,
        name=name,
        labels=dict(metadata.get("labels") or {}),
        version=found.versions[0] if found.versions else None,
        generation=metadata.get("generation"),
        edits=edits_of(metadata.get("managedFields")),
    )
    version = str(metadata.get("resourceVersion"))
    return SeenCronJob(version, sighting, found.issues, now_us, _versions_of(config_maps))


def typed(body: Body) -> Body:
    """A CronJob as a whole manifest: items of a list come without their kind."""
    return {**body, "apiVersion": "batch/v1", "kind": "CronJob"}
