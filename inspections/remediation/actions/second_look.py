"""抽中复查: draws a closed hazard for another re-check."""

from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import SYSTEM
from inspections.change import Change
from inspections.hazards.history import NewEntry, append_history
from inspections.hazards.lifecycle import transition
from inspections.hazards.records import Hazard, HistoryEntry
from inspections.remediation.actions.step_context import update_clocks
from inspections.remediation.fix_origins import RETENTION, FixOrigin, RequestOrigin, compare_origins, fix_origin
from inspections.remediation.repository import RemediationRepository
from inspections.remediation.steps import Recheck, Step


class Draw(NamedTuple):
    """A hazard after the draw, and the history line that says why."""

    hazard: Hazard
    line: HistoryEntry


def draw_for_recheck(
    repository: RemediationRepository, hazard: Hazard, now: datetime, quantity_done: int, facts: dict[str, Any]
) -> Draw:
    """Draws a closed hazard. `quantity_done`: what was confirmed before it was closed."""
    drawn = transition(
        hazard, "draw", now, outcome=None, closed_at=None, quantity_done=quantity_done, look_back_due_at=None
    )
    drawn = update_clocks(hazard, drawn, repository, now)
    return Draw(*append_history(repository, hazard, drawn, NewEntry(repository.new_id(), "draw", SYSTEM, now, facts)))


class OriginCheck(NamedTuple):
    """The result of the comparison of a fix by a link with its re-check. `over`: records that are deleted."""

    draw: Draw | None = None
    over: tuple[Struct, ...] = ()


def compare_with_fix(
    repository: RemediationRepository,
    before: Hazard,
    after: Hazard,
    step: Step,
    origin: RequestOrigin | None,
    now: datetime,
) -> OriginCheck:
    """Draws a hazard whose fix came from the device or network of the one who passes it; the pass is accepted.

    An origin is compared once and then deleted, so that the second look ends the case wherever it is made.
    """
    if origin is None or before.responsible_party is None or not (isinstance(step, Recheck) and step.result == "pass"):
        return OriginCheck()
    sent = repository.get(FixOrigin, before.id)
    if sent is None:
        return OriginCheck()
    flag = compare_origins(before, sent, origin, now)
    if flag is None:
        return OriginCheck(over=(sent,))
    facts = {"flags": flag.kinds, "reason": f"{flag.words}，已通过的复查抽中再次复查"}
    marked = replace(after, recheck_flag=flag)
    return OriginCheck(draw_for_recheck(repository, marked, now, before.quantity_done, facts), (sent,))


def record_origin(
    repository: RemediationRepository, hazard: Hazard, origin: RequestOrigin | None, now: datetime
) -> Change[None]:
    """Records where the present fix of a hazard was sent from, in place of an earlier one's."""
    earlier = repository.get(FixOrigin, hazard.id)
    if origin is None:
        return Change(None, removed=() if earlier is None else (earlier,))
    sent = fix_origin(hazard.id, origin, now)
    return Change(None, (sent,)) if earlier is None else Change(None, changed=((earlier, sent),))


def delete_expired_origins(repository: RemediationRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes at most `limit` origins older than the retention period. Returns how many were deleted."""
    over = repository.old_fix_origins(now - RETENTION, limit)
    return Change(len(over), removed=tuple(over))
