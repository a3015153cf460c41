"""Personal data is exported and erased on request, for an account and for a neighbour without one."""

import uuid

from api.photos.processor import PhotoProcessor
from inspections.accounts.people import ERASED
from storage.upkeep.verification import verify
from tests.builders.api import HERE, PASSWORD, THERE, on_both, problem
from tests.builders.delegations import delegation_request
from tests.builders.people import new_person, sign_in_as

PARTY = {"kind": "tenant", "name": "张小三", "phone": "13912345678"}
PARTY_QUERY = {"phone": PARTY["phone"]}


def erasure_request(**words):
    return {"id": str(uuid.uuid4()), "reason": "本人要求", **words}


@on_both
def test_an_account_gets_a_copy_of_all_its_personal_data(api):
    hazard = api.report("inspector", description="楼道堆物")
    api.take_step("officer", hazard, "accept")
    mine = api.get("inspector", "/me/data").json()
    assert mine["account"]["username"] == "inspector"
    assert [(line["number"], line["step"]) for line in mine["lines"]] == [(hazard["number"], "report")]
    assert [each["sha256"] for each in mine["photos"]] == [hazard["photos"][0]["sha256"]]
    assert [each["name"] for each in mine["devices"]] == ["test"]
    assert {each["event"] for each in mine["security_events"]} == {"sign_in"}
    seen = api.get("admin", "/people/inspector/data").json()
    assert seen["lines"] == mine["lines"]
    assert "楼道堆物" not in str(seen)  # an administrator of accounts may not read hazards
    assert api.get("admin", "/security/events?event=exported").json()["items"][0]["about"] == "inspector"
    problem(api.get("admin", "/people/inspector2/data"), 404, "person.not_found")


@on_both
def test_erasing_an_account_also_erases_its_device_names(api):
    new = {"username": "sun", "name": "孙某", "password": PASSWORD, "grants": [{"role": "inspector", "scope": HERE}]}
    assert api.post("admin", "/people", new).status_code == 201
    assert (
        api.post(None, "/auth/login", {"username": "sun", "password": PASSWORD, "device": "孙某的手机"}).status_code
        == 200
    )
    assert api.post("admin", "/people/sun", {"version": 1, "erase": True}).status_code == 200
    left = api.get("admin", "/people/sun/data")
    assert "孙某" not in left.text
    assert [(each["name"], each["revoked_at"] is not None) for each in left.json()["devices"]] == [(ERASED, True)]


@on_both
def test_erasing_an_account_also_erases_why_it_lent_its_role(api):
    grants = [{"role": "supervisor", "scope": HERE}]
    assert api.post("admin", "/people", new_person(username="sun", grants=grants)).status_code == 201
    assert api.post("admin", "/people", new_person()).status_code == 201
    sign_in_as(api, "sun", "correct horse battery")
    lent = api.post("sun", "/delegations", delegation_request(reason="陪母亲住院"))
    assert lent.status_code == 201, lent.text
    assert api.post("admin", "/people/sun", {"version": 1, "erase": True}).status_code == 200
    for path in ("/delegations", "/people/sun/data", "/people/han/data"):
        shown = api.get("admin", path).text
        assert lent.json()["id"] in shown
        assert "住院" not in shown


@on_both
def test_a_third_party_is_found_and_erased_in_every_history_of_the_office(api):
    first = api.report("inspector", responsible_party=PARTY)
    second = api.report("inspector", responsible_party={**PARTY, "name": "张三"})
    other = api.report("inspector", responsible_party={"kind": "merchant", "name": "某店 %_"})
    far = api.report("inspector2", community=THERE, responsible_party=PARTY)
    accepted = api.take_step("officer", other, "accept")
    api.take_step("officer", accepted, "assign", lead="handler", responsible_party=PARTY)

    def numbers(**words):
        found = api.post("admin", "/parties/data", words).json()["items"]
        return [(each["hazard"]["number"], [line["step"] for line in each["lines"]]) for each in found]

    assert numbers(**PARTY_QUERY) == [
        (first["number"], ["report"]),
        (second["number"], ["report"]),
        (other["number"], ["assign"]),
    ]
    assert numbers(name="张三") == [(second["number"], ["report"])]
    assert numbers(name="张小三", phone="110") == numbers(name="%") == []
    gone = api.post("admin", "/parties/erasures", erasure_request(**PARTY_QUERY))
    assert [each["number"] for each in gone.json()["hazards"]] == [first["number"], second["number"], other["number"]]
    assert numbers(**PARTY_QUERY) == []
    for hazard in (first, second, other):
        whole = api.get("officer", f"/hazards/{hazard['id']}").text
        whole += api.get("officer", f"/hazards/{hazard['id']}/history").text
        assert PARTY["phone"] not in whole
        assert "张" not in whole
    assert "某店" in api.get("officer", f"/hazards/{other['id']}/history").text
    assert PARTY["phone"] in api.get("officer2", f"/hazards/{far['id']}").text
    context = api.client.app.state.context
    assert list(verify(context.database, context.photos, lambda *_: None, None)) == []


