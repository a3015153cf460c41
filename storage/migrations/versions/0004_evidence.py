"""Photos are compared with each other, with the clock and with the place.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

import storage.engine.columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OF_PHOTOS = ("tries", "utc_offset", "orientation", "oddities", "hash")


def upgrade() -> None:
    op.add_column("photos", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.add_column("photos", sa.Column("utc_offset", sa.Integer(), nullable=True))
    op.add_column("photos", sa.Column("orientation", sa.Integer(), nullable=True))
    op.add_column("photos", sa.Column("oddities", sa.Text(), server_default="[]", nullable=False))
    op.add_column("photos", sa.Column("hash", storage.engine.columns.Bits64(), nullable=True))
    op.create_table(
        "bands",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("hash", storage.engine.columns.Bits64(), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["photos.sha256"], name=op.f("fk_bands_sha256_photos")),
        sa.PrimaryKeyConstraint("key", "sha256", name=op.f("pk_bands")),
        sqlite_with_rowid=False,
    )
    op.add_column("mentions", sa.Column("examined", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("mentions", sa.Column("flags", sa.Text(), server_default="[]", nullable=False))
    op.drop_index("ix_mentions_sha256", "mentions")
    op.create_index("ix_mentions_sha256_at", "mentions", ["sha256", "at"])
    unexamined = sa.column("examined") == sa.false()
    op.create_index("ix_mentions_unexamined", "mentions", ["at"], sqlite_where=unexamined, postgresql_where=unexamined)


def downgrade() -> None:
    op.drop_index("ix_mentions_unexamined", "mentions")
    op.drop_index("ix_mentions_sha256_at", "mentions")
    op.create_index("ix_mentions_sha256", "mentions", ["sha256"])
    op.drop_column("mentions", "flags")
    op.drop_column("mentions", "examined")
    op.drop_table("bands")
    for name in _OF_PHOTOS:
        op.drop_column("photos", name)
