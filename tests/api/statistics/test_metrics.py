"""Prometheus reads the metrics with the right to do so, and they cover all workers."""

import uuid

import pytest
from litestar.testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

from api.app import build_app
from api.settings import Settings
from tests.builders.api import HERE, THERE, body, on_both, problem
from tests.builders.postgres import new_database
from tests.builders.process import PASSWORD, Process


def samples(text):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def request_count(text, route, status, method="GET"):
    labels = tuple(sorted({"route": route, "status": str(status), "method": method}.items()))
    return samples(text).get(("anxun_requests_total", labels), 0)


def test_an_api_key_reads_request_counts_by_route_and_status(api):
    far = {"id": str(uuid.uuid4()), "name": "Prometheus", "scope": HERE, "expires_at": "2027-01-31T00:00:00Z"}
    key = api.post("admin", "/keys", far).json()["token"]
    api.tokens["prometheus"] = key
    before = api.get("prometheus", "/metrics", root=True)
    assert (before.status_code, before.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    hazard = api.post("inspector", "/hazards", body()).json()["hazard"]["id"]
    for _ in range(3):
        assert api.get("officer", f"/hazards/{hazard}").status_code == 200
    api.get("officer", f"/hazards/{uuid.uuid4()}")
    api.get(None, "/nowhere", root=True)
    after = api.get("prometheus", "/metrics", root=True).text
    route = "/api/v1/hazards/{hazard_id}"
    assert [
        request_count(after, route, status) - request_count(before.text, route, status) for status in (200, 404)
    ] == [3, 1]
    assert request_count(after, "none", 404) - request_count(before.text, "none", 404) == 1
    name = ("anxun_request_seconds_count", (("route", route),))
    assert samples(after)[name] - samples(before.text).get(name, 0) == 4
    assert hazard not in after
    assert "officer" not in after


def test_metrics_are_refused_without_the_right(api):
    problem(api.get(None, "/metrics", root=True), 401, "auth.required")
    for who in ("inspector", "officer", "handler", "supervisor", "analyst"):
        problem(api.get(who, "/metrics", root=True), 403, "role.forbidden")
    assert api.get("admin", "/metrics", root=True).status_code == 200


@pytest.mark.parametrize(("setting", "status"), [("open", 200), ("off", 404)])
def test_a_setting_opens_or_disables_the_metrics(api, setting, status):
    settings = Settings(data=str(api.folder), metrics=setting)
    with TestClient(build_app(settings, api.clock, background_work=False), raise_server_exceptions=False) as client:
        assert client.get("/metrics").status_code == status


def test_any_worker_reports_the_metrics_of_all_workers(tmp_path):
    with new_database() as url:
        process = Process(
            tmp_path / "data", "serve", "--demo", "--workers", "2", ANXUN_DATABASE=url, ANXUN_METRICS="open"
        )
        process.start()
        try:
            sent = {"username": "analyst", "password": PASSWORD}
            token = process.ask("POST", "/api/v1/auth/login", json=sent).json()["access_token"]
            for _ in range(20):  # a connection each, so that both workers get some
                assert process.ask("GET", "/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
            counts = {request_count(process.ask("GET", "/metrics").text, "/api/v1/me", 200) for _ in range(10)}
        finally:
            process.stop()
    assert counts == {20}


@on_both
def test_an_api_key_reads_the_hazard_gauges_of_its_communities(api):
    far = {"id": str(uuid.uuid4()), "name": "Prometheus", "scope": HERE, "expires_at": "2027-01-31T00:00:00Z"}
    api.tokens["prometheus"] = api.post("admin", "/keys", far).json()["token"]
    api.report("inspector")
    api.assign_report(category="EB-02")
    api.close_report()
    api.report("inspector2", community=THERE)
    api.clock.advance(hours=25)

    def read_gauges():
        found = samples(api.get("prometheus", "/metrics", root=True).text)
        assert found["anxun_store_up", ()] == 1
        oldest = found["anxun_oldest_open_seconds", (("street", HERE[:9]),)]
        names = ("waiting", "on_time", "overdue", "pending_recheck")
        street = ("street", HERE[:9])
        return oldest, [found["anxun_hazards", (("standing", name), street)] for name in names]

    assert read_gauges() == (25 * 3600, [1, 0, 1, 0])
