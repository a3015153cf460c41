"""Terms of provisional clocks of stages are kept; deliveries are claimed in the order of an index.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_FIXING = sa.column("due_provisional", sa.Boolean()) == sa.true()
_EITHER = sa.or_(_FIXING, sa.column("stage_term").is_not(None))


def upgrade() -> None:
    op.add_column("hazards", sa.Column("stage_term", sa.Text(), nullable=True))
    _index(_EITHER)
    _deliveries("channel", "next_try_at", "seq")


def downgrade() -> None:
    _deliveries("channel", "next_try_at")
    _index(_FIXING)
    op.drop_column("hazards", "stage_term")


def _index(where: sa.ColumnElement[bool]) -> None:
    op.drop_index("ix_hazards_provisional", "hazards")
    op.create_index("ix_hazards_provisional", "hazards", ["id"], sqlite_where=where, postgresql_where=where)


def _deliveries(*columns: str) -> None:
    waits = sa.and_(sa.column("delivered_at").is_(None), sa.column("dead_at").is_(None))
    op.drop_index("ix_deliveries_waiting", "deliveries")
    op.create_index("ix_deliveries_waiting", "deliveries", columns, sqlite_where=waits, postgresql_where=waits)
