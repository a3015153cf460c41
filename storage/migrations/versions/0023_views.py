"""Views for who reports by SQL.

Revision ID: 0023
Revises: 0022
"""

from alembic import op
from sqlalchemy import text

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_SQLITE = (
    """
    CREATE VIEW anxun_hazards AS
        SELECT h.number, substr(h.community, 1, 9) AS street, h.community, c.name AS community_name, h.category,
            k.name AS category_name, k."group" AS category_group, h.severity, h.source, h.state, h.outcome, h.quantity,
            h.unit, h.quantity_done, h.fixed_on_spot, h.times_extended, h.times_reworked, h.times_returned,
      strftime('%Y-%m-%dT%H:%M:%S+08:00', h.reported_at / 1000000 + 28800, 'unixepoch') AS reported_at,
      strftime('%Y-%m-%dT%H:%M:%S+08:00', h.accepted_at / 1000000 + 28800, 'unixepoch') AS accepted_at,
      strftime('%Y-%m-%dT%H:%M:%S+08:00', h.submitted_at / 1000000 + 28800, 'unixepoch') AS submitted_at,
      strftime('%Y-%m-%dT%H:%M:%S+08:00', h.closed_at / 1000000 + 28800, 'unixepoch') AS closed_at,
      strftime('%Y-%m-%dT%H:%M:%S+08:00', h.due_at / 1000000 + 28800, 'unixepoch') AS due_at,
      strftime('%Y-%m-%dT%H:%M:%S+08:00', h.original_due_at / 1000000 + 28800, 'unixepoch') AS original_due_at,
            coalesce(h.state IN ('accepted', 'assigned', 'rectifying') AND NOT h.advisory AND h.due_at IS NOT NULL AND
      h.due_at < (cast(strftime('%s', 'now') as integer) * 1000000), false) AS overdue
        FROM hazards h JOIN communities c ON c.code = h.community JOIN categories k ON k.code = h.category
        WHERE NOT k.from_device
    """,
    """
    CREATE VIEW anxun_communities AS
        SELECT c.code AS community, c.name, coalesce(s.received, 0) AS received, coalesce(s.accepted, 0) AS accepted,
      coalesce(s.rejected, 0) AS rejected, coalesce(s.duplicate, 0) AS duplicate, coalesce(s.cancelled, 0) AS cancelled,
      coalesce(s.closed, 0) AS closed, coalesce(s.fixed, 0) AS fixed, coalesce(s.false_alarm, 0) AS false_alarm,
      coalesce(s.rebounded, 0) AS rebounded, coalesce(s.waiting, 0) AS waiting, coalesce(s.suspended, 0) AS suspended,
      coalesce(s.pending_recheck, 0) AS pending_recheck, coalesce(s.transferred, 0) AS transferred,
      coalesce(s.quantity_found, 0) AS quantity_found, coalesce(s.quantity_done, 0) AS quantity_done,
      coalesce(s.cohort_accepted, 0) AS cohort_accepted, coalesce(s.cohort_closed, 0) AS cohort_closed,
      coalesce(s.fixed_on_spot, 0) AS fixed_on_spot, coalesce(s.returned, 0) AS returned, coalesce(s.reworked, 0) AS
      reworked, coalesce(s.extended, 0) AS extended, coalesce(s.closed_then, 0) AS closed_then, coalesce(s.fixed_then,
      0) AS fixed_then, coalesce(s.due_met, 0) AS due_met, coalesce(s.first_due_met, 0) AS first_due_met,
      coalesce(s.fixing + s.waiting + s.suspended + s.pending_recheck + s.transferred, 0) AS open, coalesce(l.overdue,
      0) AS overdue,
            coalesce(s.fixing, 0) - coalesce(l.overdue, 0) AS on_time
        FROM communities c
        LEFT JOIN (SELECT community, sum(received) AS received, sum(accepted) AS accepted, sum(rejected) AS rejected,
      sum(duplicate) AS duplicate, sum(cancelled) AS cancelled, sum(closed) AS closed, sum(fixed) AS fixed,
      sum(false_alarm) AS false_alarm, sum(rebounded) AS rebounded, sum(waiting) AS waiting, sum(fixing) AS fixing,
      sum(suspended) AS suspended, sum(pending_recheck) AS pending_recheck, sum(transferred) AS transferred,
      sum(cohort_accepted) AS cohort_accepted, sum(cohort_closed) AS cohort_closed, sum(fixed_on_spot) AS fixed_on_spot,
      sum(quantity_found) AS quantity_found, sum(quantity_done) AS quantity_done, sum(returned) AS returned,
      sum(reworked) AS reworked, sum(extended) AS extended, sum(closed_then) AS closed_then, sum(fixed_then) AS
      fixed_then, sum(due_ended) AS due_ended, sum(due_met) AS due_met, sum(first_due_ended) AS first_due_ended,
      sum(first_due_met) AS first_due_met FROM
            (SELECT community, received, accepted, rejected, duplicate, cancelled, closed, fixed, false_alarm,
      rebounded, waiting, fixing, suspended, pending_recheck, transferred, cohort_accepted, cohort_closed,
      fixed_on_spot, quantity_found, quantity_done, returned, reworked, extended, closed_then, fixed_then, due_ended,
      due_met, first_due_ended, first_due_met FROM counters WHERE grain = 0
            UNION ALL SELECT community, received, accepted, rejected, duplicate, cancelled, closed, fixed, false_alarm,
      rebounded, waiting, fixing, suspended, pending_recheck, transferred, cohort_accepted, cohort_closed,
      fixed_on_spot, quantity_found, quantity_done, returned, reworked, extended, closed_then, fixed_then, due_ended,
      due_met, first_due_ended, first_due_met FROM counter_deltas) AS every GROUP BY community) AS s
            ON s.community = c.code
        LEFT JOIN (SELECT h.community, count(*) AS overdue FROM hazards h WHERE h.state IN ('accepted', 'assigned',
      'rectifying') AND NOT h.advisory AND h.due_at IS NOT NULL AND h.due_at < (cast(strftime('%s', 'now') as integer) *
      1000000)
            AND h.category IN (SELECT code FROM categories WHERE NOT from_device) GROUP BY h.community) AS l
            ON l.community = c.code
    """,
    """
    CREATE VIEW anxun_days AS
        SELECT community, date(day * 86400, 'unixepoch') AS day, sum(received) AS received, sum(cohort_accepted) AS
      accepted, sum(closed_then) AS closed, sum(fixed_then) AS fixed FROM
            (SELECT community, start AS day, received, cohort_accepted, closed_then, fixed_then FROM counters WHERE
      grain = 4
            UNION ALL SELECT community, day, received, cohort_accepted, closed_then, fixed_then FROM counter_deltas) AS
      every
        GROUP BY community, day HAVING abs(sum(received)) + abs(sum(cohort_accepted)) + abs(sum(closed_then)) +
      abs(sum(fixed_then)) > 0
    """,
)
_POSTGRESQL = (
    """
    CREATE VIEW anxun_hazards AS
        SELECT h.number, substr(h.community, 1, 9) AS street, h.community, c.name AS community_name, h.category,
            k.name AS category_name, k."group" AS category_group, h.severity, h.source, h.state, h.outcome, h.quantity,
            h.unit, h.quantity_done, h.fixed_on_spot, h.times_extended, h.times_reworked, h.times_returned,
      h.reported_at, h.accepted_at, h.submitted_at, h.closed_at, h.due_at, h.original_due_at,
            coalesce(h.state IN ('accepted', 'assigned', 'rectifying') AND NOT h.advisory AND h.due_at IS NOT NULL AND
      h.due_at < now(), false) AS overdue
        FROM hazards h JOIN communities c ON c.code = h.community JOIN categories k ON k.code = h.category
        WHERE NOT k.from_device
    """,
    """
    CREATE VIEW anxun_communities AS
        SELECT c.code AS community, c.name, coalesce(s.received, 0) AS received, coalesce(s.accepted, 0) AS accepted,
      coalesce(s.rejected, 0) AS rejected, coalesce(s.duplicate, 0) AS duplicate, coalesce(s.cancelled, 0) AS cancelled,
      coalesce(s.closed, 0) AS closed, coalesce(s.fixed, 0) AS fixed, coalesce(s.false_alarm, 0) AS false_alarm,
      coalesce(s.rebounded, 0) AS rebounded, coalesce(s.waiting, 0) AS waiting, coalesce(s.suspended, 0) AS suspended,
      coalesce(s.pending_recheck, 0) AS pending_recheck, coalesce(s.transferred, 0) AS transferred,
      coalesce(s.quantity_found, 0) AS quantity_found, coalesce(s.quantity_done, 0) AS quantity_done,
      coalesce(s.cohort_accepted, 0) AS cohort_accepted, coalesce(s.cohort_closed, 0) AS cohort_closed,
      coalesce(s.fixed_on_spot, 0) AS fixed_on_spot, coalesce(s.returned, 0) AS returned, coalesce(s.reworked, 0) AS
      reworked, coalesce(s.extended, 0) AS extended, coalesce(s.closed_then, 0) AS closed_then, coalesce(s.fixed_then,
      0) AS fixed_then, coalesce(s.due_met, 0) AS due_met, coalesce(s.first_due_met, 0) AS first_due_met,
      coalesce(s.fixing + s.waiting + s.suspended + s.pending_recheck + s.transferred, 0) AS open, coalesce(l.overdue,
      0) AS overdue,
            coalesce(s.fixing, 0) - coalesce(l.overdue, 0) AS on_time
        FROM communities c
        LEFT JOIN (SELECT community, sum(received) AS received, sum(accepted) AS accepted, sum(rejected) AS rejected,
      sum(duplicate) AS duplicate, sum(cancelled) AS cancelled, sum(closed) AS closed, sum(fixed) AS fixed,
      sum(false_alarm) AS false_alarm, sum(rebounded) AS rebounded, sum(waiting) AS waiting, sum(fixing) AS fixing,
      sum(suspended) AS suspended, sum(pending_recheck) AS pending_recheck, sum(transferred) AS transferred,
      sum(cohort_accepted) AS cohort_accepted, sum(cohort_closed) AS cohort_closed, sum(fixed_on_spot) AS fixed_on_spot,
      sum(quantity_found) AS quantity_found, sum(quantity_done) AS quantity_done, sum(returned) AS returned,
      sum(reworked) AS reworked, sum(extended) AS extended, sum(closed_then) AS closed_then, sum(fixed_then) AS
      fixed_then, sum(due_ended) AS due_ended, sum(due_met) AS due_met, sum(first_due_ended) AS first_due_ended,
      sum(first_due_met) AS first_due_met FROM
            (SELECT community, received, accepted, rejected, duplicate, cancelled, closed, fixed, false_alarm,
      rebounded, waiting, fixing, suspended, pending_recheck, transferred, cohort_accepted, cohort_closed,
      fixed_on_spot, quantity_found, quantity_done, returned, reworked, extended, closed_then, fixed_then, due_ended,
      due_met, first_due_ended, first_due_met FROM counters WHERE grain = 0
            UNION ALL SELECT community, received, accepted, rejected, duplicate, cancelled, closed, fixed, false_alarm,
      rebounded, waiting, fixing, suspended, pending_recheck, transferred, cohort_accepted, cohort_closed,
      fixed_on_spot, quantity_found, quantity_done, returned, reworked, extended, closed_then, fixed_then, due_ended,
      due_met, first_due_ended, first_due_met FROM counter_deltas) AS every GROUP BY community) AS s
            ON s.community = c.code
        LEFT JOIN (SELECT h.community, count(*) AS overdue FROM hazards h WHERE h.state IN ('accepted', 'assigned',
      'rectifying') AND NOT h.advisory AND h.due_at IS NOT NULL AND h.due_at < now()
            AND h.category IN (SELECT code FROM categories WHERE NOT from_device) GROUP BY h.community) AS l
            ON l.community = c.code
    """,
    """
    CREATE VIEW anxun_days AS
        SELECT community, date '1970-01-01' + day AS day, sum(received) AS received, sum(cohort_accepted) AS accepted,
      sum(closed_then) AS closed, sum(fixed_then) AS fixed FROM
            (SELECT community, start AS day, received, cohort_accepted, closed_then, fixed_then FROM counters WHERE
      grain = 4
            UNION ALL SELECT community, day, received, cohort_accepted, closed_then, fixed_then FROM counter_deltas) AS
      every
        GROUP BY community, day HAVING abs(sum(received)) + abs(sum(cohort_accepted)) + abs(sum(closed_then)) +
      abs(sum(fixed_then)) > 0
    """,
)
_VIEWS = ("anxun_hazards", "anxun_communities", "anxun_days")


def upgrade() -> None:
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(text(statement.replace(":", "\\:")))


def downgrade() -> None:
    for view in reversed(_VIEWS):
        op.execute(f"DROP VIEW {view}")
