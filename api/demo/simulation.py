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

from api.demo.devices import MessageMix, device_kind, device_messages, device_name
from api.monitoring.mqtt import Broker, create_client
from api.settings import CommandError

if TYPE_CHECKING:
    from aiohttp import ClientSession

_SENDERS = 16
_OK, _CREATED = 200, 201


class SimulationPlan(NamedTuple):
    """`rate`: messages per second of all devices together. `broker`: None for signed requests."""

    api: str
    username: str
    password: str
    devices: int
    rate: float
    seconds: float
    seed: int
    mix: MessageMix
    broker: Broker | None = None


class DeviceMessage(NamedTuple):
    """One message of one device."""

    device: str
    secret: str
    payload: bytes


async def simulate(plan: SimulationPlan, on_progress: Callable[[Counter[str]], None]) -> Counter[str]:
    """Sends the messages; returns how many got each verdict, or each error status. Raises CommandError."""
    from aiohttp import ClientSession  # noqa: PLC0415  # 6 MB, not needed by a server

    done: Counter[str] = Counter()
    async with ClientSession() as http:
        secrets = await _register_devices(http, plan)
        async with _open_sender(http, plan) as send:
            await _send_messages(plan, secrets, send, done, on_progress)
    return done


async def _register_devices(http: "ClientSession", plan: SimulationPlan) -> dict[str, str]:
    """The devices' secrets, by name: unknown devices are registered, known ones get a new secret."""
    credentials = {"username": plan.username, "password": plan.password, "device": "simulation"}
    signed_in = await _post_json(http, f"{plan.api}/auth/login", credentials, {})
    bearer = {"Authorization": f"Bearer {signed_in['access_token']}"}
    async with http.get(f"{plan.api}/communities", headers=bearer) as answer:
        communities = [each["code"] for each in (await answer.json())["items"]]
    if not communities:
        raise CommandError(f"{plan.username} has no communities")
    secrets: dict[str, str] = {}
    for number in range(plan.devices):
        name, community = device_name(number), communities[number % len(communities)]
        device = {"id": name, "name": f"演示设备{number}", "kind": device_kind(number), "community": community}
        made = await _post_json(http, f"{plan.api}/devices", {**device, "place": f"演示{number}号"}, bearer)
        if made["secret"] is None:
            made = await _post_json(http, f"{plan.api}/devices/{name}/rotate", {}, bearer)
        secrets[name] = made["secret"]
    return secrets


async def _post_json(
    http: "ClientSession", address: str, body: dict[str, Any], headers: dict[str, str]
) -> dict[str, Any]:
    async with http.post(address, json=body, headers=headers) as answer:
        if answer.status not in {_OK, _CREATED}:
            raise CommandError(f"{address}: {answer.status} {(await answer.text())[:300]}")
        return await answer.json()


Send = Callable[[DeviceMessage], Any]


@asynccontextmanager
async def _open_sender(http: "ClientSession", plan: SimulationPlan) -> AsyncGenerator[Send]:
    if plan.broker is None:
        yield lambda message: _send_request(http, plan.api, message)
        return
    client = create_client(plan.broker)
    await asyncio.to_thread(client.connect, plan.broker.host, plan.broker.port)
    client.loop_start()
    try:
        yield lambda message: _publish_message(client, message)
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


async def _send_request(http: "ClientSession", api: str, message: DeviceMessage) -> list[str]:
    stamp = str(int(time.time()))
    digest = hmac.new(message.secret.encode(), stamp.encode() + b"." + message.payload, hashlib.sha256).hexdigest()
    headers = {"Anxun-Device": message.device, "Anxun-Timestamp": stamp, "Anxun-Signature": f"v1={digest}"}
    async with http.post(f"{api}/alerts", data=message.payload, headers=headers) as answer:
        if answer.status != _OK:
            return [str((await answer.json())["code"])]
        return [each["reason"] or each["result"] for each in (await answer.json())["items"]]


async def _publish_message(client: Any, message: DeviceMessage) -> list[str]:
    """Publishes a message to the broker; only the server knows its verdict (GET /alerts, /alerts/refusals)."""
    published = client.publish(f"anxun/{message.device}/alerts", message.payload, qos=1)
    await asyncio.to_thread(published.wait_for_publish, 30)
    return ["published" if published.is_published() else "not published"]


async def _send_messages(
    plan: SimulationPlan,
    secrets: dict[str, str],
    send: Send,
    done: Counter[str],
    on_progress: Callable[[Counter[str]], None],
) -> None:
    """Sends by a few concurrent senders, each message at its time; late messages are sent without a pause."""
    messages, began = _messages(plan, secrets), time.monotonic()
    number = int(plan.rate * plan.seconds)

    async def sender(first: int) -> None:
        for at in range(first, number, _SENDERS):
            await asyncio.sleep(max(0.0, began + at / plan.rate - time.monotonic()))
            done.update(await send(next(messages)))
            on_progress(done)

    await asyncio.gather(*(sender(first) for first in range(_SENDERS)))


def _messages(plan: SimulationPlan, secrets: dict[str, str]) -> Iterator[DeviceMessage]:
    """The messages of all devices, in turns."""
    every = timedelta(seconds=plan.devices / plan.rate)
    now = datetime.now(UTC)
    spoken = [device_messages(plan.seed, number, plan.mix, now, every) for number in range(plan.devices)]
    while True:
        for number, payloads in enumerate(spoken):
            yield DeviceMessage(device_name(number), secrets[device_name(number)], next(payloads))
