"""Simulates the gateways of DingTalk, WeCom and Feishu, which check what a robot sends and answer by their codes."""

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs, urlsplit

from tests.builders.sink import Sink

TAKEN = {"errcode": 0, "errmsg": "ok", "code": 0, "msg": "success"}
REFUSALS = {
    "dingtalk": {"errcode": 310000, "errmsg": "keywords not in content"},
    "wecombot": {"errcode": 93000, "errmsg": "invalid webhook url"},
    "feishu": {"code": 19024, "msg": "Key Words Not Found"},
}
LIMITS = {
    "dingtalk": {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"},
    "wecombot": {"errcode": 45009, "errmsg": "api freq out of limit"},
    "feishu": {"code": 11232, "msg": "frequency limited"},
}


class ChatPlatform(Sink):
    """A gateway of all three. `says`: by platform, what it answers instead: JSON, bytes, `hang`, or a function.

    `texts`: the texts that each group has received. A robot with a `secret` takes signed messages alone.
    """

    def __init__(self, secret=""):
        super().__init__()
        self.says, self.texts, self.secret = {}, {}, secret

    def meet(self, handler, how, body):  # noqa: ARG002  # as Sink calls it
        platform, group, text = self.read_message(handler.path, json.loads(body))
        answer = self.says.get(platform, TAKEN)
        if answer == "hang":
            self.ended.wait()
            return
        if answer is TAKEN:
            self.texts.setdefault(group, []).append(text)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        handler.send_response(200)
        for name, value in {**self.headers, "Content-Length": str(len(data))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def read_message(self, path, body):
        """Return platform, group and text of a message, whose form and signature must be right."""
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path.startswith("/open-apis/bot/v2/hook/"):
            assert body["msg_type"] == "text"
            if self.secret:
                key = f"{body['timestamp']}\n{self.secret}".encode()
                assert body["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
            return "feishu", url.path.rpartition("/")[2], body["content"]["text"]
        assert body["msgtype"] == "text"
        if url.path == "/cgi-bin/webhook/send":
            return "wecombot", query["key"], body["text"]["content"]
        assert url.path == "/robot/send"
        if self.secret:
            words = f"{query['timestamp']}\n{self.secret}".encode()
            signed = hmac.new(self.secret.encode(), words, hashlib.sha256).digest()
            assert query["sign"] == base64.b64encode(signed).decode()
        return "dingtalk", query["access_token"], body["text"]["content"]
