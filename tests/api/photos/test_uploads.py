"""Proves that photos can be uploaded in pieces, as tus clients send them."""

import base64
import hashlib
from contextlib import ExitStack
from datetime import timedelta

import pytest
from litestar.testing import TestClient

from api.app import build_app
from api.http.problems import StalledTransfer
from api.settings import Settings
from inspections.photos.uploads import MAX_OPEN_UPLOADS, UPLOAD_LIFETIME
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, Api, Clock, on_both, problem
from tests.builders.postgres import new_database

PICTURE = draw_sample_photo("uploads", "EB-01", MONDAY)
LENGTH = len(PICTURE)
DIGEST = hashlib.sha256(PICTURE).hexdigest()
OCTETS = {"Content-Type": "application/offset+octet-stream"}
TUS = {"Tus-Resumable": "1.0.0"}


class Tus:
    """A tus client of one person."""

    def __init__(self, api, who="inspector"):
        self.api, self.who = api, who

    def call(self, method, path, *, version=TUS, headers=(), **options):
        return self.api.call(self.who, method, path, headers={**version, **dict(headers)}, **options)

    def begin(self, length=LENGTH, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", "/uploads", headers={"Upload-Length": str(length), **named})

    def create_upload(self, **headers):
        answer = self.begin(**headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"].removeprefix("/api/v1")

    def patch(self, path, offset, content, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("PATCH", path, headers={**OCTETS, "Upload-Offset": str(offset), **named}, content=content)

    def offset(self, path):
        answer = self.call("HEAD", path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        return int(answer.headers["upload-offset"])


@pytest.fixture
def tus(api):
    return Tus(api)


def checksum(algorithm, content):
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def pieces_left(api):
    return list((api.folder / "photos" / "pieces").iterdir())


@on_both
def test_a_photo_is_uploaded_in_three_pieces(api, tus):
    path = tus.create_upload()
    half = len(PICTURE) // 2
    for start, end in ((0, half), (half, half + 5)):
        answer = tus.patch(path, start, PICTURE[start:end])
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(end))
        assert "anxun-photo" not in answer.headers
        assert answer.headers["tus-resumable"] == "1.0.0"
        assert tus.offset(path) == end
    assert len(pieces_left(api)) == 2
    last = tus.patch(path, half + 5, PICTURE[half + 5 :])
    assert (last.status_code, last.headers["anxun-photo"]) == (204, DIGEST)
    assert api.get("inspector", f"/photos/{DIGEST}").content == PICTURE
    assert api.get("officer", f"/photos/{DIGEST}").status_code == 404
    assert tus.offset(path) == len(PICTURE)
    assert pieces_left(api) == []
    hazard = api.report("inspector", photos=[{"sha256": DIGEST, "stage": "before"}])
    assert hazard["missing_photos"] == []


def test_a_whole_photo_is_sent_with_its_creation(api, tus):
    answer = tus.call("POST", "/uploads", headers={**OCTETS, "Upload-Length": str(len(PICTURE))}, content=PICTURE)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(PICTURE)))
    assert answer.headers["anxun-photo"] == DIGEST
    assert api.get("inspector", f"/photos/{DIGEST}").status_code == 200


def metadata_of(content):
    return f"sha256 {base64.b64encode(hashlib.sha256(content).hexdigest().encode()).decode()}"


@on_both
def test_a_phone_that_lost_the_address_gets_its_unfinished_upload_back(api, tus):
    path = tus.create_upload(Upload_Metadata=metadata_of(PICTURE))
    tus.patch(path, 0, PICTURE[:1000])
    again = tus.begin(Upload_Metadata=metadata_of(PICTURE))
    assert (again.status_code, again.headers["upload-offset"]) == (201, "1000")
    assert again.headers["location"].endswith(path)
    last = tus.patch(path, 1000, PICTURE[1000:])
    assert last.headers["anxun-photo"] == DIGEST
    assert not tus.begin(Upload_Metadata=metadata_of(PICTURE)).headers["location"].endswith(path)
    assert not Tus(api, "officer").begin(Upload_Metadata=metadata_of(PICTURE)).headers["location"].endswith(path)


@pytest.mark.parametrize("with_checksum", [False, True])
@pytest.mark.parametrize("sent", [1, 999, 1000, 1001, LENGTH])
def test_a_body_sent_again_with_its_creation_goes_on_behind_what_arrived(tus, sent, with_checksum):
    named = {"Upload_Metadata": metadata_of(PICTURE)}
    path = tus.create_upload(**named)
    tus.patch(path, 0, PICTURE[:1000])
    headers = {**OCTETS, "Upload-Length": str(LENGTH), "Upload-Metadata": metadata_of(PICTURE)}
    headers |= {"Upload-Checksum": checksum("sha256", PICTURE[:sent])} if with_checksum else {}
    again = tus.call("POST", "/uploads", headers=headers, content=PICTURE[:sent])
    assert (again.status_code, again.headers["upload-offset"]) == (201, str(max(1000, sent)))
    assert again.headers.get("anxun-photo") == (DIGEST if sent == LENGTH else None)


@on_both
def test_a_phone_lists_its_unfinished_uploads(api, tus):
    first = tus.create_upload(Upload_Metadata=metadata_of(PICTURE))
    tus.patch(first, 0, PICTURE[:1000])
    second = tus.create_upload()
    done = tus.create_upload()
    tus.patch(done, 0, PICTURE)
    Tus(api, "officer").create_upload()
    items = api.get("inspector", "/uploads").json()["items"]
    assert [(each["location"], each["offset"], each["sha256"]) for each in items] == [
        (f"/api/v1{first}", 1000, DIGEST), (f"/api/v1{second}", 0, None),
    ]  # fmt: skip
    assert {each["length"] for each in items} == {LENGTH}


@on_both
def test_the_oldest_of_too_many_unfinished_uploads_goes_with_its_pieces(api, tus, clock):
    first = tus.create_upload()
    tus.patch(first, 0, PICTURE[:1000])
    assert len(pieces_left(api)) == 1
    for _ in range(MAX_OPEN_UPLOADS - 1):
        clock.now += timedelta(seconds=1)
        tus.create_upload()
    assert tus.offset(first) == 1000
    clock.now += timedelta(seconds=1)
    assert tus.begin().status_code == 201
    problem(tus.call("GET", "/uploads").json() and tus.patch(first, 1000, PICTURE[1000:]), 404, "upload.not_found")
    assert pieces_left(api) == []


def test_a_mini_program_sends_post_with_a_method_override(tus, api):
    path = tus.create_upload()
    headers = {**OCTETS, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert tus.call("POST", path, headers=headers, content=PICTURE[:9]).status_code == 204
    asked = tus.call("POST", path, headers={"X-HTTP-Method-Override": "HEAD"})
    assert asked.headers["upload-offset"] == "9"
    assert tus.call("POST", path, headers={"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    problem(tus.call("HEAD", path) and tus.call("POST", path), 405, "route.method")
    assert pieces_left(api) == []


def test_options_lists_the_tus_extensions_without_a_sign_in(api):
    answer = api.call(None, "OPTIONS", "/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-max-size"] == "20000000"
    extensions = set(answer.headers["tus-extension"].split(","))
    assert extensions == {"creation", "creation-with-upload", "checksum", "expiration", "termination"}


def test_metadata_are_returned_unchanged(tus):
    metadata = f"filename {base64.b64encode('楼道.jpg'.encode()).decode()},relativePath bnVsbA==,private"
    path = tus.create_upload(Upload_Metadata=metadata)
    assert tus.call("HEAD", path).headers["upload-metadata"] == metadata


def test_a_checksum_is_checked_before_a_byte_is_stored(tus, api):
    path = tus.create_upload()
    wrong = tus.patch(path, 0, PICTURE[:99], Upload_Checksum=checksum("sha1", b"other"))
    problem(wrong, 460, "upload.checksum")
    assert (tus.offset(path), pieces_left(api)) == (0, [])
    for algorithm, start, end in (("sha1", 0, 99), ("sha256", 99, 200), ("md5", 200, len(PICTURE))):
        part = PICTURE[start:end]
        assert tus.patch(path, start, part, Upload_Checksum=checksum(algorithm, part)).status_code == 204
    problem(tus.patch(path, 0, b"", Upload_Checksum="crc32 AAAA"), 409, "upload.offset")
    problem(tus.patch(path, len(PICTURE), b"", Upload_Checksum="crc32 AAAA"), 400, "body.unparsable")
    problem(tus.patch(path, len(PICTURE), b"", Upload_Checksum="sha1 ?"), 400, "body.unparsable")


def test_a_stalled_body_is_stored_as_far_as_it_came(tus, monkeypatch):
    """The status is one after which clients resume by themselves."""

    async def body(_):
        yield PICTURE[:99]
        raise StalledTransfer

    path = tus.create_upload()
    with monkeypatch.context() as patched:
        patched.setattr("api.photos.tus.photo_chunks", body)
        answer = tus.patch(path, 0, PICTURE)
    problem(answer, 503, "upload.stalled")
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert tus.offset(path) == 99
    assert tus.patch(path, 99, PICTURE[99:]).headers["anxun-photo"] == DIGEST


def test_a_photo_with_another_digest_than_declared_is_refused(tus, api):
    promise = base64.b64encode(("0" * 64).encode()).decode()
    path = tus.create_upload(Upload_Metadata=f"sha256 {promise}")
    answer = tus.patch(path, 0, PICTURE)
    assert problem(answer, 422, "photo.digest")["received"] == DIGEST
    assert tus.call("HEAD", path).status_code == 404
    assert api.get("inspector", f"/photos/{DIGEST}").status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(PICTURE[:-100], 422, "photo.damaged"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "photo.format")],
)
def test_an_invalid_photo_is_refused_at_its_end_and_leaves_nothing(tus, api, content, status, code):
    path = tus.create_upload(length=len(content))
    assert tus.patch(path, 0, content[:20]).status_code == 204
    problem(tus.patch(path, 20, content[20:]), status, code)
    assert tus.call("HEAD", path).status_code == 404
    assert pieces_left(api) == []
    assert list((api.folder / "photos" / "incoming").iterdir()) == []


def test_invalid_tus_requests_are_refused(tus, api):
    problem(tus.call("POST", "/uploads"), 400, "body.unparsable")
    problem(tus.begin(length="-1"), 400, "body.unparsable")
    problem(tus.begin(length=0), 422, "photo.damaged")
    problem(tus.begin(length=20_000_001), 413, "photo.too_large")
    problem(tus.begin(Upload_Metadata="a ***"), 400, "body.unparsable")
    problem(tus.begin(Upload_Metadata="sha256 AAAA"), 400, "body.unparsable")
    problem(tus.begin(Upload_Metadata="a " + "A" * 5000), 413, "body.too_large")
    old = tus.call("POST", "/uploads", version={"Tus-Resumable": "0.2.2"}, headers={"Upload-Length": "5"})
    problem(old, 412, "upload.version")
    assert old.headers["tus-version"] == "1.0.0"
    path = tus.create_upload()
    problem(tus.call("HEAD", path, version={}) and tus.call("DELETE", path, version={}), 412, "upload.version")
    problem(tus.patch(path, 5, b"x"), 409, "upload.offset")
    problem(tus.patch(path, "x", b"x"), 400, "body.unparsable")
    problem(tus.call("PATCH", path, headers={"Upload-Offset": "0"}, content=b"x"), 415, "upload.media_type")
    problem(tus.patch(path, 0, PICTURE + b"more"), 413, "photo.too_large")
    problem(Tus(api, "officer").patch(path, 0, b"x"), 404, "upload.not_found")
    problem(Tus(api, "analyst").patch(path, 0, b"x"), 403, "role.forbidden")
    assert tus.offset(path) == 0
    assert tus.call("DELETE", path).status_code == 204
    problem(tus.call("DELETE", path), 404, "upload.not_found")
    assert pieces_left(api) == []


def test_an_upload_expires_and_leaves_nothing(tus, api, clock):
    path = tus.create_upload()
    expiry = tus.patch(path, 0, PICTURE[:9]).headers["upload-expires"]
    assert expiry == "Tue, 24 Nov 2026 01:00:00 GMT"
    clock.advance(seconds=UPLOAD_LIFETIME.total_seconds() + 1)
    api.tokens["inspector"] = sign_in_again(api)
    assert tus.call("HEAD", path).status_code == 404


def sign_in_again(api):
    answer = api.post(None, "/auth/login", {"username": "inspector", "password": "a-password-for-Tests"})
    return answer.json()["access_token"]


def test_the_patches_of_an_upload_may_alternate_between_two_servers(tmp_path, demo_database):
    """Two replicas share one database and one photo store; a patch at an old offset is refused by either."""
    template, tokens = demo_database
    with ExitStack() as stack:
        url = stack.enter_context(new_database(template))
        shared = str(tmp_path / "shared")

        def server(name):
            settings = Settings(data=str(tmp_path / name), database=url, photos=shared, tick_seconds=0.05)
            client = stack.enter_context(TestClient(build_app(settings, Clock()), raise_server_exceptions=False))
            return Tus(Api(client, None, dict(tokens), tmp_path / name))

        servers = server("one"), server("two")
        path = servers[0].create_upload()
        step = len(PICTURE) // 7
        for number in range(6):
            at = number * step
            assert servers[number % 2].patch(path, at, PICTURE[at : at + step]).status_code == 204
            assert servers[(number + 1) % 2].offset(path) == at + step
        problem(servers[0].patch(path, step, PICTURE[step : 2 * step]), 409, "upload.offset")
        assert servers[1].patch(path, 6 * step, PICTURE[6 * step :]).headers["anxun-photo"] == DIGEST
        assert servers[0].api.get("inspector", f"/photos/{DIGEST}").content == PICTURE
