"""Proves the security headers of every response, and which origins may call the API."""

import shutil

import pytest
from litestar.testing import TestClient

from api.app import build_app
from api.settings import BadSettings, Settings, load_settings

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
        api.call(None, "GET", "/docs", root=True),
        api.call(None, "GET", "/f/nothing", root=True),
    ]
    for answer in answers:
        assert {name: answer.headers[name] for name in ALWAYS} == ALWAYS, answer.url
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"] or answer is answers[6]
        assert "strict-transport-security" not in answer.headers
        assert answer is answers[6] or answer.headers["cache-control"] == "no-store", answer.url
    assert answers[6].headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "immutable" in answers[6].headers["cache-control"]


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


@pytest.mark.parametrize("origins", ["*", "dashboard.example", "https://a.example/path", "https://*.example"])
def test_an_invalid_origin_setting_is_refused(origins):
    with pytest.raises(BadSettings):
        load_settings({"ANXUN_CORS": origins})


def test_the_documentation_can_be_turned_off(open_client):
    with open_client(docs=False) as client:
        for path in ("/docs", "/docs/swagger_style.css", "/schema/openapi.json"):
            assert client.get(path).status_code == 404
