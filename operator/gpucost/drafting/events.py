"""What the events of a reading name, read as a report reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from gpucost.core.zones import UTC
from gpucost.drafting.readings import Reading
from gpucost.drafting.statuses import Sorted, sort_statuses
from gpucost.engine.reduction import Names, list_events
from gpucost.engine.source import UNIT_US, TimeRule, UnitError, create_source
from gpucost.sources.tasks import EVENTS, open_database


@dataclass(frozen=True, slots=True)
class SeenEvents:
    """What events name, and of what kind their times are."""

    names: Names
    statuses: Sorted
    """What their statuses, and those that the reading knows, mean."""
    numeric_time: str | None
    """A time of them that is a number; None where times are not."""


def look_at_events(url: str, reading: Reading) -> SeenEvents:
    """Read a task database as a report would. Raises SourceError or SpecError as a report does.

    It is read once more where other statuses turn out to mean running, for only those events are asked for their nodes.
    """
    seen = _look(url, reading, reading.statuses.running)
    if seen.statuses.running == reading.statuses.running:
        return seen
    return _look(url, reading, seen.statuses.running)


def _look(url: str, reading: Reading, running: Sequence[str]) -> SeenEvents:
    with open_database(url) as database:
        con, relation = database.con, database.bring(EVENTS, reading.query, running)
        names, numeric = _list_names(con, relation, reading, running)
        return SeenEvents(
            names,
            sort_statuses(names.statuses, reading.statuses),
            _example_of_time(con, relation) if numeric else None,
        )


def _list_names(
    con: duckdb.DuckDBPyConnection, relation: str, reading: Reading, running: Sequence[str]
) -> tuple[Names, bool]:
    """What the events name, and whether their times are numbers: for names any unit will do under which they are times."""
    try:
        create_source(con, relation, TimeRule(UTC, None))
        return list_events(con, running), False
    except UnitError:
        for unit in (reading.epoch_unit,) if reading.epoch_unit else UNIT_US:
            create_source(con, relation, TimeRule(UTC, unit))
            names = list_events(con, running)
            if names.nodes:
                break
        return names, True


def _example_of_time(con: duckdb.DuckDBPyConnection, relation: str) -> str:
    (example,) = con.execute(f"SELECT max(creation_ts) FROM {relation}").fetchone() or ("",)
    return str(example)
