"""When a password was set, and how long a session may be left alone.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("password_at", Instant(), nullable=True))
    op.add_column("sessions", sa.Column("idle_seconds", sa.Integer(), nullable=False, server_default="1209600"))


def downgrade() -> None:
    op.drop_column("sessions", "idle_seconds")
    op.drop_column("people", "password_at")
