"""Rules are data: office hours, terms, ladders, dispatch; what a provisional deadline was computed from.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

import storage.engine.columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rules",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("edited_by", sa.String(length=64), nullable=True),
        sa.Column("edited_at", storage.engine.columns.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rules")),
    )
    op.create_table(
        "dispatch_rules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.String(length=12), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=True),
        sa.Column("group", sa.String(length=200), nullable=True),
        sa.Column("lead", sa.String(length=64), nullable=False),
        sa.Column("assisting", sa.Text(), nullable=False),
        sa.Column("accepts", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["category"], ["categories.code"], name=op.f("fk_dispatch_rules_category_categories")),
        sa.ForeignKeyConstraint(["lead"], ["people.username"], name=op.f("fk_dispatch_rules_lead_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatch_rules")),
    )
    provisional = sa.column("due_provisional") == sa.true()
    op.create_index("ix_hazards_provisional", "hazards", ["id"], sqlite_where=provisional, postgresql_where=provisional)
    # Until now a deadline was provisional only where acceptance had set it, by the term of its category.
    op.execute(
        "update hazards set term = (select term from categories where categories.code = hazards.category)"
        " where due_provisional and accepted_at is not null"
    )


def downgrade() -> None:
    op.drop_index("ix_hazards_provisional", "hazards")
    op.drop_table("dispatch_rules")
    op.drop_table("rules")
