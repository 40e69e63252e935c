"""Counts of several pools for each version, in a table of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of counts, move the one count of each version into it, and drop what is empty then."""
    counts = op.create_table(
        "gpucost_counts",
        sa.Column("namespace", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("pool", sa.Text(), primary_key=True),
        sa.Column("nodes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace", "name", "number"],
            ["gpucost_versions.namespace", "gpucost_versions.name", "gpucost_versions.number"],
            name="fk_gpucost_counts_version",
        ),
    )
    columns = [column.name for column in counts.columns]
    versions = sa.table("gpucost_versions", *(sa.column(name) for name in columns))
    op.execute(counts.insert().from_select(columns, sa.select(*versions.c)))
    op.drop_column("gpucost_versions", "pool")
    op.drop_column("gpucost_versions", "nodes")
