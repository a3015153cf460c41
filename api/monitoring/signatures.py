"""Verifies the signatures that devices put on their requests, with the headers that docs/alerts.md describes."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from api.accounts.guard import DeviceSenderResolver
from api.http.bodies import AnyRequest
from api.monitoring.intake import AlertIntake
from inspections.accounts.people import Person
from inspections.errors import ClockSkew, InvalidSignature
from inspections.monitoring.devices import TIMESTAMP_TOLERANCE, Monitor
from inspections.monitoring.rejections import RejectedMessage, rejected_message
from storage.database import Database

_VERSION = "v1="
_TEXT = {"type": "string"}
SIGNATURE_HEADERS = (
    ("Anxun-Device", True, "The id of the device.", _TEXT),
    ("Anxun-Timestamp", True, "Seconds since 1970, within 300 of the server's time.", _TEXT),
    ("Anxun-Signature", True, "`v1=` and the hexadecimal HMAC-SHA256 of timestamp, `.` and the raw body.", _TEXT),
)
"""The headers of a signed request: name, whether it must be there, meaning, schema."""


class RequestSignature(NamedTuple):
    """The headers of a signed request, and the device that they name; None if there is no such device."""

    monitor: Monitor | None
    stamp: str
    signature: str

    @property
    def digest(self) -> str:
        return self.signature.removeprefix(_VERSION)

    def verify(self, body: Iterable[bytes]) -> Monitor:
        """Returns the device that signed this body. Raises InvalidSignature."""
        secrets = self.monitor.secrets if self.monitor else ("-",)  # an unknown device takes as long as a known one
        codes = [hmac.new(secret.encode(), self.stamp.encode() + b".", hashlib.sha256) for secret in secrets]
        for chunk in body:
            for code in codes:
                code.update(chunk)
        wanted = self.signature.encode()
        good = [hmac.compare_digest((_VERSION + code.hexdigest()).encode(), wanted) for code in codes]
        if self.monitor is None or not any(good):
            raise InvalidSignature
        return self.monitor

    def check_device(self) -> Monitor:
        """Returns the device that the headers name. Raises InvalidSignature if it is unknown or not in use."""
        if self.monitor is None or not self.monitor.active:
            raise InvalidSignature
        return self.monitor

    def check_clock(self, now: datetime) -> None:
        """Raises ClockSkew for a timestamp that is not a number of seconds near `now`."""
        stamp, tolerance = self.stamp, TIMESTAMP_TOLERANCE.total_seconds()
        if not (stamp.isascii() and stamp.isdigit()) or abs(now.timestamp() - int(stamp[:12])) > tolerance:
            raise ClockSkew(server_time=now.isoformat())


async def read_signature(database: Database, request: AnyRequest) -> RequestSignature:
    device, stamp, signature = (
        request.headers.get(f"anxun-{name}", "") for name in ("device", "timestamp", "signature")
    )
    monitor = await database.read(lambda repository: repository.get(Monitor, device[:64]))
    return RequestSignature(monitor, stamp, signature)


def refused_request(request: AnyRequest, refusal: InvalidSignature | ClockSkew, body: bytes) -> RejectedMessage:
    """The rejection of a request whose signature or timestamp is wrong, to be counted."""
    reason = "wrong_signature" if isinstance(refusal, InvalidSignature) else "wrong_clock"
    return rejected_message(reason, request.headers.get("anxun-device", ""), body)


class SignedDeviceResolver(DeviceSenderResolver):
    """Finds the device behind a signed request whose body is too large to be read before it is stored."""

    def __init__(self, database: Database, intake: AlertIntake, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._intake = intake
        self._clock = clock

    async def resolve_sender(self, request: AnyRequest) -> Person:
        """Returns the device that the headers name, before the body is read.

        Raises InvalidSignature for a device that is unknown or not in use, ClockSkew.
        """
        signature = await read_signature(self._database, request)
        try:
            monitor = signature.check_device()
            signature.check_clock(self._clock())
        except (InvalidSignature, ClockSkew) as refusal:
            await self._count_refusal(request, refusal)
            raise
        return monitor.sender

    async def verify_body(self, request: AnyRequest, body: Iterable[bytes]) -> None:
        """Checks the signature, once the body is there. Raises InvalidSignature."""
        signature = await read_signature(self._database, request)
        try:
            await asyncio.to_thread(signature.verify, body)
        except InvalidSignature as refusal:
            await self._count_refusal(request, refusal)
            raise

    async def _count_refusal(self, request: AnyRequest, refusal: InvalidSignature | ClockSkew) -> None:
        await self._intake.reject("http", refused_request(request, refusal, b""))
