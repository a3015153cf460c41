"""What devices say, kept: one alert of many processes, on both databases."""

import asyncio
from datetime import timedelta
from functools import partial

from sqlalchemy import func, select

from inspections.accounts.policy import EVERYWHERE
from inspections.hazards.records import Hazard
from inspections.monitoring.actions.alerts import Sent, receive_alerts
from inspections.monitoring.actions.broker_leases import take_slot
from inspections.monitoring.actions.devices import import_monitors, notice_silence
from inspections.monitoring.alerts import Message, Metric, MonitorKind
from inspections.monitoring.device_import import MonitorList
from inspections.monitoring.devices import NewMonitor
from inspections.monitoring.rejections import refused
from storage.database import open_database
from storage.monitoring.queries import AlertFilters, alerts_page, refusals
from storage.monitoring.tables import outages, rings
from tests.builders.office import HERE, NOW, later

NAMES = [f"A-{number}" for number in range(10)]


def installed(desk):
    listed = [(name, NewMonitor(name, "总箱", MonitorKind.MAINS, HERE.code, "1幢")) for name in NAMES]
    desk.do(import_monitors, "gao", EVERYWHERE, MonitorList(listed, []), NAMES, NOW, apply=True)


def alarm(name, number):
    return Message(name, Metric.RESIDUAL_CURRENT, 450.0 + number, message_id=str(number))


def alerts(desk):
    return desk.database.ask(lambda repository: alerts_page(repository, EVERYWHERE, AlertFilters(), None, 500))


def beside(url, desk):
    """On PostgreSQL several processes; on SQLite there is one."""
    return [open_database(url) for _ in range(3)] if url.startswith("postgres") else [desk.database]


async def gathered(desk, others, *actions):
    try:
        return await asyncio.gather(*(others[at % len(others)].transact(each) for at, each in enumerate(actions)))
    finally:
        for other in others:
            if other is not desk.database:
                await other.close()


def test_messages_of_the_same_moment_on_several_processes_are_one_alert_and_one_case(url, desk):
    installed(desk)
    garbage = (refused("not_json", "A-1", b"{"),)
    sent = [[Sent([alarm(name, turn) for name in NAMES], None, "mqtt", garbage)] for turn in range(12)]
    actions = [partial(receive_alerts, sent=each, now=NOW) for each in sent]
    asyncio.run(gathered(desk, beside(url, desk), *actions))
    found = alerts(desk)
    assert sorted(alert.device for alert, _ in found) == NAMES
    assert {alert.count for alert, _ in found} == {12}
    assert len({case.id for _, case in found}) == len(NAMES)
    (count,) = desk.database.ask(lambda repository: refusals(repository, NOW.date(), NOW.date()))
    assert (count.reason, count.count) == ("not_json", 12)
    with_cases = desk.database.ask(lambda repository: repository.hazards([alert.hazard for alert, _ in found]))
    assert all(isinstance(each, Hazard) and each.source == "device" for each in with_cases)


def test_normal_values_of_the_same_moment_are_one_ring(url, desk):
    installed(desk)
    normal = [Sent([Message(name, Metric.TEMPERATURE, 20.0) for name in NAMES])]
    asyncio.run(gathered(desk, beside(url, desk), *(partial(receive_alerts, sent=normal, now=NOW) for _ in range(9))))
    number = select(func.count()).select_from(rings)
    assert desk.database.ask(lambda repository: repository.rows(number)[0][0]) == len(NAMES)


def test_an_outage_is_noticed_by_one_of_several(url, desk):
    installed(desk)
    notice = partial(notice_silence, now=later(hours=25), limit=4)
    done = asyncio.run(gathered(desk, beside(url, desk), *([notice] * 9)))
    assert sum(done) == len(NAMES)
    number = select(func.count()).select_from(outages)
    assert desk.database.ask(lambda repository: repository.rows(number)[0][0]) == len(NAMES)


def test_workers_that_start_at_once_take_places_of_their_own(url, desk):
    actions = [partial(take_slot, holder=f"worker {number}", now=NOW) for number in range(6)]
    assert sorted(asyncio.run(gathered(desk, beside(url, desk), *actions))) == list(range(6))
    assert desk.do(take_slot, "another", NOW + timedelta(hours=1)) == 0
