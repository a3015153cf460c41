"""Requests to configured addresses, so that no setting makes the server reach its own machine or network (SSRF).

A name is resolved once, each of its addresses is checked, and the connection goes to a checked address: resolving
differently a moment later changes nothing. A redirect is returned like any other response and not followed.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from api.settings import BadSettings, Settings, parse_networks

if TYPE_CHECKING:
    from aiohttp import ClientSession, StreamReader
    from yarl import URL

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]
Resolve = Callable[[str, int], Awaitable[list[str]]]

SECONDS = 10.0
"""The limit for a whole request, whatever the other side does."""
_ANSWER_BYTES = 4096
_LONGEST_WAIT = 3600
_LOOPBACK = ip_address("::1")
_GLOBAL_UNICAST = ip_network("2000::/3")
"""The only block of IPv6 from which public addresses are assigned (RFC 4291, 2.4; IANA IPv6 address space)."""
_SPECIAL = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
            *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        ),
    )
)
"""The blocks of IANA's special-purpose registries (RFC 6890 and its updates) and of multicast, and no public address.

The rest of the IPv6 registry is outside 2000::/3. Blocks that are reachable, such as AS112, have no webhooks either.
"""
_NEVER = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255", "::/128", "fe80::/10", "ff00::/8"),
            *("100.100.100.200", "168.63.129.16", "192.0.0.0/24", "fd00:ec2::254"),  # metadata services of clouds
            *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "::ffff:0:0:0/96"),  # as below
        ),
    )
)
"""Networks that are refused even where a setting allows them.

The last ones embed IPv4 addresses for translators and tunnels: where they lead cannot be known.
"""


class ForbiddenAddress(Exception):
    """Raised for an address that we do not send to; the message says why."""


class SendFailure(Exception):
    """Raised where a request was sent and failed; the message says how, in one line.

    `wait`: how long the receiver wants nothing more, if it said so.
    """

    def __init__(self, words: str, wait: timedelta | None = None) -> None:
        super().__init__(words)
        self.wait = wait


class Answer(NamedTuple):
    """A response. `body`: its first few thousand bytes."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def seconds(self, header: str) -> timedelta | None:
        """Returns what a header such as `Retry-After` (RFC 9110, 10.2.3) says in seconds, an hour at most, or None."""
        given = self.headers.get(header, "")
        return timedelta(seconds=min(int(given), _LONGEST_WAIT)) if re.fullmatch("[0-9]{1,9}", given) else None


def check_url(url: str) -> SplitResult:
    """Accepts http or https with a host and without credentials. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("http://host/… or https://host/…")
    _ = parts.port  # raises ValueError for an invalid port
    return parts


def vet_address(address: str, allowed: Networks) -> Address:
    """The address, if we may send to it. Raises ForbiddenAddress unless it is public or `allowed` has its network.

    Link-local, multicast and metadata addresses and those of translators are refused even there.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if found != _LOOPBACK and _is_in_networks(found, _NEVER):
        raise ForbiddenAddress(f"{found} is no address to send to")
    if not _is_public(found) and not _is_in_networks(found, allowed):
        raise ForbiddenAddress(f"{found} is not public, and ANXUN_INTRANET does not name it")
    return found


def _is_public(address: Address) -> bool:
    """Tells whether an address is none that a registry names; the registries grow faster than versions of Python."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not _is_in_networks(address, _SPECIAL)


def _is_in_networks(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


async def resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in found]


class OutboundClient:
    """Sends requests over kept connections. `trust`: other certificates than the system's, such as an intranet's."""

    def __init__(
        self, allowed: Networks = (), resolve: Resolve = resolve, trust: ssl.SSLContext | Literal[True] = True
    ) -> None:
        import aiohttp  # noqa: PLC0415  # only where something is sent

        self._aiohttp = aiohttp
        self._allowed = allowed
        self._resolve = resolve
        self._trust = trust
        self._session: ClientSession | None = None

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """Sends a request. Raises ForbiddenAddress or SendFailure."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._send(method, url, headers, body)
        except TimeoutError:
            raise SendFailure(f"no answer within {SECONDS:g} s") from None
        except (self._aiohttp.ClientError, OSError, UnicodeError) as error:
            raise SendFailure(f"{type(error).__name__}: {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        """Returns the words of an error, without those that repeat the address: its path may be a secret."""
        if isinstance(error, self._aiohttp.ClientResponseError):
            return error.message
        return "" if isinstance(error, self._aiohttp.InvalidURL) else str(error)

    async def _send(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = check_url(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        address = await self._resolve_address(host, port)
        # Connect to the address, but verify the certificate against the host name.
        async with self._open_session().request(
            method,
            _pinned_url(parts, address),
            headers={"Host": parts.netloc, "Accept-Encoding": "identity", **headers},
            data=body,
            allow_redirects=False,
            server_hostname=host if secure else None,
        ) as answer:
            return Answer(answer.status, await self._read_start(answer.content), answer.headers)

    def _open_session(self) -> "ClientSession":
        if self._session is None:  # created within the running event loop, which it belongs to
            aiohttp = self._aiohttp
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=20, ssl=self._trust),
                timeout=aiohttp.ClientTimeout(total=None),  # `send` has its own timeout
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,  # a proxy from the environment would resolve the name itself
                auto_decompress=False,
            )
        return self._session

    async def _resolve_address(self, host: str, port: int) -> Address:
        """The first address of the host that we may send to."""
        refused = ForbiddenAddress(f"{host} has no address")
        for each in await self._resolve(host, port):
            try:
                return vet_address(each, self._allowed)
            except ForbiddenAddress as error:
                refused = error
        raise refused

    @staticmethod
    async def _read_start(answer: "StreamReader") -> bytes:
        """The first bytes of the body; the rest is not read, and the connection is closed."""
        read = b""
        while len(read) < _ANSWER_BYTES and (chunk := await answer.read(_ANSWER_BYTES - len(read))):
            read += chunk
        return read

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _pinned_url(parts: SplitResult, address: Address) -> "URL":
    from yarl import URL  # noqa: PLC0415  # as above

    where = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    port = f":{parts.port}" if parts.port else ""
    return URL(urlunsplit(parts._replace(netloc=where + port, fragment="")))


def open_outbound_client(settings: Settings, url: str) -> OutboundClient:
    """A client that may send to `url`. Raises BadSettings."""
    try:
        check_url(url)
    except ValueError as error:  # the address is not repeated: it may hold a password or a token
        raise BadSettings(f"settings: an address of a webhook, heartbeat or provider: {error}") from error
    try:
        return OutboundClient(parse_networks(settings.intranet))
    except ValueError as error:
        raise BadSettings(f"ANXUN_INTRANET: {error}") from error
