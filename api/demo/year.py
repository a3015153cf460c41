"""Simulates a year of the office's work through the same actions as the API, each at its own time."""

import asyncio
import secrets
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.demo.alarms import warning_messages
from api.demo.office import COMMUNITIES, USERNAMES, WITH_HANDLER, load_demo
from api.demo.plan import PILOT_MONTH, Scenario, ScenarioOutcome, plan_scenarios
from api.demo.scenario import ScenarioAction, ScenarioRun, ScenarioRunner
from api.photos.processor import PhotoProcessor
from api.process.scheduler import run_deadline_sweep
from api.settings import BadSettings, Settings
from inspections.accounts.people import Person
from inspections.calendar import midnight, shanghai_instant
from inspections.errors import ReplayedRequest
from inspections.hazards.records import Hazard
from inspections.monitoring.actions.alerts import DevicePayload, receive_alerts
from inspections.monitoring.actions.devices import register_monitor
from inspections.monitoring.alerts import CanonicalMessage
from inspections.monitoring.devices import NewMonitor
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Photo
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Report
from inspections.statistics.metrics import Counts, sum_counts
from storage.database import Database, open_database
from storage.engine.connections import write_access
from storage.migration import migrate
from storage.monitoring.queries import alert_outcomes
from storage.photos.names import original_name
from storage.photos.store import PhotoStore, open_photo_store
from storage.repository import Repository
from storage.statistics.metrics import Filters, count_hazards

_WARNED = 4
_STRIDE = timedelta(hours=6)
"""The scenarios' actions of one stride run concurrently; then the deadlines are swept."""


def load_demo_data(settings: Settings, console: Console, year: int | None) -> None:
    """Loads the demo office and, where `year` is given, its work. Raises BadSettings, DatabaseInUse."""
    if settings.security_profile.separate_admins:
        raise BadSettings("ANXUN_PROFILE=strict: no demo office, whose password others know")
    _ = settings.photo_location
    with write_access(settings.database_url):
        migrate(settings.database_url)
        asyncio.run(_load_demo_data(settings, console, year))


async def _load_demo_data(settings: Settings, console: Console, year: int | None) -> None:
    database = open_database(settings.database_url)
    try:
        new = await load_demo(database, settings)
        console.print(f"demo office 新嘉街道: {'loaded' if new else 'already there'}")
        if year:
            await _simulate_year(
                database, open_photo_store(settings.photo_location, settings.incoming_folder), console, year
            )
    finally:
        await database.close()


async def _simulate_year(database: Database, store: PhotoStore, console: Console, year: int) -> None:
    office = OfficeSimulator(database, store)
    told = plan_scenarios(year)
    reported = [story for story in told if story.device is None]
    there = await database.read(lambda repository: [story for story in reported if repository.hazard(story.id)])
    if there:
        whole = len(there) == len(reported)
        console.print(
            f"{year}: already there" if whole else f"{year}: was broken off; begin again with an empty ANXUN_DATA"
        )
        return
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    with bar:
        await office.simulate_year(told, year, bar)
        developer = PhotoProcessor(database, store, lambda: datetime.now(UTC))
        task = bar.add_task("developing photos", total=office.photos)
        while done := await developer.process_batch():
            bar.update(task, advance=done)
        while await developer.examine_batch():
            pass
        await developer.stop()
    words = await database.read(partial(_describe_year, year=year))
    console.print(f"{year}: {words}, {office.photos} drawn photos, all marked 演示数据")


def _describe_year(repository: Repository, year: int) -> str:
    """Describes the hazards and alert checks of the year, as the statistics of the whole office count them."""
    codes = [each.code for each in COMMUNITIES]
    first, last = date(year, 1, 1), date(year, 12, 31)
    found = count_hazards(repository, "community", codes, Filters(first=first, last=last), new_year_midnight(year + 1))
    received, near = (
        sum_counts(found.get(code, Counts()) for code in chosen).numbers()["received"]
        for chosen in (codes, [each.code for each in WITH_HANDLER])
    )
    alarms = alert_outcomes(repository, codes, first, last, ())
    causes = sum(each.cause is not None for each in alarms)
    checks = sum(each.state is not None for each in alarms) - causes
    places = f"{len(codes)} communities ({near} in the {len(WITH_HANDLER)} that most demo accounts see; "
    return f"{received} hazards in {places}{causes} found by alarms), {checks} alert checks without a cause"


