"""Routes that receive photos, by raw body or form."""

import asyncio
from collections.abc import Sequence
from functools import partial

from litestar import Response, post, put
from litestar.params import FromPath

from api.http.bodies import AnyRequest, is_form
from api.http.context import AppContext, context_of, person_of
from api.http.problems import Unparsable
from api.photos.bodies import FORM_BYTES, PHOTO_BYTES, receive_photo, received_form
from api.photos.processor import Developer
from api.photos.views import ReceivedPhoto, ReceivedPhotos
from inspections.accounts.people import Person
from inspections.errors import DigestMismatch, Invalid
from inspections.photos.actions.intake import Received, receive_photos
from inspections.photos.records import Photo, PhotoState
from storage.photos.incoming import Incoming
from storage.photos.names import original


async def checked(context: AppContext, incoming: Sequence[Incoming]) -> list[Photo]:
    """Inspects the structure of these photos; nothing is stored yet. Raises what formats.inspect raises."""
    now = context.clock()
    return await asyncio.gather(*(asyncio.to_thread(photo.described, now) for photo in incoming))


async def keep(context: AppContext, incoming: Sequence[Incoming]) -> None:
    """Stores the photos durably, in parallel. A crash between here and the commit leaves an orphan, never a loss."""
    await asyncio.gather(*(asyncio.to_thread(context.photos.keep, photo, original(photo.sha256)) for photo in incoming))


async def _received(context: AppContext, person: Person, incoming: Sequence[Incoming]) -> Received:
    arrived = await checked(context, incoming)
    await keep(context, incoming)
    action = partial(receive_photos, person=person, arrived=arrived, now=context.clock())
    result = await context.database.transact(action)
    context.part(Developer).wake()
    return result


def _answer(photo: Photo, *, known: bool) -> ReceivedPhoto:
    """The photo as its sender may see it: a new one is `received`, which hides that others sent it before."""
    state = photo.state if known else PhotoState.RECEIVED
    return ReceivedPhoto(photo.sha256, photo.size, photo.format, photo.width, photo.height, state)


@put(
    "/photos/{sha256:str}",
    opt={"action": "photo.send", "body": bytes},
    request_max_body_size=PHOTO_BYTES,
)
async def put_photo(request: AnyRequest, sha256: FromPath[str]) -> Response[ReceivedPhoto]:
    """Uploads a photo: 201 where it is new to the sender, 200 where it is known.

    The whole body is read and hashed either way: knowing a digest gives no access.
    """
    context = context_of(request)
    with context.photos.receive() as incoming:
        await receive_photo(request, incoming)
        if incoming.sha256 != sha256:
            raise DigestMismatch(sha256, incoming.sha256)
        result = await _received(context, person_of(request), [incoming])
    answer = _answer(result.photos[0], known=result.known)
    headers = {"Anxun-Photo-State": answer.state}
    return Response(answer, status_code=200 if result.known else 201, headers=headers)


@post("/photos", opt={"action": "photo.send"}, request_max_body_size=FORM_BYTES)
async def post_photos(request: AnyRequest) -> ReceivedPhotos:
    """Uploads photos by a form, as wx.uploadFile and curl send it, in one or many parts named `file` or `photo`."""
    if not is_form(request):
        raise Unparsable("请以 multipart/form-data 上传")
    context = context_of(request)
    async with received_form(request, context.photos, texts=set()) as form:
        if not form.photos:
            raise Invalid(("file", "请选择照片"))
        result = await _received(context, person_of(request), form.photos)
    return ReceivedPhotos([_answer(photo, known=result.known) for photo in result.photos])


ROUTES = [put_photo, post_photos]
