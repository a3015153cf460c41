"""Photos that wait to be developed are claimed, by one of any number of processes.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("photos", sa.Column("claimed_until", storage.columns.Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("photos", "claimed_until")
