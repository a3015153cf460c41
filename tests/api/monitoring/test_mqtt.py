"""Alarms kept by a real MQTT broker open hazards, and none of them is lost when a process is killed."""

import gc
import random
import signal
import socket
import threading
import time
from collections import Counter
from contextlib import closing

import pytest
import trustme

from api.monitoring.intake import AlertIntake
from api.monitoring.mqtt import Broker, MqttConsumer, broker_from_settings
from api.settings import BadSettings, Settings
from inspections.monitoring.vendors import PAYLOAD_BYTES, read
from tests.builders import broker as brokers
from tests.builders.api import HERE
from tests.builders.mqtt import alarm, publish_batches
from tests.builders.process import Process
from tests.builders.signed_alerts import register_device
from tests.builders.waiting import poll_until


class Listener:
    """Runs an MQTT consumer in the tested server, on that server's own intake."""

    def __init__(self, api, broker, *, wait=True, **how):
        context = api.client.app.state.context
        self._call = api.client.blocking_portal.call
        usual = {"host": "127.0.0.1", "tls": False, "username": None, "password": None, "ca": None}
        where = Broker(**{**usual, "port": broker.port, **how})
        self.consumer = MqttConsumer(where, 0, context.part(AlertIntake), context.database, api.clock)
        self._call(self.consumer.start)
        if wait:
            poll_until(lambda: self.consumer.is_subscribed)

    def wait_for_counts(self, number):
        poll_until(lambda: self.consumer.counts.total() >= number, lambda: self.consumer.counts)
        return dict(self.consumer.counts)

    def stop(self):
        self._call(self.consumer.stop)


def test_a_published_alarm_opens_a_hazard(api, broker, publisher):
    register_device(api)
    listening = Listener(api, broker)
    publisher.send(alarm())
    assert listening.wait_for_counts(1) == {"opened": 1}
    (alert,) = api.get("officer", "/alerts").json()["items"]
    assert alert["case"]["state"] == "accepted"
    publisher.send(*(alarm(value=400 + number) for number in range(100)))
    assert listening.wait_for_counts(101) == {"opened": 1, "folded": 100}
    listening.stop()


def test_garbage_is_counted_by_reason_and_delays_no_valid_message(api, broker, publisher):
    register_device(api)
    listening = Listener(api, broker)
    topic = "anxun/A-1/alerts"
    publisher.send(
        (topic, b"{"),
        (topic, b"[" * 100_000),
        (topic, b""),
        (topic, b'{"value": NaN}'),
        (topic, b" " * (PAYLOAD_BYTES + 1)),
        (topic, b'{"metric": "humidity", "value": 1}'),
        alarm(device="B-9"),
        alarm(device="A-1", device_id="B-2"),
        ("anxun/A 1/alerts", b"{}"),
        alarm(occurred_at="1970-01-01T00:00:00Z"),
        alarm(occurred_at="2999-01-01T00:00:00Z"),
    )
    assert listening.wait_for_counts(11) == {
        "not_json": 4, "too_large": 1, "unknown_metric": 1, "unknown_device": 2, "foreign_device": 1,
        "opened": 1, "folded": 1,
    }  # fmt: skip
    (alert,) = api.get("officer", "/alerts").json()["items"]
    assert (alert["count"], alert["clock_off"] is None) == (2, False)
    listening.stop()


def test_a_message_that_raises_an_error_does_not_affect_the_others(api, broker, publisher, monkeypatch):
    def failing(vendor, device, payload):
        if b"poison" in payload:
            raise RuntimeError("ours")
        return read(vendor, device, payload)

    monkeypatch.setattr("api.monitoring.mqtt.read", failing)
    register_device(api)
    first = Listener(api, broker)
    first.stop()
    publisher.send(*(alarm(id="poison" if number in {7, 30} else str(number)) for number in range(50)))
    again = Listener(api, broker)
    assert again.wait_for_counts(50) == {"opened": 1, "folded": 47, "fault": 2}
    again.stop()
    assert api.get("officer", "/alerts").json()["items"][0]["count"] == 48


