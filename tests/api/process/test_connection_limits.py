"""A stranger cannot stop a server by what they open, send or ask for, and two servers never share an address."""

import contextlib
import errno
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
from litestar.testing import TestClient

import api.app
import api.process.listening
from api.accounts.guard import check_routes
from api.app import assemble_app
from api.commands.main import main
from api.http.request_limits import COOKIE_BYTES, PARAMETERS, PATH_CHARACTERS, QUERY_BYTES
from api.process.listening import Address, AddressInUse, max_connections
from api.settings import BadSettings, Settings, load_settings
from tests.builders.phone import require_pages
from tests.builders.postgres import new_database
from tests.builders.process import ANXUN, Process
from tests.builders.waiting import PATIENCE, poll_until

ASKED = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Process(tmp_path_factory.mktemp("strangers") / "data").start()
    yield server
    server.stop(signal.SIGKILL)


def connect(server, sent=b""):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    connection.sendall(sent)
    return connection


def address(server, path):
    return f"http://127.0.0.1:{server.port}{path}"


def memory_mib(server):
    return psutil.Process(server.process.pid).memory_info().rss / 2**20


def test_the_next_request_is_answered_despite_1100_silent_connections(server):
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(connect(server))
        assert server.ask("GET", "/health/live").status_code == 200


