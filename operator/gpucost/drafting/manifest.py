"""The draft: a CostReport as YAML, with comments where a person has to decide."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from gpucost.api.costreport import API_VERSION, KIND, EpochUnit, Statuses
from gpucost.core.globs import Globs
from gpucost.core.issues import counted, shorten, show
from gpucost.drafting.events import SeenEvents
from gpucost.drafting.looking import FoundTasks, SeenTasks
from gpucost.drafting.models import NodeType, name_types
from gpucost.drafting.statuses import SETS
from gpucost.sources.catalogue import ListedTable
from gpucost.sources.cronjobs.manifests import CronJobInventory

SHOWN: Final = 20
"""Names, tables or messages of a kind that the comments hold."""
MOST_TYPES: Final = 32
"""Types that a report may have."""
_LINE: Final = 200


@dataclass(frozen=True, slots=True)
class Scaling:
    """What the CronJobs state."""

    pools: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    time_zone: str | None = None
    """The zone that most of them state."""
    issues: tuple[str, ...] = ()


def sum_up_scaling(inventory: CronJobInventory) -> Scaling:
    """Pools, namespaces and the usual zone of CronJobs, and what could not be read."""
    zones = Counter(version.time_zone for version in inventory.versions if version.time_zone)
    return Scaling(
        pools=tuple(sorted({pool for version in inventory.versions for pool in version.pools})),
        namespaces=tuple(sorted({version.namespace for version in inventory.versions})),
        time_zone=zones.most_common(1)[0][0] if zones else None,
        issues=tuple(issue.message for issue in inventory.issues),
    )


def write_draft(scaling: Scaling, tasks: SeenTasks | None) -> str:
    """The manifest, led by comments. ``tasks``: None where no task database was looked at."""
    seen = tasks or SeenTasks()
    pools = tuple(sorted({*scaling.pools, *(seen.scheduled or ())}))
    types = _types(seen.found, pools)
    spec: dict[str, Any] = {
        "period": {"calendar": {"unit": "Month", "offset": -1}},
        "timeZone": scaling.time_zone or "UTC",
        "currency": "USD",
        "nodePools": _node_pools(scaling, seen, types),
    }
    if seen.found is not None:
        spec["tasks"] = _tasks(scaling, seen.found)
    metadata = {"name": "gpu-cost", "namespace": scaling.namespaces[0] if scaling.namespaces else "default"}
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
    text = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    template = _template(seen) if tasks is not None and seen.found is None else ()
    return _commented(_comments(scaling, seen, pools, types)) + _blanks(text) + _commented(template)


def _types(found: FoundTasks | None, pools: Sequence[str]) -> list[NodeType]:
    stated, nodes = (found.events.names.node_types, found.events.names.nodes) if found else ((), ())
    return name_types(stated, pools, nodes)[:MOST_TYPES]


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, which a person can read and change."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def _blanks(text: str) -> str:
    """What is left to fill in, with a word on how."""
    text = re.sub(r"(?m)^(      prices: \[\])$", r'\1  # fill in, for example [{pricePerHour: "11"}]', text)
    units = ", ".join(EpochUnit)
    return re.sub(r"(?m)^(    epochUnit: null)$", rf"\1  # fill in one of {units}", text)


def _node_pools(scaling: Scaling, seen: SeenTasks, types: Iterable[NodeType]) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if len(scaling.namespaces) > 1:
        spec["cronJobs"] = {"namespaces": list(scaling.namespaces)}
    if seen.scheduled is not None:
        spec["scheduleTable"] = {"enabled": True, "timeZone": scaling.time_zone or "UTC"}
    spec["types"] = [{"name": name, "match": list(globs), "prices": []} for name, globs in types]
    return spec


def _tasks(scaling: Scaling, found: FoundTasks) -> dict[str, Any]:
    reading, events = found.reading, found.events
    spec: dict[str, Any] = {"databaseSecretRef": {"name": "task-db", "key": "url"}}
    if reading.query is not None:
        spec["query"] = reading.query
    if events.names.naive_times:
        spec["timeZone"] = _zone(scaling, found)
    if events.numeric_time is not None:
        spec["epochUnit"] = reading.epoch_unit
    spec["services"] = {"include": ["*"]}
    defaults = Statuses()
    if any(getattr(events.statuses, name) != getattr(defaults, name) for name in SETS):
        spec["statuses"] = {name: list(getattr(events.statuses, name)) for name in SETS}
    return spec


def _zone(scaling: Scaling, found: FoundTasks) -> str:
    return found.reading.time_zone or scaling.time_zone or "UTC"


def _comments(scaling: Scaling, seen: SeenTasks, pools: Sequence[str], types: Sequence[NodeType]) -> Iterable[str]:
    yield "Made by gpucost init. Left to you: prices, the period, and initialNodes where a pool's past is unknown."
    yield from _listed("node pools", pools)
    if seen.scheduled is not None:
        yield "Found the schedule table k8s_nodes_scaling: its crons are read in nodePools.scheduleTable.timeZone."
    yield from _table_comments(seen.tables)
    if seen.found is not None:
        yield from _task_comments(seen.found)
        yield from _time_comments(scaling, seen.found)
        yield from _node_comments(seen.found.events, pools, types)
    yield from seen.remarks
    yield from (f"Not read: {shorten(message, 400)}" for message in scaling.issues[:SHOWN])


def _table_comments(tables: Sequence[ListedTable]) -> Iterable[str]:
    if not tables:
        return
    yield f"The database has {counted(len(tables), 'table')}:"
    yield from (f"  {_shape(table)}" for table in tables[:SHOWN])
    if len(tables) > SHOWN:
        yield f"  and {len(tables) - SHOWN:,} more"


def _shape(table: ListedTable) -> str:
    columns = ", ".join(shorten(column.name, 30) for column in table.columns[:SHOWN])
    more = ", ..." if len(table.columns) > SHOWN else ""
    return shorten(f"{shorten(table.name, 60)}({columns}{more})", _LINE)


def _task_comments(found: FoundTasks) -> Iterable[str]:
    """Where the tasks stand, and what they name."""
    if found.reading.query is not None:
        name = shorten(found.table.name)
        yield f"Tasks are read from {name} ({found.reading.what}): check spec.tasks.query and spec.tasks.statuses."
    yield from _listed("services", found.events.names.services)
    yield from _listed("statuses", found.events.names.statuses)
    unknown = found.events.statuses.unknown
    if unknown:
        names = ", ".join(shorten(status, 40) for status in unknown[:SHOWN])
        yield f"Statuses that belong to no set yet, put each into one of spec.tasks.statuses: {names}"


def _time_comments(scaling: Scaling, found: FoundTasks) -> Iterable[str]:
    """What was assumed of times, or is left to a person."""
    reading, events = found.reading, found.events
    if events.names.naive_times:
        why = "for want of another"
        if reading.time_zone is not None:
            why = f"as {reading.what} writes them"
        elif scaling.time_zone is not None:
            why = "the zone that most CronJobs state"
        zone = _zone(scaling, found)
        yield f"Times without an offset are read as {zone}, {why}; if they are not, change spec.tasks.timeZone."
    if events.numeric_time is not None and reading.epoch_unit is None:
        yield f"Times are numbers such as {shorten(events.numeric_time, 30)}: fill in spec.tasks.epochUnit."


def _node_comments(events: SeenEvents, pools: Sequence[str], types: Sequence[NodeType]) -> Iterable[str]:
    """Node names that tell no type where no column does either, and stated types that no pool's name fits."""
    known = Globs.of(glob for _, globs in types for glob in globs)
    untold = [] if events.names.node_types else [name for name in events.names.nodes if not known.match(name)]
    if untold:
        examples = ", ".join(shorten(name, 60) for name in untold[:2])
        yield (
            f"No type can be told from {counted(len(untold), 'node name')} such as {examples}: name them in "
            "nodePools.types[].match, or select node_type in spec.tasks.query."
        )
    names = events.names
    if names.unreadable:
        yield (
            f"{names.unreadable:,} of {counted(names.running_events, 'running event')} have metainfo that is no JSON object, "
            f"such as {show(names.unreadable_example)}: write it as JSON, or state node_type in spec.tasks.query."
        )
    globs = {name: Globs.of(match) for name, match in types if name in events.names.node_types}
    without_pool = [name for name, match in globs.items() if not any(map(match.match, pools))]
    if pools and without_pool:
        yield (
            f"Tasks state {', '.join(shorten(name, 40) for name in without_pool[:SHOWN])}, and no pool's name fits: add "
            "the names of such pools to nodePools.types[].match, and take out a type that is the same by another name."
        )


def _template(seen: SeenTasks) -> Iterable[str]:
    """What is to stand under spec once the query is right."""
    yield "Tasks are left out until the query is yours; then put it under spec:"
    yield "  tasks:"
    yield "    databaseSecretRef: {name: task-db, key: url}"
    yield "    query: |"
    yield from (f"      {shorten(line, 400)}" for line in (seen.query or _TEMPLATE).split("\n"))
    yield "    statuses: {running: [running], success: [done], failure: [error], waiting: [pending]}"


_TEMPLATE: Final = """\
SELECT id AS task_id, model AS service_name, 'running' AS status, started_at AS creation_ts,
       host AS node_id, NULL AS metainfo
FROM jobs WHERE started_at IS NOT NULL
UNION ALL
SELECT id, model, state, finished_at, NULL, NULL
FROM jobs WHERE started_at IS NOT NULL AND finished_at IS NOT NULL"""


def _listed(what: str, names: Iterable[str]) -> Iterable[str]:
    shown = [shorten(name, 40) for name in names]
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    if shown:
        yield f"Found {what}: {', '.join(shown[:SHOWN])}{more}"


def _commented(lines: Iterable[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)
