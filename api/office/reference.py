"""The route that lists categories for the forms of a phone."""

from litestar import get

from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.office.views import CategoryList


@get("/categories", opt={"action": "place.see"})
async def list_categories(request: AnyRequest) -> CategoryList:
    """Lists the categories of hazards with their policies, by code."""
    return CategoryList(await app_context(request).database.read(lambda repository: repository.categories()))


ROUTES = [list_categories]
