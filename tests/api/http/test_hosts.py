"""Proves that the Host header of a request never becomes part of a link, and that foreign names are refused."""

import re
import signal
import socket
import subprocess
import uuid
from contextlib import closing

import pytest

from api.hosts import Host, canonical_name, is_loopback, parse_host
from api.settings import BadSettings, Settings, load_settings
from tests.builders.api import problem
from tests.builders.ledgers import parse_ledger_file
from tests.builders.process import ANXUN, Process
from tests.builders.shops import SHOP
from tests.builders.waiting import PATIENCE

FORGED = "evil.example"
TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": "9"}


@pytest.fixture
def hazard(api):
    return api.report("inspector", responsible_party=SHOP)


def make_link(api, hazard, host):
    wanted = {"id": str(uuid.uuid4())}
    answer = api.post("officer", f"/hazards/{hazard['id']}/links", wanted, headers={"Host": host})
    assert answer.status_code == 201, answer.text
    return answer.json()["addresses"]


def open_page(api, path, host):
    return api.call(None, "GET", path, root=True, headers={"Host": host, "X-Forwarded-Host": host})


def ledger_lines(api, host):
    return parse_ledger_file(api.get("officer", "/ledger.csv", headers={"Host": host}).content)


# links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", [FORGED, "localhost.evil.example", "127.0.0.1@evil.example", "127.0.0.1:80@e", "[::1", ""]
)
def test_a_forged_host_is_in_no_link_and_no_code(api, hazard, host):
    addresses = make_link(api, hazard, host)
    assert re.fullmatch(r"/f/[\w-]{43}", addresses["url"])
    assert "ANXUN_PUBLIC_URL" in addresses["warning"]
    notice = open_page(api, addresses["notice"], host)
    assert notice.status_code == 200
    assert "evil" not in notice.text
    assert "<svg" not in notice.text
    assert "ANXUN_PUBLIC_URL" in notice.text
    for kind in ("qr_png", "qr_svg"):
        refused = open_page(api, addresses[kind], host)
        assert (refused.status_code, "ANXUN_PUBLIC_URL" in refused.text) == (409, True)
        as_json = api.call(
            None, "GET", addresses[kind], root=True, headers={"Host": host, "Accept": "application/json"}
        )
        problem(as_json, 409, "link.no_address")
    (line,) = ledger_lines(api, host)
    assert line["整改前照片"].startswith("/photos/")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "LOCALHOST.:8000"])
def test_a_link_over_loopback_works_there_with_a_warning(api, hazard, host):
    addresses = make_link(api, hazard, host)
    written = host.lower().replace(".:", ":")
    assert addresses["url"].startswith(f"http://{written}/f/")
    assert "只能在服务器本机打开" in addresses["warning"]
    path = "/" + addresses["notice"].split("/", 3)[3]
    notice = open_page(api, path, host).text
    assert "<svg" in notice
    assert "只能在服务器本机打开" in notice


def test_with_a_public_url_links_have_its_host_whatever_the_request_says(api, hazard):
    api.change_settings(public_url="https://Anxun.example:443/aq/")
    for host in (FORGED, "127.0.0.1"):
        addresses = make_link(api, hazard, host)
        assert addresses["url"].startswith("https://anxun.example/aq/f/")
        assert addresses["warning"] is None
        path = addresses["notice"].removeprefix("https://anxun.example/aq")
        assert addresses["url"] in open_page(api, path, host).text
        (line,) = ledger_lines(api, host)
        assert line["整改前照片"].startswith("https://anxun.example/aq/photos/")


def test_an_export_that_is_asked_for_again_by_another_address_is_the_same(api):
    wanted = {"id": str(uuid.uuid4()), "form": "csv"}
    hosts = ("127.0.0.1:8000", "localhost:8000", FORGED)
    answers = [api.post("officer", "/ledger/exports", wanted, headers={"Host": host}) for host in hosts]
    assert [answer.status_code for answer in answers] == [201, 200, 200]


@pytest.mark.parametrize("host", ["x:port", "x:99999999", "[", "[::1]x", ""])
def test_an_unreadable_host_is_no_fault_of_ours(api, hazard, host):
    """The framework parses the host where a handler asks it for the URL of the request, and fails."""
    headers = {"Host": host}
    link = make_link(api, hazard, headers["Host"])["url"]
    statuses = {
        path: api.get("officer", path, headers=headers).status_code
        for path in ("/statistics/communities", "/statistics/summary", "/ledger.csv", "/me", "/nothing")
    }
    assert set(statuses.values()) == {200, 404}, statuses
    assert api.call("inspector", "POST", "/uploads", headers={**TUS, **headers}).status_code == 201
    assert api.call(None, "GET", link, root=True, headers=headers).status_code == 200
    assert api.call(None, "GET", "/f/nothing", root=True, headers=headers).status_code == 404


# names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("Anxun.Example", Host("anxun.example")),
        ("anxun.example.:8443", Host("anxun.example", "8443")),
        ("[2001:DB8:0::1]:443", Host("2001:db8::1", "443")),
        ("10.0.0.7:", Host("10.0.0.7")),
        *(
            (wrong, None)
            for wrong in ("", ":80", ".", "a..b", "a b", "a/b", "u@h", "[1.2.3.4]", "[::1", "::1", "a:b", "é")
        ),
        ("a" * 64 + ".example", None),
    ],
)
def test_a_host_header_is_read_in_one_spelling(header, host):
    assert parse_host(header) == host


def test_only_names_that_always_mean_this_machine_are_loopback():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.9.1", "::1")))
    assert not any(map(is_loopback, ("localhost.evil.example", "127.1", "0.0.0.0", "::", "2130706433", "10.0.0.1", "")))  # noqa: S104


