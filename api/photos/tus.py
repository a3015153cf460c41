"""Resumable uploads by tus 1.0 (https://tus.io/protocols/resumable-upload), for phones that lose the signal.

Bytes that arrive before a connection breaks are kept, in pieces of a megabyte, each durable before its row says so.
Uploads are never locked: of two requests that append at the same offset, the slower one is told the new offset.
"""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from email.utils import format_datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from litestar import Request, Response, Router, delete, head, patch, post, route
from litestar.params import FromPath

from api.http.bodies import AnyRequest
from api.http.context import AppContext, app_context, current_person
from api.http.problems import (
    BodyTooLarge,
    InterruptedBody,
    StalledTransfer,
    StalledUpload,
    UnparsableBody,
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

VERSION = "1.0.0"
PIECE_BYTES = 1_000_000
"""The most bytes of an upload that a killed server can lose; a broken connection alone loses none."""

_OCTETS = "application/offset+octet-stream"
_ALGORITHMS = ("sha1", "sha256", "md5")
_METADATA_BYTES = 4096
_DIGITS = re.compile(r"\d{1,15}\Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_CAPABILITIES = {
    "Tus-Version": VERSION,
    "Tus-Extension": "creation,creation-with-upload,checksum,expiration,termination",
    "Tus-Max-Size": str(PHOTO_BYTES),
    "Tus-Checksum-Algorithm": ",".join(_ALGORITHMS),
}
_NO_HEADERS: Mapping[str, str] = {}
RefusalHandler = Callable[[Request[Any, Any, Any], Refusal], Response[bytes]]


class _Checksum(NamedTuple):
    """The hasher of a body, and the digest that the body must have."""

    hasher: Any
    expected: bytes


def refusal_response(_: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    answer = problem_response(refusal)
    answer.headers.update({"Tus-Resumable": VERSION, **(_CAPABILITIES if isinstance(refusal, WrongVersion) else {})})
    return answer


@route("/", http_method=["OPTIONS"], opt={"action": PUBLIC}, status_code=204, include_in_schema=False)
async def get_capabilities() -> Response[None]:
    """Returns the tus version, extensions and limits of this server."""
    return Response(None, status_code=204, headers={**_CAPABILITIES, "Tus-Resumable": VERSION})


@post("/", opt={"body": bytes}, request_max_body_size=PHOTO_BYTES)
async def create_upload(request: AnyRequest) -> Response[None]:
    """Creates an upload: 201 with its address; a body, if there is one, is its first piece."""
    _check_version(request)
    context, person = app_context(request), current_person(request)
    length = _number_header(request, "upload-length")
    check_size(length)
    if length == 0:
        raise DamagedPhoto("文件为空")
    metadata = request.headers.get("upload-metadata", "")
    action = partial(
        begin_upload,
        person=person,
        length=length,
        promised=_metadata_sha256(metadata),
        metadata=metadata,
        now=context.clock(),
    )
    with limit_concurrent_uploads(request):
        upload = await context.database.transact(action)
        if request.headers.get("content-type") == _OCTETS:
            upload = await _append_body(request, upload)
    path = f"{request.scope['path'].rstrip('/')}/{upload.id}"
    return _upload_response(upload, 201, {"Location": local_link(request, path)})


@patch("/{upload_id:uuid}", opt={"body": bytes}, request_max_body_size=PHOTO_BYTES)
async def append_to_upload(request: AnyRequest, upload_id: FromPath[UUID]) -> Response[None]:
    """Appends to an upload: 204 with its offset; for the last piece `Anxun-Photo`, or 422 and the upload is deleted."""
    return await _append_to_upload(request, upload_id)


@head("/{upload_id:uuid}")
async def get_upload_offset(request: AnyRequest, upload_id: FromPath[UUID]) -> Response[None]:
    return await _offset_response(request, upload_id)


@delete("/{upload_id:uuid}", status_code=204)
async def terminate_upload(request: AnyRequest, upload_id: FromPath[UUID]) -> Response[None]:
    return await _terminate_upload(request, upload_id)


@post("/{upload_id:uuid}", opt={"body": bytes}, request_max_body_size=PHOTO_BYTES)
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
    offset = _number_header(request, "upload-offset")
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
    return Response(None, status_code=204, headers={"Tus-Resumable": VERSION})


async def _get_own_upload(request: AnyRequest, upload_id: UUID) -> Upload:
    _check_version(request)
    context = app_context(request)
    ask = partial(get_own_upload, person=current_person(request), upload_id=upload_id, now=context.clock())
    return await context.database.read(ask)


def _upload_response(upload: Upload, status: int, more: Mapping[str, str] = _NO_HEADERS) -> Response[None]:
    headers = {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": format_datetime(upload.expires_at, usegmt=True),
        **({"Anxun-Photo": upload.photo} if upload.photo else {}),
        **more,
    }
    return Response(None, status_code=status, headers=headers)


# reading the body -----------------------------------------------------------------------------------------------


async def _append_body(request: AnyRequest, upload: Upload) -> Upload:
    """Appends the body, piece by piece, and saves what arrived before it broke off.

    Raises InterruptedBody or StalledUpload for a broken body, and whatever the last piece reveals about the photo.
    """
    context, person = app_context(request), current_person(request)
    checksum = _parse_checksum(request)
    async with aclosing(photo_chunks(request)) as body:
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


async def _fill_piece(piece: IncomingFile, body: AsyncGenerator[bytes], room: int, checksum: _Checksum | None) -> bool:
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


# headers -------------------------------------------------------------------------------------------------------


def _check_version(request: AnyRequest) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise WrongVersion


def _number_header(request: AnyRequest, header: str) -> int:
    if not (found := _DIGITS.match(request.headers.get(header, ""))):
        raise UnparsableBody(f"缺少请求头 {header}，或不是数字")
    return int(found.group())


def _metadata_sha256(metadata: str) -> str | None:
    """The sha-256 in the metadata (`key base64,key base64 …`); None where the client announced none."""
    if len(metadata) > _METADATA_BYTES:
        raise BodyTooLarge(limit=_METADATA_BYTES)
    values: dict[str, str] = {}
    for pair in filter(None, metadata.split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            values[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise UnparsableBody("请求头 upload-metadata 无法解析") from None
    promised = values.get("sha256")
    if promised is not None and not _DIGEST.match(promised):
        raise UnparsableBody("请求头 upload-metadata 中的 sha256 无法解析")
    return promised


def _parse_checksum(request: AnyRequest) -> _Checksum | None:
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    algorithm, _, value = header.partition(" ")
    if algorithm not in _ALGORITHMS:
        raise UnparsableBody(f"校验算法须为 {'、'.join(_ALGORITHMS)} 之一")
    try:
        promised = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise UnparsableBody("请求头 upload-checksum 无法解析") from None
    return _Checksum(hashlib.new(algorithm, usedforsecurity=False), promised)


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
            create_upload,
            append_to_upload,
            get_upload_offset,
            terminate_upload,
            override_method,
        ],
        exception_handlers={Refusal: on_refusal},
        opt={"action": action},
        response_headers=headers,
        **more,
    )


ROUTES = [tus_router("/uploads", "photo.send")]
