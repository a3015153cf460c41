"""Routes of exports that are made in the background: request, follow, download."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Struct

from api.accounts.security_log import caller_of
from api.http.bodies import AnyRequest, json_body
from api.http.context import context_of, person_of
from api.http.responses import Content, serve
from api.http.tables import MEDIA_TYPES, Form
from api.ledger.exporter import Exporter
from api.ledger.routes import asked, selected
from api.statistics.filters import FILTERS
from inspections.accounts.security_log import Event
from inspections.errors import NotMade
from inspections.ledger.actions.exports import ask_for_export, own_export
from inspections.ledger.exports import KEPT, Export, ExportForm, ExportState
from storage.photos.names import made
from storage.statistics.metrics import Filters


class WantedExport(Struct, frozen=True, forbid_unknown_fields=True):
    """An export to make. `pictures`: thumbnails of the first photo before and after the fix, in a workbook."""

    id: UUID
    form: ExportForm = ExportForm.XLSX
    pictures: bool = False

    def __post_init__(self) -> None:
        if self.pictures and self.form is not ExportForm.XLSX:
            raise ValueError("pictures：只有 XLSX 可以带照片")


class ExportView(Struct, frozen=True):
    """An export: `done` of `total` lines are written; `size` in bytes once it is `made`.

    The file is kept until `expires_at`.
    """

    id: UUID
    form: ExportForm
    pictures: bool
    state: ExportState
    done: int
    total: int | None
    size: int | None
    error: str | None
    asked_at: datetime
    expires_at: datetime


@post("/ledger/exports", opt={"action": "ledger.export", "body": WantedExport}, dependencies=FILTERS)
async def ask_for(request: AnyRequest, filters: NamedDependency[Filters]) -> Response[ExportView]:
    """Requests a ledger as of the moment it is begun; the filters are those of `/ledger.csv`."""
    context, person = context_of(request), person_of(request)
    wanted: WantedExport = await json_body(request, WantedExport)
    selection = await context.database.read(lambda repository: selected(repository, request, filters))
    export = Export(wanted.id, person.username, wanted.form, wanted.pictures, selection, context.clock())
    action = partial(ask_for_export, export=export)
    facts = {"form": wanted.form.value, "export": str(wanted.id), **asked(filters)}
    found, earlier = await context.log.transact(action, Event.EXPORTED, caller_of(request), "ledger", facts)
    context.part(Exporter).wake()
    return Response(_view(found), status_code=HTTP_200_OK if earlier else HTTP_201_CREATED)


@get("/ledger/exports/{export_id:uuid}", opt={"action": "ledger.export"})
async def followed(request: AnyRequest, export_id: FromPath[UUID]) -> ExportView:
    """The state and the progress of an export."""
    return _view(await _own(request, export_id))


@get("/ledger/exports/{export_id:uuid}/file", opt={"action": "ledger.export"}, media_type=MEDIA_TYPES[Form.XLSX])
async def taken(request: AnyRequest, export_id: FromPath[UUID]) -> Response[Any]:
    """The file; it supports ranges like photos. 409 `export.not_made` before it is made."""
    export, store = await _own(request, export_id), context_of(request).photos
    if export.state is not ExportState.MADE or export.size is None:
        raise NotMade(state=export.state)
    content = Content(export.size, partial(store.read, made(export.id, export.form)))
    named = {"Content-Disposition": f'attachment; filename="ledger.{export.form}"'}
    return await serve(request, content, str(export.id), MEDIA_TYPES[Form(export.form)], named)


async def _own(request: AnyRequest, export_id: UUID) -> Export:
    context, person = context_of(request), person_of(request)
    return await context.database.read(partial(own_export, person=person, export_id=export_id, now=context.clock()))


def _view(export: Export) -> ExportView:
    shared = (name for name in ExportView.__struct_fields__ if name != "expires_at")
    return ExportView(**{name: getattr(export, name) for name in shared}, expires_at=export.asked_at + KEPT)


ROUTES = [ask_for, followed, taken]
