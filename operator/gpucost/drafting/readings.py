"""How a table is read as events: as the tool that writes it is known to, else by the names of its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gpucost.api.costreport import Statuses
from gpucost.drafting.columns import NODE_TYPES, TableColumns, find_event, find_job, is_number, states_outcome
from gpucost.drafting.models import find_models
from gpucost.drafting.queries import as_text, quote_name, quote_text, write_event_query, write_job_query
from gpucost.drafting.tools import Tool
from gpucost.engine.source import REQUIRED
from gpucost.sources.catalogue import Catalogue, Column, Dialect, read_values

ONE_ROW_PER_JOB: Final = "one row per job"
ONE_ROW_PER_EVENT: Final = "one row per event"
MOST_TYPES: Final = 50
"""A column of more different values is no node type."""
_SURE_TYPES: Final = ("node_type", "gpu_type", "gpu_model", "gpu_name", "gpu", "accelerator", "accelerator_type")
"""Columns whose words are types even where none is a model that we know."""
_NO_STATUSES: Final = Statuses(running=("running",), success=(), failure=(), waiting=())
"""Before any has been seen: ``running`` is what the query itself writes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is read as events, and what is to be said of it."""

    query: str | None
    """None: it is task_history as gpucost has it."""
    what: str
    """The tool that writes it, or what a row is."""
    statuses: Statuses = field(default_factory=Statuses)
    """Those that it may have, by what they mean."""
    time_zone: str | None = None
    """Zone of its times without an offset, where it is always the same."""
    epoch_unit: str | None = None
    """Unit of its times where they are numbers and it is known."""
    remarks: tuple[str, ...] = ()


def read_table(url: str, catalogue: Catalogue, columns: TableColumns, tool: Tool | None) -> Reading | None:
    """How a table of a task database is read; None where it does not say when tasks started."""
    if tool is not None:
        return _read_as_tool(url, catalogue, columns, tool)
    if columns.has(" ".join(REQUIRED)):
        return Reading(f"SELECT * FROM {columns.source}", ONE_ROW_PER_EVENT)
    return _read_by_names(columns, _node_type(url, columns), catalogue.dialect)


def _read_as_tool(url: str, catalogue: Catalogue, columns: TableColumns, tool: Tool) -> Reading | None:
    job = tool.read(columns, catalogue, lambda source, column, text: _has_value(url, source, column, text))
    if job is None:
        return None
    untold = (tool.without_node,) if job.node_name is None and tool.without_node else ()
    query = write_job_query(job, catalogue.dialect)
    return Reading(query, tool.name, tool.statuses, tool.time_zone, tool.epoch_unit, tool.remarks + untold)


def _has_value(url: str, source: str, column: str, text: str) -> bool:
    query = f"SELECT {column} AS value FROM {source} WHERE {column} = {quote_text(text)} LIMIT 1"
    return bool(read_values(url, query, ("value",)))


def _read_by_names(columns: TableColumns, node_type: str | None, dialect: Dialect) -> Reading | None:
    found = find_job(columns, node_type, dialect)
    if found is not None:
        job, remarks = found
        statuses = _NO_STATUSES if states_outcome(columns) else Statuses()
        return Reading(write_job_query(job, dialect), ONE_ROW_PER_JOB, statuses, remarks=remarks)
    event = find_event(columns, node_type, dialect)
    return Reading(write_event_query(event, dialect), ONE_ROW_PER_EVENT, _NO_STATUSES) if event else None


def _node_type(url: str, columns: TableColumns) -> str | None:
    """The column that names a type of node or GPU, and not a number of them."""
    for name in NODE_TYPES.split():
        column = columns.by_name.get(name)
        if column is None or is_number(column) or column.kind.startswith("bool"):
            continue
        values = _some_values(url, columns, column)
        if 0 < len(values) <= MOST_TYPES and all(_names_type(value, sure=name in _SURE_TYPES) for value in values):
            return quote_name(column.name)
    return None


def _some_values(url: str, columns: TableColumns, column: Column) -> list[str]:
    """Different texts of a column, one more at most than can be types."""
    text = as_text(quote_name(column.name))
    query = f"SELECT DISTINCT {text} AS value FROM {columns.source} WHERE {text} <> '' LIMIT {MOST_TYPES + 1}"
    return [str(value) for (value,) in read_values(url, query, ("value",))]


def _names_type(value: str, *, sure: bool) -> bool:
    return any(char.isalpha() for char in value) if sure else bool(find_models(value))
