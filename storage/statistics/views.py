"""SQL views for reporting tools: no names, no free text; columns are named as in metrics.COUNT_NAMES.

`anxun_hazards`, `anxun_communities`, `anxun_days`; docs/statistics.md says what a reader needs on PostgreSQL.
"""

from sqlalchemy import DDL, event

from inspections.hazards.measures import MEASURES
from inspections.statistics.metrics import COUNT_NAMES, OPEN_PARTS
from storage.statistics.tables import Grain, counter_deltas

VIEWS = ("anxun_hazards", "anxun_communities", "anxun_days")
_INSTANTS = ("reported_at", "accepted_at", "submitted_at", "closed_at", "due_at", "original_due_at")
_NOW = {"sqlite": "(cast(strftime('%s', 'now') as integer) * 1000000)", "postgresql": "now()"}
_DAY = {"sqlite": "date(day * 86400, 'unixepoch')", "postgresql": "date '1970-01-01' + day"}
_LATE = (
    "h.state IN ('accepted', 'assigned', 'rectifying') AND NOT h.advisory AND h.due_at IS NOT NULL AND h.due_at < {now}"
)
_COUNTED = "(h.source <> 'device' OR h.found_category IS NOT NULL)"
_FLOW = {"received": "received", "accepted": "cohort_accepted", "closed": "closed_then", "fixed": "fixed_then"}


def _instant_column(dialect: str, name: str) -> str:
    """An instant as a column: text with its offset on SQLite, unchanged elsewhere."""
    if dialect != "sqlite":
        return f"h.{name}"
    return f"strftime('%Y-%m-%dT%H:%M:%S+08:00', h.{name} / 1000000 + 28800, 'unixepoch') AS {name}"


def _hazards_view(dialect: str) -> str:
    instants = ", ".join(_instant_column(dialect, name) for name in _INSTANTS)
    overdue = _LATE.format(now=_NOW[dialect])
    return f"""CREATE VIEW anxun_hazards AS
    SELECT h.number, substr(h.community, 1, 9) AS street, h.community, c.name AS community_name, h.category,
        k.name AS category_name, k."group" AS category_group, h.severity, h.source, h.state, h.outcome, h.quantity,
        h.unit, h.quantity_done, h.fixed_on_spot, h.times_extended, h.times_reworked, h.times_returned,
        h.vehicle_standard, {instants},
        coalesce({overdue}, false) AS overdue
    FROM hazards h JOIN communities c ON c.code = h.community JOIN categories k ON k.code = h.category
    WHERE NOT k.from_device AND {_COUNTED}"""  # noqa: S608  # only our own names, no input


def _communities_view(dialect: str) -> str:
    """A row per community, zeros included: `open` and its parts. Overdue is as of the query."""
    names = ", ".join(MEASURES)
    sums = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)
    shown = [name for name in COUNT_NAMES if name in MEASURES]
    kept = ", ".join(f"coalesce(s.{name}, 0) AS {name}" for name in shown)
    stands = " + ".join(("s.fixing", *(f"s.{name}" for name in OPEN_PARTS if name in MEASURES)))
    overdue = _LATE.format(now=_NOW[dialect])
    return f"""CREATE VIEW anxun_communities AS
    SELECT c.code AS community, c.name, {kept}, coalesce({stands}, 0) AS open, coalesce(l.overdue, 0) AS overdue,
        coalesce(s.fixing, 0) - coalesce(l.overdue, 0) AS on_time
    FROM communities c
    LEFT JOIN (SELECT community, {sums} FROM
        (SELECT community, {names} FROM counters WHERE grain = {int(Grain.ALL)}
        UNION ALL SELECT community, {names} FROM counter_deltas) AS every GROUP BY community) AS s
        ON s.community = c.code
    LEFT JOIN (SELECT h.community, count(*) AS overdue FROM hazards h WHERE {overdue}
        AND {_COUNTED} AND h.category IN (SELECT code FROM categories WHERE NOT from_device) GROUP BY h.community) AS l
        ON l.community = c.code"""  # noqa: S608  # only our own names, no input


def _days_view(dialect: str) -> str:
    """The events in a community on a Shanghai day, as in /statistics/trend; no row for a day without events."""
    sums = ", ".join(f"sum({name}) AS {shown}" for shown, name in _FLOW.items())
    names = ", ".join(_FLOW.values())
    happened = " + ".join(f"abs(sum({name}))" for name in _FLOW.values())
    return f"""CREATE VIEW anxun_days AS
    SELECT community, {_DAY[dialect]} AS day, {sums} FROM
        (SELECT community, start AS day, {names} FROM counters WHERE grain = {int(Grain.DAYS)}
        UNION ALL SELECT community, day, {names} FROM counter_deltas) AS every
    GROUP BY community, day HAVING {happened} > 0"""  # noqa: S608  # only our own names, no input


STATEMENTS = {dialect: (_hazards_view(dialect), _communities_view(dialect), _days_view(dialect)) for dialect in _NOW}
"""Dialect name → statements."""


def add_views() -> None:
    """Creates the views after the last of their tables, whenever the tables are created."""
    for dialect, statements in STATEMENTS.items():
        for statement in statements:
            made = DDL(statement.replace("%", "%%")).execute_if(dialect=dialect)
            event.listen(counter_deltas.metadata, "after_create", made)
