"""What hazards count for is kept in sums; what may be late is found by an index.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from storage.counter_tables import counter_deltas, counters

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The sums are filled after the last revision (storage/migration.py): they follow from the hazards alone."""
    for table in (counters, counter_deltas):
        table.create(op.get_bind())
    never = "advisory = 0" if op.get_bind().dialect.name == "sqlite" else "NOT advisory"
    may_be_late = sa.text(f"state IN ('accepted', 'assigned', 'rectifying') AND {never}")
    extended = sa.text(f"{may_be_late} AND original_due_at IS NOT NULL")
    columns = ["community", "due_at", "category", "severity", "source", "reported_at", "original_due_at"]
    op.create_index(
        "ix_hazards_may_be_late",
        "hazards",
        [*columns, "state", "advisory"],
        sqlite_where=may_be_late,
        postgresql_where=may_be_late,
    )
    op.create_index(
        "ix_hazards_first_due", "hazards", ["original_due_at"], sqlite_where=extended, postgresql_where=extended
    )


def downgrade() -> None:
    op.drop_index("ix_hazards_first_due", "hazards")
    op.drop_index("ix_hazards_may_be_late", "hazards")
    op.drop_table("counter_deltas")
    op.drop_table("counters")
