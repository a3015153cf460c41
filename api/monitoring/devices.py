"""Routes to register, list, change and maintain monitoring devices, and to rotate their secrets."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Struct
from msgspec.structs import asdict

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest, check_moments, json_body
from api.http.context import app_context, current_person
from api.http.file_reader import file_slot, read_uploaded_file
from api.http.queries import LIST_LIMIT, PageCursor, PageLimit, cut_page
from api.http.tokens import new_token
from inspections.accounts.policy import scope
from inspections.accounts.security_log import Event
from inspections.calendar import shanghai_date
from inspections.errors import InvalidInput
from inspections.ledger.choices import build_name_index
from inspections.monitoring.actions.devices import (
    MaintenancePlan,
    MonitorImportResult,
    change_monitor,
    end_maintenance,
    get_monitor,
    import_monitors,
    plan_maintenance,
    register_monitor,
    rotate_monitor_secret,
)
from inspections.monitoring.alerts import DEFAULT_THRESHOLDS, Metric, MonitorKind, Thresholds
from inspections.monitoring.device_import import MonitorImport
from inspections.monitoring.devices import MaintenanceWindow, Monitor, NewMonitor, Outage
from inspections.monitoring.faults import DeviceFault, FaultKind
from inspections.monitoring.vendors import Vendor
from inspections.places.coordinates import Point
from storage.file_reading import DevicesOrder
from storage.monitoring.queries import faults_page, monitors_page, outages_page
from storage.repository import Repository

FILE_BYTES = 2_000_000
_IMPORT = {"action": "device.manage", "body": bytes}
_WEEK = timedelta(days=6)
_PAGE = 100
"""Devices in a page: all of an office, whose map and list show every device."""
_SECRET_PREFIX = "anxd_"  # noqa: S105  # the prefix of device secrets, so that scanners recognise a leaked one


class MonitorUpdate(NewMonitor, frozen=True, forbid_unknown_fields=True):
    """The complete new state of a device. `active` false: its messages are refused from now on."""

    active: bool = True


class MonitorView(Struct, frozen=True):
    """A monitoring device. `thresholds`: the effective ones of each metric; `secrets`: the number of valid secrets.

    `silent_at`: when it counts as silent if nothing arrives; `outage`: its open outage; `maintenance`: its window.
    """

    id: str
    name: str
    kind: MonitorKind
    community: str
    place: str
    point: Point | None
    vendor: Vendor
    thresholds: dict[Metric, Thresholds]
    made_by: str
    made_at: datetime
    last_seen_at: datetime | None
    active: bool
    silent_after_h: int | None
    silent_at: datetime | None
    outage: UUID | None
    maintenance: MaintenanceWindow | None
    secrets: int


class MonitorViews(Struct, frozen=True, omit_defaults=True):
    """A page of devices. `next_cursor` is left out on the last one."""

    items: Sequence[MonitorView]
    next_cursor: str | None = None


class OutageList(Struct, frozen=True):
    """A page of outages, newest first. `next_cursor` is null on the last page."""

    items: list[Outage]
    next_cursor: UUID | None


class FaultList(Struct, frozen=True, omit_defaults=True):
    """A page of faults by day, newest first. `next_cursor` is left out on the last one."""

    items: Sequence[DeviceFault]
    next_cursor: str | None = None


class MonitorWithSecret(Struct, frozen=True):
    """A device with its secret, which is returned only once: a repeated request gets null, `rotate` makes another."""

    device: MonitorView
    secret: str | None


def _monitor_view(monitor: Monitor) -> MonitorView:
    names = (name for name in MonitorView.__struct_fields__ if name not in {"thresholds", "secrets"})
    limits = {**DEFAULT_THRESHOLDS[monitor.kind], **monitor.thresholds}
    return MonitorView(
        **{name: getattr(monitor, name) for name in names}, thresholds=limits, secrets=len(monitor.secrets)
    )


@post("/devices", opt={"action": "device.manage", "body": NewMonitor})
async def register_device(request: AnyRequest) -> Response[MonitorWithSecret]:
    """Registers a device, which may then send alerts signed with the secret."""
    context, secret = app_context(request), new_token(_SECRET_PREFIX)
    asked: NewMonitor = await json_body(request, NewMonitor)
    action = partial(register_monitor, person=current_person(request), asked=asked, secret=secret, now=context.clock())
    facts = {"name": asked.name, "community": asked.community}
    made = await context.log.transact(action, Event.KEY_MADE, current_caller(request), asked.id, facts)
    status = HTTP_200_OK if made.repeated else HTTP_201_CREATED
    return Response(
        MonitorWithSecret(_monitor_view(made.monitor), None if made.repeated else secret), status_code=status
    )


@get("/devices", opt={"action": "device.see"})
async def list_devices(request: AnyRequest, limit: PageLimit = LIST_LIMIT, cursor: PageCursor = None) -> MonitorViews:
    """Lists the devices in scope, by id."""
    reach = scope(current_person(request), "device.see")
    ask = partial(monitors_page, reach=reach, after=cursor, limit=limit + 1)
    found = await app_context(request).database.read(ask)
    more = found[limit - 1].id if len(found) > limit else None
    return MonitorViews([_monitor_view(each) for each in found[:limit]], more)


@get("/devices/{device_id:str}", opt={"action": "device.see"})
async def get_device(request: AnyRequest, device_id: FromPath[str]) -> MonitorView:
    """Returns one device."""
    ask = partial(get_monitor, person=current_person(request), monitor_id=device_id, action="device.see")
    return _monitor_view(await app_context(request).database.read(ask))


@post("/devices/{device_id:str}", opt={"action": "device.manage", "body": MonitorUpdate}, status_code=HTTP_200_OK)
async def change_device(request: AnyRequest, device_id: FromPath[str]) -> MonitorView:
    """Changes a device, its place and its thresholds. Open alerts stay as they are."""
    context = app_context(request)
    asked: MonitorUpdate = await json_body(request, MonitorUpdate)
    if asked.id != device_id:
        raise InvalidInput(("id", "与地址中的设备编号不一致"))
    fields = {name: value for name, value in asdict(asked).items() if name != "active"}
    action = partial(
        change_monitor,
        person=current_person(request),
        asked=NewMonitor(**fields),
        now=context.clock(),
        active=asked.active,
    )
    return _monitor_view(await context.log.transact(action, Event.RULES_EDITED, current_caller(request), device_id))


@post("/devices/{device_id:str}/rotate", opt={"action": "device.manage"}, status_code=HTTP_200_OK)
async def rotate_device_secret(request: AnyRequest, device_id: FromPath[str]) -> MonitorWithSecret:
    """Makes a new secret. The current one stays valid beside it; the one before becomes invalid."""
    context, secret = app_context(request), new_token(_SECRET_PREFIX)
    action = partial(rotate_monitor_secret, person=current_person(request), monitor_id=device_id, secret=secret)
    return MonitorWithSecret(
        _monitor_view(await context.log.transact(action, Event.KEY_RENEWED, current_caller(request), device_id)), secret
    )


@post(
    "/devices/{device_id:str}/maintenance",
    opt={"action": "device.manage", "body": MaintenancePlan},
    status_code=HTTP_200_OK,
)
async def plan_device_maintenance(request: AnyRequest, device_id: FromPath[str]) -> MonitorView:
    """Sets a maintenance window. During it alarms are stored but open no case, and silence is no outage."""
    context = app_context(request)
    asked: MaintenancePlan = await json_body(request, MaintenancePlan)
    check_moments(**{"from": asked.first, "until": asked.last})
    action = partial(
        plan_maintenance, person=current_person(request), monitor_id=device_id, asked=asked, now=context.clock()
    )
    return _monitor_view(await context.log.transact(action, Event.RULES_EDITED, current_caller(request), device_id))


@post("/devices/{device_id:str}/maintenance/end", opt={"action": "device.manage"}, status_code=HTTP_200_OK)
async def end_device_maintenance(request: AnyRequest, device_id: FromPath[str]) -> MonitorView:
    """Ends the maintenance window early. A persisting alarm opens a case with its next message."""
    context = app_context(request)
    action = partial(end_maintenance, person=current_person(request), monitor_id=device_id, now=context.clock())
    return _monitor_view(await context.log.transact(action, Event.RULES_EDITED, current_caller(request), device_id))


@post("/devices/import", opt=_IMPORT, status_code=HTTP_200_OK, request_max_body_size=FILE_BYTES)
async def import_devices(request: AnyRequest, apply: FromQuery[bool] = False) -> MonitorImportResult:
    """Imports a CSV file: `id`, `kind`, `community`, `place`, and `name`, `lat`, `lon`, `crs`, `vendor` if known.

    Without `apply` it only previews the result. With it all devices are registered or, on any error, none (422
    `file.lines`); the secrets of new devices are returned only once. Known devices stay unchanged.
    """
    context, username = app_context(request), current_person(request).username
    with file_slot(context, username):
        listing = await read_uploaded_file(
            request, context, DevicesOrder(await context.database.read(_community_codes)), MonitorImport
        )
        reach = scope(current_person(request), "device.manage")
        secrets = [new_token(_SECRET_PREFIX) for _ in listing.lines]
        action = partial(
            import_monitors, by=username, reach=reach, listing=listing, secrets=secrets, now=context.clock()
        )
        if not apply:
            return (await context.database.read(partial(action, apply=False))).answer
        facts, caller = {"lines": str(len(listing.lines))}, current_caller(request)
        return await context.log.transact(partial(action, apply=True), Event.IMPORTED, caller, "devices", facts)


def _community_codes(repository: Repository) -> dict[str, str]:
    return build_name_index(repository.communities(), ()).communities


@get("/devices/outages", opt={"action": "device.see"})
async def list_outages(
    request: AnyRequest,
    standing: Annotated[bool | None, QueryParameter(name="open")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
    cursor: FromQuery[UUID | None] = None,
) -> OutageList:
    """Lists the outages in scope, one for each period in which a device was silent. Outages are no hazards."""
    reach = scope(current_person(request), "device.see")
    ask = partial(outages_page, reach=reach, standing=standing, after=cursor, limit=limit + 1)
    found = await app_context(request).database.read(ask)
    return OutageList(found[:limit], found[limit - 1].id if len(found) > limit else None)


@get("/devices/faults", opt={"action": "device.see"})
async def list_faults(
    request: AnyRequest,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
    kind: FromQuery[tuple[FaultKind, ...]] = (),
    limit: PageLimit = LIST_LIMIT,
    cursor: PageCursor = None,
) -> FaultList:
    """Lists the faults of devices in scope, by default those of the last seven days. Faults are no hazards.

    `sensor`: values that no sensor measures. `power_on`: 85 °C of a sensor that has restarted. `unreadable`: messages
    that say alarm and otherwise cannot be read.
    """
    check_moments(**{"from": first, "to": last})
    until = last or shanghai_date(app_context(request).clock())
    reach = scope(current_person(request), "device.see")
    ask = partial(faults_page, reach=reach, days=(first or until - _WEEK, until), kinds=kind)
    page, more = cut_page(await app_context(request).database.read(ask), _fault_key, limit, cursor)
    return FaultList(page, more)


def _fault_key(fault: DeviceFault) -> str:
    return f"{fault.day} {fault.device} {fault.kind} {fault.metric}"


ROUTES = [
    register_device, list_devices, import_devices, list_outages, list_faults, get_device, change_device,
    rotate_device_secret, plan_device_maintenance, end_device_maintenance,
]  # fmt: skip
