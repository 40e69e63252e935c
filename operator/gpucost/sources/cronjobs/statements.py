"""What a CronJob states of node pools in so many words: by its annotations, and by its containers' variables.

A place that states a pool without a count, or a count without a pool, is never completed from another place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from gpucost.core.issues import CONTRADICTORY_CRON_JOB, INCOMPLETE_CRON_JOB, UNREADABLE_CRON_JOB, shorten, show
from gpucost.core.scaling import MAX_POOLS, PoolCount, parse_node_count, parse_pool_name
from gpucost.sources.cronjobs.environment import Elsewhere
from gpucost.sources.cronjobs.fields import Fields, Refused

COUNTS_ANNOTATION: Final = "gpucost.dev/node-counts"
POOL_ANNOTATION: Final = "gpucost.dev/node-pool"
NODES_ANNOTATION: Final = "gpucost.dev/nodes"
IGNORE_ANNOTATION: Final = "gpucost.dev/ignore"
POOL_VARIABLE: Final = "NODE_POOL"
NODES_VARIABLE: Final = "NODES_COUNT"

REMEDY: Final = (
    f"state the annotations {POOL_ANNOTATION} and {NODES_ANNOTATION}, or {COUNTS_ANNOTATION} for several pools "
    '("gpu-l4=2, gpu-t4=4")'
)
"""What always helps, in the words that a person will type."""
REMEDY_OF_SCALER: Final = (
    f'{REMEDY}; if it scales no nodes, {IGNORE_ANNOTATION}: "true"; a later release can bill the nodes that were there '
    "instead (spec.nodePools.source: Observed)"
)
"""The same where it is the tool that isn't read."""
TO_READ_IT: Final = (
    "add it to the input (kubectl get cronjobs,configmaps -A -o json), let the operator read it (--read-configmaps)"
)
"""What to do about a ConfigMap that was not read."""
_FORM: Final = f'write {COUNTS_ANNOTATION}: "gpu-l4=2, gpu-t4=4", each pool with its count'

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Half:
    """A place that states a pool without a count, or a count without a pool."""

    pool: str | None
    nodes: int | None
    stated: str
    """What is set, such as ``annotation gpucost.dev/nodes``."""
    missing: str

    def agrees(self, count: PoolCount) -> bool:
        """Whether it repeats a part of what another place states."""
        return self.pool in (None, count.pool) and self.nodes in (None, count.nodes)


def is_ignored(annotations: Fields) -> bool:
    """Whether a CronJob is to be left out. Raises Refused for a value that says neither."""
    value = annotations.get(IGNORE_ANNOTATION)
    match value:
        case None | "false" | False:  # a file may leave the quotes out
            return False
        case "true" | True:
            return True
    what = f'annotation {IGNORE_ANNOTATION} is {show(value)}, expected "true" or "false"; correct it'
    raise Refused(UNREADABLE_CRON_JOB, what)


def read_annotations(annotations: Fields) -> tuple[PoolCount, ...] | Half | None:
    """What the annotations state; None: nothing. Raises Refused."""
    pair = read_pair(annotations, POOL_ANNOTATION, NODES_ANNOTATION, "annotation")
    if COUNTS_ANNOTATION not in annotations:
        return (pair,) if isinstance(pair, PoolCount) else pair
    counts = _parse_counts(annotations[COUNTS_ANNOTATION])
    stated = Half(pair.pool, pair.nodes, "", "") if pair else None
    if stated and not any(stated.agrees(count) for count in counts):
        what = f"{COUNTS_ANNOTATION} and {POOL_ANNOTATION} with {NODES_ANNOTATION} contradict each other"
        raise Refused(CONTRADICTORY_CRON_JOB, f"{what}; remove the latter two")
    return counts


