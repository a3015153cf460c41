"""Statistics of alerts, from a device's alarm to a cause that was found and removed; each has its definition (口径).

They cover the alerts **opened** in the period (server's clock, days of Asia/Shanghai) and the present state of their
cases.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple

from inspections.hazards.records import OPEN_STATES, Outcome, State
from inspections.monitoring.alerts import MonitorKind
from inspections.office.categories import CATALOGUE
from inspections.statistics.metrics import MetricDefinition

CAUSES = (*(each.code for each in CATALOGUE if each.group == "用电监测" and not each.from_device), "EB-02")
"""The causes that a visit may find: EL-01 … EL-04, and EB-02 behind the alarm of a camera or lift."""
_NAMES = {each.code: each.name for each in CATALOGUE}
_MINUTE, _HOUR = 60.0, 3600.0

METRICS: dict[str, MetricDefinition] = {
    "devices": MetricDefinition("监测设备", "现在使用中的监测设备数"),
    "alerts": MetricDefinition("预警", "期间内产生的预警数（同一设备同一指标的重复报送合并为一条）"),
    "messages": MetricDefinition("报送次数", "上述预警合并的报送次数"),
    "checks": MetricDefinition("核查单", "其中达到报警值、自动生成核查单的件数（不计入隐患数，直至查明原因）"),
    "visited": MetricDefinition("已上门核查", "核查单中已查明原因或已办结的件数"),
    "causes": MetricDefinition("查明原因", "核查单中已查明原因的件数，即确认的隐患"),
    **{f"cause_{code}": MetricDefinition(_NAMES[code], f"其中原因为“{_NAMES[code]}”的件数") for code in CAUSES},
    "removed": MetricDefinition("消除", "查明原因的隐患中以“已整改”销号的件数"),
    "false_alarms": MetricDefinition("误报", "核查单中以“误报”销号的件数"),
    "open": MetricDefinition("未办结", "核查单（含查明原因后的隐患）中尚未办结的件数"),
    "minutes_to_visit": MetricDefinition("到场用时（分钟）", "自预警产生至查明原因或办结的分钟数，取中位数"),
    "hours_to_removal": MetricDefinition("消除用时（小时）", "自预警产生至以“已整改”销号的小时数，取中位数"),
    "false_alarm_rate": MetricDefinition("误报率", "误报 ÷ 已上门核查"),
    "removal_rate": MetricDefinition("消除率", "消除 ÷ 查明原因"),
}
DEFINITIONS = {name: metric.meaning for name, metric in METRICS.items()}


class AlertOutcome(NamedTuple):
    """An alert and the progress of its case; `state`, `cause` and `outcome` are None if it opened no case.

    `cause`: the category that a visit has set.
    """

    community: str
    kind: MonitorKind
    messages: int
    opened_at: datetime
    state: State | None
    cause: str | None
    outcome: Outcome | None
    caused_at: datetime | None
    closed_at: datetime | None

    @property
    def visited_at(self) -> datetime | None:
        return self.caused_at or self.closed_at


def compute_metrics(devices: int, alerts: Sequence[AlertOutcome]) -> dict[str, int | float | None]:
    """Computes all METRICS. Rates come with numerator and denominator; null where there is nothing to compute."""
    checks = [each for each in alerts if each.state is not None]
    visited = [each for each in checks if each.visited_at is not None]
    found = [each for each in checks if each.cause in CAUSES]
    removed = [each for each in found if each.outcome is Outcome.FIXED]
    false = sum(each.outcome is Outcome.FALSE_ALARM for each in checks)
    return {
        "devices": devices,
        "alerts": len(alerts),
        "messages": sum(each.messages for each in alerts),
        "checks": len(checks),
        "visited": len(visited),
        "causes": len(found),
        **{f"cause_{code}": sum(each.cause == code for each in found) for code in CAUSES},
        "removed": len(removed),
        "false_alarms": false,
        "open": sum(each.state in OPEN_STATES for each in checks),
        "minutes_to_visit": _median_duration(((each.opened_at, each.visited_at) for each in visited), _MINUTE),
        "hours_to_removal": _median_duration(((each.opened_at, each.closed_at) for each in removed), _HOUR),
        **_rate("false_alarm_rate", false, len(visited)),
        **_rate("removal_rate", len(removed), len(found)),
    }


def _median_duration(spans: Iterable[tuple[datetime, datetime | None]], unit: float) -> float | None:
    """Returns the median duration in units of `unit` seconds, None without any."""
    taken = [(end - begin).total_seconds() / unit for begin, end in spans if end is not None]
    return round(median(taken), 1) if taken else None


def _rate(name: str, above: int, below: int) -> dict[str, int | float | None]:
    value = round(above / below, 6) if below else None
    return {name: value, f"{name}_numerator": above, f"{name}_denominator": below}
