"""Several `anxun work` processes, some of them killed, record every rung of the same deadlines once."""

import asyncio
import signal
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import PhotoState
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept
from storage.database import open_database
from storage.hazards.tables import entries, escalations, hazards
from storage.notices.tables import notices
from tests.builders.api import HERE, prepare
from tests.builders.cleanup import launch
from tests.builders.office import new_id, photo
from tests.builders.postgres import new_database
from tests.builders.process import ANXUN, Process
from tests.builders.reports import report
from tests.builders.waiting import PATIENCE, poll_until

RUNGS = 5  # of the fixing clock of a general hazard


@pytest.fixture
def url():
    with new_database() as url:
        prepare(url)
        yield url


async def create_neglected_hazards(url, number):
    """Creates hazards that were accepted a month ago and not touched since."""
    database = open_database(url)
    then = datetime.now(UTC) - timedelta(days=30)
    inspector, officer = await database.read(
        lambda repository: (repository.person("inspector"), repository.person("officer"))
    )
    await database.transact(
        partial(receive_photos, person=inspector, arrived=[photo("a", PhotoState.DEVELOPED)], now=then)
    )

    async def one(_):
        sent = report(community=HERE, found_at=then)
        await database.transact(partial(report_hazard, person=inspector, report=sent, now=then))
        accept = Accept(id=new_id(), version=1)
        await database.transact(partial(take_step, person=officer, hazard_id=sent.id, step=accept, now=then))

    for first in range(0, number, 100):
        await asyncio.gather(*map(one, range(first, min(first + 100, number))))
    await database.close()


def wait_until_swept(url):
    """Waits until nothing is due any more; returns how many rungs, lines and notices there are."""
    database = open_database(url)
    poll_until(lambda: not database.read_sync(lambda repository: repository.due_hazards(datetime.now(UTC), 1)))
    lines = select(func.count()).where(entries.c.step == "escalate")
    told = select(func.count()).where(notices.c.kind.startswith("fix."))
    tables = (select(func.count()).select_from(escalations), lines, told)
    counted = database.read_sync(lambda repository: [repository.rows(query)[0][0] for query in tables])
    waiting = database.read_sync(
        lambda repository: repository.rows(select(func.count()).where(hazards.c.next_check_at.is_not(None)))[0][0]
    )
    asyncio.run(database.close())
    return (*counted, waiting)


def sweep_and_kill(tmp_path, url, *, number, workers, kills):
    asyncio.run(create_neglected_hazards(url, number))
    server = Process(tmp_path / "data", ANXUN_DATABASE=url)

    def begin():
        return launch([ANXUN, "work"], env=server.environment)

    working = [begin() for _ in range(workers)]
    try:
        for kill in range(kills):
            time.sleep(0.7)
            working[kill % workers].send_signal(signal.SIGKILL)
            working[kill % workers].wait()
            working[kill % workers] = begin()
        assert wait_until_swept(url) == (RUNGS * number, RUNGS * number, number, 0)
    finally:
        for each in working:
            each.terminate()
        assert {each.wait(PATIENCE) for each in working} <= {0, -signal.SIGTERM}  # the latter before it had begun


def test_two_workers_one_of_them_killed_record_every_rung_once(tmp_path, url):
    sweep_and_kill(tmp_path, url, number=60, workers=2, kills=1)


@pytest.mark.drill
def test_three_workers_killed_again_and_again_record_every_rung_once(tmp_path, url):
    sweep_and_kill(tmp_path, url, number=3000, workers=3, kills=6)
