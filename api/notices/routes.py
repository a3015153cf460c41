"""Routes of the inbox, notice templates, and failed deliveries."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from inspections.accounts.policy import scope
from inspections.accounts.security_log import Event
from inspections.errors import InvalidInput
from inspections.hazards.records import HazardReference
from inspections.notices.actions.delivery import (
    edit_template,
    get_template,
    mark_read,
    notice_kinds,
    render_hidden_notice,
    render_notices,
    retry_delivery,
)
from inspections.notices.templates import NewTemplate, NoticeText, Template, template_fields
from storage.notices.inbox import (
    FailedDelivery,
    InboxCursor,
    InboxItem,
    count_unread,
    failed_deliveries,
    get_notice,
    inbox_item,
    inbox_page,
)
from storage.repository import Repository

T = TypeVar("T")
_PAGE = 100


class NoticeView(Struct, frozen=True):
    """A notice in a person's inbox. `hazard` is null if there is none or the person may no longer see it.

    In the latter case `text` is null too, because it would reveal the hazard.
    """

    id: UUID
    kind: str
    at: datetime
    read_at: datetime | None
    hazard: HazardReference | None
    title: str
    text: str | None


class Inbox(Struct, frozen=True):
    """A page of the inbox. `unread`: the number of all unread notices."""

    items: list[NoticeView]
    unread: int
    next_cursor: str | None


class TemplateView(Struct, frozen=True):
    """The template of a kind of notice. `fields`: the allowed placeholders."""

    kind: str
    version: int
    title: str
    text: str
    edited_by: str | None
    edited_at: datetime | None
    fields: tuple[str, ...]


class TemplateList(Struct, frozen=True):
    items: list[TemplateView]


class DeliveryView(Struct, frozen=True):
    """A delivery that has not arrived. `event`: the id of its notice; `username` "": to all recipients at once."""

    id: UUID
    event: UUID
    kind: str
    at: datetime
    channel: str
    username: str
    recipients: tuple[str, ...]
    hazard: UUID | None
    tries: int
    next_try_at: datetime
    dead_at: datetime | None
    error: str | None


class DeliveryList(Struct, frozen=True):
    items: list[DeliveryView]
    next_cursor: str | None


@get("/inbox", opt={"action": "inbox.see"})
async def get_inbox(
    request: AnyRequest,
    only_unread: Annotated[bool | None, QueryParameter(name="unread")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
    cursor: FromQuery[str | None] = None,
) -> Inbox:
    """Returns a page of one's own notices, newest first; with `unread=true` only unread ones."""
    person, after = current_person(request), _decode_cursor(cursor, InboxCursor)

    def ask(repository: Repository) -> Inbox:
        see = scope(person, "hazard.personal")
        found = inbox_page(repository, person.username, see, after, unread=only_unread, limit=limit + 1)
        views = _notice_views(repository, found[:limit])
        last = found[limit - 1].entry if len(found) > limit else None
        return Inbox(
            views, count_unread(repository, person.username), last and _encode_cursor(InboxCursor(last.at, last.id))
        )

    return await app_context(request).database.read(ask)


@post("/inbox/{notice_id:uuid}/read", opt={"action": "inbox.see"}, status_code=200)
async def mark_notice_read(request: AnyRequest, notice_id: FromPath[UUID]) -> NoticeView:
    """Marks a notice as read; the first time is kept."""
    context, person = app_context(request), current_person(request)
    action = partial(mark_read, person=person, entry_id=notice_id, now=context.clock())
    entry = await context.database.transact(action)

    def ask(repository: Repository) -> NoticeView:
        return _notice_views(repository, [inbox_item(repository, entry, scope(person, "hazard.personal"))])[0]

    return await context.database.read(ask)


def _notice_views(repository: Repository, items: Sequence[InboxItem]) -> list[NoticeView]:
    texts = render_notices(repository, [(each.notice, each.hazard) for each in items])
    kinds = {each.notice.kind for each in items if _is_hidden(each)}
    titles = {kind: render_hidden_notice(repository, kind).title for kind in kinds}
    return [_notice_view(each, words, titles) for each, words in zip(items, texts, strict=True)]


