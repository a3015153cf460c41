"""To whom we speak: addresses are vetted and pinned, answers bounded in time and size."""

import asyncio
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import trustme

from api.http.outbound import Failed, Outgoing, Refused, check_url, vetted
from api.settings import networks
from tests.builders.sink import sink

HOME = networks("127.0.0.0/8, ::1")
REFUSED = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.0.8", "198.18.0.1",  # noqa: S104
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001::1",
]  # fmt: skip
NEVER = ["169.254.169.254", "100.100.100.200", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "224.0.0.1", "::"]


def send(outgoing, url, method="POST", body=b"x"):
    async def story():
        try:
            return await outgoing.send(method, url, {}, body)
        finally:
            await outgoing.close()

    return asyncio.run(story())


def names(*answers):
    """A resolver that answers each question with the next of `answers`, and notes how often it was asked."""
    asked = []

    async def resolve(host, port):
        asked.append((host, port))
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address):
    with pytest.raises(Refused):
        vetted(address, [])


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2400:3200::1", "::ffff:223.5.5.5"])
def test_a_public_address_is_spoken_to(address):
    assert vetted(address, []).is_global


def test_an_intranet_is_named_and_metadata_is_out_of_reach_all_the_same():
    assert str(vetted("10.1.2.3", networks("10.1.0.0/16, 192.168.1.1"))) == "10.1.2.3"
    assert str(vetted("::ffff:10.1.2.3", networks("10.1.0.0/16"))) == "10.1.2.3"
    with pytest.raises(Refused):
        vetted("10.2.0.1", networks("10.1.0.0/16"))
    for address in NEVER:
        with pytest.raises(Refused):
            vetted(address, networks("0.0.0.0/0, ::/0"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/",
        "file:///etc/passwd",
        "http:///x",
        "gopher://x",
        "http://a@b/",
        "http://x:99999/",
        "//x",
        "",
        "https://",
    ],
)
def test_what_is_no_address_of_a_hook_is_refused(url):
    with pytest.raises(ValueError):  # noqa: PT011  # in whatever words
        check_url(url)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_our_own_machine_is_not_spoken_to_however_it_is_written(host):
    with sink() as own:
        with pytest.raises((Refused, Failed)):
            send(Outgoing(), f"http://{host}:{own.port}/hook")
        assert own.calls == []


def test_a_name_that_means_something_else_a_moment_later_changes_nothing():
    """It is asked for once: the connection goes to the address that was vetted."""
    with sink() as good:
        resolve, asked = names(["127.0.0.1"], ["127.0.0.2"])
        assert send(Outgoing(HOME, resolve), f"http://hook.example:{good.port}/hook").status == 204
        assert asked == [("hook.example", good.port)]
        (_, headers, _) = good.calls[0]
        assert headers["Host"] == f"hook.example:{good.port}"
        resolve, asked = names(["169.254.169.254"], ["127.0.0.1"])
        with pytest.raises(Refused):
            send(Outgoing(HOME, resolve), f"http://hook.example:{good.port}/hook")
        assert len(asked) == len(good.calls) == 1


def test_of_several_addresses_the_one_that_may_be_spoken_to_is_taken():
    with sink() as good:
        resolve, _ = names(["169.254.169.254", "10.0.0.1", "127.0.0.1"])
        assert send(Outgoing(HOME, resolve), f"http://hook.example:{good.port}/").status == 204
        resolve, _ = names([])
        with pytest.raises(Refused):
            send(Outgoing(HOME, resolve), f"http://hook.example:{good.port}/")


def test_a_redirect_is_not_followed():
    with sink() as inner, sink(lambda _: (302, f"http://127.0.0.1:{inner.port}/secret")) as outer:
        assert send(Outgoing(HOME), outer.url).status == 302
        assert inner.calls == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    with sink() as good, sink() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert send(Outgoing(HOME), good.url).status == 204
        assert proxy.calls == []


def test_an_answer_that_does_not_end_is_read_at_its_beginning_only():
    with sink(lambda _: "flood") as flooding:
        answer = send(Outgoing(HOME), flooding.url)
        assert (answer.status, len(answer.body)) == (200, 4096)
        until = time.monotonic() + 5
        while flooding.flooded == 0 and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.2)
        stopped_at = flooding.flooded
        time.sleep(0.3)
        assert flooding.flooded == stopped_at < 20_000_000


def test_who_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr("api.http.outbound.SECONDS", 0.3)
    with sink(lambda _: "hang") as hanging:
        began = time.monotonic()
        with pytest.raises(Failed, match="no answer"):
            send(Outgoing(HOME), hanging.url)
        assert time.monotonic() - began < 5


def test_who_answers_a_letter_at_a_time_is_given_up(monkeypatch):
    monkeypatch.setattr("api.http.outbound.SECONDS", 0.5)

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.05)

        def log_message(self, *_):
            """Quiet."""

        def finish(self):
            """The other side has gone."""

    server = HTTPServer(("127.0.0.1", 0), Slow)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    began = time.monotonic()
    with pytest.raises(Failed):
        send(Outgoing(HOME), f"http://127.0.0.1:{server.server_address[1]}/")
    assert time.monotonic() - began < 3
    thread.join(10)
    server.server_close()


def test_who_is_not_there_or_speaks_no_http_fails():
    with sink(lambda _: "cut") as cutting, pytest.raises(Failed):
        send(Outgoing(HOME), cutting.url)
    with pytest.raises(Failed):
        send(Outgoing(HOME), "http://127.0.0.1:1/")
    with pytest.raises(Failed):
        send(Outgoing(HOME), "http://no.such.name.invalid/")


def test_a_certificate_is_held_to_the_name_though_the_address_is_pinned():
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hook.example").configure_cert(here)
    with sink() as good:
        good.server.socket = here.wrap_socket(good.server.socket, server_side=True)
        url = f"https://hook.example:{good.port}/hook"
        resolve, _ = names(["127.0.0.1"])
        assert send(Outgoing(HOME, resolve, trust), url).status == 204
        resolve, _ = names(["127.0.0.1"])
        with pytest.raises(Failed, match="CERTIFICATE"):
            send(Outgoing(HOME, resolve, trust), url.replace("hook.example", "other.example"))
        resolve, _ = names(["127.0.0.1"])
        with pytest.raises(Failed, match="CERTIFICATE"):
            send(Outgoing(HOME, resolve), url)
