"""Duplicates are found by the words and the point of their place; photos and reporters join the master.

Revision ID: 0008
Revises: 0007
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

from inspections.places.communities import place_key
from inspections.places.coordinates import Point, cell

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ROWS = 1000
_HAZARDS = sa.table(
    "hazards",
    sa.column("id", sa.Uuid),
    sa.column("place", sa.String),
    sa.column("place_key", sa.String),
    sa.column("point", sa.Text),
    sa.column("cell", sa.BigInteger),
)
_H = _HAZARDS.c


def upgrade() -> None:
    op.add_column("hazards", sa.Column("place_key", sa.String(length=200), server_default="", nullable=False))
    op.add_column("hazards", sa.Column("cell", sa.BigInteger(), nullable=True))
    op.add_column("hazards", sa.Column("reporters", sa.Text(), server_default="[]", nullable=False))
    with op.batch_alter_table("mentions") as mentions:
        mentions.add_column(sa.Column("copied_from", sa.Uuid(), nullable=True))
        mentions.create_foreign_key(op.f("fk_mentions_copied_from_hazards"), "hazards", ["copied_from"], ["id"])
    _find_places()
    op.drop_index("ix_hazards_place", "hazards")
    op.create_index("ix_hazards_place", "hazards", ["community", "category", "place_key", "reported_at"])
    measured, merged = sa.text("cell IS NOT NULL"), sa.text("merged_into IS NOT NULL")
    op.create_index(
        "ix_hazards_cell",
        "hazards",
        ["category", "cell", "reported_at"],
        sqlite_where=measured,
        postgresql_where=measured,
    )
    op.create_index("ix_hazards_merged_into", "hazards", ["merged_into"], sqlite_where=merged, postgresql_where=merged)


def downgrade() -> None:
    for index in ("ix_hazards_merged_into", "ix_hazards_cell", "ix_hazards_place"):
        op.drop_index(index, "hazards")
    op.create_index("ix_hazards_place", "hazards", ["community", "category", "place", "reported_at"])
    with op.batch_alter_table("mentions") as mentions:
        mentions.drop_constraint(op.f("fk_mentions_copied_from_hazards"), type_="foreignkey")
        mentions.drop_column("copied_from")
    for column in ("reporters", "cell", "place_key"):
        op.drop_column("hazards", column)


def _find_places() -> None:
    """By the rule as it is now, since it is what later reports are found by: who changes it writes all keys anew."""
    connection = op.get_bind()
    known = sa.update(_HAZARDS).where(_H.id == sa.bindparam("key"))
    for rows in _in_parts(connection):
        connection.execute(known.values(place_key=sa.bindparam("said"), cell=sa.bindparam("measured")), rows)


def _in_parts(connection: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    found = connection.execute(sa.select(_H.id, _H.place, _H.point)).all()
    for start in range(0, len(found), _ROWS):
        yield [
            {"key": key, "said": place_key(place), "measured": point and cell(msgspec.json.decode(point, type=Point))}
            for key, place, point in found[start : start + _ROWS]
        ]
