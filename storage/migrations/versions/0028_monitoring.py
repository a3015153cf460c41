"""Devices that are silent or worked on; what of them was refused; the workers' places at the broker.

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A device that is there already has a day from its last word on."""
    postgres = op.get_bind().dialect.name == "postgresql"
    op.add_column("monitors", sa.Column("silent_after_h", sa.Integer()))
    op.add_column("monitors", sa.Column("silent_at", Instant()))
    op.add_column("monitors", sa.Column("maintenance", sa.Text()))
    op.add_column("monitors", sa.Column("outage", sa.Uuid()))
    day = "interval '24 hours'" if postgres else "86400000000"
    op.execute(f"UPDATE monitors SET silent_after_h = 24, silent_at = coalesce(last_seen_at, made_at) + {day}")  # noqa: S608  # ours
    silent = sa.text(f"{'active' if postgres else 'active = 1'} AND outage IS NULL")
    op.create_index("ix_monitors_silent", "monitors", ["silent_at"], sqlite_where=silent, postgresql_where=silent)
    op.create_table(
        "outages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("community", sa.String(length=12), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("noticed_at", Instant(), nullable=False),
        sa.Column("told_by", sa.String(length=16), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.ForeignKeyConstraint(["device"], ["monitors.id"], name=op.f("fk_outages_device_monitors")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
    )
    op.create_index(op.f("ix_outages_device"), "outages", ["device"])
    op.create_table(
        "rings",
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("metric", sa.String(32), nullable=False),
        sa.Column("points", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["monitors.id"], name=op.f("fk_rings_device_monitors")),
        sa.PrimaryKeyConstraint("device", "metric", name=op.f("pk_rings")),
    )
    op.create_table(
        "refused",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", "way", "reason", name=op.f("pk_refused")),
    )
    op.create_table(
        "slots",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("leaving", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_slots")),
    )


def downgrade() -> None:
    for table in ("slots", "refused", "rings", "outages"):
        op.drop_table(table)
    op.drop_index("ix_monitors_silent", "monitors")
    for column in ("outage", "maintenance", "silent_at", "silent_after_h"):
        op.drop_column("monitors", column)
