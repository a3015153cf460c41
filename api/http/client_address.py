"""The address of a client, or the network of an IPv6 client."""

import ipaddress
from contextlib import suppress
from typing import Any, NamedTuple, cast

from litestar import Request

from api.settings import Settings

_SUBNET_BITS, _SITE_BITS = 64, 48


class NetworkAddress(NamedTuple):
    """The addresses of a client. `address`: for IPv6 its /64 network, since a phone may take any address in it.

    `widest`: for IPv6 the /48 network that a provider gives to one site (RFC 6177), for IPv4 the address.
    """

    address: str
    widest: str


def client_network(request: Request[Any, Any, Any]) -> NetworkAddress:
    return parse_network(request.client.host if request.client else "")


def parse_network(host: str) -> NetworkAddress:
    """Finds the networks of an address; a host that is none, such as a local socket, stands for itself."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return NetworkAddress(host, host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        subnet, site = (str(ipaddress.ip_network((address, bits), strict=False)) for bits in (_SUBNET_BITS, _SITE_BITS))
        return NetworkAddress(subnet, site)
    plain = str(getattr(address, "ipv4_mapped", None) or address)
    return NetworkAddress(plain, plain)


def client_address(request: Request[Any, Any, Any]) -> str:
    """The address of the client, or the /64 network of an IPv6 client."""
    return client_network(request).address


def address_to_limit(request: Request[Any, Any, Any]) -> str | None:
    """`client_address`, or None where many clients share it: a trusted proxy that does not forward the client's."""
    with suppress(ValueError):
        address = ipaddress.ip_address(request.client.host if request.client else "")
        trusted = cast("Settings", request.app.state.context.settings).trusted_networks
        return None if any(address in network for network in trusted) else client_address(request)
    return None
