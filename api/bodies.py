"""Bodies: JSON into Structs, multipart into fields and files; whatever is wrong with them is a 400 or a 422."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import ClientException
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)

from api.problems import BodyTooLarge, Unparsable, invalid_field
from inspections.errors import Invalid, Refusal, TooLarge
from storage.photo_store import Incoming, PhotoStore

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]

JSON_BYTES = 1_000_000
PHOTO_BYTES = 20_000_000
PHOTOS_AT_ONCE = 9
FORM_BYTES = PHOTO_BYTES * PHOTOS_AT_ONCE + JSON_BYTES


def decoded(raw: bytes | str, kind: type[T] | Any) -> Any:
    """The body as `kind`. Raises Unparsable (400) for what is no JSON, Invalid (422) for what does not fit."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid(invalid_field(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unparsable(str(error)) from None


async def json_body(request: AnyRequest, kind: type[T] | Any) -> Any:
    return decoded(await request.body(), kind)


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
        async for chunk in request.stream():
            photo.write(chunk)
    except ClientException as error:
        raise _too_large() from error


def _too_large() -> Refusal:
    return TooLarge(f"照片最大 {PHOTO_BYTES // 1_000_000} MB", limit=PHOTO_BYTES)


@asynccontextmanager
async def received_form(request: AnyRequest, store: PhotoStore, files: set[str]) -> AsyncGenerator[Form]:
    """Reads a form as it comes, parts named in `files` straight to disk. What is not kept in the block is removed."""
    _, options = request.content_type
    async with AsyncExitStack() as stack:
        form = Form()
        try:
            with PushMultipartParser(
                options.get("boundary", ""), max_segment_count=64, max_segment_size=PHOTO_BYTES
            ) as parser:
                into: Incoming | bytearray | None = None
                async for chunk in request.stream():
                    for event in parser.parse(chunk):
                        if isinstance(event, MultipartSegment):
                            into = _opened(event, form, stack, store, files)
                        elif event:
                            _append(into, event)
        except ParserLimitReached:
            raise _too_large() from None
        except ClientException as error:
            raise BodyTooLarge from error
        except MultipartError as error:
            raise Unparsable(f"multipart: {error}") from None
        yield form


def _opened(
    segment: MultipartSegment, form: Form, stack: AsyncExitStack, store: PhotoStore, files: set[str]
) -> Incoming | bytearray:
    """Where this part's bytes go. Its file name and content type are not believed, only its field name."""
    if segment.name is None:
        raise Unparsable("multipart: 有一部分没有名称")
    if segment.name in files:
        if len(form.photos) == PHOTOS_AT_ONCE:
            raise Invalid((segment.name, f"一次最多上传 {PHOTOS_AT_ONCE} 张照片"))
        form.photos.append(stack.enter_context(store.receive()))
        return form.photos[-1]
    return form.texts.setdefault(segment.name, bytearray())


def _append(into: Incoming | bytearray | None, data: bytes | bytearray) -> None:
    if isinstance(into, Incoming):
        into.write(bytes(data))
    elif into is not None:
        if len(into) + len(data) > JSON_BYTES:
            raise BodyTooLarge
        into.extend(data)
