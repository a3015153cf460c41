"""Names of hosts, as settings and the Host header of a request write them."""

import ipaddress
import re
from contextlib import suppress
from typing import NamedTuple

_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_HEADER = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,254})(?::([0-9]{0,5}))?")


class Host(NamedTuple):
    """A host in a URL: `name` as `canonical_name` returns it; `port` in digits, empty for the default port."""

    name: str
    port: str = ""

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{name}:{self.port}" if self.port else name


def canonical_name(text: str) -> str:
    """The one spelling of a host name or address: lower case, ASCII (IDNA), no last dot, IPv6 short without brackets.

    Raises ValueError for anything else, also for a name with a port.
    """
    bare = text.removeprefix("[").removesuffix("]")
    if "%" not in bare:  # a zone means something on one machine only
        with suppress(ValueError):
            return str(ipaddress.IPv6Address(bare))
    name = text.lower().removesuffix(".")
    if not name.isascii():
        name = name.encode("idna").decode()
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} is not the name or address of a host")
    return name


def parse_host(header: str) -> Host | None:
    """Reads a Host header (RFC 9110, 7.2). None for one that names no host."""
    found = _HEADER.fullmatch(header)
    with suppress(ValueError):
        return Host(canonical_name(found[1]), found[2] or "") if found else None
    return None


def is_loopback(name: str) -> bool:
    """Whether this canonical name always means the machine itself."""
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return name == "localhost"
