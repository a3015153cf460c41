"""Indexes for the list of hazards by deadline, and exports of several communities, streets, severities or sources.

Revision ID: 0038
Revises: 0037
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_OPEN = ("accepted", "assigned", "pending_recheck", "rectifying", "reported", "suspended", "transferred")
_ENDED = ("cancelled", "closed", "duplicate", "rejected")
_RENAMED = {"community": "communities", "street": "streets", "severity": "severities", "source": "sources"}
_exports = sa.table("exports", sa.column("id"), sa.column("selection"))


def upgrade() -> None:
    _create_index("ix_hazards_due", _state_condition(_OPEN) + " AND due_at IS NOT NULL")
    _create_index("ix_hazards_ended_due", _state_condition(_ENDED))
    for key, selection in _stored_selections():
        made = {_RENAMED.get(name, name): value for name, value in selection.items()}
        made |= {many: [] if made.get(many) is None else [made[many]] for many in _RENAMED.values()}
        _store_selection(key, made)


def downgrade() -> None:
    """Deletes exports of several values, which the earlier version cannot express: they can be requested again."""
    for key, selection in _stored_selections():
        if any(len(selection.get(many, ())) > 1 for many in _RENAMED.values()):
            op.execute(_exports.delete().where(_exports.c.id == key))
            continue
        one = {one: (selection.pop(many, None) or [None])[0] for one, many in _RENAMED.items()}
        _store_selection(key, {**selection, **one})
    op.drop_index("ix_hazards_ended_due", table_name="hazards")
    op.drop_index("ix_hazards_due", table_name="hazards")


def _create_index(name: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "hazards", ["due_at", "id"], sqlite_where=condition, postgresql_where=condition)


def _state_condition(states: tuple[str, ...]) -> str:
    """A comparison with each state: SQLite fills a temporary table with an IN list at every INSERT."""
    quoted = [f"'{state}'" for state in states]
    if op.get_bind().dialect.name == "sqlite":
        return "(" + " OR ".join(f"state = {state}" for state in quoted) + ")"
    return f"state IN ({', '.join(quoted)})"


def _stored_selections() -> list[tuple[Any, dict[str, Any]]]:
    found = op.get_bind().execute(sa.select(_exports.c.id, _exports.c.selection)).all()
    return [(key, json.loads(text)) for key, text in found]


def _store_selection(key: Any, selection: dict[str, Any]) -> None:
    text = json.dumps(selection, ensure_ascii=False)
    op.execute(_exports.update().where(_exports.c.id == key).values(selection=text))