# paho does not close a socket whose handshake has failed
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_connects_only_to_a_broker_with_a_trusted_certificate(api, tmp_path):
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    certified = f"certfile {tmp_path}/cert.pem\nkeyfile {tmp_path}/key.pem\n"
    broker = brokers.Broker(tmp_path / "broker", more=f"listener {port} 127.0.0.1\n{certified}").start()
    publisher = brokers.Publisher(broker.port)
    register_device(api)
    stranger = Listener(api, broker, wait=False, host="localhost", port=port, tls=True, ca=str(tmp_path / "other.pem"))
    listening = Listener(api, broker, host="localhost", port=port, tls=True, ca=str(tmp_path / "ca.pem"))
    publisher.send(alarm())
    assert listening.wait_for_counts(1) == {"opened": 1}
    assert (stranger.consumer.is_subscribed, stranger.consumer.counts.total()) == (False, 0)
    for each in (stranger, listening):
        each.stop()
    gc.collect()  # here, not while another test runs
    publisher.stop()
    broker.end(signal.SIGKILL)


def test_a_device_may_publish_only_under_its_own_name(api, tmp_path):
    """Uses the ACL file that the project ships."""
    rights = f"acl_file {brokers.CONFIGURED.with_suffix('.acl')}\n"
    broker = brokers.Broker(tmp_path / "broker", more=rights).start()
    for name in ("A-1", "A-2"):
        register_device(api, name)
    listening = Listener(api, broker, username="anxun", password="-")
    publisher = brokers.Publisher(broker.port, username="A-1")
    publisher.send(alarm("A-2"), alarm("A-1"))
    assert listening.wait_for_counts(1) == {"opened": 1}
    assert [each["device"] for each in api.get("officer", "/alerts").json()["items"]] == ["A-1"]
    listening.stop()
    publisher.stop()
    broker.end(signal.SIGKILL)


@pytest.mark.parametrize("facts", [{}, {"id": "m1"}, {"time": "2026-11-23T08:59:00+08:00"}], ids=["bare", "id", "time"])
def test_a_message_that_the_broker_keeps_opens_no_case_after_each_restart(api, broker, publisher, facts):
    """A retained message comes once when it is published, and again after every subscription for as long as it is."""
    register_device(api)
    listening = Listener(api, broker)
    publisher.send(alarm(**facts), retain=True)
    assert listening.wait_for_counts(1) == {"opened": 1}
    listening.stop()
    again = Listener(api, broker)
    again.wait_for_counts(1)
    again.stop()
    (case,) = api.get("officer", "/hazards").json()["items"]
    api.clock.advance(hours=1)
    api.sign_in_again()
    closed = api.take_step("officer", case, "verify", outcome="false_alarm", note="试验")
    assert closed["state"] == "closed"
    api.clock.advance(days=2)
    api.sign_in_again()
    after = Listener(api, broker)
    assert set(after.wait_for_counts(1)) <= {"repeated", "late"}
    after.stop()
    assert len(api.get("officer", "/hazards").json()["items"]) == 1
    assert len(api.get("officer", "/alerts").json()["items"]) == 1


def test_a_retained_message_that_is_the_only_copy_opens_its_case(api, broker, publisher):
    register_device(api)
    publisher.send(alarm(id="only"), retain=True)
    listening = Listener(api, broker)
    assert listening.wait_for_counts(1) == {"opened": 1}
    listening.stop()
    assert len(api.get("officer", "/hazards").json()["items"]) == 1


@pytest.mark.parametrize("name", ["+", "#", "A-2/alerts", "../A-2", "$share", "A-1+"])
def test_a_name_with_a_wildcard_opens_no_other_topic(api, tmp_path, name):
    """The ACL file that the project ships puts the account's name into a pattern of topics."""
    broker = brokers.Broker(tmp_path / "broker", more=f"acl_file {brokers.CONFIGURED.with_suffix('.acl')}\n").start()
    register_device(api, "A-2")
    listening = Listener(api, broker, username="anxun", password="-")
    publisher = brokers.Publisher(broker.port, username=name)
    publisher.send(alarm("A-2"), (f"anxun/{name.replace('+', 'A-2').replace('#', 'A-2')}/alerts", b"{}"))
    gateway = brokers.Publisher(broker.port, username="gateway")
    gateway.send(alarm("A-2", value=499))
    listening.wait_for_counts(1)
    (alert,) = api.get("officer", "/alerts").json()["items"]
    assert (alert["count"], alert["value"]) == (1, 499)
    for each in (listening, publisher, gateway):
        each.stop()
    broker.end(signal.SIGKILL)


