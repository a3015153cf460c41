"""Statistics in the requested format; 304 or a cached response where no number has changed."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from litestar.response import Response

from api.http.bodies import AnyRequest
from api.http.context import context_of, person_of
from api.http.file_reader import one_of_few
from api.http.tables import MEDIA_TYPES, Form, Sheet, as_csv, as_echarts, as_xlsx, form_of
from api.statistics.response_cache import Answers, Said
from inspections.accounts.policy import Scope, scope
from inspections.calendar import shanghai_date
from inspections.errors import TooCostly
from storage.repository import Repository
from storage.statistics.metrics import stamp

T = TypeVar("T")
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, Accept"}
_ROWS = 10_000
"""The most rows of a table: ten times the communities of a city. A workbook of them takes 2 s and 100 MB."""
_VERSION = version("anxun")


async def figures(
    request: AnyRequest,
    form: Form | None,
    ask: Callable[[Repository, Scope, datetime], T],
    sheet: Callable[[T], Sheet],
    *,
    timed: bool = False,
) -> Response[Any]:
    """Responds with what `compute` returns within the caller's scope at this instant; `to_sheet` makes a table of it.

    `changes_with_time`: the numbers change as time passes, so the response is neither cached nor 304.

    The ETag is computed before anything is counted and changes as soon as a number may (RFC 9110, 13.1.2). It is weak:
    `as_of`, the time of counting, may differ. Workbooks are made one at a time per person, since they take a thousand
    times as long as the numbers.
    """
    context, reach = context_of(request), scope(person_of(request), "statistics.see")
    now, wanted = context.clock(), form_of(request, form)

    def found(repository: Repository) -> tuple[str, Said | T | None]:
        parts = (_VERSION, reach, request.url.path, request.url.query, wanted, shanghai_date(now))
        fresh = (*parts, stamp(repository, reach, now), now if timed else None)
        tag = f'W/"{hashlib.sha256(repr(fresh).encode()).hexdigest()[:32]}"'
        if tag in request.headers.get("if-none-match", ""):
            return tag, None
        return tag, context.part(Answers).get(tag) or ask(repository, reach, now)

    tag, answer = await context.database.read(found)
    headers = {**_PRIVATE, "ETag": tag}
    if answer is None:
        return Response(None, status_code=304, headers=headers)
    if isinstance(answer, Said):
        return answer.response(**headers)
    with one_of_few(context, person_of(request).username) if wanted is Form.XLSX else nullcontext():
        said = await asyncio.to_thread(_said, wanted, answer, sheet)
    if not timed:
        context.part(Answers).keep(tag, said)
    return said.response(**headers)


def _said(form: Form, answer: T, sheet: Callable[[T], Sheet]) -> Said:
    if form is Form.JSON:
        return Said(msgspec.json.encode(answer), MEDIA_TYPES[form], {})
    return shaped(form, sheet(answer))


def shaped(form: Form, sheet: Sheet) -> Said:
    """Encodes a table in any format but JSON. Raises TooCostly."""
    if len(sheet.rows) > _ROWS:
        raise TooCostly
    if form is Form.ECHARTS:
        return Said(msgspec.json.encode(as_echarts(sheet)), MEDIA_TYPES[form], {})
    named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(sheet.name)}.{form}"}
    return Said(as_csv(sheet) if form is Form.CSV else as_xlsx(sheet), MEDIA_TYPES[form], named)
