"""Figures as they are answered: in the form that is asked for, and counted again only where a number may differ."""

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
"""Of one table: a row for each community of a city would be a tenth; as many take 2 s and 100 MB as a workbook."""
_VERSION = version("anxun")


async def figures(
    request: AnyRequest,
    form: Form | None,
    ask: Callable[[Repository, Scope, datetime], T],
    sheet: Callable[[T], Sheet],
    *,
    timed: bool = False,
) -> Response[Any]:
    """Answers what `ask` finds within the caller's scope at this instant; `sheet` is its table.

    `timed`: it changes as time passes, so that nobody has it already.

    The tag is known before anything is counted: it is another one as soon as a number may be (RFC 9110, 13.1.2). It is
    a weak one: `as_of` may differ, which says when it was counted. What was said under a tag is said again. Workbooks,
    which take a thousand times as long as the numbers, are made one at a time for each person.
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
    """A table in any form but JSON. Raises TooCostly."""
    if len(sheet.rows) > _ROWS:
        raise TooCostly
    if form is Form.ECHARTS:
        return Said(msgspec.json.encode(as_echarts(sheet)), MEDIA_TYPES[form], {})
    named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(sheet.name)}.{form}"}
    return Said(as_csv(sheet) if form is Form.CSV else as_xlsx(sheet), MEDIA_TYPES[form], named)
