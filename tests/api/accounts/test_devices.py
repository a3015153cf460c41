"""Proves which devices stay signed in when a phone is lost, or when the answer to a renewal is lost."""

import asyncio
import signal
import time
from contextlib import closing
from functools import partial

from api.accounts.sign_in.authentication import Authenticator
from api.http.tokens import hash_token
from inspections.accounts.actions.external_identities import Reauthentication, link_identity
from inspections.accounts.actions.revocation import EndedAccess
from inspections.accounts.actions.sessions import revoke_all_sessions
from inspections.accounts.external_identities import ExternalIdentity
from inspections.errors import Unauthenticated
from tests.builders.api import PASSWORD, body, on_both, problem
from tests.builders.passwords import hire_person, try_password
from tests.builders.postgres import new_database
from tests.builders.process import Process


def sign_in_device(api, username, device):
    answer = api.post(None, "/auth/login", {"username": username, "password": PASSWORD, "device": device}).json()
    api.tokens[device] = answer["access_token"]
    return answer


def device_names(answer):
    return sorted(each["name"] for each in answer.json()["items"])


@on_both
def test_an_owner_finds_a_lost_phone_by_name_and_revokes_it(api):
    lost = sign_in_device(api, "officer", "李的手机")
    sign_in_device(api, "officer", "办公电脑")
    listed = api.get("办公电脑", "/me/devices")
    assert device_names(listed) == sorted(["test", "李的手机", "办公电脑"])
    assert [each["name"] for each in listed.json()["items"] if each["current"]] == ["办公电脑"]
    (phone,) = [each["id"] for each in listed.json()["items"] if each["name"] == "李的手机"]
    assert api.get("李的手机", "/me").status_code == 200
    revoked = api.post("办公电脑", f"/me/devices/{phone}/revoke", None)
    assert (revoked.status_code, revoked.json()["revoked_at"]) == (200, "2026-11-23T01:00:00Z")
    time.sleep(1.1)
    problem(api.get("李的手机", "/hazards"), 401, "auth.required")
    problem(api.post(None, "/auth/refresh", {"refresh_token": lost["refresh_token"]}), 401, "auth.required")
    assert device_names(api.get("办公电脑", "/me/devices")) == sorted(["test", "办公电脑"])
    assert api.post("办公电脑", f"/me/devices/{phone}/revoke", None).json() == revoked.json()
    problem(api.post("inspector", f"/me/devices/{phone}/revoke", None), 404, "device.not_found")


def test_an_administrator_revokes_a_device_of_an_account_they_manage(api):
    sign_in_device(api, "handler", "赵的手机")
    (phone,) = [
        each["id"] for each in api.get("admin", "/people/handler/devices").json()["items"] if each["name"] != "test"
    ]
    assert api.post("admin", f"/people/handler/devices/{phone}/revoke", None).status_code == 200
    problem(api.post("admin", f"/people/officer/devices/{phone}/revoke", None), 404, "device.not_found")
    time.sleep(1.1)
    problem(api.get("赵的手机", "/me"), 401, "auth.required")


@on_both
def test_renewed_tokens_stay_valid_only_if_used_within_a_minute(api):
    first = sign_in_device(api, "inspector", "phone")
    sign_in = api.client.app.state.context.part(Authenticator)

    async def at_once():
        return await asyncio.gather(*(sign_in.refresh(first["refresh_token"], "here") for _ in range(5)))

    pairs = [tokens for _, tokens in api.client.blocking_portal.call(at_once)]
    assert len({hash_token(pair.access) for pair in pairs}) == 5
    api.tokens |= {str(at): pair.access for at, pair in enumerate(pairs)}
    for used in ("3", "0"):
        assert api.get(used, "/me").status_code == 200
    api.clock.advance(seconds=61)
    for late in ("1", "2", "4"):
        problem(api.get(late, "/me"), 401, "auth.required")
        problem(api.post(None, "/auth/refresh", {"refresh_token": pairs[int(late)].refresh}), 401, "auth.required")
    for used in ("3", "0"):
        assert api.get(used, "/me").status_code == 200
    renewed = api.post(None, "/auth/refresh", {"refresh_token": pairs[3].refresh}).json()
    api.tokens["renewed"] = renewed["access_token"]
    assert api.get("renewed", "/me").status_code == 200
    api.clock.advance(seconds=61)
    problem(api.post(None, "/auth/refresh", {"refresh_token": pairs[0].refresh}), 401, "auth.required")
    time.sleep(1.1)
    problem(api.get("renewed", "/me"), 401, "auth.required")  # an old token was reused: the token family ends


