"""The routes that take one step, or many in a batch."""

import asyncio
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from litestar import post
from litestar.params import FromPath, FromQuery
from msgspec import Meta, Raw, Struct

from api.accounts.guard import read_token
from api.accounts.sign_in.authentication import Authenticator
from api.hazards.routes import hazard_with_photos
from api.hazards.views import HazardView, hazard_view
from api.http.bodies import AnyRequest, decode_body, json_body
from api.http.context import app_context, current_person
from api.http.problems import as_problem
from api.messages.languages import negotiate_language
from api.remediation.origins import request_origin
from inspections.accounts.people import Person
from inspections.errors import InvalidInput, Refusal, VersionConflict, WrongState
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Recheck, Step

MAX_BATCH_STEPS = 500


class StepBatchItem(Struct, frozen=True, forbid_unknown_fields=True):
    """A hazard's id, and the step to take on it."""

    hazard: UUID
    step: Step


class StepBatch(Struct, frozen=True, forbid_unknown_fields=True):
    items: Annotated[tuple[StepBatchItem, ...], Meta(min_length=1, max_length=MAX_BATCH_STEPS)]


class _RawBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """A batch whose items are decoded one by one, so that an invalid item does not affect the others."""

    items: Annotated[tuple[Raw, ...], Meta(min_length=1, max_length=MAX_BATCH_STEPS)]


class StepResult(Struct, frozen=True, omit_defaults=True):
    """The result of one item: the hazard after the step, or the problem that the step alone would return."""

    status: int
    hazard: HazardView | None = None
    problem: dict[str, Any] | None = None


class StepResultList(Struct, frozen=True):
    items: list[StepResult]


@post("/hazards/{hazard_id:uuid}/steps", opt={"action": "hazard.see", "body": Step}, status_code=200)
async def post_step(request: AnyRequest, hazard_id: FromPath[UUID]) -> HazardView:
    """Takes a step. Returns 404 if the hazard is not visible to the caller, 403 if they may not take the step.

    A 409 for an outdated version or a wrong state contains the current `hazard`, for a phone that comes too late.
    """
    step: Step = await json_body(request, Step)
    return await _take_step(request, current_person(request), hazard_id, step)


@post("/hazards/steps", opt={"action": "hazard.see", "body": StepBatch}, status_code=200)
async def post_steps(request: AnyRequest, apply: FromQuery[bool] = True) -> StepResultList:
    """Takes a batch of steps; the results are in order, and an invalid item does not affect the others.

    Steps on the same hazard are taken one after the other, in their order. Each needs the rights of its own moment,
    because a long batch takes seconds. With `apply=false` nothing is stored: each result is predicted on the hazard as
    it is now, assigned by a dispatch rule where one matches.
    """
    batch: _RawBatch = await json_body(request, _RawBatch)
    read = [_decode_item(raw) for raw in batch.items]
    lines: dict[UUID | None, list[int]] = {}
    for at, item in enumerate(read):
        lines.setdefault(item.hazard if isinstance(item, StepBatchItem) else None, []).append(at)
    answers: dict[int, StepResult] = {}

    async def take_in_order(line: list[int]) -> None:
        for at in line:
            answers[at] = await _step_result(request, read[at], apply=apply)

    await asyncio.gather(*(take_in_order(line) for line in lines.values()))
    return StepResultList([answers[at] for at in range(len(read))])


def _decode_item(raw: Raw) -> StepBatchItem | Refusal:
    try:
        return decode_body(bytes(raw), StepBatchItem)
    except InvalidInput as refusal:
        return refusal


async def _step_result(request: AnyRequest, item: StepBatchItem | Refusal, *, apply: bool) -> StepResult:
    if isinstance(item, Refusal):
        return _refusal_result(request, item)
    sign_in = app_context(request).part(Authenticator)
    try:
        person = await sign_in.authenticate(read_token(request), "hazard.see")
        return StepResult(200, await _take_step(request, person, item.hazard, item.step, apply=apply))
    except Refusal as refusal:
        return _refusal_result(request, refusal)


def _refusal_result(request: AnyRequest, refusal: Refusal) -> StepResult:
    problem = as_problem(refusal, negotiate_language(request.scope))
    return StepResult(problem["status"], problem=problem)


async def _take_step(
    request: AnyRequest, person: Person, hazard_id: UUID, step: Step, *, apply: bool = True
) -> HazardView:
    context = app_context(request)
    origin = await request_origin(request, person.username) if isinstance(step, Recheck) else None
    action = partial(take_step, person=person, hazard_id=hazard_id, step=step, now=context.clock(), origin=origin)
    try:
        done = await context.database.transact(action) if apply else (await context.database.read(action)).answer
    except (VersionConflict, WrongState) as refusal:
        present = await context.database.read(partial(hazard_with_photos, person=person, hazard_id=hazard_id))
        refusal.facts["hazard"] = hazard_view(present, person, context)
        raise
    return hazard_view(done, person, context)


ROUTES = [post_step, post_steps]
