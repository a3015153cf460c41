"""The text fields of the party's forms, and the words with which a page says why a form was refused."""

from collections.abc import Mapping
from typing import Any

from litestar import Request

from api.http.problems import UnparsableBody
from api.photos.bodies import Form
from inspections.errors import Refusal

_FIELD_LABELS = {
    "method": "整改措施",
    "quantity_done": "整改数量",
    "photos": "整改后照片",
    "note": "补充说明",
    "outcome": "整改方式",
    "score": "评分",
    "words": "意见",
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
