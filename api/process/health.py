"""Routes for health checks and the OpenAPI document."""

from datetime import timedelta

from litestar import Response, get

from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.http.documents.document import OpenAPIDocument
from api.http.responses import serve_content
from inspections.accounts.policy import PUBLIC
from inspections.errors import Unavailable

_TOLERATED_TICKS = 3


class StalledSweep(Unavailable):
    code = "sweep.lags"
    title = "期限检查已停滞，请检查后台进程"


@get("/health/live", opt={"action": PUBLIC})
async def get_liveness() -> dict[str, str]:
    """Answers as long as the process runs."""
    return {"status": "live"}


@get("/health/ready", opt={"action": PUBLIC})
async def get_readiness(request: AnyRequest) -> dict[str, str]:
    """Answers 200 if the database responds and a process watches deadlines, else 503.

    A deadline that has been due for three ticks without being processed shows that no process watches them.
    """
    context = app_context(request)
    since = context.clock() - _TOLERATED_TICKS * timedelta(seconds=context.settings.tick_seconds)
    if await context.database.read(lambda repository: repository.due_hazards(since, 1)):
        raise StalledSweep
    return {"status": "ready"}


@get("/schema/openapi.json", opt={"action": PUBLIC}, include_in_schema=False)
async def get_openapi_document(request: AnyRequest) -> Response[bytes]:
    document: OpenAPIDocument = request.app.state.document
    content = await document.content()
    return await serve_content(
        request, content, document.tag, "application/vnd.oai.openapi+json", {"Cache-Control": "no-cache"}
    )


ROUTES = [get_liveness, get_readiness]
DOCUMENTS = [get_openapi_document]
