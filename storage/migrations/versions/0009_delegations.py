"""Supervisors delegate for a period; accounts are changed over the version that was seen.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

import storage.engine.columns

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("entries", sa.Column("acting_for", sa.String(length=64), nullable=True))
    op.create_table(
        "delegations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("giver", sa.String(length=64), nullable=False),
        sa.Column("receiver", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("since", storage.engine.columns.Instant(), nullable=False),
        sa.Column("until", storage.engine.columns.Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("revoked_at", storage.engine.columns.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["giver"], ["people.username"], name=op.f("fk_delegations_giver_people")),
        sa.ForeignKeyConstraint(["receiver"], ["people.username"], name=op.f("fk_delegations_receiver_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
    )
    op.create_index(op.f("ix_delegations_giver"), "delegations", ["giver"])
    op.create_index(op.f("ix_delegations_receiver"), "delegations", ["receiver"])


def downgrade() -> None:
    op.drop_table("delegations")
    op.drop_column("entries", "acting_for")
    op.drop_column("people", "version")
