"""Evaluations (评价) are counted: how many, how many satisfied, and the sum of their scores. Outlines can be demo data.

An evaluation counts on the Shanghai day on which its hazard was closed. The recount that follows every upgrade counts
the evaluations that were given before.

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_NEW = ("evaluated", "satisfied", "score_total")
_COUNTED = "(h.source <> 'device' OR h.found_category IS NOT NULL)"
_NOW = {"sqlite": "(cast(strftime('%s', 'now') as integer) * 1000000)", "postgresql": "now()"}
_SHOWN_BEFORE = (
    *("received", "accepted", "rejected", "duplicate", "cancelled", "closed", "fixed", "false_alarm", "rebounded"),
    *("waiting", "suspended", "pending_recheck", "transferred", "old_standard", "new_standard", "quantity_found"),
    *("quantity_done", "cohort_accepted", "cohort_closed", "fixed_on_spot", "returned", "reworked", "extended"),
    *("closed_then", "fixed_then"),
)
_SHOWN_AFTER = ("due_met", "first_due_met")


def upgrade() -> None:
    op.add_column("boundaries", sa.Column("demo", sa.Boolean(), nullable=False, server_default=sa.false()))
    for table in ("counters", "counter_deltas"):
        for name in _NEW:
            op.add_column(table, sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    _recreate_view((*_SHOWN_BEFORE, *_NEW, *_SHOWN_AFTER))


def downgrade() -> None:
    op.drop_column("boundaries", "demo")
    _recreate_view((*_SHOWN_BEFORE, *_SHOWN_AFTER))
    for table in ("counters", "counter_deltas"):
        for name in _NEW:
            op.drop_column(table, name)


def _recreate_view(shown: tuple[str, ...]) -> None:
    dialect = op.get_bind().dialect.name
    op.execute("DROP VIEW anxun_communities")
    op.execute(sa.text(_communities_view(dialect, shown).replace(":", "\\:")))


def _communities_view(dialect: str, shown: tuple[str, ...]) -> str:
    names = ", ".join((*shown, "fixing"))
    kept = ", ".join(f"coalesce(s.{name}, 0) AS {name}" for name in shown)
    sums = ", ".join(f"sum({name}) AS {name}" for name in (*shown, "fixing"))
    stands = " + ".join(f"s.{name}" for name in ("fixing", "waiting", "suspended", "pending_recheck", "transferred"))
    late = "h.state IN ('accepted', 'assigned', 'rectifying') AND NOT h.advisory AND h.due_at IS NOT NULL"
    return f"""CREATE VIEW anxun_communities AS
    SELECT c.code AS community, c.name, {kept}, coalesce({stands}, 0) AS open, coalesce(l.overdue, 0) AS overdue,
        coalesce(s.fixing, 0) - coalesce(l.overdue, 0) AS on_time
    FROM communities c
    LEFT JOIN (SELECT community, {sums} FROM
        (SELECT community, {names} FROM counters WHERE grain = 0
        UNION ALL SELECT community, {names} FROM counter_deltas) AS every GROUP BY community) AS s
        ON s.community = c.code
    LEFT JOIN (SELECT h.community, count(*) AS overdue FROM hazards h WHERE {late} AND h.due_at < {_NOW[dialect]}
        AND {_COUNTED} AND h.category IN (SELECT code FROM categories WHERE NOT from_device) GROUP BY h.community) AS l
        ON l.community = c.code"""  # noqa: S608  # only our own names, no input
