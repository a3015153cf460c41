"""Builds valid requests of every kind, as bytes, for a running server."""

import json
import uuid
from datetime import UTC, datetime
from typing import NamedTuple

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import HERE, MONDAY, PASSWORD, body

ROLES = ("inspector", "officer", "handler", "supervisor", "analyst", "admin")
AFTER_TUS = "application/offset+octet-stream"


class Message(NamedTuple):
    """A request: its lines without Content-Length, and its body."""

    lines: list[bytes]
    body: bytes

    def raw(self, length=None):
        size = len(self.body) if length is None else length
        return b"\r\n".join([*self.lines, b"Content-Length: %d" % size, b"", b""]) + self.body


def build_message(method, path, token, content=b"", *more, kind="application/json"):
    first = f"{method} {path} HTTP/1.1"
    headers = [f"Authorization: Bearer {token}", f"Content-Type: {kind}", "Connection: close", "Host: x", *more]
    return Message([line.encode() for line in (first, *headers)], content)


def build_form(picture):
    """Builds a form of a report and its photo, with the boundary `b`."""
    part = b"--b\r\nContent-Disposition: form-data; name="
    report_part = part + b'"report"\r\n\r\n' + json.dumps(body(photos=[])).encode() + b"\r\n"
    return report_part + part + b'"photo"; filename="a.jpg"\r\n\r\n' + picture + b"\r\n--b--\r\n"


def readable_paths(hazard, digest, cursor, door):
    """Lists the paths that each person reads."""
    found = "state=reported&q=%E5%B9%A2&found_from=2026-11-01T00:00:00Z&limit=5&group=EB&overdue=false"
    counted = "from=2026-01-01&to=2026-12-31&street=330402009"
    return {
        "inspector": [
            *("/me", "/limits", "/communities", "/categories", "/inbox?unread=true"),
            *(f"/photos/{digest}{more}" for more in ("", "?size=320", "?size=1280", f"?size=1280&watermark={hazard}")),
            door,
        ],
        "officer": [
            *(f"/hazards/{hazard}{more}" for more in ("", "/history", "/links")),
            *(f"/sync?cursor={cursor}&limit=5", f"/hazards?{found}"),
        ],
        "analyst": [f"/statistics/communities?{counted}", "/hazards?limit=1"],
        "admin": [
            "/people?role=handler",
            "/people/handler",
            "/calendar/2026",
            "/rules",
            "/deliveries",
            "/notice-templates",
        ],
        "supervisor": ["/delegations", "/dispatch-rules"],
    }


def posted_bodies(hazard, digest, report, rules, days):
    """Lists the JSON that people post: (username, path, content)."""

    def new(**facts):
        return {"id": str(uuid.uuid4()), **facts}

    steps = f"/hazards/{hazard}/steps"
    grants = [{"role": "handler", "scope": HERE}]
    both = [{"sha256": digest, "stage": stage} for stage in ("before", "after")]
    spot = {"method": "移出", "quantity_done": 1}
    since = report["found_at"]
    noted = {"hazard": hazard, "step": new(version=1, step="note", note="x")}
    return [
        ("inspector", "/hazards", report | new()),
        ("inspector", "/hazards", report | new(fixed_on_spot=spot, photos=both)),
        ("inspector", "/photos/links", {"photos": [{"sha256": digest, "size": "320"}]}),
        ("inspector", "/auth/login", {"username": "inspector", "password": PASSWORD, "device": "x"}),
        ("inspector", "/auth/refresh", {"refresh_token": "anxr_x"}),
        ("officer", steps, new(version=1, step="accept", severity="general", priority="high")),
        ("officer", steps, new(version=2, step="assign", lead="handler", assisting=[])),
        ("officer", "/hazards/steps", {"items": [noted]}),
        ("officer", f"/hazards/{hazard}/links", new(days=3)),
        ("admin", f"/hazards/{hazard}/erasures", new(reason="x", fields=["description"])),
        ("admin", "/people", {"username": "new", "name": "新", "password": PASSWORD, "grants": grants}),
        ("admin", "/calendar/2026", {"source": "x", "days": days}),
        ("admin", "/rules", {"version": 0, "rules": rules}),
        ("admin", "/notice-templates/assign", {"version": 0, "title": "{number}", "text": "{place}"}),
        ("supervisor", "/delegations", new(to="officer", reason="x", since=since, until="2027-01-01T00:00:00Z")),
    ]


def build_requests(process):
    """Builds every request with the token of a person who may send it."""
    people = {name: process.client(name) for name in ROLES}
    token = {name: client.headers["Authorization"].removeprefix("Bearer ") for name, client in people.items()}
    inspector, officer = people["inspector"], people["officer"]
    picture = draw_sample_photo(str(uuid.uuid4()), "EB-01", MONDAY)
    digest = inspector.post("/photos", files={"file": picture}).json()["photos"][0]["sha256"]
    report = body(
        photos=[{"sha256": digest, "stage": "before"}],
        responsible_party={"kind": "merchant", "name": "某店", "phone": "0573-1234567"},
        point={"lat": 30.77, "lon": 120.75, "crs": "gcj02", "accuracy_m": 5},
        found_at=datetime.now(UTC).isoformat(),
    )
    hazard = inspector.post("/hazards", json=report).json()["hazard"]["id"]
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(picture))}
    upload = inspector.post("/uploads", headers=tus).headers["location"]
    link = officer.post(f"/hazards/{hazard}/links", json={"id": str(uuid.uuid4()), "days": 3}).json()
    door = "/f/" + link["addresses"]["url"].rpartition("/")[2]
    asked = readable_paths(hazard, digest, officer.get("/sync").json()["cursor"], door)
    year = people["admin"].get("/calendar/2026").json()["days"]
    days = [{name: each[name] for name in ("day", "working", "name")} for each in year]
    told = posted_bodies(hazard, digest, report, people["admin"].get("/rules").json()["rules"], days)
    resumed = [f"{name}: {value}" for name, value in tus.items()]
    by_form = "multipart/form-data; boundary=b"
    fixed = {"step": "submit_fix", "version": 1, "method": "移出", "quantity_done": 1, "photos": []}
    fix = json.dumps({"id": str(uuid.uuid4()), **fixed}).encode()
    for client in people.values():
        client.close()

    def sent(who, method, path, content=b"", kind="application/json", *more):
        whole = path if path.startswith(("/f/", "/api/")) else f"/api/v1{path}"
        return build_message(method, whole, token[who], content, *more, kind=kind)

    return [
        *(sent(who, "GET", path) for who, paths in asked.items() for path in paths),
        *(sent(who, "POST", path, json.dumps(document, ensure_ascii=False).encode()) for who, path, document in told),
        sent("inspector", "POST", "/hazards", build_form(picture), by_form),
        sent("inspector", "POST", "/photos", build_form(picture)[build_form(picture).index(b"--b", 3) :], by_form),
        sent("inspector", "PUT", f"/photos/{digest}", picture, "image/jpeg"),
        sent("inspector", "POST", "/uploads", b"", AFTER_TUS, *resumed),
        sent("inspector", "PATCH", upload, picture[:999], AFTER_TUS, resumed[0], "Upload-Offset: 0"),
        sent("inspector", "HEAD", upload, b"", AFTER_TUS, resumed[0]),
        sent("inspector", "POST", f"{door}/steps", fix),
    ]