@pytest.mark.parametrize("topic", ["#", "anxun/#", "anxun/A-2/alerts", "$share/anxun/anxun/+/alerts", "$SYS/#"])
def test_a_device_reads_nothing_and_takes_no_message_from_the_server(api, tmp_path, topic):
    broker = brokers.Broker(tmp_path / "broker", more=f"acl_file {brokers.CONFIGURED.with_suffix('.acl')}\n").start()
    register_device(api, "A-2")
    listening = Listener(api, broker, username="anxun", password="-")
    overheard = []
    with brokers.subscribed(broker.port, "A-1", topic, overheard.append):
        device = brokers.Publisher(broker.port, username="A-2")
        device.send(*(alarm("A-2", id=str(number)) for number in range(20)))
        assert listening.wait_for_counts(20) == {"opened": 1, "folded": 19}
    assert overheard == []
    for each in (listening, device):
        each.stop()
    broker.end(signal.SIGKILL)


def test_the_last_will_of_a_device_speaks_for_no_other(api, tmp_path):
    broker = brokers.Broker(tmp_path / "broker", more=f"acl_file {brokers.CONFIGURED.with_suffix('.acl')}\n").start()
    for name in ("A-1", "A-2"):
        register_device(api, name)
    listening = Listener(api, broker, username="anxun", password="-")
    for device in ("A-2", "A-1"):
        brokers.die_with_will(broker.port, "A-1", *alarm(device))
    assert listening.wait_for_counts(1) == {"opened": 1}
    assert [each["device"] for each in api.get("officer", "/alerts").json()["items"]] == ["A-1"]
    listening.stop()
    broker.end(signal.SIGKILL)


def test_the_flood_of_one_device_delays_the_alarm_of_another_by_little(api, broker):
    for name in ("A-1", "B-1"):
        register_device(api, name)
    listening = Listener(api, broker)
    flooding, other = brokers.Publisher(broker.port), brokers.Publisher(broker.port)
    flood = threading.Thread(target=lambda: flooding.send(*(alarm(value=401 + at % 90) for at in range(3000))))
    flood.start()
    poll_until(lambda: listening.consumer.counts.total() > 100)
    other.send(alarm("B-1"))
    poll_until(lambda: "B-1" in {each["device"] for each in api.get("officer", "/alerts").json()["items"]})
    flood.join()
    listening.wait_for_counts(3001)
    for each in (listening, flooding, other):
        each.stop()


@pytest.mark.parametrize(("sign", "forgotten"), [(signal.SIGTERM, 0), (signal.SIGKILL, 5)])
def test_messages_wait_for_the_listener_even_when_the_broker_restarts(api, broker, publisher, sign, forgotten):
    """A killed broker may lose its last acknowledged messages; devices repeat alarms, so every hazard is opened."""
    names = [f"D-{number}" for number in range(20)]
    for name in names:
        register_device(api, name)
    first = Listener(api, broker)
    first.stop()
    publisher.send(*(alarm(name, value=400 + turn) for turn in range(20) for name in names))
    broker.end(sign)
    broker.start()
    again = Listener(api, broker)
    counts = again.wait_for_counts(400 - forgotten)
    assert counts["opened"] == 20
    alerts = api.get("officer", "/alerts").json()["items"]
    assert sorted(each["device"] for each in alerts) == sorted(names)
    assert len({each["case"]["id"] for each in alerts}) == 20
    again.stop()


