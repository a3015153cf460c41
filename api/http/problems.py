"""The table from domain error to HTTP status, and problem responses (RFC 9457, application/problem+json)."""

import re
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.status_codes import HTTP_413_REQUEST_ENTITY_TOO_LARGE, HTTP_500_INTERNAL_SERVER_ERROR

from inspections import errors
from inspections.errors import FieldError, Refusal

log = structlog.get_logger()


class UnparsableBody(Refusal):
    code = "body.unparsable"
    title = "请求内容无法解析"


class BodyTooLarge(errors.PayloadTooLarge):
    code = "body.too_large"
    title = "请求内容过大"


class InterruptedBody(Refusal):
    code = "body.interrupted"
    title = "请求没有传完"


class StalledTransfer(Refusal):
    code = "body.stalled"
    title = "传输中断超过时限，请重试"


class UnknownRoute(Refusal):
    code = "route.not_found"
    title = "没有这个地址"


class WrongHost(Refusal):
    """RFC 9110, 15.5.20: the request asks for a host that is not this server."""

    code = "route.host"
    title = "本服务器没有这个域名，请联系管理员"


class WrongMethod(Refusal):
    code = "route.method"
    title = "该地址不支持这种请求方式"


class TargetTooLong(Refusal):
    code = "route.too_long"
    title = "请求地址过长"


class HeadersTooLarge(Refusal):
    code = "headers.too_large"
    title = "请求头过大"


class WrongVersion(Refusal):
    code = "upload.version"
    title = "不支持的续传协议版本"


class StalledUpload(errors.Unavailable):
    """The received part is kept. 503, since tus clients resume after it; after a 408 tus-js-client gives up."""

    code = "upload.stalled"
    title = "传输中断超过时限，请续传"


class WrongChecksum(Refusal):
    code = "upload.checksum"
    title = "分片校验不符，请重传该分片"


class WrongMediaType(Refusal):
    code = "upload.media_type"
    title = "续传内容须为 application/offset+octet-stream"


STATUS: dict[type[Refusal], int] = {
    UnparsableBody: 400,
    InterruptedBody: 400,
    StalledTransfer: 408,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    UnknownRoute: 404,
    WrongMethod: 405,
    errors.Conflict: 409,
    errors.Gone: 410,
    WrongVersion: 412,
    errors.PayloadTooLarge: 413,
    TargetTooLong: 414,
    errors.UnsupportedFormat: 415,
    WrongMediaType: 415,
    WrongHost: 421,
    errors.InvalidInput: 422,
    errors.DigestMismatch: 422,
    errors.DamagedPhoto: 422,
    errors.TooManyRequests: 429,
    HeadersTooLarge: 431,
    WrongChecksum: 460,  # defined by tus, not registered at IANA
    errors.Unavailable: 503,
}
_INSUFFICIENT_STORAGE = 507
_RETRY_AFTER_SECONDS = "2"


def http_status(refusal: Refusal) -> int:
    if refusal.code == "store.full":
        return _INSUFFICIENT_STORAGE
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def as_problem(refusal: Refusal) -> dict[str, Any]:
    """The members of RFC 9457, and the facts of the refusal."""
    body: dict[str, Any] = {
        "type": f"urn:anxun:problem:{refusal.code}",
        "title": refusal.title,
        "status": http_status(refusal),
        "code": refusal.code,
        "detail": refusal.detail or refusal.title,
        **refusal.facts,
    }
    if errors_of := refusal.facts.get("errors"):
        body["errors"] = [{"field": field, "message": message} for field, message in errors_of]
    return body


def problem_response(refusal: Refusal) -> Response[bytes]:
    body = as_problem(refusal)
    later = str(refusal.facts.get("retry_after", _RETRY_AFTER_SECONDS))
    headers = {"Retry-After": later} if isinstance(refusal, errors.Unavailable | errors.TooManyRequests) else {}
    headers |= {"WWW-Authenticate": "Bearer"} if isinstance(refusal, errors.Unauthenticated) else {}
    return Response(
        msgspec.json.encode(body), status_code=body["status"], media_type="application/problem+json", headers=headers
    )


