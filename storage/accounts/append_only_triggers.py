"""Database triggers that reject changes of the security log, and deletions of lines younger than 180 days.

The owner of the tables can drop the triggers, but nobody bypasses them by mistake.
"""

from sqlalchemy import DDL, event

from storage.accounts.tables import security_events

_SQLITE = (
    """CREATE TRIGGER security_events_unchanged BEFORE UPDATE ON security_events
    BEGIN SELECT RAISE(ABORT, 'security_events: lines are never changed'); END""",
    """CREATE TRIGGER security_events_kept BEFORE DELETE ON security_events
    WHEN OLD.at > (CAST(strftime('%s', 'now') AS INTEGER) - 180 * 86400) * 1000000
    BEGIN SELECT RAISE(ABORT, 'security_events: lines are kept for 180 days'); END""",
)
_POSTGRESQL = (
    """CREATE FUNCTION security_events_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.at <= now() - interval '180 days' THEN RETURN OLD; END IF;
        RAISE EXCEPTION 'security_events: lines are never changed, and kept for 180 days';
    END $$""",
    """CREATE TRIGGER security_events_kept BEFORE UPDATE OR DELETE ON security_events
    FOR EACH ROW EXECUTE FUNCTION security_events_kept()""",
    """CREATE TRIGGER security_events_whole BEFORE TRUNCATE ON security_events
    FOR EACH STATEMENT EXECUTE FUNCTION security_events_kept()""",
)
STATEMENTS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
"""The statements that create the triggers, by dialect name."""


def register_triggers() -> None:
    """Registers the triggers, so that they are created whenever the table is created."""
    for dialect, statements in STATEMENTS.items():
        for statement in statements:
            made = DDL(statement.replace("%", "%%")).execute_if(dialect=dialect)
            event.listen(security_events, "after_create", made)
