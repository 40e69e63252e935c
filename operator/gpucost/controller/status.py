"""The next status of a CostReport: from a computed report, or from a failure that leaves the last good figures standing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gpucost.core.instants import instant_text, parse_instant
from gpucost.ledger.records import Restatement
from gpucost.report.conditions import COMPUTED, CONSERVED, FINAL, PENDING, READY, TASKS_READABLE, Condition
from gpucost.report.report import Report
from gpucost.report.status import Fields, status_within

MAX_BYTES: Final = 60 * 1024
"""Of a status: every write of an object costs the API server time by the size of the whole object."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a report can't be computed now."""

    reason: str
    message: str
    about_tasks: bool = False
    """Whether it is the task database that fails, so that its own condition says so too."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A condition that changed its status or reason."""

    kind: str
    status: str
    reason: str
    message: str


def figures_of(report: Report) -> Fields:
    """The status of a report that was just computed, as the command line gives it too, but bounded."""
    return status_within(report, MAX_BYTES, top_services=report.spec.outputs.top_services)


def computed_status(
    figures: Fields,
    before: Mapping[str, Any],
    generation: int,
    next_refresh_us: int | None,
    restatements: Sequence[Restatement],
    artifacts: Sequence[Fields] = (),
) -> Fields:
    """The next status after a computation: its figures, with what only the operator knows."""
    conditions = _carried(figures["conditions"], before, generation)
    status: Fields = {**figures, "observedGeneration": generation, "conditions": conditions}
    if next_refresh_us is not None:
        status["nextRefreshTime"] = instant_text(next_refresh_us)
    if artifacts:
        status["artifacts"] = list(artifacts)
    if restatements:
        status["restatements"] = [_restated(one) for one in restatements]
    return status


def failed_status(failure: Failure, before: Mapping[str, Any], generation: int, now_us: int) -> Fields:
    """The status after a failure: the last good figures stay, and Ready says why and how old they are.

    It has no nextRefreshTime: the next try is soon, and a status that says so would be written at every try.
    """
    message = failure.message + _age(before, generation)
    found = [Condition(READY, False, failure.reason, message)]
    if failure.about_tasks:
        found.append(Condition(TASKS_READABLE, False, failure.reason, failure.message))
    return _with_conditions(found, before, generation, now_us)


def pending_status(before: Mapping[str, Any], generation: int, now_us: int) -> Fields:
    """The status of a report that was never visited before, while its first computation takes time."""
    return _with_conditions(
        [Condition(READY, None, PENDING, "the first computation is under way")], before, generation, now_us
    )


def _with_conditions(found: Sequence[Condition], before: Mapping[str, Any], generation: int, now_us: int) -> Fields:
    """The status before with some conditions replaced."""
    replaced = {condition.kind: condition.fields(now_us) for condition in found}
    kept = [condition for condition in before.get("conditions") or () if condition.get("type") not in replaced]
    new = _carried(list(replaced.values()), before, generation)
    status = {key: value for key, value in before.items() if key != "nextRefreshTime"}
    return {**status, "observedGeneration": generation, "conditions": [*new, *kept]}


def _carried(conditions: Sequence[Fields], before: Mapping[str, Any], generation: int) -> list[Fields]:
    """Conditions whose last transition is the one before, unless their status changed now."""
    old = {condition.get("type"): condition for condition in before.get("conditions") or ()}
    found = []
    for condition in conditions:
        was = old.get(condition["type"])
        since = condition["lastTransitionTime"]
        if was is not None and was.get("status") == condition["status"]:
            since = was.get("lastTransitionTime", since)
        found.append({**condition, "lastTransitionTime": since, "observedGeneration": generation})
    return found


def _age(before: Mapping[str, Any], generation: int) -> str:
    """How old the figures are that stay, and whether they belong to an older spec."""
    computed = before.get("lastSuccessTime")
    if not computed:
        return ""
    was = next(
        (c.get("observedGeneration") for c in before.get("conditions") or () if c.get("type") == CONSERVED), generation
    )
    older = f", for generation {was} of the spec" if was != generation else ""
    return f"; the figures shown are of {computed}{older}"


def _restated(one: Restatement) -> Fields:
    fields = {
        "time": instant_text(one.at_us),
        "field": one.field,
        "before": one.before,
        "after": one.after,
        "why": one.why,
    }
    return {key: value for key, value in fields.items() if value is not None}


def ready_of(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition Ready; empty where there is none."""
    return next((c for c in status.get("conditions") or () if c.get("type") == READY), {})


def is_fresh(status: Mapping[str, Any], generation: int) -> bool:
    """Whether the figures shown are those of this generation, and the last due refresh worked."""
    ready = ready_of(status)
    return (
        status.get("observedGeneration") == generation
        and ready.get("status") == "True"
        and ready.get("reason") == COMPUTED
    )


def instant_in(status: Mapping[str, Any], field: str) -> int | None:
    """An instant of a status in microseconds; None where there is none."""
    text = status.get(field)
    return parse_instant(text) if isinstance(text, str) else None


def transitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Transition]:
    """Conditions whose status or reason is not what it was. Of those that are new, only Ready and those that are not as they
    should be: that a new report is priced, and so on, is no news."""
    old = {c.get("type"): (c.get("status"), c.get("reason")) for c in before.get("conditions") or ()}
    return [
        Transition(c["type"], c["status"], c["reason"], c["message"])
        for c in after.get("conditions") or ()
        if old.get(c["type"], (_usual(c), c["reason"])) != (c["status"], c["reason"])
    ]


def _usual(condition: Mapping[str, Any]) -> str | None:
    """The status of a condition that is no news when it appears."""
    kind = condition["type"]
    return None if kind == READY else str(condition["status"]) if kind == FINAL else "True"


def merge_patch(before: Any, after: Any) -> Fields:
    """What must be sent to turn one object into another (RFC 7396): changed fields, and null for those that are gone."""
    patch: Fields = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(before[key], Mapping):
            inner = merge_patch(before[key], value)
            if inner:
                patch[key] = inner
        elif json.dumps(before[key], sort_keys=True) != json.dumps(value, sort_keys=True):
            patch[key] = value
    return patch
