"""Proves each cell of the table "What ends what" in docs/security.md over HTTP."""

import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pyotp
import pytest
from litestar.testing import TestClient

import api.accounts.sign_in.authentication
import api.sync.events
from api.accounts.sign_in.authentication import HASHER
from api.app import build_app
from api.http.tokens import hash_token
from api.settings import Settings
from api.sync.broadcaster import LiveFeed
from inspections.accounts.actions.sign_in import find_known_device
from inspections.accounts.people import Grant, Person, Role
from inspections.change import Change
from tests.builders.api import HERE, MONDAY, Api, Clock
from tests.builders.decision_links import store_link
from tests.builders.platforms import OWN, Platform
from tests.builders.sink import run_server
from tests.builders.waiting import PATIENCE, poll_until

TABLE = (Path(__file__).parents[3] / "docs" / "security.md").read_text().partition("## What ends what\n")[2]
PAGE = "https://anxun.example"
NEW = "another one of their own"
HEARTBEAT = timedelta(seconds=0.02)


def read_table():
    """Read the table: for each event, the cell of each credential."""
    lines = [line for line in TABLE.partition("\n## ")[0].splitlines() if line.startswith("|")]
    (_, *credentials), _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {event: dict(zip(credentials, cells, strict=True)) for event, *cells in rows}


# devices and accounts -------------------------------------------------------------------------------------------


class Device:
    """A signed-in device and its `credentials`: tokens or, if it is a page, cookies."""

    def __init__(self, office, username, *, page):
        self.office, self.username, self.page, self.offset, self.secret = office, username, page, 0, None
        credentials = {"username": username, "password": OWN, "page": page}
        self.keep(self.send("POST", "/auth/login", {}, json=credentials))
        self.id = next(each["id"] for each in self.get("/me/devices").json()["items"] if each["current"])
        self.credentials = {"device secret": self.is_known}
        if page:
            self.credentials["page cookie"] = lambda: self.get("/me")
            return
        begun = self.call("POST", "/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "99"})
        self.upload = begun.headers["location"].removeprefix("/api/v1")
        self.stream = office.listen(username, self.tokens["access_token"])
        self.credentials |= {
            "access token": lambda: self.get("/me"),
            "refresh token": lambda: self.renew(self.tokens),
            "tus upload": self.continue_upload,
        }

    def keep(self, answer):
        assert answer.status_code == 200, answer.text
        self.tokens = dict(answer.cookies) if self.page else answer.json()
        self.secret = self.tokens.get("__Host-anxun-device") or self.tokens.get("device_secret") or self.secret
        self.office.api.client.cookies.clear()  # each device has cookies of its own

    def send(self, method, path, tokens, headers=(), **options):
        """Send a request with these tokens, or without any."""
        if not self.page:
            shown = {"Authorization": f"Bearer {tokens['access_token']}"} if tokens else {}
            return self.office.api.call(None, method, path, headers={**shown, **dict(headers)}, **options)
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in tokens.items())} if tokens else {}
        headers = {"Origin": PAGE, **cookies, **dict(headers)}
        return self.office.api.call(None, method, f"{PAGE}/api/v1{path}", root=True, headers=headers, **options)

    def call(self, method, path, **options):
        return self.send(method, path, self.tokens, **options)

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        answer = self.call("POST", path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def renew(self, tokens):
        """Renew with these tokens, without storing the new ones."""
        body = {} if self.page else {"refresh_token": tokens["refresh_token"]}
        answer = self.send("POST", "/auth/refresh", tokens, json=body)
        if not self.page:
            self.office.api.client.cookies.clear()
        return answer

    def is_known(self):
        """Tell whether the server still knows the device by its secret."""
        database = self.office.context.database
        known = partial(find_known_device, username=self.username, secret=hash_token(self.secret), now=MONDAY)
        return self.office.api.client.blocking_portal.call(database.read, known) is not None

    def continue_upload(self):
        octets = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}
        answer = self.call("PATCH", self.upload, headers={**octets, "Upload-Offset": str(self.offset)}, content=b"x")
        self.offset += answer.is_success
        return answer


