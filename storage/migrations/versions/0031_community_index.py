"""The newest hazards of a community in the order of a list, so that a page needs no sort.

Revision ID: 0031
Revises: 0030
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_INDEX = "ix_hazards_community"


def upgrade() -> None:
    op.drop_index(_INDEX, table_name="hazards")
    op.create_index(_INDEX, "hazards", ["community", "reported_at", "id"])


def downgrade() -> None:
    op.drop_index(_INDEX, table_name="hazards")
    op.create_index(_INDEX, "hazards", ["community", "reported_at"])
