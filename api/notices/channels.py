"""The channels by which a notice leaves the server: a signed webhook, e-mail, robots of chat groups.

A channel is any class that delivers an Envelope. To support an office's own platform (浙政钉 and the like), write one
class with a name, a reach, `at_once`, `deliver` and `close`, as Webhook does.
"""

import asyncio
import hashlib
import hmac
import importlib.util
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from functools import partial
from typing import Any, Literal, Protocol
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

import msgspec
from msgspec import Struct

from api.http.outbound import SECONDS, ForbiddenAddress, OutboundClient, SendFailure, open_outbound_client
from api.settings import BadSettings, Settings
from inspections.hazards.records import State
from inspections.notices.outbox import ChannelInfo
from storage.engine.failures import MissingDependency

_OK = range(200, 300)
_MIN_SECRET_LENGTH = 16
_MAX_ERROR_LENGTH = 180
_READY = 220
MAIL_SECONDS = ROBOT_SECONDS = 18.0
"""The limits of a whole mail or message, below the duration of a claim (CLAIM_DURATION)."""
_NO_MARKUP = str.maketrans("<>@[]", "＜＞＠［］")
"""Makes letters full-width that chat platforms read as a mention of everybody, or as a link: people wrote the words."""


class HazardReference(Struct, frozen=True):
    """The hazard of a notice, as sent to other systems."""

    id: UUID
    number: str
    state: State
    version: int
    community: str
    category: str


class Envelope(Struct, frozen=True):
    """A notice as a channel delivers it. `id`: the event's, the same on every retry and in every channel.

    `to`: the recipients' usernames; `addresses`: their e-mail addresses, for the mail channel.
    """

    id: UUID
    kind: str
    at: datetime
    to: tuple[str, ...]
    hazard: HazardReference | None
    title: str
    text: str
    addresses: tuple[str, ...] = ()


class Channel(Protocol):
    """The protocol of channels. `at_once`: the number of parallel deliveries."""

    name: str
    reach: Literal["mailbox", "event", "group"]
    at_once: int

    async def deliver(self, envelope: Envelope, now: datetime) -> None:
        """Returns after the notice has arrived. Raises SendFailure or ForbiddenAddress if not; it is then retried."""
        ...

    async def close(self) -> None: ...


def channel_info(channel: Channel) -> ChannelInfo:
    return ChannelInfo(channel.name, channel.reach)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Returns `v1=` and the hex HMAC-SHA256 (RFC 2104) of the timestamp, a full stop and the body as sent."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    """Sends every notice as JSON to one address. The receiver recognises repeats by the event's id."""

    name = "webhook"
    reach: Literal["mailbox", "event", "group"] = "event"
    at_once = 12

    def __init__(self, url: str, secret: str, outgoing: OutboundClient) -> None:
        self._url = url
        self._secret = secret
        self._outgoing = outgoing

    async def deliver(self, envelope: Envelope, now: datetime) -> None:
        fields = {name: getattr(envelope, name) for name in envelope.__struct_fields__ if name != "addresses"}
        body, timestamp = msgspec.json.encode(fields), str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "Anxun-Event": str(envelope.id),
            "Anxun-Timestamp": timestamp,
            "Anxun-Signature": signature(self._secret, timestamp, body),
        }
        answer = await self._outgoing.send("POST", self._url, headers, body)
        if answer.status not in _OK:
            raise SendFailure(f"answered {answer.status}")

    async def close(self) -> None:
        await self._outgoing.close()


