"""Routes to submit signed alerts, to list alerts, and to list rejections."""

import hashlib
import hmac
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Struct

from api.http.bodies import AnyRequest, check_moments, chunks
from api.http.context import AppContext, context_of, person_of
from api.http.problems import BodyTooLarge, Unparsable
from api.monitoring.intake import AlertIntake
from inspections.accounts.policy import PUBLIC, scope
from inspections.calendar import shanghai_date
from inspections.errors import ClockWrong, Missing, SignatureWrong
from inspections.hazards.records import Named
from inspections.monitoring.actions.alerts import Sent
from inspections.monitoring.alerts import Alert, Grade, Measurement, Message, Metric, Verdict
from inspections.monitoring.devices import SIGNED_WITHIN, Monitor, Signature
from inspections.monitoring.rejections import RefusedCount, refused
from inspections.monitoring.vendors import PAYLOAD_BYTES, Garbage, Unclear, read
from storage.monitoring.queries import AlertFilters, alerts_page, refusals
from storage.repository import Repository

_PAGE = 100
_WEEK = timedelta(days=6)
_VERSION = "v1="


class Taken(Struct, frozen=True):
    """One verdict for each message, in order. `result` is always 1, which some vendors' devices expect."""

    items: list[Verdict]
    result: int = 1


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
    case: Named | None
    again_of: UUID | None


class AlertDetail(AlertView, frozen=True, kw_only=True):
    """An alert with its measurements, oldest first, and the payload that had the worst value."""

    points: tuple[Measurement, ...]
    worst_raw: str


class RefusalList(Struct, frozen=True):
    """Rejection counts by day, newest first."""

    items: list[RefusedCount]


class AlertList(Struct, frozen=True):
    """A page of alerts, newest first. `next_cursor` is null on the last page."""

    items: list[AlertView]
    next_cursor: UUID | None


@post(
    "/alerts",
    opt={"action": PUBLIC, "body": dict[str, Any] | list[Any]},
    status_code=HTTP_200_OK,
    request_max_body_size=PAYLOAD_BYTES,
)
async def post_alerts(request: AnyRequest) -> Taken:
    """Takes one alert or several, in the vendor's format, and answers each once all are stored.

    Signed: `Anxun-Device`, `Anxun-Timestamp` (seconds, within 300 of ours) and `Anxun-Signature`, which is `v1=` and
    the hexadecimal HMAC-SHA256 of timestamp, `.` and the raw body. A replay is 409 `alert.replayed`.
    """
    context = context_of(request)
    raw = b"".join([chunk async for chunk in chunks(request)])
    try:
        monitor, signature = await _signed(context, request, raw)
    except (SignatureWrong, ClockWrong) as refusal:
        reason = "wrong_signature" if isinstance(refusal, SignatureWrong) else "wrong_clock"
        await context.part(AlertIntake).refuse("http", refused(reason, request.headers.get("anxun-device", ""), raw))
        raise
    try:
        said = read(monitor.vendor, monitor.id, raw)
    except Garbage as garbage:
        await context.part(AlertIntake).refuse("http", refused(garbage.reason, monitor.id, raw))
        if garbage.reason == "too_many":
            raise BodyTooLarge(reason=garbage.reason) from None
        raise Unparsable(reason=garbage.reason) from None
    messages = [each for each in said if isinstance(each, Message)]
    unclear = [refused(each.reason, monitor.id, raw) for each in said if isinstance(each, Unclear)]
    verdicts = iter(await context.part(AlertIntake).take(Sent(messages, signature, "http", unclear)))
    return Taken(
        [Verdict("refused", reason=each.reason) if isinstance(each, Unclear) else next(verdicts) for each in said]
    )


async def _signed(context: AppContext, request: AnyRequest, raw: bytes) -> tuple[Monitor, Signature]:
    """Verifies the signature and returns the device that made it. Raises SignatureWrong, ClockWrong."""
    device, stamp, signature = (
        request.headers.get(f"anxun-{name}", "") for name in ("device", "timestamp", "signature")
    )
    monitor = await context.database.read(lambda repository: repository.kept(Monitor, device[:64]))
    made = [_signature(secret, stamp, raw) for secret in (monitor.secrets if monitor else ("-",))]
    good = [hmac.compare_digest(each.encode(), signature.encode()) for each in made]
    if monitor is None or not any(good):
        raise SignatureWrong
    now = context.clock()
    if (
        not stamp.isascii()
        or not stamp.isdigit()
        or abs(now.timestamp() - int(stamp[:12])) > SIGNED_WITHIN.total_seconds()
    ):
        raise ClockWrong(server_time=now.isoformat())
    return monitor, Signature(signature.removeprefix(_VERSION), monitor.id, now)


def _signature(secret: str, stamp: str, raw: bytes) -> str:
    return _VERSION + hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()


@get("/alerts", opt={"action": "alert.see"})
async def get_alerts(
    request: AnyRequest,
    community: FromQuery[str | None] = None,
    device: FromQuery[str | None] = None,
    standing: Annotated[bool | None, QueryParameter(name="open")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
    cursor: FromQuery[UUID | None] = None,
) -> AlertList:
    """Lists the alerts in scope. `open`: only those whose signal is still present, or only those that recovered."""
    reach = scope(person_of(request), "alert.see")
    filters = AlertFilters(community, device, standing)

    def ask(repository: Repository) -> list[AlertView]:
        found = alerts_page(repository, reach, filters, cursor, limit + 1)
        return [AlertView(**_shared(each, case)) for each, case in found]

    items = await context_of(request).database.read(ask)
    return AlertList(items[:limit], items[limit - 1].id if len(items) > limit else None)


@get("/alerts/refusals", opt={"action": "device.manage"})
async def get_refusals(
    request: AnyRequest,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
) -> RefusalList:
    """Lists rejected messages by day, way and reason, with the newest sample; by default the last seven days."""
    check_moments(**{"from": first, "to": last})
    until = last or shanghai_date(context_of(request).clock())
    ask = partial(refusals, first=first or until - _WEEK, last=until)
    return RefusalList(await context_of(request).database.read(ask))


@get("/alerts/{alert_id:uuid}", opt={"action": "alert.see"})
async def get_alert(request: AnyRequest, alert_id: FromPath[UUID]) -> AlertDetail:
    """Returns an alert with its measurements of the hour around it."""
    reach = scope(person_of(request), "alert.see")

    def ask(repository: Repository) -> AlertDetail:
        found = alerts_page(repository, reach, AlertFilters(alert=alert_id), None, 1)
        if not found:
            raise Missing("alert")
        ((alert, case),) = found
        return AlertDetail(**_shared(alert, case), points=alert.points, worst_raw=alert.worst_raw)

    return await context_of(request).database.read(ask)


def _shared(alert: Alert, case: Named | None) -> dict[str, Any]:
    return {name: getattr(alert, name) for name in AlertView.__struct_fields__ if name != "case"} | {"case": case}


ROUTES = [post_alerts, get_alerts, get_refusals, get_alert]
