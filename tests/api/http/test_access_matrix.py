"""Proves the status of every route for every role, and for nobody, on own, foreign and missing objects.

A missing cell fails the test, and so does a route without a line. A cell `own/foreign/nowhere` gives the status for a
person's own object, for one of the other office, and for one that does not exist; a single status stands for all
three, or for a route that names no object. The last two must look the same to everybody, in body and status.
"""

import re
import uuid
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from inspections.accounts.admin_requests import AdminRequest
from inspections.accounts.api_keys import ApiKey
from inspections.accounts.delegations import Delegation
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import Scope
from inspections.accounts.sessions import Session
from inspections.change import Change
from inspections.ledger.exports import Export, ExportForm, ExportState
from inspections.ledger.selection import Selection
from inspections.monitoring.alerts import Alert, Grade, Metric, MonitorKind
from inspections.monitoring.devices import Monitor
from inspections.notices.outbox import Delivery, InboxEntry, Notice
from inspections.remediation.dispatch_rules import DispatchRule
from inspections.statistics.briefing import Briefing
from tests.builders.api import HERE, MONDAY, PASSWORD, THERE, body, problem

ROLES = tuple(role.value for role in Role)
NOWHERE = "01900000-0000-7000-8000-000000000000"


CELLS = (Path(__file__).parents[1] / "matrix.txt").read_text()
"""The table has a line for each route; its columns are ROLES."""


class Things(NamedTuple):
    """The ids that the requests of one column name; by default none of them exists."""

    hazard: str = NOWHERE
    photo: str = "0" * 64
    upload: str = NOWHERE
    link: str = NOWHERE
    person: str = "nobody"
    delegation: str = NOWHERE
    request: str = NOWHERE
    rule: str = NOWHERE
    entry: str = NOWHERE
    delivery: str = NOWHERE
    area: str = "999999999999"
    device: str = NOWHERE
    theirs: str = NOWHERE
    key: str = NOWHERE
    briefing: str = NOWHERE
    export: str = NOWHERE
    monitor: str = "nothing"
    alert: str = NOWHERE


def _store(api, *records):
    database = api.client.app.state.context.database
    api.client.blocking_portal.call(database.transact, lambda _: Change(None, records))


def _ensure_account(api, role):
    """Create an account with the administrator's scope if the demo office has none for the role."""
    if role in api.tokens:
        return
    if role == Role.DEVICE:  # a device has no account, but a key of its own
        far = "2027-01-31T00:00:00Z"
        wanted = {"id": str(uuid.uuid4()), "name": "电表", "role": role, "scope": HERE, "expires_at": far}
        api.tokens[role] = api.post("admin", "/keys", wanted).json()["token"]
        return
    admin = api.client.blocking_portal.call(
        api.client.app.state.context.database.read, lambda repository: repository.person("admin")
    )
    grants = tuple(Grant(Role(role), grant.scope) for grant in admin.grants)
    _store(api, Person(role, role, grants, admin.password, demo=True))
    _sign_in_again(api, role)


SIGN_OUT = {"POST /me/devices/revoke", "POST /auth/logout"}
"""These routes end the token that they are called with."""


def _sign_in_again(api, role):
    answer = api.post(None, "/auth/login", {"username": role, "password": PASSWORD})
    api.tokens[role] = answer.json()["access_token"]


