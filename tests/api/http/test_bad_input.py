"""Proves that bad input gets a problem that says what is wrong, never a 5xx, never a half-stored record."""

import base64
import hashlib
import json
import random
import sqlite3
import uuid

import pytest

from storage.photos import incoming
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import HERE, MONDAY, PASSWORD, THERE, body, on_both, problem

PICTURE = draw_sample_photo("bad input", "EB-01", MONDAY)


def count_rows(api):
    database = sqlite3.connect(api.folder / "anxun.db")
    tables = ("hazards", "entries", "mentions", "photos", "receipts")
    counts = [database.execute(f"select count(*) from {table}").fetchone()[0] for table in tables]  # noqa: S608
    database.close()
    return counts


@pytest.fixture
def storage_check(api):
    before = count_rows(api)
    yield
    assert count_rows(api) == before
    assert list((api.folder / "photos" / "incoming").iterdir()) == []


@pytest.mark.usefixtures("storage_check")
@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"surprise": 1}, "surprise"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": "1"}, "quantity"),
        ({"quantity": 10**30}, "quantity"),
        ({"description": ""}, "description"),
        ({"description": "a\x00b"}, "description"),
        ({"place": "x" * 201}, "place"),
        ({"id": "no-uuid"}, "id"),
        ({"community": "33040200903"}, "community"),
        ({"found_at": "2026-11-23T09:00:00"}, "found_at"),
        ({"found_at": "2026-11-23T09:00:00", "description": " \n "}, "description"),
        ({"place": "two\nlines"}, "place"),
        (
            {"photos": [{"sha256": "0" * 64, "stage": "before", "taken_at": "2026-11-23T09:00:00"}]},
            "photos[0].taken_at",
        ),
        ({"photos": []}, "photos"),
        ({"photos": [{"sha256": "xyz", "stage": "before"}]}, "photos[0].sha256"),
        ({"photos": [{"sha256": "0" * 64, "stage": "during"}]}, "photos[0].stage"),
        ({"photos": [{"sha256": "0" * 64, "stage": "before", "x": 1}]}, "photos[0].x"),
        ({"category": "NO-01"}, "category"),
        ({"category": "EL-05"}, "category"),
        ({"point": {"lat": 91, "lon": 0, "crs": "wgs84"}}, "point.lat"),
        ({"point": {"lat": 30, "lon": 120, "crs": "utm"}}, "point.crs"),
        ({"responsible_party": {"kind": "owner"}}, "responsible_party.name"),
    ],
)
def test_an_invalid_report_names_the_field(api, facts, field):
    refusal = problem(api.post("inspector", "/hazards", body(**facts)), 422, "step.needs")
    assert field in [error["field"] for error in refusal["errors"]]
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in error["message"]) for error in refusal["errors"])


@pytest.mark.usefixtures("storage_check")
def test_missing_and_foreign_communities_look_the_same(api):
    missing = api.post("inspector", "/hazards", body(community="999999999999"))
    foreign = api.post("inspector", "/hazards", body(community=THERE))
    assert problem(missing, 404, "community.not_found") == problem(foreign, 404, "community.not_found")


