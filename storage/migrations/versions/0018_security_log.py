"""A security log: lines are added, never changed, and removed only when they are older than 180 days.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_SQLITE = (
    """CREATE TRIGGER security_events_unchanged BEFORE UPDATE ON security_events
    BEGIN SELECT RAISE(ABORT, 'security_events: lines are never changed'); END""",
    """CREATE TRIGGER security_events_kept BEFORE DELETE ON security_events
    WHEN OLD.at > (CAST(strftime('%s', 'now') AS INTEGER) - 180 * 86400) * 1000000
    BEGIN SELECT RAISE(ABORT, 'security_events: lines are kept for 180 days'); END""",
)
_POSTGRESQL = (
    """CREATE FUNCTION security_events_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.at <= now() - interval '180 days' THEN RETURN OLD; END IF;
        RAISE EXCEPTION 'security_events: lines are never changed, and kept for 180 days';
    END $$""",
    """CREATE TRIGGER security_events_kept BEFORE UPDATE OR DELETE ON security_events
    FOR EACH ROW EXECUTE FUNCTION security_events_kept()""",
    """CREATE TRIGGER security_events_whole BEFORE TRUNCATE ON security_events
    FOR EACH STATEMENT EXECUTE FUNCTION security_events_kept()""",
)


def upgrade() -> None:
    op.create_table(
        "security_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_events")),
    )
    for name in ("at", "by", "about"):
        op.create_index(op.f(f"ix_security_events_{name}"), "security_events", [name])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("security_events")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION IF EXISTS security_events_kept()")
