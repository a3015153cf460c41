"""Proves that the security log records events, shows them to auditors, refuses changes and reaches syslog."""

import json
import socket
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from api.demo.office import USERNAMES
from inspections.accounts.security_log import Event, SecurityEvent
from storage.accounts.security_log import EventFilter, fetch_security_events
from storage.accounts.tables import security_events
from storage.engine.connections import writing_engine
from storage.migration import migrate
from tests.builders.api import HERE, MONDAY, PASSWORD, on_both, problem
from tests.builders.postgres import new_database
from tests.builders.process import Process
from tests.builders.waiting import PATIENCE

FAR = "2027-01-31T00:00:00Z"


def events(api, **asked):
    """Return event, actor and subject of each line, the oldest first."""
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    answer = api.get("admin", f"/security/events?limit=500&{query}")
    assert answer.status_code == 200, answer.text
    return [(each["event"], each["by"], each["about"]) for each in reversed(answer.json()["items"])]


@on_both
def test_sign_ins_rights_erasures_and_originals_leave_a_line_each(api):
    before = len(events(api))
    assert before == len(USERNAMES) - 2  # two accounts are outside of what this administrator audits
    signed_in = {"username": "officer", "password": PASSWORD, "device": "办公电脑"}
    pair = api.post(None, "/auth/login", signed_in).json()
    problem(api.post(None, "/auth/login", {"username": "officer", "password": "wrong-password"}), 401, "auth.failed")
    problem(api.post(None, "/auth/login", {"username": "hunter2", "password": "wrong-password"}), 401, "auth.failed")
    api.tokens["computer"] = pair["access_token"]
    assert api.post("computer", "/auth/logout", None).status_code == 204
    grants = [{"role": "handler", "scope": HERE}]
    new = {"username": "sun", "name": "孙某", "password": "another long password", "grants": grants}
    assert [api.post("admin", "/people", new).status_code for _ in range(2)] == [201, 200]
    assert api.post("admin", "/people/sun", {"version": 1, "grants": []}).status_code == 200
    key = str(uuid.uuid4())
    assert api.post("admin", "/keys", {"id": key, "name": "大屏", "scope": HERE, "expires_at": FAR}).status_code == 201
    assert api.post("admin", f"/keys/{key}/revoke", None).status_code == 200
    photo = api.photo("inspector")
    hazard = api.report("inspector", description="王家门口", photos=[{"sha256": photo, "stage": "before"}])
    erasure = {"id": str(uuid.uuid4()), "fields": ["description"], "reason": "本人要求"}
    assert api.post("admin", f"/hazards/{hazard['id']}/erasures", erasure).status_code == 201
    assert api.get("officer", f"/photos/{photo}?size=320").status_code == 200
    assert api.get("officer", f"/photos/{photo}").status_code == 200
    wanted = {"photos": [{"sha256": photo, "size": "original"}, {"sha256": "0" * 64, "size": "original"}]}
    assert api.post("officer", "/photos/links", wanted).status_code == 200
    rule = {"id": str(uuid.uuid4()), "community": HERE, "category": "WN-03", "lead": "handler"}
    assert api.post("admin", "/dispatch-rules", rule).status_code == 201
    assert events(api)[before:] == [
        ("sign_in", "officer", "officer"),
        ("sign_in.failed", "", "officer"),
        ("sign_out", "officer", "officer"),
        ("account.made", "admin", "sun"),
        ("account.changed", "admin", "sun"),
        ("key.made", "admin", key),
        ("key.revoked", "admin", key),
        ("words.erased", "admin", hazard["id"]),
        ("original.viewed", "officer", photo),
        ("original.viewed", "officer", photo),
        ("rules.edited", "admin", f"dispatch {rule['id']}"),
    ]
    whole = api.get("admin", "/security/events?limit=500").text
    for secret in (PASSWORD, "another long password", "hunter2", "孙某", "王家门口", pair["access_token"]):
        assert secret not in whole
    (changed,) = api.get("admin", "/security/events?event=account.changed").json()["items"]
    assert changed["facts"] == {"fields": "grants version", "grants": f"-handler:{HERE}"}
    assert changed["address"]


