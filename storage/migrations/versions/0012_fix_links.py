"""Links for the responsible party. Who sends photos is no longer always an account: it may be such a link.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SENDERS = {"receipts": "fk_receipts_username_people", "uploads": "fk_uploads_username_people"}


def upgrade() -> None:
    for table, rule in _SENDERS.items():
        with op.batch_alter_table(table) as altered:
            altered.drop_constraint(op.f(rule), type_="foreignkey")
    op.create_table(
        "fix_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hazard", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["hazard"], ["hazards.id"], name=op.f("fk_fix_links_hazard_hazards")),
        sa.ForeignKeyConstraint(["id"], ["entries.id"], name=op.f("fk_fix_links_id_entries")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fix_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_fix_links_digest")),
    )
    op.create_index(op.f("ix_fix_links_hazard"), "fix_links", ["hazard"])
    op.create_table(
        "tallies",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tallies")),
    )
    op.create_index(op.f("ix_tallies_since"), "tallies", ["since"])


def downgrade() -> None:
    op.drop_table("tallies")
    op.drop_table("fix_links")
    for table, rule in _SENDERS.items():
        # What a link has sent has no place in the older schema: its photos are missing again there.
        op.execute(sa.text(f"delete from {table} where username like 'link:%'"))  # noqa: S608  # our own names
        with op.batch_alter_table(table) as altered:
            altered.create_foreign_key(op.f(rule), "people", ["username"], ["username"])
