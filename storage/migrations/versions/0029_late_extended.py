"""How those that are being fixed stand is counted from an index alone: it has also how often they were extended.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_OPEN = "'accepted', 'assigned', 'pending_recheck', 'rectifying', 'reported', 'suspended', 'transferred'"
_BEFORE = ("community", "due_at", "reported_at", "original_due_at")
_AFTER = ("category", "severity", "source", "state", "advisory")


def upgrade() -> None:
    _made_anew("times_extended")


def downgrade() -> None:
    _made_anew()


def _made_anew(*more: str) -> None:
    never = "NOT advisory" if op.get_bind().dialect.name == "postgresql" else "advisory = 0"
    late = sa.text(f"state IN ({_OPEN}) AND state IN ('accepted', 'assigned', 'rectifying') AND {never}")
    op.drop_index("ix_hazards_late", "hazards")
    op.create_index("ix_hazards_late", "hazards", [*_BEFORE, *more, *_AFTER], sqlite_where=late, postgresql_where=late)
