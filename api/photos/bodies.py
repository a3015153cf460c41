"""Photos in request bodies: raw, or as parts of a form."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Any, cast

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from api.accounts.guard import is_signed_by_device
from api.http.bodies import JSON_BYTES, AnyRequest, read_chunks
from api.http.client_address import client_address
from api.http.context import app_context
from api.http.problems import BodyTooLarge, UnparsableBody
from inspections.accounts.people import Person
from inspections.errors import InvalidInput, PayloadTooLarge, Refusal, TooManyRequests
from inspections.photos.records import PHOTO_BYTES
from storage.photos.incoming import IncomingFile
from storage.photos.store import PhotoStore

MAX_PHOTOS_PER_REQUEST = 9
PHOTO_FIELDS = {"file", "photo"}
_MAX_PARTS = 64
_MAX_BOUNDARY = 70
"""The most characters of a boundary (RFC 2046, 5.1.1): the parser searches and keeps as many bytes of each chunk."""
_RETRY_AFTER_SECONDS = 2
FORM_BYTES = PHOTO_BYTES * MAX_PHOTOS_PER_REQUEST + JSON_BYTES


async def photo_chunks(request: AnyRequest) -> AsyncGenerator[bytes]:
    """Yields the body as it arrives, at most one chunk of all photos in each turn of the event loop.

    A small request therefore waits for one chunk at most.
    """
    turn = app_context(request).part(UploadConcurrency).chunk_lock
    async with aclosing(read_chunks(request)) as body:
        async for chunk in body:
            async with turn:
                await asyncio.sleep(0)
            yield chunk


class UploadConcurrency:
    """The state that limits concurrent uploads of photos.

    `chunk_lock`: held while the next chunk of a photo is taken. `uploads_by_sender`: how many uploads each sender runs.
    """

    def __init__(self) -> None:
        self.chunk_lock = asyncio.Lock()
        self.uploads_by_sender: Counter[str] = Counter()


@contextmanager
def limit_concurrent_uploads(request: AnyRequest) -> Generator[None]:
    """Counts an upload while its body is read. A sender without an account is identified by the token of their link,
    a device by its network too: anybody may name a device until the signature is verified.

    Raises TooManyRequests above the limit of the settings, so that one faulty phone leaves room for all others.
    """
    context, person = app_context(request), cast("dict[str, Any]", request.scope).get("user")
    who = person.username if isinstance(person, Person) else str(request.path_params.get("token"))
    who += f" {client_address(request)}" if is_signed_by_device(request) else ""
    if context.part(UploadConcurrency).uploads_by_sender[who] >= context.settings.uploads_at_once:
        raise TooManyRequests("同时上传的照片过多，请稍后重试", retry_after=_RETRY_AFTER_SECONDS)
    context.part(UploadConcurrency).uploads_by_sender[who] += 1
    try:
        yield
    finally:
        context.part(UploadConcurrency).uploads_by_sender[who] -= 1
        if not context.part(UploadConcurrency).uploads_by_sender[who]:
            del context.part(UploadConcurrency).uploads_by_sender[who]


class Form:
    """A multipart form: text fields, and photos in temporary files."""

    def __init__(self) -> None:
        self.texts: dict[str, bytearray] = {}
        self.photos: list[IncomingFile] = []


async def receive_photo(request: AnyRequest, photo: IncomingFile) -> None:
    """Reads the raw body into `photo`, to its end. Raises PayloadTooLarge."""
    try:
        with limit_concurrent_uploads(request):
            async for chunk in photo_chunks(request):
                photo.write(chunk)
    except BodyTooLarge:
        raise _too_large_refusal() from None


def check_size(size: int) -> None:
    """Raises PayloadTooLarge for more bytes than a photo may have."""
    if size > PHOTO_BYTES:
        raise _too_large_refusal()


def _too_large_refusal() -> Refusal:
    return PayloadTooLarge(f"照片最大 {PHOTO_BYTES // 1_000_000} MB", limit=PHOTO_BYTES)


@asynccontextmanager
async def receive_form(request: AnyRequest, store: PhotoStore, texts: set[str]) -> AsyncGenerator[Form]:
    """Reads a form as it arrives, photos straight to disk. Photos not saved within the block are deleted after it.

    Parts must be named `file`, `photo` or one of `texts`; others are refused, so that nothing sent is silently dropped.
    """
    boundary = request.content_type[1].get("boundary", "")
    if len(boundary) > _MAX_BOUNDARY:
        raise UnparsableBody(reason="multipart: boundary too long")
    async with AsyncExitStack() as stack:
        stack.enter_context(limit_concurrent_uploads(request))
        reader = _FormReader(Form(), texts, lambda: stack.enter_context(store.open_incoming_file()))
        try:
            with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
                async for chunk in photo_chunks(request):
                    for event in parser.parse(chunk):
                        reader.feed(event)
        except ParserLimitReached as error:
            raise BodyTooLarge(reason=str(error)) from None
        except MultipartError as error:
            raise UnparsableBody(reason=f"multipart: {error}") from None
        yield reader.form


class _FormReader:
    """Reads the parts of a form into its fields. Only field names are trusted, not file names or content types."""

    def __init__(self, form: Form, texts: set[str], new_photo: Callable[[], IncomingFile]) -> None:
        self.form = form
        self._allowed = texts
        self._new_photo = new_photo
        self._target: IncomingFile | bytearray = bytearray()

    def feed(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._target = self._open_part(event.name or "")
        elif event and isinstance(self._target, IncomingFile):
            check_size(self._target.size + len(event))
            self._target.write(event)
        elif event and isinstance(self._target, bytearray):
            if sum(map(len, self.form.texts.values())) + len(event) > JSON_BYTES:
                raise BodyTooLarge
            self._target += event

    def _open_part(self, name: str) -> IncomingFile | bytearray:
        if name in PHOTO_FIELDS:
            if len(self.form.photos) == MAX_PHOTOS_PER_REQUEST:
                raise InvalidInput((name, f"一次最多上传 {MAX_PHOTOS_PER_REQUEST} 张照片"))
            self.form.photos.append(self._new_photo())
            return self.form.photos[-1]
        if name not in self._allowed or name in self.form.texts:
            raise InvalidInput((name, "没有这个字段，或重复出现"))
        self.form.texts[name] = bytearray()
        return self.form.texts[name]
