"""What every route answers in the same way: methods, codings, request ids, validators."""

import contextvars
import gzip
import hashlib
import re
import zlib

import pytest
from backports import zstd

from api.app import create_app
from api.http.exchange.compression import LEAST_BYTES, find_compression
from api.http.exchange.request_ids import add_request_ids, begin_request
from api.http.exchange.validators import is_known_to_client
from tests.builders.api import on_both, problem
from tests.builders.pictures import picture
from tests.builders.waiting import poll_until

CSV = "/statistics/communities?format=csv"


def ask(api, path, who="officer", method="GET", **headers):
    """Asks for an answer as it is, unless `headers` say otherwise."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.call(who, method, path, headers={"Accept-Encoding": "identity", **named})


def ask_raw(api, path, coding):
    """Returns the answer and its bytes as they were sent."""
    headers = {"Authorization": f"Bearer {api.tokens['officer']}", "Accept-Encoding": coding}
    with api.client.stream("GET", f"/api/v1{path}", headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


def fill(api, reports=12):
    for _ in range(reports):
        api.report("inspector")


# methods ----------------------------------------------------------------------------------------------------


def get_paths(api):
    """The paths of all routes with a GET and without a parameter, but for streams."""
    return sorted(
        route.path
        for route in api.client.app.routes
        if "GET" in route.methods and "{" not in route.path and route.path != "/api/v1/live"
    )


@on_both
def test_head_answers_as_get_does_without_a_body(api):
    fill(api, 2)
    for path in get_paths(api):
        plain = {"Accept-Encoding": "identity"}
        heads = [api.call("officer", method, path, root=True, headers=plain) for method in ("GET", "HEAD")]
        assert heads[0].status_code == heads[1].status_code, path
        assert heads[1].content == b"", path
        assert set(heads[0].headers) == set(heads[1].headers), path


def test_the_head_of_a_stream_ends(api):
    answer = api.call("officer", "HEAD", "/live")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.content == b""


def test_head_is_refused_as_get_is(api):
    assert api.call(None, "HEAD", "/hazards").status_code == 401
    assert api.call("officer", "HEAD", "/hazards?sort=nonsense").status_code == 422
    assert api.call("officer", "HEAD", "/nowhere").status_code == 404
    assert api.call("officer", "HEAD", "/auth/login").status_code == 405


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/hazards", "GET, HEAD, OPTIONS, POST"),
        ("/me", "GET, HEAD, OPTIONS"),
        ("/auth/login", "OPTIONS, POST"),
        ("/hazards/steps", "OPTIONS, POST"),
        (f"/photos/{'0' * 64}", "GET, HEAD, OPTIONS, PUT"),
        ("/uploads/01900000-0000-7000-8000-000000000000", "DELETE, HEAD, OPTIONS, PATCH, POST"),
    ],
)
def test_a_path_names_its_methods(api, path, allowed):
    for method in {"DELETE", "PATCH", "PUT"} - set(allowed.split(", ")):
        answer = api.call("officer", method, path)
        problem(answer, 405, "route.method")
        assert answer.headers["allow"] == allowed
    options = api.call(None, "OPTIONS", path)
    assert (options.status_code, options.headers["allow"]) == (204, allowed)


# codings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"), ("gzip, deflate", "gzip"), ("gzip, deflate, br, zstd", "zstd"), ("GZIP;Q=0.5", "gzip"),
        ("zstd;q=0.1, gzip", "gzip"), ("gzip;q=0", None), ("identity", None), ("", None), ("br", None), ("*", "zstd"),
        ("*;q=0", None), ("zstd;q=0, *", "gzip"), ("gzip;q=nonsense", None), (";;;,,,=", None), ("gzip gzip", None),
        ("\xff\xfe", None), ("gzip;q=1.0000000000000000000000", None), ("identity, gzip;q=0.001", "gzip"),
    ],
)  # fmt: skip
def test_the_coding_is_chosen_by_weight(accepted, coding):
    assert find_compression(accepted.encode("latin-1")) == coding


@on_both
def test_texts_are_compressed_for_who_accepts_it(api):
    fill(api)
    poll_until(lambda: '"received"' not in ask(api, "/hazards").text)  # photos are processed meanwhile
    plain = ask(api, "/hazards")
    assert "content-encoding" not in plain.headers
    assert len(plain.content) > LEAST_BYTES
    for path in ("/hazards", CSV, "/hazards?q=nothing", "/categories"):
        whole = ask(api, path)
        for coding, unpack in (("gzip", gzip.decompress), ("zstd", zstd.decompress)):
            answer, raw = ask_raw(api, path, coding)
            if len(whole.content) < LEAST_BYTES:
                assert "content-encoding" not in answer.headers
                continue
            assert answer.headers["content-encoding"] == coding
            assert "Accept-Encoding" in answer.headers["vary"]
            assert unpack(raw) == whole.content
            assert len(raw) == int(answer.headers["content-length"]) < len(whole.content)


def test_a_stream_of_lines_is_compressed_as_it_is_made(api):
    fill(api)
    whole = ask(api, "/ledger.csv")
    answer, raw = ask_raw(api, "/ledger.csv", "gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-length" not in answer.headers
    assert zlib.decompress(raw, 31).count(b"\r\n") == whole.content.count(b"\r\n")


def test_photos_sign_in_and_streams_are_not_compressed(api):
    body = picture(size=(1200, 900))
    sha256 = hashlib.sha256(body).hexdigest()
    api.call("inspector", "PUT", f"/photos/{sha256}", content=body)
    assert "content-encoding" not in ask(api, f"/photos/{sha256}", "inspector", Accept_Encoding="gzip").headers
    assert "content-encoding" not in ask(api, "/me", Accept_Encoding="gzip").headers
    assert "content-encoding" not in api.call("officer", "HEAD", "/live", headers={"Accept-Encoding": "gzip"}).headers


def test_a_part_of_an_answer_is_a_part_of_its_plain_bytes(api):
    whole = api.call(None, "GET", "/schema/openapi.json", root=True, headers={"Accept-Encoding": "identity"})
    part = api.call(
        None, "GET", "/schema/openapi.json", root=True, headers={"Accept-Encoding": "gzip", "Range": "bytes=10-99"}
    )
    assert (part.status_code, part.content) == (206, whole.content[10:100])
    assert "content-encoding" not in part.headers
    packed = api.call(None, "GET", "/schema/openapi.json", root=True, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["etag"] == f"W/{whole.headers['etag']}"
    assert "accept-ranges" not in packed.headers
    again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}
    assert api.call(None, "GET", "/schema/openapi.json", root=True, headers=again).status_code == 304


# validators -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), (" * ", True), ('"b"', False), ("a", False),
        ('"xa"', False), ("", False), ('"a', False), ('W/"b" , W/"a"', True),
    ],
)  # fmt: skip
def test_etags_are_compared_weakly(header, known):
    for etag in ('"a"', 'W/"a"'):
        assert is_known_to_client({"headers": [(b"if-none-match", header.encode())]}, etag) == known
    assert not is_known_to_client({"headers": []}, '"a"')


@on_both
def test_whoever_knows_any_version_gets_304_from_every_route_with_an_etag(api):
    for path in ("/statistics/communities", "/statistics/summary", "/statistics/trend"):
        answer = api.get("officer", path)
        etag = answer.headers["etag"]
        for known in (etag, etag.removeprefix("W/"), "*", f'"x", {etag}'):
            again = api.call("officer", "GET", path, headers={"If-None-Match": known})
            assert (again.status_code, again.headers["etag"]) == (304, etag), known


# request ids ------------------------------------------------------------------------------------------------


def test_a_request_has_an_id_that_its_problem_names(api):
    answer = api.call("officer", "GET", "/hazards?sort=nonsense", headers={"X-Request-ID": ""})
    told = problem(answer, 422, "step.needs")
    assert re.fullmatch(r"[0-9a-f]{16}", told["request_id"])
    assert answer.headers["x-request-id"] == told["request_id"]
    given = api.call("officer", "GET", "/hazards", headers={"X-Request-ID": "phone-1234.5678"})
    assert given.headers["x-request-id"] == "phone-1234.5678"
    for bad in ("short", "x" * 65, "with blank inside", 'quote"quote"'):
        assert api.call("officer", "GET", "/me", headers={"X-Request-ID": bad}).headers["x-request-id"] != bad


def test_a_line_of_the_log_names_the_request_and_the_operation_that_it_belongs_to():
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    for traceparent, expected in (
        (f"00-{trace}-00f067aa0ba902b7-01", trace), (f"00-{'0' * 32}-00f067aa0ba902b7-01", None), ("nonsense", None),
    ):  # fmt: skip
        begin_request(b"phone-1234", traceparent.encode())
        line = add_request_ids(None, "info", {"event": "x"})
        assert (line["request_id"], line.get("trace_id")) == ("phone-1234", expected)


def test_two_requests_have_two_ids(api):
    without = {"X-Request-ID": ""}
    assert len({api.get("officer", "/me", headers=without).headers["x-request-id"] for _ in range(5)}) == 5


def test_a_line_outside_of_requests_has_no_id():
    assert contextvars.Context().run(add_request_ids, None, "info", {"event": "x"}) == {"event": "x"}


# the front door ---------------------------------------------------------------------------------------------


def test_the_root_says_what_runs_here_and_links_to_the_documents(api):
    page = api.get(None, "/", root=True)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for link in re.findall(r'href="([^"]+)"', page.text):
        assert api.get(None, link, root=True).status_code == 200, link
    assert "安巡" in page.text
    assert api.get(None, "/favicon.ico", root=True).headers["content-type"] == "image/svg+xml"


def test_the_litestar_command_finds_the_application(tmp_path, monkeypatch):
    monkeypatch.setenv("ANXUN_DATA", str(tmp_path))
    assert create_app().path_methods.find_methods("/api/v1/me") == {"GET", "OPTIONS"}
