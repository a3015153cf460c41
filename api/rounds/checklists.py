"""Routes that list, edit, publish, retire and export checklists."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, TypeVar
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.params import FromQuery, PathParameter, QueryParameter
from msgspec import Meta, Struct

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from api.http.queries import LIST_LIMIT, PageCursor, PageLimit, cut_page
from inspections.accounts.security_log import Event
from inspections.change import Change
from inspections.errors import NotFound
from inspections.rounds.actions.checklists import (
    FILE_FORMAT,
    ChecklistDraft,
    publish_checklist,
    retire_checklist,
    save_draft,
)
from inspections.rounds.checklists import LIST_CODE, Checklist, ChecklistState, ChecklistSummary, ListCode, Section

T = TypeVar("T")

_ListCode = Annotated[str, PathParameter(schema_extra={"pattern": LIST_CODE, "maxLength": 40})]


class ChecklistView(Struct, frozen=True):
    """A version of a checklist with its items."""

    code: str
    version: int
    name: str
    state: ChecklistState
    revision: int
    edited_by: str | None
    edited_at: datetime
    sections: Sequence[Section]


class ChecklistFileView(Struct, frozen=True):
    """A checklist as one readable file, which `POST /checklists` takes."""

    format: str
    code: str
    name: str
    sections: Sequence[Section]


class ChecklistList(Struct, frozen=True, omit_defaults=True):
    """A page of checklists. `next_cursor` is left out on the last one."""

    items: Sequence[ChecklistSummary]
    next_cursor: str | None = None


class ChecklistVersion(Struct, frozen=True, forbid_unknown_fields=True):
    """The request to publish or retire a version of a checklist."""

    version: Annotated[int, Meta(ge=1, le=1_000_000)]


@get("/checklists", opt={"action": "checklist.see"})
async def list_checklists(
    request: AnyRequest,
    state_: Annotated[tuple[ChecklistState, ...], QueryParameter(name="state")] = (),
    limit: PageLimit = LIST_LIMIT,
    cursor: PageCursor = None,
) -> ChecklistList:
    """Lists the versions of all checklists, or those in the given states, by code; the newest version first."""
    states = state_ or tuple(ChecklistState)
    found = await app_context(request).database.read(lambda repository: repository.checklist_summaries(states))
    return ChecklistList(*cut_page(found, lambda each: f"{each.code}.{each.version}", limit, cursor))


@get("/checklists/{checklist:str}", opt={"action": "checklist.see"})
async def get_checklist(
    request: AnyRequest, checklist: _ListCode, version: FromQuery[int | None] = None
) -> ChecklistView:
    """Returns a version of a checklist: the published one, or the newest if none is published."""
    return _view(await _find_checklist(request, checklist, version))


@get("/checklists/{checklist:str}/file", opt={"action": "checklist.see"})
async def get_checklist_file(
    request: AnyRequest, checklist: _ListCode, version: FromQuery[int | None] = None
) -> Response[ChecklistFileView]:
    """Returns a version of a checklist as a file, which `POST /checklists` takes, also in another office."""
    found = await _find_checklist(request, checklist, version)
    name = quote(f"{found.name} {found.version}.json")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(ChecklistFileView(FILE_FORMAT, found.code, found.name, found.sections), headers=headers)


@post("/checklists", opt={"action": "checklist.edit", "body": ChecklistDraft})
async def save_checklist_draft(request: AnyRequest) -> Response[ChecklistView]:
    """Saves the draft of a checklist: 201 for one that begins a version, 200 for one that was there."""
    sent = await json_body(request, ChecklistDraft)
    saved = await _transact_edit(request, partial(save_draft, sent=sent), sent.code)
    return Response(_view(saved.draft), status_code=201 if saved.is_new else 200)


@post(
    "/checklists/{checklist:str}/publish", opt={"action": "checklist.edit", "body": ChecklistVersion}, status_code=200
)
async def publish(request: AnyRequest, checklist: _ListCode) -> ChecklistView:
    """Publishes a draft; the version that was published before is retired."""
    sent = await json_body(request, ChecklistVersion)
    action = partial(publish_checklist, code=checklist, version=sent.version)
    return _view(await _transact_edit(request, action, checklist))


@post("/checklists/{checklist:str}/retire", opt={"action": "checklist.edit", "body": ChecklistVersion}, status_code=200)
async def retire(request: AnyRequest, checklist: _ListCode) -> ChecklistView:
    """Retires a published version; rounds that were started with it keep it."""
    sent = await json_body(request, ChecklistVersion)
    action = partial(retire_checklist, code=checklist, version=sent.version)
    return _view(await _transact_edit(request, action, checklist))


async def _find_checklist(request: AnyRequest, code: str, version: int | None) -> Checklist:
    _check_code(code)
    found = await app_context(request).database.read(lambda repository: repository.checklist(code, version))
    if found is None:
        raise NotFound("checklist")
    return found


def _check_code(code: str) -> None:
    """Raises NotFound for a code that no checklist can have."""
    try:
        msgspec.convert(code, ListCode)
    except msgspec.ValidationError:
        raise NotFound("checklist") from None


async def _transact_edit(request: AnyRequest, action: Callable[..., Change[T]], code: str) -> T:
    _check_code(code)
    context = app_context(request)
    edit = partial(action, person=current_person(request), now=context.clock())
    return await context.log.transact(edit, Event.RULES_EDITED, current_caller(request), f"checklist {code}")


def _view(checklist: Checklist) -> ChecklistView:
    return ChecklistView(**{name: getattr(checklist, name) for name in ChecklistView.__struct_fields__})


ROUTES = [list_checklists, get_checklist, get_checklist_file, save_checklist_draft, publish, retire]
