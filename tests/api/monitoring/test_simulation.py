"""Simulated devices send valid and invalid messages to a real server."""

import json
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice

from api.demo.devices import MessageMix, device_kind, device_messages
from inspections.monitoring.alerts import MonitorKind
from tests.builders.process import ANXUN, Process
from tests.builders.waiting import poll_until

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def generate_messages(mix, number=0, seed=1, many=600):
    return list(islice(device_messages(seed, number, mix, START, SECOND), many))


def test_the_same_seed_repeats_the_messages_and_each_device_sends_its_own():
    mix = MessageMix(0.3, 0.2, 0.1, 0.1)
    assert generate_messages(mix) == generate_messages(mix)
    assert generate_messages(mix) != generate_messages(mix, number=1)
    assert generate_messages(mix) != generate_messages(mix, seed=2)
    assert {device_kind(number) for number in range(5)} == set(MonitorKind)


def test_a_simulated_device_follows_its_message_mix():
    quiet = [json.loads(each) for each in generate_messages(MessageMix(0, 0, 0, 0))]
    assert [each["occurred_at"] for each in quiet[:2]] == ["2026-11-23T01:00:01+00:00", "2026-11-23T01:00:02+00:00"]
    assert all(
        each["value"] <= {"residual_current_ma": 120, "temperature_c": 21}.get(each["metric"], 4.2) for each in quiet
    )
    loud = [json.loads(each) for each in generate_messages(MessageMix(1, 0, 0, 0))]
    assert all(
        each["value"] >= {"residual_current_ma": 400, "temperature_c": 70}.get(each["metric"], 14) for each in loud
    )
    assert len({json.loads(each)["metric"] for each in generate_messages(MessageMix(0, 1, 0, 0))}) == 3
    rubbish = generate_messages(MessageMix(garbage=1))
    assert len(set(rubbish)) == 8
    years = {json.loads(each)["occurred_at"][:4] for each in generate_messages(MessageMix(0, 0, 0, 1))}
    assert years == {"1972", "2026", "2027"}


def run_simulation(process, *options):
    command = [ANXUN, "simulate", "devices", "--devices", "6", "--rate", "100", "--seconds", "2", *options]
    done = subprocess.run(command, env=process.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_simulated_devices_send_over_http_and_mqtt_and_alarms_open_hazards(tmp_path, broker):
    process = Process(tmp_path / "data", ANXUN_MQTT=f"mqtt://127.0.0.1:{broker.port}").start()
    told = run_simulation(process, "--alarms", "1", "--garbage", "0.2")
    assert "opened" in told
    assert "body.unparsable" in told
    with closing(process.client("officer")) as officer, closing(process.client("admin")) as admin:

        def messages():
            alerts = officer.get("/alerts?limit=500").json()["items"]
            refused = admin.get("/alerts/refusals").json()["items"]
            faults = officer.get("/devices/faults").json()["items"]  # one kind of garbage is an impossible value
            return sum(each["count"] for each in (*alerts, *refused, *faults))

        assert all(each["case"] for each in officer.get("/alerts").json()["items"])
        assert messages() == 200
        told = run_simulation(process, "--alarms", "1", "--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--seed", "2")
        assert "200" in told
        poll_until(lambda: messages() == 400, messages)
    process.stop()
