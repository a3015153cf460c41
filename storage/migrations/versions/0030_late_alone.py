"""Indexes of what may be late say that alone, so that SQLite looks there and not among all that is open.

Whose deadline was moved is found by community: few, among all that a community has to fix.

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_OPEN = "'accepted', 'assigned', 'pending_recheck', 'rectifying', 'reported', 'suspended', 'transferred'"
_KIND = ["category", "severity", "source", "state", "advisory"]
_NEW = "ix_hazards_extended"
_MOVED = {"ix_hazards_first_due", _NEW}
"""Of those whose deadline was."""
_COLUMNS = {
    "ix_hazards_may_be_late": ["due_at", "community"],
    "ix_hazards_late": ["community", "due_at", "reported_at", "original_due_at", "times_extended", *_KIND],
    "ix_hazards_first_due": ["original_due_at"],
    _NEW: ["community", "original_due_at", "due_at", "reported_at", *_KIND],
}


def upgrade() -> None:
    may_be_late = _being_fixed()
    for name in _COLUMNS:
        if name != _NEW:
            op.drop_index(name, "hazards")
        _create(name, may_be_late)


def downgrade() -> None:
    may_be_late = f"state IN ({_OPEN}) AND {_being_fixed()}"
    for name in _COLUMNS:
        op.drop_index(name, "hazards")
        if name != _NEW:
            _create(name, may_be_late)


def _being_fixed() -> str:
    never = "NOT advisory" if op.get_bind().dialect.name == "postgresql" else "advisory = 0"
    return f"state IN ('accepted', 'assigned', 'rectifying') AND {never}"


def _create(name: str, may_be_late: str) -> None:
    where = sa.text(f"{may_be_late} AND original_due_at IS NOT NULL" if name in _MOVED else may_be_late)
    op.create_index(name, "hazards", _COLUMNS[name], sqlite_where=where, postgresql_where=where)