@on_both
def test_renewed_tokens_used_at_the_same_time_all_stay_valid(api):
    first = sign_in_device(api, "inspector", "phone")
    sign_in = api.client.app.state.context.part(Authenticator)

    async def scenario():
        pairs = [(await sign_in.refresh(first["refresh_token"], "here"))[1] for _ in range(4)]
        await asyncio.gather(*(sign_in.authenticate(pair.access, "hazard.see") for pair in pairs))
        return pairs

    pairs = api.client.blocking_portal.call(scenario)
    api.clock.advance(seconds=61)
    time.sleep(1.1)  # a token is remembered for a second
    for at, pair in enumerate(pairs):
        api.tokens[str(at)] = pair.access
        assert api.get(str(at), "/me").status_code == 200


def test_a_queued_report_is_resent_under_the_same_id_after_a_new_sign_in(api):
    photos = [{"sha256": api.photo("inspector"), "stage": "before"}]
    waits = body(photos=photos)
    assert api.post("inspector", "/hazards", waits).status_code == 201  # and the answer was lost
    api.clock.advance(days=15)
    problem(api.post("inspector", "/hazards", waits), 401, "auth.required")
    sign_in_device(api, "inspector", "again")
    again = api.post("again", "/hazards", waits)
    assert (again.status_code, again.json()["hazard"]["id"]) == (200, waits["id"])


def test_a_revoked_phone_is_refused_by_every_process(tmp_path):
    with new_database() as url:
        one = Process(tmp_path / "one" / "data", ANXUN_DATABASE=url)
        other = Process(tmp_path / "other" / "data", "serve", ANXUN_DATABASE=url)
        for each in (one, other):
            each.folder.parent.mkdir()
            each.start()
        with closing(one.client("officer")) as phone, closing(one.client("officer")) as desk:
            phone.base_url = f"http://127.0.0.1:{other.port}/api/v1"
            assert phone.get("/me").status_code == 200
            others = [each["id"] for each in desk.get("/me/devices").json()["items"] if not each["current"]]
            assert [desk.post(f"/me/devices/{each}/revoke").status_code for each in others] == [200]
            time.sleep(1.1)
            assert phone.get("/hazards").status_code == 401
            assert desk.get("/hazards").status_code == 200
        for each in (one, other):
            each.stop(signal.SIGTERM)


@on_both
def test_linking_an_identity_while_all_sessions_are_revoked_leaves_no_identity(api):
    hire_person(api)
    database, now = api.client.app.state.context.database, api.clock.now
    for at in range(5):
        try_password(api, PASSWORD)
        token = hash_token(api.tokens["phone"])

        async def both(at=at, token=token):
            qin = await database.read(lambda repository: repository.person("qin"))
            linking = partial(
                link_identity,
                wanted=ExternalIdentity("wechat", f"o{at}", "qin", now),
                proof=Reauthentication(token, qin.password),
            )
            ending = partial(revoke_all_sessions, username="qin", now=now)
            return await asyncio.gather(*map(database.transact, (linking, ending)), return_exceptions=True)

        linked, ended = api.client.blocking_portal.call(both)
        assert isinstance(linked, ExternalIdentity | Unauthenticated), linked
        assert isinstance(ended, EndedAccess), ended
        assert api.get("admin", "/people/qin/identities").json()["items"] == []
