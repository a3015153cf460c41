"""The channels by which a notice leaves the server: a signed webhook, e-mail, robots of chat groups.

A channel is whatever delivers an Envelope. An office that has work notices of its own platform (浙政钉 and the like)
gets a channel for them by writing one class with a name, a reach and `deliver`; the webhook is one such.
"""

import asyncio
import hashlib
import hmac
import importlib.util
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Literal, Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

import msgspec
from msgspec import Struct

from api.http.outbound import SECONDS, Failed, Outgoing, Refused, open_outgoing
from api.settings import BadSettings, Settings
from inspections.hazards.records import State
from inspections.notices.outbox import Outlet
from storage.engine.failures import NotInstalled

_OK = range(200, 300)
_LEAST_SECRET = 16
_LINE = 180


class HazardNamed(Struct, frozen=True):
    """The hazard that a notice is about, as others may find it."""

    id: UUID
    number: str
    state: State
    version: int
    community: str
    category: str


class Envelope(Struct, frozen=True):
    """A notice on its way. `id` is the event's: the same however often it comes, and through whatever channel.

    `to`: usernames of those who are told; `addresses`: their e-mail addresses, for the channel that wants them.
    """

    id: UUID
    kind: str
    at: datetime
    to: tuple[str, ...]
    hazard: HazardNamed | None
    title: str
    text: str
    addresses: tuple[str, ...] = ()


class Channel(Protocol):
    """`at_once`: how many deliveries it takes side by side."""

    name: str
    reach: Literal["mailbox", "event", "group"]
    at_once: int

    async def deliver(self, envelope: Envelope, now: datetime) -> None:
        """Answers when it has arrived. Raises Failed or Refused where it has not: it will be tried again."""
        ...

    async def close(self) -> None: ...


def outlet(channel: Channel) -> Outlet:
    return Outlet(channel.name, channel.reach)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256 (RFC 2104) in hex of the timestamp, a full stop and the body as it is sent."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    """Every notice as JSON to one address. Whoever keeps that knows by the event's id what came twice."""

    name = "webhook"
    reach: Literal["mailbox", "event", "group"] = "event"
    at_once = 12

    def __init__(self, url: str, secret: str, outgoing: Outgoing) -> None:
        self._url = url
        self._secret = secret
        self._outgoing = outgoing

    async def deliver(self, envelope: Envelope, now: datetime) -> None:
        said = {name: getattr(envelope, name) for name in envelope.__struct_fields__ if name != "addresses"}
        body, timestamp = msgspec.json.encode(said), str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "Anxun-Event": str(envelope.id),
            "Anxun-Timestamp": timestamp,
            "Anxun-Signature": signature(self._secret, timestamp, body),
        }
        answer = await self._outgoing.send("POST", self._url, headers, body)
        if answer.status not in _OK:
            raise Failed(f"answered {answer.status}")

    async def close(self) -> None:
        await self._outgoing.close()


class Mail:
    """A message for each person who has an address, by SMTP: `smtp://user@host:587` or `smtps://user@host`."""

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
            raise Failed("has no address any more")
        message = self._message(envelope, now)
        try:
            await asyncio.to_thread(self._send, message)
        except (smtplib.SMTPException, OSError) as error:
            raise Failed(f"{type(error).__name__}: {error}") from error

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
        """STARTTLS wherever the server offers it, and always before a password."""
        host, port = self._url.hostname or "", self._url.port or 0
        trust = self._trust or ssl.create_default_context()
        if self._url.scheme == "smtps":
            with smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=trust) as server:
                self._hand_over(server, message)
            return
        with smtplib.SMTP(host, port, timeout=SECONDS) as server:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=trust)
            elif self._password:
                raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS, and no password goes without")
            self._hand_over(server, message)

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        if self._password:
            server.login(unquote(self._url.username or ""), self._password)
        server.send_message(message)

    async def close(self) -> None:
        """Each message has a connection of its own."""


class Robots:
    """Robots of DingTalk, WeCom and Feishu groups, by apprise: what a role is told, as on a wall that many read."""

    name = "robots"
    reach: Literal["mailbox", "event", "group"] = "group"
    at_once = 1

    def __init__(self, urls: str) -> None:
        if importlib.util.find_spec("apprise") is None:
            raise NotInstalled("ANXUN_ROBOTS needs the extra `notify`: pip install 'anxun[notify]'")
        from apprise import Apprise  # noqa: PLC0415  # twenty megabytes that most servers never need

        self._apprise: Any = Apprise()
        for url in urls.split():
            if not self._apprise.add(url):
                raise BadSettings(
                    "ANXUN_ROBOTS: apprise does not know one of these; see dingtalk://, wecombot://, lark://"
                )

    async def deliver(self, envelope: Envelope, now: datetime) -> None:  # noqa: ARG002  # chats have their own clock
        send: Callable[..., bool] = self._apprise.notify
        if not await asyncio.to_thread(send, title=envelope.title, body=envelope.text):
            raise Failed("a robot did not take it")

    async def close(self) -> None:
        """Each message has a connection of its own."""


def open_channels(settings: Settings) -> list[Channel]:
    """Those that are configured. Raises BadSettings, NotInstalled."""
    channels: list[Channel] = []
    if settings.webhook:
        if len(settings.webhook_secret) < _LEAST_SECRET:
            raise BadSettings(f"ANXUN_WEBHOOK needs ANXUN_WEBHOOK_SECRET, {_LEAST_SECRET} letters at least")
        channels.append(Webhook(settings.webhook, settings.webhook_secret, open_outgoing(settings, settings.webhook)))
    if settings.smtp:
        channels.append(_mail(settings))
    if settings.robots:
        channels.append(Robots(settings.robots))
    return channels


def _mail(settings: Settings) -> Mail:
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


def in_a_line(error: Failed | Refused) -> str:
    """What is kept of a failure: others wrote parts of it."""
    return "".join(letter if letter.isprintable() else " " for letter in str(error))[:_LINE]
