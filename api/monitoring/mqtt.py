"""The MQTT consumer of device alerts, by paho-mqtt. It acknowledges each message only after it is stored.

It uses MQTT 3.1.1 with a persistent session: while we are offline, messages wait at the broker in our lease's session.
A message that was stored but not acknowledged before a kill comes again, and is folded into the same alert.
"""
# paho leaves parts of its callbacks untyped:
# pyright: reportUnknownMemberType=false

import asyncio
import importlib.util
import re
import threading
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import structlog
from msgspec.structs import replace

from api.monitoring.intake import MAX_BATCH_MESSAGES, AlertIntake
from api.settings import BadSettings, Settings
from inspections.errors import Unavailable
from inspections.monitoring.actions.alerts import DevicePayload
from inspections.monitoring.alerts import CanonicalMessage
from inspections.monitoring.devices import Monitor
from inspections.monitoring.rejections import RejectedMessage, rejected_message, unreadable_messages, unreadable_payload
from inspections.monitoring.vendors import UnreadablePayload, read
from storage.database import Database
from storage.engine.failures import MissingDependency

if TYPE_CHECKING:
    import paho.mqtt.client as paho

log = structlog.get_logger()

TOPICS = "anxun/+/alerts"
SHARED_TOPICS = f"$share/anxun/{TOPICS}"
"""The shared subscription: the broker gives each message to one of several workers."""
_TOPIC = re.compile(r"anxun/([^/]{1,64})/alerts")
_AT_LEAST_ONCE = 1
_KEEPALIVE_SECONDS = 30
_MAX_RECONNECT_SECONDS = 30
_RETRY_SECONDS = 1.0
_DRAIN_TIMEOUT_SECONDS = 5.0
_QUIET_SECONDS = 0.5
_BATCH_DELAY_SECONDS = 0.02
"""Publications are collected this long into a batch, which also saves a durable broker disk flushes."""
_MONITOR_CACHE_TTL = timedelta(seconds=5)
_MAX_CACHED_MONITORS = 10_000
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Broker(NamedTuple):
    """The address of the broker and our credentials."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None
    ca: str | None


class Publication(NamedTuple):
    """A received publication. `connection`: the number of its connection, on which it must be acknowledged.

    `retained`: the broker has kept it, and sends it again after each of our subscriptions.
    """

    topic: str
    payload: bytes
    mid: int
    connection: int
    retained: bool = False


def broker_from_settings(settings: Settings) -> Broker:
    """Reads the broker from the settings. Raises BadSettings for an invalid address, MissingDependency."""
    where = urlsplit(settings.mqtt)
    try:
        port = where.port
    except ValueError:
        port = 0
    if where.scheme not in _PORTS or not where.hostname or port == 0:
        raise BadSettings("ANXUN_MQTT: mqtt://user@host:1883 or mqtts://user@host:8883")
    if importlib.util.find_spec("paho") is None:
        raise MissingDependency("ANXUN_MQTT needs the extra `mqtt`: pip install 'anxun[mqtt]'")
    password = settings.mqtt_password or (unquote(where.password) if where.password else None)
    user = unquote(where.username) if where.username else None
    tls, ca = where.scheme == "mqtts", settings.mqtt_ca or None
    return Broker(where.hostname, port or _PORTS[where.scheme], tls, user, password, ca)


def create_client(broker: Broker, name: str = "", *, clean: bool = True) -> "paho.Client":
    """Creates an unconnected client. `name`: its session, which stays at the broker unless `clean`."""
    from paho.mqtt import client as paho  # noqa: PLC0415  # the embedded default needs no broker
    from paho.mqtt import enums  # noqa: PLC0415  # as above

    client = paho.Client(enums.CallbackAPIVersion.VERSION2, name, clean_session=clean, manual_ack=True)
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls:
        client.tls_set(ca_certs=broker.ca)
    return client


class MqttConsumer:
    """Consumes one broker session and stores its messages. `counts`: messages by result. Start it in an event loop.

    `lease_number`: our session, which no other process uses (mqtt_leases.py). `topics`: `SHARED_TOPICS` if several
    workers may run. A restarted Mosquitto 2.0.11 forgets shared subscriptions and drops messages that it acknowledges
    until we subscribe again, so a single worker uses a plain subscription.
    """

    def __init__(
        self,
        broker: Broker,
        lease_number: int,
        intake: AlertIntake,
        database: Database,
        clock: Callable[[], datetime],
        topics: str = TOPICS,
    ) -> None:
        self._broker = broker
        self._name = f"anxun-{lease_number}"
        self._topics = topics
        self._intake = intake
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[Monitor | None, datetime]] = {}
        self._come: deque[Publication] = deque()
        self._flush_scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._connection = 0
        self._client: paho.Client | None = None
        self._stopping = False
        self._draining = False
        self._left = asyncio.Event()
        self._last_came = 0.0
        self.counts: Counter[str] = Counter()
        self.is_subscribed = False

    def start(self, *, draining: bool = False) -> None:
        """Connects now, or as soon as the broker is reachable. `draining`: only to drain the session."""
        loop, client = asyncio.get_running_loop(), create_client(self._broker, self._name, clean=False)
        self._draining = draining

        def on_connect(client: "paho.Client", _: Any, __: Any, reason: Any, ___: Any) -> None:
            if reason.is_failure:
                log.error("broker refuses", host=self._broker.host, reason=str(reason))
                return
            self._connection += 1
            if self._draining:
                client.unsubscribe(self._topics)
            else:
                client.subscribe(self._topics, _AT_LEAST_ONCE)
            log.info("broker connected", host=self._broker.host, session=self._name)

        def on_subscribe(*_: Any) -> None:
            self.is_subscribed = True

        def on_disconnect(*details: Any) -> None:
            if not self._stopping:
                log.warning("broker is away", host=self._broker.host, reason=" ".join(map(str, details[3:4])))

        def on_message(_: Any, __: Any, message: "paho.MQTTMessage") -> None:
            come = (message.topic, bytes(message.payload), message.mid, self._connection, message.retain)
            self._come.append(Publication(*come))
            if not self._flush_scheduled:
                self._flush_scheduled = True
                loop.call_soon_threadsafe(loop.call_later, _BATCH_DELAY_SECONDS, self._flush)

        def on_unsubscribe(*_: Any) -> None:
            loop.call_soon_threadsafe(self._left.set)

        client.on_connect, client.on_subscribe, client.on_unsubscribe = on_connect, on_subscribe, on_unsubscribe
        client.on_disconnect, client.on_connect_fail, client.on_message = on_disconnect, on_disconnect, on_message
        client.reconnect_delay_set(1, _MAX_RECONNECT_SECONDS)
        client.connect_async(self._broker.host, self._broker.port, _KEEPALIVE_SECONDS)
        client.loop_start()
        self._client = client

    async def stop(self) -> None:
        """Stores and acknowledges pending publications, then disconnects. The session stays and queues new messages."""
        client, self._stopping = self._client, True
        if client is None:
            return
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_RETRY_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
        self._client = None

    async def drain(self) -> bool:
        """Unsubscribes, stores what the session still holds, and removes it. Returns False if the session stays."""
        self._draining = True
        if self._client is not None and self._client.is_connected():
            self._client.unsubscribe(self._topics)
        try:
            async with asyncio.timeout(_DRAIN_TIMEOUT_SECONDS):
                await self._left.wait()
                await self._wait_until_quiet()
        except TimeoutError:
            log.warning("session stays", session=self._name)
            await self.stop()
            return False
        await self.stop()
        return await asyncio.to_thread(self._remove_session)

    async def _wait_until_quiet(self) -> None:
        loop = asyncio.get_running_loop()
        self._last_came = max(self._last_came, loop.time())
        while self._tasks or self._come or loop.time() - self._last_came < _QUIET_SECONDS:  # noqa: ASYNC110  # it waits for silence, not for an event
            await asyncio.sleep(_QUIET_SECONDS / 10)

    def _remove_session(self) -> bool:
        """Removes the session by connecting with a clean session of the same name (MQTT 3.1.1, section 3.1.2.4)."""
        client, there = create_client(self._broker, self._name), threading.Event()

        def on_connect(*_: Any) -> None:
            there.set()

        client.on_connect = on_connect
        client.connect_async(self._broker.host, self._broker.port, _KEEPALIVE_SECONDS)
        client.loop_start()
        done = there.wait(_DRAIN_TIMEOUT_SECONDS)
        client.disconnect()
        client.loop_stop()
        return done

    def _flush(self) -> None:
        """Starts a task for the publications that paho's thread has queued since the last call.

        Their number is bounded by the broker's limit of unacknowledged messages.
        """
        self._flush_scheduled = False
        publications = [self._come.popleft() for _ in range(len(self._come))]
        if self._stopping or not publications:
            return  # unacknowledged, so the broker sends it again
        self._last_came = asyncio.get_running_loop().time()
        task = asyncio.create_task(self._process(publications))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _process(self, publications: list[Publication]) -> None:
        while publications:
            kept = await self._try_store(publications)
            for publication in publications[:kept]:
                if self._client is not None and publication.connection == self._connection:
                    self._client.ack(publication.mid, _AT_LEAST_ONCE)
            publications = publications[kept:]

    async def _try_store(self, publications: list[Publication]) -> int:
        """Stores the first publications; returns how many, 0 without the database. A faulty one is skipped."""
        try:
            return await self._store(publications)
        except Unavailable as error:
            log.warning("alerts wait", reason=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
            return 0
        except Exception:  # one bad message must not block the queue or lose the others
            if len(publications) > 1:
                return await self._try_store(publications[:1])
            self.counts["fault"] += 1
            log.exception("fault", job="alerts", topic=publications[0].topic, payload=publications[0].payload[:500])
            return 1

    async def _store(self, publications: list[Publication]) -> int:
        """Stores publications in one transaction. Unreadable ones are acknowledged too, or they would come forever."""
        messages: list[CanonicalMessage] = []
        unread: list[RejectedMessage] = []
        kept = 0
        while kept < len(publications) and len(messages) < MAX_BATCH_MESSAGES:
            valid, invalid = await self._parse(publications[kept])
            messages += valid
            unread += invalid
            kept += 1
        verdicts = await self._intake.submit(DevicePayload(messages, None, "mqtt", unread))
        self.counts.update(one.reason for one in unread)
        self.counts.update(verdict.reason or verdict.result for verdict in verdicts)
        return kept

    async def _parse(self, publication: Publication) -> tuple[list[CanonicalMessage], list[RejectedMessage]]:
        topic, payload = _TOPIC.fullmatch(publication.topic), publication.payload
        monitor = await self._load_monitor(topic.group(1)) if topic else None
        if monitor is None:
            return [], [rejected_message("unknown_device", publication.topic, payload)]
        try:
            contents = read(monitor.vendor, monitor.id, payload)
        except UnreadablePayload as garbage:
            return [], [unreadable_payload(garbage, monitor.id, payload)]
        unread = unreadable_messages(contents, monitor.id, payload)
        valid = [each for each in contents if isinstance(each, CanonicalMessage)]
        return [replace(each, retained=True) for each in valid] if publication.retained else valid, unread

    async def _load_monitor(self, device: str) -> Monitor | None:
        known, now = self._known.get(device), self._clock()
        if known is not None and now - known[1] < _MONITOR_CACHE_TTL:
            return known[0]
        if len(self._known) > _MAX_CACHED_MONITORS:  # unknown device names must not fill the memory
            self._known.clear()
        found = await self._database.read(lambda repository: repository.get(Monitor, device))
        self._known[device] = found, now
        return found
