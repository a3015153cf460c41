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

from api.http.outbound import ForbiddenAddress, OutboundClient, SendFailure, open_outbound_client
from api.settings import BadSettings, Settings
from inspections.errors import InvalidCredentials, Unavailable

T = TypeVar("T")
Subject = Annotated[str, Meta(min_length=1, max_length=200)]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_OK = 200


class ProviderUnavailable(Unavailable):
    code = "auth.provider_unavailable"
    title = "外部登录服务暂时无法使用，请改用用户名和密码"


class IdentityProvider(Protocol):
    async def fetch_subject(self, code: str) -> str:
        """Returns the provider's ID of the code's owner.

        Raises InvalidCredentials for a bad code, ProviderUnavailable.
        """
        ...

    async def close(self) -> None: ...


class ProviderClient(NamedTuple):
    """Our credentials at a provider, its address and an HTTP client for it."""

    url: str
    id: str
    secret: str
    outgoing: OutboundClient

    async def request(
        self, method: str, path: str, sent: Mapping[str, str], kind: type[T], headers: Mapping[str, str] = NO_HEADERS
    ) -> T:
        """Sends a request and decodes the response as `kind`. Raises ProviderUnavailable, also for other responses."""
        query, body = (f"?{urlencode(sent)}", b"") if method == "GET" else ("", urlencode(sent).encode())
        form = {} if method == "GET" else {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = await self.outgoing.send(method, self.url + path + query, {**headers, **form}, body)
            content = msgspec.json.decode(answer.body, type=kind)
        except (SendFailure, ForbiddenAddress, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProviderUnavailable from error
        if answer.status != _OK:
            raise ProviderUnavailable
        return content


class _WeChatResponse(Struct):
    """The response of code2Session; its session key is ignored."""

    openid: Subject | None = None
    errcode: int = 0


class WeChat:
    """WeChat mini-program sign-in (小程序登录, code2Session); a code of wx.login is valid once, for five minutes."""

    _WRONG_CODES = frozenset({40029, 40163, 41008, 40226})  # invalid, used, missing, risky user

    def __init__(self, application: ProviderClient) -> None:
        self._application = application

    async def fetch_subject(self, code: str) -> str:
        own = {"appid": self._application.id, "secret": self._application.secret}
        sent = {**own, "js_code": code, "grant_type": "authorization_code"}
        session = await self._application.request("GET", "/sns/jscode2session", sent, _WeChatResponse)
        return _require_subject(session.openid, wrong=session.errcode in self._WRONG_CODES)

    async def close(self) -> None:
        await self._application.outgoing.close()


class _Data(Struct, rename="camel"):
    account_id: Subject | int | None = None
    access_token: str = ""
    expires_in: float = 0


class _Content(Struct):
    data: _Data | None = None


class _DingTalkResponse(Struct):
    success: bool = True
    content: _Content | None = None


class GovernmentDingTalk:
    """Sign-in from pages inside 浙政钉 (专有钉钉) by an auth code; our requests are signed with HMAC-SHA256."""

    def __init__(self, application: ProviderClient, clock: Callable[[], float] = time.time) -> None:
        self._application = application
        self._clock = clock
        self._token, self._token_until = "", 0.0

    async def fetch_subject(self, code: str) -> str:
        sent = {"access_token": await self._access_token(), "auth_code": code}
        answer = await self._signed_request("POST", "/rpc/oauth2/dingtalk_app_user.json", sent)
        data = answer.content.data if answer.content else None
        return _require_subject(
            data.account_id if data else None, wrong=answer.content is not None or not answer.success
        )

    async def _access_token(self) -> str:
        if self._clock() >= self._token_until:
            answer = await self._signed_request("GET", "/gettoken.json", {})
            data = answer.content.data if answer.content else None
            if data is None or not data.access_token:
                raise ProviderUnavailable
            self._token, self._token_until = data.access_token, self._clock() + data.expires_in / 2
        return self._token

    async def _signed_request(self, method: str, path: str, sent: dict[str, str]) -> _DingTalkResponse:
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
        return await self._application.request(method, path, sent, _DingTalkResponse, headers)

    async def close(self) -> None:
        await self._application.outgoing.close()


def _require_subject(subject: str | int | None, *, wrong: bool) -> str:
    """Returns the subject.

    Raises InvalidCredentials if the code was wrong, ProviderUnavailable if the answer is unclear.
    """
    if subject is not None:
        return str(subject)
    raise InvalidCredentials("外部登录未通过，请重试") if wrong else ProviderUnavailable


PROVIDER_TYPES: dict[str, Callable[[ProviderClient], IdentityProvider]] = {
    "wechat": WeChat,
    "zwding": GovernmentDingTalk,
}


def open_providers(settings: Settings) -> dict[str, IdentityProvider]:
    """Opens the providers of a setting: `name=https://id:secret@host/path`, separated by blanks. Raises BadSettings."""
    return dict(_open_provider(settings, words) for words in settings.sign_in.split())


def _open_provider(settings: Settings, words: str) -> tuple[str, IdentityProvider]:
    name, _, address = words.partition("=")
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        parts, host = urlsplit(""), ""
    if name not in PROVIDER_TYPES or not (parts.username and parts.password and host):
        raise BadSettings(f"ANXUN_SIGN_IN: name=https://id:secret@host; names are {', '.join(PROVIDER_TYPES)}")
    url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    outgoing = open_outbound_client(settings, url)
    return name, PROVIDER_TYPES[name](ProviderClient(url, unquote(parts.username), unquote(parts.password), outgoing))


class IdentityProviders(dict[str, IdentityProvider]):
    """The configured providers, by name."""
