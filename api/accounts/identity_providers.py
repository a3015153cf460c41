"""Clients of external identity providers, which tell whose code a page or mini-program has brought.

Host names come from the settings, because each office's network reaches different ones.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, NamedTuple, Protocol, TypeVar
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Meta, Struct

from api.http.outbound import Failed, Outgoing, Refused, open_outgoing
from api.settings import BadSettings, Settings
from inspections.errors import SignInFailed, Unavailable

T = TypeVar("T")
Subject = Annotated[str, Meta(min_length=1, max_length=200)]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_OK = 200


class Unreachable(Unavailable):
    code = "auth.provider_unavailable"
    title = "外部登录服务暂时无法使用，请改用用户名和密码"


class Provider(Protocol):
    async def subject(self, code: str) -> str:
        """Returns the provider's ID of the code's owner. Raises SignInFailed for a bad code, ProviderUnavailable."""
        ...

    async def close(self) -> None: ...


class Application(NamedTuple):
    """Our credentials at a provider, its address and an HTTP client for it."""

    url: str
    id: str
    secret: str
    outgoing: Outgoing

    async def ask(
        self, method: str, path: str, sent: Mapping[str, str], kind: type[T], headers: Mapping[str, str] = NO_HEADERS
    ) -> T:
        """Sends a request and decodes the response as `kind`. Raises ProviderUnavailable, also for other responses."""
        query, body = (f"?{urlencode(sent)}", b"") if method == "GET" else ("", urlencode(sent).encode())
        form = {} if method == "GET" else {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = await self.outgoing.send(method, self.url + path + query, {**headers, **form}, body)
            said = msgspec.json.decode(answer.body, type=kind)
        except (Failed, Refused, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unreachable from error
        if answer.status != _OK:
            raise Unreachable
        return said


class _Session(Struct):
    """The response of code2Session; its session key is ignored."""

    openid: Subject | None = None
    errcode: int = 0


class WeChat:
    """WeChat mini-program sign-in (小程序登录, code2Session); a code of wx.login is valid once, for five minutes."""

    _WRONG_CODES = frozenset({40029, 40163, 41008, 40226})  # invalid, used, missing, risky user

    def __init__(self, application: Application) -> None:
        self._application = application

    async def subject(self, code: str) -> str:
        own = {"appid": self._application.id, "secret": self._application.secret}
        sent = {**own, "js_code": code, "grant_type": "authorization_code"}
        said = await self._application.ask("GET", "/sns/jscode2session", sent, _Session)
        return _named(said.openid, wrong=said.errcode in self._WRONG_CODES)

    async def close(self) -> None:
        await self._application.outgoing.close()


class _Data(Struct, rename="camel"):
    account_id: Subject | int | None = None
    access_token: str = ""
    expires_in: float = 0


class _Content(Struct):
    data: _Data | None = None


class _Said(Struct):
    success: bool = True
    content: _Content | None = None


class GovernmentDingTalk:
    """Sign-in from pages inside 浙政钉 (专有钉钉) by an auth code; our requests are signed with HMAC-SHA256."""

    def __init__(self, application: Application, clock: Callable[[], float] = time.time) -> None:
        self._application = application
        self._clock = clock
        self._token, self._token_until = "", 0.0

    async def subject(self, code: str) -> str:
        sent = {"access_token": await self._access_token(), "auth_code": code}
        said = await self._signed("POST", "/rpc/oauth2/dingtalk_app_user.json", sent)
        data = said.content.data if said.content else None
        return _named(data.account_id if data else None, wrong=said.content is not None or not said.success)

    async def _access_token(self) -> str:
        if self._clock() >= self._token_until:
            said = await self._signed("GET", "/gettoken.json", {})
            data = said.content.data if said.content else None
            if data is None or not data.access_token:
                raise Unreachable
            self._token, self._token_until = data.access_token, self._clock() + data.expires_in / 2
        return self._token

    async def _signed(self, method: str, path: str, sent: dict[str, str]) -> _Said:
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        nonce = f"{int(self._clock() * 1000)}{secrets.randbelow(9000) + 1000}"
        parameters = "&".join(f"{name}={value}" for name, value in sorted(sent.items()))
        words = "\n".join([method, at, nonce, path, *([parameters] if parameters else [])])
        signature = hmac.new(self._application.secret.encode(), words.encode(), hashlib.sha256).digest()
        headers = {
            "X-Hmac-Auth-Timestamp": at,
            "X-Hmac-Auth-Version": "1.0",
            "X-Hmac-Auth-Nonce": nonce,
            "X-Hmac-Auth-Signature": base64.b64encode(signature).decode(),
            "apiKey": self._application.id,
        }
        return await self._application.ask(method, path, sent, _Said, headers)

    async def close(self) -> None:
        await self._application.outgoing.close()


def _named(subject: str | int | None, *, wrong: bool) -> str:
    """Returns the subject. Raises SignInFailed if the code was wrong, ProviderUnavailable if the answer is unclear."""
    if subject is not None:
        return str(subject)
    raise SignInFailed("外部登录未通过，请重试") if wrong else Unreachable


KINDS: dict[str, Callable[[Application], Provider]] = {"wechat": WeChat, "zwding": GovernmentDingTalk}


def open_providers(settings: Settings) -> dict[str, Provider]:
    """Opens the providers of a setting: `name=https://id:secret@host/path`, separated by blanks. Raises BadSettings."""
    return dict(_opened(settings, words) for words in settings.sign_in.split())


def _opened(settings: Settings, words: str) -> tuple[str, Provider]:
    name, _, address = words.partition("=")
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        parts, host = urlsplit(""), ""
    if name not in KINDS or not (parts.username and parts.password and host):
        raise BadSettings(f"ANXUN_SIGN_IN: name=https://id:secret@host; names are {', '.join(KINDS)}")
    url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    outgoing = open_outgoing(settings, url)
    return name, KINDS[name](Application(url, unquote(parts.username), unquote(parts.password), outgoing))


class Providers(dict[str, Provider]):
    """The configured providers, by name."""
