"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables of CronJobs, Jobs and reports."""
    _make_cronjobs()
    _make_jobs()
    _make_reports()


def _make_cronjobs() -> None:
    op.create_table(
        "gpucost_ledger",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("confirmed_us", sa.BigInteger()),
        sa.Column("holder", sa.Text()),
        sa.CheckConstraint("id = 1", name="ck_gpucost_ledger_one_row"),
    )
    op.create_table(
        "gpucost_cronjobs",
        sa.Column("namespace", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.BigInteger()),
        sa.Column("valid_from_us", sa.BigInteger()),
        sa.Column("noticed_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "gpucost_versions",
        sa.Column("namespace", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("nodes", sa.Integer(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text()),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("starting_deadline_seconds", sa.BigInteger()),
        sa.Column("created_us", sa.BigInteger()),
        sa.Column("edited_us", sa.BigInteger()),
        sa.Column("ended_us", sa.BigInteger()),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column("edit_doubt_us", sa.BigInteger()),
        sa.Column("end_doubt_us", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["namespace", "name"],
            ["gpucost_cronjobs.namespace", "gpucost_cronjobs.name"],
            name="fk_gpucost_versions_cronjob",
        ),
        sa.UniqueConstraint("namespace", "name", "edited_us", name="uq_gpucost_versions_edit"),
        sa.CheckConstraint("(number = 0) = (edited_us IS NULL)", name="ck_gpucost_versions_first"),
        sa.CheckConstraint("ended_us > coalesce(edited_us, seen_us)", name="ck_gpucost_versions_length"),
    )


def _make_jobs() -> None:
    op.create_table(
        "gpucost_jobs",
        sa.Column("uid", sa.Text(), primary_key=True),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cronjob_uid", sa.Text(), nullable=False),
        sa.Column("cronjob", sa.Text(), nullable=False),
        sa.Column("scheduled_us", sa.BigInteger()),
        sa.Column("created_us", sa.BigInteger()),
        sa.Column("started_us", sa.BigInteger()),
        sa.Column("ended_us", sa.BigInteger()),
        sa.Column("succeeded", sa.Boolean()),
        sa.Column("gone_us", sa.BigInteger()),
    )
    op.create_index("ix_gpucost_jobs_cronjob", "gpucost_jobs", ["namespace", "cronjob", "ended_us"])
    op.create_table(
        "gpucost_gaps",
        sa.Column("until_us", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
    )


def _make_reports() -> None:
    op.create_table(
        "gpucost_finals",
        sa.Column("report_uid", sa.Text(), primary_key=True),
        sa.Column("start_us", sa.BigInteger(), primary_key=True),
        sa.Column("end_us", sa.BigInteger(), primary_key=True),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("computed_us", sa.BigInteger(), nullable=False),
        sa.Column("input_revision", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
    )
    op.create_table(
        "gpucost_restatements",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("report_uid", sa.Text(), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("why", sa.Text(), nullable=False),
    )
    op.create_index(
        "ix_gpucost_restatements_report", "gpucost_restatements", ["report_uid", "start_us", "end_us", "at_us"]
    )
    op.create_table(
        "gpucost_snapshots",
        sa.Column("report_uid", sa.Text(), primary_key=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("computed_us", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.LargeBinary(), nullable=False),
    )
