"""gpucost init: a CostReport made from what is found, with the prices left to fill in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import yaml

from gpucost.api.costreport import API_VERSION, KIND, SpecError, Statuses
from gpucost.core.globs import Globs
from gpucost.core.issues import shorten
from gpucost.core.zones import UTC
from gpucost.engine.reduction import Names, list_events
from gpucost.engine.source import UNIT_US, TimeRule, UnitError, create_source
from gpucost.sources.cronjobs.manifests import read_cronjobs
from gpucost.sources.manifestfiles import load_all
from gpucost.sources.tasks import EVENTS, open_database

GPU_MODELS: Final = re.compile(
    r"(?<![a-z0-9])(a100|h100|h200|b200|gb200|gh200|l4|l40s?|a10g?|a30|a40|t4g?|v100|p100|p4|k80|mi300x?|mi250x?|rtx[0-9]+)"
    r"(?![a-z0-9])",
    re.IGNORECASE,
)
"""Model names as they stand in pools' and nodes' names."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the CronJobs and the task database hold."""

    pools: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    numeric_time: bool = False
    """Whether creation_ts is a number, whose unit a person has to state."""
    time_zone: str = "UTC"
    """The zone that most CronJobs state."""
    issues: tuple[str, ...] = ()


def draft(cronjobs: Sequence[str] | None, db: str | None) -> str:
    """A CostReport manifest as YAML, with comments where a person has to decide. Raises as the sources do."""
    if not cronjobs and db is None:
        raise SpecError("init needs something to look at: --cronjobs FILE, --db URL, or both")
    found = _look(cronjobs, db)
    manifest: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "gpu-cost", "namespace": found.namespaces[0] if found.namespaces else "default"},
        "spec": {
            "period": {"calendar": {"unit": "Month", "offset": -1}},
            "timeZone": found.time_zone,
            "currency": "USD",
            "nodePools": _node_pools(found),
            **({"tasks": _tasks(found)} if db is not None else {}),
        },
    }
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=110)
    text = text.replace("epochUnit: null", "epochUnit: null  # fill in: Seconds, Milliseconds or Microseconds")
    return _comments(found) + text.replace("prices: []", 'prices: []  # fill in, for example [{pricePerHour: "11"}]')


def _look(cronjobs: Sequence[str] | None, db: str | None) -> Found:
    inventory = read_cronjobs(load_all(cronjobs or ()))
    numeric = False
    statuses: Sequence[str] = ()
    services: Sequence[str] = ()
    nodes: Sequence[str] = ()
    if db is not None:
        with open_database(db) as database:
            relation = database.bring(EVENTS, None, Statuses().running)
            names, numeric = _names(database.con, relation)
            statuses, services, nodes = names.statuses, names.services, names.nodes
    return Found(
        pools=tuple(sorted({version.pool for version in inventory.versions})),
        namespaces=tuple(sorted({version.namespace for version in inventory.versions})),
        nodes=tuple(nodes),
        services=tuple(services),
        statuses=tuple(statuses),
        numeric_time=numeric,
        time_zone=_usual(version.time_zone for version in inventory.versions),
        issues=tuple(issue.message for issue in inventory.issues),
    )


def _names(con: duckdb.DuckDBPyConnection, relation: str) -> tuple[Names, bool]:
    """What the events name, and whether their times are numbers: for names any unit will do under which they are times."""
    try:
        create_source(con, relation, TimeRule(UTC, None))
        return list_events(con, Statuses().running), False
    except UnitError:
        for unit in UNIT_US:
            create_source(con, relation, TimeRule(UTC, unit))
            names = list_events(con, Statuses().running)
            if names.nodes:
                break
        return names, True


def _usual(zones: Iterable[str | None]) -> str:
    counts = Counter(zone for zone in zones if zone)
    return counts.most_common(1)[0][0] if counts else "UTC"


def _node_pools(found: Found) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if len(found.namespaces) > 1:
        spec["cronJobs"] = {"namespaces": list(found.namespaces)}
    spec["types"] = [{"name": name, "match": list(globs), "prices": []} for name, globs in node_types(found)]
    return spec


def node_types(found: Found) -> list[tuple[str, tuple[str, ...]]]:
    """Types by the GPU models that stand in names; a pool without one is a type of its own."""
    models = sorted({match.lower() for name in (*found.pools, *found.nodes) for match in GPU_MODELS.findall(name)})
    types = [(model, _whole_word(model)) for model in models]
    known = Globs.of(glob for _, globs in types for glob in globs)
    return types + [(pool, (f"{pool}*", f"*-{pool}-*")) for pool in found.pools if not known.match(pool)]


def _whole_word(model: str) -> tuple[str, ...]:
    """Globs of a model as a word of its own: ``l4``, but not the ``l4`` in ``pool4``."""
    return (model, f"{model}[-_.]*", f"*[-_.]{model}", f"*[-_.]{model}[-_.]*")


def _tasks(found: Found) -> dict[str, Any]:
    defaults = Statuses()
    known = {*defaults.running, *defaults.success, *defaults.failure, *defaults.waiting}
    spec: dict[str, Any] = {"databaseSecretRef": {"name": "task-db", "key": "url"}, "services": {"include": ["*"]}}
    if found.numeric_time:
        spec["epochUnit"] = None
    if set(found.statuses) - known:
        names = ("running", "success", "failure", "waiting")
        spec["statuses"] = {name: list(getattr(defaults, name)) for name in names}
    return spec


def _comments(found: Found) -> str:
    lines = ["Made by gpucost init. Left to you: prices, the period, and initialNodes where a pool's past is unknown."]
    lines += (
        _listed("node pools", found.pools) + _listed("services", found.services) + _listed("statuses", found.statuses)
    )
    defaults = Statuses()
    known = {*defaults.running, *defaults.success, *defaults.failure, *defaults.waiting}
    unknown = [status for status in found.statuses if status not in known]
    if unknown:
        lines.append(f"Statuses that belong to no set yet, put each into one: {', '.join(map(shorten, unknown[:20]))}")
    lines += [f"Not read: {shorten(message, 200)}" for message in found.issues[:10]]
    return "".join(f"# {line}\n" for line in lines)


def _listed(what: str, names: Iterable[str]) -> list[str]:
    shown = [shorten(name, 40) for name in names]
    more = f" and {len(shown) - 20} more" if len(shown) > 20 else ""
    return [f"Found {what}: {', '.join(shown[:20])}{more}"] if shown else []
