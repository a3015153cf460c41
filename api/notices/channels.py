"""The channels by which a notice leaves the server: a signed webhook, e-mail, and the robots of robots.py."""

import asyncio
import hashlib
import hmac
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from api.http.outbound import SECONDS, ForbiddenAddress, OutboundClient, SendFailure, open_outbound_client
from api.notices.envelopes import Channel, Envelope
from api.notices.robots import open_robots
from api.settings import BadSettings, Settings

_OK = range(200, 300)
_MIN_SECRET_LENGTH = 16
_MAX_ERROR_LENGTH = 180
_READY = 220
_MAY_SAY_WHEN = {429, 503}
MAIL_SECONDS = 18.0
"""The limit of a whole mail, below the duration of a claim (CLAIM_DURATION)."""


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
            wait = answer.seconds("retry-after") if answer.status in _MAY_SAY_WHEN else None
            raise SendFailure(f"answered {answer.status}", wait)

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


def open_channels(settings: Settings) -> list[Channel]:
    """Opens the configured channels. Raises BadSettings."""
    channels: list[Channel] = []
    if settings.webhook:
        if len(settings.webhook_secret) < _MIN_SECRET_LENGTH:
            raise BadSettings(f"ANXUN_WEBHOOK needs ANXUN_WEBHOOK_SECRET, {_MIN_SECRET_LENGTH} letters at least")
        channels.append(
            Webhook(settings.webhook, settings.webhook_secret, open_outbound_client(settings, settings.webhook))
        )
    if settings.smtp:
        channels.append(_open_mail(settings))
    return [*channels, *open_robots(settings)]


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
