"""Resumable uploads by tus 1.0 (https://tus.io/protocols/resumable-upload), for phones that lose the signal.

Bytes that arrive before a connection breaks are kept, in pieces of a megabyte, each durable before its row says so.
Uploads are never locked: of two requests that append at the same offset, the slower one is told the new offset.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, delete, get, head, patch, post, route
from litestar.params import FromPath
from msgspec import Struct

from api.http.bodies import AnyRequest
from api.http.context import AppContext, app_context, current_person
from api.http.problems import (
    InterruptedBody,
    StalledTransfer,
    StalledUpload,
    WrongChecksum,
    WrongMediaType,
    WrongMethod,
    WrongVersion,
    problem_response,
)
from api.http.responses import local_link
from api.photos.bodies import check_size, limit_concurrent_uploads, photo_chunks
from api.photos.intake import inspect_photos, save_originals
from api.photos.processor import PhotoProcessor
from api.photos.tus_headers import (
    ALGORITHMS,
    APPEND_HEADERS,
    CREATION_HEADERS,
    OVERRIDE_HEADERS,
    TUS_HEADERS,
    VERSION,
    Checksum,
    check_version,
    metadata_sha256,
    number_header,
    parse_checksum,
)
from inspections.accounts.people import Person
from inspections.accounts.policy import PUBLIC
from inspections.change import Change
from inspections.errors import (
    Conflict,
    DamagedPhoto,
    DigestMismatch,
    NotFound,
    PayloadTooLarge,
    Refusal,
    UnsupportedFormat,
    WrongOffset,
)
from inspections.photos.actions.uploads import (
    add_piece,
    begin_upload,
    cancel_upload,
    complete_upload,
    discard_upload,
    get_own_upload,
)
from inspections.photos.records import PHOTO_BYTES, Photo
from inspections.photos.repository import PhotoRepository
from inspections.photos.uploads import Upload
from storage.photos import names as photo_names
from storage.photos.incoming import IncomingFile
from storage.photos.store import join_pieces, remove_pieces

PIECE_BYTES = 1_000_000
"""The most bytes of an upload that a killed server can lose; a broken connection alone loses none."""

_OCTETS = "application/offset+octet-stream"
_CAPABILITIES = {
    "Tus-Version": VERSION,
    "Tus-Extension": "creation,creation-with-upload,checksum,expiration,termination",
    "Tus-Max-Size": str(PHOTO_BYTES),
    "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
}
_PROTOCOL_HEADERS = ((b"tus-resumable", VERSION.encode()),)
"""Of every answer of these routes (tus 1.0, Tus-Resumable)."""
_NO_HEADERS: Mapping[str, str] = {}
RefusalHandler = Callable[[Request[Any, Any, Any], Refusal], Response[bytes]]


class UploadView(Struct, frozen=True):
    """An unfinished upload: `offset` of its `length` bytes have arrived. `sha256`: as the phone announced it."""

    id: UUID
    location: str
    length: int
    offset: int
    sha256: str | None
    expires_at: datetime


class UploadList(Struct, frozen=True):
    items: list[UploadView]


def refusal_response(request: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    answer = problem_response(refusal, request.scope)
    if isinstance(refusal, WrongVersion):
        answer.headers.update(_CAPABILITIES)
    return answer


@route("/", http_method=["OPTIONS"], opt={"action": PUBLIC}, status_code=204, include_in_schema=False)
async def get_capabilities() -> Response[None]:
    """Returns the tus version, extensions and limits of this server."""
    return Response(None, status_code=204, headers=_CAPABILITIES)


@post(
    "/",
    opt={"body": bytes, "takes": _OCTETS, "needs_body": False, "headers": CREATION_HEADERS},
    request_max_body_size=PHOTO_BYTES,
)
async def create_upload(request: AnyRequest) -> Response[None]:
    """Creates an upload: 201 with its address; a body, if there is one, is its first piece.

    The unfinished upload of the same photo, by the `sha256` of the metadata and the length, is given back with its
    `Upload-Offset`. The oldest of 200 unfinished uploads is removed for a new one.
    """
    check_version(request)
    context, person = app_context(request), current_person(request)
    length = number_header(request, "upload-length")
    check_size(length)
    if length == 0:
        raise DamagedPhoto("文件为空")
    metadata = request.headers.get("upload-metadata", "")
    action = partial(
        begin_upload,
        person=person,
        length=length,
        promised=metadata_sha256(metadata),
        metadata=metadata,
        now=context.clock(),
    )
    with limit_concurrent_uploads(request):
        upload, replaced = await context.database.transact(action)
        for each in replaced:
            await asyncio.to_thread(remove_pieces, context.photos, each.pieces)
        if request.headers.get("content-type") == _OCTETS:
            upload = await _append_body(request, upload, known=upload.offset)
    path = f"{request.scope['path'].rstrip('/')}/{upload.id}"
    return _upload_response(upload, 201, {"Location": local_link(request, path)})


@get("/")
async def list_uploads(request: AnyRequest) -> UploadList:
    """Lists one's own unfinished uploads, the oldest first, so that a phone can go on with them or cancel them."""
    context, person = app_context(request), current_person(request)
    found = await context.database.read(lambda repository: repository.open_uploads(person.username, context.clock()))
    folder = request.scope["path"].rstrip("/")
    return UploadList(
        [
            UploadView(each.id, local_link(request, f"{folder}/{each.id}"), each.length, each.offset, each.promised,
                       each.expires_at)
            for each in found
        ]
    )  # fmt: skip


