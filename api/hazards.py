"""Hazard routes: report, list, one, history, erasures."""

import itertools
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, cast
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec.structs import replace

from api import geojson
from api.bodies import FORM_BYTES, AnyRequest, Form, check_moments, decoded, is_form, json_body, received_form
from api.house import House, house, person_of
from api.photos import checked, keep
from api.schemas import (
    EntryView,
    HazardList,
    HazardView,
    HistoryView,
    ReportView,
    after_cursor,
    cursor_of,
    entry_view,
    hazard_view,
    hazard_views,
)
from api.security_log import caller_of
from inspections.actions.erasure import Erasure, erase
from inspections.actions.reports import Dossier, Reported, report_hazard
from inspections.actions.steps import visible
from inspections.categories import Severity
from inspections.deadlines import CLOCKS
from inspections.errors import Forbidden, Invalid
from inspections.evidence import Shown
from inspections.hazards import Hazard, Photo, PhotoMention, Stage, State
from inspections.people import Person
from inspections.policy import scope
from inspections.profile import contact_shown
from inspections.security import Event
from inspections.statistics import COUNTED
from inspections.steps import PHOTOS_DECLARED, Report
from storage.listing import After, HazardFilters, Reaches, page
from storage.register import Register

_PAGE = 100


@post("/hazards", opt={"action": "hazard.report", "body": Report}, request_max_body_size=FORM_BYTES)
async def post_hazard(request: AnyRequest) -> Response[ReportView]:
    """JSON with declared photos, or a form: part `report` (that JSON) and parts `photo`, which join as `before`."""
    if is_form(request):
        return await _report_with_photos(request)
    return await _report(request, await json_body(request, Report))


async def _report_with_photos(request: AnyRequest) -> Response[ReportView]:
    """Receive → check → judge → keep → commit: what will be refused is refused before its photos are kept."""
    home, person = house(request), person_of(request)
    async with received_form(request, home.photos, texts={"report"}) as form:
        report = _with_photos(form, arrived := await checked(home, form.photos))
        action = partial(report_hazard, person=person, report=report, now=home.clock(), arrived=arrived)
        await home.database.read(action)
        await keep(home, form.photos)
        answer = _answer(home, person, await home.database.transact(action))
    home.developer.wake()
    return answer


def _with_photos(form: Form, arrived: list[Photo]) -> Report:
    """The form's report, its photos joined as `before`."""
    if "report" not in form.texts:
        raise Invalid(("report", "缺少此项"))
    report: Report = decoded(form.texts["report"], Report)
    mentions = tuple(PhotoMention(photo.sha256, Stage.BEFORE) for photo in arrived)
    if len(report.photos) + len(mentions) > PHOTOS_DECLARED:
        raise Invalid(("photos", f"最多 {PHOTOS_DECLARED} 张照片"))
    return replace(report, photos=(*report.photos, *mentions))


async def _report(request: AnyRequest, report: Report) -> Response[ReportView]:
    home, person = house(request), person_of(request)
    action = partial(report_hazard, person=person, report=report, now=home.clock())
    return _answer(home, person, await home.database.transact(action))


def _answer(home: House, person: Person, done: Reported) -> Response[ReportView]:
    hazard = hazard_view(done.dossier, person, home)
    answer = ReportView(hazard, hazard.missing_photos, done.similar)
    return Response(answer, status_code=200 if done.repeated else 201)


