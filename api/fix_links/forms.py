"""The text fields of the forms of links, and the words with which a page says why something was refused."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response

from api.http.pages import render_page
from api.http.problems import UnparsableBody, http_status
from api.photos.bodies import Form
from inspections.errors import NotFound, Refusal

_FIELD_LABELS = {
    "method": "整改措施",
    "quantity_done": "整改数量",
    "photos": "整改后照片",
    "note": "补充说明",
    "outcome": "整改方式",
    "score": "评分",
    "words": "意见",
    "authority": "认定单位",
    "document": "认定文号",
    "reason": "理由",
    "totp": "动态验证码",
}


def form_texts(form: Form) -> dict[str, str]:
    """The text fields that were filled in. Raises UnparsableBody for bytes that are not UTF-8."""
    try:
        texts = {name: bytes(raw).decode().replace("\r\n", "\n").strip() for name, raw in form.texts.items()}
    except UnicodeDecodeError as error:
        raise UnparsableBody(reason=str(error)) from None
    return {name: text for name, text in texts.items() if text}


def refusal_messages(refusal: Refusal | None) -> list[str]:
    """The messages of a refusal: one for each wrong field, else its detail or title."""
    if refusal is None:
        return []
    if refusal.code == "hazard.stale":
        return ["事项刚有更新，请核对以下内容后再次提交。"]
    errors = refusal.facts.get("errors") or ()
    named = [f"{_FIELD_LABELS[field]}：{message}" if field in _FIELD_LABELS else message for field, message in errors]
    return named or [refusal.detail or refusal.title]


def accepts_only_json(request: Request[Any, Any, Any]) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def filled_fields(names: set[str], given: Mapping[str, str]) -> dict[str, str]:
    """The values of all fields of a form; empty where nothing was given."""
    return dict.fromkeys(names, "") | dict(given)


def refusal_page(refusal: Refusal, advice: Mapping[str, str]) -> Response[Any]:
    """The page of a refusal. `advice`: what to do, by code; by default the detail of the refusal."""
    title = "链接无效" if isinstance(refusal, NotFound) else refusal.title
    message = advice.get(refusal.code, refusal.detail)
    answer = render_page("message.html", http_status(refusal), title=title, message=message)
    if "retry_after" in refusal.facts:
        answer.headers["Retry-After"] = str(refusal.facts["retry_after"])
    return answer
