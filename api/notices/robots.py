"""Robots of chat groups: DingTalk, WeCom and Feishu, each group a receiver of its own.

Their gateways answer 200 also where they refuse a message: the code in the answer decides. A library hides this code,
and that a group receives too many messages, so these three small protocols are written here (decision 40).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import msgspec

from api.http.outbound import Answer, OutboundClient, SendFailure, open_outbound_client
from api.notices.envelopes import Envelope
from api.settings import BadSettings, Settings

KEYWORD = "【安巡】"
"""Every message begins with it, so that an office can name it as the keyword that such robots ask for."""
_NO_MARKUP = str.maketrans("<>@[]", "＜＞＠［］")
"""Makes letters full-width that chat platforms read as a mention of everybody, or as a link: people wrote the words."""
_TOO_MANY_REQUESTS = 429
_HEADERS = {"Content-Type": "application/json; charset=utf-8"}


class Group(NamedTuple):
    """The address of a robot: `token` names the group, `secret` signs messages where the robot asks for it.

    `server`: the platform's own, or another that forwards to it.
    """

    token: str
    secret: str
    server: str


class Message(NamedTuple):
    url: str
    body: dict[str, Any]


class Verdict(NamedTuple):
    """The platform's own code (0: taken) and words, and how long it refuses further messages, if it said so."""

    code: int
    words: str
    wait: timedelta | None = None


class Platform(Protocol):
    """One platform's protocol. `max_bytes`: of a text in UTF-8; longer ones are cut."""

    server: str
    max_bytes: int

    def build_message(self, group: Group, text: str, now: datetime) -> Message: ...
    def read_answer(self, answer: Answer) -> Verdict: ...


class _ErrorCode(msgspec.Struct):
    errcode: int
    errmsg: str = ""


def _read_error_code(answer: Answer, limits: frozenset[int], wait: timedelta) -> Verdict:
    """Reads the answers of DingTalk and WeCom. `limits`: the codes for too many messages, `wait`: what they mean."""
    read = msgspec.json.decode(answer.body, type=_ErrorCode)
    return Verdict(read.errcode, read.errmsg, wait if read.errcode in limits else None)


class DingTalk:
    """钉钉自定义机器人. Twenty messages a minute; beyond that the robot is closed for ten minutes."""

    server, max_bytes = "https://oapi.dingtalk.com", 16_000
    _LIMITS = frozenset({130101, 410100, 90030})

    def build_message(self, group: Group, text: str, now: datetime) -> Message:
        query = {"access_token": group.token}
        if group.secret:
            timestamp = str(int(now.timestamp() * 1000))
            signed = hmac.new(group.secret.encode(), f"{timestamp}\n{group.secret}".encode(), hashlib.sha256)
            query |= {"timestamp": timestamp, "sign": base64.b64encode(signed.digest()).decode()}
        body = {"msgtype": "text", "text": {"content": text}}
        return Message(f"{group.server}/robot/send?{urlencode(query)}", body)

    def read_answer(self, answer: Answer) -> Verdict:
        return _read_error_code(answer, self._LIMITS, timedelta(minutes=10))


class WeCom:
    """企业微信群机器人. Twenty messages a minute."""

    server, max_bytes = "https://qyapi.weixin.qq.com", 2_000
    _LIMITS = frozenset({45009, 45033})

    def build_message(self, group: Group, text: str, now: datetime) -> Message:  # noqa: ARG002  # it signs nothing
        body = {"msgtype": "text", "text": {"content": text}}
        return Message(f"{group.server}/cgi-bin/webhook/send?{urlencode({'key': group.token})}", body)

    def read_answer(self, answer: Answer) -> Verdict:
        return _read_error_code(answer, self._LIMITS, timedelta(minutes=1))


class _FeishuCode(msgspec.Struct):
    code: int
    msg: str = ""


