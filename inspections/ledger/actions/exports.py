"""Requests, claims, finishes and deletes exports that are made in the background."""

import math
from datetime import datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.errors import IdConflict, IdOwnerConflict, NotFound, TooManyRequests
from inspections.ledger.exports import (
    FAILURE_MESSAGE,
    LEASE,
    MAX_KEPT_BYTES,
    MAX_KEPT_EXPORTS,
    MAX_OPEN_EXPORTS,
    MAX_TRIES,
    RETENTION,
    Export,
    ExportState,
)
from inspections.ledger.repository import LedgerRepository
from inspections.request_texts import differing_fields

_COMPARED_FIELDS = ("form", "pictures", "selection")


def request_export(repository: LedgerRepository, export: Export) -> Change[tuple[Export, bool]]:
    """Stores a new export; returns it, and whether it existed before.

    Raises IdOwnerConflict, IdConflict, TooManyRequests.
    """
    earlier = repository.get(Export, export.id)
    if earlier is not None:
        if earlier.by != export.by:
            raise IdOwnerConflict
        same_links = replace(export.selection, public_url=earlier.selection.public_url)  # asked by another address
        if fields := differing_fields(earlier, replace(export, selection=same_links), _COMPARED_FIELDS):
            raise IdConflict(fields)
        return Change((earlier, True))
    _check_exports(
        [each for each in repository.exports(export.by) if each.asked_at + RETENTION > export.asked_at], export
    )
    return Change((export, False), (export,))


def _check_exports(kept: list[Export], export: Export) -> None:
    """Raises TooManyRequests where the exports that a person has leave no room for another."""
    if sum(each.is_open for each in kept) >= MAX_OPEN_EXPORTS:
        raise TooManyRequests("正在制作的台账过多，请等其完成", retry_after=LEASE.seconds)
    if len(kept) >= MAX_KEPT_EXPORTS or sum(each.size or 0 for each in kept) >= MAX_KEPT_BYTES:
        frees_at = min(each.asked_at for each in kept) + RETENTION
        raise TooManyRequests(
            f"{RETENTION // timedelta(hours=1)} 小时内制作的台账过多，请下载已制作的文件，或稍后再试",
            retry_after=math.ceil((frees_at - export.asked_at).total_seconds()),
        )


def find_own_export(repository: LedgerRepository, person: Person, export_id: UUID, now: datetime) -> Export:
    """The export if it is this person's, has not expired, and holds nothing that they may not see any more.

    Raises NotFound.
    """
    export = repository.get(Export, export_id)
    if export is None or export.by != person.username or export.asked_at + RETENTION <= now:
        raise NotFound("export")
    see, personal = scope(person, "ledger.export"), scope(person, "hazard.personal")
    if not (see.includes(export.selection.see) and personal.includes(export.selection.personal)):
        raise NotFound("export")
    return export


def claim_export(repository: LedgerRepository, now: datetime) -> Change[Export | None]:
    """Claims the export that has waited longest; one that was tried `MAX_TRIES` times fails instead."""
    waiting = repository.waiting_exports(now, 1)
    if not waiting:
        return Change(None)
    export = waiting[0]
    if export.tries >= MAX_TRIES:
        failed = replace(export, state=ExportState.FAILED, error=FAILURE_MESSAGE)
        return Change(None, changed=((export, failed),))
    claimed = replace(export, state=ExportState.MAKING, tries=export.tries + 1, done=0, claimed_until=now + LEASE)
    return Change(claimed, changed=((export, claimed),))


def record_export_progress(
    repository: LedgerRepository, export: Export, done: int, total: int, now: datetime
) -> Change[bool]:
    """Records progress and extends the claim. False where another process has claimed it since; the caller stops."""
    current = _find_claimed_export(repository, export)
    if current is None:
        return Change(answer=False)
    further = replace(current, done=done, total=total, claimed_until=now + LEASE)
    return Change(answer=True, changed=((current, further),))


def finish_export(
    repository: LedgerRepository, export: Export, size: int | None, error: str | None, digest: str | None = None
) -> Change[bool]:
    """Marks it as made with `size` in bytes, or as failed (None). False where another process has claimed it since."""
    current = _find_claimed_export(repository, export)
    if current is None:
        return Change(answer=False)
    done = current.done if current.total is None or size is None else current.total
    state = ExportState.FAILED if size is None else ExportState.MADE
    ended = replace(current, state=state, size=size, error=error, digest=digest, done=done, claimed_until=None)
    return Change(answer=True, changed=((current, ended),))


def _find_claimed_export(repository: LedgerRepository, export: Export) -> Export | None:
    current = repository.get(Export, export.id)
    return current if current and current.state is ExportState.MAKING and current.tries == export.tries else None


def delete_old_exports(repository: LedgerRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes at most `limit` expired exports and returns how many; the orphan sweep deletes their files later."""
    over = repository.old_exports(now - RETENTION, limit)
    return Change(len(over), removed=tuple(over))
