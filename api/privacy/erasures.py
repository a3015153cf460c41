"""The route that erases texts and names from a hazard."""

from functools import partial
from uuid import UUID

from litestar import Response, post
from litestar.params import FromPath

from api.accounts.security_log import caller_of
from api.hazards.views import EntryView, entry_view
from api.http.bodies import AnyRequest, json_body
from api.http.context import context_of, person_of
from inspections.accounts.security_log import Event
from inspections.privacy.actions import Erasure, erase


@post("/hazards/{hazard_id:uuid}/erasures", opt={"action": "hazard.erase", "body": Erasure})
async def post_erasure(request: AnyRequest, hazard_id: FromPath[UUID]) -> Response[EntryView]:
    """Erases texts and names from a hazard and its history; returns the line that records the erasure."""
    context, person = context_of(request), person_of(request)
    erasure: Erasure = await json_body(request, Erasure)
    action = partial(erase, person=person, hazard_id=hazard_id, erasure=erasure, now=context.clock())
    facts = {"fields": " ".join(erasure.fields)}
    done = await context.log.transact(action, Event.WORDS_ERASED, caller_of(request), str(hazard_id), facts)
    return Response(entry_view(done.line), status_code=200 if done.repeated else 201)


ROUTES = [post_erasure]