def _create_things(api, role, community):
    """Create things in one office; `role` is assigned and notified, and begins an upload, where it may."""
    here = community == HERE
    inspector, officer = ("inspector", "officer") if here else ("inspector2", "officer2")
    photo = api.photo(inspector)
    party = {"kind": "merchant", "name": "某店"}
    hazard = api.report(
        inspector, community=community, responsible_party=party, photos=[{"sha256": photo, "stage": "before"}]
    )
    hazard = api.take_step(officer, hazard, "accept")
    if here:
        hazard = api.take_step(officer, hazard, "assign", lead="handler")
    sender = role if here and role in {"inspector", "officer", "handler", "supervisor"} else inspector
    begun = api.call(sender, "POST", "/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "99"})
    link = api.post(officer, f"/hazards/{hazard['id']}/links", {"id": str(uuid.uuid4())}).json()["link"]["id"]
    ids = [uuid.uuid4() for _ in range(12)]
    told = role if here and role != Role.DEVICE else inspector
    notice = Notice(ids[0], "report", MONDAY, uuid.UUID(hazard["id"]), 1, told_at=MONDAY)
    lead, giver = ("handler", "supervisor") if here else ("inspector2", "officer2")
    far = MONDAY.replace(year=2027)
    soon = MONDAY.replace(month=12)  # if it had begun, the officer would be a supervisor
    _store(
        api,
        notice,
        Session(ids[5], told, "phone", MONDAY, far, MONDAY),
        Session(ids[6], lead, "phone", MONDAY, far, MONDAY),
        InboxEntry(ids[1], told, notice.id, MONDAY),
        Delivery(ids[2], notice.id, "webhook", "", (told,), notice.hazard, 1, MONDAY, dead_at=MONDAY),
        DispatchRule(ids[3], community, lead=lead, category="WN-03", group=None, assisting=(), accepts=False),
        Briefing(ids[8], MONDAY, "admin", MONDAY.date(), MONDAY.date(), (community,), BRIEFED),
        ApiKey(ids[7], "大屏", Role.ANALYST, community, "admin", MONDAY, far, str(ids[7])),
        _failed_export(ids[9], told),
        *_monitored(ids[10], community),
        AdminRequest(ids[11], lead, "admin", MONDAY, None),
        Delegation(ids[4], giver, officer, Role.SUPERVISOR, community, soon, far, "出差", MONDAY),
    )
    made = dict(
        zip(
            (
                "entry",
                "delivery",
                "rule",
                "delegation",
                "device",
                "theirs",
                "key",
                "briefing",
                "export",
                "alert",
                "request",
            ),
            map(str, ids[1:]),
            strict=True,
        )
    )
    upload = begun.headers["location"].rpartition("/")[2]
    return Things(hazard["id"], photo, upload, link, lead, area=community, monitor=f"M-{community}", **made)


def _monitored(alert_id, community):
    name, limits = f"M-{community}", {}
    place = ("总箱", MonitorKind.MAINS, community, "1幢", None, "canonical", limits)
    yield Monitor(name, *place, "admin", MONDAY, "secret")
    measured = (1, MONDAY, MONDAY, 310.0, 310.0, "", None, MONDAY)
    yield Alert(alert_id, name, Metric.RESIDUAL_CURRENT, community, Grade.WARN, *measured)


def _failed_export(export_id, by):
    """Return an export that has failed, so that no worker changes it."""
    reach = Scope("", (), ())
    failed = Export(export_id, by, ExportForm.XLSX, False, Selection(reach, reach), MONDAY)  # noqa: FBT003
    return replace(failed, state=ExportState.FAILED)


DAYS = {"from": "2026-11-23", "to": "2026-11-23"}
BRIEFED = {
    **dict.fromkeys(("title", "text", "year"), ""),
    "items": [],
    "total": {},
    "figures": [],
    "period": DAYS,
    "prior": DAYS,
    "year_before": DAYS,
}
TUS = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
STEP = {"step": "note", "version": 99, "note": "…"}
TERM = {"amount": 3, "unit": "working_days"}
POLICY = {"name": "堆物", "group": "楼道", "priority": "low", "term": TERM, "unit": "处"}


def _request(route, t):
    """Return method, path, JSON, bytes and headers of a request about `t`."""
    new = {"id": str(uuid.uuid4())}
    grants, begun, over = [{"role": "handler", "scope": t.area}], "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"
    lent = {"to": "officer", "since": begun, "until": over, "reason": "出差", "scope": t.area}
    given = {
        "POST /auth/password": {"password": PASSWORD, "new_password": "for everybody who tries"},
        "POST /me/identities/wechat": {"code": "x", "password": PASSWORD},
        "POST /parties/data": {"name": "无此人"},
        "POST /parties/erasures": {**new, "name": "无此人", "reason": "…"},
        "POST /me/totp": {"password": PASSWORD},
        "POST /me/totp/confirm": {"code": "123456"},
        "POST /me/totp/remove": {"password": PASSWORD, "code": "123456"},
        "POST /people": {"username": "new", "name": "新", "password": PASSWORD, "grants": grants},
        "POST /people/{person}": {"version": 99, "active": True},
        "POST /delegations": {**new, **lent},
        "POST /keys": {**new, "name": "大屏", "scope": t.area, "expires_at": over},
        "POST /rules": {"version": 7, "rules": {}},
        "POST /categories/EV-03": POLICY,
        "POST /calendar/2026": {"source": "…", "days": []},
        "POST /notice-templates/assign": {"version": 7, "title": "…", "text": "…"},
        "POST /dispatch-rules": {**new, "community": t.area, "category": "WN-03", "lead": t.person},
        "POST /hazards": body(community=t.area),
        "POST /hazards/{hazard}/steps": {**new, **STEP},
        "POST /hazards/{hazard}/erasures": {**new, "fields": ["name"], "reason": "…"},
        "POST /hazards/{hazard}/links": {**new, "days": 3},
        "POST /hazards/steps": {"items": [{"hazard": t.hazard, "step": {**new, **STEP}}]},
        "POST /photos/links": {"photos": [{"sha256": t.photo}]},
    }.get(route)  # fmt: skip
    method, path = route.split(" ")
    headers = TUS if "/uploads" in path else {}
    if route == "POST /uploads/{upload}":
        headers = {**TUS, "X-HTTP-Method-Override": "PATCH"}
    if route == "POST /uploads":
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "9"}
    content = b"no picture" if method == "PUT" or path in {"/photos", "/uploads"} or method == "PATCH" else None
    return method, path.format(**t._asdict()), given, content, headers


