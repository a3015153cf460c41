"""The page behind a photo's address in the ledger: it asks for the sign-in, and shows the photo to who may see it."""

import re

from litestar import Response, get
from litestar.params import FromPath

from api.http.bodies import AnyRequest
from api.http.pages import render_page
from api.http.responses import local_link
from inspections.accounts.policy import PUBLIC
from inspections.errors import NotFound

_DIGEST = re.compile(r"[0-9a-f]{64}")


@get("/photos/{sha256:str}", opt={"action": PUBLIC, "any_query": True}, include_in_schema=False)
async def show_photo_page(request: AnyRequest, sha256: FromPath[str]) -> Response[str]:
    """The same page for every digest, so that it does not tell which photos exist."""
    if not _DIGEST.fullmatch(sha256):
        raise NotFound("photo")
    return render_page(
        "photo.html",
        photo=local_link(request, f"/api/v1/photos/{sha256}?size=1280"),
        sign_in=local_link(request, "/api/v1/auth/login"),
        sign_out=local_link(request, "/api/v1/auth/logout"),
    )


PHOTO_PAGES = [show_photo_page]
