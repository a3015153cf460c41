"""Routes that receive photos, by raw body or form."""

import asyncio
from collections.abc import Sequence
from functools import partial

from litestar import Response, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_201_CREATED

from api.accounts.guard import DeviceSenderResolver, is_signed_by_device
from api.http.bodies import AnyRequest, is_form
from api.http.context import AppContext, app_context, current_person
from api.http.problems import UnparsableBody
from api.photos.bodies import FORM_BYTES, receive_form, receive_photo
from api.photos.processor import PhotoProcessor
from api.photos.views import ReceivedPhoto, ReceivedPhotos
from inspections.accounts.people import Person
from inspections.errors import DigestMismatch, InvalidInput
from inspections.photos.actions.intake import IntakeResult, receive_photos
from inspections.photos.records import PHOTO_BYTES, Photo, PhotoState
from storage.photos.incoming import IncomingFile
from storage.photos.names import original_name


async def inspect_photos(context: AppContext, incoming: Sequence[IncomingFile]) -> list[Photo]:
    """Inspects the structure of these photos; nothing is stored yet. Raises what formats.inspect raises."""
    now = context.clock()
    return await asyncio.gather(*(asyncio.to_thread(photo.inspect_photo, now) for photo in incoming))


async def save_originals(context: AppContext, incoming: Sequence[IncomingFile]) -> None:
    """Stores the photos durably, in parallel. A crash between here and the commit leaves an orphan, never a loss."""
    await asyncio.gather(
        *(asyncio.to_thread(context.photos.save, photo, original_name(photo.sha256)) for photo in incoming)
    )


async def _store_photos(context: AppContext, person: Person, incoming: Sequence[IncomingFile]) -> IntakeResult:
    arrived = await inspect_photos(context, incoming)
    await save_originals(context, incoming)
    action = partial(receive_photos, person=person, arrived=arrived, now=context.clock())
    result = await context.database.transact(action)
    context.part(PhotoProcessor).wake()
    return result


def _received_photo_view(photo: Photo, *, known: bool) -> ReceivedPhoto:
    """The photo as its sender may see it: a new one is `received`, which hides that others sent it before."""
    state = photo.state if known else PhotoState.RECEIVED
    return ReceivedPhoto(photo.sha256, photo.size, photo.format, photo.width, photo.height, state)


@put(
    "/photos/{sha256:str}",
    opt={"action": "photo.send", "body": bytes, "by_device": True},
    status_code=HTTP_201_CREATED,
    request_max_body_size=PHOTO_BYTES,
)
async def upload_photo(request: AnyRequest, sha256: FromPath[str]) -> Response[ReceivedPhoto]:
    """Uploads a photo: 201 where it is new to the sender, 200 where it is known.

    The whole body is read and hashed either way: knowing a digest gives no access. A camera uploads with the three
    headers of `POST /alerts` instead of a token, and names the digest in its alert.
    """
    context = app_context(request)
    with context.photos.open_incoming_file() as incoming:
        await receive_photo(request, incoming)
        if incoming.sha256 != sha256:
            raise DigestMismatch(sha256, incoming.sha256)
        if is_signed_by_device(request):
            await context.part(DeviceSenderResolver).verify_body(request, incoming.chunks())
        result = await _store_photos(context, current_person(request), [incoming])
    answer = _received_photo_view(result.photos[0], known=result.known)
    headers = {"Anxun-Photo-State": answer.state}
    return Response(answer, status_code=200 if result.known else 201, headers=headers)


@post("/photos", opt={"action": "photo.send"}, request_max_body_size=FORM_BYTES)
async def upload_photos(request: AnyRequest) -> ReceivedPhotos:
    """Uploads photos by a form, as wx.uploadFile and curl send it, in one or many parts named `file` or `photo`."""
    if not is_form(request):
        raise UnparsableBody("请以 multipart/form-data 上传")
    context = app_context(request)
    async with receive_form(request, context.photos, texts=set()) as form:
        if not form.photos:
            raise InvalidInput(("file", "请选择照片"))
        result = await _store_photos(context, current_person(request), form.photos)
    return ReceivedPhotos([_received_photo_view(photo, known=result.known) for photo in result.photos])


ROUTES = [upload_photo, upload_photos]