@get("/hazards", opt={"action": "hazard.see"})
async def list_hazards(  # noqa: PLR0913, PLR0917  # the filters of the contract
    request: AnyRequest,
    community: FromQuery[str | None] = None,
    street: FromQuery[str | None] = None,
    category: FromQuery[str | None] = None,
    group: FromQuery[str | None] = None,
    hazard_state: Annotated[State | None, QueryParameter(name="state")] = None,
    overdue: FromQuery[bool | None] = None,
    stage_overdue: FromQuery[bool | None] = None,
    assignee: FromQuery[str | None] = None,
    source: FromQuery[str | None] = None,
    reported_from: FromQuery[date | None] = None,
    reported_to: FromQuery[date | None] = None,
    found_from: FromQuery[datetime | None] = None,
    found_to: FromQuery[datetime | None] = None,
    updated_after: FromQuery[datetime | None] = None,
    q: Annotated[str | None, QueryParameter(max_length=100)] = None,
    flagged: FromQuery[bool | None] = None,
    merged_into: FromQuery[UUID | None] = None,
    look_back_due: FromQuery[bool | None] = None,
    severity: FromQuery[Severity | None] = None,
    counted_as: FromQuery[str | None] = None,
    counted_from: FromQuery[date | None] = None,
    counted_to: FromQuery[date | None] = None,
    clock: FromQuery[str | None] = None,
    clock_due_from: FromQuery[datetime | None] = None,
    clock_due_before: FromQuery[datetime | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
    cursor: FromQuery[str | None] = None,
) -> Response[HazardList]:
    """Newest report first, page by page; for maps with `Accept: application/geo+json`."""
    home, person = house(request), person_of(request)
    check_moments(
        reported_from=reported_from,
        reported_to=reported_to,
        found_from=found_from,
        found_to=found_to,
        updated_after=updated_after,
        counted_from=counted_from,
        counted_to=counted_to,
        clock_due_from=clock_due_from,
        clock_due_before=clock_due_before,
    )
    if counted_as not in {None, *COUNTED}:
        raise Invalid(("counted_as", "没有这个统计项"))
    if clock not in {None, *CLOCKS}:
        raise Invalid(("clock", "没有这个环节"))
    filters = HazardFilters(
        home.clock(), community, street, category, group, hazard_state, overdue, stage_overdue,
        assignee, source, reported_from, reported_to, found_from, found_to, updated_after, q, flagged, merged_into,
        look_back_due, severity, counted_as, counted_from, counted_to, clock, clock_due_from, clock_due_before,
    )  # fmt: skip
    ask = partial(_page, person=person, filters=filters, after=after_cursor(cursor), limit=limit)
    found, more = await home.database.read(ask)
    views = hazard_views(found, person, filters.now, home.settings.asks)
    listed = HazardList(views, cursor_of(found[-1].hazard) if more else None)
    if geojson.wanted(request):
        return Response(cast("Any", geojson.feature_collection(listed)), media_type=geojson.MEDIA_TYPE)
    return Response(listed)


def _page(
    register: Register, person: Person, filters: HazardFilters, after: After | None, limit: int
) -> tuple[list[Dossier], bool]:
    reach = Reaches(scope(person, "hazard.see"), scope(person, "hazard.personal"))
    found = page(register, reach, filters, after, limit + 1)
    return dossiers(register, person, found[:limit]), len(found) > limit


def dossiers(register: Register, person: Person, hazards: Sequence[Hazard]) -> list[Dossier]:
    """Each hazard with its photos."""
    by_hazard: dict[UUID, list[Shown]] = {hazard.id: [] for hazard in hazards}
    for shown in register.shown(list(by_hazard)):
        by_hazard[shown.mention.hazard].append(shown)
    others = register.pointed_to(person, itertools.chain.from_iterable(by_hazard.values()))
    return [Dossier(hazard, by_hazard[hazard.id], others) for hazard in hazards]


@get("/hazards/{hazard_id:uuid}", opt={"action": "hazard.see"})
async def get_hazard(request: AnyRequest, hazard_id: FromPath[UUID]) -> HazardView:
    home, person = house(request), person_of(request)
    found = await home.database.read(partial(dossier, person=person, hazard_id=hazard_id))
    return hazard_view(found, person, home)


def dossier(register: Register, person: Person, hazard_id: UUID) -> Dossier:
    hazard = visible(register, person, hazard_id)
    return dossiers(register, person, [hazard])[0]


@get("/hazards/{hazard_id:uuid}/history", opt={"action": "hazard.see"})
async def get_history(request: AnyRequest, hazard_id: FromPath[UUID]) -> HistoryView:
    """Every line, oldest first."""
    person = person_of(request)

    def ask(register: Register) -> HistoryView:
        hazard = visible(register, person, hazard_id)
        if not scope(person, "hazard.history").covers(hazard):
            raise Forbidden
        whole = contact_shown(house(request).settings.asks, person, hazard)
        return HistoryView([entry_view(line, whole=whole) for line in register.history(hazard.id)])

    return await house(request).database.read(ask)


@post("/hazards/{hazard_id:uuid}/erasures", opt={"action": "hazard.erase", "body": Erasure})
async def post_erasure(request: AnyRequest, hazard_id: FromPath[UUID]) -> Response[EntryView]:
    """Erases words and names from a hazard and its history; answers the line that says so."""
    home, person = house(request), person_of(request)
    erasure: Erasure = await json_body(request, Erasure)
    action = partial(erase, person=person, hazard_id=hazard_id, erasure=erasure, now=home.clock())
    facts = {"fields": " ".join(erasure.fields)}
    done = await home.log.transact(action, Event.WORDS_ERASED, caller_of(request), str(hazard_id), facts)
    return Response(entry_view(done.line), status_code=200 if done.repeated else 201)


ROUTES = [post_hazard, list_hazards, get_hazard, get_history, post_erasure]
