"""Routes to submit signed alerts, to list alerts, and to list rejections."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Struct
from msgspec.structs import replace

from api.http.bodies import AnyRequest, check_moments, read_chunks
from api.http.context import app_context, current_person
from api.http.problems import BodyTooLarge, UnparsableBody
from api.http.queries import LIST_LIMIT, PageCursor, PageLimit, cut_page
from api.monitoring.intake import AlertIntake
from api.monitoring.signatures import SIGNATURE_HEADERS, read_signature, refused_request
from inspections.accounts.policy import PUBLIC, Scope, scope
from inspections.calendar import shanghai_date
from inspections.errors import ClockSkew, InvalidSignature, NotFound
from inspections.hazards.records import HazardReference
from inspections.monitoring.actions.alerts import DevicePayload
from inspections.monitoring.alerts import Alert, CanonicalMessage, Grade, Measurement, Metric, Verdict
from inspections.monitoring.devices import Monitor, Signature
from inspections.monitoring.rejections import RejectionCount, unreadable_messages, unreadable_payload
from inspections.monitoring.vendors import PAYLOAD_BYTES, UnreadableMessage, UnreadablePayload, read
from storage.monitoring.queries import AlertFilters, alerts_page, rejection_counts
from storage.repository import Repository

_PAGE = 100
_WEEK = timedelta(days=6)


class AlertVerdicts(Struct, frozen=True):
    """One verdict for each message, in order. `result` is always 1, which some vendors' devices expect."""

    items: list[Verdict]
    result: Literal[1] = 1


class AlertView(Struct, frozen=True):
    """An alert, see inspections.monitoring.alerts.Alert. `case`: the case that it opened."""

    id: UUID
    device: str
    metric: Metric
    community: str
    grade: Grade
    count: int
    first_at: datetime
    last_at: datetime
    value: float
    worst: float
    level: str | None
    opened_at: datetime
    cleared_at: datetime | None
    flaps: int
    clock_off: int | None
    case: HazardReference | None
    again_of: UUID | None


class AlertDetail(AlertView, frozen=True, kw_only=True):
    """An alert with its measurements, oldest first, and the payload that had the worst value."""

    points: tuple[Measurement, ...]
    worst_raw: str


class RejectionList(Struct, frozen=True, omit_defaults=True):
    """A page of rejection counts by day, newest first. `next_cursor` is left out on the last one."""

    items: Sequence[RejectionCount]
    next_cursor: str | None = None


class AlertList(Struct, frozen=True):
    """A page of alerts, newest first. `next_cursor` is null on the last page."""

    items: list[AlertView]
    next_cursor: UUID | None


@post(
    "/alerts",
    opt={"action": PUBLIC, "body": dict[str, Any] | list[dict[str, Any]], "headers": SIGNATURE_HEADERS},
    status_code=HTTP_200_OK,
    request_max_body_size=PAYLOAD_BYTES,
)
async def submit_alerts(request: AnyRequest) -> AlertVerdicts:
    """Takes one alert or several, in the vendor's format, and answers each once all are stored.

    Signed: `Anxun-Device`, `Anxun-Timestamp` (seconds, within 300 of ours) and `Anxun-Signature`, which is `v1=` and
    the hexadecimal HMAC-SHA256 of timestamp, `.` and the raw body. A replay is 409 `alert.replayed`.
    """
    context = app_context(request)
    raw = b"".join([chunk async for chunk in read_chunks(request)])
    signed, now = await read_signature(context.database, request), context.clock()
    try:
        monitor = signed.verify([raw])
        signed.check_clock(now)
    except (InvalidSignature, ClockSkew) as refusal:
        await context.part(AlertIntake).reject("http", refused_request(request, refusal, raw))
        raise
    try:
        contents = read(monitor.vendor, monitor.id, raw)
    except UnreadablePayload as garbage:
        await context.part(AlertIntake).reject("http", unreadable_payload(garbage, monitor.id, raw))
        if garbage.reason == "too_many":
            raise BodyTooLarge(reason=garbage.reason) from None
        raise UnparsableBody(reason=garbage.reason) from None
    messages = [each for each in contents if isinstance(each, CanonicalMessage)]
    unclear = unreadable_messages(contents, monitor.id, raw)
    signature = Signature(signed.digest, monitor.id, now)
    verdicts = iter(await context.part(AlertIntake).submit(DevicePayload(messages, signature, "http", unclear)))
    return AlertVerdicts(
        [
            Verdict("refused", reason=each.reason) if isinstance(each, UnreadableMessage) else next(verdicts)
            for each in contents
        ]
    )


