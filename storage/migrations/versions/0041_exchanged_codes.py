"""Codes of identity providers that were exchanged for an identity in a request that was refused.

Revision ID: 0041
Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exchanged_codes",
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("exchanged_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "subject", name=op.f("pk_exchanged_codes")),
        sa.UniqueConstraint("code", name=op.f("uq_exchanged_codes_code")),
    )
    op.create_index(op.f("ix_exchanged_codes_exchanged_at"), "exchanged_codes", ["exchanged_at"])


def downgrade() -> None:
    op.drop_table("exchanged_codes")
