"""What words mean: statuses of task systems, names of columns, GPU models in names of types."""

from __future__ import annotations

import duckdb
import pytest

from gpucost.api.costreport import Statuses
from gpucost.core.globs import Globs
from gpucost.drafting.columns import TableColumns, find_job, weigh_table
from gpucost.drafting.models import name_types
from gpucost.drafting.queries import quote_name
from gpucost.drafting.statuses import sort_statuses
from gpucost.drafting.tools import TOOLS, find_tool
from gpucost.sources.catalogue import Column, Dialect, ListedTable
from postgres import Postgres

NONE = Statuses(running=("running",), success=(), failure=(), waiting=())


def table(name: str, *columns: str, kind: str = "text") -> TableColumns:
    return TableColumns.of(ListedTable(name, None, tuple(Column(column, kind) for column in columns)))


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("SUCCESS", "success"),
        ("Succeeded", "success"),
        ("COMPLETED", "success"),
        ("Finished", "success"),
        ("WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW", "success"),
        ("ContinuedAsNew", "success"),
        ("FAILURE", "failure"),
        ("TimedOut", "failure"),
        ("NODE_FAIL", "failure"),
        ("OUT_OF_MEMORY", "failure"),
        ("REVOKED", "failure"),
        ("Cancelled", "failure"),
        ("KILLED", "failure"),
        ("error_disk", "failure"),
        ("RETRY", "waiting"),
        ("up_for_retry", "waiting"),
        ("Queued", "waiting"),
        ("PREEMPTED", "waiting"),
        ("in progress", "running"),
        ("STARTED", "running"),
    ],
)
def test_a_status_means_what_its_word_says(status: str, meaning: str) -> None:
    assert status in getattr(sort_statuses([status], NONE), meaning)


@pytest.mark.parametrize("status", ["skipped?", "42", "", "\N{ROCKET}", "not done", "x" * 129])
def test_other_words_mean_nothing(status: str) -> None:
    assert sort_statuses([status], NONE).unknown == (status,)


def test_what_the_usual_sets_hold_stays_there() -> None:
    """A site may have put ``cancelled`` among the failures and ``pending`` into the queue; found ones come after."""
    found = sort_statuses(["cancelled", "pending", "FAILED"], Statuses())
    assert found.failure == (*Statuses().failure, "FAILED")
    assert found.waiting == Statuses().waiting


def test_a_set_takes_as_many_statuses_as_a_manifest_may_name() -> None:
    """64 of them; case makes them differ."""
    words = [f"error_{n}" for n in range(70)]
    found = sort_statuses(words, NONE)
    assert (len(found.failure), len(found.unknown)) == (64, 6)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_is_known_by_its_columns_in_any_case(tool: object) -> None:
    assert tool in TOOLS
    columns = next(known.columns for known in TOOLS if known is tool)
    assert find_tool(table("task_history", *columns.lower().split(), "more")) is tool
    assert find_tool(table("task_history", *columns.split()[1:])) is not tool


def test_a_job_table_outweighs_one_of_events_and_both_outweigh_a_log() -> None:
    job = weigh_table(table("jobs", "id", "state", "started_at", "finished_at", "host"))
    event = weigh_table(table("job_events", "job_id", "state", "at", "host"))
    assert job > event > weigh_table(table("log", "id", "message", "at")) == 0


def test_times_of_two_types_are_compared_as_text() -> None:
    """Else PostgreSQL would read the one without a zone in the zone of its session."""
    columns = (
        Column("id", "bigint"),
        Column("start_time", "timestamp with time zone"),
        Column("end_time", "timestamp"),
    )
    found = find_job(TableColumns.of(ListedTable("t", None, columns)), None, Dialect.POSTGRESQL)
    assert found is not None
    assert (found[0].start, found[0].end) == ("CAST(start_time AS TEXT)", "CAST(end_time AS TEXT)")


def test_a_flag_is_no_time() -> None:
    columns = (Column("id", "bigint"), Column("started", "boolean"), Column("finished", "boolean"))
    assert find_job(TableColumns.of(ListedTable("t", None, columns)), None, Dialect.DUCKDB) is None


@pytest.mark.parametrize(
    ("name", "quoted"),
    [("started_at", "started_at"), ("startedAt", '"startedAt"'), ("end", '"end"'), ('a"b', '"a""b"'), ("a b", '"a b"')],
)
def test_names_are_quoted_where_they_must_be(name: str, quoted: str) -> None:
    assert quote_name(name) == quoted


def test_words_of_sql_are_quoted(postgres: Postgres) -> None:
    """Those that DuckDB and PostgreSQL reserve in some place, as they list them."""
    words = duckdb.execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
    ).fetchall()
    words += postgres.execute(postgres.url, "SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'")
    assert len(words) > 150
    assert [word for (word,) in words if not quote_name(word).startswith('"')] == []


@pytest.mark.parametrize(
    ("stated", "pool", "kind"),
    [
        (("A100",), "gpu-a100-spot", "A100"),
        (("NVIDIA A100-SXM4-80GB",), "gpu-a100", "NVIDIA A100-SXM4-80GB"),
        (("A100", "A100-80GB"), "gpu-a100-80gb", "A100-80GB"),
        (("A100", "A100-80GB"), "gpu-a100", "A100"),
        (("p4d.24xlarge",), "p4d.24xlarge", "p4d.24xlarge"),
        (("[weird]*",), "[weird]*", "[weird]*"),
        ((), "gpu-l4", "l4"),
        ((), "training", "training"),
    ],
)
def test_a_pool_is_of_the_type_that_its_name_fits(stated: tuple[str, ...], pool: str, kind: str) -> None:
    types = name_types(stated, [pool], [])
    assert next(name for name, globs in types if Globs.of(globs).match(pool)) == kind


def test_the_type_of_unknown_nodes_is_no_type_of_ones_own() -> None:
    assert name_types(["unknown", "A100"], [], []) == name_types(["A100"], [], [])
