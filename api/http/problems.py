"""The table from domain error to HTTP status, and problem responses (RFC 9457, application/problem+json)."""

from collections.abc import Sequence
from typing import Any

import msgspec
import msgspec.inspect as types
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
from litestar.types import Scope

from api.http.exchange.request_ids import current_request_id
from api.messages.languages import Language, negotiate_language, translate
from api.messages.type_words import translate_message
from inspections import errors
from inspections.errors import FieldError, Refusal, join_messages

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
_SEPARATORS = {Language.CHINESE: "；", Language.ENGLISH: "; "}


def http_status(refusal: Refusal) -> int:
    if refusal.code == "store.full":
        return _INSUFFICIENT_STORAGE
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def as_problem(refusal: Refusal, language: Language) -> dict[str, Any]:
    """The members of RFC 9457, and the facts of the refusal, with title and messages in this language."""
    found: Sequence[FieldError] = refusal.facts.get("errors", ())
    detail = refusal.detail or refusal.title
    if found and detail == join_messages((message for _, message in found), "；"):
        detail = join_messages((translate(message, language) for _, message in found), _SEPARATORS[language])
    body: dict[str, Any] = {
        "type": f"urn:anxun:problem:{refusal.code}",
        "title": translate(refusal.title, language),
        "status": http_status(refusal),
        "code": refusal.code,
        "detail": translate(detail, language),
        **refusal.facts,
    }
    if found:
        body["errors"] = [{"field": field, "message": translate(message, language)} for field, message in found]
    return body


def request_member() -> dict[str, str]:
    """The id of the request, by which an administrator finds it in the log."""
    found = current_request_id()
    return {"request_id": found} if found else {}


def problem_response(refusal: Refusal, scope: Scope) -> Response[bytes]:
    """The response with this problem, in the language that the request in `scope` prefers."""
    language = negotiate_language(scope)
    body: dict[str, Any] = {**as_problem(refusal, language), **request_member()}
    later = str(refusal.facts.get("retry_after", _RETRY_AFTER_SECONDS))
    headers = {"Content-Language": language.value}
    headers |= {"Retry-After": later} if isinstance(refusal, errors.Unavailable | errors.TooManyRequests) else {}
    headers |= {"WWW-Authenticate": "Bearer"} if isinstance(refusal, errors.Unauthenticated) else {}
    return Response(
        msgspec.json.encode(body), status_code=body["status"], media_type="application/problem+json", headers=headers
    )


def handle_refusal(request: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    return problem_response(refusal, request.scope)


def handle_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Turns an exception of the framework into one of our problems."""
    match error:
        case NotFoundException():
            return problem_response(UnknownRoute(), request.scope)
        case MethodNotAllowedException():
            return problem_response(WrongMethod(), request.scope)
        case ValidationException():
            return problem_response(_invalid_query(request, error.extra), request.scope)
        case ClientException() if error.status_code == HTTP_413_REQUEST_ENTITY_TOO_LARGE:
            return problem_response(BodyTooLarge(), request.scope)
        case ClientException():
            return problem_response(UnparsableBody(), request.scope)
        case _:
            return handle_fault(request, error)


def _invalid_query(request: Request[Any, Any, Any], extra: Any) -> errors.InvalidInput:
    """Invalid parameters by their names in the query; the handler's parameter may be named differently."""
    query = request.route_handler.opt["query"]  # queries.QueryParameters
    found: list[tuple[str, str]] = []
    for each in extra or ():
        name = query.names.get(each["key"], each["key"])
        kind = query.kinds.get(name)
        kinds = () if kind is None else (kind.item_type if isinstance(kind, types.VarTupleType) else kind,)
        found.append((name, translate_message(each["message"], kinds)))
    return errors.InvalidInput(*found)


def handle_fault(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Logs an unexpected error and responds with a 500 without its details."""
    log.error("fault", method=request.method, path=_loggable_path(request), exc_info=error)
    language = negotiate_language(request.scope)
    body = {
        "type": "urn:anxun:problem:fault",
        "title": translate("系统内部错误", language),
        "status": HTTP_500_INTERNAL_SERVER_ERROR,
        "code": "fault",
        "detail": translate("系统内部错误，已记录；请稍后重试", language),
        **request_member(),
    }
    return Response(
        msgspec.json.encode(body),
        status_code=HTTP_500_INTERNAL_SERVER_ERROR,
        media_type="application/problem+json",
        headers={"Content-Language": language.value},
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
