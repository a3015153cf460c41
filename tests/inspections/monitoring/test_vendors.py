"""What vendors send, made canonical."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.monitoring.alerts import Message, Metric
from inspections.monitoring.vendors import ADAPTERS, DEPTH, MESSAGES, PAYLOAD_BYTES, Garbage, Unclear, Vendor, read

CURRENT = Metric.RESIDUAL_CURRENT
AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECONDS = 1795395600


def told(payload, vendor="canonical"):
    return read(vendor, "A-1", json.dumps(payload, ensure_ascii=False).encode())


def only(payload, vendor="canonical"):
    (found,) = told(payload, vendor)
    assert isinstance(found, Message), found
    return found


def test_the_canonical_shape():
    found = only(
        {
            "id": "m1",
            "device": "A-1",
            "metric": "residual_current_ma",
            "value": 452,
            "level": "alarm",
            "occurred_at": "2026-11-23T09:00:00+08:00",
        }
    )
    assert (found.metric, found.value, found.message_id, found.level, found.occurred_at) == (
        CURRENT,
        452,
        "m1",
        "alarm",
        AT,
    )
    assert "452" in found.raw
    several = told([{"metric": "temperature_c", "value": 71}, {"metric": "arc_count", "value": "15"}])
    assert [(each.metric, each.value) for each in several] == [(Metric.TEMPERATURE, 71), (Metric.ARC, 15)]
    assert several[0].raw != several[1].raw
    assert only({"alerts": [{"metric": "voltage_v", "value": 270}]}).metric is Metric.VOLTAGE


@pytest.mark.parametrize(
    "time",
    [SECONDS, SECONDS * 1000, str(SECONDS), f"{SECONDS}000", "2026-11-23T09:00:00+08:00", "2026-11-23 09:00:00",
     "2026/11/23 09:00:00", " 2026-11-23T01:00:00Z "],
)  # fmt: skip
def test_seconds_milliseconds_and_dates_are_told_apart(time):
    assert only({"metric": "current_a", "value": 1, "time": time}).occurred_at == AT


def test_a_thing_model_tells_each_parameter():
    found = told(
        {
            "id": "7",
            "method": "thing.event.property.post",
            "params": {"residual_current ": 432, "Temp": {"value": 71.5}, "time": SECONDS * 1000, "rssi": -70},
        },
        "thing_model",
    )
    assert [(each.metric, each.value, each.occurred_at, each.message_id) for each in found] == [
        (CURRENT, 432, AT, "7"), (Metric.TEMPERATURE, 71.5, AT, "7"),
    ]  # fmt: skip
    inner = {"id": "8", "method": "thing.event.post", "params": {"value": {"leakage": 33}, "time": SECONDS}}
    assert only(inner, "thing_model").value == 33


def test_a_list_of_alarms_with_chinese_keys_and_blanks():
    alarms = [
        {"类型": "剩余电流", "当前值 ": "0.452", "单位": "A", "级别": 2, "时间": SECONDS, "状态": "报警"},
        {"type": "温度", "value": 20, "status": "恢复"},
    ]
    first, second = told({"deviceId": "A-1", "id": "x", "data": {"alarms": alarms}}, "alarm_list")
    assert (first.metric, first.value, first.level, first.occurred_at, first.cleared) == (CURRENT, 452, "2", AT, False)
    assert (second.metric, second.cleared, second.message_id) == (Metric.TEMPERATURE, True, None)


def test_a_list_of_properties_leaves_out_what_is_none_of_ours():
    properties = [{"name": "温度", "value": 72}, {"name": "信号强度", "value": 9}]
    found = only({"location_code": "33", "ts": SECONDS * 1000, "properties": properties}, "property_list")
    assert (found.metric, found.value, found.occurred_at) == (Metric.TEMPERATURE, 72, AT)


@pytest.mark.parametrize(("value", "level"), [(31, "trip"), (25, "warn"), (3, None)])
def test_a_breaker_has_limits_of_its_own(value, level):
    found = only({"code": "LD", "val": value, "warn": 24, "trip": 30}, "breaker")
    assert (found.metric, found.value, found.level) == (CURRENT, value, level)
    assert len(told([{"code": "WD", "val": 1}, {"code": "DL", "val": 1, "level": "x"}], "breaker")) == 2


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"metric": "humidity", "value": 1}, "unknown_metric"),
        ({"value": 1}, "unknown_metric"),
        ({"metric": 7, "value": 1}, "unknown_metric"),
        ({"metric": "current_a"}, "no_value"),
        ({"metric": "current_a", "value": "much"}, "wrong_value"),
        ({"metric": "current_a", "value": [1]}, "wrong_value"),
        ({"metric": "current_a", "value": "NaN"}, "wrong_value"),
        ({"metric": "current_a", "value": "-inf"}, "wrong_value"),
        ({"metric": "current_a", "value": 1e300}, "wrong_value"),
        ({"metric": "current_a", "value": 1, "time": "yesterday"}, "wrong_time"),
        ({"metric": "current_a", "value": 1, "time": 10**15}, "wrong_time"),
        ({"metric": "current_a", "value": 1, "device": "B-2"}, "foreign_device"),
        ("text", "unknown_metric"),
    ],
)
def test_what_is_unclear_is_named(payload, reason):
    assert told(payload) == [Unclear(reason)]


def test_a_time_that_no_calendar_has_is_none():
    for time in ("0001-01-01T00:00:00", 10**14):
        assert only({"metric": "current_a", "value": 1, "time": time}).occurred_at is None
    assert only({"metric": "current_a", "value": 1, "status": "cleared"}).cleared


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"{'a': 1}", "not_json"),
        (b'{"value": NaN}', "not_json"),
        (b"[" * 200_000, "not_json"),
        (b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), "too_deep"),
        (b"[]", "empty"),
        (b" " * (PAYLOAD_BYTES + 1), "too_large"),
        (json.dumps([{}] * (MESSAGES + 1)).encode(), "too_many"),
    ],
)
def test_garbage_is_named(payload, reason):
    with pytest.raises(Garbage) as garbage:
        read("canonical", "A-1", payload)
    assert garbage.value.reason == reason


@pytest.mark.parametrize("vendor", [*ADAPTERS])
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "params",
                        "data",
                        "alarms",
                        "properties",
                        "value",
                        "val",
                        "time",
                        "metric",
                        "code",
                        "temp",
                        "level",
                        "id",
                    ]
                )
                | st.text(max_size=5),
                inner,
                max_size=6,
            )
        ),
        max_leaves=25,
    )
)
def test_whatever_comes_is_read_or_named(vendor, payload):
    reasons = []
    try:
        found = read(vendor, "A-1", json.dumps(payload).encode())
    except Garbage as garbage:
        found, reasons = [], [garbage.reason]
    assert set(reasons) <= {"not_json", "too_deep", "empty", "too_many"}
    assert all("\x00" not in each.raw for each in found if isinstance(each, Message))


def test_every_vendor_has_its_adapter():
    assert ADAPTERS.keys() == set(Vendor)
