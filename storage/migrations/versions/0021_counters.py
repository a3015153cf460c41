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


_OPEN = "'accepted', 'assigned', 'pending_recheck', 'rectifying', 'reported', 'suspended', 'transferred'"
_COLUMNS = (
    *("community", "state", "due_at", "category", "advisory", "original_due_at", "accept_due_at", "start_due_at"),
    *("recheck_due_at", "review_due_at", "reply_due_at", "times_extended", "severity", "source", "reported_at"),
)


def upgrade() -> None:
    """The sums are filled after the last revision (storage/migration.py): they follow from the hazards alone."""
    for table in (counters, counter_deltas):
        table.create(op.get_bind())
    never = "advisory = 0" if op.get_bind().dialect.name == "sqlite" else "NOT advisory"
    is_open = f"state IN ({_OPEN})"
    may_be_late = f"{is_open} AND state IN ('accepted', 'assigned', 'rectifying') AND {never}"
    indexes = (
        ("ix_hazards_open", [*_COLUMNS], is_open),
        ("ix_hazards_may_be_late", ["due_at", "community"], may_be_late),
        ("ix_hazards_first_due", ["original_due_at"], f"{may_be_late} AND original_due_at IS NOT NULL"),
    )
    for name, columns, where in indexes:
        op.create_index(name, "hazards", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for name in ("ix_hazards_first_due", "ix_hazards_may_be_late", "ix_hazards_open"):
        op.drop_index(name, "hazards")
    op.drop_table("counter_deltas")
    op.drop_table("counters")
