"""Names the party and the token of a shop's fix link, and sends the form of such a link."""

import uuid

from inspections.hazards.records import Party

SHOP = Party("merchant", "小王早餐店", "13800000000")
TOKEN = "d" * 64  # the digest of a token


def send_fix(client, path, photo, **options):
    """Sends the form of a fix link at `path`, as its page does, by an httpx client; returns the answer."""
    version = client.get(path, headers={"Accept": "application/json"}).json()["version"]
    fields = {"id": str(uuid.uuid4()), "version": str(version), "method": "搬走电动车", "quantity_done": "1"}
    files = [("photo", ("image.jpg", photo, "image/jpeg"))]
    return client.post(path, data={**fields, "outcome": "removed"}, files=files, **options)
