"""The history of a hazard is chained by digests. What is there already is chained here, with fresh salts.

Revision ID: 0010
Revises: 0009
"""

import json
from collections.abc import Iterable
from secrets import token_hex
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from msgspec.structs import replace

from inspections.hazards.history import entry_digest, erasable_texts
from inspections.hazards.records import Clocks, HistoryEntry, State
from storage.engine.columns import Instant, Json

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_HAZARDS_AT_ONCE = 500
_hazards = sa.table("hazards", sa.column("id", sa.Uuid()), sa.column("history_head", sa.String()))
_entries = sa.table(
    "entries",
    sa.column("id", sa.Uuid()),
    sa.column("hazard", sa.Uuid()),
    sa.column("seq", sa.Integer()),
    sa.column("step", sa.String()),
    sa.column("by", sa.String()),
    sa.column("at", Instant()),
    sa.column("state", sa.String()),
    sa.column("version", sa.Integer()),
    sa.column("facts", sa.Text()),
    sa.column("salts", sa.Text()),
    sa.column("digest", sa.String()),
    sa.column("clocks", Json(Clocks)),
    sa.column("acting_for", sa.String()),
)


def upgrade() -> None:
    op.add_column("hazards", sa.Column("history_head", sa.String(length=100), server_default="", nullable=False))
    op.add_column("entries", sa.Column("salts", sa.Text(), server_default="{}", nullable=False))
    op.add_column("entries", sa.Column("digest", sa.String(length=100), server_default="", nullable=False))
    last: UUID | None = None
    while found := _hazards_after(last):
        _chain(found)
        last = found[-1]


def _hazards_after(last: UUID | None) -> list[UUID]:
    query = sa.select(_hazards.c.id).order_by(_hazards.c.id).limit(_HAZARDS_AT_ONCE)
    return list(op.get_bind().scalars(query if last is None else query.where(_hazards.c.id > last)))


def _chain(hazards: list[UUID]) -> None:
    """Writes the digests of these hazards' lines, and the last of each into its hazard."""
    heads: dict[UUID, str] = {}
    lines: list[HistoryEntry] = []
    for line in _lines(hazards):
        salted = replace(line, salts={path: token_hex(16) for path in erasable_texts(line.facts)})
        heads[line.hazard] = entry_digest(heads.get(line.hazard, ""), salted)
        lines.append(replace(salted, digest=heads[line.hazard]))
    if lines:
        of_line = sa.update(_entries).where(_entries.c.id == sa.bindparam("of"))
        op.get_bind().execute(
            of_line, [{"of": each.id, "salts": json.dumps(each.salts), "digest": each.digest} for each in lines]
        )
        of_hazard = sa.update(_hazards).where(_hazards.c.id == sa.bindparam("of"))
        op.get_bind().execute(of_hazard, [{"of": hazard, "history_head": head} for hazard, head in heads.items()])


def _lines(hazards: list[UUID]) -> Iterable[HistoryEntry]:
    query = sa.select(*_entries.c).where(_entries.c.hazard.in_(hazards)).order_by(_entries.c.hazard, _entries.c.seq)
    for row in op.get_bind().execute(query).mappings().all():
        said: dict[str, Any] = {**row, "state": State(row["state"]), "facts": json.loads(row["facts"]), "salts": {}}
        yield HistoryEntry(**said)


def downgrade() -> None:
    op.drop_column("entries", "digest")
    op.drop_column("entries", "salts")
    op.drop_column("hazards", "history_head")
