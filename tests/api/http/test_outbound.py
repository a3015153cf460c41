"""Proves that outgoing requests reach only vetted, pinned addresses, and bound answers in time and size."""

import asyncio
import gzip
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
import trustme

from api.http.outbound import SECONDS, ForbiddenAddress, OutboundClient, SendFailure, check_url, vet_address
from api.settings import parse_networks
from tests.builders.sink import sink
from tests.builders.waiting import poll_until

LOOPBACK = parse_networks("127.0.0.0/8, ::1")
REFUSED = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.0.8", "198.18.0.1",  # noqa: S104
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001::1",
]  # fmt: skip
NEVER = ["169.254.169.254", "100.100.100.200", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "224.0.0.1", "::"]


def send(outgoing, url, method="POST", body=b"x"):
    async def scenario():
        try:
            return await outgoing.send(method, url, {}, body)
        finally:
            await outgoing.close()

    return asyncio.run(scenario())


def fake_resolver(*answers):
    """Return a resolver that gives the next of `answers` to each question, and the list of the questions."""
    asked = []

    async def resolve(host, port):
        asked.append((host, port))
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address):
    with pytest.raises(ForbiddenAddress):
        vet_address(address, [])


REGISTRIES = {
    **dict.fromkeys(("0.0.0.0/8", "0.0.0.0/32", "169.254.0.0/16", "255.255.255.255/32"), True),
    **dict.fromkeys(("192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32"), True),
    **dict.fromkeys(("192.0.0.170/32", "192.0.0.171/32"), True),
    **dict.fromkeys(("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), False),
    **dict.fromkeys(("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "240.0.0.0/4"), False),
    **dict.fromkeys(("192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24"), False),
    **dict.fromkeys(("192.88.99.0/24", "192.88.99.2/32"), False),
    **dict.fromkeys(("::/128", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fe80::/10"), True),
    **dict.fromkeys(("::1/128", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:1::1/128", "2001:1::2/128"), False),
    **dict.fromkeys(("2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28"), False),
    **dict.fromkeys(("2001:20::/28", "2001:30::/28", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20"), False),
    **dict.fromkeys(("5f00::/16", "fc00::/7"), False),
    # registries of multicast, and blocks of the IPv6 address space that are no global unicast
    **dict.fromkeys(("224.0.0.0/4", "ff00::/8", "::/96", "::ffff:0:0:0/96"), True),
    **dict.fromkeys(("fec0::/10", "200::/7", "4000::/3", "e000::/4"), False),
}  # fmt: skip
"""The blocks of IANA's special-purpose registries, and whether their addresses are refused even where allowed."""


def addresses_of(block):
    """The first, the last and one in the middle of a network, except those with a rule of their own."""
    network = ip_network(block)
    inside = [network[0], network[-1], network[network.num_addresses // 2]]
    return [each for each in inside if str(each) not in {"::1", "255.255.255.255"} or network.num_addresses == 1]


@pytest.mark.parametrize(("block", "never"), REGISTRIES.items())
def test_an_address_that_a_registry_names_is_refused(block, never):
    everything = parse_networks("0.0.0.0/0, ::/0")
    for address in addresses_of(block):
        with pytest.raises(ForbiddenAddress):
            vet_address(str(address), [])
        carried = address in ip_network("2001::/32")  # Teredo is a part of 2001::/23
        if never or carried:
            with pytest.raises(ForbiddenAddress):
                vet_address(str(address), everything)
        else:
            assert vet_address(str(address), everything) == address


PRIVATE = [IPv4Address(each) for each in ("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1")]
CARRIERS = {
    "mapped": lambda v4: 0xFFFF << 32 | v4,
    "compatible": lambda v4: v4,
    "translated": lambda v4: 0xFFFF << 48 | v4,
    "NAT64": lambda v4: 0x64FF9B << 96 | v4,
    "local NAT64": lambda v4: 0x64FF9B0001 << 80 | v4,
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "Teredo client": lambda v4: 0x20010000 << 96 | (v4 ^ 0xFFFFFFFF),
    "Teredo server": lambda v4: 0x20010000 << 96 | v4 << 64,
}


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("inner", PRIVATE)
def test_a_private_address_within_another_is_refused(carrier, inner):
    with pytest.raises(ForbiddenAddress):
        vet_address(str(IPv6Address(CARRIERS[carrier](int(inner)))), [])


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2400:3200::1", "::ffff:223.5.5.5"])
def test_a_public_address_is_allowed(address):
    assert vet_address(address, []).is_global


def test_a_configured_intranet_is_allowed_and_metadata_addresses_never_are():
    assert str(vet_address("10.1.2.3", parse_networks("10.1.0.0/16, 192.168.1.1"))) == "10.1.2.3"
    assert str(vet_address("::ffff:10.1.2.3", parse_networks("10.1.0.0/16"))) == "10.1.2.3"
    with pytest.raises(ForbiddenAddress):
        vet_address("10.2.0.1", parse_networks("10.1.0.0/16"))
    for address in NEVER:
        with pytest.raises(ForbiddenAddress):
            vet_address(address, parse_networks("0.0.0.0/0, ::/0"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/",
        "file:///etc/passwd",
        "http:///x",
        "gopher://x",
        "http://a@b/",
        "http://good.example@evil.example/",
        "http://good.example:80@evil.example/",
        "http://evil.example\\@good.example/",
        "http://:@b/",
        "http://x:99999/",
        "//x",
        "",
        "https://",
    ],
)
def test_an_invalid_webhook_url_is_refused(url):
    with pytest.raises(ValueError):  # noqa: PT011  # the message does not matter
        check_url(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "0",
        "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::1%25lo]", "１２７.０.０.１",
    ],
)  # fmt: skip
def test_our_own_machine_is_refused_in_every_notation(host):
    with sink() as own:
        with pytest.raises((ForbiddenAddress, SendFailure)):
            send(OutboundClient(), f"http://{host}:{own.port}/hook")
        assert own.calls == []


def test_a_hostname_that_changes_its_address_is_resolved_only_once():
    """The name is resolved once: the connection goes to the address that was vetted."""
    with sink() as good:
        resolve, asked = fake_resolver(["127.0.0.1"], ["127.0.0.2"])
        assert send(OutboundClient(LOOPBACK, resolve), f"http://hook.example:{good.port}/hook").status == 204
        assert asked == [("hook.example", good.port)]
        (_, headers, _) = good.calls[0]
        assert headers["Host"] == f"hook.example:{good.port}"
        resolve, asked = fake_resolver(["169.254.169.254"], ["127.0.0.1"])
        with pytest.raises(ForbiddenAddress):
            send(OutboundClient(LOOPBACK, resolve), f"http://hook.example:{good.port}/hook")
        assert len(asked) == len(good.calls) == 1


def test_the_allowed_one_of_several_addresses_is_used():
    with sink() as good:
        resolve, _ = fake_resolver(["169.254.169.254", "10.0.0.1", "127.0.0.1"])
        assert send(OutboundClient(LOOPBACK, resolve), f"http://hook.example:{good.port}/").status == 204
        resolve, _ = fake_resolver([])
        with pytest.raises(ForbiddenAddress):
            send(OutboundClient(LOOPBACK, resolve), f"http://hook.example:{good.port}/")


def test_a_redirect_is_not_followed():
    with sink() as inner, sink(lambda _: (302, f"http://127.0.0.1:{inner.port}/secret")) as outer:
        assert send(OutboundClient(LOOPBACK), outer.url).status == 302
        assert inner.calls == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    with sink() as good, sink() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert send(OutboundClient(LOOPBACK), good.url).status == 204
        assert proxy.calls == []


def test_only_the_beginning_of_an_endless_answer_is_read():
    with sink(lambda _: "flood") as flooding:
        answer = send(OutboundClient(LOOPBACK), flooding.url)
        assert (answer.status, len(answer.body)) == (200, 4096)
        poll_until(lambda: flooding.broken_off)
        assert flooding.flooded < 20_000_000


def test_a_silent_server_is_given_up(monkeypatch):
    monkeypatch.setattr("api.http.outbound.SECONDS", 0.3)
    with sink(lambda _: "hang") as hanging, pytest.raises(SendFailure, match="no answer"):
        send(OutboundClient(LOOPBACK), hanging.url)


def test_a_server_that_answers_byte_by_byte_is_given_up(monkeypatch):
    monkeypatch.setattr("api.http.outbound.SECONDS", 0.5)

    over = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            with suppress(OSError):  # the other side has gone
                while not over.wait(0.05):
                    self.wfile.write(b"x")

        def log_message(self, *_):
            """Log nothing."""

    server = HTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    with pytest.raises(SendFailure, match="no answer"):
        send(OutboundClient(LOOPBACK), f"http://127.0.0.1:{server.server_address[1]}/")
    over.set()
    thread.join()
    server.server_close()


def test_a_request_to_an_absent_or_non_http_server_fails():
    with sink(lambda _: "cut") as cutting, pytest.raises(SendFailure):
        send(OutboundClient(LOOPBACK), cutting.url)
    with pytest.raises(SendFailure):
        send(OutboundClient(LOOPBACK), "http://127.0.0.1:1/")
    with pytest.raises(SendFailure):
        send(OutboundClient(LOOPBACK), "http://no.such.name.invalid/")


def test_a_certificate_must_match_the_hostname_although_the_address_is_pinned():
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hook.example").configure_cert(here)
    with sink() as good:
        good.server.socket = here.wrap_socket(good.server.socket, server_side=True)
        url = f"https://hook.example:{good.port}/hook"
        resolve, _ = fake_resolver(["127.0.0.1"])
        assert send(OutboundClient(LOOPBACK, resolve, trust), url).status == 204
        resolve, _ = fake_resolver(["127.0.0.1"])
        with pytest.raises(SendFailure, match="CERTIFICATE"):
            send(OutboundClient(LOOPBACK, resolve, trust), url.replace("hook.example", "other.example"))
        resolve, _ = fake_resolver(["127.0.0.1"])
        with pytest.raises(SendFailure, match="CERTIFICATE"):
            send(OutboundClient(LOOPBACK, resolve), url)


def test_a_compressed_answer_is_not_unpacked():
    """A gigabyte of zeros takes a megabyte on the wire."""
    bomb = gzip.compress(bytes(50_000_000))
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", bomb) as port:
        answer = send(OutboundClient(LOOPBACK), f"http://127.0.0.1:{port}/")
    assert (answer.status, answer.body) == (200, bomb[:4096])


@pytest.mark.parametrize("piece", [b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000, b"HTTP/1.1 200 " + b"x" * 100_000])
def test_a_failure_does_not_repeat_the_address_with_its_token(piece):
    """It is logged, stored and shown to administrators of deliveries, while the address is a secret setting."""
    with raw_server(piece) as port, pytest.raises(SendFailure) as failure:
        send(OutboundClient(LOOPBACK), f"http://127.0.0.1:{port}/robot/s3cret?access_token=t0ken")
    assert "s3cret" not in str(failure.value)
    assert "t0ken" not in str(failure.value)
    assert len(str(failure.value)) > 10


@pytest.mark.parametrize("endless", [b"X-A: 1\r\n", b"X: " + b"y" * 4000 + b"\r\n"])
def test_a_head_without_end_is_given_up_at_once(endless):
    """The parser stops after some lines, long before the time limit and without a gigabyte of headers in memory."""
    with raw_server(b"HTTP/1.1 200 OK\r\n", endless, repeats=True) as port:
        began = time.monotonic()
        with pytest.raises(SendFailure, match="Response"):
            send(OutboundClient(LOOPBACK), f"http://127.0.0.1:{port}/")
        assert time.monotonic() - began < SECONDS / 2


def test_a_kept_connection_serves_no_other_name_at_the_same_address():
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hook.example").configure_cert(here)

    async def scenario(port):
        resolve, _ = fake_resolver(["127.0.0.1"])
        client = OutboundClient(LOOPBACK, resolve, trust)
        try:
            answer = await client.send("POST", f"https://hook.example:{port}/", {})
            assert answer.status == 204
            with pytest.raises(SendFailure, match="CERTIFICATE"):
                await client.send("POST", f"https://other.example:{port}/", {})
        finally:
            await client.close()

    with sink() as good:
        good.server.socket = here.wrap_socket(good.server.socket, server_side=True)
        asyncio.run(scenario(good.port))
        assert len(good.calls) == 1


@contextmanager
def raw_server(*pieces, repeats=False):
    """Accept one connection and answer its request with these bytes; `repeats` sends the last piece for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)
                while repeats:
                    connection.sendall(pieces[-1] * 100)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join()
