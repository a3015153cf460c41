"""Where communities end, for maps.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "boundaries",
        sa.Column("community", sa.String(length=12), nullable=False),
        sa.Column("outline", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.code"], name=op.f("fk_boundaries_community_communities")),
        sa.PrimaryKeyConstraint("community", name=op.f("pk_boundaries")),
    )


def downgrade() -> None:
    op.drop_table("boundaries")
