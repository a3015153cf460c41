"""Programs have keys.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("previous", sa.String(length=64), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["people.username"], name=op.f("fk_keys_made_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("secret", name=op.f("uq_keys_secret")),
        sa.UniqueConstraint("previous", name=op.f("uq_keys_previous")),
    )


def downgrade() -> None:
    op.drop_table("keys")
