"""The routes that take one step, or many in a batch."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from litestar import post
from litestar.params import FromPath
from msgspec import Meta, Raw, Struct

from api.hazards.routes import dossier
from api.hazards.views import HazardView, hazard_view
from api.http.bodies import AnyRequest, decoded, json_body
from api.http.context import AppContext, context_of, person_of
from api.http.problems import as_problem
from inspections.accounts.people import Person
from inspections.errors import Invalid, Refusal, Stale, WrongState
from inspections.hazards.records import Dossier, Named
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Step
from storage.repository import Repository

STEPS_AT_ONCE = 500


class BatchItem(Struct, frozen=True, forbid_unknown_fields=True):
    """A hazard's id, and the step to take on it."""

    hazard: UUID
    step: Step


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    items: Annotated[tuple[BatchItem, ...], Meta(min_length=1, max_length=STEPS_AT_ONCE)]


class _Unread(Struct, frozen=True, forbid_unknown_fields=True):
    """A batch whose items are decoded one by one, so that an invalid item does not affect the others."""

    items: Annotated[tuple[Raw, ...], Meta(min_length=1, max_length=STEPS_AT_ONCE)]


class Taken(Struct, frozen=True, omit_defaults=True):
    """The result of one item: the hazard after the step, or the problem that the step alone would return."""

    status: int
    hazard: HazardView | None = None
    problem: dict[str, Any] | None = None


class TakenList(Struct, frozen=True):
    items: list[Taken]


@post("/hazards/{hazard_id:uuid}/steps", opt={"action": "hazard.see", "body": Step}, status_code=200)
async def post_step(request: AnyRequest, hazard_id: FromPath[UUID]) -> HazardView:
    """Takes a step. Returns 404 if the hazard is not visible to the caller, 403 if they may not take the step.

    A 409 for an outdated version or a wrong state contains the current `hazard`, for a phone that comes too late.
    """
    step: Step = await json_body(request, Step)
    return await _taken(context_of(request), person_of(request), hazard_id, step)


@post("/hazards/steps", opt={"action": "hazard.see", "body": Batch}, status_code=200)
async def post_steps(request: AnyRequest) -> TakenList:
    """Takes a batch of steps; the results are in order, and an invalid item does not affect the others.

    Steps on the same hazard are taken one after the other, in their order.
    """
    context, person = context_of(request), person_of(request)
    batch: _Unread = await json_body(request, _Unread)
    read = [_read(raw) for raw in batch.items]
    lines: dict[UUID | None, list[int]] = {}
    for at, item in enumerate(read):
        lines.setdefault(item.hazard if isinstance(item, BatchItem) else None, []).append(at)
    answers: dict[int, Taken] = {}

    async def go_through(line: list[int]) -> None:
        for at in line:
            answers[at] = await _answered(context, person, read[at])

    await asyncio.gather(*(go_through(line) for line in lines.values()))
    return TakenList([answers[at] for at in range(len(read))])


def _read(raw: Raw) -> BatchItem | Refusal:
    try:
        return decoded(bytes(raw), BatchItem)
    except Invalid as refusal:
        return refusal


async def _answered(context: AppContext, person: Person, item: BatchItem | Refusal) -> Taken:
    if isinstance(item, Refusal):
        return _refused(item)
    try:
        return Taken(200, await _taken(context, person, item.hazard, item.step))
    except Refusal as refusal:
        return _refused(refusal)


def _refused(refusal: Refusal) -> Taken:
    problem = as_problem(refusal)
    return Taken(problem["status"], problem=problem)


async def _taken(context: AppContext, person: Person, hazard_id: UUID, step: Step) -> HazardView:
    action = partial(take_step, person=person, hazard_id=hazard_id, step=step, now=context.clock())
    try:
        done = await context.database.transact(action)
    except (Stale, WrongState) as refusal:
        present = await context.database.read(partial(dossier, person=person, hazard_id=hazard_id))
        refusal.facts["hazard"] = hazard_view(present, person, context)
        raise
    if any(each.mention.flags for each in done.shown):  # the hazards they refer to are read after the transaction
        done = done._replace(others=await context.database.read(partial(_pointed_to, person=person, seen=done)))
    return hazard_view(done, person, context)


def _pointed_to(repository: Repository, person: Person, seen: Dossier) -> Mapping[UUID, Named]:
    return repository.pointed_to(person, seen.shown)


ROUTES = [post_step, post_steps]
