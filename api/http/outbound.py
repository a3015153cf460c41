"""Requests to addresses that a setting names. Nobody gets us to speak with our own machine or network that way.

A name is resolved once, each of its addresses is vetted, and the connection goes to one that was: a name that means
something else a moment later changes nothing. A redirect is an answer like any other, and is not followed.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from api.settings import BadSettings, Settings, networks

if TYPE_CHECKING:
    from aiohttp import ClientSession, StreamReader
    from yarl import URL

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]
Resolve = Callable[[str, int], Awaitable[list[str]]]

SECONDS = 10.0
"""For a whole request, whatever the other side does."""
_ANSWER_BYTES = 4096
_METADATA = tuple(map(ip_network, ("100.100.100.200", "168.63.129.16", "192.0.0.0/24", "fd00:ec2::254")))
"""Of clouds, beside those at link-local addresses: never, even where a setting allows the network around them."""
_CARRIERS = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))
"""IPv6 that carries IPv4 inside, through whatever translates it: what it leads to cannot be told."""


class Refused(Exception):
    """We do not speak to this address; says why."""


class Failed(Exception):
    """It was tried and did not arrive; says how it ended, in a line."""


class Answer(NamedTuple):
    """`body`: its beginning, at most a few thousand bytes."""

    status: int
    body: bytes


def check_url(url: str) -> SplitResult:
    """Http or https with a host, and nobody's name in it. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("http://host/… or https://host/…")
    _ = parts.port  # raises ValueError for one that is none
    return parts


def vetted(address: str, allowed: Networks) -> Address:
    """Raises Refused for any address that is not public, unless `allowed` names its network.

    What is link-local or multicast, and metadata of clouds, no setting allows.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    never = found.is_link_local or found.is_multicast or found.is_unspecified or _in(found, _METADATA)
    if never or (isinstance(found, IPv6Address) and not found.is_loopback and _in(found, _CARRIERS)):
        raise Refused(f"{found} is no address to send to")
    if not found.is_global and not _in(found, allowed):
        raise Refused(f"{found} is not public, and ANXUN_INTRANET does not name it")
    return found


def _in(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


async def resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in found]


class Outgoing:
    """Sends requests, keeping connections. `trust`: other certificates than the system has, as of an intranet."""

    def __init__(
        self, allowed: Networks = (), resolve: Resolve = resolve, trust: ssl.SSLContext | Literal[True] = True
    ) -> None:
        import aiohttp  # noqa: PLC0415  # who sends nothing does without

        self._aiohttp = aiohttp
        self._allowed = allowed
        self._resolve = resolve
        self._trust = trust
        self._session: ClientSession | None = None

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """Raises Refused or Failed."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._send(method, url, headers, body)
        except TimeoutError:
            raise Failed(f"no answer within {SECONDS:g} s") from None
        except (self._aiohttp.ClientError, OSError, UnicodeError) as error:
            raise Failed(f"{type(error).__name__}: {error}") from error

    async def _send(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = check_url(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        address = await self._address(host, port)
        # To the address; the certificate is asked for, and held to, the name.
        async with self._opened().request(
            method,
            _at(parts, address),
            headers={"Host": parts.netloc, "Accept-Encoding": "identity", **headers},
            data=body,
            allow_redirects=False,
            server_hostname=host if secure else None,
        ) as answer:
            return Answer(answer.status, await self._beginning(answer.content))

    def _opened(self) -> "ClientSession":
        if self._session is None:  # made within the event loop that it belongs to
            aiohttp = self._aiohttp
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=20, ssl=self._trust),
                timeout=aiohttp.ClientTimeout(total=None),  # `send` has its own
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,  # a proxy that the environment names would resolve the name itself
                auto_decompress=False,
            )
        return self._session

    async def _address(self, host: str, port: int) -> Address:
        """The first of the name's addresses that may be spoken to."""
        refused = Refused(f"{host} has no address")
        for each in await self._resolve(host, port):
            try:
                return vetted(each, self._allowed)
            except Refused as error:
                refused = error
        raise refused

    @staticmethod
    async def _beginning(answer: "StreamReader") -> bytes:
        """What comes after it is not read, and the connection goes with it."""
        read = b""
        while len(read) < _ANSWER_BYTES and (chunk := await answer.read(_ANSWER_BYTES - len(read))):
            read += chunk
        return read

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _at(parts: SplitResult, address: Address) -> "URL":
    from yarl import URL  # noqa: PLC0415  # as above

    where = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    port = f":{parts.port}" if parts.port else ""
    return URL(urlunsplit(parts._replace(netloc=where + port, fragment="")))


def open_outgoing(settings: Settings, url: str) -> Outgoing:
    """Raises BadSettings."""
    try:
        check_url(url)
        return Outgoing(networks(settings.intranet))
    except ValueError as error:
        raise BadSettings(f"settings: {url.partition('?')[0]}: {error}") from error
