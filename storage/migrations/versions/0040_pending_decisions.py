"""Indexes for what waits for a supervisor's decision, in the order of its list.

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_ACCEPTED = ("accepted", "assigned", "pending_recheck", "rectifying", "suspended", "transferred")
_COLUMNS = {
    "ix_hazards_asked_extension": "due_at",
    "ix_hazards_proposed_major": "due_at",
    "ix_hazards_suspended": "review_due_at",
}


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    quoted = [f"'{state}'" for state in _ACCEPTED]
    accepted = f"({' OR '.join(f'state = {each}' for each in quoted)})" if sqlite else f"state IN ({', '.join(quoted)})"
    proposed = "major_proposed = 1" if sqlite else "major_proposed = true"
    one = "({} = '{}')" if sqlite else "{} IN ('{}')"
    conditions = (
        "extension IS NOT NULL",
        f"{proposed} AND {one.format('severity', 'general')} AND {accepted}",
        one.format("state", "suspended"),
    )
    for (name, column), condition in zip(_COLUMNS.items(), conditions, strict=True):
        where = sa.text(condition)
        op.create_index(name, "hazards", [column, "id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_index(name, table_name="hazards")
