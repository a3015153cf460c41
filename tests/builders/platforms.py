"""Simulates the external identity providers."""

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.builders.sink import Sink

OWN = "a password of their own"


def person_of(code):
    return code.partition("/")[0]


class Platform(Sink):
    """Simulates both providers and checks the requests. `people`: the identity that each code belongs to.

    A code is exchanged once, as by the real ones. The codes of one person differ behind a slash: `code-wang/2`.
    """

    def __init__(self):
        super().__init__()
        self.people = {"code-wang": "o-wang", "code-li": "o-li", "code-thief": "o-thief"}
        self.says = None
        self.spent = set()
        self.tokens = 0

    def meet(self, handler, how, body):  # noqa: ARG002  # as Sink calls it
        status, content = self.says or self.answer_to(handler, body)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def answer_to(self, handler, body):
        url = urlsplit(handler.path)
        sent = {name: values[0] for name, values in parse_qs(url.query or body.decode()).items()}
        if url.path == "/wx/sns/jscode2session":
            assert (sent["appid"], sent["secret"]) == ("app", "s3cret/")
            assert sent["grant_type"] == "authorization_code"
            if not self.spend("wechat", sent["js_code"]):
                return 200, {"errcode": 40163, "errmsg": "code been used"}
            openid = self.people.get(person_of(sent["js_code"]))
            return 200, {"openid": openid, "session_key": "x"} if openid else {
                "errcode": 40029,
                "errmsg": "invalid code",
            }
        self.check_signature(handler, url.path, body.decode())
        if url.path == "/gettoken.json":
            self.tokens += 1
            return 200, {"success": True, "content": {"data": {"accessToken": "at", "expiresIn": 7200}}}
        assert sent["access_token"] == "at"
        code = sent["auth_code"]
        account = {"code-wang": 1234567}.get(person_of(code)) if self.spend("zwding", code) else None
        return 200, {"success": True, "content": {"data": {"accountId": account} if account else None}}

    def spend(self, provider, code):
        """Uses a code up. Returns whether it was still valid."""
        with self.lock:
            fresh = (provider, code) not in self.spent
            self.spent.add((provider, code))
        return fresh

    def check_signature(self, handler, path, body):
        headers = handler.headers
        parts = [handler.command, headers["X-Hmac-Auth-Timestamp"], headers["X-Hmac-Auth-Nonce"], path]
        sorted_body = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(body)))
        words = "\n".join([*parts, sorted_body] if body else parts)
        expected = base64.b64encode(hmac.new(b"s3cret/", words.encode(), hashlib.sha256).digest()).decode()
        assert (headers["apiKey"], headers["X-Hmac-Auth-Signature"]) == ("app", expected)