def _is_hidden(item: InboxItem) -> bool:
    return item.notice.hazard is not None and item.hazard is None


def _notice_view(item: InboxItem, words: NoticeText, titles: Mapping[str, str]) -> NoticeView:
    entry, notice, hazard = item
    if _is_hidden(item):
        return NoticeView(entry.id, notice.kind, notice.at, entry.read_at, None, titles[notice.kind], None)
    named = hazard and HazardReference(hazard.id, hazard.number, hazard.state)
    return NoticeView(entry.id, notice.kind, notice.at, entry.read_at, named, words.title, words.text)


@get("/notice-templates", opt={"action": "rules.see"})
async def list_templates(request: AnyRequest) -> TemplateList:
    """Lists the templates of all kinds of notices, built-in unless the office has edited them."""

    def ask(repository: Repository) -> TemplateList:
        return TemplateList([_template_view(get_template(repository, kind)) for kind in notice_kinds(repository)])

    return await app_context(request).database.read(ask)


@post("/notice-templates/{kind:str}", opt={"action": "rules.edit", "body": NewTemplate}, status_code=200)
async def update_template(request: AnyRequest, kind: FromPath[str]) -> TemplateView:
    """Replaces the template of a kind of notice. Unknown fields are refused by name."""
    context, sent = app_context(request), await json_body(request, NewTemplate)
    action = partial(edit_template, person=current_person(request), kind=kind, sent=sent, now=context.clock())
    edited = await context.log.transact(action, Event.RULES_EDITED, current_caller(request), f"template {kind}")
    return _template_view(edited)


def _template_view(kept: Template) -> TemplateView:
    values: dict[str, Any] = {name: getattr(kept, name) for name in Template.__struct_fields__}
    return TemplateView(**values, fields=template_fields(kept.kind))


@get("/deliveries", opt={"action": "delivery.manage"})
async def list_deliveries(
    request: AnyRequest,
    wanted: Annotated[Literal["dead", "failing"], QueryParameter(name="state")] = "dead",
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
    cursor: FromQuery[str | None] = None,
) -> DeliveryList:
    """Lists deliveries that were given up (`dead`), or that failed and wait for a retry (`failing`)."""
    reach, after = scope(current_person(request), "delivery.manage"), _decode_cursor(cursor, UUID)

    def ask(repository: Repository) -> DeliveryList:
        found = failed_deliveries(repository, reach, dead=wanted == "dead", limit=limit + 1, after=after)
        more = _encode_cursor(found[limit - 1].delivery.id) if len(found) > limit else None
        return DeliveryList([_delivery_view(each) for each in found[:limit]], more)

    return await app_context(request).database.read(ask)


@post("/deliveries/{delivery_id:uuid}/replay", opt={"action": "delivery.manage"}, status_code=200)
async def replay_delivery(request: AnyRequest, delivery_id: FromPath[UUID]) -> DeliveryView:
    """Retries a delivery that was given up."""
    context, person = app_context(request), current_person(request)
    action = partial(retry_delivery, person=person, delivery_id=delivery_id, now=context.clock())
    again = await context.database.transact(action)
    notice = await context.database.read(partial(get_notice, delivery=again))
    return _delivery_view(FailedDelivery(again, notice.kind, notice.at))


def _delivery_view(each: FailedDelivery) -> DeliveryView:
    delivery = each.delivery
    own = {"event": delivery.notice, "kind": each.kind, "at": each.at}
    same = set(DeliveryView.__struct_fields__) - own.keys()
    return DeliveryView(**own, **{name: getattr(delivery, name) for name in same})


def _decode_cursor(cursor: str | None, kind: type[T]) -> T | None:
    """Decodes a page cursor. Raises InvalidInput for one that we did not issue."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=kind)
    except (ValueError, RecursionError):
        raise InvalidInput(("cursor", "游标无效，请从第一页开始")) from None


def _encode_cursor(last: InboxCursor | UUID) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(last)).decode()


ROUTES = [get_inbox, mark_notice_read, list_templates, update_template, list_deliveries, replay_delivery]
