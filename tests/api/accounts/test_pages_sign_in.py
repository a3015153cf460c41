"""Proves that a browser page signs in over https with cookies that no script reads and no other site can use."""

import json

import pytest

from tests.builders.api import PASSWORD, body, problem

OWN, OTHER = "https://anxun.example", "https://evil.example"


def sign_in(api, origin):
    sent = {"username": "officer", "password": PASSWORD, "page": True}
    return api.client.post("/api/v1/auth/login", json=sent, headers={"Origin": origin} if origin else {})


@pytest.fixture
def page(api):
    """Sign in from our own page over https, as the proxy passes the request on."""
    api.client.base_url = OWN
    answer = sign_in(api, OWN)
    assert answer.status_code == 200, answer.text
    api.signed_in = answer
    return api


def send(page, method, path, origin=OWN, **options):
    headers = {"Origin": origin} if origin else {}
    return page.client.request(method, f"/api/v1{path}", headers=headers, **options)


def test_the_tokens_of_a_page_are_cookies_out_of_reach_of_scripts(page):
    tokens = page.signed_in.json()
    assert (tokens["access_token"], tokens["refresh_token"], tokens["token_type"]) == (None, None, "Cookie")
    cookies = page.signed_in.headers.get_list("set-cookie")
    assert sorted(each.partition("=")[0] for each in cookies) == [
        "__Host-anxun-access",
        "__Host-anxun-device",
        "__Host-anxun-refresh",
    ]
    for each in cookies:
        parts = {part.strip().lower() for part in each.split(";")[1:]}
        assert {"path=/", "secure", "httponly", "samesite=strict"} < parts
        assert not any(part.startswith("domain") for part in parts)
    assert send(page, "GET", "/me", None).json()["username"] == "officer"
    report = send(page, "POST", "/hazards", json=body())
    assert report.status_code == 201, report.text


@pytest.mark.parametrize(
    "origin", [OTHER, None, "null", "http://anxun.example", f"{OWN}:8443", "https://anxun.example.evil"]
)
def test_a_page_of_another_origin_cannot_use_the_cookies(page, origin):
    for method, path in (("POST", "/hazards"), ("POST", "/auth/logout"), ("PUT", f"/photos/{'0' * 64}")):
        problem(send(page, method, path, origin, content=b"{}"), 403, "auth.cross_site")
    problem(send(page, "POST", "/auth/refresh", origin, json={}), 403, "auth.cross_site")
    assert send(page, "POST", "/auth/logout").status_code == 204


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]
)
def test_a_form_of_another_site_cannot_use_the_cookies(page, content_type):
    """A browser sends these without asking the server first (Fetch, CORS-safelisted request headers)."""
    for path in ("/hazards", "/hazards/steps", "/photos", "/me/devices/revoke"):
        answer = page.client.post(
            f"/api/v1{path}", content=json.dumps(body()), headers={"Origin": OTHER, "Content-Type": content_type}
        )
        problem(answer, 403, "auth.cross_site")
    assert send(page, "GET", "/hazards").json()["items"] == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_an_override_header_makes_no_change_look_safe(page, method):
    override = {"Origin": OTHER, "X-HTTP-Method-Override": method, "X-HTTP-Method": method, "X-Method-Override": method}
    for path in ("/hazards", "/uploads", "/me/devices/revoke"):
        problem(page.client.post(f"/api/v1{path}", json=body(), headers=override), 403, "auth.cross_site")


def test_a_sign_out_empties_the_cache_of_the_browser(page):
    """Photos are cached for long; the next person at the browser must not find them."""
    assert send(page, "POST", "/auth/logout").headers["clear-site-data"] == '"cache"'


@pytest.mark.parametrize("origin", [OTHER, None, "null"])
def test_a_page_of_another_origin_cannot_sign_anybody_in(api, origin):
    api.client.base_url = OWN
    refused = sign_in(api, origin)
    problem(refused, 403, "auth.cross_site")
    assert "set-cookie" not in refused.headers


def test_a_page_renews_by_its_cookie_and_signs_out(page):
    before = dict(page.client.cookies)
    device = before.pop("__Host-anxun-device")
    renewed = send(page, "POST", "/auth/refresh", json={})
    assert renewed.status_code == 200, renewed.text
    assert renewed.json()["token_type"] == "Cookie"  # a kind, not a secret
    assert {name: value != dict(page.client.cookies)[name] for name, value in before.items()} == dict.fromkeys(
        before, True
    )
    assert send(page, "GET", "/me").status_code == 200
    assert send(page, "POST", "/auth/logout").status_code == 204
    assert dict(page.client.cookies) == {"__Host-anxun-device": device}  # the browser stays a known one
    problem(send(page, "GET", "/me"), 401, "auth.required")
    problem(send(page, "POST", "/auth/refresh", json={}), 401, "auth.required")


def test_a_bearer_token_takes_precedence_over_a_cookie_and_needs_no_origin(page):
    answer = page.client.get("/api/v1/me", headers={"Authorization": f"Bearer {page.tokens['inspector']}"})
    assert answer.json()["username"] == "inspector"
    problem(page.client.get("/api/v1/me", headers={"Authorization": "Bearer nothing"}), 401, "auth.required")
    written = page.client.post(
        "/api/v1/hazards", json=body(), headers={"Authorization": f"Bearer {page.tokens['inspector']}"}
    )
    assert written.status_code == 201


def test_a_page_over_plain_http_gets_its_tokens_in_the_body(api):
    answer = api.post(None, "/auth/login", {"username": "officer", "password": PASSWORD, "page": True})
    assert answer.json()["access_token"].startswith("anxa_")
    assert "set-cookie" not in answer.headers
    problem(api.post(None, "/auth/refresh", {}), 401, "auth.required")


def test_malformed_cookies_are_refused(api):
    for sent in (
        "__Host-anxun-access=",
        "__Host-anxun-access=nonsense",
        "__Host-anxun-access=\xe9",
        "a=b; ;;=",
        "=" * 99,
    ):
        answer = api.client.get("/api/v1/me", headers={"Cookie": sent.encode("latin-1")})
        problem(answer, 401, "auth.required")


def test_a_page_at_the_public_address_signs_in_though_the_proxy_changes_the_host(api):
    api.change_settings(public_url="https://Anxun.Example:443/aq/")
    api.client.base_url = "https://api1:8000"
    assert sign_in(api, OWN).status_code == 200
    assert send(api, "POST", "/auth/logout").status_code == 204
    for origin in (OTHER, "https://anxun.example:443", "https://anxun.example/aq"):
        problem(sign_in(api, origin), 403, "auth.cross_site")


def test_an_empty_origin_is_not_ours(api):
    api.client.base_url = OWN
    sent = {"username": "officer", "password": PASSWORD, "page": True}
    answer = api.client.post("/api/v1/auth/login", json=sent, headers={"Origin": ""})
    problem(answer, 403, "auth.cross_site")
