"""A session is a family of token pairs: renewed, the old pair stays until the new one is used.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_OF_A_PAIR = ("access", "access_expires_at", "refresh", "refresh_expires_at")
_NEWEST = "(select {0} from token_pairs where session = sessions.id order by issued_at desc, id limit 1)"


def upgrade() -> None:
    op.create_table(
        "token_pairs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session", sa.Uuid(), nullable=False),
        sa.Column("parent", sa.Uuid(), nullable=True),
        sa.Column("access", sa.String(length=64), nullable=False),
        sa.Column("access_expires_at", Instant(), nullable=False),
        sa.Column("refresh", sa.String(length=64), nullable=False),
        sa.Column("refresh_expires_at", Instant(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("spent_until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["session"], ["sessions.id"], name=op.f("fk_token_pairs_session_sessions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_pairs")),
        sa.UniqueConstraint("access", name=op.f("uq_token_pairs_access")),
        sa.UniqueConstraint("refresh", name=op.f("uq_token_pairs_refresh")),
    )
    op.create_index(op.f("ix_token_pairs_session"), "token_pairs", ["session"])
    op.create_index(op.f("ix_token_pairs_refresh_expires_at"), "token_pairs", ["refresh_expires_at"])
    named = ", ".join(_OF_A_PAIR)
    op.execute(
        f"insert into token_pairs (id, session, {named}, issued_at, used_at)"  # noqa: S608  # names of ours alone
        f" select id, id, {named}, created_at, created_at from sessions"
    )
    op.add_column("sessions", sa.Column("expires_at", Instant(), nullable=True))
    op.add_column("sessions", sa.Column("seen_at", Instant(), nullable=True))
    op.execute("update sessions set expires_at = refresh_expires_at, seen_at = created_at")
    op.drop_index("ix_sessions_previous_refresh", "sessions")
    with op.batch_alter_table("sessions") as table:
        table.alter_column("expires_at", existing_type=Instant(), nullable=False)
        table.alter_column("seen_at", existing_type=Instant(), nullable=False)
        for name in ("access", "refresh"):
            table.drop_constraint(op.f(f"uq_sessions_{name}"), type_="unique")
        for name in (*_OF_A_PAIR, "previous_refresh", "previous_until"):
            table.drop_column(name)
    op.create_index(op.f("ix_sessions_username"), "sessions", ["username"])


def downgrade() -> None:
    op.drop_index(op.f("ix_sessions_username"), "sessions")
    op.execute("delete from sessions where id not in (select session from token_pairs)")
    for name in _OF_A_PAIR:
        kind = Instant() if name.endswith("_at") else sa.String(length=64)
        op.add_column("sessions", sa.Column(name, kind, nullable=True))
        op.execute(f"update sessions set {name} = {_NEWEST.format(name)}")  # noqa: S608  # as above
    op.drop_table("token_pairs")
    with op.batch_alter_table("sessions") as table:
        for name in _OF_A_PAIR:
            kind = Instant() if name.endswith("_at") else sa.String(length=64)
            table.alter_column(name, existing_type=kind, nullable=False)
        for name in ("access", "refresh"):
            table.create_unique_constraint(op.f(f"uq_sessions_{name}"), [name])
        table.add_column(sa.Column("previous_refresh", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("previous_until", Instant(), nullable=True))
        for name in ("expires_at", "seen_at"):
            table.drop_column(name)
    op.create_index("ix_sessions_previous_refresh", "sessions", ["previous_refresh"])
