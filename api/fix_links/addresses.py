"""The addresses that give access to a link, its QR code, and what the office is told where they cannot be printed."""

from io import BytesIO

from msgspec import Struct

from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.http.responses import local_link, message_link, public_link
from api.settings import Settings
from inspections.errors import Conflict

_WHAT_TO_DO = "请管理员在设置 ANXUN_PUBLIC_URL 中填写手机访问本系统的网址（如 https://anxun.example），并重启服务"


class NoPublicAddress(Conflict):
    """A QR code was requested, but the server does not know by which address phones reach it."""

    code = "link.no_address"
    title = "系统未设置公开网址，无法生成二维码"


class LinkAddresses(Struct, frozen=True):
    """The addresses that give access to a link: `url` for the party, its QR code, and the notice to print.

    Without ANXUN_PUBLIC_URL they are absolute paths on this server, or lead to a loopback address if the request did.
    `warning` then says in Chinese that they cannot be printed, and what the administrator must set.
    """

    url: str
    qr_png: str
    qr_svg: str
    notice: str
    warning: str | None


def link_addresses(request: AnyRequest, token: str) -> LinkAddresses:
    url = link_url(request, token)
    return LinkAddresses(url, f"{url}/qr.png", f"{url}/qr.svg", f"{url}/notice", address_warning(request, url))


def link_url(request: AnyRequest, token: str) -> str:
    """The address of a link for the party: on paper, in a QR code, in a message."""
    return public_link(request, _path(token))


def page_url(request: AnyRequest, token: str) -> str:
    """The address of a link within its own pages."""
    return local_link(request, _path(token))


def decision_page_url(request: AnyRequest, token: str) -> str:
    """The address of a decision link within its own page."""
    return local_link(request, f"/d/{token}")


def decision_link_url(settings: Settings, token: str) -> str | None:
    """The address of a decision link for a notice; None without ANXUN_PUBLIC_URL."""
    return message_link(settings, f"/d/{token}")


def _path(token: str) -> str:
    return f"/f/{token}"


def address_warning(request: AnyRequest, url: str) -> str | None:
    """Says in Chinese why this `link_url` cannot be printed, and what to do; None where it can."""
    if app_context(request).settings.public_url:
        return None
    if _has_host(url):
        return f"系统未设置公开网址，此链接和二维码只能在服务器本机打开。{_WHAT_TO_DO}。"
    return f"{NoPublicAddress.title}。{_WHAT_TO_DO}。"


def _has_host(url: str) -> bool:
    return not url.startswith("/")


def draw_qr_code(url: str, kind: str, **more: bool) -> bytes:
    """The QR code of a link. Level M survives a crease or a stain; ISO/IEC 18004 asks for four quiet modules.

    Raises NoPublicAddress for a `url` without a host.
    """
    import segno  # noqa: PLC0415  # 4 MB that a server without links does not need

    if not _has_host(url):
        raise NoPublicAddress(_WHAT_TO_DO)
    out = BytesIO()
    segno.make_qr(url, error="m").save(out, kind=kind, scale=8, border=4, **more)
    return out.getvalue()