@patch(
    "/{upload_id:uuid}",
    opt={"body": bytes, "takes": _OCTETS, "headers": APPEND_HEADERS},
    status_code=204,
    request_max_body_size=PHOTO_BYTES,
)
async def append_to_upload(request: AnyRequest, upload_id: FromPath[UUID]) -> Response[None]:
    """Appends to an upload: 204 with its offset; for the last piece `Anxun-Photo`, or 422 and the upload is deleted."""
    return await _append_to_upload(request, upload_id)


@head("/{upload_id:uuid}", opt={"headers": TUS_HEADERS})
async def get_upload_offset(request: AnyRequest, upload_id: FromPath[UUID]) -> Response[None]:
    """Returns how many bytes of an upload have arrived, as `Upload-Offset`."""
    return await _offset_response(request, upload_id)


@delete("/{upload_id:uuid}", opt={"headers": TUS_HEADERS}, status_code=204)
async def terminate_upload(request: AnyRequest, upload_id: FromPath[UUID]) -> Response[None]:
    """Cancels an upload and removes its pieces."""
    return await _terminate_upload(request, upload_id)


@post(
    "/{upload_id:uuid}",
    opt={"body": bytes, "takes": _OCTETS, "needs_body": False, "headers": OVERRIDE_HEADERS},
    status_code=204,
    request_max_body_size=PHOTO_BYTES,
)
async def override_method(request: AnyRequest, upload_id: FromPath[UUID]) -> Response[None]:
    """Runs the method named by `X-HTTP-Method-Override`: mini-programs have no PATCH."""
    meant = {"PATCH": _append_to_upload, "HEAD": _offset_response, "DELETE": _terminate_upload}
    method = request.headers.get("x-http-method-override", "").upper()
    if method not in meant:
        raise WrongMethod
    return await meant[method](request, upload_id)


async def _append_to_upload(request: AnyRequest, upload_id: UUID) -> Response[None]:
    upload = await _get_own_upload(request, upload_id)
    if request.headers.get("content-type") != _OCTETS:
        raise WrongMediaType
    offset = number_header(request, "upload-offset")
    if offset != upload.offset:
        raise WrongOffset(offset, upload.offset)
    with limit_concurrent_uploads(request):
        return _upload_response(await _append_body(request, upload), 204)


async def _offset_response(request: AnyRequest, upload_id: UUID) -> Response[None]:
    upload = await _get_own_upload(request, upload_id)
    headers = {"Upload-Length": str(upload.length)}
    return _upload_response(upload, 200, headers | ({"Upload-Metadata": upload.metadata} if upload.metadata else {}))


async def _terminate_upload(request: AnyRequest, upload_id: UUID) -> Response[None]:
    upload = await _get_own_upload(request, upload_id)
    context = app_context(request)
    action = partial(cancel_upload, person=current_person(request), upload_id=upload_id, now=context.clock())
    await _delete_upload(context, upload, action)
    return Response(None, status_code=204)


async def _get_own_upload(request: AnyRequest, upload_id: UUID) -> Upload:
    check_version(request)
    context = app_context(request)
    ask = partial(get_own_upload, person=current_person(request), upload_id=upload_id, now=context.clock())
    return await context.database.read(ask)


def _upload_response(upload: Upload, status: int, more: Mapping[str, str] = _NO_HEADERS) -> Response[None]:
    headers = {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": format_datetime(upload.expires_at, usegmt=True),
        **({"Anxun-Photo": upload.photo} if upload.photo else {}),
        **more,
    }
    return Response(None, status_code=status, headers=headers)


# reading the body -----------------------------------------------------------------------------------------------


async def _append_body(request: AnyRequest, upload: Upload, known: int = 0) -> Upload:
    """Appends the body, piece by piece, and saves what arrived before it broke off.

    `known`: the first bytes of the body that are stored already.
    Raises InterruptedBody or StalledUpload for a broken body, and whatever the last piece reveals about the photo.
    """
    context, person = app_context(request), current_person(request)
    checksum = parse_checksum(request)
    async with aclosing(_skip_bytes(photo_chunks(request), known, checksum)) as body:
        while True:
            with context.photos.open_incoming_file() as piece:
                try:
                    ended = await _fill_piece(piece, body, upload.length - upload.offset, checksum)
                except (InterruptedBody, StalledTransfer) as broken:
                    if checksum is None:
                        await _save_piece(context, person, upload, piece)
                    raise StalledUpload if isinstance(broken, StalledTransfer) else broken from None
                upload = await _save_piece(context, person, upload, piece)
            if ended:
                return upload


