"""Pages for who has no account: drawn here, whole in one answer, with nothing from anywhere else."""

import base64
import hashlib
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litestar import Response

from inspections.calendar import SHANGHAI

if TYPE_CHECKING:
    from jinja2 import Environment

_A_MINUTE = timedelta(minutes=1)
_FOLDER = Path(__file__).parent / "templates"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of everything that is reached by a token: the address is the key, so nobody is to pass it on or keep it."""


@cache
def _templates() -> "Environment":
    """Loaded by the first page: a server that shows none does without."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # a server without links does without

    made = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters["shanghai"] = shanghai
    return made


def shanghai(moment: datetime) -> str:
    """As people say it; midnight belongs to the day that it ends."""
    there = moment.astimezone(SHANGHAI)
    if (there.hour, there.minute, there.second) == (0, 0, 0):
        there = (moment - _A_MINUTE).astimezone(SHANGHAI)
        return f"{there.year}年{there.month}月{there.day}日24时"
    return f"{there.year}年{there.month}月{there.day}日 {there:%H:%M}"


@cache
def _source(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


@cache
def _policy() -> str:
    """Only our own style and script, named by their digests, run in these pages (CSP level 2)."""

    def named(name: str) -> str:
        digest = base64.b64encode(hashlib.sha256(_source(name).encode()).digest()).decode()
        return f"'sha256-{digest}'"

    return (
        f"default-src 'none'; style-src {named('page.css')}; script-src {named('fix.js')}; connect-src 'self'; "
        "img-src 'self' data: blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def page(name: str, status: int = 200, **values: Any) -> Response[str]:
    """`values` are escaped wherever they stand."""
    from markupsafe import Markup  # noqa: PLC0415  # as above

    own = {"style": Markup(_source("page.css")), "script": Markup(_source("fix.js"))}  # noqa: S704  # our own files
    html = _templates().get_template(name).render(**own, **values)
    headers = {**HEADERS, "Content-Security-Policy": _policy()}
    return Response(html, status_code=status, media_type="text/html", headers=headers)
