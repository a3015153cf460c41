"""Invented devices speak to a real server, well and badly."""

import json
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice

from api.demo.devices import Mix, kind_of, speech
from inspections.monitoring.alerts import MonitorKind
from tests.builders.mqtt import until
from tests.builders.process import ANXUN, Process

BEGAN = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def said(mix, number=0, seed=1, many=600):
    return list(islice(speech(seed, number, mix, BEGAN, SECOND), many))


def test_the_same_seed_says_the_same_and_each_device_something_else():
    mix = Mix(0.3, 0.2, 0.1, 0.1)
    assert said(mix) == said(mix)
    assert said(mix) != said(mix, number=1)
    assert said(mix) != said(mix, seed=2)
    assert {kind_of(number) for number in range(3)} == set(MonitorKind)


def test_a_device_is_as_good_or_as_bad_as_it_is_told_to_be():
    quiet = [json.loads(each) for each in said(Mix(0, 0, 0, 0))]
    assert [each["occurred_at"] for each in quiet[:2]] == ["2026-11-23T01:00:01+00:00", "2026-11-23T01:00:02+00:00"]
    assert all(
        each["value"] <= {"residual_current_ma": 120, "temperature_c": 21}.get(each["metric"], 4.2) for each in quiet
    )
    loud = [json.loads(each) for each in said(Mix(1, 0, 0, 0))]
    assert all(
        each["value"] >= {"residual_current_ma": 400, "temperature_c": 70}.get(each["metric"], 14) for each in loud
    )
    assert len({json.loads(each)["metric"] for each in said(Mix(0, 1, 0, 0))}) == 3
    rubbish = said(Mix(garbage=1))
    assert len(set(rubbish)) == 8
    years = {json.loads(each)["occurred_at"][:4] for each in said(Mix(0, 0, 0, 1))}
    assert years == {"1972", "2026", "2027"}


def simulated(process, *options):
    command = [ANXUN, "simulate", "devices", "--devices", "6", "--rate", "100", "--seconds", "2", *options]
    done = subprocess.run(command, env=process.environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_speak_by_request_and_by_the_broker_and_alarms_are_cases(tmp_path, broker):
    process = Process(tmp_path / "data", ANXUN_MQTT=f"mqtt://127.0.0.1:{broker.port}").start()
    told = simulated(process, "--alarms", "1", "--garbage", "0.2")
    assert "opened" in told
    assert "body.unparsable" in told
    with closing(process.client("officer")) as officer, closing(process.client("admin")) as admin:

        def messages():
            alerts = officer.get("/alerts?limit=500").json()["items"]
            refused = admin.get("/alerts/refusals").json()["items"]
            return sum(each["count"] for each in (*alerts, *refused))

        assert all(each["case"] for each in officer.get("/alerts").json()["items"])
        assert messages() == 200
        told = simulated(process, "--alarms", "1", "--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--seed", "2")
        assert "200" in told
        until(lambda: messages() == 400, what=messages)
    process.stop()
