"""Those that are late are counted from an index alone; on PostgreSQL, periods of all communities by theirs.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_OPEN = "'accepted', 'assigned', 'pending_recheck', 'rectifying', 'reported', 'suspended', 'transferred'"
_COLUMNS = (
    *("community", "due_at", "reported_at", "original_due_at"),
    *("category", "severity", "source", "state", "advisory"),
)


def upgrade() -> None:
    """An empty database was given the second one by 0021, which makes its tables as they are now."""
    postgres = op.get_bind().dialect.name == "postgresql"
    never = "NOT advisory" if postgres else "advisory = 0"
    late = sa.text(f"state IN ({_OPEN}) AND state IN ('accepted', 'assigned', 'rectifying') AND {never}")
    op.create_index("ix_hazards_late", "hazards", list(_COLUMNS), sqlite_where=late, postgresql_where=late)
    if postgres:
        op.create_index("ix_counters_start", "counters", ["grain", "start", "severity", "category"], if_not_exists=True)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_counters_start")
    op.drop_index("ix_hazards_late")
