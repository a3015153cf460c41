"""Many steps are taken in one request: a Monday's reports are accepted and assigned in two."""

import asyncio
import uuid

from litestar.testing import TestClient
from msgspec.structs import replace

from api.app import build_app
from api.settings import Settings
from inspections.change import Change
from inspections.remediation.actions.steps import take_step
from tests.builders.api import HERE, on_both, problem
from tests.builders.waiting import poll_until


def item(hazard, step, **facts):
    sent = {"id": str(uuid.uuid4()), "step": step, "version": hazard["version"], **facts}
    return {"hazard": hazard["id"], "step": sent}


def send_batch(api, who, *items):
    answer = api.post(who, "/hazards/steps", {"items": list(items)})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@on_both
def test_a_monday_s_reports_are_accepted_and_assigned_in_two_requests(api):
    hazards = [api.report("inspector") for _ in range(12)]
    accepted = send_batch(api, "officer", *(item(hazard, "accept") for hazard in hazards))
    assert [each["status"] for each in accepted] == [200] * 12
    assert [each["hazard"]["id"] for each in accepted] == [hazard["id"] for hazard in hazards]
    again = [item(each["hazard"], "assign", lead="handler") for each in accepted]
    assert {each["hazard"]["state"] for each in send_batch(api, "officer", *again)} == {"assigned"}
    assert {each["hazard"]["version"] for each in send_batch(api, "officer", *again)} == {3}  # a retry has no effect


@on_both
def test_one_failed_step_does_not_affect_the_others(api):
    good, stale, other = (api.report("inspector") for _ in range(3))
    foreign = {"id": str(uuid.uuid4()), "version": 1}
    done = send_batch(
        api,
        "officer",
        item(good, "accept"),
        item(stale | {"version": 7}, "accept"),
        item(foreign, "accept"),
        item(other, "fly"),
        item(other, "assign", lead="handler"),
        {"hazard": "no-uuid", "step": {}},
        7,
        item(good | {"version": 2}, "assign", lead="handler"),
    )
    assert [each["status"] for each in done] == [200, 409, 404, 422, 409, 422, 422, 200]
    codes = [each["problem"]["code"] for each in done if each["status"] != 200]
    assert codes == ["hazard.stale", "hazard.not_found", "step.needs", "hazard.state", "step.needs", "step.needs"]
    assert done[3]["problem"]["errors"][0]["field"].startswith("step")
    assert done[-1]["hazard"]["state"] == "assigned"  # after the first item of the same hazard
    assert api.get("officer", f"/hazards/{stale['id']}").json()["version"] == 1


@on_both
def test_a_batch_ends_with_the_rights_of_its_sender(api, monkeypatch):
    """The account is closed while its batch is being taken, which may last for seconds."""
    hazard = api.report("inspector")
    database = api.client.app.state.context.database
    plain = database.transact

    async def transact(action):
        done = await plain(action)
        if getattr(action, "func", None) is take_step:
            person = await database.read(lambda repository: repository.person("officer"))
            await plain(lambda _: Change(None, changed=((person, replace(person, active=False)),)))
            await asyncio.sleep(1.1)  # a token is remembered for a second
        return done

    monkeypatch.setattr(database, "transact", transact)
    notes = [item(hazard | {"version": version}, "note", note="…") for version in (1, 2, 3)]
    done = send_batch(api, "officer", *notes)
    assert [each["status"] for each in done] == [200, 401, 401]


def test_an_empty_or_oversized_batch_is_refused(api):
    problem(api.post("officer", "/hazards/steps", {"items": []}), 422, "step.needs")
    problem(api.post("officer", "/hazards/steps", {"items": [1] * 501}), 422, "step.needs")
    problem(api.call("officer", "POST", "/hazards/steps", content=b"{"), 400, "body.unparsable")


def test_readiness_fails_while_no_process_watches_the_deadlines(api, clock):
    """Runs a server without background work on the same database, after the one that watches has stopped."""
    hazard = api.take_step("officer", api.report("inspector"), "accept")
    assert hazard["due_at"]
    api.client.__exit__(None, None, None)
    settings = Settings(data=str(api.folder), tick_seconds=1)
    with TestClient(build_app(settings, clock, background_work=False), raise_server_exceptions=False) as alone:
        assert alone.get("/health/ready").status_code == 200
        clock.advance(hours=23, seconds=2)  # an hour before the deadline the handler is to be reminded
        assert alone.get("/health/ready").status_code == 200
        clock.advance(seconds=2)
        problem(alone.get("/health/ready"), 503, "sweep.lags")
    api.client.__enter__()
    poll_until(lambda: api.get(None, "/health/ready", root=True).status_code == 200)


@on_both
def test_a_batch_that_is_not_applied_predicts_every_result_and_stores_nothing(api):
    """An officer sees before a batch whom a dispatch rule assigns, and which steps are refused."""
    rule = {
        "id": str(uuid.uuid4()),
        "community": HERE,
        "category": None,
        "group": None,
        "lead": "handler",
        "accepts": False,
    }
    by_rule, stale, stranger = (api.report("inspector") for _ in range(3))
    assert api.post("officer", "/dispatch-rules", rule).status_code == 403
    assert api.post("admin", "/dispatch-rules", rule).status_code == 201
    items = [
        item(by_rule, "accept"),
        item(stale | {"version": 7}, "accept"),
        item(stranger, "assign", lead="nobody"),
    ]
    answer = api.post("officer", "/hazards/steps?apply=false", {"items": items}).json()["items"]
    assert [each["status"] for each in answer] == [200, 409, 409]
    assert (answer[0]["hazard"]["state"], answer[0]["hazard"]["lead"]) == ("assigned", "handler")
    assert answer[0]["hazard"]["due_at"]
    for each in (by_rule, stale, stranger):
        there = api.get("officer", f"/hazards/{each['id']}").json()
        assert (there["state"], there["version"], there["lead"]) == ("reported", 1, None)
        assert api.get("officer", f"/hazards/{each['id']}/history").json()["items"][-1]["step"] == "report"
    done = send_batch(api, "officer", items[0])  # the same request, now in earnest
    assert (done[0]["hazard"]["state"], done[0]["hazard"]["lead"]) == ("assigned", "handler")
    assert done[0]["hazard"]["due_at"] == answer[0]["hazard"]["due_at"]