def handle_refusal(_: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    return problem_response(refusal)


def handle_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Turns an exception of the framework into one of our problems."""
    match error:
        case NotFoundException():
            return problem_response(UnknownRoute())
        case MethodNotAllowedException():
            return problem_response(WrongMethod())
        case ValidationException():
            return problem_response(_invalid_query(request, error.extra))
        case ClientException() if error.status_code == HTTP_413_REQUEST_ENTITY_TOO_LARGE:
            return problem_response(BodyTooLarge())
        case ClientException():
            return problem_response(UnparsableBody())
        case _:
            return handle_fault(request, error)


def _invalid_query(request: Request[Any, Any, Any], extra: Any) -> errors.InvalidInput:
    """Invalid parameters by their names in the query; the handler's parameter may be named differently."""
    names = request.route_handler.opt["query"]
    return errors.InvalidInput(
        *((names.get(each["key"], each["key"]), _translate_message(each["message"])) for each in extra or ())
    )


def handle_fault(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Logs an unexpected error and responds with a 500 without its details."""
    log.error("fault", method=request.method, path=_loggable_path(request), exc_info=error)
    body = {
        "type": "urn:anxun:problem:fault",
        "title": "系统内部错误",
        "status": HTTP_500_INTERNAL_SERVER_ERROR,
        "code": "fault",
        "detail": "系统内部错误，已记录；请稍后重试",
    }
    return Response(
        msgspec.json.encode(body),
        status_code=HTTP_500_INTERNAL_SERVER_ERROR,
        media_type="application/problem+json",
    )


def _loggable_path(request: Request[Any, Any, Any]) -> str:
    """The path without the token of a link, which must not be logged."""
    token = request.path_params.get("token")
    path: str = request.scope["path"]
    return path.replace(token, "…") if token else path


HANDLERS: dict[int | type[Exception], Any] = {
    Refusal: handle_refusal,
    HTTPException: handle_http_error,
    Exception: handle_fault,
}

_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"missing required field", "缺少此项"),
        (r"contains unknown field", "没有这个字段"),
        (r"Invalid (enum )?value", "不在可选值之内"),
        (r"out of range", "数值或时间超出范围"),
        (r"(Invalid|Expected) `?date`?\b(?!time)", "不是日期，如 2026-11-23"),
        (r"Invalid UUID", "不是有效的 UUID"),
        (r"(Invalid RFC3339|Expected `datetime|timezone)", "不是带时区的时间，如 2026-11-23T09:00:00+08:00"),
        (r"Expected `(str|array|object|int|float)` of length >= (\d+)", r"长度至少为 \2"),
        (r"Expected `(str|array|object|int|float)` of length <= (\d+)", r"长度最多为 \2"),
        (r"Expected `(int|float)` >= ([-\d.]+)", r"不得小于 \2"),
        (r"Expected `(int|float)` <= ([-\d.]+)", r"不得大于 \2"),
        (r"matching regex", "含有不允许的字符或格式不正确"),
        (r"Expected `([^`]+)`, got `null`", "不能为空"),
        (r"Expected `([^`]+)`, got `([^`]+)`", r"应为 \1，收到 \2"),
    )
)
_OWN = re.compile(r"([\w.\[\]]+)：(.+)\Z")  # messages of a Struct's own checks: field：words
_NAMED = re.compile(r"(?:missing required|contains unknown) field `([^`]*)")
_AT = " - at `"
_MESSAGE_CHARACTERS = 300
"""The most characters that are read of a message, which may quote a megabyte of the body."""


def _translate_message(message: str) -> str:
    return next((found.expand(words) for pattern, words in _WORDS if (found := pattern.search(message))), message)


def to_field_error(error: msgspec.ValidationError) -> FieldError:
    """The path of the field and a Chinese message, from msgspec's English message."""
    message, at, path = str(error).rpartition(_AT)
    if not at:
        message, path = path, ""
    message = message[:_MESSAGE_CHARACTERS]
    path = path.removesuffix("`").removeprefix("key in ").removeprefix("$").removeprefix(".")[:_MESSAGE_CHARACTERS]
    if own := _OWN.match(message):
        named, words = own.groups()
    else:
        named, words = name.group(1) if (name := _NAMED.search(message)) else "", _translate_message(message)
    return FieldError(".".join(part for part in (path, named) if part) or "$", words)
