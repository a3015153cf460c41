"""Signs and sends alerts as a device does."""

import hashlib
import hmac
import json

from tests.builders.api import HERE

ALARM = {"metric": "residual_current_ma", "value": 452, "level": "二级"}


def register_device(api, name="A-1", **fields):
    """Registers a device; returns its secret."""
    device = {"id": name, "name": "1号楼总箱", "kind": "mains", "community": HERE, "place": "1幢配电间", **fields}
    answer = api.post("admin", "/devices", device)
    assert answer.status_code == 201, answer.text
    return answer.json()["secret"]


def post_signed(api, secret, payload, name="A-1", at=None, **headers):
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    stamp = str(int(at or api.clock.now.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    given = {"Anxun-Device": name, "Anxun-Timestamp": stamp, "Anxun-Signature": f"v1={digest}", **headers}
    return api.call(None, "POST", "/alerts", content=raw, headers=given)


def send_alerts(api, secret, payload, **more):
    answer = post_signed(api, secret, payload, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]
