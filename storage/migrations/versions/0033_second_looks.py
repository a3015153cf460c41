"""Where a fix by a link was sent from is compared with its re-check; a hazard shows what was found.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hazards", sa.Column("recheck_flag", sa.Text(), nullable=True))
    op.create_table(
        "fix_origins",
        sa.Column("hazard", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=True),
        sa.Column("account", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["hazard"], ["hazards.id"], name=op.f("fk_fix_origins_hazard_hazards")),
        sa.PrimaryKeyConstraint("hazard", name=op.f("pk_fix_origins")),
    )
    op.create_index(op.f("ix_fix_origins_at"), "fix_origins", ["at"])


def downgrade() -> None:
    op.drop_table("fix_origins")
    op.drop_column("hazards", "recheck_flag")
