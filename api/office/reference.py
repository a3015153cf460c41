"""The route that lists categories for the forms of a phone."""

from litestar import get

from api.http.bodies import AnyRequest
from api.http.context import context_of
from api.office.views import CategoryList


@get("/categories", opt={"action": "place.see"})
async def categories(request: AnyRequest) -> CategoryList:
    return CategoryList(await context_of(request).database.read(lambda repository: repository.categories()))


ROUTES = [categories]
