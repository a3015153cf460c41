"""The route that erases texts and names from a hazard."""

from functools import partial
from uuid import UUID

from litestar import Response, post
from litestar.params import FromPath

from api.accounts.security_log import current_caller
from api.hazards.views import HistoryEntryView, history_entry_view
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from inspections.accounts.security_log import Event
from inspections.privacy.actions import Erasure, erase_hazard_texts


@post("/hazards/{hazard_id:uuid}/erasures", opt={"action": "hazard.erase", "body": Erasure})
async def create_erasure(request: AnyRequest, hazard_id: FromPath[UUID]) -> Response[HistoryEntryView]:
    """Erases texts and names from a hazard and its history; returns the line that records the erasure."""
    context, erasure = app_context(request), await json_body(request, Erasure)
    person = current_person(request)
    action = partial(erase_hazard_texts, person=person, hazard_id=hazard_id, erasure=erasure, now=context.clock())
    facts = {"fields": " ".join(erasure.fields)}
    done = await context.log.transact(action, Event.WORDS_ERASED, current_caller(request), str(hazard_id), facts)
    return Response(history_entry_view(done.line), status_code=200 if done.repeated else 201)


ROUTES = [create_erasure]
