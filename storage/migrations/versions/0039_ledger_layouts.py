"""The columns of the ledger are data, and an export keeps its digest.

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_layouts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("edited_by", sa.String(length=64), nullable=True),
        sa.Column("edited_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ledger_layouts")),
    )
    op.add_column("exports", sa.Column("digest", sa.String(length=100), nullable=True))


def downgrade() -> None:
    op.drop_column("exports", "digest")
    op.drop_table("ledger_layouts")
