"""The newest hazards of a community in the order of a list; on SQLite, conditions that an INSERT evaluates cheaply.

SQLite fills a temporary table with an IN list of more than two values for each index at every INSERT.

Revision ID: 0031
Revises: 0030
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_COMMUNITY = "ix_hazards_community"
_OPEN = ("accepted", "assigned", "pending_recheck", "rectifying", "reported", "suspended", "transferred")
_FIXING = ("accepted", "assigned", "rectifying")
_KIND = ["category", "severity", "source"]
_CLOCKS = ["accept_due_at", "start_due_at", "recheck_due_at", "review_due_at", "reply_due_at"]
_CONDITION = ["state", "advisory"]
_COLUMNS = {
    "ix_hazards_open": ["community", "state", "due_at", "category", "advisory", "original_due_at", *_CLOCKS,
                        "times_extended", "severity", "source", "reported_at"],
    "ix_hazards_may_be_late": ["due_at", "community"],
    "ix_hazards_late": ["community", "due_at", "reported_at", "original_due_at", "times_extended", *_KIND, *_CONDITION],
    "ix_hazards_first_due": ["original_due_at"],
    "ix_hazards_extended": ["community", "original_due_at", "due_at", "reported_at", *_KIND, *_CONDITION],
}  # fmt: skip
_MOVED = {"ix_hazards_first_due", "ix_hazards_extended"}
"""The indexes of hazards whose deadline was moved."""


def upgrade() -> None:
    op.drop_index(_COMMUNITY, table_name="hazards")
    op.create_index(_COMMUNITY, "hazards", ["community", "reported_at", "id"])
    _recreate_conditional_indexes(" OR ".join)


def downgrade() -> None:
    op.drop_index(_COMMUNITY, table_name="hazards")
    op.create_index(_COMMUNITY, "hazards", ["community", "reported_at"])
    _recreate_conditional_indexes(None)


def _recreate_conditional_indexes(join: Callable[[list[str]], str] | None) -> None:
    """Recreates the indexes of SQLite. `join`: joins comparisons with each state; None: an IN list."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for name, columns in _COLUMNS.items():
        states = [f"'{state}'" for state in (_OPEN if name == "ix_hazards_open" else _FIXING)]
        where = f"({join([f'state = {state}' for state in states])})" if join else f"state IN ({', '.join(states)})"
        where += "" if name == "ix_hazards_open" else " AND advisory = 0"
        where += " AND original_due_at IS NOT NULL" if name in _MOVED else ""
        op.drop_index(name, table_name="hazards")
        op.create_index(name, "hazards", columns, sqlite_where=sa.text(where))
