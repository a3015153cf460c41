"""Proves the security headers of every response, and which origins may call the API."""

import re
import shutil
import uuid
from pathlib import Path

import pytest
from litestar.testing import TestClient

from api.app import build_app
from api.settings import BadSettings, Settings, load_settings
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, problem

ALWAYS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
DASHBOARD = "https://dashboard.example"


@pytest.fixture
def open_client(demo_office, tmp_path):
    """Return a function that opens a client of a server with these settings, on the demo office."""

    def with_(base="http://testserver.local", **settings):
        template, _ = demo_office
        folder = tmp_path / "data"
        shutil.copytree(template, folder, dirs_exist_ok=True)
        return TestClient(build_app(Settings(data=str(folder), **settings)), base_url=base)

    return with_


def test_every_kind_of_response_carries_the_security_headers(api):
    hazard = api.report("inspector")
    digest = hazard["photos"][0]["sha256"]
    answers = [
        api.get("inspector", "/me"),
        api.get("inspector", f"/hazards/{hazard['id']}"),
        api.get(None, "/hazards"),
        api.get("inspector", "/nowhere"),
        api.call("inspector", "DELETE", "/hazards"),
        api.post("inspector", "/hazards", {}),
        api.get("inspector", f"/photos/{digest}"),
        api.call(None, "GET", "/health/ready", root=True),
        api.call(None, "GET", "/", root=True),
        api.call(None, "GET", "/f/nothing", root=True),
    ]
    for answer in answers:
        assert {name: answer.headers[name] for name in ALWAYS} == ALWAYS, answer.url
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"] or answer is answers[6]
        assert "strict-transport-security" not in answer.headers
        assert answer is answers[6] or answer.headers["cache-control"] == "no-store", answer.url
    assert answers[6].headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "immutable" in answers[6].headers["cache-control"]
    for page in (
        api.call(None, "GET", path, root=True) for path in ("/m", "/board", "/dashboard", "/admin", "/docs")
    ):  # the same for everybody
        assert {name: page.headers[name] for name in ALWAYS} == ALWAYS
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] in {"no-cache", "no-store"}


def test_https_responses_tell_the_browser_to_stay_on_https(open_client):
    with open_client("https://testserver.local") as client:
        assert client.get("/health/ready").headers["strict-transport-security"] == "max-age=31536000"


def allowed_origins(client, origin):
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answers = [
        client.options("/api/v1/me", headers=preflight | {"Access-Control-Request-Headers": "authorization"}),
        client.get("/health/ready", headers={"Origin": origin}),
    ]
    return {answer.headers.get("access-control-allow-origin") for answer in answers}


def test_only_configured_origins_may_call_the_api(open_client):
    with open_client() as client:
        assert allowed_origins(client, DASHBOARD) == {None}
    with open_client(cors=f"{DASHBOARD}/, http://localhost:3000") as client:
        assert allowed_origins(client, DASHBOARD) == {DASHBOARD}
        assert allowed_origins(client, "https://other.example") == {None}


@pytest.mark.parametrize(
    "origin",
    [
        "null", "https://dashboard.example.evil", "https://evil-dashboard.example", "https://dashboard.example:8443",
        "http://dashboard.example", "https://dashboardxexample", "https://dashboard.example/", "HTTPS://DASHBOARD.EXAMPLE",
        "https://a.dashboard.example", "https://dashboard.example, https://evil.example", "*",
    ],
)  # fmt: skip
def test_an_origin_that_resembles_a_configured_one_is_refused(open_client, origin):
    with open_client(cors=DASHBOARD) as client:
        assert allowed_origins(client, origin) == {None}


def test_no_other_origin_ever_gets_an_answer_with_cookies(open_client):
    """Browsers show an answer to a request with cookies to another origin only with this header."""
    with open_client(cors=DASHBOARD) as client:
        for origin in (DASHBOARD, "null", "https://evil.example"):
            sent = {"Origin": origin, "Cookie": "__Host-anxun-access=x", "Access-Control-Request-Method": "POST"}
            for method in ("OPTIONS", "GET", "POST"):
                answer = client.request(method, "/api/v1/me", headers=sent)
                assert "access-control-allow-credentials" not in answer.headers
        allowed = client.get("/api/v1/me", headers={"Origin": DASHBOARD})
        assert "Origin" in allowed.headers["vary"]


@pytest.mark.parametrize("origins", ["*", "dashboard.example", "https://a.example/path", "https://*.example"])
def test_an_invalid_origin_setting_is_refused(origins):
    with pytest.raises(BadSettings):
        load_settings({"ANXUN_CORS": origins})