UNFINISHED = {
    "nothing": b"",
    "half a head": b"GET /health/live HTTP/1.1\r\nHost: x\r\n",
    "half a preface of HTTP/2": b"PRI * HTTP/2.0\r\n",
    "a request, then nothing": b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture(scope="module")
def unfinished_requests(server):
    """All at once, since each is given a quarter of a minute."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(connect(server, sent)) for name, sent in UNFINISHED.items()}


@pytest.mark.parametrize("name", UNFINISHED)
def test_a_connection_that_sends_no_request_is_closed(unfinished_requests, name):
    while unfinished_requests[name].recv(65536):
        pass  # an answer may come first; the end must come before the socket's time is over


def test_http_2_is_refused(server):
    with connect(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))) as connection:
        first = connection.recv(100)
        assert first == b"" or first.startswith(b"HTTP/1.1 400")


def test_unread_responses_use_little_memory_and_are_closed(server):
    require_pages()
    (large,) = re.findall(r'src="(/docs/swagger-ui[^"]+)"', server.ask("GET", "/docs").text)
    before = memory_mib(server)
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(f"GET {large} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(1)
        assert memory_mib(server) - before < 150  # 270 while each request read the file anew, in larger pieces
        own = psutil.Process(server.process.pid)
        poll_until(lambda: not any(each.status == "ESTABLISHED" for each in own.net_connections()))


def test_an_unknown_method_is_refused_and_adds_no_metric(tmp_path):
    server = Process(tmp_path / "data", ANXUN_METRICS="open").start()
    try:
        before = server.ask("GET", "/metrics").text.count("\n")
        with connect(server) as connection:
            for number in range(50):
                connection.sendall(f"M{number}{'X' * 500} /health/live HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert b"HTTP/1.1 405" in connection.recv(65536)
        refused = server.ask("TRACE", "/health/live")
        assert (refused.status_code, refused.json()["code"]) == (405, "route.method")
        assert refused.headers["allow"] == "GET, HEAD, OPTIONS"
        assert refused.headers["x-request-id"] == refused.json()["request_id"]
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert server.ask("GET", "/metrics").text.count("\n") - before < 40
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/{'x' * PATH_CHARACTERS}", {}, 414),
        (f"/docs?{'x' * (QUERY_BYTES + 1)}", {}, 414),
        (f"/docs?{'&' * PARAMETERS}", {}, 414),
        ("/health/live", {"Cookie": "x" * (COOKIE_BYTES + 1)}, 431),
        (f"/{'x' * (PATH_CHARACTERS - 1)}", {}, 404),
        ("/health/live", {"Cookie": "x" * COOKIE_BYTES}, 200),
    ],
)
def test_an_oversized_request_head_is_refused(server, path, headers, status):
    answer = server.ask("GET", path, headers=headers)
    assert answer.status_code == status
    if status in {414, 431}:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


def test_the_openapi_document_is_built_once_and_not_sent_again_for_a_known_etag(monkeypatch):
    made = []
    monkeypatch.setattr(api.app, "describe", lambda settings: made.append(settings) or b"{}")
    client = TestClient(assemble_app(Settings()))
    answers = [client.get("/schema/openapi.json") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 200]
    assert len(made) == 1
    again = client.get("/schema/openapi.json", headers={"If-None-Match": answers[0].headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_every_route_is_guarded_including_the_documentation():
    check_routes(assemble_app(Settings()))


def run(server, *command, **environment):
    return subprocess.run(
        [ANXUN, *command], env=server.environment | environment, capture_output=True, text=True, check=False
    )


def test_a_second_server_on_the_same_address_is_refused_naming_the_first_process(server, tmp_path):
    other = tmp_path / "other"
    second = run(server, "serve", ANXUN_DATA=str(other))
    message = " ".join(second.stderr.split())
    assert second.returncode == 2
    assert f"127.0.0.1:{server.port} is taken by process {server.process.pid}" in message
    assert not other.exists()


def test_several_workers_keep_other_servers_off_their_address(tmp_path):
    with new_database() as url:
        server = Process(tmp_path / "data", "serve", "--workers", "2", ANXUN_DATABASE=url).start()
        try:
            for more in ([], ["--workers", "2"]):
                second = run(server, "serve", *more, ANXUN_DATA=str(tmp_path / "other"))
                assert second.returncode == 2
                assert "is taken by" in second.stderr
        finally:
            assert server.stop() == 0


def test_an_address_can_be_taken_only_once():
    first = Address("127.0.0.1", 0)
    with contextlib.closing(first), pytest.raises(AddressInUse):
        Address("127.0.0.1", first.port)
    with contextlib.closing(Address("127.0.0.1", first.port, sockets=3)) as again, pytest.raises(AddressInUse):
        Address("127.0.0.1", again.port, sockets=3)


@pytest.mark.parametrize(
    ("files", "connections"), [(20_000, 8192), (1024, 512), (600, 88), (256, 1), (resource.RLIM_INFINITY, 8192)]
)
def test_the_connection_limit_leaves_512_files_to_everything_else(monkeypatch, files, connections):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert max_connections() == connections


@pytest.mark.skipif(sys.platform != "linux", reason="an option of Linux")
def test_a_peer_that_reads_nothing_is_given_up(monkeypatch):
    """The option is set before a connection comes, and connections inherit it."""
    monkeypatch.setattr(api.process.listening, "_UNREAD_MS", 1000)
    address = Address("127.0.0.1", 0)
    (holder,) = address.listen()
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(fileno=os.dup(holder.get_fd())))
        peer = stack.enter_context(socket.socket())
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        peer.connect(("127.0.0.1", address.port))
        connection = stack.enter_context(listening.accept()[0])
        connection.settimeout(PATIENCE)
        with pytest.raises(TimeoutError) as given_up:
            connection.sendall(bytes(50_000_000))
        assert given_up.value.errno == errno.ETIMEDOUT  # the kernel's timeout, not our own patience


@pytest.mark.parametrize("demo", [(), ("--demo",)])
def test_a_server_says_where_it_listens(tmp_path, demo):
    server = Process(tmp_path / "data", "serve", *demo).start()
    server.stop()
    assert f"http://127.0.0.1:{server.port}/api/v1" in server.log.read_text()


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        (("serve", "--demo"), {"ANXUN_PROFILE": "strict"}),
        (("demo",), {"ANXUN_PROFILE": "strict"}),
        (("serve", "--demo"), {"ANXUN_HOST": "0.0.0.0", "ANXUN_DEMO_PASSWORD": None}),  # noqa: S104
        (("serve", "--demo"), {"ANXUN_WEBHOOK": "https://example.org", "ANXUN_WEBHOOK_SECRET": "short"}),
        (("serve", "--demo"), {"ANXUN_SMTP": "nonsense"}),
        (("serve", "--demo"), {"ANXUN_SIGN_IN": "nobody=https://a:b@example.org"}),
        (("serve", "--demo"), {"ANXUN_HEARTBEAT": "nonsense"}),
        (("serve", "--demo"), {"ANXUN_MQTT": "nonsense"}),
        (("serve", "--demo"), {"ANXUN_MQTT": "mqtts://broker", "ANXUN_MQTT_CA": "/nowhere"}),
        (("serve", "--demo"), {"ANXUN_TRUSTED_PROXIES": "everybody"}),
        (("serve", "--demo"), {"ANXUN_PHOTOS": "ftp://photos"}),
        (("work",), {"ANXUN_SMTP": "nonsense"}),
    ],
)
def test_settings_are_checked_before_anything_is_written(tmp_path, monkeypatch, command, settings):
    """In this process, which has the program loaded; test_process.py has the line that a person reads."""
    process = Process(tmp_path / "data", **settings)
    monkeypatch.setattr("api.commands.main.restrict_new_files", lambda: None)
    monkeypatch.setattr(os, "environ", process.environment)
    monkeypatch.setattr(sys, "argv", ["anxun", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert not process.folder.exists()


def test_trusted_proxies_are_networks():
    assert [
        str(each) for each in load_settings({"ANXUN_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16"}).trusted_networks
    ] == [
        "10.0.0.1/32",
        "10.1.0.0/16",
    ]
    with pytest.raises(BadSettings):
        _ = load_settings({"ANXUN_TRUSTED_PROXIES": "10.0.0.1/8"}).trusted_networks


def test_a_server_serves_the_document_that_the_command_prints(server):
    answer = server.ask("GET", "/schema/openapi.json")
    printed = run(server, "openapi").stdout
    assert answer.json() == json.loads(printed)
