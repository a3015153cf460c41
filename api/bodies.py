"""Bodies: JSON into Structs, multipart into fields and files; whatever is wrong with them is a 400 or a 422."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from datetime import date, datetime
from typing import Any, TypeVar, cast

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, HTTPException
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)

from api.house import house
from api.problems import BodyTooLarge, Interrupted, Stalled, Unparsable, invalid_field
from inspections.calendar import YEARS
from inspections.errors import Invalid, Refusal, TooLarge, TooMany
from inspections.people import Person
from storage.incoming import Incoming
from storage.photo_store import PhotoStore

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]

JSON_BYTES = 1_000_000
PHOTO_BYTES = 20_000_000
PHOTOS_AT_ONCE = 9
PHOTO_FIELDS = {"file", "photo"}
STALL_SECONDS = 15.0
"""One bar of signal is slow, not hostile: a body may take long, but not stand still."""
SLOW_SECONDS = 60.0
SLOWEST_BYTES = 256
"""In a second: less than any network of phones. Who sends less for a minute holds a connection for nothing."""
_PARTS = 64
_SOON_SECONDS = 2
FORM_BYTES = PHOTO_BYTES * PHOTOS_AT_ONCE + JSON_BYTES


_NUL = b"\\u0000"


def decoded(raw: bytes | bytearray, kind: type[T] | Any) -> Any:
    """The body as `kind`. Raises Unparsable (400) for what is no JSON, Invalid (422) for what does not fit."""
    try:
        found = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid(invalid_field(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unparsable(reason=str(error)) from None
    if _NUL in raw:  # no text that PostgreSQL can keep, whichever field it is in
        raise Unparsable(reason="NUL")
    return found


async def chunks(request: AnyRequest) -> AsyncGenerator[bytes]:
    """The body as it comes. Raises Stalled without progress, Interrupted where it breaks off, BodyTooLarge.

    Waiting uses up a minute's patience, bytes restore it; what we do ourselves between two pieces costs none.
    """
    stream, now = request.stream(), asyncio.get_running_loop().time
    patience = SLOW_SECONDS
    while True:
        waits_since = now()
        try:
            async with asyncio.timeout(min(STALL_SECONDS, patience)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Stalled from None
        except ClientException:
            raise BodyTooLarge from None
        except HTTPException:
            raise Interrupted from None
        patience = min(SLOW_SECONDS, patience - (now() - waits_since) + len(chunk) / SLOWEST_BYTES)
        yield chunk


async def photo_chunks(request: AnyRequest) -> AsyncGenerator[bytes]:
    """The body as it comes, one piece of all photos in each turn of the loop: a small request waits for one at most."""
    turn = house(request).turn
    async with aclosing(chunks(request)) as body:
        async for chunk in body:
            async with turn:
                await asyncio.sleep(0)
            yield chunk


@contextmanager
def sending(request: AnyRequest) -> Generator[None]:
    """One of the bodies with photos that somebody sends at once; who has no account is known by their link.

    Raises TooMany for more than the settings allow: so that one phone gone wild leaves room to all the others.
    """
    home, person = house(request), cast("dict[str, Any]", request.scope).get("user")
    who = person.username if isinstance(person, Person) else str(request.path_params.get("token"))
    if home.sending[who] >= home.settings.uploads_at_once:
        raise TooMany("同时上传的照片过多，请稍后重试", retry_after=_SOON_SECONDS)
    home.sending[who] += 1
    try:
        yield
    finally:
        home.sending[who] -= 1
        if not home.sending[who]:
            del home.sending[who]


async def json_body(request: AnyRequest, kind: type[T] | Any) -> Any:
    raw = bytearray()
    async for chunk in chunks(request):
        raw += chunk
        if len(raw) > JSON_BYTES:
            raise BodyTooLarge
    return decoded(raw, kind)


class Form:
    """A multipart form: text fields, and photos that wait beside the store."""

    def __init__(self) -> None:
        self.texts: dict[str, bytearray] = {}
        self.photos: list[Incoming] = []


def is_form(request: AnyRequest) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def receive_photo(request: AnyRequest, photo: Incoming) -> None:
    """The raw body into `photo`, read to its end. Raises TooLarge."""
    try:
        with sending(request):
            async for chunk in photo_chunks(request):
                photo.write(chunk)
    except BodyTooLarge:
        raise _too_large() from None


def check_size(size: int) -> None:
    """Raises TooLarge."""
    if size > PHOTO_BYTES:
        raise _too_large()


def _too_large() -> Refusal:
    return TooLarge(f"照片最大 {PHOTO_BYTES // 1_000_000} MB", limit=PHOTO_BYTES)


@asynccontextmanager
async def received_form(request: AnyRequest, store: PhotoStore, texts: set[str]) -> AsyncGenerator[Form]:
    """Reads a form as it comes, photos straight to disk. What is not kept in the block is removed after it.

    Parts are named `file` or `photo`, or one of `texts`; any other is refused: nothing that was sent is dropped.
    """
    _, options = request.content_type
    async with AsyncExitStack() as stack:
        stack.enter_context(sending(request))
        reader = _FormReader(Form(), texts, lambda: stack.enter_context(store.receive()))
        try:
            with PushMultipartParser(options.get("boundary", ""), max_segment_count=_PARTS) as parser:
                async for chunk in photo_chunks(request):
                    for event in parser.parse(chunk):
                        reader.take(event)
        except ParserLimitReached as error:
            raise BodyTooLarge(reason=str(error)) from None
        except MultipartError as error:
            raise Unparsable(reason=f"multipart: {error}") from None
        yield reader.form


class _FormReader:
    """Puts each part of a form where it belongs. File names and content types are not believed, only field names."""

    def __init__(self, form: Form, texts: set[str], new_photo: Callable[[], Incoming]) -> None:
        self.form = form
        self._allowed = texts
        self._new_photo = new_photo
        self._into: Incoming | bytearray = bytearray()

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._into = self._opened(event.name or "")
        elif event and isinstance(self._into, Incoming):
            check_size(self._into.size + len(event))
            self._into.write(event)
        elif event and isinstance(self._into, bytearray):
            if sum(map(len, self.form.texts.values())) + len(event) > JSON_BYTES:
                raise BodyTooLarge
            self._into += event

    def _opened(self, name: str) -> Incoming | bytearray:
        if name in PHOTO_FIELDS:
            if len(self.form.photos) == PHOTOS_AT_ONCE:
                raise Invalid((name, f"一次最多上传 {PHOTOS_AT_ONCE} 张照片"))
            self.form.photos.append(self._new_photo())
            return self.form.photos[-1]
        if name not in self._allowed or name in self.form.texts:
            raise Invalid((name, "没有这个字段，或重复出现"))
        self.form.texts[name] = bytearray()
        return self.form.texts[name]


def check_moments(**moments: date | None) -> None:
    """Raises Invalid for a time without a zone, and for a day that no calendar here holds."""
    errors: list[tuple[str, str]] = []
    for name, moment in moments.items():
        if isinstance(moment, datetime) and moment.tzinfo is None:
            errors.append((name, "须带时区，如 2026-11-23T09:00:00+08:00"))
        elif moment is not None and moment.year not in YEARS:
            errors.append((name, "时间超出范围"))
    if errors:
        raise Invalid(*errors)
