"""Over HTTP, names with characters that nobody sees are refused with a word, and words are cleaned of them."""

import re
import uuid

import pytest
from click.testing import CliRunner
from msgspec import inspect

from api.app import assemble_app
from api.commands.main import commands
from api.settings import Settings
from inspections.request_texts import INVISIBLE_WORDS, MISSING_WORDS
from tests.builders.api import HERE, PASSWORD, body, on_both, problem
from tests.builders.signed_alerts import ALARM, register_device, send_alerts

RAW, CLEAN, HIDDEN = "楼\u200b道\u202e堆物", "楼道堆物", "张\u200b三"
UNCHECKED = {
    "Credentials": {"username", "password", "device", "totp", "device_secret"},  # looked up, compared, or cleaned
    "ExternalCredentials": {"code", "device", "totp", "device_secret"},
    "IdentityToLink": {"code", "password", "totp"},
    "PasswordChange": {"password", "new_password"},
    "NewPerson": {"password"},
    "PersonChange": {"password"},
    "RefreshToken": {"refresh_token"},
    "OwnPassword": {"password"},
    "TotpCode": {"code"},
    "TotpRemoval": {"password", "code"},
}
"""Fields that are compared with what is stored and never stored as they are."""


def text_fields(kind):
    """Yields (Struct, field, its kind of text, its pattern) for each text in a request body."""
    info = inspect.type_info(kind)
    waiting = [("", "", info)]
    while waiting:
        owner, name, each = waiting.pop()
        match each:
            case inspect.StructType():
                waiting += [(each.cls.__name__, field.name, field.type) for field in each.fields]
            case inspect.UnionType():
                waiting += [(owner, name, inner) for inner in each.types]
            case inspect.VarTupleType() | inspect.ListType():
                waiting.append((owner, name, each.item_type))
            case inspect.Metadata(extra=extra, type=inner) if extra and "text" in extra:
                yield owner, name, extra["text"], inner.pattern
            case inspect.Metadata():
                waiting.append((owner, name, each.type))
            case inspect.StrType():
                yield owner, name, None, each.pattern
            case _:
                pass


def request_bodies():
    handlers = (
        handler for route in assemble_app(Settings()).routes for handler in getattr(route, "route_handlers", ())
    )
    return {handler.opt["body"] for handler in handlers if handler.opt.get("body") not in {None, bytes}}


def test_every_text_of_every_request_says_what_is_done_with_invisible_characters():
    found = [each for kind in request_bodies() for each in text_fields(kind)]
    assert {kind for _, _, kind, _ in found if kind} == {"name", "template", "line", "words"}
    for owner, field, kind, pattern in found:
        told = kind or field in UNCHECKED.get(owner, ()) or (pattern and not re.search(pattern, "aB\u200b0"))
        assert told, (owner, field)


@on_both
@pytest.mark.parametrize("letter", list("\u200b\u202e\u2066\u200f\u009b\U000e0041\ufeff"), ids=ascii)
def test_a_report_is_cleaned_once_and_repeated_as_it_was_sent(api, letter):
    sent = body(description=f"楼道{letter}堆物", place=f"3幢{letter}")
    made = api.post("inspector", "/hazards", sent)
    assert made.status_code == 201, made.text
    hazard = made.json()["hazard"]
    assert hazard["description"].replace("\n", "") == CLEAN
    assert hazard["place"].strip() == "3幢"
    again = api.post("inspector", "/hazards", sent)
    assert (again.status_code, again.json()["hazard"]) == (200, hazard)
    for words in (f"3{letter}幢", "3幢"):
        listed = api.get("officer", "/hazards", params={"q": words}).json()["items"]
        assert [each["id"] for each in listed] == [hazard["id"]], words


def messages(refusal):
    return {each["field"]: each["message"] for each in refusal["errors"]}


@on_both
def test_a_report_of_nothing_visible_is_refused(api):
    party = {"kind": "owner", "name": HIDDEN}
    sent = body(description="\u200b\u2060", place="\u3164", responsible_party=party)
    assert messages(problem(api.post("inspector", "/hazards", sent), 422, "step.needs")) == {
        "description": MISSING_WORDS,
        "place": MISSING_WORDS,
        "responsible_party.name": INVISIBLE_WORDS,
    }


