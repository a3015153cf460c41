"""Reads and edits the layout of the ledger."""

from datetime import datetime

from inspections.accounts.people import Person
from inspections.change import Change
from inspections.errors import InvalidInput, RulesVersionConflict
from inspections.ledger.layout import DEFAULT_LAYOUT, LEDGER, Layout, NewLayout, find_layout_errors
from inspections.ledger.repository import LedgerRepository
from inspections.request_texts import clean_texts


def ledger_layout(repository: LedgerRepository) -> Layout:
    """Returns the stored layout, or the default as version 0 if it was never edited."""
    return repository.get(Layout, LEDGER) or DEFAULT_LAYOUT


def edit_layout(repository: LedgerRepository, person: Person, sent: NewLayout, now: datetime) -> Change[Layout]:
    """Replaces the columns; a repeated request gets the same answer as the first.

    Raises RulesVersionConflict, InvalidInput.
    """
    before = ledger_layout(repository)
    columns = clean_texts(sent).columns
    if (sent.version + 1, columns, person.username) == (before.version, before.columns, before.edited_by):
        return Change(before)
    if sent.version != before.version:
        raise RulesVersionConflict(sent.version, before.version)
    if errors := find_layout_errors(columns):
        raise InvalidInput(*errors)
    after = Layout(LEDGER, before.version + 1, columns, person.username, now)
    return Change(after, (after,)) if before.version == 0 else Change(after, changed=((before, after),))
