"""The page `/docs`, which shows the OpenAPI document by Swagger UI and loads nothing from other hosts."""

from litestar import Response, get
from litestar.params import FromPath

from api.http.bodies import AnyRequest
from api.pages.built import read_asset
from api.pages.routes import serve_asset, serve_page
from inspections.accounts.policy import PUBLIC

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@get("/docs", opt={"action": PUBLIC}, include_in_schema=False)
async def get_docs_page(request: AnyRequest) -> Response[str] | Response[bytes]:
    return await serve_page(request, "docs.html", _CONTENT_SECURITY_POLICY)


@get("/docs/{name:str}", opt={"action": PUBLIC}, include_in_schema=False)
async def get_docs_file(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    return await serve_asset(request, read_asset("docs", name), name)


DOCS = [get_docs_page, get_docs_file]