def check_kills(tmp_path, broker, publisher, devices, messages, kills):
    """Kills the server while messages arrive, half of them garbage; checks that each valid one is counted once."""
    process = Process(tmp_path / "data", ANXUN_MQTT=f"mqtt://127.0.0.1:{broker.port}").start()
    names = [f"D-{number}" for number in range(devices)]
    with closing(process.client("admin")) as admin:
        for name in names:
            device = {"id": name, "name": "总箱", "kind": "mains", "community": HERE, "place": name}
            assert admin.post("/devices", json=device).status_code == 201
    sent = 0
    for _ in range(kills):
        publishing = threading.Thread(target=publish_batches, args=(publisher, names, sent, messages // kills))
        publishing.start()
        time.sleep(random.uniform(0.1, 0.6))  # noqa: S311  # no secret
        process.stop(signal.SIGKILL)
        process.start()
        publishing.join()
        sent += messages // kills
    valid = Counter(names[number % devices] for number in range(sent))
    with closing(process.client("officer")) as officer:

        def alerts():
            return officer.get("/alerts?limit=500").json()["items"]

        poll_until(lambda: sum(each["count"] for each in alerts()) >= sent, alerts)
        time.sleep(1)
        found = alerts()
    assert Counter({each["device"]: each["count"] for each in found}) == valid
    assert len(found) == len({each["case"]["id"] for each in found}) == devices
    process.stop()


def test_a_killed_server_neither_loses_nor_doubles_a_message(tmp_path, broker, publisher):
    check_kills(tmp_path, broker, publisher, devices=40, messages=600, kills=3)


@pytest.mark.drill
def test_ten_kills_lose_none_of_two_hundred_thousand_messages(tmp_path):
    """Uses a broker that does not save every change, since only the server is killed."""
    broker = brokers.Broker(tmp_path / "broker", careful=False).start()
    publisher = brokers.Publisher(broker.port)
    check_kills(tmp_path, broker, publisher, devices=200, messages=100_000, kills=10)
    publisher.stop()
    broker.end(signal.SIGKILL)


@pytest.mark.drill
def test_a_broker_killed_ten_times_loses_few_messages(tmp_path, broker):
    """The broker loses at most 5 %, the drill prints how much, none is doubled, and each device has its hazard."""
    process = Process(tmp_path / "data", ANXUN_MQTT=f"mqtt://127.0.0.1:{broker.port}").start()
    names = [f"D-{number}" for number in range(40)]
    with closing(process.client("admin")) as admin:
        for name in names:
            device = {"id": name, "name": "总箱", "kind": "mains", "community": HERE, "place": name}
            assert admin.post("/devices", json=device).status_code == 201
    sent = 0
    for turn in range(10):
        publisher = brokers.Publisher(broker.port)
        batch = [alarm(names[at % 40], id=f"{turn} {at}", value=400 + at % 99) for at in range(400)]
        publisher.send(*batch)  # all of it is acknowledged, then the broker is gone
        sent += len(batch)
        broker.end(signal.SIGKILL)
        publisher.stop()
        broker.start()
        time.sleep(random.uniform(0.5, 2))  # noqa: S311  # no secret
    publisher = brokers.Publisher(broker.port)
    time.sleep(2)
    publisher.send(*(alarm(name, id="last") for name in names))
    publisher.stop()
    with closing(process.client("officer")) as officer:

        def alerts():
            return officer.get("/alerts?limit=500").json()["items"]

        def total():
            return sum(each["count"] for each in alerts())

        poll_until(lambda: total() >= (sent + 40) * 0.95, total)
        time.sleep(3)
        found = alerts()
    counted = sum(each["count"] for each in found)
    print(f"the broker forgot {sent + 40 - counted} of {sent + 40}")  # noqa: T201  # what a drill is for
    assert 0 <= sent + 40 - counted <= 0.05 * sent
    assert sorted(each["device"] for each in found) == sorted(names)
    assert len({each["case"]["id"] for each in found}) == 40
    process.stop()


@pytest.mark.parametrize("url", ["http://host", "mqtt://", "mqtt://host:0", "mqtt://host:x", "host"])
def test_an_invalid_broker_address_is_refused(url):
    with pytest.raises(BadSettings, match="ANXUN_MQTT"):
        broker_from_settings(Settings(mqtt=url))


def test_a_broker_address_sets_account_port_and_tls():
    found = broker_from_settings(Settings(mqtt="mqtts://anxun:p%40ss@broker", mqtt_ca="/ca.pem"))
    assert found == Broker("broker", 8883, tls=True, username="anxun", password="p@ss", ca="/ca.pem")
    assert broker_from_settings(Settings(mqtt="mqtt://u:x@h", mqtt_password="y")).password == "y"
