"""What every answer says to a browser; and whose pages may ask."""

import shutil

import pytest
from litestar.testing import TestClient

from api.app import build
from api.settings import BadSettings, Settings, load

ALWAYS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
DASHBOARD = "https://dashboard.example"


@pytest.fixture
def opened(loaded, tmp_path):
    """A server with these settings, over the demo office."""

    def with_(base="http://testserver.local", **settings):
        template, _ = loaded
        folder = tmp_path / "data"
        shutil.copytree(template, folder, dirs_exist_ok=True)
        return TestClient(build(Settings(data=str(folder), **settings)), base_url=base)

    return with_


def test_every_kind_of_answer_is_sealed(api):
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


def test_over_https_it_is_to_stay_https(opened):
    with opened("https://testserver.local") as client:
        assert client.get("/health/ready").headers["strict-transport-security"] == "max-age=31536000"


def asked_from(client, origin):
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answers = [
        client.options("/api/v1/me", headers=preflight | {"Access-Control-Request-Headers": "authorization"}),
        client.get("/health/ready", headers={"Origin": origin}),
    ]
    return {answer.headers.get("access-control-allow-origin") for answer in answers}


def test_no_page_of_another_origin_may_ask_unless_it_is_named(opened):
    with opened() as client:
        assert asked_from(client, DASHBOARD) == {None}
    with opened(cors=f"{DASHBOARD}/, http://localhost:3000") as client:
        assert asked_from(client, DASHBOARD) == {DASHBOARD}
        assert asked_from(client, "https://other.example") == {None}


@pytest.mark.parametrize("origins", ["*", "dashboard.example", "https://a.example/path", "https://*.example"])
def test_what_is_no_origin_is_refused(origins):
    with pytest.raises(BadSettings):
        load({"ANXUN_CORS": origins})


def test_the_documentation_can_be_left_out(opened):
    with opened(docs=False) as client:
        for path in ("/docs", "/docs/swagger_style.css", "/schema/openapi.json"):
            assert client.get(path).status_code == 404
