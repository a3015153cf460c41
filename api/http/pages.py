"""HTML pages for people without an account: HTML, style and script in one response, nothing from other servers."""

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
"""The headers of everything reached by a token: its address is the key, so it must not be cached or indexed."""


@cache
def _templates() -> "Environment":
    """The template engine, loaded by the first page that is shown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # only where pages are shown

    made = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters["shanghai"] = format_shanghai_time
    return made


def format_shanghai_time(moment: datetime) -> str:
    """A time as people say it; midnight is 24:00 of the day before."""
    there = moment.astimezone(SHANGHAI)
    if (there.hour, there.minute, there.second) == (0, 0, 0):
        there = (moment - _A_MINUTE).astimezone(SHANGHAI)
        return f"{there.year}年{there.month}月{there.day}日24时"
    return f"{there.year}年{there.month}月{there.day}日 {there:%H:%M}"


@cache
def _source(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


@cache
def _content_security_policy() -> str:
    """Allows only our own style and script in these pages, by their digests (CSP level 2)."""

    def source_hash(name: str) -> str:
        digest = base64.b64encode(hashlib.sha256(_source(name).encode()).digest()).decode()
        return f"'sha256-{digest}'"

    scripts = f"{source_hash('fix.js')} {source_hash('photo.js')}"
    return (
        f"default-src 'none'; style-src {source_hash('page.css')}; script-src {scripts}; "
        "connect-src 'self'; img-src 'self' data: blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def render_page(name: str, status: int = 200, **values: Any) -> Response[str]:
    """Renders a template; `values` are escaped."""
    from markupsafe import Markup  # noqa: PLC0415  # as above

    files = {"style": "page.css", "script": "fix.js", "photo_script": "photo.js"}
    own = {part: Markup(_source(file)) for part, file in files.items()}  # noqa: S704  # our own files
    html = _templates().get_template(name).render(**own, **values)
    headers = {**HEADERS, "Content-Security-Policy": _content_security_policy()}
    return Response(html, status_code=status, media_type="text/html", headers=headers)
