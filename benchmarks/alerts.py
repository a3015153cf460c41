"""Alerts of devices: folded by the group beside one by one, from a broker beside a bare consumer; see README.md."""

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
from benchmarks.figures import Figure, Run, measured
from benchmarks.sides import Broken
from inspections.accounts.policy import EVERYWHERE
from inspections.monitoring.actions.alerts import Sent, receive_alerts
from inspections.monitoring.actions.devices import import_monitors
from inspections.monitoring.alerts import Message, Metric, MonitorKind
from inspections.monitoring.device_import import MonitorList
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
"""Requests on their way at once."""
_BETWEEN_SECONDS = 0.05


class Folded(NamedTuple):
    """`latest`: of alarms of devices that had not alarmed, the seconds until each was a case, sorted."""

    rate: float
    latest: list[float]


def devices(prefix: str, number: int) -> MonitorList:
    made = [
        NewMonitor(f"{prefix}-{at}", "总箱", MonitorKind.MAINS, COMMUNITIES[at % len(COMMUNITIES)].code, f"{at}幢")
        for at in range(number)
    ]
    return MonitorList([(each.id, each) for each in made], [])


@asynccontextmanager
async def office(folder: Path) -> AsyncGenerator[Database]:
    """The demo office with its devices, on SQLite."""
    url = f"sqlite:///{folder / 'anxun.db'}"
    if not (folder / "anxun.db").exists():
        migrate(url)
    database = open_database(url)
    try:
        await load_office(database, "a-password-for-benchmarks")
        for listed in (devices("D", DEVICES), devices("F", 2_000)):
            secrets = [each.id for _, each in listed.lines]
            add = partial(import_monitors, by="admin", reach=EVERYWHERE, said=listed, secrets=secrets, now=utc_now())
            await database.transact(partial(add, apply=True))
        yield database
    finally:
        await database.close()


def alarms(numbers: Iterator[int]) -> Iterator[Message]:
    """Of each device in turn, as a flood of repeats."""
    for number in numbers:
        value = 400.0 + number % 99
        yield Message(f"D-{number % DEVICES}", Metric.RESIDUAL_CURRENT, value, message_id=str(number), raw="{}")


async def gathered(database: Database, messages: Sequence[Message], fresh: Iterator[int]) -> Folded:
    """One message a request, as many requests at once as wait; beside them, now and then, an alarm that is new."""
    intake, left, latest = AlertIntake(database, utc_now), iter(messages), list[float]()

    async def requests() -> None:
        for message in left:
            await intake.take(Sent((message,)))

    async def new_alarms() -> None:
        for number in fresh:
            begun = time.perf_counter()
            (verdict,) = await intake.take(Sent((Message(f"F-{number}", Metric.RESIDUAL_CURRENT, 450.0),)))
            if verdict.hazard is None:
                raise Broken(f"no case of F-{number}")
            latest.append(time.perf_counter() - begun)
            await asyncio.sleep(_BETWEEN_SECONDS)

    begun, beside = time.perf_counter(), asyncio.create_task(new_alarms())
    await asyncio.gather(*(requests() for _ in range(WAITING)))
    rate = len(messages) / (time.perf_counter() - begun)
    beside.cancel()
    await asyncio.gather(beside, return_exceptions=True)
    return Folded(rate, sorted(latest))


async def one_by_one(database: Database, messages: Sequence[Message]) -> Folded:
    begun = time.perf_counter()
    for message in messages:
        await database.transact(partial(receive_alerts, sent=[Sent((message,))], now=utc_now()))
    return Folded(len(messages) / (time.perf_counter() - begun), [])


def folding(run: Run, folder: Path) -> None:
    numbers, fresh = count(), count()

    async def side(number: int, *, together: bool) -> Folded:
        async with office(folder) as database:
            messages = list(alarms(islice(numbers, number)))
            return await (gathered(database, messages, fresh) if together else one_by_one(database, messages))

    with run.watching("folding"):
        sides = {
            "gathered": lambda: uvloop.run(side(GATHERED, together=True)),
            "one by one": lambda: uvloop.run(side(ALONE, together=False)),
        }
        turns = run.by_turns("folding", ROUNDS, sides)
    ours, floor = ([each.rate for each in turns[name]] for name in sides)
    run.figures.append(Figure("folded on SQLite: messages/s", ours, [], least=5_000))
    run.figures.append(Figure("… beside one transaction for each", ours, floor, least=3))
    slowest = [each.latest[int(len(each.latest) * 0.99)] * 1000 for each in turns["gathered"]]
    run.figures.append(Figure("a new alarm at that load until it is a case: p99 ms", slowest, [], most=1_000))


