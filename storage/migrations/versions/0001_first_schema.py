"""first schema."""

import sqlalchemy as sa
from alembic import op

import storage.engine.columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "calendar_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_days")),
    )
    op.create_table(
        "categories",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("group", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.String(length=32), nullable=True),
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("advisory", sa.Boolean(), nullable=False),
        sa.Column("from_device", sa.Boolean(), nullable=False),
        sa.Column("proposes_major", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_categories")),
    )
    op.create_table(
        "communities",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_communities")),
    )
    op.create_table(
        "numbers",
        sa.Column("series", sa.String(length=32), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_numbers")),
    )
    op.create_table(
        "people",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("grants", sa.Text(), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("username", name=op.f("pk_people")),
    )
    op.create_table(
        "photos",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("received_at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("taken_at", storage.engine.columns.Instant(), nullable=True),
        sa.Column("point", sa.Text(), nullable=True),
        sa.Column("camera", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_photos")),
    )
    op.create_index(
        "ix_photos_undeveloped",
        "photos",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("state = 'received'"),
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_table(
        "streets",
        sa.Column("code", sa.String(length=9), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("abbreviation", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_streets")),
    )
    op.create_table(
        "hazards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("community", sa.String(length=12), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=32), nullable=False),
        sa.Column("major_proposed", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.String(length=32), nullable=True),
        sa.Column("advisory", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("point", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("quantity_claimed", sa.Integer(), nullable=False),
        sa.Column("quantity_done", sa.Integer(), nullable=False),
        sa.Column("responsible_party", sa.Text(), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("reporter", sa.String(length=64), nullable=False),
        sa.Column("lead", sa.String(length=64), nullable=True),
        sa.Column("assisting", sa.Text(), nullable=False),
        sa.Column("fixed_on_spot", sa.Boolean(), nullable=False),
        sa.Column("fix_method", sa.String(length=200), nullable=True),
        sa.Column("fix_outcome", sa.String(length=32), nullable=True),
        sa.Column("fixed_by", sa.String(length=200), nullable=True),
        sa.Column("found_at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("reported_at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("updated_at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("accepted_at", storage.engine.columns.Instant(), nullable=True),
        sa.Column("submitted_at", storage.engine.columns.Instant(), nullable=True),
        sa.Column("closed_at", storage.engine.columns.Instant(), nullable=True),
        sa.Column("accept_due_at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("due_at", storage.engine.columns.Instant(), nullable=True),
        sa.Column("due_provisional", sa.Boolean(), nullable=False),
        sa.Column("deadline_number", sa.Integer(), nullable=False),
        sa.Column("recheck_due_at", storage.engine.columns.Instant(), nullable=True),
        sa.Column("next_check_at", storage.engine.columns.Instant(), nullable=True),
        sa.Column("times_returned", sa.Integer(), nullable=False),
        sa.Column("times_reworked", sa.Integer(), nullable=False),
        sa.Column("rebounded_as", sa.Uuid(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("recurrence_of", sa.Uuid(), nullable=True),
        sa.Column("history_length", sa.Integer(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["category"], ["categories.code"], name=op.f("fk_hazards_category_categories")),
        sa.ForeignKeyConstraint(["community"], ["communities.code"], name=op.f("fk_hazards_community_communities")),
        sa.ForeignKeyConstraint(["lead"], ["people.username"], name=op.f("fk_hazards_lead_people")),
        sa.ForeignKeyConstraint(["merged_into"], ["hazards.id"], name=op.f("fk_hazards_merged_into_hazards")),
        sa.ForeignKeyConstraint(["rebounded_as"], ["hazards.id"], name=op.f("fk_hazards_rebounded_as_hazards")),
        sa.ForeignKeyConstraint(["recurrence_of"], ["hazards.id"], name=op.f("fk_hazards_recurrence_of_hazards")),
        sa.ForeignKeyConstraint(["reporter"], ["people.username"], name=op.f("fk_hazards_reporter_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazards")),
        sa.UniqueConstraint("number", name=op.f("uq_hazards_number")),
    )
    op.create_index("ix_hazards_changed", "hazards", ["updated_at"], unique=False)
    op.create_index("ix_hazards_community", "hazards", ["community", "reported_at"], unique=False)
    op.create_index("ix_hazards_newest", "hazards", ["reported_at", "id"], unique=False)
    op.create_index(
        "ix_hazards_next_check",
        "hazards",
        ["next_check_at"],
        unique=False,
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index("ix_hazards_place", "hazards", ["community", "category", "place", "reported_at"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("at", storage.engine.columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["photos.sha256"], name=op.f("fk_receipts_sha256_photos")),
        sa.ForeignKeyConstraint(["username"], ["people.username"], name=op.f("fk_receipts_username_people")),
        sa.PrimaryKeyConstraint("sha256", "username", name=op.f("pk_receipts")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("access", sa.String(length=64), nullable=False),
        sa.Column("access_expires_at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("refresh", sa.String(length=64), nullable=False),
        sa.Column("refresh_expires_at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("previous_refresh", sa.String(length=64), nullable=True),
        sa.Column("previous_until", storage.engine.columns.Instant(), nullable=True),
        sa.Column("created_at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("revoked_at", storage.engine.columns.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["username"], ["people.username"], name=op.f("fk_sessions_username_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("access", name=op.f("uq_sessions_access")),
        sa.UniqueConstraint("refresh", name=op.f("uq_sessions_refresh")),
    )
    op.create_index(op.f("ix_sessions_previous_refresh"), "sessions", ["previous_refresh"], unique=False)
    op.create_table(
        "entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hazard", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["hazard"], ["hazards.id"], name=op.f("fk_entries_hazard_hazards")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("hazard", "seq", name=op.f("uq_entries_hazard_seq")),
    )
    op.create_table(
        "escalations",
        sa.Column("hazard", sa.Uuid(), nullable=False),
        sa.Column("deadline_number", sa.Integer(), nullable=False),
        sa.Column("rung", sa.String(length=32), nullable=False),
        sa.Column("entry", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["entries.id"], name=op.f("fk_escalations_entry_entries")),
        sa.ForeignKeyConstraint(["hazard"], ["hazards.id"], name=op.f("fk_escalations_hazard_hazards")),
        sa.PrimaryKeyConstraint("hazard", "deadline_number", "rung", name=op.f("pk_escalations")),
    )
    op.create_table(
        "mentions",
        sa.Column("entry", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("hazard", sa.Uuid(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", storage.engine.columns.Instant(), nullable=False),
        sa.Column("by_sight", sa.Boolean(), nullable=False),
        sa.Column("taken_at", storage.engine.columns.Instant(), nullable=True),
        sa.Column("point", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["entry"], ["entries.id"], name=op.f("fk_mentions_entry_entries")),
        sa.ForeignKeyConstraint(["hazard"], ["hazards.id"], name=op.f("fk_mentions_hazard_hazards")),
        sa.PrimaryKeyConstraint("entry", "sha256", "stage", name=op.f("pk_mentions")),
    )
    op.create_index(op.f("ix_mentions_hazard"), "mentions", ["hazard"], unique=False)
    op.create_index(op.f("ix_mentions_sha256"), "mentions", ["sha256"], unique=False)


def downgrade() -> None:

    op.drop_index(op.f("ix_mentions_sha256"), table_name="mentions")
    op.drop_index(op.f("ix_mentions_hazard"), table_name="mentions")
    op.drop_table("mentions")
    op.drop_table("escalations")
    op.drop_table("entries")
    op.drop_index(op.f("ix_sessions_previous_refresh"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("receipts")
    op.drop_index("ix_hazards_place", table_name="hazards")
    op.drop_index(
        "ix_hazards_next_check",
        table_name="hazards",
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.drop_index("ix_hazards_newest", table_name="hazards")
    op.drop_index("ix_hazards_community", table_name="hazards")
    op.drop_index("ix_hazards_changed", table_name="hazards")
    op.drop_table("hazards")
    op.drop_table("streets")
    op.drop_index(
        "ix_photos_undeveloped",
        table_name="photos",
        sqlite_where=sa.text("state = 'received'"),
        postgresql_where=sa.text("state = 'received'"),
    )
    op.drop_table("photos")
    op.drop_table("people")
    op.drop_table("numbers")
    op.drop_table("communities")
    op.drop_table("categories")
    op.drop_table("calendar_days")