class Account:
    """An officer, supervisor and administrator, signed in on two devices, with one credential of each kind."""

    def __init__(self, office, *, page):
        self.office, self.username = office, office.hire()
        self.here, self.elsewhere = (Device(office, self.username, page=page) for _ in range(2))
        office.platform.people[self.username] = f"o-{self.username}"
        self.here.post("/me/identities/wechat", {"code": f"{self.username}/linked", "password": OWN})
        self.recovery = []
        wanted = {"id": str(uuid.uuid4()), "name": "大屏", "scope": HERE, "expires_at": "2027-11-01T00:00:00Z"}
        self.key = self.here.post("/keys", wanted)
        self.link = self.here.post(f"/hazards/{office.hazard['id']}/links", {"id": str(uuid.uuid4())})
        photo = office.hazard["photos"][0]["sha256"]
        self.address = self.here.post("/photos/links", {"photos": [{"sha256": photo}]})["links"][0]["url"]
        asked = office.api.take_step("officer", office.api.report("inspector"), "accept")
        self.asked = office.api.take_step("officer", asked, "propose_major", basis="合用场所住人")
        page_of_link = store_link(office.api, self.username, self.asked, "confirm_major", f"token-of-{self.username}")
        self.credentials = {
            "linked identity": self.sign_in_externally,
            "API key": lambda: office.get_with_token(self.key["token"], "/me"),
            "fix link": lambda: office.api.call(
                None, "GET", urlsplit(self.link["addresses"]["url"]).path, root=True, headers={"Accept": "text/json"}
            ),
            "decision link": lambda: office.api.call(None, "GET", page_of_link, root=True),
            "signed address": lambda: office.api.call(None, "GET", self.address, root=True),
        }

    def sign_in_externally(self):
        totp = {"totp": self.recovery.pop()} if self.recovery else {}
        return self.office.api.post(None, "/auth/external/wechat", {"code": f"{self.username}/{uuid.uuid4()}", **totp})

    def enrol(self):
        totp = pyotp.TOTP(self.here.post("/me/totp", {"password": OWN})["secret"])
        confirmed = self.here.post("/me/totp/confirm", {"code": totp.at(self.office.api.clock.now)})
        self.recovery = confirmed["recovery_codes"]

    def states(self, expected=None):
        """Return whether each credential is valid here and elsewhere; wait for the streams that `expected` says end."""
        validity = {name: [is_good(use())] * 2 for name, use in self.credentials.items()}
        for name, use in self.here.credentials.items():
            validity[name] = [is_good(use()), is_good(self.elsewhere.credentials[name]())]
        if not self.here.page:
            streams = [self.here.stream, self.elsewhere.stream]
            stay = GOOD_AFTER[expected["live stream"]] if expected else [True, True]
            wait_for([each for each, stays in zip(streams, stay, strict=True) if not stays], PATIENCE)
            wait_for([each for each, stays in zip(streams, stay, strict=True) if stays], 5 * HEARTBEAT.total_seconds())
            validity["live stream"] = [not each.done() for each in streams]
        return validity


def is_good(answer):
    if isinstance(answer, bool):
        return answer
    assert answer.status_code in {200, 204, 401, 404, 410}, answer.text
    return answer.is_success


OWN_ROLES = (Role.OFFICER, Role.SUPERVISOR, Role.ADMIN)


class Office:
    """The running application, and its administrator."""

    def __init__(self, api, platform, threads):
        self.api, self.platform, self.threads = api, platform, threads
        self.streams = []
        self.hazard = api.take_step("officer", api.report("inspector", responsible_party=PARTY), "accept")
        self.names = (f"worker{at}" for at in count())
        self.password = HASHER.hash(OWN)

    def hire(self):
        name = next(self.names)
        grants = tuple(Grant(role, HERE) for role in OWN_ROLES)
        person = Person(name, name, grants, self.password)
        self.api.client.blocking_portal.call(self.context.database.transact, lambda _: Change(None, (person,)))
        return name

    @property
    def context(self):
        return self.api.client.app.state.context

    def administer(self, path, body=None):
        answer = self.api.post("admin", path, body)
        assert answer.is_success, answer.text

    def get_with_token(self, token, path):
        return self.api.call(None, "GET", path, headers={"Authorization": f"Bearer {token}"})

    def listen(self, username, token):
        """Open a live stream and wait for its beginning; the returned future is done when the stream ends."""
        streams = self.context.part(LiveFeed)._streams
        before = sum(each.username == username for each in streams)
        stream = self.threads.submit(self.get_with_token, token, "/live")
        poll_until(lambda: sum(each.username == username for each in list(streams)) > before)
        self.streams.append(stream)
        return stream

    def end_streams(self):
        """End the streams that are left."""
        self.api.client.blocking_portal.call(self.context.part(LiveFeed).stop)
        wait_for(self.streams)


PARTY = {"kind": "merchant", "name": "某店"}