class OfficeSimulator:
    """Runs scenarios against a database, each person with their own rights."""

    def __init__(self, database: Database, store: PhotoStore) -> None:
        self._database = database
        self._store = store
        self._people: dict[str, Person] = {}
        self.photos = 0

    async def simulate_year(self, scenarios: list[Scenario], year: int, bar: Progress) -> None:
        people = await self._database.read(lambda repository: [repository.person(name) for name in USERNAMES])
        self._people = {person.username: person for person in people if person}
        await self._register_devices([each.device for each in scenarios if each.device], year)
        open_ends = [(telling, next(telling)) for telling in _scenario_runs(scenarios)]
        start, end = new_year_midnight(year), new_year_midnight(year + 1)
        task = bar.add_task(f"the year {year}", total=(end - start) // _STRIDE)
        while start < end:
            until = start + _STRIDE
            now = [pair for pair in open_ends if pair[1].at < until]
            later = [pair for pair in open_ends if pair[1].at >= until]
            followed = await asyncio.gather(*(self._run_stride(telling, deed, until) for telling, deed in now))
            open_ends = [*later, *(pair for pair in followed if pair)]
            await run_deadline_sweep(self._database, until + timedelta(seconds=1))
            bar.update(task, advance=1)
            start = until

    async def _register_devices(self, devices: list[NewMonitor], year: int) -> None:
        """Registers the devices before the pilot month; every fourth one soon sends a warning that ends by itself."""
        begun = shanghai_instant(date(year, PILOT_MONTH, 1), time(9)) - timedelta(days=5)
        for number, device in enumerate(devices):
            register = partial(
                register_monitor,
                person=self._people["admin"],
                asked=device,
                secret=f"anxd_{secrets.token_urlsafe(32)}",
                now=begun,
            )
            await self._database.transact(register)
            if number % _WARNED:
                continue
            for at, message in enumerate(warning_messages(device, begun), 1):
                sent = DevicePayload([message])
                now = begun + at * timedelta(minutes=20)
                await self._database.transact(partial(receive_alerts, sent=[sent], now=now, demo=True))

    async def _receive_alarm(self, message: CanonicalMessage, now: datetime) -> Hazard:
        """Takes the message of a device and returns the case of its alarm."""
        sent = [DevicePayload([message])]
        (verdicts,) = await self._database.transact(partial(receive_alerts, sent=sent, now=now, demo=True))
        case = None if isinstance(verdicts, ReplayedRequest) else verdicts[0].hazard
        hazard = await self._database.read(lambda repository: repository.hazard(case)) if case else None
        if hazard is None:
            raise AssertionError  # every alarm of the demo opens a case
        return hazard

    async def _run_stride(
        self, telling: ScenarioRun, deed: ScenarioAction, until: datetime
    ) -> tuple[ScenarioRun, ScenarioAction] | None:
        """Performs this scenario's actions before `until`; returns it with its next action, None at its end."""
        try:
            while deed.at < until:
                deed = telling.send(await self._perform(deed))
        except StopIteration:
            return None
        return telling, deed

    async def _perform(self, deed: ScenarioAction) -> Hazard:
        if isinstance(deed.body, CanonicalMessage):
            return await self._receive_alarm(deed.body, deed.at)
        person = self._people[deed.username]
        photos = await asyncio.gather(*(asyncio.to_thread(self._store_photo, each, deed.at) for each in deed.pictures))
        self.photos += len(photos)
        if isinstance(deed.body, Report):
            report = partial(report_hazard, person=person, report=deed.body, now=deed.at, arrived=photos, demo=True)
            return (await self._database.transact(report)).reported.hazard
        if photos:
            await self._database.transact(partial(receive_photos, person=person, arrived=photos, now=deed.at))
        step = partial(take_step, person=person, hazard_id=deed.hazard, step=deed.body, now=deed.at)
        return (await self._database.transact(step)).hazard

    def _store_photo(self, picture: bytes, now: datetime) -> Photo:
        with self._store.open_incoming_file() as incoming:
            incoming.write(picture)
            self._store.save(incoming, original_name(incoming.sha256))
            return incoming.inspect_photo(now)


def new_year_midnight(year: int) -> datetime:
    return midnight(datetime(year, 1, 1, tzinfo=UTC).date())


def _scenario_runs(scenarios: list[Scenario]) -> list[ScenarioRun]:
    """A run per scenario; one that is to be merged gets the last hazard of its kind in its community."""
    last: dict[tuple[str, str], UUID] = {}
    tellings: list[ScenarioRun] = []
    for story in scenarios:
        kind = (story.community, story.category)
        tellings.append(ScenarioRunner(story, last.get(kind)).run())
        if story.outcome not in {ScenarioOutcome.MERGED, ScenarioOutcome.REJECTED}:
            last[kind] = story.id
    return tellings
