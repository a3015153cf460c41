"""What hazards count for is kept in sums; what may be late is found by an index.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_KIND = ("category", "severity", "source")
_MEASURES = [
    "received",
    "accepted",
    "rejected",
    "duplicate",
    "cancelled",
    "closed",
    "fixed",
    "false_alarm",
    "rebounded",
    "waiting",
    "fixing",
    "suspended",
    "pending_recheck",
    "transferred",
    "cohort_accepted",
    "cohort_closed",
    "fixed_on_spot",
    "quantity_found",
    "quantity_done",
    "returned",
    "reworked",
    "extended",
    "closed_then",
    "fixed_then",
    "due_ended",
    "due_met",
    "first_due_ended",
    "first_due_met",
]


def _measures() -> list[sa.Column[int]]:
    kinds = {name: sa.BigInteger() if name.startswith("quantity") else sa.Integer() for name in _MEASURES}
    return [sa.Column(name, kind, nullable=False, server_default="0") for name, kind in kinds.items()]


_OPEN = "'accepted', 'assigned', 'pending_recheck', 'rectifying', 'reported', 'suspended', 'transferred'"
_COLUMNS = (
    *("community", "state", "due_at", "category", "advisory", "original_due_at", "accept_due_at", "start_due_at"),
    *("recheck_due_at", "review_due_at", "reply_due_at", "times_extended", "severity", "source", "reported_at"),
)


def upgrade() -> None:
    """The sums are filled after the last revision (storage/migration.py): they follow from the hazards alone."""
    op.create_table(
        "counters",
        sa.Column("grain", sa.SmallInteger(), nullable=False),
        sa.Column("community", sa.String(12), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(32), nullable=False) for name in _KIND),
        *_measures(),
        sa.PrimaryKeyConstraint("grain", "community", "start", *_KIND, name=op.f("pk_counters")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "counter_deltas",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community", sa.String(12), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(32), nullable=False) for name in _KIND),
        *_measures(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counter_deltas")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_counter_deltas_day", "counter_deltas", ["day"])
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_counters_start", "counters", ["grain", "start", "severity", "category"])
    never = "advisory = 0" if op.get_bind().dialect.name == "sqlite" else "NOT advisory"
    is_open = f"state IN ({_OPEN})"
    may_be_late = f"{is_open} AND state IN ('accepted', 'assigned', 'rectifying') AND {never}"
    indexes = (
        ("ix_hazards_open", [*_COLUMNS], is_open),
        ("ix_hazards_may_be_late", ["due_at", "community"], may_be_late),
        ("ix_hazards_first_due", ["original_due_at"], f"{may_be_late} AND original_due_at IS NOT NULL"),
    )
    for name, columns, where in indexes:
        op.create_index(name, "hazards", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for name in ("ix_hazards_first_due", "ix_hazards_may_be_late", "ix_hazards_open"):
        op.drop_index(name, "hazards")
    op.drop_table("counter_deltas")
    op.drop_table("counters")
