"""An office on a running server that has a row for each path of the OpenAPI document."""

import hashlib
import hmac
import json
import re
import time
import uuid
from contextlib import ExitStack, closing, contextmanager
from urllib.parse import parse_qsl, urlsplit

from api.app import assemble_app
from api.settings import load_settings
from inspections.accounts.policy import POLICY
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY
from tests.builders.contract import GOLDEN
from tests.builders.process import Process

DOCUMENT = json.loads(GOLDEN.read_text())
ROLES = ("officer", "inspector", "supervisor", "handler", "admin")
FIRST = (
    "POST /api/v1/hazards",
    "POST /api/v1/hazards/{hazard_id}/steps",
    "POST /api/v1/devices",
    "POST /api/v1/people",
)
"""Their examples make what other examples are about: a hazard that is accepted and assigned, a device, a person."""
PLACES = {
    "code": "EV-03",
    "checklist": "e-bike-shed",
    "year": "2027",
    "device_id": "A-1",
    "username": "new",
    "provider": "wechat",
    "kind": "assign",
    "token": "0" * 43,
    "size": "320",
}
SIGN_OUT = {"POST /api/v1/auth/logout", "POST /api/v1/me/devices/revoke"}
LISTS = {
    "request_id": ("admin", "/admin-requests"),
    "alert_id": ("officer", "/alerts"),
    "delegation_id": ("supervisor", "/delegations"),
    "delivery_id": ("admin", "/deliveries"),
    "rule_id": ("supervisor", "/dispatch-rules"),
    "notice_id": ("handler", "/inbox"),
    "key_id": ("admin", "/keys"),
    "briefing_id": ("officer", "/statistics/briefings"),
    "phone": ("officer", "/me/devices"),
}
"""The lists whose first item the paths are about: who reads it, and where."""


def examples():
    """Yields operation, name and value of each example body."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            named = content.get("examples") or {"body": {"value": content.get("example")}}
            for name, example in named.items():
                yield f"{method.upper()} {path}", name, example["value"]


def in_order(found):
    return sorted(found, key=lambda each: FIRST.index(each[0]) if each[0] in FIRST else len(FIRST))


def find_actions():
    """`METHOD path` → the action that the policy names."""
    return {
        f"{method} {route.path_format}": handler.opt["action"]
        for route in assemble_app(load_settings({})).routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
    }


class Sender:
    """Sends examples, each by a role that may, and remembers what answers bring for other examples."""

    def __init__(self, process, stack):
        self.process = process
        self.people = {role: stack.enter_context(closing(process.client(role))) for role in ROLES}
        self.actions = find_actions()
        self.places = dict(PLACES)
        self.secret = None
        self.signed_out = set()

    def find_role(self, operation, name):
        action = f"step.{name}" if operation.endswith("{hazard_id}/steps") else self.actions[operation]
        may = {role for each, roles in POLICY.items() if each.startswith(action) for role in roles}
        return next((role for role in ROLES if role in may), "admin")

    def send(self, operation, name, body):
        method, template = operation.split()
        path = re.sub(r"\{(\w+)\}", lambda found: self.places[found[1]], template)
        raw = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if operation == "POST /api/v1/alerts":
            headers |= self.sign(raw)
        elif template.startswith("/api/"):
            headers["Authorization"] = self.people[self.find_role(operation, name)].headers["Authorization"]
        else:
            headers["Accept"] = "application/json"
        return self.process.ask(method, path, content=raw, headers=headers)

    def sign(self, raw):
        stamp = str(int(time.time()))
        digest = hmac.new(self.secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
        return {"Anxun-Device": "A-1", "Anxun-Timestamp": stamp, "Anxun-Signature": f"v1={digest}"}

    def headers_of(self, operation, role):
        """The headers by which a role signs in; empty for nobody. A role that an operation signs out signs in anew."""
        if role is None:
            return {}
        if role in self.signed_out:
            with closing(self.process.client(role)) as client:
                self.people[role].headers["Authorization"] = client.headers["Authorization"]
            self.signed_out.discard(role)
        if operation in SIGN_OUT:
            self.signed_out.add(role)
        return {"Authorization": self.people[role].headers["Authorization"]}

    def places_of(self, template):
        """The values of the parameters in a path."""
        names = re.findall(r"\{(\w+)\}", template)
        phone = {"device_id": self.places["phone"]} if "/me/" in template or "/people/" in template else {}
        return {name: {**self.places, **phone}[name] for name in names}

    def remember(self, operation, answer):
        if operation == "POST /api/v1/hazards":
            self.places["hazard_id"] = answer["hazard"]["id"]
        elif operation == "POST /api/v1/devices":
            self.secret = answer["secret"]
        elif operation.endswith("{hazard_id}/links"):
            self.places["token"] = urlsplit(answer["addresses"]["url"]).path.rpartition("/")[2]
            self.places["link_id"] = answer["link"]["id"] if "link" in answer else answer["id"]
        elif operation == "POST /api/v1/ledger/exports":
            self.places["export_id"] = answer["id"]


@contextmanager
def open_sender(folder, **settings):
    """Starts a server on the demo office; yields a sender for it."""
    process = Process(folder / "data", **settings).start()
    with ExitStack() as stack:
        yield Sender(process, stack)
        assert process.process.poll() is None
    process.stop()


def fill_office(sender):
    """Sends every example, a photo and the first half of another; then every path has something to be about."""
    for operation, name, body in in_order(examples()):
        answer = sender.send(operation, name, body)
        if answer.is_success and answer.content:
            sender.remember(operation, answer.json())
    inspector = sender.people["inspector"]
    picture = draw_sample_photo(str(uuid.uuid4()), "EB-01", MONDAY)
    digest = hashlib.sha256(picture).hexdigest()
    assert inspector.put(f"/photos/{digest}", content=picture).is_success
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "20000"}
    upload = inspector.post("/uploads", headers=tus).headers["location"].rpartition("/")[2]
    sender.places |= {"sha256": digest, "upload_id": upload}
    for name, (role, path) in LISTS.items():
        items = sender.people[role].get(path).json()["items"]
        sender.places[name] = str(items[0].get("id")) if items else str(uuid.uuid4())
    links = {"photos": [{"sha256": digest, "size": "320"}]}
    signed = inspector.post("/photos/links", json=links).json()["links"][0]["url"]
    sender.signature = dict(parse_qsl(urlsplit(signed).query))
