"""Devices on which the owner of an account has signed in before; requests that another administrator confirms.

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_devices",
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("session", sa.Uuid(), nullable=False),
        sa.Column("signed_in_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["sessions.id"], name=op.f("fk_known_devices_session_sessions")),
        sa.ForeignKeyConstraint(["username"], ["people.username"], name=op.f("fk_known_devices_username_people")),
        sa.PrimaryKeyConstraint("secret", name=op.f("pk_known_devices")),
    )
    op.create_index(op.f("ix_known_devices_username"), "known_devices", ["username"])

    op.create_table(
        "admin_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("requested_by", sa.String(length=64), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("change", sa.Text(), nullable=True),
        sa.Column("password", sa.String(length=200), nullable=False),
        sa.Column("sets_password", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        *(
            sa.ForeignKeyConstraint([name], ["people.username"], name=op.f(f"fk_admin_requests_{name}_people"))
            for name in ("username", "requested_by", "decided_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_requests")),
    )
    op.create_index(op.f("ix_admin_requests_requested_at"), "admin_requests", ["requested_at"])


def downgrade() -> None:
    op.drop_table("admin_requests")
    op.drop_table("known_devices")
