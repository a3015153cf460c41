"""Proves that every link leads back to the server through a proxy that removes the path of its public URL."""

import hashlib
import json
import re
import uuid
from collections import deque
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx
import pytest

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, body
from tests.builders.phone import is_built
from tests.builders.process import NO_TLS, PASSWORD, Process
from tests.builders.proxy import stripping_proxy
from tests.builders.shops import SHOP
from tests.builders.waiting import PATIENCE, poll_until

PREFIX = "/aq/%E5%AE%89%E5%B7%A1"
BUILT_PAGES = ("/", "/docs", "/m", "/board", "/dashboard", "/admin")
ROLES = ("inspector", "officer", "handler", "supervisor", "analyst", "admin")
PICTURE = draw_sample_photo("behind a prefix", "EB-01", MONDAY)
TUS = {"Tus-Resumable": "1.0.0"}


class Office:
    """The real server behind the proxy, and its people, who know the address of the proxy only."""

    def __init__(self, proxy):
        self.address = proxy.address
        self.tokens = {}
        for role in ROLES:
            signed_in = self.call("POST", "/api/v1/auth/login", json={"username": role, "password": PASSWORD})
            self.tokens[role] = signed_in.json()["access_token"]

    def call(self, method, path, who=None, **options):
        """Calls a path below the address, or a whole URL."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        headers |= options.pop("headers", {})
        url = path if "://" in path else self.address + path
        return httpx.request(method, url, headers=headers, verify=NO_TLS, timeout=PATIENCE, **options)

    def ask(self, method, path, who, status, **options):
        answer = self.call(method, f"/api/v1{path}", who, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def follow(self, url):
        """Opens a URL as nobody, then as each person until somebody may see it; raises for 404."""
        answers = [self.call("GET", url, who) for who in (None, *ROLES)]
        return next((answer for answer in answers if answer.status_code == 200), answers[0])


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    with stripping_proxy(PREFIX) as proxy:
        process = Process(tmp_path_factory.mktemp("prefix") / "data", ANXUN_PUBLIC_URL=f"{proxy.address}/")
        proxy.behind = process.port
        process.start()
        yield Office(proxy)
        process.stop()


@pytest.fixture(scope="module")
def hazard(office):
    digest = office.ask("POST", "/photos", "inspector", 201, files={"file": PICTURE})["photos"][0]["sha256"]
    report = body(photos=[{"sha256": digest, "stage": "before"}], responsible_party=SHOP)
    return office.ask("POST", "/hazards", "inspector", 201, json=report)["hazard"]


@pytest.fixture(scope="module")
def party(office, hazard):
    """The addresses of a fix link."""
    made = office.ask("POST", f"/hazards/{hazard['id']}/links", "officer", 201, json={"id": str(uuid.uuid4())})
    assert made["addresses"]["warning"] is None
    return {name: url for name, url in made["addresses"].items() if url}


class Page(HTMLParser):
    """Collects the URLs of an HTML page, also those in its script."""

    def __init__(self, text):
        super().__init__()
        self.urls = []
        self.feed(text)
        self.close()

    def handle_starttag(self, _, attrs):
        self.urls += [value for name, value in attrs if name in {"href", "src", "action"}]

    def handle_data(self, data):
        if self.lasttag == "script" and len(data) < 1000:  # the page's own words, not a program
            self.urls += re.findall(r'"(/[^"]*)"', data)


def links_in_json(value):
    """Every string in a JSON value that is a path or a URL of this machine."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [found for each in value for found in links_in_json(each)]
    return [value] if isinstance(value, str) and re.match(r"/\S|http://127\.0\.0\.1", value) else []


def links_in(answer):
    kind = answer.headers.get("content-type", "")
    found = [answer.headers["location"]] if "location" in answer.headers else []
    if "html" in kind:
        found += Page(answer.text).urls
    elif "json" in kind and "openapi" not in kind:
        found += links_in_json(answer.json())
    elif "csv" in kind:
        found += re.findall(r"[^\s,\"]*/photos/[^\s,\"]+", answer.text)
    return [urljoin(str(answer.url), each) for each in found if not each.startswith("data:")]


def crawl(office, answers):
    """Follows every link in the answers, and in what they lead to; returns URL → status."""
    waiting, seen = deque(url for answer in answers for url in links_in(answer)), {}
    while waiting:
        url = waiting.popleft()
        if url not in seen:
            answer = office.follow(url)
            seen[url] = answer.status_code
            waiting.extend(links_in(answer))
    return seen


