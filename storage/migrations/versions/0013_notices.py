"""Notices reach people: inboxes, deliveries through channels, words of the office's own, addresses of people.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TOLD = sa.text("update notices set told_at = coalesce(delivered_at, at)")
"""What nobody was told when it happened is old by now, and stands in the history."""


def _added() -> list[sa.Column[object]]:
    return [
        sa.Column("seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("line", sa.Uuid(), nullable=True),
        sa.Column("to", sa.Text(), server_default="[]", nullable=False),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.Column("facts", sa.Text(), server_default="{}", nullable=False),
    ]


def upgrade() -> None:
    op.add_column("people", sa.Column("email", sa.String(length=254), nullable=True))
    op.drop_index("ix_notices_waiting", "notices")
    with op.batch_alter_table("notices") as table:
        for column in _added():
            table.add_column(column)
        table.alter_column("hazard", existing_type=sa.Uuid(), nullable=True)
        table.alter_column("tells", existing_type=sa.String(length=32), nullable=True)
        table.create_foreign_key(op.f("fk_notices_line_entries"), "entries", ["line"], ["id"])
    op.add_column("notices", sa.Column("told_at", Instant(), nullable=True))
    op.get_bind().execute(_TOLD)
    op.drop_column("notices", "delivered_at")
    _index("ix_notices_untold", "notices", ["at"], "told_at IS NULL")
    _index("ix_notices_untold_of_hazard", "notices", ["hazard", "seq"], "told_at IS NULL")
    _inbox()
    _deliveries()
    op.create_table(
        "templates",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("edited_by", sa.String(length=64), nullable=True),
        sa.Column("edited_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_templates")),
    )


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("notice", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("read_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["username"], ["people.username"], name=op.f("fk_inbox_username_people")),
        sa.ForeignKeyConstraint(["notice"], ["notices.id"], name=op.f("fk_inbox_notice_notices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
    )
    op.create_index("ix_inbox_newest", "inbox", ["username", "at", "id"])
    _index("ix_inbox_unread", "inbox", ["username", "at", "id"], "read_at IS NULL")


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notice", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("hazard", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.Column("dead_at", Instant(), nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["notice"], ["notices.id"], name=op.f("fk_deliveries_notice_notices")),
        sa.ForeignKeyConstraint(["hazard"], ["hazards.id"], name=op.f("fk_deliveries_hazard_hazards")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_notice", "deliveries", ["notice"])
    waiting = "delivered_at IS NULL AND dead_at IS NULL"
    _index("ix_deliveries_waiting", "deliveries", ["channel", "next_try_at"], waiting)
    _index("ix_deliveries_of_hazard", "deliveries", ["hazard", "channel", "username", "seq"], waiting)
    _index("ix_deliveries_dead", "deliveries", ["dead_at"], "dead_at IS NOT NULL")


def downgrade() -> None:
    for table in ("templates", "deliveries", "inbox"):
        op.drop_table(table)
    op.drop_index("ix_notices_untold_of_hazard", "notices")
    op.drop_index("ix_notices_untold", "notices")
    op.get_bind().execute(sa.text("delete from notices where hazard is null or tells is null"))
    with op.batch_alter_table("notices") as table:
        table.drop_constraint(op.f("fk_notices_line_entries"), type_="foreignkey")
        for column in _added():
            table.drop_column(column.name)
        table.alter_column("hazard", existing_type=sa.Uuid(), nullable=False)
        table.alter_column("tells", existing_type=sa.String(length=32), nullable=False)
    op.add_column("notices", sa.Column("delivered_at", Instant(), nullable=True))
    op.get_bind().execute(sa.text("update notices set delivered_at = told_at"))
    op.drop_column("notices", "told_at")
    _index("ix_notices_waiting", "notices", ["at"], "delivered_at IS NULL")
    op.drop_column("people", "email")