async def _skip_bytes(body: AsyncGenerator[bytes], known: int, checksum: Checksum | None) -> AsyncGenerator[bytes]:
    """Yields the body without its first `known` bytes, which only its checksum covers."""
    async with aclosing(body):
        async for chunk in body:
            skipped, rest = chunk[:known], chunk[known:]
            known -= len(skipped)
            if checksum is not None:
                checksum.hasher.update(skipped)
            if rest:
                yield rest


async def _fill_piece(piece: IncomingFile, body: AsyncGenerator[bytes], room: int, checksum: Checksum | None) -> bool:
    """Fills a piece; returns whether the body has ended. A body with a checksum is one piece, saved once checked.

    Raises PayloadTooLarge beyond the declared length, WrongChecksum.
    """
    async for chunk in body:
        piece.write(chunk)
        if piece.size > room:
            raise PayloadTooLarge("内容超过了声明的长度", limit=room)
        if checksum is None and PIECE_BYTES <= piece.size < room:
            return False
        if checksum is not None:
            checksum.hasher.update(chunk)
    if checksum is not None and checksum.hasher.digest() != checksum.expected:
        raise WrongChecksum
    return True


async def _save_piece(context: AppContext, person: Person, upload: Upload, piece: IncomingFile) -> Upload:
    if upload.offset + piece.size == upload.length:
        return await _complete_photo(context, person, upload, piece)
    if not piece.size:
        return upload
    name = photo_names.piece_name(upload.id)
    await asyncio.to_thread(context.photos.save, piece, name)
    action = partial(add_piece, person=person, before=upload, piece=name, size=piece.size, now=context.clock())
    try:
        return await context.database.transact(action)
    except (Conflict, NotFound):  # lost a race or cancelled; other errors may come after the commit
        await asyncio.to_thread(context.photos.remove, name)
        raise


async def _complete_photo(context: AppContext, person: Person, upload: Upload, last: IncomingFile) -> Upload:
    """Assembles the photo and completes the upload. An upload that can never become a photo is deleted.

    Where another request has completed it meanwhile, its pieces are gone: that raises WrongOffset, and deletes nothing.
    """
    if upload.photo:
        return upload
    try:
        photo = await _assemble_photo(context, upload, last)
        action = partial(complete_upload, person=person, before=upload, photo=photo, now=context.clock())
        done = await context.database.transact(action)
    except (DamagedPhoto, UnsupportedFormat, PayloadTooLarge, DigestMismatch, NotFound):
        await _delete_upload(
            context, upload, partial(discard_upload, person=person, before=upload, now=context.clock())
        )
        raise
    context.part(PhotoProcessor).wake()
    await asyncio.to_thread(remove_pieces, context.photos, upload.pieces)
    return done


async def _assemble_photo(context: AppContext, upload: Upload, last: IncomingFile) -> Photo:
    """Joins the pieces to a stored photo. Raises DigestMismatch, what formats.inspect raises, NotFound (a piece)."""
    with context.photos.open_incoming_file() as whole:
        await asyncio.to_thread(join_pieces, context.photos, upload.pieces, last, whole)
        if upload.promised not in {None, whole.sha256}:
            raise DigestMismatch(str(upload.promised), whole.sha256)
        (photo,) = await inspect_photos(context, [whole])
        await save_originals(context, [whole])
        return photo


async def _delete_upload(
    context: AppContext, upload: Upload, action: Callable[[PhotoRepository], Change[Upload]]
) -> None:
    with suppress(NotFound):  # ended by another request
        upload = await context.database.transact(action)
    await asyncio.to_thread(remove_pieces, context.photos, upload.pieces)


def tus_router(
    path: str,
    action: str,
    on_refusal: RefusalHandler = refusal_response,
    headers: Mapping[str, str] = _NO_HEADERS,
    **more: Any,
) -> Router:
    """A router of the protocol under `path`. `action`: the permission it requires; `on_refusal`: answers a refusal."""
    return Router(
        path,
        route_handlers=[
            get_capabilities,
            list_uploads,
            create_upload,
            append_to_upload,
            get_upload_offset,
            terminate_upload,
            override_method,
        ],
        exception_handlers={Refusal: on_refusal},
        opt={"action": action, "answer_headers": _PROTOCOL_HEADERS},
        response_headers=headers,
        **more,
    )


ROUTES = [tus_router("/uploads", "photo.send")]