def test_names_in_settings_are_read_in_the_same_spelling():
    names = " Gov.Example. ,10.0.0.7,[2001:DB8::1],, "
    settings = load_settings({"ANXUN_PUBLIC_URL": "https://安巡.Example:8443/aq//街道/", "ANXUN_HOSTS": names})
    assert settings.host_names == {"xn--49s87c.example", "gov.example", "10.0.0.7", "2001:db8::1"}
    assert settings.public_address.origin == "https://xn--49s87c.example:8443"
    assert settings.public_address.prefix == "/aq/%E8%A1%97%E9%81%93"
    assert Settings().host_names == frozenset()
    assert canonical_name("::1") == canonical_name("[0:0::1]") == "::1"


@pytest.mark.parametrize(
    "hosts", ["*", "a.example:8000", "https://a.example", "a b", "a..b", "[::1]:80", "fe80::1%eth0"]
)
def test_a_setting_that_names_no_host_is_refused(hosts):
    with pytest.raises(BadSettings, match="ANXUN_HOSTS"):
        _ = Settings(hosts=hosts).host_names


@pytest.mark.parametrize("url", ["https://a.example:99999", "https://user@a.example", "https://[::1", "https://a*b"])
def test_a_public_url_that_names_no_host_is_refused(url):
    with pytest.raises(BadSettings, match="ANXUN_PUBLIC_URL"):
        _ = load_settings({"ANXUN_PUBLIC_URL": url}).public_address


# the real server --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    named = {"ANXUN_PUBLIC_URL": "https://anxun.example/aq", "ANXUN_HOSTS": "gov.example, 2001:db8::1"}
    process = Process(tmp_path_factory.mktemp("hosts") / "data", **named)
    yield process.start()
    process.stop()


def send_lines(process, *lines):
    """Sends a request with exactly these lines; returns the status, and the whole answer."""
    with closing(socket.create_connection(("127.0.0.1", process.port), PATIENCE)) as line:
        line.sendall("\r\n".join((*lines, "Connection: close", "", "")).encode("latin-1"))
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    return int(answer.split()[1]), answer.decode()


@pytest.mark.parametrize(
    "host",
    [
        *(
            "anxun.example",
            "ANXUN.example:8443",
            "anxun.example.",
            "gov.example",
            "gov.example:80",
            "[2001:db8:0:0::1]:9",
        ),
        *("127.0.0.1", "127.0.0.1:8000", "localhost", "localhost:1", "[::1]"),
    ],
)
def test_requests_for_a_name_of_the_server_are_served(server, host):
    assert send_lines(server, "GET /api/v1/limits HTTP/1.1", f"Host: {host}")[0] == 200


@pytest.mark.parametrize(
    "lines",
    [
        *(
            (f"Host: {host}",)
            for host in (FORGED, "", "anxun.example.evil.example", "evil.example:443", "10.0.0.7", "a b")
        ),
        (f"Host: {FORGED}", "X-Forwarded-Host: anxun.example", "Forwarded: host=anxun.example"),
        ("Host: anxun.example", f"Host: {FORGED}"),
        ("Host: anxun.example", "Host: anxun.example"),
        (),
    ],
    ids=" | ".join,
)
def test_requests_for_another_name_are_refused_before_the_application(server, lines):
    for start in ("GET /api/v1/limits HTTP/1.1", "GET /f/x HTTP/1.1", "POST /api/v1/auth/login HTTP/1.1"):
        status, answer = send_lines(server, start, *lines)
        assert status in {421, 400}, answer
        assert status == 400 or ('"route.host"' in answer and "application/problem+json" in answer)
        assert "nosniff" in answer or status == 400
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert send_lines(server, f"GET {path} HTTP/1.1", *lines)[0] in {200, 401, 400}


def test_x_forwarded_host_decides_nothing(server):
    status, _ = send_lines(server, "GET /api/v1/limits HTTP/1.1", "Host: gov.example", f"X-Forwarded-Host: {FORGED}")
    assert status == 200


def test_a_server_without_names_serves_every_host(tmp_path):
    process = Process(tmp_path / "data").start()
    for lines in ((f"Host: {FORGED}",), (), ("Host: a", "Host: b")):
        assert send_lines(process, "GET /api/v1/limits HTTP/1.1", *lines)[0] in {200, 400}
    assert send_lines(process, "GET /api/v1/limits HTTP/1.1", f"Host: {FORGED}")[0] == 200
    process.stop()


# the start --------------------------------------------------------------------------------------------------------


def test_the_start_warns_that_links_work_on_this_machine_only(tmp_path):
    process = Process(tmp_path / "data").start()
    process.stop()
    warnings = [line for line in process.log.read_text().splitlines() if "ANXUN_PUBLIC_URL" in line]
    assert [line.startswith("{") for line in warnings].count(True) == 1
    assert [line.startswith("  links") for line in warnings].count(True) == 1
    named = Process(tmp_path / "named" / "data", ANXUN_PUBLIC_URL="https://anxun.example")
    named.folder.parent.mkdir()
    named.start().stop(signal.SIGTERM)
    assert "https://anxun.example" in named.log.read_text()
    assert "ANXUN_PUBLIC_URL" not in named.log.read_text()


def test_the_strict_profile_does_not_start_beyond_loopback_without_a_public_url(tmp_path):
    settings = {"ANXUN_PROFILE": "strict", "ANXUN_HOST": "0.0.0.0"}  # noqa: S104
    beyond = Process(tmp_path / "data", "serve", **settings)
    done = subprocess.run([ANXUN, "serve"], env=beyond.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "set ANXUN_PUBLIC_URL to the address" in " ".join(done.stderr.split())
    assert not beyond.folder.exists()
    beyond.environment["ANXUN_PUBLIC_URL"] = "https://anxun.example"
    assert beyond.start().stop() == 0