def _parse_counts(value: object) -> tuple[PoolCount, ...]:
    """``gpu-l4=2, gpu-t4=4``, in the order as written."""
    where = f"annotation {COUNTS_ANNOTATION}"
    if not isinstance(value, str) or not value.strip():
        raise Refused(UNREADABLE_CRON_JOB, f"{where} is {show(value)}; {_FORM}")
    counts: dict[str, int] = {}
    for part in value.split(","):
        pool, separator, nodes = part.partition("=")
        if not separator:
            raise Refused(UNREADABLE_CRON_JOB, f"{where} has {show(part.strip())}, which is no pool=count; {_FORM}")
        name, count = _counted(where, pool, nodes)
        if name in counts:
            raise Refused(UNREADABLE_CRON_JOB, f"{where} names pool {show(name)} twice; {_FORM}")
        counts[name] = count
    if len(counts) > MAX_POOLS:
        raise Refused(UNREADABLE_CRON_JOB, f"{where} names {len(counts)} pools; at most {MAX_POOLS} are read")
    return tuple(PoolCount(name, count) for name, count in counts.items())


def _counted(where: str, pool: str, nodes: str) -> tuple[str, int]:
    try:
        return parse_one_pool(pool), parse_node_count(nodes)
    except ValueError as error:
        raise Refused(UNREADABLE_CRON_JOB, f"{where}: {error}; {_FORM}") from None


def parse_one_pool(value: object) -> str:
    """The name of one pool: a comma or a blank in it means several. ValueError says so."""
    name = parse_pool_name(value)
    if any(char == "," or char.isspace() for char in name):
        raise ValueError(f"{show(name)} is not the name of one pool")
    return name


def _parse_one_count(value: object) -> int:
    if isinstance(value, str) and "," in value:
        raise ValueError(f"{show(value)} is not the count of one pool")
    return parse_node_count(value)


def read_pair(fields: Mapping[str, object], pool_key: str, nodes_key: str, kind: str) -> PoolCount | Half | None:
    """A pool and a count from a place that has a key for each; None: neither is there. Raises Refused."""
    pool = _parsed(fields, pool_key, kind, parse_one_pool)
    nodes = _parsed(fields, nodes_key, kind, _parse_one_count)
    if pool is not None and nodes is not None:
        return PoolCount(pool, nodes)
    if pool is None and nodes is None:
        return None
    stated, missing = (nodes_key, pool_key) if pool is None else (pool_key, nodes_key)
    return Half(pool, nodes, f"{kind} {stated}", missing)


def _parsed(fields: Mapping[str, object], key: str, kind: str, parse: Callable[[object], _Value]) -> _Value | None:
    if key not in fields:
        return None
    value = fields[key]
    if isinstance(value, Elsewhere):
        raise Refused(UNREADABLE_CRON_JOB, f"{kind} {key} takes its value from {_source(value)} {REMEDY}")
    try:
        return parse(value)
    except ValueError as error:
        raise Refused(UNREADABLE_CRON_JOB, f"{kind} {key}: {error}; correct it, or {REMEDY}") from None


def _source(value: Elsewhere) -> str:
    if value.config_map is None:
        return "elsewhere, and only literal values and ConfigMaps are read;"
    return f"ConfigMap {'/'.join(map(shorten, value.config_map))}, which was not read: {TO_READ_IT}, or"


def check_half(half: Half, counts: Sequence[PoolCount]) -> None:
    """A half statement is fine only where it repeats a whole one. Raises Refused."""
    if not counts:
        raise Refused(INCOMPLETE_CRON_JOB, f"{half.stated} is set, but {half.missing} is not; set both")
    agreed = [half.agrees(count) for count in counts]
    # An annotation speaks for the whole CronJob; a variable may be of one of several commands.
    if not (all(agreed) if half.stated.startswith("annotation") else any(agreed)):
        value = half.pool if half.nodes is None else str(half.nodes)
        sets = ", ".join(f"{show(count.pool)} to {count.nodes}" for count in counts[:3])
        what = f"{half.stated} is {show(value)}, but the CronJob sets {sets}"
        raise Refused(CONTRADICTORY_CRON_JOB, f"{what}; {REMEDY}")
