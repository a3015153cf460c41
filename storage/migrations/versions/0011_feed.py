"""What has changed is written down in the order of its commits, for phones and pages that follow.

Revision ID: 0011
Revises: 0010
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DEFAULTS = {
    "sqlite": ("0", "(cast(strftime('%s', 'now') as integer) / 86400)"),
    "postgresql": ("txid_current()", "floor(extract(epoch from now()) / 86400)"),
}


def upgrade() -> None:
    transaction, day = map(sa.text, _DEFAULTS[op.get_bind().dialect.name])
    op.create_table(
        "changes",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), server_default=transaction, nullable=False),
        sa.Column("day", sa.Integer(), server_default=day, nullable=False),
        sa.Column("hazard", sa.Uuid(), nullable=False),
        sa.Column("lost", sa.Text(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_place", "changes", ["transaction_id", "id"])
    op.create_index("ix_changes_hazard", "changes", ["hazard", "transaction_id", "id"])
    feeds = op.create_table(
        "feeds",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.String(length=32), nullable=False),
        sa.Column("forgotten_transaction", sa.BigInteger(), nullable=False),
        sa.Column("forgotten_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feeds")),
    )
    fresh = {"name": "hazards", "epoch": secrets.token_hex(8), "forgotten_transaction": 0, "forgotten_id": 0}
    op.get_bind().execute(sa.insert(feeds), fresh)


def downgrade() -> None:
    op.drop_table("feeds")
    op.drop_table("changes")