def _answer(api, who, route, t):
    """Return the status and the body, without the ids that the request named."""
    method, path, given, content, headers = _request(route, t)
    sent = {"json": given} if given is not None else {"content": content or b""}
    answer = api.call(who, method, path, headers=headers, **sent)
    text = answer.text if "json" in answer.headers.get("content-type", "") else ""
    for named in t:
        text = text.replace(named, "·")
    return answer.status_code, text


def _lines():
    for line in CELLS.strip().splitlines():
        method, path, *cells = line.split()
        columns = max(cell.count("/") + 1 for cell in cells)
        whole = [cell.split("/") if "/" in cell else [cell] * columns for cell in cells]
        yield f"{method} {path}", dict(zip(ROLES, whole, strict=True))


ROUTES = dict(_lines())


@pytest.mark.parametrize("role", ROLES)
def test_every_route_answers_a_role_as_its_cell_says(api, role):
    _ensure_account(api, role)
    own, foreign, nothing = _create_things(api, role, HERE), _create_things(api, role, THERE), Things()
    wrong, seen = [], []
    for route, cells in ROUTES.items():
        if route in SIGN_OUT and role != Role.DEVICE:
            _sign_in_again(api, role)
        columns = [own, foreign, nothing][: len(cells[role])]
        answers = [_answer(api, role, route, t) for t in columns]
        came = [str(status) for status, _ in answers]
        wrong += [(route, cells[role], came)] if came != cells[role] else []
        seen += [(route, answers[1:])] if len(answers) > 1 and answers[1] != answers[2] else []
    assert not wrong, wrong
    assert seen == []  # a foreign object looks like a missing one


@pytest.mark.parametrize("kind", ["expired", "revoked", "none", "empty", "nonsense", "basic", "no ascii"])
def test_every_route_answers_401_without_a_valid_token(api, kind):
    own = _create_things(api, "officer", HERE)
    token = api.post(None, "/auth/login", {"username": "officer", "password": PASSWORD}).json()["access_token"]
    if kind == "revoked":
        assert api.call(None, "POST", "/auth/logout", headers={"Authorization": f"Bearer {token}"}).status_code == 204
    if kind == "expired":
        api.clock.advance(minutes=15)
    shown = {
        "empty": b"Bearer",
        "nonsense": b"Bearer nonsense",
        "basic": b"Basic eDp4",
        "no ascii": b"bearer anxa_\xe9",
    }
    bearer = {} if kind == "none" else {"Authorization": shown.get(kind, f"Bearer {token}".encode())}
    for route in ROUTES:
        for t in (own, Things()):
            method, path, _, _, headers = _request(route, t)
            answer = api.call(None, method, path, headers={**headers, **bearer}, content=b"{}")
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), route
            if method != "HEAD":
                problem(answer, 401, "auth.required")


PUBLIC = {
    *("POST /auth/login", "POST /auth/refresh", "POST /auth/external/*", "GET /limits"),
    "POST /alerts",  # by a device's signature alone
    *(f"{method} /photos/*/*" for method in ("GET", "HEAD")),  # by a signed address alone
}


def test_every_route_of_the_app_has_a_line_in_the_matrix(api):
    listed = {
        re.sub(r"\{[^}]*\}|(?<=/)(EV-03|assign|2026|wechat|e-bike-shed)(?=/|$)", "*", route.partition("?")[0])
        for route in ROUTES
    }
    there = {
        f"{method} {re.sub(r'{[^}]*}', '*', route.path.removeprefix('/api/v1'))}"
        for route in api.client.app.routes
        if route.path.startswith("/api/v1")
        for method in route.methods
        if method != "OPTIONS"
    }
    assert there == listed | PUBLIC
