"""Sends the messages of invented devices to a running server, by signed requests or through a broker."""

import asyncio
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from api.demo.devices import Mix, kind_of, name_of, speech
from api.monitoring.mqtt import Broker, client_of
from api.settings import Unfit

if TYPE_CHECKING:
    from aiohttp import ClientSession

_SENDERS = 16
_OK, _CREATED = 200, 201


class Plan(NamedTuple):
    """`rate`: messages per second of all devices together. `broker`: None for signed requests."""

    api: str
    username: str
    password: str
    devices: int
    rate: float
    seconds: float
    seed: int
    mix: Mix
    broker: Broker | None = None


class Said(NamedTuple):
    """One message of one device."""

    device: str
    secret: str
    payload: bytes


async def simulate(plan: Plan, shown: Callable[[Counter[str]], None]) -> Counter[str]:
    """Sends the messages; returns how many got each verdict, or each error status. Raises Unfit."""
    from aiohttp import ClientSession  # noqa: PLC0415  # 6 MB, not needed by a server

    done: Counter[str] = Counter()
    async with ClientSession() as http:
        secrets = await _registered(http, plan)
        async with _way(http, plan) as send:
            await _all_sent(plan, secrets, send, done, shown)
    return done


async def _registered(http: "ClientSession", plan: Plan) -> dict[str, str]:
    """The devices' secrets, by name: unknown devices are registered, known ones get a new secret."""
    credentials = {"username": plan.username, "password": plan.password, "device": "simulation"}
    signed_in = await _asked(http, f"{plan.api}/auth/login", credentials, {})
    bearer = {"Authorization": f"Bearer {signed_in['access_token']}"}
    async with http.get(f"{plan.api}/communities", headers=bearer) as answer:
        communities = [each["code"] for each in (await answer.json())["items"]]
    if not communities:
        raise Unfit(f"{plan.username} has no communities")
    secrets: dict[str, str] = {}
    for number in range(plan.devices):
        name, community = name_of(number), communities[number % len(communities)]
        said = {"id": name, "name": f"演示设备{number}", "kind": kind_of(number), "community": community}
        made = await _asked(http, f"{plan.api}/devices", {**said, "place": f"演示{number}号"}, bearer)
        if made["secret"] is None:
            made = await _asked(http, f"{plan.api}/devices/{name}/rotate", {}, bearer)
        secrets[name] = made["secret"]
    return secrets


async def _asked(http: "ClientSession", address: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    async with http.post(address, json=body, headers=headers) as answer:
        if answer.status not in {_OK, _CREATED}:
            raise Unfit(f"{address}: {answer.status} {(await answer.text())[:300]}")
        return await answer.json()


Send = Callable[[Said], Any]


@asynccontextmanager
async def _way(http: "ClientSession", plan: Plan) -> AsyncGenerator[Send]:
    if plan.broker is None:
        yield lambda said: _by_request(http, plan.api, said)
        return
    client = client_of(plan.broker)
    await asyncio.to_thread(client.connect, plan.broker.host, plan.broker.port)
    client.loop_start()
    try:
        yield lambda said: _by_broker(client, said)
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


async def _by_request(http: "ClientSession", api: str, said: Said) -> list[str]:
    stamp = str(int(time.time()))
    digest = hmac.new(said.secret.encode(), stamp.encode() + b"." + said.payload, hashlib.sha256).hexdigest()
    headers = {"Anxun-Device": said.device, "Anxun-Timestamp": stamp, "Anxun-Signature": f"v1={digest}"}
    async with http.post(f"{api}/alerts", data=said.payload, headers=headers) as answer:
        if answer.status != _OK:
            return [str((await answer.json())["code"])]
        return [each["reason"] or each["result"] for each in (await answer.json())["items"]]


async def _by_broker(client: Any, said: Said) -> list[str]:
    """Publishes a message to the broker; only the server knows its verdict (GET /alerts, /alerts/refusals)."""
    published = client.publish(f"anxun/{said.device}/alerts", said.payload, qos=1)
    await asyncio.to_thread(published.wait_for_publish, 30)
    return ["published" if published.is_published() else "not published"]


async def _all_sent(
    plan: Plan, secrets: dict[str, str], send: Send, done: Counter[str], shown: Callable[[Counter[str]], None]
) -> None:
    """Sends by a few concurrent senders, each message at its time; late messages are sent without a pause."""
    messages, began = _messages(plan, secrets), time.monotonic()
    number = int(plan.rate * plan.seconds)

    async def sender(first: int) -> None:
        for at in range(first, number, _SENDERS):
            await asyncio.sleep(max(0.0, began + at / plan.rate - time.monotonic()))
            done.update(await send(next(messages)))
            shown(done)

    await asyncio.gather(*(sender(first) for first in range(_SENDERS)))


def _messages(plan: Plan, secrets: dict[str, str]) -> Iterator[Said]:
    """The messages of all devices, in turns."""
    every = timedelta(seconds=plan.devices / plan.rate)
    now = datetime.now(UTC)
    spoken = [speech(plan.seed, number, plan.mix, now, every) for number in range(plan.devices)]
    while True:
        for number, payloads in enumerate(spoken):
            yield Said(name_of(number), secrets[name_of(number)], next(payloads))
