"""The ledger's tables. Instants are UTC microseconds; migrations/ makes the same, which a test compares."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy import Text as PlainText


class Text(TypeDecorator[str]):
    """Text of which every database takes every character: a name from a tenant's object must not stop the ledger of all."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Without NUL, which PostgreSQL refuses, and without halves of surrogate pairs, which UTF-8 has no bytes for."""
        if value is None:
            return None
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


METADATA: Final = MetaData()

REVISION_TABLE: Final = "gpucost_revision"
"""Where alembic notes which migrations have run."""

STATE: Final = Table(
    "gpucost_ledger",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("confirmed_us", BigInteger),
    Column("holder", Text),
    CheckConstraint("id = 1", name="ck_gpucost_ledger_one_row"),
)
"""One row: until when the watch was live, and who holds the lock or held it last."""

CRONJOBS: Final = Table(
    "gpucost_cronjobs",
    METADATA,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("uid", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("present", Boolean, nullable=False),
    Column("generation", BigInteger),
    Column("valid_from_us", BigInteger),
    Column("noticed_us", BigInteger, nullable=False),
)
"""One row for each namespace and name; labels as JSON."""

VERSIONS: Final = Table(
    "gpucost_versions",
    METADATA,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("uid", Text, nullable=False),
    Column("schedule", Text, nullable=False),
    Column("time_zone", Text),
    Column("suspended", Boolean, nullable=False),
    Column("starting_deadline_seconds", BigInteger),
    Column("created_us", BigInteger),
    Column("edited_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("seen_us", BigInteger, nullable=False),
    Column("edit_doubt_us", BigInteger),
    Column("end_doubt_us", BigInteger),
    ForeignKeyConstraint(
        ["namespace", "name"], [CRONJOBS.c.namespace, CRONJOBS.c.name], name="fk_gpucost_versions_cronjob"
    ),
    UniqueConstraint("namespace", "name", "edited_us", name="uq_gpucost_versions_edit"),
    CheckConstraint("(number = 0) = (edited_us IS NULL)", name="ck_gpucost_versions_first"),
    CheckConstraint("ended_us > coalesce(edited_us, seen_us)", name="ck_gpucost_versions_length"),
)
"""The known versions of each namespace and name, numbered from 0 in time order."""

COUNTS: Final = Table(
    "gpucost_counts",
    METADATA,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("nodes", Integer, nullable=False),
    ForeignKeyConstraint(
        ["namespace", "name", "number"],
        [VERSIONS.c.namespace, VERSIONS.c.name, VERSIONS.c.number],
        name="fk_gpucost_counts_version",
    ),
)
"""The node count of each pool that a version sets."""

JOBS: Final = Table(
    "gpucost_jobs",
    METADATA,
    Column("uid", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("cronjob_uid", Text, nullable=False),
    Column("cronjob", Text, nullable=False),
    Column("scheduled_us", BigInteger),
    Column("created_us", BigInteger),
    Column("started_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("succeeded", Boolean),
    Column("gone_us", BigInteger),
    Index("ix_gpucost_jobs_cronjob", "namespace", "cronjob", "ended_us"),
)

GAPS: Final = Table(
    "gpucost_gaps",
    METADATA,
    Column("until_us", BigInteger, primary_key=True, autoincrement=False),
    Column("from_us", BigInteger, nullable=False),
)
"""Spans of time that nobody watched: before the first look, and while no operator ran."""

FINALS: Final = Table(
    "gpucost_finals",
    METADATA,
    Column("report_uid", Text, primary_key=True),
    Column("start_us", BigInteger, primary_key=True),
    Column("end_us", BigInteger, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("computed_us", BigInteger, nullable=False),
    Column("input_revision", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("status", Text, nullable=False),
)
"""Inputs and status as JSON."""

RESTATEMENTS: Final = Table(
    "gpucost_restatements",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("report_uid", Text, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("field", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("why", Text, nullable=False),
    Index("ix_gpucost_restatements_report", "report_uid", "start_us", "end_us", "at_us"),
)

SNAPSHOTS: Final = Table(
    "gpucost_snapshots",
    METADATA,
    Column("report_uid", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("computed_us", BigInteger, nullable=False),
    Column("samples", LargeBinary, nullable=False),
)
