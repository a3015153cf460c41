"""Measures alerts of devices: stored in groups or singly, and received from a broker; see README.md."""

import argparse
import asyncio
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count, islice
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

from api.app import utc_now
from api.demo.office import COMMUNITIES, load_office
from api.monitoring.intake import AlertIntake
from api.monitoring.mqtt import TOPICS, Broker, MqttConsumer
from benchmarks.figures import Figure, Run, run_benchmark
from benchmarks.sides import BenchmarkError
from inspections.accounts.policy import EVERYWHERE
from inspections.monitoring.actions.alerts import DevicePayload, receive_alerts
from inspections.monitoring.actions.devices import import_monitors
from inspections.monitoring.alerts import CanonicalMessage, Metric, MonitorKind
from inspections.monitoring.device_import import MonitorImport
from inspections.monitoring.devices import NewMonitor
from storage.database import Database, open_database
from storage.migration import migrate
from tests.builders import broker as brokers

DEVICES = 200
ROUNDS = 3
GATHERED = 20_000
ALONE = 1_000
PUBLISHED = 4_000
WAITING = 2_000
"""Concurrent requests."""
_BETWEEN_SECONDS = 0.05


class IntakeResult(NamedTuple):
    """The messages stored per second. `latest`: sorted seconds until each alarm of a new device had become a case."""

    rate: float
    latest: list[float]


def device_import(prefix: str, number: int) -> MonitorImport:
    made = [
        NewMonitor(f"{prefix}-{at}", "总箱", MonitorKind.MAINS, COMMUNITIES[at % len(COMMUNITIES)].code, f"{at}幢")
        for at in range(number)
    ]
    return MonitorImport([(each.id, each) for each in made], [])


@asynccontextmanager
async def demo_database(folder: Path) -> AsyncGenerator[Database]:
    """Opens the demo office with its devices on SQLite."""
    url = f"sqlite:///{folder / 'anxun.db'}"
    if not (folder / "anxun.db").exists():
        migrate(url)
    database = open_database(url)
    try:
        await load_office(database, "a-password-for-benchmarks")
        for listed in (device_import("D", DEVICES), device_import("F", 2_000)):
            secrets = [each.id for _, each in listed.lines]
            add = partial(import_monitors, by="admin", reach=EVERYWHERE, listing=listed, secrets=secrets, now=utc_now())
            await database.transact(partial(add, apply=True))
        yield database
    finally:
        await database.close()


def repeated_alarms(numbers: Iterator[int]) -> Iterator[CanonicalMessage]:
    """Yields one alarm of each device in turn; nearly all of them repeat an earlier one."""
    for number in numbers:
        value = 400.0 + number % 99
        yield CanonicalMessage(
            f"D-{number % DEVICES}", Metric.RESIDUAL_CURRENT, value, message_id=str(number), raw="{}"
        )


async def submit_concurrently(
    database: Database, messages: Sequence[CanonicalMessage], fresh: Iterator[int]
) -> IntakeResult:
    """Submits one message per request with WAITING concurrent requests; beside them, alarms of new devices."""
    intake, left, latest = AlertIntake(database, utc_now), iter(messages), list[float]()

    async def submit_messages() -> None:
        for message in left:
            await intake.submit(DevicePayload((message,)))

    async def submit_new_alarms() -> None:
        for number in fresh:
            begun = time.perf_counter()
            (verdict,) = await intake.submit(
                DevicePayload((CanonicalMessage(f"F-{number}", Metric.RESIDUAL_CURRENT, 450.0),))
            )
            if verdict.hazard is None:
                raise BenchmarkError(f"no case of F-{number}")
            latest.append(time.perf_counter() - begun)
            await asyncio.sleep(_BETWEEN_SECONDS)

    begun, beside = time.perf_counter(), asyncio.create_task(submit_new_alarms())
    await asyncio.gather(*(submit_messages() for _ in range(WAITING)))
    rate = len(messages) / (time.perf_counter() - begun)
    beside.cancel()
    await asyncio.gather(beside, return_exceptions=True)
    return IntakeResult(rate, sorted(latest))


async def submit_singly(database: Database, messages: Sequence[CanonicalMessage]) -> IntakeResult:
    begun = time.perf_counter()
    for message in messages:
        await database.transact(partial(receive_alerts, sent=[DevicePayload((message,))], now=utc_now()))
    return IntakeResult(len(messages) / (time.perf_counter() - begun), [])


def measure_intake(run: Run, folder: Path) -> None:
    numbers, fresh = count(), count()

    async def run_side(number: int, *, together: bool) -> IntakeResult:
        async with demo_database(folder) as database:
            messages = list(repeated_alarms(islice(numbers, number)))
            return await (
                submit_concurrently(database, messages, fresh) if together else submit_singly(database, messages)
            )

    with run.watch_machine("folding"):
        sides = {
            "gathered": lambda: uvloop.run(run_side(GATHERED, together=True)),
            "one by one": lambda: uvloop.run(run_side(ALONE, together=False)),
        }
        turns = run.take_turns("folding", ROUNDS, sides)
    ours, floor = ([each.rate for each in turns[name]] for name in sides)
    run.figures.append(Figure("stored in groups on SQLite: messages/s", ours, [], least=5_000))
    run.figures.append(Figure("… beside one transaction per message", ours, floor, least=3))
    slowest = [each.latest[int(len(each.latest) * 0.99)] * 1000 for each in turns["gathered"]]
    run.figures.append(Figure("a new alarm at that load until it is a case: p99 ms", slowest, [], most=1_000))