@pytest.mark.usefixtures("storage_check")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe\x00",
        b'{"id": "\xff"}',
        b"[" * 5000,
        b'{"a":' * 3000,
        b"NaN",
        b"\x00",
        b'"\\ud800"',
    ],
)
def test_a_body_that_is_not_json_is_refused(api, raw):
    for path in ("/hazards", f"/hazards/{uuid.uuid4()}/steps", "/auth/login"):
        answer = api.call("inspector", "POST", path, content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


@on_both
def test_a_nul_character_is_refused_in_every_field(api):
    """Guards against a fault that a million mutations found: an unchecked name reached PostgreSQL."""
    good = {"username": "officer", "password": PASSWORD, "device": "phone"}
    for field in good:
        answer = api.post(None, "/auth/login", {**good, field: "a\x00b"})
        assert answer.status_code in {400, 422}, (field, answer.text)
    odd = {"id": str(uuid.uuid4()), "step": "note", "version": 1, "note": "\x00"}
    assert api.post("officer", f"/hazards/{uuid.uuid4()}/steps", odd).status_code in {400, 422}


def form(*parts, boundary=b"b", end=True):
    lines = b"".join(b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return lines + (b"--" + boundary + b"--\r\n" if end else b"")


REPORT = json.dumps(body()).encode()
AS_REPORT = b'Content-Disposition: form-data; name="report"'
AS_PHOTO = b'Content-Disposition: form-data; name="photo"; filename="a.jpg"'


@pytest.mark.usefixtures("storage_check")
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (form((AS_REPORT, b"\xff\xfe")), 400),
        (form((AS_REPORT, REPORT), end=False), 400),
        (form((AS_REPORT + b"\r\nContent-Type: text/plain; charset=nonsense", b"{")), 400),
        (form((AS_REPORT + b"\r\nContent-Type: text/plain; charset=base64", b"{")), 400),
        (form((b"X-Nothing: 1", REPORT)), 400),
        (form((b"Content-Disposition: form-data", REPORT)), 422),
        (form((AS_PHOTO, PICTURE)), 422),
        (form((AS_REPORT, b"{}"), (AS_PHOTO, PICTURE)), 422),
        (form((AS_REPORT, REPORT), (AS_PHOTO, PICTURE[:-5])), 422),
        (form((AS_REPORT, REPORT), (AS_PHOTO, b"text")), 415),
        (form((AS_REPORT, REPORT), (AS_PHOTO, PICTURE), (AS_PHOTO, b"")), 422),
        (form((AS_REPORT, REPORT), *[(AS_PHOTO, PICTURE)] * 10), 422),
        (form((AS_REPORT, REPORT), (b'Content-Disposition: form-data; name="x"', b"")), 422),
        (form((AS_REPORT, REPORT), (b'Content-Disposition: form-data; name="image"; filename="a.jpg"', PICTURE)), 422),
        (form((AS_REPORT, REPORT), (AS_REPORT, REPORT)), 422),
        (form((AS_REPORT + b"\r\nX: 1" * 100, REPORT)), 413),
        (form((AS_REPORT + b"\r\nX: " + b"1" * 100_000, REPORT)), 413),
        (form((AS_REPORT, b" " * 1_000_001)), 413),
        (b"", 400),
        (b"no form at all", 400),
    ],
)
def test_an_invalid_form_is_refused(api, raw, status):
    answer = api.call(
        "inspector", "POST", "/hazards", content=raw, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def put(api, digest, data, who="inspector"):
    return api.call(who, "PUT", f"/photos/{digest}", content=data)


@pytest.mark.usefixtures("storage_check")
def test_invalid_photos_are_refused(api):
    digest = hashlib.sha256(PICTURE).hexdigest()
    wrong = problem(put(api, "0" * 64, PICTURE), 422, "photo.digest")
    assert (wrong["promised"], wrong["received"]) == ("0" * 64, digest)
    problem(put(api, digest.upper(), PICTURE), 422, "photo.digest")
    problem(put(api, "../../etc/passwd", PICTURE), 404, "route.not_found")
    for tenth in range(1, 10):
        cut = PICTURE[: len(PICTURE) * tenth // 10]
        problem(put(api, hashlib.sha256(cut).hexdigest(), cut), 422, "photo.damaged")
    for data, code, status in ((b"words", "photo.format", 415), (b"", "photo.damaged", 422)):
        problem(put(api, hashlib.sha256(data).hexdigest(), data), status, code)
    large = PICTURE + bytes(20_000_000)
    problem(put(api, hashlib.sha256(large).hexdigest(), large), 413, "photo.too_large")
    problem(put(api, digest, PICTURE, who="analyst"), 403, "role.forbidden")
    problem(api.call("inspector", "POST", "/photos", content=b"x"), 400, "body.unparsable")
    problem(api.call("inspector", "POST", "/photos", files={"other": b"x"}), 422, "step.needs")


def cursor(position):
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


@on_both
def test_a_nul_in_a_url_is_refused_before_the_database(api):
    for path, field in (
        ("/statistics/communities?street=33040%002009", "street"),
        ("/hazards?q=%00", "q"),
        ("/hazards?community=%00&limit=1", "community"),
    ):
        refusal = problem(api.get("officer", path), 422, "step.needs")
        assert [error["field"] for error in refusal["errors"]] == [field], path
    problem(api.get("admin", "/people/handler%00"), 404, "route.not_found")
    problem(api.post("admin", "/categories/EV-03%00", {}), 404, "route.not_found")


def test_invalid_query_parameters_name_the_field(api):
    for path, field in (
        ("/hazards?colour=red", "colour"),
        ("/hazards?limit=0", "limit"),
        ("/hazards?limit=501", "limit"),
        ("/hazards?limit=ten", "limit"),
        ("/hazards?state=sleeping", "state"),
        ("/hazards?cursor=%00", "cursor"),
        ("/hazards?cursor=eyJ4IjoxfQ==", "cursor"),
        ("/hazards?found_from=2026-11-23T09:00:00", "found_from"),
        ("/hazards?overdue=perhaps", "overdue"),
        ("/statistics/communities?from=yesterday", "from"),
        ("/statistics/communities?from=2026-02-01&to=2026-01-01", "to"),
        ("/hazards?reported_to=9999-12-31", "reported_to"),
        ("/hazards?cursor=" + cursor({"reported_at": "2026-01-01T00:00:00", "id": str(uuid.uuid4())}), "cursor"),
        ("/hazards?cursor=" + base64.urlsafe_b64encode(b'{"a":' * 5000).decode(), "cursor"),
        ("/statistics/communities?from=0001-01-01", "from"),
        (f"/photos/{'0' * 64}?size=huge", "size"),
        ("/people?role=king", "role"),
    ):
        refusal = problem(api.get("officer", path), 422, "step.needs")
        assert [error["field"] for error in refusal["errors"]] == [field], path


def test_unknown_routes_and_objects_get_a_problem(api):
    problem(api.get("officer", "/nothing"), 404, "route.not_found")
    problem(api.get("officer", "/hazards/no-uuid"), 404, "route.not_found")
    problem(api.call("officer", "DELETE", "/hazards"), 405, "route.method")
    problem(api.get("officer", f"/hazards/{uuid.uuid4()}"), 404, "hazard.not_found")
    problem(api.get("officer", f"/photos/{'0' * 64}"), 404, "photo.not_found")
    empty = problem(api.get("officer", "/statistics/communities?community="), 422, "step.needs")
    assert empty["errors"] == [{"field": "community", "message": "不能为空"}]
    for code in (THERE, "330402009"):
        problem(api.get("officer", "/statistics/communities", params={"community": code}), 404, "community.not_found")
    for code in (THERE, HERE + "0"):
        problem(api.get("officer", "/people", params={"community": code}), 404, "community.not_found")


def test_invalid_steps_are_refused(api):
    hazard = api.report("inspector")
    unknown = {"id": str(uuid.uuid4()), "step": "fly", "version": 1}
    problem(api.post("officer", f"/hazards/{hazard['id']}/steps", unknown), 422, "step.needs")
    problem(api.step("officer", hazard, "accept", colour="red"), 422, "step.needs")
    problem(api.step("inspector", hazard, "accept"), 403, "role.forbidden")
    problem(api.step("inspector2", hazard, "accept"), 404, "hazard.not_found")
    problem(api.step("handler", hazard, "start"), 404, "hazard.not_found")
    problem(api.step("officer", hazard | {"version": 2}, "accept"), 409, "hazard.stale")
    assert "accept" in problem(api.step("officer", hazard, "assign", lead="handler"), 409, "hazard.state")["possible"]
    accepted = api.take_step("officer", hazard, "accept")
    problem(api.step("officer", accepted, "assign", lead="nobody"), 422, "step.needs")
    assert api.get("officer", f"/hazards/{hazard['id']}").json()["version"] == 2


def mutate(api, turns, seed):
    """Send byte mutations of valid bodies: the server accepts or refuses each one without a 5xx."""
    chance = random.Random(seed)  # noqa: S311
    sound = json.dumps(body(point={"lat": 30, "lon": 120, "crs": "wgs84"}), ensure_ascii=False).encode()
    whole = form((AS_REPORT, sound), (AS_PHOTO, PICTURE))
    step = json.dumps(
        {"id": str(uuid.uuid4()), "step": "note", "version": 1, "note": "好"}, ensure_ascii=False
    ).encode()
    hazard = api.report("inspector")
    paths = (
        ("/hazards", sound, "application/json"),
        ("/hazards", whole, "multipart/form-data; boundary=b"),
        (f"/hazards/{hazard['id']}/steps", step, "application/json"),
    )
    for turn in range(turns):
        path, raw, kind = paths[turn % len(paths)]
        mutated = bytearray(raw)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(min(len(mutated), 700))
            mutated[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        answer = api.call("inspector", "POST", path, content=bytes(mutated), headers={"Content-Type": kind})
        assert answer.status_code < 500, (kind, bytes(mutated)[:900], answer.text)


def test_mutated_bodies_never_cause_a_server_error(api):
    mutate(api, 600, seed=7)


@pytest.mark.drill
def test_fifty_thousand_mutated_bodies_never_cause_a_server_error(api):
    mutate(api, 50_000, seed=random.randrange(1_000_000))  # noqa: S311


def test_a_refused_form_stores_none_of_its_photos(api):
    sent = [(AS_REPORT, json.dumps(body(community=THERE)).encode()), (AS_PHOTO, PICTURE)]
    mixed = [(AS_REPORT, REPORT), (AS_PHOTO, PICTURE), (AS_PHOTO, b"text")]
    for parts, status in ((sent, 404), (mixed, 415)):
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        assert api.call("inspector", "POST", "/hazards", content=form(*parts), headers=headers).status_code == status
    assert [each for each in (api.folder / "photos").rglob("*") if each.is_file()] == []


def test_a_large_json_is_refused_on_every_route(api):
    large = json.dumps(body(description="大" * 400_000)).encode()
    problem(api.call("inspector", "POST", "/hazards", content=large), 413, "body.too_large")
    problem(api.call("inspector", "POST", "/auth/login", content=large), 413, "body.too_large")


def test_a_report_with_too_many_photos_is_refused_and_not_stored(api):
    declared = [{"sha256": f"{at:064x}", "stage": "before"} for at in range(30)]
    parts = [(AS_REPORT, json.dumps(body(photos=declared)).encode()), (AS_PHOTO, PICTURE)]
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    problem(api.call("inspector", "POST", "/hazards", content=form(*parts), headers=headers), 422, "step.needs")
    assert count_rows(api)[0] == 0


def test_a_full_disk_refuses_photos_and_not_reports(api, monkeypatch):
    monkeypatch.setattr(incoming, "FREE_FLOOR_BYTES", 1 << 60)
    full = put(api, hashlib.sha256(PICTURE).hexdigest(), PICTURE)
    assert problem(full, 507, "store.full")["free"] > 0
    assert full.headers["retry-after"]
    assert api.post("inspector", "/hazards", body()).status_code == 201
