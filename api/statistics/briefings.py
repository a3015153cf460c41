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
from api.http.context import app_context, current_person
from api.http.responses import local_link
from api.http.tables import FormatParameter, Sheet, TableFormat, choose_format
from api.statistics.filters import FILTERS, cases_path, requested_period, select_communities
from api.statistics.responses import encode_sheet, table_slot
from api.statistics.routes import DateRange, Figure, build_figure
from api.statistics.rows import BriefingRow, build_rows
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.errors import NotFound
from inspections.periods import Interval, Period, previous_period, year_ago_period
from inspections.places.communities import Community
from inspections.statistics.actions import save_briefing
from inspections.statistics.briefing import (
    Briefing,
    BriefingInput,
    briefing_title,
    snapshot_id,
    write_paragraph,
    yearly_report_text,
)
from inspections.statistics.metrics import METRICS, Counts, metric_columns, sum_counts
from storage.repository import Repository
from storage.statistics.briefings import latest_briefings
from storage.statistics.metrics import Filters, count_hazards


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
    period: DateRange
    prior: DateRange
    year_before: DateRange
    as_of: datetime


class BriefingSummary(Struct, frozen=True):
    id: UUID
    title: str
    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")
    made_at: datetime
    made_by: str


class BriefingList(Struct, frozen=True):
    items: list[BriefingSummary]


@get("/statistics/briefing", opt={"action": "statistics.see"}, dependencies=FILTERS)
async def create_briefing(
    request: AnyRequest, filters: NamedDependency[Filters], form: FormatParameter = None
) -> Response[BriefingView]:
    """The paragraph in the wording of a 通报, and a table by community; without dates, of the last thirty days.

    It is stored: the same figures are the same briefing, which anybody with the same scope can get by its `id` later.
    """
    context, person = app_context(request), current_person(request)
    now = context.clock()
    period = requested_period(filters, Interval.DAY, now)
    asked = replace(filters, first=period.first, last=period.last)
    made = await context.database.read(partial(_compose_briefing, person=person, filters=asked, period=period, now=now))
    kept = await context.database.transact(partial(save_briefing, briefing=made))
    return await _briefing_response(request, kept, form)


@get("/statistics/briefings/{briefing_id:uuid}", opt={"action": "statistics.see"})
async def get_briefing(
    request: AnyRequest, briefing_id: FromPath[UUID], form: FormatParameter = None
) -> Response[BriefingView]:
    """A stored briefing, unchanged by whatever was done since."""
    reach = scope(current_person(request), "statistics.see")

    def find_briefing(repository: Repository) -> Briefing:
        found = repository.get(Briefing, briefing_id)
        if found is None or not all(map(reach.covers_community, found.communities)):
            raise NotFound("briefing")
        return found

    return await _briefing_response(request, await app_context(request).database.read(find_briefing), form)


@get("/statistics/briefings", opt={"action": "statistics.see"})
async def list_briefings(request: AnyRequest) -> BriefingList:
    """The briefings that this person may read, among the latest hundred."""
    reach = scope(current_person(request), "statistics.see")
    found = await app_context(request).database.read(latest_briefings)
    mine = [each for each in found if all(map(reach.covers_community, each.communities))]
    return BriefingList(
        [
            BriefingSummary(
                each.id,
                briefing_title(Period(each.first, each.last)),
                each.first,
                each.last,
                each.made_at,
                each.made_by,
            )
            for each in mine
        ]
    )


async def _briefing_response(request: AnyRequest, kept: Briefing, form: TableFormat | None) -> Response[BriefingView]:
    stored: list[dict[str, Any]] = kept.content["figures"]
    figures = [each | {"cases": each["cases"] and local_link(request, each["cases"])} for each in stored]
    view: Any = {"id": kept.id, "as_of": kept.made_at, **kept.content, "figures": figures}  # an encoded BriefingView
    headers = {"Cache-Control": "private, no-cache"}
    wanted = choose_format(request, form)
    if wanted is TableFormat.JSON:
        return Response(view, headers=headers)
    titles = {"name": "社区", **{name: metric.title for name, metric in METRICS.items()}}
    rows = [*view["items"], {"name": "合计", **view["total"]}]
    with table_slot(request, wanted):
        table = await asyncio.to_thread(encode_sheet, wanted, Sheet("通报", titles, rows))
    return table.response(**headers)


def _compose_briefing(
    repository: Repository, person: Person, filters: Filters, period: Period, now: datetime
) -> Briefing:
    asked = select_communities(repository, scope(person, "statistics.see"), filters)
    codes = [each.code for each in asked]
    periods = (period, previous_period(period), year_ago_period(period))
    here, before, a_year_ago = (
        count_hazards(repository, "community", codes, replace(filters, first=each.first, last=each.last), now)
        for each in periods
    )
    of_each = [here.get(each.code, Counts()) for each in asked]
    total = sum_counts(of_each).row()
    told = BriefingInput(
        _place_name(repository, asked),
        period,
        now,
        total,
        sum_counts(before.values()).numbers(),
        sum_counts(a_year_ago.values()).numbers(),
        _group_numbers(repository, count_hazards(repository, "category", codes, filters, now)),
        {each.name: numbers.numbers() for each, numbers in zip(asked, of_each, strict=True)},
    )
    here_days, prior_days, year_days = (DateRange(*each) for each in periods)
    content = {
        "title": briefing_title(period),
        "text": write_paragraph(told),
        "year": yearly_report_text(told),
        "items": build_rows(
            BriefingRow, {"community": codes, "name": [each.name for each in asked], **metric_columns(of_each)}
        ),
        "total": total,
        "figures": [build_figure(name, total, cases_path(filters, name)) for name in METRICS],
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


def _group_numbers(repository: Repository, by_category: dict[str, Counts]) -> dict[str, dict[str, int]]:
    found: dict[str, Counts] = {}
    for category in repository.categories():
        if not category.from_device:
            found[category.group] = found.get(category.group, Counts()) + by_category.get(category.code, Counts())
    return {name: each.numbers() for name, each in found.items()}


def _place_name(repository: Repository, asked: Sequence[Community]) -> str:
    """The street of the communities, if they all lie in one; else 辖区, since the office has no name for several."""
    codes = {each.street for each in asked}
    street = repository.street(next(iter(codes))) if len(codes) == 1 else None
    return street.name if street else "辖区"


ROUTES = [create_briefing, list_briefings, get_briefing]
