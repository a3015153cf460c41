"""Statistics in the requested format; 304 or a cached response where no number has changed."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from litestar.response import Response

from api.http.bodies import AnyRequest
from api.http.context import app_context, current_person
from api.http.exchange.validators import is_known_to_client
from api.http.file_reader import file_slot
from api.http.responses import local_link
from api.http.tables import MEDIA_TYPES, Sheet, TableFormat, as_csv, as_echarts, as_xlsx, choose_format
from api.statistics.response_cache import CachedResponse, ResponseCache
from inspections.accounts.policy import Scope, scope
from inspections.calendar import shanghai_date
from inspections.errors import FileTooComplex
from storage.repository import Repository
from storage.statistics.metrics import data_version

T = TypeVar("T")
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, Accept"}
_ROWS = 10_000
"""The most rows of a table: ten times the communities of a city. A workbook of them takes 2 s and 100 MB."""
_VERSION = version("anxun")


async def statistics_response(
    request: AnyRequest,
    form: TableFormat | None,
    compute: Callable[[Repository, Scope, datetime], T],
    to_sheet: Callable[[T], Sheet],
    *,
    changes_with_time: bool = False,
) -> Response[Any]:
    """Responds with what `compute` returns within the caller's scope at this instant; `to_sheet` makes a table of it.

    `changes_with_time`: the numbers change as time passes, so the response is neither cached nor 304.

    The ETag is computed before anything is counted and changes as soon as a number may (RFC 9110, 13.1.2). It is weak:
    `as_of`, the time of counting, may differ. Workbooks are made one at a time per person, since they take a thousand
    times as long as the numbers.
    """
    context, reach = app_context(request), scope(current_person(request), "statistics.see")
    now, wanted = context.clock(), choose_format(request, form)

    def find_answer(repository: Repository) -> tuple[str, CachedResponse | T | None]:
        asked = (local_link(request, request.scope["path"]), request.scope["query_string"], wanted)
        parts = (_VERSION, reach, *asked, shanghai_date(now))
        fresh = (*parts, data_version(repository, reach, now), now if changes_with_time else None)
        tag = f'W/"{hashlib.sha256(repr(fresh).encode()).hexdigest()[:32]}"'
        if is_known_to_client(request.scope, tag):
            return tag, None
        return tag, context.part(ResponseCache).get(tag) or compute(repository, reach, now)

    tag, answer = await context.database.read(find_answer)
    headers = {**_PRIVATE, "ETag": tag}
    if answer is None:
        return Response(None, status_code=304, headers=headers)
    if isinstance(answer, CachedResponse):
        return answer.response(**headers)
    with table_slot(request, wanted):
        content = await asyncio.to_thread(_encode_answer, wanted, answer, to_sheet)
    if not changes_with_time:
        context.part(ResponseCache).add(tag, content)
    return content.response(**headers)


def table_slot(request: AnyRequest, form: TableFormat) -> AbstractContextManager[object]:
    """Takes a file slot for a workbook; other formats cost too little to need one. Raises TooManyRequests."""
    if form is not TableFormat.XLSX:
        return nullcontext()
    return file_slot(app_context(request), current_person(request).username)


def _encode_answer(form: TableFormat, answer: T, to_sheet: Callable[[T], Sheet]) -> CachedResponse:
    if form is TableFormat.JSON:
        return CachedResponse(msgspec.json.encode(answer), MEDIA_TYPES[form], {})
    return encode_sheet(form, to_sheet(answer))


def encode_sheet(form: TableFormat, sheet: Sheet) -> CachedResponse:
    """Encodes a table in any format but JSON. Raises FileTooComplex."""
    if len(sheet.rows) > _ROWS:
        raise FileTooComplex
    if form is TableFormat.ECHARTS:
        return CachedResponse(msgspec.json.encode(as_echarts(sheet)), MEDIA_TYPES[form], {})
    named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(sheet.name)}.{form}"}
    return CachedResponse(as_csv(sheet) if form is TableFormat.CSV else as_xlsx(sheet), MEDIA_TYPES[form], named)
