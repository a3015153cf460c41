"""The digest of an alert's last message, by which a repeat without id and time is known.

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alerts", sa.Column("last_payload", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("alerts", "last_payload")
