"""Briefings of a period: composed, stored as a snapshot, read again."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Struct
from msgspec.structs import replace

from api.http.bodies import AnyRequest
from api.http.context import context_of, person_of
from api.http.tables import AskedForm, Form, Sheet, form_of
from api.statistics.filters import FILTERS, chosen, period_of
from api.statistics.responses import shaped
from api.statistics.routes import Days, Figure, figure
from api.statistics.rows import BriefingRow, rows
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.errors import Missing
from inspections.periods import Interval, Period, prior, year_before
from inspections.places.communities import Community
from inspections.statistics.actions import keep_briefing
from inspections.statistics.briefing import Briefing, Material, of_the_year, paragraph, snapshot_id, title
from inspections.statistics.metrics import METRICS, Counts, table, together
from storage.repository import Repository
from storage.statistics.briefings import briefings_of
from storage.statistics.metrics import Filters, counts


class BriefingView(Struct, frozen=True):
    """`text`: the paragraph; `year`: the sentences of the yearly report, for a whole calendar year.

    `items`: a row per community; `figures`: each total with what it means (口径). The snapshot is stored under `id` for
    good. `as_of`: when the figures were counted.
    """

    id: UUID
    title: str
    text: str
    year: str
    items: list[dict[str, Any]]
    total: dict[str, Any]
    figures: list[Figure]
    period: Days
    prior: Days
    year_before: Days
    as_of: datetime


class BriefingNamed(Struct, frozen=True):
    id: UUID
    title: str
    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")
    made_at: datetime
    made_by: str


class BriefingList(Struct, frozen=True):
    items: list[BriefingNamed]


@get("/statistics/briefing", opt={"action": "statistics.see"}, dependencies=FILTERS)
async def briefing(
    request: AnyRequest, filters: NamedDependency[Filters], form: AskedForm = None
) -> Response[BriefingView]:
    """The paragraph in the wording of a 通报, and a table by community; without dates, of the last thirty days.

    It is stored: the same figures are the same briefing, which anybody with the same scope can get by its `id` later.
    """
    context, person = context_of(request), person_of(request)
    now = context.clock()
    period = period_of(filters, Interval.DAY, now)
    asked = replace(filters, first=period.first, last=period.last)
    made = await context.database.read(partial(_made, person=person, filters=asked, period=period, now=now))
    kept = await context.database.transact(partial(keep_briefing, briefing=made))
    return await _said(request, kept, form)


@get("/statistics/briefings/{briefing_id:uuid}", opt={"action": "statistics.see"})
async def kept_briefing(
    request: AnyRequest, briefing_id: FromPath[UUID], form: AskedForm = None
) -> Response[BriefingView]:
    """A stored briefing, unchanged by whatever was done since."""
    reach = scope(person_of(request), "statistics.see")

    def ask(repository: Repository) -> Briefing:
        found = repository.kept(Briefing, briefing_id)
        if found is None or not all(map(reach.covers_community, found.communities)):
            raise Missing("briefing")
        return found

    return await _said(request, await context_of(request).database.read(ask), form)


@get("/statistics/briefings", opt={"action": "statistics.see"})
async def list_briefings(request: AnyRequest) -> BriefingList:
    """The briefings that this person may read, among the latest hundred."""
    reach = scope(person_of(request), "statistics.see")
    found = await context_of(request).database.read(briefings_of)
    mine = [each for each in found if all(map(reach.covers_community, each.communities))]
    return BriefingList(
        [
            BriefingNamed(
                each.id, title(Period(each.first, each.last)), each.first, each.last, each.made_at, each.made_by
            )
            for each in mine
        ]
    )


async def _said(request: AnyRequest, kept: Briefing, form: Form | None) -> Response[BriefingView]:
    view: Any = {"id": kept.id, "as_of": kept.made_at, **kept.content}  # an encoded BriefingView
    headers = {"Cache-Control": "private, no-cache"}
    wanted = form_of(request, form)
    if wanted is Form.JSON:
        return Response(view, headers=headers)
    titles = {"name": "社区", **{name: metric.title for name, metric in METRICS.items()}}
    rows = [*view["items"], {"name": "合计", **view["total"]}]
    said = await asyncio.to_thread(shaped, wanted, Sheet("通报", titles, rows))
    return said.response(**headers)


def _made(repository: Repository, person: Person, filters: Filters, period: Period, now: datetime) -> Briefing:
    asked = chosen(repository, scope(person, "statistics.see"), filters)
    codes = [each.code for each in asked]
    periods = (period, prior(period), year_before(period))
    here, before, a_year_ago = (
        counts(repository, "community", codes, replace(filters, first=each.first, last=each.last), now)
        for each in periods
    )
    of_each = [here.get(each.code, Counts()) for each in asked]
    total = together(of_each).row()
    told = Material(
        _place(repository, asked),
        period,
        now,
        total,
        together(before.values()).numbers(),
        together(a_year_ago.values()).numbers(),
        _groups(repository, counts(repository, "category", codes, filters, now)),
        {each.name: numbers.numbers() for each, numbers in zip(asked, of_each, strict=True)},
    )
    here_days, prior_days, year_days = (Days(*each) for each in periods)
    content = {
        "title": title(period),
        "text": paragraph(told),
        "year": of_the_year(told),
        "items": rows(BriefingRow, {"community": codes, "name": [each.name for each in asked], **table(of_each)}),
        "total": total,
        "figures": [figure(name, total, filters) for name in METRICS],
        "period": here_days,
        "prior": prior_days,
        "year_before": year_days,
    }
    plain = msgspec.to_builtins(content)
    return Briefing(
        snapshot_id(plain["items"], told.before, told.year_before, told.groups, codes, period),
        now,
        person.username,
        period.first,
        period.last,
        tuple(codes),
        plain,
    )


def _groups(repository: Repository, by_category: dict[str, Counts]) -> dict[str, dict[str, int]]:
    found: dict[str, Counts] = {}
    for category in repository.categories():
        if not category.from_device:
            found[category.group] = found.get(category.group, Counts()) + by_category.get(category.code, Counts())
    return {name: each.numbers() for name, each in found.items()}


def _place(repository: Repository, asked: Sequence[Community]) -> str:
    """The street of the communities, if they all lie in one; else 辖区, since the office has no name for several."""
    codes = {each.street for each in asked}
    street = repository.street(next(iter(codes))) if len(codes) == 1 else None
    return street.name if street else "辖区"


ROUTES = [briefing, list_briefings, kept_briefing]
