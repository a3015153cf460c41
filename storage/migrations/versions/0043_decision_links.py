"""Links in notices by which one person decides one request.

Revision ID: 0043
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decision_links",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("hazard", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["hazard"], ["hazards.id"], name=op.f("fk_decision_links_hazard_hazards")),
        sa.ForeignKeyConstraint(["username"], ["people.username"], name=op.f("fk_decision_links_username_people")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_decision_links")),
    )
    op.create_index(op.f("ix_decision_links_username"), "decision_links", ["username"])
    op.create_index(op.f("ix_decision_links_expires_at"), "decision_links", ["expires_at"])


def downgrade() -> None:
    op.drop_table("decision_links")
