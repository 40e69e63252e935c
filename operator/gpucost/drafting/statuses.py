"""What statuses mean, by the words that task systems use for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gpucost.api.costreport import Statuses

_RUNNING: Final = "RUNNING STARTED IN_PROGRESS INPROGRESS PROCESSING ACTIVE EXECUTING"
_SUCCESS: Final = "DONE SUCCESS SUCCEEDED SUCCESSFUL COMPLETED COMPLETE FINISHED OK PASSED CONTINUED_AS_NEW"
_FAILURE: Final = (
    "ERROR ERRORED FAILED FAILURE FAIL TIMEOUT TIMED_OUT TIMEDOUT OUT_OF_MEMORY OOM OOM_KILLED OOMKILLED NODE_FAIL "
    "BOOT_FAIL DEADLINE DEADLINE_EXCEEDED REVOKED CANCELLED CANCELED KILLED TERMINATED ABORTED CRASHED REJECTED EXCEPTION "
    "EXPIRED EXECUTION_TIMEOUT CANCELING CANCELLING TERMINATING INTERNAL_ERROR USER_CANCELED"
)
_WAITING: Final = (
    "NEW WAITING PENDING QUEUED CREATED SUBMITTED RETRY RETRYING UP_FOR_RETRY UP_FOR_RESCHEDULE RESTARTING SCHEDULED "
    "DEFERRED RECEIVED REQUEUED REQUEUE PREEMPTED SUSPENDED PAUSED INTERRUPTED ENQUEUED"
)
_MEANING: Final = {
    word: meaning
    for meaning, words in (
        ("running", _RUNNING),
        ("success", _SUCCESS),
        ("failure", _FAILURE),
        ("waiting", _WAITING),
    )
    for word in words.split()
}
_PREFIXES: Final = ("WORKFLOW_EXECUTION_STATUS_", "JOB_STATE_", "TASK_STATE_", "PIPELINE_STATE_", "RUNTIME_STATE_")
"""What enumerations put before each of their names."""
MOST_STATUSES, MOST_CHARACTERS = 64, 128
"""What a set of spec.tasks.statuses may hold, and how long a status may be."""
SETS: Final = ("running", "success", "failure", "waiting")


@dataclass(frozen=True, slots=True)
class Sorted:
    """Statuses by what they mean, and those that no word tells."""

    running: tuple[str, ...] = ()
    success: tuple[str, ...] = ()
    failure: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def sort_statuses(found: Iterable[str], usual: Statuses) -> Sorted:
    """Statuses of ``usual``, then those found, each once, under what they mean; case and separators don't matter."""
    sets: dict[str, list[str]] = {name: list(getattr(usual, name)) for name in SETS}
    unknown: list[str] = []
    known = {status for statuses in sets.values() for status in statuses}
    for status in dict.fromkeys(found):
        if status in known:
            continue
        meaning = _meaning(status)
        fits = meaning is not None and len(status) <= MOST_CHARACTERS and len(sets[meaning]) < MOST_STATUSES
        (sets[meaning] if meaning is not None and fits else unknown).append(status)
    return Sorted(**{name: tuple(statuses) for name, statuses in sets.items()}, unknown=tuple(unknown))


def _meaning(status: str) -> str | None:
    word = re.sub(r"[^A-Z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", status.strip()).upper()).strip("_")
    for prefix in _PREFIXES:
        word = word.removeprefix(prefix)
    if word.startswith("ERROR_"):
        return "failure"
    return _MEANING.get(word)
