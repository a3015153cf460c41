"""Routes of the ledger's layout: its columns, their order and their titles."""

from functools import partial

from litestar import get, post

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from inspections.accounts.security_log import Event
from inspections.ledger.actions.layout import edit_layout, ledger_layout
from inspections.ledger.layout import Layout, NewLayout


@get("/ledger/columns", opt={"action": "rules.see"})
async def get_ledger_columns(request: AnyRequest) -> Layout:
    """The columns of the ledger in their order. `version` 0: the default."""
    return await app_context(request).database.read(ledger_layout)


@post("/ledger/columns", opt={"action": "rules.edit", "body": NewLayout}, status_code=200)
async def update_ledger_columns(request: AnyRequest) -> Layout:
    """Replaces the columns of the ledger; exports and the import use them from now on."""
    context, sent = app_context(request), await json_body(request, NewLayout)
    action = partial(edit_layout, person=current_person(request), sent=sent, now=context.clock())
    return await context.log.transact(action, Event.RULES_EDITED, current_caller(request), "ledger columns")


ROUTES = [get_ledger_columns, update_ledger_columns]
