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

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from api.http.responses import FILE_HEADERS, Content, serve_content
from api.http.tables import MEDIA_TYPES, TableFormat
from api.ledger.exporter import Exporter
from api.ledger.routes import build_selection, digest_field, file_disposition, filter_facts
from api.statistics.filters import FILTERS
from inspections.accounts.security_log import Event
from inspections.errors import UnfinishedExport
from inspections.ledger.actions.exports import find_own_export, request_export
from inspections.ledger.exports import RETENTION, Export, ExportForm, ExportState
from storage.photos.names import export_name
from storage.statistics.metrics import Filters


class ExportRequest(Struct, frozen=True, forbid_unknown_fields=True):
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


@post("/ledger/exports", opt={"action": "ledger.export", "body": ExportRequest}, dependencies=FILTERS)
async def create_export(request: AnyRequest, filters: NamedDependency[Filters]) -> Response[ExportView]:
    """Requests a ledger as of the moment it is begun; the filters are those of `/ledger.csv`."""
    context = app_context(request)
    wanted: ExportRequest = await json_body(request, ExportRequest)
    person = current_person(request)
    selection = await context.database.read(lambda repository: build_selection(repository, request, filters))
    export = Export(wanted.id, person.username, wanted.form, wanted.pictures, selection, context.clock())
    action = partial(request_export, export=export)
    facts = {"form": wanted.form.value, "export": str(wanted.id), **filter_facts(filters)}
    found, earlier = await context.log.transact(action, Event.EXPORTED, current_caller(request), "ledger", facts)
    context.part(Exporter).wake()
    return Response(_export_view(found), status_code=HTTP_200_OK if earlier else HTTP_201_CREATED)


@get("/ledger/exports/{export_id:uuid}", opt={"action": "ledger.export"})
async def get_export(request: AnyRequest, export_id: FromPath[UUID]) -> ExportView:
    """The state and the progress of an export."""
    return _export_view(await _find_export(request, export_id))


@get(
    "/ledger/exports/{export_id:uuid}/file",
    opt={"action": "ledger.export", "headers": FILE_HEADERS},
    media_type=MEDIA_TYPES[TableFormat.XLSX],
)
async def download_export(request: AnyRequest, export_id: FromPath[UUID]) -> Response[Any]:
    """The file; it supports ranges like photos. 409 `export.not_made` before it is made.

    `Repr-Digest` (RFC 9530) has the digest of the whole file, also with a range.
    """
    export, store = await _find_export(request, export_id), app_context(request).photos
    if export.state is not ExportState.MADE or export.size is None:
        raise UnfinishedExport(state=export.state)
    content = Content(export.size, partial(store.read, export_name(export.id, export.form)))
    named = {"Content-Disposition": file_disposition(export.form, export.asked_at), "Anxun-Lines": str(export.done)}
    if export.digest is not None:
        named["Repr-Digest"] = digest_field(bytes.fromhex(export.digest.removeprefix("sha256:")))
    return await serve_content(request, content, str(export.id), MEDIA_TYPES[TableFormat(export.form)], named)


@get("/ledger/exports/{export_id:uuid}/proof", opt={"action": "ledger.export"}, media_type="text/plain")
async def get_export_proof(request: AnyRequest, export_id: FromPath[UUID]) -> Response[str]:
    """The digest of the file as `sha256sum --check` reads it, below a comment with the number of its lines.

    409 `export.not_made` before it is made.
    """
    export = await _find_export(request, export_id)
    if export.state is not ExportState.MADE or export.digest is None:
        raise UnfinishedExport(state=export.state)
    digest = export.digest.removeprefix("sha256:")
    return Response(f"# {export.done} 行\n{digest}  ledger.{export.form}\n", media_type="text/plain; charset=utf-8")


async def _find_export(request: AnyRequest, export_id: UUID) -> Export:
    context, person = app_context(request), current_person(request)
    return await context.database.read(
        partial(find_own_export, person=person, export_id=export_id, now=context.clock())
    )


def _export_view(export: Export) -> ExportView:
    shared = (name for name in ExportView.__struct_fields__ if name != "expires_at")
    return ExportView(**{name: getattr(export, name) for name in shared}, expires_at=export.asked_at + RETENTION)


ROUTES = [create_export, get_export, download_export, get_export_proof]
