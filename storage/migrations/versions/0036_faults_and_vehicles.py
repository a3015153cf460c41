"""Faults of devices, e-bikes seen by cameras, and the standard by which a vehicle was built.

An alert check may have a category that people report too (EB-02). Views, and the indexes that answer statistics
without reading a row, therefore tell it by `found_category`.

Revision ID: 0036
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op

from storage.engine.columns import Instant

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_STANDARDS = ("old_standard", "new_standard")
_OPEN = ("accepted", "assigned", "pending_recheck", "rectifying", "reported", "suspended", "transferred")
_FIXING = ("accepted", "assigned", "rectifying")
_KIND = ("category", "severity", "source")
_CLOCKS = ("accept_due_at", "start_due_at", "recheck_due_at", "review_due_at", "reply_due_at")
_CONDITION = ("state", "advisory")

# views ------------------------------------------------------------------------------------------------------

_COUNTED = "AND (h.source <> 'device' OR h.found_category IS NOT NULL)"
_INSTANTS = ("reported_at", "accepted_at", "submitted_at", "closed_at", "due_at", "original_due_at")
_NOW = {"sqlite": "(cast(strftime('%s', 'now') as integer) * 1000000)", "postgresql": "now()"}
_SHOWN = (
    *("received", "accepted", "rejected", "duplicate", "cancelled", "closed", "fixed", "false_alarm", "rebounded"),
    *("waiting", "suspended", "pending_recheck", "transferred", "quantity_found", "quantity_done", "cohort_accepted"),
    *("cohort_closed", "fixed_on_spot", "returned", "reworked", "extended", "closed_then", "fixed_then", "due_met"),
    "first_due_met",
)


def upgrade() -> None:
    op.add_column("notices", sa.Column("community", sa.String(length=12), nullable=True))
    op.create_table(
        "device_faults",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("metric", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=12), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["monitors.id"], name=op.f("fk_device_faults_device_monitors")),
        sa.PrimaryKeyConstraint("day", "device", "kind", "metric", name=op.f("pk_device_faults")),
    )
    op.add_column("hazards", sa.Column("vehicle_standard", sa.String(length=8), nullable=True))
    for table in ("counters", "counter_deltas"):
        for name in _STANDARDS:
            op.add_column(table, sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    _recreate_indexes(("found_category",))
    _recreate_views(_STANDARDS, _COUNTED, ", h.vehicle_standard")


def downgrade() -> None:
    _recreate_views((), "", "")
    _recreate_indexes(())
    for table in ("counters", "counter_deltas"):
        for name in _STANDARDS:
            op.drop_column(table, name)
    op.drop_column("hazards", "vehicle_standard")
    op.drop_table("device_faults")
    op.drop_column("notices", "community")


def _recreate_indexes(found: tuple[str, ...]) -> None:
    kind = (*_KIND, *found)
    columns = {
        "ix_hazards_open": ("community", "state", "due_at", "category", "advisory", "original_due_at", *_CLOCKS,
                            "times_extended", "severity", "source", "reported_at", *found),
        "ix_hazards_late": ("community", "due_at", "reported_at", "original_due_at", "times_extended", *kind,
                            *_CONDITION),
        "ix_hazards_extended": ("community", "original_due_at", "due_at", "reported_at", *kind, *_CONDITION),
    }  # fmt: skip
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, made in columns.items():
        where = _state_condition(_OPEN if name == "ix_hazards_open" else _FIXING, on_sqlite=on_sqlite)
        where += "" if name == "ix_hazards_open" else " AND advisory = 0" if on_sqlite else " AND NOT advisory"
        where += " AND original_due_at IS NOT NULL" if name == "ix_hazards_extended" else ""
        op.drop_index(name, table_name="hazards")
        op.create_index(name, "hazards", list(made), sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _state_condition(states: tuple[str, ...], *, on_sqlite: bool) -> str:
    """A comparison with each state: SQLite fills a temporary table with an IN list at every INSERT."""
    quoted = [f"'{state}'" for state in states]
    if on_sqlite:
        return "(" + " OR ".join(f"state = {state}" for state in quoted) + ")"
    return f"state IN ({', '.join(quoted)})"


def _recreate_views(more: tuple[str, ...], counted: str, columns: str) -> None:
    dialect = op.get_bind().dialect.name
    for view in ("anxun_communities", "anxun_hazards"):
        op.execute(f"DROP VIEW {view}")
    for statement in (_hazards_view(dialect, counted, columns), _communities_view(dialect, more, counted)):
        op.execute(sa.text(statement.replace(":", "\\:")))


def _late(dialect: str) -> str:
    fixing = "h.state IN ('accepted', 'assigned', 'rectifying')"
    return f"{fixing} AND NOT h.advisory AND h.due_at IS NOT NULL AND h.due_at < {_NOW[dialect]}"


def _instant_column(dialect: str, name: str) -> str:
    if dialect != "sqlite":
        return f"h.{name}"
    return f"strftime('%Y-%m-%dT%H:%M:%S+08:00', h.{name} / 1000000 + 28800, 'unixepoch') AS {name}"


def _hazards_view(dialect: str, counted: str, columns: str) -> str:
    instants = ", ".join(_instant_column(dialect, name) for name in _INSTANTS)
    return f"""CREATE VIEW anxun_hazards AS
    SELECT h.number, substr(h.community, 1, 9) AS street, h.community, c.name AS community_name, h.category,
        k.name AS category_name, k."group" AS category_group, h.severity, h.source, h.state, h.outcome, h.quantity,
        h.unit, h.quantity_done, h.fixed_on_spot, h.times_extended, h.times_reworked, h.times_returned{columns},
        {instants}, coalesce({_late(dialect)}, false) AS overdue
    FROM hazards h JOIN communities c ON c.code = h.community JOIN categories k ON k.code = h.category
    WHERE NOT k.from_device {counted}"""  # noqa: S608  # only our own names, no input


def _communities_view(dialect: str, more: tuple[str, ...], counted: str) -> str:
    shown = [*_SHOWN]
    shown[shown.index("quantity_found") : shown.index("quantity_found")] = more
    names = [*shown, "fixing"]
    kept = ", ".join(f"coalesce(s.{name}, 0) AS {name}" for name in shown)
    sums = ", ".join(f"sum({name}) AS {name}" for name in names)
    stands = " + ".join(f"s.{name}" for name in ("fixing", "waiting", "suspended", "pending_recheck", "transferred"))
    return f"""CREATE VIEW anxun_communities AS
    SELECT c.code AS community, c.name, {kept}, coalesce({stands}, 0) AS open, coalesce(l.overdue, 0) AS overdue,
        coalesce(s.fixing, 0) - coalesce(l.overdue, 0) AS on_time
    FROM communities c
    LEFT JOIN (SELECT community, {sums} FROM
        (SELECT community, {", ".join(names)} FROM counters WHERE grain = 0
        UNION ALL SELECT community, {", ".join(names)} FROM counter_deltas) AS every GROUP BY community) AS s
        ON s.community = c.code
    LEFT JOIN (SELECT h.community, count(*) AS overdue FROM hazards h WHERE {_late(dialect)}
        {counted} AND h.category IN (SELECT code FROM categories WHERE NOT from_device) GROUP BY h.community) AS l
        ON l.community = c.code"""  # noqa: S608  # only our own names, no input
