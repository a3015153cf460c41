"""The application, with what every route answers in the same way around its routes."""
# the framework is only partly typed:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from functools import cached_property
from typing import Any, cast

from litestar import Litestar, Request
from litestar.types import HTTPScope, Message, Receive, Scope, Send
from litestar.utils import normalize_path

from api.http.exchange.compression import CompressedSender, find_compression
from api.http.exchange.execution import Operations
from api.http.exchange.methods import PathMethods, answer_head, is_about_methods, is_head_of_get
from api.http.exchange.request_ids import REQUEST_ID_HEADER, TRACE_HEADER, begin_request, current_request_id_bytes
from api.http.headers import add_default_headers
from api.http.request_metrics import count_response

_BEGUN = "anxun_begun"
"""The name in a request's state that tells that its answer has begun."""


class Application(Litestar):
    """Gives each request its ids, answers HEAD wherever GET works, and compresses for clients that accept it.

    `counts`: count requests for /metrics.
    """

    def __init__(self, *routes: Any, counts: bool, **options: Any) -> None:
        super().__init__(*routes, **options)
        self._counts = counts
        if self.cors_config is None:
            self.asgi_handler = self._answer
        else:
            cast("Any", self.asgi_handler).app = self._answer  # the framework's middleware around the handlers

    @cached_property
    def path_methods(self) -> PathMethods:
        return PathMethods(self.routes)

    @cached_property
    def _operations(self) -> Operations:
        return Operations(self.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)  # pyright: ignore[reportArgumentType]
            return
        given = traceparent = accepted = None
        for name, value in scope["headers"]:  # once for all three: every request comes here
            if name == b"accept-encoding":
                accepted = value
            elif name == REQUEST_ID_HEADER:
                given = value
            elif name == TRACE_HEADER:
                traceparent = value
        begin_request(given, traceparent)
        if is_head_of_get(self.path_methods, scope):
            await answer_head(self._exchange, scope, receive, send)
            return
        if accepted is not None and (coding := find_compression(accepted)):
            send = CompressedSender(send, scope, coding).send
        await self._exchange(scope, receive, send)

    async def _exchange(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answers a request; the head of every answer is completed on its way out."""

        async def send_complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["state"][_BEGUN] = True
                self._complete_head(message, scope)
            await send(message)

        asked: Any = scope
        asked["app"] = asked["litestar_app"] = self
        scope.setdefault("state", {})
        await self.asgi_handler(scope, receive, send_complete)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answers with what the operation of this path and method returns, or with the problem that it raises."""
        try:
            self._find_operation(scope)
            await self._operations.execute(scope, receive, send)
        except Exception as error:
            if _BEGUN in scope["state"]:
                raise
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            problem = self._find_exception_handler(scope, error)(request, error)
            await problem.to_asgi_response(app=None, request=request)(scope, receive, send)

    def _find_operation(self, scope: HTTPScope) -> None:
        """Sets handler, path and its parameters in the scope. Raises NotFoundException, MethodNotAllowedException."""
        asked: Any = scope
        asked["path_params"] = {}
        path = scope["path"]
        if root := scope.get("root_path"):
            path = path.split(root, maxsplit=1)[-1]
        found = self.asgi_router.handle_routing(path=normalize_path(path), method=scope["method"])
        _, asked["route_handler"], asked["path"], asked["path_params"], asked["path_template"] = found

    def _find_exception_handler(self, scope: HTTPScope, error: Exception) -> Any:
        """Finds the function that makes a response of an error: that of the operation, or of the application."""
        operation = cast("Any", scope).get("route_handler")
        handlers: Any = operation.resolve_exception_handlers() if operation else self.exception_handlers
        return next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)

    def _complete_head(self, message: Any, scope: HTTPScope) -> None:
        """Adds the headers of every answer, its id and, where methods matter, those of its path; counts the answer."""
        add_default_headers(message, scope)
        headers: list[tuple[bytes, bytes]] = message["headers"]
        headers.append((REQUEST_ID_HEADER, current_request_id_bytes()))
        operation: Any = cast("Any", scope).get("route_handler")
        if operation is not None:
            headers.extend(operation.opt.get("answer_headers", ()))
        if is_about_methods(scope, message["status"]):
            if operation is None:
                headers.extend(self.path_methods.find_answer_headers(scope["path"]))
            headers[:] = [each for each in headers if each[0] != b"allow"]
            headers.append((b"allow", self.path_methods.allow_header(scope["path"])))
        if self._counts:
            count_response(message["status"], scope)