class Feishu:
    """飞书自定义机器人. A hundred messages a minute; the gateway says when it takes more."""

    server, max_bytes = "https://open.feishu.cn", 16_000
    _LIMITS = frozenset({11232, 11247, 99991400})

    def build_message(self, group: Group, text: str, now: datetime) -> Message:
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
        if group.secret:
            timestamp = str(int(now.timestamp()))
            signed = hmac.new(f"{timestamp}\n{group.secret}".encode(), b"", hashlib.sha256)
            body |= {"timestamp": timestamp, "sign": base64.b64encode(signed.digest()).decode()}
        return Message(f"{group.server}/open-apis/bot/v2/hook/{group.token}", body)

    def read_answer(self, answer: Answer) -> Verdict:
        read = msgspec.json.decode(answer.body, type=_FeishuCode)
        if read.code not in self._LIMITS:
            return Verdict(read.code, read.msg)
        return Verdict(read.code, read.msg, answer.seconds("x-ogw-ratelimit-reset") or timedelta(minutes=1))


PLATFORMS: Mapping[str, Platform] = MappingProxyType({"dingtalk": DingTalk(), "wecombot": WeCom(), "feishu": Feishu()})
"""The platforms by the scheme of their addresses in ANXUN_ROBOTS."""


class Robot:
    """Posts notices to roles in one group. Its name is made from the platform and a digest of the token."""

    reach: Literal["mailbox", "event", "group"] = "group"
    at_once = 1

    def __init__(self, scheme: str, group: Group, outgoing: OutboundClient) -> None:
        self.name = f"{scheme}-{hashlib.sha256(group.token.encode()).hexdigest()[:8]}"
        self._platform, self._group, self._outgoing = PLATFORMS[scheme], group, outgoing

    async def deliver(self, envelope: Envelope, now: datetime) -> None:
        text = f"{KEYWORD}{envelope.title}\n{envelope.text}".translate(_NO_MARKUP)
        text = text.encode()[: self._platform.max_bytes].decode(errors="ignore")
        message = self._platform.build_message(self._group, text, now)
        answer = await self._outgoing.send("POST", message.url, _HEADERS, msgspec.json.encode(message.body))
        try:
            verdict = self._platform.read_answer(answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            wait = answer.seconds("retry-after") if answer.status == _TOO_MANY_REQUESTS else None
            raise SendFailure(f"answered {answer.status} without a code", wait) from None
        if verdict.code:
            raise SendFailure(f"answered {verdict.code}: {verdict.words}", verdict.wait)

    async def close(self) -> None:
        await self._outgoing.close()


def open_robots(settings: Settings) -> list[Robot]:
    """Opens a channel for each address in ANXUN_ROBOTS. Raises BadSettings, which does not repeat an address."""
    robots = [_open_robot(settings, address) for address in settings.robots.split()]
    if len({each.name for each in robots}) < len(robots):
        raise BadSettings("ANXUN_ROBOTS: one group is named twice")
    return robots


def _open_robot(settings: Settings, address: str) -> Robot:
    """Reads `scheme://token`, or `scheme://secret@token` where the robot signs; `?server=https://…` for a gateway."""
    usage = f"ANXUN_ROBOTS: each is one of {', '.join(f'{each}://token' for each in PLATFORMS)}"
    try:
        parts = urlsplit(address)
    except ValueError:
        raise BadSettings(usage) from None
    secret, _, token = parts.netloc.rpartition("@")
    if parts.scheme == "lark":
        raise BadSettings("ANXUN_ROBOTS: lark:// is the platform abroad; write feishu://")
    if parts.scheme not in PLATFORMS or not token or parts.path.strip("/"):
        raise BadSettings(usage)
    (server,) = parse_qs(parts.query).get("server", [PLATFORMS[parts.scheme].server])[:1]
    group = Group(unquote(token), unquote(secret).removesuffix(":"), server.rstrip("/"))
    return Robot(parts.scheme, group, open_outbound_client(settings, group.server))
