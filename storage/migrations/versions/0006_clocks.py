"""Every stage has a clock; ladders tell; hazards are extended, suspended, supervised, handed over, evaluated.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OVERDUE = sa.text("update escalations set rung = :new where rung = :old")


_BEGAN = (
    ("reported", "reported_at", "next_check_at = accept_due_at"),
    ("accepted", "accepted_at", "due_from = accepted_at"),
    ("assigned", "accepted_at", "due_from = accepted_at"),
    ("rectifying", "accepted_at", "due_from = accepted_at"),
    ("pending_recheck", "submitted_at", "next_check_at = recheck_due_at"),
)
"""When the stage of a hazard that is there began, as near as is known, and what its clock does since."""


def _of_hazards() -> list[sa.Column[object]]:
    def count(name: str, first: str) -> sa.Column[object]:
        return sa.Column(name, sa.Integer(), server_default=first, nullable=False)

    instants = ("due_from", "original_due_at", "start_due_at", "review_due_at", "reply_due_at", "look_back_due_at")
    records = ("term", "extension", "suspension", "supervision", "major", "transfer", "evaluation")
    return [
        sa.Column("found_category", sa.String(length=16), nullable=True),
        *(sa.Column(name, Instant(), nullable=True) for name in (*instants, "stage_from")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in records),
        *(
            count(name, first)
            for name, first in (("stage_number", "1"), ("times_extended", "0"), ("times_reopened", "0"))
        ),
    ]


def _of_categories() -> list[sa.Column[object]]:
    return [
        sa.Column("major_term", sa.Text(), nullable=True),
        sa.Column("look_back_days", sa.Integer(), nullable=True),
    ]


def upgrade() -> None:
    for column in _of_hazards():
        op.add_column("hazards", column)
    for column in _of_categories():
        op.add_column("categories", column)
    op.add_column("entries", sa.Column("clocks", sa.Text(), server_default="{}", nullable=False))
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hazard", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("tells", sa.String(length=32), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("held_until", Instant(), nullable=True),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["hazard"], ["hazards.id"], name=op.f("fk_notices_hazard_hazards")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    waiting = sa.column("delivered_at").is_(None)
    op.create_index("ix_notices_waiting", "notices", ["at"], sqlite_where=waiting, postgresql_where=waiting)
    op.get_bind().execute(_OVERDUE, {"old": "overdue", "new": "fix.overdue"})
    for group, days in (("EB", 30), ("EV", 30), ("WN", 90)):
        planned = sa.text("update categories set look_back_days = :days where code like :group")
        op.get_bind().execute(planned, {"days": days, "group": f"{group}-%"})
    for state, since, due in _BEGAN:
        begun = f"update hazards set stage_from = {since}, {due} where state = :state"  # noqa: S608  # of the table above
        op.get_bind().execute(sa.text(begun), {"state": state})


def downgrade() -> None:
    op.get_bind().execute(_OVERDUE, {"old": "fix.overdue", "new": "overdue"})
    op.drop_table("notices")
    op.drop_column("entries", "clocks")
    for column in _of_categories():
        op.drop_column("categories", column.name)
    for column in _of_hazards():
        op.drop_column("hazards", column.name)
