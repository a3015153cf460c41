"""The address of a client, or the network of an IPv6 client."""

import ipaddress
from contextlib import suppress
from typing import Any, cast

from litestar import Request

from api.settings import Settings

_NETWORK_BITS = 64


def client_address(request: Request[Any, Any, Any]) -> str:
    """The address of the client; for IPv6 its /64 network, since a phone may take any address in it."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
    return str(address)


def address_to_limit(request: Request[Any, Any, Any]) -> str | None:
    """`client_address`, or None where many clients share it: a trusted proxy that does not forward the client's."""
    with suppress(ValueError):
        address = ipaddress.ip_address(request.client.host if request.client else "")
        trusted = cast("Settings", request.app.state.context.settings).trusted_networks
        return None if any(address in network for network in trusted) else client_address(request)
    return None