def test_the_documentation_can_be_turned_off(open_client):
    with open_client(docs=False) as client:
        for path in ("/docs", "/docs/start.js", "/schema/openapi.json"):
            assert client.get(path).status_code == 404


MATRIX = (Path(__file__).parents[1] / "matrix.txt").read_text().splitlines()
ROUTES = [tuple(line.split()[:2]) for line in MATRIX if line]
MISSING = {"area": "999999999999", "photo": "0" * 64, "person": "nobody", "monitor": "nothing"}
NOWHERE = "01900000-0000-7000-8000-000000000000"


def paths(method):
    """Return the paths of all routes with this method, with ids of nothing."""
    filled = {
        path: re.sub(r"{(\w+)}", lambda name: MISSING.get(name[1], NOWHERE), path)
        for how, path in ROUTES
        if how == method
    }
    return list(filled.values())


def test_no_answer_about_the_office_may_be_kept_by_a_shared_cache(api):
    """An answer is not stored at all, or only by the browser of the person, and then under a name of its content."""
    made = [api.get(who, path) for path in paths("GET") for who in ("officer", "admin", None)]
    link = api.take_step(
        "officer", api.report("inspector", responsible_party={"kind": "merchant", "name": "某店"}), "accept"
    )
    link = api.post("officer", f"/hazards/{link['id']}/links", {"id": str(uuid.uuid4())}).json()["addresses"]["url"]
    for path in ("", "/notice", "/qr.png", "/qr.svg", "/nothing"):
        page = api.call(None, "GET", link.partition("/f/")[1] + link.partition("/f/")[2] + path, root=True)
        assert page.headers["cache-control"] == "no-store", path
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["x-frame-options"] == "DENY"
        made.append(page)
    assert {answer.status_code for answer in made} >= {200, 401, 403, 404}
    for answer in made:
        kept = answer.headers["cache-control"]
        assert kept in {"no-store", "private, no-cache"} or (kept.startswith("private") and "etag" in answer.headers)
        if kept == "private, no-cache" and "etag" in answer.headers:
            assert "authorization" in answer.headers["vary"].lower(), answer.url


def test_head_and_options_tell_a_stranger_nothing(api):
    hazard = api.report("inspector")["id"]
    for path in dict.fromkeys(paths("GET") + paths("POST")):
        for known in (path, path.replace(NOWHERE, hazard)):
            answer = api.call(None, "OPTIONS", known.partition("?")[0])
            assert (answer.status_code, answer.content, "set-cookie" in answer.headers) == (204, b"", False), known
    for path in paths("GET"):
        answers = [api.call(None, "HEAD", each) for each in (path, path.replace(NOWHERE, hazard))]
        assert {answer.status_code for answer in answers} <= {401, 405}, path
        assert answers[0].status_code == answers[1].status_code


def test_an_override_header_changes_no_method(api):
    """Only a resumable upload knows one, for proxies that refuse PATCH (tus 1.0)."""
    hazard = api.report("inspector")
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        for method in ("DELETE", "GET", "PUT"):
            answer = api.post("officer", f"/hazards/{hazard['id']}", {}, headers={name: method})
            problem(answer, 405, "route.method")
            assert api.get("officer", f"/hazards/{hazard['id']}", headers={name: "DELETE"}).status_code == 200


def test_a_photo_that_is_also_a_page_is_shown_as_a_picture_only(api):
    """The bytes of an original stay as they were sent, with whatever follows the picture."""
    content = draw_sample_photo("page", "EB-01", MONDAY) + b"<html><script>alert(1)</script></html>"
    digest = api.photo("inspector", content)
    answer = api.get("inspector", f"/photos/{digest}")
    assert answer.content == content
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


INJECTED = "%0d%0aX-Injected:%201%0d%0a%0d%0a<html>"


def test_no_path_query_or_header_of_a_request_writes_a_header_of_its_answer(api):
    for method in ("GET", "POST"):
        for path in paths(method):
            bare = path.partition("?")[0]
            if bare in {"/live", "/me/devices/revoke", "/auth/logout"}:  # an endless stream, and the ends of the token
                continue
            hostile = bare.replace(NOWHERE, INJECTED).replace("nobody", INJECTED)
            for known in (hostile, f"{bare}?community={INJECTED}&from={INJECTED}"):
                sent = {"Origin": f"x{INJECTED}", "If-None-Match": INJECTED}
                answer = api.call("officer", method, known, headers=sent)
                assert answer.status_code < 500, known
                assert "x-injected" not in answer.headers
                assert not any(bad in value for value in answer.headers.values() for bad in "\r\n\0"), known
    begun = api.call(
        "officer", "POST", f"/uploads?{INJECTED}", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "9"}
    )
    assert "injected" not in str(begun.headers).lower()
