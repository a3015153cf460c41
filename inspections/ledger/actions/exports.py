"""Requests, claims, finishes and deletes exports that are made in the background."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.change import Change
from inspections.errors import IdConflict, IdTaken, Missing, TooMany, differing
from inspections.ledger.exports import AT_ONCE, FAILED, KEPT, LEASE, TRIES, Export, ExportState
from inspections.ledger.repository import LedgerRepository

_ASKED = ("form", "pictures", "selection")


def ask_for_export(repository: LedgerRepository, export: Export) -> Change[tuple[Export, bool]]:
    """Stores a new export; returns it, and whether it existed before. Raises IdTaken, IdConflict, TooMany."""
    earlier = repository.kept(Export, export.id)
    if earlier is not None:
        if earlier.by != export.by:
            raise IdTaken
        if fields := differing(earlier, export, _ASKED):
            raise IdConflict(fields)
        return Change((earlier, True))
    if sum(each.open for each in repository.exports(export.by)) >= AT_ONCE:
        raise TooMany("正在制作的台账过多，请等其完成", retry_after=LEASE.seconds)
    return Change((export, False), (export,))


def own_export(repository: LedgerRepository, person: Person, export_id: UUID, now: datetime) -> Export:
    """The export if it is this person's and has not expired. Raises Missing."""
    export = repository.kept(Export, export_id)
    if export is None or export.by != person.username or export.asked_at + KEPT <= now:
        raise Missing("export")
    return export


def claim_export(repository: LedgerRepository, now: datetime) -> Change[Export | None]:
    """Claims the export that has waited longest; one that was tried `MAX_TRIES` times fails instead."""
    waiting = repository.waiting_exports(now, 1)
    if not waiting:
        return Change(None)
    export = waiting[0]
    if export.tries >= TRIES:
        failed = replace(export, state=ExportState.FAILED, error=FAILED)
        return Change(None, changed=((export, failed),))
    claimed = replace(export, state=ExportState.MAKING, tries=export.tries + 1, done=0, claimed_until=now + LEASE)
    return Change(claimed, changed=((export, claimed),))


def export_went_on(repository: LedgerRepository, mine: Export, done: int, total: int, now: datetime) -> Change[bool]:
    """Records progress and extends the claim. False where another process has claimed it since; the caller stops."""
    export = _still(repository, mine)
    if export is None:
        return Change(answer=False)
    further = replace(export, done=done, total=total, claimed_until=now + LEASE)
    return Change(answer=True, changed=((export, further),))


def export_ended(repository: LedgerRepository, mine: Export, size: int | None, error: str | None) -> Change[bool]:
    """Marks it as made with `size` in bytes, or as failed (None). False where another process has claimed it since."""
    export = _still(repository, mine)
    if export is None:
        return Change(answer=False)
    done = export.done if export.total is None or size is None else export.total
    state = ExportState.FAILED if size is None else ExportState.MADE
    ended = replace(export, state=state, size=size, error=error, done=done, claimed_until=None)
    return Change(answer=True, changed=((export, ended),))


def _still(repository: LedgerRepository, mine: Export) -> Export | None:
    export = repository.kept(Export, mine.id)
    return export if export and export.state is ExportState.MAKING and export.tries == mine.tries else None


def forget_exports(repository: LedgerRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes at most `limit` expired exports and returns how many; the orphan sweep deletes their files later."""
    over = repository.old_exports(now - KEPT, limit)
    return Change(len(over), removed=tuple(over))
