"""Checklists, a row for each version.

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checklists",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("sections", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("edited_by", sa.String(length=64), nullable=True),
        sa.Column("edited_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["edited_by"], ["people.username"], name=op.f("fk_checklists_edited_by_people")),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_checklists")),
    )


def downgrade() -> None:
    op.drop_table("checklists")
