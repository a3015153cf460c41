"""The route that lists what waits for a supervisor's decision."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromQuery
from msgspec import UNSET, Struct, UnsetType

from api.http.bodies import AnyRequest
from api.http.context import app_context, current_person
from api.http.queries import PageCursor, PageLimit
from inspections.accounts.policy import scope
from inspections.errors import InvalidInput
from inspections.hazards.records import State
from inspections.office.categories import Priority, Severity
from inspections.photos.evidence import DeclaredPhoto
from inspections.photos.records import Stage
from inspections.remediation.pending_decisions import DECIDING_STEPS, DecisionKind, PendingDecision
from storage.remediation.pending_decisions import (
    DecisionCursor,
    DecisionFilters,
    count_pending_decisions,
    pending_decisions_page,
)
from storage.repository import Repository

_PAGE_SIZE = 100
_MOST_PHOTOS = 9


class PendingDecisionView(Struct, frozen=True):
    """A request that waits for a supervisor. `kind`: what is asked for; `step`: decides it, by POST of a step.

    `due_at`: the present deadline, of a suspension the one before it. At most nine photos of each stage, oldest first.
    """

    kind: DecisionKind
    step: str
    hazard: UUID
    number: str
    version: int
    state: State
    community: str
    category: str
    place: str
    description: str
    severity: Severity
    priority: Priority | None
    quantity: int
    unit: str
    by: str | None
    since: datetime
    reason: str | None
    due_at: datetime | None
    new_due_at: datetime | None
    original_due_at: datetime | None
    times_extended: int
    photos_before: list[str]
    photos_after: list[str]


class PendingDecisionList(Struct, frozen=True):
    """A page of requests. `total`: their number on all pages, where the query asks for it (`count=true`)."""

    items: list[PendingDecisionView]
    next_cursor: str | None
    total: int | UnsetType = UNSET


@get("/decisions", opt={"action": "decision.see"})
async def list_pending_decisions(
    request: AnyRequest,
    kind: FromQuery[tuple[DecisionKind, ...]] = (),
    community: FromQuery[tuple[str, ...]] = (),
    street: FromQuery[tuple[str, ...]] = (),
    count: FromQuery[bool] = False,
    limit: PageLimit = _PAGE_SIZE,
    cursor: PageCursor = None,
) -> PendingDecisionList:
    """Lists what waits for a supervisor's decision, the earliest deadline first, those without a deadline last.

    `extension`: a handler asks for a longer deadline; `major`: a hazard is proposed as major; `suspension`: the review
    of a suspension is due. `count=true` adds `total`. Decide by POST /hazards/{id}/steps with the named step.
    """
    context, reach = app_context(request), scope(current_person(request), "decision.see")
    filters, after = DecisionFilters(context.clock(), kind, community, street), _decode_cursor(cursor)

    def ask(repository: Repository) -> PendingDecisionList:
        found, last = pending_decisions_page(repository, reach, filters, after, limit)
        shown = repository.declared_photos(list({each.hazard.id for each in found}))
        total = count_pending_decisions(repository, reach, filters) if count else UNSET
        return PendingDecisionList(_views(found, shown), _encode_cursor(last), total)

    return await context.database.read(ask)


def _views(found: Sequence[PendingDecision], shown: Sequence[DeclaredPhoto]) -> list[PendingDecisionView]:
    digests: dict[tuple[UUID, Stage], dict[str, None]] = {}
    for each in shown:
        if each.is_present:
            mention = each.mention
            digests.setdefault((mention.hazard, mention.stage), {})[mention.sha256] = None
    return [_view(each, digests) for each in found]


def _view(asked: PendingDecision, digests: dict[tuple[UUID, Stage], dict[str, None]]) -> PendingDecisionView:
    hazard = asked.hazard
    before, after = (list(digests.get((hazard.id, stage), ()))[:_MOST_PHOTOS] for stage in (Stage.BEFORE, Stage.AFTER))
    own: dict[str, Any] = {
        **{name: getattr(asked, name) for name in ("kind", "by", "since", "reason", "due_at", "new_due_at")},
        "step": DECIDING_STEPS[asked.kind],
        "hazard": hazard.id,
        "photos_before": before,
        "photos_after": after,
    }
    same = {name: getattr(hazard, name) for name in PendingDecisionView.__struct_fields__ if name not in own}
    return PendingDecisionView(**own, **same)


def _encode_cursor(last: DecisionCursor | None) -> str | None:
    return base64.urlsafe_b64encode(msgspec.json.encode(last)).decode() if last else None


def _decode_cursor(cursor: str | None) -> DecisionCursor | None:
    """Decodes the cursor of a page. Raises InvalidInput for one that we did not issue."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=DecisionCursor)
    except (ValueError, RecursionError):
        raise InvalidInput(("cursor", "游标无效，请从第一页开始")) from None


ROUTES = [list_pending_decisions]
