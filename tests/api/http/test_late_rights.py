"""Rights that end while a request body is still on its way do not count any more when it has come."""

import json
import socket
import time
import uuid
from contextlib import ExitStack, closing

import pytest

from tests.builders.api import HERE, body
from tests.builders.delegations import delegation_request
from tests.builders.people import new_person
from tests.builders.postgres import new_database
from tests.builders.process import Process

PASSWORD = "correct horse battery"


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request, tmp_path):
    with ExitStack() as stack:
        url = stack.enter_context(new_database()) if request.param == "postgresql" else None
        server = Process(tmp_path / "data", ANXUN_DATABASE=url).start()
        yield server
        server.stop()


@pytest.fixture
def admin(server):
    with closing(server.client("admin")) as client:
        yield client


class SlowRequest:
    """A request whose body stops in the middle until the test goes on."""

    def __init__(self, server, token, path, content, content_type="application/json"):
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._rest = raw[len(raw) // 2 :]
        self._connection = socket.create_connection(("127.0.0.1", server.port))
        head = (
            f"POST /api/v1{path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", "Connection: close",
            f"Content-Type: {content_type}", f"Content-Length: {len(raw)}", "", "",
        )  # fmt: skip
        self._connection.sendall("\r\n".join(head).encode() + raw[: len(raw) // 2])

    def finish(self):
        """Sends the rest; returns the status and the problem's code."""
        self._connection.sendall(self._rest)
        answer = b""
        with self._connection:
            while piece := self._connection.recv(65536):
                answer += piece
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(content[content.index(b"{") : content.rindex(b"}") + 1]).get("code")


def make_account(admin, server, **facts):
    """Makes an account; returns its token."""
    assert admin.post("/people", json=new_person(**facts)).status_code == 201
    return sign_in(server, facts.get("username", "han"))


def sign_in(server, username, password=PASSWORD):
    sent = {"username": username, "password": password}
    return server.ask("POST", "/api/v1/auth/login", json=sent).json()["access_token"]


def test_a_request_held_open_ends_with_the_rights_of_its_sender(server, admin):
    token = make_account(admin, server)
    form = b'--b\r\nContent-Disposition: form-data; name="report"\r\n\r\n%s\r\n--b--\r\n'
    multipart = "multipart/form-data; boundary=b"
    slow = [
        SlowRequest(server, token, "/hazards", body()),
        SlowRequest(server, token, "/hazards", form % json.dumps(body()).encode(), multipart),
        SlowRequest(server, token, "/hazards/steps", {"items": [{"hazard": str(uuid.uuid4()), "step": {}}]}),
    ]
    narrowed = SlowRequest(server, token, "/hazards", body())
    fine = SlowRequest(server, make_account(admin, server, username="sun"), "/hazards", body())
    time.sleep(1.1)  # a token is remembered for a second
    assert fine.finish() == (201, None)
    elsewhere = [{"role": "inspector", "scope": "330402009037"}]
    assert admin.post("/people/han", json={"version": 1, "grants": elsewhere}).status_code == 200
    time.sleep(1.1)
    assert narrowed.finish() == (404, "community.not_found")
    assert admin.post("/people/han", json={"version": 2, "active": False}).status_code == 200
    assert [each.finish() for each in slow] == [(401, "auth.required")] * 3
    assert [each["reporter"] for each in server_hazards(server)] == ["sun"]


def test_a_delegation_that_is_revoked_in_the_middle_of_a_request_ends_it(server, admin):
    token = make_account(admin, server, grants=[{"role": "handler", "scope": HERE}])
    with closing(server.client("supervisor")) as supervisor:
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time()))
        late = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        lent = supervisor.post("/delegations", json=delegation_request(since=soon, until=late))
        assert lent.status_code == 201, lent.text
        with closing(server.client("inspector")) as inspector:
            hazard = inspector.post("/hazards", json=body()).json()["hazard"]
        time.sleep(1.1)
        step = {"step": "note", "version": 1, "note": "代为督办"}
        steps = [{"id": str(uuid.uuid4()), **step, "version": version} for version in (1, 2)]
        slow = [SlowRequest(server, token, f"/hazards/{hazard['id']}/steps", each) for each in steps]
        time.sleep(1.1)
        assert slow[0].finish() == (200, None)
        assert supervisor.post(f"/delegations/{lent.json()['id']}/revoke").status_code == 200
        time.sleep(1.1)  # a busy server may have begun to read only now, and trusts what it knows for a second
        assert slow[1].finish() == (404, "hazard.not_found")


def test_an_import_that_is_still_coming_ends_with_the_administrator_s_rights(server, admin):
    boss = {"username": "boss", "grants": [{"role": "admin", "scope": HERE}]}
    token = make_account(admin, server, **boss)
    lines = f"id,kind,community,place\nX-1,mains,{HERE},1\n".encode()
    slow = SlowRequest(server, token, "/devices/import?apply=true", lines, "application/octet-stream")
    time.sleep(1.1)
    assert admin.post("/people/boss/devices/revoke").status_code == 200
    assert slow.finish() == (401, "auth.required")
    assert admin.get("/devices").json()["items"] == []


def server_hazards(server):
    with closing(server.client("officer")) as officer:
        return officer.get("/hazards").json()["items"]