@pytest.fixture(scope="module")
def office(demo_office, tmp_path_factory):
    folder, clock = tmp_path_factory.mktemp("revocation") / "data", Clock()
    shutil.copytree(demo_office[0], folder)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(
            api.accounts.sign_in.authentication, "_REMEMBERED_SECONDS", 0
        )  # a revoked credential is refused at once, not within a second
        patch.setattr(api.sync.events, "HEARTBEAT", HEARTBEAT)
        threads = stack.enter_context(ThreadPoolExecutor())
        platform = stack.enter_context(run_server(Platform()))
        words = f"wechat=http://app:s3cret%2F@127.0.0.1:{platform.port}/wx"
        settings = Settings(data=str(folder), tick_seconds=0.05, sign_in=words, intranet="127.0.0.0/8")
        client = stack.enter_context(TestClient(build_app(settings, clock), raise_server_exceptions=False))
        office = Office(Api(client, clock, dict(demo_office[1]), folder), platform, threads)
        yield office


@pytest.fixture(autouse=True)
def end_streams_afterwards(office):
    yield
    office.end_streams()


# events ---------------------------------------------------------------------------------------------------------


def reuse_copied_token(account):
    """Renew the tokens and use the new ones; later send the old ones, as somebody with a copy would."""
    device, copied = account.here, account.here.tokens
    device.keep(device.renew(copied))
    assert is_good(device.get("/me"))
    account.office.api.clock.advance(seconds=61)
    assert not is_good(device.renew(copied))


def change_account(**facts):
    return lambda a: a.office.administer(f"/people/{a.username}", {"version": 1, **facts})


EVENTS = {
    "a device signs out": lambda a: a.here.post("/auth/logout"),
    "its owner revokes a device": lambda a: a.elsewhere.post(f"/me/devices/{a.here.id}/revoke"),
    "an administrator revokes a device": lambda a: a.office.administer(
        f"/people/{a.username}/devices/{a.here.id}/revoke"
    ),
    "a refresh token that was replaced comes again": reuse_copied_token,
    "the owner revokes all devices": lambda a: a.here.post("/me/devices/revoke"),
    "an administrator revokes all devices": lambda a: a.office.administer(f"/people/{a.username}/devices/revoke"),
    "the owner changes the password": lambda a: a.here.post("/auth/password", {"password": OWN, "new_password": NEW}),
    "an administrator sets a password": change_account(password=NEW),
    "the owner removes the second factor": lambda a: a.here.post(
        "/me/totp/remove", {"password": OWN, "code": a.recovery[0]}
    ),
    "an administrator removes the second factor": lambda a: a.office.administer(f"/people/{a.username}/totp/remove"),
    "an administrator deactivates the account": change_account(active=False),
    "an administrator erases the name": change_account(erase=True),
    "the owner unlinks an identity": lambda a: a.here.post("/me/identities/wechat/remove"),
    "an administrator unlinks an identity": lambda a: a.office.administer(
        f"/people/{a.username}/identities/wechat/remove"
    ),
    "an administrator revokes the key": lambda a: a.office.administer(f"/keys/{a.key['key']['id']}/revoke"),
    "an officer revokes the fix link": lambda a: a.here.post(
        f"/hazards/{a.office.hazard['id']}/links/{a.link['link']['id']}/revoke"
    ),
    "an administrator takes the role of a supervisor": change_account(
        grants=[{"role": role, "scope": HERE} for role in OWN_ROLES if role != Role.SUPERVISOR]
    ),
    "the request is decided": lambda a: a.office.api.take_step(
        "supervisor", a.asked, "confirm_major", confirmed=False, reason="依据不足"
    ),
    "somebody takes another step on the hazard": lambda a: a.office.api.take_step(
        "officer", a.asked, "note", note="已告知"
    ),
}
TOKENS = {"access token", "refresh token", "live stream", "tus upload"}
GOOD_AFTER = {"stays": [True, True], "ends": [False, False], "here": [False, True], "elsewhere": [True, False]}


def test_the_table_has_a_row_for_every_event():
    assert list(read_table()) == list(EVENTS)


@pytest.mark.parametrize("page", [False, True], ids=["phones", "pages"])
@pytest.mark.parametrize("event", EVENTS)
def test_each_event_ends_the_credentials_that_the_table_says(office, event, page):
    account = Account(office, page=page)
    if "second factor" in event:
        account.enrol()
    cells = read_table()[event]
    before = account.states()
    assert set(before) == set(cells) - (TOKENS if page else {"page cookie"})
    assert all(good == [True, True] for good in before.values()), before
    EVENTS[event](account)
    assert account.states(cells) == {name: GOOD_AFTER[cells[name]] for name in before}
