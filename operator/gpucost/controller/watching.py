"""What the cluster tells: watches through Kopf, and lists of our own before the first computation and now and then after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gpucost.computing import namespaces_of
from gpucost.controller.jobs import outcome_of
from gpucost.controller.queue import Key, WorkQueue
from gpucost.controller.reconcile import Reconciler
from gpucost.controller.recorder import Confirmed, Forgotten, Gone, Recorder, Seen, now_us
from gpucost.controller.store import Body, Store, is_newer, key_of, shares_schedules, typed
from gpucost.kube.client import COST_REPORTS, CRON_JOBS, JOBS, NAMESPACES, ApiError, Cluster, Resource
from gpucost.kube.configmaps import get_config_maps
from gpucost.ledger.records import JobOutcome
from gpucost.metrics.operator import OperatorMetrics
from gpucost.sources.cronjobs.manifests import find_config_maps

LOG: Final = logging.getLogger("gpucost.watch")
DELETED: Final = "DELETED"
"""Type of a watch event."""


@dataclass(slots=True)
class Watcher:
    """Turns what the cluster tells into notes for the ledger and visits of reports. Lives in the event loop."""

    cluster: Cluster
    namespaces: tuple[str, ...]
    """Those that are watched; none: all."""
    shared: frozenset[str]
    """Those that share their schedules whatever their labels say."""
    reads_config_maps: bool
    """Whether ConfigMaps are read that CronJobs take scripts or variables from."""
    store: Store
    queue: WorkQueue
    recorder: Recorder
    reconciler: Reconciler
    metrics: OperatorMetrics
    unlisted: str | None = "CostReports and CronJobs are not listed yet"
    """Why not everything is known yet; None once it is."""
    _failed: bool = field(default=False)
    _jobs: dict[str, JobOutcome] = field(default_factory=dict)
    """Jobs that there are, by uid: what is in the ledger already."""

    # One object at a time, from a watch

    def report_told(self, kind: str | None, body: Body) -> None:
        """A watch told of a CostReport."""
        self._heard(COST_REPORTS)
        if kind == DELETED:
            self._report_gone(body)
        elif self.store.see_report(body, now_us()) and self.unlisted is None:
            self.queue.changed(key_of(body))

    async def cronjob_told(self, kind: str | None, body: Body) -> None:
        """A watch told of a CronJob."""
        self._heard(CRON_JOBS)
        if kind == DELETED:
            if self.store.forget_cronjob(body):
                self.recorder.note(Gone(key_of(body), str(body["metadata"].get("uid")), now_us()))
                self.cronjobs_changed({key_of(body)})
            return
        at_us = now_us()
        try:
            config_maps = await self._config_maps_of([body])
        except ApiError as error:  # without them it would be read wrongly
            LOG.warning("%s/%s: its ConfigMaps can't be read: %s; the next list tries again", *key_of(body), error)
            return
        if (seen := self.store.see_cronjob(body, at_us, config_maps[key_of(body)])) is not None:
            self.recorder.note(Seen((seen.sighting,), now_us()))
            self.cronjobs_changed({key_of(body)})

    async def _config_maps_of(self, bodies: Sequence[Body]) -> dict[Key, list[Body] | None]:
        """The ConfigMaps that each CronJob takes something from; None where they are not to be read. Raises ApiError."""
        if not self.reads_config_maps:
            return {key_of(body): None for body in bodies}
        wanted = {key_of(body): find_config_maps(typed(body)) for body in bodies}
        found = await get_config_maps(self.cluster, {key for keys in wanted.values() for key in keys})
        return {key: [found[one] for one in sorted(keys) if one in found] for key, keys in wanted.items()}

    def namespace_told(self, kind: str | None, body: Body) -> None:
        """A watch told of a Namespace: whether it shares its schedules with reports of others."""
        self._heard(NAMESPACES)
        name = str((body.get("metadata") or {}).get("name"))
        shares = name in self.shared or (kind != DELETED and shares_schedules(body))
        if self.store.see_namespace(name, shares):
            self.cronjobs_changed({(name, "")})

    def job_told(self, kind: str | None, body: Body) -> None:
        """A watch told of a Job: what became of it is remembered, for Jobs vanish."""
        self._heard(JOBS)
        outcome = outcome_of(body)
        if outcome is not None and kind == DELETED:
            self._job_gone(outcome)
        elif outcome is not None and self._jobs.get(outcome.uid) != outcome and self._scales(outcome):
            self._jobs[outcome.uid] = outcome
            self.recorder.note(outcome)

    def _job_gone(self, outcome: JobOutcome) -> None:
        """A Job is not there any more; what it last said of its end stays."""
        self._jobs.pop(outcome.uid, None)
        if self._scales(outcome):
            self.recorder.note(replace(outcome, gone_us=now_us()))

    def _scales(self, outcome: JobOutcome) -> bool:
        """Whether its CronJob scales a pool, or did; of other Jobs nothing is remembered."""
        key = outcome.namespace, outcome.cronjob
        here, past = self.store.cronjobs.get(key), self.recorder.ledger.histories().get(key)
        return (here is not None and here.sighting.version is not None) or (past is not None and bool(past.known))

    def _heard(self, resource: Resource) -> None:
        self.metrics.watch_event(resource.plural, now_us())

    def _report_gone(self, body: Body) -> None:
        if self.store.forget_report(body):
            uid = str(body["metadata"].get("uid"))
            self.reconciler.forget(uid, key_of(body))
            self.recorder.note(Forgotten(uid))
            LOG.info("%s/%s: deleted", *key_of(body))

    def cronjobs_changed(self, keys: set[Key]) -> None:
        """Visit the reports that read their namespaces: a visit sees whether anything is to compute, also where labels changed.
        Nothing is visited before everything is known."""
        if self.unlisted is not None:
            return
        namespaces = {namespace for namespace, _ in keys}
        for key, report in self.store.readable():
            if namespaces.intersection(namespaces_of(report)):
                self.queue.changed(key)

    def ledger_troubled(self) -> None:
        """The ledger failed, or works again: every report says so."""
        if self.recorder.failure is not None:
            self.metrics.ledger_error()
        self.everything_changed()

    def everything_changed(self) -> None:
        """Visit every report."""
        if self.unlisted is None:
            for key in self.store.reports:
                self.queue.changed(key)

    # Everything at once

    async def list_first(self) -> None:
        """List everything until it works, note it in the ledger, and only then let reports be visited."""
        self._jobs = await self.recorder.unended_jobs()
        while self.unlisted is not None:
            if await self._list_all():
                await self.recorder.settled()
                self._forget_the_gone()
                self.unlisted = None
            else:
                await asyncio.sleep(2)
        self.everything_changed()

    def _forget_the_gone(self) -> None:
        """Reports that were deleted while nobody watched; with some namespaces only, others' reports may be elsewhere."""
        here = {seen.uid for seen in self.store.reports.values()}
        for uid in self.recorder.ledger.snapshots().keys() - here if not self.namespaces else ():
            self.recorder.note(Forgotten(uid))

    async def relist(self, seconds: float) -> None:
        """List everything every so often, in case a watch went deaf; what is new counts as told."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self._list_all()
            except Exception:  # whatever an object holds, the watches and the other objects go on
                LOG.exception("what the cluster listed can't be read; it is listed again")

    async def _list_all(self) -> bool:
        """Whether everything could be listed; if not, ``unlisted`` says why until the first success."""
        at_us = now_us()
        try:
            reports = [body async for body in self._bodies(COST_REPORTS)]
            cronjobs = [body async for body in self._bodies(CRON_JOBS)]
            config_maps = await self._config_maps_of([body for body in cronjobs if self._is_open(body)])
            jobs = [body async for body in self._bodies(JOBS)]
            # Namespaces belong to the cluster: who watches some of them only has no right to see any.
            spaces = [] if self.namespaces else [body async for body in self._bodies(NAMESPACES)]
        except ApiError as error:
            self._not_listed(error)
            return False
        if self._failed:
            self.everything_changed()  # what could not be written meanwhile needs not wait for its turn
        self._failed = False
        for body in spaces:
            self.namespace_told(None, body)
        self._take_cronjobs(cronjobs, config_maps, at_us)
        self._take_reports(reports, at_us)
        here = {str(body["metadata"].get("uid")) for body in jobs}
        for outcome in [outcome for uid, outcome in self._jobs.items() if uid not in here]:
            self._job_gone(outcome)
        for body in jobs:
            self.job_told(None, body)
        self.recorder.note(Confirmed(at_us))
        return True

    def _not_listed(self, error: ApiError) -> None:
        told = str(error)
        if error.not_found:
            told = "the CRD of CostReports is missing; apply it: gpucost crds | kubectl apply -f -"
        if not self._failed:
            LOG.warning("the cluster can't be listed: %s; it is tried again", told)
        self._failed = True
        if self.unlisted is not None:
            self.unlisted = told

    async def _bodies(self, resource: Resource) -> AsyncIterator[Body]:
        for namespace in self.namespaces or (None,):
            async for body in self.cluster.list(resource, namespace):
                yield body
        self._heard(resource)

    def _is_open(self, body: Body) -> bool:
        """Whether a CronJob's ConfigMaps can change what is known of it: a new version of it, or one that scales nodes, or may.
        Of the others a thousand requests would be made with every list."""
        seen = self.store.cronjobs.get(key_of(body))
        return seen is None or seen.matters or is_newer(seen.sighting.uid, seen.version, body.get("metadata") or {})

    def _take_cronjobs(self, bodies: Iterable[Body], config_maps: Mapping[Key, list[Body] | None], at_us: int) -> None:
        """All CronJobs there were when the list began; those that it lacks are gone, unless they came since."""
        here = {key_of(body): body for body in bodies}
        fresh = {
            key
            for key, body in here.items()
            if self.store.see_cronjob(body, now_us(), config_maps.get(key)) is not None
        }
        gone = {key for key, seen in self.store.cronjobs.items() if key not in here and seen.seen_us < at_us}
        for key in gone:
            self.store.drop_cronjob(key)
        if self.unlisted is not None or fresh or gone:
            sightings = tuple(seen.sighting for seen in self.store.cronjobs.values())
            self.recorder.note(Seen(sightings, now_us(), complete=True, namespaces=self.namespaces or None))
            self.cronjobs_changed(fresh | gone)

    def _take_reports(self, bodies: Iterable[Body], at_us: int) -> None:
        here = {key_of(body): body for body in bodies}
        gone = [seen for key, seen in self.store.reports.items() if key not in here and seen.seen_us < at_us]
        for seen in gone:
            self._report_gone({"metadata": {"namespace": seen.namespace, "name": seen.name, "uid": seen.uid}})
        for key, body in here.items():
            if self.store.see_report(body, now_us()) and self.unlisted is None:
                self.queue.changed(key)