@get("/alerts", opt={"action": "alert.see"})
async def list_alerts(
    request: AnyRequest,
    community: FromQuery[tuple[str, ...]] = (),
    device: FromQuery[tuple[str, ...]] = (),
    standing: Annotated[bool | None, QueryParameter(name="open")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
    cursor: FromQuery[UUID | None] = None,
) -> AlertList:
    """Lists the alerts in scope. `open`: only those whose signal is still present, or only those that recovered."""
    reach = scope(current_person(request), "alert.see")
    filters = AlertFilters(community, device, standing)

    def ask(repository: Repository) -> list[AlertView]:
        found = alerts_page(repository, reach, filters, cursor, limit + 1)
        return [AlertView(**_alert_fields(each, case)) for each, case in found]

    items = await app_context(request).database.read(ask)
    return AlertList(items[:limit], items[limit - 1].id if len(items) > limit else None)


@get("/alerts/refusals", opt={"action": "device.manage"})
async def list_rejections(
    request: AnyRequest,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
    limit: PageLimit = LIST_LIMIT,
    cursor: PageCursor = None,
) -> RejectionList:
    """Lists rejected messages by day, way and reason, with the newest sample; by default the last seven days.

    The numbers are those of all communities. A sample of a device outside the scope is left out.
    """
    check_moments(**{"from": first, "to": last})
    until = last or shanghai_date(app_context(request).clock())
    reach = scope(current_person(request), "device.manage")

    def ask(repository: Repository) -> RejectionList:
        found = rejection_counts(repository, first or until - _WEEK, until)
        page, more = cut_page(found, _rejection_key, limit, cursor)
        return RejectionList([_visible_rejection(repository, reach, each) for each in page], more)

    return await app_context(request).database.read(ask)


def _visible_rejection(repository: Repository, reach: Scope, count: RejectionCount) -> RejectionCount:
    """Returns a count, without its sample if that is of a device outside the scope of the reader."""
    monitor = repository.get(Monitor, count.device)
    if monitor is None or reach.covers_community(monitor.community):
        return count
    return replace(count, device="", sample="")


def _rejection_key(count: RejectionCount) -> str:
    return f"{count.day} {count.way} {count.reason}"


@get("/alerts/{alert_id:uuid}", opt={"action": "alert.see"})
async def get_alert(request: AnyRequest, alert_id: FromPath[UUID]) -> AlertDetail:
    """Returns an alert with its measurements of the hour around it."""
    reach = scope(current_person(request), "alert.see")

    def ask(repository: Repository) -> AlertDetail:
        found = alerts_page(repository, reach, AlertFilters(alert=alert_id), None, 1)
        if not found:
            raise NotFound("alert")
        ((alert, case),) = found
        return AlertDetail(**_alert_fields(alert, case), points=alert.points, worst_raw=alert.worst_raw)

    return await app_context(request).database.read(ask)


def _alert_fields(alert: Alert, case: HazardReference | None) -> dict[str, Any]:
    return {name: getattr(alert, name) for name in AlertView.__struct_fields__ if name != "case"} | {"case": case}


ROUTES = [submit_alerts, list_alerts, list_rejections, get_alert]
