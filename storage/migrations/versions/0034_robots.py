"""Each robot of a chat group is a channel of its own; what waits for all of them together is given up.

Revision ID: 0034
Revises: 0033
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE deliveries SET dead_at = next_try_at, error = 'each group is a channel of its own now' "
        "WHERE channel = 'robots' AND delivered_at IS NULL AND dead_at IS NULL"
    )


def downgrade() -> None:
    """Leaves given up what was given up."""
