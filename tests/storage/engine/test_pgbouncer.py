"""Many processes share few connections through pgbouncer in transaction mode, also one that keeps no statements."""

import asyncio
import getpass
import os
import shutil
import subprocess

import psycopg
import pytest
from sqlalchemy import make_url

from inspections.change import Change
from inspections.office.categories import CATALOGUE
from inspections.places.communities import Street
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept
from storage.database import open_database
from storage.engine.postgres import WrongTimeZone
from tests.builders.cleanup import launch
from tests.builders.office import HERE, NOW, li, new_id, wang
from tests.builders.postgres import free_port, new_database
from tests.builders.reports import report
from tests.builders.waiting import listens, poll_until

CONNECTIONS = 27
"""Nine for each of three processes (docs/scaling.md)."""


@pytest.fixture
def direct(postgres_template):
    with new_database(postgres_template) as url:
        yield make_url(url)


@pytest.fixture
def pooled(direct, tmp_path):
    """Starts pgbouncer before a new database; yields the URL through it."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    port, user = free_port(), "nobody" if os.getuid() == 0 else getpass.getuser()
    shutil.chown(tmp_path, user)
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={direct.host} port={direct.port or 5432} user={direct.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = transaction\n"
        f"default_pool_size = {CONNECTIONS}\nunix_socket_dir =\nuser = {user}\n"
    )
    process = launch([program, str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        poll_until(lambda: listens(port), lambda: "pgbouncer does not listen")
        yield direct.set(host="127.0.0.1", port=port).update_query_dict({"pooled": "true"})
    finally:
        process.kill()
        process.wait()


def set_time_zone(direct, zone):
    with psycopg.connect(direct.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"alter database {direct.database} set timezone = '{zone}'")


def test_reports_and_steps_through_a_pool_without_prepared_statements(direct, pooled):
    set_time_zone(direct, "UTC")
    several = [open_database(pooled.render_as_string(hide_password=False)) for _ in range(3)]

    async def act(database):
        for _ in range(8):  # psycopg prepares a statement at its fifth use
            told = await database.transact(lambda repository: report_hazard(repository, wang, report(id=new_id()), NOW))
            step = Accept(id=new_id(), version=told.reported.hazard.version)
            await database.transact(
                lambda repository, told=told, step=step: take_step(repository, li, told.reported.hazard.id, step, NOW)
            )
        return await database.read(lambda repository: len(repository.communities()))

    async def act_all():
        office = (Street(HERE.street, "新嘉街道", "XJ"), HERE, *CATALOGUE, wang, li)
        await several[0].transact(lambda _: Change(None, office))
        try:
            return await asyncio.gather(*map(act, several))
        finally:
            for each in several:
                await each.close()

    assert asyncio.run(act_all()) == [1, 1, 1]
    with psycopg.connect(direct.render_as_string(hide_password=False)) as connection:
        states = connection.execute("select state, count(*) from hazards group by state").fetchall()
    assert states == [("accepted", 24)]


def test_a_pool_in_another_time_zone_is_refused(direct, pooled):
    set_time_zone(direct, "Asia/Shanghai")
    database = open_database(pooled.render_as_string(hide_password=False))
    with pytest.raises(WrongTimeZone, match="Asia/Shanghai"):
        database.read_sync(lambda repository: repository.communities())
    asyncio.run(database.close())
