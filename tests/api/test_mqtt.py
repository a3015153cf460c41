"""Devices speak to a broker, a real one; nothing that it has is lost, whoever is killed."""

import json
import signal
import time

import pytest

from api.mqtt import MESSAGE_BYTES, Broker, MqttConsumer, broker_of
from api.settings import BadSettings, Settings
from tests import broker as brokers
from tests.api.conftest import HERE
from tests.api.test_alerts import ALARM, device
from tests.api.test_process import Process


@pytest.fixture
def broker(tmp_path):
    made = brokers.Broker(tmp_path / "broker").start()
    yield made
    made.end(signal.SIGKILL)


@pytest.fixture
def publisher(broker):
    made = brokers.Publisher(broker.port)
    yield made
    made.stop()


def until(true, seconds=15, what=lambda: "nothing"):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what()
        time.sleep(0.02)


class Listening:
    """A consumer in the tested server, over its own intake."""

    def __init__(self, api, broker):
        home = api.client.app.state.house
        self._call = api.client.blocking_portal.call
        where = Broker("127.0.0.1", broker.port, tls=False, username=None, password=None, ca=None, slot=0)
        self.consumer = MqttConsumer(where, home.intake, home.database, api.clock)
        self._call(self.consumer.start)
        until(lambda: self.consumer.subscribed)

    def counted(self, number):
        until(lambda: self.consumer.counts.total() >= number, what=lambda: self.consumer.counts)
        return dict(self.consumer.counts)

    def stop(self):
        self._call(self.consumer.stop)


def alarm(device="A-1", **fields):
    return f"anxun/{device}/alerts", json.dumps(ALARM | fields).encode()


def test_what_a_device_publishes_is_a_case(api, broker, publisher):
    device(api)
    listening = Listening(api, broker)
    until(lambda: listening.consumer._connection == 1)  # else nobody has subscribed
    time.sleep(0.2)
    publisher.send(alarm())
    assert listening.counted(1) == {"opened": 1}
    (alert,) = api.get("officer", "/alerts").json()["items"]
    assert alert["case"]["state"] == "accepted"
    publisher.send(*(alarm(value=400 + number) for number in range(100)))
    assert listening.counted(101) == {"opened": 1, "folded": 100}
    listening.stop()


def test_garbage_is_counted_by_reason_and_holds_up_nobody(api, broker, publisher):
    device(api)
    listening = Listening(api, broker)
    until(lambda: listening.consumer._connection == 1)
    time.sleep(0.2)
    topic = "anxun/A-1/alerts"
    publisher.send(
        (topic, b"{"),
        (topic, b"[" * 100_000),
        (topic, b""),
        (topic, b'{"value": NaN}'),
        (topic, b" " * (MESSAGE_BYTES + 1)),
        (topic, b'{"metric": "humidity", "value": 1}'),
        alarm(device="B-9"),
        alarm(device="A-1", device_id="B-2"),
        ("anxun/A 1/alerts", b"{}"),
        alarm(occurred_at="1970-01-01T00:00:00Z"),
        alarm(occurred_at="2999-01-01T00:00:00Z"),
    )
    assert listening.counted(11) == {
        "not_json": 4, "too_large": 1, "unknown_metric": 1, "unknown_device": 2, "foreign_device": 1,
        "opened": 1, "folded": 1,
    }  # fmt: skip
    (alert,) = api.get("officer", "/alerts").json()["items"]
    assert (alert["count"], alert["clock_off"] is None) == (2, False)
    listening.stop()


@pytest.mark.parametrize(("sign", "forgotten"), [(signal.SIGTERM, 0), (signal.SIGKILL, 5)])
def test_what_comes_while_nobody_listens_waits_also_where_the_broker_ends(api, broker, publisher, sign, forgotten):
    """A killed broker may forget what it acknowledged last; a device repeats itself: its case is there all the same."""
    names = [f"D-{number}" for number in range(20)]
    for name in names:
        device(api, name)
    first = Listening(api, broker)
    first.stop()
    publisher.send(*(alarm(name, value=400 + turn) for turn in range(20) for name in names))
    broker.end(sign)
    broker.start()
    again = Listening(api, broker)
    counts = again.counted(400 - forgotten)
    assert counts["opened"] == 20
    alerts = api.get("officer", "/alerts").json()["items"]
    assert sorted(each["device"] for each in alerts) == sorted(names)
    assert len({each["case"]["id"] for each in alerts}) == 20
    again.stop()


def test_a_server_that_is_killed_loses_nothing_and_doubles_nothing(tmp_path, broker, publisher):
    process = Process(tmp_path / "data", ANXUN_MQTT=f"mqtt://127.0.0.1:{broker.port}").start()
    admin = process.client("admin")
    names = [f"D-{number}" for number in range(60)]
    for name in names:
        said = {"id": name, "name": "总箱", "kind": "mains", "community": HERE, "place": name}
        assert admin.post("/devices", json=said).status_code == 201
    for turn in range(3):
        mine = names[turn * 20 : turn * 20 + 20]
        garbage = [(f"anxun/{name}/alerts", b"\x00garbage") for name in mine]
        publisher.send(
            *(each for name, bad in zip(mine, garbage, strict=True) for each in (alarm(name), bad, alarm(name)))
        )
        process.stop(signal.SIGKILL)
        process.start()
    officer = process.client("officer")

    def alerts():
        return officer.get("/alerts?limit=500").json()["items"]

    until(lambda: len(alerts()) == len(names))
    time.sleep(0.5)
    assert sorted(each["device"] for each in alerts()) == sorted(names)
    assert len({each["case"]["id"] for each in alerts()}) == len(names)
    assert all(each["count"] >= 1 for each in alerts())
    process.stop()


@pytest.mark.parametrize("url", ["http://host", "mqtt://", "mqtt://host:0", "mqtt://host:x", "host"])
def test_a_broker_that_is_no_address_is_refused(url):
    with pytest.raises(BadSettings, match="ANXUN_MQTT"):
        broker_of(Settings(mqtt=url))


def test_a_brokers_address_says_who_and_how():
    found = broker_of(Settings(mqtt="mqtts://anxun:p%40ss@broker", mqtt_ca="/ca.pem", mqtt_slot=3))
    assert found == Broker("broker", 8883, tls=True, username="anxun", password="p@ss", ca="/ca.pem", slot=3)
    assert broker_of(Settings(mqtt="mqtt://u:x@h", mqtt_password="y")).password == "y"