@on_both
def test_a_party_is_also_found_where_another_word_names_it(api):
    """In a fix that it made itself, in a hazard that came back, and in the line of an old ledger."""
    hazard = api.assign_report(responsible_party=PARTY)
    photos = [{"sha256": api.photo("officer"), "stage": "after"}]
    fix = {"method": "清理", "quantity_done": 1, "photos": photos, "on_behalf_of": PARTY["name"]}
    hazard = api.take_step("officer", hazard, "submit_fix", **fix)
    hazard = api.take_step("inspector", hazard, "recheck", result="pass", note="已整改")
    photos = [{"sha256": api.photo("inspector"), "stage": "before"}]
    again = api.take_step("inspector", hazard, "look_back", result="rebound", photos=photos)["rebounded_as"]
    titles = "编号,社区,地点,类别,隐患描述,检查日期,责任主体,联系电话"
    old = f"{titles}\n1,{HERE},3幢,EV-03,纸板,2025-03-04,{PARTY['name']},{PARTY['phone']}\n".encode()
    headers = {"content-type": "application/octet-stream"}
    imported = api.call("admin", "POST", "/ledger/import?apply=true", content=old, headers=headers)
    assert imported.json()["new"] == 1, imported.text
    for words in (PARTY_QUERY, {"name": PARTY["name"]}, {"name": PARTY["name"], **PARTY_QUERY}):
        found = api.post("admin", "/parties/data", words).json()["items"]
        steps = {each["hazard"]["number"]: [line["step"] for line in each["lines"]] for each in found}
        assert sorted(steps.values()) == [[], ["import"], ["report", "submit_fix"]]
    gone = api.post("admin", "/parties/erasures", erasure_request(**PARTY_QUERY))
    assert len(gone.json()["hazards"]) == 3, gone.text
    assert api.post("admin", "/parties/data", {"name": PARTY["name"]}).json()["items"] == []
    for each in (*gone.json()["hazards"], {"id": again}):
        whole = api.get("officer", f"/hazards/{each['id']}").text
        whole += api.get("officer", f"/hazards/{each['id']}/history").text
        assert PARTY["name"] not in whole
        assert PARTY["phone"] not in whole
    assert PARTY["name"] not in api.get("officer", "/ledger.csv").text
    context = api.client.app.state.context
    assert list(verify(context.database, context.photos, lambda *_: None, None)) == []


@on_both
def test_a_copy_names_assignments_exports_and_what_photos_tell(api):
    hazard = api.assign_report()
    assert [each["number"] for each in api.get("handler", "/me/data").json()["assigned"]] == [hazard["number"]]
    export = str(uuid.uuid4())
    assert api.post("officer", "/ledger/exports", {"id": export}).status_code == 201
    mine = api.get("officer", "/me/data").json()
    assert ([each["id"] for each in mine["exports"]], mine["assigned"]) == ([export], [])
    assert mine["second_factor_since"] is None
    api.client.blocking_portal.call(api.client.app.state.context.part(PhotoProcessor).process_batch)
    (photo,) = api.get("inspector", "/me/data").json()["photos"]
    assert photo["taken_at"] is not None


@on_both
def test_an_api_key_has_no_personal_data(api):
    wanted = {"id": str(uuid.uuid4()), "name": "大屏", "scope": HERE, "expires_at": "2027-01-31T00:00:00Z"}
    api.tokens["key"] = api.post("admin", "/keys", wanted).json()["token"]
    problem(api.get("key", "/me/data"), 404, "person.not_found")
    for path in ("/me", "/me/devices", "/me/totp", "/me/identities", "/inbox", "/delegations"):
        assert api.get("key", path).status_code == 200, path
    tried = {"password": PASSWORD, "new_password": "another long password", "code": "123456"}
    for path, fields in (
        ("/auth/password", ("password", "new_password")),
        ("/me/totp", ("password",)),
        ("/me/totp/confirm", ("code",)),
        ("/me/totp/remove", ("password", "code")),
        ("/auth/logout", ()),
    ):
        answer = api.post("key", path, {field: tried[field] for field in fields} or None)
        assert answer.status_code < 500, (path, answer.text)


def test_an_empty_party_query_is_refused(api):
    for wrong in ({}, {"name": ""}, {"phone": "x" * 201}, {"name": None}):
        problem(api.post("admin", "/parties/data", wrong), 422, "step.needs")
        problem(api.post("admin", "/parties/erasures", erasure_request(**wrong)), 422, "step.needs")