class Mail:
    """Sends an e-mail to each recipient with an address, by `smtp://user@host:587` or `smtps://user@host`."""

    name = "mail"
    reach: Literal["mailbox", "event", "group"] = "mailbox"
    at_once = 4

    def __init__(self, url: str, password: str, sender: str, trust: ssl.SSLContext | None = None) -> None:
        self._url = urlsplit(url)
        self._password = password
        self._sender = sender
        self._trust = trust

    async def deliver(self, envelope: Envelope, now: datetime) -> None:
        if not envelope.addresses:
            raise SendFailure("has no address any more")
        message = self._message(envelope, now)
        try:
            await asyncio.to_thread(self._send, message)
        except (smtplib.SMTPException, OSError) as error:
            # The address is erased with the account, and this message is kept for good.
            words = re.sub("|".join(map(re.escape, envelope.addresses)), "…", str(error), flags=re.IGNORECASE)
            raise SendFailure(f"{type(error).__name__}: {words}") from error

    def _message(self, envelope: Envelope, now: datetime) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"【安巡】{envelope.title}"
        message["From"] = self._sender
        message["To"] = ", ".join(envelope.addresses)
        message["Date"] = now
        message["Message-ID"] = f"<{envelope.id}.{envelope.to[0]}@anxun>"
        message["Anxun-Event"] = str(envelope.id)
        message.set_content(envelope.text)
        return message

    def _send(self, message: EmailMessage) -> None:
        """Sends the message. STARTTLS is used if the server offers it, and required before a password."""
        trust = self._trust or ssl.create_default_context()
        with _connect_mail_server(self._url, trust) as server:
            server.ehlo()
            if self._url.scheme == "smtps":
                pass  # encrypted from the first byte
            elif server.has_extn("starttls"):
                server.starttls(context=trust)
            elif self._password:
                raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS, and no password goes without")
            self._login_and_send(server, message)

    def _login_and_send(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        if self._password:
            server.login(unquote(self._url.username or ""), self._password)
        server.send_message(message)

    async def close(self) -> None:
        """Does nothing: each message has its own connection."""


class _Connection(smtplib.SMTP):
    """A connection over a socket of ours. `trust`: it is encrypted from the first byte, and checked by this."""

    def __init__(self, wire: socket.socket, host: str, trust: ssl.SSLContext | None) -> None:
        super().__init__(timeout=SECONDS)
        self._wire, self._host, self._trust = wire, host, trust

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002  # smtplib calls it
        return self._trust.wrap_socket(self._wire, server_hostname=self._host) if self._trust else self._wire


@contextmanager
def _connect_mail_server(url: SplitResult, trust: ssl.SSLContext) -> Generator[smtplib.SMTP]:
    """Connects, and cuts the connection after MAIL_SECONDS: smtplib limits each wait, but not their number."""
    host, secure = url.hostname or "", url.scheme == "smtps"
    port = url.port or (smtplib.SMTP_SSL_PORT if secure else smtplib.SMTP_PORT)
    wire = socket.create_connection((host, port), SECONDS)
    with wire, wire.dup() as end:
        timer = threading.Timer(MAIL_SECONDS, _shut_down, (end,))
        timer.start()
        try:
            with _Connection(wire, host, trust if secure else None) as server:
                code, words = server.connect(host, port)
                if code != _READY:
                    raise smtplib.SMTPConnectError(code, words)
                yield server
        finally:
            timer.cancel()


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)


class Robots:
    """Posts notices to roles in DingTalk, WeCom and Feishu groups through their robots, by apprise."""

    name = "robots"
    reach: Literal["mailbox", "event", "group"] = "group"
    at_once = 1

    def __init__(self, urls: str) -> None:
        if importlib.util.find_spec("apprise") is None:
            raise MissingDependency("ANXUN_ROBOTS needs the extra `notify`: pip install 'anxun[notify]'")
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415  # 20 MB that most servers never need

        self._thread = ThreadPoolExecutor(1, "anxun-robots")
        self._apprise: Any = Apprise(asset=AppriseAsset(http_redirects=False))
        for url in urls.split():
            if not self._apprise.add(url):
                raise BadSettings(
                    "ANXUN_ROBOTS: apprise does not know one of these; see dingtalk://, wecombot://, lark://"
                )

    async def deliver(self, envelope: Envelope, now: datetime) -> None:  # noqa: ARG002  # chats show their own time
        words = {"title": envelope.title.translate(_NO_MARKUP), "body": envelope.text.translate(_NO_MARKUP)}
        send: Callable[[], bool] = partial(self._apprise.notify, **words)
        try:
            async with asyncio.timeout(ROBOT_SECONDS):  # apprise limits each wait for an answer, but not their number
                taken = await asyncio.get_running_loop().run_in_executor(self._thread, send)
        except TimeoutError:
            raise SendFailure(f"no answer within {ROBOT_SECONDS:g} s") from None
        if not taken:
            raise SendFailure("a robot did not take it")

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def open_channels(settings: Settings) -> list[Channel]:
    """Opens the configured channels. Raises BadSettings, MissingDependency."""
    channels: list[Channel] = []
    if settings.webhook:
        if len(settings.webhook_secret) < _MIN_SECRET_LENGTH:
            raise BadSettings(f"ANXUN_WEBHOOK needs ANXUN_WEBHOOK_SECRET, {_MIN_SECRET_LENGTH} letters at least")
        channels.append(
            Webhook(settings.webhook, settings.webhook_secret, open_outbound_client(settings, settings.webhook))
        )
    if settings.smtp:
        channels.append(_open_mail(settings))
    if settings.robots:
        channels.append(Robots(settings.robots))
    return channels


def _open_mail(settings: Settings) -> Mail:
    try:
        url = urlsplit(settings.smtp)
        fits = url.scheme in {"smtp", "smtps"} and url.hostname and not url.password and (url.port or 1)
    except ValueError:
        fits = False
    if not fits:
        raise BadSettings("ANXUN_SMTP: smtp://user@host:587 or smtps://user@host; the password in ANXUN_SMTP_PASSWORD")
    if "@" not in settings.mail_from:
        raise BadSettings("ANXUN_SMTP needs ANXUN_MAIL_FROM, the address that mail comes from")
    return Mail(settings.smtp, settings.smtp_password, settings.mail_from)


def error_summary(error: SendFailure | ForbiddenAddress) -> str:
    """Returns an error as one printable line of limited length, because other systems wrote parts of it."""
    return "".join(letter if letter.isprintable() else " " for letter in str(error))[:_MAX_ERROR_LENGTH]
