"""Photos come in, by raw body or form."""

import asyncio
from collections.abc import Sequence
from functools import partial

from litestar import Response, post, put
from litestar.params import FromPath

from api.bodies import FORM_BYTES, PHOTO_BYTES, AnyRequest, is_form, receive_photo, received_form
from api.house import House, house, person_of
from api.problems import Unparsable
from api.schemas import ReceivedPhoto, ReceivedPhotos
from inspections.actions.photos import Received, receive_photos
from inspections.errors import DigestMismatch, Invalid
from inspections.hazards import Photo, PhotoState
from inspections.people import Person
from storage.incoming import Incoming
from storage.photo_names import original


async def checked(home: House, incoming: Sequence[Incoming]) -> list[Photo]:
    """What these bytes are, by their structure. Raises what formats.inspect raises; nothing is kept yet."""
    now = home.clock()
    return await asyncio.gather(*(asyncio.to_thread(photo.described, now) for photo in incoming))


async def keep(home: House, incoming: Sequence[Incoming]) -> None:
    """Makes them durable, side by side. From here to the commit a crash leaves an orphan, never a loss."""
    await asyncio.gather(*(asyncio.to_thread(home.photos.keep, photo, original(photo.sha256)) for photo in incoming))


async def _received(home: House, person: Person, incoming: Sequence[Incoming]) -> Received:
    arrived = await checked(home, incoming)
    await keep(home, incoming)
    action = partial(receive_photos, person=person, arrived=arrived, now=home.clock())
    result = await home.database.transact(action)
    home.developer.wake()
    return result


def _answer(photo: Photo, *, known: bool) -> ReceivedPhoto:
    """What is new to the sender has just been received, for them: that others sent the same is not theirs to know."""
    state = photo.state if known else PhotoState.RECEIVED
    return ReceivedPhoto(photo.sha256, photo.size, photo.format, photo.width, photo.height, state)


@put(
    "/photos/{sha256:str}",
    opt={"action": "photo.send", "body": bytes},
    request_max_body_size=PHOTO_BYTES,
)
async def put_photo(request: AnyRequest, sha256: FromPath[str]) -> Response[ReceivedPhoto]:
    """201 new to the sender, 200 known; the whole body is read and hashed either way: a digest is no key."""
    home = house(request)
    with home.photos.receive() as incoming:
        await receive_photo(request, incoming)
        if incoming.sha256 != sha256:
            raise DigestMismatch(sha256, incoming.sha256)
        result = await _received(home, person_of(request), [incoming])
    answer = _answer(result.photos[0], known=result.known)
    headers = {"Anxun-Photo-State": answer.state}
    return Response(answer, status_code=200 if result.known else 201, headers=headers)


@post("/photos", opt={"action": "photo.send"}, request_max_body_size=FORM_BYTES)
async def post_photos(request: AnyRequest) -> ReceivedPhotos:
    """A form as wx.uploadFile and curl send it, with one or many parts named `file` or `photo`."""
    if not is_form(request):
        raise Unparsable("请以 multipart/form-data 上传")
    home = house(request)
    async with received_form(request, home.photos, texts=set()) as form:
        if not form.photos:
            raise Invalid(("file", "请选择照片"))
        result = await _received(home, person_of(request), form.photos)
    return ReceivedPhotos([_answer(photo, known=result.known) for photo in result.photos])


ROUTES = [put_photo, post_photos]
