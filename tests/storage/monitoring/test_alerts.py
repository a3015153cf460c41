"""Messages that several processes receive at once make one alert for each device, on both databases."""

import asyncio
from datetime import timedelta
from functools import partial

from sqlalchemy import func, select

from inspections.accounts.policy import EVERYWHERE
from inspections.hazards.records import Hazard
from inspections.monitoring.actions.alerts import DevicePayload, receive_alerts
from inspections.monitoring.actions.broker_leases import acquire_lease
from inspections.monitoring.actions.devices import detect_silent_monitors, import_monitors
from inspections.monitoring.alerts import CanonicalMessage, Metric, MonitorKind
from inspections.monitoring.device_import import MonitorImport
from inspections.monitoring.devices import NewMonitor
from inspections.monitoring.rejections import rejected_message
from storage.database import open_database
from storage.monitoring.queries import AlertFilters, alerts_page, rejection_counts
from storage.monitoring.tables import outages, rings
from tests.builders.office import HERE, NOW, later

NAMES = [f"A-{number}" for number in range(10)]


def install_devices(desk):
    listed = [(name, NewMonitor(name, "总箱", MonitorKind.MAINS, HERE.code, "1幢")) for name in NAMES]
    desk.do(import_monitors, "gao", EVERYWHERE, MonitorImport(listed, []), NAMES, NOW, apply=True)


def alarm(name, number):
    return CanonicalMessage(name, Metric.RESIDUAL_CURRENT, 450.0 + number, message_id=str(number))


def alerts(desk):
    return desk.database.read_sync(lambda repository: alerts_page(repository, EVERYWHERE, AlertFilters(), None, 500))


def open_databases(url, desk):
    """Opens several databases on PostgreSQL, as several processes do; on SQLite there is one."""
    return [open_database(url) for _ in range(3)] if url.startswith("postgres") else [desk.database]


async def run_concurrently(desk, others, *actions):
    try:
        return await asyncio.gather(*(others[at % len(others)].transact(each) for at, each in enumerate(actions)))
    finally:
        for other in others:
            if other is not desk.database:
                await other.close()


def test_concurrent_messages_on_several_processes_make_one_alert_and_one_case(url, desk):
    install_devices(desk)
    garbage = (rejected_message("not_json", "A-1", b"{"),)
    sent = [[DevicePayload([alarm(name, turn) for name in NAMES], None, "mqtt", garbage)] for turn in range(12)]
    actions = [partial(receive_alerts, sent=each, now=NOW) for each in sent]
    asyncio.run(run_concurrently(desk, open_databases(url, desk), *actions))
    found = alerts(desk)
    assert sorted(alert.device for alert, _ in found) == NAMES
    assert {alert.count for alert, _ in found} == {12}
    assert len({case.id for _, case in found}) == len(NAMES)
    (count,) = desk.database.read_sync(lambda repository: rejection_counts(repository, NOW.date(), NOW.date()))
    assert (count.reason, count.count) == ("not_json", 12)
    with_cases = desk.database.read_sync(lambda repository: repository.hazards([alert.hazard for alert, _ in found]))
    assert all(isinstance(each, Hazard) and each.source == "device" for each in with_cases)


def test_concurrent_normal_values_share_one_reading_buffer(url, desk):
    install_devices(desk)
    normal = [DevicePayload([CanonicalMessage(name, Metric.TEMPERATURE, 20.0) for name in NAMES])]
    asyncio.run(
        run_concurrently(
            desk, open_databases(url, desk), *(partial(receive_alerts, sent=normal, now=NOW) for _ in range(9))
        )
    )
    number = select(func.count()).select_from(rings)
    assert desk.database.read_sync(lambda repository: repository.rows(number)[0][0]) == len(NAMES)


def test_only_one_of_several_processes_records_an_outage(url, desk):
    install_devices(desk)
    notice = partial(detect_silent_monitors, now=later(hours=25), limit=4)
    done = asyncio.run(run_concurrently(desk, open_databases(url, desk), *([notice] * 9)))
    assert sum(done) == len(NAMES)
    number = select(func.count()).select_from(outages)
    assert desk.database.read_sync(lambda repository: repository.rows(number)[0][0]) == len(NAMES)


def test_workers_that_start_at_once_get_different_leases(url, desk):
    actions = [partial(acquire_lease, holder=f"worker {number}", now=NOW) for number in range(6)]
    assert sorted(asyncio.run(run_concurrently(desk, open_databases(url, desk), *actions))) == list(range(6))
    assert desk.do(acquire_lease, "another", NOW + timedelta(hours=1)) == 0
