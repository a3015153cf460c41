"""Monitoring devices, by an administrator: registered, listed, changed, given new secrets."""

from datetime import datetime
from functools import partial

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Struct
from msgspec.structs import asdict

from api.bodies import AnyRequest, json_body
from api.house import house, person_of
from api.security_log import caller_of
from api.tokens import new_token
from inspections.actions.monitors import change_monitor, own_monitor, register_monitor, rotate_monitor
from inspections.alerts import DEFAULTS, Metric, MonitorKind, Thresholds
from inspections.errors import Invalid
from inspections.monitors import Monitor, NewMonitor
from inspections.places import Point
from inspections.policy import scope
from inspections.security import Event
from inspections.vendors import Vendor
from storage.alerts import monitors_within

_SECRET_PREFIX = "anxd_"  # noqa: S105  # how its secrets begin, so that a leaked one is recognised


class ChangedMonitor(NewMonitor, frozen=True, forbid_unknown_fields=True):
    """All of it anew. `active` false: what it sends is refused from now on."""

    active: bool = True


class MonitorView(Struct, frozen=True):
    """`thresholds`: what holds for each metric, its own or by its kind. `secrets`: how many are good."""

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
    secrets: int


class MonitorList(Struct, frozen=True):
    items: list[MonitorView]


class MonitorMade(Struct, frozen=True):
    """`secret` is said once; asked for the same again it is null, and `rotate` gives another."""

    device: MonitorView
    secret: str | None


def _view(monitor: Monitor) -> MonitorView:
    names = (name for name in MonitorView.__struct_fields__ if name not in {"thresholds", "secrets"})
    limits = {**DEFAULTS[monitor.kind], **monitor.thresholds}
    return MonitorView(
        **{name: getattr(monitor, name) for name in names}, thresholds=limits, secrets=len(monitor.secrets)
    )


@post("/devices", opt={"action": "device.manage", "body": NewMonitor})
async def post_device(request: AnyRequest) -> Response[MonitorMade]:
    """From now on it may send alerts, signed with the secret."""
    home, secret = house(request), new_token(_SECRET_PREFIX)
    asked: NewMonitor = await json_body(request, NewMonitor)
    action = partial(register_monitor, person=person_of(request), asked=asked, secret=secret, now=home.clock())
    facts = {"name": asked.name, "community": asked.community}
    made = await home.log.transact(action, Event.KEY_MADE, caller_of(request), asked.id, facts)
    status = HTTP_200_OK if made.repeated else HTTP_201_CREATED
    return Response(MonitorMade(_view(made.monitor), None if made.repeated else secret), status_code=status)


@get("/devices", opt={"action": "device.see"})
async def get_devices(request: AnyRequest) -> MonitorList:
    """All within reach, by their id."""
    reach = scope(person_of(request), "device.see")
    found = await house(request).database.read(partial(monitors_within, reach=reach))
    return MonitorList([_view(each) for each in found])


@get("/devices/{device_id:str}", opt={"action": "device.see"})
async def get_device(request: AnyRequest, device_id: FromPath[str]) -> MonitorView:
    """One."""
    ask = partial(own_monitor, person=person_of(request), monitor_id=device_id, action="device.see")
    return _view(await house(request).database.read(ask))


@post("/devices/{device_id:str}", opt={"action": "device.manage", "body": ChangedMonitor}, status_code=HTTP_200_OK)
async def change_device(request: AnyRequest, device_id: FromPath[str]) -> MonitorView:
    """What hangs where, and from which value on it alarms. Alerts that are open stay as they are."""
    home = house(request)
    asked: ChangedMonitor = await json_body(request, ChangedMonitor)
    if asked.id != device_id:
        raise Invalid(("id", "与地址中的设备编号不一致"))
    said = {name: value for name, value in asdict(asked).items() if name != "active"}
    action = partial(change_monitor, person=person_of(request), asked=NewMonitor(**said), active=asked.active)
    return _view(await home.log.transact(action, Event.RULES_EDITED, caller_of(request), device_id))


@post("/devices/{device_id:str}/rotate", opt={"action": "device.manage"}, status_code=HTTP_200_OK)
async def rotate_device(request: AnyRequest, device_id: FromPath[str]) -> MonitorMade:
    """A new secret; the one in use stays good beside it, the one before is good no more."""
    home, secret = house(request), new_token(_SECRET_PREFIX)
    action = partial(rotate_monitor, person=person_of(request), monitor_id=device_id, secret=secret)
    return MonitorMade(_view(await home.log.transact(action, Event.KEY_RENEWED, caller_of(request), device_id)), secret)


ROUTES = [post_device, get_devices, get_device, change_device, rotate_device]