def memory(run: Run, folder: Path, number: int) -> None:
    """How much this process grows while it folds so many, from when the first tenth has come."""
    numbers = count()

    async def flood() -> list[float]:
        sizes: list[float] = []
        async with office(folder) as database:
            for _ in range(number // GATHERED):
                await gathered(database, list(alarms(islice(numbers, GATHERED))), iter(()))
                sizes.append(_resident())
        return sizes

    sizes = uvloop.run(flood())
    grown = sizes[-1] - sizes[len(sizes) // 10]
    run.figures.append(Figure(f"grown while {number:,} messages came: MiB", [grown], [], most=10))


def _resident() -> float:
    """MiB of this process."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def from_broker(run: Run, folder: Path, *, careful: bool) -> None:
    """What a broker passes on, taken by us and by a consumer that does nothing but acknowledge.

    `careful`: it writes down every change, as docker/mosquitto.conf says; else it is no limit to either side.
    """
    broker = brokers.Broker(folder / f"broker {careful}", careful=careful).start()
    numbers, number = count(0, PUBLISHED if careful else GATHERED), PUBLISHED if careful else GATHERED

    def flood() -> Flood:
        return Flood(broker.port, next(numbers), number)

    async def ours() -> float:
        where = Broker("127.0.0.1", broker.port, tls=False, username=None, password=None, ca=None)
        async with office(folder) as database:
            consumer = MqttConsumer(where, 0, AlertIntake(database, utc_now), database, utc_now)
            consumer.start()
            await _until(lambda: consumer.subscribed)
            sending = flood()
            begun = sending.begin()
            await _until(lambda: consumer.counts.total() >= number)
            taken = time.perf_counter() - begun
            sending.end()
            await consumer.stop()
        return number / taken

    def bare() -> float:
        come, done, there = count(1), threading.Event(), threading.Event()

        def came(client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
            client.ack(message.mid, message.qos)
            if next(come) == number:
                done.set()

        client = paho.Client(CallbackAPIVersion.VERSION2, "anxun-0", clean_session=False, manual_ack=True)
        client.on_message, client.on_subscribe = came, lambda *_: there.set()
        client.on_connect = lambda *_: client.subscribe(TOPICS, 1)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        there.wait(10)
        sending = flood()
        begun = sending.begin()
        if not done.wait(120):
            raise Broken("a bare consumer did not get everything")
        taken = time.perf_counter() - begun
        sending.end()
        client.disconnect()
        client.loop_stop()
        return number / taken

    try:
        turns = run.by_turns("from a broker", ROUNDS, {"Anxun": lambda: uvloop.run(ours()), "bare consumer": bare})
    finally:
        broker.end(signal.SIGKILL)
    heading = f"from a broker {'as ours' if careful else 'that writes seldom'}, kept and acknowledged: messages/s"
    run.figures.append(Figure(heading, turns["Anxun"], turns["bare consumer"], least=0.7))


class Flood:
    """A process of its own that publishes, once it is told to begin."""

    def __init__(self, port: int, first: int, number: int) -> None:
        spawned = get_context("spawn")
        self._ready, self._go = spawned.Event(), spawned.Event()
        self._process = spawned.Process(target=_published, args=(port, first, number, self._ready, self._go))
        self._process.start()

    def begin(self) -> float:
        """When it began."""
        if not self._ready.wait(30):
            raise Broken("nobody publishes")
        self._go.set()
        return time.perf_counter()

    def end(self) -> None:
        self._process.join()


def _published(port: int, first: int, number: int, ready: Event, go: Event) -> None:
    publisher = brokers.Publisher(port)
    ready.set()
    go.wait(30)
    publisher.send(*map(publication, range(first, first + number)))
    publisher.stop()


def publication(number: int) -> tuple[str, bytes]:
    body = b'{"id": "%d", "metric": "residual_current_ma", "value": %d}' % (number, 400 + number % 99)
    return f"anxun/D-{number % DEVICES}/alerts", body


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  # it is a thread's
        await asyncio.sleep(0.005)


def parts(run: Run, folder: Path, number: int) -> None:
    folding(run, folder)
    from_broker(run, folder, careful=False)
    from_broker(run, folder, careful=True)
    memory(run, folder, number)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="for the memory: so many are folded")
    number = parser.parse_args().messages
    return measured("Alerts of devices", "alerts", lambda run, folder: parts(run, folder, number))


if __name__ == "__main__":
    sys.exit(main())