@on_both
def test_signed_urls_of_many_originals_leave_one_line_that_names_them_all(api):
    photos = [api.photo("officer") for _ in range(12)]
    wanted = [{"sha256": each, "size": "original"} for each in (*photos, photos[0], "0" * 64)]
    before = len(events(api))
    assert api.post("officer", "/photos/links", {"photos": [*wanted, {"sha256": photos[1]}]}).status_code == 200
    assert events(api)[before:] == [("original.viewed", "officer", "")]
    (line,) = api.get("admin", "/security/events?event=original.viewed").json()["items"]
    assert line["facts"] == {"through": "link", "photos": " ".join(photos)}
    small = {"photos": [{"sha256": each} for each in photos]}
    assert api.post("officer", "/photos/links", small).status_code == 200
    assert len(events(api)) == before + 1


def test_the_log_can_be_paged_and_filtered_by_account_and_day(api):
    everything = events(api)
    pages, cursor = [], ""
    while cursor is not None:
        page = api.get("admin", f"/security/events?limit=3{cursor and f'&cursor={cursor}'}").json()
        pages, cursor = [*pages, *page["items"]], page["next_cursor"]
    assert [(each["event"], each["by"], each["about"]) for each in reversed(pages)] == everything
    assert events(api, person="officer") == [("sign_in", "officer", "officer")]
    assert len(events(api, **{"from": MONDAY.date(), "to": MONDAY.date()})) == len(everything)
    assert events(api, **{"from": "2026-11-24"}) == events(api, to="2026-11-22") == []
    for wrong in ("from=yesterday", "to=9999-12-31", "event=nothing", "limit=501", "cursor=first"):
        assert api.get("admin", f"/security/events?{wrong}").status_code == 422, wrong


def test_an_auditor_of_some_communities_sees_only_the_accounts_there(api):
    seen = {about for _, _, about in events(api)}
    assert {"inspector", "officer"} < seen
    assert "officer2" not in seen
    api.post(None, "/auth/login", {"username": "typed-in-the-wrong-field", "password": "wrong-password"})
    assert ("sign_in.failed", "", "") not in events(api)
    database = api.client.app.state.context.database
    lines = api.client.blocking_portal.call(
        database.read, lambda repository: fetch_security_events(repository, EventFilter(), None, 9)
    )
    assert (lines[0].event, lines[0].about, lines[0].facts) == ("sign_in.failed", "", {"wrong": "name"})
    assert "officer2" in {line.about for line in lines}


def test_the_use_of_a_copied_token_is_logged(api):
    pair = api.post(None, "/auth/login", {"username": "officer", "password": PASSWORD, "device": "旧手机"}).json()
    renewed = api.post(None, "/auth/refresh", {"refresh_token": pair["refresh_token"]}).json()
    api.tokens["phone"] = renewed["access_token"]
    assert api.get("phone", "/me").status_code == 200
    api.clock.advance(minutes=2)
    problem(api.post(None, "/auth/refresh", {"refresh_token": pair["refresh_token"]}), 401, "auth.required")
    assert events(api)[-1] == ("token.copied", "", "officer")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_database_refuses_to_change_a_line_and_to_remove_a_young_one(kind, tmp_path):
    """A person with the database's password may still drop the table, but not by mistake, and not quietly."""
    with new_database() if kind == "postgresql" else nullcontext(f"sqlite:///{tmp_path}/anxun.db") as url:
        migrate(url)
        engine = writing_engine(url)
        now = datetime.now(UTC)
        lines = [
            SecurityEvent(uuid.uuid4(), now - timedelta(days=days), Event.SIGNED_IN, "li", "li", "", {})
            for days in (179, 181)
        ]
        with engine.begin() as connection:
            connection.execute(insert(security_events).values([msgspec.structs.asdict(line) for line in lines]))
        for forbidden in ("UPDATE security_events SET by = 'wang'", "DELETE FROM security_events"):
            with pytest.raises(DBAPIError, match="security_events: lines are"), engine.begin() as connection:
                connection.execute(text(forbidden))
        with engine.begin() as connection:
            old = security_events.c.id == lines[1].id
            assert connection.execute(delete(security_events).where(old)).rowcount == 1
            assert connection.execute(select(func.count()).select_from(security_events)).scalar() == 1
        engine.dispose()


def test_each_line_also_goes_to_syslog(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(PATIENCE)
        port = collector.getsockname()[1]
        process = Process(tmp_path / "data", ANXUN_SYSLOG=f"127.0.0.1:{port}").start()
        try:
            process.client("officer").close()
            heard = collector.recv(2000).decode()
        finally:
            process.stop()
    head, _, content = heard.partition(" security - ")
    assert head.startswith("<86>1 ")
    assert " anxun " in head
    assert {"event": "sign_in", "by": "officer"}.items() <= json.loads(content).items()