NAMES = [
    ("admin", "/people", {"username": "sun2", "name": HIDDEN, "password": PASSWORD}, "name"),
    ("admin", "/people/inspector", {"version": 1, "name": HIDDEN}, "name"),
    ("admin", "/keys", {"name": HIDDEN, "scope": "", "expires_at": "2026-12-01T00:00:00Z"}, "name"),
    ("admin", "/devices", {"id": "B-1", "name": HIDDEN, "kind": "mains", "community": HERE, "place": "1"}, "name"),
    (
        "admin",
        "/categories/EV-03",
        {"name": HIDDEN, "group": "通道", "priority": None, "term": {"amount": 1, "unit": "d"}, "unit": "处"},
        "name",
    ),
    ("admin", "/notice-templates/assign", {"version": 0, "title": "\u202e派单", "text": "{place}"}, "title"),
    ("admin", "/notice-templates/assign", {"version": 0, "title": "派单", "text": "{place}\u200b"}, "text"),
    ("admin", "/dispatch-rules", {"community": HERE, "lead": "handler", "group": "通\u200b道"}, "group"),
]


@on_both
def test_names_and_templates_are_refused_with_a_word(api):
    for who, path, sent, field in NAMES:
        facts = {"id": str(uuid.uuid4()), **sent} if path in {"/keys", "/dispatch-rules"} else sent
        assert messages(problem(api.post(who, path, facts), 422, "step.needs")) == {field: INVISIBLE_WORDS}, path


@on_both
def test_a_device_signs_in_whatever_its_name(api):
    for name in (RAW, "\u200b", "", " ", "a\x01\u202eb\nc"):
        sent = {"username": "officer", "password": PASSWORD, "device": name}
        assert api.post(None, "/auth/login", sent).status_code == 200, ascii(name)
    names = {each["name"] for each in api.get("officer", "/me/data").json()["devices"]}
    assert names == {"test", CLEAN, "unnamed", "ab c"}


@on_both
def test_the_level_of_an_alarm_is_cleaned_and_the_alarm_counts(api):
    secret = register_device(api, place=RAW)
    (verdict,) = send_alerts(api, secret, {**ALARM, "level": "二\u202e级", "unit\u200b": "m\u200bA"})
    assert verdict["result"] == "opened"
    case = api.get("officer", f"/hazards/{verdict['hazard']}").json()
    assert case["place"] == CLEAN
    (line, _) = api.get("officer", f"/hazards/{case['id']}/history").json()["items"]
    assert line["facts"]["level"] == "二级"


@on_both
def test_a_party_is_found_and_erased_by_any_normal_form_of_its_name(api):
    for name in ("Caf\u00e9 豈", "Cafe\u0301 \uf900"):
        api.report("inspector", responsible_party={"kind": "merchant", "name": name})
    api.report("inspector", responsible_party={"kind": "merchant", "name": "Cafe 豈"})
    for name in ("Caf\u00e9 \uf900", "Cafe\u0301 豈"):
        assert len(api.post("admin", "/parties/data", {"name": name}).json()["items"]) == 2
    sent = {"id": str(uuid.uuid4()), "reason": RAW, "name": "Cafe\u0301 豈"}
    done = api.post("admin", "/parties/erasures", sent).json()["hazards"]
    assert len(done) == 2
    history = api.get("officer", f"/hazards/{done[0]['id']}/history").json()["items"]
    assert history[-1]["facts"]["reason"] == CLEAN
    assert api.post("admin", "/parties/data", {"name": "Caf\u00e9 豈"}).json()["items"] == []


@on_both
def test_a_group_is_selected_by_any_normal_form_of_its_name(api):
    policy = {
        "name": "咖啡",
        "group": "Caf\u00e9",
        "priority": "normal",
        "term": {"amount": 1, "unit": "d"},
        "unit": "处",
    }
    assert api.post("admin", "/categories/EV-77", policy).status_code == 200
    api.report("inspector", category="EV-77")
    api.report("inspector")
    for group in ("Caf\u00e9", "Cafe\u0301"):
        assert len(api.get("officer", "/hazards", params={"group": group}).json()["items"]) == 1
        assert api.counts(group=group)["total"]["received"] == 1
        rows = api.get("analyst", "/statistics/categories", params={"group": group}).json()["items"]
        assert [row["category"] for row in rows] == ["EV-77"]


def test_the_command_line_refuses_a_hidden_name(tmp_path, monkeypatch):
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    monkeypatch.setenv("ANXUN_DATA", str(tmp_path / "data2"))
    runner = CliRunner()
    assert runner.invoke(commands, ["migrate"]).exit_code == 0
    done = runner.invoke(commands, ["user", "add", "sun2", "--name", HIDDEN, "--password-file", str(secret)])
    assert done.exit_code != 0
    assert INVISIBLE_WORDS in str(done.exception) + done.output