def described_paths(office):
    """The paths without parameters that the OpenAPI document says can be read, below the address that it names."""
    document = office.call("GET", "/schema/openapi.json")
    described = document.json()
    server = urljoin(str(document.url), described["servers"][0]["url"])
    assert server == office.address
    streams = {"/api/v1/live", "/api/v1/ledger.xlsx"}
    return [
        server + path
        for path, operations in described["paths"].items()
        if "get" in operations and "{" not in path and path not in streams
    ]


def test_every_link_of_every_answer_leads_back_through_the_proxy(office, hazard, party):
    photos = {"photos": [{"sha256": hazard["photos"][0]["sha256"], "size": size} for size in ("320", "original")]}
    signed = office.call("POST", "/api/v1/photos/links", "inspector", json=photos)
    answers = [
        signed,
        *(office.call("GET", path) for path in (BUILT_PAGES if is_built() else ())),
        *(office.call("GET", url) for url in party.values()),
        *(office.follow(url) for url in described_paths(office)),
    ]
    statuses = {str(answer.url): answer.status_code for answer in answers}
    assert 404 not in statuses.values(), statuses
    followed = crawl(office, answers)
    assert all(status == 200 for status in followed.values()), followed
    assert all(url.startswith(office.address) for url in followed)
    pages = ("/schema/", "/docs/swagger-ui", "/m/assets/phone") if is_built() else ()
    for kind in ("/photos/.*signed=", "counted_as=.*community=", "clock=", "/f/.*/320", *pages):
        assert any(re.search(kind, url) for url in followed), kind


def test_the_qr_code_and_the_ledger_name_the_public_address(office, hazard, party):
    assert all(url.startswith(f"{office.address}/f/") for url in party.values())
    assert party["url"] in office.call("GET", party["notice"]).text
    ledger = office.call("GET", "/api/v1/ledger.csv", "officer")
    photo = f"{office.address}/photos/{hazard['photos'][0]['sha256']}"
    assert photo in links_in(ledger)
    export = office.ask("POST", "/ledger/exports", "officer", 201, json={"id": str(uuid.uuid4()), "form": "csv"})
    path = f"/ledger/exports/{export['id']}"
    poll_until(lambda: office.ask("GET", path, "officer", 200)["state"] == "made")
    assert photo in links_in(office.call("GET", f"/api/v1{path}/file", "officer"))


def test_a_stored_briefing_links_to_the_present_address(office):
    made = office.ask("GET", "/statistics/briefing", "analyst", 200)
    kept = office.ask("GET", f"/statistics/briefings/{made['id']}", "analyst", 200)
    links = [figure["cases"] for figure in kept["figures"] if figure["cases"]]
    assert links
    assert all(each.startswith(f"{PREFIX}/api/v1/hazards?") for each in links)


@pytest.mark.parametrize("door", ["/api/v1", "party"])
def test_an_upload_continues_at_its_location(office, party, door):
    root, who = (party["url"], None) if door == "party" else (office.address + door, "inspector")
    begun = office.call("POST", f"{root}/uploads", who, headers={**TUS, "Upload-Length": str(len(PICTURE))})
    assert begun.status_code == 201
    (place,) = links_in(begun)
    headers = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    sent = office.call("PATCH", place, who, headers=headers, content=PICTURE)
    assert (sent.status_code, sent.headers["anxun-photo"]) == (204, hashlib.sha256(PICTURE).hexdigest())


def test_the_form_of_the_party_is_sent_through_the_proxy(office, hazard):
    for step, facts in (("accept", {}), ("assign", {"lead": "handler"})):
        version = office.ask("GET", f"/hazards/{hazard['id']}", "officer", 200)["version"]
        taken = {"id": str(uuid.uuid4()), "step": step, "version": version, **facts}
        office.ask("POST", f"/hazards/{hazard['id']}/steps", "officer", 200, json=taken)
    made = office.ask("POST", f"/hazards/{hazard['id']}/links", "officer", 201, json={"id": str(uuid.uuid4())})
    page = office.call("GET", made["addresses"]["url"])
    action = urljoin(str(page.url), re.search(r'action="([^"]*)"', page.text).group(1))
    hidden = dict(re.findall(r'name="(id|version)"[^>]* value="([^"]*)"', page.text))
    fields = {**hidden, "method": "搬走电动车", "quantity_done": "1"}
    picture = draw_sample_photo("after, behind a prefix", "EB-01", MONDAY)
    done = office.call("POST", action, data=fields, files={"photo": ("a.jpg", picture, "image/jpeg")})
    assert done.status_code == 200, done.text
    assert json.dumps(hazard["number"]).strip('"') in done.text