def measure_memory(run: Run, folder: Path, number: int) -> None:
    """Measures the growth of this process while it stores `number` messages; the first tenth warms up."""
    numbers = count()

    async def sizes_after_batches() -> list[float]:
        sizes: list[float] = []
        async with demo_database(folder) as database:
            for _ in range(number // GATHERED):
                await submit_concurrently(database, list(repeated_alarms(islice(numbers, GATHERED))), iter(()))
                sizes.append(_resident_mebibytes())
        return sizes

    sizes = uvloop.run(sizes_after_batches())
    grown = sizes[-1] - sizes[len(sizes) // 10]
    run.figures.append(Figure(f"growth during {number:,} messages: MiB", [grown], [], most=10))


def _resident_mebibytes() -> float:
    """Returns the resident memory of this process in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def measure_broker(run: Run, folder: Path, *, careful: bool) -> None:
    """Measures messages from a broker, received by Anxun and by a consumer that only acknowledges them.

    `careful`: the broker saves every change, as docker/mosquitto.conf sets; otherwise its disk limits neither side.
    """
    broker = brokers.Broker(folder / f"broker {careful}", careful=careful).start()
    numbers, number = count(0, PUBLISHED if careful else GATHERED), PUBLISHED if careful else GATHERED

    def create_publisher() -> PublisherProcess:
        return PublisherProcess(broker.port, next(numbers), number)

    async def run_consumer() -> float:
        where = Broker("127.0.0.1", broker.port, tls=False, username=None, password=None, ca=None)
        async with demo_database(folder) as database:
            consumer = MqttConsumer(where, 0, AlertIntake(database, utc_now), database, utc_now)
            consumer.start()
            await _poll_condition(lambda: consumer.is_subscribed)
            sending = create_publisher()
            begun = sending.begin()
            await _poll_condition(lambda: consumer.counts.total() >= number)
            taken = time.perf_counter() - begun
            sending.join()
            await consumer.stop()
        return number / taken

    def run_bare_consumer() -> float:
        come, done, there = count(1), threading.Event(), threading.Event()

        def acknowledge(client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
            client.ack(message.mid, message.qos)
            if next(come) == number:
                done.set()

        client = paho.Client(CallbackAPIVersion.VERSION2, "anxun-0", clean_session=False, manual_ack=True)
        client.on_message, client.on_subscribe = acknowledge, lambda *_: there.set()
        client.on_connect = lambda *_: client.subscribe(TOPICS, 1)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        there.wait(10)
        sending = create_publisher()
        begun = sending.begin()
        if not done.wait(120):
            raise BenchmarkError("a bare consumer did not get everything")
        taken = time.perf_counter() - begun
        sending.join()
        client.disconnect()
        client.loop_stop()
        return number / taken

    try:
        turns = run.take_turns(
            "from a broker", ROUNDS, {"Anxun": lambda: uvloop.run(run_consumer()), "bare consumer": run_bare_consumer}
        )
    finally:
        broker.end(signal.SIGKILL)
    heading = f"from a broker that saves {'every change' if careful else 'seldom'}, stored and acknowledged: messages/s"
    run.figures.append(Figure(heading, turns["Anxun"], turns["bare consumer"], least=0.7))


class PublisherProcess:
    """Publishes messages from a separate process when `begin` is called."""

    def __init__(self, port: int, first: int, number: int) -> None:
        spawned = get_context("spawn")
        self._ready, self._go = spawned.Event(), spawned.Event()
        self._process = spawned.Process(target=_publish, args=(port, first, number, self._ready, self._go))
        self._process.start()

    def begin(self) -> float:
        """Starts publishing and returns the instant of the start."""
        if not self._ready.wait(30):
            raise BenchmarkError("the publisher did not start")
        self._go.set()
        return time.perf_counter()

    def join(self) -> None:
        self._process.join()


def _publish(port: int, first: int, number: int, ready: Event, go: Event) -> None:
    publisher = brokers.Publisher(port)
    ready.set()
    go.wait(30)
    publisher.send(*map(publication, range(first, first + number)))
    publisher.stop()


def publication(number: int) -> tuple[str, bytes]:
    body = b'{"id": "%d", "metric": "residual_current_ma", "value": %d}' % (number, 400 + number % 99)
    return f"anxun/D-{number % DEVICES}/alerts", body


async def _poll_condition(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  # a thread changes the condition
        await asyncio.sleep(0.005)


def run_parts(run: Run, folder: Path, number: int) -> None:
    measure_intake(run, folder)
    measure_broker(run, folder, careful=False)
    measure_broker(run, folder, careful=True)
    measure_memory(run, folder, number)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages stored to measure the memory")
    number = parser.parse_args().messages
    return run_benchmark("Alerts of devices", "alerts", lambda run, folder: run_parts(run, folder, number))


if __name__ == "__main__":
    sys.exit(main())
