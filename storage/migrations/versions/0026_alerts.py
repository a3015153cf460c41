"""What monitoring devices say: devices, alerts, the newest of each chain, signatures that were taken.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "monitors",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("community", sa.String(length=12), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("point", sa.Text()),
        sa.Column("vendor", sa.String(length=32), nullable=False),
        sa.Column("thresholds", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64)),
        sa.Column("last_seen_at", Instant()),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.code"], name=op.f("fk_monitors_community_communities")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitors")),
    )
    op.create_index(op.f("ix_monitors_community"), "monitors", ["community"])
    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("metric", sa.String(32), nullable=False),
        sa.Column("community", sa.String(length=12), nullable=False),
        sa.Column("grade", sa.String(32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("worst", sa.Float(), nullable=False),
        sa.Column("worst_raw", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=64)),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("points", sa.Text(), nullable=False),
        sa.Column("recent", sa.Text(), nullable=False),
        sa.Column("cleared_at", Instant()),
        sa.Column("flaps", sa.Integer(), nullable=False),
        sa.Column("clock_off", sa.Integer()),
        sa.Column("hazard", sa.Uuid()),
        sa.Column("again_of", sa.Uuid()),
        sa.ForeignKeyConstraint(["device"], ["monitors.id"], name=op.f("fk_alerts_device_monitors")),
        sa.ForeignKeyConstraint(["hazard"], ["hazards.id"], name=op.f("fk_alerts_hazard_hazards")),
        sa.ForeignKeyConstraint(["again_of"], ["alerts.id"], name=op.f("fk_alerts_again_of_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_device", "alerts", ["device", "id"])
    op.create_table(
        "chains",
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("metric", sa.String(32), nullable=False),
        sa.Column("alert", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["monitors.id"], name=op.f("fk_chains_device_monitors")),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name=op.f("fk_chains_alert_alerts")),
        sa.PrimaryKeyConstraint("device", "metric", name=op.f("pk_chains")),
    )
    op.create_table(
        "signatures",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_signatures")),
    )
    op.create_index(op.f("ix_signatures_at"), "signatures", ["at"])


def downgrade() -> None:
    for table in ("signatures", "chains", "alerts", "monitors"):
        op.drop_table(table)
