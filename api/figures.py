"""Figures as they are answered: in the form that is asked for, and not at all where whoever asks has them already."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import quote

from litestar.response import Response

from api.bodies import AnyRequest
from api.house import house, person_of
from api.sheets import MEDIA_TYPES, Form, Sheet, as_csv, as_echarts, as_xlsx, form_of
from inspections.calendar import shanghai_date
from inspections.policy import Scope, scope
from storage.feed import stamp
from storage.register import Register
from storage.statistics import next_late

T = TypeVar("T")
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, Accept"}
_VERSION = version("anxun")


async def figures(
    request: AnyRequest,
    form: Form | None,
    ask: Callable[[Register, Scope, datetime], T],
    sheet: Callable[[T], Sheet],
    *,
    timed: bool = False,
) -> Response[Any]:
    """Answers what `ask` finds within the caller's scope at this instant; `sheet` is its table.

    `timed`: it changes as time passes, so that nobody has it already.

    The tag is known before anything is counted: it is another one as soon as a number may be (RFC 9110, 13.1.2). It is
    a weak one: `as_of` may differ.
    """
    home, reach = house(request), scope(person_of(request), "statistics.see")
    now, wanted = home.clock(), form_of(request, form)

    def found(register: Register) -> tuple[str, T | None]:
        parts = (_VERSION, reach, request.url.path, request.url.query, wanted, shanghai_date(now))
        fresh = (*parts, stamp(register), now if timed else next_late(register, reach, now))
        tag = f'W/"{hashlib.sha256(repr(fresh).encode()).hexdigest()[:32]}"'
        known = request.headers.get("if-none-match", "")
        return (tag, None) if tag in known else (tag, ask(register, reach, now))

    tag, answer = await home.database.read(found)
    headers = {**_PRIVATE, "ETag": tag}
    if answer is None:
        return Response(None, status_code=304, headers=headers)
    if wanted is Form.JSON:
        return Response(answer, headers=headers)
    return await shaped(wanted, sheet(answer), headers)


async def shaped(form: Form, sheet: Sheet, headers: dict[str, str]) -> Response[Any]:
    if form is Form.ECHARTS:
        return Response(as_echarts(sheet), headers=headers)
    made = await asyncio.to_thread(partial(as_csv if form is Form.CSV else as_xlsx, sheet))
    named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(sheet.name)}.{form}"}
    return Response(made, media_type=MEDIA_TYPES[form], headers={**headers, **named})
