"""Views for who reports by SQL.

Revision ID: 0023
Revises: 0022
"""

from alembic import op
from sqlalchemy import text

from storage.views import STATEMENTS, VIEWS

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in STATEMENTS[op.get_bind().dialect.name]:
        op.execute(text(statement.replace(":", "\\:")))


def downgrade() -> None:
    for view in reversed(VIEWS):
        op.execute(f"DROP VIEW {view}")
